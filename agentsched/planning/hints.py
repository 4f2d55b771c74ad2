"""Placement hints: typed predicates over where and when a task runs, hard or soft with a weight."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Level = Literal["node", "rack", "zone", "region"]
"""How near two machines are, from the same one outwards."""
Quantity = Literal["price", "carbon", "energy"]
Weekday = Literal["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
Name = Annotated[str, Field(min_length=1, max_length=80)]


class _Hint(BaseModel):
    """What every hint has; a soft one is traded by its weight against the others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tasks: tuple[Name, ...] = ()
    """Ids it speaks of; empty means every task of the graph."""
    hard: bool = False
    """Hard: a plan that breaks it is infeasible. Soft: it costs ``weight``."""
    weight: float = Field(default=1.0, gt=0, le=100)
    phrase: str = Field(default="", max_length=200)
    """The user's words it comes from."""


class DeviceHint(_Hint):
    """On one of these device types or classes (``A100``, ``gpu``, ``cpu``), or on none of them."""

    kind: Literal["device"] = "device"
    names: tuple[Name, ...] = Field(min_length=1)
    avoid: bool = False


class DeviceMemoryHint(_Hint):
    """Each device has at least this much memory."""

    kind: Literal["device_memory"] = "device_memory"
    at_least: float = Field(gt=0)
    """GiB."""


class MemoryHint(_Hint):
    """The machine has at least this much memory in all."""

    kind: Literal["memory"] = "memory"
    at_least: float = Field(gt=0)
    """GiB."""


class LabelHint(_Hint):
    """On machines that bear one of these labels (or name), or on none of them."""

    kind: Literal["label"] = "label"
    names: tuple[Name, ...] = Field(min_length=1)
    avoid: bool = False


class PlaceHint(_Hint):
    """In one of these racks, zones or regions, or in none of them."""

    kind: Literal["place"] = "place"
    level: Literal["rack", "zone", "region"]
    names: tuple[Name, ...] = Field(min_length=1)
    avoid: bool = False


class SpotHint(_Hint):
    """On preemptible capacity, or (``avoid``) never on it."""

    kind: Literal["spot"] = "spot"
    avoid: bool = True


class TogetherHint(_Hint):
    """All its tasks in one place of this level."""

    kind: Literal["together"] = "together"
    level: Level = "node"


class SpreadHint(_Hint):
    """No two of its tasks in one place of this level."""

    kind: Literal["spread"] = "spread"
    level: Level = "node"


class NearDataHint(_Hint):
    """Where the inventory says this data set lies, at this level."""

    kind: Literal["near_data"] = "near_data"
    data: Name
    level: Level = "zone"


class CeilingHint(_Hint):
    """At most this much in all, over its tasks."""

    kind: Literal["ceiling"] = "ceiling"
    quantity: Quantity
    limit: float = Field(ge=0)
    """Money, grams of CO2, or kWh."""
    per_hour: bool = False
    """The limit is on the machine's rate (price an hour, g/kWh), not on the total."""


class LeastHint(_Hint):
    """As little of this as possible, within what is hard."""

    kind: Literal["least"] = "least"
    quantity: Quantity


class WindowHint(_Hint):
    """Within this time of day on these weekdays, in the user's zone; ``end <= start`` wraps."""

    kind: Literal["window"] = "window"
    start: time
    end: time
    days: tuple[Weekday, ...] = ()
    """Empty means every day."""
    avoid: bool = False


Hint = Annotated[
    DeviceHint
    | DeviceMemoryHint
    | MemoryHint
    | LabelHint
    | PlaceHint
    | SpotHint
    | TogetherHint
    | SpreadHint
    | NearDataHint
    | CeilingHint
    | LeastHint
    | WindowHint,
    Field(discriminator="kind"),
]
