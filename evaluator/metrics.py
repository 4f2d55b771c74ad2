"""The trusted score path: every metric of a trace, from integers and exactly rounded sums.

All of it is defined so that the order of addition cannot matter: integer sums are exact, sums of
floats go through ``math.fsum``, percentiles are nearest rank. The formulas stand in
``docs/trace-format.md``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Final, Literal

import numpy as np
from numba import njit

from evaluator.cluster.instance import Instance, Series
from evaluator.cluster.model import NEVER, SECOND, Floats, Ints, Ints32
from evaluator.errors import TraceError
from evaluator.segments import Placements, Segments, check_columns, placements, segments
from evaluator.trace import Outcome, Trace

TAU: Final = 10 * SECOND
"""Bound of the bounded slowdown: shorter jobs count as this long."""
_HOUR: Final = 3600 * SECOND


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """What a metric is, for people and prompts."""

    name: str
    unit: str
    sense: Literal["min", "max"]
    """Which way is better."""
    text: str


def _infos(*rows: tuple[str, str, Literal["min", "max"], str]) -> Mapping[str, MetricInfo]:
    return MappingProxyType({row[0]: MetricInfo(*row) for row in rows})


METRICS: Final[Mapping[str, MetricInfo]] = _infos(
    ("mean_jct", "s", "min", "mean over jobs of completion minus release"),
    ("mean_flow_time", "s", "min", "the same as mean_jct"),
    ("p99_jct", "s", "min", "99th percentile (nearest rank) of completion minus release"),
    ("makespan", "s", "min", "last completion minus first release"),
    ("mean_wait", "s", "min", "mean over jobs of first start of any task minus release"),
    ("max_wait", "s", "min", "greatest wait of a job"),
    (
        "mean_bounded_slowdown",
        "1",
        "min",
        "mean over jobs of max(1, flow / max(critical path at the best throughput, 10 s))",
    ),
    (
        "utilisation",
        "1",
        "max",
        "busy share of the cluster's devices (of its CPUs, if it has no devices) over the makespan",
    ),
    ("total_tardiness", "s", "min", "sum over jobs of completion after due"),
    ("weighted_tardiness", "s", "min", "sum over jobs of weight x completion after due"),
    ("max_tardiness", "s", "min", "greatest completion after due"),
    ("missed_deadlines", "jobs", "min", "jobs completed after their hard deadline"),
    ("mean_weighted_flow_time", "s", "min", "mean over jobs of weight x flow time"),
    (
        "finish_time_fairness",
        "1",
        "min",
        "95th percentile over jobs of flow time / flow time under an equal share of the cluster",
    ),
    (
        "jain_index",
        "1",
        "max",
        "Jain's index over users of service per second with work in the system, per weight",
    ),
    ("energy_kwh", "kWh", "min", "idle power over the makespan plus dynamic power by load"),
    ("cost", "money", "min", "node price x share of the node used, at the price of the hour"),
    ("carbon_kg", "kgCO2", "min", "energy x carbon intensity of the region at the time"),
    ("preemptions", "1", "min", "times a running task was stopped by decision"),
    ("restarts", "1", "min", "starts of a task beyond its first"),
    (
        "wasted_seconds",
        "s",
        "min",
        "start and restart overheads, plus work lost to node failures (at throughput 1.0)",
    ),
)


def measure(instance: Instance, trace: Trace) -> dict[str, float]:
    """Return every metric of ``METRICS``, in that order.

    Raises:
        TraceError: rows do not belong to the instance, or a task has no finishing row.
    """
    check_columns(instance, trace)
    w, weight = instance.workload, instance.workload.weight
    ended, started = _job_times(instance, trace)
    jobs, origin = w.jobs, int(w.release[0])
    flow, wait = ended - w.release, started - w.release
    makespan = int(ended.max()) - origin
    late = np.where(w.due < NEVER, np.maximum(ended - w.due, 0), 0)
    paths = _critical_paths(instance, _best_rates(instance))
    where, facts = placements(instance, trace), segments(instance, trace)
    mean_flow = _total(flow) / (jobs * SECOND)
    energy, cost, carbon = _bills(instance, trace, where, origin, origin + makespan)
    return {
        "mean_jct": mean_flow,
        "mean_flow_time": mean_flow,
        "p99_jct": int(_nearest_rank(flow, 99)) / SECOND,
        "makespan": makespan / SECOND,
        "mean_wait": _total(wait) / (jobs * SECOND),
        "max_wait": int(wait.max()) / SECOND,
        "mean_bounded_slowdown": _sum(np.maximum(1.0, flow / np.maximum(paths, TAU))) / jobs,
        "utilisation": _utilisation(instance, trace, where, makespan),
        "total_tardiness": _total(late) / SECOND,
        "weighted_tardiness": _sum(weight * (late / SECOND)),
        "max_tardiness": int(late.max()) / SECOND,
        "missed_deadlines": float(np.count_nonzero(ended > w.deadline)),
        "mean_weighted_flow_time": _sum(weight * (flow / SECOND)) / jobs,
        "finish_time_fairness": _finish_time_fairness(instance, ended),
        "jain_index": _jain_index(instance, trace, ended),
        "energy_kwh": energy,
        "cost": cost,
        "carbon_kg": carbon,
        "preemptions": float(np.count_nonzero(trace.outcome == Outcome.PREEMPTED)),
        "restarts": float(len(trace) - len(w)),
        "wasted_seconds": _wasted(facts) / SECOND,
    }


def ideal_durations(instance: Instance) -> Ints:
    """Each job's critical path at the best throughput, microseconds; no job can be quicker."""
    return _critical_paths(instance, _best_rates(instance))


