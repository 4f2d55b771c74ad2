"""What is believed of each weight: a normal distribution, updated pair by pair in closed form.

Model: of two events, the one with the greater sum of weights is preferred, up to noise:
``P(a before b) = lapse + (1 - 2 lapse) Phi((u_a - u_b) / noise)``. A pair updates each weight
that tells the two apart by assumed density filtering with a diagonal covariance, as in Herbrich,
Minka and Graepel, "TrueSkill", NIPS 2006. The normal curve Phi stands for the logistic one, from
which it differs by less than 0.01 at equal slope: its moments are exact and need no quadrature.

Plain Python and ``math``, sums by ``fsum``: the same bits on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from evaluator.calendar.predicates import FAMILIES, holds, spell
from evaluator.calendar.vocabulary import FEATURES

Source = Literal["stated", "inferred", "prior", "model"]

SPREAD: Final[Mapping[str, float]] = {
    "type": 1.0, "topic": 1.0, "role": 0.5, "relation": 0.8, "organiser": 0.2, "time_of_day": 0.3,
    "weekday": 0.1, "location": 0.4, "duration": 0.3, "series": 0.1, "notice": 0.2,
    "attendees": 0.25, "urgency": 0.4,
}  # fmt: skip
"""Variance of a weight by its feature, of a user of whom nothing is known, not even the role; tuned
on users that no result is reported of."""

PAIR_SPREAD: Final = 0.12
"""The same of a weight on two or more values at once."""
OWN: Final = 0.07
"""Share of the variance that lies between users of one role: where the choices of the simulated
ones are likeliest (flat from 0.04 to 0.1), each foretold before it is learnt."""
OWN_PAIR: Final = 0.01
"""Variance between users of one role of a weight on two or more values, found in the same way."""
LEAST: Final = 1e-4
"""No variance falls below this: nobody is that sure."""
KEPT: Final = 5
"""Pieces of evidence that a weight remembers by name."""

_ROOT: Final = math.sqrt(2.0)
_FRONT: Final = 1.0 / math.sqrt(2.0 * math.pi)


@dataclass(slots=True)
class Weight:
    """One predicate's weight, in units of utility."""

    predicate: str
    mean: float
    variance: float
    prior_mean: float
    prior_variance: float
    source: Source = "inferred"
    support_for: int = 0
    """Times a preferred event had it, and the other not."""
    support_against: int = 0
    """Times the other had it, and the preferred one not."""
    evidence: list[str] = field(default_factory=list)
    """Ids of the last decisions that moved it, the newest last."""
    up: float = 0.0
    down: float = 0.0
    """Sums of the change test: choices that speak for more, and for less, than is believed."""

    def widen(self, share: float) -> None:
        """Forget: give back at least this share of a stranger's variance.

        So what was wrongly expected of the role can be unlearnt too; what was stated stays.
        """
        if self.source != "stated":
            self.variance = max(self.variance, share * spread(self.predicate))

    def remember(self, evidence: str) -> None:
        """Note a piece of evidence."""
        if evidence and (not self.evidence or self.evidence[-1] != evidence):
            self.evidence.append(evidence)
            del self.evidence[:-KEPT]


Encoded = tuple[Weight | None, ...]
"""The weights that hold of an event; equal places of two events belong to one feature or pair."""


@dataclass(frozen=True, slots=True)
class Margin:
    """How much one event is ahead of another, as far as is known."""

    mean: float
    variance: float
    terms: tuple[tuple[Weight, float], ...]
    """Weights that tell them apart: +1 for the first event's, -1 for the other's."""


@dataclass(frozen=True, slots=True)
class Step:
    """What seeing the first event preferred says of the margin."""

    likelihood: float
    slope: float
    """First derivative of ln likelihood by the mean."""
    curve: float
    """Minus the second derivative; below 0 when it was a surprise that may be a lapse."""


def spread(predicate: str) -> float:
    """Return the prior variance of a predicate's weight."""
    features = [part.partition("=")[0] for part in predicate.split(",")]
    return SPREAD[features[0]] if len(features) == 1 else PAIR_SPREAD


