"""Workloads as columns: the jobs, their tasks, and what is true of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluator.cluster.model import NEVER, Floats, Ints, Ints32, columns_digest
from evaluator.errors import InputError


@dataclass(frozen=True, slots=True)
class Edges:
    """Precedence as compressed rows: task i waits for ``source[ptr[i]:ptr[i+1]]``."""

    ptr: Ints
    """Shape (n + 1,)."""
    source: Ints32
    """Predecessor task rows, shape (E,), ascending inside each row; source < target."""
    bytes: Ints
    """Data each predecessor hands over, shape (E,)."""

    @classmethod
    def none(cls, n: int) -> Edges:
        """No precedence among n tasks."""
        return cls(np.zeros(n + 1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int64))


@dataclass(frozen=True, slots=True)
class Workload:
    """Jobs in order of release; the tasks of a job are contiguous, in topological order."""

    name: str
    # one row a job, shape (J,)
    release: Ints
    """When the job becomes known, microseconds, non-decreasing."""
    due: Ints
    """Soft limit; NEVER means none."""
    deadline: Ints
    """Hard limit: unlike ``due``, missing it is a violation. NEVER means none."""
    weight: Floats
    user: Ints32
    # one row a task, shape (n,)
    job: Ints32
    """Row of its job, non-decreasing."""
    demand: Ints
    """Milli-CPUs, MiB, milli-devices of each gang member, shape (n, 3)."""
    gang: Ints32
    """Members that start and stop together on nodes of one type; >= 1."""
    work: Ints
    """True duration in microseconds at throughput 1.0; > 0. Policies never see it."""
    estimate: Ints
    """What policies are told of ``work``; > 0."""
    profile: Ints32
    """Row of ``throughput``."""
    requires: Ints
    """Bit set of node labels the task insists on."""
    throughput: Floats
    """Progress per unit time by (profile, node type), shape (P, K); 0 means cannot run there."""
    restart: Ints
    """Restart cost by profile in microseconds, shape (P,); -1 takes the scenario's."""
    edges: Edges
    users: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    job_names: tuple[str, ...] = ()
    """Names given by the source; empty means ``j0, j1, …``."""
    meta: tuple[tuple[str, str], ...] = field(default=())
    """Where it came from (source, file digest, generator parameters)."""

    def __post_init__(self) -> None:
        _check(self)

    def __len__(self) -> int:
        return len(self.work)

    @property
    def jobs(self) -> int:
        """Number of jobs."""
        return len(self.release)

    @property
    def digest(self) -> str:
        """sha256 over every column, in field order."""
        return columns_digest(self)

    def job_name(self, job: int) -> str:
        """Return the name of a job row."""
        return self.job_names[job] if self.job_names else f"j{job}"

    def task_name(self, task: int) -> str:
        """Return ``job`` or ``job.k`` for the k-th task of a job with several."""
        job = int(self.job[task])
        first = int(np.searchsorted(self.job, job))
        single = first + 1 == int(np.searchsorted(self.job, job, side="right"))
        return self.job_name(job) if single else f"{self.job_name(job)}.{task - first}"


