"""The local times a rule yields, computed period by period and only where they are asked for.

Our own arithmetic, because a calendar is full of rules that began years ago: a rule without COUNT
is entered at the period asked for, instead of being walked through from its first day. The number
of periods looked at is bounded, so a rule that never fires (30 February) costs no more than one
that does. ``tests/property/test_calendars.py`` compares it with dateutil.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import product

from agentsched.calendars.moments import DAY
from agentsched.calendars.rules import Rule

MOST = 200_000
"""Periods or occurrences a rule may need for one question."""

_STEP = {
    "HOURLY": timedelta(hours=1), "MINUTELY": timedelta(minutes=1), "SECONDLY": timedelta(seconds=1)
}  # fmt: skip
_LAST = date.max - timedelta(days=400)


class TooMany(ValueError):
    """A rule has more occurrences in the time asked for than anybody can attend."""


def wall_times(
    rule: Rule, first: datetime, low: datetime, high: datetime, zone: tzinfo | None = None
) -> list[datetime]:
    """Return the local times of a rule from ``low`` to ``high``, both included, ascending.

    Args:
        rule: The rule; UNTIL and COUNT count.
        first: DTSTART as a local time; no time lies before it, and it is not added if it does not
            fit the rule.
        low: Naive.
        high: Naive.
        zone: Of DTSTART, for an UNTIL in UTC.

    Raises:
        TooMany: The rule yields more than anybody can attend.
    """
    until = _until(rule, zone)
    high = min(high, until) if until is not None else high
    low = max(low, first)
    if high < low:
        return []
    if rule.count is None:
        return [when for when in _from(rule, first, low, high) if low <= when]
    counted = _counted(rule, first, high)
    return [when for when in counted if when >= low]


def _counted(rule: Rule, first: datetime, high: datetime) -> Iterator[datetime]:
    """Times from the first one on: with COUNT there is no way to enter later."""
    assert rule.count is not None
    for number, when in enumerate(_from(rule, first, first, high)):
        if number == rule.count:
            return
        yield when


def _until(rule: Rule, zone: tzinfo | None) -> datetime | None:
    until = rule.until
    if until is None:
        return None
    if until.is_date:
        # A date ends a series of timed events with that day, in any zone.
        return until.wall + DAY - timedelta(seconds=1)
    if until.zone is UTC and zone is not None:
        return until.wall.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
    return until.wall


def _from(rule: Rule, first: datetime, low: datetime, high: datetime) -> Iterator[datetime]:
    """Times >= first from the period of ``low`` on, up to ``high``."""
    if rule.frequency in _STEP:
        found = _by_time(rule, first, low, high)
    elif rule.frequency == "DAILY" and not _limited(rule):
        found = _every_day(rule, first, low, high)
    else:
        found = _by_day(rule, first, low, high)
    for number, when in enumerate(found):
        if when > high:
            return
        if number == MOST:
            raise TooMany(f"the rule {rule.text[:80]} has more than {MOST} occurrences")
        if when >= first:
            yield when


def _limited(rule: Rule) -> bool:
    return any(
        (rule.second, rule.minute, rule.hour, rule.day, rule.monthday, rule.yearday, rule.weekno,
         rule.month, rule.setpos)
    )  # fmt: skip


def _every_day(rule: Rule, first: datetime, low: datetime, high: datetime) -> Iterator[datetime]:
    step = rule.interval * DAY
    when = first + max(0, (low - first) // step) * step
    while when <= high:
        yield when
        when += step


def _by_day(rule: Rule, first: datetime, low: datetime, high: datetime) -> Iterator[datetime]:
    """Daily and longer: each period's days that fit, times the times of day."""
    fits = _day_test(rule, first)
    times = _times(rule, first)
    for days in _periods(rule, first.date(), low.date(), high.date()):
        chosen = [day for day in days if fits(day)]
        if not rule.setpos:
            yield from (datetime.combine(day, at) for day in chosen for at in times)
        else:
            all_ = [datetime.combine(day, at) for day in chosen for at in times]
            yield from _positions(all_, rule.setpos)


def _positions(found: Sequence[datetime], setpos: Sequence[int]) -> list[datetime]:
    size = len(found)
    at = {p - 1 if p > 0 else size + p for p in setpos}
    return [found[index] for index in sorted(at) if 0 <= index < size]


def _times(rule: Rule, first: datetime) -> list[time]:
    hours = sorted(rule.hour) or [first.hour]
    minutes = sorted(rule.minute) or [first.minute]
    seconds = sorted({min(second, 59) for second in rule.second}) or [first.second]
    return [time(h, m, s) for h, m, s in product(hours, minutes, seconds)]


def _periods(rule: Rule, first: date, low: date, high: date) -> Iterator[Sequence[date]]:
    """Days of each period, from the one of ``low`` to the one of ``high``."""
    high = min(high, _LAST)
    match rule.frequency:
        case "YEARLY":
            for number, year in enumerate(_steps(first.year, low.year, high.year, rule.interval)):
                _bounded(number, rule)
                yield _days_of_year(year, rule.month)
        case "MONTHLY":
            steps = _steps(_month(first), _month(low), _month(high), rule.interval)
            for number, month in enumerate(steps):
                _bounded(number, rule)
                year, index = divmod(month, 12)
                if not rule.month or index + 1 in rule.month:
                    yield _days_of_month(year, index + 1)
        case "WEEKLY":
            starts = rule.weekstart
            steps = _steps(
                _week(first, starts), _week(low, starts), _week(high, starts), rule.interval
            )
            for number, week in enumerate(steps):
                _bounded(number, rule)
                start = week * 7 + rule.weekstart + 1
                yield [date.fromordinal(start + n) for n in range(7)]
        case _:
            steps = _steps(first.toordinal(), low.toordinal(), high.toordinal(), rule.interval)
            for number, day in enumerate(steps):
                _bounded(number, rule)
                yield [date.fromordinal(day)]


