"""From calendar intents to drafts, and from a draft to what the calendar's book does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta, tzinfo
from typing import Literal, assert_never

from agentsched.agent.desk import Desk
from agentsched.agent.settlement import Draft, Scope
from agentsched.calendars import Book, CalendarError, NewEvent, Occurrence
from agentsched.calendars.journal import Entry
from agentsched.understanding import (
    CancelEvent,
    FindTime,
    MoveEvent,
    ResolveConflicts,
    ScheduleEvent,
)
from agentsched.understanding.intents import EventRef, RespondEvent, When
from agentsched.understanding.slots import find_slots

MEETING = timedelta(minutes=30)
"""Of an event whose length nobody says."""
SEARCH = timedelta(days=30)
_PART = re.compile(r"(?:the )?(?:morning|noon|lunch|afternoon|evening|night)\w* is ")


def drafts_of(
    intent: ScheduleEvent | MoveEvent | CancelEvent | RespondEvent | FindTime | ResolveConflicts,
    desk: Desk,
    book: Book,
    last: str,
) -> Iterator[Draft]:
    """Return the changes that one intent asks for.

    Args:
        intent: What is asked.
        desk: Zone, people, and the calendar as it is.
        book: The copy with the drafts so far.
        last: Title of the event spoken of last.

    Raises:
        CalendarError: The event is not there, or no time is free.
    """
    match intent:
        case ScheduleEvent():
            yield _new(intent, desk, book)
        case FindTime():
            yield _meeting(intent, desk, book)
        case MoveEvent():
            for occurrence in _found(intent.event, desk, last):
                yield _moved(intent, occurrence, desk.zone)
        case CancelEvent():
            for occurrence in _found(intent.event, desk, last):
                yield _cancelled(intent, occurrence, desk)
        case RespondEvent():
            for occurrence in _found(intent.event, desk, last):
                yield _answered(intent, occurrence, desk)
        case ResolveConflicts():
            return
        case _:
            assert_never(intent)


def perform(draft: Draft, book: Book, *, key: str = "") -> Entry:
    """Make a change; under one key it is made once.

    Raises:
        CalendarError: It cannot be made: the event is gone, changed, or a value is wrong.
    """
    if key:
        return book.once(key, lambda: perform(draft, book))
    match draft.verb:
        case "add":
            return book.add(_event(draft))
        case "move":
            assert draft.start is not None
            length = None
            if draft.end is not None and not draft.all_day:
                length = draft.end - draft.start
            start = draft.start.date() if draft.all_day else draft.start
            return book.move(draft.event, start, scope=draft.scope, length=length)
        case "cancel":
            return book.cancel(draft.event, scope=draft.scope, yes=_yes(draft, book))
        case "accept" | "decline":
            status: Literal["ACCEPTED", "DECLINED"] = (
                "ACCEPTED" if draft.verb == "accept" else "DECLINED"
            )
            return book.reply(draft.event, status, scope=draft.scope, yes=_yes(draft, book))
        case "delegate":
            return book.delegate(draft.event, draft.people[0], scope=draft.scope)
        case "keep":
            raise CalendarError(f"{draft.title!r} stays as it is; there is nothing to write")
        case _:
            assert_never(draft.verb)


def _yes(draft: Draft, book: Book) -> str:
    """The token of what was shown; on a copy, where nothing is taken from anybody, any will do."""
    if book.store.url == "scratch:":
        return book.token("cancel" if draft.verb == "cancel" else "decline", draft.event,
                          scope=draft.scope)  # fmt: skip
    return draft.token


def _new(intent: ScheduleEvent, desk: Desk, book: Book) -> Draft:
    when = intent.when
    base = Draft(
        verb="add", words=".", title=_title(intent), people=_addresses(intent.people, desk),
        place=intent.place[:300],
        zone=desk.zone.key, rrule=when.rrule if when else "",
    )  # fmt: skip
    if when is None or when.start is None:
        length = timedelta(seconds=when.duration) if when and when.duration else MEETING
        until = when.due if when else None
        wanted = FindTime(
            phrases=intent.phrases, title=_title(intent), people=intent.people,
            duration=max(60, int(length.total_seconds())), within=_until(until),
        )  # fmt: skip
        start = _first_slot(wanted, desk, book)
        return _timed(base, start, start + length, desk.zone)
    if when.all_day and when.duration is None:
        return _days(base, when, desk.zone)
    start = when.start.astimezone(desk.zone)
    length = timedelta(seconds=when.duration) if when.duration else MEETING
    if when.end is not None and any(_PART.match(said) for said in when.assumed):
        # "Tomorrow afternoon" is where to look, not how long it takes.
        end = when.end.astimezone(desk.zone)
        wanted = FindTime(
            phrases=intent.phrases, title=_title(intent), people=intent.people,
            duration=max(60, int(length.total_seconds())), days=(start,),
            opens=start.time(), closes=end.time(),
        )  # fmt: skip
        begin = _first_slot(wanted, desk, book)
        return _timed(base, begin, begin + length, desk.zone)
    if when.all_day:
        # A day and a length, but no time: the first time that is free on that day.
        wanted = FindTime(
            phrases=intent.phrases, title=_title(intent), people=intent.people,
            duration=max(60, int(length.total_seconds())), days=(start,),
        )  # fmt: skip
        start = _first_slot(wanted, desk, book)
    end = when.end.astimezone(desk.zone) if when.end is not None else start + length
    return _timed(base, start, end, desk.zone)


def _meeting(intent: FindTime, desk: Desk, book: Book) -> Draft:
    start = _first_slot(intent, desk, book)
    unseen = _unseen(intent.people, desk)
    base = Draft(
        verb="add", words=".", title=intent.title[:300] or "meeting", zone=desk.zone.key,
        people=_addresses(intent.people, desk),
    )  # fmt: skip
    draft = _timed(base, start, start + timedelta(seconds=intent.duration), desk.zone)
    if unseen:
        told = f"{draft.words} (only your calendar was looked at: not known is that of {unseen})"
        draft = draft.model_copy(update={"words": told})
    return draft


def _unseen(names: tuple[str, ...], desk: Desk) -> str:
    """Return those whose calendars are not known, in words."""
    contacts = ((name, desk.contact(name)) for name in names)
    return ", ".join(name for name, contact in contacts if contact is None or not contact.calendar)


def _first_slot(wanted: FindTime, desk: Desk, book: Book) -> datetime:
    low, high = desk.now, desk.now + SEARCH
    if wanted.days:
        high = max(high, max(wanted.days) + timedelta(days=1))
    if wanted.within is not None and (end := wanted.within.end or wanted.within.due) is not None:
        high = max(high, end)
    busy = _busy(book.expand(low, high).occurrences)
    for name in wanted.people:
        contact = desk.contact(name)
        theirs = desk.calendar_of(contact, low, high) if contact is not None else None
        busy += _busy(theirs or ())
    slots = find_slots(wanted, desk.now, desk.zone, busy, count=1)
    if not slots:
        raise CalendarError(
            f"no free time of {wanted.duration // 60} min for {wanted.title!r} was found; give "
            "more days or other hours"
        )
    return slots[0].start.astimezone(desk.zone)


def _busy(occurrences: tuple[Occurrence, ...]) -> list[tuple[datetime, datetime]]:
    return [(o.start, o.end) for o in occurrences if o.kind != "free" and o.end > o.start]


def _moved(intent: MoveEvent, occurrence: Occurrence, zone: tzinfo) -> Draft:
    start, end = occurrence.start.astimezone(zone), occurrence.end.astimezone(zone)
    length = end - start
    to = intent.to
    if to is not None and to.start is not None:
        target = to.start.astimezone(zone)
        if any(said.startswith("no day") for said in to.assumed):
            # Only a time was said: the event stays on its day.
            target = datetime.combine(start.date(), target.time(), zone)
        if to.all_day and not occurrence.all_day:
            # Another day, the same time of day.
            target = datetime.combine(target.date(), start.time(), zone)
        if to.end is not None and not to.all_day:
            length = to.end - to.start
        start = target
    if to is not None and to.duration:
        length = timedelta(seconds=to.duration)
    if intent.by is not None:
        start += timedelta(seconds=intent.by)
    base = Draft(
        verb="move", words=".", event=occurrence.id, scope=_scope(intent.scope, occurrence),
        title=occurrence.title[:300], all_day=occurrence.all_day,
    )  # fmt: skip
    was = f"{occurrence.start.astimezone(zone):%a %d %b %H:%M}"
    draft = _timed(base, start, start + length, zone)
    how = {"this": "", "future": " and all after it", "series": ", the whole series"}[draft.scope]
    return draft.model_copy(
        update={
            "words": f"move {draft.title[:80]!r} ({was}{how}) to {start:%a %d %b %H:%M}"
            f"-{start + length:%H:%M}"
        }
    )


def _cancelled(intent: CancelEvent, occurrence: Occurrence, desk: Desk) -> Draft:
    scope = _scope(intent.scope, occurrence)
    at = f"{occurrence.start.astimezone(desk.zone):%a %d %b %H:%M}"
    what = {"this": "", "future": " and all after it", "series": ", the whole series"}[scope]
    return Draft(
        verb="cancel", event=occurrence.id, scope=scope, title=occurrence.title[:300],
        words=f"cancel {occurrence.title[:80]!r} ({at}{what})",
        token=desk.book.token("cancel", occurrence.id, scope=scope),
    )  # fmt: skip


def _answered(intent: RespondEvent, occurrence: Occurrence, desk: Desk) -> Draft:
    if intent.response == "tentative":
        raise CalendarError(
            f"{occurrence.title[:60]!r}: say accept or decline; a perhaps is not sent"
        )
    token = ""
    if intent.response == "decline":
        token = desk.book.token("decline", occurrence.id)
    at = f"{occurrence.start.astimezone(desk.zone):%a %d %b %H:%M}"
    return Draft(
        verb=intent.response, event=occurrence.id, title=occurrence.title[:300], token=token,
        words=f"{intent.response} {occurrence.title[:80]!r} ({at})",
    )  # fmt: skip


def _found(wanted: EventRef, desk: Desk, last: str) -> list[Occurrence]:
    return desk.find(wanted, last)


def _event(draft: Draft) -> NewEvent:
    assert draft.start is not None
    start: date = draft.start
    end: date | None = draft.end
    if draft.all_day:
        start = draft.start.date()
        end = draft.end.date() if draft.end is not None else None
    return NewEvent(
        draft.title, start, end, None, draft.rrule, "" if draft.all_day else draft.zone,
        location=draft.place, attendees=draft.people,
    )  # fmt: skip


def _timed(draft: Draft, start: datetime, end: datetime, zone: tzinfo) -> Draft:
    again = f", repeating ({draft.rrule})" if draft.rrule else ""
    begin, finish = start.astimezone(zone), end.astimezone(zone)
    last = f"{finish:%H:%M}" if finish.date() == begin.date() else f"{finish:%a %d %b %H:%M}"
    words = f"{draft.verb} {draft.title[:80]!r} on {begin:%a %d %b %H:%M}-{last}{again}"
    return draft.model_copy(update={"start": begin, "end": finish, "words": words})


def _days(draft: Draft, when: When, zone: tzinfo) -> Draft:
    assert when.start is not None
    start = when.start.astimezone(zone)
    end = when.end.astimezone(zone) if when.end is not None else start + timedelta(days=1)
    until = "" if (end - start).days <= 1 else f" to {end - timedelta(days=1):%a %d %b}"
    again = f", repeating ({draft.rrule})" if draft.rrule else ""
    words = f"add {draft.title[:80]!r} on {start:%a %d %b}{until}, all day{again}"
    return draft.model_copy(update={"start": start, "end": end, "all_day": True, "words": words})


def _scope(scope: Scope, occurrence: Occurrence) -> Scope:
    return scope if occurrence.in_series else "this"


def _title(intent: ScheduleEvent) -> str:
    return intent.title[:300] or "event"


def _until(due: datetime | None) -> When | None:
    return None if due is None else When(phrase="", due=due)


def _addresses(names: tuple[str, ...], desk: Desk) -> tuple[str, ...]:
    """Return mail addresses of those who are known; a bare name stays in the title alone."""
    if not desk.settings.addresses:
        return ()  # nobody could be the organiser, so nobody can be invited
    contacts = ((name, desk.contact(name)) for name in names)
    return tuple(
        name if contact is None else contact.address
        for name, contact in contacts
        if contact is not None or "@" in name
    )
