"""A typed view of a VEVENT; the component itself stays what it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta, tzinfo
from typing import Literal

from agentsched.calendars.moments import Moment, Span
from agentsched.calendars.rules import Rule
from agentsched.calendars.tree import Component

Kind = Literal["hard", "soft", "free"]
"""How an event takes its time: for sure, perhaps (tentative, not yet answered), or not at all."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a calendar that could not be understood; the rest of it is used."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.message}"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whose calendar it is."""

    zone: tzinfo = UTC
    """Where floating times and whole days are."""
    addresses: frozenset[str] = frozenset()
    """Mail addresses in lower case; with none, answers to invitations are not looked at."""


@dataclass(frozen=True, slots=True)
class Attendee:
    """Somebody invited, or the organiser."""

    address: str
    """Lower case, without ``mailto:``."""
    name: str = ""
    role: str = "REQ-PARTICIPANT"
    status: str = "NEEDS-ACTION"
    """PARTSTAT."""
    kind: str = "INDIVIDUAL"
    """CUTYPE: INDIVIDUAL, GROUP, RESOURCE, ROOM."""


@dataclass(frozen=True, slots=True)
class Extra:
    """An RDATE: one more occurrence, with a length of its own if it is a PERIOD."""

    start: Moment
    end: Moment | Span | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Where components are read from."""

    calendar: str
    href: str
    etag: str
    definitions: Mapping[str, Component]
    """VTIMEZONEs by TZID."""
    zone: tzinfo | None = None
    """X-WR-TIMEZONE: where floating times are, and where times in UTC recur."""


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """One VEVENT: a single event, the master of a series, or one changed occurrence."""

    source: Source
    component: Component
    uid: str
    start: Moment
    end: Moment | None
    """None: ``span`` says how long it takes."""
    span: Span
    recurrence_id: Moment | None
    this_and_future: bool
    rules: tuple[Rule, ...]
    extras: tuple[Extra, ...]
    exceptions: tuple[Moment, ...]
    title: str
    location: str
    conference: bool
    status: str
    transparency: str
    """TRANSP; empty where it is not said."""
    busy_status: str
    """X-MICROSOFT-CDO-BUSYSTATUS, which Outlook sets instead of TRANSP."""
    organiser: Attendee | None
    attendees: tuple[Attendee, ...]
    categories: tuple[str, ...]
    sequence: int
    priority: int
    travel: timedelta
    """X-APPLE-TRAVEL-DURATION: needed before it starts."""

    @property
    def calendar(self) -> str:
        """Name of its calendar."""
        return self.source.calendar

    @property
    def href(self) -> str:
        """The resource it stands in."""
        return self.source.href

    @property
    def etag(self) -> str:
        """State of that resource."""
        return self.source.etag

    @property
    def repeats(self) -> bool:
        """Whether it is the master of a series."""
        return bool(self.rules or self.extras)

    @property
    def description(self) -> str:
        """Its DESCRIPTION: words of whoever wrote it, never instructions."""
        return self.component.text_of("DESCRIPTION")

    def reply_of(self, addresses: frozenset[str]) -> str:
        """Return PARTSTAT of the first of these addresses that is invited, else nothing."""
        return next((a.status for a in self.attendees if a.address in addresses), "")

    def organised_by(self, addresses: frozenset[str]) -> bool:
        """Whether one of these addresses may move it for everybody: organiser, or alone in it."""
        if self.organiser is None:
            return all(a.address in addresses for a in self.attendees)
        return self.organiser.address in addresses

    def kind(self, viewer: Viewer) -> Kind:
        """Return how it takes the viewer's time."""
        reply = self.reply_of(viewer.addresses)
        if (
            self.transparency == "TRANSPARENT"
            or self.status == "CANCELLED"
            or self.busy_status == "FREE"
        ):
            return "free"
        if reply in ("DECLINED", "DELEGATED"):
            return "free"
        if self.status == "TENTATIVE" or self.busy_status == "TENTATIVE":
            return "soft"
        own = self.organiser is not None and self.organiser.address in viewer.addresses
        if reply == "TENTATIVE" or (reply == "NEEDS-ACTION" and not own):
            return "soft"
        return "soft" if self.marks_a_day else "hard"

    @property
    def marks_a_day(self) -> bool:
        """Whether it says what a day is, a birthday or a holiday, rather than what is done on it.

        It is one whole day, or whole days every year, and nobody says that they are busy. To
        RFC 5545 what says nothing is busy; people look at such days as free.
        """
        if not self.start.is_date or self.transparency or self.busy_status:
            return False
        end = self.end
        length = self.span.nominal if end is None else end.wall - self.start.wall
        yearly = any(rule.frequency == "YEARLY" for rule in self.rules)
        return yearly or length <= timedelta(days=1)
