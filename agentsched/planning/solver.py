"""The solver: list schedules for a start, then CP-SAT for what is better and how good it can be."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal

from ortools.sat.python import cp_model

from agentsched.planning.bounds import lower_bound
from agentsched.planning.listing import best_list_schedule
from agentsched.planning.model import Model
from agentsched.planning.problem import Problem, Schedule, costs
from agentsched.planning.symmetry import canonical
from agentsched.planning.tightening import tightened

_LEAST_SECONDS = 0.02
"""Less than this is not worth starting the solver for."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to try."""

    seconds: float = 1.0
    """Wall time, all in all."""
    workers: int = 2
    seed: int = 0
    first_only: bool = False
    """Stop at the first schedule that keeps every hard constraint."""
    tidy: bool = True
    """Spend what is left on starting everything as early as the objective allows."""


@dataclass(frozen=True, slots=True)
class Solution:
    """What came out; ``schedule`` keeps every hard constraint."""

    status: Literal["optimal", "feasible", "infeasible", "unknown"]
    schedule: Schedule | None = None
    objective: int = 0
    bound: int = 0
    """No schedule costs less."""
    method: str = ""


def solve(problem: Problem, effort: Effort | None = None) -> Solution:
    """Return the best schedule found within the effort, with a bound.

    ``infeasible`` is proved; ``unknown`` means that time ran out before there was any schedule.
    The answer to the same problem, seed and workers differs between runs only where time cuts the
    search short.
    """
    effort = effort or Effort()
    until = time.monotonic() + effort.seconds
    tight = tightened(problem)
    if tight is None:
        return Solution("infeasible")
    started = best_list_schedule(
        tight,
        seed=effort.seed,
        seconds=min(1.0, effort.seconds / 5),
        rounds=1_000,
        target=_target(tight, effort),
    )
    found = _improve(tight, started, effort, until)
    if effort.tidy and found.schedule is not None and not effort.first_only:
        return _tidied(tight, found, effort, until)
    return found


def _target(problem: Problem, effort: Effort) -> int | None:
    """Return at what cost a list schedule leaves nothing to do; anything does if one is asked."""
    return 10**18 if effort.first_only else problem.rates.makespan * lower_bound(problem)


def _improve(problem: Problem, started: Schedule | None, effort: Effort, until: float) -> Solution:
    least = problem.rates.makespan * lower_bound(problem)
    listed = Solution("unknown", bound=least)
    if started is not None:
        points = costs(problem, started).total
        status: Literal["optimal", "feasible"] = "optimal" if points == least else "feasible"
        listed = Solution(status, started, points, least, "list schedule")
        if effort.first_only or status == "optimal":
            return listed
    left = until - time.monotonic()
    if left < _LEAST_SECONDS:
        return listed
    model = Model(problem, with_objective=not effort.first_only)
    if started is not None:
        model.hint(canonical(problem, started))
    return _better(listed, _run(model, effort, until), problem, least)


def _better(listed: Solution, found: Solution, problem: Problem, least: int) -> Solution:
    """Return the better of two answers with the better of two bounds."""
    if found.status == "infeasible":
        return found
    bound = max(found.bound, least)
    if found.schedule is None or (listed.schedule and listed.objective < found.objective):
        best = listed
    else:
        best = found
    if best.schedule is None:
        return Solution("unknown", bound=bound)
    status: Literal["optimal", "feasible"] = "optimal" if best.objective <= bound else "feasible"
    return Solution(status, best.schedule, best.objective, min(bound, best.objective), best.method)


def _run(model: Model, effort: Effort, until: float) -> Solution:
    solver = _solver(effort, until)
    status = solver.solve(model.cp)
    if status == cp_model.INFEASIBLE:
        return Solution("infeasible")
    bound = 0 if effort.first_only else _whole(solver.best_objective_bound)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Solution("unknown", bound=max(0, bound))
    schedule = model.read(solver.value)
    points = costs(model.problem, schedule).total
    kind: Literal["optimal", "feasible"] = (
        "optimal" if status == cp_model.OPTIMAL and not effort.first_only else "feasible"
    )
    return Solution(kind, schedule, points, bound, "cp-sat")


def _whole(bound: float) -> int:
    return int(-(-bound // 1)) if abs(bound) < 1e17 else 0


def _solver(effort: Effort, until: float) -> Any:
    solver = cp_model.CpSolver()
    parameters = solver.parameters
    parameters.max_time_in_seconds = max(_LEAST_SECONDS, until - time.monotonic())
    parameters.num_workers = effort.workers
    parameters.random_seed = effort.seed
    parameters.stop_after_first_solution = effort.first_only
    return solver


def _tidied(problem: Problem, found: Solution, effort: Effort, until: float) -> Solution:
    """Return the same quality with every start as early as it can be, greater priority first."""
    assert found.schedule is not None
    left = until - time.monotonic()
    if left < 2 * _LEAST_SECONDS or len(problem.activities) < 2:
        return found
    model = Model(problem)
    model.at_most(found.objective)
    lowest = min(activity.priority for activity in problem.activities)
    model.minimise_starts([1 + a.priority - lowest for a in problem.activities])
    model.hint(canonical(problem, found.schedule))
    better = _run(model, effort, time.monotonic() + min(left, 0.2 * effort.seconds))
    if better.schedule is None or costs(problem, better.schedule).total > found.objective:
        return found
    objective = costs(problem, better.schedule).total
    return Solution(
        found.status, better.schedule, objective, min(found.bound, objective), found.method
    )
