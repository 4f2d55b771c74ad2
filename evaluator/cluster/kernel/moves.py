"""What can happen to tasks and nodes: fit, start, end, stop, go away, come back."""

from __future__ import annotations

import numpy as np
from numba import njit

from evaluator.cluster.kernel.queues import push_event, remove_event, without_top
from evaluator.cluster.kernel.state import (
    BLOCK,
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
NEVER = np.iinfo(np.int64).max // 4


# --- fitting ---------------------------------------------------------------------------------


@njit(cache=True)
def _admits(
    free: np.ndarray, up: np.ndarray, node_type: np.ndarray, labels: np.ndarray, node: int,
    d0: int, d1: int, d2: int, types: int, requires: int,
) -> bool:  # fmt: skip
    return (
        free[node, 0] >= d0
        and free[node, 1] >= d1
        and free[node, 2] >= d2
        and up[node] == 1
        and (types >> node_type[node]) & 1 == 1
        and labels[node] & requires == requires
    )


@njit(cache=True)
def hosts(k: Kernel, shape: int, node: int) -> bool:
    """Whether one member of the shape fits on the node now."""
    demand = k.shape_demand
    return _admits(
        k.free, k.up, k.node_type, k.node_labels, node, demand[shape, 0], demand[shape, 1],
        demand[shape, 2], k.shape_types[shape], k.shape_requires[shape],
    )  # fmt: skip


@njit(cache=True)
def fitting_nodes(k: Kernel, shape: int, found: np.ndarray) -> int:
    """List the nodes on which the shape fits now, by row; return how many there are."""
    # columns are bound to locals: every read of a field of the state counts a reference
    free, up, node_type, labels, tops = k.free, k.up, k.node_type, k.node_labels, k.block_max
    demand = k.shape_demand
    d0, d1, d2 = demand[shape, 0], demand[shape, 1], demand[shape, 2]
    types, requires = k.shape_types[shape], k.shape_requires[shape]
    nodes = len(up)
    count = 0
    for block in range(len(tops)):
        if tops[block, 0] >= d0 and tops[block, 1] >= d1 and tops[block, 2] >= d2:
            for node in range(block * BLOCK, min(nodes, (block + 1) * BLOCK)):
                # without a branch, which would be mispredicted every other node
                found[count] = node
                count += np.int64(
                    (free[node, 0] >= d0)
                    & (free[node, 1] >= d1)
                    & (free[node, 2] >= d2)
                    & (up[node] == 1)
                    & ((types >> node_type[node]) & 1 == 1)
                    & (labels[node] & requires == requires)
                )
    gang = k.shape_gang[shape]
    if gang == 1 or count == 0:
        return count
    kept, kind, enough = 0, -1, False
    for i in range(count):
        if node_type[found[i]] != kind:
            kind = node_type[found[i]]
            enough = type_room(k, free, shape, kind) >= gang
        if enough:
            found[kept] = found[i]
            kept += 1
    return kept


@njit(cache=True)
def members_on(k: Kernel, free: np.ndarray, shape: int, node: int) -> int:
    """How many members of the gang fit on the node, given free amounts; at most the gang."""
    if k.up[node] == 0 or (k.shape_types[shape] >> k.node_type[node]) & 1 == 0:
        return 0
    if k.node_labels[node] & k.shape_requires[shape] != k.shape_requires[shape]:
        return 0
    members = k.shape_gang[shape]
    for r in range(3):
        demand = k.shape_demand[shape, r]
        if demand > 0:
            members = min(members, free[node, r] // demand)
    return members


@njit(cache=True)
def type_room(k: Kernel, free: np.ndarray, shape: int, kind: int) -> int:
    """Members of the gang that fit on nodes of one type; at most the gang."""
    room = 0
    gang = k.shape_gang[shape]
    for node in range(k.type_ptr[kind], k.type_ptr[kind + 1]):
        room += members_on(k, free, shape, node)
        if room >= gang:
            return gang
    return room


@njit(cache=True)
def fits(k: Kernel, shape: int, node: int) -> bool:
    """Whether the whole gang fits now with at least one member on this node."""
    if not hosts(k, shape, node):
        return False
    gang = k.shape_gang[shape]
    return gang == 1 or type_room(k, k.free, shape, k.node_type[node]) >= gang


@njit(cache=True)
def first_host(k: Kernel, shape: int, low: int, high: int) -> int:
    """Return the first node of rows [low, high) that hosts one member, or -1."""
    free, up, node_type, labels, tops = k.free, k.up, k.node_type, k.node_labels, k.block_max
    demand = k.shape_demand
    d0, d1, d2 = demand[shape, 0], demand[shape, 1], demand[shape, 2]
    types, requires = k.shape_types[shape], k.shape_requires[shape]
    node = low
    while node < high:
        block = node // BLOCK
        end = min(high, (block + 1) * BLOCK)
        if tops[block, 0] >= d0 and tops[block, 1] >= d1 and tops[block, 2] >= d2:
            while node < end:
                if _admits(free, up, node_type, labels, node, d0, d1, d2, types, requires):
                    return node
                node += 1
        node = end
    return -1


# --- room ------------------------------------------------------------------------------------


@njit(cache=True)
def _refresh_block(k: Kernel, node: int) -> None:
    block = node // BLOCK
    free, tops = k.free, k.block_max
    a, b, c = np.int64(-1), np.int64(-1), np.int64(-1)
    for other in range(block * BLOCK, min((block + 1) * BLOCK, len(free))):
        a = max(a, free[other, 0])
        b = max(b, free[other, 1])
        c = max(c, free[other, 2])
    tops[block, 0], tops[block, 1], tops[block, 2] = a, b, c


@njit(cache=True)
def take(k: Kernel, shape: int, node: int, members: int) -> None:
    """Occupy room for some members on a node."""
    free, demand = k.free, k.shape_demand
    for r in range(3):
        free[node, r] -= members * demand[shape, r]
    _refresh_block(k, node)


@njit(cache=True)
def mark_dirty(k: Kernel, node: int) -> None:
    """Note that a node has more room than at the last pass."""
    if k.is_dirty[node] == 0:
        k.is_dirty[node] = 1
        k.dirty[k.dirty_len] = node
        k.dirty_len += 1
    if k.blocked_len > 0:
        blocked = k.blocked
        for shape in range(len(blocked)):
            if blocked[shape] == 1 and hosts(k, shape, node):
                blocked[shape] = 0
                k.blocked_len -= 1


@njit(cache=True)
def give(k: Kernel, shape: int, node: int, members: int) -> None:
    """Free the room of some members on a node, if the node is up."""
    if k.up[node] == 1:
        block = node // BLOCK
        free, demand, tops = k.free, k.shape_demand, k.block_max
        for r in range(3):
            free[node, r] += members * demand[shape, r]
            tops[block, r] = max(tops[block, r], free[node, r])
        mark_dirty(k, node)


# --- time ------------------------------------------------------------------------------------


@njit(cache=True)
def rate_on(k: Kernel, task: int, node: int) -> float:
    """Progress per unit time of a task on a node."""
    return k.throughput[k.profile[task], k.node_type[node]] * k.node_speed[node]


@njit(cache=True)
def span(work: int, rate: float) -> int:
    """Microseconds that work takes at a rate, at least 1."""
    return max(np.int64(1), np.int64(np.ceil(work / rate)))


@njit(cache=True)
def overhead_of(k: Kernel, task: int) -> int:
    """Microseconds a start of the task costs before it makes progress."""
    if k.starts[task] == 0:
        return k.start_cost
    own = k.restart[k.profile[task]]
    return k.restart_cost if own < 0 else own


@njit(cache=True)
def estimated_span(k: Kernel, task: int, rate: float) -> int:
    """Estimated microseconds of progress left at a rate."""
    return span(max(np.int64(1), k.estimate[task] - k.attained[task]), rate)


@njit(cache=True)
def transfer(k: Kernel, source: int, target: int, size: int) -> int:
    """Microseconds to move bytes between nodes."""
    if source == target:
        return 0
    tier = 4
    if k.place[source, 0] == k.place[target, 0]:
        tier = 1
    elif k.place[source, 1] == k.place[target, 1]:
        tier = 2
    elif k.place[source, 2] == k.place[target, 2]:
        tier = 3
    rate = min(k.tier_bandwidth[tier], min(k.bandwidth[source], k.bandwidth[target]))
    return k.tier_latency[tier] + np.int64(np.ceil(size / rate * 1e6))


@njit(cache=True)
def data_at(k: Kernel, task: int, node: int) -> int:
    """When the task's input is on the node; 0 without predecessors."""
    latest = np.int64(0)
    for e in range(k.pred_ptr[task], k.pred_ptr[task + 1]):
        p = k.pred[e]
        at = k.end[p] + transfer(k, k.trace_node[k.row[p]], node, k.pred_bytes[e])
        if at > latest:
            latest = at
    return latest


@njit(cache=True)
def share_of(k: Kernel, shape: int, node: int) -> int:
    """Greatest share of a node resource that one member takes, in thousandths."""
    share = np.int64(0)
    for r in range(3):
        if k.capacity[node, r] > 0:
            part = (1000 * k.shape_demand[shape, r] + k.capacity[node, r] - 1) // k.capacity[
                node, r
            ]
            share = max(share, part)
    return share


# --- starting and ending ---------------------------------------------------------------------


@njit(cache=True)
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


@njit(cache=True)
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


@njit(cache=True)
def fill(k: Kernel, free: np.ndarray, shape: int, node: int) -> None:
    """Lay a gang out from a node on, over its type's nodes, around; into ``used``.

    The caller has checked that it fits. ``used`` holds the nodes, ``used_count`` the members.
    """
    k.used_len = 0
    gang = k.shape_gang[shape]
    if gang == 1:
        k.used[0] = node
        k.used_count[0] = 1
        k.used_len = 1
        return
    low = k.type_ptr[k.node_type[node]]
    size = k.type_ptr[k.node_type[node] + 1] - low
    left = gang
    for step in range(size):
        other = low + (node - low + step) % size
        members = min(left, members_on(k, free, shape, other))
        if members > 0:
            k.used[k.used_len] = other
            k.used_count[k.used_len] = members
            k.used_len += 1
            left -= members
            if left == 0:
                return


@njit(cache=True)
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


@njit(cache=True)
def _list_running(k: Kernel, task: int) -> None:
    at = _running_at(k, task)
    if k.running_len == len(k.running):
        k.running = grown32(k.running)
    running = k.running
    for i in range(k.running_len, at, -1):
        running[i] = running[i - 1]
    running[at] = task


@njit(cache=True)
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
        allowed = max(np.int64(1), k.estimate[task] - k.attained[task])
        if allowed < left:
            left = allowed
            k.trace_outcome[row] = KILLED
    if k.track_estimates == 1:
        k.estimated_end[task] = begin + estimated_span(k, task, rate)
    if k.stoppable == 1:
        k.begin[task] = begin
    k.end[task] = begin + span(left, rate)
    k.row[task] = row
    k.starts[task] += 1
    k.status[task] = RUNNING
    push_event(k, task)
    if k.binding == 1:
        k.next_running[task] = k.node_running[node]
        k.node_running[node] = task
    if k.keep_lists == 1:
        _list_running(k, task)
    k.running_len += 1


@njit(cache=True)
def _first_spread(k: Kernel, row: int) -> int:
    low, high = 0, k.spread_len
    while low < high:
        middle = (low + high) >> 1
        if k.spread_row[middle] < row:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True)
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


