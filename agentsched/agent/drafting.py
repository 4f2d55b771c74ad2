"""From calendar intents to drafts, and from a draft to what the calendar's book does."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo
from typing import Literal, assert_never

from agentsched.agent.desk import HORIZON, Desk, has_no_end
from agentsched.agent.settlement import Draft, Scope
from agentsched.calendars import Book, CalendarError, NewEvent, Occurrence
from agentsched.calendars.journal import Entry
from agentsched.times import say_rule
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
            for aim in _aims(intent.event, intent.scope, desk, last):
                yield _moved(intent, _of_that_day(intent, aim, desk), desk.zone)
        case CancelEvent():
            for aim in _aims(intent.event, intent.scope, desk, last):
                yield _cancelled(aim, desk)
        case RespondEvent():
            for aim in _aims(intent.event, "this", desk, last):
                yield _answered(intent, aim, desk)
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
        case "undo":
            return book.undo(draft.event)
        case "keep":
            raise CalendarError(f"{draft.title!r} stays as it is; there is nothing to write")
        case _:
            assert_never(draft.verb)


def _yes(draft: Draft, book: Book) -> str:
    """Return the token of what was shown; on a copy, which takes from nobody, a new one."""
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
    taken = (o for o in occurrences if o.kind != "free" and not o.marks_a_day)
    return [(o.start, o.end) for o in taken if o.end > o.start]


@dataclass(frozen=True, slots=True)
class _Aim:
    """An occurrence that words point at, and how much of its series is meant with it."""

    occurrence: Occurrence
    scope: Scope
    count: int = 1
    """Occurrences that were found of it, within the horizon."""

    def when(self, zone: tzinfo) -> str:
        """Return which ones it is, in words."""
        at = f"{self.occurrence.start.astimezone(zone):%a %d %b %H:%M}"
        match self.scope:
            case "this":
                return at
            case "future":
                many = f": {self.count} in the next {HORIZON.days} days" if self.count > 1 else ""
                return f"{at} and all after it{many}"
            case "series":
                return f"{at}, the whole series"
            case _:
                assert_never(self.scope)


def _aims(wanted: EventRef, scope: Scope, desk: Desk, last: str) -> list[_Aim]:
    """Return what words point at.

    "All standups" without a time means the series from its next occurrence on, not each of those
    that happen to lie within the horizon.
    """
    found = desk.find(wanted, last)
    if wanted.all:
        found = [occurrence for occurrence in found if occurrence.end > desk.now]
    if not found:
        raise CalendarError(f"nothing that fits {wanted.words or 'that'!r} is still to come")
    if not wanted.all or (wanted.when is not None and not has_no_end(wanted.when)):
        return [_Aim(o, scope if o.in_series else "this") for o in found]
    of: dict[str, list[Occurrence]] = {}
    for occurrence in found:
        of.setdefault(occurrence.uid, []).append(occurrence)
    rest: Scope = "future" if scope == "this" else scope
    return [_Aim(one[0], rest if one[0].in_series else "this", len(one)) for one in of.values()]


def _of_that_day(intent: MoveEvent, aim: _Aim, desk: Desk) -> _Aim:
    """Take the target day's own occurrence: "the standup to 9:45 on Monday" means Monday's."""
    to = intent.to
    if to is None or to.start is None or to.all_day or intent.event.when is not None:
        return aim
    no_day = any(said.startswith("no day") for said in to.assumed)
    if no_day or aim.scope != "this" or not aim.occurrence.in_series:
        return aim
    day = to.start.astimezone(desk.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    of_day = desk.occurrences(day, day + timedelta(days=1))
    own = [o for o in of_day if o.uid == aim.occurrence.uid]
    return replace(aim, occurrence=own[0]) if len(own) == 1 else aim


def revised(
    intent: object, pending: Sequence[Draft], zone: tzinfo, last: str
) -> list[Draft] | None:
    """Return proposed changes as a message changes them; None where it speaks of none of them.

    Args:
        intent: What the message asks for.
        pending: What was proposed and not yet made.
        zone: The user's.
        last: Title of the event spoken of last.
    """
    if not isinstance(intent, MoveEvent | CancelEvent):
        return None
    words = (last if intent.event.last and not intent.event.words else intent.event.words).split()
    titles = [draft.title.casefold() if draft.verb == "add" else "" for draft in pending]
    meant = [n for n, title in enumerate(titles) if words and title
             if all(word.casefold() in title for word in words)]  # fmt: skip
    if len(meant) != 1:
        return None
    draft = pending[meant[0]]
    if isinstance(intent, CancelEvent):
        return [one for one in pending if one is not draft]
    if draft.start is None or draft.end is None or draft.all_day:
        return None
    start, length = _new_place(intent, draft.start, draft.end, all_day=False, zone=zone)
    return [_timed(one, start, start + length, zone) if one is draft else one for one in pending]


def _new_place(
    intent: MoveEvent, begin: datetime, finish: datetime, *, all_day: bool, zone: tzinfo
) -> tuple[datetime, timedelta]:
    """Return when an event is to begin, and how long it is then."""
    start, end = begin.astimezone(zone), finish.astimezone(zone)
    length = end - start
    to = intent.to
    if to is not None and to.start is not None:
        target = to.start.astimezone(zone)
        if any(said.startswith("no day") for said in to.assumed):
            # Only a time was said: the event stays on its day.
            target = datetime.combine(start.date(), target.time(), zone)
        if to.all_day and not all_day:
            # Another day, the same time of day.
            target = datetime.combine(target.date(), start.time(), zone)
        if to.end is not None and not to.all_day:
            length = to.end - to.start
        start = target
    if to is not None and to.duration:
        length = timedelta(seconds=to.duration)
    if intent.by is not None:
        start += timedelta(seconds=intent.by)
    return start, length


def _moved(intent: MoveEvent, aim: _Aim, zone: tzinfo) -> Draft:
    occurrence = aim.occurrence
    start, length = _new_place(
        intent, occurrence.start, occurrence.end, all_day=occurrence.all_day, zone=zone
    )
    base = Draft(
        verb="move", words=".", event=occurrence.id, scope=aim.scope, at=occurrence.start,
        title=occurrence.title[:300], all_day=occurrence.all_day,
    )  # fmt: skip
    draft = _timed(base, start, start + length, zone)
    return draft.model_copy(
        update={
            "words": f"move {draft.title[:80]!r} ({aim.when(zone)}) to {start:%a %d %b %H:%M}"
            f"-{start + length:%H:%M}"
        }
    )


def _cancelled(aim: _Aim, desk: Desk) -> Draft:
    occurrence = aim.occurrence
    return Draft(
        verb="cancel", event=occurrence.id, scope=aim.scope, title=occurrence.title[:300],
        at=occurrence.start,
        words=f"cancel {occurrence.title[:80]!r} ({aim.when(desk.zone)})",
        token=desk.book.token("cancel", occurrence.id, scope=aim.scope),
    )  # fmt: skip


def _answered(intent: RespondEvent, aim: _Aim, desk: Desk) -> Draft:
    occurrence = aim.occurrence
    if intent.response == "tentative":
        raise CalendarError(
            f"{occurrence.title[:60]!r}: say accept or decline; a perhaps is not sent"
        )
    token = ""
    if intent.response == "decline":
        token = desk.book.token("decline", occurrence.id, scope=aim.scope)
    return Draft(
        verb=intent.response, event=occurrence.id, scope=aim.scope, title=occurrence.title[:300],
        token=token, at=occurrence.start,
        words=f"{intent.response} {occurrence.title[:80]!r} ({aim.when(desk.zone)})",
    )  # fmt: skip


def _event(draft: Draft) -> NewEvent:
    assert draft.start is not None
    start: date = draft.start
    end: date | None = draft.end
    if draft.all_day:
        start = draft.start.date()
        end = draft.end.date() if draft.end is not None else None
    return NewEvent(
        draft.title, start, end, None, draft.rrule, "" if draft.all_day else draft.zone,
        location=draft.place, attendees=draft.people, uid=draft.event,
    )  # fmt: skip


def _timed(draft: Draft, start: datetime, end: datetime, zone: tzinfo) -> Draft:
    again = _again(draft, start, zone)
    begin, finish = start.astimezone(zone), end.astimezone(zone)
    last = f"{finish:%H:%M}" if finish.date() == begin.date() else f"{finish:%a %d %b %H:%M}"
    words = f"{draft.verb} {draft.title[:80]!r} on {begin:%a %d %b %H:%M}-{last}{again}"
    return draft.model_copy(update={"start": begin, "end": finish, "words": words})


def _days(draft: Draft, when: When, zone: tzinfo) -> Draft:
    assert when.start is not None
    start = when.start.astimezone(zone)
    end = when.end.astimezone(zone) if when.end is not None else start + timedelta(days=1)
    until = "" if (end - start).days <= 1 else f" to {end - timedelta(days=1):%a %d %b}"
    again = _again(draft, start, zone)
    words = f"add {draft.title[:80]!r} on {start:%a %d %b}{until}, all day{again}"
    return draft.model_copy(update={"start": start, "end": end, "all_day": True, "words": words})


def _again(draft: Draft, start: datetime, zone: tzinfo) -> str:
    rule = say_rule(draft.rrule, start.astimezone(zone), zone) if draft.rrule else ""
    return f", repeating {rule}" if rule else ""


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
