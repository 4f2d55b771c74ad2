"""The greedy discipline: the best ready task (or pair) that fits starts, until none fits."""

from __future__ import annotations

import numpy as np

from evaluator.cluster.kernel.asking import ONE_NODE, PAIRS, Block, ask, ask_keys, reserve
from evaluator.cluster.kernel.core import core
from evaluator.cluster.kernel.fitting import first_host, fits, fitting_nodes, hosts, type_room
from evaluator.cluster.kernel.moves import start
from evaluator.cluster.kernel.queues import insert, without_top
from evaluator.cluster.kernel.spans import rate_on
from evaluator.cluster.kernel.state import Kernel
from evaluator.cluster.kernel.waiting import askable, delist, enlist


@core
def clear_dirty(k: Kernel) -> None:
    """Forget which nodes had gained room; the pass has seen them."""
    for i in range(k.dirty_len):
        k.is_dirty[k.dirty[i]] = 0
    k.dirty_len = 0


@core
def fastest_node(k: Kernel, task: int) -> int:
    """Return the fitting node of highest rate (ties: lower row), or -1.

    Nodes lie in bands of equal type and speed, so one first fit per band decides.
    """
    shape = k.shape[task]
    gang = k.shape_gang[shape] > 1
    best, best_rate = -1, 0.0
    room_type, room_ok = -1, True
    for band in range(len(k.band_ptr) - 1):
        low = k.band_ptr[band]
        rate = rate_on(k, task, low)
        if rate <= best_rate:
            continue
        node = first_host(k, shape, low, k.band_ptr[band + 1])
        if node < 0:
            continue
        if gang:
            kind = k.node_type[node]
            if kind != room_type:
                room_type = kind
                room_ok = type_room(k, k.free, shape, kind) >= k.shape_gang[shape]
            if not room_ok:
                continue
        best, best_rate = node, rate
    return best


@core
def preferred_node(k: Kernel, task: int, prefer: Block, custom: bool) -> int:
    """Return the node the policy prefers among those that fit; -1 none, -2 failure."""
    if not custom:
        return fastest_node(k, task)
    reserve(k, len(k.up))
    count = fitting_nodes(k, k.shape[task], k.pair_node)
    if count == 0:
        return -1
    k.pair_task[:count] = task
    if not ask(k, prefer, PAIRS, count):
        return -2
    return k.pair_node[np.argmax(k.pair_score[:count])]


@core
def _enqueue(k: Kernel, task: int) -> None:
    shape = k.shape[task]
    k.shape_root[shape] = insert(k, k.shape_root[shape], task)
    k.queue_len += 1


@core
def _alone(k: Kernel, prefer: Block, custom: bool) -> bool:
    """Nobody waits, and one task is new at most: it starts if it fits."""
    if k.fresh_len == 1:
        task = k.fresh[0]
        k.fresh_len = 0
        node = preferred_node(k, task, prefer, custom)
        if node == -2:
            return False
        if node >= 0:
            start(k, task, node)
        else:
            _enqueue(k, task)
            k.blocked[k.shape[task]] = 1
            k.blocked_len += 1
    clear_dirty(k)
    return True


@core
def pass_by_key(k: Kernel, key: Block, prefer: Block, custom: bool) -> bool:
    """Hold one pass over shape queues ordered by a key that was asked once."""
    if k.fresh_len > 0 and not ask_keys(k, key, k.fresh, k.fresh_len):
        return False
    if k.queue_len == 0 and k.fresh_len <= 1:
        return _alone(k, prefer, custom)
    for i in range(k.fresh_len):
        _enqueue(k, k.fresh[i])
    k.fresh_len = 0
    root, blocked, keys, heads = k.shape_root, k.blocked, k.key, k.open_shapes
    count = 0
    for shape in range(len(root)):
        if root[shape] >= 0 and blocked[shape] == 0:
            heads[count] = shape
            count += 1
    while count > 0:
        best, task = 0, root[heads[0]]
        for i in range(1, count):
            top = root[heads[i]]
            if keys[top] < keys[task] or (keys[top] == keys[task] and top < task):
                best, task = i, top
        shape = heads[best]
        node = preferred_node(k, task, prefer, custom)
        if node == -2:
            return False
        if node < 0:
            blocked[shape] = 1
            k.blocked_len += 1
        else:
            root[shape] = without_top(k, root[shape])
            k.queue_len -= 1
            start(k, task, node)
        if node < 0 or root[shape] < 0:
            count -= 1
            heads[best] = heads[count]
    clear_dirty(k)
    return True


# --- by score ---------------------------------------------------------------------------------


@core
def _better(score: float, task: int, node: int, than: float, task0: int, node0: int) -> bool:
    if score != than:
        return score > than
    return task < task0 or (task == task0 and node < node0)


@core
def _one_node(k: Kernel, score: Block, node: int) -> bool:
    """Nothing is new and one node gained room: scan the queue for it until nothing fits."""
    while True:
        count = 0
        for shape in range(len(k.shape_len)):
            length = k.shape_len[shape]
            if length > 0 and fits(k, shape, node):
                reserve_keep(k, count, count + length)
                count += askable(k, shape, k.pair_task[count : count + length])
        if count == 0:
            return True
        k.pair_node[0] = node
        if not ask(k, score, ONE_NODE, count):
            return False
        values, tasks = k.pair_score, k.pair_task
        best = values[0]
        for p in range(1, count):
            best = max(best, values[p])
        if best == -np.inf:
            return True
        task = 2147483647
        for p in range(count):
            if values[p] == best and tasks[p] < task:
                task = tasks[p]
        delist(k, task)
        start(k, task, node)


