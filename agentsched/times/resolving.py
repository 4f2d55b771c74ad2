"""From a reading to its value: moments, ranges, durations, deadlines."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from agentsched.times.almanac import Almanac
from agentsched.times.composing import compose
from agentsched.times.daycount import DAY, Days, add_amount
from agentsched.times.errors import TimePhraseError
from agentsched.times.pieces import (
    Amount,
    CalendarDay,
    Clock,
    DayPart,
    Offset,
    Period,
    Repeat,
    Stretch,
    Weekday,
)
from agentsched.times.points import Points, later
from agentsched.times.ranges import Ranges
from agentsched.times.reading import Dated, Reading, Side
from agentsched.times.repeating import resolve_repeat
from agentsched.times.resolved import Grain, Resolved
from agentsched.times.vocabulary import DAY_NAMES
from agentsched.times.wall import Minutes

_GRAINS: dict[str, Grain] = {
    "day": "day", "business": "day", "week": "week", "month": "month", "quarter": "quarter",
    "year": "year", "second": "second", "minute": "minute", "hour": "hour",
}  # fmt: skip


class Resolving:
    """Computes the value of one reading at one moment."""

    def __init__(
        self,
        reading: Reading,
        now: datetime,
        zone: ZoneInfo,
        almanac: Almanac,
        hint: DayPart | None,
    ) -> None:
        """Prepare to resolve.

        Args:
            reading: What was said.
            now: When it was said; aware.
            zone: Where the user is; days are counted there.
            almanac: The user's day and habits; collects what is assumed.
            hint: The part of the day that the sentence suggests, for bare hours.
        """
        self._reading, self._almanac = reading, almanac
        self._zone: tzinfo = reading.zone.zone if reading.zone else zone
        self._now = now.astimezone(self._zone)
        self._points = Points(self._now, self._zone, almanac, hint)
        self._ranges = Ranges(self._points)

    def value(self) -> Resolved:
        """Return the value.

        Raises:
            TimePhraseError: It names a day or a time of day that does not exist.
        """
        reading = self._reading
        for side in reading.sides:
            self._settle_number(side)
            self._settle_this_time(side)
        listed = any(len(side.several) > 1 for side in reading.sides)
        daily = self._daily_window()
        if reading.repeat is None and (reading.excluded or reading.unless):
            self._almanac.note("the exception is not part of it; name the days that are meant")
        if reading.repeat is None and sum(bool(side.clocks) for side in reading.sides) > 2:
            self._almanac.note("only the first of the ranges; say the others apart")
        if reading.repeat is None and daily is not None:
            value = daily
        elif reading.repeat is not None:
            value = resolve_repeat(reading, self._now, self._zone, self._almanac)
        elif listed:
            value = self._listed()
        elif reading.bound in ("by", "before"):
            value = self._deadline()
        elif len(reading.sides) > 1:
            value = self._range(reading.sides[0], reading.sides[1])
        elif reading.sides[0].empty:
            value = self._duration()
        else:
            value = self._single(reading.sides[0])
        if reading.bound in ("after", "since", "onward"):
            value = self._open(value)
        self._note_zone(value)
        return replace(value, assumed=tuple(self._almanac.assumed))

    def _settle_number(self, side: Side) -> None:
        """Take "Friday 13" as a date where the weekday has it soon, "Friday 9" as an hour."""
        number, name = (
            side.number,
            next((d.day for d in side.days if isinstance(d.day, Weekday)), None),
        )
        side.number = 0
        if not number or name is None:
            return
        within = 14 if number <= 12 else 92 if number <= 24 else 366
        day = next(
            (self._almanac.today + n * DAY for n in range(1, within)
             if (self._almanac.today + n * DAY).day == number
             and (self._almanac.today + n * DAY).weekday() == name.day), None,
        )  # fmt: skip
        if day is not None:
            self._almanac.note(f"{DAY_NAMES[name.day]} {number} is {day}")
            side.days = [Dated(CalendarDay(day.year, day.month, day.day))]
        elif number <= 24 and not side.clocks:
            side.clocks = [Clock(number, half="24" if number > 12 else "")]

    def _settle_this_time(self, side: Side) -> None:
        """Take "this time next week" as now, moved by a week; "this time on Friday" as its hour."""
        if not any(clock.name == "this time" for clock in side.clocks):
            return
        side.clocks = [Clock(self._now.hour, self._now.minute, half="24")]
        period = side.days[0].day if len(side.days) == 1 else None
        if isinstance(period, Period) and period.span in ("week", "month", "year"):
            side.days = []
            side.offset = Offset(Amount(((float(period.offset), period.span),)))

    # One point

    def _single(self, side: Side) -> Resolved:
        days = compose(side, self._almanac, before=self._reading.bound == "since")
        length = self._length()
        if side.offset is not None and side.offset.amount.is_clock:
            return self._with_length(self._points.from_now(side.offset), length, "minute")
        if side.clocks:
            return self._with_length(self._points.moment(side, days), length, "minute")
        if side.part is not None:
            start, end = self._points.part(side.part, days)
            return Resolved("range", self._zone, start, end, None, "part", length)
        assert days is not None
        return self._whole_days(days)

    def _whole_days(self, days: Days) -> Resolved:
        length, grain = self._length(), _GRAINS[days.grain]
        spans = [amount for amount in self._reading.lengths if not amount.is_clock]
        if days.grain in ("second", "minute", "hour"):
            return self._stretch()
        if days.end - days.first == DAY and grain == "day":
            if not spans:
                return Resolved("date", self._zone, days.first, None, None, "day", length)
            end = self._points.days_later(days.first, spans[0])
            return Resolved("range", self._zone, days.first, end, None, "day", end - days.first)
        return Resolved("range", self._zone, days.first, days.end, None, grain, length)

    def _stretch(self) -> Resolved:
        """The next two hours."""
        days = (dated.day for dated in self._reading.sides[0].days)
        stretch = next(day for day in days if isinstance(day, Stretch))
        unit, count = stretch.unit, stretch.count
        length = timedelta(**{f"{unit}s": abs(count)})
        start = self._now if count > 0 else later(self._now, -length)
        return Resolved(
            "range", self._zone, start, later(start, length), None, _GRAINS[unit], length
        )

    # Lengths

    def _length(self) -> timedelta | None:
        clock = [amount for amount in self._reading.lengths if amount.is_clock]
        return clock[0].exact if clock else None

    def _with_length(self, start: datetime, length: timedelta | None, grain: Grain) -> Resolved:
        spans = [amount for amount in self._reading.lengths if not amount.is_clock]
        if length is None and spans:
            last = self._points.days_later(start.date(), spans[0])
            end = datetime.combine(last, start.timetz())
            return Resolved("range", self._zone, start, end, None, grain, end - start)
        if length is None:
            return Resolved("moment", self._zone, start, None, None, grain)
        return Resolved("range", self._zone, start, later(start, length), None, grain, length)

    def _duration(self) -> Resolved:
        amounts = self._reading.lengths
        if not amounts:
            raise TimePhraseError("it names no time of its own; say when")
        if len(amounts) > 1:
            self._almanac.note("only the first of the lengths said")
        amount = amounts[0]
        grain = _GRAINS[amount.unit]
        exact = amount.exact
        if exact is None or amount.unit == "business":
            today = self._almanac.today
            exact = add_amount(today, amount, 1, self._almanac.habits) - today
            if amount.unit == "business":
                exact = timedelta(days=amount.count)
            self._almanac.note(f"its length from today: {exact.days} days")
        return Resolved("duration", self._zone, None, None, None, grain, exact)

    # Two ends

    def _range(self, left: Side, right: Side) -> Resolved:
        first, last = self._ranges.ends(left, right)
        length = self._length()
        if not any(side.clocks or side.part or side.offset for side in (left, right)):
            assert first is not None
            assert last is not None
            if last.end <= first.first:
                raise TimePhraseError(
                    f"it ends on {last.end - DAY}, before it begins on {first.first}; "
                    f"give the earlier day first"
                )
            grain = _GRAINS[last.grain] if first.grain == last.grain else "day"
            return Resolved("range", self._zone, first.first, last.end, None, grain, length)
        start, end = self._ranges.moments(left, right, first, last)
        return Resolved("range", self._zone, start, end, None, "minute", length or end - start)

    # Bounds

    def _deadline(self) -> Resolved:
        side = next((side for side in self._reading.sides if not side.empty), None)
        if side is None:
            raise TimePhraseError("it names no day or time to be done by; say by when")
        due, grain = self._due(side)
        return Resolved("deadline", self._zone, None, None, due, grain, self._length())

    def _due(self, side: Side) -> tuple[datetime | date, Grain]:
        days = compose(side, self._almanac)
        before = self._reading.bound == "before"
        if side.offset is not None and side.offset.amount.is_clock:
            return self._points.from_now(side.offset), "minute"
        if side.clocks:
            return self._points.moment(side, days), "minute"
        if side.part is not None:
            start, end = self._points.part(side.part, days)
            return (end if side.part.name == "night" and not before else start), "part"
        assert days is not None
        if before:
            return Minutes(0).on(days.first, self._zone, self._almanac), "day"
        if days.end - days.first > DAY:
            self._almanac.note(f"by its first day: {days.first}")
        return days.first, "day"

    def _open(self, value: Resolved) -> Resolved:
        """After, since, from on: a range without an end."""
        start = value.start
        if start is None or value.rrule:
            return value
        if self._reading.bound != "after":
            return replace(value, kind="range", end=None, duration=self._length())
        if isinstance(value.end, date) and not isinstance(value.end, datetime):
            start = value.end
        elif value.kind == "date" and not isinstance(start, datetime):
            start += DAY
        elif value.grain == "part" and value.end is not None:
            start = value.end
        return replace(value, kind="range", start=start, end=None, duration=self._length())

    # Days that each have their own

    def _listed(self) -> Resolved:
        """Tuesday and Thursday at 4: once each."""
        side = self._reading.sides[0]
        days = next(side.several for side in self._reading.sides if side.several)
        reading = replace(self._reading, repeat=Repeat("week", 1, days), times=len(days))
        names = " and ".join(DAY_NAMES[day] for day in days)
        weeks = [d for d in side.days if isinstance(d.day, Period)]
        if not weeks:
            self._almanac.note(f"{names}: once each; say every for a series")
        if self._reading.bound in ("by", "before"):
            reading.sides[0].several = ()
        return resolve_repeat(reading, self._now, self._zone, self._almanac)

    def _daily_window(self) -> Resolved | None:
        """Monday to Friday 9 to 5: the same hours each day."""
        sides = self._reading.sides
        days = [side for side in sides if side.days]
        clocks = [side for side in sides if side.clocks]
        if len(days) != 2 or self._reading.bound or not clocks:
            return None
        plain = [d.day for side in days for d in side.days if isinstance(d.day, Weekday)]
        two = len(plain) == 2 and sum(len(side.days) for side in days) == 2
        office = two and [d.day for d in plain] == [0, 4]
        # "From Tuesday to Thursday at noon" is one stretch, "Tuesday to Thursday at noon" is not.
        named = two and not any(d.which for d in plain) and days[0].days[0].lead != "from"
        if len(sides) < 3 and not (
            (office or (named and days[1].join == "to"))
            and len(clocks) == 1
            and clocks[0] is sides[1]
        ):
            return None
        if len(sides) >= 3 and len(clocks) != 2:
            return None
        first, last = self._ranges.ends(Side(days[0].days), Side(days[1].days))
        assert first is not None
        assert last is not None
        hours = [Side(clocks=side.clocks, part=side.part) for side in clocks]
        if len(hours) > 1:
            hours[1].join = "to"
        if office:
            self._almanac.note("Monday to Friday is every week")
            repeat = Repeat("week", 1, (0, 1, 2, 3, 4))
            return resolve_repeat(
                replace(self._reading, repeat=repeat, sides=hours),
                self._now,
                self._zone,
                self._almanac,
            )
        count = (last.end - first.first).days
        if count < 1:
            raise TimePhraseError(
                f"it ends on {last.end - DAY}, before it begins on {first.first}; "
                f"give the earlier day first"
            )
        if two:
            names = " to ".join(DAY_NAMES[day.day] for day in plain)
            self._almanac.note(f"{names}: once each; say every for a series")
        hours[0].days = [replace(days[0].days[0], lead="from")]
        return resolve_repeat(
            replace(self._reading, repeat=Repeat("day"), sides=hours, times=count),
            self._now, self._zone, self._almanac,
        )  # fmt: skip

    def _note_zone(self, value: Resolved) -> None:
        said = self._reading.zone
        if said is None:
            return
        moment = next((m for m in (value.start, value.due) if isinstance(m, datetime)), None)
        if said.place:
            self._almanac.note(f"it is the local time of {said.said}")
        name = moment.tzname() if moment is not None else None
        if said.loose and name and name.isalpha() and name != said.said:
            self._almanac.note(f"{said.said} is read as {name}, the clocks there then")
