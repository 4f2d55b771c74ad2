"""What can happen to tasks and nodes: start, end, stop, go away, come back."""

from __future__ import annotations

import numpy as np

from evaluator.cluster.kernel.core import core
from evaluator.cluster.kernel.fitting import fill, give, mark_dirty, refresh_block, take
from evaluator.cluster.kernel.queues import push_event, remove_event, without_top
from evaluator.cluster.kernel.spans import data_at, estimated_span, overhead_of, rate_on, span
from evaluator.cluster.kernel.state import (
    DONE,
    MOVING,
    READY,
    RUNNING,
    Kernel,
    grown8,
    grown32,
    grown64,
)

FINISHED, PREEMPTED, FAILED, KILLED = 0, 1, 2, 3


# --- starting and ending ---------------------------------------------------------------------


@core
def _new_row(k: Kernel, task: int, node: int) -> int:
    row = k.trace_len
    if row == len(k.trace_task):
        k.trace_task = grown32(k.trace_task)
        k.trace_node = grown32(k.trace_node)
        k.trace_start = grown64(k.trace_start)
        k.trace_end = grown64(k.trace_end)
        k.trace_outcome = grown8(k.trace_outcome)
    k.trace_task[row] = task
    k.trace_node[row] = node
    k.trace_start[row] = k.now
    k.trace_end[row] = -1
    k.trace_outcome[row] = FINISHED
    k.trace_len = row + 1
    return row


@core
def _new_spread(k: Kernel, row: int, node: int, members: int) -> None:
    at = k.spread_len
    if at == len(k.spread_row):
        k.spread_row = grown32(k.spread_row)
        k.spread_node = grown32(k.spread_node)
        k.spread_count = grown32(k.spread_count)
    k.spread_row[at] = row
    k.spread_node[at] = node
    k.spread_count[at] = members
    k.spread_len = at + 1


@core
def _running_at(k: Kernel, task: int) -> int:
    """Position of a task in the list of running tasks, ordered by estimated end, then row."""
    running, ends = k.running, k.estimated_end
    low, high = 0, k.running_len
    while low < high:
        middle = (low + high) >> 1
        other = running[middle]
        if ends[other] < ends[task] or (ends[other] == ends[task] and other < task):
            low = middle + 1
        else:
            high = middle
    return low


@core
def _list_running(k: Kernel, task: int) -> None:
    at = _running_at(k, task)
    if k.running_len == len(k.running):
        k.running = grown32(k.running)
    running = k.running
    for i in range(k.running_len, at, -1):
        running[i] = running[i - 1]
    running[at] = task


@core
def start(k: Kernel, task: int, node: int) -> None:
    """Start a ready task (its whole gang) from a node on; the caller has checked the fit."""
    shape = k.shape[task]
    fill(k, k.free, shape, node)
    row = _new_row(k, task, node)
    rate = rate_on(k, task, node)
    for i in range(k.used_len):
        other = k.used[i]
        take(k, shape, other, k.used_count[i])
        rate = min(rate, rate_on(k, task, other))
        if k.used_len > 1:
            _new_spread(k, row, other, k.used_count[i])
    begin = k.now
    if k.edges == 1:
        begin = max(begin, data_at(k, task, node))
    begin += overhead_of(k, task)
    left = k.work[task] - k.attained[task]
    if k.kill == 1:
        allowed = max(1, k.estimate[task] - k.attained[task])
        if allowed < left:
            left = allowed
            k.trace_outcome[row] = KILLED
    if k.track_estimates == 1:
        k.estimated_end[task] = begin + estimated_span(k, task, rate)
    if k.stoppable == 1:
        k.begin[task] = begin
        k.starts[task] += 1
    k.row[task] = row
    k.status[task] = RUNNING
    push_event(k, task, begin + span(left, rate))
    if k.binding == 1:
        k.next_running[task] = k.node_running[node]
        k.node_running[node] = task
    if k.keep_lists == 1:
        _list_running(k, task)
    k.running_len += 1


@core
def _first_spread(k: Kernel, row: int) -> int:
    low, high = 0, k.spread_len
    while low < high:
        middle = (low + high) >> 1
        if k.spread_row[middle] < row:
            low = middle + 1
        else:
            high = middle
    return low


@core
def layout_of(k: Kernel, task: int) -> None:
    """Put the nodes of a running task into ``used`` and ``used_count``."""
    row = k.row[task]
    k.used_len = 0
    if k.shape_gang[k.shape[task]] > 1:
        at = _first_spread(k, row)
        while at < k.spread_len and k.spread_row[at] == row:
            k.used[k.used_len] = k.spread_node[at]
            k.used_count[k.used_len] = k.spread_count[at]
            k.used_len += 1
            at += 1
    if k.used_len == 0:
        k.used[0] = k.trace_node[row]
        k.used_count[0] = k.shape_gang[k.shape[task]]
        k.used_len = 1