@core
def _one_task(k: Kernel, score: Block) -> bool:
    """One task is new and no node gained room: its best node, if any."""
    task = k.fresh[0]
    k.fresh_len = 0
    reserve(k, len(k.up))
    count = fitting_nodes(k, k.shape[task], k.pair_node)
    if count > 0:
        k.pair_task[:count] = task
        if not ask(k, score, PAIRS, count):
            return False
        best = np.argmax(k.pair_score[:count])
        if k.pair_score[best] > -np.inf:
            start(k, task, k.pair_node[best])
            return True
    enlist(k, task)
    return True


@core
def reserve_keep(k: Kernel, filled: int, pairs: int) -> None:
    """Make room for pairs without losing the tasks already laid out."""
    if pairs > len(k.pair_task):
        kept = k.pair_task[:filled].copy()
        reserve(k, pairs)
        k.pair_task[:filled] = kept


@core
def _best_of_row(
    k: Kernel,
    score: Block,
    task: int,
    nodes: np.ndarray,
    best: np.ndarray,
    where: np.ndarray,
    i: int,
) -> bool:
    """Find the best node of one task among the given ones."""
    shape = k.shape[task]
    reserve(k, len(k.up))
    count = 0
    if len(nodes) == len(k.up):
        count = fitting_nodes(k, shape, k.pair_node)
    else:
        for node in nodes:
            if fits(k, shape, node):
                k.pair_node[count] = node
                count += 1
    best[i] = -np.inf
    where[i] = -1
    if count == 0:
        return True
    k.pair_task[:count] = task
    if not ask(k, score, PAIRS, count):
        return False
    top = np.argmax(k.pair_score[:count])
    if k.pair_score[top] > -np.inf:
        best[i] = k.pair_score[top]
        where[i] = k.pair_node[top]
    return True


@core
def _column(
    k: Kernel, score: Block, node: int, tasks: np.ndarray, alive: np.ndarray, low: int,
    best: np.ndarray, where: np.ndarray,
) -> bool:  # fmt: skip
    """Ask one node again for every candidate from ``low`` on that may go there."""
    count = 0
    reserve(k, len(tasks))
    index = np.empty(len(tasks), np.int64)
    for i in range(low, len(tasks)):
        if alive[i] == 1 and fits(k, k.shape[tasks[i]], node):
            k.pair_task[count] = tasks[i]
            index[count] = i
            count += 1
    if count == 0:
        return True
    k.pair_node[0] = node
    if not ask(k, score, ONE_NODE, count):
        return False
    for p in range(count):
        i = index[p]
        value = k.pair_score[p]
        if value > best[i] or (value == best[i] and value > -np.inf and node < where[i]):
            best[i] = value
            where[i] = node
    return True


@core
def pass_by_score(k: Kernel, score: Block) -> bool:
    """Hold one pass over the pairs with a new task or a node that gained room.

    Candidates keep their best node; a start asks again only where it changed something.
    """
    if k.fresh_len == 0 and k.dirty_len == 1:
        node = k.dirty[0]
        clear_dirty(k)
        return _one_node(k, score, node)
    if k.fresh_len == 1 and k.dirty_len == 0:
        return _one_task(k, score)
    nodes = np.arange(len(k.up)).astype(np.int32)
    dirty = np.sort(k.dirty[: k.dirty_len])
    dirty_flag = k.is_dirty.copy()
    clear_dirty(k)
    old = 0
    open_shape = np.zeros(len(k.shape_len), np.int8)
    for shape in range(len(k.shape_len)):
        if k.shape_len[shape] > 0:
            for node in dirty:
                if hosts(k, shape, node):
                    open_shape[shape] = 1
                    old += k.shape_len[shape]
                    break
    tasks = np.empty(old + k.fresh_len, np.int32)
    at = k.fresh_len
    tasks[:at] = np.sort(k.fresh[: k.fresh_len])
    for shape in range(len(k.shape_len)):
        if open_shape[shape] == 1:
            low = k.shape_ptr[shape]
            tasks[at : at + k.shape_len[shape]] = k.right[low : low + k.shape_len[shape]]
            at += k.shape_len[shape]
    new = k.fresh_len
    for i in range(new):
        enlist(k, tasks[i])
    k.fresh_len = 0
    best = np.full(len(tasks), -np.inf)
    where = np.full(len(tasks), -1, np.int32)
    alive = np.ones(len(tasks), np.int8)
    for i in range(new):
        if not _best_of_row(k, score, tasks[i], nodes, best, where, i):
            return False
    if old > 0:
        for node in dirty:
            if not _column(k, score, node, tasks, alive, new, best, where):
                return False
    while True:
        top = -1
        for i in range(len(tasks)):
            if alive[i] == 1 and best[i] > -np.inf:  # noqa: SIM102
                if top < 0 or _better(
                    best[i], tasks[i], where[i], best[top], tasks[top], where[top]
                ):
                    top = i
        if top < 0:
            return True
        task, node = tasks[top], where[top]
        if not fits(k, k.shape[task], node):
            rows = nodes if top < new else dirty
            if not _best_of_row(k, score, task, rows, best, where, top):
                return False
            continue
        delist(k, task)
        start(k, task, node)
        alive[top] = 0
        used = k.used[: k.used_len].copy()
        for i in range(len(tasks)):
            if alive[i] == 1:
                for u in used:
                    if where[i] == u:
                        rows = nodes if i < new else dirty
                        if not _best_of_row(k, score, tasks[i], rows, best, where, i):
                            return False
                        break
        for u in used:
            reach = len(tasks) if dirty_flag[u] == 1 else new
            if not _column(k, score, u, tasks[:reach], alive, 0, best, where):
                return False
