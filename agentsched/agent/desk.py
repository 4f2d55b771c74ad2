"""The user's calendar at one moment: events by words, people by name, a copy to try things on."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from agentsched.calendars import (
    Book,
    CalendarError,
    Journal,
    Occurrence,
    Viewer,
    open_calendar,
)
from agentsched.calendars.contacts import Contact
from agentsched.calendars.own import OwnCalendar, access
from agentsched.calendars.scratch import ScratchCalendar
from agentsched.understanding import Choice, EventRef, When

HORIZON = timedelta(days=60)
"""How far ahead an event named in words is looked for."""
MOST_CHOICES = 6
"""Events that are listed where words point at several."""


class SeveralFit(CalendarError):
    """Words point at several events; the message lists them."""

    def __init__(self, words: str, events: Sequence[Occurrence], zone: ZoneInfo) -> None:
        self.choices = tuple(_choice(event, zone) for event in events[:MOST_CHOICES])
        more = f" and {len(events) - MOST_CHOICES} more" if len(events) > MOST_CHOICES else ""
        names = ", ".join(f"{n}: {one.words}" for n, one in enumerate(self.choices, start=1))
        self.question = f"Which {words!r} do you mean? {names}{more}"
        super().__init__(f"several events fit {words!r}: {names}{more}; say which")


def _choice(event: Occurrence, zone: ZoneInfo) -> Choice:
    at = event.start.astimezone(zone)
    when = When(phrase=f"{at:%d %b %Y %H:%M}", start=at, all_day=event.all_day)
    words = f"{event.title[:60]!r} {at:%a %d %b}" + ("" if event.all_day else f" {at:%H:%M}")
    return Choice(words=words, event=EventRef(words=event.title[:120], when=when))


class Desk(OwnCalendar):
    """An open calendar with what is needed to speak of it."""

    @property
    def people(self) -> tuple[str, ...]:
        """Names that are known."""
        known = self.contacts.by_address.values()
        return tuple(contact.name for contact in known if contact.name)

    def occurrences(self, low: datetime, high: datetime) -> tuple[Occurrence, ...]:
        """Return what takes place, in UTC order."""
        return self.book.expand(low.astimezone(UTC), high.astimezone(UTC)).occurrences

    def contact(self, name: str) -> Contact | None:
        """Return whom a name or address means; None if nobody or several."""
        asked = name.casefold().strip()
        known = self.contacts.by_address.values()
        exact = [c for c in known if asked in (c.address.casefold(), c.name.casefold())]
        fitting = exact or [c for c in known if asked and asked in c.name.casefold().split()]
        return fitting[0] if len(fitting) == 1 else None

    def calendar_of(
        self, contact: Contact, low: datetime, high: datetime
    ) -> tuple[Occurrence, ...] | None:
        """Return somebody's events, as far as their calendar is known; None where it is not.

        Raises:
            CalendarError: It is known and cannot be opened.
        """
        if not contact.calendar:
            return None
        zone = ZoneInfo(contact.zone) if contact.zone else self.zone
        store = open_calendar(contact.calendar, access=access(self.settings))
        viewer = Viewer(zone, frozenset({contact.address.lower()}))
        book = Book(
            store, Journal(Path(tempfile.gettempdir()) / "unused"), viewer, lambda: self.now
        )
        try:
            return book.expand(low.astimezone(UTC), high.astimezone(UTC)).occurrences
        finally:
            book.close()

    def find(self, wanted: EventRef, last: str) -> list[Occurrence]:
        """Return the occurrences that words point at, the nearest first.

        Args:
            wanted: Words, time, people.
            last: Title of the event spoken of last.

        Raises:
            SeveralFit: Events of several names fit.
            CalendarError: None fits.
        """
        words = last if wanted.last and not wanted.words else wanted.words
        low, high = self._window(wanted)
        coming = self.occurrences(low, high)
        fitting = [o for o in coming if _matches(o, words, wanted.people)]
        at = wanted.when.start if wanted.when is not None and not wanted.when.all_day else None
        if at is not None:
            exact = [o for o in fitting if o.start == at.astimezone(UTC)]
            fitting = exact or fitting
        if not fitting:
            about = words or ", ".join(wanted.people) or "that"
            raise CalendarError(
                f"no event {about!r} from {low.astimezone(self.zone):%d %b} to "
                f"{high.astimezone(self.zone):%d %b}; agentsched calendar agenda lists them"
            )
        if wanted.all:
            return fitting
        exact_title = [o for o in fitting if o.title.casefold() == words.casefold()] or fitting
        uids = {o.uid for o in exact_title}
        if len(uids) > 1 and len({(o.title, o.start) for o in exact_title[:2]}) > 1:
            first = exact_title[0]
            others = [o for o in exact_title if o.uid != first.uid]
            if words and others and others[0].title != first.title:
                firsts = {o.uid: o for o in reversed(exact_title)}
                raise SeveralFit(words, sorted(firsts.values(), key=lambda o: o.start), self.zone)
        return exact_title[:1]

    def _window(self, wanted: EventRef) -> tuple[datetime, datetime]:
        when = wanted.when
        day = self.now.replace(hour=0, minute=0, second=0, microsecond=0)
        if when is None or when.start is None:
            until = when.due.astimezone(self.zone) if when is not None and when.due else None
            return day, until if until is not None and until > day else day + HORIZON
        start = when.start.astimezone(self.zone)
        begin = start.replace(hour=0, minute=0, second=0, microsecond=0)
        if has_no_end(when):
            return start, start + HORIZON
        end = when.end.astimezone(self.zone) if when.end is not None else begin + timedelta(days=1)
        return begin, max(end, begin + timedelta(days=1))

    @contextmanager
    def scratch(self) -> Iterator[Book]:
        """Give a copy of the calendar that forgets what was done to it."""
        with tempfile.TemporaryDirectory(prefix="agentsched-") as folder:
            copy = ScratchCalendar.copy_of(self.book.store)
            yield Book(copy, Journal(Path(folder) / "journal"), self.book.viewer, lambda: self.now)


def has_no_end(when: When) -> bool:
    """Whether a time goes on for ever: "after Friday", "from Monday on"."""
    return when.start is not None and when.end is None and bool(_OPEN.match(when.phrase.strip()))


_OPEN = re.compile(
    r"(?:after|since|starting|beginning|as of)\b|from\b.*\b(?:on|onwards?)$", re.IGNORECASE
)


def _matches(occurrence: Occurrence, words: str, people: Iterable[str]) -> bool:
    title = occurrence.title.casefold()
    if not all(word in title for word in words.casefold().split()):
        return False
    named = [a.name.casefold() or a.address for a in occurrence.attendees]
    if occurrence.organiser is not None:
        named.append(occurrence.organiser.name.casefold() or occurrence.organiser.address)
    return all(
        person.casefold() in title or any(person.casefold() in one for one in named)
        for person in people
    )
