"""New events and series, from plain values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo

from agentsched.calendars.errors import CalendarError
from agentsched.calendars.lines import Line, escape, make_line
from agentsched.calendars.moments import DAY, Moment, Span, moment_line, of_datetime
from agentsched.calendars.recurrence import TooMany, wall_times
from agentsched.calendars.rules import Rule, parse_rule
from agentsched.calendars.touch import span_of
from agentsched.calendars.tree import Component, Document, make_component
from agentsched.calendars.vtimezone import vtimezone
from agentsched.calendars.zones import check_exists, is_ambiguous, named_zone

PRODUCT = "-//agentsched//agentsched//EN"
LONGEST_TITLE = 500
_ADDRESS = re.compile(r"[^\s@,;:\"<>]{1,64}@[^\s@,;:\"<>]{1,255}")


@dataclass(frozen=True, slots=True)
class NewEvent:
    """What is asked for."""

    title: str
    start: date
    """A date is a whole day; a datetime without a zone is in ``zone``, or floating without one."""
    end: date | None = None
    """Exclusive; in place of ``length``."""
    length: timedelta | str | None = None
    """``timedelta`` or a DURATION; without an end either, one hour or one day."""
    rule: str = ""
    """RRULE value; empty for a single event."""
    zone: str = ""
    """IANA name in which a series keeps its time of day."""
    location: str = ""
    description: str = ""
    attendees: tuple[str, ...] = ()
    """Mail addresses."""
    organiser: str = ""
    """Mail address; needed where somebody is invited."""
    tentative: bool = False
    free: bool = False
    """It takes no time (TRANSP:TRANSPARENT)."""
    categories: tuple[str, ...] = ()
    uid: str = ""
    """By default a new one."""


def make_event(new: NewEvent, uid: str, now: datetime, floating: tzinfo) -> Component:
    """Return the VEVENT.

    Args:
        new: What is asked for.
        uid: Of the event.
        now: For DTSTAMP.
        floating: The viewer's zone.

    Raises:
        CalendarError: A value is wrong: no title, a time that does not exist, an end before the
            start, a rule that never fires.
    """
    if not new.title.strip() or len(new.title) > LONGEST_TITLE:
        raise CalendarError(
            f"an event needs a title of at most {LONGEST_TITLE} characters, got {len(new.title)}"
        )
    start = _start(new)
    rule = _rule(new, start)
    span = _span(new, start, floating)
    if rule is not None:
        start = _first(rule, start)
    lines = [
        make_line("UID", uid),
        make_line("DTSTAMP", f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"),
        make_line("SUMMARY", escape(new.title)),
        moment_line("DTSTART", start, "\r\n"),
        _end_line(start, span, floating),
    ]
    if rule is not None:
        lines.append(make_line("RRULE", rule.text))
    for name, text in (("LOCATION", new.location), ("DESCRIPTION", new.description)):
        if text:
            lines.append(make_line(name, escape(text)))
    if new.categories:
        lines.append(make_line("CATEGORIES", ",".join(map(escape, new.categories))))
    if new.tentative:
        lines.append(make_line("STATUS", "TENTATIVE"))
    # Of a whole day nothing is said, as clients do: it may be a birthday (``Event.marks_a_day``).
    if new.free or not start.is_date:
        lines.append(make_line("TRANSP", "TRANSPARENT" if new.free else "OPAQUE"))
    lines += _people(new)
    return make_component("VEVENT", *lines)


def envelope(components: tuple[Component, ...], zone: tzinfo | None, year: int) -> Document:
    """Return a file that holds them, with the VTIMEZONE they need."""
    definition = None if zone is None else vtimezone(zone, year)
    parts = (*(() if definition is None else (definition,)), *components)
    whole = make_component(
        "VCALENDAR", make_line("VERSION", "2.0"), make_line("PRODID", PRODUCT), *parts
    )
    return Document((whole,))


def with_definitions(
    document: Document, components: tuple[Component, ...], zones: Mapping[str, tzinfo], year: int
) -> Document:
    """Return a file in which every TZID that these components use and we know is defined."""
    vcalendar = next(document.calendars)
    known = {zone.text_of("TZID") for zone in vcalendar.children("VTIMEZONE")}
    used = {line.param("TZID") for c in components for line in c.lines if "TZID" in line.param_text}
    missing = [vtimezone(zones[tzid], year) for tzid in sorted(used - known) if tzid in zones]
    made = [component for component in missing if component is not None]
    if not made:
        return document
    own = [at for at, item in enumerate(vcalendar.items) if isinstance(item, Line)]
    at = own[-1] + 1 if own else 0
    whole = replace(vcalendar, items=(*vcalendar.items[:at], *made, *vcalendar.items[at:]))
    return Document(tuple(whole if item is vcalendar else item for item in document.items))


def _start(new: NewEvent) -> Moment:
    moment = of_datetime(new.start)
    fold = new.start.fold if isinstance(new.start, datetime) else 0
    if new.zone and not moment.is_date:
        zone = named_zone(new.zone)
        if moment.zone is None:
            moment = Moment(moment.wall, zone)
        else:
            there = moment.wall.replace(tzinfo=moment.zone, fold=fold).astimezone(zone)
            check_exists(moment.wall, moment.zone)
            moment, fold = Moment(there.replace(tzinfo=None, fold=0), zone), there.fold
    if moment.zone is not None:
        check_exists(moment.wall, moment.zone)
        if fold and is_ambiguous(moment.wall, moment.zone):
            if new.rule:
                raise CalendarError(
                    f"{new.start} is the second pass of a time that the clocks show twice; a "
                    "series cannot begin then"
                )
            instant = moment.wall.replace(tzinfo=moment.zone, fold=1).astimezone(UTC)
            moment = Moment(instant.replace(tzinfo=None), UTC)
    return moment


def _span(new: NewEvent, start: Moment, floating: tzinfo) -> Span:
    if new.end is None:
        given = span_of(new.length, start)
        return given or (Span(days=1) if start.is_date else Span(exact=timedelta(hours=1)))
    if new.length is not None:
        raise CalendarError("give an end or a length, not both")
    end = of_datetime(new.end)
    if end.is_date != start.is_date:
        raise CalendarError(f"start {new.start} and end {new.end} must both be days or both times")
    if end.zone is None and not end.is_date:
        end = start.at(end.wall)
        if end.zone is not None:
            check_exists(end.wall, end.zone)
    length = end.instant(floating) - start.instant(floating)
    if start.is_date:
        length = end.wall - start.wall
    if length <= timedelta(0):
        raise CalendarError(f"the end {new.end} must lie after the start {new.start}")
    return Span(days=length.days) if start.is_date else Span(exact=length)


def _end_line(start: Moment, span: Span, floating: tzinfo) -> Line:
    if start.is_date:
        return moment_line("DTEND", start.at(start.wall + (span.nominal // DAY) * DAY), "\r\n")
    instant = span.end(start, floating)
    wall = instant.astimezone(start.zone or floating).replace(tzinfo=None)
    end = Moment(instant.replace(tzinfo=None), UTC) if wall.fold else start.at(wall)
    return moment_line("DTEND", end, "\r\n")


def _rule(new: NewEvent, start: Moment) -> Rule | None:
    if not new.rule:
        return None
    try:
        rule = parse_rule(new.rule, start.zone)
    except ValueError as error:
        raise CalendarError(f"rule {new.rule[:80]!r}: {error}") from None
    until = rule.until
    if until is not None and start.zone is not None and until.zone is not UTC:
        # RFC 5545, 3.3.10: in UTC where DTSTART has a zone; a date means all of that day there.
        last = until.wall + (DAY - timedelta(seconds=1) if until.is_date else timedelta(0))
        instant = last.replace(tzinfo=start.zone).astimezone(UTC)
        rule = replace(rule, until=Moment(instant.replace(tzinfo=None), UTC))
    elif until is not None and start.is_date and not until.is_date:
        rule = replace(rule, until=of_datetime(until.wall.date()))
    return rule


def _first(rule: Rule, start: Moment) -> Moment:
    """The first time of the rule: RFC 5545 wants DTSTART to be one."""
    far = start.wall + timedelta(days=366 * 30)
    try:
        found = wall_times(rule, start.wall, start.wall, far, start.zone)
    except TooMany as error:
        raise CalendarError(str(error)) from None
    if not found:
        raise CalendarError(
            f"the rule {rule.text[:80]} never takes place from {start.wall:%Y-%m-%d %H:%M} on"
        )
    if start.zone is not None:
        check_exists(found[0], start.zone)
    return start.at(found[0])


def _people(new: NewEvent) -> list[Line]:
    if not new.attendees:
        return []
    for address in (*new.attendees, new.organiser):
        if not _ADDRESS.fullmatch(address):
            raise CalendarError(
                f"{address[:60]!r} is no mail address; inviting needs those of all and of the "
                "organiser ([calendar] addresses)"
            )
    lines = [make_line("ORGANIZER", f"mailto:{new.organiser}")]
    for address in dict.fromkeys(new.attendees):
        own = address.lower() == new.organiser.lower()
        params = {"PARTSTAT": ("ACCEPTED",)} if own else {
            "ROLE": ("REQ-PARTICIPANT",), "PARTSTAT": ("NEEDS-ACTION",), "RSVP": ("TRUE",)
        }  # fmt: skip
        lines.append(make_line("ATTENDEE", f"mailto:{address}", params))
    return lines
