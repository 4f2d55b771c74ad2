"""Times at which one or several people can meet, the best first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice

from agentsched.calendars.conflicts import Spacing, takes_time
from agentsched.calendars.errors import CalendarError
from agentsched.calendars.hours import Stretch, WorkHours, whole_time
from agentsched.calendars.occurrences import Occurrence
from agentsched.calendars.travel import NOTHING, place, whereabouts

STEP = timedelta(minutes=15)
HORIZON = timedelta(days=366)
MOST = 50_000
"""Starts that are looked at for one question."""
DOUBT = 6.0
"""Hours off the best time of day that one doubt weighs as much as."""
NEAR = 0.1
"""Share that an hour off counts where being near counts most."""
WAIT = 3.0
"""Hours off the best time of day that one day of waiting weighs as much as."""


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody who shall take part."""

    name: str
    busy: Sequence[Occurrence] = field(default=(), repr=False)
    hours: WorkHours | None = None
    """None: at any time."""
    zone: tzinfo = UTC
    """For the time of day it is there; that of the hours where they are known."""
    optional: bool = False
    """An optional one's calendar makes a slot worse, never impossible."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A time at which everybody who must can come."""

    start: datetime
    end: datetime
    """UTC."""
    cost: float
    """Less is better: perhaps-busy people, odd times of day, waiting."""
    perhaps_busy: tuple[str, ...] = ()
    """Who has something tentative then, or is optional and has something else."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for."""

    length: timedelta
    low: datetime
    high: datetime
    """The window; the meeting must lie in it."""
    location: str = ""
    near: datetime | None = None
    """Slots near it are better; None: the earlier the better."""
    step: timedelta = STEP
    """Starts are multiples of it in the first participant's local time."""

    def __post_init__(self) -> None:
        if self.length <= NOTHING or self.step <= NOTHING:
            raise CalendarError(f"a meeting of {self.length} is not possible; give a length")
        if self.high - self.low < self.length:
            raise CalendarError(
                f"nothing of {self.length} fits between {self.low} and {self.high}; widen the "
                "window"
            )
        if self.high - self.low > HORIZON:
            raise CalendarError(
                f"a window of {(self.high - self.low).days} days is too wide; give at most "
                f"{HORIZON.days}"
            )


def free_slots(
    people: Sequence[Participant], wanted: Wanted, spacing: Spacing | None = None, limit: int = 5
) -> tuple[Slot, ...]:
    """Return slots that collide with nobody's certain events, buffers and ways included.

    Args:
        people: At least one; who is optional only ranks.
        wanted: Length and window.
        spacing: Buffer and travel for everybody; its hours are not used, people have their own.
        limit: How many; none of them overlaps another.
    """
    if not people:
        raise CalendarError("nobody is to meet; name at least one person")
    spacing = spacing or Spacing()
    open_ = open_stretches(people, wanted, spacing)
    doubts = [(person, _doubts(person, wanted, spacing)) for person in people]
    anchor = (people[0].hours.zone if people[0].hours else None) or people[0].zone
    slots = [_slot(start, wanted, doubts) for start in islice(_starts(open_, wanted, anchor), MOST)]
    return _apart(sorted(slots, key=lambda slot: (slot.cost, slot.start)), limit)


def open_stretches(
    people: Sequence[Participant], wanted: Wanted, spacing: Spacing
) -> list[Stretch]:
    """Return all time in the window at which everybody who must can come, in order.

    Stretches that are shorter than the wanted length are left out.
    """
    open_ = [Stretch(wanted.low, wanted.high)]
    for person in people:
        if not person.optional:
            open_ = list(_both(open_, _working(person, wanted)))
            open_ = list(_minus(open_, _blocks(person, wanted, spacing, "hard")))
    return [stretch for stretch in open_ if stretch.end - stretch.start >= wanted.length]


def merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Return the union of stretches: ascending, none touching the next."""
    found: list[Stretch] = []
    for stretch in sorted(stretches, key=lambda s: (s.start, s.end)):
        if found and stretch.start <= found[-1].end:
            if stretch.end > found[-1].end:
                found[-1] = Stretch(found[-1].start, stretch.end)
        elif stretch.start < stretch.end:
            found.append(stretch)
    return found


def _working(person: Participant, wanted: Wanted) -> Iterator[Stretch]:
    if person.hours is None:
        return whole_time(wanted.low, wanted.high)
    return person.hours.stretches(wanted.low, wanted.high)


def _blocks(person: Participant, wanted: Wanted, spacing: Spacing, kind: str) -> list[Stretch]:
    """Where the meeting may not be: busy time, widened by what must lie around it."""
    here = place(wanted.location)
    found = []
    for occurrence in person.busy:
        if occurrence.kind != kind or not takes_time(occurrence) or occurrence.marks_a_day:
            continue
        start, end = occurrence.start, occurrence.end
        if not occurrence.all_day:
            there = whereabouts(occurrence.event)
            to = max(spacing.travel.between(here, there), occurrence.event.travel)
            start -= max(spacing.buffer, to)
            end += max(spacing.buffer, spacing.travel.between(there, here))
        if start < wanted.high and end > wanted.low:
            found.append(Stretch(start, end))
    return merged(found)


def _doubts(person: Participant, wanted: Wanted, spacing: Spacing) -> list[Stretch]:
    soft = _blocks(person, wanted, spacing, "soft")
    if not person.optional:
        return soft
    own = list(_minus([Stretch(wanted.low, wanted.high)], list(_working(person, wanted))))
    return merged([*soft, *own, *_blocks(person, wanted, spacing, "hard")])


def _both(a: Iterable[Stretch], b: Iterable[Stretch]) -> Iterator[Stretch]:
    """Intersection of two ascending lists."""
    left, right = list(a), merged(b)
    i = j = 0
    while i < len(left) and j < len(right):
        start = max(left[i].start, right[j].start)
        end = min(left[i].end, right[j].end)
        if start < end:
            yield Stretch(start, end)
        if left[i].end <= right[j].end:
            i += 1
        else:
            j += 1


def _minus(stretches: Iterable[Stretch], blocks: Sequence[Stretch]) -> Iterator[Stretch]:
    """What ascending blocks leave of ascending stretches."""
    first = 0
    for stretch in stretches:
        start = stretch.start
        while first < len(blocks) and blocks[first].end <= start:
            first += 1
        at = first
        while at < len(blocks) and blocks[at].start < stretch.end:
            if blocks[at].start > start:
                yield Stretch(start, blocks[at].start)
            start = max(start, blocks[at].end)
            at += 1
        if start < stretch.end:
            yield Stretch(start, stretch.end)


def _starts(open_: Iterable[Stretch], wanted: Wanted, zone: tzinfo) -> Iterator[datetime]:
    step = wanted.step
    for stretch in open_:
        offset = stretch.start.astimezone(zone).utcoffset() or NOTHING
        local = stretch.start.replace(tzinfo=None) + offset
        late = (local - datetime(2000, 1, 3)) % step
        start = stretch.start + (step - late if late else NOTHING)
        while start + wanted.length <= stretch.end:
            yield start
            start += step


def _slot(
    start: datetime, wanted: Wanted, doubts: Sequence[tuple[Participant, Sequence[Stretch]]]
) -> Slot:
    """Rank a time by doubts, time of day and waiting.

    Something that has a place already goes to the nearest one: an hour away costs an hour off.
    """
    end = start + wanted.length
    perhaps = tuple(
        person.name
        for person, stretches in doubts
        if any(s.start < end and s.end > start for s in stretches)
    )
    off = sum(_hours_off(start, end, person) for person, _ in doubts) / len(doubts)
    if wanted.near is None:
        wait = WAIT * (start - wanted.low).total_seconds() / 86_400
    else:
        wait, off = abs((start - wanted.near).total_seconds()) / 3600, off * NEAR
    return Slot(start, end, round(DOUBT * len(perhaps) / len(doubts) + off + wait, 6), perhaps)


def _hours_off(start: datetime, end: datetime, person: Participant) -> float:
    """How far the meeting is from the middle of a person's day, in hours; weekends are far."""
    zone = person.hours.zone if person.hours else person.zone
    there = (start + (end - start) / 2).astimezone(zone)
    middle = person.hours.middle(there.weekday()) if person.hours else None
    best = 12.5 if middle is None else middle.hour + middle.minute / 60
    off = abs(there.hour + there.minute / 60 - best)
    weekend = person.hours is None and there.weekday() >= 5
    return min(off, 24 - off) + (DOUBT if weekend else 0)


def _apart(slots: Iterable[Slot], limit: int) -> tuple[Slot, ...]:
    chosen: list[Slot] = []
    for slot in slots:
        if len(chosen) == limit:
            break
        if all(slot.end <= other.start or slot.start >= other.end for other in chosen):
            chosen.append(slot)
    return tuple(chosen)
