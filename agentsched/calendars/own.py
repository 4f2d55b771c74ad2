"""The user's own calendar, opened as the settings say: the one way in for commands and agent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Self
from zoneinfo import ZoneInfo

from agentsched.calendars.book import Book
from agentsched.calendars.conflicts import Spacing
from agentsched.calendars.contacts import Contacts, load_contacts
from agentsched.calendars.events import Viewer
from agentsched.calendars.hours import WorkHours, parse_hours
from agentsched.calendars.journal import Journal
from agentsched.calendars.store import Access, open_calendar
from agentsched.calendars.travel import Travel
from agentsched.calendars.zones import iana_zone
from agentsched.errors import SettingsError
from agentsched.settings import CalendarSettings, home


@dataclass(frozen=True)
class OwnCalendar:
    """An open calendar, its owner's settings, and the moment it was opened."""

    book: Book
    now: datetime
    zone: ZoneInfo
    settings: CalendarSettings = field(repr=False)

    @classmethod
    @contextmanager
    def open(cls, settings: CalendarSettings, zone: ZoneInfo, now: datetime) -> Iterator[Self]:
        """Open it, and close it after use.

        Args:
            settings: Which one, whose, and what lies between events. The default folder is made
                if it is not there; a place that somebody named is not.
            zone: The user's.
            now: The time.

        Raises:
            CalendarError: There is no such calendar.
            CalendarUnreachable: Its server cannot be used.
        """
        place = settings.url or home() / "calendar"
        store = open_calendar(
            place, access=access(settings), name=settings.name, make=settings.url is None
        )
        viewer = Viewer(zone, frozenset(address.lower() for address in settings.addresses))
        book = Book(store, Journal(home() / "calendar-journal.jsonl"), viewer, lambda: now)
        try:
            yield cls(book, now, zone, settings)
        finally:
            book.close()

    @property
    def hours(self) -> WorkHours | None:
        """When the user works; None: at any time."""
        return parse_hours(self.settings.hours, self.zone) if self.settings.hours else None

    @property
    def spacing(self) -> Spacing:
        """Buffers and ways as set; working hours bind proposals, not what stands there already."""
        return Spacing(
            timedelta(minutes=self.settings.buffer_minutes),
            Travel(otherwise=self.settings.travel_minutes),
        )

    @cached_property
    def contacts(self) -> Contacts:
        """People as set."""
        path = self.settings.contacts
        return Contacts.of() if path is None else load_contacts(path)


def access(settings: CalendarSettings) -> Access:
    """Return how a CalDAV server is reached."""
    return Access(settings.user, settings.password.get_secret_value(), settings.timeout_seconds)


def own_zone(settings: CalendarSettings) -> ZoneInfo:
    """Return the user's zone: the settings', else the machine's.

    Raises:
        SettingsError: The machine does not say.
    """
    if settings.zone is not None:
        return ZoneInfo(settings.zone)
    import tzlocal

    try:
        name = tzlocal.get_localzone_name()
    # It answers a machine that is set up wrongly with errors of these kinds.
    except (LookupError, ValueError, OSError):
        name = ""
    if not name or iana_zone(name) is None:
        raise SettingsError("this machine's time zone cannot be told; set [calendar] zone")
    return ZoneInfo(name)
