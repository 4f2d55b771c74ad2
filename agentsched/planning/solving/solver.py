"""The solver: list schedules for a start, then CP-SAT for what is better and how good it can be."""

from __future__ import annotations

import time
from types import ModuleType
from typing import Literal

from agentsched.planning.solving.bounds import lower_bound
from agentsched.planning.solving.listing import best_list_schedule
from agentsched.planning.solving.problem import Problem, Schedule, costs
from agentsched.planning.solving.solution import Effort, Solution
from agentsched.planning.solving.tightening import tightened

_LISTING_SHARE = 0.2
_TIDY_SHARE = 0.2
_ANYTHING = 10**18


def solve(problem: Problem, effort: Effort | None = None) -> Solution:
    """Return the best schedule found within the effort, with a bound.

    ``infeasible`` is proved; ``unknown`` means that time ran out before there was any schedule.
    The answer to the same problem, seed and workers differs between runs only where time cuts the
    search short. Loading ortools, once a process, is not counted.
    """
    effort = effort or Effort()
    until = time.monotonic() + effort.seconds
    tight = tightened(problem)
    if tight is None:
        return Solution("infeasible")
    found = _listed(tight, effort)
    if found.status == "optimal" or (effort.first_only and found.schedule is not None):
        return found if effort.first_only else _tidied(tight, found, effort, until)
    began = time.monotonic()
    cp_sat = load_solver()
    until += time.monotonic() - began
    if until - time.monotonic() > cp_sat.LEAST_SECONDS:
        found = _better(found, cp_sat.search(tight, effort, until, found.schedule))
    return found if effort.first_only else _tidied(tight, found, effort, until)


def load_solver() -> ModuleType:
    """Load ortools now, so that no time limit set later pays for it; return who searches."""
    # Not at the top: ortools brings pandas, 0.7 s that reading a task graph should not cost.
    from agentsched.planning.solving import search

    return search


def _listed(problem: Problem, effort: Effort) -> Solution:
    least = problem.rates.makespan * lower_bound(problem)
    schedule = best_list_schedule(
        problem,
        seed=effort.seed,
        seconds=min(effort.listing, effort.seconds * _LISTING_SHARE),
        rounds=1_000,
        target=_ANYTHING if effort.first_only else least,
    )
    if schedule is None:
        return Solution("unknown", bound=least)
    return _judged(schedule, costs(problem, schedule).total, least, "list schedule")


def _better(listed: Solution, found: Solution) -> Solution:
    """Return the better of two answers with the better of two bounds."""
    if found.status == "infeasible":
        return found
    bound = max(found.bound, listed.bound)
    best = found
    if found.schedule is None or (listed.schedule and listed.objective < found.objective):
        best = listed
    if best.schedule is None:
        return Solution("unknown", bound=bound)
    return _judged(best.schedule, best.objective, bound, best.method)


def _judged(schedule: Schedule, points: int, bound: int, method: str) -> Solution:
    status: Literal["optimal", "feasible"] = "optimal" if points <= bound else "feasible"
    return Solution(status, schedule, points, min(bound, points), method)


def _tidied(problem: Problem, found: Solution, effort: Effort, until: float) -> Solution:
    left = min(until - time.monotonic(), _TIDY_SHARE * effort.seconds)
    if not effort.tidy or found.schedule is None or len(problem.activities) < 2:
        return found
    cp_sat = load_solver()
    if left < 2 * cp_sat.LEAST_SECONDS:
        return found
    tidy: Solution = cp_sat.tidied(problem, found, effort, time.monotonic() + left)
    return tidy
