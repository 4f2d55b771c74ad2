"""The one door to a calendar: what is in it, every change of it, and every way back.

Each change re-reads the calendar, is journalled before it is written, and is written only if nobody
else was quicker. Titles and descriptions are data of strangers: nothing here acts on them.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo

from agentsched.calendars import editing
from agentsched.calendars.creating import NewEvent, make_event
from agentsched.calendars.editing import Edit, Reply, Scope, Stamp, Target
from agentsched.calendars.errors import CalendarError, NeedsYes, NoEvent, Stale
from agentsched.calendars.events import Viewer
from agentsched.calendars.journal import Entry, Journal
from agentsched.calendars.lines import Line
from agentsched.calendars.moments import parse_moment
from agentsched.calendars.occurrences import Occurrence
from agentsched.calendars.snapshot import CalendarReader, Expansion, Snapshot
from agentsched.calendars.store import CalendarStore, Resource
from agentsched.calendars.tree import Component
from agentsched.calendars.undoing import settle, writes_back
from agentsched.calendars.writing import Write, carry_out, created, document_of, edited
from agentsched.calendars.zones import named_zone

_ID = re.compile(r"(.+)/(\d{8}(?:T\d{6}Z?)?)", re.S)
What = Occurrence | str
"""An occurrence as it was read, or its id: ``uid`` or ``uid/recurrence id``."""


@dataclass(frozen=True, slots=True)
class _Aim:
    """A target as found in the calendar just now."""

    target: Target
    resource: Resource

    @property
    def title(self) -> str:
        series, key = self.target.series, self.target.key
        event = series.override_by_key.get(key, series.events[0])
        scope = {"this": "", "future": " and all after it", "series": ", the whole series,"}
        at = f" of {self._day(key)}{scope[self.target.scope]}" if key else ""
        return f"{event.title[:80]!r}{at}"

    def _day(self, key: str) -> str:
        moment = self.target.series.like_master(parse_moment(key, None))
        return f"{moment.wall:%Y-%m-%d}" if moment.is_date else f"{moment.wall:%Y-%m-%d %H:%M}"

    def token(self, action: str) -> str:
        target = self.target
        told = (action, target.series.uid, target.key, target.scope, self.resource.etag)
        return hashlib.sha256("\n".join(told).encode("utf-8", "replace")).hexdigest()[:16]


class Book:
    """A calendar with its journal and its owner."""

    def __init__(
        self, store: CalendarStore, journal: Journal, viewer: Viewer, now: Callable[[], datetime]
    ) -> None:
        self.store = store
        self.viewer = viewer
        self._journal = journal
        self._id = ""
        """Of the next action, where ``once`` gave it one."""
        self._now = now
        self._reader = CalendarReader(store)

    def close(self) -> None:
        """Let go of the store."""
        self.store.close()

    def read(self) -> Snapshot:
        """Return the calendar as it is now."""
        return self._reader.read()

    def expand(self, low: datetime, high: datetime) -> Expansion:
        """Return what takes place in ``[low, high)``, and every problem the calendar has."""
        snapshot = self.read()
        found = snapshot.expand(low, high, self.viewer)
        return Expansion(found.occurrences, (*snapshot.problems, *found.problems))

    def history(self) -> tuple[Entry, ...]:
        """Return what was done to this calendar, the oldest first."""
        return tuple(e for e in self._journal.entries() if e.calendar == self.store.url)

    def token(self, action: str, what: What, *, scope: Scope = "this") -> str:
        """Return what stands for a person's yes to one destructive action on the event as it is.

        Args:
            action: ``cancel`` or ``decline``.
            what: The event.
            scope: How much of it.

        Only who has shown the action to a person and got a yes may pass it on.
        """
        return self._aim(what, scope).token(action)

    def add(self, new: NewEvent) -> Entry:
        """Create an event or a series.

        Raises:
            CalendarError: A value is wrong.
        """
        uid = new.uid or _new_uid()
        if new.attendees and not new.organiser and len(self.viewer.addresses) == 1:
            new = replace(new, organiser=next(iter(self.viewer.addresses)))
        component = make_event(new, uid, self._now(), self.viewer.zone)
        zones = _zones_of(component.get("DTSTART"))
        zone = next(iter(zones.values()), None)
        home = self.store.home
        held = next(iter(self.store.fetch([home])), None) if home else None
        write = (
            created((component,), uid, zone, home or "")
            if held is None
            else edited(held, (uid,), (component,), zones, keep=True)
        )
        line = component.get("DTSTART")
        at = parse_moment(line.value if line else "", None).wall
        return self._commit("add", f"added {new.title[:80]!r} at {at:%Y-%m-%d %H:%M}", [write])

    def move(
        self, what: What, when: date, *, scope: Scope = "this",
        length: timedelta | str | None = None, zone: str = "",
    ) -> Entry:  # fmt: skip
        """Move an event, an occurrence or a series; see ``editing.move``."""
        aim = self._aim(what, scope)
        edit = editing.move(aim.target, when, self._stamp(), length, zone)
        zones = {zone: named_zone(zone)} if zone else {}
        writes = self._writes(aim, edit, zones)
        return self._commit("move", f"moved {aim.title} to {_shown(when)}", writes)

    def cancel(self, what: What, *, scope: Scope = "this", yes: str = "") -> Entry:
        """Take an event, an occurrence or the rest of a series out; ``yes`` is its ``token``.

        Raises:
            NeedsYes: The token is missing or stands for something else.
        """
        aim = self._aim(what, scope)
        _check_yes("cancel", aim, yes)
        edit = editing.cancel(aim.target, self._stamp())
        return self._commit("cancel", f"cancelled {aim.title}", self._writes(aim, edit))

    def change(
        self, what: What, *, scope: Scope = "this", title: str | None = None,
        location: str | None = None, description: str | None = None,
    ) -> Entry:  # fmt: skip
        """Set words of an event; see ``editing.change``."""
        given = {"title": title, "location": location, "description": description}
        texts = {name: text for name, text in given.items() if text is not None}
        aim = self._aim(what, scope)
        edit = editing.change(aim.target, texts, self._stamp())
        words = f"changed {', '.join(texts)} of {aim.title}"
        return self._commit("change", words, self._writes(aim, edit))

    def reply(
        self, what: What, status: Reply, *, address: str = "", scope: Scope = "this", yes: str = ""
    ) -> Entry:
        """Answer an invitation; to decline needs ``yes``, the ``token("decline", …)``.

        Raises:
            NeedsYes: The token is missing or stands for something else.
        """
        aim = self._aim(what, scope)
        if status == "DECLINED":
            _check_yes("decline", aim, yes)
        own = address or self._own_address(aim.target)
        edit = editing.reply(aim.target, own, status, self._stamp())
        words = f"answered {status.lower()} to {aim.title}"
        return self._commit("reply", words, self._writes(aim, edit))

    def delegate(
        self, what: What, other: str, *, address: str = "", scope: Scope = "this"
    ) -> Entry:
        """Hand an invitation on; see ``editing.delegate``."""
        aim = self._aim(what, scope)
        own = address or self._own_address(aim.target)
        edit = editing.delegate(aim.target, own, other, self._stamp())
        words = f"delegated {aim.title} to {other}"
        return self._commit("delegate", words, self._writes(aim, edit))

    def once(self, key: str, act: Callable[[], Entry]) -> Entry:
        """Do one thing under a key, however often this is called, crashes in between included.

        Args:
            key: Names the action for ever, such as a turn of a conversation and a number.
            act: Calls exactly one of the methods that change something.
        """
        done = self.made(key)
        if done is not None:
            return done
        self._id = _id_of(key)
        try:
            return act()
        finally:
            self._id = ""

    def made(self, key: str) -> Entry | None:
        """Return what ``once`` did under a key; what a crash cut off is settled first."""
        id = _id_of(key)
        entry = next((e for e in self._journal.entries() if e.id == id), None)
        if entry is None or entry.state == "failed":
            return None
        if entry.state == "begun":
            if not settle(self.store, entry):
                self._journal.failed(entry, "cut off")
                return None
            self._journal.done(entry)
        return entry

    def can_undo(self, id: str) -> Entry:
        """Return the action that ``undo`` would take back.

        Raises:
            CalendarError: As ``undo`` does.
        """
        entry = self._journal.find(id)
        writes_back(self.store, entry)
        return entry

    def undo(self, id: str) -> Entry:
        """Restore what an action changed, exactly; undoing an undo does it again.

        Raises:
            CalendarError: There is nothing to undo.
            Stale: The event was changed since.
        """
        entry = self._journal.find(id)
        writes = writes_back(self.store, entry)
        return self._commit("undo", f"undid: {entry.words}", writes, undoes=entry.id)

    def _aim(self, what: What, scope: Scope) -> _Aim:
        snapshot = self.read()
        if isinstance(what, Occurrence):
            uid, key = what.uid, what.recurrence_id
        else:
            match = _ID.fullmatch(what)
            uid, key = (what, "") if match is None else (match.group(1), match.group(2))
        series = snapshot.find(uid)
        event = series.events[0]
        if not event.uid:
            raise CalendarError(
                f"{event.title[:60]!r} in {event.href!r} has no UID, so a change of it could not "
                "be told from another event's; give it one"
            )
        if isinstance(what, Occurrence) and what.etag != event.etag:
            raise Stale(
                f"{what.title[:60]!r} was changed by somebody else since it was read: read again "
                "and plan again"
            )
        if not key and series.master is not None and not series.master.repeats:
            scope = "series"
        if not key and scope != "series":
            raise NoEvent(
                f"{event.title[:60]!r} is a series: name the occurrence ({series.uid}/…), or take "
                "the whole series"
            )
        return _Aim(Target(series, key, scope), snapshot.resource_of(series).resource)

    def _writes(
        self, aim: _Aim, edit: Edit, zones: Mapping[str, tzinfo] | None = None
    ) -> list[Write]:
        series, home = aim.target.series, self.store.home
        uids: tuple[str, ...] = (series.uid,)
        new = edit.components and (*edit.components, *_copies(aim))
        added_uid = edit.added[0].text_of("UID") if edit.added else ""
        if edit.added and home:
            uids, new = (series.uid, added_uid), (*new, *edit.added)
        write = edited(aim.resource, uids, new, zones or {}, keep=home is not None)
        if not edit.added or home:
            return [write]
        zone = series.events[0].start.zone
        return [created(edit.added, added_uid, zone, ""), write]

    def _commit(self, action: str, words: str, writes: list[Write], undoes: str = "") -> Entry:
        id, at = self._id or secrets.token_hex(6), self._now()
        entry = Entry(id, at, self.store.url, action, words, (), undoes)
        return carry_out(self.store, self._journal, entry, writes)

    def _own_address(self, target: Target) -> str:
        event = target.series.override_by_key.get(target.key, target.series.events[0])
        own = [a.address for a in event.attendees if a.address in self.viewer.addresses]
        if not own:
            raise CalendarError(
                f"none of your addresses is invited to {event.title[:60]!r}; set [calendar] "
                "addresses"
            )
        return own[0]

    def _stamp(self) -> Stamp:
        return Stamp(self._now(), self.viewer.zone, _new_uid())


def _check_yes(action: str, aim: _Aim, yes: str) -> None:
    if secrets.compare_digest(yes.encode(), aim.token(action).encode()):
        return
    rule = (
        "that yes is for something else, or the event changed since"
        if yes
        else "a person must say yes to exactly this first"
    )
    raise NeedsYes(f"to {action} {aim.title}: {rule}; nothing was changed")


def _copies(aim: _Aim) -> tuple[Component, ...]:
    """What has the same UID in the file but is not used; an edit leaves it alone."""
    series = aim.target.series
    used = [event.component for event in series.events]
    return tuple(c for c in document_of(aim.resource).components(series.uid) if c not in used)


def _zones_of(start: Line | None) -> dict[str, tzinfo]:
    """The zone an event is in, by its TZID."""
    tzid = "" if start is None else start.param("TZID")
    return {tzid: named_zone(tzid)} if tzid else {}


def _shown(when: date) -> str:
    if not isinstance(when, datetime):
        return f"{when:%Y-%m-%d}"
    return f"{when:%Y-%m-%d %H:%M} {when.tzname() or ''}".rstrip()


def _id_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def _new_uid() -> str:
    return str(uuid.uuid4())
