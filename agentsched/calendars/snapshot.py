"""A calendar as read at one moment: its series, what was not understood, and what takes place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from agentsched.calendars.errors import BadCalendar, NoEvent
from agentsched.calendars.events import Event, Problem, Source, Viewer
from agentsched.calendars.occurrences import Occurrence, Series
from agentsched.calendars.reading import Unreadable, read_event
from agentsched.calendars.recurrence import TooMany
from agentsched.calendars.store import CalendarStore, Resource
from agentsched.calendars.tree import Component, Document, parse
from agentsched.calendars.zones import iana_zone


@dataclass(frozen=True, slots=True)
class Expansion:
    """What takes place within a horizon, in the order of starts."""

    occurrences: tuple[Occurrence, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class ParsedResource:
    """One resource, read."""

    resource: Resource
    document: Document | None
    """None: it is broken, and ``problems`` says where."""
    series: tuple[Series, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Everything of one calendar."""

    calendar: str
    resources: tuple[ParsedResource, ...]
    series: tuple[Series, ...]
    problems: tuple[Problem, ...]
    _expanded: dict[tuple[datetime, datetime, Viewer], Expansion] = field(
        default_factory=dict, repr=False
    )

    def find(self, uid: str) -> Series:
        """Return the series or event of a UID, or of the beginning of one.

        Raises:
            NoEvent: None begins so, or several do.
        """
        found = [s for s in self.series if s.uid == uid]
        found = found or [s for s in self.series if uid and s.uid.startswith(uid)]
        if len(found) == 1:
            return found[0]
        if found:
            raise NoEvent(
                f"{len(found)} events begin with {uid!r}; give more of the id, such as "
                f"{found[0].uid[: len(uid) + 8]!r}"
            )
        raise NoEvent(f"no event {uid!r} in calendar {self.calendar!r}; list shows the ids")

    def resource_of(self, series: Series) -> ParsedResource:
        """Return the resource a series of this snapshot is in."""
        href = series.events[0].href
        return next(parsed for parsed in self.resources if parsed.resource.href == href)

    def expand(self, low: datetime, high: datetime, viewer: Viewer) -> Expansion:
        """Return what touches ``[low, high)``.

        A series that yields more than anybody can attend is named in the problems and left out.
        """
        key = (low, high, viewer)
        if key not in self._expanded:
            if len(self._expanded) >= 8:
                self._expanded.pop(next(iter(self._expanded)))
            self._expanded[key] = self._expand(low, high, viewer)
        return self._expanded[key]

    def _expand(self, low: datetime, high: datetime, viewer: Viewer) -> Expansion:
        found: list[Occurrence] = []
        problems: list[Problem] = []
        for series in self.series:
            try:
                found += series.occurrences(low, high, viewer)
            except (TooMany, OverflowError) as error:
                event = series.events[0]
                problems.append(Problem(event.href, event.component.begin.number, str(error)))
        found.sort(key=lambda o: (o.start, o.end, o.event.uid, o.recurrence_id))
        return Expansion(tuple(found), tuple(problems))


class CalendarReader:
    """Reads a store; what has not changed since the last time is not fetched or parsed again."""

    def __init__(self, store: CalendarStore) -> None:
        self._store = store
        self._parsed: dict[str, ParsedResource] = {}

    def read(self) -> Snapshot:
        """Return the calendar as it is now."""
        etags = self._store.etags()
        wanted = [
            href
            for href, etag in etags.items()
            if href not in self._parsed or self._parsed[href].resource.etag != etag
        ]
        self._parsed = {href: self._parsed[href] for href in etags if href in self._parsed}
        for href in wanted:
            self._parsed.pop(href, None)
        for resource in self._store.fetch(wanted):
            self._parsed[resource.href] = parse_resource(resource, self._store.name)
        return assemble(self._store.name, [self._parsed[href] for href in sorted(self._parsed)])


def assemble(calendar: str, parsed: Iterable[ParsedResource]) -> Snapshot:
    """Return the snapshot of resources; of a UID that two of them have, the newer one counts."""
    parsed = tuple(parsed)
    problems = [problem for item in parsed for problem in item.problems]
    by_uid: dict[str, Series] = {}
    for item in parsed:
        for series in item.series:
            other = by_uid.get(series.uid)
            if other is None:
                by_uid[series.uid] = series
                continue
            kept, left = (series, other) if _rank(series) > _rank(other) else (other, series)
            by_uid[series.uid] = kept
            event = left.events[0]
            problems.append(
                Problem(
                    event.href,
                    event.component.begin.number,
                    f"UID {series.uid[:60]!r} also stands in {kept.events[0].href!r}; "
                    "this copy is left out",
                )
            )
    return Snapshot(calendar, parsed, tuple(by_uid.values()), tuple(problems))


def parse_resource(resource: Resource, calendar: str) -> ParsedResource:
    """Read one resource; what is wrong with it is told, not raised."""
    problems: list[Problem] = []
    try:
        document = parse(resource.text, resource.href)
    except BadCalendar as error:
        file, _, rest = str(error).partition(", line ")
        line, _, message = rest.partition(": ")
        problem = Problem(file, int(line), message)
        return ParsedResource(resource, None, (), (problem,))
    groups: dict[str, list[Event]] = {}
    for vcalendar in document.calendars:
        source = _source(vcalendar, resource, calendar, problems)
        for component in vcalendar.children("VEVENT"):
            try:
                event = read_event(component, source, problems)
            except Unreadable as error:
                problems.append(Problem(resource.href, error.line, str(error)))
                continue
            if not event.uid:
                problems.append(
                    Problem(resource.href, component.begin.number, "an event without UID")
                )
            # Without a UID it is still an event, though one that nothing can refer to elsewhere.
            uid = event.uid or f"{resource.href}#{component.begin.number}"
            groups.setdefault(uid, []).append(event)
    series = tuple(_series(uid, events, problems) for uid, events in groups.items())
    return ParsedResource(resource, document, series, tuple(problems))


def _source(
    vcalendar: Component, resource: Resource, calendar: str, problems: list[Problem]
) -> Source:
    definitions = {zone.text_of("TZID").strip(): zone for zone in vcalendar.children("VTIMEZONE")}
    line = vcalendar.get("X-WR-TIMEZONE")
    zone = None if line is None else iana_zone(line.text.strip())
    if line is not None and zone is None:
        problems.append(
            Problem(resource.href, line.number, f"unknown X-WR-TIMEZONE {line.text[:60]!r}")
        )
    return Source(calendar, resource.href, resource.etag, definitions, zone)


def _series(uid: str, events: list[Event], problems: list[Problem]) -> Series:
    masters = sorted((e for e in events if e.recurrence_id is None), key=lambda e: e.sequence)
    for event in masters[:-1]:
        problems.append(
            Problem(
                event.href,
                event.component.begin.number,
                f"UID {uid[:60]!r} stands twice in the file; this copy is left out",
            )
        )
    overrides = tuple(event for event in events if event.recurrence_id is not None)
    return Series(uid, masters[-1] if masters else None, overrides)


def _rank(series: Series) -> tuple[bool, int]:
    return series.master is not None, max(event.sequence for event in series.events)
