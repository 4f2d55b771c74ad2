"""Pictures of a trace: who ran where and when, and the queue and load over time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Final, Literal

import numpy as np

from evaluator.cluster.instance import Instance
from evaluator.cluster.model import SECOND
from evaluator.jobs import human, user_name
from evaluator.render import PALETTE, Axis, Frame, Line, line_chart
from evaluator.segments import placements
from evaluator.timeline import average, timeline
from evaluator.trace import Outcome, Trace

_BARS: Final = 5000
"""Beyond so many segments a chart shows load by node and step, coloured by who used it most."""
_NODES: Final = 48
"""Beyond so many nodes neighbours share a lane."""
_STEPS: Final = 240
_LABELS: Final = 120.0
_HATCH: Final = (
    '<defs><pattern id="away" width="6" height="6" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><rect width="6" height="6" fill="#9aa2ae" '
    'fill-opacity=".18"/><line x1="0" x2="0" y1="0" y2="6" stroke="#c0392b" '
    'stroke-width="1.6"/></pattern></defs>'
)


@dataclass(frozen=True, slots=True)
class _Lanes:
    """Nodes laid out from top to bottom."""

    of: np.ndarray
    """Lane of each node."""
    names: list[str]
    height: float


def gantt(
    instance: Instance, trace: Trace, *, colour: Literal["user", "job"] = "user", title: str = ""
) -> str:
    """Draw nodes over time, absences hatched; large traces are shown as load by node and step.

    One user alone is coloured by job.
    """
    if len(np.unique(instance.workload.user)) == 1:
        colour = "job"
    origin = int(instance.workload.release[0])
    span = (int(trace.end.max()) - origin) / SECOND
    lanes = _lanes(instance)
    frame = Frame(
        title or f"{len(trace)} segments on {len(instance.cluster)} nodes",
        Axis("time since the first release", "time", 0.0, span), Axis("", low=0.0, high=1.0),
        [0.0, span], [0.0, 1.0], width=1060.0,
        height=110.0 + lanes.height * len(lanes.names), left=_LABELS, ticks_up=False,
    )  # fmt: skip
    for lane, name in enumerate(lanes.names):
        at = frame.top + lane * lanes.height
        if lanes.height >= 9 or lane % 4 == 0:
            frame.add(
                f'<text x="{_LABELS - 7:g}" y="{at + lanes.height / 2 + 4:.1f}" class="soft" '
                f'text-anchor="end">{escape(_fit(name))}</text>'
            )
    single = len(lanes.names) == len(instance.cluster)
    bars = _segments if len(trace) <= _BARS and single else _loads
    for part in bars(instance, trace, frame, lanes, colour):
        frame.add(part)
    frame.add(_HATCH)
    for part in _absences(instance, trace, frame, lanes):
        frame.add(part)
    if colour == "user":
        users = sorted(set(instance.workload.user.tolist()))[:8]
        names = [user_name(instance, u) for u in users]
        frame.legend(names, [_colour(u) for u in users])
    return frame.svg()


def load_chart(instance: Instance, trace: Trace, *, title: str = "Utilisation") -> str:
    """Draw the busy share of the dominant resource over time."""
    line = timeline(instance, trace)
    x = [(edge - line.edges[0]) / SECOND for edge in line.edges.tolist()]
    curve = Line(line.resource, x, [*line.utilisation.tolist(), 0.0], stepped=True, filled=True)
    return line_chart(
        title, [curve], Axis("time since the first release", "time"),
        Axis(f"busy {line.resource}", low=0.0, high=1.0),
    )  # fmt: skip


def queue_chart(instance: Instance, trace: Trace, *, title: str = "Tasks") -> str:
    """Draw the numbers of waiting and running tasks over time."""
    line = timeline(instance, trace)
    x = [(edge - line.edges[0]) / SECOND for edge in line.edges.tolist()]
    curves = [
        Line("waiting", x, [*line.waiting.tolist(), 0.0], stepped=True, filled=True),
        Line("running", x, [*line.running.tolist(), 0.0], stepped=True),
    ]
    return line_chart(
        title, curves, Axis("time since the first release", "time"), Axis("tasks", low=0.0)
    )


def _lanes(instance: Instance) -> _Lanes:
    nodes = len(instance.cluster)
    if nodes <= _NODES:
        names = [instance.cluster.node_name(n) for n in range(nodes)]
        return _Lanes(np.arange(nodes), names, 22.0 if nodes <= 20 else 12.0)
    of = np.arange(nodes) * _NODES // nodes
    firsts = np.searchsorted(of, np.arange(_NODES))
    return _Lanes(of, [instance.cluster.node_name(int(n)) + " …" for n in firsts], 12.0)


def _segments(
    instance: Instance, trace: Trace, frame: Frame, lanes: _Lanes, colour: str
) -> Iterator[str]:
    """One bar a segment; those that overlap on a node share its lane side by side."""
    w, origin = instance.workload, int(instance.workload.release[0])
    where = placements(instance, trace)
    shelves: dict[int, list[int]] = {}
    places: list[tuple[int, int, int]] = []
    for row, node in zip(where.row.tolist(), where.node.tolist(), strict=True):
        ends = shelves.setdefault(node, [])
        begin = int(trace.start[row])
        shelf = next((k for k, end in enumerate(ends) if end <= begin), len(ends))
        ends[shelf : shelf + 1] = [int(trace.end[row])]
        places.append((row, node, shelf))
    for row, node, shelf in places:
        task = int(trace.task[row])
        job = int(w.job[task])
        outcome = Outcome(int(trace.outcome[row]))
        since = (int(trace.start[row]) - origin) / SECOND
        until = (int(trace.end[row]) - origin) / SECOND
        height = (lanes.height - 3) / len(shelves[node])
        at = frame.top + lanes.of[node] * lanes.height + 1.5 + shelf * height
        tip = (
            f"{w.task_name(task)} (user {user_name(instance, int(w.user[job]))}) on "
            f"{instance.cluster.node_name(node)}: {human(since)} to {human(until)}, "
            f"{outcome.name.lower()}"
        )
        left, right = frame.x(since), frame.x(until)
        ended = outcome in (Outcome.FINISHED, Outcome.KILLED)
        thin = "" if height > 6 else ' stroke-width=".4"'
        edge = "" if ended else f' stroke="#c0392b" stroke-dasharray="3 2"{thin}'
        yield (
            f'<rect x="{left:.2f}" y="{at:.2f}" width="{max(0.4, right - left):.2f}" '
            f'height="{max(0.5, height - 0.4):.2f}" rx="1.5" '
            f'fill="{_colour(int(w.user[job]) if colour == "user" else job)}" '
            f'fill-opacity="{0.9 if ended else 0.55}"{edge}><title>{escape(tip)}</title></rect>'
        )


def _loads(
    instance: Instance, trace: Trace, frame: Frame, lanes: _Lanes, colour: str
) -> Iterator[str]:
    """Shade of each lane and step by its load, colour by the user (or job) with most of it."""
    w, cluster = instance.workload, instance.cluster
    own = np.where(cluster.capacity[:, 2] > 0, 2, 0)
    capacity = np.bincount(
        lanes.of, cluster.capacity[np.arange(len(cluster)), own], len(lanes.names)
    )
    where = placements(instance, trace)
    task = trace.task[where.row]
    amount = where.count * w.demand[task, own[where.node]]
    who = w.user[w.job[task]] if colour == "user" else w.job[task]
    lane, group = lanes.of[where.node], who % len(PALETTE)
    start, end = trace.start[where.row], trace.end[where.row]
    edges = np.linspace(float(w.release[0]), float(trace.end.max()), _STEPS + 1)
    for k, name in enumerate(lanes.names):
        mine = lane == k
        loads = np.stack([
            average(edges, start[mine & (group == g)], end[mine & (group == g)],
                    amount[mine & (group == g)])
            for g in range(len(PALETTE))
        ]) / max(1.0, float(capacity[k]))  # fmt: skip
        total, most = loads.sum(axis=0), loads.argmax(axis=0)
        at = frame.top + k * lanes.height + 1
        for step in np.flatnonzero(total > 0.005).tolist():
            left = frame.x((edges[step] - edges[0]) / SECOND)
            right = frame.x((edges[step + 1] - edges[0]) / SECOND)
            tip = f"{name}: {min(1.0, total[step]):.0%} busy"
            yield (
                f'<rect x="{left:.1f}" y="{at:.1f}" width="{right - left + 0.15:.1f}" '
                f'height="{lanes.height - 2:g}" fill="{PALETTE[most[step]]}" '
                f'fill-opacity="{min(1.0, 0.08 + 0.92 * float(total[step])):.2f}">'
                f"<title>{escape(tip)}</title></rect>"
            )


def _absences(instance: Instance, trace: Trace, frame: Frame, lanes: _Lanes) -> Iterator[str]:
    origin, last = int(instance.workload.release[0]), int(trace.end.max())
    away: dict[int, int] = {}
    spans: list[tuple[int, int, int]] = []
    for time, node, up in zip(
        trace.event_time.tolist(), trace.event_node.tolist(), trace.event_up.tolist(), strict=True
    ):
        if up and node in away:
            spans.append((node, away.pop(node), time))
        elif not up:
            away[node] = time
    spans += [(node, begin, last) for node, begin in away.items()]
    for node, begin, end in spans:
        left, right = max(0.0, (begin - origin) / SECOND), (min(end, last) - origin) / SECOND
        if right <= left:
            continue
        at = frame.top + lanes.of[node] * lanes.height + 1
        tip = f"{instance.cluster.node_name(node)} away: {human(left)} to {human(right)}"
        yield (
            f'<rect x="{frame.x(left):.2f}" y="{at:.2f}" '
            f'width="{frame.x(right) - frame.x(left):.2f}" height="{lanes.height - 2:g}" '
            f'fill="url(#away)"><title>{escape(tip)}</title></rect>'
        )


def _colour(row: int) -> str:
    return PALETTE[row % len(PALETTE)]


def _fit(name: str) -> str:
    return name if len(name) <= 17 else name[:16] + "…"
