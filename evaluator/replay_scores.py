"""Every metric once more: the compiled sums of the replay, independent of ``metrics``."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

import numpy as np
from numba import njit

from evaluator.cluster.instance import Instance
from evaluator.cluster.model import NEVER, Floats, Ints, Ints32
from evaluator.replay_rules import order_of
from evaluator.trace import Trace

_MICRO = 1_000_000


@njit(cache=True)
def _pour(total: Ints, value: float) -> None:
    """Add a finite float exactly: its mantissa goes to the cell of its exponent."""
    mantissa, exponent = math.frexp(value)
    whole = np.int64(mantissa * 9007199254740992.0)
    total[exponent + 1100, 0] += whole >> 32
    total[exponent + 1100, 1] += whole & 0xFFFFFFFF


def _drawn(total: Ints) -> float:
    """The exact sum of what was poured, rounded once."""
    cells = [
        (int(total[c, 0]) << 32) + int(total[c, 1]) << int(c) for c in np.flatnonzero(total.any(1))
    ]
    return sum(cells) / (1 << (1100 + 53))


def _exact_sum(values: Floats) -> float:
    total = np.zeros((2200, 2), np.int64)
    _pour_all(total, values)
    return _drawn(total)


@njit(cache=True)
def _pour_all(total: Ints, values: Floats) -> None:
    for value in values:
        _pour(total, value)


@njit(cache=True)
def _multiply_add(total: Ints, cell: int, a: int, b: int) -> None:
    """Add a x b to a cell of four 32-bit digits (least first); a, b >= 0."""
    a0, a1, b0, b1 = a & 0xFFFFFFFF, a >> 32, b & 0xFFFFFFFF, b >> 32
    low = np.uint64(a0) * np.uint64(b0)
    total[cell, 0] += np.int64(low & np.uint64(0xFFFFFFFF))
    total[cell, 1] += np.int64(low >> np.uint64(32))
    if a1 | b1:
        for left, right, digit in ((a0, b1, 1), (a1, b0, 1), (a1, b1, 2)):
            part = np.uint64(left) * np.uint64(right)
            total[cell, digit] += np.int64(part & np.uint64(0xFFFFFFFF))
            total[cell, digit + 1] += np.int64(part >> np.uint64(32))


def _number(digits: Iterable[int]) -> int:
    return sum(int(digit) << (32 * place) for place, digit in enumerate(digits))


@njit(cache=True)
def _load(
    task: Ints32, node: Ints32, start: Ints, end: Ints, job: Ints32, user: Ints32, gang: Ints32,
    demand: Ints, resource: int, spread_ptr: Ints, spread_node: Ints32, spread_count: Ints32,
    kind: Ints32, own: Ints32, by_user: Ints, by_kind: Ints,
) -> None:  # fmt: skip
    """Resource-time by user (of the cluster's resource) and by kind of node (of the node's own)."""
    for row in range(len(task)):
        i, held = task[row], end[row] - start[row]
        _multiply_add(by_user, user[job[i]], gang[i] * demand[i, resource], held)
        low, high = spread_ptr[row], spread_ptr[row + 1]
        if low == high:
            here = node[row]
            _multiply_add(by_kind, kind[here], gang[i] * demand[i, own[here]], held)
        for at in range(low, high):
            here = spread_node[at]
            _multiply_add(by_kind, kind[here], spread_count[at] * demand[i, own[here]], held)


@njit(cache=True)
def _ramps(
    task: Ints32, node: Ints32, start: Ints, end: Ints, gang: Ints32, demand: Ints,
    spread_ptr: Ints, spread_node: Ints32, spread_count: Ints32, kind: Ints32, own: Ints32,
    wanted: int, cuts: Ints, slope: Ints, offset: Ints,
) -> None:  # fmt: skip
    """Of one kind of node, where its usage turns: by step, slopes and slopes x their times."""
    for row in range(len(task)):
        low, high = spread_ptr[row], spread_ptr[row + 1]
        for at in range(low, max(high, low + 1)):
            here = spread_node[at] if high > low else node[row]
            if kind[here] != wanted:
                continue
            count = spread_count[at] if high > low else gang[task[row]]
            amount = count * demand[task[row], own[here]]
            first = np.searchsorted(cuts, start[row], side="right") - 1
            last = np.searchsorted(cuts, end[row], side="right") - 1
            slope[first, 0] += amount
            slope[last, 1] += amount
            _multiply_add(offset, 2 * first, amount, start[row])
            _multiply_add(offset, 2 * last + 1, amount, end[row])


def _usage_by_step(
    instance: Instance, trace: Trace, spread: tuple[Ints, Ints32, Ints32], kind: Ints32,
    own: Ints32, wanted: int, times: Ints,
) -> list[int]:  # fmt: skip
    """Usage integral in each step from ``times[i]`` to the next (the last is without end)."""
    w = instance.workload
    n = len(times)
    slope, offset = np.zeros((n, 2), np.int64), np.zeros((2 * n, 5), np.int64)
    _ramps(
        trace.task, trace.node, trace.start, trace.end, w.gang, w.demand,
        *spread, kind, own, wanted, times, slope, offset,
    )  # fmt: skip
    until, used = 0, []
    rate = moment = 0
    for step in range(n):
        rate += int(slope[step, 0]) - int(slope[step, 1])
        moment += _number(offset[2 * step]) - _number(offset[2 * step + 1])
        # with every ramp so far, usage up to a time t is rate * t - moment
        total = rate * int(times[step + 1]) - moment if step + 1 < n else -moment
        used.append(total - until)
        until = total
    return used


@njit(cache=True)
def _paths(
    work: Ints,
    job: Ints32,
    profile: Ints32,
    rates: Floats,
    ptr: Ints,
    source: Ints32,
    longest: Ints,
) -> None:
    """Longest chain by job at given rates, from the last task back to the first."""
    tail = np.zeros(len(work) if len(source) else 1, np.int64)
    for i in range(len(work) - 1, -1, -1):
        rate = rates[profile[i]]
        length = max(np.int64(1), np.int64(np.ceil(work[i] / (rate if rate > 0.0 else 1.0))))
        if len(source):
            length += tail[i]
            for edge in range(ptr[i], ptr[i + 1]):
                tail[source[edge]] = max(tail[source[edge]], length)
        longest[job[i]] = max(longest[job[i]], length)


@njit(cache=True)
def _by_job(
    job: Ints32, done_at: Ints, first: Ints, gang: Ints32, demand: Ints, resource: int,
    ended: Ints, begun: Ints, wanted: Ints,
) -> None:  # fmt: skip
    for i in range(len(job)):
        j = job[i]
        ended[j] = max(ended[j], done_at[i])
        begun[j] = min(begun[j], first[i])
        wanted[j] = max(wanted[j], gang[i] * demand[i, resource])


@njit(cache=True)
def _count_active(release: Ints, ended: Ints, by_end: Ints32, mean: Floats) -> None:
    """Mean number of jobs in the system over each job's life, by a sweep over time."""
    n = len(release)
    at_release = np.empty(n, np.uint64)
    area, active, now = np.uint64(0), np.uint64(0), release[0]
    come = gone = 0
    while gone < n:
        leaving = by_end[gone]
        if come < n and release[come] <= ended[leaving]:
            area += active * np.uint64(release[come] - now)
            now = release[come]
            at_release[come] = area
            active += np.uint64(1)
            come += 1
        else:
            area += active * np.uint64(ended[leaving] - now)
            now = ended[leaving]
            flow = np.float64(ended[leaving] - release[leaving])
            mean[leaving] = np.float64(area - at_release[leaving]) / flow
            active -= np.uint64(1)
            gone += 1


