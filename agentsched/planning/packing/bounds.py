"""How many pods could be placed at all, were each group of like machines one large machine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ortools.sat.python import cp_model

from agentsched.planning.packing.problem import PackingProblem

SLICES = 4
"""At most k pods that need more than 1/(k+1) of a machine fit on it, for k below this."""


def most_placed(problem: PackingProblem, tier: int, reached: Sequence[int], seconds: float) -> int:
    """Return a count that no placement of this tier and those before it can exceed.

    Args:
        problem: The whole.
        tier: Which pods count.
        reached: Pods of the tiers before it that are placed in any case, cumulated.
        seconds: Wall time; on running out the bound is only weaker.
    """
    pods = [pod for members in problem.members[: tier + 1] for pod in members]
    groups = _groups(problem, pods)
    model = cp_model.CpModel()
    in_group: list[dict[int, cp_model.IntVar]] = []
    for pod in pods:
        fitting = [g for g, nodes in enumerate(groups) if nodes[0] in problem.allowed[pod]]
        choices = {g: model.new_bool_var("") for g in fitting}
        model.add_at_most_one(choices.values())
        in_group.append(choices)
    for g, nodes in enumerate(groups):
        here = [(pod, on[g]) for pod, on in zip(pods, in_group, strict=True) if g in on]
        _fill(model, problem, nodes, here)
    for earlier, count in enumerate(reached):
        model.add(
            sum(x for pod, on in zip(pods, in_group, strict=True)
                if problem.tiers[pod] <= earlier for x in on.values()) >= count
        )  # fmt: skip
    model.maximize(sum(x for on in in_group for x in on.values()))
    solver = cp_model.CpSolver()
    # Its own handler would replace ours for good, and Ctrl-C would kill the process.
    solver.parameters.catch_sigint_signal = False
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = 1
    # Presolve of these knapsacks does not look at the clock: seconds for a limit of 0.05 s.
    solver.parameters.cp_model_presolve = False
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return len(pods)
    return min(len(pods), int(solver.best_objective_bound + 1e-6))


def _groups(problem: PackingProblem, pods: Sequence[int]) -> list[list[int]]:
    """Machines of equal capacity that the same pods may use."""
    welcome: dict[int, list[int]] = defaultdict(list)
    for pod in pods:
        for node in problem.allowed[pod]:
            welcome[node].append(pod)
    found: dict[object, list[int]] = defaultdict(list)
    for node, capacity in enumerate(problem.capacity):
        found[capacity, tuple(welcome[node])].append(node)
    return list(found.values())


def _fill(
    model: cp_model.CpModel,
    problem: PackingProblem,
    nodes: Sequence[int],
    here: Sequence[tuple[int, cp_model.IntVar]],
) -> None:
    for r in range(3):
        each = problem.capacity[nodes[0]][r]
        if not any(problem.demands[pod][r] for pod, _ in here):
            continue
        model.add(sum(problem.demands[pod][r] * x for pod, x in here) <= each * len(nodes))
        for k in range(1, SLICES):
            large = [x for pod, x in here if problem.demands[pod][r] * (k + 1) > each]
            if len(large) > k * len(nodes):
                model.add(sum(large) <= k * len(nodes))
