"""Putting an edit into its resources: new texts, the journal, then the writes under their ETags."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo

from agentsched.calendars.creating import envelope, with_definitions
from agentsched.calendars.errors import CalendarError
from agentsched.calendars.journal import WHOLE, Change, Entry, Journal
from agentsched.calendars.snapshot import parse_resource
from agentsched.calendars.store import CalendarStore, Resource
from agentsched.calendars.tree import Component, Document, parse
from agentsched.errors import AgentSchedError

CONTENT = ("VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY")


@dataclass(frozen=True, slots=True)
class Write:
    """One resource as it shall be."""

    href: str
    uids: tuple[str, ...]
    """The events it is about."""
    old: Resource | None
    """None: it is created."""
    text: str | None
    """None: it is deleted."""


def edited(
    old: Resource, uids: tuple[str, ...], new: Sequence[Component], zones: Mapping[str, tzinfo],
    keep: bool,
) -> Write:  # fmt: skip
    """Return the write after which a resource holds these components of these UIDs.

    Args:
        old: The resource.
        uids: What is replaced.
        new: What takes its place; components that are there already stay where they are.
        zones: By TZID, to be defined where the components use them.
        keep: The resource stays though nothing is left in it.
    """
    document = document_of(old)
    document = replaced(document, document.components(*uids), new)
    document = with_definitions(document, tuple(new), zones, year_of(new))
    text = document.text if keep or _has_content(document) else None
    return Write(old.href, uids, old, text)


def created(components: Sequence[Component], uid: str, zone: tzinfo | None, href: str) -> Write:
    """Return the write of a resource of its own."""
    text = envelope(tuple(components), zone, year_of(components)).text
    return Write(href or href_for(uid), (uid,), None, text)


def carry_out(
    store: CalendarStore, journal: Journal, entry: Entry, writes: Sequence[Write]
) -> Entry:
    """Do the writes, all or, as far as the store lets us, none; return the entry as done.

    What is added comes first and what is taken away last: a crash in between leaves an event twice
    rather than not at all, and the journal knows both.

    Raises:
        Stale: Somebody else was quicker; nothing is changed.
    """
    ordered = sorted(writes, key=lambda write: (write.old is not None, write.text is None))
    entry = replace(entry, changes=tuple(map(_as_change, ordered)))
    journal.begin(entry)
    made: list[Resource] = []
    stored: list[Change] = []
    try:
        for write, change in zip(ordered, entry.changes, strict=True):
            resource = _do(store, write)
            if write.old is None and resource is not None:
                made.append(resource)
            stored.append(_as_stored(change, resource))
    except AgentSchedError as error:
        for resource in made:
            with contextlib.suppress(AgentSchedError):
                store.delete(resource.href, resource.etag)
        journal.failed(entry, str(error))
        raise
    entry = replace(entry, changes=tuple(stored), state="done")
    journal.done(entry)
    return entry


def replaced(document: Document, old: Sequence[Component], new: Sequence[Component]) -> Document:
    """Return a file with other components in the places of the old ones.

    What is in both stays; what is more goes behind the last of them, or to the end.
    """
    fresh = [component for component in new if component not in old]
    last: Component | None = None
    for component in old:
        if component in new:
            last = component
            continue
        take, fresh = fresh[:1], fresh[1:]
        document = document.replacing(component, *take)
        last = take[0] if take else last
    if not fresh:
        return document
    return document.appending(*fresh) if last is None else document.replacing(last, last, *fresh)


def document_of(resource: Resource) -> Document:
    """Return what a resource holds.

    Raises:
        BadCalendar: It is broken, so nothing in it can be changed.
    """
    return parse(resource.text, resource.href)


def texts_of(resource: Resource | None, uids: tuple[str, ...]) -> tuple[str, ...]:
    """Return the components of these UIDs as text, in the order of the resource."""
    if resource is None:
        return ()
    return tuple(component.text for component in document_of(resource).components(*uids))


def href_for(uid: str) -> str:
    """Return a file name for a UID."""
    return re.sub(r"[^A-Za-z0-9._@-]+", "-", uid).strip(".-")[:120] + ".ics"


def year_of(components: Sequence[Component]) -> int:
    """Return the year the first of them starts in."""
    line = components[0].get("DTSTART") if components else None
    return int(line.value[:4]) if line is not None and line.value[:4].isdecimal() else 2000


def check_readable(resource: Resource, calendar: str) -> None:
    """Refuse to store what we could not read again: a last guard before every write.

    Raises:
        CalendarError: A component of it is broken; this is a bug of ours, and nothing is written.
    """
    parsed = parse_resource(resource, calendar)
    if parsed.document is None:
        raise CalendarError(f"{resource.href!r} would be broken ({parsed.problems[0].message})")


def _do(store: CalendarStore, write: Write) -> Resource | None:
    if write.text is not None:
        check_readable(Resource(write.href, "", write.text), store.name)
    if write.old is None:
        assert write.text is not None
        return store.create(write.href, write.text)
    if write.text is None:
        store.delete(write.href, write.old.etag)
        return None
    return store.replace(write.href, write.text, write.old.etag)


def _as_change(write: Write) -> Change:
    new = None if write.text is None else Resource(write.href, "", write.text)
    old = write.old
    kept = old is not None and (write.text is None or len(old.text) <= WHOLE)
    return Change(
        write.href,
        write.uids,
        texts_of(old, write.uids),
        texts_of(new, write.uids),
        old.text if old is not None and kept else None,
    )


def _as_stored(change: Change, resource: Resource | None) -> Change:
    """Servers may rewrite what they are given; undo compares with what they made of it."""
    if resource is None:
        return change
    after = texts_of(resource, change.uids)
    return replace(change, href=resource.href, after=after, etag=resource.etag)


def _has_content(document: Document) -> bool:
    return any(next(calendar.children(*CONTENT), None) for calendar in document.calendars)
