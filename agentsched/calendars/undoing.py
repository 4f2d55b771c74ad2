"""The writes that take an action back, exactly, or a refusal when the event changed meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

from agentsched.calendars.errors import CalendarError, Stale
from agentsched.calendars.journal import Change, Entry
from agentsched.calendars.store import CalendarStore, Resource
from agentsched.calendars.tree import Component, parse
from agentsched.calendars.writing import Write, document_of, edited, texts_of


def writes_back(store: CalendarStore, entry: Entry) -> list[Write]:
    """Return what restores the state before an action.

    Raises:
        CalendarError: It is of another calendar, did not take place, or is undone already.
        Stale: An event was changed since; the message says which action would be overwritten.
    """
    if entry.calendar != store.url:
        raise CalendarError(
            f"action {entry.id!r} was done to {entry.calendar!r}; open that calendar to undo it"
        )
    if entry.state in ("failed", "undone"):
        why = "is undone already" if entry.state == "undone" else "did not take place"
        raise CalendarError(f"action {entry.id!r} ({entry.words}) {why}; nothing to undo")
    writes = [write for change in reversed(entry.changes) for write in _back(store, entry, change)]
    if not writes:
        raise CalendarError(
            f"action {entry.id!r} ({entry.words}) did not take place; nothing to undo"
        )
    return writes


def is_made(store: CalendarStore, change: Change) -> bool:
    """Whether a change that a crash cut off reached the calendar.

    A server may have put its own hand to the components, so anything but the state before counts.
    """
    now = next(iter(store.fetch([change.href])), None)
    return texts_of(now, change.uids) != change.before


def settle(store: CalendarStore, entry: Entry) -> bool:
    """Bring an action that a crash cut off to one side or the other; return whether it is done.

    What is added is written first. Where only that was, it is taken away again, so that the action
    can be repeated without leaving an event twice.
    """
    made = [change for change in entry.changes if is_made(store, change)]
    if len(made) == len(entry.changes):
        return True
    for change in made:
        for resource in [] if change.before else store.fetch([change.href]):
            store.delete(resource.href, resource.etag)
    return False


def _back(store: CalendarStore, entry: Entry, change: Change) -> Iterator[Write]:
    now = next(iter(store.fetch([change.href])), None)
    texts = texts_of(now, change.uids)
    if entry.state == "begun" and texts == change.before:
        # The process died before this write, or the server had not got it.
        return
    if texts != change.after:
        raise Stale(
            f"{change.href!r} was changed after action {entry.id!r} ({entry.words}), and undoing "
            "it would overwrite that: undo the later change first, or edit the event"
        )
    if now is None:
        if change.text is not None:
            yield Write(change.href, change.uids, None, change.text)
        return
    if change.etag and now.etag == change.etag and (change.text is not None or not change.before):
        # Nobody else wrote to it: the very bytes come back, or it goes as it came.
        yield Write(change.href, change.uids, now, change.text)
        return
    # Other events of the same file changed; only what the action touched is put back.
    back = _components(change.before)
    yield edited(now, change.uids, back, {}, keep=bool(change.before) or _had_others(now, change))


def _had_others(now: Resource, change: Change) -> bool:
    own = document_of(now).components(*change.uids)
    held = [c for v in document_of(now).calendars for c in v.children() if c.name != "VTIMEZONE"]
    return len(held) > len(own)


def _components(texts: tuple[str, ...]) -> tuple[Component, ...]:
    if not texts:
        return ()
    whole = "".join(("BEGIN:VCALENDAR\r\n", *texts, "END:VCALENDAR\r\n"))
    return tuple(next(parse(whole, "journal").calendars).children())