def own_spread(predicate: str) -> float:
    """Return the variance of a predicate's weight between users of one role."""
    if "," in predicate:
        return OWN_PAIR
    # who the people are differs from user to user, so a role says nothing of them
    return spread(predicate) * (1.0 if predicate.startswith("organiser=") else OWN)


class Beliefs:
    """All weights, made when first met."""

    def __init__(
        self, prior: Mapping[str, tuple[float, float]], noise: float, lapse: float
    ) -> None:
        self._prior = prior
        self.noise = noise
        """Standard deviation of a choice's noise, in units of utility."""
        self.lapse = lapse
        """Share of choices that say nothing."""
        self.weights: dict[str, Weight] = {}
        self.extra: list[Weight] = []
        """Further weights in use: admitted trials, and what the user stated softly."""
        self.muted: set[str] = set()
        """Predicates that are not to count, because the user withdrew them."""
        self._met: dict[tuple[int, str, str], Weight] = {}

    def weight(self, predicate: str) -> Weight:
        """Return the weight of a canonical predicate."""
        found = self.weights.get(predicate)
        if found is None:
            known = self._prior.get(predicate)
            mean, variance = known or (0.0, spread(predicate))
            source: Source = "prior" if known else "inferred"
            found = Weight(predicate, mean, variance, mean, variance, source)
            self.weights[predicate] = found
        return found

    def encode(self, event: Mapping[str, str]) -> Encoded:
        """Return the weights that hold of an event."""
        places: list[Weight | None] = []
        for place, feature in enumerate(FEATURES):
            value = event.get(feature)
            places.append(None if value is None else self._single(place, feature, value))
        for place, (one, two) in enumerate(FAMILIES, len(FEATURES)):
            first, second = event.get(one), event.get(two)
            known = first is not None and second is not None
            places.append(self._pair(place, one, first, two, second) if known else None)  # type: ignore[arg-type]
        for weight in self.extra:
            places.append(weight if holds(weight.predicate, event) else None)
        if self.muted:
            return tuple(None if w is None or w.predicate in self.muted else w for w in places)
        return tuple(places)

    def _single(self, place: int, feature: str, value: str) -> Weight:
        key = (place, value, "")
        found = self._met.get(key)
        if found is None:
            found = self._met[key] = self.weight(f"{feature}={value}")
        return found

    def _pair(self, place: int, one: str, first: str, two: str, second: str) -> Weight:
        key = (place, first, second)
        found = self._met.get(key)
        if found is None:
            found = self._met[key] = self.weight(spell({one: first, two: second}))
        return found

    def step(self, mean: float, variance: float) -> Step:
        """Return likelihood and derivatives for the first event being preferred."""
        scale = math.sqrt(variance + self.noise * self.noise)
        t = mean / scale
        share = 1.0 - 2.0 * self.lapse
        likelihood = self.lapse + share * 0.5 * math.erfc(-t / _ROOT)
        slope = share * _FRONT * math.exp(-0.5 * t * t) / (scale * likelihood)
        return Step(likelihood, slope, slope * (slope + t / scale))

    def update(self, margin: Margin, evidence: str = "") -> float:
        """Learn that the first event of a margin was preferred; return the likelihood it had."""
        if not margin.terms:
            return 0.5
        step = self.step(margin.mean, margin.variance)
        for weight, sign in margin.terms:
            variance = weight.variance
            weight.mean += sign * variance * step.slope
            weight.variance = min(
                max(variance - variance * variance * step.curve, LEAST),
                max(variance, weight.prior_variance),
            )
            if sign > 0:
                weight.support_for += 1
            else:
                weight.support_against += 1
            weight.remember(evidence)
        return step.likelihood


def compare(first: Encoded, second: Encoded) -> Margin:
    """Return how much the first event is ahead."""
    terms: list[tuple[Weight, float]] = []
    for one, two in zip(first, second, strict=True):
        if one is not two:
            if one is not None:
                terms.append((one, 1.0))
            if two is not None:
                terms.append((two, -1.0))
    mean = math.fsum(sign * weight.mean for weight, sign in terms)
    return Margin(mean, math.fsum(weight.variance for weight, _ in terms), tuple(terms))


def worth(event: Encoded) -> float:
    """Return the sum of an event's weights."""
    return math.fsum(weight.mean for weight in event if weight is not None)
