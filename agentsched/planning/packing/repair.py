"""A better placement by hand: pods that wait push others aside, one or two at a time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from agentsched.planning.packing.default import has_room, take
from agentsched.planning.packing.problem import NOWHERE, PackingProblem, Places

MOST_PUSHED = 2
"""Pods that make room for one."""
MOST_ON = 12
"""Pods of one machine that are thought of."""
DEPTH = 2
"""A pod that is pushed aside may itself push one aside."""


def repair(problem: PackingProblem, places: Places, steps: int) -> Places:
    """Return a placement with more pods of the early tiers; deterministic.

    Tier by tier, the largest pod first: a machine with room, else one where pods can be pushed to
    other machines, else one where pods of later tiers can be evicted (and tried again afterwards).

    Args:
        problem: The whole.
        places: A placement that fits.
        steps: Ways of making room that are looked at in all; about a million take a second.
    """
    state = _State(problem, places, steps)
    for members in problem.members:
        waiting = [pod for pod in members if state.places[pod] == NOWHERE]
        for pod in sorted(waiting, key=lambda pod: _size(problem, pod), reverse=True):
            state.settle(pod, DEPTH) or state.evict_for(pod)
    for members in problem.members:
        for pod in members:
            if state.places[pod] == NOWHERE:
                state.settle(pod, 1)
    return tuple(state.places)


def _size(problem: PackingProblem, pod: int) -> float:
    """Share of an average machine that a pod takes, of its greatest resource."""
    count = len(problem.capacity)
    totals = [sum(amounts[r] for amounts in problem.capacity) for r in range(3)]
    return max(
        (amount * count / total for amount, total in zip(problem.demands[pod], totals, strict=True)
         if total),
        default=0.0,
    )  # fmt: skip


class _State:
    """Places and room, changed together."""

    def __init__(self, problem: PackingProblem, places: Places, steps: int) -> None:
        self._problem = problem
        self._steps = steps
        self.places = list(places)
        self._left = problem.room(places)
        self._on: list[list[int]] = [[] for _ in problem.capacity]
        for pod, node in enumerate(places):
            if node != NOWHERE:
                self._on[node].append(pod)

    def settle(self, pod: int, depth: int) -> bool:
        """Place a pod, pushing others to other machines if need be; nothing changes on False."""
        fitting = self._fitting(pod)
        if fitting:
            self._put(pod, fitting[0])
            return True
        return depth > 0 and any(
            self._push(pod, node, pushed, depth) for node, pushed in self._pushes(pod, False)
        )

    def evict_for(self, pod: int) -> bool:
        """Place a pod where as few pods of later tiers as possible must go."""
        best = min(
            self._pushes(pod, True),
            key=lambda push: (
                max(-self._problem.tiers[other] for other in push[1]),
                len(push[1]),
                sum(self._problem.home[other] != NOWHERE for other in push[1]),
            ),
            default=None,
        )
        if best is None:
            return False
        node, pushed = best
        for other in pushed:
            self._take_off(other)
        self._put(pod, node)
        return True

    def _fitting(self, pod: int) -> list[int]:
        """Machines with room: its home, then the fullest first, to leave large gaps whole."""
        problem = self._problem
        nodes = [n for n in problem.allowed[pod] if has_room(problem, pod, self._left[n])]
        return sorted(nodes, key=lambda n: (n != problem.home[pod], self._left[n]))

    def _pushes(self, pod: int, evict: bool) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Yield machines with the pods whose leaving makes room, fewest first."""
        problem = self._problem
        for count in range(1, MOST_PUSHED + 1 + 2 * evict):
            for node in problem.allowed[pod]:
                others = [
                    other
                    for other in self._on[node]
                    if not problem.pinned[other]
                    and (not evict or problem.tiers[other] > problem.tiers[pod])
                ]
                lacking = [
                    need - left
                    for need, left in zip(problem.demands[pod], self._left[node], strict=True)
                ]
                for pushed in combinations(others[:MOST_ON], count):
                    self._steps -= 1
                    if self._steps < 0:
                        return
                    if self._frees(pushed, lacking):
                        yield node, pushed

    def _frees(self, pushed: tuple[int, ...], lacking: list[int]) -> bool:
        demands = self._problem.demands
        return all(
            need <= 0 or sum(demands[pod][r] for pod in pushed) >= need
            for r, need in enumerate(lacking)
        )

    def _push(self, pod: int, node: int, pushed: tuple[int, ...], depth: int) -> bool:
        before = list(self.places)
        self._steps -= len(before) // 4
        for other in pushed:
            self._take_off(other)
        self._put(pod, node)
        if all(self.settle(other, depth - len(pushed)) for other in pushed):
            return True
        self._restore(before)
        return False

    def _restore(self, places: list[int]) -> None:
        for pod, node in enumerate(self.places):
            if node != places[pod] and node != NOWHERE:
                self._take_off(pod)
        for pod, node in enumerate(places):
            if node != self.places[pod]:
                self._put(pod, node)

    def _put(self, pod: int, node: int) -> None:
        self.places[pod] = node
        self._on[node].append(pod)
        take(self._problem, pod, self._left[node])

    def _take_off(self, pod: int) -> None:
        node = self.places[pod]
        self.places[pod] = NOWHERE
        self._on[node].remove(pod)
        take(self._problem, pod, self._left[node], sign=1)
