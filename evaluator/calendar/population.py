"""Many users of a role as columns, and what their choices say: compiled, because there are many.

The formulas are those of ``beliefs`` (one pair, assumed density filtering) and ``induction``
(evidence for a rule), over numbers in place of names. A weight is the sum of a part that all users
of the role share and a part of one's own, which begins anew with every user.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from evaluator.calendar.draws import Ints
from evaluator.calendar.instance import Instance
from evaluator.calendar.predicates import FAMILIES, spell
from evaluator.calendar.simulation import choices
from evaluator.calendar.vocabulary import COLUMN, FEATURES, START, VALUES, Codes

Floats = NDArray[np.float64]


def _names() -> tuple[str, ...]:
    singles = [f"{feature}={value}" for feature in FEATURES for value in VALUES[feature]]
    pairs = [
        spell({one: first, two: second})
        for one, two in FAMILIES
        for first in VALUES[one]
        for second in VALUES[two]
    ]
    return (*singles, *pairs)


PREDICATES: Final = _names()
"""All that a learner has weights for, by number."""
SINGLES: Final = START[-1]
"""The first so many are on one value."""


HOPELESS: Final = 10.0
STEPS: Final = 30
"""Of expectation maximisation."""


@dataclass(frozen=True, slots=True)
class Person:
    """One user's choices."""

    held: Ints
    """Numbers of the predicates that hold of each event, shape (n, places)."""
    offset: Ints
    choice: Ints


@dataclass(frozen=True, slots=True)
class Shared:
    """What the users of a role have in common, by predicate."""

    mean: Floats
    variance: Floats


@dataclass(frozen=True, slots=True)
class Kept:
    """A rule that a user seems to keep."""

    predicate: int
    sign: int


def person(instance: Instance) -> Person:
    """Return a year as columns."""
    return Person(_held(instance.codes), instance.offset, choices(instance))


def _held(codes: Codes) -> Ints:
    values = codes.astype(np.int64)
    columns = [values[:, place] + START[place] for place in range(len(FEATURES))]
    begin = SINGLES
    for one, two in FAMILIES:
        wide = len(VALUES[two])
        columns.append(begin + values[:, COLUMN[one]] * wide + values[:, COLUMN[two]])
        begin += len(VALUES[one]) * wide
    return np.stack(columns, axis=1)


def learn(
    people: Sequence[tuple[Person, Sequence[Kept]]],
    start: Shared,
    own: Floats,
    noise: float,
    lapse: float,
) -> Shared:
    """Learn the shared part from one user after the other.

    Args:
        people: With the rules each keeps; choices that these decide say nothing of weights.
        start: What is believed before; a shared part of variance 0 stays.
        own: Variance of the own part, by predicate.
        noise: Standard deviation of a choice's noise.
        lapse: Share of choices that say nothing.
    """
    mean, variance = start.mean.copy(), start.variance.copy()
    for who, rules in people:
        numbers, signs = _columns(rules)
        _learn(
            who.held, who.offset, who.choice, numbers, signs, mean, variance,
            np.zeros_like(own), own.copy(), noise, lapse,
        )  # fmt: skip
    return Shared(mean, variance)


def evidence(
    who: Person, rules: Sequence[Kept], weights: Shared, noise: float, breach: float, blunt: float
) -> Floats:
    """Return ln P(choices | rule) - ln P(choices | weights) by predicate and sign (wins, loses).

    Args:
        who: The user.
        rules: Those found already, which decide first.
        weights: What is expected of this user.
        noise: Standard deviation of a choice's noise.
        breach: Share of rounds in which a rule is broken.
        blunt: The weights' own probabilities are never trusted beyond this.
    """
    numbers, signs = _columns(rules)
    nats = np.zeros((len(weights.mean), 2))
    _evidence(
        who.held, who.offset, who.choice, numbers, signs, weights.mean, weights.variance, noise,
        breach, blunt, nats,
    )  # fmt: skip
    return nats


def shares(nats: Floats) -> tuple[Floats, Floats]:
    """Return which share of people keeps each rule, and by how many nats that explains them better.

    The likeliest share of a mixture, by expectation maximisation: who never met the case says
    nothing, many who each met it once or twice say much. Both are 0 where all evidence in favour
    is below ``HOPELESS`` nats.

    Args:
        nats: Evidence by person and rule, shape (people, rules).
    """
    share, gain = np.zeros(nats.shape[1]), np.zeros(nats.shape[1])
    _mix(nats, share, gain)
    return share, gain


def _columns(rules: Sequence[Kept]) -> tuple[Ints, Ints]:
    numbers = np.asarray([rule.predicate for rule in rules], np.int64)
    return numbers, np.asarray([rule.sign for rule in rules], np.int64)


@njit(cache=True)
def _level(held: Ints, event: int, number: int, sign: int) -> int:
    for place in range(held.shape[1]):
        if held[event, place] == number:
            return sign
    return 0


@njit(cache=True)
def _parted(held: Ints, one: int, two: int, numbers: Ints, signs: Ints) -> bool:
    for rule in range(len(numbers)):
        number, sign = numbers[rule], signs[rule]
        if _level(held, one, number, sign) != _level(held, two, number, sign):
            return True
    return False


