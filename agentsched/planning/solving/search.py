"""CP-SAT at work: one model, one time limit, one answer."""

from __future__ import annotations

import time
from typing import Any, Literal

from ortools.sat.python import cp_model

from agentsched.planning.solving.model import Model
from agentsched.planning.solving.problem import Problem, Schedule, costs
from agentsched.planning.solving.solution import Effort, Solution
from agentsched.planning.solving.symmetry import canonical

LEAST_SECONDS = 0.02
"""Less than this is not worth starting the solver for."""
_PAIR = 2
_FOR_TWO = ("core", "no_lp")
"""With two workers `core` raises the bound and `no_lp` looks for schedules; the default pair leaves
bounds of project scheduling problems far below (docs/design/planning.md)."""
_TRUSTED = 1e17
"""Greater bounds have lost digits on their way through a float."""


def search(problem: Problem, effort: Effort, until: float, started: Schedule | None) -> Solution:
    """Return the best schedule that CP-SAT finds until then, from ``started`` on."""
    model = Model(problem, with_objective=not effort.first_only)
    if started is not None:
        model.hint(canonical(problem, started))
    return _run(model, effort, until)


def tidied(problem: Problem, found: Solution, effort: Effort, until: float) -> Solution:
    """Return the same quality with every start as early as it can be, greater priority first."""
    assert found.schedule is not None
    model = Model(problem)
    model.at_most(found.objective)
    lowest = min(activity.priority for activity in problem.activities)
    model.minimise_starts([1 + a.priority - lowest for a in problem.activities])
    model.hint(canonical(problem, found.schedule))
    better = _run(model, effort, until)
    if better.schedule is None or better.objective > found.objective:
        return found
    bound = min(found.bound, better.objective)
    return Solution(found.status, better.schedule, better.objective, bound, found.method)


def _run(model: Model, effort: Effort, until: float) -> Solution:
    solver = _solver(effort, until)
    status = solver.solve(model.cp)
    if status == cp_model.INFEASIBLE:
        return Solution("infeasible")
    bound = 0 if effort.first_only else _whole(solver.best_objective_bound)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Solution("unknown", bound=bound)
    schedule = model.read(solver.value)
    points = costs(model.problem, schedule).total
    proved = status == cp_model.OPTIMAL and not effort.first_only
    kind: Literal["optimal", "feasible"] = "optimal" if proved else "feasible"
    return Solution(kind, schedule, points, bound, "cp-sat")


def _whole(bound: float) -> int:
    return max(0, int(-(-bound // 1))) if abs(bound) < _TRUSTED else 0


def _solver(effort: Effort, until: float) -> Any:
    solver = cp_model.CpSolver()
    # Its own handler would replace ours for good, and Ctrl-C would kill the process.
    solver.parameters.catch_sigint_signal = False
    parameters = solver.parameters
    parameters.max_time_in_seconds = max(LEAST_SECONDS, until - time.monotonic())
    parameters.num_workers = effort.workers
    parameters.random_seed = effort.seed
    parameters.stop_after_first_solution = effort.first_only
    if effort.workers == _PAIR and not effort.first_only:
        parameters.subsolvers.extend(_FOR_TWO)
    return solver
