"""Which tasks a cluster can run at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from evaluator.cluster.model import Cluster
from evaluator.cluster.workload import Workload
from evaluator.errors import InputError
from evaluator.workloads.assemble import take_jobs

LEFT_OUT: Final = 0.1
"""Share of a recorded workload's jobs that may be left out because the cluster cannot hold them."""


def runnable(workload: Workload, cluster: Cluster) -> NDArray[np.bool_]:
    """Return, by task, whether its gang fits on the empty nodes of some type; shape (n,)."""
    asked = np.column_stack(
        [workload.demand, workload.gang, workload.profile, workload.requires]
    ).astype(np.int64)
    shapes, shape = np.unique(asked, axis=0, return_inverse=True)
    demand, gang, profile, requires = shapes[:, :3], shapes[:, 3], shapes[:, 4], shapes[:, 5]
    machines = np.column_stack([cluster.type, cluster.capacity, cluster.labels])
    kinds, count = np.unique(machines, axis=0, return_counts=True)
    members = np.zeros((len(shapes), len(cluster.types)), dtype=np.int64)
    for kind, nodes in zip(kinds, count, strict=True):
        per = np.where(demand > 0, kind[1:4] // np.maximum(demand, 1), gang[:, None]).min(axis=1)
        members[:, kind[0]] += nodes * np.where(requires & ~kind[4] == 0, per, 0)
    members[workload.throughput[profile] <= 0] = 0
    fits = np.asarray((members >= gang[:, None]).any(axis=1))
    return np.asarray(fits[shape.reshape(-1)])


def check_fit(workload: Workload, cluster: Cluster) -> None:
    """Raise ``InputError`` when a task can never run."""
    fits = runnable(workload, cluster)
    if not fits.all():
        raise InputError(_message(workload, cluster, int(np.argmin(fits))))


def fitting(workload: Workload, cluster: Cluster) -> Workload:
    """Return a recorded workload without the jobs that can never run, counted in its meta.

    Raises:
        InputError: more than one job in ten would be left out.
    """
    fits = runnable(workload, cluster)
    if fits.all():
        return workload
    lost = np.zeros(workload.jobs, dtype=bool)
    lost[workload.job[~fits]] = True
    if lost.mean() > LEFT_OUT:
        raise InputError(
            f"{_message(workload, cluster, int(np.argmin(fits)))} ({int(lost.sum())} of "
            f"{workload.jobs} jobs do not fit)"
        )
    rows = np.flatnonzero(~lost)
    kept = take_jobs(workload, rows, workload.release[rows] - workload.release[rows[0]])
    return replace(kept, meta=(*kept.meta, ("left out, larger than cluster", str(int(lost.sum())))))


def _message(workload: Workload, cluster: Cluster, task: int) -> str:
    cpus, memory, devices = workload.demand[task].tolist()
    gang = int(workload.gang[task])
    each = f"{cpus / 1000:g} CPUs, {memory / 1024:g} GiB, {devices / 1000:g} devices"
    asks = f"{gang} x ({each})" if gang > 1 else each
    rates = workload.throughput[workload.profile[task]]
    types = [cluster.types[k] for k in np.flatnonzero(rates > 0).tolist()]
    return (
        f"workload {workload.name!r}: {workload.task_name(task)!r} must fit on the nodes of one "
        f"type, but asks for {asks} on {' or '.join(types) or 'no type at all'}; cluster "
        f"{cluster.name!r} has no such room: give a larger one with --cluster"
    )
