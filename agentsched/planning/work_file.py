"""A task graph from a file: TOML as a person writes it, with times and wishes in words, or JSON."""

from __future__ import annotations

import json
import tomllib
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agentsched.errors import UserError
from agentsched.planning.complaint import first_complaint
from agentsched.planning.graph import Demand, Task, TaskGraph
from agentsched.planning.hint_words import read_hints
from agentsched.planning.hints import Hint
from agentsched.planning.inventory import Inventory
from agentsched.times import TimePhraseError, resolve

PAGE = "docs/planning.md"
MOST_BYTES = 16 * 2**20

Words = Annotated[str, Field(max_length=300)]
When = datetime | date | Words


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Task(_Table):
    """One ``[[task]]``; durations and moments may be words."""

    id: str
    title: str = Field(default="", max_length=200)
    duration: int | Words | None = None
    cpus: float | None = Field(default=None, ge=0)
    memory: float = Field(default=0.0, ge=0)
    devices: int = Field(default=0, ge=0)
    gang: int = Field(default=1, ge=1)
    after: tuple[str, ...] = ()
    release: When | None = None
    latest_start: When | None = None
    due: When | None = None
    deadline: When | None = None
    fixed: When | None = None
    people: tuple[str, ...] = ()
    run: tuple[str, ...] = ()
    retries: int = Field(default=0, ge=0, le=20)
    priority: int = 0
    wishes: tuple[Words, ...] = ()
    """Placement wishes in words, of this task alone."""


class _File(_Table):
    name: str = Field(default="plan", max_length=120)
    task: tuple[_Task, ...] = Field(min_length=1)
    apart: tuple[tuple[str, str], ...] = ()
    wishes: tuple[Words, ...] = ()
    """Placement wishes in words, of every task."""


def load_work(path: Path, now: datetime, zone: ZoneInfo, inventory: Inventory) -> TaskGraph:
    """Read a task graph: ``.json`` is a ``TaskGraph`` as it stands, everything else is TOML.

    Args:
        path: The file.
        now: What relative times are relative to.
        zone: The user's.
        inventory: Whose machines wishes can name.

    Raises:
        UserError: It cannot be read, or a field is wrong; one line with field and way out.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserError(f"{path}: is larger than {MOST_BYTES >> 20} MiB, which no graph is")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"no task file {str(path)!r}; {PAGE} shows one") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not UTF-8 text: {error}") from error
    if not text.strip():
        raise UserError(f"{path}: is empty; a plan needs at least one task: {PAGE} shows some")
    try:
        if path.suffix == ".json":
            data = json.loads(text)
            held = data.get("graph", data) if isinstance(data, dict) else data
            return TaskGraph.model_validate(held)
        file = _File.model_validate(tomllib.loads(text))
        return _graph(file, path, now, zone, inventory)
    except (json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from error
    except ValidationError as error:
        complaint = first_complaint(error, (TaskGraph, Task, Demand, _File, _Task), PAGE)
        raise UserError(f"{path}: {complaint}") from None


def _graph(
    file: _File, path: Path, now: datetime, zone: ZoneInfo, inventory: Inventory
) -> TaskGraph:
    tasks: list[Task] = []
    notes: list[str] = []
    for table in file.task:
        place = f"{path}: task {table.id!r}"
        moments: dict[str, Any] = {}
        for name in ("release", "latest_start", "due", "deadline", "fixed"):
            given = getattr(table, name)
            if given is not None:
                moments[name], assumed = _moment(given, now, zone, f"{place}: {name}", name)
                notes += [f"{table.id}: {said}" for said in assumed]
        tasks.append(
            Task(
                id=table.id,
                title=table.title,
                duration=_seconds(table.duration, now, zone, place),
                demand=_demand(table),
                gang=table.gang,
                after=table.after,
                people=table.people,
                command=table.run,
                retries=table.retries,
                priority=table.priority,
                **moments,
            )
        )
    hints: list[Hint] = []
    wishes: list[tuple[str, tuple[str, ...]]] = [(words, ()) for words in file.wishes]
    wishes += [(words, (table.id,)) for table in file.task for words in table.wishes]
    for words, about in wishes:
        reading = read_hints(words, inventory=inventory, tasks=() if about else tasks)
        if not reading.hints or reading.missing:
            lost = (*(one.why for one in reading.missing), *reading.unread)
            why = "; ".join(lost) or "no placement wish was found in it"
            raise UserError(f"{path}: wishes: {words!r}: {why}; docs/placement-hints.md")
        notes += [*reading.assumed, *reading.unread]
        hints += [
            hint.model_copy(update={"tasks": about}) if about else hint for hint in reading.hints
        ]
    return TaskGraph(
        name=file.name,
        tasks=tuple(tasks),
        apart=file.apart,
        hints=tuple(hints),
        notes=tuple(note[:400] for note in notes),
    )


def _demand(table: _Task) -> Demand:
    meeting = bool(table.people) and not table.run and not table.devices
    cpus = table.cpus if table.cpus is not None else (0.0 if meeting else 1.0)
    return Demand(cpus=cpus, memory=table.memory, devices=table.devices)


def _seconds(given: int | str | None, now: datetime, zone: ZoneInfo, place: str) -> int | None:
    if given is None or isinstance(given, int):
        return given
    try:
        length = resolve(given, now, zone).duration
    except TimePhraseError as error:
        raise UserError(f"{place}: duration: {error}") from None
    if length is None:
        raise UserError(f"{place}: duration: {given!r} is no length; say '40 min' or seconds")
    seconds = round(length.total_seconds())
    if seconds < 1 or given.lstrip().startswith("-"):
        raise UserError(f"{place}: duration: must be > 0, got {given!r}")
    return seconds


def _moment(
    given: When, now: datetime, zone: ZoneInfo, place: str, name: str
) -> tuple[datetime, tuple[str, ...]]:
    """Return a moment; a bare date means its beginning, for a limit its end."""
    assumed: tuple[str, ...] = ()
    if isinstance(given, str):
        try:
            found = resolve(given, now, zone)
        except TimePhraseError as error:
            raise UserError(f"{place}: {error}") from None
        value = found.due or found.start
        if value is None:
            raise UserError(f"{place}: {given!r} is no moment; say 'tomorrow 8:00'")
        given, assumed = value, found.assumed
    if isinstance(given, datetime):
        return (given if given.tzinfo else given.replace(tzinfo=zone)), assumed
    day = datetime.combine(given, time(), zone)
    if name in ("latest_start", "due", "deadline"):
        day = datetime.combine(given + timedelta(days=1), time(), zone)
    return day, assumed
