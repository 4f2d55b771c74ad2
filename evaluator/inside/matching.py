"""The disciplines in plain Python, over a mirror: what the compiled core does, said twice.

``decider(functions, hello)`` turns the entry points of a pure policy into ``decide(state)``.
Written for clarity, by the rules of docs/policy-api.md, and independent of the core: a differential
test compares them. Standard library only.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from evaluator.inside.mirror import (
    NEVER,
    Hello,
    Layout,
    Mirror,
    Node,
    Refused,
    State,
    Task,
    fits,
    members_on,
)

Function: TypeAlias = Callable[..., float]
"""An entry point of a policy."""


class Pair:
    """A node as one task sees it."""

    __slots__ = ("_free_at", "_mirror", "_node", "_queued", "_task")

    def __init__(
        self, mirror: Mirror, task: Task, node: Node, free_at: int = 0, queued: int = 0
    ) -> None:
        self._mirror = mirror
        self._task = task
        self._node = node
        self._free_at = free_at
        self._queued = queued

    here = 0.0

    def __getattr__(self, name: str) -> float:
        value: float = getattr(self._node, name)
        return value

    @property
    def speed(self) -> float:
        """Rate of the task here."""
        return self._mirror.rate(self._task, self._node)

    @property
    def duration(self) -> float:
        """Estimated seconds here."""
        return self._mirror.duration(self._task, self._node)

    @property
    def data_wait(self) -> float:
        """Seconds until the input is here."""
        mirror = self._mirror
        return max(0, mirror.data_at(self._task, self._node) - mirror.now) / 1e6

    @property
    def free_at(self) -> float:
        """When the backlog is worked off."""
        return self._free_at / 1e6

    @property
    def queued(self) -> float:
        """Tasks in the node's queue."""
        return float(self._queued)


class Kind:
    """A node type as one task sees it, in a preemptive pass."""

    __slots__ = (
        "_mirror", "_task", "busy_watts", "carbon", "cpus", "devices", "here", "idle_watts",
        "index", "memory", "nodes_speed", "price", "total", "type",
    )  # fmt: skip

    def __init__(self, mirror: Mirror, kind: int, nodes: list[Node]) -> None:
        self._mirror = mirror
        self._task: Task
        self.index = kind
        self.type = float(kind)
        self.here = 0.0
        self.total = [0, 0, 0]
        self.nodes_speed = self.price = self.idle_watts = self.busy_watts = self.carbon = 0.0
        ups = 0
        for node in nodes:
            if node.up:
                for r in range(3):
                    self.total[r] += node._capacity[r]
                self.nodes_speed += node._speed
                self.price += node.price
                self.idle_watts += node.idle_watts
                self.busy_watts += node.busy_watts
                self.carbon += node.carbon
                ups += 1
        self.nodes_speed /= max(1, ups)
        self.carbon /= max(1, ups)
        self.cpus = self.total[0] / 1000.0
        self.memory = self.total[1] / 1024.0
        self.devices = self.total[2] / 1000.0

    @property
    def free_cpus(self) -> float:
        """CPUs, as if nothing ran."""
        return self.cpus

    @property
    def free_memory(self) -> float:
        """GiB, as if nothing ran."""
        return self.memory

    @property
    def free_devices(self) -> float:
        """Devices, as if nothing ran."""
        return self.devices

    data_wait = 0.0
    queued = 0.0

    @property
    def free_at(self) -> float:
        """Now."""
        return self._mirror.now / 1e6

    @property
    def speed(self) -> float:
        """Rate of the task on this type."""
        return self._task._speeds[self.index] * self.nodes_speed

    @property
    def duration(self) -> float:
        """Estimated seconds on this type."""
        rate = self.speed
        if rate == 0.0:
            return math.inf
        overhead = 0 if self.here else self._mirror.overhead(self._task)
        return (self._mirror.span(self._task, rate) + overhead) / 1e6

    def seen_by(self, task: Task) -> Kind:
        """Turn to a task."""
        self._task = task
        layout = task._layout
        self.here = 1.0 if layout and layout[0][0]._kind == self.index else 0.0
        return self


def number(value: float, task: Task) -> float:
    """Check an answer."""
    if value != value:
        raise ValueError(f"the policy answered NaN for task {task.id}")
    return value


def decider(functions: Mapping[str, Any], hello: Hello) -> Callable[[State], None]:
    """Return ``decide(state)`` for the entry points of a pure policy.

    ``hello[6]`` is (discipline, batch, dynamic key, preemptive scenario, types a task's shape may
    use come with the mirror).
    """
    discipline, batch, dynamic = hello[6]
    key, prefer, score = (functions.get(name) for name in ("key", "prefer", "score"))
    if hello[0][0]:
        return Allocating(key, prefer, score).decide
    if discipline == "bind":
        return Binding(key, functions["score"], batch).decide
    if score is not None:
        return Scored(score).decide
    return Ordered(functions["key"], prefer, discipline, dynamic).decide


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


def estimated_end(mirror: Mirror, task: Task, node: Node, laid: Layout) -> int:
    """When the task would end if it started now, by estimates."""
    begin = mirror.now
    if mirror.edges and task._preds:
        begin = max(begin, mirror.data_at(task, node))
    return begin + mirror.overhead(task) + mirror.span(task, mirror.slowest(task, laid))


class Room:
    """Free amounts of every node at some other instant."""

    def __init__(self, mirror: Mirror, free: list[list[int]] | None = None) -> None:
        self.mirror = mirror
        self.free = free or [list(node._free()) for node in mirror.nodes]

    def copy(self) -> Room:
        """Return an independent copy."""
        return Room(self.mirror, [list(row) for row in self.free])

    def add(self, laid: Layout, task: Task, sign: int) -> None:
        """Give back (+1) or take (-1) what a layout holds."""
        for node, members in laid:
            if node.up:
                for r in range(3):
                    self.free[node.id][r] += sign * members * task._demand[r]

    def lower_to(self, other: Room) -> None:
        """Keep the lesser of both, everywhere."""
        for mine, theirs in zip(self.free, other.free, strict=True):
            mine[:] = map(min, mine, theirs)

    def leaves(self, laid: Layout, task: Task) -> bool:
        """Whether the layout fits."""
        return all(
            self.free[node.id][r] >= members * task._demand[r]
            for node, members in laid
            for r in range(3)
        )

    def fits(self, task: Task, node: Node) -> bool:
        """Whether the gang fits with a member on the node."""
        if members_on(task, node, self.free[node.id]) <= 0:
            return False
        return sum(members_on(task, peer, self.free[peer.id]) for peer in node._peers) >= task._gang

    def layout(self, task: Task, node: Node) -> Layout:
        """Where the gang would go."""
        peers = node._peers
        first = node.id - peers[0].id
        left = task._gang
        laid: list[tuple[Node, int]] = []
        for step in range(len(peers)):
            other = peers[(first + step) % len(peers)]
            members = min(left, members_on(task, other, self.free[other.id]))
            if members > 0:
                laid.append((other, members))
                left -= members
        return tuple(laid)


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


__all__ = ["Refused", "decider"]
