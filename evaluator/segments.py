"""What each row of a trace implies: its rate, its input's arrival, its overhead, its losses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from evaluator.cluster.instance import Instance
from evaluator.cluster.model import SECOND, Floats, Ints, Ints32
from evaluator.errors import TraceError
from evaluator.trace import Outcome, Trace

_FINISHED, _PREEMPTED, _FAILED = int(Outcome.FINISHED), int(Outcome.PREEMPTED), int(Outcome.FAILED)
_KILLED = int(Outcome.KILLED)


@dataclass(frozen=True, slots=True)
class Segments:
    """Facts by trace row; times in microseconds."""

    rate: Floats
    """Work per microsecond: throughput times speed, a gang's least."""
    ready: Ints
    """When the task could have started first: its job's release or its last predecessor's end."""
    data_at: Ints
    """When the input had arrived at the row's first node; ``ready`` for a task without input."""
    overhead: Ints
    """Start or restart cost charged, at most the row's length."""
    lost: Ints
    """Work undone by a node failure at the end of the row, microseconds at throughput 1.0."""


@dataclass(frozen=True, slots=True)
class Placements:
    """One entry for each (row, node): gangs over several nodes have several."""

    row: Ints
    node: Ints32
    count: Ints
    """Gang members on the node."""


def placements(instance: Instance, trace: Trace) -> Placements:
    """List the nodes of every row, rows in order."""
    rows = np.arange(len(trace), dtype=np.int64)
    if len(trace.spread_row) == 0:
        return Placements(rows, trace.node, instance.workload.gang[trace.task].astype(np.int64))
    single = np.setdiff1d(rows, trace.spread_row, assume_unique=False)
    row = np.concatenate([single, trace.spread_row.astype(np.int64)])
    node = np.concatenate([trace.node[single], trace.spread_node])
    gang = instance.workload.gang[trace.task[single]].astype(np.int64)
    count = np.concatenate([gang, trace.spread_count.astype(np.int64)])
    order = np.argsort(row, kind="stable")
    return Placements(row[order], node[order], count[order])


def check_columns(instance: Instance, trace: Trace) -> None:
    """Refuse a trace whose rows do not belong to the instance.

    Raises:
        TraceError: a row names an unknown task or node, or columns differ in length.
    """
    n = len(trace)
    for name in ("node", "start", "end", "outcome"):
        if len(getattr(trace, name)) != n:
            raise TraceError(
                f"trace column {name!r} has {len(getattr(trace, name))} rows, 'task' has {n}"
            )
    limits = (("task", len(instance.workload)), ("node", len(instance.cluster)))
    spread = (("spread_row", n), ("spread_node", len(instance.cluster)))
    for name, limit in limits + spread:
        column = getattr(trace, name)
        bad = np.flatnonzero((column < 0) | (column >= limit))
        if len(bad):
            raise TraceError(
                f"trace row {bad[0]}: {name} must be below {limit}, got {column[bad[0]]}"
            )


def segments(instance: Instance, trace: Trace) -> Segments:
    """Derive the facts of every row, following each task from segment to segment."""
    w, cluster, rules = instance.workload, instance.cluster, instance.rules
    where = placements(instance, trace)
    speed = w.throughput[w.profile[trace.task[where.row]], cluster.type[where.node]]
    rate = np.full(len(trace), np.inf)
    np.minimum.at(rate, where.row, speed * cluster.speed[where.node])
    n = len(trace)
    restart = np.where(w.restart >= 0, w.restart, rules.restart_cost)[w.profile]
    places = np.stack([cluster.rack, cluster.zone, cluster.region])
    ready, data_at = np.zeros(n, np.int64), np.zeros(n, np.int64)
    overhead, lost = np.zeros(n, np.int64), np.zeros(n, np.int64)
    _walk(
        trace.task, trace.node, trace.start, trace.end, trace.outcome, rate,
        w.release[w.job], w.work, w.edges.ptr, w.edges.source, w.edges.bytes,
        places, cluster.bandwidth, cluster.links.bandwidth, cluster.links.latency,
        restart, rules.start_cost, rules.checkpoint, ready, data_at, overhead, lost,
    )  # fmt: skip
    return Segments(rate, ready, data_at, overhead, lost)


@njit(cache=True)
def _walk(
    task: Ints32, node: Ints32, start: Ints, end: Ints, outcome: NDArray[np.int8], rate: Floats,
    release: Ints, work: Ints, ptr: Ints, source: Ints32, size: Ints,
    places: Ints32, bandwidth: Floats, tier_bandwidth: Floats, tier_latency: Ints,
    restart: Ints, start_cost: int, checkpoint: int,
    ready: Ints, data_at: Ints, overhead: Ints, lost: Ints,
) -> None:  # fmt: skip
    n = len(work)
    left = work.copy()
    finished_at = np.zeros(n, np.int64)
    finished_on = np.zeros(n, np.int64)
    begun = np.zeros(n, np.bool_)
    for row in range(len(task)):
        i, here = task[row], node[row]
        may, arrived = release[i], np.int64(0)
        for edge in range(ptr[i], ptr[i + 1]):
            before = source[edge]
            there, done = finished_on[before], finished_at[before]
            may = max(may, done)
            if there != here:
                tier = 4
                for level in range(3):
                    if places[level, there] == places[level, here]:
                        tier = level + 1
                        break
                band = min(tier_bandwidth[tier], bandwidth[there], bandwidth[here])
                done += tier_latency[tier]
                if band < np.inf:
                    done += np.int64(np.ceil(size[edge] / band * SECOND))
            arrived = max(arrived, done)
        ready[row] = may
        data_at[row] = max(arrived, may)
        cost = restart[i] if begun[i] else start_cost
        begun[i] = True
        held = end[row] - start[row]
        overhead[row] = max(0, min(cost, held))
        ended = outcome[row]
        if ended in (_FINISHED, _KILLED):
            finished_at[i], finished_on[i] = end[row], here
            continue
        ran = end[row] - max(start[row], arrived) - cost
        done_now = np.int64(0)
        if ran > 0:
            done_now = min(left[i] - 1, np.int64(np.floor(ran * rate[row])))
        if ended == _PREEMPTED:
            left[i] -= done_now
        else:
            before_work = work[i] - left[i]
            kept = before_work
            if checkpoint > 0:
                kept = max(kept, (before_work + done_now) // checkpoint * checkpoint)
            lost[row] = before_work + done_now - kept
            left[i] = work[i] - kept
