"""Preemptive scheduling: at every pass all active tasks compete for node types anew.

The mechanism of Gavel (Narayanan et al., OSDI 2020): choose by priority per (task, type), holders
keep their nodes, the rest is placed in order of choice.
"""

from __future__ import annotations

import numpy as np

from evaluator.cluster.kernel.asking import PAIRS, TASKS, Block, no_nan, reserve
from evaluator.cluster.kernel.core import core
from evaluator.cluster.kernel.fitting import first_host, type_room
from evaluator.cluster.kernel.greedy import clear_dirty
from evaluator.cluster.kernel.moves import PREEMPTED, progress, running_rate, start, stop
from evaluator.cluster.kernel.spans import overhead_of
from evaluator.cluster.kernel.state import READY, RUNNING, Kernel


@core
def active_tasks(k: Kernel) -> np.ndarray:
    """Rows of ready and running tasks, ascending; new tasks join the waiting list."""
    for i in range(k.fresh_len):
        k.right[k.queue_len] = k.fresh[i]
        k.queue_len += 1
    k.fresh_len = 0
    active = np.empty(k.queue_len + k.running_len, np.int32)
    active[: k.queue_len] = k.right[: k.queue_len]
    active[k.queue_len :] = k.running[: k.running_len]
    return np.sort(active)


@core
def type_of(k: Kernel, task: int) -> int:
    """Type a running task is on, or -1."""
    if k.status[task] != RUNNING:
        return -1
    return k.node_type[k.trace_node[k.row[task]]]


@core
def show_progress(k: Kernel, active: np.ndarray, sign: int) -> None:
    """Add (+1) what running tasks have done and used by now to their columns, or take it off."""
    for task in active:
        if k.status[task] == RUNNING:
            k.attained[task] += sign * progress(k, task, running_rate(k, task))
            k.service[task] += sign * (k.now - k.trace_start[k.row[task]]) * k.gang[task]


@core
def _show_kinds(k: Kernel) -> None:
    """Sum the nodes of each type that are up, as if nothing ran; speed and carbon are means."""
    for kind in range(len(k.type_ptr) - 1):
        ups = 0
        room = np.zeros(3, np.int64)
        speed, price, idle, busy, carbon = 0.0, 0.0, 0.0, 0.0, 0.0
        for node in range(k.type_ptr[kind], k.type_ptr[kind + 1]):
            if k.up[node] == 1:
                room += k.capacity[node]
                speed += k.node_speed[node]
                price += k.price[node]
                idle += k.idle_watts[node]
                busy += k.busy_watts[node]
                carbon += k.carbon[node]
                ups += 1
        k.kind_room[kind] = room
        k.kind_speed[kind] = speed / max(1, ups)
        k.kind_price[kind] = price
        k.kind_idle[kind] = idle
        k.kind_busy[kind] = busy
        k.kind_carbon[kind] = carbon / max(1, ups)
        k.kind_at[kind] = k.now


@core
def _ask_types(k: Kernel, block: Block, mode: int, active: np.ndarray) -> int:
    """Evaluate a block on (task, type) pairs, or on tasks; the number of pairs, -1 on failure."""
    types = len(k.type_ptr) - 1
    reserve(k, len(active) * types)
    count = 0
    for task in active:
        if mode == TASKS:
            k.pair_task[count] = task
            count += 1
            continue
        for kind in range(types):
            if (k.shape_types[k.shape[task]] >> kind) & 1 == 1:
                here = type_of(k, task) == kind
                k.pair_task[count] = task
                k.pair_node[count] = kind
                k.pair_here[count] = here
                k.pair_overhead[count] = 0 if here else overhead_of(k, task)
                k.pair_data[count] = 0
                count += 1
    _show_kinds(k)
    block(np.int64(k.kind_table.ctypes.data), mode, count, k.now)
    return count if no_nan(k, mode, count) else -1


