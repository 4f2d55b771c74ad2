"""The second opinion: re-check every rule of the world over a trace and score it anew.

Shares no code with the engine or with ``metrics``; both must agree to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from evaluator.cluster.instance import Instance
from evaluator.cluster.model import RESOURCES, SECOND, Ints, Ints32
from evaluator.replay_rules import (
    DEADLINE,
    FOUND,
    KINDS,
    UNFINISHED,
    follow,
    note,
    order_of,
    presence,
    sweep,
)
from evaluator.replay_scores import recompute
from evaluator.trace import Outcome, Trace

_CLOCK: Final = {"release", "overlap", "twice", "duration", "stopped", "preemption", "deadline"}


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule of the world that a row breaks."""

    kind: str
    row: int | None
    """Row of the trace; None when it concerns no row (a task that never ran, a node event)."""
    task: int | None
    message: str


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay found."""

    metrics: dict[str, float]
    """Every metric; empty if rows cannot be read or some task never finished."""
    violations: tuple[Violation, ...]
    """By row; at most 64 of each pass are listed."""
    decisions: int
    """Rows looked at."""
    count: int = 0
    """Violations found, those not listed included."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A stored number that does not come out again."""

    metric: str
    stored: float | None
    replayed: float | None

    def __str__(self) -> str:
        return f"{self.metric}: stored {_exact(self.stored)}, replayed {_exact(self.replayed)}"


def replay(instance: Instance, trace: Trace) -> Replayed:
    """Check every rule over every row and recompute every metric; never raises for a bad trace."""
    n = len(trace)
    broken = _malformed(instance, trace)
    if broken:
        return Replayed({}, tuple(broken), n, len(broken))
    w, cluster, rules = instance.workload, instance.cluster, instance.rules
    spread = _spread(trace)
    followed, swept, met, late = (np.zeros((FOUND + 1, 5), np.int64) for _ in range(4))
    done_at, first = np.full(len(w), -1, np.int64), np.full(len(w), -1, np.int64)
    wasted = np.zeros(2, np.int64)
    follow(
        trace.task, trace.node, trace.start, trace.end, trace.outcome, *spread,
        w.job, w.release, w.gang, w.work, w.estimate, w.profile, w.requires,
        w.edges.ptr, w.edges.source, w.edges.bytes,
        cluster.type, cluster.speed, cluster.labels, w.throughput,
        cluster.rack, cluster.zone, cluster.region, cluster.bandwidth,
        cluster.links.bandwidth, cluster.links.latency,
        w.restart, rules.start_cost, rules.restart_cost, rules.preemptive, rules.round,
        rules.checkpoint, rules.kill_at_estimate, done_at, first, wasted, followed,
    )  # fmt: skip
    events = _check_events(instance, trace)
    for task in np.flatnonzero(done_at < 0)[: FOUND + 1].tolist():
        note(late, UNFINISHED, -1, task, 0, 0)
    whole = late[0, 0] == 0
    if whole:
        _check_deadlines(instance, trace, done_at, late)
    in_order = bool(np.all(trace.start[1:] >= trace.start[:-1]))
    by_start = np.zeros(0, np.int32)
    if not in_order:
        row = int(np.argmax(trace.start[1:] < trace.start[:-1])) + 1
        message = f"row {row}: starts {_at(trace.start[row])}, before the row above it"
        events.append(Violation("order", row, int(trace.task[row]), message))
        by_start = np.argsort(trace.start, kind="stable").astype(np.int32)
    by_end = order_of(trace.end - min(0, int(trace.end.min())))
    sweep(
        trace.task, trace.node, trace.start, trace.end, by_start, by_end, *spread,
        w.gang, w.demand, cluster.capacity, swept,
    )  # fmt: skip
    if len(trace.event_time) or np.any(trace.outcome == Outcome.FAILED):
        presence(
            trace.task, trace.node, trace.start, trace.end, trace.outcome, spread[0], spread[1],
            *_absences(instance, trace), met,
        )  # fmt: skip
    tables = (followed, swept, met, late)
    violations = events + [v for table in tables for v in _named(instance, table)]
    violations.sort(key=lambda v: (n if v.row is None else v.row, v.task or 0))
    metrics = {}
    if whole and int(trace.end.max()) > int(w.release[0]) and not _negative(instance, done_at):
        metrics = recompute(instance, trace, spread, done_at, first, wasted, by_end)
    total = len(events) + sum(int(table[0, 0]) for table in tables)
    return Replayed(metrics, tuple(violations), n, total)


def differences(stored: Mapping[str, float], replayed: Mapping[str, float]) -> list[Difference]:
    """Metrics whose bits differ, or that only one side has."""
    names = [*stored, *(name for name in replayed if name not in stored)]
    return [
        Difference(name, stored.get(name), replayed.get(name))
        for name in names
        if _exact(stored.get(name)) != _exact(replayed.get(name))
    ]


