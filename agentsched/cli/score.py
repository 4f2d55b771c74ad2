"""``agentsched score``: what a policy is worth on a scenario."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentsched.cli.options import (
    Cluster,
    Format,
    Json,
    MemoryUrl,
    ScenarioName,
    Unsafe,
    Workload,
)
from agentsched.cli.output import emit, note, number, show, table
from agentsched.cli.policies import lane_of

if TYPE_CHECKING:
    from agentsched.scoring import Estimate, Keep, ScoreCard
    from evaluator.sandbox import Sandbox
    from evaluator.world import Lane, Rule, Scenario


class LaneName(StrEnum):
    """Where a policy may be asked to run."""

    PURE = "pure"
    PYTHON = "python"
    GENERAL = "general"


def command(
    policy: Annotated[str, typer.Argument(help="Known rule, .py file, or id in memory.")],
    scenario: ScenarioName,
    workload: Workload = None,
    format: Format = None,
    cluster: Cluster = None,
    split: Annotated[str, typer.Option(help="Which instances.")] = "validation",
    seeds: Annotated[
        int | None, typer.Option(help="How many instances; by default all of the split.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the instances.")] = 0,
    trace: Annotated[
        Path | None, typer.Option(help="Write the first instance's trace to this file.")
    ] = None,
    lane: Annotated[
        LaneName | None,
        typer.Option(help="Run it compiled, in plain Python (slow, same decisions), sandboxed."),
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(help="Another policy on the same instances; 'known': the scenario's rules."),
    ] = None,
    memory: MemoryUrl = None,
    unsafe: Unsafe = False,
    json: Json = False,
) -> None:
    """Simulate a policy, check it by replay, and average its metrics over instances."""
    from agentsched.cli.resolve import find_policy
    from agentsched.errors import UserError
    from agentsched.evolution.seeds import Seeds
    from agentsched.scoring import draw, score
    from evaluator.worlds import load_scenario, world_of

    if trace is not None and not trace.absolute().parent.is_dir():
        raise UserError(f"--trace {str(trace)!r}: no folder {str(trace.parent)!r}; make it first")
    found = load_scenario(scenario, workload=workload, format=format, cluster=cluster)
    world = world_of(found)
    chosen = find_policy(policy, memory, world)
    names = [name for other in against or [] for name in _names(other, found)]
    rivals = [find_policy(name, memory, world) for name in dict.fromkeys(names) if name != policy]
    secret = Seeds.make(seed).secret
    instances = draw(found, split, seeds, secret)
    smoke = found.instance("smoke", 0, secret)
    wanted: Lane | None = lane.value if lane else None
    if wanted is not None and wanted not in world.lanes:
        raise UserError(
            f"--lane {wanted}: the {world.name} world has the lanes {', '.join(world.lanes)}"
        )
    with sandbox_for([chosen, *rivals], wanted, unsafe=unsafe) as sandbox:
        keep = _keeper(trace, found, chosen, split, secret) if trace else None
        card = score(chosen, instances, lane=wanted, sandbox=sandbox, warm=smoke, keep=keep)
        cards = [score(rival, instances, sandbox=sandbox, warm=smoke) for rival in rivals]
    if json:
        emit({**_facts(card, found), "scenario": found.name, "scenario_digest": found.digest,
              "split": split, "seed": seed, "instances": len(instances), "trace": trace,
              "against": [_facts(other, found) for other in cards]})  # fmt: skip
        return
    _print(card, cards, found, f"{split}, {len(instances)} instances, seed {seed}")
    if trace:
        note(f"trace of the first instance: {trace}; check it with: agentsched replay {trace}")


@contextlib.contextmanager
def sandbox_for(
    policies: Sequence[Rule], lane: str | None = None, *, unsafe: bool = False
) -> Iterator[Sandbox | None]:
    """Open a sandbox if one of these policies needs it; the settings say how strong it must be."""
    if lane != "general" and all(lane_of(policy) != "general" for policy in policies):
        yield None
        return
    from agentsched.settings import load_settings
    from evaluator.sandbox import Level, Sandbox

    settings = load_settings().sandbox
    with Sandbox.open(
        minimum=Level[settings.minimum.upper()], unsafe=unsafe, memory_mb=settings.memory_mb
    ) as sandbox:
        yield sandbox


def _keeper(path: Path, scenario: Scenario, policy: Rule, split: str, seed: bytes) -> Keep:
    from agentsched.scoring import header_of
    from evaluator.worlds import world_of, write_trace

    def keep(index: int, instance: Any, trace: Any, metrics: dict[str, float]) -> None:
        if index == 0:
            header = header_of(scenario, instance, policy, split, index, seed, metrics)
            # What came from files cannot be made again from the scenario's text.
            embedded = instance if scenario.files else None
            write_trace(world_of(scenario), path, trace, header, instance=embedded)

    return keep


def _names(other: str, scenario: Scenario) -> tuple[str, ...]:
    return scenario.known if other == "known" else (other,)


def _facts(card: ScoreCard, scenario: Scenario) -> dict[str, Any]:
    objective = scenario.objective
    return {
        "policy": card.policy,
        "digest": card.digest,
        "lane": card.lane,
        "sandbox_level": card.sandbox,
        "objective": {
            "metric": objective.metric,
            "sense": objective.sense,
            **_interval(card.metrics[objective.metric]),
        },
        "metrics": {
            name: {**_interval(found), "values": found.values}
            for name, found in card.metrics.items()
        },
        "tasks": card.tasks,
        "decisions": card.decisions,
        "epochs": card.epochs,
        "cpu_seconds": card.cpu_seconds,
        "tasks_per_cpu_second": card.tasks_per_cpu_second,
        "violations": card.violations,
        "first_violations": card.listed,
    }


def _interval(found: Estimate) -> dict[str, float | None]:
    return {"mean": found.mean, "low": found.low, "high": found.high}


def _print(card: ScoreCard, others: Sequence[ScoreCard], scenario: Scenario, where: str) -> None:
    guards = [guard.metric for guard in scenario.guards]
    first = [scenario.objective.metric, *guards]
    rest = [name for name, found in card.metrics.items() if any(found.values)]
    marks = {scenario.objective.metric: "objective", **dict.fromkeys(guards, "guard")}
    rows = [
        (
            name,
            marks.get(name, ""),
            number(card.metrics[name].mean),
            _span(card.metrics[name]),
            *(number(other.metrics[name].mean) for other in others),
        )
        for name in dict.fromkeys([*first, *rest])
    ]
    table(
        ("metric", "", f">{card.policy}", ">95 %", *(f">{other.policy}" for other in others)),
        rows,
        title=f"{card.policy} on {scenario.name} ({where})",
    )
    from evaluator.worlds import world_of

    show(
        f"{card.tasks:,} {world_of(scenario).unit} in {card.cpu_seconds:.3g} CPU s "
        f"({card.tasks_per_cpu_second:,.0f} a CPU second), lane {card.lane}, "
        f"sandbox {card.sandbox}, replay agrees, violations: {card.violations}"
    )
    for violation in card.listed:
        show(f"  {violation}")


def _span(found: Estimate) -> str:
    if found.low is None or found.high is None:
        return ""
    return f"{number(found.low)} … {number(found.high)}"