def _count_active_long(release: Ints, ended: Ints, by_end: Ints32, mean: Floats) -> None:
    """The same beyond 64 bits."""
    moments = [(int(t), 0, j) for j, t in enumerate(release)]
    moments += [(int(ended[j]), 1, int(j)) for j in by_end]
    area = active = now = 0
    at_release: dict[int, int] = {}
    for moment, leaves, j in sorted(moments):
        area += active * (moment - now)
        now = moment
        active += -1 if leaves else 1
        if leaves:
            mean[j] = float(area - at_release[j]) / float(int(ended[j]) - int(release[j]))
        else:
            at_release[j] = area


@njit(cache=True)
def _over_jobs(
    release: Ints, due: Ints, deadline: Ints, weight: Floats, user: Ints32, ended: Ints,
    begun: Ints, ideal: Ints, alone: Ints, wanted: Ints, mean: Floats, capacity: float,
    wholes: Ints, floats: Ints, flow: Ints, fairness: Floats, present: Ints, until: Ints,
) -> None:  # fmt: skip
    """One pass over the jobs: sums, maxima, and the columns percentiles are taken of.

    ``wholes`` rows: flow, wait, tardiness in 32-bit halves, then (greatest wait, greatest
    tardiness), (deadlines missed, -). ``floats``: slowdown, weighted tardiness, weighted flow.
    """
    for j in range(len(release)):
        f, wait, late = ended[j] - release[j], begun[j] - release[j], np.int64(0)
        if due[j] < NEVER and ended[j] > due[j]:
            late = ended[j] - due[j]
        wholes[0, 0] += f >> 32
        wholes[0, 1] += f & 0xFFFFFFFF
        wholes[1, 0] += wait >> 32
        wholes[1, 1] += wait & 0xFFFFFFFF
        wholes[2, 0] += late >> 32
        wholes[2, 1] += late & 0xFFFFFFFF
        wholes[3, 0] = max(wholes[3, 0], wait)
        wholes[3, 1] = max(wholes[3, 1], late)
        wholes[4, 0] += ended[j] > deadline[j]
        _pour(floats[0], max(1.0, f / max(ideal[j], 10_000_000)))
        if late > 0:
            _pour(floats[1], weight[j] * (late / 1_000_000))
        _pour(floats[2], weight[j] * (f / 1_000_000))
        flow[j] = f
        together = wanted[j] * mean[j] / capacity
        fairness[j] = f / (alone[j] * max(1.0, together))
        u = user[j]
        if release[j] >= until[u]:
            present[u] += f
            until[u] = ended[j]
        elif ended[j] > until[u]:
            present[u] += ended[j] - until[u]
            until[u] = ended[j]


