"""What a cluster and its workload are like, in numbers that can be compared."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from evaluator.cluster.instance import Instance
from evaluator.cluster.model import NEVER, Cluster, Floats, Ints
from evaluator.cluster.workload import Workload

MOST_LOAD: Final = 10.0
"""Load of a batch that is there at once, and the most that any load counts."""


def traits(instance: Instance) -> dict[str, float]:
    """Return the numbers of ``memory.Features`` for an instance; nothing is simulated.

    Its true durations count, so who knows only estimates makes it of them.
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
    return {
        "preemptive": rules.preemptive,
        "nodes": len(cluster),
        "types": len(cluster.types),
        "heterogeneity": _six(_node_variation(workload.throughput, shares, cluster)),
        "affinity": _six(_affinity(rates, shares)),
        "load": _six(_load(cluster, workload, durations)),
        "packing": _six(_packing(cluster, workload)),
        "gang_share": _six(float(np.mean(workload.gang > 1))),
        "dag_share": _six(float(np.mean(in_dag))),
        "due_share": _six(float(np.mean(limited))),
        "data_ratio": _six(_transfer(cluster, workload) / mean_duration),
        "duration_spread": _six(_spread(np.log(workload.estimate / rate))),
        "burstiness": _six(_burstiness(np.diff(workload.release))),
        "estimate_error": _six(math.fsum(drift) / len(drift)),
        "overhead": _six(restart / mean_duration),
        "failures": bool(instance.outages)
        or (instance.failures is not None and instance.failures.scale > 0),
    }


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
