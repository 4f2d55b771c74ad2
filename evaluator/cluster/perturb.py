"""The same problem in a slightly different world, to see whether a verdict depends on details.

``tie_break`` changes what only breaks ties: the order of equal nodes and of jobs released
together. ``restart_cost`` makes moving a task much cheaper or dearer. ``estimate_error`` makes
what policies are told of run times worse.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Final, Literal, get_args

import numpy as np

from evaluator.cluster.instance import Instance, seconds, stream
from evaluator.cluster.model import Cluster, Ints
from evaluator.cluster.workload import Workload
from evaluator.errors import InputError
from evaluator.workloads.assemble import take_jobs
from evaluator.workloads.estimates import lognormal, scaled

Perturbation = Literal["tie_break", "restart_cost", "estimate_error"]

PERTURBATIONS: Final[tuple[str, ...]] = get_args(Perturbation)

ERROR_CV: Final = 1.0
"""Coefficient of variation of the error put on top of the estimates."""

FREE_RESTART: Final = seconds(30)
"""Restart cost of a world that had none."""


def perturb(instance: Instance, kind: str, seed: bytes) -> Instance:
    """Return the instance changed in one way; equal seeds, equal change.

    Raises:
        InputError: no such kind.
    """
    rng = stream(seed, "perturb", kind)
    match kind:
        case "tie_break":
            return _tie_break(instance, rng)
        case "restart_cost":
            return _restart_cost(instance, rng)
        case "estimate_error":
            return _estimate_error(instance, rng)
        case _:
            raise InputError(f"no perturbation {kind!r}; known: {', '.join(PERTURBATIONS)}")


def _tie_break(instance: Instance, rng: np.random.Generator) -> Instance:
    """Shuffle nodes inside each type, and jobs of equal release; names move along."""
    cluster, workload = instance.cluster, instance.workload
    nodes = _shuffled(cluster.type.astype(np.int64), rng)
    place = np.empty(len(nodes), dtype=np.int64)
    place[nodes] = np.arange(len(nodes))
    return replace(
        instance,
        cluster=_reordered(cluster, nodes),
        workload=_jobs_reordered(workload, _shuffled(workload.release, rng)),
        outages=tuple(replace(o, node=int(place[o.node])) for o in instance.outages),
    )


def _shuffled(keys: Ints, rng: np.random.Generator) -> Ints:
    """Return row numbers ordered by key, at random among equal keys."""
    return np.lexsort((rng.permutation(len(keys)), keys)).astype(np.int64)


def _reordered(cluster: Cluster, nodes: Ints) -> Cluster:
    columns = {
        column.name: getattr(cluster, column.name)[nodes]
        for column in fields(cluster)
        if isinstance(getattr(cluster, column.name), np.ndarray)
    }
    names = tuple(cluster.node_name(node) for node in nodes.tolist())
    return replace(cluster, **columns, names=names)


def _jobs_reordered(workload: Workload, jobs: Ints) -> Workload:
    named = workload
    if not workload.job_names:
        names = tuple(workload.job_name(job) for job in range(workload.jobs))
        named = replace(workload, job_names=names)
    return take_jobs(named, jobs, workload.release[jobs])


def _restart_cost(instance: Instance, rng: np.random.Generator) -> Instance:
    """Multiply restart costs by 0.25 or 4; where restarts were free they cost 30 s."""
    quarter = bool(rng.random() < 0.5)

    def changed(cost: int) -> int:
        return (cost // 4 if quarter else cost * 4) or FREE_RESTART

    rules = replace(instance.rules, restart_cost=changed(instance.rules.restart_cost))
    by_profile = instance.workload.restart
    dearer = np.where(by_profile > 0, by_profile // 4 if quarter else by_profile * 4, FREE_RESTART)
    restart = np.where(by_profile < 0, by_profile, np.maximum(dearer, 1))
    return replace(instance, rules=rules, workload=replace(instance.workload, restart=restart))


def _estimate_error(instance: Instance, rng: np.random.Generator) -> Instance:
    """Multiply every estimate by a lognormal error of mean 1 and cv 1.

    Where tasks are stopped at their estimate it never falls below the truth, and a task that is
    stopped keeps its estimate: only what is known changes, not what happens.
    """
    workload = instance.workload
    estimate = scaled(workload.estimate, lognormal(rng, ERROR_CV, len(workload)))
    if instance.rules.kill_at_estimate:
        stopped = workload.estimate < workload.work
        estimate = np.where(stopped, workload.estimate, np.maximum(estimate, workload.work))
    return replace(instance, workload=replace(workload, estimate=estimate))
