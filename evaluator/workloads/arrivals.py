"""Gaps between arrivals, in units of their mean."""

from __future__ import annotations

from typing import Final

import numpy as np

from evaluator.cluster.model import Floats

SILENT: Final = 0.5
"""Share of all time that the bursty process spends silent."""


def bursty_gaps(rng: np.random.Generator, n: int, cv: float) -> Floats:
    """Draw n gaps of mean 1 and coefficient of variation ``cv`` >= 1.

    A Poisson process that falls silent: after any arrival, with a small probability, it rests
    for an exponential time. Rests make up half of all time and are cv^2 mean gaps long, which
    gives the wanted variance: (1 - s)^2 + 2 s L - s^2 = cv^2 with s = 1/2.
    """
    rest = (cv * cv - (1 - SILENT) ** 2 + SILENT**2) / (2 * SILENT)
    rests = rng.random(n) < SILENT / rest
    return rng.exponential(1 - SILENT, n) + np.where(rests, rng.exponential(rest, n), 0.0)
