"""Edges by source, and the upward ranks that follow from them."""

from __future__ import annotations

import numpy as np

from evaluator.cluster.instance import Instance
from evaluator.cluster.kernel.core import core
from evaluator.cluster.workload import Edges

RANK_NODES = 1500
"""The mean link cost in ranks is taken over the first so many nodes (all pairs of them)."""


@core
def _successors(ptr: np.ndarray, source: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n = len(ptr) - 1
    out = np.zeros(n + 1, np.int32)
    for e in range(len(source)):
        out[source[e] + 1] += 1
    for i in range(n):
        out[i + 1] += out[i]
    at = out[:-1].copy()
    target = np.empty(len(source), np.int32)
    for i in range(n):
        for e in range(ptr[i], ptr[i + 1]):
            target[at[source[e]]] = i
            at[source[e]] += 1
    return out, target


def successors(edges: Edges) -> tuple[np.ndarray, np.ndarray]:
    """Return the edges by source: row pointers (n + 1,) and targets (E,), ascending in each row."""
    out, target = _successors(edges.ptr, edges.source)
    return out, target


def upward_rank(
    instance: Instance, estimate: np.ndarray, succ_ptr: np.ndarray, succ: np.ndarray
) -> np.ndarray:
    """Estimated upward rank in microseconds (HEFT): mean duration plus the longest way out.

    Durations are means over the nodes that can run the task, links means over pairs of
    distinct nodes (Topcuoglu et al. 2002).
    """
    cluster, work = instance.cluster, instance.workload
    rates = work.throughput[:, cluster.type] * cluster.speed
    with np.errstate(divide="ignore"):
        inverse = np.where(rates > 0, 1.0 / rates, 0.0)
    mean = inverse.sum(axis=1) / np.maximum(1, (rates > 0).sum(axis=1))
    latency, per_byte = _mean_link(
        np.stack([cluster.rack, cluster.zone, cluster.region], axis=1)[:RANK_NODES],
        cluster.bandwidth[:RANK_NODES], cluster.links.bandwidth, cluster.links.latency,
    )  # fmt: skip
    pointers = succ_ptr if len(work.edges.source) else np.zeros(len(work) + 1, np.int32)
    sizes = _bytes_by_source(work.edges.ptr, work.edges.source, work.edges.bytes, pointers)
    return _rank(estimate, work.profile, mean, pointers, succ, sizes, latency, per_byte)


@core
def _mean_link(
    place: np.ndarray, own: np.ndarray, bandwidth: np.ndarray, latency: np.ndarray
) -> tuple[float, float]:
    total_latency, total_rate, pairs = 0.0, 0.0, 0
    for a in range(len(own)):
        for b in range(len(own)):
            if a == b:
                continue
            tier = 4
            if place[a, 0] == place[b, 0]:
                tier = 1
            elif place[a, 1] == place[b, 1]:
                tier = 2
            elif place[a, 2] == place[b, 2]:
                tier = 3
            total_latency += latency[tier]
            total_rate += 1e6 / min(bandwidth[tier], min(own[a], own[b]))
            pairs += 1
    return total_latency / max(1, pairs), total_rate / max(1, pairs)


@core
def _bytes_by_source(
    ptr: np.ndarray, source: np.ndarray, size: np.ndarray, out: np.ndarray
) -> np.ndarray:
    at = out[:-1].copy()
    sizes = np.empty(len(source), np.int64)
    for i in range(len(ptr) - 1):
        for e in range(ptr[i], ptr[i + 1]):
            sizes[at[source[e]]] = size[e]
            at[source[e]] += 1
    return sizes


@core
def _rank(
    estimate: np.ndarray, profile: np.ndarray, mean: np.ndarray, succ_ptr: np.ndarray,
    succ: np.ndarray, sizes: np.ndarray, latency: float, per_byte: float,
) -> np.ndarray:  # fmt: skip
    n = len(estimate)
    rank = np.zeros(n, np.int64)
    for i in range(n - 1, -1, -1):
        after = 0
        for e in range(succ_ptr[i], succ_ptr[i + 1]):
            link = int(np.ceil(latency + sizes[e] * per_byte))
            after = max(after, link + rank[succ[e]])
        rank[i] = max(1, int(np.ceil(estimate[i] * mean[profile[i]]))) + after
    return rank