def _exact(value: float | None) -> str:
    return "nothing" if value is None else f"{value!r} ({float(value).hex()})"


def _negative(instance: Instance, done_at: Ints) -> bool:
    """Whether some job ends before it is released: no metric means anything then."""
    w = instance.workload
    return bool(np.any(done_at <= w.release[w.job]))


def _malformed(instance: Instance, trace: Trace) -> list[Violation]:
    """Columns of unequal length and rows that point nowhere; nothing else is looked at then."""
    tasks, nodes, n = len(instance.workload), len(instance.cluster), len(trace)
    groups: tuple[tuple[tuple[str, int | None, int | None], ...], ...] = (
        (("task", 0, tasks), ("node", 0, nodes), ("start", 0, None), ("end", 0, None),
         ("outcome", 0, 4)),
        (("spread_row", 0, n), ("spread_node", 0, nodes), ("spread_count", None, None)),
        (("event_time", 0, None), ("event_node", 0, nodes), ("event_up", 0, 2)),
    )  # fmt: skip
    found = []
    if n == 0:
        found.append(Violation("malformed", None, None, "the trace has no rows"))
    for group in groups:
        size = len(getattr(trace, group[0][0]))
        for name, low, high in group:
            column = getattr(trace, name)
            if len(column) != size:
                text = f"column {name!r} has {len(column)} rows, {group[0][0]!r} has {size}"
                found.append(Violation("malformed", None, None, text))
            if not len(column):
                continue
            if low is not None and column.min() < low:
                row = int(np.argmax(column < low))
                text = f"row {row} of {name!r}: must be >= {low}, got {column[row]}"
                found.append(Violation("malformed", row, None, text))
            if high is not None and column.max() >= high:
                row = int(np.argmax(column >= high))
                text = f"row {row} of {name!r}: must be < {high}, got {column[row]}"
                found.append(Violation("malformed", row, None, text))
    for name in ("spread_row", "event_time"):
        steps = np.diff(getattr(trace, name))
        if np.any(steps < 0):
            row = int(np.argmax(steps < 0)) + 1
            text = f"row {row} of {name!r}: must not be below the row before it"
            found.append(Violation("malformed", row, None, text))
    return found


def _spread(trace: Trace) -> tuple[Ints, Ints32, Ints32]:
    """Entries of each row as compressed rows; one shared empty range when there are none."""
    n = len(trace)
    if not len(trace.spread_row):
        return np.zeros(n + 1, np.int64), trace.spread_node, trace.spread_count
    ptr = np.searchsorted(trace.spread_row, np.arange(n + 1)).astype(np.int64)
    return ptr, trace.spread_node, trace.spread_count


def _absences(instance: Instance, trace: Trace) -> tuple[Ints, Ints, Ints]:
    """When each node was away: offsets by node, begins, ends."""
    never = np.iinfo(np.int64).max
    spans: list[list[list[int]]] = [[] for _ in range(len(instance.cluster))]
    for time, node, up in zip(
        trace.event_time.tolist(), trace.event_node.tolist(), trace.event_up.tolist(), strict=True
    ):
        if not up:
            spans[node].append([time, never])
        elif spans[node]:
            spans[node][-1][1] = time
    ptr = np.cumsum([0, *map(len, spans)], dtype=np.int64)
    flat = np.array([span for rows in spans for span in rows], np.int64).reshape(-1, 2)
    return ptr, flat[:, 0].copy(), flat[:, 1].copy()


def _check_events(instance: Instance, trace: Trace) -> list[Violation]:
    """Node events alternate by node and agree with the planned outages."""
    found: list[Violation] = []

    def add(at: int, text: str) -> None:
        found.append(Violation("events", None, None, f"node event {at}: {text}"))

    last = int(trace.end.max())
    away: dict[int, int] = {}
    spans: dict[int, list[tuple[int, int]]] = {}
    for at, (time, node, up) in enumerate(
        zip(trace.event_time.tolist(), trace.event_node.tolist(), trace.event_up.tolist(),
            strict=True)
    ):  # fmt: skip
        name = instance.cluster.node_name(node)
        if up and node not in away:
            add(at, f"{name!r} comes back {_at(time)} but was not away")
        elif up:
            spans.setdefault(node, []).append((away.pop(node), time))
        elif node in away:
            add(at, f"{name!r} goes away {_at(time)} but was away already")
        else:
            away[node] = time
    for node, time in away.items():
        spans.setdefault(node, []).append((time, last + 1))
    planned = _planned(instance, last)
    for node in sorted({*planned, *spans}):
        mine, theirs = planned.get(node, []), sorted(spans.get(node, []))
        for low, high in mine:
            if not any(a <= low and min(high, last) <= b for a, b in theirs):
                text = f"{instance.cluster.node_name(node)!r} has no event for its outage "
                add(len(trace.event_time), text + f"from {_at(low)} to {_at(high)}")
        if instance.failures is None:
            for a, b in theirs:
                if not any(low <= a and min(b, last) <= high for low, high in mine):
                    add(
                        int(np.argmax((trace.event_time == a) & (trace.event_node == node))),
                        f"{instance.cluster.node_name(node)!r} is away from {_at(a)} without cause",
                    )
    return found


