"""Small doors into the core for drivers written in Python."""

from __future__ import annotations

import numpy as np

from evaluator.cluster.kernel.core import core
from evaluator.cluster.kernel.fitting import fits
from evaluator.cluster.kernel.moves import PREEMPTED, start, stop
from evaluator.cluster.kernel.state import READY, RUNNING, Kernel


@core
def set_now(k: Kernel, now: int) -> None:
    """Move the clock on to a node event."""
    k.now = now


@core
def try_start(k: Kernel, task: int, node: int) -> int:
    """Start a task if the world allows it: 0 done, else the rule that it breaks.

    1 unknown task, 2 unknown node, 3 not ready, 4 does not fit.
    """
    if task < 0 or task >= len(k.status):
        return 1
    if node < 0 or node >= len(k.up):
        return 2
    if k.status[task] != READY:
        return 3
    if not fits(k, k.shape[task], node):
        return 4
    start(k, task, node)
    return 0


@core
def try_preempt(k: Kernel, task: int) -> int:
    """Preempt a running task: 0 done, 1 unknown, 5 not running, 6 the world does not preempt."""
    if task < 0 or task >= len(k.status):
        return 1
    if k.preemptive == 0:
        return 6
    if k.status[task] != RUNNING:
        return 5
    stop(k, task, PREEMPTED)
    return 0


@core
def news(k: Kernel) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    """Return now, what became ready and what ended since the last pass, by row, and its ends."""
    fresh = np.sort(k.fresh[: k.fresh_len])
    k.fresh_len = 0
    finished = np.sort(k.finished[: k.finished_len])
    return k.now, fresh, finished, k.trace_end[k.row[finished]]


@core
def wake_at(k: Kernel, at: int) -> None:
    """Let a pass be due at an instant, whatever happens."""
    k.wake = at
