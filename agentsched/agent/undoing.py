"""Taking back what an earlier turn of the conversation did: what can be, and what cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentsched.agent.context import AgentContext
from agentsched.agent.settlement import Draft, Settlement
from agentsched.agent.state import Deed, Section
from agentsched.agent.wishes import can_undo, still_learnt, undo_preferences
from agentsched.calendars import Book, CalendarError
from agentsched.calendars.journal import Entry

NOTHING = (
    "nothing was done in this conversation that could be undone; agentsched calendar history and "
    "agentsched memory preferences list what was done in others"
)


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo proposes for the calendar, and what it has to say."""

    settlement: Settlement | None
    sections: tuple[Section, ...]


def last_standing(deeds: Sequence[Deed], context: AgentContext) -> Deed | None:
    """Return the last deed of which something still stands, without what was undone already.

    Raises:
        CalendarError: The calendar or its journal cannot be read.
    """
    with context.desk() as desk:
        done = {entry.id for entry in desk.book.history() if entry.state == "done"}
    for deed in reversed(deeds):
        calendar = tuple(id for id in deed.calendar if id in done)
        noted = tuple(one for one in deed.preferences if can_undo(one, context))
        lessons = still_learnt(deed.lessons, context)
        if calendar or noted or lessons or deed.work:
            kept = {"calendar": calendar, "preferences": noted, "lessons": lessons}
            return deed.model_copy(update=kept)
    return None


def take_back(deed: Deed, context: AgentContext) -> Undone:
    """Take back what one turn did.

    Preferences are taken back at once, as they were taken down. Changes of the calendar are
    proposed, the last one first, with what the choice of them taught, and wait for a yes. Work
    that has run is only spoken of.

    Raises:
        CalendarError: The calendar or its journal cannot be read.
    """
    lines = undo_preferences(deed.preferences, context)
    if deed.work:
        lines.append(f"{deed.work!r} has run: work that has run cannot be undone")
    drafts: list[Draft] = []
    if deed.calendar:
        with context.desk() as desk:
            done = [entry for entry in desk.book.history() if entry.id in deed.calendar]
            drafts = _drafts(done, desk.book, lines)
    sections = (Section(title="Undo", lines=tuple(lines)),) if lines else ()
    settlement = Settlement(drafts=tuple(drafts), lessons=deed.lessons)
    return Undone(None if settlement.empty else settlement, sections)


def _drafts(done: Sequence[Entry], book: Book, problems: list[str]) -> list[Draft]:
    """Return the undo of each action, the last one first; add what stands in the way of others."""
    drafts: list[Draft] = []
    free: set[str] = set()
    """UIDs whose later change is undone first: whether theirs can be shows only then."""
    stuck: set[str] = set()
    for entry in reversed(done):
        uids = {uid for change in entry.changes for uid in change.uids}
        try:
            if uids & stuck:
                continue
            if not uids & free:
                book.can_undo(entry.id)
        except CalendarError as error:
            problems.append(f"not undone: {entry.words}: {error}")
            stuck |= uids
            continue
        free |= uids
        away = " (takes it out of the calendar)" if entry.action == "add" else ""
        drafts.append(Draft(verb="undo", event=entry.id, words=f"undo: {entry.words}{away}"))
    return drafts
