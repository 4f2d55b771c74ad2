"""Where work can run: machines, people, data sets, and when they are away."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

Name = Annotated[str, Field(min_length=1, max_length=80)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Away(_Part):
    """A stretch of time, half open: downtime of a machine, or when a person is busy."""

    start: AwareDatetime
    end: AwareDatetime
    reason: str = Field(default="", max_length=200)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.end <= self.start:
            raise ValueError(f"end must be after start, got {self.start} to {self.end}")
        return self


class Machine(_Part):
    """One machine; like machines are written once with ``count`` in the file and spread here."""

    name: Name
    cpus: float = Field(default=1.0, ge=0)
    memory: float = Field(default=0.0, ge=0)
    """GiB; 0 means not limited."""
    devices: int = Field(default=0, ge=0)
    device: str = Field(default="", max_length=80)
    """Type of its devices, ``A100``; empty for none."""
    device_memory: float = Field(default=0.0, ge=0)
    """GiB of each device; 0 is unknown."""
    speed: float = Field(default=1.0, gt=0)
    """A task of duration d takes d / speed here."""
    labels: tuple[Name, ...] = ()
    rack: str = ""
    zone: str = ""
    region: str = ""
    spot: bool = False
    price: float = Field(default=0.0, ge=0)
    """Money an hour while a task runs here."""
    watts: float = Field(default=0.0, ge=0)
    """Power while busy."""
    carbon: float = Field(default=0.0, ge=0)
    """Grams of CO2 a kWh."""
    away: tuple[Away, ...] = ()
    """Downtime and maintenance."""


class Person(_Part):
    """Someone whose calendar counts."""

    name: Name
    busy: tuple[Away, ...] = ()


class DataSet(_Part):
    """Where data lies; a task that wants to be near it runs there."""

    name: Name
    machines: tuple[Name, ...] = ()
    rack: str = ""
    zone: str = ""
    region: str = ""


class Inventory(_Part):
    """All of it; ``load_inventory`` reads one from a file, ``this_machine`` makes one."""

    machines: tuple[Machine, ...] = Field(min_length=1)
    people: tuple[Person, ...] = ()
    data: tuple[DataSet, ...] = ()

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        for kind, found in (
            ("machine", [m.name for m in self.machines]),
            ("person", [p.name for p in self.people]),
            ("data set", [d.name for d in self.data]),
        ):
            if len(set(found)) != len(found):
                twice = sorted({name for name in found if found.count(name) > 1})
                raise ValueError(f"{kind} names must differ, {twice[0]!r} stands twice")
        return self