@core
def _choose_and_move(k: Kernel, active: np.ndarray, tasks: np.ndarray, kinds: np.ndarray) -> None:
    """Take (task, type) pairs in order while types have room, then move tasks accordingly."""
    _show_kinds(k)
    room = k.kind_room.copy()
    chosen = np.full(len(active), -1, np.int64)
    order = np.empty(len(active), np.int32)
    picked = 0
    for p in range(len(tasks)):
        at = np.searchsorted(active, tasks[p])
        if chosen[at] >= 0:
            continue
        kind = kinds[p]
        demand = k.demand[tasks[p]]
        gang = k.gang[tasks[p]]
        if (
            gang * demand[0] <= room[kind, 0]
            and gang * demand[1] <= room[kind, 1]
            and gang * demand[2] <= room[kind, 2]
        ):
            room[kind] -= gang * demand
            chosen[at] = kind
            order[picked] = tasks[p]
            picked += 1
    for at in range(len(active)):
        if k.status[active[at]] == RUNNING and type_of(k, active[at]) != chosen[at]:
            stop(k, active[at], PREEMPTED)
    k.fresh_len = 0
    for i in range(picked):
        task = order[i]
        if k.status[task] != READY:
            continue
        kind = chosen[np.searchsorted(active, task)]
        shape = k.shape[task]
        node = first_host(k, shape, k.type_ptr[kind], k.type_ptr[kind + 1])
        if node >= 0 and type_room(k, k.free, shape, kind) >= k.shape_gang[shape]:
            start(k, task, node)
    k.queue_len = 0
    for task in active:
        if k.status[task] == READY:
            k.right[k.queue_len] = task
            k.queue_len += 1
    clear_dirty(k)


@core
def pass_allocating_by_score(k: Kernel, score: Block) -> bool:
    """Allocate by the score of each (task, type) pair."""
    active = active_tasks(k)
    show_progress(k, active, 1)
    count = _ask_types(k, score, PAIRS, active)
    show_progress(k, active, -1)
    if count < 0:
        return False
    order = np.argsort(-k.pair_score[:count], kind="mergesort")
    allowed = 0
    while allowed < count and k.pair_score[order[allowed]] > -np.inf:
        allowed += 1
    order = order[:allowed]
    _choose_and_move(k, active, k.pair_task[:count][order], k.pair_node[:count][order])
    return True


@core
def pass_allocating_by_key(k: Kernel, key: Block, prefer: Block, custom: bool) -> bool:
    """Allocate task by task in order of key; each takes the type it prefers."""
    active = active_tasks(k)
    show_progress(k, active, 1)
    if _ask_types(k, key, TASKS, active) < 0:
        show_progress(k, active, -1)
        return False
    order = np.argsort(k.pair_score[: len(active)], kind="mergesort")
    position = np.empty(len(active), np.int64)
    position[order] = np.arange(len(active))
    count = _ask_types(k, prefer, PAIRS, active) if custom else _by_speed(k, active)
    show_progress(k, active, -1)
    if count < 0:
        return False
    by_type = np.argsort(-k.pair_score[:count], kind="mergesort")
    rank = np.empty(count, np.int64)
    for i in range(count):
        rank[i] = position[np.searchsorted(active, k.pair_task[by_type[i]])]
    final = by_type[np.argsort(rank, kind="mergesort")]
    _choose_and_move(k, active, k.pair_task[:count][final], k.pair_node[:count][final])
    return True


@core
def _by_speed(k: Kernel, active: np.ndarray) -> int:
    """Pairs scored by the rate of the task on the type (mean node speed)."""
    types = len(k.type_ptr) - 1
    reserve(k, len(active) * types)
    _show_kinds(k)
    count = 0
    for task in active:
        for kind in range(types):
            if (k.shape_types[k.shape[task]] >> kind) & 1 == 1:
                k.pair_task[count] = task
                k.pair_node[count] = kind
                k.pair_score[count] = k.throughput[k.profile[task], kind] * k.kind_speed[kind]
                count += 1
    return count


@core
def pass_allocating_given(k: Kernel, active: np.ndarray, scores: np.ndarray) -> None:
    """Allocate by scores computed outside, shape (len(active), types); -inf declines."""
    types = scores.shape[1]
    tasks = np.empty(len(active) * types, np.int32)
    kinds = np.empty(len(active) * types, np.int32)
    values = np.empty(len(active) * types)
    count = 0
    for i in range(len(active)):
        for kind in range(types):
            allowed = (k.shape_types[k.shape[active[i]]] >> kind) & 1 == 1
            if allowed and scores[i, kind] > -np.inf:
                tasks[count] = active[i]
                kinds[count] = kind
                values[count] = scores[i, kind]
                count += 1
    order = np.argsort(-values[:count], kind="mergesort")
    _choose_and_move(k, active, tasks[:count][order], kinds[:count][order])
