"""HEFT planned anew at every pass (Topcuoglu, Hariri, Wu, IEEE TPDS 2002, insertion policy).

Every released task that has not started is planned in order of upward rank, by estimates, on
the node of earliest finish; a node is a profile of used thousandths, so nodes with room for several
tasks are planned as such. Then every node starts, in order of planned start, what is ready.
"""

from __future__ import annotations

import numpy as np

from evaluator.cluster.kernel.binding import could_host
from evaluator.cluster.kernel.core import core
from evaluator.cluster.kernel.fitting import fits, share_of
from evaluator.cluster.kernel.greedy import clear_dirty
from evaluator.cluster.kernel.moves import start
from evaluator.cluster.kernel.spans import estimated_span, overhead_of, rate_on, transfer
from evaluator.cluster.kernel.state import DONE, READY, RUNNING, Kernel


@core
def _earliest(
    times: np.ndarray, used: np.ndarray, steps: int, ready: int, span: int, share: int
) -> int:
    """Return the earliest start from ``ready`` on at which the share is free for the span."""
    begin = ready
    i = 0
    while i < steps:
        ends = times[i + 1] if i + 1 < steps else begin + span
        if ends <= begin:
            i += 1
            continue
        if used[i] + share > 1000:
            if i + 1 >= steps:
                return -1
            begin = max(ready, times[i + 1])
        elif ends >= begin + span:
            return begin
        i += 1
    return begin


@core
def _cut(times: np.ndarray, used: np.ndarray, steps: int, at: int) -> int:
    """Make ``at`` a step of the profile; return the new length."""
    i = steps
    while i > 0 and times[i - 1] > at:
        i -= 1
    if i > 0 and times[i - 1] == at:
        return steps
    for j in range(steps, i, -1):
        times[j] = times[j - 1]
        used[j] = used[j - 1]
    times[i] = at
    used[i] = used[i - 1] if i > 0 else 0
    return steps + 1


@core
def _book(times: np.ndarray, used: np.ndarray, steps: int, begin: int, end: int, share: int) -> int:
    steps = _cut(times, used, steps, begin)
    steps = _cut(times, used, steps, end)
    for i in range(steps):
        if begin <= times[i] < end:
            used[i] += share
    return steps


@core
def pass_replanning(k: Kernel) -> bool:
    """Plan all released, unstarted tasks; start what is due. ``right[:queue_len]`` holds them."""
    for i in range(k.fresh_len):
        if k.starts[k.fresh[i]] > 0:
            k.right[k.queue_len] = k.fresh[i]
            k.queue_len += 1
    k.fresh_len = 0
    kept = k.queue_len
    tasks = np.sort(k.right[:kept])
    ranks = np.empty(kept, np.int64)
    for i in range(kept):
        ranks[i] = -k.rank[tasks[i]]
    tasks = tasks[np.argsort(ranks, kind="mergesort")]
    nodes = len(k.up)
    room = 2 * (kept + k.running_len) + 4
    times = np.empty((nodes, room), np.int64)
    used = np.zeros((nodes, room), np.int64)
    steps = np.ones(nodes, np.int64)
    times[:, 0] = k.now
    for i in range(k.running_len):
        task = k.running[i]
        node = k.trace_node[k.row[task]]
        until = max(k.now + 1, k.estimated_end[task])
        share = share_of(k, k.shape[task], node)
        steps[node] = _book(times[node], used[node], steps[node], k.now, until, share)
    where = np.full(kept, -1, np.int32)
    begins = np.zeros(kept, np.int64)
    plan_node = k.next_running
    plan_end = k.estimated_end
    for i in range(kept):
        task = tasks[i]
        best_end, best_begin, best_node, best_share = -1, 0, -1, 0
        for node in range(nodes):
            if not could_host(k, k.shape[task], node):
                continue
            ready = k.now
            known = True
            for e in range(k.pred_ptr[task], k.pred_ptr[task + 1]):
                p = k.pred[e]
                if k.status[p] == DONE:
                    at, source = k.trace_end[k.row[p]], k.trace_node[k.row[p]]
                elif k.status[p] == RUNNING:
                    at, source = max(k.now + 1, k.estimated_end[p]), k.trace_node[k.row[p]]
                else:
                    at, source = plan_end[p], plan_node[p]
                if source < 0:
                    known = False
                    break
                ready = max(ready, at + transfer(k, source, node, k.pred_bytes[e]))
            if not known:
                continue
            span = overhead_of(k, task) + estimated_span(k, task, rate_on(k, task, node))
            share = share_of(k, k.shape[task], node)
            begin = _earliest(times[node], used[node], steps[node], ready, span, share)
            if begin >= 0 and (best_node < 0 or begin + span < best_end):
                best_end, best_begin, best_node, best_share = begin + span, begin, node, share
        plan_node[task] = best_node
        plan_end[task] = best_end
        if best_node >= 0:
            where[i] = best_node
            begins[i] = best_begin
            steps[best_node] = _book(
                times[best_node],
                used[best_node],
                steps[best_node],
                best_begin,
                best_end,
                best_share,
            )
    order = np.argsort(begins, kind="mergesort")
    closed = np.zeros(nodes, np.int8)
    for i in order:
        node = where[i]
        if node < 0 or closed[node] == 1:
            continue
        task = tasks[i]
        if k.status[task] == READY and fits(k, k.shape[task], node):
            start(k, task, node)
        else:
            closed[node] = 1
    k.queue_len = 0
    for task in tasks:
        if k.status[task] != RUNNING:
            k.right[k.queue_len] = task
            k.queue_len += 1
    clear_dirty(k)
    return True
