"""Order inside jobs: topological depth of tasks whose precedence is given as index pairs."""

from __future__ import annotations

import numpy as np

from evaluator.cluster.model import Ints


def depths(tasks: int, before: Ints, after: Ints) -> Ints | None:
    """Return the longest path length (in edges) that leads to each task; None on a cycle.

    Args:
        tasks: Number of tasks.
        before: Predecessor of each edge, shape (E,).
        after: Successor of each edge, shape (E,).
    """
    depth = np.zeros(tasks, dtype=np.int64)
    order = np.argsort(before, kind="stable")
    source, target = before[order], after[order]
    first = np.searchsorted(source, np.arange(tasks + 1))
    waiting = np.bincount(target, minlength=tasks)
    front = np.flatnonzero(waiting == 0)
    done = 0
    while len(front):
        done += len(front)
        edges = ranges(first[front], first[front + 1])
        reached = target[edges]
        np.maximum.at(depth, reached, depth[source[edges]] + 1)
        np.subtract.at(waiting, reached, 1)
        front = np.unique(reached[waiting[reached] == 0])
    return depth if done == tasks else None


def ranges(start: Ints, stop: Ints) -> Ints:
    """Return the concatenation of ``arange(start[i], stop[i])``."""
    length = stop - start
    total = int(length.sum())
    offset = np.repeat(start - (np.cumsum(length) - length), length)
    return np.asarray(np.arange(total) + offset, dtype=np.int64)
