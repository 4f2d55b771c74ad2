"""Utilisation and queue length over time, as averages over equal steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluator.cluster.instance import Instance
from evaluator.cluster.model import RESOURCES, Floats, Ints
from evaluator.metrics import dominant_resource
from evaluator.segments import Segments, placements, segments
from evaluator.trace import Trace


@dataclass(frozen=True, slots=True)
class Timeline:
    """Averages over steps from the first release to the last end."""

    edges: Floats
    """Microseconds, shape (steps + 1,)."""
    utilisation: Floats
    """Busy share of the dominant resource, 0 to 1."""
    waiting: Floats
    """Tasks that are ready and not on a node."""
    running: Floats
    """Tasks on nodes."""
    resource: str
    """The resource ``utilisation`` is of."""


def timeline(instance: Instance, trace: Trace, steps: int = 200) -> Timeline:
    """Return load and queue in ``steps`` equal steps."""
    w, resource = instance.workload, dominant_resource(instance)
    edges = np.linspace(float(w.release[0]), float(trace.end.max()), steps + 1)
    where = placements(instance, trace)
    amount = where.count * w.demand[trace.task[where.row], resource]
    capacity = max(1, int(instance.cluster.capacity[:, resource].sum()))
    start, end = trace.start[where.row], trace.end[where.row]
    since = waiting_since(trace, segments(instance, trace))
    ones = np.ones(len(trace))
    return Timeline(
        edges=edges,
        utilisation=average(edges, start, end, amount) / capacity,
        waiting=average(edges, since, trace.start, ones),
        running=average(edges, trace.start, trace.end, ones),
        resource=RESOURCES[resource],
    )


def waiting_since(trace: Trace, facts: Segments) -> Ints:
    """When each row's task began to wait for it: ready, or stopped the time before."""
    since = facts.ready.copy()
    by_task = np.argsort(trace.task, kind="stable")
    again = np.flatnonzero(trace.task[by_task][1:] == trace.task[by_task][:-1])
    since[by_task[again + 1]] = trace.end[by_task[again]]
    return since


def average(edges: Floats, begin: Ints, end: Ints, amount: Ints | Floats) -> Floats:
    """Mean over each step of the sum of ``amount`` over the intervals that cover a moment."""
    steps = len(edges) - 1
    slope, moment = np.zeros(steps + 1), np.zeros(steps + 1)
    for times, sign in ((begin, 1.0), (end, -1.0)):
        at = np.clip(times.astype(np.float64), edges[0], edges[-1])
        step = np.clip(np.searchsorted(edges, at, side="right") - 1, 0, steps)
        slope += np.bincount(step, sign * amount, steps + 1)
        moment += np.bincount(step, sign * amount * (at - edges[0]), steps + 1)
    reached = np.cumsum(slope)[:-1] * (edges[1:] - edges[0]) - np.cumsum(moment)[:-1]
    mean: Floats = np.maximum(0.0, np.diff(reached, prepend=0.0) / np.diff(edges))
    return mean
