"""Which rule a repeat means: days of the week, of the month, of the year; the nth of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from agentsched.times.almanac import Almanac
from agentsched.times.errors import TimePhraseError
from agentsched.times.holidays import moves, yearly
from agentsched.times.pieces import CalendarDay, Clock, Holiday, Nth, Repeat, Weekday
from agentsched.times.reading import Dated, Reading
from agentsched.times.recurrence import Frequency, Recurrence
from agentsched.times.vocabulary import DAY_NAMES

_FREQUENCIES: dict[str, Frequency] = {
    "minute": "MINUTELY", "hour": "HOURLY", "day": "DAILY", "week": "WEEKLY", "month": "MONTHLY",
    "year": "YEARLY",
}  # fmt: skip
_SPREAD = {2: (1, 3), 3: (0, 2, 4), 4: (0, 1, 3, 4), 5: (0, 1, 2, 3, 4), 6: (0, 1, 2, 3, 4, 5)}


class Rules:
    """Makes the rule of one reading, still without first and last day."""

    def __init__(self, reading: Reading, repeat: Repeat, almanac: Almanac) -> None:
        """Prepare; ``reading`` gets the hours that are spread over a day."""
        self._reading, self._repeat, self._almanac = reading, repeat, almanac

    def rule(self, refining: list[Dated]) -> Recurrence:
        """Return the rule; ``refining`` are the days said of it."""
        repeat, nth = self._repeat, self._reading.nth
        rule = Recurrence(_FREQUENCIES[repeat.unit], repeat.interval)
        if repeat.minute is not None:
            rule = replace(rule, minutes=(repeat.minute,))
        if nth is not None and repeat.unit == "year":
            rule = replace(rule, months=_months(refining))
        if nth is not None and repeat.unit in ("month", "year", "week"):
            return self._nth(nth, replace(rule, freq="MONTHLY") if repeat.unit == "week" else rule)
        if repeat.unit in ("day", "week"):
            return self._weekly(rule, refining)
        if repeat.unit == "month":
            days = repeat.month_days + tuple(
                d.day.day for d in refining if isinstance(d.day, CalendarDay)
            )
            if not days and repeat.times:
                days = tuple(1 + n * (30 // repeat.times) for n in range(repeat.times))
                self._almanac.note(f"the days of the month were not said: {days}")
            if repeat.days:
                return replace(rule, days=tuple((0, day) for day in repeat.days))
            if days and max(days) > 28:
                self._almanac.note(f"months without a {max(days)}. are left out")
            return replace(rule, month_days=days)
        if repeat.unit == "year":
            return self._yearly(rule, refining)
        weekdays = repeat.days or tuple(
            day for day in range(7) if day not in self._almanac.habits.weekend and repeat.business
        )
        return replace(rule, days=tuple((0, day) for day in weekdays))

    def _weekly(self, rule: Recurrence, refining: list[Dated]) -> Recurrence:
        repeat = self._repeat
        weekend = self._almanac.habits.weekend
        days = set(repeat.days) | {d.day.day for d in refining if isinstance(d.day, Weekday)}
        days |= {day for side in self._reading.sides for day in side.several}
        if repeat.business and not days:
            days = set(range(7)) - weekend
        elif repeat.days == (5, 6):
            days = set(weekend) or days
        if not days and repeat.times and repeat.unit == "week":
            days = set(_SPREAD.get(repeat.times, tuple(range(7))))
            self._almanac.note(
                "the days were not said: " + ", ".join(DAY_NAMES[day] for day in sorted(days))
            )
        if self._reading.excluded:
            days = (days or set(range(7))) - set(self._reading.excluded)
            if not days:
                raise TimePhraseError(
                    "every day of the week is excepted; leave one of them for it to happen on"
                )
        if days == set(range(7)):
            days = set()
        if repeat.unit == "day" and days and repeat.interval == 1:
            rule = replace(rule, freq="WEEKLY")
        rule = replace(rule, days=tuple((0, day) for day in sorted(days)))
        if repeat.unit == "day" and repeat.times and not any(s.clocks for s in self._reading.sides):
            return self._spread_over_day(rule, repeat.times)
        return rule

    def _spread_over_day(self, rule: Recurrence, times: int) -> Recurrence:
        habits = self._almanac.habits
        first, last = habits.work_start.hour, habits.work_end.hour
        hours = tuple(first + n * (last - first) // times for n in range(times))
        self._almanac.note("the hours were not said: " + ", ".join(f"{h:02}:00" for h in hours))
        self._reading.sides[0].clocks = [Clock(hours[0], half="24")]
        return replace(rule, hours=tuple(dict.fromkeys(hours)), minutes=(0,))

    def _nth(self, nth: Nth, rule: Recurrence) -> Recurrence:
        if rule.interval % 3 == 0 and rule.freq == "MONTHLY":
            months = (3, 6, 9, 12) if nth.numbers[0] < 0 else (1, 4, 7, 10)
            rule = replace(rule, months=months, anchored=True)
        if nth.what == "weekday":
            return replace(rule, days=tuple((n, day) for n in nth.numbers for day in nth.days))
        if nth.what == "business" and abs(nth.numbers[0]) > 23:
            raise TimePhraseError(
                f"no month has {abs(nth.numbers[0])} working days; say which from first to last"
            )
        if nth.what == "business":
            days = tuple((0, d) for d in range(7) if d not in self._almanac.habits.weekend)
            return replace(rule, days=days, position=nth.numbers[0])
        if nth.what == "day":
            return replace(rule, month_days=nth.numbers)
        return replace(rule, days=tuple((n, 0 if nth.what == "week" else 5) for n in nth.numbers))

    def _yearly(self, rule: Recurrence, refining: list[Dated]) -> Recurrence:
        if self._repeat.times and not refining:
            self._almanac.note("the days of the year were not said: evenly spread")
            return Recurrence("MONTHLY", max(1, 12 * rule.interval // self._repeat.times))
        if _months(refining):
            return self._in_months(rule, refining)
        if len(refining) > 1:
            self._almanac.note("only the first of its dates repeats; say the others apart")
        for dated in refining:
            if dated.prefixes and isinstance(dated.prefixes[0], Nth):
                nth = dated.prefixes[0]
                month = self._quietly(dated).month
                return replace(
                    rule, months=(month,), days=tuple((n, d) for n in nth.numbers for d in nth.days)
                )
            if isinstance(dated.day, Holiday):
                if moves(dated.day.name):
                    raise TimePhraseError(
                        "its date moves from year to year, which no repeat rule says; "
                        "say it for one year"
                    )
                found = yearly(dated.day.name)
                if found is not None:
                    month, weekday, number = found
                    return replace(rule, months=(month,), days=((number, weekday),))
            day = self._quietly(dated)
            return replace(rule, months=(day.month,), month_days=(day.day,))
        return rule

    def _in_months(self, rule: Recurrence, refining: list[Dated]) -> Recurrence:
        """Read "January and July on the 1st"; without a day, the first of them is meant."""
        days = [d.day.day for d in refining if isinstance(d.day, CalendarDay) and d.day.day]
        if not days:
            self._almanac.note("no day: the 1st")
        return replace(rule, months=_months(refining), month_days=tuple(days) or (1,))

    def _quietly(self, dated: Dated) -> date:
        """Return a day of which only month and day count, so that no year is assumed."""
        return Almanac(self._almanac.today, self._almanac.habits).find(dated.day).first


def _months(refining: list[Dated]) -> tuple[int, ...]:
    """Return the months said as such, where nothing names a date of its own."""
    days = [d.day for d in refining if isinstance(d.day, CalendarDay) and not d.prefixes]
    if len(days) < len(refining) or any(day.month and day.day for day in days):
        return ()
    return tuple(sorted({day.month for day in days if day.month}))
