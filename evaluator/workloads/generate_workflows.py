"""Streams of scientific workflows with data transfer, in the shapes of ``shapes``.

Each workflow's run times are scaled together so that its mean task takes ``task_seconds`` times a
lognormal of cv 0.5, and its data so that the mean transfer over the mean link takes ``ccr`` times
the mean task on the mean node (communication-to-computation ratio).
"""

from __future__ import annotations

from typing import Final, Literal, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from evaluator.cluster.model import Cluster
from evaluator.cluster.workload import Workload
from evaluator.errors import InputError
from evaluator.workloads.assemble import Draft, demand_columns, quantised
from evaluator.workloads.estimates import lognormal
from evaluator.workloads.generator import Generator
from evaluator.workloads.shapes import SHAPES, fill

_PAIRS: Final = 256
"""Nodes between which the mean link is taken; more would not change it much."""


class Workflows(Generator):
    """Workflows of random shape and size that arrive as a Poisson stream."""

    source: Literal["workflows"] = "workflows"
    jobs: int = Field(default=30, ge=1)
    shapes: tuple[str, ...] = Field(default=tuple(SHAPES), min_length=1)
    tasks: tuple[int, int] = (20, 60)
    """Least and greatest number of tasks of a workflow."""
    task_seconds: float = Field(default=60.0, gt=0)
    ccr: float = Field(default=1.0, ge=0)

    @field_validator("shapes")
    @classmethod
    def _known(cls, shapes: tuple[str, ...]) -> tuple[str, ...]:
        for shape in shapes:
            if shape not in SHAPES:
                raise ValueError(f"must be among {', '.join(SHAPES)}, got {shape!r}")
        return shapes

    @model_validator(mode="after")
    def _sized(self) -> Self:
        if not 10 <= self.tasks[0] <= self.tasks[1]:
            raise ValueError(f"tasks must be [least >= 10, greatest], got {list(self.tasks)}")
        return self

    def tiny(self) -> Self:
        """Return two workflows of 10 to 25 tasks."""
        return self.model_copy(update={"jobs": min(self.jobs, 2), "tasks": (10, 25)})

    def generate(self, cluster: Cluster, rng: np.random.Generator, index: int = 0) -> Workload:
        """Draw one stream."""
        gaps = rng.exponential(1.0, self.jobs)
        seconds, job, before, after, size = [], [], [], [], []
        names = []
        per_second = self._bytes_per_second(cluster)
        first = 0
        for j in range(self.jobs):
            name = self.shapes[int(rng.integers(0, len(self.shapes)))]
            count = int(rng.integers(self.tasks[0], self.tasks[1] + 1))
            filled = fill(SHAPES[name](count, rng), rng)
            mean = self.task_seconds * float(lognormal(rng, 0.5, 1)[0])
            seconds.append(filled.seconds * (mean / filled.seconds.mean()))
            data = filled.megabytes / filled.megabytes.mean()
            size.append(np.rint(data * self.ccr * mean * per_second).astype(np.int64))
            before.append(filled.before + first)
            after.append(filled.after + first)
            job.append(np.full(len(filled.seconds), j))
            names.append(f"{name}-{j}")
            first += len(filled.seconds)
        workload = Draft(
            name="workflows",
            release=np.zeros(self.jobs, np.int64),
            work=quantised(np.concatenate(seconds)),
            demand=demand_columns(first, cpus=1),
            job=np.concatenate(job),
            before=np.concatenate(before),
            after=np.concatenate(after),
            bytes=np.concatenate(size),
            throughput=np.ones((1, len(cluster.types))),
            job_names=tuple(names),
            meta=(("source", "workflow generator"), ("parameters", self.model_dump_json())),
        ).finish()
        return self.pace(workload, gaps, cluster)

    def _bytes_per_second(self, cluster: Cluster) -> float:
        """Return bytes a mean link moves while a mean node does one second of work."""
        if self.ccr == 0:
            return 0.0
        rate = mean_link_rate(cluster)
        if not np.isfinite(rate):
            raise InputError(
                f"cluster {cluster.name!r}: a workflow with ccr {self.ccr:g} needs a network of "
                "finite bandwidth between nodes; give [cluster.links] or set ccr = 0"
            )
        return rate * float((1 / cluster.speed).mean())


def mean_link_rate(cluster: Cluster) -> float:
    """Return the harmonic mean of bytes per second over pairs of distinct nodes."""
    n = min(len(cluster), _PAIRS)
    tier = np.full((n, n), 4)
    for level, place in ((3, cluster.region), (2, cluster.zone), (1, cluster.rack)):
        here = place[:n]
        tier[here[:, None] == here[None, :]] = level
    own = np.minimum(cluster.bandwidth[:n, None], cluster.bandwidth[None, :n])
    cost = 1 / np.minimum(cluster.links.bandwidth[tier], own)
    pairs = ~np.eye(n, dtype=bool)
    mean = float(cost[pairs].mean()) if n > 1 else 0.0
    return 1 / mean if mean > 0 else float("inf")
