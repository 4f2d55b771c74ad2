"""Recorded: answers of someone else (a language model alone, a person), looked up by round.

So that a model can be compared without being asked again, and without a network.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluator.calendar.policy import Resolution, Round
from evaluator.errors import PolicyError


def round_digest(candidates: Sequence[Mapping[str, str]]) -> str:
    """Return the name of a round's candidates in a table: sha256 over their features."""
    events = [dict(sorted(event.items())) for event in candidates]
    return hashlib.sha256(json.dumps(events).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Recorded:
    """A table of orders by ``round_digest``."""

    table: Mapping[str, Sequence[int]]
    confidence: float = 0.5

    def decide(self, round: Round) -> Resolution:
        """Return the recorded order."""
        digest = round_digest(round.candidates)
        if digest not in self.table:
            raise PolicyError(
                f"round {round.number}: no recorded answer for {digest[:12]}; record it first"
            )
        return Resolution(tuple(self.table[digest]), self.confidence)

    def learn(self, round: Round, choice: int) -> None:
        """Learn nothing."""
