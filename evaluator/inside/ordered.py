"""Greedy by key, strict, EASY and conservative backfilling: one queue in order of key."""

from __future__ import annotations

import math
from bisect import insort

from evaluator.inside.mirror import NEVER, Layout, Mirror, Node, State, Task, fits
from evaluator.inside.room import Room, estimated_end
from evaluator.inside.views import Function, Pair, number


def fitting(mirror: Mirror, task: Task) -> list[Node]:
    """Nodes on which the task fits now, by row."""
    return [node for node in mirror.nodes if fits(task, node)]


def favourite(mirror: Mirror, task: Task, nodes: list[Node], prefer: Function | None) -> Node:
    """The preferred node; ties go to the lower row."""
    best, best_value = nodes[0], -math.inf
    for node in nodes:
        if prefer is None:
            value = mirror.rate(task, node)
        else:
            value = number(prefer(task, Pair(mirror, task, node)), task)
        if value > best_value:
            best, best_value = node, value
    return best


class Ordered:
    """Greedy by key, strict, EASY and conservative: one queue in order of key."""

    def __init__(
        self, key: Function, prefer: Function | None, discipline: str, dynamic: bool
    ) -> None:
        self.key = key
        self.prefer = prefer
        self.discipline = discipline
        self.dynamic = dynamic
        self.queue: list[tuple[float, int]] = []

    def decide(self, state: State) -> None:
        """Hold one pass."""
        mirror = state._mirror
        now = mirror.now / 1e6
        for id in state.arrived:
            task = state.ready[id]
            value = 0.0 if self.dynamic else number(self.key(task, now), task)
            insort(self.queue, (value, id))
        if self.dynamic:
            self.queue = sorted(
                (number(self.key(state.ready[id], now), state.ready[id]), id)
                for _, id in self.queue
            )
        if self.discipline == "conservative":
            self._conservative(state, mirror)
            return
        at = 0
        while at < len(self.queue):
            task = state.ready[self.queue[at][1]]
            nodes = fitting(mirror, task)
            if nodes:
                del self.queue[at]
                state.start(task, favourite(mirror, task, nodes, self.prefer))
            elif self.discipline == "strict":
                return
            elif self.discipline == "easy":
                self._backfill(state, mirror)
                return
            else:
                at += 1

    def _ends(self, mirror: Mirror) -> list[tuple[int, int]]:
        running = mirror.state.running
        return sorted(
            (max(mirror.now + 1, task._estimated_end), id) for id, task in running.items()
        )

    def _backfill(self, state: State, mirror: Mirror) -> None:
        head = state.ready[self.queue[0][1]]
        shadow = NEVER
        room = Room(mirror)
        ends = self._ends(mirror)
        at = 0
        while at < len(ends):
            instant = ends[at][0]
            while at < len(ends) and ends[at][0] == instant:
                room.add(state.running[ends[at][1]]._layout, state.running[ends[at][1]], 1)
                at += 1
            nodes = [node for node in mirror.nodes if room.fits(head, node)]
            if nodes:
                shadow = instant
                node = favourite(mirror, head, nodes, self.prefer)
                room.add(room.layout(head, node), head, -1)
                break
        at = 1
        while at < len(self.queue):
            task = state.ready[self.queue[at][1]]
            nodes = []
            for node in fitting(mirror, task):
                laid = mirror.layout(task, node)
                if room.leaves(laid, task) or estimated_end(mirror, task, node, laid) <= shadow:
                    nodes.append(node)
            if not nodes:
                at += 1
                continue
            node = favourite(mirror, task, nodes, self.prefer)
            del self.queue[at]
            state.start(task, node)
            if task._estimated_end > shadow:
                room.add(task._layout, task, -1)

    def _conservative(self, state: State, mirror: Mirror) -> None:
        times = [mirror.now]
        rooms = [Room(mirror)]
        for instant, id in self._ends(mirror):
            if instant > times[-1]:
                times.append(instant)
                rooms.append(rooms[-1].copy())
            rooms[-1].add(state.running[id]._layout, state.running[id], 1)
        at = 0
        while at < len(self.queue):
            task = state.ready[self.queue[at][1]]
            for begin in range(len(times)):
                stays = {
                    node: stay
                    for node in mirror.nodes
                    if rooms[begin].fits(task, node)
                    and (stay := self._stays(mirror, task, node, times, rooms, begin))
                }
                if not stays:
                    continue
                node = favourite(mirror, task, list(stays), self.prefer)
                span, laid = stays[node]
                self._book(task, laid, times, rooms, times[begin], times[begin] + span)
                if begin == 0:
                    del self.queue[at]
                    state.start(task, node)
                break
            if task.id in state.ready:
                at += 1

    def _stays(
        self,
        mirror: Mirror,
        task: Task,
        node: Node,
        times: list[int],
        rooms: list[Room],
        begin: int,
    ) -> tuple[int, Layout] | None:
        """The span and layout if the task fits from the node on for all of its span, else None."""
        least = rooms[begin].copy()
        until = begin + 1
        laid: Layout | None = None
        while True:
            if begin > 0:
                if not least.fits(task, node):
                    return None
                laid = least.layout(task, node)
            elif laid is None:
                laid = mirror.layout(task, node)
            elif not least.leaves(laid, task):
                return None
            span = mirror.overhead(task) + mirror.span(task, mirror.slowest(task, laid))
            if mirror.edges:
                span += max(0, mirror.data_at(task, node) - times[begin])
            if until >= len(times) or times[until] >= times[begin] + span:
                return span, laid
            least.lower_to(rooms[until])
            until += 1

    def _book(
        self, task: Task, laid: Layout, times: list[int], rooms: list[Room], begin: int, end: int
    ) -> None:
        if end not in times:
            at = next((i for i, time in enumerate(times) if time > end), len(times))
            times.insert(at, end)
            rooms.insert(at, rooms[at - 1].copy())
        for time, room in zip(times, rooms, strict=True):
            if begin <= time < end:
                room.add(laid, task, -1)
