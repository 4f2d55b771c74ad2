"""Free slots for a meeting: what remains of the allowed hours without everybody's busy time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from agentsched.understanding.intents import FindTime, midnight

HORIZON_DAYS = 28
"""How far a search goes that names no day."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A time that suits everybody; half open."""

    start: datetime
    end: datetime
    wishes_broken: int = 0
    """Soft wishes of the message it goes against; 0 where possible."""


def find_slots(
    request: FindTime,
    now: datetime,
    zone: tzinfo,
    busy: Iterable[tuple[datetime, datetime]] = (),
    count: int = 3,
) -> list[Slot]:
    """Return up to ``count`` slots, the best first; none goes against what is hard.

    Args:
        request: What is looked for; its own statements about people are used.
        now: Nothing starts earlier.
        zone: The user's, for hours of the day.
        busy: Hard busy time from calendars, on top.
        count: Most slots.
    """
    length = timedelta(seconds=request.duration)
    hard = [(b.start, b.end) for b in request.busy if not b.soft] + list(busy)
    soft = [(b.start, b.end) for b in request.busy if b.soft]
    found = _slots(request, now, zone, [*hard, *soft], length, count)
    if found:
        return [Slot(start, start + length) for start in found]
    broken = [
        Slot(start, start + length, sum(a < start + length and start < b for a, b in soft))
        for start in _slots(request, now, zone, hard, length, 50 * count)
    ]
    return sorted(broken, key=lambda slot: (slot.wishes_broken, slot.start))[:count]


def _slots(
    request: FindTime,
    now: datetime,
    zone: tzinfo,
    busy: list[tuple[datetime, datetime]],
    length: timedelta,
    count: int,
) -> list[datetime]:
    found: list[datetime] = []
    days = list(_days(request, now, zone))
    for opens, closes in reversed(days) if request.latest else days:
        gaps = list(_gaps(max(opens, now), closes, busy))
        for start, end in reversed(gaps) if request.latest else gaps:
            if end - start >= length:
                found.append(end - length if request.latest else start)
                if len(found) == count:
                    return found
    return found


def _days(request: FindTime, now: datetime, zone: tzinfo) -> Iterable[tuple[datetime, datetime]]:
    """Give the open hours of each allowed day."""
    if request.days:
        days = [day.astimezone(zone) for day in request.days]
    else:
        first, last = now, now + timedelta(days=HORIZON_DAYS)
        if request.within is not None and request.within.start is not None:
            first = max(now, request.within.start)
            last = request.within.end or first + timedelta(days=1)
        elif request.within is not None and request.within.due is not None:
            last = request.within.due
        day = midnight(first.astimezone(zone))
        names = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
        days = []
        while day < last:
            if names[day.weekday()] in request.weekdays:
                days.append(day)
            day = midnight((day + timedelta(hours=36)).replace(tzinfo=zone))
    for day in sorted(set(days)):
        opens = day.replace(hour=request.opens.hour, minute=request.opens.minute)
        closes = day.replace(hour=request.closes.hour, minute=request.closes.minute)
        if request.closes <= request.opens:
            closes = midnight((day + timedelta(hours=36)).replace(tzinfo=zone))
        yield opens, closes


def _gaps(
    opens: datetime, closes: datetime, busy: list[tuple[datetime, datetime]]
) -> Iterable[tuple[datetime, datetime]]:
    at = opens
    for start, end in sorted(busy):
        if end <= at:
            continue
        if start >= closes:
            break
        if start > at:
            yield at, start
        at = max(at, end)
    if at < closes:
        yield at, closes
