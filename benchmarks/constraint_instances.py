"""Instances after R-ConstraintBench (arXiv 2508.15204), rebuilt from its abstract and summaries.

Tasks stand in layers; exactly ``1.2 n`` precedence edges are added one by one, none of which is
implied by others. Downtime, time windows and disjunctive pairs come on top. A witness schedule is
made first and everything else around it, so each instance can be solved; the witness is not shown
to anybody.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from agentsched.planning import Inventory, Plan, Task, TaskGraph
from agentsched.planning.graph import Demand
from agentsched.planning.hints import LabelHint
from agentsched.planning.inventory import Away, Machine
from agentsched.planning.plan import Assignment

NOW = datetime(2026, 1, 5, tzinfo=UTC)
KINDS = ("precedence", "downtime", "windows", "disjunctions")
"""Each level adds one to those before it."""
CAPACITY = 10
SITES = 3
SLACK = 0.1
"""Windows leave at most this share of the witness's makespan on either side."""
SHARE = 0.75
"""Of tasks that have a window, and of sites that have downtime."""


@dataclass(frozen=True)
class Instance:
    """A problem that has a solution."""

    graph: TaskGraph
    inventory: Inventory
    witness: Plan


@dataclass
class _Draft:
    rng: random.Random
    durations: list[int]
    """Minutes."""
    demands: list[tuple[int, int, int]]
    sites: list[int]
    edges: list[tuple[int, int]]
    downtime: list[list[tuple[int, int]]] = field(
        default_factory=lambda: [[] for _ in range(SITES)]
    )
    apart: list[tuple[int, int]] = field(default_factory=list)


