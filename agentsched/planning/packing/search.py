"""Large neighbourhoods: a few machines are emptied and filled anew, again and again."""

from __future__ import annotations

import random
import time
from typing import Final

from agentsched.planning.packing.model import LEAST_SECONDS, Effort, PackingModel
from agentsched.planning.packing.problem import NOWHERE, PackingProblem, Places, merit

_MACHINES: Final = 4
"""Machines of the first neighbourhoods; more when nothing is found, fewer when it takes long."""
_MOST_PODS: Final = 120
_ENOUGH: Final = 40
"""Neighbourhoods in a row without a gain, after which the search gives up."""


def improve(problem: PackingProblem, places: Places, effort: Effort) -> Places:
    """Return a placement that is at least as good, tier by tier.

    Machines are drawn with the room that waits on them as weight: gaps on several machines are
    what a waiting pod needs in one place.
    """
    rng = random.Random(effort.seed)
    ends = time.monotonic() + effort.seconds
    best, best_merit = places, merit(problem, places)
    size, idle = min(_MACHINES, len(problem.capacity)), 0
    while idle < _ENOUGH and not _is_perfect(problem, best):
        left = ends - time.monotonic()
        if left < LEAST_SECONDS:
            break
        nodes = _draw(problem, best, size, rng)
        pods = _pods_of(problem, best, nodes, rng)
        model = PackingModel(problem, best, nodes, pods)
        share = Effort(min(left, max(effort.seconds / 8, 0.1)), effort.workers, effort.seed)
        solved = model.solve(model.merit(), share)
        found = merit(problem, solved.places)
        if found > best_merit:
            best, best_merit, idle = solved.places, found, 0
            continue
        idle += 1
        if not solved.proved:
            size = max(min(2, len(problem.capacity)), size - 1)
        elif idle % 4 == 0:
            size = min(size + 1, len(problem.capacity))
    return best


def _is_perfect(problem: PackingProblem, places: Places) -> bool:
    """Whether everything is placed and nothing that runs is disturbed."""
    return all(
        node != NOWHERE and problem.home[pod] in (NOWHERE, node) for pod, node in enumerate(places)
    )


def _draw(problem: PackingProblem, places: Places, size: int, rng: random.Random) -> list[int]:
    left = problem.room(places)
    weights = []
    for room, capacity in zip(left, problem.capacity, strict=True):
        shares = [have / most for have, most in zip(room, capacity, strict=True) if most]
        weights.append(0.05 + max(shares, default=0.0))
    nodes: set[int] = set()
    while len(nodes) < size:
        nodes.update(rng.choices(range(len(weights)), weights, k=size - len(nodes)))
    return sorted(nodes)


def _pods_of(
    problem: PackingProblem, places: Places, nodes: list[int], rng: random.Random
) -> list[int]:
    """Pods on the machines, with those that wait and could be there; some of them, if many."""
    inside = set(nodes)
    here = [pod for pod, node in enumerate(places) if node in inside]
    waiting = [
        pod
        for pod, node in enumerate(places)
        if node == NOWHERE and not inside.isdisjoint(problem.allowed[pod])
    ]
    few = max(_MOST_PODS - len(here), 10)
    if len(waiting) > few:
        # The most important ones, then a draw: each can be the one for which there is room.
        waiting = sorted(waiting, key=lambda pod: (problem.tiers[pod], rng.random()))[:few]
    return sorted({*here, *waiting})
