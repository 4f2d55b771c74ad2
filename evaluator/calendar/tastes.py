"""What one user wants, hidden from every policy: principles first, then a sum of effects.

Utilities are integers, a thousand to the unit, so that every comparison is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from evaluator.calendar.draws import Draws, Ints
from evaluator.calendar.roles import COMMON, ROLE
from evaluator.calendar.vocabulary import COLUMN, FEATURES, START, VALUES, Codes, value_number

SCATTER: Final = {
    "type": 210, "topic": 210, "role": 105, "relation": 175, "organiser": 175, "time_of_day": 105,
    "weekday": 50, "location": 105, "duration": 105, "series": 70, "notice": 70,
    "attendees": 70, "urgency": 105,
}  # fmt: skip
"""Standard deviation of a user's own part of each weight, by feature, in thousandths."""

ROLE_SCATTER: Final = 300
"""Standard deviation of a role's part beyond what is curated, in thousandths."""

FAMILIES: Final = (
    ("type", "relation"), ("type", "topic"), ("topic", "relation"), ("type", "time_of_day"),
    ("relation", "urgency"), ("type", "notice"), ("topic", "urgency"), ("type", "location"),
    ("relation", "time_of_day"), ("type", "urgency"),
)  # fmt: skip
"""Pairs of features in which users have interaction effects of their own."""

OWN_INTERACTIONS: Final = 3
INTERACTION: Final = 1000
"""Least size of an own interaction effect, in thousandths; the greatest is twice that."""

PRINCIPLES: Final = 2
"""Of each user."""

KEPT_ROLE: Final = 75
"""Percent of the role's interaction effects that a user shares."""

ROLE_SEED: Final = b"calendar-roles-1"
"""Roles are the same in every instance; part of the frozen generator."""


@dataclass(frozen=True, slots=True)
class Principle:
    """A predicate that decides before any weight is asked."""

    values: tuple[int, ...]
    """One or two value numbers; it holds where all of them do."""
    wanted: bool
    """Candidates it holds for win, or lose."""


@dataclass(frozen=True, slots=True)
class Effect:
    """A weight on two values at once."""

    values: tuple[int, int]
    weight: int


@dataclass(frozen=True, slots=True)
class Taste:
    """All that decides a user's choices."""

    main: Ints
    """Weight of every value, in thousandths."""
    effects: tuple[Effect, ...]
    principles: tuple[Principle, ...]
    """The first that tells two candidates apart decides between them."""


def numbers(codes: Codes) -> Ints:
    """Return value numbers of events, shape (n, 13)."""
    return codes.astype(np.int64) + np.asarray(START[:-1], np.int64)


def utility(taste: Taste, codes: Codes) -> Ints:
    """Return the sum of effects of each event, principles left out."""
    held = numbers(codes)
    total: Ints = taste.main[held].sum(axis=1)
    for effect in taste.effects:
        total = total + effect.weight * _holds(effect.values, codes)
    return total


def levels(taste: Taste, codes: Codes) -> Ints:
    """Return what the principles say of each event, shape (n, principles); greater wins."""
    rows = [
        _holds(principle.values, codes) * (1 if principle.wanted else -1)
        for principle in taste.principles
    ]
    return np.stack(rows, axis=1) if rows else np.zeros((len(codes), 0), np.int64)


def _holds(values: tuple[int, ...], codes: Codes) -> Ints:
    held = np.ones(len(codes), np.int64)
    for value in values:
        column = column_of(value)
        held = held * (codes[:, column] == value - START[column])
    return held


def column_of(value: int) -> int:
    """Return the column of a value number."""
    return int(np.searchsorted(np.asarray(START), value, side="right")) - 1


def draw_taste(role: str, draws: Draws) -> Taste:
    """Draw a user of a role."""
    main = _role_main(role) + _own(draws)
    curated = [e for e in _curated(role) if draws.one(100) < KEPT_ROLE]
    own = [_own_effect(draws) for _ in range(OWN_INTERACTIONS)]
    return Taste(main, (*curated, *own), _draw_principles(role, draws))


def drifted(taste: Taste, role: str, percent: int, draws: Draws) -> Taste:
    """Return the taste after a change of mind.

    The user's own part of a share of the weights is drawn anew, twice as wide, and one effect of
    their own is replaced.
    """
    changed = draws.below(100, len(taste.main)) < percent
    main = np.where(changed, _role_main(role) + 2 * _own(draws), taste.main)
    return Taste(main, (*taste.effects[:-1], _own_effect(draws)), taste.principles)


def without(taste: Taste, position: int) -> Taste:
    """Return the taste with one principle given up."""
    kept = tuple(p for i, p in enumerate(taste.principles) if i != position)
    return Taste(taste.main, taste.effects, kept)


def parse(predicate: str) -> tuple[int, ...]:
    """Return the value numbers of ``feature=value[,feature=value]``."""
    pairs = (part.split("=") for part in predicate.split(","))
    return tuple(value_number(feature, value) for feature, value in pairs)


def _role_main(role: str) -> Ints:
    draws = Draws(ROLE_SEED, "role", role)
    main = draws.bell(START[-1]) * ROLE_SCATTER // 1000
    # who the people are differs from user to user
    main[START[COLUMN["organiser"]] : START[COLUMN["organiser"] + 1]] = 0
    for wants in (COMMON, ROLE[role].wants):
        for predicate, tenths in wants.items():
            values = parse(predicate)
            if len(values) == 1:
                main[values[0]] += tenths * 100
    return main


def _curated(role: str) -> list[Effect]:
    found = []
    for predicate, tenths in ROLE[role].wants.items():
        values = parse(predicate)
        if len(values) == 2:
            found.append(Effect((values[0], values[1]), tenths * 100))
    return found


def _own(draws: Draws) -> Ints:
    parts = [draws.bell(len(VALUES[f])) * SCATTER[f] // 1000 for f in FEATURES]
    return np.concatenate(parts)


def _own_effect(draws: Draws) -> Effect:
    first, second = FAMILIES[draws.one(len(FAMILIES))]
    values = (_any(first, draws), _any(second, draws))
    size = INTERACTION + draws.one(INTERACTION + 1)
    return Effect(values, size if draws.one(2) else -size)


def _any(feature: str, draws: Draws) -> int:
    return START[COLUMN[feature]] + draws.one(len(VALUES[feature]))


def _draw_principles(role: str, draws: Draws) -> tuple[Principle, ...]:
    """Return two of the role's principles, in the order drawn."""
    pool = ROLE[role].principles
    return tuple(
        Principle(parse(predicate), wanted)
        for predicate, wanted in (pool[i] for i in draws.some(len(pool), PRINCIPLES))
    )
