"""Placement wishes in plain words, read by rules into typed hints; no model has a say.

A sentence is searched for stretches that a wish can be about (``amounts``, ``places``,
``names``, ``times``), cut into clauses that speak of some tasks (``scope``), and
each stretch takes from its clause whether it is a wish at all, whether it is denied, and how
strongly it is meant (``wish``, ``cues``). docs/placement-hints.md has the known words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final, TypeVar

from agentsched.planning.graph import Task
from agentsched.planning.hint_words import cues, grammar
from agentsched.planning.hint_words.amounts import find_aims, find_ceilings, find_memory
from agentsched.planning.hint_words.found import Found, Unread
from agentsched.planning.hint_words.names import find_names
from agentsched.planning.hint_words.places import find_company, find_near_data, find_spot
from agentsched.planning.hint_words.scope import (
    Mention,
    Stretch,
    Tasks,
    clauses,
    excepts,
    joint,
    means_all,
    points_back,
    sentences,
    speaks_of_several,
)
from agentsched.planning.hint_words.times import find_windows
from agentsched.planning.hint_words.wish import Clause, Wish, split_choices, turned, wish_of
from agentsched.planning.hints import Hint
from agentsched.planning.inventory import Inventory
from agentsched.planning.placement import in_words

MOST_TEXT: Final = 20_000
MOST_SENTENCE: Final = 2_000
"""Characters that are read; nobody writes more wishes than that."""

_Kind = TypeVar("_Kind", Found, Unread)


@dataclass(frozen=True, slots=True)
class Span:
    """Where in the text a hint comes from."""

    start: int
    end: int
    hint: int
    """Its place in ``HintReading.hints``."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A hard wish that no machine of the inventory meets; ``why`` is for the user."""

    hint: Hint
    why: str


@dataclass(frozen=True, slots=True)
class HintReading:
    """What was found in a text."""

    hints: tuple[Hint, ...] = ()
    assumed: tuple[str, ...] = ()
    """What was filled in, one note each."""
    unread: tuple[str, ...] = ()
    """What looks like a wish and could not be read, with the way out."""
    missing: tuple[Missing, ...] = ()
    """Hard wishes for what the inventory does not have."""
    spans: tuple[Span, ...] = ()


def read_hints(text: str, *, inventory: Inventory, tasks: Sequence[Task]) -> HintReading:
    """Find every placement wish in a text.

    Args:
        text: What the user wrote; read up to ``MOST_TEXT`` characters.
        inventory: Whose device types, labels, places and data sets may be named.
        tasks: What may be spoken of, by id or title; a wish that names none is about all.
    """
    plain = _plain(text[:MOST_TEXT])
    reader = _Reader(inventory, Tasks(tasks))
    for sentence in sentences(plain):
        short = Stretch(sentence.start, min(sentence.end, sentence.start + MOST_SENTENCE))
        reader.read(short.of(plain), short.start)
        if short != sentence:
            reader.unread.append(f"a sentence was read up to its {MOST_SENTENCE}th character only")
    if len(text) > MOST_TEXT:
        reader.unread.append(f"only the first {MOST_TEXT} of {len(text)} characters were read")
    return HintReading(
        tuple(reader.hints),
        tuple(dict.fromkeys(reader.assumed)),
        tuple(dict.fromkeys(reader.unread)),
        tuple(reader.missing),
        tuple(reader.spans),
    )


def say_hint(hint: Hint) -> str:
    """Return a hint in words: how strong, what, and for whom; equal hints, equal words."""
    whom = ", ".join(hint.tasks) or "every task"
    strength = "required" if hint.hard else f"wished with weight {hint.weight:g}"
    return f"{whom}: {in_words(hint)} ({strength})"


def _plain(text: str) -> str:
    """Return the text with plain quotes, dashes and blanks, of the same length."""
    return text.translate(
        {0x2019: "'", 0x2018: "'", 0x2010: "-", 0x2011: "-", 0x2013: "-", 0xA0: " ", 0x202F: " "}
    )


