"""From an instance to the state of the core: derived columns, shapes, ranks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from evaluator.candidates.block import COLUMNS, address_table
from evaluator.cluster.instance import Instance
from evaluator.cluster.kernel.moves import NEVER
from evaluator.cluster.kernel.state import BLOCK, Kernel, new_kernel
from evaluator.cluster.workload import Edges
from evaluator.errors import InputError

RANK_NODES = 1500
"""The mean link cost in ranks is taken over the first so many nodes (all pairs of them)."""


def build(instance: Instance, **switches: int) -> tuple[Kernel, dict[str, Any]]:
    """Return the core's state and the columns it shares with it.

    ``switches`` set scalars of the state: what the policy needs, which lists to keep.

    Raises:
        InputError: A task fits on no node of the empty cluster.
    """
    cluster, work, rules = instance.cluster, instance.workload, instance.rules
    n, nodes, types = len(work), len(cluster), len(cluster.types)
    type_ptr = np.searchsorted(cluster.type, np.arange(types + 1)).astype(np.int64)
    edges = len(work.edges.source) > 0
    succ_ptr, succ = successors(work.edges) if edges else (np.zeros(1, np.int64), _ints32(0))
    estimate = work.work if rules.oracle else work.estimate
    runnable = work.throughput > 0
    masks = (runnable * (1 << np.arange(types, dtype=np.int64))).sum(axis=1).astype(np.int64)
    shape, first = _shapes(work.demand, work.gang, work.requires, masks, work.profile)
    shape_types = np.ascontiguousarray(masks[work.profile[first]])
    _drop_impossible(instance, first, shape_types, type_ptr)
    blocks = -(-nodes // BLOCK)
    block_max = np.full((blocks, 3), -1, np.int64)
    for block in range(blocks):
        block_max[block] = cluster.capacity[block * BLOCK : (block + 1) * BLOCK].max(axis=0)
    tier = cluster.links
    need = dict(switches)
    if rules.preemptive:
        need.setdefault("keep_lists", 1)
    binding, lists = need.get("binding", 0), need.get("keep_lists", 0)
    tracked = need.get("track_estimates", 0)
    rank = need.pop("need_rank", 0)
    # columns that only a stopped task needs stay untouched, and so take no memory
    stoppable = rules.preemptive or bool(instance.outages) or instance.failures is not None
    columns: dict[str, Any] = {
        "release": work.release, "due": work.due, "deadline": work.deadline,
        "weight": work.weight, "job": work.job, "demand": work.demand, "gang": work.gang,
        "work": work.work, "estimate": estimate, "profile": work.profile,
        "throughput": work.throughput, "best_speed": work.throughput.max(axis=1),
        "restart": work.restart, "pred_ptr": work.edges.ptr, "pred": work.edges.source,
        "pred_bytes": work.edges.bytes, "succ_ptr": succ_ptr, "succ": succ,
        "node_type": cluster.type, "node_speed": cluster.speed, "capacity": cluster.capacity,
        "idle_watts": cluster.idle_watts, "busy_watts": cluster.busy_watts,
        "node_labels": cluster.labels,
        "place": np.ascontiguousarray(
            np.stack([cluster.rack, cluster.zone, cluster.region], axis=1), np.int32
        ),
        "bandwidth": cluster.bandwidth, "tier_bandwidth": tier.bandwidth,
        "tier_latency": tier.latency, "type_ptr": type_ptr,
        "band_ptr": _bands(cluster.type, cluster.speed),
        "shape": shape, "shape_demand": np.ascontiguousarray(work.demand[first]),
        "shape_gang": work.gang[first].astype(np.int64), "shape_requires": work.requires[first],
        "shape_types": shape_types,
        "shape_ptr": _rows_by_shape(shape, len(first)),
        "price": cluster.price.copy(), "carbon": np.zeros(nodes), "up": np.ones(nodes, np.int8),
        "free": cluster.capacity.copy(), "block_max": block_max, "dirty": _ints32(nodes),
        "is_dirty": np.zeros(nodes, np.int8), "free_at": np.zeros(nodes, np.int64),
        "queued": _ints32(nodes), "node_root": np.full(nodes, -1, np.int32),
        "node_running": np.full(nodes, -1, np.int32), "queued_work": np.zeros(nodes, np.int64),
        "shape_root": np.full(len(first), -1, np.int32), "shape_len": _ints32(len(first)),
        "blocked": np.zeros(len(first), np.int8), "status": np.zeros(n, np.int8),
        "missing": np.diff(work.edges.ptr).astype(np.int32) if edges else _ints32(n),
        "ready": np.zeros(n, np.int64), "attained": np.zeros(n, np.int64),
        "service": np.zeros(n, np.int64), "starts": _ints32(n),
        "begin": np.zeros(n, np.int64), "end": np.zeros(n, np.int64),
        "estimated_end": np.zeros(n if lists or tracked else 1, np.int64),
        "row": _ints32(n), "key": np.zeros(n), "left": _ints32(n), "right": _ints32(n),
        "heap": _ints32(n), "heap_at": _ints32(n), "rank": np.zeros(1, np.int64),
        "children": np.diff(succ_ptr).astype(np.int32) if edges else _ints32(n),
        "job_left": _job_left(work.job, estimate, work.jobs)
        if need.get("need_job_left")
        else np.zeros(1, np.int64),
        "next_running": _ints32(n if binding or need.get("planning") else 1),
        "fresh": _ints32(n), "finished": _ints32(n if lists else 1), "running": _ints32(64),
        "trace_task": _ints32(n), "trace_node": _ints32(n), "trace_start": np.zeros(n, np.int64),
        "trace_end": np.zeros(n, np.int64), "trace_outcome": np.zeros(n, np.int8),
        "spread_row": _ints32(16), "spread_node": _ints32(16), "spread_count": _ints32(16),
        "pair_task": _ints32(64), "pair_node": _ints32(64),
        "pair_overhead": np.zeros(64, np.int64), "pair_data": np.zeros(64, np.int64),
        "pair_here": np.zeros(64, np.int8), "pair_score": np.zeros(64),
        "used": _ints32(nodes + 1), "used_count": _ints32(nodes + 1),
        "round": rules.round, "start_cost": rules.start_cost,
        "restart_cost": rules.restart_cost, "checkpoint": rules.checkpoint,
        "preemptive": int(rules.preemptive), "kill": int(rules.kill_at_estimate),
        "stoppable": int(stoppable),
        "edges": int(edges), "gangs": int((work.gang > 1).any()), "failed_task": -1,
        "failed_node": -1, "wake": NEVER, **need,
    }  # fmt: skip
    if rank:
        columns["rank"] = upward_rank(instance, estimate, succ_ptr, succ)
    columns |= {
        "kind_type": np.arange(types, dtype=np.int32), "kind_speed": np.zeros(types),
        "kind_room": np.zeros((types, 3), np.int64), "kind_price": np.zeros(types),
        "kind_idle": np.zeros(types), "kind_busy": np.zeros(types),
        "kind_carbon": np.zeros(types), "kind_at": np.zeros(types, np.int64),
        "kind_queued": _ints32(types),
    }  # fmt: skip
    # the core never writes these, but its types ask for writable columns
    columns = {name: _writable(value) for name, value in columns.items()}
    columns["table"] = _table(columns, SEEN_AS_NODES)
    columns["kind_table"] = _table(columns, SEEN_AS_NODES | SEEN_AS_KINDS)
    return new_kernel(columns), columns


SEEN_AS_NODES = {
    "tasks": "pair_task", "nodes": "pair_node", "overhead": "pair_overhead",
    "data_at": "pair_data", "here": "pair_here", "out": "pair_score",
}  # fmt: skip
"""Names of the policy's columns that the core calls otherwise."""

