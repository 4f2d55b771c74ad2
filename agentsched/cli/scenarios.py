"""``agentsched scenarios``: what can be scheduled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from agentsched.cli.options import Cluster, Format, Json, ScenarioName, Workload
from agentsched.cli.output import emit, show, table

if TYPE_CHECKING:
    from evaluator.world import Scenario

app = typer.Typer(help="List and show scenarios.", no_args_is_help=True)


@app.command("list")
def list_(json: Json = False) -> None:
    """List the built-in scenarios."""
    from evaluator.worlds import load_scenario, scenario_names

    found = [load_scenario(name) for name in scenario_names()]
    if json:
        emit([_facts(scenario) for scenario in found])
        return
    table(
        ("name", "world", "objective", "guards", "title"),
        [
            (s.name, _world(s), _objective(s), ", ".join(g.metric for g in s.guards), s.title)
            for s in found
        ],
    )


@app.command("show")
def show_(
    scenario: ScenarioName,
    workload: Workload = None,
    format: Format = None,
    cluster: Cluster = None,
    json: Json = False,
) -> None:
    """Show one scenario: what is wanted, what holds, and its file."""
    from evaluator.worlds import load_scenario

    found = load_scenario(scenario, workload=workload, format=format, cluster=cluster)
    if json:
        emit({**_facts(found), "text": found.text})
        return
    guards = ", ".join(f"{g.metric} within {g.margin:.1%}" for g in found.guards) or "none"
    splits = ", ".join(f"{name} {count}" for name, count in found.splits.items())
    show(
        f"{found.name}: {found.title}",
        "",
        found.description.strip(),
        "",
        f"world      {_world(found)}",
        f"objective  {_objective(found)}",
        f"guards     {guards}",
        f"splits     {splits}",
        f"to beat    {', '.join(found.known)} (starts from {found.start})",
        f"digest     {found.digest}",
        "",
        found.text.strip(),
    )


def _objective(scenario: Scenario) -> str:
    return f"{scenario.objective.sense} {scenario.objective.metric}"


def _world(scenario: Scenario) -> str:
    from evaluator.worlds import world_of

    return world_of(scenario).name


def _facts(scenario: Scenario) -> dict[str, Any]:
    return {
        "name": scenario.name,
        "world": _world(scenario),
        "title": scenario.title,
        "description": scenario.description,
        "objective": {"metric": scenario.objective.metric, "sense": scenario.objective.sense},
        "guards": [
            {"metric": guard.metric, "sense": guard.sense, "margin": guard.margin}
            for guard in scenario.guards
        ],
        "known": list(scenario.known),
        "start": scenario.start,
        "splits": dict(scenario.splits),
        "digest": scenario.digest,
    }
