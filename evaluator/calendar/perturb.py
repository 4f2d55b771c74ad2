"""The same user and year in a slightly different world, to see whether a verdict depends on it.

``tie_break`` lists the events of a round in another order. ``noise`` makes choices twice as noisy.
``drift`` lets twice as many weights change at mid-year. Another role is the unseen family's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from evaluator.calendar.draws import Draws
from evaluator.calendar.instance import Instance, generate
from evaluator.calendar.tastes import levels, utility
from evaluator.errors import InputError

PERTURBATIONS: Final = ("tie_break", "noise", "drift")


def perturb(instance: Instance, kind: str, seed: bytes) -> Instance:
    """Return the instance changed in one way; equal seeds, equal change.

    Raises:
        InputError: no such kind.
    """
    rules = instance.rules
    match kind:
        case "tie_break":
            return _shuffled(instance, Draws(seed, "perturb", kind))
        case "noise":
            noisy = replace(rules, noise=2 * rules.noise or 150)
            return generate(instance.role, instance.seed, noisy)
        case "drift":
            drifting = replace(rules, drift=min(100, 2 * rules.drift or 25))
            return generate(instance.role, instance.seed, drifting)
        case _:
            raise InputError(f"no perturbation {kind!r}; known: {', '.join(PERTURBATIONS)}")


def _shuffled(instance: Instance, draws: Draws) -> Instance:
    """Return the events of each round in another order; the user's order moves along."""
    rows: list[int] = []
    for low, high in zip(instance.offset[:-1].tolist(), instance.offset[1:].tolist(), strict=True):
        rows += [low + place for place in draws.some(high - low, high - low)]
    codes, rank = instance.codes[rows], instance.rank[rows]
    moved = replace(instance, codes=codes, rank=rank)
    favourite = np.asarray([_favourite(moved, number) for number in range(len(moved))], np.int64)
    return replace(moved, favourite=favourite)


def _favourite(instance: Instance, number: int) -> int:
    """Return what the taste alone would choose; of equals the first."""
    taste = instance.taste(number)
    codes = instance.codes[instance.offset[number] : instance.offset[number + 1]]
    keys = [
        (*says, worth)
        for says, worth in zip(
            levels(taste, codes).tolist(), utility(taste, codes).tolist(), strict=True
        )
    ]
    return keys.index(max(keys))
