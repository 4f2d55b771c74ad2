"""Placement wishes in plain words, read by rules into typed hints; no model has a say.

A sentence is searched for stretches that a wish can be about (``hint_amounts``, ``hint_places``,
``hint_names``, ``hint_times``), cut into clauses, and each stretch takes from its clause whether
it is denied and how strongly it is meant (``hint_cues``), and which tasks it speaks of
(``hint_scope``). docs/placement-hints.md has the words that are known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from agentsched.planning import hint_cues as cues
from agentsched.planning.graph import Task
from agentsched.planning.hint_amounts import find_aims, find_ceilings, find_memory
from agentsched.planning.hint_cues import Cue
from agentsched.planning.hint_found import Found, Unread
from agentsched.planning.hint_names import find_names
from agentsched.planning.hint_places import find_company, find_near_data, find_spot
from agentsched.planning.hint_scope import (
    Stretch,
    Tasks,
    clauses,
    joint,
    means_all,
    points_back,
    sentences,
)
from agentsched.planning.hint_times import find_windows
from agentsched.planning.hints import CeilingHint, DeviceMemoryHint, Hint, MemoryHint
from agentsched.planning.inventory import Inventory

MOST_TEXT: Final = 20_000
"""Characters that are read; nobody writes more wishes than that."""

_NO_REQUEST: Final = (
    r"^\W*(?:(?:please|and|then|also)\s+)*(?:let me know|tell|remind|notify|ask|inform|ping|"
    r"e?mail|cancel|move|reschedule|decline|thank|thanks)\b"
)
_ASKS: Final = r"^\W*(?:(?:can|could|would|will|may) (?:you|we|I)|please)\b"
_PAST: Final = (
    r"\b(?:was|were|had|did|went|ran|used|took|finished|failed|broke|yesterday|ago|"
    r"last (?:week|night|time|month|year|run))\b"
)
_WISHES: Final = r"\bwould\b|'d\b|\bmust\b|\bif\b|\bwish\b|\bwant\b|\bplease\b"
_BEFORE_NAMES: Final = (
    r"\b(?:on|onto|in|into|inside|within|at|to|with|using|through|via|from|for|of|off|out|away|than|but|"
    r"use|uses|take|takes|pick|give|get|gets|grab|choose|reserve|run|put|pin|keep|stay|stick|"
    r"need|needs|want|wants|require|requires|like|love|prefer|prefers|preferred|preferably|rather|"
    r"ideally|try|avoid|allow|leave|touch|mind|only|always|never|no|not|nothing|without|except|"
    r"otherwise|or|be)\b|n't\b"
)
_AFTER_NAMES: Final = (
    r"^\W*(?:only|please|preferred|preferably|if|where|when|for|would|is|are|'s|first|ideally|"
    r"machines?|nodes?|whatever|no matter|at all costs|or|and|$)"
)
_LINK: Final = (
    r"(?:\s*(?:,|and|or|nor|but|both|either|on|in|at|with|to|of|from|an?|the|some|any|only|"
    r"(?:is|are)|running|located))*\s*"
)
_AMOUNTS: Final = (CeilingHint, DeviceMemoryHint, MemoryHint)
"""Hints to which "may" and "can" give no leave: "may cost at most" is a limit."""
_Kind = TypeVar("_Kind", Found, Unread)


@dataclass(frozen=True, slots=True)
class Span:
    """Where in the text a hint comes from."""

    start: int
    end: int
    hint: int
    """Its place in ``HintReading.hints``."""


@dataclass(frozen=True, slots=True)
class HintReading:
    """What was found in a text."""

    hints: tuple[Hint, ...] = ()
    assumed: tuple[str, ...] = ()
    """What was filled in, one note each."""
    unread: tuple[str, ...] = ()
    """What looks like a wish and could not be read, with the way out."""
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class _Wish:
    hint: Hint
    found: Found
    cue: Cue | None
    denied: bool


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
        reader.read(sentence.of(plain), sentence.start)
    if len(text) > MOST_TEXT:
        reader.unread.append(f"only the first {MOST_TEXT} of {len(text)} characters were read")
    return HintReading(
        tuple(reader.hints),
        tuple(dict.fromkeys(reader.assumed)),
        tuple(dict.fromkeys(reader.unread)),
        tuple(reader.spans),
    )


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
        self.spans: list[Span] = []

    def read(self, text: str, offset: int) -> None:
        """Add the wishes of one sentence."""
        found, unread = self._search(text)
        taken = [Stretch(one.start, one.end) for one in found]
        mentions = self._tasks.mentions(text, taken)
        scopes: list[tuple[str, ...]] = []
        if _is_request(text):
            self.unread += [one.why for one in unread if _is_asked(one, text, Stretch(0, len(text)))]
            parts = _with_cues(text, clauses(text, [*taken, *joint(text, mentions)]))
            wishes: list[_Wish] = []
            for place, part in enumerate(parts):
                inside = [m.tasks for m in mentions if part.start <= m.start < part.end]
                scopes.append(tuple(id for tasks in inside for id in tasks))
                ahead = [m.tasks for m in mentions if m.start >= part.end]
                scope = self._scope(part.of(text), scopes, ahead if place == 0 else [])
                for one in found:
                    if part.start <= one.start < part.end:
                        wish = _wish(one, text, part, wishes)
                        if wish is not None:
                            wishes.append(wish)
                            self._add(wish, scope, text, offset)
        named = {id for mention in mentions for id in mention.tasks}
        self._last = self._tasks.in_order(named) or self._last

    def _search(self, text: str) -> tuple[list[Found], list[Unread]]:
        """Return disjoint stretches in order; where finders disagree, the earlier one wins."""
        everything: Iterator[Found | Unread]
        found: list[Found | Unread] = []
        for everything in (
            find_near_data(text, self._inventory),
            find_ceilings(text),
            find_memory(text),
            find_windows(text),
            find_company(text),
            find_spot(text),
            find_names(text, self._inventory),
            find_aims(text),
        ):
            for one in everything:
                if all(one.end <= other.start or one.start >= other.end for other in found):
                    found.append(one)
        return _only(found, Found), _only(found, Unread)

    def _scope(
        self, text: str, scopes: list[tuple[str, ...]], ahead: Sequence[tuple[str, ...]]
    ) -> tuple[str, ...]:
        """Return the tasks that a clause speaks of; empty means all."""
        if scopes[-1]:
            return self._tasks.in_order(set(scopes[-1]))
        if means_all(text):
            return ()
        before = next((scope for scope in reversed(scopes) if scope), ())
        if not before and points_back(text):
            before = self._last
        if not before and ahead:
            before = ahead[0]
        return self._tasks.in_order(set(before))

    def _add(self, wish: _Wish, scope: tuple[str, ...], text: str, offset: int) -> None:
        cue, found = wish.cue, wish.found
        hard = not found.aim and (cue is None or cue.hard)
        weight = 1.0 if cue is None or cue.hard else cue.weight
        update = {
            "tasks": scope,
            "hard": hard,
            "weight": 1.0 if hard else round(weight * cues.scale_in(text), 3),
            "phrase": text.strip()[:200],
        }
        hint = wish.hint.model_copy(update=update)
        if found.assumed:
            self.assumed.append(found.assumed)
        if cue is not None and cue.leave:
            said = text[found.start : found.end].strip()
            self.assumed.append(f"{said!r}: leave to use it is read as a slight wish for it")
        if all(_sense(hint) != _sense(other) for other in self.hints):
            self.hints.append(hint)
            self.spans.append(
                Span(offset + found.start, offset + found.end, len(self.hints) - 1)
            )


def _sense(hint: Hint) -> dict[str, object]:
    return hint.model_dump(exclude={"phrase", "weight"})


def _only(found: Iterable[Found | Unread], kind: type[_Kind]) -> list[_Kind]:
    return sorted((one for one in found if isinstance(one, kind)), key=lambda one: one.start)


def _is_request(text: str) -> bool:
    """Whether a sentence can hold a wish: no question, no report, no other business."""
    if text.rstrip().endswith("?") and not re.search(_ASKS, text, re.IGNORECASE):
        return False
    if re.search(_NO_REQUEST, text, re.IGNORECASE):
        return False
    reports = re.search(_PAST, text, re.IGNORECASE)
    return not reports or bool(re.search(_WISHES, text, re.IGNORECASE))


def _with_cues(text: str, parts: list[Stretch]) -> list[Stretch]:
    """Join clauses that only say how strongly ("if possible") with what they speak of."""
    joined: list[Stretch] = []
    lead: int | None = None
    for part in parts:
        if cues.is_only_cues(part.of(text)):
            if joined:
                joined[-1] = Stretch(joined[-1].start, part.end)
            elif lead is None:
                lead = part.start
            continue
        joined.append(Stretch(part.start if lead is None else lead, part.end))
        lead = None
    return joined


def _wish(found: Found, text: str, part: Stretch, earlier: Sequence[_Wish]) -> _Wish | None:
    """Return what a stretch asks for in its clause; None if nothing."""
    last = earlier[-1] if earlier else None
    start = max(part.start, last.found.end if last and last.found.end <= found.start else 0)
    before, after = text[start : found.start], text[found.end : part.end]
    if cues.is_contrast(before) or cues.is_waived(before, after):
        return None
    linked = last is not None and bool(
        re.fullmatch(_LINK, text[last.found.end : found.start], re.IGNORECASE)
    )
    if found.bare and not linked and not _is_asked(found, text, part):
        return None
    inside = [cue for cue in cues.cues_in(text) if part.start <= cue.start < part.end]
    cue = cues.cue_for(found.start, found.end, inside)
    denied = cues.is_denied(before)
    if last is not None and linked:
        cue = cue or last.cue
        joint_denial = re.search(r"\b(?:or|nor|and)\b", before, re.IGNORECASE)
        denied = denied or bool(joint_denial and last.denied)
    if cue is not None and cue.leave and (denied or isinstance(found.hint, _AMOUNTS)):
        cue = None
    hint = found.negated if denied else found.hint
    return None if hint is None else _Wish(hint, found, cue, denied)


def _is_asked(found: Found | Unread, text: str, part: Stretch) -> bool:
    """Whether the words around a name make it a wish."""
    before, after = text[part.start : found.start], text[found.end : part.end]
    nothing_before = re.fullmatch(r"\W*(?:an?|the|some|any)?\W*", before, re.IGNORECASE) is not None
    alone = nothing_before and not after.strip(" .,!")
    return (
        alone
        or bool(re.search(_BEFORE_NAMES, before + " ", re.IGNORECASE))
        or bool(re.search(_BEFORE_NAMES, text[found.start : found.end], re.IGNORECASE))
        or bool(nothing_before and re.search(_AFTER_NAMES, after, re.IGNORECASE))
    )
