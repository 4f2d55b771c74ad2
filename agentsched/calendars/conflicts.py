"""What collides, over the whole horizon: one sweep over what takes time.

Overlaps are ``hard``, or ``soft`` when one of the two is tentative, not yet answered, or only marks
a day. Two events
that follow each other too closely are a ``travel`` or a ``buffer`` conflict, which are as hard as
an overlap. ``work_hours`` is an event outside the hours one works.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import accumulate
from math import ceil
from typing import Literal

from agentsched.calendars.hours import WorkHours
from agentsched.calendars.occurrences import Occurrence
from agentsched.calendars.travel import NOTHING, Travel, whereabouts

ConflictKind = Literal["hard", "soft", "travel", "buffer", "work_hours"]


@dataclass(frozen=True, slots=True)
class Spacing:
    """What must lie between events, and when they may be."""

    buffer: timedelta = NOTHING
    """At least this much between any two."""
    travel: Travel = field(default_factory=Travel)
    hours: WorkHours | None = None
    """None: any time is fine."""

    def gap(self, first: Occurrence, second: Occurrence) -> timedelta:
        """Return the time needed from the end of the first to the start of the second."""
        if first.all_day or second.all_day:
            return NOTHING
        return max(self.buffer, self.way(first, second))

    def way(self, first: Occurrence, second: Occurrence) -> timedelta:
        """Return the part of the gap that is travel."""
        way = self.travel.between(whereabouts(first.event), whereabouts(second.event))
        return max(way, second.event.travel)


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two occurrences that cannot both be as they are, or one outside working hours."""

    kind: ConflictKind
    first: Occurrence
    second: Occurrence | None
    """The later one; None for ``work_hours``."""
    minutes: int
    """Of the overlap, missing between the two, or outside working hours; at least 1."""

    @property
    def is_hard(self) -> bool:
        """Whether both are certain to take place."""
        return self.kind != "soft" and all(o.kind == "hard" for o in self.occurrences)

    @property
    def is_remark(self) -> bool:
        """Whether it only says what day it is: nothing need give way."""
        return any(o.marks_a_day for o in self.occurrences)

    @property
    def occurrences(self) -> tuple[Occurrence, ...]:
        """The one or two it is about."""
        return (self.first,) if self.second is None else (self.first, self.second)

    def __str__(self) -> str:
        first = f"{self.first.title[:60]!r}"
        if self.second is None:
            return f"{first} lies {self.minutes} min outside working hours"
        second = f"{self.second.title[:60]!r}"
        match self.kind:
            case "travel":
                return f"{self.minutes} min too little to get from {first} to {second}"
            case "buffer":
                return f"{self.minutes} min of buffer missing between {first} and {second}"
            case "soft" if self.is_remark:
                day, other = (first, second) if self.first.marks_a_day else (second, first)
                return f"{other} is on a day marked {day}"
            case "soft":
                return f"{first} and {second} may overlap by {self.minutes} min"
            case _:
                return f"{first} and {second} overlap by {self.minutes} min"


def find_conflicts(
    occurrences: Iterable[Occurrence], spacing: Spacing | None = None
) -> tuple[Conflict, ...]:
    """Return every conflict among occurrences, by the start of the later one.

    Occurrences of one UID never conflict with each other: a series does not collide with itself,
    nor a meeting with its copy in another calendar.
    """
    spacing = spacing or Spacing()
    busy = sorted(filter(takes_time, occurrences), key=_order)
    reach = _reach(busy, spacing)
    found: list[Conflict] = []
    running: list[tuple[float, int, Occurrence]] = []
    for number, later in enumerate(busy):
        found += _outside(later, spacing)
        start = later.start.timestamp()
        while running and running[0][0] <= start:
            heapq.heappop(running)
        for _, _, earlier in sorted(running, key=lambda item: item[1]):
            conflict = between(earlier, later, spacing)
            if conflict is not None:
                found.append(conflict)
        heapq.heappush(running, (later.end.timestamp() + reach, number, later))
    return tuple(found)


