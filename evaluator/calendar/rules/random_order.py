"""Random: any order, as likely as any other."""

from __future__ import annotations

from evaluator.calendar.draws import Draws
from evaluator.calendar.policy import Resolution, Round


class RandomOrder:
    """Draws an order; knows nothing and learns nothing."""

    def __init__(self, seed: bytes) -> None:
        self._draws = Draws(seed, "random order")

    def decide(self, round: Round) -> Resolution:
        """Return a drawn order."""
        count = len(round.candidates)
        return Resolution(self._draws.some(count, count), 1.0 / count)

    def learn(self, round: Round, choice: int) -> None:
        """Learn nothing."""
