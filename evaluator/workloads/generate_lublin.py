"""Rigid parallel jobs: the Lublin-Feitelson model of supercomputer workloads.

Source: Lublin and Feitelson, "The workload on parallel supercomputers: modeling the
characteristics of rigid jobs", JPDC 63(11), 2003, with the constants of the authors' program
``lublin99.c`` (Parallel Workloads Archive) for the whole sample, batch and interactive together:
sizes two-stage uniform in log2; ln run time hyper-gamma, its mixture linear in the size; gaps
e^gamma seconds, bent by a daily cycle of 48 slots.
"""

from __future__ import annotations

import math
from typing import Final, Literal

import numpy as np
from pydantic import Field
from scipy.special import gammainc

from evaluator.cluster.model import Cluster, Floats, Ints
from evaluator.cluster.workload import Workload
from evaluator.workloads.assemble import Draft, demand_columns, quantised
from evaluator.workloads.generator import Generator
from evaluator.workloads.rigid import largest_job, rigid

SLOTS: Final = 48
"""Half hours in the daily cycle."""

_DAY_START: Final = 11
"""Slot at which the fitted day begins."""

_LONGEST: Final = 12.0
"""ln of the longest run time; longer draws are repeated."""

_LONGEST_GAP: Final = 13.0


SERIAL: Final = 0.244

POWER_OF_TWO: Final = 0.576

LOW: Final = 0.8

MEDIUM_BELOW: Final = 2.5
"""log2 of sizes is two-stage uniform: from LOW to the middle, and on to log2 of the machine. The
middle is 4.5 at 128 processors; the model wants it 1.5 to 3.5 below the end."""

FIRST_STAGE: Final = 0.86
"""Share of sizes below the middle."""

SHORT: Final = (4.2, 0.94)

LONG: Final = (312.0, 0.03)
"""Gamma shape and scale of ln seconds."""

MIXTURE: Final = (-0.0054, 0.78)
"""Share of short jobs: slope by size and value at 0."""

GAP: Final = (10.2303 * 1.0225, 0.4871)
"""Gamma of ln gap: rush-hour shape times the all-day ratio, scale."""

DAILY: Final = (8.1737, 3.9631)
"""Gamma of arrivals over the day."""


class Lublin(Generator):
    """Rigid jobs of the Lublin-Feitelson model, scaled to the size of the machine."""

    source: Literal["lublin"] = "lublin"
    jobs: int = Field(default=400, ge=1)
    processors: int | None = Field(default=None, ge=2)
    """Largest job; left out, or above it, all CPUs of the largest node type."""

    def generate(self, cluster: Cluster, rng: np.random.Generator, index: int = 0) -> Workload:
        """Draw one workload; one CPU is one processor."""
        n = self.jobs
        most = largest_job(cluster)
        machine = max(min(self.processors or most, most), 2)
        times = _arrivals(n, float(rng.uniform(0, SLOTS)), rng)
        sizes = _sizes(n, machine, rng)
        shape = rigid(sizes, cluster)
        workload = Draft(
            name="lublin",
            release=np.zeros(n, np.int64),
            work=quantised(np.maximum(np.floor(_runs(sizes, rng)), 1.0)),
            demand=demand_columns(n, cpus=shape.cpus),
            gang=shape.gang,
            throughput=np.ones((1, len(cluster.types))),
            meta=(("source", "Lublin-Feitelson model"), ("parameters", self.model_dump_json())),
        ).finish()
        return self.pace(workload, np.diff(times, prepend=0.0), cluster)


def _sizes(n: int, machine: int, rng: np.random.Generator) -> Ints:
    """Draw processor counts; the middle moves with the size of the machine."""
    high = math.log2(machine)
    medium = max(high - MEDIUM_BELOW, LOW)
    low = min(LOW, medium)
    kind, spot = rng.random(n), rng.random(n)
    exponent = np.where(
        rng.random(n) <= FIRST_STAGE,
        low + spot * (medium - low),
        medium + spot * (high - medium),
    )
    whole = kind <= SERIAL + POWER_OF_TWO
    size = np.floor(2.0 ** np.where(whole, np.floor(exponent + 0.5), exponent) + 0.5)
    return np.where(kind <= SERIAL, 1, np.minimum(size, machine)).astype(np.int64)


def _runs(sizes: Ints, rng: np.random.Generator) -> Floats:
    """Draw run times in seconds from the hyper-gamma of their logarithm."""
    short = np.clip(MIXTURE[0] * sizes + MIXTURE[1], 0.0, 1.0)
    logs = np.full(len(sizes), np.inf)
    while (again := logs > _LONGEST).any():
        n = int(again.sum())
        first = rng.random(n) <= short[again]
        logs[again] = np.where(first, rng.gamma(*SHORT, n), rng.gamma(*LONG, n))
    return np.asarray(np.exp(logs))


def _arrivals(n: int, start: float, rng: np.random.Generator) -> Floats:
    """Return n arrival times in seconds from slot ``start`` of a day on."""
    logs = np.full(n, np.inf)
    while (again := logs > _LONGEST_GAP).any():
        logs[again] = rng.gamma(*GAP, int(again.sum()))
    points = np.cumsum(np.exp(logs)) / 1800.0
    whole = np.floor(start)
    weights = np.roll(_daily(), -int(whole))
    days = int(points[-1] / SLOTS) + 2
    paid = np.concatenate([[0.0], np.cumsum(np.tile(weights, days))])
    begun = (start - whole) * weights[0]
    slots = np.interp(points + begun, paid, np.arange(len(paid)))
    return np.asarray((slots - (start - whole)) * 1800.0)


def _daily() -> Floats:
    """Share of arrivals by half hour of the day, mean 1."""
    shape, scale = DAILY
    slot = np.arange(_DAY_START, SLOTS + _DAY_START)
    weight = gammainc(shape, (slot + 0.5) / scale) - gammainc(shape, (slot - 0.5) / scale)
    by_slot = np.empty(SLOTS)
    by_slot[(slot - 1) % SLOTS] = weight
    return np.asarray(by_slot / by_slot.mean())