SEEN_AS_KINDS = {
    "node_type": "kind_type", "node_speed": "kind_speed", "free": "kind_room",
    "capacity": "kind_room", "price": "kind_price", "idle_watts": "kind_idle",
    "busy_watts": "kind_busy", "carbon": "kind_carbon", "free_at": "kind_at",
    "queued": "kind_queued",
}  # fmt: skip
"""What a preemptive pass shows in place of nodes."""


def _table(columns: dict[str, Any], names: dict[str, str]) -> np.ndarray:
    return address_table({name: columns[names.get(name, name)] for name in COLUMNS})


@njit(cache=True)
def _rows_by_shape(shape: np.ndarray, shapes: int) -> np.ndarray:
    ptr = np.zeros(shapes + 1, np.int64)
    for s in shape:
        ptr[s + 1] += 1
    return np.cumsum(ptr)


def _writable(value: Any) -> Any:
    if isinstance(value, np.ndarray) and not value.flags.writeable:
        return value.copy()
    return value


def _ints32(n: int) -> np.ndarray:
    return np.zeros(n, np.int32)


def _bands(kinds: np.ndarray, speed: np.ndarray) -> np.ndarray:
    """Row pointers of runs of nodes of equal type and speed."""
    breaks = np.flatnonzero((np.diff(kinds) != 0) | (np.diff(speed) != 0)) + 1
    return np.concatenate([[0], breaks, [len(kinds)]]).astype(np.int64)


@njit(cache=True)
def _job_left(job: np.ndarray, estimate: np.ndarray, jobs: int) -> np.ndarray:
    left = np.zeros(jobs, np.int64)
    for i in range(len(job)):
        left[job[i]] += estimate[i]
    return left


