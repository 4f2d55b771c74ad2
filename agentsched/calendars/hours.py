"""Working hours: local times of day on weekdays of one zone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from agentsched.calendars.errors import CalendarError
from agentsched.calendars.moments import DAY
from agentsched.calendars.rules import WEEKDAYS

_PART = re.compile(
    r"(?:(?P<days>[A-Z]{2}(?:-[A-Z]{2})?(?:,[A-Z]{2}(?:-[A-Z]{2})?)*)\s+)?"
    r"(?P<spans>\d{1,2}(?::\d\d)?-\d{1,2}(?::\d\d)?(?:\s+\d{1,2}(?::\d\d)?-\d{1,2}(?::\d\d)?)*)"
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of time in UTC, half open."""

    start: datetime
    end: datetime

    @property
    def minutes(self) -> float:
        """How long it is."""
        return (self.end - self.start).total_seconds() / 60


@dataclass(frozen=True, slots=True)
class WorkHours:
    """When somebody works."""

    zone: tzinfo
    days: Mapping[int, tuple[tuple[time, time], ...]]
    """From and to, by weekday (Monday is 0); midnight as the end is that of the day."""

    def __hash__(self) -> int:
        return hash((self.zone, tuple(sorted(self.days.items()))))

    def stretches(self, low: datetime, high: datetime) -> Iterator[Stretch]:
        """Return working time within ``[low, high)``, cut to it, ascending."""
        day = low.astimezone(self.zone).date()
        while True:
            midnight = datetime.combine(day, time(), self.zone)
            if midnight.astimezone(UTC) >= high:
                return
            for begin, finish in self.days.get(day.weekday(), ()):
                next_day = day + DAY if finish == time() else day
                start = datetime.combine(day, begin, self.zone).astimezone(UTC)
                end = datetime.combine(next_day, finish, self.zone).astimezone(UTC)
                if max(start, low) < min(end, high):
                    yield Stretch(max(start, low), min(end, high))
            day += DAY

    def minutes_outside(self, start: datetime, end: datetime) -> float:
        """Return how much of a stretch is not working time."""
        inside = sum(stretch.minutes for stretch in self.stretches(start, end))
        return (end - start).total_seconds() / 60 - inside

    def middle(self, weekday: int) -> time:
        """Return the middle of a working day; noon where there is none."""
        spans = self.days.get(weekday, ())
        if not spans:
            return time(12)
        first, last = spans[0][0], spans[-1][1]
        minutes = (_minutes(first) + (_minutes(last) or 1440)) // 2
        return time(minutes // 60, minutes % 60)


def parse_hours(text: str, zone: tzinfo) -> WorkHours:
    """Read hours such as ``MO-FR 9-17`` or ``MO-TH 8:30-12 13-17:30; FR 8-14``.

    Raises:
        CalendarError: A part is no days and times, or ends before it starts.
    """
    days: dict[int, tuple[tuple[time, time], ...]] = {}
    for part in filter(None, (part.strip().upper() for part in text.split(";"))):
        match = _PART.fullmatch(part)
        if match is None:
            raise CalendarError(f"working hours {part[:40]!r}: write them like 'MO-FR 9-17'")
        spans = tuple(_span(span) for span in match["spans"].split())
        for weekday in _weekdays(match["days"] or "MO-FR"):
            days[weekday] = tuple(sorted((*days.get(weekday, ()), *spans)))
    if not days:
        raise CalendarError("working hours are empty; write them like 'MO-FR 9-17'")
    return WorkHours(zone, days)


def _weekdays(text: str) -> Iterator[int]:
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first not in WEEKDAYS or (last and last not in WEEKDAYS):
            raise CalendarError(f"working hours: {part!r} is no weekday such as MO or MO-FR")
        at, stop = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        yield from (day % 7 for day in range(at, stop + (7 if stop < at else 0) + 1))


def _span(text: str) -> tuple[time, time]:
    first, last = (_time(part, text) for part in text.split("-"))
    if last <= first and last != time():
        raise CalendarError(f"working hours {text!r} end before they start")
    return first, last


def _time(text: str, whole: str) -> time:
    hour, _, minute = text.partition(":")
    if int(hour) == 24 and int(minute or 0) == 0:
        return time()
    if int(hour) > 23 or int(minute or 0) > 59:
        raise CalendarError(f"working hours {whole!r}: {text!r} is no time of day")
    return time(int(hour), int(minute or 0))


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute


def whole_time(low: datetime, high: datetime) -> Iterator[Stretch]:
    """Return all of ``[low, high)``: the hours of somebody of whom none are known."""
    if high - low > timedelta(0):
        yield Stretch(low, high)