def recompute(
    instance: Instance, trace: Trace, spread: tuple[Ints, Ints32, Ints32],
    done_at: Ints, first: Ints, wasted: Ints, by_end: Ints32,
) -> dict[str, float]:  # fmt: skip
    """Every metric from the rows; all tasks have finished.

    ``by_end`` are the trace's rows by end; ``done_at`` and ``first`` come from ``follow``.
    """
    w, cluster = instance.workload, instance.cluster
    jobs = w.jobs
    resource = 2 if int(cluster.capacity[:, 2].max()) > 0 else 0
    capacity = sum(cluster.capacity[:, resource].tolist())
    ended, begun = np.zeros(jobs, np.int64), np.full(jobs, np.iinfo(np.int64).max)
    wanted = np.zeros(jobs, np.int64)
    _by_job(w.job, done_at, first, w.gang, w.demand, resource, ended, begun, wanted)
    origin, finish = int(w.release[0]), int(ended.max())
    span = finish - origin

    work = np.minimum(w.work, w.estimate) if instance.rules.kill_at_estimate else w.work
    ideal, alone = np.zeros(jobs, np.int64), np.zeros(jobs, np.int64)
    best, fair = _rates(instance)
    _paths(work, w.job, w.profile, best, w.edges.ptr, w.edges.source, ideal)
    _paths(work, w.job, w.profile, fair, w.edges.ptr, w.edges.source, alone)

    leaving = w.job[trace.task[by_end]] if jobs == len(trace) else order_of(ended - origin)
    mean = np.empty(jobs)
    count = _count_active if jobs * span < 2**63 else _count_active_long
    count(w.release, ended, leaving, mean)

    users = int(w.user.max()) + 1
    present, until = np.zeros(users, np.int64), np.zeros(users, np.int64)
    wholes, floats = np.zeros((5, 2), np.int64), np.zeros((3, 2200, 2), np.int64)
    flow, fairness = np.empty(jobs, np.int64), np.empty(jobs)
    _over_jobs(
        w.release, w.due, w.deadline, w.weight, w.user, ended, begun, ideal, alone, wanted, mean,
        float(max(1, capacity)), wholes, floats, flow, fairness, present, until,
    )  # fmt: skip

    kind, own, kinds = _kinds(instance)
    by_user, by_kind = np.zeros((users, 5), np.int64), np.zeros((len(kinds), 5), np.int64)
    _load(
        trace.task, trace.node, trace.start, trace.end, w.job, w.user, w.gang, w.demand, resource,
        *spread, kind, own, by_user, by_kind,
    )  # fmt: skip
    service = [_number(digits) for digits in by_user.tolist()]
    energy, cost, carbon = _money_and_carbon(
        instance, trace, spread, kind, own, kinds, by_kind, origin, finish
    )
    mean_flow = _whole(wholes[0]) / (jobs * _MICRO)
    stops = np.bincount(trace.outcome, minlength=4)
    return {
        "mean_jct": mean_flow,
        "mean_flow_time": mean_flow,
        "p99_jct": int(_ranked(flow, 99)) / _MICRO,
        "makespan": span / _MICRO,
        "mean_wait": _whole(wholes[1]) / (jobs * _MICRO),
        "max_wait": int(wholes[3, 0]) / _MICRO,
        "mean_bounded_slowdown": _drawn(floats[0]) / jobs,
        "utilisation": sum(service) / (capacity * span) if capacity else 0.0,
        "total_tardiness": _whole(wholes[2]) / _MICRO,
        "weighted_tardiness": _drawn(floats[1]),
        "max_tardiness": int(wholes[3, 1]) / _MICRO,
        "missed_deadlines": float(wholes[4, 0]),
        "mean_weighted_flow_time": _drawn(floats[2]) / jobs,
        "finish_time_fairness": float(_ranked(fairness, 95)),
        "jain_index": _evenness(service, present, w.user, w.weight),
        "energy_kwh": energy,
        "cost": cost,
        "carbon_kg": carbon,
        "preemptions": float(stops[1]),
        "restarts": float(len(trace) - len(w)),
        "wasted_seconds": _whole(wasted) / _MICRO,
    }


