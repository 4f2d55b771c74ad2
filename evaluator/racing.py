"""Racing: when may an evaluation stop because the candidate has clearly lost?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy import stats

from evaluator.paired import Sense, gains

FIRST_LOOK = 3
"""Instances before the first decision; a spread of two values says little."""


def has_lost(
    candidate: Sequence[float],
    bar: Sequence[float],
    sense: Sense,
    planned: int,
    error: float = 0.05,
) -> bool:
    """Whether the candidate is worse than the bar, by a paired bound that allows for every look.

    Student's upper bound of the mean log-ratio lies below zero at level ``error`` divided by the
    number of looks (Bonferroni), so that a candidate as good as the bar is stopped with a chance
    of at most ``error`` over the whole race.

    Args:
        candidate: Objective on the first instances.
        bar: The bar's objective on the same instances (it may have more).
        sense: Whether less or more is better.
        planned: Instances of the whole race.
        error: Chance to stop an equal.
    """
    n = len(candidate)
    if n < FIRST_LOOK or n >= planned:
        return False
    paired = gains(np.array(candidate), np.array(bar[:n]), sense)
    mean = float(np.mean(paired))
    spread = float(np.std(paired, ddof=1)) / math.sqrt(n)
    return mean + _quantile(error / (planned - FIRST_LOOK), n - 1) * spread < 0


@lru_cache(maxsize=1024)
def _quantile(level: float, freedom: int) -> float:
    return float(stats.t.ppf(1 - level, freedom))
