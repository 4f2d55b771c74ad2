"""What every calendar command begins with: the calendar, its owner, and times from words."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from agentsched.calendars import NewEvent, Occurrence
from agentsched.calendars.errors import NoEvent
from agentsched.calendars.own import OwnCalendar
from agentsched.cli.output import short
from agentsched.errors import UserError
from agentsched.times import Resolved, resolve

WEEK = timedelta(days=7)


class Session(OwnCalendar):
    """An open calendar and the moment the command was given."""

    def resolve(self, phrase: str) -> Resolved:
        """Return what time words mean."""
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
