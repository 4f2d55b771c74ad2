"""Moving whole series: the rule, and everything that refers to its occurrences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from agentsched.calendars.errors import CalendarError
from agentsched.calendars.events import Event
from agentsched.calendars.lines import make_line
from agentsched.calendars.moments import DAY, Moment, Span, moment_line, of_datetime
from agentsched.calendars.occurrences import Series
from agentsched.calendars.recurrence import wall_times
from agentsched.calendars.rules import Rule
from agentsched.calendars.touch import mapped_times, stamped, with_times
from agentsched.calendars.tree import Component
from agentsched.calendars.zones import check_exists, is_ambiguous, named_zone

PERIOD = {"YEARLY": timedelta(days=366), "MONTHLY": timedelta(days=31)}
FAR = timedelta(days=366 * 60)
"""How far an unended series is walked to find what refers to its occurrences."""


def placed(event: Event, when: date, floating: tzinfo, zone: str = "") -> Moment:
    """Return when an event shall start, in its own way of writing times.

    Args:
        event: What is moved.
        when: A date keeps the time of day; without a zone it is a time in the event's zone.
        floating: The viewer's zone.
        zone: A new zone for the event; empty keeps it.

    Raises:
        CalendarError: The time does not exist there, or a whole-day event was given a time.
    """
    old = event.start
    if zone and not old.is_date:
        old = Moment(old.wall, named_zone(zone))
    moment = of_datetime(when)
    if old.is_date:
        if not moment.is_date and moment.wall.time() != time():
            raise CalendarError(
                f"{event.title[:60]!r} takes whole days: give a date to move it to, not "
                f"{when:%Y-%m-%d %H:%M}"
            )
        return old.at(datetime.combine(moment.wall.date(), time()))
    there = old.zone or floating
    if moment.is_date:
        moment = Moment(datetime.combine(moment.wall.date(), old.wall.time()), there)
    if moment.zone is None:
        moment = Moment(moment.wall, there)
    assert moment.zone is not None
    fold = when.fold if isinstance(when, datetime) else 0
    check_exists(moment.wall, moment.zone)
    instant = moment.wall.replace(tzinfo=moment.zone, fold=fold).astimezone(UTC)
    wall = instant.astimezone(there)
    if wall.fold and is_ambiguous(wall.replace(tzinfo=None, fold=0), there):
        # A local time can only mean its first pass; the second one has a name in UTC alone.
        return Moment(instant.replace(tzinfo=None), UTC)
    return old.at(wall.replace(tzinfo=None, fold=0))


def shifted(
    series: Series, old: Moment, new: Moment, span: Span | None, now: datetime, floating: tzinfo
) -> tuple[Component, ...]:
    """Return a series moved so that the occurrence at ``old`` takes place at ``new``.

    Occurrences that were moved on their own stay where they were moved to, but for the one that
    ``old`` names: whoever moves the series by it wants to see it at ``new``.

    Raises:
        CalendarError: The rule cannot be moved so.
    """
    master = series.master
    assert master is not None
    if len(master.rules) > 1:
        raise CalendarError(
            f"{master.title[:60]!r} follows {len(master.rules)} rules; move single occurrences"
        )
    by = new.wall - old.wall
    first = new.at(master.start.wall + by)
    where = _by_delta(by, new)
    component = master.component
    if master.rules:
        if old.wall.date() != new.wall.date() and not _follows(master, old.wall):
            raise CalendarError(
                f"the occurrence of {old.wall:%Y-%m-%d %H:%M} does not follow the rule of "
                f"{master.title[:60]!r}; move it alone"
            )
        rule = shifted_rule(master.rules[0], old.wall, new.wall)
        if master.rules[0].frequency in PERIOD and _follows(master, master.start.wall):
            first = new.at(_nearest(rule, first.wall))
        _check_same_rhythm(master.rules[0], rule, master.start.wall, first.wall, by)
        if _follows(master, old.wall) and not _yields(rule, first.wall, new.wall):
            raise _no_way(master.rules[0], by.days)
        where, rule = _by_index(series, rule, first)
        component = component.with_line(
            make_line("RRULE", rule.text, end=component.line_end)
        ) if rule != master.rules[0] else component  # fmt: skip
    if first.zone is not None:
        check_exists(first.wall, first.zone)
    component = with_times(replace(master, component=component), first, span, floating)
    component = mapped_times(component, "EXDATE", master.source, where)
    component = mapped_times(component, "RDATE", master.source, where)

    def one(event: Event) -> Event:
        assert event.recurrence_id is not None
        if series.like_master(event.recurrence_id).key != old.key:
            return event
        return replace(event, component=with_times(event, new, span, floating))

    return (
        stamped(component, now, rescheduled=True),
        *(_renamed(event, where, now) for event in map(one, series.overrides)),
    )


def _follows(master: Event, wall: datetime) -> bool:
    """Whether the rule itself yields a time: DTSTART and RDATE need not fit it."""
    return _yields(master.rules[0], master.start.wall, wall)


def _yields(rule: Rule, first: datetime, wall: datetime) -> bool:
    return bool(wall_times(replace(rule, until=None, count=None), first, wall, wall))


def _renamed(event: Event, where: Callable[[Moment], Moment], now: datetime) -> Component:
    """An override that refers to where its occurrence is put now."""
    assert event.recurrence_id is not None
    moment = where(event.recurrence_id)
    if moment == event.recurrence_id:
        return event.component
    component = event.component
    line = moment_line(
        "RECURRENCE-ID", moment, component.line_end, old=component.get("RECURRENCE-ID")
    )
    return stamped(component.with_line(line), now, rescheduled=True)


def shifted_rule(rule: Rule, old: datetime, new: datetime) -> Rule:
    """Return a rule that puts an occurrence at ``new`` which it put at ``old``.

    Raises:
        CalendarError: The rule names days or times in a way that has no one answer.
    """
    if old.time() != new.time():
        rule = _other_time(rule, old, new)
    if old.date() == new.date():
        return rule
    days = (new.date() - old.date()).days
    monthly = rule.frequency in ("MONTHLY", "YEARLY")
    simple = not (rule.yearday or rule.weekno or rule.setpos)
    if rule.frequency == "DAILY" and not (rule.day or rule.monthday or rule.month) and simple:
        return rule
    if rule.frequency == "WEEKLY" and simple and not rule.month:
        return replace(rule, day=tuple((0, (day + days) % 7) for _, day in rule.day))
    if monthly and simple and len(rule.month) <= 1:
        month = (new.month,) if rule.month else ()
        if rule.frequency == "MONTHLY" and month and new.month != old.month:
            raise _no_way(rule, days)
        if not rule.day and len(rule.monthday) <= 1 and all(n > 0 for n in rule.monthday):
            return replace(rule, month=month, monthday=(new.day,) if rule.monthday else ())
        if len(rule.day) == 1 and rule.day[0][0] and not rule.monthday:
            if rule.frequency == "YEARLY" and not rule.month:
                raise _no_way(rule, days)
            return replace(rule, month=month, day=(_nth(new, rule.day[0][0]),))
    raise _no_way(rule, days)


def _nth(new: datetime, like: int) -> tuple[int, int]:
    """The new day's position in its month, counted from the end if it was so and can be so."""
    if like == -1 and (new + 7 * DAY).month != new.month:
        return -1, new.weekday()
    return (new.day - 1) // 7 + 1, new.weekday()


