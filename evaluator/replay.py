"""The second opinion: re-check every rule of the world over a trace and score it anew.

Shares no code with the engine or with ``metrics``; both must agree to the last bit.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluator.cluster.instance import Instance
from evaluator.cluster.model import Ints, Ints32
from evaluator.cluster.scenario import load_scenario
from evaluator.differences import Difference, differences
from evaluator.errors import InputError, TraceError
from evaluator.replay_events import absences, check_events, malformed
from evaluator.replay_rules import (
    DEADLINE,
    FOUND,
    UNFINISHED,
    follow,
    note,
    order_of,
    presence,
    sweep,
)
from evaluator.replay_scores import recompute
from evaluator.replay_texts import Violation, at_time, named
from evaluator.trace import Outcome, Trace
from evaluator.tracefile import StoredTrace

__all__ = ["Difference", "Replayed", "differences", "problem", "replay", "verify"]


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


def replay(instance: Instance, trace: Trace) -> Replayed:
    """Check every rule over every row and recompute every metric; never raises for a bad trace."""
    n = len(trace)
    broken = malformed(instance, trace)
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
    events = check_events(instance, trace)
    for task in np.flatnonzero(done_at < 0)[: FOUND + 1].tolist():
        note(late, UNFINISHED, -1, task, 0, 0)
    whole = late[0, 0] == 0
    if whole:
        _check_deadlines(instance, trace, done_at, late)
    in_order = bool(np.all(trace.start[1:] >= trace.start[:-1]))
    by_start = np.zeros(0, np.int32)
    if not in_order:
        row = int(np.argmax(trace.start[1:] < trace.start[:-1])) + 1
        message = f"row {row}: starts {at_time(trace.start[row])}, before the row above it"
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
            *absences(instance, trace), met,
        )  # fmt: skip
    tables = (followed, swept, met, late)
    violations = events + [v for table in tables for v in named(instance, table)]
    violations.sort(key=lambda v: (n if v.row is None else v.row, v.task or 0))
    metrics = {}
    if whole and int(trace.end.max()) > int(w.release[0]) and not _negative(instance, done_at):
        metrics = recompute(instance, trace, spread, done_at, first, wasted, by_end)
    total = len(events) + sum(int(table[0, 0]) for table in tables)
    return Replayed(metrics, tuple(violations), n, total)


def verify(stored: StoredTrace, instance: Instance | None = None) -> list[Difference]:
    """Replay a stored trace: empty if its score comes out to the last bit and no rule is broken.

    Args:
        stored: What ``read_trace`` returned.
        instance: The problem, if at hand; left out, ``problem`` makes it again.

    Raises:
        TraceError: the problem cannot be made again.
    """
    world = problem(stored) if instance is None else instance
    if world.digest != stored.header.instance_digest:
        return [Difference("instance", stored.header.instance_digest, world.digest)]
    found = replay(world, stored.trace)
    broken = [Difference("violation", "none", v.message) for v in found.violations]
    return broken + differences(stored.header.metrics, found.metrics)


def problem(stored: StoredTrace) -> Instance:
    """The instance of a stored trace: embedded, or made again from scenario text and seed.

    Raises:
        TraceError: the file has neither, or another instance comes out.
    """
    header = stored.header
    if stored.instance is not None:
        return stored.instance
    if not header.scenario_text or not header.seed:
        raise TraceError(
            f"{stored.path}: holds neither its problem nor scenario and seed; "
            "give the instance it was made from"
        )
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"{header.scenario or 'scenario'}.toml")
            path.write_text(header.scenario_text, encoding="utf-8")
            scenario = load_scenario(str(path))
        made = scenario.instance(header.split, header.index, bytes.fromhex(header.seed))
    except (InputError, ValueError) as error:
        raise TraceError(f"{stored.path}: its problem cannot be made again: {error}") from error
    if made.digest != header.instance_digest:
        raise TraceError(
            f"{stored.path}: scenario {header.scenario!r} gives instance {made.digest[:12]} now, "
            f"the trace was made from {header.instance_digest[:12]}; replay it with version "
            f"{header.code_version or 'it was made with'}"
        )
    return made


def _negative(instance: Instance, done_at: Ints) -> bool:
    """Whether some job ends before it is released: no metric means anything then."""
    w = instance.workload
    return bool(np.any(done_at <= w.release[w.job]))


def _spread(trace: Trace) -> tuple[Ints, Ints32, Ints32]:
    """Entries of each row as compressed rows; one shared empty range when there are none."""
    n = len(trace)
    if not len(trace.spread_row):
        return np.zeros(n + 1, np.int64), trace.spread_node, trace.spread_count
    ptr = np.searchsorted(trace.spread_row, np.arange(n + 1)).astype(np.int64)
    return ptr, trace.spread_node, trace.spread_count


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
