"""From days as said to days of the calendar."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date
from typing import assert_never

from agentsched.times.daycount import (
    DAY,
    Days,
    add_amount,
    add_months,
    checked_day,
    month_of,
    next_month,
)
from agentsched.times.errors import TimePhraseError
from agentsched.times.habits import Habits
from agentsched.times.holidays import holiday
from agentsched.times.pieces import (
    Amount,
    Beside,
    CalendarDay,
    Day,
    Edge,
    Holiday,
    IsoWeek,
    Nth,
    NthLater,
    Period,
    Prefix,
    Quarter,
    Share,
    Shift,
    Stretch,
    Today,
    Weekday,
    Year,
)
from agentsched.times.vocabulary import DAY_NAMES, MONTH_NAMES, Unit


@dataclass(slots=True)
class Almanac:
    """What day it is, what the user is used to, and what was taken for granted so far."""

    today: date
    habits: Habits
    assumed: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Remember an assumption once."""
        if text not in self.assumed:
            self.assumed.append(text)

    def find(self, day: Day, prefixes: tuple[Prefix, ...] = (), before: bool = False) -> Days:
        """Return the days that are meant.

        Args:
            day: The day as said.
            prefixes: What stands before it, the outermost first: "end of", "a week from".
            before: It is a bound in the past ("since March").

        Raises:
            TimePhraseError: No such day.
        """
        try:
            found = self._plain(day, before)
            for prefix in reversed(prefixes):
                found = self.prefixed(prefix, found)
        except (OverflowError, ValueError) as error:
            raise TimePhraseError(
                f"{day!r} lies beyond the calendar ({error}); name a year from 1 to 9999"
            ) from error
        return found

    def _plain(self, day: Day, before: bool) -> Days:
        match day:
            case Today(offset):
                return Days.one(self.today + offset * DAY)
            case Weekday():
                return Days.one(self._weekday(day) + 7 * day.weeks * DAY)
            case CalendarDay():
                return self._calendar_day(day, before)
            case Period():
                return self._period(day)
            case Quarter(number, year):
                return self._quarter(number, year)
            case IsoWeek(number, year):
                return self._iso_week(number, year)
            case Year(year):
                return Days(date(year, 1, 1), date(year + 1, 1, 1), "year")
            case Stretch():
                return self._stretch(day)
            case Holiday():
                return Days.one(self._holiday(day))
            case NthLater(weekday, count):
                ahead = (weekday - self.today.weekday()) % 7 or 7
                return Days.one(self.today + (ahead + 7 * (count - (count > 0))) * DAY)
            case _ as never:
                assert_never(never)

    def _weekday(self, day: Weekday) -> date:
        monday = self.today - self.today.weekday() * DAY
        ahead = (day.day - self.today.weekday()) % 7
        match day.which:
            case "next":
                found = monday + (7 + day.day) * DAY
                if ahead and (found - self.today).days > 7:
                    self.note(f"next {DAY_NAMES[day.day]} is the one in the following week")
                return found
            case "last":
                return self.today - ((self.today.weekday() - day.day) % 7 or 7) * DAY
            case "after next":
                return self.today + ((ahead or 7) + 7) * DAY
            case _:
                if not ahead:
                    self.note(f"{DAY_NAMES[day.day]} is the one in a week, not today")
                return self.today + (ahead or 7) * DAY

    def _calendar_day(self, day: CalendarDay, before: bool) -> Days:
        if day.month is None:
            return Days.one(self._day_of_month(day.day))
        if not 1 <= day.month <= 12:
            raise TimePhraseError(f"month {day.month} does not exist; months are 1 to 12")
        year = day.year or self._year_of(day, before)
        if not day.day:
            return Days(*month_of(year, day.month), "month")
        first = checked_day(year, day.month, day.day)
        last = checked_day(year, day.month, day.to) if day.to else first
        if last < first:
            raise TimePhraseError(
                f"{day.day}-{day.to} {MONTH_NAMES[day.month]} ends before it begins; "
                f"give the earlier day first"
            )
        return Days(first, last + DAY)

    def _year_of(self, day: CalendarDay, before: bool) -> int:
        """Return the year of a date without one: the next time it comes."""
        month, last = day.month or 1, day.to or day.day
        year = self.today.year
        over = (month, last or 31) < (self.today.month, self.today.day)
        if day.which == "last":
            year -= not over
        elif day.which == "this":
            pass
        elif before:
            year -= (month, day.day or 1) > (self.today.month, self.today.day)
        elif over:
            year += 1
        if day.which == "next" and month == self.today.month and not over:
            year += 1
        if month == 2 and last == 29:
            while monthrange(year, 2)[1] < 29:
                year += 1
        self.note(f"no year: {year}")
        return year

    def _day_of_month(self, day: int) -> date:
        year, month = self.today.year, self.today.month
        if day < self.today.day:
            year, month = next_month(year, month)
        while day > monthrange(year, month)[1]:
            year, month = next_month(year, month)
        self.note(f"no month: {MONTH_NAMES[month]} {year}")
        return date(year, month, day)

    def _period(self, period: Period) -> Days:
        found = self._whole_period(period)
        if not period.rest:
            return found
        return Days(max(self.today, found.first), found.end, found.grain)

    def _whole_period(self, period: Period) -> Days:
        monday = self.today + (7 * period.offset - self.today.weekday()) * DAY
        match period.span:
            case "day":
                return Days.one(self.today + period.offset * DAY)
            case "week":
                return Days(monday, monday + 7 * DAY, "week")
            case "weekend":
                return self._weekend(period.offset)
            case "month":
                first = add_months(self.today.replace(day=1), period.offset)
                return Days(*month_of(first.year, first.month), "month")
            case "quarter":
                start = self.today.replace(month=3 * ((self.today.month - 1) // 3) + 1, day=1)
                first = add_months(start, 3 * period.offset)
                return Days(first, add_months(first, 3), "quarter")
            case "year":
                year = self.today.year + period.offset
                return Days(date(year, 1, 1), date(year + 1, 1, 1), "year")
            case _ as never:
                assert_never(never)

    def _weekend(self, offset: int) -> Days:
        return self._weekend_of(self.today + 7 * offset * DAY)

    def _weekend_of(self, day: date) -> Days:
        monday = day - day.weekday() * DAY
        days = sorted(self.habits.weekend) or [5, 6]
        first = monday + days[0] * DAY
        length = 1 + sum(day - 1 in days for day in days[1:])
        return Days(first, first + length * DAY)

    def _quarter(self, number: int, year: int | None) -> Days:
        found = year or self.today.year
        if year is None:
            if add_months(date(found, 1, 1), 3 * number) <= self.today:
                found += 1
            self.note(f"no year: {found}")
        first = date(found, 3 * number - 2, 1)
        return Days(first, add_months(first, 3), "quarter")

    def _iso_week(self, number: int, year: int | None) -> Days:
        found = year or self.today.isocalendar().year
        monday = date.fromisocalendar(found, number, 1)
        if year is None and monday + 6 * DAY < self.today:
            found += 1
            monday = date.fromisocalendar(found, number, 1)
        if year is None:
            self.note(f"no year: {found}")
        return Days(monday, monday + 7 * DAY, "week")

    def _stretch(self, stretch: Stretch) -> Days:
        """The next three weeks begin with the next one; the last two ended with the last one."""
        count, unit = stretch.count, stretch.unit
        if unit == "business":
            day = self.habits.add_business_days(self.today, 1 if count > 0 else count)
            if count < 0:
                return Days(day, self.today, unit)
            return Days(day, self.habits.add_business_days(self.today, count) + DAY, unit)
        span: dict[Unit, Period] = {
            "week": Period("week"), "month": Period("month"), "quarter": Period("quarter"),
            "year": Period("year"),
        }  # fmt: skip
        here = self._period(span[unit]) if unit in span else Days.one(self.today)
        length = Amount(((float(abs(count)), unit),))
        if count > 0:
            return Days(here.end, add_amount(here.end, length, 1, self.habits), unit)
        return Days(add_amount(here.first, length, -1, self.habits), here.first, unit)

    def _holiday(self, day: Holiday) -> date:
        if day.year:
            return holiday(day.name, day.year)
        year = self.today.year
        found = holiday(day.name, year)
        if day.which == "last":
            return found if found < self.today else holiday(day.name, year - 1)
        return found if found >= self.today else holiday(day.name, year + 1)

    def prefixed(self, prefix: Prefix, base: Days) -> Days:
        """Return what a prefix makes of the days after it."""
        match prefix:
            case Shift(amount, sign):
                start = base.first if sign < 0 or base.grain == "day" else base.end - DAY
                return Days.one(add_amount(start, amount, sign, self.habits))
            case Edge(side):
                return self._edge(side, base)
            case Share():
                return self._share(prefix, base)
            case Nth():
                return self.nth(prefix, base)
            case Beside(day, count, sign):
                if sign > 0:
                    ahead = (day - base.end.weekday()) % 7
                    return Days.one(base.end + (ahead + 7 * (count - 1)) * DAY)
                back = (base.first.weekday() - day) % 7 or 7
                return Days.one(base.first - (back + 7 * (count - 1)) * DAY)
            case _ as never:
                assert_never(never)

    def _edge(self, side: str, base: Days) -> Days:
        last = base.end - DAY
        if side == "week":
            monday = base.first - base.first.weekday() * DAY
            return Days(monday, monday + 7 * DAY, "week")
        if side == "weekend":
            return self._weekend_of(base.first)
        if base.grain == "day":
            return base
        if side in ("first half", "second half"):
            return self._half(side, base)
        if base.grain == "week":
            working = [
                base.first + n * DAY for n in range(7)
                if (base.first + n * DAY).weekday() not in self.habits.weekend
            ]  # fmt: skip
            if side == "end":
                self.note(f"the end of the week is {DAY_NAMES[working[-1].weekday()]}")
                return Days.one(working[-1])
            if side in ("start", "early"):
                return Days(working[0], working[len(working) // 2])
            if side == "late":
                return Days(working[len(working) // 2 + 1], working[-1] + DAY)
            middle = working[len(working) // 2]
            return Days.one(middle)
        if side == "end":
            return Days.one(last)
        length = (base.end - base.first).days
        if side == "late":
            return Days(base.first + 2 * length // 3 * DAY, base.end)
        if side in ("start", "early"):
            return Days(base.first, base.first + max(1, length // 3) * DAY)
        return Days(base.first + length // 3 * DAY, base.first + 2 * length // 3 * DAY)

    @staticmethod
    def _half(side: str, base: Days) -> Days:
        """Return half of a stretch: of a month to or from its 16th, of a year by months."""
        if base.grain == "month":
            middle = base.first.replace(day=16)
        elif base.grain == "year":
            middle = base.first.replace(month=7)
        else:
            middle = base.first + ((base.end - base.first).days + 1) // 2 * DAY
        return Days(base.first, middle) if side == "first half" else Days(middle, base.end)

    def _share(self, share: Share, base: Days) -> Days:
        """Return the first or last days, working days or weeks of a stretch.

        Raises:
            TimePhraseError: It has fewer of them.
        """
        days = [base.first + n * DAY for n in range((base.end - base.first).days)]
        if share.unit == "business":
            days = [day for day in days if self.habits.is_business(day)]
        count = share.count * (7 if share.unit == "week" else 1)
        if not 0 < count <= len(days):
            raise TimePhraseError(
                f"there are only {len(days)} such days from {base.first} until {base.end}, "
                f"not {count}; say fewer"
            )
        taken = days[-count:] if share.last else days[:count]
        return Days(taken[0], taken[-1] + DAY)

    def nth(self, nth: Nth, base: Days) -> Days:
        """Return the nth weekday, day, working day or week of a stretch.

        Raises:
            TimePhraseError: It has fewer of them.
        """
        number = nth.numbers[0]
        if nth.what in ("week", "weekend"):
            return self._nth_week(number, base, nth.what)
        days = [base.first + n * DAY for n in range((base.end - base.first).days)]
        if nth.what == "weekday":
            days = [day for day in days if day.weekday() in nth.days]
        elif nth.what == "business":
            days = [day for day in days if self.habits.is_business(day)]
        if abs(number) > len(days) or not number:
            raise TimePhraseError(
                f"there are only {len(days)} such days from {base.first} until {base.end}, "
                f"not {abs(number)}; count from 1, or say last"
            )
        return Days.one(days[number - 1 if number > 0 else number])

    def _nth_week(self, number: int, base: Days, what: str) -> Days:
        shift = 5 if what == "weekend" else 0
        first = base.first + (shift - base.first.weekday()) % 7 * DAY
        if number < 0:
            # The last week of a month is the last that lies in it.
            last = base.end - (2 if shift else 7) * DAY
            first = last - (last.weekday() - shift) % 7 * DAY + 7 * (number + 1) * DAY
        else:
            first += 7 * (number - 1) * DAY
        return Days(first, first + (2 if shift else 7) * DAY, "day" if shift else "week")
