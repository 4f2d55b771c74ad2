"""Training jobs like those of Microsoft's Philly cluster: heavy tails and bursts.

Source: the Philly trace (Jeon et al., "Analysis of Large-Scale Multi-Tenant GPU Clusters for DNN
Training Workloads", USENIX ATC 2019; 82,247 jobs). Figures computed from it: all durations are
close to lognormal(6.79, 2.16) s; 93.2 % of jobs take one GPU, yet 8-GPU jobs take 48 % of GPU
time, so ``SIZES`` holds a lognormal for each size; 31.5 arrivals an hour with a gap CV of 15.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from pydantic import Field

from evaluator.cluster.model import Cluster
from evaluator.cluster.workload import Workload
from evaluator.workloads.arrivals import bursty_gaps
from evaluator.workloads.assemble import Draft, demand_columns, quantised
from evaluator.workloads.generate_gavel import drawn_rates
from evaluator.workloads.generator import Generator

SIZES: Final = {
    1: (0.9317, 6.719, 1.972),
    2: (0.0221, 4.522, 3.268),
    4: (0.0227, 9.106, 2.781),
    8: (0.0200, 9.654, 2.791),
    16: (0.0025, 9.270, 3.345),
    32: (0.0010, 8.827, 2.468),
}
"""GPUs: share of jobs, mean and sigma of ln seconds; rarer sizes are counted to the nearest."""

LONGEST: Final = 4_628_226.0
"""Longest duration in the trace, s."""


class PhillyLike(Generator):
    """Philly-like jobs; on V100, P100 and K80 each trains one of Gavel's job types."""

    source: Literal["philly"] = "philly"
    jobs: int = Field(default=200, ge=1)
    gap_cv: float = Field(default=15.0, ge=1)
    longest: float = Field(default=LONGEST, gt=0)
    """Longer durations are cut to this, s."""
    largest: int = Field(default=32, ge=1)
    """GPUs of the largest job; larger sizes are left out of the mix."""

    def generate(self, cluster: Cluster, rng: np.random.Generator, index: int = 0) -> Workload:
        """Draw one workload."""
        n = self.jobs
        sizes = [size for size in SIZES if size <= self.largest]
        share, mean, sigma = np.array([SIZES[size] for size in sizes]).T
        kind = rng.choice(len(sizes), n, p=share / share.sum())
        gang = np.array(sizes, dtype=np.int64)[kind]
        runs = np.clip(rng.lognormal(mean[kind], sigma[kind]), 1.0, self.longest)
        drawn = drawn_rates(cluster, gang, rng)
        workload = Draft(
            name="philly-like",
            release=np.zeros(n, np.int64),
            work=quantised(runs),
            demand=demand_columns(n, devices=1),
            gang=gang,
            profile=drawn.profile,
            throughput=drawn.rates,
            profiles=drawn.names,
            meta=(("source", "Philly-like generator"), ("parameters", self.model_dump_json())),
        ).finish()
        return self.pace(workload, bursty_gaps(rng, n, self.gap_cv), cluster)
