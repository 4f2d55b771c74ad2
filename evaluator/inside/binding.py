"""The bind discipline: a task gets its node when it becomes ready, and queues there."""

from __future__ import annotations

import math
from bisect import insort

from evaluator.inside.mirror import Mirror, Node, State, Task, fits, members_on
from evaluator.inside.views import Function, Pair, number


class Binding:
    """Every task queues on a node as soon as it is ready."""

    def __init__(self, key: Function | None, score: Function, batch: str) -> None:
        self.key = key
        self.score = score
        self.batch = batch
        self.unbound: list[int] = []
        self.queues: dict[int, list[tuple[float, int]]] = {}
        self.moving: dict[int, list[tuple[int, float, int]]] = {}
        self.cost: dict[int, int] = {}

    def decide(self, state: State) -> None:
        """Hold one pass."""
        mirror = state._mirror
        now = mirror.now / 1e6
        if not self.queues:
            self.queues = {node.id: [] for node in mirror.nodes}
            self.moving = {node.id: [] for node in mirror.nodes}
        new = sorted([*self.unbound, *state.arrived])
        self.unbound = []
        for node in mirror.nodes:
            arrived = [entry for entry in self.moving[node.id] if entry[0] <= mirror.now]
            for entry in arrived:
                self.moving[node.id].remove(entry)
                insort(self.queues[node.id], entry[1:])
            if not node.up or node.id in mirror.back:
                lost = [id for _, id in self.queues[node.id]]
                lost += [id for _, _, id in self.moving[node.id]]
                self.queues[node.id], self.moving[node.id] = [], []
                new = sorted([*new, *lost])
        keys = {id: float(id) for id in new}
        if self.key is not None:
            keys = {id: number(self.key(state.ready[id], now), state.ready[id]) for id in new}
        order = sorted(new, key=lambda id: (keys[id], id))
        while order:
            if self.batch == "key":
                chosen = order[0]
                target, _ = self._best(mirror, state.ready[chosen], now)
            else:
                sign = 1 if self.batch == "min" else -1
                best: float | None = None
                for id in order:
                    found, value = self._best(mirror, state.ready[id], now)
                    if best is None or sign * value > best:
                        best, chosen, target = sign * value, id, found
            order.remove(chosen)
            self._bind(mirror, state.ready[chosen], target, keys[chosen])
        for node in mirror.nodes:
            queue = self.queues[node.id]
            while queue and fits(state.ready[queue[0][1]], node):
                state.start(state.ready[queue.pop(0)[1]], node)
        pending = [entry[0] for entries in self.moving.values() for entry in entries]
        if pending:
            mirror.wake(min(pending))

    def _could_host(self, task: Task, node: Node) -> bool:
        if members_on(task, node, node._capacity) <= 0:
            return False
        return sum(members_on(task, peer, peer._capacity) for peer in node._peers) >= task._gang

    def _share(self, task: Task, node: Node) -> int:
        return max(
            (
                -(-1000 * demand // capacity)
                for demand, capacity in zip(task._demand, node._capacity, strict=True)
                if capacity > 0
            ),
            default=0,
        )

    def _backlog(self, mirror: Mirror, node: Node) -> int:
        queued = [id for _, id in self.queues[node.id]]
        queued += [id for _, _, id in self.moving[node.id]]
        total = sum(self.cost[id] for id in queued)
        for task in mirror.state.running.values():
            if task._layout[0][0] is node:
                left = max(1, task._estimated_end - mirror.now)
                total += left * self._share(task, node) // 1000
        return total

    def _best(self, mirror: Mirror, task: Task, now: float) -> tuple[Node | None, float]:
        best, best_value = None, -math.inf
        for node in mirror.nodes:
            if not self._could_host(task, node):
                continue
            queued = len(self.queues[node.id]) + len(self.moving[node.id])
            free_at = mirror.now
            if queued or not fits(task, node):
                free_at += self._backlog(mirror, node)
            pair = Pair(mirror, task, node, free_at, queued)
            value = number(self.score(task, pair, now), task)
            if value > best_value:
                best, best_value = node, value
        return best, best_value

    def _bind(self, mirror: Mirror, task: Task, node: Node | None, key: float) -> None:
        if node is None:
            self.unbound.append(task.id)
            return
        left = mirror.span(task, mirror.rate(task, node)) + mirror.overhead(task)
        self.cost[task.id] = left * self._share(task, node) // 1000
        at = mirror.data_at(task, node) if mirror.edges else 0
        if at > mirror.now:
            self.moving[node.id].append((at, key, task.id))
        else:
            insort(self.queues[node.id], (key, task.id))
