"""Rigid jobs like those of the HPC2N cluster log: odd sizes, very wide run times, bursts.

Source: the HPC2N log of the Parallel Workloads Archive (Ake Sandgren, Bill Nitzberg), first 3,170
jobs. Figures computed from it: run times close to lognormal(6.83, 2.78) s; 55.6 % of sizes are
powers of two, with the shares in ``SIZES`` (the eight commonest sizes as counted, the rest
spread to meet the quantiles 2 / 8 / 16 / 24 / 36 / 98 at 5, 25, 50, 75, 90 and 99 %); gap CV 5.4.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from pydantic import Field

from evaluator.cluster.model import Cluster
from evaluator.cluster.workload import Workload
from evaluator.workloads.arrivals import bursty_gaps
from evaluator.workloads.assemble import Draft, demand_columns, quantised
from evaluator.workloads.generator import Generator
from evaluator.workloads.rigid import largest_job, rigid

SIZES: Final = {
    **{16: 0.1751, 20: 0.1385, 8: 0.1088, 4: 0.0915, 32: 0.0681, 24: 0.0615, 12: 0.0492, 1: 0.0473},
    **{2: 0.045, 64: 0.015, 128: 0.005, 6: 0.05, 10: 0.03, 28: 0.03, 36: 0.03, 40: 0.03},
    **{48: 0.013, 96: 0.012},
}
"""Processors: share of jobs."""

LOG_MEAN: Final = 6.832

LOG_SIGMA: Final = 2.783

LONGEST: Final = 432_000.0
"""Five days, s: the limit of the queues."""


class Hpc2nLike(Generator):
    """HPC2N-like rigid jobs; sizes above the largest node type are cut to it."""

    source: Literal["hpc2n"] = "hpc2n"
    jobs: int = Field(default=400, ge=1)
    gap_cv: float = Field(default=5.4, ge=1)

    def generate(self, cluster: Cluster, rng: np.random.Generator, index: int = 0) -> Workload:
        """Draw one workload; one CPU is one processor."""
        n = self.jobs
        share = np.array(list(SIZES.values()))
        sizes = rng.choice(np.array(list(SIZES), dtype=np.int64), n, p=share / share.sum())
        shape = rigid(np.minimum(sizes, largest_job(cluster)), cluster)
        runs = np.clip(rng.lognormal(LOG_MEAN, LOG_SIGMA, n), 1.0, LONGEST)
        workload = Draft(
            name="hpc2n-like",
            release=np.zeros(n, np.int64),
            work=quantised(np.floor(runs)),
            demand=demand_columns(n, cpus=shape.cpus),
            gang=shape.gang,
            throughput=np.ones((1, len(cluster.types))),
            meta=(("source", "HPC2N-like generator"), ("parameters", self.model_dump_json())),
        ).finish()
        return self.pace(workload, bursty_gaps(rng, n, self.gap_cv), cluster)
