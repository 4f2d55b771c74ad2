"""Deep-learning training jobs on V100, P100 and K80, as in the Gavel simulator.

Source: Narayanan et al., "Heterogeneity-Aware Cluster Scheduling Policies for Deep Learning
Workloads", OSDI 2020, and its repository stanford-futuredata/gavel (commit c4fa400, MIT):
arrivals are Poisson; 80 % of jobs run 60*10^U(1.5, 3) s on V100, 20 % run 60*10^U(3, 4) s;
scale 1 / 2 / 4 / 8 GPUs with 70 / 10 / 15 / 5 %; 26 job types, uniform. ``STEPS_PER_SECOND``
holds the single-GPU figures of its ``simulation_throughputs.json``, ``EFFICIENCY`` the median
over job types of throughput(scale) / (scale * throughput(1)) in the same file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from pydantic import Field

from evaluator.cluster.model import Cluster, Floats, Ints
from evaluator.cluster.workload import Workload
from evaluator.errors import InputError
from evaluator.workloads.assemble import Draft, demand_columns, quantised
from evaluator.workloads.generator import Generator

GPU_TYPES: Final = ("V100", "P100", "K80")

STEPS_PER_SECOND: Final = {
    "ResNet-18 (batch size 16)": (32.353, 35.869, 4.795),
    "ResNet-18 (batch size 32)": (29.947, 35.825, 7.176),
    "ResNet-18 (batch size 64)": (24.093, 22.305, 7.052),
    "ResNet-18 (batch size 128)": (17.995, 11.675, 1.807),
    "ResNet-18 (batch size 256)": (10.3, 7.723, 0.886),
    "ResNet-50 (batch size 16)": (11.396, 9.053, 2.301),
    "ResNet-50 (batch size 32)": (7.787, 4.888, 1.237),
    "ResNet-50 (batch size 64)": (4.395, 2.619, 0.619),
    "ResNet-50 (batch size 128)": (2.497, 1.584, 0.347),
    "Transformer (batch size 16)": (11.064, 9.537, 5.467),
    "Transformer (batch size 32)": (10.621, 7.869, 3.507),
    "Transformer (batch size 64)": (8.618, 5.092, 1.752),
    "Transformer (batch size 128)": (5.446, 3.074, 0.982),
    "Transformer (batch size 256)": (1.595, 1.678, 0.458),
    "A3C": (7.176, 5.681, 3.439),
    "LM (batch size 5)": (109.167, 90.776, 25.486),
    "LM (batch size 10)": (81.652, 77.085, 23.794),
    "LM (batch size 20)": (64.742, 58.173, 17.142),
    "LM (batch size 40)": (45.237, 35.766, 11.5),
    "LM (batch size 80)": (28.24, 21.158, 6.054),
    "Recommendation (batch size 512)": (23.318, 48.882, 32.859),
    "Recommendation (batch size 1024)": (13.283, 30.744, 20.05),
    "Recommendation (batch size 2048)": (7.47, 16.597, 10.441),
    "Recommendation (batch size 4096)": (3.906, 8.897, 5.3),
    "Recommendation (batch size 8192)": (2.842, 5.548, 2.699),
    "CycleGAN": (4.426, 2.403, 0.505),
}
"""Training steps per second on one V100, P100, K80."""

JOB_TYPES: Final = tuple(STEPS_PER_SECOND)

SCALES: Final = (1, 2, 4, 8)

SCALE_SHARES: Final = (0.70, 0.10, 0.15, 0.05)

EFFICIENCY: Final = {
    1: (1.0, 1.0, 1.0),
    2: (0.904, 0.828, 0.880),
    4: (0.570, 0.677, 0.748),
    8: (0.810, 0.495, 0.686),
}
"""Share of linear speed-up kept by scale, on V100, P100, K80."""


class GavelMix(Generator):
    """The Gavel generator; the cluster's node types must be among V100, P100 and K80."""

    source: Literal["gavel"] = "gavel"
    jobs: int = Field(default=200, ge=1)

    def generate(self, cluster: Cluster, rng: np.random.Generator, index: int = 0) -> Workload:
        """Draw one workload."""
        n = self.jobs
        gaps = rng.exponential(1.0, n)
        long = rng.random(n) < 0.2
        exponent = np.where(long, rng.uniform(3.0, 4.0, n), rng.uniform(1.5, 3.0, n))
        scale = rng.choice(len(SCALES), n, p=SCALE_SHARES)
        kind = rng.integers(0, len(JOB_TYPES), n)
        table, names = relative_rates(cluster)
        workload = Draft(
            name="gavel",
            release=np.zeros(n, np.int64),
            work=quantised(60.0 * 10.0**exponent),
            demand=demand_columns(n, devices=1),
            gang=np.array(SCALES, np.int64)[scale],
            profile=kind * len(SCALES) + scale,
            throughput=table,
            profiles=names,
            meta=(("source", "gavel generator"), ("parameters", self.model_dump_json())),
        ).finish()
        return self.pace(workload, gaps, cluster)


def relative_rates(cluster: Cluster) -> tuple[Floats, tuple[str, ...]]:
    """Return throughput by (job type x scale, node type), V100 at the same scale = 1, and names.

    Raises:
        InputError: a node type other than V100, P100, K80.
    """
    known = {name.lower(): column for column, name in enumerate(GPU_TYPES)}
    unknown = [name for name in cluster.types if name.lower() not in known]
    if unknown:
        raise InputError(
            f"cluster {cluster.name!r}: the Gavel throughputs know node types V100, P100, K80, "
            f"got {unknown[0]!r}; rename the type or use another workload source"
        )
    columns = [known[name.lower()] for name in cluster.types]
    steps = np.array(list(STEPS_PER_SECOND.values()))
    rows = [steps * np.array(EFFICIENCY[scale]) for scale in SCALES]
    by_scale = np.stack(rows, axis=1).reshape(-1, len(GPU_TYPES))
    names = tuple(f"{job} x{scale}" for job in JOB_TYPES for scale in SCALES)
    return (by_scale / by_scale[:, :1])[:, columns], names


@dataclass(frozen=True, slots=True)
class DrawnRates:
    """Speeds given to jobs of which only the gang size is known."""

    profile: Ints
    rates: Floats
    names: tuple[str, ...]
    said: str
    """How, in words."""


def drawn_rates(cluster: Cluster, gang: Ints, rng: np.random.Generator) -> DrawnRates:
    """Draw a job type for each gang on a cluster of V100, P100 and K80; else every speed is 1.

    A gang takes the figures of the largest scale that is not above it.
    """
    if any(name.lower() not in {gpu.lower() for gpu in GPU_TYPES} for name in cluster.types):
        return DrawnRates(
            np.zeros(len(gang), np.int64), np.ones((1, len(cluster.types))), ("any",), "all 1.0"
        )
    rates, names = relative_rates(cluster)
    kind = rng.integers(0, len(JOB_TYPES), len(gang))
    scale = np.searchsorted(SCALES, np.maximum(gang, 1), side="right") - 1
    return DrawnRates(
        kind * len(SCALES) + scale, rates, names, "Gavel job types, drawn with equal chances"
    )