def dominant_resource(instance: Instance) -> int:
    """Return the column of devices if any node has some, of CPUs otherwise."""
    return 2 if np.any(instance.cluster.capacity[:, 2] > 0) else 0


def _job_times(instance: Instance, trace: Trace) -> tuple[Ints, Ints]:
    """Completion and first start by job."""
    w = instance.workload
    last = (trace.outcome == Outcome.FINISHED) | (trace.outcome == Outcome.KILLED)
    finishes = np.bincount(trace.task[last], minlength=len(w))
    if np.any(finishes != 1):
        task = int(np.argmax(finishes != 1))
        raise TraceError(f"task {w.task_name(task)!r} must finish once, got {finishes[task]} times")
    job = w.job[trace.task]
    ended = np.full(w.jobs, -1, np.int64)
    started = np.full(w.jobs, NEVER, np.int64)
    np.maximum.at(ended, job[last], trace.end[last])
    np.minimum.at(started, job, trace.start)
    return ended, started


def _best_rates(instance: Instance) -> Floats:
    """Greatest throughput times speed by profile, over the nodes there are."""
    fastest = np.zeros(len(instance.cluster.types))
    np.maximum.at(fastest, instance.cluster.type, instance.cluster.speed)
    best: Floats = np.max(instance.workload.throughput * fastest, axis=1)
    return best


def _mean_rates(instance: Instance) -> Floats:
    """Mean throughput times speed by profile, over the nodes that can run it."""
    cluster, table = instance.cluster, instance.workload.throughput
    types = range(len(cluster.types))
    speeds = [math.fsum(cluster.speed[cluster.type == k].tolist()) for k in types]
    counts = np.bincount(cluster.type, minlength=len(cluster.types))
    mean = np.zeros(len(table))
    for profile, row in enumerate(table):
        runs = [k for k in types if row[k] > 0 and counts[k] > 0]
        if runs:
            share = math.fsum(float(row[k]) * speeds[k] for k in runs)
            mean[profile] = share / int(sum(counts[k] for k in runs))
    return mean


def _critical_paths(instance: Instance, rates: Floats) -> Ints:
    w = instance.workload
    work = np.minimum(w.work, w.estimate) if instance.rules.kill_at_estimate else w.work
    rate = rates[w.profile]
    duration = np.maximum(1, np.ceil(work / np.where(rate > 0, rate, 1.0))).astype(np.int64)
    if len(w.edges.source):
        _finish_in_order(duration, w.edges.ptr, w.edges.source)
    first = np.searchsorted(w.job, np.arange(w.jobs))
    longest: Ints = np.maximum.reduceat(duration, first)
    return longest


@njit(cache=True)
def _finish_in_order(finish: Ints, ptr: Ints, source: Ints32) -> None:
    for i in range(len(finish)):
        begin = np.int64(0)
        for edge in range(ptr[i], ptr[i + 1]):
            begin = max(begin, finish[source[edge]])
        finish[i] += begin


