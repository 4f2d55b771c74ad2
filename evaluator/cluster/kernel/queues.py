"""The two queues of the core: a forest of skew heaps by key, a heap of completions.

Skew heap: Sleator and Tarjan, "Self-adjusting heaps", SIAM J. Comput. 15(1), 1986. A task is in at
most one heap of the forest, so two links a task serve every queue.
"""

from __future__ import annotations

from numba import njit

from evaluator.cluster.kernel.state import Kernel


@njit(cache=True)
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


@njit(cache=True)
def insert(k: Kernel, root: int, task: int) -> int:
    """Return the heap with one more task."""
    k.left[task] = -1
    k.right[task] = -1
    return merge(k, root, task)


@njit(cache=True)
def without_top(k: Kernel, root: int) -> int:
    """Return the heap without its least task."""
    return merge(k, k.left[root], k.right[root])


@njit(cache=True)
def _ends_before(k: Kernel, a: int, b: int) -> bool:
    return k.end[a] < k.end[b] or (k.end[a] == k.end[b] and a < b)


@njit(cache=True)
def _up(k: Kernel, at: int) -> None:
    heap, heap_at = k.heap, k.heap_at
    task = heap[at]
    while at > 0:
        above = (at - 1) >> 1
        if not _ends_before(k, task, heap[above]):
            break
        heap[at] = heap[above]
        heap_at[heap[at]] = at
        at = above
    heap[at] = task
    heap_at[task] = at


@njit(cache=True)
def _down(k: Kernel, at: int) -> None:
    heap, heap_at = k.heap, k.heap_at
    task = heap[at]
    while True:
        child = 2 * at + 1
        if child >= k.heap_len:
            break
        if child + 1 < k.heap_len and _ends_before(k, heap[child + 1], heap[child]):
            child += 1
        if not _ends_before(k, heap[child], task):
            break
        heap[at] = heap[child]
        heap_at[heap[at]] = at
        at = child
    heap[at] = task
    heap_at[task] = at


@njit(cache=True)
def push_event(k: Kernel, task: int) -> None:
    """Add the event of a task (its ``end``) to the calendar."""
    k.heap[k.heap_len] = task
    k.heap_len += 1
    _up(k, k.heap_len - 1)


@njit(cache=True)
def remove_event(k: Kernel, task: int) -> None:
    """Take the event of a task out of the calendar."""
    at = k.heap_at[task]
    k.heap_len -= 1
    if at != k.heap_len:
        moved = k.heap[k.heap_len]
        k.heap[at] = moved
        k.heap_at[moved] = at
        _up(k, at)
        _down(k, k.heap_at[moved])
