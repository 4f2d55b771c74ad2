"""Predicates that someone proposes (a model, a person) are tried in the shadow before they count.

A trial's weight is learnt beside the others without taking part in any decision. By how many
nats the choices would have been foretold better with it than without it is its gain, each pair
counted before it is learnt. It is admitted when the gain passes a threshold, rejected when it falls
below another or when nothing came of it; an admitted one goes again when its gain is lost.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from evaluator.calendar.beliefs import KEPT, Beliefs, Margin, Weight

Status = Literal["shadow", "admitted", "rejected", "withdrawn"]


@dataclass(frozen=True, slots=True)
class TrialRules:
    """Thresholds, in nats."""

    admit: float = 3.0
    reject: float = -3.0
    cap: float = 8.0
    """Most gain an admitted predicate keeps in store."""
    support: int = 5
    """Pairs it must have told apart before it is admitted."""
    patience: int = 80
    """Pairs after which a trial that was not admitted is rejected."""


@dataclass(slots=True)
class Trial:
    """A proposed weight and what it has been worth so far."""

    weight: Weight
    number: int
    """When it was proposed: one more than the trial before it."""
    gain: float = 0.0
    pairs: int = 0
    """Pairs of events that it told apart."""
    status: Status = "shadow"
    evidence: list[str] = field(default_factory=list)
    """Ids of the last decisions it was tried on."""

    @property
    def open(self) -> bool:
        """Whether it is still being tried or in use."""
        return self.status in ("shadow", "admitted")


def watch(trial: Trial, beliefs: Beliefs, margin: Margin, side: int, evidence: str) -> None:
    """Count what a trial would have added on one pair, and teach its weight if it is a shadow.

    Args:
        trial: Open.
        beliefs: For their likelihood.
        margin: Of the preferred event over the other, by what is in use.
        side: +1 if the trial's predicate holds of the preferred event alone, -1 of the other.
        evidence: Id of the decision.
    """
    own = trial.weight
    pull = side * own.mean
    if trial.status == "admitted":
        without = beliefs.step(margin.mean - pull, max(margin.variance - own.variance, 0.0))
        together = beliefs.step(margin.mean, margin.variance)
    else:
        without = beliefs.step(margin.mean, margin.variance)
        together = beliefs.step(margin.mean + pull, margin.variance + own.variance)
        _teach(own, side, together.slope, together.curve)
    trial.gain += math.log(together.likelihood / without.likelihood)
    trial.pairs += 1
    if evidence:
        trial.evidence.append(evidence)
        del trial.evidence[:-KEPT]


def judge(trial: Trial, rules: TrialRules) -> Status:
    """Return what becomes of an open trial now."""
    if trial.status == "admitted":
        trial.gain = min(trial.gain, rules.cap)
        return "rejected" if trial.gain < 0 else "admitted"
    if trial.gain >= rules.admit and trial.pairs >= rules.support:
        return "admitted"
    if trial.gain <= rules.reject or trial.pairs >= rules.patience:
        return "rejected"
    return "shadow"


def _teach(weight: Weight, side: int, slope: float, curve: float) -> None:
    variance = weight.variance
    weight.mean += side * variance * slope
    weight.variance = max(min(variance - variance * variance * curve, variance), 1e-4)
    if side > 0:
        weight.support_for += 1
    else:
        weight.support_against += 1
