"""What to expect of a user of a role: learnt from simulated users of it, the same every time.

A hierarchical model. Each weight is the sum of a part that all users of the role share and a part
of one's own; a new user gets the shared mean, with both variances. Of the 938 weights on two values
a role has few, so only those that stand out get a shared part: what noise leaves in the means of
the others is little each, but adds up over the 19 of an event. Rules that a user keeps are found
first, and choices they decide teach no weight; the share of users who keep a rule is its chance
in advance. Each half needs the other, so they take turns.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from evaluator.calendar.beliefs import own_spread, spread
from evaluator.calendar.induction import Sign
from evaluator.calendar.instance import Rules, generate
from evaluator.calendar.learner import Prior, Settings
from evaluator.calendar.population import (
    PREDICATES,
    SINGLES,
    Floats,
    Kept,
    Person,
    Shared,
    evidence,
    learn,
    person,
    shares,
)

USERS: Final = 300
ROUNDS: Final = 80
"""Choices of each user that are looked at: many users for a short time say more of the role than
few for long."""
TURNS: Final = 3
SEED: Final = b"calendar-prior-1"
"""Seeds of these users; no scenario draws them."""
STANDS_OUT: Final = 3.5
"""Standard deviations from 0 of a weight on two values; by chance, one of 2000 is so far."""
MOST_RULES: Final = 3
"""Of one user."""
RARE: Final = 0.04
"""Rules that a smaller share of users keeps are no sign of the role."""
TELLING: Final = 10.0
"""Nats by which a rule must explain the choices of all users better: 2134 are looked at."""

_NOBODY_KNOWN: Final = "organiser="
"""Who the people are differs from user to user."""
_OWN: Final[Floats] = np.asarray([own_spread(predicate) for predicate in PREDICATES])
_SHARED: Final[Floats] = np.asarray(
    [0.0 if predicate.startswith(_NOBODY_KNOWN) else spread(predicate) for predicate in PREDICATES]
)
_SINGLE: Final[NDArray[np.bool_]] = np.arange(len(PREDICATES)) < SINGLES

Found = Sequence[Kept]


@lru_cache(maxsize=16)
def role_prior(role: str) -> Prior:
    """Return the prior of a role; takes about two seconds, once a process.

    Raises:
        InputError: there is no such role.
    """
    settings = Settings()
    people = [_someone(role, number) for number in range(USERS)]
    rules: list[Found] = [()] * USERS
    relevant = _SINGLE
    for _ in range(TURNS):
        shared = _learn(people, rules, relevant, settings)
        odds = _odds(people, rules, shared, settings)
        rules = [_rules(who, shared, odds, settings) for who in people]
        every = _learn(people, rules, np.ones_like(_SINGLE), settings)
        relevant = _SINGLE | (np.abs(every.mean) > STANDS_OUT * np.sqrt(every.variance))
    shared = _learn(people, rules, relevant, settings)
    odds = _odds(people, rules, shared, settings)
    return Prior(role, _weights(shared), _typical(odds, settings))


def _someone(role: str, number: int) -> Person:
    rules = Rules(rounds=ROUNDS, drift=0, deletion=False)
    return person(generate(role, SEED[:12] + number.to_bytes(4, "little"), rules))


def _learn(
    people: Sequence[Person],
    rules: Sequence[Found],
    relevant: NDArray[np.bool_],
    settings: Settings,
) -> Shared:
    """Learn what users share of the relevant weights."""
    start = Shared(np.zeros(len(PREDICATES)), np.where(relevant, _SHARED, 0.0))
    pairs = list(zip(people, rules, strict=True))
    return learn(pairs, start, _OWN, settings.noise, settings.lapse)


def _rules(who: Person, shared: Shared, odds: Floats, settings: Settings) -> Found:
    """Return the rules a user likelier has than not, the surest first."""
    found: list[Kept] = []
    while len(found) < MOST_RULES:
        nats = odds + _evidence(who, found, shared, settings)
        for kept in found:
            nats[kept.predicate] = -np.inf
        predicate, side = divmod(int(np.argmax(nats)), 2)
        if nats[predicate, side] <= 0:
            break
        found.append(Kept(predicate, 1 - 2 * side))
    return found


def _odds(
    people: Sequence[Person], rules: Sequence[Found], shared: Shared, settings: Settings
) -> Floats:
    """Return the log odds in advance of each rule, by predicate and sign (wins, loses)."""
    nats = np.stack(
        [_alone(who, found, shared, settings) for who, found in zip(people, rules, strict=True)]
    )
    share, gain = shares(nats.reshape(len(people), -1))
    odds = np.asarray([[-settings.induction.needed(predicate)] * 2 for predicate in PREDICATES])
    for at in np.flatnonzero((share > RARE) & (gain > TELLING)).tolist():
        odds[divmod(at, 2)] = log(share[at] / (1.0 - min(share[at], 1.0 - RARE)))
    return odds


def _alone(who: Person, found: Found, shared: Shared, settings: Settings) -> Floats:
    """Return evidence for each rule next to those found, itself left out."""
    nats = _evidence(who, found, shared, settings)
    for kept in found:
        rest = [rule for rule in found if rule is not kept]
        nats[kept.predicate] = _evidence(who, rest, shared, settings)[kept.predicate]
    return nats


def _evidence(who: Person, found: Found, shared: Shared, settings: Settings) -> Floats:
    expected = Shared(shared.mean, shared.variance + _OWN)
    induction = settings.induction
    return evidence(who, found, expected, settings.noise, induction.breach, induction.blunt)


def _weights(shared: Shared) -> dict[str, tuple[float, float]]:
    """Return mean and variance of each weight of which the role says something."""
    variance = shared.variance + _OWN
    known = zip(PREDICATES, shared.mean.tolist(), variance.tolist(), strict=True)
    return {p: (mean, var) for p, mean, var in known if not p.startswith(_NOBODY_KNOWN)}


def _typical(odds: Floats, settings: Settings) -> dict[tuple[str, Sign], float]:
    """Return the nats in advance of rules that are usual in the role."""
    nats = {
        (predicate, sign): float(both[side]) + settings.induction.needed(predicate)
        for predicate, both in zip(PREDICATES, odds, strict=True)
        for side, sign in ((0, 1), (1, -1))
    }
    return {rule: ahead for rule, ahead in nats.items() if ahead > 0}
