"""What to expect of a user of a role: learnt from simulated users of it, the same every time.

Each weight is the sum of a part that all users of the role share and a part of one's own. Both
are learnt together, user after user, the own part starting anew with each; a new user then gets
the shared mean, with both variances. Takes two to three seconds a role, once a
process.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log
from typing import Final

from evaluator.calendar.beliefs import Beliefs, Margin, compare, spread
from evaluator.calendar.induction import Sign
from evaluator.calendar.instance import Rules, generate
from evaluator.calendar.learner import Prior, Settings

USERS: Final = 100
ROUNDS: Final = 80
"""Choices of each user that are looked at: many users for a short time say more of the role than
few for long."""
OWN: Final = 0.4
"""Share of a weight's variance that lies between users of one role."""
SEED: Final = b"calendar-prior-1"
"""Seeds of these users; no scenario draws them."""
TYPICAL_KEPT: Final = 5
TYPICAL_BROKEN: Final = 0.03
"""A user seems to have a rule who kept it so often and broke it in at most this share."""
TYPICAL_WEIGHT: Final = 12.0
"""Factor on the odds of a rule that all users of the role seem to have."""


@dataclass(slots=True)
class _Part:
    """The shared part of one weight."""

    mean: float
    variance: float


@lru_cache(maxsize=16)
def role_prior(role: str) -> Prior:
    """Return the prior of a role.

    Raises:
        InputError: there is no such role.
    """
    rules = Rules(rounds=ROUNDS, drift=0, deletion=False)
    people = [
        generate(role, SEED[:12] + number.to_bytes(4, "little"), rules) for number in range(USERS)
    ]
    settings = Settings()
    shared: dict[str, _Part] = {}
    seeming: Counter[tuple[str, Sign]] = Counter()
    for person in people:
        beliefs = Beliefs(_expected(shared), settings.noise, settings.lapse)
        record: dict[str, list[int]] = {}
        for round in range(len(person)):
            events = [beliefs.encode(event) for event in person.events(round)]
            choice, *others = person.order(round)
            for other in others:
                margin = compare(events[choice], events[other])
                _share(margin, beliefs, shared)
                _count(margin, record)
        seeming.update(_seeming(record))
    typical = {
        rule: log(1.0 + (TYPICAL_WEIGHT - 1.0) * count / USERS) for rule, count in seeming.items()
    }
    return Prior(role, _expected(shared), typical)


def _expected(shared: dict[str, _Part]) -> dict[str, tuple[float, float]]:
    return {
        predicate: (part.mean, part.variance + OWN * spread(predicate))
        for predicate, part in shared.items()
    }


def _share(margin: Margin, beliefs: Beliefs, shared: dict[str, _Part]) -> None:
    """Learn one pair: each part moves as far as its variance lets it."""
    if not margin.terms:
        return
    step = beliefs.step(margin.mean, margin.variance)
    for weight, sign in margin.terms:
        if weight.predicate.startswith("organiser="):
            continue
        whole = spread(weight.predicate)
        part = shared.setdefault(weight.predicate, _Part(0.0, (1.0 - OWN) * whole))
        part.mean += sign * part.variance * step.slope
        part.variance = max(part.variance - part.variance**2 * step.curve, 1e-5)
    beliefs.update(margin)


def _count(margin: Margin, record: dict[str, list[int]]) -> None:
    for weight, sign in margin.terms:
        record.setdefault(weight.predicate, [0, 0])[sign < 0] += 1


def _seeming(record: dict[str, list[int]]) -> Sequence[tuple[str, Sign]]:
    """Return the rules that a user kept nearly always."""
    found: list[tuple[str, Sign]] = []
    for predicate, (won, lost) in record.items():
        for sign, kept, broken in ((1, won, lost), (-1, lost, won)):
            if kept >= TYPICAL_KEPT and broken <= TYPICAL_BROKEN * (kept + broken):
                found.append((predicate, sign))
    return found
