"""The two queues of the core: a forest of skew heaps by key, a heap of completions.

Skew heap: Sleator and Tarjan, "Self-adjusting heaps", SIAM J. Comput. 15(1), 1986. A task is in at
most one heap of the forest, so two links a task serve every queue.
"""

from __future__ import annotations

from evaluator.cluster.kernel.core import core
from evaluator.cluster.kernel.state import Kernel, grown32, grown64


@core
def merge(k: Kernel, a: int, b: int) -> int:
    """Merge two heaps of the forest; -1 is the empty heap. Least (key, task) on top."""
    if a < 0:
        return b
    if b < 0:
        return a
    key, left, right = k.key, k.left, k.right
    if key[b] < key[a] or (key[b] == key[a] and b < a):
        a, b = b, a
    root = a
    while True:
        rest = right[a]
        right[a] = left[a]
        if rest < 0:
            left[a] = b
            return root
        if key[b] < key[rest] or (key[b] == key[rest] and b < rest):
            rest, b = b, rest
        left[a] = rest
        a = rest


@core
def insert(k: Kernel, root: int, task: int) -> int:
    """Return the heap with one more task."""
    k.left[task] = -1
    k.right[task] = -1
    return merge(k, root, task)


@core
def without_top(k: Kernel, root: int) -> int:
    """Return the heap without its least task."""
    return merge(k, k.left[root], k.right[root])


# --- completions -------------------------------------------------------------------------------
# ``heap[:heap_len]`` are tasks and ``heap_end`` when their events are due; where tasks can be
# stopped, ``heap_at`` knows their places.


@core
def _settle(k: Kernel, at: int, task: int, end: int) -> None:
    """Put an event where it belongs, from a free place on: upwards, else downwards."""
    heap, ends, places, placed = k.heap, k.heap_end, k.heap_at, k.stoppable == 1
    while at > 0:
        above = (at - 1) >> 1
        if ends[above] < end or (ends[above] == end and heap[above] < task):
            break
        heap[at], ends[at] = heap[above], ends[above]
        if placed:
            places[heap[at]] = at
        at = above
    length = k.heap_len
    child = 2 * at + 1
    while child < length:
        other = child + 1
        if other < length and (
            ends[other] < ends[child] or (ends[other] == ends[child] and heap[other] < heap[child])
        ):
            child = other
        if end < ends[child] or (end == ends[child] and task < heap[child]):
            break
        heap[at], ends[at] = heap[child], ends[child]
        if placed:
            places[heap[at]] = at
        at = child
        child = 2 * at + 1
    heap[at], ends[at] = task, end
    if placed:
        places[task] = at


@core
def push_event(k: Kernel, task: int, end: int) -> None:
    """Add the event of a task to the calendar."""
    if k.heap_len == len(k.heap):
        k.heap = grown32(k.heap)
        k.heap_end = grown64(k.heap_end)
    k.heap_len += 1
    _settle(k, k.heap_len - 1, task, end)


@core
def next_event(k: Kernel) -> int:
    """Take the first event out of the calendar; return its task."""
    task = k.heap[0]
    _fill_place(k, 0)
    return task


@core
def remove_event(k: Kernel, task: int) -> None:
    """Take the event of a task out of the calendar, in a world where tasks can be stopped."""
    _fill_place(k, k.heap_at[task])


@core
def _fill_place(k: Kernel, at: int) -> None:
    last = k.heap_len - 1
    k.heap_len = last
    if at != last:
        _settle(k, at, k.heap[last], k.heap_end[last])
