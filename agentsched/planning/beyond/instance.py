"""A request as an instance of the trusted simulator, as far as it can say what is asked."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from agentsched.errors import UserError
from agentsched.planning.clock import Clock
from agentsched.planning.graph import Task
from agentsched.planning.hints import (
    CeilingHint,
    Hint,
    SpreadHint,
    TogetherHint,
    WindowHint,
)
from agentsched.planning.inventory import Machine
from agentsched.planning.placement import admits
from agentsched.planning.request import PlanRequest
from agentsched.planning.spans import merged
from evaluator.cluster.instance import Instance, Outage
from evaluator.cluster.model import NEVER, SECOND, Cluster, Floats, Ints, NodeGroup, build_cluster
from evaluator.workloads.assemble import Draft
from evaluator.workloads.graph import depths

Bools = NDArray[np.bool_]
_BETWEEN_TASKS = (TogetherHint, SpreadHint, WindowHint)


@dataclass(frozen=True, slots=True)
class Simulated:
    """An instance, and what its rows stand for."""

    instance: Instance
    tasks: tuple[int, ...]
    """Task of the graph for each row of the workload."""
    machines: tuple[int, ...]
    """Machine of the inventory for each row of the cluster."""
    unsaid: tuple[str, ...]
    """What the simulator cannot express; a trace need not keep it."""


def as_instance(request: PlanRequest, clock: Clock) -> Simulated:
    """Return the request as jobs (connected parts of the graph) on a cluster.

    Hard hints about single machines become rates of 0; downtime becomes outages, which cost a
    task its progress, so that its last run lies clear of them.
    """
    machines, tasks = request.inventory.machines, request.graph.tasks
    hints, profile = hint_profiles(request)
    welcome = np.array(
        [[all(admits(h, m, request.inventory) for h in wanted) for m in machines]
         for wanted in hints],
        dtype=bool,
    )  # fmt: skip
    types, order = _types(machines, welcome)
    endless = sum(task.demand.memory * task.gang for task in tasks) + 1
    cluster = build_cluster("inventory", [_group(machines[m], types[m], endless) for m in order])
    jobs = _jobs(tasks)
    release = _least_release(jobs, tasks, clock)
    position = {task.id: i for i, task in enumerate(tasks)}
    edges = [(position[b], i) for i, task in enumerate(tasks) for b in dict.fromkeys(task.after)]
    before, after = np.array(edges, dtype=np.int64).reshape(-1, 2).T
    rows = _rows(release, jobs, before, after)
    demand = np.array([whole_demand(task) for task in tasks], dtype=np.int64)
    gang = np.array([task.gang for task in tasks], dtype=np.int64)
    throughput = _throughput(cluster.types, types, order, welcome)
    split = _too_wide(cluster, demand, gang, throughput[profile])
    draft = Draft(
        name=request.graph.name or "plan",
        release=release,
        due=_latest(jobs, [task.due for task in tasks], clock),
        deadline=_latest(jobs, [task.deadline for task in tasks], clock),
        work=np.array([(task.duration or 1) * SECOND for task in tasks], dtype=np.int64),
        demand=demand,
        job=jobs,
        # One member stands for a gang that the simulator would not take.
        gang=np.where(split, 1, gang),
        profile=np.array(profile, dtype=np.int64),
        throughput=throughput,
        before=before,
        after=after,
    )
    outages = [
        Outage(row, max(start, 0) * SECOND, end * SECOND)
        for row, m in enumerate(order)
        for start, end in merged(clock.blocks(machines[m].away))
        if end > 0
    ]
    return Simulated(
        Instance(cluster, draft.finish(), outages=tuple(outages)),
        rows,
        tuple(order),
        (*_unsaid(request), *(["gangs over machines of several kinds"] if split.any() else [])),
    )


def _too_wide(cluster: Cluster, demand: Ints, gang: Ints, rates: Floats) -> Bools:
    """Return the gangs that do not fit on machines of one type, as the simulator wants them."""
    wide = gang > 1
    for i in np.flatnonzero(wide).tolist():
        needed = np.maximum(demand[i], 1)
        members = np.where(demand[i] > 0, cluster.capacity // needed, gang[i]).min(axis=1)
        room = np.bincount(cluster.type, members, minlength=len(cluster.types))
        wide[i] = not ((room >= gang[i]) & (rates[i] > 0)).any()
    return wide


def whole_demand(task: Task) -> tuple[int, int, int]:
    """Return milli-CPUs, MiB and milli-devices of one member, rounded up."""
    demand = task.demand
    cpus, memory = (math.ceil(round(x, 6)) for x in (demand.cpus * 1000, demand.memory * 1024))
    return cpus, memory, demand.devices * 1000


def hint_profiles(request: PlanRequest) -> tuple[list[tuple[Hint, ...]], list[int]]:
    """Return the distinct sets of hard hints about single machines, and each task's set."""
    hard = [
        hint
        for hint in request.graph.hints
        if hint.hard
        and not isinstance(hint, _BETWEEN_TASKS)
        and not (isinstance(hint, CeilingHint) and not hint.per_hour)
    ]
    everyone = tuple(k for k, hint in enumerate(hard) if not hint.tasks)
    spoken: dict[str, list[int]] = {}
    for k, hint in enumerate(hard):
        for id in hint.tasks:
            spoken.setdefault(id, []).append(k)
    sets: dict[tuple[int, ...], int] = {}
    profile = []
    for task in request.graph.tasks:
        key = tuple(sorted({*everyone, *spoken.get(task.id, ())}))
        profile.append(sets.setdefault(key, len(sets)))
    return [tuple(hard[k] for k in key) for key in sets], profile


