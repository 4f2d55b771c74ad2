"""An inventory from a file: our own TOML, a cluster or scenario file, or an openb node list."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agentsched.errors import UserError
from agentsched.planning.complaint import first_complaint
from agentsched.planning.inventory import Away, DataSet, Inventory, Machine, Name, Person
from agentsched.planning.inventory_cluster import machines_of_nodes, machines_of_tables
from agentsched.planning.this_machine import this_machine

__all__ = ["inventory_of", "load_inventory", "this_machine"]

_Made = TypeVar("_Made")

MOST_MACHINES: Final = 100_000
"""More than this in one file is taken for a slip of the finger."""


class _Table(BaseModel):
    """A table of the file; unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _Stretch(_Table):
    """A stretch of time; one without an offset is in the file's zone."""

    start: datetime
    end: datetime
    reason: str = Field(default="", max_length=200)


class _MachineTable(Machine):
    """Like machines; ``count`` of them are called ``name-1``, ``name-2``, and so on."""

    count: int = Field(default=1, ge=1, le=MOST_MACHINES)
    away: tuple[_Stretch, ...] = ()  # type: ignore[assignment]  # the zone comes from the file

    def names(self) -> list[str]:
        """Return the names of its machines."""
        if "count" not in self.model_fields_set:
            return [self.name]
        return [f"{self.name}-{i}" for i in range(1, self.count + 1)]


class _Downtime(_Stretch):
    """Machines that are away; none named means all."""

    machines: tuple[Name, ...] = ()


class _PersonTable(_Table):
    name: Name
    busy: tuple[_Stretch, ...] = ()


class _InventoryTables(_Table):
    """The whole file."""

    zone: str = ""
    machine: tuple[_MachineTable, ...] = Field(min_length=1)
    downtime: tuple[_Downtime, ...] = ()
    person: tuple[_PersonTable, ...] = ()
    data: tuple[DataSet, ...] = ()


def load_inventory(path: Path) -> Inventory:
    """Read machines, people and data sets.

    Args:
        path: A TOML with ``[[machine]]`` (docs/inventory-format.md) or with ``[cluster]`` (a
            cluster or scenario file), or an openb node list (``.csv``, gzipped or not).

    Raises:
        UserError: The file is missing or wrong; names file, field, value and the way out.
    """
    if path.suffix != ".toml":
        return Inventory(machines=machines_of_nodes(path))
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as text: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path.name}: not valid TOML: {error}") from None
    if "cluster" in tree and "machine" not in tree:
        return Inventory(machines=machines_of_tables(tree, path.name))
    return inventory_of(tree, path.name)


def inventory_of(tree: Mapping[str, Any], name: str) -> Inventory:
    """Return the inventory of tables already parsed, from a file or a part of one.

    Raises:
        UserError: A table is wrong; ``name`` stands before the message.
    """
    if "machine" not in tree:
        raise UserError(
            f"{name}: no machine in it, found {', '.join(sorted(tree)) or 'nothing'}; an inventory "
            "has [[machine]] tables (docs/inventory-format.md), a cluster file has [cluster]"
        )
    tables: _InventoryTables = _built(name, lambda: _InventoryTables.model_validate(tree))
    total = sum(table.count for table in tables.machine)
    if total > MOST_MACHINES:
        raise UserError(f"{name}: at most {MOST_MACHINES} machines, got {total}; lower a count")
    return _built(name, lambda: _assembled(tables))


def _assembled(tables: _InventoryTables) -> Inventory:
    zone = _zone(tables.zone)
    groups = {table.name: table.names() for table in tables.machine}
    everyone = [name for names in groups.values() for name in names]
    known = {**{name: [name] for name in everyone}, **groups}
    away: dict[str, list[Away]] = {name: [] for name in everyone}
    for place, downtime in enumerate(tables.downtime):
        stretch = _away(downtime, zone, f"downtime[{place}]")
        for name in _named(downtime.machines, known, f"downtime[{place}].machines") or everyone:
            away[name].append(stretch)
    machines = []
    for place, table in enumerate(tables.machine):
        own = [_away(s, zone, f"machine[{place}].away") for s in table.away]
        fields = table.model_dump(exclude={"name", "count", "away"})
        for name in table.names():
            machines.append(Machine(name=name, **fields, away=(*own, *away[name])))
    return Inventory(
        machines=tuple(machines),
        people=tuple(
            Person(
                name=person.name,
                busy=tuple(_away(s, zone, f"person {person.name!r}") for s in person.busy),
            )
            for person in tables.person
        ),
        data=tuple(
            data.model_copy(
                update={"machines": tuple(_named(data.machines, known, f"data {data.name!r}"))}
            )
            for data in tables.data
        ),
    )


def _named(names: Iterable[str], known: Mapping[str, list[str]], place: str) -> list[str]:
    """Return the machines of these names; the name of a group stands for all of it."""
    found: list[str] = []
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            way = f"did you mean {close[0]!r}?" if close else f"known: {', '.join([*known][:8])}"
            raise ValueError(f"{place}: no machine {name!r}; {way}")
        found += known[name]
    return list(dict.fromkeys(found))


def _zone(name: str) -> ZoneInfo | None:
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"zone: no time zone {name!r}; write one like 'Europe/Berlin'") from None


def _away(stretch: _Stretch, zone: ZoneInfo | None, place: str) -> Away:
    start, end = (_aware(time, zone, place) for time in (stretch.start, stretch.end))
    if end <= start:
        raise ValueError(f"{place}: end must be after start, got {start} to {end}")
    return Away(start=start, end=end, reason=stretch.reason)


def _aware(time: datetime, zone: ZoneInfo | None, place: str) -> datetime:
    if time.tzinfo is not None:
        return time
    if zone is None:
        raise ValueError(
            f"{place}: {time} has no offset; write +01:00 behind it, or zone = 'Europe/Berlin' at "
            "the top of the file"
        )
    placed = time.replace(tzinfo=zone)
    # Clocks that go forward skip an hour; a time in it comes back as another one.
    if placed.astimezone(ZoneInfo("UTC")).astimezone(zone).replace(tzinfo=None) != time:
        raise ValueError(f"{place}: {time} does not exist in {zone.key}, clocks go forward then")
    # With the offset of that hour instead of the zone, times compare and subtract as they pass.
    return time.replace(tzinfo=timezone(placed.utcoffset() or timedelta()))


def _built(name: str, build: Callable[[], _Made]) -> _Made:
    """Return what ``build`` makes; what it raises becomes one line that names the file."""
    try:
        return build()
    except ValidationError as error:
        tables = (_InventoryTables, _MachineTable, _Downtime, _PersonTable, DataSet)
        complaint = first_complaint(error, tables, "docs/inventory-format.md")
        raise UserError(f"{name}: {complaint}") from None
    except ValueError as error:
        raise UserError(f"{name}: {error}") from None
