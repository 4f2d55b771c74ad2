"""Turns the state of a run into what a proposer is asked."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from agentsched.evolution.population import Choice, Member
from agentsched.evolution.proposal import Mode, Parent, ProposalRequest
from agentsched.evolution.state import Goal, State
from evaluator.world import Scenario, World
from evaluator.worlds import world_of

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
    world = world_of(scenario)
    return ProposalRequest(
        world=world.name,
        scenario=facts(scenario),
        objective=_objective(world, state.goal),
        guards=tuple(_guard(world, metric, margin) for metric, _, margin in state.goal.guards),
        parents=tuple(_parent(member, state.goal) for member in members),
        lessons=tuple([*learnt, *earlier][:LESSONS]),
        mode=mode,
        seed=int(rng.integers(2**31)),
        disciplines=world.disciplines(scenario),
        shapes=world.shapes(scenario, general=general),
    )


def facts(scenario: Scenario) -> str:
    """Return what a proposer may know of a scenario, in words."""
    return world_of(scenario).facts(scenario)


def _objective(world: World, goal: Goal) -> str:
    wish = "as small as possible" if goal.sense == "min" else "as large as possible"
    return f"{_named(world, goal.metric)}, {wish}"


def _guard(world: World, metric: str, margin: float) -> str:
    return f"{_named(world, metric)} may get worse by at most {margin:.0%}"


def _named(world: World, metric: str) -> str:
    meaning = world.metrics.get(metric)
    return metric if meaning is None else f"{metric} ({meaning})"


def _parent(member: Member, goal: Goal) -> Parent:
    names = dict.fromkeys([goal.metric, *(metric for metric, _, _ in goal.guards)])
    means = {
        name: math.fsum(row[name] for row in member.metrics) / len(member.metrics) for name in names
    }
    return Parent(member.text, means, member.diagnosis)
