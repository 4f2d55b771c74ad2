"""What a message wants of the calendar: drafts tried on a copy, conflicts with their ways out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from agentsched.agent.collisions import collisions
from agentsched.agent.context import AgentContext
from agentsched.agent.desk import Desk, SeveralFit
from agentsched.agent.drafting import drafts_of, perform, revised
from agentsched.agent.presenting import MANY_UNDOS
from agentsched.agent.settlement import Draft, Settlement
from agentsched.agent.state import Section
from agentsched.agent.wishes import broken_rules
from agentsched.agent.work import people_of
from agentsched.calendars import (
    Book,
    CalendarError,
    Occurrence,
)
from agentsched.calendars.features import describe
from agentsched.calendars.journal import Entry
from agentsched.errors import AgentSchedError
from agentsched.planning import TaskGraph
from agentsched.planning.inventory import Person
from agentsched.understanding import (
    CancelEvent,
    Choice,
    FindTime,
    MoveEvent,
    Question,
    ResolveConflicts,
    ScheduleEvent,
    Understood,
)
from agentsched.understanding.intents import RespondEvent

AHEAD = timedelta(days=366)
"""How far a change is checked."""

_Wanted = ScheduleEvent | MoveEvent | CancelEvent | RespondEvent | FindTime | ResolveConflicts


@dataclass(frozen=True, slots=True)
class Arranged:
    """What a turn proposes for the calendar, and what it only says."""

    settlement: Settlement | None
    event: str
    """Title of the event spoken of last."""
    sections: tuple[Section, ...] = ()


@dataclass
class _Copy:
    """A scratch calendar on which the turn's drafts have been made."""

    desk: Desk
    book: Book
    uids: set[str] = field(default_factory=set)
    """Of the events the user spoke of: they stay, others give way."""
    drafts: list[Draft] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def added(self) -> frozenset[str]:
        """UIDs of the events that are new."""
        return frozenset(draft.uid for draft in self.drafts if draft.verb == "add")

    def add(self, draft: Draft) -> None:
        """Make a draft on the copy; what cannot be done is said, not drafted."""
        try:
            entry = perform(draft, self.book)
        except CalendarError as error:
            self.problems.append(f"{draft.words}: {error}")
            return
        if draft.verb in ("add", "move"):
            self.uids |= {uid for change in entry.changes for uid in change.uids}
        if draft.verb == "add":
            draft = draft.model_copy(update={"event": entry.changes[0].uids[0]})
        self.drafts.append(draft)


def concerns(understood: Understood) -> bool:
    """Whether a message wants anything of the calendar."""
    return any(isinstance(intent, _Wanted) for intent in understood.intents)


def grounded(
    understood: Understood, context: AgentContext, last: str,
    before: Settlement | None = None, asked: Understood | None = None,
) -> Understood:  # fmt: skip
    """Return a message with a question where it points at several events of the calendar.

    Args:
        understood: The message; nothing is asked about it yet.
        context: Calendar.
        last: Title of the event spoken of last.
        before: What was proposed; what speaks of that is no event yet.
        asked: What waited for the message: an event that an answer names and nobody knows is asked
            for again.
    """
    pointing = [(n, one) for n, one in enumerate(understood.intents)
                if isinstance(one, MoveEvent | CancelEvent | RespondEvent)]  # fmt: skip
    if not pointing:
        return understood
    pending = before.drafts if before is not None else ()
    old = asked.asks if asked is not None else None
    with context.desk() as desk:
        for number, intent in pointing:
            if revised(intent, pending, desk.zone, last) is not None:
                continue
            text = ""
            choices: tuple[Choice, ...] = ()
            try:
                desk.find(intent.event, last)
            except SeveralFit as error:
                text, choices = error.question, error.choices
            except CalendarError as error:
                if old is not None and old.slot == "event" and old.intent == number:
                    text = f"{error}. Which event do you mean?"
            if text:
                asks = Question(text=text[:1000], slot="event", intent=number, choices=choices)
                return understood.model_copy(update={"asks": asks})
    return understood


def arrange(
    understood: Understood, now: datetime, context: AgentContext, last: str,
    before: Settlement | None = None,
) -> Arranged:  # fmt: skip
    """Draft everything a message wants of the calendar.

    Args:
        understood: The message.
        now: The time.
        context: Calendar and preferences.
        last: Title of the event spoken of last.
        before: What was proposed and not yet approved; the message changes or adds to it.

    Raises:
        CalendarError: The calendar cannot be read.
    """
    intents = [intent for intent in understood.intents if isinstance(intent, _Wanted)]
    with context.desk() as desk, desk.scratch() as book:
        copy = _Copy(desk, book)
        event = last
        pending = list(before.drafts) if before is not None else []
        fresh: list[_Wanted] = []
        for intent in intents:
            changed = revised(intent, pending, desk.zone, last)
            pending = pending if changed is None else changed
            fresh += [intent] if changed is None else []
        for draft in pending:
            copy.add(draft)
        for intent in fresh:
            try:
                for draft in drafts_of(intent, desk, book, event):
                    copy.add(draft)
                    event = draft.title or event
            except CalendarError as error:
                copy.problems.append(str(error))
        asked = [intent for intent in intents if isinstance(intent, ResolveConflicts)]
        known = book.expand(now.astimezone(UTC), (now + AHEAD).astimezone(UTC)).occurrences
        found = collisions(known, copy.uids, copy.added, asked, desk, now, context)
        copy.problems += found.notes
        copy.problems += _against_rules(copy, known, now, context)
    notes = tuple(problem[:1000] for problem in copy.problems)
    settlement = Settlement(drafts=tuple(copy.drafts), collisions=found.collisions, notes=notes)
    if settlement.empty:
        lines = notes or (("no conflicts were found",) if asked and not found.collisions else ())
        told = [one.words for one in found.collisions]
        if lines or told:
            return Arranged(None, event, (Section(title="Calendar", lines=(*lines, *told)),))
        return Arranged(None, event)
    return Arranged(settlement, event)