def _whole(halves: Ints) -> int:
    return int(halves[0]) * 2**32 + int(halves[1])


def _ranked(values: Ints | Floats, percent: int) -> float:
    """Nearest-rank percentile: the ceil(percent/100 x n)-th smallest."""
    k = -(-percent * len(values) // 100) - 1
    scratch = values.copy()
    scratch.partition(k)
    return scratch[k].item()  # type: ignore[no-any-return]


def _rates(instance: Instance) -> tuple[Floats, Floats]:
    """Best rate, and mean rate over the nodes that can run it, by profile."""
    cluster, table = instance.cluster, instance.workload.throughput
    best, fair = np.zeros(len(table)), np.zeros(len(table))
    members = [np.flatnonzero(cluster.type == k) for k in range(len(cluster.types))]
    speeds = [_exact_sum(cluster.speed[rows]) for rows in members]
    tops = [float(cluster.speed[rows].max()) if len(rows) else 0.0 for rows in members]
    for profile, row in enumerate(table.tolist()):
        best[profile] = max(rate * top for rate, top in zip(row, tops, strict=True))
        able = [k for k, rate in enumerate(row) if rate > 0 and len(members[k])]
        if able:
            total = sum(Fraction(row[k] * speeds[k]) for k in able)
            fair[profile] = float(total) / sum(len(members[k]) for k in able)
    return best, fair


Kind = tuple[int, int, int, float, float, float]
"""Region, own resource, capacity of it, idle and busy watts, price."""


def _kinds(instance: Instance) -> tuple[Ints32, Ints32, dict[Kind, int]]:
    """The kind of every node, its own resource, and how many nodes a kind has."""
    c = instance.cluster
    kind, own = np.zeros(len(c), np.int32), np.zeros(len(c), np.int32)
    rows: dict[Kind, int] = {}
    counts: dict[Kind, int] = {}
    capacity, region = c.capacity.tolist(), c.region.tolist()
    idle, busy, price = c.idle_watts.tolist(), c.busy_watts.tolist(), c.price.tolist()
    for n in range(len(c)):
        own[n] = 2 if capacity[n][2] > 0 else 0
        key = (region[n], int(own[n]), capacity[n][own[n]], idle[n], busy[n], price[n])
        kind[n] = rows.setdefault(key, len(rows))
        counts[key] = counts.get(key, 0) + 1
    return kind, own, counts


def _evenness(service: list[int], present: Ints, user: Ints32, weight: Floats) -> float:
    """Jain's index of service per second present, per mean weight of the user's jobs."""
    jobs = np.bincount(user, minlength=len(service))
    if np.all(weight == weight[0]):
        # one multiplication rounds as the exact sum of equal weights does
        means = jobs * weight[0] / np.maximum(jobs, 1)
    else:
        order = np.argsort(user, kind="stable")
        ends = np.cumsum(jobs)
        means = np.array([
            _exact_sum(weight[order[end - n:end]]) / n if n else 0.0
            for end, n in zip(ends.tolist(), jobs.tolist(), strict=True)
        ])  # fmt: skip
    shares = np.array([
        done / (float(here) * mean)
        for done, here, mean, n in zip(
            map(float, service), present.tolist(), means.tolist(), jobs.tolist(), strict=True
        )
        if n and mean > 0
    ])  # fmt: skip
    squares = _exact_sum(shares * shares)
    sums = _exact_sum(shares)
    return sums * sums / (len(shares) * squares) if squares else 1.0


def _money_and_carbon(
    instance: Instance, trace: Trace, spread: tuple[Ints, Ints32, Ints32],
    kind: Ints32, own: Ints32, kinds: dict[Kind, int], by_kind: Ints, origin: int, finish: int,
) -> tuple[float, float, float]:  # fmt: skip
    energy: list[float] = []
    money: list[float] = []
    grams: list[float] = []
    price = {s.region: s for s in instance.price}
    carbon = {s.region: s for s in instance.carbon}
    for k, ((region, _, size, idle, busy, cost), nodes) in enumerate(kinds.items()):

        def whole_nodes(used: int, size: int = size) -> float:
            return used / size if size > 0 else 0.0

        share = whole_nodes(_number(by_kind[k]))
        energy += [idle * nodes * float(finish - origin), (busy - idle) * share]
        if region not in price:
            money.append(cost * share)
        for series, table in ((price.get(region), money), (carbon.get(region), grams)):
            if series is None:
                continue
            uses = _usage_by_step(instance, trace, spread, kind, own, k, series.times)
            cuts = [*series.times.tolist(), finish]
            for step, (used, value) in enumerate(zip(uses, series.values.tolist(), strict=True)):
                length = min(cuts[step + 1], finish) - max(cuts[step], origin)
                if length <= 0:
                    continue
                if table is money:
                    money.append(cost * value * whole_nodes(used))
                else:
                    grams.append(idle * nodes * float(length) * value)
                    grams.append((busy - idle) * whole_nodes(used) * value)
    watt_hours = 1000.0 * 3_600_000_000
    return (
        _exact_sum(np.array(energy)) / watt_hours,
        _exact_sum(np.array(money)) / 3_600_000_000,
        _exact_sum(np.array(grams)) / (1000.0 * watt_hours),
    )