class Busy:
    """What takes time, arranged to check one candidate after the other against it."""

    def __init__(self, occurrences: Iterable[Occurrence], spacing: Spacing | None = None) -> None:
        self.spacing = spacing or Spacing()
        self.occurrences: Sequence[Occurrence] = sorted(filter(takes_time, occurrences), key=_order)
        self._starts = [o.start.timestamp() for o in self.occurrences]
        self._ends = list(accumulate((o.end.timestamp() for o in self.occurrences), max))
        # Travel that another event needs before it starts reaches further than a candidate's own.
        self._reach = _reach(self.occurrences, self.spacing)

    def conflicts(self, candidate: Occurrence) -> tuple[Conflict, ...]:
        """Return what one occurrence collides with, if it took place as the candidate says.

        Its own present place does not count, those of others of its series do.
        """
        return tuple(
            conflict
            for conflict in self._conflicts(candidate)
            if conflict.second is None or conflict.first.id != conflict.second.id
        )

    def conflicts_of(self, series: Iterable[Occurrence]) -> tuple[Conflict, ...]:
        """Return what any occurrence of a new or moved series collides with, itself left out."""
        return tuple(
            conflict
            for candidate in series
            for conflict in self._conflicts(candidate)
            if conflict.second is None or conflict.first.uid != conflict.second.uid
        )

    def _conflicts(self, candidate: Occurrence) -> Iterator[Conflict]:
        if not takes_time(candidate):
            return
        yield from _outside(candidate, self.spacing)
        reach = max(self._reach, candidate.event.travel.total_seconds())
        at = bisect_left(self._starts, candidate.end.timestamp() + reach)
        start = candidate.start.timestamp() - reach
        while at and self._ends[at - 1] > start:
            at -= 1
            other = self.occurrences[at]
            first, second = sorted((other, candidate), key=_order)
            conflict = _between(first, second, self.spacing)
            if conflict is not None:
                yield conflict


def between(first: Occurrence, second: Occurrence, spacing: Spacing) -> Conflict | None:
    """Return the conflict of two occurrences, the first of which starts no later; None for none."""
    return None if first.uid == second.uid else _between(first, second, spacing)


def takes_time(occurrence: Occurrence) -> bool:
    """Whether it can collide at all: it is not free, and longer than nothing."""
    return occurrence.kind != "free" and occurrence.start < occurrence.end


def _between(first: Occurrence, second: Occurrence, spacing: Spacing) -> Conflict | None:
    if second.start < first.end:
        if first.all_day and second.all_day and (first.marks_a_day or second.marks_a_day):
            return None  # a birthday within a trip
        overlap = min(first.end, second.end) - second.start
        kind: ConflictKind = "hard" if first.kind == second.kind == "hard" else "soft"
        return Conflict(kind, first, second, _minutes(overlap))
    missing = spacing.gap(first, second) - (second.start - first.end)
    if missing <= NOTHING:
        return None
    by_travel = spacing.way(first, second) > second.start - first.end
    return Conflict("travel" if by_travel else "buffer", first, second, _minutes(missing))


def _outside(occurrence: Occurrence, spacing: Spacing) -> Iterator[Conflict]:
    if spacing.hours is None or occurrence.all_day:
        return
    outside = spacing.hours.minutes_outside(occurrence.start, occurrence.end)
    if outside > 0:
        yield Conflict("work_hours", occurrence, None, ceil(outside))


def _reach(occurrences: Iterable[Occurrence], spacing: Spacing) -> float:
    """Seconds after an end within which the next start may still be too early."""
    own = max((o.event.travel for o in occurrences), default=NOTHING)
    return max(spacing.buffer, spacing.travel.longest, own).total_seconds()


def _order(occurrence: Occurrence) -> tuple[float, float, str, str]:
    o = occurrence
    return o.start.timestamp(), o.end.timestamp(), o.event.uid, o.recurrence_id


def _minutes(length: timedelta) -> int:
    return max(1, ceil(length.total_seconds() / 60))