def _steps(first: int, low: int, high: int, interval: int) -> range:
    """First + k * interval, from the last one that is not above ``low`` on."""
    return range(first + max(0, (low - first) // interval) * interval, high + 1, interval)


def _bounded(number: int, rule: Rule) -> None:
    if number == MOST:
        raise TooMany(f"the rule {rule.text[:80]} needs more than {MOST} periods")


def _month(day: date) -> int:
    return day.year * 12 + day.month - 1


def _week(day: date, weekstart: int) -> int:
    return (day.toordinal() - 1 - weekstart) // 7


def _days_of_month(year: int, month: int) -> list[date]:
    return [date(year, month, day + 1) for day in range(monthrange(year, month)[1])]


def _days_of_year(year: int, months: Sequence[int]) -> list[date]:
    return [day for m in sorted(months) or range(1, 13) for day in _days_of_month(year, m)]


def _day_test(rule: Rule, first: datetime) -> Callable[[date], bool]:
    """Return the test for a day; what the rule leaves open is as in DTSTART (RFC 5545, 3.3.10)."""
    month, monthday = rule.month, rule.monthday
    weekdays = frozenset(weekday for n, weekday in rule.day if not n)
    open_ = not (rule.weekno or rule.yearday or monthday or rule.day)
    if open_ and rule.frequency == "YEARLY":
        month, monthday = month or (first.month,), (first.day,)
    elif open_ and rule.frequency == "MONTHLY":
        monthday = (first.day,)
    elif open_ and rule.frequency == "WEEKLY":
        weekdays = frozenset((first.weekday(),))
    nth = tuple((n, d) for n, d in rule.day if n)
    within_year = rule.frequency == "YEARLY" and not rule.month
    tests: list[Callable[[date], bool]] = []
    if month and rule.frequency != "MONTHLY":
        tests.append(lambda day: day.month in month)
    if monthday:
        tests.append(lambda day: day.day in monthday or day.day - _size(day) - 1 in monthday)
    if rule.yearday:
        tests.append(lambda day: not _year_position(day).isdisjoint(rule.yearday))
    if rule.weekno:
        tests.append(lambda day: not _week_numbers(day, rule.weekstart).isdisjoint(rule.weekno))
    if weekdays or nth:
        tests.append(lambda day: day.weekday() in weekdays or _is_nth(day, nth, within_year))
    if len(tests) == 1:
        return tests[0]
    return lambda day: all(test(day) for test in tests)


def _size(day: date) -> int:
    return monthrange(day.year, day.month)[1]


def _year_position(day: date) -> set[int]:
    number = day.timetuple().tm_yday
    return {number, number - _year_size(day.year) - 1}


def _year_size(year: int) -> int:
    return date(year, 12, 31).timetuple().tm_yday


def _week_numbers(day: date, weekstart: int) -> set[int]:
    """The week's number in its year from either end; week 1 is the first with four days in it."""
    middle = day - timedelta(days=(day.weekday() - weekstart) % 7) + timedelta(days=3)
    number = (middle.timetuple().tm_yday - 1) // 7 + 1
    left = (_year_size(middle.year) - middle.timetuple().tm_yday) // 7
    return {number, -1 - left}


def _is_nth(day: date, nth: Sequence[tuple[int, int]], within_year: bool) -> bool:
    if within_year:
        at = day.timetuple().tm_yday
        size = _year_size(day.year)
    else:
        at, size = day.day, _size(day)
    positions = ((at - 1) // 7 + 1, -1 - (size - at) // 7)
    return any(day.weekday() == weekday and n in positions for n, weekday in nth)


def _by_time(rule: Rule, first: datetime, low: datetime, high: datetime) -> Iterator[datetime]:
    """Hourly and shorter: steps from DTSTART, each kept or spread by what the rule says."""
    step = rule.interval * _STEP[rule.frequency]
    when = first + max(0, (low - first) // step - 1) * step
    fits = _day_test(rule, first) if _limited(rule) else lambda _day: True
    spread = _spread(rule)
    number = 0
    while when <= high + step:
        _bounded(number, rule)
        number += 1
        if not fits(when.date()):
            # On to the first step of the next day at once: a day may hold 86,400 of them.
            midnight = datetime.combine(when.date(), time()) + DAY
            when += -((when - midnight) // step) * step
            continue
        if not rule.hour or when.hour in rule.hour:
            yield from _positions(spread(when), rule.setpos) if rule.setpos else spread(when)
        when += step


def _spread(rule: Rule) -> Callable[[datetime], list[datetime]]:
    minutes, seconds = sorted(rule.minute), sorted({min(s, 59) for s in rule.second})

    def hourly(when: datetime) -> list[datetime]:
        return [
            when.replace(minute=m, second=s)
            for m in minutes or [when.minute]
            for s in seconds or [when.second]
        ]

    def minutely(when: datetime) -> list[datetime]:
        if minutes and when.minute not in minutes:
            return []
        return [when.replace(second=s) for s in seconds or [when.second]]

    def secondly(when: datetime) -> list[datetime]:
        fits = (not minutes or when.minute in minutes) and (not seconds or when.second in seconds)
        return [when] if fits else []

    return {"HOURLY": hourly, "MINUTELY": minutely, "SECONDLY": secondly}[rule.frequency]
