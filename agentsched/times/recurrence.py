"""Recurrence rules (RFC 5545): their value, the days they hold on, their first occurrence."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from agentsched.times.daycount import DAY
from agentsched.times.errors import TimePhraseError
from agentsched.times.vocabulary import CODES

Frequency = Literal["MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"]

_HORIZON = 8 * 366
"""Days that are searched for the first occurrence; 29 February comes within eight years."""


@dataclass(frozen=True, slots=True)
class Recurrence:
    """The parts of a rule that this package writes."""

    freq: Frequency
    interval: int = 1
    days: tuple[tuple[int, int], ...] = ()
    """Which of them (0 all, 1 first, -1 last) and weekday, of BYDAY."""
    month_days: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    """Of BYMONTH; for an interval of three months, the months it may begin in."""
    position: int = 0
    """Of BYSETPOS; 0 for none."""
    hours: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    count: int = 0
    until: date | datetime | None = None
    anchored: bool = False
    """``months`` only say where it may begin; they are not part of the rule."""

    def value(self) -> str:
        """Return the value of the RRULE property."""
        parts = [f"FREQ={self.freq}"]
        if self.interval > 1:
            parts.append(f"INTERVAL={self.interval}")
        if self.months and not self.anchored:
            parts.append(f"BYMONTH={_listed(self.months)}")
        if self.month_days:
            parts.append(f"BYMONTHDAY={_listed(self.month_days)}")
        if self.days:
            days = ",".join(f"{nth or ''}{CODES[day]}" for nth, day in self.days)
            parts.append(f"BYDAY={days}")
        if self.hours:
            parts.append(f"BYHOUR={_listed(self.hours)}")
        if self.minutes:
            parts.append(f"BYMINUTE={_listed(self.minutes)}")
        if self.position:
            parts.append(f"BYSETPOS={self.position}")
        if self.count:
            parts.append(f"COUNT={self.count}")
        elif self.until is not None:
            parts.append(f"UNTIL={_until(self.until)}")
        return ";".join(parts)

    def first(self, start: date) -> date:
        """Return the first day on or after ``start`` that the rule holds on.

        Raises:
            TimePhraseError: There is none within eight years.
        """
        for day in self.from_day(start):
            return day
        raise TimePhraseError(
            f"{self.value()} never happens in the eight years from {start}; name a day that exists"
        )

    def from_day(self, start: date) -> Iterator[date]:
        """Yield the days it may begin on, from ``start`` on."""
        for offset in range(_HORIZON):
            day = start + offset * DAY
            if self._holds(day):
                yield day

    def _holds(self, day: date) -> bool:
        if self.months and day.month not in self.months:
            return False
        if self.position:
            return day == self._positioned(day)
        if self.month_days and not any(_is_month_day(day, number) for number in self.month_days):
            return False
        if not self.days:
            return True
        return any(
            day.weekday() == weekday and (not nth or self._is_nth(day, nth))
            for nth, weekday in self.days
        )

    def _is_nth(self, day: date, nth: int) -> bool:
        if self.freq == "YEARLY" and not self.months:
            number = day.timetuple().tm_yday
            length = date(day.year, 12, 31).timetuple().tm_yday
        else:
            number, length = day.day, monthrange(day.year, day.month)[1]
        return nth == (number - 1) // 7 + 1 or nth == -((length - number) // 7 + 1)

    def _positioned(self, day: date) -> date | None:
        wanted = {weekday for _, weekday in self.days}
        if day.weekday() not in wanted:
            return None
        length = monthrange(day.year, day.month)[1]
        days = [day.replace(day=n) for n in range(1, length + 1)]
        days = [one for one in days if one.weekday() in wanted]
        index = self.position - 1 if self.position > 0 else self.position
        return days[index] if -len(days) <= index < len(days) else None


def last_moment(day: date, clock: datetime | None) -> date | datetime:
    """Return what UNTIL must be for a series to end with the occurrence on a day.

    RFC 5545 wants UTC where the series has a time of day; ``clock`` is its first occurrence.
    """
    if clock is None:
        return day
    return datetime.combine(day, clock.timetz().replace(fold=0)).astimezone(UTC)


def _until(until: date | datetime) -> str:
    if isinstance(until, datetime):
        return f"{until.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    return f"{until:%Y%m%d}"


def _is_month_day(day: date, number: int) -> bool:
    if number > 0:
        return day.day == number
    return (day + timedelta(days=-number)).month != day.month and (
        day + timedelta(days=-number - 1)
    ).month == day.month


def _listed(numbers: tuple[int, ...]) -> str:
    return ",".join(map(str, numbers))
