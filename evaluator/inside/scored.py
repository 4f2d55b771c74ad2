"""Greedy by score: the best pair of a task and a node starts, until none fits."""

from __future__ import annotations

import math

from evaluator.inside.mirror import Mirror, Node, State, fits
from evaluator.inside.views import Function, Pair, number


class Scored:
    """Greedy by score: pairs with a new task or a node that gained room."""

    def __init__(self, score: Function) -> None:
        self.score = score

    def decide(self, state: State) -> None:
        """Hold one pass."""
        mirror = state._mirror
        arrived = set(state.arrived)
        freed = [mirror.nodes[id] for id in state.freed if mirror.nodes[id].up]
        grown = {node.id for node in freed}
        rows = {
            id: mirror.nodes if id in arrived else freed
            for id in sorted(state.ready)
            if id in arrived or freed
        }
        values: dict[tuple[int, int], float] = {}
        for id, nodes in rows.items():
            for node in nodes:
                self._ask(state, mirror, values, id, node)
        while True:
            best = None
            for (id, row), value in values.items():
                if value > -math.inf and (best is None or (value, -id, -row) > best):
                    best = (value, -id, -row)
            if best is None:
                return
            task, node = state.ready[-best[1]], mirror.nodes[-best[2]]
            if not fits(task, node):
                del values[task.id, node.id]
                continue
            state.start(task, node)
            del rows[task.id]
            values = {pair: value for pair, value in values.items() if pair[0] != task.id}
            for used, _ in task._layout:
                for id in rows:
                    if id in arrived or used.id in grown:
                        self._ask(state, mirror, values, id, used)

    def _ask(
        self,
        state: State,
        mirror: Mirror,
        values: dict[tuple[int, int], float],
        id: int,
        node: Node,
    ) -> None:
        task = state.ready[id]
        values.pop((id, node.id), None)
        if fits(task, node):
            answer = self.score(task, Pair(mirror, task, node), mirror.now / 1e6)
            values[id, node.id] = number(answer, task)
