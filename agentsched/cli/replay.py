"""``agentsched replay``: does a stored trace hold, and what would another policy have done?"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentsched.cli.options import Json, MemoryUrl, Unsafe
from agentsched.cli.output import emit, note, number, show, table

if TYPE_CHECKING:
    from evaluator.compare import Comparison, JobDifference
    from evaluator.differences import Difference
    from evaluator.world import Audit, Stored, World


@dataclass(frozen=True, slots=True)
class Played:
    """A stored trace, its problem, and what replaying it gave."""

    world: World
    stored: Stored
    instance: Any
    replayed: Audit
    differences: tuple[Difference, ...]
    """Stored metrics that do not come out again."""

    @property
    def holds(self) -> bool:
        """Whether the score came out again and the engine broke no rule.

        A missed hard deadline is a fact about the policy, not about the trace.
        """
        broken = [found for found in self.replayed.violations if found.kind != "deadline"]
        return not self.differences and not broken


def command(
    trace: Annotated[Path, typer.Argument(help="Trace file, or a run folder: all its traces.")],
    policy: Annotated[
        str | None, typer.Option(help="Run this policy on the same arrivals and compare.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Draw charts into this HTML file.")] = None,
    jobs: Annotated[int, typer.Option(help="Jobs to list in a comparison.", min=1)] = 10,
    memory: MemoryUrl = None,
    unsafe: Unsafe = False,
    json: Json = False,
) -> None:
    """Check a stored trace and compute its score anew; exit code 6 if it differs."""
    from agentsched.errors import Exit

    paths = _traces(trace)
    played = [play(path) for path in paths]
    first = played[0]
    other = _rerun(first, policy, memory, unsafe=unsafe, most=jobs) if policy else None
    if html is not None:
        _draw(html, first, other)
    if json:
        facts: dict[str, Any] = {"traces": [_facts(one) for one in played]}
        emit({**facts, "comparison": _comparison(other) if other else None, "html": html})
    elif len(played) > 1:
        table(
            ("trace", "policy", "split", ">index", ">decisions", "replay"),
            [
                (one.stored.path.name, one.stored.header.policy, one.stored.header.split,
                 str(one.stored.header.index), f"{one.replayed.decisions:,}", _said(one))
                for one in played
            ],
        )  # fmt: skip
    if not json:
        _print(first)
        if other:
            _print_comparison(first, other)
        if html:
            note(f"charts: {html}")
    if not all(one.holds for one in played):
        raise typer.Exit(int(Exit.TRACE))


def play(path: Path) -> Played:
    """Read a trace, make its problem again, check every rule and recompute every metric.

    Raises:
        TraceError: The file is damaged, or its problem cannot be made again.
    """
    from evaluator.differences import differences
    from evaluator.worlds import read_trace

    opened = read_trace(path)
    world, stored = opened.world, opened.stored
    instance = world.problem(stored)
    replayed = world.replay(instance, stored.trace)
    apart = differences(stored.header.metrics, replayed.metrics) if stored.header.metrics else []
    return Played(world, stored, instance, replayed, tuple(apart))


@dataclass(frozen=True, slots=True)
class Rerun:
    """Another policy on the same problem."""

    trace: Any
    names: tuple[str, str]
    metrics: tuple[dict[str, float], dict[str, float]]
    jobs: Comparison | None
    """Job by job, where the world has jobs."""


def _rerun(first: Played, policy: str, memory: str | None, *, unsafe: bool, most: int) -> Rerun:
    from agentsched.cli.resolve import find_policy
    from agentsched.cli.score import sandbox_for
    from agentsched.scoring import simulate

    world, instance = first.world, first.instance
    other = find_policy(policy, memory, world)
    with sandbox_for([other], unsafe=unsafe) as sandbox:
        trace = simulate(instance, other, None, sandbox)
    names = (first.stored.header.policy or "stored", other.name)
    if names[0] == names[1]:
        names = (f"{names[0]} (stored)", names[1])
    if world.name == "cluster":
        from evaluator.compare import compare

        compared = compare(instance, first.stored.trace, trace, names=names, most=most)
        return Rerun(trace, names, compared.metrics, compared)
    metrics = world.measure(instance, first.stored.trace), world.measure(instance, trace)
    return Rerun(trace, names, metrics, None)


def _traces(path: Path) -> list[Path]:
    """Return the file itself, or the traces of a run folder."""
    from agentsched.errors import UserError

    if not path.exists():
        raise UserError(f"no file or run folder {str(path)!r}; agentsched score --trace makes one")
    if not path.is_dir():
        return [path]
    found = sorted((path / "traces").glob("*.trace")) or sorted(path.glob("*.trace"))
    if not found:
        raise UserError(f"{str(path)!r} holds no traces: name a .trace file or a finished run")
    return found


def _said(one: Played) -> str:
    if one.differences:
        return f"DIFFERS: {one.differences[0]}"
    if one.replayed.count:
        return f"{one.replayed.count} violations"
    return "same score"


def _facts(one: Played) -> dict[str, Any]:
    header = one.stored.header
    return {
        "path": one.stored.path,
        "digest": one.stored.digest,
        "holds": one.holds,
        "policy": header.policy,
        "policy_digest": header.policy_digest,
        "scenario": header.scenario,
        "split": header.split,
        "index": header.index,
        "objective": header.objective,
        "decisions": one.replayed.decisions,
        "stored": header.metrics,
        "metrics": one.replayed.metrics,
        "violations": one.replayed.count,
        "first_violations": [found.message for found in one.replayed.violations[:10]],
        "differences": [str(found) for found in one.differences],
    }


def _comparison(other: Rerun) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "policies": other.names,
        "metrics": {name: [old[name] for old in other.metrics] for name in other.metrics[0]},
    }
    found = other.jobs
    if found is None:
        return facts
    return {
        **facts,
        "faster": int((found.change < 0).sum()),
        "slower": int((found.change > 0).sum()),
        "same": int((found.change == 0).sum()),
        "winners": [asdict(job) for job in found.winners],
        "losers": [asdict(job) for job in found.losers],
        "jobs": [
            {"job": job, "flow": [a, b]}
            for job, (a, b) in enumerate(
                zip(found.tables[0].flow.tolist(), found.tables[1].flow.tolist(), strict=True)
            )
        ],
    }


def _print(one: Played) -> None:
    header, metrics = one.stored.header, one.replayed.metrics
    rows = [
        (
            name,
            "objective" if name == header.objective else "",
            number(header.metrics[name]) if name in header.metrics else "",
            number(value),
            "" if header.metrics.get(name, value) == value else "DIFFERS",
        )
        for name, value in metrics.items()
    ]
    where = f"{header.scenario} {header.split} {header.index}"
    table(("metric", "", ">stored", ">replayed", ""), rows, title=f"{header.policy} on {where}")
    show(*one.world.sketch(one.instance, one.stored.trace, *_canvas()), "")
    verdict = "the same score to the last bit" if one.holds else "NOT the same"
    show(
        f"{one.stored.path}: {one.replayed.decisions:,} decisions replayed, {verdict}, "
        f"violations: {one.replayed.count}",
        *(f"  {found}" for found in one.differences[:10]),
        *(f"  {found.message}" for found in one.replayed.violations[:10]),
    )


def _print_comparison(first: Played, other: Rerun) -> None:
    one, two = other.names
    drawn = first.world.sketch(first.instance, other.trace, *_canvas())
    met = "arrivals" if other.jobs else first.world.unit
    show("", f"the same {met} under {two}:", "", *drawn)
    old, new = other.metrics
    table(
        ("metric", f">{one}", f">{two}", ">change"),
        [
            (name, number(old[name]), number(new[name]), _change(old[name], new[name]))
            for name in old
            if old[name] or new[name]
        ],
    )
    if other.jobs is not None:
        _print_jobs(other.jobs)


def _print_jobs(found: Comparison) -> None:
    from evaluator.jobs import human

    one, two = found.names
    change = found.change
    show(
        f"{len(change)} jobs: {int((change < 0).sum())} faster with {two}, "
        f"{int((change > 0).sum())} slower, {int((change == 0).sum())} the same"
    )
    for title, jobs in (("gained most", found.winners), ("lost most", found.losers)):
        if jobs:
            table(
                (title, "user", f">flow {one}", f">flow {two}", ">wait", ">wait then", "nodes"),
                [_row(job, human) for job in jobs],
            )


def _row(job: JobDifference, human: Callable[[float], str]) -> tuple[str, ...]:
    flows, waits = map(human, job.flow), map(human, job.wait)
    nodes = job.node[0] if job.node[0] == job.node[1] else f"{job.node[0]} -> {job.node[1]}"
    return (job.name, job.user, *flows, *waits, nodes)


def _change(old: float, new: float) -> str:
    return f"{(new - old) / abs(old):+z.1%}" if old else "new"


def _canvas() -> tuple[int, bool]:
    """Width of the terminal, and whether block characters can be printed on it."""
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    return shutil.get_terminal_size((100, 24)).columns - 1, encoding.startswith("utf")


def _draw(html: Path, first: Played, other: Rerun | None) -> None:
    """Write a page with metrics and the world's drawings."""
    from agentsched.cli.page import page

    header = first.stored.header
    runs = [(header.policy or "stored", first.stored.trace, first.replayed.metrics)]
    if other is not None:
        runs.append((other.names[1], other.trace, other.metrics[1]))
    text = page(
        f"{header.policy} on {header.scenario} {header.split} {header.index}",
        f"Replayed: {_said(first)}, {first.replayed.decisions:,} decisions.",
        first.world,
        first.instance,
        runs,
        other.jobs if other else None,
    )
    html.write_text(text, encoding="utf-8")
