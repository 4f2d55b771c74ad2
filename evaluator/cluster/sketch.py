"""A trace drawn with characters: who ran where, and jobs in the system, over time.

A node that runs one task at a time shows a letter for each job; others show their load. Large
clusters are drawn by node type.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.cluster.instance import Instance
from evaluator.cluster.model import SECOND, Floats, Ints, Ints32
from evaluator.jobs import human
from evaluator.metrics import dominant_resource
from evaluator.segments import placements
from evaluator.timeline import average
from evaluator.trace import Outcome, Trace

LEVELS = " ▁▂▃▄▅▆▇█"
PLAIN = " .:-=+*#@"
"""The same for terminals without Unicode."""

LETTERS = string.ascii_lowercase + string.ascii_uppercase

MOST_ROWS = 16
"""Clusters of more nodes are drawn by node type."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the drawing."""

    name: str
    values: Floats
    """By column, 0 to 1."""
    note: str = ""
    letters: str = ""
    """By column, the job that ran there; empty where several ran at once."""


def draw(instance: Instance, trace: Trace, width: int, unicode: bool) -> list[str]:
    """Return the lines of a Gantt chart.

    Args:
        instance: What was scheduled.
        trace: How.
        width: Characters a line may have.
        unicode: Draw with block characters; else with ASCII.
    """
    begin = int(instance.workload.release[0])
    end = max(int(trace.end.max()), begin + 1)
    rows = _load(instance, trace, begin, end, max(20, width - _margin(instance)))
    rows.append(_jobs(instance, trace, begin, end, len(rows[0].values)))
    levels = LEVELS if unicode else PLAIN
    margin = max(len(row.name) for row in rows)
    edge = "│" if unicode else "|"
    lines = [
        f"{row.name:>{margin}} {edge}{row.letters or _cells(row.values, levels)}{edge} {row.note}"
        for row in rows
    ]
    span = f"0 s{human((end - begin) / SECOND):>{len(rows[0].values) - 3}}"
    return [*lines, f"{'':>{margin}}  {span}"]


def _margin(instance: Instance) -> int:
    return 14 + max(len(name) for name in _labels(instance)[0])


def _labels(instance: Instance) -> tuple[list[str], Ints]:
    """Names of the lines, and the line of each node."""
    cluster = instance.cluster
    if len(cluster) <= MOST_ROWS:
        names = [cluster.node_name(node) for node in range(len(cluster))]
        return names, np.arange(len(cluster), dtype=np.int64)
    counts = np.bincount(cluster.type, minlength=len(cluster.types)).tolist()
    names = [f"{count} x {name}" for name, count in zip(cluster.types, counts, strict=True)]
    return names, cluster.type.astype(np.int64)


def _load(instance: Instance, trace: Trace, begin: int, end: int, columns: int) -> list[Row]:
    names, line = _labels(instance)
    resource = dominant_resource(instance)
    where = placements(instance, trace)
    demand = instance.workload.demand[trace.task, resource][where.row] * where.count
    held = line[where.node]
    capacity = np.bincount(line, instance.cluster.capacity[:, resource], minlength=len(names))
    edges = np.linspace(begin, end, columns + 1)
    rows = []
    for index, name in enumerate(names):
        mine = held == index
        rowed = where.row[mine]
        used = average(edges, trace.start[rowed], trace.end[rowed], demand[mine])
        share = np.minimum(1.0, used / max(float(capacity[index]), 1.0))
        jobs = instance.workload.job[trace.task[rowed]]
        letters = ""
        if len(names) == len(instance.cluster):
            letters = _one_by_one(trace.start[rowed], trace.end[rowed], jobs, edges)
        rows.append(Row(name, share, f"{float(np.mean(share)):4.0%}", letters))
    return rows


def _one_by_one(start: Ints, end: Ints, job: Ints32, edges: Floats) -> str:
    """A letter a column for whoever ran in the middle of it; nothing if any two overlap."""
    order = np.argsort(start, kind="stable")
    start, end, job = start[order], end[order], job[order]
    if not len(start) or np.any(start[1:] < end[:-1]):
        return ""
    middle = (edges[1:] + edges[:-1]) / 2
    at = np.searchsorted(start, middle, side="right") - 1
    return "".join(
        LETTERS[int(job[row]) % len(LETTERS)] if row >= 0 and moment < end[row] else " "
        for row, moment in zip(at.tolist(), middle.tolist(), strict=True)
    )


def _jobs(instance: Instance, trace: Trace, begin: int, end: int, columns: int) -> Row:
    workload = instance.workload
    last = (trace.outcome == Outcome.FINISHED) | (trace.outcome == Outcome.KILLED)
    ended = workload.release.copy()
    np.maximum.at(ended, workload.job[trace.task[last]], trace.end[last])
    edges = np.linspace(begin, end, columns + 1)
    level = average(edges, workload.release, ended, np.ones(workload.jobs))
    most = float(level.max())
    return Row("jobs", level / max(most, 1e-9), f"<= {most:,.0f}")


def _cells(values: Floats, levels: Sequence[str]) -> str:
    """One character a column; anything above nothing is seen."""
    top = len(levels) - 1
    steps = np.ceil(np.clip(values, 0.0, 1.0) * top - 1e-9).astype(int).tolist()
    return "".join(levels[step] for step in steps)