def simple_workload(
    name: str,
    release: Sequence[int] | Ints,
    work: Sequence[int] | Ints,
    *,
    cpus: Sequence[float] | Floats | float = 1.0,
    memory: Sequence[float] | Floats | float = 0.0,
    devices: Sequence[float] | Floats | float = 0.0,
    gang: Sequence[int] | Ints | int = 1,
    estimate: Sequence[int] | Ints | None = None,
    due: Sequence[int] | Ints | None = None,
    deadline: Sequence[int] | Ints | None = None,
    weight: Sequence[float] | Floats | None = None,
    user: Sequence[int] | Ints | None = None,
    profile: Sequence[int] | Ints | None = None,
    throughput: Floats | None = None,
    types: int = 1,
    meta: tuple[tuple[str, str], ...] = (),
) -> Workload:
    """One-task jobs from plain columns (sorted by release here, stably).

    Times in microseconds, cpus and devices in units, memory in GiB.
    """
    released = np.asarray(release, dtype=np.int64)
    n = len(released)
    order = np.argsort(released, kind="stable")

    def ints(value: object, default: int, dtype: type = np.int64) -> NDArray[Any]:
        column = np.full(n, default) if value is None else np.broadcast_to(np.asarray(value), (n,))
        return np.ascontiguousarray(column.astype(dtype)[order])

    def milli(value: object, unit: int) -> Ints:
        scaled = np.broadcast_to(np.asarray(value, dtype=np.float64), (n,)) * unit
        return np.rint(scaled).astype(np.int64)[order]

    weights = np.ones(n) if weight is None else np.asarray(weight, dtype=np.float64)
    table = np.ones((1, types)) if throughput is None else throughput
    works = ints(work, 1)
    return Workload(
        name=name,
        release=released[order],
        due=ints(due, NEVER),
        deadline=ints(deadline, NEVER),
        weight=weights[order],
        user=ints(user, 0, np.int32),
        job=np.arange(n, dtype=np.int32),
        demand=np.stack([milli(cpus, 1000), milli(memory, 1024), milli(devices, 1000)], axis=1),
        gang=ints(gang, 1, np.int32),
        work=works,
        estimate=works.copy() if estimate is None else ints(estimate, 1),
        profile=ints(profile, 0, np.int32),
        requires=np.zeros(n, np.int64),
        throughput=np.ascontiguousarray(table, dtype=np.float64),
        restart=np.full(len(table), -1, np.int64),
        edges=Edges.none(n),
        meta=meta,
    )


def _check(w: Workload) -> None:
    jobs, n = len(w.release), len(w.work)
    if n == 0:
        raise InputError(f"workload {w.name!r}: needs at least one task, got 0")
    per_job = ("release", "due", "deadline", "weight", "user")
    per_task = ("job", "demand", "gang", "work", "estimate", "profile", "requires")
    for names, rows in ((per_job, jobs), (per_task, n)):
        for column in names:
            if len(getattr(w, column)) != rows:
                raise InputError(
                    f"workload {w.name!r}: column {column!r} has "
                    f"{len(getattr(w, column))} rows, needs {rows}"
                )
    _rule(w, "release", w.release >= 0, ">= 0")
    _rule(w, "release", np.diff(w.release, prepend=w.release[:1]) >= 0, "non-decreasing")
    _rule(w, "job", np.diff(w.job, prepend=np.int32(0)) >= 0, "non-decreasing")
    if len(np.unique(w.job)) != jobs or w.job[0] != 0 or w.job[-1] != jobs - 1:
        raise InputError(f"workload {w.name!r}: every job needs at least one task")
    _rule(w, "work", w.work > 0, "> 0 microseconds")
    _rule(w, "estimate", w.estimate > 0, "> 0 microseconds")
    _rule(w, "gang", w.gang >= 1, ">= 1")
    _rule(w, "demand", np.all(w.demand >= 0, axis=1), ">= 0")
    _rule(w, "profile", (w.profile >= 0) & (w.profile < len(w.throughput)), "a throughput row")
    if not np.all(np.isfinite(w.throughput)) or np.any(w.throughput < 0):
        raise InputError(f"workload {w.name!r}: throughput must be finite and >= 0")
    edges = w.edges
    if len(edges.ptr) != n + 1 or edges.ptr[-1] != len(edges.source):
        raise InputError(f"workload {w.name!r}: edges.ptr does not match {n} tasks")
    target = np.repeat(np.arange(n), np.diff(edges.ptr))
    if np.any(edges.source >= target) or np.any(w.job[edges.source] != w.job[target]):
        raise InputError(
            f"workload {w.name!r}: an edge must lead forward inside one job (topological order)"
        )


def _rule(w: Workload, column: str, holds: np.ndarray, rule: str) -> None:
    if not np.all(holds):
        row = int(np.argmin(holds))
        value = getattr(w, column)[row]
        raise InputError(f"workload {w.name!r}: {column} must be {rule}, got {value} in row {row}")
