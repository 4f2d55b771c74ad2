"""Simulate: let a resolver decide a year of rounds, one after the other."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluator.calendar.draws import Ints
from evaluator.calendar.instance import Instance
from evaluator.calendar.policy import Resolution, Resolver, Round
from evaluator.errors import DecisionError


@dataclass(frozen=True, slots=True)
class Trace:
    """Decisions of one year, as columns; facts about the user stay in the instance."""

    order: NDArray[np.int8]
    """For each row of the instance's events: which of its round's candidates comes at this
    place."""
    confidence: NDArray[np.float64]
    """By round: the chance that the first was right, as the resolver had it."""
    asked: NDArray[np.int8]
    """By round: 1 where the user was asked, 0 where the resolver acted."""

    def __len__(self) -> int:
        return len(self.asked)

    @property
    def digest(self) -> str:
        """sha256 over its columns."""
        hasher = hashlib.sha256()
        for column in (self.order, self.confidence.astype("<f8"), self.asked):
            hasher.update(np.ascontiguousarray(column).tobytes())
        return hasher.hexdigest()


def simulate(instance: Instance, resolver: Resolver) -> Trace:
    """Run a resolver through a year; a deterministic function of both.

    Raises:
        PolicyError: the resolver failed, or its answer is none (it has no score).
    """
    order: list[int] = []
    confidence: list[float] = []
    asked: list[int] = []
    for number in range(len(instance)):
        candidates = instance.events(number)
        may_ask = instance.rules.may_ask(number, sum(asked))
        seen = Round(number, candidates, may_ask)
        answer = resolver.decide(seen)
        _check(answer, seen)
        order += answer.order
        confidence.append(float(answer.confidence))
        asked.append(int(answer.ask))
        # only now, when nothing can be changed any more, does the user speak
        resolver.learn(seen, instance.order(number)[0])
    return Trace(
        np.asarray(order, np.int8), np.asarray(confidence, np.float64), np.asarray(asked, np.int8)
    )


def _check(answer: Resolution, seen: Round) -> None:
    count, number = len(seen.candidates), seen.number
    if sorted(answer.order) != list(range(count)):
        raise DecisionError(
            f"round {number}: the order must have each of {count} candidates once, got "
            f"{answer.order!r:.80}"
        )
    if not (math.isfinite(answer.confidence) and 0 <= answer.confidence <= 1):
        raise DecisionError(
            f"round {number}: confidence must be 0 to 1, got {answer.confidence!r:.40}"
        )
    if answer.ask and not seen.may_ask:
        raise DecisionError(f"round {number}: no question is left; look at may_ask first")


def choices(instance: Instance) -> Ints:
    """Return the user's choice in each round."""
    return np.asarray([instance.order(number)[0] for number in range(len(instance))], np.int64)
