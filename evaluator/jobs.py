"""Jobs of a finished trace as a table: how long, where, and what their time went into."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from evaluator.cluster.instance import Instance
from evaluator.cluster.model import SECOND, Floats, Ints
from evaluator.metrics import dominant_resource, ideal_durations
from evaluator.segments import segments
from evaluator.timeline import waiting_since
from evaluator.trace import Trace

PARTS = ("waiting", "transfer", "overhead", "running", "lost")
"""What a task's time from ready to finished consists of."""


@dataclass(frozen=True, slots=True)
class JobTable:
    """One row a job; times in seconds."""

    flow: Floats
    wait: Floats
    """First start of any task minus release."""
    ideal: Floats
    """Critical path at the best throughput."""
    size: Floats
    """Dominant resource its widest task takes, in units (devices, or CPUs)."""
    node: NDArray[np.int64]
    """First node of its first start."""
    type: NDArray[np.int64]
    """Node type on which it finished."""
    parts: Floats
    """Task-seconds by ``PARTS``, shape (jobs, 5)."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Jobs that have something in common."""

    group: str
    """``size``, ``length``, ``user`` or ``type``."""
    name: str
    jobs: Ints
    """Their rows."""


def job_table(instance: Instance, trace: Trace) -> JobTable:
    """Return the table; every task has finished (``measure`` has checked it)."""
    w = instance.workload
    facts = segments(instance, trace)
    job = w.job[trace.task]
    ended, node = np.zeros(w.jobs, np.int64), np.zeros(w.jobs, np.int64)
    kind = np.zeros(w.jobs, np.int64)
    by_end = np.argsort(trace.end, kind="stable")
    ended[job[by_end]] = trace.end[by_end]
    kind[job[by_end]] = instance.cluster.type[trace.node[by_end]]
    started = np.zeros(w.jobs, np.int64)
    started[job[::-1]] = trace.start[::-1]
    node[job[::-1]] = trace.node[::-1]

    held = trace.end - trace.start
    transfer = np.clip(facts.data_at - trace.start, 0, held)
    overhead = np.minimum(facts.overhead, held - transfer)
    running = held - transfer - overhead
    lost = np.minimum(running, np.ceil(facts.lost / facts.rate).astype(np.int64))
    waiting = trace.start - waiting_since(trace, facts)
    columns = (waiting, transfer, overhead, running - lost, lost)
    parts = np.zeros((w.jobs, len(PARTS)))
    for part, column in enumerate(columns):
        parts[:, part] = np.bincount(job, column / SECOND, w.jobs)

    demanded = w.gang * w.demand[:, dominant_resource(instance)]
    first = np.searchsorted(w.job, np.arange(w.jobs))
    return JobTable(
        flow=(ended - w.release) / SECOND,
        wait=(started - w.release) / SECOND,
        ideal=ideal_durations(instance) / SECOND,
        size=np.maximum.reduceat(demanded, first) / 1000,
        node=node,
        type=kind,
        parts=parts,
    )


def slices(instance: Instance, table: JobTable, *, users: int = 4) -> Iterator[Slice]:
    """Jobs by size, length, user (the busiest few) and node type; groups of one are left out."""
    unit = "devices" if dominant_resource(instance) == 2 else "cpus"
    bounds = [0.0, 1.0, 4.0, 16.0, 64.0, np.inf]
    sizes = [
        (_size_name(low, high, unit), (table.size > low) & (table.size <= high))
        for low, high in pairwise(bounds)
    ]
    sizes.insert(0, (f"0 {unit}", table.size == 0))
    low, high = np.quantile(table.ideal, [1 / 3, 2 / 3], method="lower")
    lengths = [
        (f"short (<= {human(low)})", table.ideal <= low),
        ("medium", (table.ideal > low) & (table.ideal <= high)),
        (f"long (> {human(high)})", table.ideal > high),
    ]
    count = np.bincount(instance.workload.user)
    busiest = np.argsort(-count, kind="stable")[:users]
    people = [(user_name(instance, u), instance.workload.user == u) for u in busiest.tolist()]
    types = [(name, table.type == k) for k, name in enumerate(instance.cluster.types)]
    for group, members in (("size", sizes), ("length", lengths), ("user", people), ("type", types)):
        filled = [(name, np.flatnonzero(chosen)) for name, chosen in members if np.any(chosen)]
        if len(filled) > 1:
            for name, rows in filled:
                yield Slice(group, name, rows)


def user_name(instance: Instance, user: int) -> str:
    """Return the name of a user row."""
    users = instance.workload.users
    return users[user] if user < len(users) else f"u{user}"


def human(seconds: float) -> str:
    """Return a duration in the unit a person would take: ``850 ms``, ``12 s``, ``3.4 h``."""
    size = abs(seconds)
    if size == 0:
        return "0 s"
    for unit, limit, scale in (("ms", 1.0, 1e-3), ("s", 120.0, 1.0), ("min", 7200.0, 60.0),
                               ("h", 172_800.0, 3600.0)):  # fmt: skip
        if size < limit:
            return f"{_short(seconds / scale)} {unit}"
    return f"{_short(seconds / 86_400)} d"


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _size_name(low: float, high: float, unit: str) -> str:
    if low == 0:
        return f"<= 1 {unit.removesuffix('s')}"
    return f"> {low:g} {unit}" if np.isinf(high) else f"{low:g}-{high:g} {unit}"
