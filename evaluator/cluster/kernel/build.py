"""From an instance to the state of the core: derived columns, shapes, ranks."""

from __future__ import annotations

import mmap
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from evaluator.candidates.block import COLUMNS, address_table
from evaluator.cluster.instance import Instance
from evaluator.cluster.kernel.core import core
from evaluator.cluster.kernel.ranks import successors, upward_rank
from evaluator.cluster.kernel.shapes import shapes_of
from evaluator.cluster.kernel.spans import NEVER
from evaluator.cluster.kernel.state import BLOCK, Kernel, new_kernel

PAGES = 1 << 17
"""Bytes from which on a column has pages of its own."""


def build(
    instance: Instance, alike: np.ndarray | None = None, **switches: int
) -> tuple[Kernel, dict[str, Any]]:
    """Return the core's state and the columns it shares with it.

    ``alike`` numbers the kinds of tasks of which one may dominate another; None: all are of one.
    ``switches`` set scalars of the state: what the policy needs, which lists to keep. What a policy
    reads is kept unless a switch says that it does not read it.

    Raises:
        InputError: A task fits on no node of the empty cluster.
    """
    cluster, work, rules = instance.cluster, instance.workload, instance.rules
    type_ptr = np.searchsorted(cluster.type, np.arange(len(cluster.types) + 1)).astype(np.int64)
    edges = len(work.edges.source) > 0
    estimate = work.work if rules.oracle else work.estimate
    stoppable = rules.preemptive or bool(instance.outages) or instance.failures is not None
    need = {"need_ready": 1, "need_children": 1, "need_rank": 0, "need_job_left": 0, **switches}
    if rules.preemptive:
        need.setdefault("keep_lists", 1)
    if stoppable:
        need["need_ready"] = 1
    children, ranked = need.pop("need_children"), need.pop("need_rank")
    succ_ptr, succ = successors(work.edges) if edges else (_ints32(1), _ints32(0))
    shapes = shapes_of(instance, type_ptr)
    columns: dict[str, Any] = {
        **_of_workload(instance, estimate), **_of_cluster(instance, type_ptr),
        "succ_ptr": succ_ptr, "succ": succ, "shape": shapes.of_task,
        "shape_demand": np.ascontiguousarray(work.demand[shapes.first]),
        "shape_gang": work.gang[shapes.first].astype(np.int64),
        "shape_requires": work.requires[shapes.first], "shape_types": shapes.types,
        "shape_ptr": shapes.ptr, "shape_root": np.full(len(shapes.first), -1, np.int32),
        "shape_len": _ints32(len(shapes.first)),
        "front_len": np.full(len(shapes.first), -1, np.int32),
        "blocked": np.zeros(len(shapes.first), np.int8),
        "open_shapes": _ints32(len(shapes.first)), "learnt": np.zeros(len(shapes.first), np.int8),
        "alike": _ints32(1) if alike is None else alike,
        **_of_nodes(instance), **_of_tasks(instance, need, edges, stoppable),
        "children": _ints32(1), "rank": np.zeros(1, np.int64), "job_left": np.zeros(1, np.int64),
        "round": rules.round, "start_cost": rules.start_cost,
        "restart_cost": rules.restart_cost, "checkpoint": rules.checkpoint,
        "preemptive": int(rules.preemptive), "kill": int(rules.kill_at_estimate),
        "stoppable": int(stoppable), "edges": int(edges), "gangs": int((work.gang > 1).any()),
        "failed_task": -1, "failed_node": -1, "wake": NEVER, **need,
    }  # fmt: skip
    if children:
        columns["children"] = np.diff(succ_ptr) if edges else untouched(len(work), np.int32)
    if ranked:
        columns["rank"] = upward_rank(instance, estimate, succ_ptr, succ)
    if need["need_job_left"]:
        columns["job_left"] = _job_left(work.job, estimate, work.jobs)
    # the core never writes the workload's columns, but its types ask for writable ones
    columns = {name: _writable(value) for name, value in columns.items()}
    columns["table"], columns["kind_table"] = _tables(columns)
    return new_kernel(columns), columns


def untouched(count: int, dtype: type) -> np.ndarray:
    """Return zeros that take no memory where nobody writes.

    What ``np.zeros`` takes from the heap may have been used before, and then it writes every zero.
    """
    size = count * np.dtype(dtype).itemsize
    if size < PAGES or sys.platform == "win32":
        return np.zeros(count, dtype)
    return np.frombuffer(mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS), dtype)


def _of_workload(instance: Instance, estimate: np.ndarray) -> dict[str, Any]:
    work = instance.workload
    return {
        "release": work.release, "due": work.due, "deadline": work.deadline,
        "weight": work.weight, "job": work.job, "demand": work.demand, "gang": work.gang,
        "work": work.work, "estimate": estimate, "profile": work.profile,
        "throughput": work.throughput, "best_speed": work.throughput.max(axis=1),
        "restart": work.restart, "pred_ptr": work.edges.ptr, "pred": work.edges.source,
        "pred_bytes": work.edges.bytes,
    }  # fmt: skip


