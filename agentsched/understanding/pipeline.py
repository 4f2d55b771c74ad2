"""The door: a message to typed intents, by rules where words are clear, by the model elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from agentsched.llm import ChatModel
from agentsched.understanding.answering import answered
from agentsched.understanding.asides import (
    read_conflicts,
    read_evolution,
    read_preference,
    read_query,
    read_run,
    read_withdrawal,
)
from agentsched.understanding.asking import Turn
from agentsched.understanding.choosing import choose_kind
from agentsched.understanding.context import Context
from agentsched.understanding.events import read_cancel, read_move, read_response, read_schedule
from agentsched.understanding.followups import is_follow_up, read_change
from agentsched.understanding.intents import (
    Answer,
    Intent,
    ScheduleEvent,
    SmallTalk,
    Understood,
    Undo,
    Unknown,
)
from agentsched.understanding.meetings import read_meeting
from agentsched.understanding.moments import TimePhraseError
from agentsched.understanding.routing import Kind, read_answer, without_politeness
from agentsched.understanding.segments import Segment, segment
from agentsched.understanding.text import clean, crop, mask
from agentsched.understanding.work.reading import read_work

MOST_INTENTS = 20
"""Intents of one message; what is beyond them is said to be left out."""

_Reader = Callable[[str, Turn], Intent | None]
_READERS: dict[Kind, _Reader] = {
    "ask_run": read_run,
    "cancel_event": read_cancel,
    "change_plan": read_change,
    "find_time": read_meeting,
    "move_event": read_move,
    "plan_work": read_work,
    "query": read_query,
    "resolve_conflicts": read_conflicts,
    "respond_event": read_response,
    "schedule_event": read_schedule,
    "start_evolution": read_evolution,
    "state_preference": read_preference,
    "withdraw_preference": read_withdrawal,
}


def understand(message: str, context: Context, model: ChatModel | None = None) -> Understood:
    """Return what a message asks for; whatever it is, this answers and does not raise.

    Args:
        message: As the user typed or pasted it.
        context: Now, zone, and what was spoken of before.
        model: Asked where rules leave something open; None: that is said in the notes.
    """
    if context.asked is not None:
        alone = replace(context, asked=None)

        def read(words: str, about: Context, agreed: bool) -> Understood:
            return _request(words, Turn(about, model, agreed=agreed))

        filled = answered(message, context.asked, alone, read)
        if filled is not None:
            return filled
        context = alone
    return _request(message, Turn(context, model))


def _request(message: str, turn: Turn) -> Understood:
    cleaned = clean(message)
    for note in cleaned.notes:
        turn.note(note)
    if not cleaned.text:
        turn.note("The message is empty; say what is to be planned, moved or asked.")
        return _understood([Unknown(phrases=("",), why="nothing was said")], turn)
    intents: list[Intent] = []
    waiting: Intent | None = None
    segments = segment(cleaned.text)
    for number, found in enumerate(segments):
        if len(intents) == MOST_INTENTS:
            turn.note(f"Only the first {MOST_INTENTS} requests of the message were read.")
            break
        asked = turn.asks
        intent = _read(_decided(found, [s.text for s in segments[:number]], turn), turn)
        intents.append(intent)
        if turn.asks is not asked:
            waiting = intent
    return _understood(_told_apart(intents, waiting, turn), turn, waiting)


def _decided(found: Segment, before: list[str], turn: Turn) -> Segment:
    """Settle what the words left open: by the plan they may speak of, else by the model."""
    graph = turn.context.graph
    masked = mask(found.text)
    if (
        graph is not None
        and found.kind not in ("answer", "small_talk", "query", "find_time", "ask_run", "undo")
        and is_follow_up(masked, graph, turn.context.event)
    ):
        return replace(found, kind="change_plan", sure=True)
    if found.kind == "answer" and _CANCELS.match(masked):
        return replace(found, kind="cancel_event")
    if found.kind is not None:
        # A guess by rules is right more often than the small model's (docs/understanding.md).
        return found
    if turn.has_model:
        kind = choose_kind(without_politeness(masked), [*turn.context.history, *before], turn)
        return found if kind is None else replace(found, kind=kind)
    turn.note(f"{crop(found.text, 80)!r} needs a model to be understood; none answers here.")
    return found


_CANCELS = re.compile(r"\W*cancel\b", re.IGNORECASE)


def _read(found: Segment, turn: Turn) -> Intent:
    text = found.text
    phrases = (crop(text, 300),)
    try:
        match found.kind:
            case None:
                why = "no rule knows these words" + (
                    "" if turn.has_model else ", and no model answers"
                )
                return Unknown(phrases=phrases, why=why)
            case "answer":
                return Answer(phrases=phrases, yes=bool(read_answer(text)))
            case "small_talk":
                return SmallTalk(phrases=phrases)
            case "undo":
                return Undo(phrases=phrases)
            case kind:
                intent = _READERS[kind](text, turn)
    except TimePhraseError as error:
        if turn.asks is not None:
            turn.note(f"{error}.")
        turn.clarify(f"When do you mean? {error}", "time", clause=text, wrong=error.said)
        return Unknown(phrases=phrases, why=crop(str(error), 300))
    if intent is None:
        return Unknown(
            phrases=phrases,
            why=f"it reads like {found.kind.replace('_', ' ')}, but names nothing to do",
        )
    return intent


def _told_apart(intents: list[Intent], waiting: Intent | None, turn: Turn) -> list[Intent]:
    """Drop greetings beside requests, and remarks that no rule could place beside what could."""
    real: list[Intent] = [
        intent for intent in intents if not isinstance(intent, SmallTalk | Unknown | Answer)
    ]
    if not real:
        return intents or [Unknown(phrases=("",), why="nothing was said")]
    for intent in intents:
        if (
            isinstance(intent, Unknown)
            and intent is not waiting
            and not any(crop(intent.phrases[0], 80) in n for n in turn.notes)
        ):
            turn.note(f"Left out: {crop(intent.phrases[0], 120)!r} ({intent.why}).")
    return real


def _understood(intents: list[Intent], turn: Turn, waiting: Intent | None = None) -> Understood:
    for intent in intents:
        if (
            isinstance(intent, ScheduleEvent)
            and intent.when is not None
            and intent.when.end is None
        ):
            _assume_length(intent, turn)
    asks = turn.asks
    if asks is not None:
        place = next((n for n, intent in enumerate(intents) if intent is waiting), None)
        asks = asks.model_copy(update={"intent": place})
    return Understood(
        intents=tuple(intents),
        asks=asks,
        notes=tuple(turn.notes),
        calls=tuple(turn.calls),
    )


def _assume_length(intent: ScheduleEvent, turn: Turn) -> None:
    when = intent.when
    if when is not None and when.start is not None and not when.duration and not when.all_day:
        turn.note(f"{intent.title}: no length was named; {turn.context.meeting_minutes} minutes.")