def _other_time(rule: Rule, old: datetime, new: datetime) -> Rule:
    for name in ("hour", "minute", "second"):
        values = getattr(rule, name)
        if not values or getattr(old, name) == getattr(new, name):
            continue
        if len(values) > 1:
            raise CalendarError(
                f"the rule {rule.text[:80]} names several times of day; move single occurrences "
                "or give the series a new rule"
            )
        changed: dict[str, Any] = {name: (getattr(new, name),)}
        rule = replace(rule, **changed)
    return rule


def _no_way(rule: Rule, days: int) -> CalendarError:
    return CalendarError(
        f"a series of the rule {rule.text[:80]} cannot be moved by {days} days in one way only; "
        "move single occurrences, or cancel it and make a new one"
    )


def _check_same_rhythm(
    old: Rule, new: Rule, old_first: datetime, new_first: datetime, by: timedelta
) -> None:
    """Daily and weekly rules must yield the same times, all moved by the same amount."""
    if old.frequency in PERIOD:
        return
    horizon = timedelta(days=7 * 12 * old.interval)
    endless: dict[str, Any] = {"count": None, "until": None}
    before = wall_times(replace(old, **endless), old_first, old_first, old_first + horizon)
    after = wall_times(replace(new, **endless), new_first, new_first, new_first + horizon)
    if [when + by for when in before] != after:
        raise _no_way(old, by.days)


