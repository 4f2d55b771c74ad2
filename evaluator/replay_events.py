"""Rules about the form of a trace and about nodes that go and come, checked in plain Python."""

from __future__ import annotations

import math

import numpy as np

from evaluator.cluster.instance import Instance
from evaluator.cluster.model import SECOND, Ints
from evaluator.replay_texts import Violation, at_time
from evaluator.trace import Trace


def malformed(instance: Instance, trace: Trace) -> list[Violation]:
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


def absences(instance: Instance, trace: Trace) -> tuple[Ints, Ints, Ints]:
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


def check_events(instance: Instance, trace: Trace) -> list[Violation]:
    """Node events alternate by node and agree with outages and failures."""
    found: list[Violation] = []

    def add(at: int | None, text: str) -> None:
        place = "node events" if at is None else f"node event {at}"
        found.append(Violation("events", None, None, f"{place}: {text}"))

    last = int(trace.end.max())
    away: dict[int, int] = {}
    spans: dict[int, list[tuple[int, int]]] = {}
    for at, (time, node, up) in enumerate(
        zip(
            trace.event_time.tolist(),
            trace.event_node.tolist(),
            trace.event_up.tolist(),
            strict=True,
        )
    ):
        name = instance.cluster.node_name(node)
        if up and node not in away:
            add(at, f"{name!r} comes back {at_time(time)} but was not away")
        elif up:
            spans.setdefault(node, []).append((away.pop(node), time))
        elif node in away:
            add(at, f"{name!r} goes away {at_time(time)} but was away already")
        else:
            away[node] = time
    for node, time in away.items():
        spans.setdefault(node, []).append((time, last))
    caused = _caused(instance, last)
    for node in sorted({*caused, *spans}):
        ought, are = _merged(caused.get(node, []), last), _merged(spans.get(node, []), last)
        if ought == are:
            continue
        low, high = min(set(ought) ^ set(are))
        events = np.flatnonzero((trace.event_time == low) & (trace.event_node == node))
        kind = "must be away" if (low, high) in ought else "is away without cause"
        name = instance.cluster.node_name(node)
        first = int(events[0]) if len(events) else None
        add(first, f"{name!r} {kind} from {at_time(low)[3:]} to {at_time(high)[3:]}")
    return found


def _merged(spans: list[tuple[int, int]], last: int) -> list[tuple[int, int]]:
    """Union of the spans that begin before ``last``, cut off there."""
    union: list[tuple[int, int]] = []
    for low, high in sorted(spans):
        if low >= min(high, last):
            continue
        if union and low <= union[-1][1]:
            union[-1] = (union[-1][0], max(union[-1][1], min(high, last)))
        else:
            union.append((low, min(high, last)))
    return union


def _caused(instance: Instance, last: int) -> dict[int, list[tuple[int, int]]]:
    """Absences by node that the instance asks for: outages, and failures drawn from its seed."""
    spans: dict[int, list[tuple[int, int]]] = {}
    for outage in instance.outages:
        spans.setdefault(outage.node, []).append((outage.start, outage.end))
    law = instance.failures
    if law is None or law.scale <= 0:
        return spans
    for node in range(len(instance.cluster)):
        draws, now = instance.rng("failure", node), 0
        while True:
            if law.law == "weibull":
                life = law.scale * draws.weibull(law.shape)
            else:
                life = draws.exponential(law.scale)
            down = now + max(1, round(life * SECOND))
            if down >= last:
                break
            repair = math.exp(law.repair_log_mean + law.repair_log_sigma * draws.standard_normal())
            now = down + max(1, round(repair * SECOND))
            spans.setdefault(node, []).append((down, now))
    return spans
