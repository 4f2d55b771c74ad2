"""Hard hints that a plan breaks, judged from the plan alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import combinations

from agentsched.planning.graph import TaskGraph
from agentsched.planning.hints import (
    CeilingHint,
    Hint,
    SpreadHint,
    TogetherHint,
    WindowHint,
)
from agentsched.planning.inventory import Inventory, Machine
from agentsched.planning.placement import admits, amount, in_words, place
from agentsched.planning.plan import Assignment, Violation

_WEEK = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_QUARTER = timedelta(minutes=15)
"""Clocks change at full quarters of an hour UTC, so nothing is missed between two of them."""
_RELATIVE, _ABSOLUTE = 1e-6, 1e-9


def broken_hints(
    graph: TaskGraph, inventory: Inventory, known: Mapping[str, Assignment], zone: tzinfo
) -> list[Violation]:
    """Return the hard hints that are broken, with the tasks that break them."""
    found: list[Violation] = []
    for hint in graph.hints:
        if hint.hard:
            spoken = [
                known[task.id]
                for task in graph.tasks
                if task.id in known and (not hint.tasks or task.id in hint.tasks)
            ]
            found += _broken(hint, spoken, inventory, zone)
    return found


def is_kept(hint: Hint, assignments: list[Assignment], inventory: Inventory, zone: tzinfo) -> bool:
    """Return whether these places keep a hint, hard or soft; ``least`` always counts as kept."""
    return not list(_broken(hint, assignments, inventory, zone))


def _broken(
    hint: Hint, spoken: list[Assignment], inventory: Inventory, zone: tzinfo
) -> Iterator[Violation]:
    machines = {machine.name: machine for machine in inventory.machines}
    match hint:
        case WindowHint():
            for at in spoken:
                outside = _first_outside(hint, at.start, at.end, zone)
                if outside is not None:
                    yield _violation(hint, [at], f"is at work at {outside:%a %H:%M}")
        case TogetherHint():
            places = {place(machines[n], hint.level) for a in spoken for n in _known(a, machines)}
            if len(places) > 1:
                yield _violation(hint, spoken, f"are in {len(places)} places")
        case SpreadHint():
            yield from _crowded(hint, spoken, machines)
        case CeilingHint(per_hour=False):
            total = math.fsum(
                amount(machines[n], hint.quantity, (a.end - a.start).total_seconds())
                for a in spoken
                for n in _known(a, machines)
            )
            if total > hint.limit * (1 + _RELATIVE) + _ABSOLUTE:
                yield _violation(hint, spoken, f"come to {total:g}")
        case _:
            for at in spoken:
                wrong = [n for n in dict.fromkeys(_known(at, machines))
                         if not admits(hint, machines[n], inventory)]  # fmt: skip
                if wrong:
                    yield _violation(hint, [at], f"runs on {', '.join(map(repr, wrong))}")


def _crowded(
    hint: SpreadHint, spoken: list[Assignment], machines: dict[str, Machine]
) -> Iterator[Violation]:
    sites = [[place(machines[n], hint.level) for n in _known(a, machines)] for a in spoken]
    if len(spoken) == 1:
        # One task spread is its members spread.
        if len(set(sites[0])) < len(sites[0]):
            yield _violation(hint, spoken, "has two members in one place")
        return
    for (a, here), (b, there) in combinations(zip(spoken, sites, strict=True), 2):
        if set(here) & set(there):
            yield _violation(hint, [a, b], "share a place")


def _known(at: Assignment, machines: dict[str, Machine]) -> list[str]:
    return [name for name in at.machines if name in machines]


def _first_outside(
    hint: WindowHint, start: datetime, end: datetime, zone: tzinfo
) -> datetime | None:
    """Return a local time of the work at which the hint forbids it; None if there is none."""
    for moment in _moments(hint, start.astimezone(UTC), end.astimezone(UTC), zone):
        local = moment.astimezone(zone)
        if _is_inside(hint, local) == hint.avoid:
            return local
    return None


def _moments(hint: WindowHint, start: datetime, end: datetime, zone: tzinfo) -> Iterator[datetime]:
    """Yield enough instants of ``[start, end)`` to see each side of every boundary."""
    yield start
    yield end - timedelta(microseconds=1)
    quarter = datetime.fromtimestamp(start.timestamp() // 900 * 900, UTC) + _QUARTER
    while quarter < end:
        yield quarter
        quarter += _QUARTER
    day: date = start.astimezone(zone).date()
    while day <= end.astimezone(zone).date():
        for wall in (hint.start, hint.end):
            for fold in (0, 1):
                shown = datetime.combine(day, wall.replace(tzinfo=None, fold=fold), zone)
                for moment in (shown, shown - timedelta(seconds=1)):
                    if start <= moment < end:
                        yield moment.astimezone(UTC)
        day += timedelta(days=1)


def _is_inside(hint: WindowHint, local: datetime) -> bool:
    """Whether the clock on the wall shows a time of the window, of a day on which it opens."""
    wall = local.time().replace(fold=0)
    today, yesterday = _WEEK[local.weekday()], _WEEK[local.weekday() - 1]
    days = hint.days or _WEEK
    opens, closes = hint.start.replace(tzinfo=None), hint.end.replace(tzinfo=None)
    if opens < closes:
        return opens <= wall < closes and today in days
    return (wall >= opens and today in days) or (wall < closes and yesterday in days)


def _violation(hint: Hint, at: list[Assignment], what: str) -> Violation:
    names = tuple(one.task for one in at)
    listed = ", ".join(map(repr, names[:4])) + (" …" if len(names) > 4 else "")
    asked = hint.phrase or in_words(hint)
    return Violation(kind="placement", tasks=names, message=f"{listed} {what}: asked was {asked!r}")
