"""From a reading to its value: moments, ranges, durations, deadlines."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from agentsched.times.almanac import DAY, Almanac, Days, add_amount
from agentsched.times.composing import compose
from agentsched.times.errors import TimePhraseError
from agentsched.times.pieces import (
    Amount,
    CalendarDay,
    Clock,
    DayPart,
    Offset,
    Period,
    Repeat,
    Weekday,
    Year,
)
from agentsched.times.reading import Dated, Reading, Side
from agentsched.times.repeating import resolve_repeat
from agentsched.times.resolved import Grain, Resolved
from agentsched.times.vocabulary import DAY_NAMES
from agentsched.times.wall import Minutes, part_hours, settle, settle_range

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
        self._reading, self._almanac, self._hint = reading, almanac, hint
        self._zone: tzinfo = reading.zone.zone if reading.zone else zone
        self._own = zone
        self._now = now.astimezone(self._zone)

    def value(self) -> Resolved:
        """Return the value.

        Raises:
            TimePhraseError: It names a day or a time of day that does not exist.
        """
        reading = self._reading
        for side in reading.sides:
            self._settle_number(side)
        listed = any(len(side.several) > 1 for side in reading.sides)
        daily = self._daily_window()
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

    # One point

    def _single(self, side: Side) -> Resolved:
        days = compose(side, self._almanac, before=self._reading.bound == "since")
        length = self._length()
        if side.offset is not None and side.offset.amount.is_clock:
            return self._with_length(self._from_now(side.offset, days, side), length, "minute")
        if side.clocks:
            return self._with_length(self._moment(side, days), length, "minute")
        if side.part is not None:
            start, end = self._part(side.part, days)
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
            end = self._days_later(days.first, spans[0])
            return Resolved("range", self._zone, days.first, end, None, "day", end - days.first)
        return Resolved("range", self._zone, days.first, days.end, None, grain, length)

    def _days_later(self, first: date, span: Amount) -> date:
        if span.unit != "business":
            return add_amount(first, span, 1, self._almanac.habits)
        opens = first if self._almanac.habits.is_business(first) else first - DAY
        return self._almanac.habits.add_business_days(opens, int(span.count) - 1) + DAY

    def _stretch(self) -> Resolved:
        """The next two hours."""
        stretch = self._reading.sides[0].days[0].day
        unit = getattr(stretch, "unit", "hour")
        count = getattr(stretch, "count", 0)
        length = timedelta(**{f"{unit}s": abs(count)})
        start = self._now if count > 0 else self._shifted(self._now, -length)
        return Resolved(
            "range", self._zone, start, self._shifted(start, length), None, _GRAINS[unit], length
        )

    def _from_now(self, offset: Offset, days: Days | None, side: Side) -> datetime:
        whole = tuple(p for p in offset.amount.parts if p[1] not in ("second", "minute", "hour"))
        exact = Amount(tuple(p for p in offset.amount.parts if p not in whole)).exact
        assert exact is not None
        start = self._now
        if whole:
            day = add_amount(start.date(), Amount(whole), offset.sign, self._almanac.habits)
            start = datetime.combine(day, start.timetz())
        return self._shifted(start, offset.sign * exact)

    @staticmethod
    def _shifted(moment: datetime, length: timedelta) -> datetime:
        """Return a moment a true length later, whatever the clocks do meanwhile."""
        return (moment.astimezone(UTC) + length).astimezone(moment.tzinfo)

    def _moment(self, side: Side, days: Days | None) -> datetime:
        clock = side.clocks[0]
        if clock.name == "now":
            return self._now
        if len(side.clocks) > 1:
            self._almanac.note("only the first of the times said; say the others apart")
        part = side.part or self._hint
        shown = settle(clock, part, self._almanac)
        if side.shift is not None and side.shift.amount.exact is not None:
            shift = side.shift.sign * int(side.shift.amount.exact.total_seconds() // 60)
            shown = Minutes(shown.minute + shift, shown.second)
        if days is not None:
            return self._on(self._first_of(days), shown, clock, part)
        return self._next(shown, clock, part)

    def _first_of(self, days: Days) -> date:
        if days.end - days.first > DAY:
            self._almanac.note(f"the first day of it: {days.first}")
        return days.first

    def _on(self, day: date, shown: Minutes, clock: Clock, part: DayPart | None) -> datetime:
        """Return the moment on a day; a bare hour that is past today is the later one."""
        open_ = not (clock.half or clock.name or clock.hour > 12 or part)
        moment = shown.on(day, self._zone, self._almanac)
        later = Minutes(shown.minute + 720, shown.second)
        if open_ and day == self._almanac.today and moment <= self._now and shown.minute < 720:
            moment = later.on(day, self._zone, self._almanac)
            self._almanac.note(f"{clock.hour} means {moment:%H:%M}, the earlier one is past")
        return moment

    def _next(self, shown: Minutes, clock: Clock, part: DayPart | None) -> datetime:
        """Return the next time the clocks show it; in the evening a bare 9 is tonight's."""
        today = self._now.date()
        open_ = not (clock.half or clock.name or clock.hour > 12 or part)
        tries = [(today, shown)]
        if open_ and shown.minute < 720 and self._now.hour >= 17:
            tries.append((today, Minutes(shown.minute + 720, shown.second)))
        for day, minutes in tries:
            moment = minutes.on(day, self._zone, self._almanac)
            if moment > self._now:
                self._almanac.note("no day: today")
                return moment
        self._almanac.note("no day: tomorrow, today's is past")
        return shown.on(today + DAY, self._zone, self._almanac)

    def _part(self, part: DayPart, days: Days | None) -> tuple[datetime, datetime]:
        first, last = part_hours(part, self._almanac.habits)
        day = days.first if days is not None else self._now.date()
        end = last.on(day, self._zone, self._almanac)
        if days is None and end <= self._now:
            self._almanac.note(f"no day: tomorrow, today's {part.name} is past")
            day += DAY
            end = last.on(day, self._zone, self._almanac)
        start = first.on(day, self._zone, self._almanac)
        self._almanac.note(
            f"{f'{part.trim} ' if part.trim else ''}{part.name} is {start:%H:%M} to {end:%H:%M}"
        )
        return start, end

    # Lengths

    def _length(self) -> timedelta | None:
        clock = [amount for amount in self._reading.lengths if amount.is_clock]
        return clock[0].exact if clock else None

    def _with_length(self, start: datetime, length: timedelta | None, grain: Grain) -> Resolved:
        spans = [amount for amount in self._reading.lengths if not amount.is_clock]
        if length is None and spans:
            last = self._days_later(start.date(), spans[0])
            end = datetime.combine(last, start.timetz())
            return Resolved("range", self._zone, start, end, None, grain, end - start)
        if length is None:
            return Resolved("moment", self._zone, start, None, None, grain)
        return Resolved(
            "range", self._zone, start, self._shifted(start, length), None, grain, length
        )

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
        first, last = self._ends(left, right)
        length = self._length()
        if not (
            left.clocks or right.clocks or left.part or right.part or left.offset or right.offset
        ):
            assert first is not None
            assert last is not None
            grain = _GRAINS[last.grain] if first.grain == last.grain else "day"
            return Resolved("range", self._zone, first.first, last.end, None, grain, length)
        if left.clocks and right.clocks and not (left.offset or right.offset):
            start, end = self._clock_range(left, right, first, last)
        else:
            start, end = self._mixed_range(left, right, first, last)
        if end <= start:
            raise TimePhraseError(
                f"it ends at {end:%d %b %Y %H:%M}, not after its start {start:%d %b %Y %H:%M}; "
                f"give the earlier end first"
            )
        return Resolved("range", self._zone, start, end, None, "minute", length or end - start)

    def _ends(self, left: Side, right: Side) -> tuple[Days | None, Days | None]:
        """Return the days of both ends; an end without one has the other's."""
        self._share_year(left, right)
        shared = [d for d in right.days if isinstance(d.day, Period)]
        if shared and len(left.days) == 1 and isinstance(left.days[0].day, Weekday):
            left.days = [*left.days, *shared]
        name = right.days[0].day if len(right.days) == 1 else None
        if isinstance(name, Weekday) and not name.which and left.days and not left.offset:
            first = compose(left, self._almanac)
            if first is not None:
                ahead = (name.day - first.first.weekday()) % 7
                return first, Days.one(first.first + ahead * DAY)
        last = compose(right, self._almanac)
        first = self._left(left, right, last)
        if first is None:
            return last, last
        if last is None:
            return first, first
        return first, self._not_before(last, first, right)

    @staticmethod
    def _share_year(left: Side, right: Side) -> None:
        """Give "26 June to 28 June 2020" its year at both ends."""
        said = [
            d.day.year for d in right.days if isinstance(d.day, CalendarDay | Year) and d.day.year
        ]
        month = next((d.day.month for d in right.days if isinstance(d.day, CalendarDay)), None)
        for index, dated in enumerate(left.days):
            day = dated.day
            if said and month and isinstance(day, CalendarDay) and day.month and not day.year:
                year = said[0] - (day.month > month)
                left.days[index] = replace(dated, day=replace(day, year=year))

    def _left(self, left: Side, right: Side, last: Days | None) -> Days | None:
        first = compose(left, self._almanac)
        bare = len(left.days) == 1 and isinstance(left.days[0].day, CalendarDay)
        if first is not None and last is not None and bare and left.days[0].day.month is None:  # type: ignore[union-attr]  # a CalendarDay
            inside = last.first.replace(day=1) + (first.first.day - 1) * DAY
            return Days.one(inside) if inside <= last.first else first
        return first

    def _not_before(self, last: Days, first: Days, side: Side) -> Days:
        if last.first >= first.first or not side.days:
            return last
        day = side.days[0].day
        if isinstance(day, Weekday):
            weeks = -((last.first - first.first).days // 7)
            return Days(last.first + 7 * weeks * DAY, last.end + 7 * weeks * DAY)
        if isinstance(day, CalendarDay) and day.year is None:
            later = Almanac(first.first, self._almanac.habits)
            return later.find(day)
        return last

    def _clock_range(
        self, left: Side, right: Side, first: Days | None, last: Days | None
    ) -> tuple[datetime, datetime]:
        opening, closing = left.clocks[0], right.clocks[0]
        part = left.part or right.part or self._hint
        same = first is None or first == last
        if opening.name == "now":
            start = self._now
            shown = settle(closing, part, self._almanac)
            end = (
                self._next(shown, closing, part)
                if last is None
                else self._on(last.first, shown, closing, part)
            )
            return start, end
        if not same:
            assert first is not None
            assert last is not None
            begin = settle(opening, left.part, self._almanac)
            finish = settle(closing, right.part, self._almanac)
            return (
                begin.on(first.first, self._zone, self._almanac),
                finish.on(last.first, self._zone, self._almanac),
            )
        if left.part is not None:
            begin = settle(opening, left.part, self._almanac)
            finish = settle(
                closing, right.part or (None if closing.half else left.part), self._almanac
            )
            if finish.minute <= begin.minute:
                finish = Minutes(finish.minute + 720 * (2 if closing.half else 1), finish.second)
        else:
            begin, finish = settle_range(opening, closing, part, self._almanac)
        day = self._first_of(first) if first is not None else self._day_of(finish)
        start = begin.on(day, self._zone, self._almanac)
        return start, finish.on(day, self._zone, self._almanac)

    def _day_of(self, finish: Minutes) -> date:
        today = self._now.date()
        if finish.on(today, self._zone, self._almanac) > self._now:
            self._almanac.note("no day: today")
            return today
        self._almanac.note("no day: tomorrow, today's is past")
        return today + DAY

    def _mixed_range(
        self, left: Side, right: Side, first: Days | None, last: Days | None
    ) -> tuple[datetime, datetime]:
        """Return the ends where one of them is a whole day or a part of it."""
        start = self._point(left, first, end=False)
        end = self._point(right, last, end=True)
        if end <= start and right.clocks and not right.days and not left.days:
            end = self._shifted(end, timedelta(days=1))
        return start, end

    def _point(self, side: Side, days: Days | None, *, end: bool) -> datetime:
        if side.offset is not None and side.offset.amount.is_clock:
            return self._from_now(side.offset, days, side)
        if side.clocks:
            return self._moment(side, days)
        day = days.first if days is not None else self._now.date()
        if side.part is not None:
            return part_hours(side.part, self._almanac.habits)[end].on(
                day, self._zone, self._almanac
            )
        if end:
            last = days.end if days is not None else day + DAY
            return Minutes(0).on(last, self._zone, self._almanac)
        if day == self._almanac.today:
            return self._now
        return Minutes(0).on(day, self._zone, self._almanac)

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
            return self._from_now(side.offset, days, side), "minute"
        if side.clocks:
            return self._moment(side, days), "minute"
        if side.part is not None:
            start, end = self._part(side.part, days)
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
        office = [d.day for d in plain] == [0, 4] and sum(len(s.days) for s in days) == 2
        if len(sides) < 3 and not (office and len(clocks) == 1 and clocks[0] is sides[1]):
            return None
        if len(sides) >= 3 and len(clocks) != 2:
            return None
        first, last = self._ends(Side(days[0].days), Side(days[1].days))
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
        hours[0].days = [*days[0].days]
        for dated in hours[0].days:
            hours[0].days = [replace(dated, lead="from")]
            break
        return resolve_repeat(
            replace(self._reading, repeat=Repeat("day"), sides=hours, times=count),
            self._now, self._zone, self._almanac,
        )  # fmt: skip

    def _note_zone(self, value: Resolved) -> None:
        said = self._reading.zone
        if said is None:
            return
        moment = next((m for m in (value.start, value.due) if isinstance(m, datetime)), None)
        if said.loose and moment is not None and moment.tzname() != said.said:
            self._almanac.note(f"{said.said} is read as {moment.tzname()}, the clocks there then")
