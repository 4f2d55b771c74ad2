"""Changes of an event or a series: this occurrence, this and later ones, or all of it.

Everything here is a pure function from a series as read to its components as they shall be;
``book`` writes them, keeps the journal and undoes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Literal, get_args

from agentsched.calendars.errors import CalendarError, NoEvent
from agentsched.calendars.events import Event
from agentsched.calendars.moments import Moment, moment_line, parse_moment
from agentsched.calendars.occurrences import Series
from agentsched.calendars.shifting import placed, shifted
from agentsched.calendars.splitting import is_first, reread, split
from agentsched.calendars.touch import (
    TEXTS,
    answered,
    detached,
    handed_on,
    span_of,
    stamped,
    with_text,
    with_times,
)
from agentsched.calendars.tree import Component

Scope = Literal["this", "future", "series"]
"""One occurrence, that one and all later ones, or the whole series."""
Reply = Literal["ACCEPTED", "DECLINED", "TENTATIVE"]
_ADDRESS = re.compile(r"[^\s@,;:\"<>]{1,64}@[^\s@,;:\"<>]{1,255}")


@dataclass(frozen=True, slots=True)
class Edit:
    """What becomes of a series."""

    components: tuple[Component, ...]
    """All that its UID consists of; none: it is deleted."""
    added: tuple[Component, ...] = ()
    """A new series that was split off, with a UID of its own."""


@dataclass(frozen=True, slots=True)
class Target:
    """Which part of which series is meant."""

    series: Series
    key: str = ""
    """``Occurrence.recurrence_id``; empty for a single event or the whole series."""
    scope: Scope = "series"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What an edit may not find out by itself."""

    now: datetime
    floating: tzinfo
    """The viewer's zone."""
    uid: str
    """For a series that is split off."""


def move(
    target: Target, when: date, stamp: Stamp, length: timedelta | str | None = None, zone: str = ""
) -> Edit:
    """Move an event, an occurrence or a series.

    Args:
        target: What is moved; with scope series and a key, so that this occurrence is at ``when``.
        when: A date keeps the time of day; a datetime without a zone is one in the event's zone.
        stamp: Now, zone, UID.
        length: New length, ``timedelta`` or a DURATION such as ``P2D``; None keeps it.
        zone: IANA name of a new zone; empty keeps it.

    Raises:
        CalendarError: The time does not exist, or the rule cannot be moved so.
        NoEvent: There is no such occurrence.
    """
    old = original(target)

    def one(event: Event) -> Component:
        start = placed(event, when, stamp.floating, zone)
        span = span_of(length, start)
        return stamped(with_times(event, start, span, stamp.floating), stamp.now, rescheduled=True)

    def all_(series: Series) -> tuple[Component, ...]:
        master = _master(series)
        start = placed(master, when, stamp.floating, zone)
        if start.zone is UTC and not zone and master.start.zone is not UTC:
            raise CalendarError(
                f"{when} is the second pass of a time that the clocks show twice; a series "
                "cannot begin then"
            )
        span = span_of(length, start)
        return shifted(series, old or master.start, start, span, stamp.now, stamp.floating)

    return _apply(target, old, stamp, one, all_)


def cancel(target: Target, stamp: Stamp) -> Edit:
    """Take an event, an occurrence, or the rest of a series out of the calendar.

    Raises:
        NoEvent: There is no such occurrence.
    """
    series, old = target.series, original(target)
    if old is None or target.scope == "series":
        return Edit(())
    master = series.master
    if master is None:
        key = old.key
        rest = (e.component for k, e in series.override_by_key.items() if k != key)
        return Edit(tuple(rest))
    if target.scope == "future":
        if is_first(series, old):
            return Edit(())
        return Edit(split(series, old, stamp.uid, stamp.now).before)
    component = master.component.adding(moment_line("EXDATE", old, master.component.line_end))
    kept = [e.component for e in series.overrides if series.like_master(_id(e)).key != old.key]
    edited = (stamped(component, stamp.now, rescheduled=True), *kept)
    if not _anything_left(reread(edited, master)):
        return Edit(())
    return Edit(edited)


def change(target: Target, texts: Mapping[str, str], stamp: Stamp) -> Edit:
    """Set title, location or description; an empty text takes it out.

    In a whole series, an occurrence with words of its own keeps them.

    Raises:
        CalendarError: Another field is asked for, or an empty title.
    """
    unknown = sorted(set(texts) - set(TEXTS))
    if unknown or not texts:
        raise CalendarError(f"no field {unknown[:1]!r} to change; known: {', '.join(TEXTS)}")
    if not texts.get("title", "x").strip():
        raise CalendarError("an event needs a title; give one, or cancel the event")

    def one(event: Event) -> Component:
        component = event.component
        for name, text in texts.items():
            component = with_text(component, TEXTS[name], text)
        return stamped(component, stamp.now, rescheduled=False)

    def all_(series: Series) -> tuple[Component, ...]:
        old = series.events[0].component
        made = []
        for event in series.events:
            component = event.component
            for name, text in texts.items():
                if component.text_of(TEXTS[name]) == old.text_of(TEXTS[name]):
                    component = with_text(component, TEXTS[name], text)
            if component is not event.component:
                component = stamped(component, stamp.now, rescheduled=False)
            made.append(component)
        return tuple(made)

    return _apply(target, original(target), stamp, one, all_)


