"""Ranges: two ends, of which one may lend the other its day, its year or its half of the day."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from agentsched.times.almanac import Almanac
from agentsched.times.composing import compose
from agentsched.times.daycount import DAY, Days
from agentsched.times.errors import TimePhraseError
from agentsched.times.pieces import CalendarDay, Period, Weekday, Year
from agentsched.times.points import Points, later
from agentsched.times.reading import Side
from agentsched.times.wall import Minutes, settle, settle_range


class Ranges:
    """Computes ranges with the points of one user."""

    def __init__(self, points: Points) -> None:
        self._points, self._almanac = points, points.almanac

    def moments(
        self, left: Side, right: Side, first: Days | None, last: Days | None
    ) -> tuple[datetime, datetime]:
        """Return both ends of a range that has hours.

        Raises:
            TimePhraseError: It ends before it begins.
        """
        if left.clocks and right.clocks and not (left.offset or right.offset):
            start, end = self._clock_range(left, right, first, last)
        else:
            start, end = self._mixed_range(left, right, first, last)
        if end <= start:
            raise TimePhraseError(
                f"it ends at {end:%d %b %Y %H:%M}, not after its start {start:%d %b %Y %H:%M}; "
                f"give the earlier end first"
            )
        return start, end

    def ends(self, left: Side, right: Side) -> tuple[Days | None, Days | None]:
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
        until_now = any(clock.name == "now" for clock in right.clocks)
        first = compose(left, self._almanac, before=until_now)
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
            return Almanac(first.first, self._almanac.habits).find(day)
        return last

    def _clock_range(
        self, left: Side, right: Side, first: Days | None, last: Days | None
    ) -> tuple[datetime, datetime]:
        opening, closing = left.clocks[0], right.clocks[0]
        part = left.part or right.part or self._points.hint
        same = first is None or (first == last and not (left.days and right.days))
        if opening.name == "now":
            start = self._points.now
            shown = settle(closing, part, self._almanac)
            end = (
                self._points.next(shown, closing, part)
                if last is None
                else self._points.on(last.first, shown, closing, part)
            )
            return start, end
        if not same:
            assert first is not None
            assert last is not None
            begin = settle(opening, left.part, self._almanac)
            finish = settle(closing, right.part, self._almanac)
            return (
                begin.on(first.first, self._points.zone, self._almanac),
                finish.on(last.first, self._points.zone, self._almanac),
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
        day = self._points.first_of(first) if first is not None else self._points.day_of(finish)
        start = begin.on(day, self._points.zone, self._almanac)
        return start, finish.on(day, self._points.zone, self._almanac)

    def _mixed_range(
        self, left: Side, right: Side, first: Days | None, last: Days | None
    ) -> tuple[datetime, datetime]:
        """Return the ends where one of them is a whole day or a part of it."""
        start = self._points.point(left, first, end=False)
        end = self._points.point(right, last, end=True)
        if end <= start and right.clocks and not right.days and not left.days:
            end = later(end, timedelta(days=1))
        return start, end
