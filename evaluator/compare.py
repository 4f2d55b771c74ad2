"""What a trace says in words: where time went, who lost, and how two policies differ job by job."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.cluster.instance import Instance
from evaluator.cluster.model import Floats
from evaluator.jobs import PARTS, JobTable, Slice, human, job_table, slices, user_name
from evaluator.metrics import METRICS, measure
from evaluator.timeline import Timeline, timeline
from evaluator.trace import Trace

_BLOCKS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class JobDifference:
    """One job under two policies; times in seconds."""

    job: int
    name: str
    user: str
    size: float
    ideal: float
    flow: tuple[float, float]
    wait: tuple[float, float]
    node: tuple[str, str]
    """First node of its first start."""

    @property
    def change(self) -> float:
        """Flow time under the second policy minus under the first."""
        return self.flow[1] - self.flow[0]


@dataclass(frozen=True, slots=True)
class SliceDifference:
    """A slice of jobs under two policies; means in seconds."""

    group: str
    name: str
    jobs: int
    flow: tuple[float, float]
    wait: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two traces of one instance, job by job."""

    names: tuple[str, str]
    metrics: tuple[dict[str, float], dict[str, float]]
    tables: tuple[JobTable, JobTable]
    winners: tuple[JobDifference, ...]
    """Jobs that gain most from the second policy, greatest gain first."""
    losers: tuple[JobDifference, ...]
    slices: tuple[SliceDifference, ...]

    @property
    def change(self) -> Floats:
        """Flow time by job under the second policy minus under the first, seconds."""
        difference: Floats = self.tables[1].flow - self.tables[0].flow
        return difference

    def text(self) -> str:
        """Return the comparison as Markdown."""
        a, b = self.names
        change = self.change
        better, worse = int(np.count_nonzero(change < 0)), int(np.count_nonzero(change > 0))
        lines = [
            f"{len(change)} jobs: {better} faster with {b}, {worse} slower, "
            f"{len(change) - better - worse} the same.",
            "",
            f"| metric | {a} | {b} | change |",
            "|---|---|---|---|",
        ]
        for name, info in METRICS.items():
            old, new = self.metrics[0][name], self.metrics[1][name]
            if old or new:
                lines.append(
                    f"| {name} ({info.unit}) | {old:.6g} | {new:.6g} | {_percent(old, new)} |"
                )
        lines += ["", f"| jobs | n | flow {a} | flow {b} | change |", "|---|---|---|---|---|"]
        lines += [
            f"| {s.group}: {s.name} | {s.jobs} | {human(s.flow[0])} | {human(s.flow[1])} "
            f"| {_percent(*s.flow)} |"
            for s in self.slices
        ]
        for title, jobs in (("gained most", self.winners), ("lost most", self.losers)):
            if jobs:
                lines += ["", f"| {title} | flow {a} | flow {b} | wait | nodes |"]
                lines += ["|---|---|---|---|---|", *map(_job_line, jobs)]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class SliceReport:
    """Where the time of a slice of jobs went."""

    group: str
    name: str
    jobs: int
    flow: float
    """Mean, seconds."""
    wait: float
    """Mean, seconds."""
    slowdown: float
    """Mean flow over mean ideal."""
    share: float
    """Of all jobs' flow time."""
    parts: tuple[float, ...]
    """Shares of ``PARTS`` in the slice's task time."""