@njit(cache=True)
def _successors(ptr: np.ndarray, source: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n = len(ptr) - 1
    out = np.zeros(n + 1, np.int64)
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


@njit(cache=True)
def _shapes(
    demand: np.ndarray, gang: np.ndarray, requires: np.ndarray, masks: np.ndarray,
    profile: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Number the shapes in order of first sight: (shape per task, first task per shape)."""
    n = len(gang)
    shape = np.empty(n, np.int32)
    first = np.empty(64, np.int64)
    size = 256
    table = np.full(size, -1, np.int32)
    count = 0
    for i in range(n):
        if 2 * count >= size:
            size *= 2
            table = np.full(size, -1, np.int32)
            for s in range(count):
                at = _hash(demand, gang, requires, masks, profile, first[s]) & (size - 1)
                while table[at] >= 0:
                    at = (at + 1) & (size - 1)
                table[at] = s
        at = _hash(demand, gang, requires, masks, profile, i) & (size - 1)
        while True:
            s = table[at]
            if s < 0:
                if count == len(first):
                    more = np.empty(2 * count, np.int64)
                    more[:count] = first
                    first = more
                first[count] = i
                table[at] = count
                shape[i] = count
                count += 1
                break
            j = first[s]
            if (
                demand[i, 0] == demand[j, 0] and demand[i, 1] == demand[j, 1]
                and demand[i, 2] == demand[j, 2] and gang[i] == gang[j]
                and requires[i] == requires[j] and masks[profile[i]] == masks[profile[j]]
            ):  # fmt: skip
                shape[i] = s
                break
            at = (at + 1) & (size - 1)
    return shape, first[:count].copy()


@njit(cache=True)
def _hash(
    demand: np.ndarray, gang: np.ndarray, requires: np.ndarray, masks: np.ndarray,
    profile: np.ndarray, i: int,
) -> int:  # fmt: skip
    h = demand[i, 0]
    h = h * 1000003 + demand[i, 1]
    h = h * 1000003 + demand[i, 2]
    h = h * 1000003 + gang[i]
    h = h * 1000003 + requires[i]
    h = h * 1000003 + masks[profile[i]]
    return (h ^ (h >> 17)) & 0x7FFFFFFF


def _drop_impossible(
    instance: Instance, first: np.ndarray, shape_types: np.ndarray, type_ptr: np.ndarray
) -> None:
    """Clear the types on which the empty cluster cannot hold a shape; refuse if none is left."""
    cluster, work = instance.cluster, instance.workload
    for s, task in enumerate(first):
        demand, gang, requires = work.demand[task], int(work.gang[task]), work.requires[task]
        for kind in range(len(cluster.types)):
            rows = slice(type_ptr[kind], type_ptr[kind + 1])
            ok = cluster.labels[rows] & requires == requires
            room = np.full(int(ok.sum()), gang, np.int64)
            for r in range(3):
                if demand[r] > 0:
                    room = np.minimum(room, cluster.capacity[rows][ok][:, r] // demand[r])
            if room.sum() < gang:
                shape_types[s] &= ~(1 << kind)
        if shape_types[s] == 0:
            wants = ", ".join(
                f"{amount / unit:g} {name}"
                for amount, unit, name in zip(
                    demand, (1000, 1024, 1000), ("cpus", "GiB", "devices"), strict=True
                )
                if amount
            )
            raise InputError(
                f"workload {work.name!r}: task {work.task_name(int(task))!r} (gang {gang}, each "
                f"{wants or 'nothing'}) fits on no node of cluster {cluster.name!r}, even "
                "empty: enlarge the cluster or drop the task"
            )


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
    pointers = succ_ptr if len(work.edges.source) else np.zeros(len(work) + 1, np.int64)
    sizes = _bytes_by_source(work.edges.ptr, work.edges.source, work.edges.bytes, pointers)
    return _rank(estimate, work.profile, mean, pointers, succ, sizes, latency, per_byte)


@njit(cache=True)
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


@njit(cache=True)
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


@njit(cache=True)
def _rank(
    estimate: np.ndarray, profile: np.ndarray, mean: np.ndarray, succ_ptr: np.ndarray,
    succ: np.ndarray, sizes: np.ndarray, latency: float, per_byte: float,
) -> np.ndarray:  # fmt: skip
    n = len(estimate)
    rank = np.zeros(n, np.int64)
    for i in range(n - 1, -1, -1):
        after = np.int64(0)
        for e in range(succ_ptr[i], succ_ptr[i + 1]):
            link = np.int64(np.ceil(latency + sizes[e] * per_byte))
            after = max(after, link + rank[succ[e]])
        rank[i] = max(np.int64(1), np.int64(np.ceil(estimate[i] * mean[profile[i]]))) + after
    return rank
