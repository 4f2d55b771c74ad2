"""The bind discipline: a task gets its node when it becomes ready, and queues there.

Online EFT, MinMin and MaxMin are scores under this discipline (Topcuoglu et al., IEEE TPDS 2002;
Maheswaran et al., JPDC 59, 1999).
"""

from __future__ import annotations

import numpy as np

from evaluator.cluster.kernel.asking import ONE_NODE, PAIRS, Block, ask, ask_keys, reserve
from evaluator.cluster.kernel.core import core
from evaluator.cluster.kernel.fitting import fits, mark_dirty, members_on, share_of
from evaluator.cluster.kernel.greedy import clear_dirty
from evaluator.cluster.kernel.moves import start
from evaluator.cluster.kernel.queues import insert, push_event, without_top
from evaluator.cluster.kernel.spans import data_at, estimated_span, overhead_of, rate_on
from evaluator.cluster.kernel.state import MOVING, QUEUED, Kernel

BY_KEY, BY_LEAST, BY_GREATEST, TWO_CHOICES = 0, 1, 2, 3

KEPT_ANSWERS = 1 << 22
"""Scores a batch keeps (32 MiB); a larger one asks again where it would have looked up."""


@core
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


@core
def backlog(k: Kernel, node: int) -> int:
    """Estimated microseconds of the whole node that its running and queued tasks still take."""
    total = k.queued_work[node]
    task = k.node_running[node]
    while task >= 0:
        left = max(1, k.estimated_end[task] - k.now)
        total += left * share_of(k, k.shape[task], node) // 1000
        task = k.next_running[task]
    return total


@core
def queued_cost(k: Kernel, task: int, node: int) -> int:
    """What a queued task adds to the backlog of its node."""
    left = estimated_span(k, task, rate_on(k, task, node)) + overhead_of(k, task)
    return left * share_of(k, k.shape[task], node) // 1000


@core
def _show_backlog(k: Kernel, shape: int, node: int, load: np.ndarray) -> None:
    """Set when the node is free for a shape; ``load`` keeps this instant's backlogs, -1 unknown."""
    at = k.now
    if k.queued[node] > 0 or not fits(k, shape, node):
        if load[node] < 0:
            load[node] = backlog(k, node)
        at += load[node]
    k.free_at[node] = at


@core
def _ask_row(k: Kernel, score: Block, task: int, load: np.ndarray, row: np.ndarray) -> bool:
    """Ask about a task and every node that could host it; the answers go to ``row``, by node."""
    shape = k.shape[task]
    reserve(k, len(row))
    count = 0
    for node in range(len(row)):
        row[node] = -np.inf
        if could_host(k, shape, node):
            k.pair_task[count] = task
            k.pair_node[count] = node
            count += 1
            if k.need_backlog == 1:
                _show_backlog(k, shape, node, load)
    if not ask(k, score, PAIRS, count):
        return False
    nodes, scores = k.pair_node, k.pair_score
    for p in range(count):
        row[nodes[p]] = scores[p]
    return True


@core
def _best_of(row: np.ndarray) -> int:
    """Return the node of the best score (ties: lower row), or -1 if all are declined."""
    best, at = -np.inf, -1
    for node in range(len(row)):
        if row[node] > best:
            best, at = row[node], node
    return at


@core
def mixed(x: int) -> int:
    """Hash a row to 32 bits (the finaliser of MurmurHash3)."""
    h = np.uint32(x)
    h ^= h >> np.uint32(16)
    h = np.uint32(h * np.uint32(0x85EBCA6B))
    h ^= h >> np.uint32(13)
    h = np.uint32(h * np.uint32(0xC2B2AE35))
    h ^= h >> np.uint32(16)
    return int(np.int64(h))


@core
def _tasks_on(k: Kernel, node: int) -> int:
    count = int(k.queued[node])
    task = k.node_running[node]
    while task >= 0:
        count += 1
        task = k.next_running[task]
    return count


@core
def _two_choices(k: Kernel, task: int) -> int:
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
    here, there = _tasks_on(k, first), _tasks_on(k, second)
    if there < here or (there == here and second < first):
        return second
    return first


