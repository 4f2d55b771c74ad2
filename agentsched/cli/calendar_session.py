"""What every calendar command begins with: the calendar, its owner, and times from words."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from agentsched.errors import SettingsError, UserError

if TYPE_CHECKING:
    from agentsched.calendars import Book, NewEvent, Occurrence, Spacing
    from agentsched.calendars.contacts import Contacts
    from agentsched.calendars.hours import WorkHours
    from agentsched.settings import CalendarSettings
    from agentsched.times import Resolved

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Session:
    """An open calendar and the moment the command was given."""

    book: Book
    now: datetime
    zone: ZoneInfo
    settings: CalendarSettings = field(repr=False)

    @property
    def hours(self) -> WorkHours | None:
        """When the user works; None: at any time."""
        from agentsched.calendars import parse_hours

        return parse_hours(self.settings.hours, self.zone) if self.settings.hours else None

    @property
    def spacing(self) -> Spacing:
        """Buffers and ways as set; working hours bind proposals, not what stands there already."""
        from agentsched.calendars import Spacing
        from agentsched.calendars.travel import Travel

        return Spacing(
            timedelta(minutes=self.settings.buffer_minutes),
            Travel(otherwise=self.settings.travel_minutes),
        )

    @property
    def contacts(self) -> Contacts:
        """People as set."""
        from agentsched.calendars.contacts import Contacts, load_contacts

        path = self.settings.contacts
        return Contacts.of() if path is None else load_contacts(path)

    def resolve(self, phrase: str) -> Resolved:
        """Return what time words mean."""
        from agentsched.times import resolve

        return resolve(phrase, self.now, self.zone)

    def window(self, phrase: str, days: int = 7) -> tuple[datetime, datetime]:
        """Return the stretch of time that words name, in UTC; without any, from today on.

        Raises:
            UserError: They name none, as "every Tuesday" does.
        """
        if not phrase.strip():
            today = self.instant(self.now.date())
            return today, today + timedelta(days=days)
        found = self.resolve(phrase)
        match found.kind:
            case "moment" if isinstance(found.start, datetime):
                return found.start.astimezone(UTC), found.start.astimezone(UTC) + timedelta(hours=1)
            case "date" | "range" if found.start is not None:
                low = self.instant(found.start)
                length = timedelta(days=1) if found.kind == "date" else WEEK
                high = low + length if found.end is None else self.instant(found.end)
                return low, max(low, high)
            case "duration" if found.duration is not None:
                return self.now.astimezone(UTC), self.now.astimezone(UTC) + found.duration
            case "deadline" if found.due is not None:
                return self.now.astimezone(UTC), self.instant(found.due)
        raise UserError(f"{phrase!r} names no stretch of time; say 'next week' or 'tomorrow 9-17'")

    def instant(self, when: date) -> datetime:
        """Return a date's midnight here, or a datetime, in UTC."""
        if isinstance(when, datetime):
            return when.astimezone(UTC)
        return datetime.combine(when, time(), self.zone).astimezone(UTC)

    def event(self, title: str, phrase: str, length: timedelta | None, **more: Any) -> NewEvent:
        """Return the event that a title and time words ask for."""
        from agentsched.calendars import NewEvent

        found = self.resolve(phrase)
        if found.start is None or found.kind in ("deadline", "duration"):
            raise UserError(f"{phrase!r} says no start; say 'tomorrow 9-10' or 'every Monday at 9'")
        timed = isinstance(found.start, datetime)
        zone = str(getattr(found.zone, "key", "UTC")) if timed else ""
        length = length or (found.duration if found.end is None else None)
        return NewEvent(
            title, found.start, None if length else found.end, length, found.rrule or "", zone,
            **more,
        )  # fmt: skip

    def occurrence(self, words: str) -> Occurrence | str:
        """Return what an id, the beginning of one, or a title means.

        Raises:
            UserError: Nothing, or several things.
        """
        from agentsched.calendars.errors import NoEvent

        try:
            self.book.read().find(words.rpartition("/")[0] or words)
        except NoEvent as error:
            found = self._titled(words)
            if not found:
                raise error from None
            return found
        return words

    def _titled(self, words: str) -> Occurrence | None:
        asked = " ".join(words.casefold().split())
        low = self.instant(self.now.date())
        coming = self.book.expand(low, low + 60 * timedelta(days=1)).occurrences
        fitting = [o for o in coming if asked and asked in o.title.casefold()]
        exact = [o for o in fitting if asked == o.title.casefold()] or fitting
        if len({o.uid for o in exact}) > 1:
            ids = ", ".join(f"{o.title[:40]!r} {short(o)}" for o in exact[:4])
            raise UserError(f"several events are called {words!r}: {ids}; give an id")
        return exact[0] if exact else None


@contextlib.contextmanager
def opened(calendar: str | None, zone: str | None) -> Iterator[Session]:
    """Open the calendar that the flag or the settings name, and close it after use."""
    from agentsched.calendars import Access, Book, Journal, Viewer, open_calendar
    from agentsched.calendars.zones import named_zone
    from agentsched.settings import load_settings

    if zone is not None:
        named_zone(zone)
    settings = load_settings({"calendar.url": calendar, "calendar.zone": zone}).calendar
    here = ZoneInfo(settings.zone or local_zone())
    place = settings.url or home() / "calendar"
    secret = settings.password.get_secret_value()
    access = Access(settings.user, secret, settings.timeout_seconds)
    store = open_calendar(place, access=access, name=settings.name, make=settings.url is None)
    viewer = Viewer(here, frozenset(address.lower() for address in settings.addresses))
    now = datetime.now(UTC).astimezone(here)
    book = Book(store, Journal(home() / "calendar-journal.jsonl"), viewer, lambda: now)
    try:
        yield Session(book, now, here, settings)
    finally:
        book.close()


def home() -> Path:
    """Return the folder of this user's own things."""
    return Path(os.environ.get("AGENTSCHED_HOME") or "~/.local/share/agentsched").expanduser()


def local_zone() -> str:
    """Return this machine's zone by its IANA name.

    Raises:
        SettingsError: The machine does not say.
    """
    import tzlocal

    from agentsched.calendars.zones import iana_zone

    try:
        name = tzlocal.get_localzone_name()
    # It answers a machine that is set up wrongly with errors of these kinds.
    except (LookupError, ValueError, OSError):
        name = ""
    if not name or iana_zone(name) is None:
        raise SettingsError("this machine's time zone cannot be told; set [calendar] zone")
    return name


def short_uid(uid: str) -> str:
    """Return the beginning of a UID, which does for one as good as always."""
    return uid if len(uid) <= 12 else uid[:8]


def short(occurrence: Occurrence) -> str:
    """Return an id short enough to type that still finds the occurrence."""
    uid = short_uid(occurrence.uid)
    return f"{uid}/{occurrence.recurrence_id}" if occurrence.recurrence_id else uid