def _planned(instance: Instance, last: int) -> dict[int, list[tuple[int, int]]]:
    """Union of the planned outages by node, as far as the trace reaches."""
    merged: dict[int, list[tuple[int, int]]] = {}
    for outage in sorted(instance.outages, key=lambda o: (o.node, o.start, o.end)):
        if outage.start >= last or outage.end <= outage.start:
            continue
        spans = merged.setdefault(outage.node, [])
        if spans and outage.start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], outage.end))
        else:
            spans.append((outage.start, outage.end))
    return merged


def _check_deadlines(instance: Instance, trace: Trace, done_at: Ints, found: Ints) -> None:
    w = instance.workload
    missed = np.flatnonzero(done_at > w.deadline[w.job])
    row_of: dict[int, int] = {}
    if len(missed):
        last = np.flatnonzero((trace.outcome == 0) | (trace.outcome == 3))
        row_of = dict(zip(trace.task[last].tolist(), last.tolist(), strict=True))
    for task in missed.tolist():
        deadline = int(w.deadline[w.job[task]])
        note(found, DEADLINE, row_of[task], task, int(done_at[task]), deadline)


def _named(instance: Instance, table: Ints) -> list[Violation]:
    """Turn codes and numbers into violations with words."""
    found = []
    for code, row, task, a, b in table[1 : 1 + min(FOUND, int(table[0, 0]))].tolist():
        kind = KINDS[code]
        text = _TEXTS[kind](instance, a, b)
        name = instance.workload.task_name(task)
        place = f"row {row}, task {name!r}" if row >= 0 else f"task {name!r}"
        found.append(Violation(kind, row if row >= 0 else None, task, f"{place}: {text}"))
    return found


def _at(time: int) -> str:
    return f"at {int(time) / SECOND:.6f} s"


def _gang(instance: Instance, a: int, b: int) -> str:
    if a == -1:
        return f"node {instance.cluster.node_name(b)!r} is listed twice"
    if a == -2:
        return f"first node {instance.cluster.node_name(b)!r} is not among its nodes"
    return f"places {a} members, its gang has {b}"


def _precedence(instance: Instance, a: int, b: int) -> str:
    before = instance.workload.task_name(a)
    state = "has not finished" if b < 0 else f"finishes only {_at(b)}"
    return f"starts although its predecessor {before!r} {state}"


def _outcome(instance: Instance, a: int, b: int) -> str:
    if a == Outcome.KILLED and not instance.rules.kill_at_estimate:
        return "was killed, but rules.kill_at_estimate is off"
    ought = "KILLED" if a == Outcome.FINISHED else "FINISHED"
    return f"is {Outcome(a).name}, must be {ought} with {b / SECOND:.6f} s of its estimate left"


def _ends(instance: Instance, a: int, b: int) -> str:
    return f"ends {_at(a)}, must end {_at(b)}"


_TEXTS: Final[Mapping[str, Callable[[Instance, int, int], str]]] = {
    "gang": _gang,
    "type": lambda i, a, b: (
        f"nodes {i.cluster.node_name(b)!r} and {i.cluster.node_name(a)!r} differ in type"
    ),
    "requires": lambda i, a, b: f"node {i.cluster.node_name(a)!r} lacks a label it requires",
    "throughput": lambda i, a, b: f"cannot run on node {i.cluster.node_name(a)!r}: throughput 0",
    "release": lambda i, a, b: f"starts {_at(a)}, its job is released {_at(b)}",
    "precedence": _precedence,
    "overlap": lambda i, a, b: f"starts {_at(a)}, but runs until {_at(b)} already",
    "twice": lambda i, a, b: f"runs again although it finished {_at(a)}",
    "duration": _ends,
    "outcome": _outcome,
    "preemption": lambda i, a, b: f"is preempted {_at(a)}, but the scenario is not preemptive",
    "round": lambda i, a, b: f"decided {_at(a)}, not at a multiple of {b / SECOND:g} s",
    "stopped": lambda i, a, b: f"is stopped {_at(a)}, outside its run, which ends {_at(b)}",
    "unfinished": lambda i, a, b: "never finishes",
    "capacity": lambda i, a, b: f"exceeds the {RESOURCES[b]} of node {i.cluster.node_name(a)!r}",
    "away": lambda i, a, b: (
        f"runs on node {i.cluster.node_name(a)!r}, which is away from {_at(b)[3:]}"
    ),
    "failure": lambda i, a, b: f"fails {_at(a)}, but none of its nodes goes away then",
    "deadline": lambda i, a, b: f"completes {_at(a)}, after the deadline {_at(b)}",
}
