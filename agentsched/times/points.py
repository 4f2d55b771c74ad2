"""Single points: the moment a day and an hour make, the next time clocks show an hour."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo

from agentsched.times.almanac import Almanac
from agentsched.times.daycount import DAY, Days, add_amount
from agentsched.times.pieces import Amount, Clock, DayPart, Offset
from agentsched.times.reading import Side
from agentsched.times.wall import Minutes, part_hours, settle


def later(moment: datetime, length: timedelta) -> datetime:
    """Return a moment a true length later, whatever the clocks do meanwhile."""
    return (moment.astimezone(UTC) + length).astimezone(moment.tzinfo)


class Points:
    """Computes moments of one user at one instant; notes what it assumes in the almanac."""

    def __init__(self, now: datetime, zone: tzinfo, almanac: Almanac, hint: DayPart | None) -> None:
        """Prepare to compute.

        Args:
            now: When it was said, in ``zone``.
            zone: Whose clocks are meant.
            almanac: The user's day and habits.
            hint: The part of the day that the sentence suggests, for bare hours.
        """
        self.now, self.zone, self.almanac, self.hint = now, zone, almanac, hint

    def from_now(self, offset: Offset) -> datetime:
        """Return the moment an offset with hours leads to; days are of the calendar."""
        whole = tuple(p for p in offset.amount.parts if p[1] not in ("second", "minute", "hour"))
        exact = Amount(tuple(p for p in offset.amount.parts if p not in whole)).exact
        assert exact is not None
        start = self.now
        if whole:
            day = add_amount(start.date(), Amount(whole), offset.sign, self.almanac.habits)
            start = datetime.combine(day, start.timetz())
        return later(start, offset.sign * exact)

    def moment(self, side: Side, days: Days | None) -> datetime:
        """Return the moment one side names by an hour."""
        clock = side.clocks[0]
        if clock.name == "now":
            return self.now
        if len(side.clocks) > 1:
            self.almanac.note("only the first of the times said; say the others apart")
        part = side.part or self.hint
        shown = settle(clock, part, self.almanac)
        if side.shift is not None and side.shift.amount.exact is not None:
            shift = side.shift.sign * int(side.shift.amount.exact.total_seconds() // 60)
            shown = Minutes(shown.minute + shift, shown.second)
        if days is not None:
            return self.on(self.first_of(days), shown, clock, part)
        return self.next(shown, clock, part)

    def first_of(self, days: Days) -> date:
        """Return the first day of a stretch, noting that it is one."""
        if days.end - days.first > DAY:
            self.almanac.note(f"the first day of it: {days.first}")
        return days.first

    def on(self, day: date, shown: Minutes, clock: Clock, part: DayPart | None) -> datetime:
        """Return the moment on a day; a bare hour that is past today is the later one."""
        open_ = not (clock.half or clock.name or clock.hour > 12 or part)
        moment = shown.on(day, self.zone, self.almanac)
        evening = Minutes(shown.minute + 720, shown.second)
        if open_ and day == self.almanac.today and moment < self.now and shown.minute < 720:
            moment = evening.on(day, self.zone, self.almanac)
            self.almanac.note(f"{clock.hour} means {moment:%H:%M}, the earlier one is past")
        return moment

    def next(self, shown: Minutes, clock: Clock, part: DayPart | None) -> datetime:
        """Return the next time the clocks show it; in the evening a bare 9 is tonight's."""
        today = self.now.date()
        open_ = not (clock.half or clock.name or clock.hour > 12 or part)
        tries = [(today, shown)]
        if open_ and shown.minute < 720 and self.now.hour >= 17:
            tries.append((today, Minutes(shown.minute + 720, shown.second)))
        for day, minutes in tries:
            moment = minutes.on(day, self.zone, self.almanac)
            if moment > self.now:
                self.almanac.note("no day: today")
                return moment
        self.almanac.note("no day: tomorrow, today's is past")
        return shown.on(today + DAY, self.zone, self.almanac)

    def part(self, part: DayPart, days: Days | None) -> tuple[datetime, datetime]:
        """Return when a part of the day begins and ends."""
        first, last = part_hours(part, self.almanac.habits)
        day = days.first if days is not None else self.now.date()
        end = last.on(day, self.zone, self.almanac)
        if days is None and end <= self.now:
            self.almanac.note(f"no day: tomorrow, today's {part.name} is past")
            day += DAY
            end = last.on(day, self.zone, self.almanac)
        start = first.on(day, self.zone, self.almanac)
        self.almanac.note(
            f"{f'{part.trim} ' if part.trim else ''}{part.name} is {start:%H:%M} to {end:%H:%M}"
        )
        return start, end

    def point(self, side: Side, days: Days | None, *, end: bool) -> datetime:
        """Return one end of a range of which some end has no hour."""
        if side.offset is not None and side.offset.amount.is_clock:
            return self.from_now(side.offset)
        if side.clocks:
            return self.moment(side, days)
        day = days.first if days is not None else self.now.date()
        if side.part is not None:
            return part_hours(side.part, self.almanac.habits)[end].on(day, self.zone, self.almanac)
        if end:
            last = days.end if days is not None else day + DAY
            return Minutes(0).on(last, self.zone, self.almanac)
        if day == self.almanac.today:
            return self.now
        return Minutes(0).on(day, self.zone, self.almanac)

    def days_later(self, first: date, span: Amount) -> date:
        """Return the day after the last one of a length in days that begins on ``first``."""
        if span.unit != "business":
            return add_amount(first, span, 1, self.almanac.habits)
        # Counted from the day before, so that a working day it begins on is the first of them.
        return self.almanac.habits.add_business_days(first - DAY, int(span.count)) + DAY

    def day_of(self, finish: Minutes) -> date:
        """Return the day of a range of hours without one: today while it lasts."""
        today = self.now.date()
        if finish.on(today, self.zone, self.almanac) > self.now:
            self.almanac.note("no day: today")
            return today
        self.almanac.note("no day: tomorrow, today's is past")
        return today + DAY