@njit(cache=True)
def _learn(
    held: Ints, offset: Ints, choice: Ints, numbers: Ints, signs: Ints, mean: Floats,
    variance: Floats, own_mean: Floats, own: Floats, noise: float, lapse: float,
) -> None:  # fmt: skip
    for round in range(len(choice)):
        chosen = offset[round] + choice[round]
        for other in range(offset[round], offset[round + 1]):
            if other != chosen and not _parted(held, chosen, other, numbers, signs):
                _pair(held[chosen], held[other], mean, variance, own_mean, own, noise, lapse)


@njit(cache=True)
def _pair(
    better: Ints, worse: Ints, mean: Floats, variance: Floats, own_mean: Floats, own: Floats,
    noise: float, lapse: float,
) -> None:  # fmt: skip
    ahead, spread = 0.0, noise * noise
    for place in range(len(better)):
        i, j = better[place], worse[place]
        if i != j:
            ahead += mean[i] + own_mean[i] - mean[j] - own_mean[j]
            spread += variance[i] + own[i] + variance[j] + own[j]
    scale = math.sqrt(spread)
    t = ahead / scale
    share = 1.0 - 2.0 * lapse
    likelihood = lapse + share * 0.5 * math.erfc(-t / math.sqrt(2.0))
    slope = share * math.exp(-0.5 * t * t) / (math.sqrt(2.0 * math.pi) * scale * likelihood)
    curve = slope * (slope + t / scale)
    for place in range(len(better)):
        if better[place] != worse[place]:
            for number, sign in ((better[place], 1.0), (worse[place], -1.0)):
                mean[number] += sign * variance[number] * slope
                variance[number] = max(variance[number] * (1.0 - variance[number] * curve), 0.0)
                own_mean[number] += sign * own[number] * slope
                own[number] = max(own[number] * (1.0 - own[number] * curve), 0.0)


@njit(cache=True)
def _evidence(
    held: Ints, offset: Ints, choice: Ints, numbers: Ints, signs: Ints, mean: Floats,
    variance: Floats, noise: float, breach: float, blunt: float, nats: Floats,
) -> None:  # fmt: skip
    for round in range(len(choice)):
        first, count = offset[round], offset[round + 1] - offset[round]
        alive = _follow(held, first, count, choice[round], numbers, signs)
        if alive & (alive - 1) == 0:
            continue
        shares = _shares(held, first, count, alive, mean, variance, noise)
        for place in range(held.shape[1]):
            for event in range(count):
                if not alive >> event & 1:
                    continue
                number, mask = held[first + event, place], 0
                for other in range(count):
                    if alive >> other & 1 and held[first + other, place] == number:
                        mask |= 1 << other
                # once a predicate, with the first event that it holds of
                if mask == alive or mask & -mask != 1 << event:
                    continue
                for side, ahead in ((0, mask), (1, alive ^ mask)):
                    share = 0.0
                    for other in range(count):
                        if ahead >> other & 1:
                            share += shares[other]
                    share = blunt + (1.0 - 2.0 * blunt) * share
                    if ahead >> choice[round] & 1:
                        nats[number, side] += math.log((1.0 - breach) / share)
                    else:
                        nats[number, side] += math.log(breach / (1.0 - share))


@njit(cache=True)
def _follow(held: Ints, first: int, count: int, chosen: int, numbers: Ints, signs: Ints) -> int:
    """Return bits of the candidates no rule parts; 0 if a rule was broken."""
    alive = (1 << count) - 1
    for rule in range(len(numbers)):
        best, ahead = -2, 0
        for event in range(count):
            if alive >> event & 1:
                level = _level(held, first + event, numbers[rule], signs[rule])
                if level > best:
                    best, ahead = level, 0
                if level == best:
                    ahead |= 1 << event
        alive = ahead
        if not alive >> chosen & 1:
            return 0
    return alive


@njit(cache=True)
def _shares(
    held: Ints, first: int, count: int, alive: int, mean: Floats, variance: Floats, noise: float
) -> Floats:
    """Return the chance of each candidate by the weights: a softmax as flat as they are unsure."""
    values = np.full(count, -np.inf)
    spread, pairs = 0.0, 0
    for event in range(count):
        if not alive >> event & 1:
            continue
        values[event] = 0.0
        for place in range(held.shape[1]):
            values[event] += mean[held[first + event, place]]
        for other in range(event):
            if alive >> other & 1:
                pairs += 1
                for place in range(held.shape[1]):
                    i, j = held[first + event, place], held[first + other, place]
                    if i != j:
                        spread += variance[i] + variance[j]
    scale = math.sqrt(spread / pairs + noise * noise)
    best = values.max()
    total = 0.0
    for event in range(count):
        values[event] = math.exp(1.702 * (values[event] - best) / scale)
        total += values[event]
    return values / total


@njit(cache=True)
def _mix(nats: Floats, share: Floats, gain: Floats) -> None:
    people = nats.shape[0]
    factor = np.empty(people)
    for rule in range(nats.shape[1]):
        hope = 0.0
        for who in range(people):
            hope += max(nats[who, rule], 0.0)
            factor[who] = math.exp(min(nats[who, rule], 50.0))
        if hope < HOPELESS:
            continue
        part = 0.5
        for _ in range(STEPS):
            total = 0.0
            for who in range(people):
                total += part * factor[who] / (1.0 - part + part * factor[who])
            part = total / people
        share[rule] = part
        for who in range(people):
            gain[rule] += math.log(1.0 - part + part * factor[who])