@njit(cache=True)
def _unlink(k: Kernel, task: int) -> None:
    node = k.trace_node[k.row[task]]
    at = k.node_running[node]
    if at == task:
        k.node_running[node] = k.next_running[task]
        return
    while k.next_running[at] != task:
        at = k.next_running[at]
    k.next_running[at] = k.next_running[task]


@njit(cache=True)
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


@njit(cache=True)
def make_ready(k: Kernel, task: int) -> None:
    """Put a task among those the next pass sees as new."""
    k.status[task] = READY
    k.ready[task] = k.now
    k.fresh[k.fresh_len] = task
    k.fresh_len += 1


@njit(cache=True)
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
            k.missing[after] -= 1
            if k.missing[after] == 0:
                make_ready(k, after)


@njit(cache=True)
def running_rate(k: Kernel, task: int) -> float:
    """Rate of a running task: the least over its nodes."""
    layout_of(k, task)
    rate = rate_on(k, task, k.used[0])
    for i in range(1, k.used_len):
        rate = min(rate, rate_on(k, task, k.used[i]))
    return rate


@njit(cache=True)
def progress(k: Kernel, task: int, rate: float) -> int:
    """Work done in the present segment so far, as an observer computes it."""
    if k.now <= k.begin[task]:
        return 0
    return np.int64(np.floor((k.now - k.begin[task]) * rate))


@njit(cache=True)
def stop(k: Kernel, task: int, outcome: int) -> None:
    """Take a running task off its nodes: PREEMPTED keeps progress, FAILED goes back."""
    done = min(k.work[task] - k.attained[task] - 1, progress(k, task, running_rate(k, task)))
    if outcome == FAILED:
        if k.checkpoint == 0:
            done = 0
        else:
            whole = (k.attained[task] + done) // k.checkpoint * k.checkpoint
            done = max(np.int64(0), whole - k.attained[task])
    k.trace_end[k.row[task]] = k.now
    k.trace_outcome[k.row[task]] = outcome
    remove_event(k, task)
    _release(k, task)
    k.attained[task] += done
    make_ready(k, task)


# --- nodes that go and come ------------------------------------------------------------------


@njit(cache=True)
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
    _refresh_block(k, node)
    k.pass_due = 1


@njit(cache=True)
def node_up(k: Kernel, node: int) -> None:
    """Bring a node back, empty."""
    if k.up[node] == 1:
        return
    k.up[node] = 1
    k.free[node, :] = k.capacity[node, :]
    _refresh_block(k, node)
    mark_dirty(k, node)
    k.pass_due = 1