def _types(machines: Sequence[Machine], welcome: Bools) -> tuple[list[str], list[int]]:
    """Return the type of each machine (equal for all hints), and machines in order of type."""
    keys: dict[object, str] = {}
    types = []
    for m, machine in enumerate(machines):
        key = (machine.device, machine.speed, welcome[:, m].tobytes())
        types.append(keys.setdefault(key, f"{machine.device or 'cpu'}/{len(keys)}"))
    ranks = {name: rank for rank, name in enumerate(keys.values())}
    return types, sorted(range(len(machines)), key=lambda m: ranks[types[m]])


def _group(machine: Machine, kind: str, endless: float) -> NodeGroup:
    return NodeGroup(
        type=kind,
        count=1,
        cpus=machine.cpus,
        memory=machine.memory or endless,
        devices=machine.devices,
        speed=machine.speed,
        rack=machine.rack,
        zone=machine.zone,
        region=machine.region,
        busy_watts=machine.watts,
        price=machine.price,
        names=(machine.name,),
    )


def _throughput(
    names: Sequence[str], types: Sequence[str], order: Sequence[int], welcome: Bools
) -> Floats:
    column = {types[m]: m for m in reversed(order)}
    return welcome[:, [column[name] for name in names]].astype(np.float64)


def _jobs(tasks: Sequence[Task]) -> Ints:
    """Return the connected part of the graph that each task is in, numbered as they come."""
    parent = list(range(len(tasks)))
    position = {task.id: i for i, task in enumerate(tasks)}

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, task in enumerate(tasks):
        for before in task.after:
            parent[root(i)] = root(position[before])
    numbers: dict[int, int] = {}
    return np.array([numbers.setdefault(root(i), len(numbers)) for i in range(len(tasks))])


def _least_release(jobs: Ints, tasks: Sequence[Task], clock: Clock) -> Ints:
    """Return when the first task of each job may start, microseconds."""
    found = np.full(int(jobs.max()) + 1, NEVER, dtype=np.int64)
    for job, task in zip(jobs.tolist(), tasks, strict=True):
        at = 0 if task.release is None else max(0, clock.ceil(task.release))
        found[job] = min(found[job], at * SECOND)
    return found


def _latest(jobs: Ints, limits: Sequence[datetime | None], clock: Clock) -> Ints:
    """Return the last of the limits that tasks of each job have, ``NEVER`` without any."""
    found = np.full(int(jobs.max()) + 1, -1, dtype=np.int64)
    for job, limit in zip(jobs.tolist(), limits, strict=True):
        if limit is not None:
            found[job] = max(found[job], max(0, clock.floor(limit)) * SECOND)
    return np.where(found < 0, NEVER, found)


def _rows(release: Ints, jobs: Ints, before: Ints, after: Ints) -> tuple[int, ...]:
    """Return the task of each row, as ``Draft.finish`` lays them out."""
    rank = np.empty(len(release), dtype=np.int64)
    rank[np.argsort(release, kind="stable")] = np.arange(len(release))
    depth = depths(len(jobs), before, after)
    if depth is None:
        raise UserError("tasks must not wait for each other in a circle; drop one of the edges")
    return tuple(np.lexsort((np.arange(len(jobs)), depth, rank[jobs])).tolist())


def _unsaid(request: PlanRequest) -> Iterator[str]:
    """Yield what is hard and cannot be told to the simulator."""
    tasks, hints = request.graph.tasks, [hint for hint in request.graph.hints if hint.hard]
    parts = {
        "people": any(task.people for task in tasks),
        "tasks that must not run together": bool(request.graph.apart),
        "fixed starts": any(task.fixed is not None for task in tasks),
        "tasks under way": bool(request.started),
        "releases inside a graph": any(task.release and task.after for task in tasks),
        "times of day": any(isinstance(hint, WindowHint) for hint in hints),
        "being together or apart": any(isinstance(h, TogetherHint | SpreadHint) for h in hints),
        "ceilings on a total": any(isinstance(h, CeilingHint) and not h.per_hour for h in hints),
    }
    for words, there in parts.items():
        if there:
            yield words
