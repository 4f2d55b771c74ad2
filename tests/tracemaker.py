"""Random instances, and valid traces of them made by a plain event-driven list scheduler."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from evaluator.cluster.instance import Instance, Outage, Rules, Series
from evaluator.cluster.model import NEVER, SECOND, Links, NodeGroup, build_cluster
from evaluator.cluster.workload import Edges, Workload
from evaluator.trace import Outcome, Trace

Row = tuple[int, list[tuple[int, int]], int, int, int]
"""task, [(node, members)], start, end, outcome"""


def make_trace(
    rows: list[Row], events: list[tuple[int, int, int]] | None = None, epochs: int = 0
) -> Trace:
    """Rows as columns; ``events`` are (time, node, up)."""
    spread = [
        (r, node, count)
        for r, (_, nodes, *_) in enumerate(rows)
        if len(nodes) > 1
        for node, count in nodes
    ]
    events = events or []

    def column(values: Iterator[int], dtype: type) -> np.ndarray:
        return np.array(list(values), dtype=dtype)

    return Trace(
        task=column((r[0] for r in rows), np.int32),
        node=column((r[1][0][0] for r in rows), np.int32),
        start=column((r[2] for r in rows), np.int64),
        end=column((r[3] for r in rows), np.int64),
        outcome=column((r[4] for r in rows), np.int8),
        spread_row=column((s[0] for s in spread), np.int32),
        spread_node=column((s[1] for s in spread), np.int32),
        spread_count=column((s[2] for s in spread), np.int32),
        event_time=column((e[0] for e in events), np.int64),
        event_node=column((e[1] for e in events), np.int32),
        event_up=column((e[2] for e in events), np.int8),
        epochs=epochs,
    )


def random_instance(seed: int, *, plain: bool = False) -> Instance:
    """A small world; ``plain`` means one-task jobs, gangs of one, nothing that stops a task."""
    rng = random.Random(seed)
    second = SECOND
    links = Links.free()
    if not plain and rng.random() < 0.6:
        links = Links(np.array([math.inf, 3e6, 2e6, 1.7e6, 1e6]), np.array([0, 10, 20, 333, 4000]))
    gpu = rng.random() < 0.5
    groups = [
        NodeGroup(
            type=f"t{rng.randrange(2)}", count=rng.randint(1, 3), cpus=rng.choice([2, 4, 8]),
            memory=rng.choice([4, 16]), devices=rng.choice([0, 2, 4]) if gpu else 0,
            speed=rng.choice([1.0, 0.7, 1.9]), zone=f"z{rng.randrange(2)}",
            region=f"r{rng.randrange(2)}", bandwidth=rng.choice([math.inf, 1.1e6]),
            idle_watts=rng.choice([0.0, 55.5]), busy_watts=rng.choice([100.0, 301.7]),
            price=rng.choice([0.0, 1.3]), labels=("a",) if rng.random() < 0.7 else (),
        )
        for _ in range(rng.randint(1, 4))
    ]  # fmt: skip
    cluster = build_cluster("c", groups, links)
    jobs = rng.randint(1, 14)
    job: list[int] = []
    for j in range(jobs):
        job += [j] * (1 if plain or rng.random() < 0.6 else rng.randint(2, 5))
    n = len(job)
    ptr, source = [0], []
    for i in range(n):
        earlier = [k for k in range(i) if job[k] == job[i]]
        source += [k for k in earlier if rng.random() < 0.5]
        ptr.append(len(source))
    demand = [
        [
            rng.choice([500, 1000, 2000]),
            rng.choice([0, 512, 1024]),
            rng.choice([0, 500, 1000]) if gpu else 0,
        ]
        for _ in range(n)
    ]
    release = sorted(rng.randrange(0, 60) * second // rng.choice([1, 7]) for _ in range(jobs))
    work = [rng.randint(1, 60 * second) for _ in range(n)]
    profiles = 3
    w = Workload(
        name="w",
        release=np.array(release),
        due=np.array([rng.choice([NEVER, r + rng.randint(1, 90) * second]) for r in release]),
        deadline=np.full(jobs, NEVER),
        weight=np.array([rng.choice([1.0, 0.3, 2.7]) for _ in range(jobs)]),
        user=np.array([rng.randrange(3) for _ in range(jobs)], dtype=np.int32),
        job=np.array(job, dtype=np.int32),
        demand=np.array(demand, dtype=np.int64),
        gang=np.array(
            [1 if plain else rng.choice([1, 1, 1, 2, 3]) for _ in range(n)], dtype=np.int32
        ),
        work=np.array(work),
        estimate=np.array([max(1, int(x * rng.choice([0.5, 1, 1.5]))) for x in work]),
        profile=np.array([rng.randrange(profiles) for _ in range(n)], dtype=np.int32),
        requires=np.array(
            [rng.random() < 0.1 and bool(cluster.label_names) for _ in range(n)], dtype=np.int64
        ),
        throughput=np.array(
            [[rng.choice([1.0, 0.37, 2.5]) for _ in cluster.types] for _ in range(profiles)]
        ),
        restart=np.array([rng.choice([-1, 2 * second]) for _ in range(profiles)]),
        edges=Edges(
            np.array(ptr),
            np.array(source, dtype=np.int32),
            np.array([rng.randrange(0, 9_000_000) for _ in source], dtype=np.int64),
        ),
        users=("u0", "u1", "u2"),
    )
    hard = not plain
    rules = Rules(
        preemptive=hard and rng.random() < 0.5,
        round=rng.choice([0, 0, 10 * second]) if hard else 0,
        restart_cost=rng.choice([0, 3 * second]),
        start_cost=rng.choice([0, second // 3]),
        checkpoint=rng.choice([0, 5 * second]),
        kill_at_estimate=hard and rng.random() < 0.3,
    )
    outages: tuple[Outage, ...] = ()
    if hard:
        outages = tuple(
            Outage(rng.randrange(len(cluster)), at := rng.randrange(1, 90) * second,
                   at + rng.randint(1, 50) * second)
            for _ in range(rng.choice([0, 0, 1, 3]))
        )  # fmt: skip

    def series() -> tuple[Series, ...]:
        if rng.random() < 0.5:
            return ()
        times = np.array([0, 7, 31, 90, 4000]) * second
        return tuple(
            Series(region, times, np.array([rng.uniform(0.1, 400) for _ in times]))
            for region in range(2)
            if rng.random() < 0.8
        )

    return Instance(
        cluster, w, rules, outages=outages, price=series(), carbon=series(),
        seed=seed.to_bytes(16, "little"),
    )  # fmt: skip


@dataclass
class _Running:
    row: int
    nodes: list[tuple[int, int]]
    begin: int
    rate: float
    end: int
    final: Outcome


@dataclass
class _World:
    """State of the list scheduler; tasks start in random order on random nodes that fit."""

    instance: Instance
    rng: random.Random
    rows: list[Row] = field(default_factory=list)
    events: list[tuple[int, int, int]] = field(default_factory=list)
    running: dict[int, _Running] = field(default_factory=dict)
    finished: dict[int, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.left = self.instance.workload.work.tolist()
        self.starts = [0] * len(self.left)
        self.free = self.instance.cluster.capacity.copy()
        self.away = [0] * len(self.instance.cluster)

    def preds(self, i: int) -> list[tuple[int, int]]:
        edges = self.instance.workload.edges
        return [
            (int(edges.source[e]), int(edges.bytes[e]))
            for e in range(edges.ptr[i], edges.ptr[i + 1])
        ]

    def ready(self, i: int, now: int) -> bool:
        w = self.instance.workload
        return (
            i not in self.finished
            and i not in self.running
            and int(w.release[w.job[i]]) <= now
            and all(p in self.finished for p, _ in self.preds(i))
        )

    def rate(self, i: int, node: int) -> float:
        w, c = self.instance.workload, self.instance.cluster
        return float(w.throughput[w.profile[i], c.type[node]]) * float(c.speed[node])

    def fit(self, i: int) -> list[tuple[int, int]] | None:
        w, c = self.instance.workload, self.instance.cluster
        first = list(range(len(c)))
        self.rng.shuffle(first)
        for kind in dict.fromkeys(c.type[n] for n in first):
            nodes, wanted = [], int(w.gang[i])
            for n in first:
                if c.type[n] != kind or self.away[n] or self.rate(i, n) <= 0:
                    continue
                if int(w.requires[i]) & ~int(c.labels[n]):
                    continue
                room = min(
                    (int(self.free[n, r] // w.demand[i, r]) for r in range(3) if w.demand[i, r]),
                    default=wanted,
                )
                if room and wanted:
                    nodes.append((n, min(room, wanted)))
                    wanted -= min(room, wanted)
            if not wanted:
                return nodes
        return None

    def arrival(self, i: int, here: int) -> int:
        c, at = self.instance.cluster, 0
        for p, size in self.preds(i):
            end, there = self.finished[p]
            if there != here:
                same = (
                    c.rack[there] == c.rack[here],
                    c.zone[there] == c.zone[here],
                    c.region[there] == c.region[here],
                )
                tier = next((k + 1 for k, s in enumerate(same) if s), 4)
                band = min(c.links.bandwidth[tier], c.bandwidth[there], c.bandwidth[here])
                end += int(c.links.latency[tier])
                end += 0 if math.isinf(band) else math.ceil(size / float(band) * SECOND)
            at = max(at, end)
        return at

    def start(self, i: int, nodes: list[tuple[int, int]], now: int) -> None:
        w, rules = self.instance.workload, self.instance.rules
        rate = min(self.rate(i, n) for n, _ in nodes)
        own = int(w.restart[w.profile[i]])
        again = own if own >= 0 else rules.restart_cost
        begin = max(now, self.arrival(i, nodes[0][0])) + (
            again if self.starts[i] else rules.start_cost
        )
        self.starts[i] += 1
        work, final = self.left[i], Outcome.FINISHED
        if rules.kill_at_estimate:
            allowed = max(1, int(w.estimate[i]) - (int(w.work[i]) - self.left[i]))
            if allowed < work:
                work, final = allowed, Outcome.KILLED
        end = begin + max(1, math.ceil(work / rate))
        self.running[i] = _Running(len(self.rows), nodes, begin, rate, end, final)
        self.rows.append((i, nodes, now, -1, -1))
        for n, count in nodes:
            self.free[n] -= w.demand[i] * count

    def stop(self, i: int, now: int, outcome: Outcome) -> None:
        w, rules, run = self.instance.workload, self.instance.rules, self.running.pop(i)
        for n, count in run.nodes:
            self.free[n] += w.demand[i] * count
        self.rows[run.row] = (i, run.nodes, self.rows[run.row][2], now, int(outcome))
        if outcome in (Outcome.FINISHED, Outcome.KILLED):
            self.finished[i] = (now, run.nodes[0][0])
            return
        done = 0 if now <= run.begin else min(
            self.left[i] - 1, math.floor((now - run.begin) * run.rate)
        )  # fmt: skip
        if outcome is Outcome.FAILED:
            before = int(w.work[i]) - self.left[i]
            c = rules.checkpoint
            done = max(before, (before + done) // c * c) - before if c else 0
        self.left[i] -= done


def random_trace(instance: Instance, seed: int) -> Trace | None:
    """A valid trace; None when some task can never run."""
    world, rules = _World(instance, random.Random(seed)), instance.rules
    w = instance.workload
    moments = sorted(set(w.release.tolist()))
    turns: list[tuple[int, int, int]] = []
    for outage in instance.outages:
        turns += [(outage.start, outage.node, 0), (outage.end, outage.node, 1)]
    heap = moments + [t for t, _, _ in turns]
    heapq.heapify(heap)
    epochs = 0
    while len(world.finished) < len(w):
        if not heap or epochs > 5000:
            return None
        now = heapq.heappop(heap)
        while heap and heap[0] == now:
            heapq.heappop(heap)
        for _, node, up in sorted(t for t in turns if t[0] == now):
            was = world.away[node] > 0
            world.away[node] += -1 if up else 1
            if was == (world.away[node] > 0):
                continue
            world.events.append((now, node, up))
            for i in sorted(world.running):
                if not up and any(n == node for n, _ in world.running[i].nodes):
                    world.stop(i, now, Outcome.FAILED)
        for i in sorted(world.running):
            if world.running[i].end == now:
                world.stop(i, now, world.running[i].final)
        if rules.round and now % rules.round:
            heapq.heappush(heap, now + rules.round - now % rules.round)
            continue
        epochs += 1
        if rules.preemptive and world.rng.random() < 0.5 and epochs < 60:
            for i in sorted(world.running):
                begun = world.rows[world.running[i].row][2]
                if world.rng.random() < 0.4 and begun < now:
                    world.stop(i, now, Outcome.PREEMPTED)
        waiting = [i for i in range(len(w)) if world.ready(i, now)]
        world.rng.shuffle(waiting)
        for i in waiting:
            nodes = world.fit(i)
            if nodes and (world.rng.random() < 0.9 or not world.running):
                world.start(i, nodes, now)
                heapq.heappush(heap, world.running[i].end)
            elif nodes:
                heapq.heappush(heap, now + SECOND)
        if rules.preemptive and world.running and epochs < 60:
            heapq.heappush(heap, now + world.rng.randint(1, 20 * SECOND))
    last = max(row[3] for row in world.rows)
    return make_trace(world.rows, [e for e in world.events if e[0] <= last], epochs)


def worlds(count: int, *, plain: bool = False, first: int = 0) -> Iterator[tuple[Instance, Trace]]:
    """Valid (instance, trace) pairs."""
    seed = first
    while count:
        instance = random_instance(seed, plain=plain)
        trace = random_trace(instance, seed)
        seed += 1
        if trace is not None:
            count -= 1
            yield instance, trace


def edited(trace: Trace, column: str, row: int, value: int) -> Trace:
    """The trace with one value changed."""
    changed = getattr(trace, column).copy()
    changed[row] = value
    return replace(trace, **{column: changed})