@dataclass(frozen=True, slots=True)
class WorstJob:
    """A job that stayed much longer than it had to; times in seconds."""

    job: int
    name: str
    user: str
    size: float
    flow: float
    wait: float
    ideal: float


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Where time went in one trace."""

    metrics: dict[str, float]
    parts: tuple[float, ...]
    """Shares of ``PARTS`` in all task time from ready to finished."""
    slices: tuple[SliceReport, ...]
    worst: tuple[WorstJob, ...]
    """Jobs with the most time beyond their ideal."""
    timeline: Timeline

    def text(self) -> str:
        """Return the diagnosis as at most 25 lines of Markdown, for prompts."""
        m = self.metrics
        lines = [
            f"mean JCT {human(m['mean_jct'])}, p99 {human(m['p99_jct'])}, makespan "
            f"{human(m['makespan'])}, mean wait {human(m['mean_wait'])}, utilisation "
            f"{m['utilisation']:.0%}, preemptions {m['preemptions']:.0f}, wasted "
            f"{human(m['wasted_seconds'])}",
            f"task time: {_parts(self.parts)}",
            "| jobs | n | flow | wait | flow / ideal | share of all flow | waiting |",
            "|---|---|---|---|---|---|---|",
        ]
        lines += [
            f"| {s.group}: {s.name} | {s.jobs} | {human(s.flow)} | {human(s.wait)} "
            f"| {s.slowdown:.2f} | {s.share:.0%} | {s.parts[0]:.0%} |"
            for s in self.slices[:13]
        ]
        for w in self.worst[:5]:
            lines.append(
                f"- late: {w.name} (user {w.user}, size {w.size:g}): flow {human(w.flow)}, "
                f"waited {human(w.wait)}, ideal {human(w.ideal)}"
            )
        lines.append(
            f"utilisation over time {_spark(self.timeline.utilisation, 1.0)}, "
            f"tasks waiting {_spark(self.timeline.waiting)} "
            f"(peak {self.timeline.waiting.max():.0f})"
        )
        return "\n".join(lines)


def compare(
    instance: Instance, a: Trace, b: Trace, *, names: tuple[str, str] = ("a", "b"), most: int = 5
) -> Comparison:
    """Compare two policies on the very same arrivals, job by job.

    Args:
        instance: The problem both traces are of.
        a: The first trace, what is compared with.
        b: The second trace.
        names: What to call their policies.
        most: How many winners and losers to list.

    Raises:
        TraceError: a trace is not one of this instance, or not finished.
    """
    metrics = measure(instance, a), measure(instance, b)
    tables = job_table(instance, a), job_table(instance, b)
    change = tables[1].flow - tables[0].flow
    order = np.argsort(change, kind="stable")
    gained = [j for j in order[:most].tolist() if change[j] < 0]
    lost = [j for j in order[::-1][:most].tolist() if change[j] > 0]
    return Comparison(
        names=names,
        metrics=metrics,
        tables=tables,
        winners=tuple(_job(instance, tables, j) for j in gained),
        losers=tuple(_job(instance, tables, j) for j in lost),
        slices=tuple(
            SliceDifference(
                part.group, part.name, len(part.jobs),
                _means(table.flow[part.jobs] for table in tables),
                _means(table.wait[part.jobs] for table in tables),
            )
            for part in slices(instance, tables[0])
            if part.group != "type"
        ),
    )  # fmt: skip


def diagnose(instance: Instance, trace: Trace, *, worst: int = 5, steps: int = 24) -> Diagnosis:
    """Say where time went: by slice, by part, for the worst jobs, and over time.

    Raises:
        TraceError: the trace is not one of this instance, or not finished.
    """
    metrics = measure(instance, trace)
    table = job_table(instance, trace)
    beyond = np.argsort(table.ideal - table.flow, kind="stable")[:worst].tolist()
    w = instance.workload
    return Diagnosis(
        metrics=metrics,
        parts=_shares(table.parts),
        slices=tuple(_report(table, part) for part in slices(instance, table)),
        worst=tuple(
            WorstJob(
                j, w.job_name(j), user_name(instance, int(w.user[j])), float(table.size[j]),
                float(table.flow[j]), float(table.wait[j]), float(table.ideal[j]),
            )
            for j in beyond
        ),
        timeline=timeline(instance, trace, steps),
    )  # fmt: skip


def _job(instance: Instance, tables: tuple[JobTable, JobTable], j: int) -> JobDifference:
    a, b = tables
    w, cluster = instance.workload, instance.cluster
    return JobDifference(
        job=j,
        name=w.job_name(j),
        user=user_name(instance, int(w.user[j])),
        size=float(a.size[j]),
        ideal=float(a.ideal[j]),
        flow=(float(a.flow[j]), float(b.flow[j])),
        wait=(float(a.wait[j]), float(b.wait[j])),
        node=(cluster.node_name(int(a.node[j])), cluster.node_name(int(b.node[j]))),
    )


def _job_line(job: JobDifference) -> str:
    nodes = job.node[0] if job.node[0] == job.node[1] else f"{job.node[0]} → {job.node[1]}"
    return (
        f"| {job.name} (user {job.user}, size {job.size:g}) | {human(job.flow[0])} "
        f"| {human(job.flow[1])} | {human(job.wait[0])} → {human(job.wait[1])} | {nodes} |"
    )


def _means(columns: Iterable[Floats]) -> tuple[float, float]:
    first, second = (float(np.mean(column)) for column in columns)
    return first, second


def _report(table: JobTable, part: Slice) -> SliceReport:
    rows = part.jobs
    flow = table.flow[rows]
    return SliceReport(
        group=part.group,
        name=part.name,
        jobs=len(rows),
        flow=float(flow.mean()),
        wait=float(table.wait[rows].mean()),
        slowdown=float(flow.mean() / table.ideal[rows].mean()),
        share=float(flow.sum() / table.flow.sum()),
        parts=_shares(table.parts[rows]),
    )


def _shares(parts: Floats) -> tuple[float, ...]:
    total = float(parts.sum())
    return tuple(float(x) / total if total else 0.0 for x in parts.sum(axis=0))


def _parts(shares: Sequence[float]) -> str:
    return ", ".join(f"{name} {x:.1%}" for name, x in zip(PARTS, shares, strict=True) if x)


def _percent(old: float, new: float) -> str:
    return f"{(new - old) / abs(old):+z.1%}" if old else "new"


def _spark(values: Floats, top: float | None = None) -> str:
    high = top or float(values.max()) or 1.0
    return "".join(_BLOCKS[min(7, int(8 * max(0.0, v) / high))] for v in values.tolist())
