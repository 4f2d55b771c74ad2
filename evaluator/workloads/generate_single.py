"""Single-machine tardiness problems of Potts and Van Wassenhove.

Source: Potts and Van Wassenhove, "A decomposition algorithm for the single machine total
tardiness problem", Operations Research Letters 1(5), 1982, the scheme of OR-Library too:
p ~ U{1..100}; with P the sum of p, d ~ U{P(1 - TF - RDD/2) .. P(1 - TF + RDD/2)}, never below 0.
TF is the tardiness factor, RDD the range of due dates. One unit is one second.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from pydantic import Field

from evaluator.cluster.model import SECOND, Cluster
from evaluator.cluster.workload import Workload
from evaluator.workloads.assemble import Draft, demand_columns
from evaluator.workloads.generator import Generator

FACTORS: Final = (0.2, 0.4, 0.6, 0.8)

RANGES: Final = (0.2, 0.4, 0.6, 0.8, 1.0)


class SingleMachine(Generator):
    """n jobs on one CPU; instance i takes the i-th pair of TF and RDD, around and around."""

    source: Literal["single_machine"] = "single_machine"
    jobs: int = Field(default=100, ge=1)
    tf: tuple[float, ...] = Field(default=FACTORS, min_length=1)
    rdd: tuple[float, ...] = Field(default=RANGES, min_length=1)
    weighted: bool = False
    """Weights ~ U{1..10}, as in OR-Library; else all 1."""
    spread: float = Field(default=0.0, ge=0)
    """Releases ~ U[0, spread x P], due dates move along; 0 releases all at time 0."""

    @property
    def paced(self) -> bool:
        """Jobs have no rate: they are there at 0, or spread over a share of P."""
        return False

    def generate(self, cluster: Cluster, rng: np.random.Generator, index: int = 0) -> Workload:
        """Draw one problem of class ``index``."""
        n = self.jobs
        tf = self.tf[index // len(self.rdd) % len(self.tf)]
        rdd = self.rdd[index % len(self.rdd)]
        runs = rng.integers(1, 101, n)
        total = int(runs.sum())
        low, high = total * (1 - tf - rdd / 2), total * (1 - tf + rdd / 2)
        due = np.maximum(rng.integers(round(low), round(high) + 1, n), 0)
        weight = rng.integers(1, 11, n) if self.weighted else np.ones(n)
        release = np.floor(rng.random(n) * self.spread * total).astype(np.int64)
        return Draft(
            name="single-machine",
            release=release * SECOND,
            work=runs * SECOND,
            demand=demand_columns(n, cpus=1),
            due=(due + release) * SECOND,
            weight=weight.astype(np.float64),
            throughput=np.ones((1, len(cluster.types))),
            meta=(
                ("source", "Potts and Van Wassenhove"),
                ("tf", str(tf)),
                ("rdd", str(rdd)),
                ("parameters", self.model_dump_json()),
            ),
        ).finish()
