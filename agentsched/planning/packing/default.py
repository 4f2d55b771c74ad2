"""The default scheduler: each waiting pod on the machine that is least allocated, or nowhere."""

from __future__ import annotations

from agentsched.planning.packing.problem import NOWHERE, PackingProblem, Places


def place_by_default(problem: PackingProblem) -> Places:
    """Return where pods are when the usual scheduler has had its turn; deterministic.

    Running pods stay. Pending ones are taken by tier, then in their order, as Kubernetes' queue
    does; each goes to the machine with the greatest free share of CPUs and memory on average
    (``LeastAllocated``), ties to the first. It never moves and never evicts. Where running pods
    hold more than a machine has, the last of the least important ones count as not placed.
    """
    places = list(problem.home)
    left = problem.room(problem.home)
    _trim(problem, places, left)
    waiting = [pod for pod, home in enumerate(problem.home) if home == NOWHERE]
    for pod in sorted(waiting, key=lambda pod: problem.tiers[pod]):
        node = _least_allocated(problem, pod, left)
        if node != NOWHERE:
            places[pod] = node
            take(problem, pod, left[node])
    return tuple(places)


def take(problem: PackingProblem, pod: int, left: list[int], sign: int = -1) -> None:
    """Take a pod's demand from what is left on a machine; ``sign`` 1 gives it back."""
    for r, amount in enumerate(problem.demands[pod]):
        left[r] += sign * amount


def has_room(problem: PackingProblem, pod: int, left: list[int]) -> bool:
    """Return whether a pod fits into what is left."""
    a, b, c = problem.demands[pod]
    return a <= left[0] and b <= left[1] and c <= left[2]


def _least_allocated(problem: PackingProblem, pod: int, left: list[list[int]]) -> int:
    fitting = [n for n in problem.allowed[pod] if has_room(problem, pod, left[n])]
    return max(
        fitting, key=lambda node: (_free_share(problem, pod, node, left), -node), default=NOWHERE
    )


def _free_share(problem: PackingProblem, pod: int, node: int, left: list[list[int]]) -> int:
    """Mean free share once the pod is there, in 1/1000 as whole numbers, like the original's."""
    total = 0
    for r in range(2):
        most = problem.capacity[node][r]
        total += (left[node][r] - problem.demands[pod][r]) * 1000 // most if most else 0
    return total // 2


def _trim(problem: PackingProblem, places: list[int], left: list[list[int]]) -> None:
    for node, room in enumerate(left):
        if min(room) >= 0:
            continue
        here = [pod for pod, at in enumerate(places) if at == node and not problem.pinned[pod]]
        for pod in sorted(here, key=lambda pod: (problem.tiers[pod], pod), reverse=True):
            if min(room) >= 0:
                break
            places[pod] = NOWHERE
            take(problem, pod, room, sign=1)
