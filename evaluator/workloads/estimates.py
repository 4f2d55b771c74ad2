"""What users say of run times, and how run times stray from what was planned.

Sources of the over-request model: requested over actual run time in logs of the Parallel
Workloads Archive has quartiles 1.2 / 2.2 / 19 (HPC2N), 3.1 / 8.8 / 41 (LCG 2005) and
2.9 / 13.5 / 227 (CERIT wagap 2013); users pick few, round values (Tsafrir, Etsion, Feitelson,
"Modeling user runtime estimates", JSSPP 2005).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from evaluator.cluster.model import SECOND, Floats, Ints
from evaluator.cluster.workload import Workload
from evaluator.workloads.assemble import quantised

ROUND_MINUTES: Final = (
    *(5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 300, 360, 480, 600, 720, 960, 1080),
    *(1440, 2160, 2880, 4320, 5760, 7200, 10080, 14400, 20160, 28800, 43200),
)
"""Run times people ask for, in minutes."""

LONGEST_REQUEST: Final = 5 * 86400 * SECOND
"""Queues seldom allow more; a job that runs longer asks for the next round value."""


class Estimates(BaseModel):
    """The error model of a scenario."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Literal["source", "exact", "lognormal", "over_request"] = "source"
    """``source`` keeps what the trace or generator says; ``exact`` tells the plan;
    ``lognormal`` multiplies it by an error of mean 1; ``over_request`` asks for a round time
    that is never below the truth."""
    cv: float = Field(default=0.0, ge=0)
    """Coefficient of variation of the lognormal error."""
    noise_cv: float = Field(default=0.0, ge=0)
    """Run-time noise: true work is the planned work times a lognormal of mean 1 and this cv."""
    factor: float = Field(default=3.5, gt=0)
    """``over_request``: median of request over run time, less one, before rounding up."""
    spread: float = Field(default=1.8, ge=0)
    """``over_request``: sigma of its logarithm."""


def apply_estimates(workload: Workload, estimates: Estimates, rng: np.random.Generator) -> Workload:
    """Return the workload with true work and estimates drawn anew by the error model."""
    planned = workload.work
    work = planned
    if estimates.noise_cv:
        work = scaled(planned, lognormal(rng, estimates.noise_cv, len(planned)))
    match estimates.model:
        case "source":
            told = workload.estimate
        case "exact":
            told = planned
        case "lognormal":
            told = scaled(planned, lognormal(rng, estimates.cv, len(planned)))
        case "over_request":
            told = over_request(work, rng, estimates.factor, estimates.spread)
    return replace(workload, work=work, estimate=told)


def lognormal(rng: np.random.Generator, cv: float, n: int) -> Floats:
    """Draw n lognormal factors of mean 1 and coefficient of variation ``cv``."""
    variance = math.log1p(cv * cv)
    return rng.lognormal(-variance / 2, math.sqrt(variance), n)


def scaled(times: Ints, factor: Floats) -> Ints:
    """Return times (µs) multiplied, in whole milliseconds, at least one."""
    return quantised(times / SECOND * factor)


def over_request(
    work: Ints, rng: np.random.Generator, factor: float = 3.5, spread: float = 1.8
) -> Ints:
    """Draw what users request for run times ``work`` (µs): round, and never less than the truth."""
    wished = work * (1 + rng.lognormal(math.log(factor), spread, len(work)))
    asked = np.maximum(np.minimum(wished, float(LONGEST_REQUEST)), work.astype(np.float64))
    steps = np.array(ROUND_MINUTES, dtype=np.int64) * 60 * SECOND
    at = np.searchsorted(steps, asked, side="left")
    day = 86400 * SECOND
    beyond = np.ceil(asked / day).astype(np.int64) * day
    return np.where(at < len(steps), steps[np.minimum(at, len(steps) - 1)], beyond)
