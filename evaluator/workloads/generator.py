"""What every workload generator shares: its size, its arrival rate, its pace."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from evaluator.cluster.model import NEVER, SECOND, Cluster, Floats, Ints
from evaluator.cluster.workload import Workload
from evaluator.workloads.fit import check_fit


class Generator(BaseModel, ABC):
    """Parameters of one family of workloads; the same generator state gives the same workload."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    jobs: int = Field(ge=1)
    """Jobs in one instance."""
    rate: float | None = Field(default=None, gt=0)
    """Mean arrivals per hour."""
    load: float | None = Field(default=None, gt=0)
    """Offered load: arrivals are spaced so that work brought over time equals this share of what
    the cluster can do."""

    @model_validator(mode="after")
    def _one_pace(self) -> Self:
        if (self.rate is None) == (self.load is None) and self.paced:
            raise ValueError("needs one of 'rate' (jobs per hour) and 'load', not both")
        return self

    @property
    def paced(self) -> bool:
        """Whether jobs arrive over time at all."""
        return True

    @abstractmethod
    def generate(self, cluster: Cluster, rng: np.random.Generator, index: int = 0) -> Workload:
        """Draw one workload for a cluster; ``index`` cycles through classes where there are some.

        Raises:
            InputError: the cluster lacks what this family needs (a node type, a network).
        """

    def check(self, cluster: Cluster) -> None:
        """Raise ``InputError`` when the cluster lacks what this family needs."""
        rng = np.random.Generator(np.random.Philox(0))
        check_fit(self.tiny().generate(cluster, rng), cluster)

    def tiny(self) -> Self:
        """Return the same family at a size for smoke tests (60 tasks at most)."""
        return self.model_copy(update={"jobs": min(self.jobs, 30)})

    def pace(self, workload: Workload, gaps: Floats, cluster: Cluster) -> Workload:
        """Release jobs after ``gaps`` (any unit, shape (J,)), stretched to the rate or load.

        The first job is released at time 0.
        """
        if self.load is not None:
            span = offered_seconds(workload, cluster) / self.load
        else:
            span = len(gaps) * 3600.0 / (self.rate or 1.0)
        passed = np.cumsum(gaps)
        at = (passed - passed[0]) * (span / float(passed[-1]))
        # Whole milliseconds, for the reason that ``quantised`` gives.
        release = np.rint(at * 1000).astype(np.int64) * 1000
        return released_at(workload, release)


def released_at(workload: Workload, release: Ints) -> Workload:
    """Return the workload with new releases (µs, non-decreasing); limits move along."""

    def moved(limit: Ints) -> Ints:
        return np.where(limit >= NEVER, NEVER, limit + release - workload.release)

    return replace(
        workload, release=release, due=moved(workload.due), deadline=moved(workload.deadline)
    )


def offered_seconds(workload: Workload, cluster: Cluster) -> float:
    """Return how long the whole cluster needs for the workload if nothing is ever idle.

    A task asks for its work times its largest share of a resource, where a node type counts by
    the task's throughput on it.
    """
    power = _power(workload, cluster)[workload.profile]
    asked = workload.demand * workload.gang[:, None].astype(np.float64)
    share = np.divide(asked, power, out=np.zeros(asked.shape), where=(asked > 0) & (power > 0))
    return float((share.max(axis=1) * (workload.work / SECOND)).sum())


def _power(workload: Workload, cluster: Cluster) -> Floats:
    """Capacity times speed times throughput by (profile, resource)."""
    by_type = np.zeros((len(cluster.types), 3))
    np.add.at(by_type, cluster.type, cluster.capacity * cluster.speed[:, None])
    return workload.throughput @ by_type
