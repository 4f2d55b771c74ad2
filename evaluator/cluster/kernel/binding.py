"""The bind discipline: a task gets its node when it becomes ready, and queues there.

Online EFT, MinMin and MaxMin are scores under this discipline (Topcuoglu et al., IEEE TPDS 2002;
Maheswaran et al., JPDC 59, 1999).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from evaluator.cluster.kernel.asking import PAIRS, Block, ask, ask_keys, reserve
from evaluator.cluster.kernel.greedy import clear_dirty
from evaluator.cluster.kernel.moves import (
    data_at,
    estimated_span,
    fits,
    mark_dirty,
    members_on,
    overhead_of,
    rate_on,
    share_of,
    start,
)
from evaluator.cluster.kernel.queues import insert, push_event, without_top
from evaluator.cluster.kernel.state import MOVING, QUEUED, Kernel

BY_KEY, BY_LEAST, BY_GREATEST, TWO_CHOICES = 0, 1, 2, 3


@njit(cache=True)
def could_host(k: Kernel, shape: int, node: int) -> bool:
    """Whether the node, or its type with it, could run the gang with nothing else there."""
    gang = k.shape_gang[shape]
    if gang == 1:
        capacity, demand = k.capacity, k.shape_demand
        return (
            capacity[node, 0] >= demand[shape, 0]
            and capacity[node, 1] >= demand[shape, 1]
            and capacity[node, 2] >= demand[shape, 2]
            and k.up[node] == 1
            and (k.shape_types[shape] >> k.node_type[node]) & 1 == 1
            and k.node_labels[node] & k.shape_requires[shape] == k.shape_requires[shape]
        )
    members = members_on(k, k.capacity, shape, node)
    if members == 0 or members >= gang:
        return members > 0
    kind = k.node_type[node]
    for other in range(k.type_ptr[kind], k.type_ptr[kind + 1]):
        if other != node:
            members += members_on(k, k.capacity, shape, other)
            if members >= gang:
                return True
    return False


@njit(cache=True)
def backlog(k: Kernel, node: int) -> int:
    """Estimated microseconds of the whole node that its running and queued tasks still take."""
    total = k.queued_work[node]
    task = k.node_running[node]
    while task >= 0:
        left = max(np.int64(1), k.estimated_end[task] - k.now)
        total += left * share_of(k, k.shape[task], node) // 1000
        task = k.next_running[task]
    return total


@njit(cache=True)
def queued_cost(k: Kernel, task: int, node: int) -> int:
    """What a queued task adds to the backlog of its node."""
    left = estimated_span(k, task, rate_on(k, task, node)) + overhead_of(k, task)
    return left * share_of(k, k.shape[task], node) // 1000


@njit(cache=True)
def _best_node(k: Kernel, score: Block, task: int, low: int, high: int) -> bool:
    """Leave the best of some rows in ``used[0]`` (-1: none), its score in ``pair_score[0]``."""
    shape = k.shape[task]
    reserve(k, high - low)
    count = 0
    for node in range(low, high):
        if could_host(k, shape, node):
            k.pair_task[count] = task
            k.pair_node[count] = node
            count += 1
    k.used[0] = -1
    if count == 0:
        k.pair_score[0] = -np.inf
        return True
    if k.need_backlog == 1:
        for p in range(count):
            node = k.pair_node[p]
            k.free_at[node] = k.now
            if k.queued[node] > 0 or not fits(k, shape, node):
                k.free_at[node] += backlog(k, node)
    if not ask(k, score, PAIRS, count):
        return False
    best = 0
    for p in range(1, count):
        if k.pair_score[p] > k.pair_score[best]:
            best = p
    if k.pair_score[best] > -np.inf:
        k.used[0] = k.pair_node[best]
    k.pair_score[0] = k.pair_score[best]
    return True


@njit(cache=True)
def mixed(x: int) -> int:
    """Hash a row to 32 bits (the finaliser of MurmurHash3)."""
    h = np.uint32(x)
    h ^= h >> np.uint32(16)
    h = np.uint32(h * np.uint32(0x85EBCA6B))
    h ^= h >> np.uint32(13)
    h = np.uint32(h * np.uint32(0xC2B2AE35))
    h ^= h >> np.uint32(16)
    return np.int64(h)


@njit(cache=True)
def _two_choices(k: Kernel, task: int, load: np.ndarray) -> int:
    """Power of two choices: of two nodes drawn by hash of the row, the one with fewer tasks."""
    shape = k.shape[task]
    able = np.empty(len(k.up), np.int32)
    count = 0
    for node in range(len(k.up)):
        if could_host(k, shape, node):
            able[count] = node
            count += 1
    if count == 0:
        return -1
    first = able[mixed(2 * task) % count]
    second = able[mixed(2 * task + 1) % count]
    if load[second] < load[first] or (load[second] == load[first] and second < first):
        return second
    return first


@njit(cache=True)
def arrived(k: Kernel, task: int) -> None:
    """The input of a bound task is there: it joins its node's queue."""
    node = k.row[task]
    k.status[task] = QUEUED
    k.node_root[node] = insert(k, k.node_root[node], task)
    mark_dirty(k, node)