def reply(target: Target, address: str, status: Reply, stamp: Stamp) -> Edit:
    """Answer an invitation, for one occurrence or the series.

    Raises:
        CalendarError: The address is not invited, or the scope would cut somebody else's series.
    """
    if status not in get_args(Reply):
        raise CalendarError(f"no answer {status!r}; known: {', '.join(get_args(Reply))}")
    return _per_event(target, stamp, lambda c: answered(c, address.lower(), status))


def delegate(target: Target, address: str, other: str, stamp: Stamp) -> Edit:
    """Hand an invitation on to somebody else.

    Raises:
        CalendarError: The address is not invited, or the other one is no mail address.
    """
    other = other.lower().removeprefix("mailto:")
    if not _ADDRESS.fullmatch(other) or other == address.lower():
        raise CalendarError(f"cannot delegate to {other[:60]!r}; give another one's mail address")
    return _per_event(target, stamp, lambda c: handed_on(c, address.lower(), other))


def original(target: Target) -> Moment | None:
    """Return where the series puts the occurrence that is meant; None for all of it.

    Raises:
        NoEvent: There is no such occurrence.
        CalendarError: An occurrence of a series must be named for this scope.
    """
    series, key = target.series, target.key
    repeats = series.master is None or series.master.repeats or bool(series.overrides)
    if target.scope not in get_args(Scope):
        raise CalendarError(f"no scope {target.scope!r}; known: {', '.join(get_args(Scope))}")
    if not key:
        if repeats and target.scope != "series":
            raise CalendarError(
                f"{series.events[0].title[:60]!r} is a series: name the occurrence, or take the "
                "whole series"
            )
        return None
    if key in series.override_by_key and key not in series.excluded:
        return series.like_master(_id(series.override_by_key[key]))
    try:
        named = series.like_master(parse_moment(key, None))
    except ValueError as error:
        raise NoEvent(f"occurrence {key[:40]!r}: {error}") from None
    found = next(series.originals(named.wall, named.wall), None) if repeats else None
    if found is None:
        raise NoEvent(
            f"{series.events[0].title[:60]!r} has no occurrence {key[:40]!r}; agenda shows them"
        )
    return found[0]


def _per_event(target: Target, stamp: Stamp, edit: Callable[[Component], Component]) -> Edit:
    if target.scope == "future":
        raise CalendarError(
            "an answer is given for one occurrence or for the series; a series that somebody else "
            "organises cannot be cut"
        )

    def one(event: Event) -> Component:
        return stamped(edit(event.component), stamp.now, rescheduled=False)

    return _apply(
        target, original(target), stamp, one, lambda series: tuple(map(one, series.events))
    )


def _apply(
    target: Target,
    old: Moment | None,
    stamp: Stamp,
    one: Callable[[Event], Component],
    all_: Callable[[Series], tuple[Component, ...]],
) -> Edit:
    """Do the edit on what the scope takes in."""
    series = target.series
    master = series.master
    if master is not None and not master.repeats and not series.overrides:
        return Edit((one(master),))
    if old is None or (target.scope == "series" and master is not None):
        return Edit(all_(series))
    if target.scope == "future" and master is not None:
        if is_first(series, old):
            return Edit(all_(series))
        halves = split(series, old, stamp.uid, stamp.now)
        return Edit(halves.before, all_(reread(halves.after, master)))
    return Edit(_with_override(series, old, one))


def _with_override(
    series: Series, old: Moment, one: Callable[[Event], Component]
) -> tuple[Component, ...]:
    existing = series.override_by_key.get(old.key)
    if existing is not None:
        return tuple(
            one(event) if event is existing else event.component for event in series.events
        )
    master = _master(series)
    alone = reread((detached(master, old),), master).overrides[0]
    return (*(event.component for event in series.events), one(alone))


def _master(series: Series) -> Event:
    if series.master is None:
        raise CalendarError(
            f"only single occurrences of {series.events[0].title[:60]!r} are in this calendar; "
            "change one of them"
        )
    return series.master


def _id(event: Event) -> Moment:
    assert event.recurrence_id is not None
    return event.recurrence_id


def _anything_left(series: Series) -> bool:
    """Whether a series still takes place at all; one without end always does."""
    master = series.master
    if series.overrides or master is None:
        return True
    far = master.start.wall + timedelta(days=366 * 20)
    ends: Iterable[datetime] = [e.start.wall for e in master.extras]
    return next(series.originals(datetime.min, max([far, *ends])), None) is not None
