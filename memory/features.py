"""What a cluster and its workload are like, in numbers that can be compared."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from typing import Literal, Protocol

from evaluator.traceheader import Problem
from evaluator.worlds import world_of

Sense = Literal["min", "max"]


class ObjectiveLike(Protocol):
    """The part of a scenario's objective that memory needs."""

    @property
    def metric(self) -> str:
        """Name of the metric."""

    @property
    def sense(self) -> Sense:
        """Whether less or more of it is better."""


@dataclass(frozen=True, slots=True)
class Features:
    """The context in which a policy was proven, or in which one is wanted.

    Numbers are rounded to six significant digits, so that equal contexts have equal ids. Contexts
    of different worlds are never compared; what the numbers of another world than the cluster
    stand for, its ``traits`` say.
    """

    objective: str
    """Metric to be improved."""
    sense: Sense
    preemptive: bool
    nodes: int
    types: int
    """Node types."""
    heterogeneity: float
    """Coefficient of variation, over nodes, of the rate at which an average task runs there."""
    affinity: float
    """How differently profiles value the types: mean over types of the variation coefficient of a
    profile's relative throughput."""
    load: float
    """Work offered per unit time over capacity, of the scarcest resource; at most 10."""
    packing: float
    """Mean share of an average node that one member of a task takes, of its greatest resource."""
    gang_share: float
    """Share of tasks with several members."""
    dag_share: float
    """Share of tasks that belong to a job with precedence."""
    due_share: float
    """Share of jobs with a due date or a deadline."""
    data_ratio: float
    """Mean transfer time of an edge over mean task duration."""
    duration_spread: float
    """Standard deviation of the natural logarithm of estimated durations."""
    burstiness: float
    """One minus median over mean of the gaps between releases: 0 when regular, 0.31 for Poisson,
    near 1 in bursts; 0 for a batch."""
    estimate_error: float
    """Mean absolute natural logarithm of estimate over true work; 0 is exact."""
    overhead: float
    """Restart cost over mean duration; 0 where nothing is preempted."""
    failures: bool
    """Nodes fail or go away."""
    world: str = "cluster"

    @property
    def id(self) -> str:
        """sha256 over the fields."""
        parts = [f"{field.name}={getattr(self, field.name)!r}" for field in fields(self)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def features(instance: Problem, objective: ObjectiveLike) -> Features:
    """Return what an instance is like; nothing is simulated.

    Args:
        instance: The problem; its true durations count, so who knows only estimates makes it of
            them.
        objective: What the policy is wanted for: ``metric`` and ``sense``.
    """
    world = world_of(instance)
    return Features(
        objective=objective.metric,
        sense=objective.sense,
        world=world.name,
        **world.traits(instance),  # type: ignore[arg-type]  # each world names the fields it has
    )
