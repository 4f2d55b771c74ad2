"""One way to lay jobs and tasks out as a workload, whatever order the source had them in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluator.cluster.model import NEVER, SECOND, Floats, Ints
from evaluator.cluster.workload import Edges, Workload
from evaluator.errors import InputError
from evaluator.workloads.graph import depths, ranges


@dataclass(slots=True)
class Draft:
    """Columns in the order of the source; ``finish`` sorts, checks and freezes them.

    Times in microseconds, demand in milli-units and MiB. Columns left None take the default
    of ``Workload``.
    """

    name: str
    release: Ints
    """By job, shape (J,)."""
    work: Ints
    """By task, shape (n,)."""
    demand: Ints
    """Shape (n, 3)."""
    job: Ints | None = None
    """Job of each task; None means one task a job, in the same order."""
    estimate: Ints | None = None
    gang: Ints | None = None
    profile: Ints | None = None
    requires: Ints | None = None
    throughput: Floats = field(default_factory=lambda: np.ones((1, 1)))
    due: Ints | None = None
    deadline: Ints | None = None
    weight: Floats | None = None
    user: Ints | None = None
    before: Ints | None = None
    after: Ints | None = None
    """Task rows of each edge, shape (E,)."""
    bytes: Ints | None = None
    users: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    job_names: tuple[str, ...] = ()
    meta: tuple[tuple[str, str], ...] = ()

    def finish(self) -> Workload:
        """Return the workload: jobs by release, their tasks in topological order.

        Ties keep the order of the source. Raises ``InputError`` for a cycle.
        """
        job_order = np.argsort(self.release, kind="stable")
        rank = np.empty(len(job_order), dtype=np.int64)
        rank[job_order] = np.arange(len(job_order))
        jobs = rank if self.job is None else rank[self.job]
        if self.before is None or self.after is None:
            order = np.argsort(jobs, kind="stable")
            edges = Edges.none(len(order))
        else:
            order, edges = self._topological(jobs, self.before, self.after)
        n = len(order)

        def column(value: Ints | Floats | None, rows: Ints, default: object, dtype: Any) -> Any:
            full = np.full(len(rows), default, dtype) if value is None else value[rows]
            return np.ascontiguousarray(full, dtype=dtype)

        work = column(self.work, order, 1, np.int64)
        return Workload(
            name=self.name,
            release=column(self.release, job_order, 0, np.int64),
            due=column(self.due, job_order, NEVER, np.int64),
            deadline=column(self.deadline, job_order, NEVER, np.int64),
            weight=column(self.weight, job_order, 1.0, np.float64),
            user=column(self.user, job_order, 0, np.int32),
            job=jobs[order].astype(np.int32),
            demand=np.ascontiguousarray(self.demand[order]),
            gang=column(self.gang, order, 1, np.int32),
            work=work,
            estimate=work.copy()
            if self.estimate is None
            else column(self.estimate, order, 1, np.int64),
            profile=column(self.profile, order, 0, np.int32),
            requires=np.zeros(n, np.int64)
            if self.requires is None
            else column(self.requires, order, 0, np.int64),
            throughput=np.ascontiguousarray(self.throughput, dtype=np.float64),
            restart=np.full(len(self.throughput), -1, np.int64),
            edges=edges,
            users=self.users,
            profiles=self.profiles,
            job_names=tuple(self.job_names[i] for i in job_order.tolist())
            if self.job_names
            else (),
            meta=self.meta,
        )

    def _topological(self, jobs: Ints, before: Ints, after: Ints) -> tuple[Ints, Edges]:
        n = len(self.work)
        depth = depths(n, before, after)
        if depth is None:
            raise InputError(f"{self.name}: precedence must have no cycle, got one")
        order = np.lexsort((np.arange(n), depth, jobs))
        place = np.empty(n, dtype=np.int64)
        place[order] = np.arange(n)
        source, target = place[before], place[after]
        size = np.zeros(len(source), np.int64) if self.bytes is None else self.bytes
        by_target = np.lexsort((source, target))
        source, target, size = source[by_target], target[by_target], size[by_target]
        ptr = np.searchsorted(target, np.arange(n + 1)).astype(np.int64)
        return order, Edges(ptr, source.astype(np.int32), size.astype(np.int64))


def micros(seconds: NDArray[np.float64]) -> Ints:
    """Return whole microseconds, at least 1, of times in seconds."""
    return np.maximum(np.rint(seconds * SECOND), 1).astype(np.int64)


def quantised(seconds: NDArray[np.float64]) -> Ints:
    """Return microseconds of drawn times, rounded to whole milliseconds, at least one.

    exp and log differ in the last bit between processors; rounding far above that bit keeps a
    drawn workload the same on every machine.
    """
    return np.maximum(np.rint(seconds * 1000), 1).astype(np.int64) * 1000


def demand_columns(n: int, cpus: object = 0, memory: object = 0, devices: object = 0) -> Ints:
    """Return demand, shape (n, 3), from CPUs, MiB and devices (numbers or arrays)."""
    out = np.zeros((n, 3), dtype=np.int64)
    for column, (value, unit) in enumerate(((cpus, 1000), (memory, 1), (devices, 1000))):
        out[:, column] = np.rint(np.asarray(value, dtype=np.float64) * unit)
    return out


def take_jobs(workload: Workload, rows: Ints, release: Ints) -> Workload:
    """Return the jobs ``rows`` (repeats allowed) with new releases, non-decreasing.

    Due dates and deadlines move with the release.
    """
    first = np.searchsorted(workload.job, np.arange(workload.jobs + 1))
    start, stop = first[rows], first[rows + 1]
    tasks = ranges(start, stop)
    job = np.repeat(np.arange(len(rows)), stop - start)
    edges = workload.edges
    taken = ranges(edges.ptr[tasks], edges.ptr[tasks + 1])
    degree = edges.ptr[tasks + 1] - edges.ptr[tasks]
    shift = np.repeat(np.arange(len(tasks)) - tasks, degree)
    moved = release - workload.release[rows]

    def limit(value: Ints) -> Ints:
        kept = value[rows]
        return np.where(kept >= NEVER, NEVER, kept + moved)

    return Workload(
        name=workload.name,
        release=release,
        due=limit(workload.due),
        deadline=limit(workload.deadline),
        weight=workload.weight[rows],
        user=workload.user[rows],
        job=job.astype(np.int32),
        demand=workload.demand[tasks],
        gang=workload.gang[tasks],
        work=workload.work[tasks],
        estimate=workload.estimate[tasks],
        profile=workload.profile[tasks],
        requires=workload.requires[tasks],
        throughput=workload.throughput,
        restart=workload.restart,
        edges=Edges(
            np.concatenate([[0], np.cumsum(degree)]).astype(np.int64),
            (edges.source[taken] + shift).astype(np.int32),
            edges.bytes[taken],
        ),
        users=workload.users,
        profiles=workload.profiles,
        job_names=tuple(workload.job_names[i] for i in rows.tolist()) if workload.job_names else (),
        meta=workload.meta,
    )
