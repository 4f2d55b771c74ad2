"""Paired comparison of two policies on the same arrivals: log-ratios and bootstrap bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evaluator.cluster.instance import stream
from evaluator.errors import InputError

Floats = NDArray[np.float64]
Sense = Literal["min", "max"]

LARGEST = math.log(4.0)
"""One instance may claim at most this log-ratio, either way; a metric of 0 would claim infinity."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Mean log-ratio with one-sided bounds, each at ``level``."""

    mean: float
    lower: float
    upper: float
    level: float
    """Chance of each side to be wrong."""
    n: int


def gains(candidate: Floats, rival: Floats, sense: Sense) -> Floats:
    """Return log-ratios per instance, positive where the candidate is better, shape (n,).

    Bounded by ``LARGEST``; two zeros are no difference.

    Raises:
        InputError: a value is negative or not finite, or the lengths differ.
    """
    if candidate.shape != rival.shape:
        raise InputError(f"paired metrics differ in length: {len(candidate)} and {len(rival)}")
    both = np.concatenate([candidate, rival])
    if not np.all(np.isfinite(both)) or np.any(both < 0):
        raise InputError("a relative comparison needs metrics that are finite and >= 0")
    better, worse = (rival, candidate) if sense == "min" else (candidate, rival)
    out = np.zeros(len(candidate))
    unequal = better != worse
    with np.errstate(divide="ignore"):
        out[unequal] = np.log(better[unequal]) - np.log(worse[unequal])
    bounded: Floats = np.clip(out, -LARGEST, LARGEST)
    return bounded


def interval(values: Floats, level: float, resamples: int = 8000) -> Interval:
    """Return the mean and its studentised bootstrap bounds (bootstrap-t), one-sided each.

    A resample without spread has an infinite t, which can only widen the bound. Where that leaves
    no lower bound at all there is Hoeffding's for values within ``LARGEST`` (JASA 1963), which
    needs no spread: a rival that is hopeless on nearly every instance is no equal. One value alone
    bounds nothing. Bounds stay within ``LARGEST``, as the values do, and are rounded to 12 digits
    (matrix products differ in the last bits between CPUs). The resampling indices depend on n and
    ``resamples`` alone.
    """
    n = len(values)
    if n == 0:
        raise InputError("a bound needs at least one paired difference, got 0")
    mean = math.fsum(values) / n
    if n == 1:
        return Interval(mean, -LARGEST, LARGEST, level, n)
    error = float(np.std(values, ddof=1)) / math.sqrt(n)
    if error <= 1e-12 * max(1.0, abs(mean)):
        return Interval(mean, mean, mean, level, n)
    counts = _counts(n, resamples)
    means = counts @ values / n
    centred = values - mean
    spread = (counts @ centred**2 / n - (means - mean) ** 2).clip(0.0)
    errors = np.sqrt(spread / (n - 1))
    errors[errors < 1e-9 * error] = 0.0
    shift = means - mean
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(shift == 0.0, 0.0, shift / errors)
    t.sort()
    high = t[min(resamples - 1, math.ceil((1 - level) * resamples))]
    low = t[max(0, math.floor(level * resamples) - 1)]
    lower = mean - float(high) * error
    if math.isinf(high):
        lower = mean - 2 * LARGEST * math.sqrt(math.log(1 / level) / (2 * n))
    return Interval(mean, _bound(lower), _bound(mean - float(low) * error), level, n)


def _bound(value: float) -> float:
    return round(min(LARGEST, max(-LARGEST, value)), 12)


@lru_cache(maxsize=8)
def _counts(n: int, resamples: int) -> Floats:
    """How often each value is drawn in each resample, shape (resamples, n)."""
    draws = stream(b"\0" * 16, "gate", n, resamples).integers(0, n, size=(resamples, n))
    rows = np.arange(resamples)[:, None] * n
    counts = np.bincount((draws + rows).ravel(), minlength=resamples * n)
    return counts.reshape(resamples, n).astype(np.float64)


def share(log_ratio: float) -> float:
    """Return a log-ratio as a relative gain: 0.03 says three per cent less (or more, for max)."""
    return -math.expm1(-log_ratio)


def worse_share(log_ratio: float) -> float:
    """Return a log-ratio as a relative worsening: 0.1 says ten per cent worse."""
    return math.expm1(-log_ratio)