@dataclass(frozen=True, slots=True)
class Applied:
    """What was changed in the calendar."""

    sections: tuple[Section, ...]
    actions: tuple[str, ...]
    """Ids of the journal entries; an undo is none, so that the next one goes further back."""


def apply(
    settlement: Settlement, choices: dict[str, str], context: AgentContext, key: str
) -> Applied:
    """Make the approved changes, each once under the turn's key; say what was done and how to undo.

    A change that cannot be made any more (somebody was quicker) is said and leaves the rest alone.
    """
    done: dict[tuple[str, ...], list[Entry]] = {}
    actions: list[str] = []
    failed: list[str] = []
    with context.desk() as desk:
        fresh = _Freshness(desk.book)
        drafts = [draft for draft in settlement.chosen(choices) if draft.verb != "keep"]
        keys = [f"{key}:{number}" for number in range(len(drafts))]
        shown = [fresh.as_shown(draft, one) for draft, one in zip(drafts, keys, strict=True)]
        for draft, one, fits in zip(drafts, keys, shown, strict=True):
            try:
                entry = perform(fresh.renewed(draft) if fits else draft, desk.book, key=one)
                fresh.note(entry)
                undone = draft.verb == "undo" and len(drafts) > MANY_UNDOS
                alike = (draft.verb, draft.uid) if draft.single else (entry.id,)
                alike = ("undo",) if undone else alike
                actions += [entry.id] if not entry.undoes else []
                done.setdefault(alike, []).append(entry)
            except AgentSchedError as error:
                failed.append(f"{draft.words}: {error}")
    sections = []
    if done:
        lines = tuple(_done_words(entries) for entries in done.values())
        sections.append(Section(title="Calendar", lines=lines))
    if failed:
        sections.append(Section(title="Not changed", lines=tuple(failed)))
    return Applied(tuple(sections), tuple(actions))


class _Freshness:
    """Knows whether the events a yes is about are still as they were shown.

    A yes stands for an event as it was: after this turn's own change of a series, the yes to the
    next change of the same series is for what that change left, and for nothing anybody else did.
    """

    def __init__(self, book: Book) -> None:
        self._book = book
        self._left: dict[str, str] = {}
        """UID to the ETag after this turn's last change."""

    def note(self, entry: Entry) -> None:
        """Take in what this turn changed."""
        self._left |= {uid: change.etag for change in entry.changes for uid in change.uids}

    def as_shown(self, draft: Draft, key: str) -> bool:
        """Whether a destructive change is for the event as it is, before anything is changed."""
        before = self._book.made(key)
        if before is not None:  # by a process that was killed
            self.note(before)
            return True
        if not draft.destructive:
            return True
        return self._is_as_left(draft.uid) or self._token(draft) == draft.token

    def renewed(self, draft: Draft) -> Draft:
        """Return the change with a yes for the event as this turn left it."""
        if draft.destructive and self._is_as_left(draft.uid):
            return draft.model_copy(update={"token": self._token(draft)})
        return draft

    def _is_as_left(self, uid: str) -> bool:
        if uid not in self._left:
            return False
        try:
            return self._book.read().find(uid).events[0].etag == self._left[uid]
        except CalendarError:
            return False

    def _token(self, draft: Draft) -> str:
        action = "cancel" if draft.verb == "cancel" else "decline"
        try:
            return self._book.token(action, draft.event, scope=draft.scope)
        except CalendarError:
            return ""


def _done_words(entries: Sequence[Entry]) -> str:
    """Return what was done and how to take it back; changes of one series in one line."""
    first = entries[0]
    if len(entries) == 1:
        return f"{first.words} (agentsched calendar undo {first.id})"
    more = f"{first.words} and {len(entries) - 1} more"
    if first.undoes:
        return f"{more} (agentsched calendar history lists each)"
    return f"{more} of it (say 'undo that'; agentsched calendar history lists each)"


def busy_people(graph: TaskGraph, now: datetime, context: AgentContext) -> tuple[Person, ...]:
    """Return the calendars of the people that tasks need, as far as they are known."""
    names = sorted({name for task in graph.tasks for name in task.people})
    if not names:
        return ()
    found: list[Person] = []
    with context.desk() as desk:
        for name in names:
            if name.lower() in ("me", "i", "you", "myself"):
                theirs: Sequence[Occurrence] | None = desk.occurrences(now, now + AHEAD)
            else:
                contact = desk.contact(name)
                theirs = None
                if contact is not None:
                    theirs = desk.calendar_of(contact, now, now + AHEAD)
            busy = ((o.start, o.end, o.title) for o in theirs or () if o.kind == "hard")
            found.append(people_of(name, busy, context.zone))
    return tuple(found)


def _against_rules(
    copy: _Copy, known: Sequence[Occurrence], now: datetime, context: AgentContext
) -> Iterator[str]:
    """Say which of the user's own rules a new or moved event goes against."""
    first = {o.uid: o for o in reversed(known) if o.uid in copy.uids}
    desk = copy.desk
    for occurrence in first.values():
        features = describe(occurrence, desk.book.viewer, desk.contacts, now)
        for rule in broken_rules([features], context):
            yield f"{occurrence.title[:60]!r} goes against your rule: {rule}"
