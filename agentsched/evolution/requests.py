"""Turns the state of a run into what a proposer is asked."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from agentsched.evolution.population import Choice, Member
from agentsched.evolution.proposal import Mode, Parent, ProposalRequest
from agentsched.evolution.state import Goal, State
from evaluator.cluster.scenario import Scenario
from evaluator.metrics import METRICS
from evaluator.policy import Discipline, Shape

LESSONS = 5
"""Lessons in one prompt; more would crowd out the parents."""
DIFFS = 0.4
"""Share of proposals asked for as search/replace edits."""


def ask(
    scenario: Scenario,
    state: State,
    choice: Choice,
    rng: np.random.Generator,
    *,
    earlier: Sequence[str] = (),
    general: bool = False,
) -> ProposalRequest:
    """Return the request for one proposal; it holds neither seeds nor times of this machine.

    Args:
        scenario: What the policy is for.
        state: As it was before the generation began.
        choice: Parent and inspiration.
        rng: The proposal's own stream.
        earlier: Lessons of earlier runs.
        general: Also accept ``decide(state)``.
    """
    mode: Mode = "diff" if rng.random() < DIFFS else "rewrite"
    members = [choice.parent] if choice.inspiration is None else [choice.parent, choice.inspiration]
    learnt = [
        f"{lesson.kind} ({lesson.count} times): {lesson.message}"
        for lesson in state.top_lessons(LESSONS)
    ]
    disciplines: tuple[Discipline, ...] = ("greedy", "strict", "easy", "conservative", "bind")
    shapes: tuple[Shape, ...] = ("key", "score", "decide") if general else ("key", "score")
    return ProposalRequest(
        scenario=facts(scenario),
        objective=_objective(state.goal),
        guards=tuple(_guard(metric, margin) for metric, _, margin in state.goal.guards),
        parents=tuple(_parent(member, state.goal) for member in members),
        lessons=tuple([*learnt, *earlier][:LESSONS]),
        mode=mode,
        seed=int(rng.integers(2**31)),
        disciplines=("greedy",) if scenario.rules.preemptive else disciplines,
        shapes=shapes,
    )


def facts(scenario: Scenario) -> str:
    """Return cluster, workload and rules in words, for prompts."""
    cluster, rules = scenario.cluster, scenario.rules
    lines = [scenario.description.strip() or scenario.title]
    for row, name in enumerate(cluster.types):
        nodes = np.flatnonzero(cluster.type == row)
        cpus, memory, devices = cluster.capacity[nodes[0]]
        lines.append(
            f"{len(nodes)} nodes of type {name}: {cpus / 1000:g} CPUs, {memory / 1024:g} GiB, "
            f"{devices / 1000:g} devices each"
        )
    if rules.preemptive:
        lines.append(
            f"Running tasks may be preempted; each restart costs {rules.restart_cost / 1e6:g} s."
        )
    else:
        lines.append("A task that runs is never stopped.")
    if rules.round:
        lines.append(f"Decisions are taken every {rules.round / 1e6:g} s.")
    if rules.kill_at_estimate:
        lines.append("A task is stopped when it has run for its estimate.")
    lines.append(
        "Estimates are exact." if rules.oracle else "Estimates may be wrong; true times are hidden."
    )
    return "\n".join(lines)


def _objective(goal: Goal) -> str:
    wish = "as small as possible" if goal.sense == "min" else "as large as possible"
    return f"{_named(goal.metric)}, {wish}"


def _guard(metric: str, margin: float) -> str:
    return f"{_named(metric)} may get worse by at most {margin:.0%}"


def _named(metric: str) -> str:
    info = METRICS.get(metric)
    return metric if info is None else f"{metric} ({info.text})"


def _parent(member: Member, goal: Goal) -> Parent:
    names = dict.fromkeys([goal.metric, *(metric for metric, _, _ in goal.guards)])
    means = {
        name: math.fsum(row[name] for row in member.metrics) / len(member.metrics) for name in names
    }
    return Parent(member.text, means, member.diagnosis)
