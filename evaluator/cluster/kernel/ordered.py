"""Disciplines over one ordered queue: strict, EASY and conservative backfilling, dynamic keys.

EASY: Lifka, "The ANL/IBM SP scheduling system", JSSPP 1995. Conservative: Mu'alem and Feitelson,
IEEE TPDS 12(6), 2001. Both here over nodes with several resources: a reservation holds nodes, and
a later task may start now if it ends before the reservation or leaves its nodes enough room.
"""

from __future__ import annotations

import numpy as np

from evaluator.cluster.kernel.asking import PAIRS, Block, ask, ask_keys, reserve
from evaluator.cluster.kernel.core import core
from evaluator.cluster.kernel.fitting import fill, fitting_nodes, members_on, type_room
from evaluator.cluster.kernel.greedy import clear_dirty, preferred_node
from evaluator.cluster.kernel.moves import layout_of, start
from evaluator.cluster.kernel.spans import NEVER, data_at, estimated_span, overhead_of, rate_on
from evaluator.cluster.kernel.state import RUNNING, Kernel

GREEDY, STRICT, EASY, CONSERVATIVE = 0, 1, 2, 3


@core
def _place_in_queue(k: Kernel, task: int) -> None:
    queue, key = k.right, k.key
    low, high = 0, k.queue_len
    while low < high:
        middle = (low + high) >> 1
        other = queue[middle]
        if key[other] < key[task] or (key[other] == key[task] and other < task):
            low = middle + 1
        else:
            high = middle
    for i in range(k.queue_len, low, -1):
        queue[i] = queue[i - 1]
    queue[low] = task
    k.queue_len += 1


@core
def _take_from_queue(k: Kernel, at: int) -> None:
    queue = k.right
    for i in range(at, k.queue_len - 1):
        queue[i] = queue[i + 1]
    k.queue_len -= 1


@core
def enqueue_fresh(k: Kernel, key: Block, dynamic: bool) -> bool:
    """Bring the queue (``right[:queue_len]``) in order, new tasks included."""
    if dynamic:
        count = k.queue_len + k.fresh_len
        k.right[k.queue_len : count] = k.fresh[: k.fresh_len]
        k.queue_len = count
        k.fresh_len = 0
        tasks = np.sort(k.right[:count])
        if not ask_keys(k, key, tasks, count):
            return False
        order = np.argsort(k.pair_score[:count], kind="mergesort")
        for i in range(count):
            k.right[i] = tasks[order[i]]
        return True
    if k.fresh_len > 0:
        if not ask_keys(k, key, k.fresh, k.fresh_len):
            return False
        for i in range(k.fresh_len):
            _place_in_queue(k, k.fresh[i])
        k.fresh_len = 0
    return True


@core
def estimated_end_at(k: Kernel, task: int, node: int, rate: float) -> int:
    """When a task would end if it started on the node now, by estimates."""
    begin = k.now
    if k.edges == 1:
        begin = max(begin, data_at(k, task, node))
    return begin + overhead_of(k, task) + estimated_span(k, task, rate)


@core
def _layout_rate(k: Kernel, task: int) -> float:
    rate = rate_on(k, task, k.used[0])
    for i in range(1, k.used_len):
        rate = min(rate, rate_on(k, task, k.used[i]))
    return rate


@core
def _give_back(k: Kernel, free: np.ndarray, task: int) -> None:
    """Add what a running task holds to free amounts; its nodes stay in ``used``."""
    layout_of(k, task)
    demand, shape = k.shape_demand, k.shape[task]
    for i in range(k.used_len):
        node, members = k.used[i], k.used_count[i]
        if k.up[node] == 1:
            for r in range(3):
                free[node, r] += members * demand[shape, r]


@core
def _can_start(k: Kernel, free: np.ndarray, shape: int, node: int) -> bool:
    members = members_on(k, free, shape, node)
    if members == 0:
        return False
    gang = k.shape_gang[shape]
    return members >= gang or type_room(k, free, shape, k.node_type[node]) >= gang


@core
def _favourite(
    k: Kernel, task: int, nodes: np.ndarray, count: int, prefer: Block, custom: bool
) -> int:
    """Return the preferred one of some nodes (ties: lower row), or -2 after a failure."""
    if not custom:
        best = nodes[0]
        for i in range(1, count):
            if rate_on(k, task, nodes[i]) > rate_on(k, task, best):
                best = nodes[i]
        return best
    reserve(k, count)
    for i in range(count):
        k.pair_task[i] = task
        k.pair_node[i] = nodes[i]
    if not ask(k, prefer, PAIRS, count):
        return -2
    at = 0
    for i in range(1, count):
        if k.pair_score[i] > k.pair_score[at]:
            at = i
    return nodes[at]


