"""Bradley-Terry: a logistic model of which event is preferred, by gradient steps.

Source: Bradley and Terry, "Rank analysis of incomplete block designs", Biometrika 1952; steps by
AdaGrad, Duchi, Hazan and Singer, JMLR 2011. The same features and pairs of them as ours, without
uncertainty, prior or rules.
"""

from __future__ import annotations

import math
from typing import Final

from evaluator.calendar.beliefs import Beliefs, Encoded, compare, worth
from evaluator.calendar.policy import Resolution, Round

RATE: Final = 0.3


class BradleyTerry:
    """Keeps a weight and a sum of squared gradients for each predicate."""

    def __init__(self) -> None:
        self._beliefs = Beliefs({}, noise=1.0, lapse=0.0)
        self._squares: dict[str, float] = {}

    def decide(self, round: Round) -> Resolution:
        """Return the candidates by the sum of their weights."""
        values = [worth(event) for event in self._encode(round)]
        order = sorted(range(len(values)), key=lambda i: (-values[i], i))
        powers = [math.exp(max(value - values[order[0]], -700.0)) for value in values]
        return Resolution(tuple(order), 1.0 / math.fsum(powers))

    def learn(self, round: Round, choice: int) -> None:
        """Take a step for each candidate that was not chosen."""
        events = self._encode(round)
        for i, other in enumerate(events):
            if i != choice:
                self._step(events[choice], other)

    def _encode(self, round: Round) -> list[Encoded]:
        return [self._beliefs.encode(event) for event in round.candidates]

    def _step(self, better: Encoded, worse: Encoded) -> None:
        margin = compare(better, worse)
        gradient = 1.0 / (1.0 + math.exp(min(margin.mean, 700.0)))
        for weight, sign in margin.terms:
            total = self._squares.get(weight.predicate, 1e-6) + gradient * gradient
            self._squares[weight.predicate] = total
            weight.mean += RATE * sign * gradient / math.sqrt(total)
