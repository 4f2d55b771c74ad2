"""The answer to a question that was put: it fills the one place that was open, all else stays.

A message that answers nothing is a new request (``answered`` gives None), and the question is
dropped. An answer is read by what reads requests: times, events and changes mean the same in both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from agentsched.understanding.asking import Turn
from agentsched.understanding.context import Context
from agentsched.understanding.events import (
    ask_what_changes,
    read_event_named,
    read_move,
)
from agentsched.understanding.intents import (
    Answer,
    CancelEvent,
    ChangePlan,
    Choice,
    EventRef,
    Intent,
    MoveEvent,
    PlanWork,
    Question,
    RespondEvent,
    StartEvolution,
    Understood,
    When,
)
from agentsched.understanding.moments import TimePhraseError, find_spans, join, refuse_impossible
from agentsched.understanding.routing import asks_for_something, read_answer, route
from agentsched.understanding.text import clean, crop, mask
from agentsched.understanding.titles import without_spans

Read = Callable[[str, Context, bool], Understood]
"""Reads words as a request: the words, what they are read against, whether the user agreed."""

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
_CHOICE = re.compile(
    rf"(?:(?:the|number|option|no\.?|#)\s*)*(?P<which>\d{{1,2}}|{'|'.join(_ORDINALS)}|last|former"
    r"|latter)(?:st|nd|rd|th)?(?:\s+(?:one|please|of them))*\W*",
    re.IGNORECASE,
)
_FILLERS = frozenset(
    {"the", "one", "a", "an", "please", "i", "mean", "meant", "it", "s", "on", "at"}
)
_ONE = re.compile(r"\b(?:the )?(?:one|ones)\b(?!\s*(?:-|on\s+one|o'clock))", re.IGNORECASE)
"""Stands for the event in "the one on Thursday"."""
_SAYS_NO_MORE = re.compile(
    r"(?:\b(?:no|sorry|oh|ok|okay|well|then|i|meant?|mean|make|move|put|set|let|it|that|s|at|on|by"
    r"|to|is|be|let|us|say|how|about|what|rather|better|please|instead|of|course|should|the"
    r"|time|in|and|for|from|until)\b|\W)*",
    re.IGNORECASE,
)
_BARE_HOUR = re.compile(r"\W*(?:at\s+)?(?P<hour>(?:[01]?\d|2[0-4])(?:[:.][0-5]\d)?)\W*")
_LEAD = re.compile(r"\b(?:at|on|by|from|until|till|before|after)\s+$", re.IGNORECASE)
_OPENS_LIKE = re.compile(r"(?:at|on)\s+", re.IGNORECASE)
_INNER = (
    re.compile(r"\d{1,2}[:.]\d{2}(?:\s*[ap]m)?|\d{1,2}\s*[ap]m", re.IGNORECASE),
    re.compile(
        r"(?:the\s+)?\d{1,2}(?:st|nd|rd|th)?\s+(?:of\s+)?[a-z]{3,9}(?:\s+\d{4})?$"
        r"|[a-z]{3,9}\s+\d{1,2}(?:st|nd|rd|th)?(?:,?\s+\d{4})?$|\d{1,4}[/.-]\d{1,2}[/.-]?\d{0,4}",
        re.IGNORECASE,
    ),
)
"""A time of day, and a date, within a phrase that could not be read as a whole."""
_CHANGES = re.compile(
    r"(?:to|by|at|on|until|for|back|up|forward|earlier|later|(?:the |its )?(?:place|location|room"
    r"|venue))\b|.*\b(?:later|earlier|sooner|longer|shorter)\W*$",
    re.IGNORECASE,
)


def answered(message: str, asked: Understood, context: Context, read: Read) -> Understood | None:
    """Return what was asked about, with the message as the answer; None where it is none.

    Args:
        message: What the user said next.
        asked: What was understood before, with its question.
        context: As of any request; the question is not in it.
        read: Reads words as a request.
    """
    question = asked.asks
    text = clean(message).text
    if question is None or not text:
        return None
    yes = read_answer(text)
    if yes is False:
        return _dropped(asked, text)
    filling = _Filling(asked, question, text, context, read)
    if question.slot == "confirm":
        return filling.agreed() if yes else None
    # A bare yes says nothing of which one or when: the question stands.
    return asked if yes else filling.filled()


def _dropped(asked: Understood, text: str) -> Understood:
    """Leave out what waited for the answer; what else was asked for stays."""
    left = [one for n, one in enumerate(asked.intents) if asked.asks and n != asked.asks.intent]
    if left:
        return asked.model_copy(update={"intents": tuple(left), "asks": None})
    return Understood(intents=(Answer(phrases=(crop(text, 300),), yes=False),))


@dataclass(frozen=True, slots=True)
class _Filling:
    """One answer and the place it may fill."""

    asked: Understood
    question: Question
    text: str
    context: Context
    read: Read

    def agreed(self) -> Understood:
        """Return what a yes stands for."""
        about = replace(self.context, event="")
        return self._with(self.read(self.question.if_yes, about, True))

    def filled(self) -> Understood | None:
        """Return the request with the answer in its place, or None."""
        number = self.question.intent
        waiting = None if number is None else self.asked.intents[number]
        choice = _chosen(self.text, self.question.choices)
        try:
            match self.question.slot, waiting:
                case "event", MoveEvent() | CancelEvent() | RespondEvent():
                    return self._event(waiting, choice)
                case "change", MoveEvent():
                    return self._change(waiting)
                case "time", _:
                    return self._time()
                case "scenario", StartEvolution() if choice is not None:
                    return self._put(waiting.model_copy(update={"scenario": choice.words}))
                case "first", PlanWork() if choice is not None:
                    return self._first(waiting, choice)
                case _:
                    return None
        except TimePhraseError as error:
            text = crop(f"When do you mean? {error}", 1000)
            again = self.question.model_copy(update={"text": text})
            return self.asked.model_copy(update={"asks": again})

    def _event(
        self, waiting: MoveEvent | CancelEvent | RespondEvent, choice: Choice | None
    ) -> Understood | None:
        turn = Turn(self.context, None)
        if choice is not None and choice.event is not None:
            event = choice.event
        else:
            if asks_for_something(mask(self.text)):
                return None
            named = read_event_named(_ONE.sub("", self.text), turn)
            if named.last or not (named.words or named.when or named.people or named.all):
                return self.asked
            event = _narrowed(waiting.event, named)
        found = waiting.model_copy(update={"event": event})
        turn = Turn(self.context, None)
        if isinstance(found, MoveEvent):
            ask_what_changes(found, turn)
        return self._put(found, turn)

    def _change(self, waiting: MoveEvent) -> Understood | None:
        text, turn = self.text, Turn(replace(self.context, event="it"), None)
        found = route(mask(text))
        if found is None or found.kind != "move_event":
            if asks_for_something(mask(text)):
                return None
            text = f"move it {text}" if _CHANGES.match(text) else f"move it to {text}"
        moved = read_move(text, turn)
        if moved is None or not moved.changes:
            return None
        if not moved.event.last:  # of another event
            return None
        kept = {"event": waiting.event, "phrases": (*waiting.phrases, *moved.phrases)}
        scope = moved.scope if moved.scope != "this" else waiting.scope
        return self._put(moved.model_copy(update={**kept, "scope": scope}))

    def _time(self) -> Understood | None:
        text = self.text
        hour = _BARE_HOUR.fullmatch(text)
        if hour is not None:
            text = f"at {hour['hour']}"
        spans = find_spans(text, self.context)
        refuse_impossible(text, spans)
        if not spans or not _SAYS_NO_MORE.fullmatch(without_spans(text, spans)):
            return None
        said, phrase = join(spans), text[spans[0].start : spans[-1].end]
        readings = [self.read(words, self.context, False) for words in self._rewritten(phrase)]
        clear = [one for one in readings if one.asks is None or one.asks.slot != "time"]
        fitting = (one for one in clear if _keeps(one, said, self.context))
        best = next(fitting, next(iter(clear), None))
        return self.asked if best is None else self._with(best)

    def _rewritten(self, phrase: str) -> Iterator[str]:
        """Give the clause with the answer in it: in place of as little as possible first."""
        clause, wrong = self.question.clause, self.question.wrong
        start = clause.find(wrong) if wrong else -1
        if start >= 0:
            places = [found.span() for inner in _INNER for found in inner.finditer(wrong)]
            for low, high in (*places, (0, len(wrong))):
                head, tail = clause[: start + low], clause[start + high :]
                said = _OPENS_LIKE.sub("", phrase, count=1) if _LEAD.search(head) else phrase
                yield f"{head}{said}{tail}"
            clause = f"{_LEAD.sub('', clause[:start])} {clause[start + len(wrong) :]}"
        try:
            clause = without_spans(clause, find_spans(clause, self.context))
        except TimePhraseError:
            return
        yield f"{' '.join(clause.split())} {phrase}"

    def _first(self, waiting: PlanWork, choice: Choice) -> Understood | None:
        ids = {task.title or task.id: task.id for task in waiting.graph.tasks}
        first, wanted = ids.get(self.question.choices[0].words), ids.get(choice.words)
        if first is None or wanted is None or first == wanted:
            return self._put(waiting)
        about = replace(self.context, graph=waiting.graph, event="")
        said = self.read(f"swap the order of {wanted} and {first}", about, True)
        graphs = [one.graph for one in said.intents if isinstance(one, ChangePlan)]
        return self._put(waiting.model_copy(update={"graph": graphs[0]})) if graphs else None

    def _put(self, intent: Intent, turn: Turn | None = None) -> Understood:
        """Put one intent in the place of the one that waited."""
        asks = None
        if turn is not None and turn.asks is not None:
            asks = turn.asks.model_copy(update={"intent": 0})
        return self._with(Understood(intents=(intent,), asks=asks))

    def _with(self, new: Understood) -> Understood:
        """Put what was read in the place of what waited for it."""
        number, old = self.question.intent, self.asked.intents
        place = len(old) if number is None else number
        asks = new.asks
        if asks is not None and asks.intent is not None:
            asks = asks.model_copy(update={"intent": place + asks.intent})
        return Understood(
            intents=(*old[:place], *new.intents, *old[place + 1 :]),
            asks=asks,
            notes=tuple(dict.fromkeys((*self.asked.notes, *new.notes))),
            calls=(*self.asked.calls, *new.calls),
        )


def _chosen(text: str, choices: tuple[Choice, ...]) -> Choice | None:
    """Return the choice that a number, an ordinal or words mean; None for none or several."""
    if not choices:
        return None
    found = _CHOICE.fullmatch(text)
    if found is not None:
        which = found["which"].lower()
        place = {"last": len(choices), "former": 1, "latter": 2}.get(which)
        if place is None:
            place = int(which) if which.isdigit() else _ORDINALS.index(which) + 1
        return choices[place - 1] if 1 <= place <= len(choices) else None
    words = set(re.findall(r"\w+", text.casefold())) - _FILLERS
    fitting = [one for one in choices if words <= set(re.findall(r"\w+", one.words.casefold()))]
    return fitting[0] if words and len(fitting) == 1 else None


def _narrowed(old: EventRef, named: EventRef) -> EventRef:
    """Return what both say of an event; the later words count where both say something."""
    return EventRef(
        words=named.words or ("" if old.last else old.words),
        when=named.when or old.when,
        people=named.people or old.people,
        all=named.all or old.all,
    )


def _keeps(read: Understood, said: When, context: Context) -> bool:
    """Whether what was read is at the day and hour that the answer names."""
    if said.start is None:
        return True
    when = next(
        (w for one in read.intents if isinstance(w := getattr(one, "when", None), When)), None
    )
    if when is None or when.start is None:
        return when is None
    start, wanted = (one.astimezone(context.zone) for one in (when.start, said.start))
    day = any(words.startswith("no day") for words in said.assumed) or start.date() == wanted.date()
    return day and (said.all_day or (not when.all_day and start.time() == wanted.time()))