def _utilisation(instance: Instance, trace: Trace, where: Placements, makespan: int) -> float:
    resource = dominant_resource(instance)
    capacity = _total(instance.cluster.capacity[:, resource])
    if capacity == 0:
        return 0.0
    amount = where.count * instance.workload.demand[trace.task[where.row], resource]
    held = (trace.end - trace.start)[where.row]
    return _exact_by_group(np.zeros(len(amount), np.int64), amount, held, 1)[0] / (
        capacity * makespan
    )


def _finish_time_fairness(instance: Instance, ended: Ints) -> float:
    w, resource = instance.workload, dominant_resource(instance)
    alone = _critical_paths(instance, _mean_rates(instance))
    first = np.searchsorted(w.job, np.arange(w.jobs))
    demanded = np.maximum.reduceat(w.gang * w.demand[:, resource], first)
    capacity = max(1, _total(instance.cluster.capacity[:, resource]))
    flow = ended - w.release
    together = demanded * _mean_active(w.release, ended) / capacity
    isolated = alone * np.maximum(1.0, together)
    return float(_nearest_rank(flow / isolated, 95))


def _mean_active(release: Ints, ended: Ints) -> Floats:
    """Mean over each job's life of the number of jobs in the system, itself included."""
    begins, ends = release - release[0], np.sort(ended - release[0])
    if len(begins) * int(ends[-1]) >= 2**62:
        begins, ends = begins.astype(object), ends.astype(object)

    def since(times: Ints, t: Ints) -> Ints:
        before = np.searchsorted(times, t)
        sums = np.concatenate([times[:1] * 0, np.cumsum(times)])
        area: Ints = before.astype(times.dtype) * t - sums[before]
        return area

    def area(t: Ints) -> Ints:
        moments = t.astype(begins.dtype)
        return since(begins, moments) - since(ends, moments)

    shared = area(ended - release[0]) - area(release - release[0])
    mean: Floats = shared.astype(np.float64) / (ended - release).astype(np.float64)
    return mean


def _jain_index(instance: Instance, trace: Trace, ended: Ints) -> float:
    w = instance.workload
    users = int(w.user.max()) + 1
    user = w.user[w.job[trace.task]].astype(np.int64)
    demand = w.demand[trace.task, dominant_resource(instance)]
    amount = w.gang[trace.task].astype(np.int64) * demand
    service = _exact_by_group(user, amount, trace.end - trace.start, users)
    present = _presence(w.user.astype(np.int64), w.release, ended, users)
    shares = []
    of_user = np.argsort(w.user, kind="stable")
    bounds = np.searchsorted(w.user[of_user], np.arange(users + 1)).tolist()
    weights = w.weight[of_user].tolist()
    for u, (low, high) in enumerate(pairwise(bounds)):
        weight = math.fsum(weights[low:high]) / (high - low) if high > low else 0.0
        if weight > 0:
            shares.append(float(service[u]) / (float(present[u]) * weight))
    squares = math.fsum(share * share for share in shares)
    if squares == 0.0:
        return 1.0
    total = math.fsum(shares)
    return total * total / (len(shares) * squares)


@njit(cache=True)
def _presence(user: Ints, release: Ints, ended: Ints, users: int) -> Ints:
    """Time with at least one job in the system, by user."""
    length, until = np.zeros(users, np.int64), np.zeros(users, np.int64)
    for job in range(len(user)):
        u = user[job]
        length[u] += max(0, ended[job] - max(release[job], until[u]))
        until[u] = max(until[u], ended[job])
    return length


