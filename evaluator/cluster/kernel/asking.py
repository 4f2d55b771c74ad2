"""How the core asks a compiled policy: pairs in, numbers out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from evaluator.candidates.block import COLUMNS
from evaluator.cluster.kernel.core import core
from evaluator.cluster.kernel.spans import data_at, overhead_of
from evaluator.cluster.kernel.state import Kernel

PAIRS, ONE_NODE, TASKS = 0, 1, 2
"""Block modes: task and node per pair; one node for all; tasks without a node."""

TASK_SLOT, NODE_SLOT, OVERHEAD_SLOT, DATA_SLOT, HERE_SLOT, SCORE_SLOT = (
    list(COLUMNS).index(name) for name in ("tasks", "nodes", "overhead", "data_at", "here", "out")
)
"""Rows of the address tables that move when scratch grows."""

Block = Callable[..., None]


@core
def reserve(k: Kernel, pairs: int) -> None:
    """Make room for that many pairs."""
    if pairs <= len(k.pair_task):
        return
    size = 2 * pairs
    k.pair_task = np.empty(size, np.int32)
    k.pair_node = np.empty(size, np.int32)
    k.pair_score = np.empty(size, np.float64)
    k.pair_overhead = np.zeros(size, np.int64)
    k.pair_data = np.zeros(size, np.int64)
    k.pair_here = np.zeros(size, np.int8)
    for table in (k.table, k.kind_table):
        table[TASK_SLOT] = k.pair_task.ctypes.data
        table[NODE_SLOT] = k.pair_node.ctypes.data
        table[OVERHEAD_SLOT] = k.pair_overhead.ctypes.data
        table[DATA_SLOT] = k.pair_data.ctypes.data
        table[HERE_SLOT] = k.pair_here.ctypes.data
        table[SCORE_SLOT] = k.pair_score.ctypes.data


@core
def ask(k: Kernel, block: Block, mode: int, pairs: int) -> bool:
    """Evaluate the block on the pairs laid out in scratch; False if a number is NaN."""
    if mode != TASKS:
        if k.need_duration == 1:
            for p in range(pairs):
                k.pair_overhead[p] = overhead_of(k, k.pair_task[p])
        if k.need_data == 1 and k.edges == 1:
            for p in range(pairs):
                node = k.pair_node[0] if mode == ONE_NODE else k.pair_node[p]
                k.pair_data[p] = data_at(k, k.pair_task[p], node)
    block(np.int64(k.table.ctypes.data), mode, pairs, k.now)
    return no_nan(k, mode, pairs)


@core
def no_nan(k: Kernel, mode: int, pairs: int) -> bool:
    """Check the answers; the first NaN is written down as the failure."""
    bad = 0
    score = k.pair_score
    for p in range(pairs):
        bad += score[p] != score[p]
    if bad == 0:
        return True
    for p in range(pairs):
        if score[p] != score[p]:
            k.failed_task = k.pair_task[p]
            if mode == PAIRS:
                k.failed_node = k.pair_node[p]
            elif mode == ONE_NODE:
                k.failed_node = k.pair_node[0]
            return False
    return False


@core
def ask_keys(k: Kernel, block: Block, tasks: np.ndarray, count: int) -> bool:
    """Set ``key`` of the tasks."""
    reserve(k, count)
    asked = k.pair_task
    for i in range(count):
        asked[i] = tasks[i]
    if not ask(k, block, TASKS, count):
        return False
    for i in range(count):
        k.key[tasks[i]] = k.pair_score[i]
    return True