@core
def _leaves_room(k: Kernel, room: np.ndarray, shape: int) -> bool:
    for i in range(k.used_len):
        for r in range(3):
            if room[k.used[i], r] < k.used_count[i] * k.shape_demand[shape, r]:
                return False
    return True


@core
def _take_laid(k: Kernel, room: np.ndarray, shape: int) -> None:
    for u in range(k.used_len):
        for r in range(3):
            room[k.used[u], r] -= k.used_count[u] * k.shape_demand[shape, r]


@core
def _reserve_head(
    k: Kernel, room: np.ndarray, nodes: np.ndarray, prefer: Block, custom: bool
) -> int:
    """Reserve for the head of the queue; return the instant, NEVER without one, -1 on failure.

    ``room`` becomes what is free then beyond the reservation.
    """
    head = k.right[0]
    shape = k.shape[head]
    running, ends, seen = k.running, k.estimated_end, k.seen
    for node in range(len(seen)):
        seen[node] = 0
    i = 0
    while i < k.running_len:
        at = max(k.now + 1, ends[running[i]])
        count = 0
        while i < k.running_len and max(k.now + 1, ends[running[i]]) == at:
            _give_back(k, room, running[i])
            for u in range(k.used_len):
                node = k.used[u]
                if seen[node] == 0 and _can_start(k, room, shape, node):
                    seen[node] = 1
                    count += 1
            i += 1
        if count == 0:
            continue
        count = 0
        for node in range(len(nodes)):
            if seen[node] == 1 or (k.shape_gang[shape] > 1 and _can_start(k, room, shape, node)):
                nodes[count] = node
                count += 1
        node = _favourite(k, head, nodes, count, prefer, custom)
        if node == -2:
            return -1
        fill(k, room, shape, node)
        _take_laid(k, room, shape)
        return at
    return NEVER


OPEN, SHORT_ONLY, FULL = 0, 1, 2
"""What a pass has learnt of a shape: no more than this can come true while it lasts."""


@core
def _backfill(k: Kernel, prefer: Block, custom: bool) -> bool:
    """The head of the queue does not fit: reserve for it, then fill in without delaying it."""
    room, nodes, fitting, learnt = k.room, k.nodes, k.fitting, k.learnt
    for node in range(len(nodes)):
        for r in range(3):
            room[node, r] = k.free[node, r]
    shadow = _reserve_head(k, room, nodes, prefer, custom)
    if shadow < 0:
        return False
    for shape in range(len(learnt)):
        learnt[shape] = OPEN
    top_speed = k.node_speed.max()
    queue, shapes, estimate, attained = k.right, k.shape, k.estimate, k.attained
    best_speed, profile, demand = k.best_speed, k.profile, k.shape_demand
    at = 1
    while at < k.queue_len:
        task = queue[at]
        shape = shapes[task]
        if learnt[shape] == FULL:
            at += 1
            continue
        if learnt[shape] == SHORT_ONLY:
            rate = best_speed[profile[task]] * top_speed
            if k.now + (estimate[task] - attained[task]) / rate > shadow:
                at += 1
                continue
        fit = fitting_nodes(k, shape, fitting)
        if fit == 0:
            learnt[shape] = FULL
            at += 1
            continue
        count, roomy = 0, False
        for i in range(fit):
            node = fitting[i]
            if k.shape_gang[shape] == 1:
                spare = (
                    room[node, 0] >= demand[shape, 0]
                    and room[node, 1] >= demand[shape, 1]
                    and room[node, 2] >= demand[shape, 2]
                )
                rate = rate_on(k, task, node)
            else:
                fill(k, k.free, shape, node)
                spare = _leaves_room(k, room, shape)
                rate = _layout_rate(k, task)
            roomy = roomy or spare
            if spare or estimated_end_at(k, task, node, rate) <= shadow:
                nodes[count] = node
                count += 1
        if not roomy:
            learnt[shape] = SHORT_ONLY
        if count == 0:
            at += 1
            continue
        node = _favourite(k, task, nodes, count, prefer, custom)
        if node == -2:
            return False
        _take_from_queue(k, at)
        start(k, task, node)
        if k.estimated_end[task] > shadow:
            layout_of(k, task)
            _take_laid(k, room, shape)
    return True


