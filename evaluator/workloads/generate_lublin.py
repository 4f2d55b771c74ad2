"""Rigid parallel jobs: the Lublin-Feitelson model of supercomputer workloads.

Source: Lublin and Feitelson, "The workload on parallel supercomputers: modeling the
characteristics of rigid jobs", JPDC 63(11), 2003, with the constants of the authors' program
``lublin99.c`` (Parallel Workloads Archive): sizes two-stage uniform in log2 with 1.2 / 5 / 7 at
128 processors; ln run time hyper-gamma, its mixture linear in the size; gaps e^gamma seconds
bent by a daily cycle of 48 slots; batch and interactive jobs are two streams, merged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from pydantic import Field
from scipy.special import gammainc

from evaluator.cluster.model import Cluster, Floats, Ints
from evaluator.cluster.workload import Workload
from evaluator.workloads.assemble import Draft, demand_columns, quantised
from evaluator.workloads.generator import Generator

SLOTS: Final = 48
"""Half hours in the daily cycle."""

_DAY_START: Final = 11
"""Slot at which the fitted day begins."""

_LONGEST: Final = 12.0
"""ln of the longest run time; longer draws are repeated."""

_LONGEST_GAP: Final = 13.0


@dataclass(frozen=True, slots=True)
class Stream:
    """Constants of one class of jobs, named as in ``lublin99.c``."""

    serial: float
    power2: float
    low: float
    medium: float
    high: float
    prob: float
    a1: float
    b1: float
    a2: float
    b2: float
    pa: float
    pb: float
    arrival: tuple[float, float]
    """Gamma of ln gap: shape (rush-hour shape times the all-day ratio), scale."""
    daily: tuple[float, float]
    """Gamma of arrivals over the day: shape, scale."""


BATCH: Final = Stream(
    *(0.2927, 0.6686, 1.2, 5.0, 7.0, 0.875),
    *(6.57, 0.823, 639.1, 0.0156, -0.003, 0.6986),
    arrival=(6.0415 * 1.0519, 0.8531),
    daily=(6.1271, 5.2740),
)

INTERACTIVE: Final = Stream(
    *(0.1541, 0.625, 1.0, 3.0, 5.5, 0.705),
    *(3.8351, 0.6605, 7.073, 0.6856, -0.0118, 0.9156),
    arrival=(6.5510 * 0.9797, 0.6621),
    daily=(8.9186, 3.6680),
)


class Lublin(Generator):
    """Rigid jobs of the Lublin-Feitelson model, scaled to the size of the machine."""

    source: Literal["lublin"] = "lublin"
    jobs: int = 400
    processors: int | None = Field(default=None, ge=2)
    """Largest job; left out, the CPUs of the largest node."""

    def generate(self, cluster: Cluster, rng: np.random.Generator, index: int = 0) -> Workload:
        """Draw one workload; one CPU is one processor, a job sits on one node."""
        n = self.jobs
        machine = self.processors or max(int(cluster.capacity[:, 0].max()) // 1000, 2)
        start = float(rng.uniform(0, SLOTS))
        batch_at = _arrivals(BATCH, n, start, rng)
        active_at = _arrivals(INTERACTIVE, n, start, rng)
        times = np.concatenate([batch_at, active_at])
        first = np.argsort(times, kind="stable")[:n]
        batch = first < n
        sizes = np.where(
            batch, _sizes(BATCH, n, machine, rng), _sizes(INTERACTIVE, n, machine, rng)
        )
        runs = np.where(batch, _runs(BATCH, sizes, rng), _runs(INTERACTIVE, sizes, rng))
        workload = Draft(
            name="lublin",
            release=np.zeros(n, np.int64),
            work=quantised(np.maximum(np.floor(runs), 1.0)),
            demand=demand_columns(n, cpus=sizes),
            throughput=np.ones((1, len(cluster.types))),
            meta=(("source", "Lublin-Feitelson model"), ("parameters", self.model_dump_json())),
        ).finish()
        return self.pace(workload, np.diff(times[first], prepend=0.0), cluster)


def _sizes(stream: Stream, n: int, machine: int, rng: np.random.Generator) -> Ints:
    """Draw processor counts; the medium and high ends move with log2 of the machine."""
    growth = math.log2(machine) - BATCH.high
    high = max(min(stream.high + growth, math.log2(machine)), stream.low)
    medium = min(max(stream.medium + growth, stream.low), high)
    kind = rng.random(n)
    lower = rng.random(n) <= stream.prob
    spot = rng.random(n)
    exponent = np.where(
        lower, stream.low + spot * (medium - stream.low), medium + spot * (high - medium)
    )
    exponent = np.where(kind <= stream.serial + stream.power2, np.floor(exponent + 0.5), exponent)
    size = np.floor(2.0**exponent + 0.5).astype(np.int64)
    return np.where(kind <= stream.serial, 1, np.minimum(size, machine))


def _runs(stream: Stream, sizes: Ints, rng: np.random.Generator) -> Floats:
    """Draw run times in seconds from the hyper-gamma of their logarithm."""
    first = np.clip(stream.pa * sizes + stream.pb, 0.0, 1.0)
    logs = np.full(len(sizes), np.inf)
    while (again := logs > _LONGEST).any():
        n = int(again.sum())
        small = rng.random(n) <= first[again]
        logs[again] = np.where(
            small, rng.gamma(stream.a1, stream.b1, n), rng.gamma(stream.a2, stream.b2, n)
        )
    return np.asarray(np.exp(logs))


def _arrivals(stream: Stream, n: int, start: float, rng: np.random.Generator) -> Floats:
    """Return n arrival times in seconds from slot ``start`` of a day on."""
    logs = np.full(n, np.inf)
    while (again := logs > _LONGEST_GAP).any():
        logs[again] = rng.gamma(*stream.arrival, int(again.sum()))
    points = np.cumsum(np.exp(logs)) / 1800.0
    weights = _daily(stream)
    whole = np.floor(start)
    first = np.roll(weights, -int(whole))
    days = int(points[-1] / SLOTS) + 2
    paid = np.concatenate([[0.0], np.cumsum(np.tile(first, days))])
    begun = (start - whole) * first[0]
    slots = np.interp(points + begun, paid, np.arange(len(paid)))
    return np.asarray((slots - (start - whole)) * 1800.0)


def _daily(stream: Stream) -> Floats:
    """Share of arrivals by half hour of the day, mean 1."""
    shape, scale = stream.daily
    slot = np.arange(_DAY_START, SLOTS + _DAY_START)
    weight = gammainc(shape, (slot + 0.5) / scale) - gammainc(shape, (slot - 0.5) / scale)
    by_slot = np.empty(SLOTS)
    by_slot[(slot - 1) % SLOTS] = weight
    return np.asarray(by_slot / by_slot.mean())
