"""Cutting a series in two before one of its occurrences, for changes of this and all later ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from agentsched.calendars.errors import CalendarError
from agentsched.calendars.events import Event
from agentsched.calendars.lines import make_line
from agentsched.calendars.moments import Moment
from agentsched.calendars.occurrences import Series
from agentsched.calendars.reading import read_event
from agentsched.calendars.recurrence import wall_times
from agentsched.calendars.rules import Rule
from agentsched.calendars.touch import detached, mapped_times, stamped
from agentsched.calendars.tree import Component

SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Halves:
    """A series cut in two."""

    before: tuple[Component, ...]
    """Keeps the UID."""
    after: tuple[Component, ...]
    """Has a new one."""


def split(series: Series, at: Moment, uid: str, now: datetime) -> Halves:
    """Cut a series before the occurrence at that place.

    COUNT is shared out, UNTIL stays with the later half; EXDATE, RDATE and overrides go to the half
    they belong to.

    Raises:
        CalendarError: It follows several rules, or the occurrence is its first.
    """
    master = series.master
    assert master is not None
    if len(master.rules) > 1:
        raise CalendarError(
            f"{master.title[:60]!r} follows {len(master.rules)} rules and cannot be cut in two; "
            "change single occurrences"
        )
    early, late = master.component, detached(master, at).without("RECURRENCE-ID")
    if master.rules:
        first, second = _shared(master, at)
        early = early.with_line(make_line("RRULE", first.text, end=early.line_end))
        if second is not None:
            late = late.adding(make_line("RRULE", second.text, end=late.line_end))
    for name in ("RDATE", "EXDATE"):
        late = late.adding(*master.component.all(name))
        early = mapped_times(early, name, master.source, lambda m: m if _is_before(m, at) else None)
        late = mapped_times(late, name, master.source, lambda m: None if _is_before(m, at) else m)
    end = late.line_end
    named = [stamped(late.with_line(make_line("UID", uid, end=end)), now, rescheduled=True)]
    kept = [stamped(early, now, rescheduled=True)]
    for event in series.overrides:
        assert event.recurrence_id is not None
        if _is_before(event.recurrence_id, at):
            kept.append(event.component)
        else:
            named.append(event.component.with_line(make_line("UID", uid, end=end)))
    return Halves(tuple(kept), tuple(named))


def is_first(series: Series, at: Moment) -> bool:
    """Whether nothing of the series takes place before that occurrence."""
    master = series.master
    assert master is not None
    earlier = next(series.originals(datetime.min, at.wall - SECOND), None)
    moved = (e for e in series.overrides if e.recurrence_id and _is_before(e.recurrence_id, at))
    return earlier is None and next(moved, None) is None


def reread(components: tuple[Component, ...], like: Event) -> Series:
    """Return the series that changed components make."""
    events = [read_event(component, like.source, []) for component in components]
    master = next((event for event in events if event.recurrence_id is None), None)
    overrides = tuple(event for event in events if event.recurrence_id is not None)
    return Series(events[0].uid, master, overrides)


def _shared(master: Event, at: Moment) -> tuple[Rule, Rule | None]:
    rule = master.rules[0]
    start = master.start
    if rule.count is None:
        return replace(rule, until=_just_before(at)), rule
    before = len(wall_times(rule, start.wall, start.wall, at.wall - SECOND, start.zone))
    # A rule needs a COUNT of at least 1; one without any occurrence left is no rule.
    rest = replace(rule, count=rule.count - before) if rule.count > before else None
    return replace(rule, count=max(1, before)), rest


def _just_before(at: Moment) -> Moment:
    """UNTIL of the earlier half: RFC 5545 wants UTC for a zone, else the form of DTSTART."""
    if at.is_date:
        return at.at(at.wall - timedelta(days=1))
    if at.zone is None:
        return Moment(at.wall - SECOND)
    return Moment(at.instant(UTC).replace(tzinfo=None) - SECOND, UTC)


def _is_before(moment: Moment, at: Moment) -> bool:
    if moment.is_date or at.is_date:
        return moment.wall.date() < at.wall.date()
    if moment.zone is None or at.zone is None:
        return moment.wall < at.wall
    return moment.instant(UTC) < at.instant(UTC)
