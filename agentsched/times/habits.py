"""What a user takes for granted when speaking of time: working hours, weekend, holidays, order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time, timedelta
from zoneinfo import ZoneInfo

from agentsched.times.errors import TimePhraseError

_MONTH_FIRST = ("America/", "US/", "Canada/", "Pacific/Honolulu", "Pacific/Guam", "Asia/Manila")


@dataclass(frozen=True, slots=True)
class Habits:
    """Settings of the resolver, all of one user; the defaults are an office in the week."""

    work_start: time = time(9)
    """Local; "first thing" and the beginning of a morning."""
    work_end: time = time(17)
    """Local; EOD, COB, and the end of an afternoon."""
    weekend: frozenset[int] = frozenset({5, 6})
    """Days that are no business days; Monday is 0."""
    holidays: frozenset[date] = frozenset()
    """Further days that are no business days."""
    day_first: bool | None = None
    """Whether 3/12 is 3 December; None goes by the zone: not in the Americas and in UTC."""

    def __post_init__(self) -> None:
        if self.work_start >= self.work_end:
            raise TimePhraseError(
                f"working hours {self.work_start:%H:%M}-{self.work_end:%H:%M}: the end must come "
                f"after the start; set both within one day"
            )
        if not self.weekend < frozenset(range(7)):
            raise TimePhraseError(
                f"weekend {sorted(self.weekend)}: needs days 0 (Monday) to 6, and not all of them"
            )

    def is_business(self, day: date) -> bool:
        """Whether people work on this day."""
        return day.weekday() not in self.weekend and day not in self.holidays

    def reads_day_first(self, zone: ZoneInfo) -> bool:
        """Whether 3/12 is 3 December for a user in this zone."""
        if self.day_first is not None:
            return self.day_first
        return "/" in zone.key and not zone.key.startswith((*_MONTH_FIRST, "Etc/"))

    def add_business_days(self, day: date, count: int) -> date:
        """Return the business day ``count`` of them later (earlier when negative)."""
        step = timedelta(days=1 if count > 0 else -1)
        left = abs(count)
        while left:
            day += step
            left -= self.is_business(day)
        return day