@core
def arrived(k: Kernel, task: int) -> None:
    """The input of a bound task is there: it joins its node's queue."""
    node = k.row[task]
    k.status[task] = QUEUED
    k.node_root[node] = insert(k, k.node_root[node], task)
    mark_dirty(k, node)


@core
def _enqueue(k: Kernel, task: int, node: int) -> None:
    k.queued[node] += 1
    k.queued_work[node] += queued_cost(k, task, node)
    k.row[task] = node
    arrives = 0
    if k.edges == 1:
        arrives = data_at(k, task, node)
    if arrives > k.now:
        k.status[task] = MOVING
        push_event(k, task, arrives)
    else:
        arrived(k, task)


@core
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


@core
def _bind(k: Kernel, task: int, node: int) -> None:
    """Queue a task on its node; without a node it stays new until the next pass."""
    if node < 0:
        k.fresh[k.fresh_len] = task
        k.fresh_len += 1
    else:
        _enqueue(k, task, node)


@core
def _bind_batch(
    k: Kernel, score: Block, tasks: np.ndarray, load: np.ndarray, least: bool
) -> bool:  # fmt: skip
    """Bind tasks one by one, that of best (or worst) best score first (MinMin, MaxMin).

    A bound task changes its node only: every other task asks about that node again, and where it
    had been the best, looks for the next best among the answers it has.
    """
    count, nodes = len(tasks), len(load)
    kept = count * nodes <= KEPT_ANSWERS
    rows = np.empty((count if kept else 1, nodes))
    best = np.full(count, -np.inf)
    where = np.full(count, -1, np.int32)
    left = np.arange(count)
    for i in range(count):
        if not _ask_row(k, score, tasks[i], load, rows[i if kept else 0]):
            return False
        where[i] = _best_of(rows[i if kept else 0])
        if where[i] >= 0:
            best[i] = rows[i if kept else 0, where[i]]
    while count > 0:
        at = 0
        for j in range(1, count):
            i, top = left[j], left[at]
            if (least and best[i] > best[top]) or (not least and best[i] < best[top]):
                at = j
        chosen = left[at]
        count -= 1
        for j in range(at, count):
            left[j] = left[j + 1]
        node = where[chosen]
        _bind(k, tasks[chosen], node)
        if node < 0:
            continue
        load[node] = backlog(k, node)
        if not _ask_again(k, score, tasks, left[:count], node, load, rows, kept, best, where):
            return False
    return True


@core
def _ask_again(
    k: Kernel, score: Block, tasks: np.ndarray, left: np.ndarray, node: int, load: np.ndarray,
    rows: np.ndarray, kept: bool, best: np.ndarray, where: np.ndarray,
) -> bool:  # fmt: skip
    """Ask the tasks that are left about a node that has one more in its queue."""
    reserve(k, len(left))
    able = np.empty(len(left), np.int64)
    asked = 0
    for i in left:
        if could_host(k, k.shape[tasks[i]], node):
            k.pair_task[asked] = tasks[i]
            able[asked] = i
            asked += 1
    if asked == 0:
        return True
    k.pair_node[0] = node
    # somebody queues there, so it is free at the same instant for all
    k.free_at[node] = k.now + load[node]
    if not ask(k, score, ONE_NODE, asked):
        return False
    answers = k.pair_score[:asked].copy()
    for p in range(asked):
        i, value = able[p], answers[p]
        row = rows[i if kept else 0]
        row[node] = value
        if where[i] == node:
            if not kept and not _ask_row(k, score, tasks[i], load, row):
                return False
            where[i] = _best_of(row)
            best[i] = row[where[i]] if where[i] >= 0 else -np.inf
        elif value > best[i] or (value == best[i] and value > -np.inf and node < where[i]):
            best[i], where[i] = value, node
    return True


@core
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
    load = np.full(len(k.up), -1, np.int64)
    if batch in (BY_KEY, TWO_CHOICES):
        row = np.empty(len(k.up))
        for i in range(count):
            if batch == TWO_CHOICES:
                node = _two_choices(k, tasks[i])
            else:
                if not _ask_row(k, score, tasks[i], load, row):
                    return False
                node = _best_of(row)
            _bind(k, tasks[i], node)
            if node >= 0:
                load[node] = -1
    else:
        if not _bind_batch(k, score, tasks, load, batch == BY_LEAST):
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
