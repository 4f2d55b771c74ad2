"""Counting days: stretches of days, months added, dates checked."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

from agentsched.times.errors import TimePhraseError
from agentsched.times.habits import Habits
from agentsched.times.pieces import Amount
from agentsched.times.vocabulary import MONTH_NAMES, Unit

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Days:
    """From ``first`` until the day before ``end``."""

    first: date
    end: date
    grain: Unit = "day"

    @classmethod
    def one(cls, day: date) -> Days:
        """Return a single day."""
        return cls(day, day + DAY)


def checked_day(year: int, month: int, day: int) -> date:
    """Return a date.

    Raises:
        TimePhraseError: The month has no such day.
    """
    last = monthrange(year, month)[1]
    if not 1 <= day <= last:
        name = MONTH_NAMES[month]
        raise TimePhraseError(
            f"{day} {name} {year} does not exist, {name} has {last} days; "
            f"name a day from 1 to {last}"
        )
    return date(year, month, day)


def month_of(year: int, month: int) -> tuple[date, date]:
    """Return the first day of a month and of the one after it."""
    return date(year, month, 1), date(*next_month(year, month), 1)


def next_month(year: int, month: int) -> tuple[int, int]:
    """Return year and month of the month after one."""
    return (year + 1, 1) if month == 12 else (year, month + 1)


def add_months(day: date, months: int) -> date:
    """Return the day so many months later, or the last one of a month that is too short."""
    total = day.year * 12 + day.month - 1 + months
    year, month = divmod(total, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def add_amount(day: date, amount: Amount, sign: int, habits: Habits) -> date:
    """Return the day a length later or earlier; hours are left out."""
    for count, unit in amount.parts:
        whole = sign * int(count)
        match unit:
            case "day":
                day += whole * DAY
            case "business":
                day = habits.add_business_days(day, whole)
            case "week":
                day += 7 * whole * DAY
            case "month" | "quarter" | "year":
                day = add_months(day, whole * {"month": 1, "quarter": 3, "year": 12}[unit])
            case _:
                pass
    return day
