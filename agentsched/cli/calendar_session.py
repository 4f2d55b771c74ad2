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

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from agentsched.errors import SettingsError, UserError

if TYPE_CHECKING:
    from agentsched.calendars import Book, NewEvent, Occurrence, Spacing
    from agentsched.calendars.contacts import Contacts
    from agentsched.times import Resolved

WEEK = timedelta(days=7)
PREFIX = "AGENTSCHED_CALENDAR_"


class CalendarSettings(BaseModel):
    """Whose calendar, and what is between events; ``AGENTSCHED_CALENDAR_<FIELD>``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str | None = None
    """Folder, ``.ics`` file or CalDAV URL; None: the folder ``calendar`` in agentsched's home."""
    name: str = ""
    """Which one, where a server has several."""
    user: str = ""
    password: SecretStr = SecretStr("")
    timeout_seconds: int = Field(default=20, ge=1)
    zone: str | None = None
    """IANA name; None: this machine's."""
    addresses: tuple[str, ...] = ()
    """The user's own mail addresses."""
    hours: str = ""
    """Working hours, ``MO-FR 9-17``; empty: any time."""
    buffer_minutes: float = Field(default=0, ge=0, le=600)
    travel_minutes: float = Field(default=0, ge=0, le=3000)
    """Between two different places."""
    contacts: Path | None = None
    """TOML file of ``[[contact]]`` tables."""

    @field_validator("addresses", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return (
            tuple(filter(None, map(str.strip, value.split(","))))
            if isinstance(value, str)
            else value
        )

    @classmethod
    def load(cls, url: str | None, zone: str | None) -> CalendarSettings:
        """Read the environment; flags win."""
        values: dict[str, Any] = {
            name: os.environ[PREFIX + name.upper()]
            for name in cls.model_fields
            if os.environ.get(PREFIX + name.upper())
        }
        values |= {k: v for k, v in {"url": url, "zone": zone}.items() if v is not None}
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            field_ = str(first["loc"][0])
            shown = "(hidden)" if field_ == "password" else repr(values[field_])
            raise SettingsError(
                f"variable {PREFIX}{field_.upper()}: {first['msg']}, got {shown}"
            ) from None


@dataclass(frozen=True)
class Session:
    """An open calendar and the moment the command was given."""

    book: Book
    now: datetime
    zone: ZoneInfo
    settings: CalendarSettings = field(repr=False)

    @property
    def spacing(self) -> Spacing:
        """Buffers, ways and hours as set."""
        from agentsched.calendars import Spacing, parse_hours
        from agentsched.calendars.travel import Travel

        hours = self.settings.hours
        return Spacing(
            timedelta(minutes=self.settings.buffer_minutes),
            Travel(otherwise=self.settings.travel_minutes),
            parse_hours(hours, self.zone) if hours else None,
        )

    @property
    def contacts(self) -> Contacts:
        """People as set."""
        from agentsched.calendars.contacts import Contacts, load_contacts

        path = self.settings.contacts
        return Contacts.of() if path is None else load_contacts(path.expanduser())

    def resolve(self, phrase: str) -> Resolved:
        """Return what time words mean."""
        from agentsched.times import resolve

        return resolve(phrase, self.now, self.zone)

    def window(self, phrase: str) -> tuple[datetime, datetime]:
        """Return the stretch of time that words name, in UTC.

        Raises:
            UserError: They name none, as "every Tuesday" does.
        """
        found = self.resolve(phrase)
        match found.kind:
            case "moment" if isinstance(found.start, datetime):
                return found.start.astimezone(UTC), found.start.astimezone(UTC) + timedelta(hours=1)
            case "date" | "range" if found.start is not None:
                low = self.instant(found.start)
                days = timedelta(days=1) if found.kind == "date" else WEEK
                high = low + days if found.end is None else self.instant(found.end)
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

    settings = CalendarSettings.load(calendar, zone)
    named = named_zone(settings.zone or local_zone())
    here = named if isinstance(named, ZoneInfo) else ZoneInfo("UTC")
    place = settings.url or home() / "calendar"
    access = Access(settings.user, settings.password.get_secret_value(), settings.timeout_seconds)
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
    """Return this machine's zone by its IANA name; UTC where it says none."""
    from agentsched.calendars.zones import iana_zone

    named = os.environ.get("TZ", "").lstrip(":")
    if named and iana_zone(named):
        return named
    _, _, linked = os.path.realpath("/etc/localtime").partition("zoneinfo/")
    return linked if linked and iana_zone(linked) else "UTC"


def short_uid(uid: str) -> str:
    """Return the beginning of a UID, which does for one as good as always."""
    return uid if len(uid) <= 12 else uid[:8]


def short(occurrence: Occurrence) -> str:
    """Return an id short enough to type that still finds the occurrence."""
    uid = short_uid(occurrence.uid)
    return f"{uid}/{occurrence.recurrence_id}" if occurrence.recurrence_id else uid
