"""What decides in the calendar world: a resolver, one for each user and year.

A resolver sees a round's candidates and, after it has decided, the user's choice; nothing of later
rounds exists for it. Two ways to write one: a class with ``decide`` and ``learn``
(``evaluator.calendar.rules``), or a text with ``score(event, user)`` over what the trusted learner
knows (``evaluator.calendar.scored``; docs/design/preferences.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Round:
    """All that a resolver sees of a round."""

    number: int
    """From 0."""
    candidates: tuple[Mapping[str, str], ...]
    may_ask: bool
    """Whether a question is within the budget."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a resolver answers."""

    order: tuple[int, ...]
    """All candidates, the preferred one first."""
    confidence: float
    """Chance that the first is the user's choice, 0 to 1."""
    ask: bool = False
    """Ask the user in place of acting; the prediction counts all the same."""


class Resolver(Protocol):
    """Decides and learns, in turns: ``learn`` follows each ``decide``, with the same round."""

    def decide(self, round: Round) -> Resolution:
        """Return the order of the candidates; raises PolicyError when it has none."""

    def learn(self, round: Round, choice: int) -> None:
        """Take in what the user chose."""


MakeResolver = Callable[[str, bytes], Resolver]
"""Makes a resolver for a user of a role; the seed is the policy's own, not the world's."""
