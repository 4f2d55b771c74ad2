"""What a cluster and its workload are like, in numbers that can be compared."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, fields
from typing import Literal, Protocol

import numpy as np

from evaluator.cluster.instance import Instance
from evaluator.cluster.model import NEVER, Cluster, Floats, Ints
from evaluator.cluster.workload import Workload

Sense = Literal["min", "max"]

MOST_LOAD = 10.0
"""Load of a batch that is there at once, and the most that any load counts."""


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

    Numbers are rounded to six significant digits, so that equal contexts have equal ids.
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


def features(instance: Instance, objective: ObjectiveLike) -> Features:
    """Return what an instance is like; nothing is simulated.

    Args:
        instance: The problem; its true durations count, so who knows only estimates makes it of
            them.
        objective: What the policy is wanted for: ``metric`` and ``sense``.
    """
    cluster, workload, rules = instance.cluster, instance.workload, instance.rules
    counts = np.bincount(cluster.type, minlength=len(cluster.types)).astype(np.float64)
    speeds = np.bincount(cluster.type, cluster.speed, minlength=len(cluster.types))
    speed = speeds / np.maximum(counts, 1.0)
    rates = workload.throughput * speed
    usable = (workload.throughput > 0) * counts
    mean_rate = (rates * counts).sum(axis=1) / np.maximum(usable.sum(axis=1), 1.0)
    rate = mean_rate[workload.profile]
    rate = np.where(rate > 0, rate, 1.0)
    durations = workload.work / rate
    mean_duration = math.fsum(durations) / len(durations)
    shares = np.bincount(workload.profile, minlength=len(rates)) / len(workload)
    in_dag = np.isin(workload.job, workload.job[np.diff(workload.edges.ptr) > 0])
    limited = np.minimum(workload.due, workload.deadline) < NEVER
    drift = np.abs(np.log(workload.estimate / workload.work))
    restart = float(rules.restart_cost) if rules.preemptive else 0.0
    return Features(
        objective=objective.metric,
        sense=objective.sense,
        preemptive=rules.preemptive,
        nodes=len(cluster),
        types=len(cluster.types),
        heterogeneity=_six(_node_variation(workload.throughput, shares, cluster)),
        affinity=_six(_affinity(rates, shares)),
        load=_six(_load(cluster, workload, durations)),
        packing=_six(_packing(cluster, workload)),
        gang_share=_six(float(np.mean(workload.gang > 1))),
        dag_share=_six(float(np.mean(in_dag))),
        due_share=_six(float(np.mean(limited))),
        data_ratio=_six(_transfer(cluster, workload) / mean_duration),
        duration_spread=_six(_spread(np.log(workload.estimate / rate))),
        burstiness=_six(_burstiness(np.diff(workload.release))),
        estimate_error=_six(math.fsum(drift) / len(drift)),
        overhead=_six(restart / mean_duration),
        failures=bool(instance.outages)
        or (instance.failures is not None and instance.failures.scale > 0),
    )


def _six(value: float) -> float:
    """Six significant digits: the id of a context must not hang on the order of a sum."""
    return float(f"{value:.6g}")


def _spread(values: Floats, weights: Floats | None = None) -> float:
    """Standard deviation, weighted."""
    weight = np.ones(len(values)) if weights is None else weights
    total = math.fsum(weight)
    mean = math.fsum(values * weight) / total
    return math.sqrt(math.fsum((values - mean) ** 2 * weight) / total)


def _variation(values: Floats, weights: Floats | None = None) -> float:
    """Standard deviation over mean, weighted; 0 for a mean of 0."""
    weight = np.ones(len(values)) if weights is None else weights
    mean = math.fsum(values * weight) / math.fsum(weight)
    return _spread(values, weights) / abs(mean) if mean else 0.0


def _burstiness(gaps: Ints) -> float:
    """Unlike the coefficient of variation, it does not hang on the one longest gap."""
    mean = float(np.mean(gaps)) if len(gaps) else 0.0
    return max(0.0, 1.0 - float(np.median(gaps)) / mean) if mean else 0.0


def _node_variation(throughput: Floats, shares: Floats, cluster: Cluster) -> float:
    best = np.maximum(throughput.max(axis=1, keepdims=True), 1e-300)
    by_type = (throughput / best * shares[:, None]).sum(axis=0)
    return _variation(by_type[cluster.type] * cluster.speed)


def _affinity(rates: Floats, shares: Floats) -> float:
    relative = rates / np.maximum(rates.mean(axis=1, keepdims=True), 1e-300)
    variations = [_variation(relative[:, k], shares) for k in range(rates.shape[1])]
    return math.fsum(variations) / len(variations)


def _load(cluster: Cluster, workload: Workload, durations: Floats) -> float:
    releases = workload.release
    if releases[-1] == releases[0]:
        return MOST_LOAD
    # n arrivals have n - 1 gaps between them; the span they stand for is n mean gaps long
    span = float(releases[-1] - releases[0]) * workload.jobs / (workload.jobs - 1)
    offered = (workload.demand * (durations * workload.gang)[:, None]).sum(axis=0)
    capacity = cluster.capacity.sum(axis=0)
    loads = [float(offered[r]) / (float(capacity[r]) * span) for r in range(3) if capacity[r] > 0]
    return min(max(loads, default=0.0), MOST_LOAD)


def _packing(cluster: Cluster, workload: Workload) -> float:
    node = cluster.capacity.mean(axis=0)
    share = workload.demand / np.where(node > 0, node, np.inf)
    return float(np.mean(share.max(axis=1)))


def _transfer(cluster: Cluster, workload: Workload) -> float:
    """Mean microseconds an edge takes between two typical nodes of this cluster."""
    edges = workload.edges
    if len(edges.source) == 0:
        return 0.0
    places = (cluster.rack, cluster.zone, cluster.region)
    tier = 1 + max((i for i, p in enumerate(places, 1) if len(np.unique(p)) > 1), default=0)
    bandwidth = min(float(cluster.links.bandwidth[tier]), float(np.median(cluster.bandwidth)))
    latency = float(cluster.links.latency[tier])
    return latency + float(np.mean(edges.bytes)) / bandwidth * 1e6
