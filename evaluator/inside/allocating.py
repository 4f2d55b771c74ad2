"""Preemptive scheduling: all active tasks compete for node types at every pass."""

from __future__ import annotations

import math

from evaluator.inside.mirror import Mirror, State, Task, fits
from evaluator.inside.views import Function, Kind, number


class Allocating:
    """Preemptive: all active tasks compete for node types at every pass."""

    def __init__(
        self, key: Function | None, prefer: Function | None, score: Function | None
    ) -> None:
        self.key = key
        self.prefer = prefer
        self.score = score

    def decide(self, state: State) -> None:
        """Hold one pass."""
        mirror = state._mirror
        now = mirror.now / 1e6
        kinds = [Kind(mirror, k, nodes) for k, nodes in enumerate(mirror.types)]
        active = [mirror.tasks[id] for id in sorted([*state.ready, *state.running])]
        pairs: list[tuple[float, int, float, int]] = []
        for task in active:
            first = 0.0
            if self.score is None and self.key is not None:
                first = number(self.key(task, now), task)
            for kind in kinds:
                if not self._possible(mirror, task, kind.index):
                    continue
                seen = kind.seen_by(task)
                if self.score is not None:
                    value = number(self.score(task, seen, now), task)
                    if value > -math.inf:
                        pairs.append((-value, task.id, 0.0, kind.index))
                else:
                    value = number(self.prefer(task, seen), task) if self.prefer else seen.speed
                    pairs.append((first, task.id, -value, kind.index))
        pairs.sort()
        room = [list(kind.total) for kind in kinds]
        chosen: dict[int, int] = {}
        for _, id, _, index in pairs:
            task = mirror.tasks[id]
            need = [task._gang * demand for demand in task._demand]
            if id in chosen or any(n > r for n, r in zip(need, room[index], strict=True)):
                continue
            chosen[id] = index
            for r in range(3):
                room[index][r] -= need[r]
        for task in active:
            if task._layout and chosen.get(task.id) != task._layout[0][0]._kind:
                state.preempt(task)
        for id, index in chosen.items():
            if id in state.ready:
                task = mirror.tasks[id]
                node = next((n for n in mirror.types[index] if fits(task, n)), None)
                if node is not None:
                    state.start(task, node)

    def _possible(self, mirror: Mirror, task: Task, index: int) -> bool:
        """Whether the empty, whole cluster could run the task on the type."""
        if task._speeds[index] == 0.0:
            return False
        members = 0
        for node in mirror.types[index]:
            if task._requires & node._lacks:
                continue
            fit = task._gang
            for capacity, demand in zip(node._capacity, task._demand, strict=True):
                if demand > 0:
                    fit = min(fit, capacity // demand)
            members += fit
        return members >= task._gang
