"""Series and their occurrences over a horizon, in UTC and by how they take the viewer's time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property

from agentsched.calendars.events import Attendee, Event, Extra, Kind, Viewer
from agentsched.calendars.moments import Moment, Span
from agentsched.calendars.recurrence import wall_times

MARGIN = timedelta(hours=26)
"""A local time and UTC are never further apart."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time at which something takes place, half open."""

    event: Event = field(repr=False)
    """The component that describes it: the master of a series, or its own override."""
    recurrence_id: str
    """``20260308T200000Z``, ``20260308``, or a local time without Z; empty for a single event."""
    start: datetime
    end: datetime
    """UTC both."""
    kind: Kind
    all_day: bool = False
    original: Moment | None = field(default=None, repr=False)
    """Where the series puts it; None for a single event."""

    @property
    def id(self) -> str:
        """UID, and the occurrence of it if it is one of a series."""
        return f"{self.uid}/{self.recurrence_id}" if self.recurrence_id else self.uid

    @property
    def uid(self) -> str:
        """UID of the event or series."""
        return self.event.uid

    @property
    def marks_a_day(self) -> bool:
        """Whether it says what a day is; see ``Event``."""
        return self.event.marks_a_day

    @property
    def calendar(self) -> str:
        """Name of the calendar."""
        return self.event.calendar

    @property
    def etag(self) -> str:
        """State of the resource it was read from."""
        return self.event.etag

    @property
    def title(self) -> str:
        """SUMMARY."""
        return self.event.title

    @property
    def location(self) -> str:
        """LOCATION."""
        return self.event.location

    @property
    def attendees(self) -> tuple[Attendee, ...]:
        """Who is invited."""
        return self.event.attendees

    @property
    def organiser(self) -> Attendee | None:
        """Who invites."""
        return self.event.organiser

    @property
    def in_series(self) -> bool:
        """Whether it is one of several."""
        return bool(self.recurrence_id)

    @property
    def minutes(self) -> float:
        """How long it takes."""
        return (self.end - self.start).total_seconds() / 60


@dataclass(frozen=True, eq=False)
class Series:
    """What shares a UID in one resource: a master and the occurrences that differ from it."""

    uid: str
    master: Event | None
    """None: only some occurrences of a series are known, as for somebody invited to one of them."""
    overrides: tuple[Event, ...] = ()

    @property
    def events(self) -> tuple[Event, ...]:
        """Its components, the master first."""
        return (*(() if self.master is None else (self.master,)), *self.overrides)

    @cached_property
    def override_by_key(self) -> Mapping[str, Event]:
        """Overrides by the occurrence they stand for; the highest SEQUENCE wins."""
        found: dict[str, Event] = {}
        for event in sorted(self.overrides, key=lambda event: event.sequence):
            assert event.recurrence_id is not None
            found[self._key(event.recurrence_id)] = event
        return found

    @cached_property
    def excluded(self) -> frozenset[str]:
        """Keys of what EXDATE takes out; a date takes out the whole day."""
        master = self.master
        return frozenset(() if master is None else (self._key(m) for m in master.exceptions))

    def originals(self, low: datetime, high: datetime) -> Iterator[tuple[Moment, Extra | None]]:
        """Return where the master puts occurrences between two local times, EXDATE taken out."""
        master = self.master
        if master is None:
            return
        found: dict[datetime, Extra | None] = {}
        if low <= master.start.wall <= high:
            found[master.start.wall] = None
        for rule in master.rules:
            for wall in wall_times(rule, master.start.wall, low, high, master.start.zone):
                found.setdefault(wall)
        for extra in master.extras:
            wall = self.like_master(extra.start).wall
            if low <= wall <= high:
                found.setdefault(wall, extra)
        excluded = self.excluded
        for wall in sorted(found):
            moment = master.start.at(wall)
            if excluded and (moment.key in excluded or f"{wall:%Y%m%d}" in excluded):
                continue
            yield moment, found[wall]

    def occurrences(self, low: datetime, high: datetime, viewer: Viewer) -> Iterator[Occurrence]:
        """Return occurrences that touch ``[low, high)``, both in UTC; not in order.

        Raises:
            TooMany: A rule yields more than anybody can attend.
        """
        master = self.master
        if master is not None and not master.repeats and not self.overrides:
            yield from _touching(_single(master, viewer), low, high)
            return
        overrides = self.override_by_key
        if master is not None:
            kind = master.kind(viewer)
            ranges = sorted(
                (e for e in overrides.values() if e.this_and_future),
                key=lambda e: e.recurrence_id.wall if e.recurrence_id else e.start.wall,
            )
            longest, shift = _reach(master, ranges)
            begin, finish = _naive(low) - MARGIN - longest - shift, _naive(high) + MARGIN + shift
            for moment, extra in self.originals(begin, finish):
                key = moment.key
                if key in overrides:
                    # Where it was moved to is looked at below, wherever its original place is.
                    continue
                made = (
                    _ranged(moment, ranges, viewer)
                    if ranges and _after(moment, ranges[0])
                    else _at(master, moment, extra, kind, viewer)
                )
                yield from _touching(made, low, high)
        for key, event in overrides.items():
            if key not in self.excluded:
                yield from _touching(_override(event, key, viewer), low, high)

    def _key(self, moment: Moment) -> str:
        return self.like_master(moment).key

    def like_master(self, moment: Moment) -> Moment:
        """Return it in the zone of the series, as some clients write these lines in another."""
        start = None if self.master is None else self.master.start
        if start is None or moment.is_date or start.is_date:
            # A time where the master has dates names the day; a date in a timed series stays one.
            if start is not None and start.is_date and not moment.is_date:
                return start.at(moment.wall.replace(hour=0, minute=0, second=0))
            return moment
        if moment.zone is None or start.zone is None:
            return start.at(moment.wall)
        wall = moment.instant(UTC).astimezone(start.zone).replace(tzinfo=None, fold=0)
        return start.at(wall)