def _bills(
    instance: Instance, trace: Trace, where: Placements, origin: int, end: int
) -> tuple[float, float, float]:
    """Energy in kWh, cost in money, carbon in kg over [origin, end].

    Nodes alike in region, resource, capacity, power and price are summed as integers first.
    """
    cluster = instance.cluster
    resource = np.where(cluster.capacity[:, 2] > 0, 2, 0)
    capacity = np.take_along_axis(cluster.capacity, resource[:, None], axis=1)[:, 0]
    kinds: dict[tuple[int, int, int, float, float, float], list[int]] = {}
    for node, facts in enumerate(
        zip(
            cluster.region.tolist(), resource.tolist(), capacity.tolist(),
            cluster.idle_watts.tolist(), cluster.busy_watts.tolist(), cluster.price.tolist(),
            strict=True,
        )
    ):  # fmt: skip
        kinds.setdefault(facts, []).append(node)
    kind = np.zeros(len(cluster), np.int64)
    for k, nodes in enumerate(kinds.values()):
        kind[nodes] = k
    amount = where.count * instance.workload.demand[trace.task[where.row], resource[where.node]]
    group, start, stop = kind[where.node], trace.start[where.row], trace.end[where.row]
    prices = {series.region: series for series in instance.price}
    carbons = {series.region: series for series in instance.carbon}
    energy: list[float] = []
    cost: list[float] = []
    carbon: list[float] = []
    whole = _exact_by_group(group, amount, stop - start, len(kinds))
    for k, ((region, _, units, idle, busy, price), nodes) in enumerate(kinds.items()):
        energy.append(idle * len(nodes) * float(end - origin))
        energy.append((busy - idle) * _share(whole[k], units))
        rows = np.flatnonzero(group == k) if region in prices or region in carbons else None
        if rows is None or region not in prices:
            cost.append(price * _share(whole[k], units))
        if rows is None:
            continue
        load = amount[rows], start[rows], stop[rows]
        if region in prices:
            for factor, _, used in _by_step(prices[region], origin, end, *load):
                cost.append(price * factor * _share(used, units))
        if region in carbons:
            for grams, length, used in _by_step(carbons[region], origin, end, *load):
                carbon.append(idle * len(nodes) * float(length) * grams)
                carbon.append((busy - idle) * _share(used, units) * grams)
    watt_hours = 1000.0 * _HOUR
    return (
        math.fsum(energy) / watt_hours,
        math.fsum(cost) / _HOUR,
        math.fsum(carbon) / (1000.0 * watt_hours),
    )


def _share(used: int, capacity: int) -> float:
    """Microseconds for which whole nodes would have been used as much."""
    return used / capacity if capacity else 0.0


def _by_step(
    series: Series, origin: int, end: int, amount: Ints, start: Ints, stop: Ints
) -> list[tuple[float, int, int]]:
    """Value, length in the window and usage integral of every step that meets the window."""
    cuts = np.append(series.times, NEVER)
    high, low = np.zeros(len(cuts), np.int64), np.zeros(len(cuts), np.int64)
    _add_steps(cuts, amount, start, stop, high, low)
    steps = []
    for step, value in enumerate(series.values.tolist()):
        length = min(int(cuts[step + 1]), end) - max(int(cuts[step]), origin)
        if length > 0:
            steps.append((value, length, (int(high[step]) << 32) + int(low[step])))
    return steps


@njit(cache=True)
def _add_steps(cuts: Ints, amount: Ints, start: Ints, stop: Ints, high: Ints, low: Ints) -> None:
    for row in range(len(amount)):
        step = np.searchsorted(cuts, start[row], side="right") - 1
        moment = start[row]
        while moment < stop[row]:
            until = min(stop[row], cuts[step + 1])
            held = until - moment
            upper, lower = held >> 32, (held & 0xFFFFFFFF) * amount[row]
            high[step] += upper * amount[row] + (lower >> 32)
            low[step] += lower & 0xFFFFFFFF
            moment, step = until, step + 1


def _wasted(facts: Segments) -> int:
    return _total(facts.overhead) + _total(facts.lost)


def _exact_by_group(group: Ints, amount: Ints, held: Ints, groups: int) -> list[int]:
    """Sum of amount x held by group; exact for amounts below 2**31."""
    high, low = np.zeros(groups, np.int64), np.zeros(groups, np.int64)
    _add_products(group, amount, held, high, low)
    return [(h << 32) + x for h, x in zip(high.tolist(), low.tolist(), strict=True)]


@njit(cache=True)
def _add_products(group: Ints, amount: Ints, held: Ints, high: Ints, low: Ints) -> None:
    for row in range(len(group)):
        upper, lower = held[row] >> 32, held[row] & 0xFFFFFFFF
        lower *= amount[row]
        high[group[row]] += upper * amount[row] + (lower >> 32)
        low[group[row]] += lower & 0xFFFFFFFF


def _total(values: Ints) -> int:
    """Exact sum of integers of any size."""
    upper, lower = values >> 32, values & 0xFFFFFFFF
    return (int(upper.sum()) << 32) + int(lower.sum())


def _sum(values: Floats) -> float:
    return math.fsum(values.tolist())


def _nearest_rank(values: Ints | Floats, percent: int) -> int | float:
    rank: int = (percent * len(values) + 99) // 100
    value: int | float = np.partition(values, rank - 1)[rank - 1].item()
    return value