@core
def _conservative(k: Kernel, prefer: Block, custom: bool) -> bool:
    """Give every queued task its earliest reservation in order; start those that begin now.

    ``times`` are the instants at which room changes, ``room[i]`` the free amounts from
    ``times[i]`` until ``times[i + 1]``.
    """
    capacity = k.running_len + 2 * k.queue_len + 2
    times = np.empty(capacity, np.int64)
    room = np.empty((capacity, len(k.up), 3), np.int64)
    times[0] = k.now
    room[0] = k.free
    steps = 1
    for task in k.running[: k.running_len]:
        at = max(k.now + 1, k.estimated_end[task])
        if at > times[steps - 1]:
            _copy_row(room, steps, steps - 1)
            times[steps] = at
            steps += 1
        _give_back(k, room[steps - 1], task)
    at = 0
    nodes = np.empty(len(k.up), np.int32)
    least = np.empty((len(k.up), 3), np.int64)
    # the first step with room for a member of the shape: within a pass there is only less of it
    opens = np.zeros(len(k.shape_gang), np.int64)
    while at < k.queue_len:
        task = k.right[at]
        shape = k.shape[task]
        begin, closed = opens[shape], True
        # with one member and no data on its way, what is too narrow for a start is so for all
        # starts before it whose span reaches it: they are passed over
        jumps = k.edges == 0 and k.shape_gang[shape] == 1
        while begin < steps:
            count, narrow = 0, steps
            for node in range(len(nodes)):
                if not _can_start(k, room[begin], shape, node):
                    narrow = begin
                    continue
                if closed:
                    opens[shape], closed = begin, False
                span = _stays_free(k, task, times, room, steps, begin, node, least)
                if span > 0:
                    nodes[count] = node
                    count += 1
                else:
                    narrow = min(narrow, -span)
            if count == 0:
                begin = narrow + 1 if jumps else begin + 1
                continue
            node = _favourite(k, task, nodes, count, prefer, custom)
            if node == -2:
                return False
            span = _stays_free(k, task, times, room, steps, begin, node, least)
            steps = _book(k, shape, times, room, steps, begin, times[begin] + span)
            if begin == 0:
                _take_from_queue(k, at)
                start(k, task, node)
            break
        if k.status[task] != RUNNING:
            at += 1
    return True


@core
def _stays_free(
    k: Kernel, task: int, times: np.ndarray, room: np.ndarray, steps: int, begin: int, node: int,
    least: np.ndarray,
) -> int:  # fmt: skip
    """Return the task's span if it fits from the node on for all of it, else less the failing step.

    Leaves the layout in ``used`` and the least free amounts over the span in ``least``. A task that
    would start now is laid out as ``start`` will lay it out.
    """
    shape = k.shape[task]
    for other in range(len(k.up)):
        for r in range(3):
            least[other, r] = room[begin, other, r]
    until = begin + 1
    while True:
        if begin > 0:
            if not _can_start(k, least, shape, node):
                return 1 - until
            fill(k, least, shape, node)
        elif until == 1:
            fill(k, k.free, shape, node)
        elif not _leaves_room(k, least, shape):
            return 1 - until
        span = overhead_of(k, task) + estimated_span(k, task, _layout_rate(k, task))
        if k.edges == 1:
            span += max(0, data_at(k, task, node) - times[begin])
        if until >= steps or times[until] >= times[begin] + span:
            return span
        for other in range(len(k.up)):
            for r in range(3):
                least[other, r] = min(least[other, r], room[until, other, r])
        until += 1


@core
def _copy_row(room: np.ndarray, to: int, source: int) -> None:
    # element by element: for a few nodes an array assignment costs ten times as much
    for node in range(room.shape[1]):
        for r in range(3):
            room[to, node, r] = room[source, node, r]


@core
def _book(
    k: Kernel, shape: int, times: np.ndarray, room: np.ndarray, steps: int, begin: int, end: int
) -> int:
    """Take the laid-out nodes from the profile in [times[begin], end); return its new length."""
    last = begin
    while last + 1 < steps and times[last + 1] <= end:
        last += 1
    if times[last] != end:
        for i in range(steps, last + 1, -1):
            times[i] = times[i - 1]
            _copy_row(room, i, i - 1)
        times[last + 1] = end
        _copy_row(room, last + 1, last)
        last += 1
        steps += 1
    for i in range(begin, last):
        for u in range(k.used_len):
            for r in range(3):
                room[i, k.used[u], r] -= k.used_count[u] * k.shape_demand[shape, r]
    return steps


@core
def pass_in_order(
    k: Kernel, key: Block, prefer: Block, custom: bool, dynamic: bool, discipline: int
) -> bool:
    """Hold one pass over the ordered queue."""
    if not enqueue_fresh(k, key, dynamic):
        return False
    clear_dirty(k)
    if discipline == CONSERVATIVE:
        return _conservative(k, prefer, custom)
    # the other two stop at the first task that does not fit
    full = np.zeros(len(k.shape_gang) if discipline == GREEDY else 1, np.int8)
    at = 0
    while at < k.queue_len:
        task = k.right[at]
        if discipline == GREEDY and full[k.shape[task]] == 1:
            at += 1
            continue
        node = preferred_node(k, task, prefer, custom)
        if node == -2:
            return False
        if node >= 0:
            _take_from_queue(k, at)
            start(k, task, node)
            continue
        if discipline == STRICT:
            return True
        if discipline == EASY:
            return _backfill(k, prefer, custom)
        full[k.shape[task]] = 1
        at += 1
    return True
