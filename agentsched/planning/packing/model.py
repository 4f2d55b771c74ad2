"""CP-SAT over some pods and some machines of a packing problem, everything else held fast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ortools.sat.python import cp_model

from agentsched.planning.packing.problem import NOWHERE, PackingProblem, Places

LEAST_SECONDS: Final = 0.01
"""Less time than this is not worth a call."""


@dataclass(frozen=True, slots=True)
class Effort:
    """What one solve may use."""

    seconds: float
    workers: int = 2
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Solved:
    """What one solve found."""

    places: Places
    """At least as good as what it started from."""
    proved: bool
    """Nothing better exists for this goal."""


class PackingModel:
    """Pods that may change places among machines; the rest of the placement stays."""

    def __init__(
        self,
        problem: PackingProblem,
        places: Places,
        nodes: Sequence[int],
        pods: Sequence[int],
    ) -> None:
        """Build it.

        Args:
            problem: The whole.
            places: A placement that fits; the model starts from it.
            nodes: Machines that may be filled anew.
            pods: Pods that may change; each is on one of the machines, or nowhere.
        """
        self._problem = problem
        self._start = places
        self.model = cp_model.CpModel()
        inside = set(nodes)
        self._on: dict[int, dict[int, cp_model.IntVar]] = {
            pod: {
                node: self.model.new_bool_var("")
                for node in problem.allowed[pod]
                if node in inside and (not problem.pinned[pod] or node == problem.home[pod])
            }
            for pod in pods
        }
        for pod, choices in self._on.items():
            if problem.pinned[pod]:
                self.model.add_exactly_one(choices.values())
            else:
                self.model.add_at_most_one(choices.values())
        self._keep_capacity(nodes)

    def _keep_capacity(self, nodes: Sequence[int]) -> None:
        problem = self._problem
        others = tuple(NOWHERE if pod in self._on else node for pod, node in enumerate(self._start))
        left = problem.room(others)
        for node in nodes:
            here = [(pod, on[node]) for pod, on in self._on.items() if node in on]
            for r, room in enumerate(left[node]):
                terms = [(problem.demands[p][r], x) for p, x in here if problem.demands[p][r]]
                if sum(amount for amount, _ in terms) > room:
                    self.model.add(sum(amount * x for amount, x in terms) <= room)

    def placed(self, tier: int) -> cp_model.LinearExpr:
        """Pods of the model placed, of this tier and those before it."""
        return cp_model.LinearExpr.sum(
            [x for pod, on in self._on.items() if self._problem.tiers[pod] <= tier
             for x in on.values()]
        )  # fmt: skip

    def disruption(self, tier: int) -> cp_model.LinearExpr:
        """What running pods of the model suffer, of this tier and those before it."""
        terms: list[cp_model.LinearExprT] = []
        for pod, on in self._on.items():
            home = self._problem.home[pod]
            if home != NOWHERE and self._problem.tiers[pod] <= tier:
                terms += [2, *(-x for x in on.values())]
                terms += [-on[home]] if home in on else []
        return cp_model.LinearExpr.sum(terms)

    def merit(self) -> cp_model.LinearExpr:
        """All steps of the merit as one number, the earlier ones above all later ones."""
        problem = self._problem
        total: cp_model.LinearExpr = cp_model.LinearExpr.sum([])
        counts = [0] * problem.levels
        for pod in self._on:
            counts[problem.tiers[pod]] += 1
        weight = 1
        for tier in reversed(range(problem.levels)):
            if not counts[tier]:
                continue
            up_to = sum(counts[: tier + 1])
            total = total - weight * self.disruption(tier)
            weight *= 2 * up_to + 1
            total = total + weight * self.placed(tier)
            weight *= up_to + 1
        return total

    def solve(self, goal: cp_model.LinearExpr, effort: Effort) -> Solved:
        """Maximise a goal from where the placement stands."""
        self.model.maximize(goal)
        for pod, on in self._on.items():
            for node, x in on.items():
                self.model.add_hint(x, self._start[pod] == node)
        solver = cp_model.CpSolver()
        # Its own handler would replace ours for good, and Ctrl-C would kill the process.
        solver.parameters.catch_sigint_signal = False
        solver.parameters.max_time_in_seconds = max(effort.seconds, LEAST_SECONDS)
        solver.parameters.num_workers = effort.workers
        solver.parameters.random_seed = effort.seed
        status = solver.solve(self.model)
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return Solved(self._start, proved=False)
        places = list(self._start)
        for pod, on in self._on.items():
            chosen = [node for node, x in on.items() if solver.boolean_value(x)]
            places[pod] = chosen[0] if chosen else NOWHERE
        return Solved(tuple(places), proved=status == cp_model.OPTIMAL)
