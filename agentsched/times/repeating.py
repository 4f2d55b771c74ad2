"""From a reading that repeats to a recurrence with bounds and its first occurrence."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta, tzinfo
from itertools import pairwise
from math import ceil

from agentsched.times.almanac import Almanac
from agentsched.times.composing import compose
from agentsched.times.daycount import DAY, Days, add_amount
from agentsched.times.errors import TimePhraseError
from agentsched.times.pieces import (
    Amount,
    CalendarDay,
    Clock,
    DayPart,
    Holiday,
    Nth,
    Period,
    Repeat,
    Stretch,
    Weekday,
)
from agentsched.times.points import later
from agentsched.times.reading import Dated, Reading, Side
from agentsched.times.recurrence import Frequency, Recurrence, last_moment
from agentsched.times.repeat_rules import Rules
from agentsched.times.resolved import Grain, Resolved
from agentsched.times.wall import WHOLE_DAY, Minutes, part_hours, settle, settle_range


def resolve_repeat(reading: Reading, now: datetime, zone: tzinfo, almanac: Almanac) -> Resolved:
    """Return the recurrence a reading speaks of.

    Raises:
        TimePhraseError: It never happens, or a bound of it does not exist.
    """
    return _Repeating(reading, now, zone, almanac).resolve()


class _Repeating:
    def __init__(self, reading: Reading, now: datetime, zone: tzinfo, almanac: Almanac) -> None:
        assert reading.repeat is not None
        self._reading, self._now, self._zone, self._almanac = reading, now, zone, almanac
        self._repeat: Repeat = reading.repeat
        self._after: date | None = None
        """First day it may happen on."""
        self._last: date | None = None
        """Last day it may happen on."""
        self._stop: datetime | None = None
        """Last moment of a series that is counted in hours or minutes."""

    def resolve(self) -> Resolved:
        if self._reading.unless:
            raise TimePhraseError(
                "a repeat rule leaves out weekdays only, not what is excepted here; "
                "say the series without the exception, then call off the day"
            )
        refining = self._bounds()
        rule = Rules(self._reading, self._repeat, self._almanac).rule(refining)
        clocks = self._clocks()
        bounds = [side for side in self._reading.sides if side.clocks and side.join == "before"]
        if bounds and len(self._times()) == 1:
            self._almanac.note("its hour is the latest one; no beginning was said")
        if clocks is not None and self._by_clock():
            rule = self._windowed(rule, clocks)
        elif len(self._times()) > 1 and not self._ends():
            rule = self._several_times(rule)
            clocks = self._clocks()
        rule, clocks = self._after_midnight(rule, clocks)
        day, start, end = self._first(rule, clocks)
        rule = self._limited(rule, day, start)
        length = self._length()
        if length is not None and start is not None and end is None:
            end = start + length
        grain: Grain = "minute" if start is not None else "day"
        if start is not None and end is not None:
            length = length or end - start
        return Resolved(
            "recurrence", self._zone, start or day, end, None, grain, length, rule.value()
        )  # fmt: skip

    # Bounds

    def _bounds(self) -> list[Dated]:
        """Set first and last day; return the days that say on which days it happens."""
        refining: list[Dated] = []
        if self._weekday_range():
            return refining
        self._set_stop()
        for index, side in enumerate(self._reading.sides):
            if side.join and side.days and not self._ends_each(index):
                self._set_last(side)
                continue
            followed = any(later.join and later.days for later in self._reading.sides[index + 1 :])
            for dated in side.days:
                if isinstance(dated.day, Stretch) and dated.day.count > 0 and not dated.prefixes:
                    self._reading.lengths.append(
                        Amount(((float(dated.day.count), dated.day.unit),))
                    )
                elif self._refines(dated):
                    refining.append(dated)
                else:
                    self._set_first(dated, followed)
            if side.offset is not None:
                found = compose(Side(offset=side.offset), self._almanac)
                if found is not None:
                    self._after = found.first
        return refining

    def _ends_each(self, index: int) -> bool:
        """Whether a side is the end of each occurrence, so that its days are of the series."""
        before, side = self._reading.sides[index - 1], self._reading.sides[index]
        return bool(
            index and side.join == "to" and side.clocks and before.clocks
            and all(self._refines(dated) for dated in before.days)
        )  # fmt: skip

    def _set_stop(self) -> None:
        """Take the hour of "every 20 minutes until 5pm" as that of its end."""
        last = self._reading.sides[-1]
        stops = last.join in ("until", "before") and last.clocks
        if not (stops and self._by_clock()) or len(self._times()) > 1:
            return
        found = compose(last, self._almanac)
        shown = settle(last.clocks[0], last.part, self._almanac)
        day = found.first if found is not None else self._almanac.today
        stop = shown.on(day, self._zone, self._almanac)
        if found is None and stop <= self._now:
            stop = shown.on(day + DAY, self._zone, self._almanac)
        self._stop, last.clocks, last.days = stop, [], []

    def _by_clock(self) -> bool:
        return self._repeat.unit in ("minute", "hour")

    def _weekday_range(self) -> bool:
        """Take "Monday to Friday" as days of the week; whether there was one."""
        sides = self._reading.sides
        for left, right in pairwise(sides):
            ends = [d.day for side in (left, right) for d in side.days]
            names = [day.day for day in ends if isinstance(day, Weekday) and not day.which]
            if right.join == "to" and len(names) == len(ends) == 2 and not self._repeat.days:
                length = (names[1] - names[0]) % 7 + 1
                days = tuple(sorted((names[0] + n) % 7 for n in range(length)))
                self._repeat = replace(self._repeat, days=days)
                left.days, right.days = [], []
                if not right.clocks:
                    sides.remove(right)
                return True
        return False

    def _refines(self, dated: Dated) -> bool:
        if dated.lead in ("starting", "from", "after", "since", "until"):
            return False
        day = dated.day
        match self._repeat.unit:
            case "week" | "day":
                return isinstance(day, Weekday) and not day.which and not dated.prefixes
            case "month":
                return isinstance(day, CalendarDay) and day.month is None
            case "year":
                return (isinstance(day, CalendarDay | Holiday) and not dated.prefixes) or bool(
                    dated.prefixes and isinstance(dated.prefixes[0], Nth)
                )
            case _:
                return False

    def _set_last(self, side: Side) -> None:
        found = compose(side, self._almanac)
        if found is None:
            return
        if side.join == "until" and found.grain in ("month", "quarter", "year"):
            self._almanac.note(f"until is before it begins: until {found.first - DAY}")
            self._last = found.first - DAY
        elif side.join == "before":
            self._last = found.first - DAY
        else:
            self._last = found.end - DAY
        if self._after is not None and self._last < self._after:
            weekly = len(side.days) == 1 and isinstance(side.days[0].day, Weekday)
            self._last += 7 * ceil((self._after - self._last).days / 7) * DAY if weekly else 0 * DAY

    def _set_first(self, dated: Dated, followed: bool) -> None:
        found = compose(Side([dated]), self._almanac)
        if found is None:
            return
        if self._repeat.unit == "year" and dated.prefixes and dated.lead in ("", "on", "in", "at"):
            raise TimePhraseError(
                "its date moves from year to year, which no repeat rule says; say it for one year"
            )
        spans = found.end - found.first > DAY or isinstance(dated.day, Period) or self._by_clock()
        spans &= dated.lead not in ("starting", "from", "after", "since") and not followed
        if dated.lead == "and":
            self._add_stretch(found, spans)
            return
        self._after = found.end if dated.lead == "after" else found.first
        if isinstance(dated.day, Period):
            self._after = max(self._after, self._almanac.today)
        if spans:
            self._last = found.end - DAY

    def _add_stretch(self, found: Days, spans: bool) -> None:
        """Let a series "in May and June" go on in June; a day beside a series has no place in it.

        Raises:
            TimePhraseError: There is a gap between the stretches.
        """
        if not spans:
            self._almanac.note(f"only the series; say {found.first} apart")
        elif self._last is None or self._last + DAY != found.first:
            raise TimePhraseError(
                "a series has one stretch, and these have a gap between them; say them apart"
            )
        else:
            self._last = found.end - DAY

    # Times of day

    def _times(self) -> list[Clock]:
        return [clock for side in self._reading.sides for clock in side.clocks]

    def _ends(self) -> bool:
        """Whether its clocks are the two ends of each occurrence."""
        return any(side.join and side.clocks for side in self._reading.sides)

    def _part(self) -> DayPart | None:
        return next((s.part for s in self._reading.sides if s.part), None) or self._repeat.part

    def _clocks(self) -> tuple[Minutes, Minutes | None] | None:
        clocks = self._times()
        part = self._part()
        if not clocks:
            return None if part is None else part_hours(part, self._almanac.habits)
        if self._ends() and len(clocks) > 1:
            return settle_range(clocks[0], clocks[1], part, self._almanac)
        return settle(clocks[0], part, self._almanac), None

    def _after_midnight(
        self, rule: Recurrence, clocks: tuple[Minutes, Minutes | None] | None
    ) -> tuple[Recurrence, tuple[Minutes, Minutes | None] | None]:
        """Let "Fridays at midnight" be Saturdays at 00:00: a rule's days are those it starts on."""
        if clocks is None or clocks[0].minute < WHOLE_DAY:
            return rule, clocks
        first, last = clocks
        shifted = first.less_a_day(), None if last is None else last.less_a_day()
        if rule.days and not any(nth for nth, _ in rule.days) and not rule.position:
            days = sorted((nth, (day + 1) % 7) for nth, day in rule.days)
            return replace(rule, days=tuple(days)), shifted
        if rule.days or rule.month_days or rule.months:
            self._almanac.note("its midnight is at the beginning of the day")
        return rule, shifted

    def _several_times(self, rule: Recurrence) -> Recurrence:
        part = self._part()
        settled = [settle(clock, part, self._almanac) for clock in self._times()]
        minutes = sorted({one.minute % 60 for one in settled})
        # BYSETPOS would choose among the hours as well.
        if len(minutes) > 1 or rule.position:
            self._almanac.note("only the first of its times repeats; say the others apart")
            return rule
        hours = tuple(sorted({one.minute // 60 % 24 for one in settled}))
        self._reading.sides[0].clocks = [Clock(hours[0], minutes[0], half="24")]
        return replace(rule, hours=hours, minutes=tuple(minutes))

    def _windowed(self, rule: Recurrence, clocks: tuple[Minutes, Minutes | None]) -> Recurrence:
        """Every hour between 9 and 5 begins at 9 and for the last time at 17."""
        first, last = clocks
        if last is None or last.minute > 1440:
            return rule
        if rule.freq == "MINUTELY":
            # The last hour is another one, but for "until 10:30".
            over = last.minute % 60 > 0
            if over:
                self._almanac.note(f"it goes on until {last.minute // 60 + 1}:00")
            if WHOLE_DAY % rule.interval:
                self._almanac.note("its times shift from day to day")
            hours = tuple(range(first.minute // 60, min(24, last.minute // 60 + over)))
            return replace(rule, hours=hours)
        hours = tuple(range(first.minute // 60, last.minute // 60 + 1))
        minute = first.minute % 60 if self._repeat.minute is None else self._repeat.minute
        if self._repeat.minute is not None:
            hours = tuple(h for h in hours if first.minute <= 60 * h + minute <= last.minute)
        hours = tuple(hour for hour in hours if hour < 24)
        freq: Frequency = "WEEKLY" if rule.days else "DAILY"
        hours = hours[:: rule.interval]
        return replace(rule, freq=freq, interval=1, hours=hours, minutes=(minute,))

    # The first occurrence, and the last

    def _first(
        self, rule: Recurrence, clocks: tuple[Minutes, Minutes | None] | None
    ) -> tuple[date, datetime | None, datetime | None]:
        start = self._after or self._almanac.today
        if clocks is None:
            if self._by_clock():
                day = rule.first(start)
                return day, self._within_hours(day), None
            return rule.first(start), None, None
        first, last = clocks
        windowed = self._by_clock()
        if windowed and self._repeat.minute is not None:
            first = Minutes(first.minute + (self._repeat.minute - first.minute) % 60)
        for day in rule.from_day(start):
            if self._last is not None and day > self._last:
                break
            try:
                moment = first.on(day, self._zone, self._almanac)
            except TimePhraseError as error:
                self._almanac.note(f"not on {day}: {str(error).split(';')[0]}")
                continue
            if moment <= self._now and self._after is None:
                continue
            ends = None if last is None or windowed else last.on(day, self._zone, self._almanac)
            return day, moment, ends
        raise TimePhraseError(
            f"{rule.value()} does not happen from {start} until {self._last}; name a later end"
        )

    def _within_hours(self, day: date) -> datetime:
        """Return the first time on or after now, or at the beginning of a later day."""
        moment = self._now.astimezone(self._zone).replace(second=0, microsecond=0)
        if day > moment.date():
            moment = Minutes(0).on(day, self._zone, self._almanac)
            self._almanac.note("its first time is at 00:00")
        if self._repeat.minute is not None:
            moment += timedelta(minutes=(self._repeat.minute - moment.minute) % 60)
        return moment

    def _length(self) -> timedelta | None:
        if self._by_clock():
            return None
        lengths = [a.exact for a in self._reading.lengths if a.is_clock]
        return lengths[0] if lengths else None

    def _limited(self, rule: Recurrence, day: date, start: datetime | None) -> Recurrence:
        if self._reading.times:
            return replace(rule, count=self._reading.times)
        within = [a.exact for a in self._reading.lengths if a.is_clock and a.exact]
        if within and self._by_clock():
            step = timedelta(**{f"{self._repeat.unit}s": self._repeat.interval})
            return replace(rule, count=max(1, int(within[0] / step)))
        spans = [a for a in self._reading.lengths if not a.is_clock]
        if spans:
            return self._for(spans[0], rule, day, start)
        if self._stop is not None:
            return replace(rule, until=self._stop)
        if self._last is None:
            return rule
        if self._last < day:
            raise TimePhraseError(
                f"{rule.value()} ends on {self._last}, before it first happens on {day}; "
                f"name a later end"
            )
        return replace(rule, until=self._until(rule, start))

    def _until(self, rule: Recurrence, start: datetime | None) -> date | datetime:
        """Return the last moment on the last day: of several times a day, the last of them."""
        assert self._last is not None
        if start is not None and rule.hours:
            start = start.replace(hour=max(rule.hours), minute=max(rule.minutes or (59,)))
        elif start is not None and self._by_clock():
            start = start.replace(hour=23, minute=59)
        return last_moment(self._last, start)

    def _for(self, span: Amount, rule: Recurrence, day: date, start: datetime | None) -> Recurrence:
        """Return the rule for a number of weeks, months: a count where that is the same."""
        count, unit = span.count, span.unit
        each = 1 if rule.position else max(1, len(rule.days) or len(rule.month_days))
        per: dict[tuple[str, str], float] = {
            ("WEEKLY", "week"): each, ("DAILY", "day"): 1, ("DAILY", "week"): 7,
            ("WEEKLY", "business"): 1, ("MONTHLY", "month"): each, ("MONTHLY", "year"): 12 * each,
            ("MONTHLY", "quarter"): 3 * each, ("YEARLY", "year"): 1,
        }  # fmt: skip
        if (rule.freq, unit) in per and not (rule.freq == "DAILY" and rule.days):
            times = per[rule.freq, unit] * count / rule.interval
            return replace(rule, count=max(1, ceil(times)) * max(1, len(rule.hours)))
        if self._by_clock() and start is not None and span.exact is not None:
            return replace(rule, until=later(start, span.exact))
        last = add_amount(day, span, 1, self._almanac.habits) - DAY
        return replace(rule, until=last_moment(last, start))
