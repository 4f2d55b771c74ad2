"""Times of day in the user's zone as stretches of real time, also where the clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from agentsched.planning.hints import WindowHint

_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")

Stretch = tuple[datetime, datetime]
"""Half open, in UTC."""


def open_stretches(hint: WindowHint, start: datetime, end: datetime, zone: tzinfo) -> list[Stretch]:
    """Return when the hint lets work go on between two instants; touching windows are one.

    A window belongs to the weekday on which it opens: Friday 22:00 to 06:00 ends on Saturday. A
    time that the clocks skip is the instant at which they jump. Of one that they show twice the
    safe one counts: work within a window ends at the first, work outside it waits for the second.
    """
    stretches = _merged(_every_day(hint, start, end, zone))
    if hint.avoid:
        stretches = _between(stretches, start, end)
    return [(max(a, start), min(b, end)) for a, b in stretches if a < end and b > start]


def instant(day: date, at: time, zone: tzinfo, *, last: bool = False) -> datetime:
    """Return the UTC instant at which local clocks show this; see ``open_stretches``."""
    wall = datetime.combine(day, at.replace(tzinfo=None, fold=0), zone)
    shown = wall.replace(fold=1 if last else 0).astimezone(UTC)
    if shown.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return shown
    return _end_of_gap(wall, zone)


def _end_of_gap(wall: datetime, zone: tzinfo) -> datetime:
    """Return the first instant after the jump that skips this wall time, to the second."""
    # In a gap, fold 0 reads the time with the offset before it, which is an instant after it.
    after = wall.replace(fold=0).astimezone(UTC)
    before = wall.replace(fold=1).astimezone(UTC)
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


def _every_day(hint: WindowHint, start: datetime, end: datetime, zone: tzinfo) -> list[Stretch]:
    day = start.astimezone(zone).date() - timedelta(days=1)
    last = end.astimezone(zone).date()
    found: list[Stretch] = []
    while day <= last:
        if not hint.days or _DAYS[day.weekday()] in hint.days:
            closing = day if hint.end > hint.start else day + timedelta(days=1)
            opens = instant(day, hint.start, zone, last=not hint.avoid)
            closes = instant(closing, hint.end, zone, last=hint.avoid)
            if opens < closes:
                found.append((opens, closes))
        day += timedelta(days=1)
    return found


def _merged(stretches: list[Stretch]) -> list[Stretch]:
    merged: list[Stretch] = []
    for opens, closes in sorted(stretches):
        if merged and opens <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], closes))
        else:
            merged.append((opens, closes))
    return merged


def _between(stretches: list[Stretch], start: datetime, end: datetime) -> list[Stretch]:
    gaps: list[Stretch] = []
    for opens, closes in stretches:
        if start < opens:
            gaps.append((start, opens))
        start = max(start, closes)
    if start < end:
        gaps.append((start, end))
    return gaps