@core
def _unlink(k: Kernel, task: int) -> None:
    node = k.trace_node[k.row[task]]
    at = k.node_running[node]
    if at == task:
        k.node_running[node] = k.next_running[task]
        return
    while k.next_running[at] != task:
        at = k.next_running[at]
    k.next_running[at] = k.next_running[task]


@core
def _release(k: Kernel, task: int) -> None:
    if k.binding == 1:
        _unlink(k, task)
    layout_of(k, task)
    for i in range(k.used_len):
        give(k, k.shape[task], k.used[i], k.used_count[i])
    if k.stoppable == 1:
        k.service[task] += (k.now - k.trace_start[k.row[task]]) * k.gang[task]
    if k.keep_lists == 1:
        running = k.running
        for i in range(_running_at(k, task), k.running_len - 1):
            running[i] = running[i + 1]
    k.running_len -= 1


@core
def make_ready(k: Kernel, task: int) -> None:
    """Put a task among those the next pass sees as new."""
    k.status[task] = READY
    if k.need_ready == 1:
        k.ready[task] = k.now
    k.fresh[k.fresh_len] = task
    k.fresh_len += 1


@core
def finish(k: Kernel, task: int) -> None:
    """End a task whose time has come; its successors may become ready."""
    _release(k, task)
    k.trace_end[k.row[task]] = k.now
    k.status[task] = DONE
    k.done += 1
    if k.need_job_left == 1:
        k.job_left[k.job[task]] -= k.estimate[task]
    if k.keep_lists == 1:
        k.finished[k.finished_len] = task
        k.finished_len += 1
    if k.edges == 1:
        for e in range(k.succ_ptr[task], k.succ_ptr[task + 1]):
            after = k.succ[e]
            k.row[after] -= 1
            if k.row[after] == 0:
                make_ready(k, after)


@core
def running_rate(k: Kernel, task: int) -> float:
    """Rate of a running task: the least over its nodes."""
    layout_of(k, task)
    rate = rate_on(k, task, k.used[0])
    for i in range(1, k.used_len):
        rate = min(rate, rate_on(k, task, k.used[i]))
    return rate


@core
def progress(k: Kernel, task: int, rate: float) -> int:
    """Work done in the present segment so far, as an observer computes it."""
    if k.now <= k.begin[task]:
        return 0
    return int(np.floor((k.now - k.begin[task]) * rate))


@core
def stop(k: Kernel, task: int, outcome: int) -> None:
    """Take a running task off its nodes: PREEMPTED keeps progress, FAILED goes back."""
    done = min(k.work[task] - k.attained[task] - 1, progress(k, task, running_rate(k, task)))
    if outcome == FAILED:
        if k.checkpoint == 0:
            done = 0
        else:
            whole = (k.attained[task] + done) // k.checkpoint * k.checkpoint
            done = max(0, whole - k.attained[task])
    k.trace_end[k.row[task]] = k.now
    k.trace_outcome[k.row[task]] = outcome
    remove_event(k, task)
    _release(k, task)
    k.attained[task] += done
    make_ready(k, task)


# --- nodes that go and come ------------------------------------------------------------------


@core
def node_down(k: Kernel, node: int) -> None:
    """Take a node away: what runs on it fails, what is queued there is free again."""
    if k.up[node] == 0:
        return
    victims = np.empty(k.heap_len + k.queued[node] + 1, np.int32)
    found = 0
    for i in range(k.heap_len):
        task = k.heap[i]
        if k.status[task] == MOVING:
            if k.row[task] == node:
                victims[found] = task
                found += 1
            continue
        layout_of(k, task)
        for u in range(k.used_len):
            if k.used[u] == node:
                victims[found] = task
                found += 1
                break
    while k.node_root[node] >= 0:
        victims[found] = k.node_root[node]
        found += 1
        k.node_root[node] = without_top(k, k.node_root[node])
    k.queued[node] = 0
    k.queued_work[node] = 0
    k.up[node] = 0
    for task in np.sort(victims[:found]):
        if k.status[task] == RUNNING:
            stop(k, task, FAILED)
        else:
            if k.status[task] == MOVING:
                remove_event(k, task)
            # it has been ready all the while
            since = k.ready[task]
            make_ready(k, task)
            k.ready[task] = since
    k.free[node, :] = 0
    refresh_block(k, node)
    k.pass_due = 1


@core
def node_up(k: Kernel, node: int) -> None:
    """Bring a node back, empty."""
    if k.up[node] == 1:
        return
    k.up[node] = 1
    k.free[node, :] = k.capacity[node, :]
    refresh_block(k, node)
    mark_dirty(k, node)
    k.pass_due = 1
