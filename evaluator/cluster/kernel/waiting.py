"""Tasks that wait for a score: one list a shape in order of rows, and the front of each.

``right[shape_ptr[s] : shape_ptr[s] + shape_len[s]]`` are the tasks of shape ``s``. The front are
those that no task before them dominates (``evaluator.candidates.dominance``): one node is asked
about these alone. It lies in ``left`` at the same place, and is found anew when a task has gone.
"""

from __future__ import annotations

import numpy as np

from evaluator.cluster.kernel.core import core
from evaluator.cluster.kernel.state import Kernel

UNREAD, LOWER, HIGHER, EQUAL = 0, 1, 2, 3
"""What a column must be in a task that dominates, beside the other's."""

STALE, WHOLE = -1, -2
"""Lengths of a front that is not known, and of one too wide to keep until the list is empty."""
WIDE = 64
FEW = 8
"""Lists no longer than this are asked about as they are."""


@core
def enlist(k: Kernel, task: int) -> None:
    """Add a task that is ready."""
    shape, queue = k.shape[task], k.right
    low = k.shape_ptr[shape]
    at = low + k.shape_len[shape]
    last = at == low or queue[at - 1] < task
    while at > low and queue[at - 1] > task:
        queue[at] = queue[at - 1]
        at -= 1
    queue[at] = task
    k.shape_len[shape] += 1
    if k.front_len[shape] >= 0:
        if last:
            _add_to_front(k, shape, task)
        else:
            k.front_len[shape] = STALE


@core
def delist(k: Kernel, task: int) -> None:
    """Remove a task that starts."""
    shape, queue = k.shape[task], k.right
    low = k.shape_ptr[shape]
    last = low + k.shape_len[shape] - 1
    at = low + np.searchsorted(queue[low : last + 1], task)
    for i in range(at, last):
        queue[i] = queue[i + 1]
    k.shape_len[shape] -= 1
    if k.front_len[shape] != WHOLE or last == low:
        k.front_len[shape] = STALE


@core
def askable(k: Kernel, shape: int, into: np.ndarray) -> int:
    """Write the tasks of a shape among which its best one is; return how many they are."""
    low, length = k.shape_ptr[shape], k.shape_len[shape]
    if k.by_front == 1 and length > FEW:
        if k.front_len[shape] == STALE:
            _find_front(k, shape)
        count = k.front_len[shape]
        if count != WHOLE:
            into[:count] = k.left[low : low + count]
            return count
    into[:length] = k.right[low : low + length]
    return length


@core
def _find_front(k: Kernel, shape: int) -> None:
    low = k.shape_ptr[shape]
    k.front_len[shape] = 0
    for at in range(low, low + k.shape_len[shape]):
        if k.front_len[shape] != WHOLE:
            _add_to_front(k, shape, k.right[at])


@core
def _add_to_front(k: Kernel, shape: int, task: int) -> None:
    """Add the task of highest row so far, if none of the front dominates it."""
    low, count = k.shape_ptr[shape], k.front_len[shape]
    # the latest of the front has most in common with it
    for at in range(low + count - 1, low - 1, -1):
        if _dominates(k, k.left[at], task):
            return
    if count == WIDE:
        k.front_len[shape] = WHOLE
    else:
        k.left[low + count] = task
        k.front_len[shape] = count + 1


@core
def _dominates(k: Kernel, first: int, second: int) -> bool:
    """Whether the first task, of lower row and so of no later release, cannot score less."""
    if not _holds(k.by_estimate, k.estimate[first], k.estimate[second]):
        return False
    if k.by_ready != UNREAD and not _holds(k.by_ready, k.ready[first], k.ready[second]):
        return False
    if k.by_release >= HIGHER and k.release[k.job[first]] != k.release[k.job[second]]:
        return False
    if len(k.alike) > 1 and k.alike[first] != k.alike[second]:
        return False
    return k.stoppable == 0 or (
        k.attained[first] == k.attained[second]
        and k.service[first] == k.service[second]
        and k.starts[first] == k.starts[second]
    )


@core
def _holds(way: int, first: int, second: int) -> bool:
    if way == LOWER:
        return first <= second
    if way == HIGHER:
        return first >= second
    return way == UNREAD or first == second
