"""The one door: from a request to a checked plan, or to what stands in its way."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

from agentsched.errors import AgentSchedError
from agentsched.planning.checker import check
from agentsched.planning.explaining.conflict import Conflict, find_conflict
from agentsched.planning.explaining.relaxing import Relaxation, relaxations
from agentsched.planning.plan import Plan
from agentsched.planning.request import PlanRequest
from agentsched.planning.solving.bounds import lower_bound
from agentsched.planning.solving.formulate import Formulation, formulate
from agentsched.planning.solving.listing import best_list_schedule
from agentsched.planning.solving.problem import Schedule, costs
from agentsched.planning.solving.solution import Effort, Solution
from agentsched.planning.solving.solver import load_solver, solve
from agentsched.planning.solving.tightening import tightened
from agentsched.planning.wishes import granted

MOST_OPTIONS = 20_000
"""Pairs of task and machine beyond which the solver's model would not even be built in time."""
MOST_TASKS = 1_000
MOST_ALONE = 20
"""Tasks up to which one worker searches, so that the same request gives the same plan."""
_EXPLAINING = 2.0
"""Seconds that saying why there is no plan may take when the budget is less."""
_WISH_SECONDS = 0.2
"""For what lost wishes were traded for, when the budget is used up."""


@dataclass(frozen=True, slots=True)
class Planned:
    """There is a plan, and it was checked."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class Infeasible:
    """There is no plan: what is in conflict, and what would make one possible."""

    conflict: Conflict
    relaxations: tuple[Relaxation, ...]
    """The cheapest first; each was solved and checked."""

    @property
    def message(self) -> str:
        """In one sentence or two."""
        ways = "; ".join(relaxation.words for relaxation in self.relaxations[:3])
        return f"{self.conflict.words}. {f'Possible if {ways}.' if ways else ''}".rstrip()


class PlanningFailed(AgentSchedError):
    """A plan of ours breaks a hard constraint: a bug, told instead of handed out."""


def plan(request: PlanRequest) -> Planned | Infeasible:
    """Return a checked plan for the request, or why there is none.

    Within the solver's reach the plan says how far from the best it can be at most. Beyond it, or
    when the budget ends before there is any schedule, ``request.beyond`` plans. Explaining why
    there is none takes up to as long again as the budget, or two seconds.

    Raises:
        UserError: The request itself is wrong: an unknown duration or person.
        PlanningFailed: The plan did not pass the checker.
    """
    began = time.monotonic()
    if request.beyond is not None and too_large(request):
        return _checked(request, request.beyond(request))
    form = formulate(request)
    if not form.problem.possible:
        return _explained(request)
    if out_of_reach(form):
        return _beyond(request, form)
    solution = solve(form.problem, _effort(request))
    if solution.status == "infeasible":
        return _explained(request)
    if solution.schedule is None:
        return _beyond(request, form)
    left = max(_WISH_SECONDS, request.budget - (time.monotonic() - began))
    return _checked(request, _as_plan(form, solution, solution.schedule, left))


def too_large(request: PlanRequest) -> bool:
    """Return whether even writing the problem down would take longer than ``beyond`` does."""
    pairs = len(request.graph.tasks) * len(request.inventory.machines)
    return pairs > 10 * MOST_OPTIONS


def out_of_reach(form: Formulation) -> bool:
    """Return whether the problem is too large for the solver."""
    activities = form.problem.activities
    options = sum(len(activity.options) for activity in activities)
    return len(activities) > MOST_TASKS or options > MOST_OPTIONS


def _effort(request: PlanRequest) -> Effort:
    """Two workers race, and may end in different plans of equal worth; small requests need one."""
    workers = 1 if len(request.graph.tasks) <= MOST_ALONE else request.workers
    return Effort(request.budget, workers, request.seed)


def _as_plan(form: Formulation, solution: Solution, schedule: Schedule, seconds: float) -> Plan:
    status: Literal["optimal", "feasible"] = (
        "optimal" if solution.status == "optimal" else "feasible"
    )
    return Plan(
        graph=form.request.graph.digest,
        assignments=form.assignments(schedule),
        status=status,
        method=solution.method,
        objective=solution.objective,
        bound=solution.bound,
        wishes=granted(form, schedule, seconds),
        notes=form.request.graph.notes,
    )


def _beyond(request: PlanRequest, form: Formulation) -> Planned | Infeasible:
    """Plan by rule what the solver cannot: with ``request.beyond``, or with list schedules."""
    if request.beyond is not None:
        return _checked(request, request.beyond(request))
    tight = tightened(form.problem)
    if tight is None:
        return _explained(request)
    seconds = max(1.0, request.budget)
    found = best_list_schedule(tight, seed=request.seed, seconds=seconds, rounds=10_000)
    if found is None:
        return Infeasible(Conflict((), minimal=False, proved=False), ())
    least = form.problem.rates.makespan * lower_bound(form.problem)
    points = costs(form.problem, found).total
    by_rule = Solution("feasible", found, points, least, "list schedule")
    return _checked(request, _as_plan(form, by_rule, found, 0.0))


def _explained(request: PlanRequest) -> Infeasible:
    load_solver()
    seconds = max(_EXPLAINING, request.budget)
    conflict = find_conflict(request, seconds / 2)
    return Infeasible(conflict, relaxations(request, conflict, seconds / 2))


def _checked(request: PlanRequest, made: Plan) -> Planned:
    """Return the plan if it keeps everything hard, but for what tasks under way already broke."""
    under_way = {assignment.task for assignment in request.started}
    broken = [
        one
        for one in check(request.graph, request.inventory, made, request.zone)
        if not under_way.intersection(one.tasks)
    ]
    if broken:
        raise PlanningFailed(f"the plan by {made.method!r} is wrong: {broken[0].message}")
    return Planned(made)
