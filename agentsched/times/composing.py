"""Several days said of one: "Monday, Feb 18", "Wednesday next week", "the 20th of next month"."""

from __future__ import annotations

from dataclasses import replace

from agentsched.times.almanac import Almanac
from agentsched.times.daycount import DAY, Days, add_amount, checked_day
from agentsched.times.errors import TimePhraseError
from agentsched.times.pieces import (
    CalendarDay,
    Holiday,
    IsoWeek,
    Offset,
    Period,
    Quarter,
    Today,
    Weekday,
    Year,
)
from agentsched.times.reading import Dated, Side
from agentsched.times.vocabulary import DAY_NAMES, MONTH_NAMES


def compose(side: Side, almanac: Almanac, before: bool = False) -> Days | None:
    """Return the days one side speaks of; None if it names none.

    Raises:
        TimePhraseError: There is no such day.
    """
    found = _named(list(side.days), almanac, before)
    if side.offset is None or side.offset.amount.is_clock:
        return found
    return _with_offset(side.offset, side, found, almanac)


def _with_offset(offset: Offset, side: Side, found: Days | None, almanac: Almanac) -> Days:
    base = found.first if found is not None and _is_today(side) else almanac.today
    day = add_amount(base, offset.amount, offset.sign, almanac.habits)
    weekdays = [d.day for d in side.days if isinstance(d.day, Weekday)]
    if weekdays:
        return Days.one(day + (weekdays[0].day - day.weekday()) * DAY)
    return Days.one(day)


def _is_today(side: Side) -> bool:
    return len(side.days) == 1 and isinstance(side.days[0].day, Today)


def _named(days: list[Dated], almanac: Almanac, before: bool) -> Days | None:
    if not days:
        return None
    years = [d.day.year for d in days if isinstance(d.day, Year)]
    if years and len(days) > 1:
        others = [d for d in days if not isinstance(d.day, Year)]
        days = [_in_year(d, years[0]) for d in others] or days[:1]
    prefixed = next((d for d in days if d.prefixes), None)
    weekday = next((d for d in days if isinstance(d.day, Weekday) and not d.prefixes), None)
    if prefixed is not None:
        others = [d for d in days if d is not prefixed and d is not weekday]
        base = _prefixed(prefixed, others, almanac, before)
        return _within(weekday.day, base, almanac) if weekday and base.grain != "day" else base  # type: ignore[arg-type]  # a Weekday
    return _plain(days, weekday, almanac, before)


def _prefixed(dated: Dated, others: list[Dated], almanac: Almanac, before: bool) -> Days:
    """Apply what stands before the day to it together with what stands after it."""
    if not others:
        return almanac.find(dated.day, dated.prefixes, before)
    inner = _named([Dated(dated.day), *others], almanac, before)
    assert inner is not None
    for prefix in reversed(dated.prefixes):
        inner = almanac.prefixed(prefix, inner)
    return inner


def _plain(days: list[Dated], weekday: Dated | None, almanac: Almanac, before: bool) -> Days:
    today = next((d.day for d in days if isinstance(d.day, Today)), None)
    if today is not None:
        return almanac.find(today)
    date = next((d.day for d in days if isinstance(d.day, CalendarDay) and d.day.day), None)
    if date is not None:
        return _dated(date, days, weekday, almanac, before)
    rest = [d for d in days if d is not weekday]
    if weekday is None:
        return almanac.find(days[0].day, (), before)
    assert isinstance(weekday.day, Weekday)
    if not rest:
        return almanac.find(weekday.day)
    return _within(weekday.day, almanac.find(rest[0].day, (), before), almanac)


def _dated(
    date: CalendarDay, days: list[Dated], weekday: Dated | None, almanac: Almanac, before: bool
) -> Days:
    name = weekday.day if weekday is not None and isinstance(weekday.day, Weekday) else None
    if date.month is None:
        holder = next((d.day for d in days if isinstance(d.day, Period | CalendarDay)
                       and d.day is not date), None)  # fmt: skip
        if holder is not None:
            base = almanac.find(holder, (), before)
            return Days.one(checked_day(base.first.year, base.first.month, date.day))
        if name is not None:
            return _weekday_the(date.day, name.day, almanac)
    found = almanac.find(date, (), before)
    if name is None or found.first.weekday() == name.day:
        return found
    if date.year is None and date.month is not None:
        for year in range(almanac.today.year - 1, almanac.today.year + 2):
            other = _try(replace(date, year=year), almanac)
            if other and other.first.weekday() == name.day and abs(
                (other.first - almanac.today).days) < 300:  # fmt: skip
                almanac.assumed[:] = [a for a in almanac.assumed if not a.startswith("no year")]
                almanac.note(f"no year: {year}, when it is a {DAY_NAMES[name.day]}")
                return other
    almanac.note(
        f"{found.first.day} {MONTH_NAMES[found.first.month]} {found.first.year} is a "
        f"{DAY_NAMES[found.first.weekday()]}, not a {DAY_NAMES[name.day]}; the date counts"
    )
    return found


def _try(day: CalendarDay, almanac: Almanac) -> Days | None:
    try:
        return almanac.find(day)
    except TimePhraseError:
        return None


def _weekday_the(day: int, weekday: int, almanac: Almanac) -> Days:
    """Return "Tuesday the 19th": the next 19th that is a Tuesday."""
    at = almanac.today
    for _ in range(366 * 7):
        if at.day == day and at.weekday() == weekday:
            return Days.one(at)
        at += DAY
    raise TimePhraseError(
        f"no {DAY_NAMES[weekday]} the {day}. comes in the next years; name a day from 1 to 31"
    )


def _within(weekday: Weekday, base: Days, almanac: Almanac) -> Days:
    """Return the weekday of a week, or the first one of a longer stretch."""
    if (base.end - base.first).days == 1:
        return base
    ahead = (weekday.day - base.first.weekday()) % 7
    if base.grain != "week" and ahead + 7 < (base.end - base.first).days:
        almanac.note(f"the first {DAY_NAMES[weekday.day]} of it")
    return Days.one(base.first + ahead * DAY)


def _in_year(dated: Dated, year: int) -> Dated:
    """Put the year said apart to a date, a quarter, a week or a holiday."""
    day = dated.day
    match day:
        case CalendarDay(year=None) if day.month is not None:
            return replace(dated, day=replace(day, year=year))
        case Quarter(year=None) | IsoWeek(year=None) | Holiday(year=None):
            return replace(dated, day=replace(day, year=year))
        case _:
            return dated
