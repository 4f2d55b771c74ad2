"""From a stretch that names something to what its clause wishes about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from agentsched.planning.hint_words import cues, grammar
from agentsched.planning.hint_words.cues import Cue
from agentsched.planning.hint_words.found import Found
from agentsched.planning.hint_words.scope import Stretch
from agentsched.planning.hints import (
    CeilingHint,
    DeviceMemoryHint,
    Hint,
    MemoryHint,
    WindowHint,
)

_AMOUNTS: Final = (CeilingHint, DeviceMemoryHint, MemoryHint)
"""Hints to which "may" and "can" give no leave: "may cost at most" is a limit."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause of a sentence, with what holds for all of its wishes."""

    sentence: str
    place: Stretch
    tasks: tuple[str, ...]
    """Ids it speaks of; empty means all."""
    cues: tuple[Cue, ...]

    @property
    def text(self) -> str:
        """Its words."""
        return self.place.of(self.sentence)

    def holds(self, place: int) -> bool:
        """Return whether a place in the sentence lies in it."""
        return self.place.start <= place < self.place.end


@dataclass(frozen=True, slots=True)
class Wish:
    """What a stretch asks for, and how."""

    hint: Hint
    found: Found
    clause: Clause
    cue: Cue | None
    denied: bool

    def spelt(self) -> Hint:
        """Return the hint with its tasks, strength and words."""
        hard = not self.found.aim and (self.cue is None or self.cue.hard)
        weight = 1.0 if self.cue is None or self.cue.hard else self.cue.weight
        update = {
            "tasks": self.clause.tasks,
            "hard": hard,
            "weight": 1.0 if hard else round(weight * cues.scale_in(self.clause.text), 3),
            "phrase": self.clause.text.strip(" \n,;:.!")[:200],
        }
        return self.hint.model_copy(update=update)


def wish_of(found: Found, clause: Clause, last: Wish | None) -> Wish | None:
    """Return what a stretch asks for in its clause; None if nothing.

    Args:
        found: The stretch.
        clause: Where it stands.
        last: The wish before it in the sentence; "and" and "or" carry its strength and denial on,
            also to a clause without a verb of its own.
    """
    text, place = clause.sentence, clause.place
    behind_last = last.found.end if last is not None and last.found.end <= found.start else 0
    before = text[max(place.start, behind_last) : found.start]
    after = text[found.end : place.end]
    linked = last is not None and grammar.is_link(text[last.found.end : found.start])
    goes_on = last is not None and grammar.goes_on(text[place.start : found.start], after)
    if not _is_wish(found, clause, before, after, linked=linked or goes_on):
        return None
    cue = cues.cue_for(found.start, found.end, list(clause.cues))
    denied = cues.is_denied(before, after)
    if last is not None and (linked or goes_on):
        cue = cue or last.cue
        denied = denied or (last.denied and (goes_on or grammar.joins(before)))
    if cue is not None and cue.leave and (denied or isinstance(found.hint, _AMOUNTS)):
        cue = None
    hint = found.negated if denied else found.hint
    return None if hint is None else Wish(hint, found, clause, cue, denied)


def _is_wish(found: Found, clause: Clause, before: str, after: str, *, linked: bool) -> bool:
    if cues.is_waived(before, after):
        return False
    if isinstance(found.hint, WindowHint) and grammar.is_personal(clause.text):
        return False
    if not found.bare:
        return True
    if cues.is_contrast(before):
        return False
    text, place = clause.sentence, clause.place
    name = text[found.start : found.end]
    whole_before = text[place.start : found.start]
    return linked or grammar.is_asked(whole_before, name, after)


def turned(wish: Wish, clause: Clause) -> list[Wish]:
    """Return the opposite for other tasks: "spot for the trainings, but not for the report"."""
    other = wish.found.hint if wish.denied else wish.found.negated
    if other is None:
        return []
    return [replace(wish, hint=other, clause=clause, denied=not wish.denied)]


def split_choices(wishes: Sequence[Wish]) -> tuple[list[Wish], list[str]]:
    """Return the wishes without choices of windows, and the words of these.

    As two hints "at night or at weekends" would mean both at once.
    """
    kept: list[Wish] = []
    choices: list[str] = []
    for wish in wishes:
        if kept and _is_choice(kept[-1], wish):
            first = kept.pop()
            choices.append(wish.clause.sentence[first.found.start : wish.found.end])
        else:
            kept.append(wish)
    return kept, choices


def _is_choice(one: Wish, other: Wish) -> bool:
    for hint in (one.hint, other.hint):
        if not isinstance(hint, WindowHint) or hint.avoid:
            return False
    between = one.clause.sentence[one.found.end : other.found.start]
    return grammar.is_link(between) and grammar.joins(between)