class _Reader:
    """Reads sentence after sentence; what was named last is what "it" means in the next."""

    def __init__(self, inventory: Inventory, tasks: Tasks) -> None:
        self._inventory = inventory
        self._tasks = tasks
        self._last: tuple[str, ...] = ()
        self.hints: list[Hint] = []
        self.assumed: list[str] = []
        self.unread: list[str] = []
        self.missing: list[Missing] = []
        self.spans: list[Span] = []

    def read(self, text: str, offset: int) -> None:
        """Add the wishes of one sentence."""
        found, unread = self._search(text)
        mentions = self._tasks.mentions(text, [Stretch(one.start, one.end) for one in found])
        if not grammar.is_question(text):
            wishes = self._wishes(text, found, mentions)
            for missing in unread:
                name = text[missing.start : missing.end]
                if grammar.is_asked(text[: missing.start], name, text[missing.end :]):
                    self._miss(missing, text, self._clauses(text, found, mentions), wishes)
            for wish in wishes:
                self._add(wish, offset)
        named = {id for mention in mentions for id in mention.tasks}
        self._last = self._tasks.in_order(named) or self._last

    def _search(self, text: str) -> tuple[list[Found], list[Unread]]:
        """Return disjoint stretches in order; where finders disagree, the earlier one wins."""
        found: list[Found | Unread] = []
        for one in chain(
            find_near_data(text, self._inventory),
            find_ceilings(text),
            find_memory(text),
            find_windows(text),
            find_company(text),
            find_spot(text),
            find_names(text, self._inventory),
            find_aims(text),
        ):
            if all(one.end <= other.start or one.start >= other.end for other in found):
                found.append(one)
        return _only(found, Found), _only(found, Unread)

    def _wishes(self, text: str, found: Sequence[Found], mentions: Sequence[Mention]) -> list[Wish]:
        wishes: list[Wish] = []
        for clause in self._clauses(text, found, mentions):
            if grammar.is_other_business(clause.text):
                continue
            if wishes and clause.tasks and grammar.is_but_not(clause.text):
                wishes += turned(wishes[-1], clause)
            for one in found:
                if clause.holds(one.start):
                    wish = wish_of(one, clause, wishes[-1] if wishes else None)
                    wishes += [] if wish is None else [wish]
        kept, choices = split_choices(wishes)
        for said in choices:
            self.unread.append(f"{said!r}: one window at a time can be asked for, not a choice")
        return kept

    def _clauses(
        self, text: str, found: Sequence[Found], mentions: Sequence[Mention]
    ) -> list[Clause]:
        whole = [*(Stretch(one.start, one.end) for one in found), *joint(text, mentions)]
        every = cues.cues_in(text)
        made: list[Clause] = []
        for place in _with_cues(text, clauses(text, whole)):
            scope = self._scope(text, place, mentions, [clause.tasks for clause in made])
            inside = tuple(cue for cue in every if place.start <= cue.start < place.end)
            made.append(Clause(text, place, scope, inside))
        return made

    def _scope(
        self,
        text: str,
        place: Stretch,
        mentions: Sequence[Mention],
        earlier: Sequence[tuple[str, ...]],
    ) -> tuple[str, ...]:
        """Return the tasks that a clause speaks of; empty means all."""
        inside = [m for m in mentions if place.start <= m.start < place.end]
        if inside:
            named = {id for mention in inside for id in mention.tasks}
            if excepts(text[place.start : inside[0].start]):
                return self._tasks.without(named)
            return self._tasks.in_order(named)
        words = place.of(text)
        if means_all(words):
            return ()
        if speaks_of_several(words) and any(earlier):
            return self._tasks.in_order({id for scope in earlier for id in scope})
        before = next((scope for scope in reversed(earlier) if scope), ())
        if before:
            return before
        if points_back(words):
            return self._last
        ahead = [m.tasks for m in mentions if m.start >= place.end]
        return ahead[0] if ahead and not earlier else ()

    def _miss(
        self, missing: Unread, text: str, parts: Sequence[Clause], wishes: Sequence[Wish]
    ) -> None:
        """Note what is not here; a hard wish for it, with nothing else that will do, is kept."""
        clause = next((part for part in parts if part.holds(missing.start)), None)
        wish = None
        if missing.hint is not None and clause is not None:
            named = Found(missing.start, missing.end, missing.hint, bare=True)
            wish = wish_of(named, clause, None)
        if wish is None or any(_alternatives(text, one.found, missing) for one in wishes):
            self.unread.append(missing.why)
            return
        hint = wish.spelt()
        if not hint.hard:
            self.unread.append(f"{missing.why}; this wish is left out")
        elif all(_sense(hint) != _sense(other.hint) for other in self.missing):
            self.missing.append(Missing(hint, missing.why))

    def _add(self, wish: Wish, offset: int) -> None:
        found, text = wish.found, wish.clause.sentence
        if found.assumed:
            self.assumed.append(found.assumed)
        if wish.cue is not None and wish.cue.leave:
            said = text[found.start : found.end].strip()
            self.assumed.append(f"{said!r}: leave to use it is read as a slight wish for it")
        hint = wish.spelt()
        if all(_sense(hint) != _sense(other) for other in self.hints):
            self.hints.append(hint)
            place = len(self.hints) - 1
            self.spans.append(Span(offset + found.start, offset + found.end, place))


def _alternatives(text: str, one: Found, other: Unread) -> bool:
    """Whether "or" joins what is here with what is not: "an A100 or an H200"."""
    first, last = sorted([(one.start, one.end), (other.start, other.end)])
    between = text[first[1] : last[0]]
    return grammar.is_link(between) and "or" in between.lower().split()


def _sense(hint: Hint) -> dict[str, object]:
    return hint.model_dump(exclude={"phrase", "weight"})


def _only(found: Iterable[Found | Unread], kind: type[_Kind]) -> list[_Kind]:
    return sorted((one for one in found if isinstance(one, kind)), key=lambda one: one.start)


def _with_cues(text: str, parts: Sequence[Stretch]) -> list[Stretch]:
    """Join clauses that only say how strongly ("if possible") with what they speak of."""
    joined: list[Stretch] = []
    lead: int | None = None
    for part in parts:
        if not cues.is_only_cues(part.of(text)):
            joined.append(Stretch(part.start if lead is None else lead, part.end))
            lead = None
        elif joined:
            joined[-1] = Stretch(joined[-1].start, part.end)
        elif lead is None:
            lead = part.start
    return joined
