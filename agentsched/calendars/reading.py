"""Reading a VEVENT: what can be understood is used, what cannot is told with its line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, timedelta

from agentsched.calendars.events import Attendee, Event, Extra, Problem, Source
from agentsched.calendars.lines import Line, split_list
from agentsched.calendars.moments import Moment, Span, parse_moment, parse_span
from agentsched.calendars.rules import Rule, parse_rule
from agentsched.calendars.tree import Component
from agentsched.calendars.zones import zone_of

LONGEST = timedelta(days=3660)
"""A DTEND or DURATION beyond it is a mistake."""


class Unreadable(ValueError):
    """An event without the times that make it one; carries the line."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def read_event(component: Component, source: Source, problems: list[Problem]) -> Event:
    """Return the view of a VEVENT.

    Args:
        component: The VEVENT.
        source: Where it is from.
        problems: What is wrong but can be done without is added to it.

    Raises:
        Unreadable: It has no start, or one that is no time.
    """
    return _Reader(component, source, problems).event()


class _Reader:
    """Reads one component; lines by name are gathered once, as a view asks for many."""

    def __init__(self, component: Component, source: Source, problems: list[Problem]) -> None:
        self.component, self.source, self.problems = component, source, problems
        self.lines: dict[str, list[Line]] = {}
        for line in component.lines:
            if line.name:
                self.lines.setdefault(line.name, []).append(line)
            elif line.raw.strip():
                self._note(line, f"{line.raw.strip()[:40]!r} is no content line (NAME:value)")

    def event(self) -> Event:
        start = self._start()
        end, span = self._length(start)
        recurrence = self.lines.get("RECURRENCE-ID", [None])[0]
        organiser = self.lines.get("ORGANIZER", [None])[0]
        return Event(
            source=self.source,
            component=self.component,
            uid=self._value("UID").strip(),
            start=start,
            end=end,
            span=span,
            recurrence_id=None if recurrence is None else self._required(recurrence),
            this_and_future=recurrence is not None and recurrence.param("RANGE") == "THISANDFUTURE",
            rules=tuple(self._rules(start)),
            extras=tuple(self._extras()),
            exceptions=tuple(m for line in self._all("EXDATE") for m in self._moments(line)),
            title=self._text("SUMMARY"),
            location=self._text("LOCATION"),
            conference="CONFERENCE" in self.lines,
            status=self._value("STATUS").strip().upper(),
            transparency=self._value("TRANSP").strip().upper(),
            busy_status=self._value("X-MICROSOFT-CDO-BUSYSTATUS").strip().upper(),
            organiser=None if organiser is None else _attendee(organiser),
            attendees=tuple(_attendee(line) for line in self._all("ATTENDEE")),
            categories=tuple(c for line in self._all("CATEGORIES") for c in line.texts),
            sequence=self._number("SEQUENCE"),
            priority=self._number("PRIORITY"),
            travel=self._travel(),
        )

    def _all(self, name: str) -> list[Line]:
        return self.lines.get(name, [])

    def _value(self, name: str) -> str:
        found = self.lines.get(name)
        return found[0].value if found else ""

    def _text(self, name: str) -> str:
        found = self.lines.get(name)
        return found[0].text if found else ""

    def _number(self, name: str) -> int:
        text = self._value(name).strip()
        return int(text) if text.isdecimal() and len(text) < 10 else 0

    def _note(self, line: Line, message: str) -> None:
        self.problems.append(Problem(self.source.href, line.number, message))

    def _start(self) -> Moment:
        found = self.lines.get("DTSTART")
        if not found:
            raise Unreadable(self.component.begin.number, "an event without DTSTART is left out")
        return self._required(found[0])

    def _required(self, line: Line) -> Moment:
        try:
            return self._moment(line, line.value)
        except (ValueError, OverflowError) as error:
            message = f"{line.name}: {error}; the event is left out"
            raise Unreadable(line.number, message) from None

    def _moment(self, line: Line, value: str) -> Moment:
        moment = read_moment(line, value, self.source)
        if moment.tzid and moment.zone is None:
            self._note(
                line, f"unknown time zone {moment.tzid[:60]!r}; its times are read as the viewer's"
            )
        return moment

    def _moments(self, line: Line) -> Iterator[Moment]:
        for value in split_list(line.value):
            try:
                yield self._moment(line, value)
            except (ValueError, OverflowError) as error:
                self._note(line, f"{line.name}: {error}; it is left out")

    def _length(self, start: Moment) -> tuple[Moment | None, Span]:
        """Return the end or the span; an event without either takes a day, or no time."""
        whole = Span(days=1) if start.is_date else Span()
        for line in self._all("DTEND"):
            try:
                end = self._moment(line, line.value)
            except (ValueError, OverflowError) as error:
                self._note(line, f"DTEND: {error}; its length is unknown")
                break
            length = end.instant(UTC) - start.instant(UTC)
            if length < timedelta(0) or end.is_date != start.is_date or length > LONGEST:
                why = "lies before DTSTART" if length < timedelta(0) else "does not fit DTSTART"
                self._note(line, f"DTEND {why}; its length is unknown")
                break
            if start.is_date:
                return None, Span(days=max(1, length.days))
            return end, Span(exact=length)
        for line in self._all("DURATION"):
            try:
                span = parse_span(line.value)
            except ValueError as error:
                self._note(line, f"DURATION: {error}; its length is unknown")
                break
            if not timedelta(0) <= span.nominal <= LONGEST:
                self._note(line, f"DURATION {line.value[:20]} is out of range; it is not used")
                break
            return None, (span if span.nominal or not start.is_date else whole)
        return None, whole

    def _rules(self, start: Moment) -> Iterator[Rule]:
        for line in self._all("RRULE"):
            try:
                yield parse_rule(line.value, start.zone)
            except (ValueError, OverflowError) as error:
                self._note(line, f"RRULE: {error}; only the first occurrence is used")
        for line in self._all("EXRULE"):
            self._note(line, "EXRULE is no longer part of iCalendar and is not used")

    def _extras(self) -> Iterator[Extra]:
        for line in self._all("RDATE"):
            for value in split_list(line.value):
                begin, slash, end = value.partition("/")
                try:
                    start = self._moment(line, begin)
                    if not slash:
                        yield Extra(start)
                    elif end.lstrip("+-").startswith("P"):
                        yield Extra(start, parse_span(end))
                    else:
                        yield Extra(start, self._moment(line, end))
                except (ValueError, OverflowError) as error:
                    self._note(line, f"RDATE: {error}; it is left out")

    def _travel(self) -> timedelta:
        text = self._value("X-APPLE-TRAVEL-DURATION")
        if not text:
            return timedelta(0)
        try:
            return max(timedelta(0), parse_span(text).nominal)
        except ValueError:
            return timedelta(0)


def read_moment(line: Line, value: str, source: Source) -> Moment:
    """Return a date or time of a line, in the zone its TZID means.

    Raises:
        ValueError: It is none.
    """
    tzid = line.param("TZID")
    moment = parse_moment(value, zone_of(tzid, source.definitions) if tzid else source.zone, tzid)
    if moment.zone is UTC and source.zone is not None:
        # Some exporters write UTC and mean the calendar's zone: what recurs is the time there.
        there = moment.wall.replace(tzinfo=UTC).astimezone(source.zone)
        return Moment(there.replace(tzinfo=None, fold=0), source.zone)
    return moment


def _attendee(line: Line) -> Attendee:
    params = line.params

    def first(name: str, otherwise: str) -> str:
        return next(iter(params.get(name, ())), otherwise)

    return Attendee(
        address_of(line.value),
        first("CN", ""),
        first("ROLE", "REQ-PARTICIPANT").upper(),
        first("PARTSTAT", "NEEDS-ACTION").upper(),
        first("CUTYPE", "INDIVIDUAL").upper(),
    )


def address_of(value: str) -> str:
    """Return a calendar address in lower case, without ``mailto:``."""
    value = value.strip().lower()
    return value.removeprefix("mailto:")