@njit(cache=True)
def _enqueue(k: Kernel, task: int, node: int) -> None:
    k.queued[node] += 1
    k.queued_work[node] += queued_cost(k, task, node)
    k.row[task] = node
    arrives = np.int64(0)
    if k.edges == 1:
        arrives = data_at(k, task, node)
    if arrives > k.now:
        k.status[task] = MOVING
        k.end[task] = arrives
        push_event(k, task)
    else:
        arrived(k, task)


@njit(cache=True)
def run_node(k: Kernel, node: int) -> None:
    """Start what fits from the head of a node's queue."""
    while True:
        task = k.node_root[node]
        if task < 0 or not fits(k, k.shape[task], node):
            return
        k.node_root[node] = without_top(k, task)
        k.queued[node] -= 1
        k.queued_work[node] -= queued_cost(k, task, node)
        start(k, task, node)


@njit(cache=True)
def _bind(k: Kernel, task: int, node: int) -> None:
    """Queue a task on its node; without a node it stays new until the next pass."""
    if node < 0:
        k.fresh[k.fresh_len] = task
        k.fresh_len += 1
    else:
        _enqueue(k, task, node)


@njit(cache=True)
def _bind_batch(k: Kernel, score: Block, tasks: np.ndarray, least: bool) -> bool:
    """Bind tasks one by one, that of best (or worst) best score first (MinMin, MaxMin).

    A bound task changes its node only, so every other task asks about that node again, or about
    all where that node was its best.
    """
    nodes = len(k.up)
    best = np.empty(len(tasks))
    where = np.empty(len(tasks), np.int32)
    waiting = np.ones(len(tasks), np.int8)
    for i in range(len(tasks)):
        if not _best_node(k, score, tasks[i], 0, nodes):
            return False
        best[i], where[i] = k.pair_score[0], k.used[0]
    for _ in range(len(tasks)):
        chosen = -1
        for i in range(len(tasks)):
            if waiting[i] == 1 and (
                chosen < 0
                or (least and best[i] > best[chosen])
                or (not least and best[i] < best[chosen])
            ):
                chosen = i
        node = where[chosen]
        waiting[chosen] = 0
        _bind(k, tasks[chosen], node)
        if node < 0:
            continue
        for i in range(len(tasks)):
            if waiting[i] == 0:
                continue
            everywhere = where[i] == node
            low, high = (0, nodes) if everywhere else (node, node + 1)
            if not _best_node(k, score, tasks[i], low, high):
                return False
            value, at = k.pair_score[0], k.used[0]
            if everywhere or (
                at >= 0 and (value > best[i] or (value == best[i] and at < where[i]))
            ):
                best[i], where[i] = value, at
    return True


@njit(cache=True)
def pass_binding(k: Kernel, key: Block, score: Block, keyed: bool, batch: int) -> bool:
    """Bind what is new, then let every node run its queue."""
    count = k.fresh_len
    tasks = np.sort(k.fresh[:count])
    k.fresh_len = 0
    if keyed and count > 0:
        if not ask_keys(k, key, tasks, count):
            return False
        order = np.empty(count, np.float64)
        for i in range(count):
            order[i] = k.key[tasks[i]]
        tasks = tasks[np.argsort(order, kind="mergesort")]
    else:
        for i in range(count):
            k.key[tasks[i]] = np.float64(tasks[i])
    if batch in (BY_KEY, TWO_CHOICES):
        for i in range(count):
            if batch == TWO_CHOICES:
                load = k.queued.astype(np.int64)
                for node in range(len(load)):
                    task = k.node_running[node]
                    while task >= 0:
                        load[node] += 1
                        task = k.next_running[task]
                node = _two_choices(k, tasks[i], load)
            else:
                if not _best_node(k, score, tasks[i], 0, len(k.up)):
                    return False
                node = k.used[0]
            _bind(k, tasks[i], node)
    else:
        if not _bind_batch(k, score, tasks, batch == BY_LEAST):
            return False
    if k.gangs == 1:
        clear_dirty(k)
        for node in range(len(k.up)):
            run_node(k, node)
        return True
    touched = np.sort(k.dirty[: k.dirty_len])
    clear_dirty(k)
    for node in touched:
        run_node(k, node)
    return True