def _nearest(rule: Rule, wish: datetime) -> datetime:
    """The rule's own first time: in the month of the old start, wherever the moved one was."""
    endless = replace(rule, count=None, until=None)
    reach = PERIOD[rule.frequency] * rule.interval
    # Every time of day and day counts from some start; one period earlier is early enough.
    found = [
        when
        for when in wall_times(endless, wish, wish, wish + reach)
        + wall_times(endless, wish - 16 * DAY, wish - 16 * DAY, wish + 16 * DAY)
        if when.time() == wish.time()
    ]
    return min(found, key=lambda when: (abs(when - wish), when), default=wish)


def _by_delta(by: timedelta, like: Moment) -> Callable[[Moment], Moment]:
    def move(moment: Moment) -> Moment:
        return _like(moment, like, moment.wall + by)

    return move


def _like(moment: Moment, like: Moment, wall: datetime) -> Moment:
    return moment.at(wall) if moment.is_date and not like.is_date else like.at(wall)


def _by_index(series: Series, rule: Rule, first: Moment) -> tuple[Callable[[Moment], Moment], Rule]:
    """Return where each old occurrence is put, and the rule with its UNTIL moved along."""
    master = series.master
    assert master is not None
    old_rule, start = master.rules[0], master.start
    ends = [m.wall for m in master.exceptions] + [
        e.recurrence_id.wall for e in series.overrides if e.recurrence_id is not None
    ]
    last = max(ends, default=start.wall) + DAY
    if old_rule.until is not None:
        last = max(last, min(old_rule.until.wall, start.wall + FAR) + 2 * DAY)
    before = wall_times(old_rule, start.wall, start.wall, last, start.zone)
    by = first.wall - start.wall
    reach = last + abs(by) + 400 * DAY
    after = wall_times(replace(rule, until=None, count=None), first.wall, first.wall, reach)
    places = dict(zip(before, after, strict=False))
    if old_rule.until is not None and before and len(before) <= len(after):
        rule = replace(rule, until=_moved_until(old_rule.until, first.at(after[len(before) - 1])))

    def move(moment: Moment) -> Moment:
        if moment.is_date and not start.is_date:
            days = [wall for wall in places if wall.date() == moment.wall.date()]
            wall = places[days[0]] if days else moment.wall + by
            return moment.at(datetime.combine(wall.date(), time()))
        like = series.like_master(moment)
        return first.at(places.get(like.wall, like.wall + by))

    return move, rule


def _moved_until(until: Moment, last: Moment) -> Moment:
    """UNTIL in its own form, at the last occurrence."""
    if until.is_date:
        return until.at(datetime.combine(last.wall.date(), time()))
    if until.zone is UTC and last.zone is not None:
        return Moment(last.instant(UTC).replace(tzinfo=None), UTC)
    return until.at(last.wall)
