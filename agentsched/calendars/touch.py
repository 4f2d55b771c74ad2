"""Small changes of one component: each touches the lines it must and no other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

from agentsched.calendars.errors import CalendarError
from agentsched.calendars.events import Event, Source
from agentsched.calendars.lines import Line, escape, make_line, split_list
from agentsched.calendars.moments import DAY, Moment, Span, format_duration, moment_line, parse_span
from agentsched.calendars.reading import address_of, read_moment
from agentsched.calendars.tree import Component

TEXTS = {"title": "SUMMARY", "location": "LOCATION", "description": "DESCRIPTION"}
"""What ``change`` can set, and the property it is."""
RECURRENCE = ("RRULE", "RDATE", "EXDATE", "EXRULE")


def stamped(component: Component, now: datetime, *, rescheduled: bool) -> Component:
    """Return it with DTSTAMP and LAST-MODIFIED of now; SEQUENCE rises if its times changed."""
    at = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    end = component.line_end
    component = component.with_line(make_line("DTSTAMP", at, end=end))
    component = component.with_line(make_line("LAST-MODIFIED", at, end=end))
    if not rescheduled:
        return component
    old = component.get("SEQUENCE")
    number = int(old.value) if old is not None and old.value.strip().isdecimal() else 0
    return component.with_line(make_line("SEQUENCE", str(number + 1), end=end))


def with_text(component: Component, name: str, text: str) -> Component:
    """Return it with a TEXT property set, or taken out where the text is empty.

    Its language and other parameters stay, but for ALTREP: that would show the old words.
    """
    if not text:
        return component.without(name)
    old = component.get(name)
    params = {} if old is None else {k: v for k, v in old.params.items() if k != "ALTREP"}
    return component.with_line(make_line(name, escape(text), params, component.line_end))


def with_times(event: Event, start: Moment, span: Span | None, floating: tzinfo) -> Component:
    """Return an event's component at another time.

    Args:
        event: The view of the component.
        start: The new start.
        span: The new length; None keeps the old one.
        floating: Zone in which a floating time is compared with one that has a zone.
    """
    component, end = event.component, event.component.line_end
    length = span or event.span
    component = component.with_line(
        moment_line("DTSTART", start, end, old=component.get("DTSTART"))
    )
    if component.get("DTEND") is None and component.get("DURATION") is None and span is None:
        return component
    if component.get("DURATION") is not None:
        if span is None:
            return component
        return component.with_line(make_line("DURATION", format_duration(span.nominal), end=end))
    finish = _finish(event, start, length, floating)
    return component.with_line(moment_line("DTEND", finish, end, old=component.get("DTEND")))


def _finish(event: Event, start: Moment, length: Span, floating: tzinfo) -> Moment:
    """DTEND as its writer had it: a date, a local time in its own zone, or UTC."""
    if start.is_date:
        return start.at(start.wall + max(1, length.nominal // DAY) * DAY)
    instant = length.end(start, floating)
    old = event.end if event.end is not None and not event.end.is_date else start
    # A start that had to be written in UTC takes its end with it.
    like = start if start.zone is UTC else old
    zone = like.zone or floating
    wall = instant.astimezone(zone).replace(tzinfo=None)
    if wall.fold:
        return Moment(instant.replace(tzinfo=None), UTC)
    return like.at(wall)


def mapped_times(
    component: Component, name: str, source: Source, change: Callable[[Moment], Moment | None]
) -> Component:
    """Return it with every moment of EXDATE or RDATE lines changed; None drops the moment.

    A line of which nothing changes stays as it was written.
    """

    def line_of(line: Line) -> Line | None:
        made: list[tuple[Moment, str]] = []
        untouched = True
        for value in split_list(line.value):
            begin, slash, rest = value.partition("/")
            try:
                old = read_moment(line, begin, source)
            except ValueError:
                return line
            new = change(old)
            untouched = untouched and new == old
            if new is None:
                continue
            if slash and not rest.startswith("P"):
                rest = read_moment(line, rest, source).at(
                    read_moment(line, rest, source).wall + (new.wall - old.wall)
                ).value  # fmt: skip
            made.append((new, slash + rest))
        if untouched:
            return line
        if not made:
            return None
        kept = {k: v for k, v in line.params.items() if k not in ("TZID", "VALUE")}
        params = dict(made[0][0].params)
        if any(rest for _, rest in made):
            params["VALUE"] = ("PERIOD",)
        text = ",".join(moment.value + rest for moment, rest in made)
        return make_line(line.name, text, {**params, **kept}, component.line_end)

    return component.mapping(name, line_of)


def detached(event: Event, original: Moment) -> Component:
    """Return the override of one occurrence of a master, as it takes place so far."""
    component = event.component.without(*RECURRENCE)
    end = component.line_end
    component = component.with_line(moment_line("RECURRENCE-ID", original, end))
    start = component.get("DTSTART")
    component = component.with_line(moment_line("DTSTART", original, end, old=start))
    old_end = component.get("DTEND")
    if old_end is None:
        return component
    finish = _finish(event, original, event.span, UTC)
    return component.with_line(moment_line("DTEND", finish, end, old=old_end))


def answered(component: Component, address: str, status: str) -> Component:
    """Return it with PARTSTAT of an attendee set; RSVP goes, as the answer has been given.

    Raises:
        CalendarError: Nobody of that address is invited.
    """
    _check_invited(component, address)

    def change(line: Line) -> Line:
        if address_of(line.value) != address:
            return line
        params = {key: value for key, value in line.params.items() if key != "RSVP"}
        params["PARTSTAT"] = (status,)
        return make_line("ATTENDEE", line.value, params, component.line_end)

    return component.mapping("ATTENDEE", change)


def handed_on(component: Component, address: str, other: str) -> Component:
    """Return it with one attendee's place delegated to another (RFC 5546, 3.2.2.3)."""
    _check_invited(component, address)
    end = component.line_end
    to, by = f"mailto:{other}", f"mailto:{address}"

    def change(line: Line) -> Line:
        if address_of(line.value) != address:
            return line
        params = {key: value for key, value in line.params.items() if key != "RSVP"}
        params |= {"PARTSTAT": ("DELEGATED",), "DELEGATED-TO": (to,)}
        return make_line("ATTENDEE", line.value, params, end)

    component = component.mapping("ATTENDEE", change)
    if any(address_of(line.value) == other for line in component.all("ATTENDEE")):
        return component
    params = {"ROLE": ("REQ-PARTICIPANT",), "PARTSTAT": ("NEEDS-ACTION",), "RSVP": ("TRUE",),
              "DELEGATED-FROM": (by,)}  # fmt: skip
    return component.adding(make_line("ATTENDEE", to, params, end))


def _check_invited(component: Component, address: str) -> None:
    invited = [address_of(line.value) for line in component.all("ATTENDEE")]
    if address not in invited:
        raise CalendarError(
            f"{address!r} is not invited to {component.text_of('SUMMARY')[:60]!r}; invited: "
            f"{', '.join(invited[:5]) or 'nobody'}"
        )


def span_of(length: timedelta | str | None, start: Moment) -> Span | None:
    """Return a length asked for as a span that fits a date or a time.

    Raises:
        CalendarError: It is not positive, or no whole days for a date.
    """
    if length is None:
        return None
    try:
        span = parse_span(length) if isinstance(length, str) else Span(exact=length)
    except ValueError as error:
        raise CalendarError(f"length: {error}") from None
    if span.nominal <= timedelta(0) or (start.is_date and span.nominal % DAY):
        rule = "whole days" if start.is_date else "more than nothing"
        raise CalendarError(f"an event of {span.nominal} is not possible: it must take {rule}")
    return span