def _of_cluster(instance: Instance, type_ptr: np.ndarray) -> dict[str, Any]:
    cluster, types = instance.cluster, len(type_ptr) - 1
    place = np.stack([cluster.rack, cluster.zone, cluster.region], axis=1)
    return {
        "node_type": cluster.type, "node_speed": cluster.speed, "capacity": cluster.capacity,
        "idle_watts": cluster.idle_watts, "busy_watts": cluster.busy_watts,
        "node_labels": cluster.labels, "place": np.ascontiguousarray(place, np.int32),
        "bandwidth": cluster.bandwidth, "tier_bandwidth": cluster.links.bandwidth,
        "tier_latency": cluster.links.latency, "type_ptr": type_ptr,
        "band_ptr": _bands(cluster.type, cluster.speed),
        "kind_type": np.arange(types, dtype=np.int32), "kind_speed": np.zeros(types),
        "kind_room": np.zeros((types, 3), np.int64), "kind_price": np.zeros(types),
        "kind_idle": np.zeros(types), "kind_busy": np.zeros(types),
        "kind_carbon": np.zeros(types), "kind_at": np.zeros(types, np.int64),
        "kind_queued": _ints32(types),
    }  # fmt: skip


def _of_nodes(instance: Instance) -> dict[str, Any]:
    cluster, nodes = instance.cluster, len(instance.cluster)
    blocks = np.arange(0, nodes, BLOCK)
    return {
        "price": cluster.price.copy(), "carbon": np.zeros(nodes), "up": np.ones(nodes, np.int8),
        "free": cluster.capacity.copy(),
        "block_max": np.maximum.reduceat(cluster.capacity, blocks, axis=0),
        "dirty": _ints32(nodes), "is_dirty": np.zeros(nodes, np.int8),
        "free_at": np.zeros(nodes, np.int64), "queued": _ints32(nodes),
        "node_root": np.full(nodes, -1, np.int32), "queued_work": np.zeros(nodes, np.int64),
        "node_running": np.full(nodes, -1, np.int32), "used": _ints32(nodes + 1),
        "used_count": _ints32(nodes + 1), "room": np.zeros((nodes, 3), np.int64),
        "nodes": _ints32(nodes), "fitting": _ints32(nodes), "seen": np.zeros(nodes, np.int8),
    }  # fmt: skip


def _of_tasks(
    instance: Instance, need: Mapping[str, int], edges: bool, stoppable: bool
) -> dict[str, Any]:
    """Columns of one value a task, as far as this run needs them; lists that grow begin small."""
    n = len(instance.workload)
    lists, binding = need.get("keep_lists", 0), need.get("binding", 0)
    stopped = n if stoppable else 1
    row, left = untouched(n, np.int32), untouched(n, np.int32)
    if edges:
        row[:] = np.diff(instance.workload.edges.ptr)
    return {
        "status": untouched(n, np.int8), "row": row, "left": left,
        "right": untouched(n, np.int32), "key": untouched(n, np.float64),
        "ready": untouched(n if need["need_ready"] else 1, np.int64),
        "estimated_end": untouched(n if lists or need.get("track_estimates") else 1, np.int64),
        # these three are read of every waiting task, and zero until one has been stopped
        "attained": untouched(n, np.int64), "service": untouched(n, np.int64),
        "starts": untouched(n, np.int32),
        "begin": untouched(stopped, np.int64), "heap_at": untouched(stopped, np.int32),
        # a task leaves its node's queue, and with it ``left``, before it runs
        "next_running": left if binding else untouched(n if need.get("planning") else 1, np.int32),
        "fresh": untouched(n, np.int32), "finished": untouched(n if lists else 1, np.int32),
        "running": _ints32(64), "heap": _ints32(64), "heap_end": np.zeros(64, np.int64),
        "trace_task": untouched(n, np.int32), "trace_node": untouched(n, np.int32),
        "trace_start": untouched(n, np.int64), "trace_end": untouched(n, np.int64),
        "trace_outcome": untouched(n, np.int8),
        "spread_row": _ints32(16), "spread_node": _ints32(16), "spread_count": _ints32(16),
        "pair_task": _ints32(64), "pair_node": _ints32(64),
        "pair_overhead": np.zeros(64, np.int64), "pair_data": np.zeros(64, np.int64),
        "pair_here": np.zeros(64, np.int8), "pair_score": np.zeros(64),
    }  # fmt: skip


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


def _tables(columns: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return the addresses of what a policy reads: with nodes, and with node types as nodes."""
    table = address_table({name: columns[SEEN_AS_NODES.get(name, name)] for name in COLUMNS})
    kinds = table.copy()
    for row, name in enumerate(COLUMNS):
        if name in SEEN_AS_KINDS:
            kinds[row] = columns[SEEN_AS_KINDS[name]].ctypes.data
    return table, kinds


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


@core
def _job_left(job: np.ndarray, estimate: np.ndarray, jobs: int) -> np.ndarray:
    left = np.zeros(jobs, np.int64)
    for i in range(len(job)):
        left[job[i]] += estimate[i]
    return left