def _naive(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(tzinfo=None)


def _reach(master: Event, ranges: Iterable[Event]) -> tuple[timedelta, timedelta]:
    """Greatest length and greatest displacement of any occurrence of the master."""
    longest = master.span.nominal
    for extra in master.extras:
        if isinstance(extra.end, Span):
            longest = max(longest, extra.end.nominal)
        elif extra.end is not None:
            longest = max(longest, extra.end.wall - extra.start.wall)
    shift = timedelta(0)
    for event in ranges:
        assert event.recurrence_id is not None
        longest = max(longest, event.span.nominal)
        shift = max(shift, abs(event.start.wall - event.recurrence_id.wall))
    return longest, shift


def _touching(occurrence: Occurrence, low: datetime, high: datetime) -> Iterator[Occurrence]:
    start, end = occurrence.start, occurrence.end
    if start < high and (end > low or start == end == low):
        yield occurrence


def _single(event: Event, viewer: Viewer) -> Occurrence:
    start, end = _bounds(event, event.start, viewer)
    return Occurrence(event, "", start, end, event.kind(viewer), event.start.is_date)


def _bounds(event: Event, start: Moment, viewer: Viewer) -> tuple[datetime, datetime]:
    begin = start.instant(viewer.zone)
    if event.end is not None:
        if start is event.start:
            return begin, max(begin, event.end.instant(viewer.zone))
        # DTEND gives every occurrence the same exact length (RFC 5545, 3.8.5.3).
        return begin, begin + event.span.exact
    return begin, event.span.end(start, viewer.zone)


def _at(
    master: Event, moment: Moment, extra: Extra | None, kind: Kind, viewer: Viewer
) -> Occurrence:
    start, end = _bounds(master, moment, viewer)
    match None if extra is None else extra.end:
        case Span() as span:
            end = span.end(moment, viewer.zone)
        case Moment() as until:
            end = max(start, until.instant(viewer.zone))
    return Occurrence(master, moment.key, start, end, kind, moment.is_date, moment)


def _override(event: Event, key: str, viewer: Viewer) -> Occurrence:
    start, end = _bounds(event, event.start, viewer)
    kind, day = event.kind(viewer), event.start.is_date
    return Occurrence(event, key, start, end, kind, day, event.recurrence_id)


def _after(moment: Moment, event: Event) -> bool:
    assert event.recurrence_id is not None
    return moment.instant(UTC) > event.recurrence_id.instant(UTC)


def _ranged(moment: Moment, ranges: Iterable[Event], viewer: Viewer) -> Occurrence:
    """An occurrence that follows an override with RANGE=THISANDFUTURE."""
    event = [event for event in ranges if _after(moment, event)][-1]
    assert event.recurrence_id is not None
    moved = event.start.at(moment.wall + (event.start.wall - event.recurrence_id.wall))
    start, end = _bounds(event, moved, viewer)
    return Occurrence(
        event, moment.key, start, end, event.kind(viewer), event.start.is_date, moment
    )