def instance(n: int, kinds: int, seed: int) -> Instance:
    """Return an instance of ``n`` tasks with the first ``kinds`` of ``KINDS``."""
    rng = random.Random(f"{n}/{kinds}/{seed}")
    draft = _Draft(
        rng,
        durations=[rng.randint(1, 12) for _ in range(n)],
        demands=[tuple(rng.randint(0, CAPACITY // 2) for _ in range(3)) for _ in range(n)],  # type: ignore[misc]  # three of them
        sites=[rng.randrange(SITES) for _ in range(n)],
        edges=_edges(n, round(1.2 * n), rng),
    )
    if kinds >= 2:
        _add_downtime(draft)
    if kinds >= 4:
        draft.apart = _pairs(n, n // 4, draft)
    starts = _witness(draft)
    return _instance(draft, starts, windows=kinds >= 3)


def _edges(n: int, count: int, rng: random.Random) -> list[tuple[int, int]]:
    """Return edges between layers of which none follows from the others."""
    layers = max(3, round(n**0.5))
    layer = [rng.randrange(layers) for _ in range(n)]
    below, above = [0] * n, [0] * n  # bit sets of descendants and ancestors
    edges: list[tuple[int, int]] = []
    direct: set[tuple[int, int]] = set()
    while len(edges) < count:
        i, j = rng.randrange(n), rng.randrange(n)
        if layer[i] >= layer[j] or below[i] >> j & 1:
            continue
        sources, sinks = above[i] | 1 << i, below[j] | 1 << j
        if any(sources >> a & 1 and sinks >> b & 1 for a, b in direct):
            continue  # an older edge would become redundant
        edges.append((i, j))
        direct.add((i, j))
        for k in range(n):
            if sources >> k & 1:
                below[k] |= sinks
            if sinks >> k & 1:
                above[k] |= sources
    return edges


def _add_downtime(draft: _Draft) -> None:
    length = sum(draft.durations) // SITES
    for site in range(SITES):
        if draft.rng.random() < SHARE:
            for _ in range(draft.rng.randint(1, 3)):
                begin = draft.rng.randrange(0, length)
                draft.downtime[site].append((begin, begin + draft.rng.randint(5, 5 + length // 8)))


def _pairs(n: int, count: int, draft: _Draft) -> list[tuple[int, int]]:
    """Return pairs of tasks that share something no capacity speaks of."""
    found: set[tuple[int, int]] = set()
    while len(found) < count:
        a, b = sorted(draft.rng.sample(range(n), 2))
        found.add((a, b))
    return sorted(found)


def _witness(draft: _Draft) -> list[int]:
    """Return starts of a schedule made task by task in a random order, minute by minute."""
    n = len(draft.durations)
    before: list[list[int]] = [[] for _ in range(n)]
    for i, j in draft.edges:
        before[j].append(i)
    rivals: list[list[int]] = [[] for _ in range(n)]
    for a, b in draft.apart:
        rivals[a].append(b)
        rivals[b].append(a)
    starts = [-1] * n
    used: dict[tuple[int, int], list[int]] = {}
    waiting = set(range(n))
    while waiting:
        ready = sorted(i for i in waiting if all(starts[b] >= 0 for b in before[i]))
        i = draft.rng.choice(ready)
        waiting.remove(i)
        start = max((starts[b] + draft.durations[b] for b in before[i]), default=0)
        while not _fits(draft, i, start, starts, rivals[i], used):
            start += 1
        starts[i] = start
        for minute in range(start, start + draft.durations[i]):
            held = used.setdefault((draft.sites[i], minute), [0, 0, 0])
            for k in range(3):
                held[k] += draft.demands[i][k]
    return starts


def _fits(
    draft: _Draft,
    i: int,
    start: int,
    starts: list[int],
    rivals: list[int],
    used: dict[tuple[int, int], list[int]],
) -> bool:
    end, site = start + draft.durations[i], draft.sites[i]
    if any(start < b and a < end for a, b in draft.downtime[site]):
        return False
    if any(starts[r] >= 0 and start < starts[r] + draft.durations[r] and starts[r] < end
           for r in rivals):  # fmt: skip
        return False
    return all(
        used.get((site, minute), (0, 0, 0))[k] + draft.demands[i][k] <= CAPACITY
        for minute in range(start, end)
        for k in range(3)
    )


def _instance(draft: _Draft, starts: list[int], *, windows: bool) -> Instance:
    n = len(starts)
    length = max(start + duration for start, duration in zip(starts, draft.durations, strict=True))
    before: list[list[str]] = [[] for _ in range(n)]
    for i, j in draft.edges:
        before[j].append(f"t{i}")
    tasks = []
    for i, (start, duration) in enumerate(zip(starts, draft.durations, strict=True)):
        release = deadline = None
        if windows and draft.rng.random() < SHARE:
            early, late = (draft.rng.randint(0, round(SLACK * length)) for _ in range(2))
            release = _at(max(0, start - early))
            deadline = _at(start + duration + late)
        cpus, memory, devices = draft.demands[i]
        tasks.append(
            Task(
                id=f"t{i}", duration=60 * duration, after=tuple(before[i]), release=release,
                deadline=deadline,
                # A CPU more than drawn, so that each task holds something of its site.
                demand=Demand(cpus=cpus, memory=memory, devices=devices),
            )
        )  # fmt: skip
    graph = TaskGraph(
        tasks=tuple(tasks),
        apart=tuple((f"t{a}", f"t{b}") for a, b in draft.apart),
        hints=tuple(_on_site(draft, site) for site in range(SITES) if site in draft.sites),
    )
    return Instance(graph, _inventory(draft), _plan(graph, draft, starts))


def _on_site(draft: _Draft, site: int) -> LabelHint:
    here = tuple(f"t{i}" for i, at in enumerate(draft.sites) if at == site)
    return LabelHint(names=(f"site-{site}",), tasks=here, hard=True)


def _inventory(draft: _Draft) -> Inventory:
    return Inventory(
        machines=tuple(
            Machine(
                name=f"site-{site}", cpus=CAPACITY, memory=CAPACITY, devices=CAPACITY,
                away=tuple(Away(start=_at(a), end=_at(b)) for a, b in draft.downtime[site]),
            )
            for site in range(SITES)
        )
    )  # fmt: skip


def _plan(graph: TaskGraph, draft: _Draft, starts: list[int]) -> Plan:
    return Plan(
        method="witness",
        assignments=tuple(
            Assignment(
                task=task.id,
                machines=(f"site-{draft.sites[i]}",) if any(draft.demands[i]) else (),
                start=_at(starts[i]),
                end=_at(starts[i] + draft.durations[i]),
            )
            for i, task in enumerate(graph.tasks)
        ),
    )


def _at(minute: int) -> datetime:
    return NOW + timedelta(minutes=minute)
