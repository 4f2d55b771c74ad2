"""What a policy in its own process knows: the cluster, the tasks it has seen, its decisions.

The parent sends what an online scheduler would learn and nothing else: tasks when they become
ready, ends when they happen, nodes that go and come. Decisions take effect here at once and are
checked again, against the truth, by the parent. Standard library only.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from typing import Any, TypeAlias

START, PREEMPT, MIGRATE, WAKE = 0, 1, 2, 3
"""Kinds of decisions on the wire; WAKE carries an instant as two 31-bit halves."""

NEVER = (2**63 - 1) // 4


Amounts: TypeAlias = tuple[int, int, int]
"""Thousandths of CPUs, MiB, thousandths of devices."""

Rules: TypeAlias = tuple[bool, int, int, bool]
"""Preemptive; costs of a first start and of a restart, microseconds; whether tasks have inputs."""

NodeRow: TypeAlias = tuple[
    str, int, Amounts, float, tuple[int, int, int], float, float, float, float, int
]
"""Name, type, capacity, speed, place (rack, zone, region), bandwidth, price, idle and busy watts,
labels."""

Tiers: TypeAlias = tuple[tuple[float, ...], tuple[int, ...]]
"""Bandwidth (bytes a second) and latency (microseconds) of links, by distance."""

Hello: TypeAlias = tuple[
    Rules, tuple[NodeRow, ...], int, Tiers, tuple[tuple[float, ...], ...], tuple[int, ...],
    tuple[Any, ...],
]  # fmt: skip
"""Rules, nodes, number of types, tiers, throughput by profile and type, restart cost by profile,
and how a pure policy is to be asked (see ``matching.decider``)."""

Input: TypeAlias = tuple[int, int]
"""A predecessor and the bytes it hands on."""

TaskRow: TypeAlias = tuple[
    int, int, int, int, int, Amounts, int, float, int, int, int, int, int, int,
    tuple[Input, ...], int,
]  # fmt: skip
"""Id, job, user, release, estimate, demand, gang, weight, due, deadline, profile, labels it
requires, rank, children, inputs, ready; times in microseconds."""

Frame: TypeAlias = tuple[
    int, list[TaskRow], list[tuple[int, int, int, int]], list[tuple[int, int]],
    list[tuple[int, int]], list[tuple[int, bool, bool, float, float]],
]  # fmt: skip
"""Now; new tasks; tasks ready again (id, ready, attained, service); ended ones (id, end); new jobs
(id, estimated work); nodes (id, up, back anew, price, carbon)."""


class Refused(Exception):
    """A decision the world would refuse."""


class Node:
    """A machine. Amounts in CPUs, GiB and devices."""

    __slots__ = (
        "_bandwidth", "_capacity", "_cpus", "_devices", "_kind", "_lacks", "_memory", "_peers",
        "_place", "_speed", "busy_watts", "carbon", "cpus", "devices", "free_cpus", "free_devices",
        "free_memory", "id", "idle_watts", "memory", "name", "price", "type", "up",
    )  # fmt: skip

    def __init__(self, id: int, row: NodeRow, peers: list[Node]) -> None:
        (
            self.name, self._kind, self._capacity, self._speed, self._place, self._bandwidth,
            self.price, self.idle_watts, self.busy_watts, labels,
        ) = row  # fmt: skip
        self.id = id
        self.type = float(self._kind)
        self.up = True
        self.carbon = 0.0
        self._lacks = ~labels
        self._peers = peers
        self._set_free(self._capacity)
        self.cpus, self.memory, self.devices = self.free_cpus, self.free_memory, self.free_devices

    # Sets of nodes and of tasks iterate alike in every process.

    def __hash__(self) -> int:
        return self.id

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Node) and self.id == other.id)

    def _free(self) -> Amounts:
        """Amounts free now."""
        return self._cpus, self._memory, self._devices

    def _set_free(self, amounts: Amounts) -> None:
        self._cpus, self._memory, self._devices = amounts
        self.free_cpus = self._cpus / 1000.0
        self.free_memory = self._memory / 1024.0
        self.free_devices = self._devices / 1000.0

    def _take(self, task: Task, members: int) -> None:
        """Let members of a task in; a negative number gives back."""
        self._cpus -= members * task._cpus
        self._memory -= members * task._memory
        self._devices -= members * task._devices
        self.free_cpus = self._cpus / 1000.0
        self.free_memory = self._memory / 1024.0
        self.free_devices = self._devices / 1000.0


Layout: TypeAlias = tuple[tuple[Node, int], ...]
"""Nodes and the members of a gang on each."""


class Task:
    """A task that was ready at least once. Times in seconds."""

    __slots__ = (
        "_attained", "_begin", "_cpus", "_demand", "_devices", "_end", "_estimate",
        "_estimated_end", "_gang", "_layout", "_memory", "_mirror", "_preds", "_profile", "_rate",
        "_ready", "_release", "_requires", "_service", "_speeds", "_start", "_starts",
        "best_speed", "children", "cpus", "deadline", "devices", "due", "estimate", "gang", "id",
        "job", "memory", "rank", "ready", "release", "user", "weight",
    )  # fmt: skip

    def __init__(self, mirror: Mirror, row: TaskRow) -> None:
        (
            self.id, self.job, self.user, self._release, self._estimate, self._demand, self._gang,
            self.weight, due, deadline, self._profile, self._requires, rank, children,
            self._preds, self._ready,
        ) = row  # fmt: skip
        self._mirror = mirror
        self._cpus, self._memory, self._devices = self._demand
        self._speeds = mirror.throughput[self._profile]
        self.cpus = self._cpus / 1000.0
        self.memory = self._memory / 1024.0
        self.devices = self._devices / 1000.0
        self.gang = float(self._gang)
        self.children = float(children)
        self.best_speed = mirror.best_speed[self._profile]
        self.release = self._release / 1e6
        self.ready = self._ready / 1e6
        self.estimate = self._estimate / 1e6
        self.rank = rank / 1e6
        self.due = math.inf if due >= NEVER else due / 1e6
        self.deadline = math.inf if deadline >= NEVER else deadline / 1e6
        self._attained = 0
        self._service = 0
        self._starts = 0
        self._layout: Layout = ()
        self._begin = self._start = self._end = self._estimated_end = 0
        self._rate = 0.0

    def __hash__(self) -> int:
        return self.id

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Task) and self.id == other.id)

    @property
    def nodes(self) -> list[int]:
        """Ids of the nodes it runs on."""
        return [node.id for node, _ in self._layout]

    @property
    def wait(self) -> float:
        """Time since it became ready."""
        return (self._mirror.now - self._ready) / 1e6

    @property
    def age(self) -> float:
        """Time since its job became known."""
        return (self._mirror.now - self._release) / 1e6

    @property
    def attained(self) -> float:
        """Work done so far."""
        return self.attained_now() / 1e6

    @property
    def remaining(self) -> float:
        """Estimated work left."""
        return max(1, self._estimate - self.attained_now()) / 1e6

    @property
    def service(self) -> float:
        """Time on nodes so far, times gang."""
        used = self._service
        if self._layout:
            used += (self._mirror.now - self._start) * self._gang
        return used / 1e6

    @property
    def starts(self) -> float:
        """Times it was started."""
        return float(self._starts)

    @property
    def job_remaining(self) -> float:
        """Estimated work of the job's unfinished tasks."""
        return self._mirror.job_left[self.job] / 1e6

    def attained_now(self) -> int:
        """Work done so far, microseconds."""
        if self._layout and self._mirror.now > self._begin:
            return self._attained + math.floor((self._mirror.now - self._begin) * self._rate)
        return self._attained


def members_on(task: Task, node: Node, free: Sequence[int]) -> int:
    """How many members fit on the node, given its free amounts; at most the gang."""
    if not node.up or task._requires & node._lacks or task._speeds[node._kind] == 0.0:
        return 0
    members = task._gang
    cpus, memory, devices = free
    if task._cpus > 0:
        members = min(members, cpus // task._cpus)
    if task._memory > 0:
        members = min(members, memory // task._memory)
    if task._devices > 0:
        members = min(members, devices // task._devices)
    return members


def fits(task: Task, node: Node) -> bool:
    """Whether the task (its whole gang) could start now with a member on this node."""
    # Policies ask this more often than all else: amounts first, they decide most often.
    if task._cpus > node._cpus or task._memory > node._memory or task._devices > node._devices:
        return False
    if not node.up or task._requires & node._lacks or task._speeds[node._kind] == 0.0:
        return False
    if task._gang == 1:
        return True
    members = 0
    for other in node._peers:
        members += members_on(task, other, other._free())
        if members >= task._gang:
            return True
    return False


class State:
    """What ``decide`` gets: the present, and the decisions it may take."""

    __slots__ = ("_mirror", "arrived", "finished", "freed", "nodes", "now", "ready", "running")

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self.now = 0.0
        """Seconds since the beginning."""
        self.nodes = mirror.nodes
        self.ready: dict[int, Task] = {}
        self.running: dict[int, Task] = {}
        self.arrived: list[int] = []
        self.finished: list[int] = []
        self.freed: list[int] = []

    fits = staticmethod(fits)

    def speed(self, task: Task, node: Node) -> float:
        """Rate of the task on the node; 0 where it cannot run."""
        return self._mirror.rate(task, node)

    def duration(self, task: Task, node: Node) -> float:
        """Estimated seconds the task would take on the node, overhead included."""
        return self._mirror.duration(task, node)

    def data_wait(self, task: Task, node: Node) -> float:
        """Seconds until the task's input would be on the node."""
        return max(0, self._mirror.data_at(task, node) - self._mirror.now) / 1e6

    def start(self, task: Task, node: Node) -> None:
        """Start a ready task on a node (a gang from that node on)."""
        self._mirror.start(task, node)

    def preempt(self, task: Task) -> None:
        """Stop a running task; it is ready again and keeps its progress."""
        self._mirror.preempt(task)

    def migrate(self, task: Task, node: Node) -> None:
        """Stop a running task and start it on another node."""
        self._mirror.migrate(task, node)

    def wake(self, at: float) -> None:
        """Ask to be called at an instant (seconds) even if nothing happens then."""
        self._mirror.wake(math.ceil(at * 1e6))


class Mirror:
    """The state behind ``State``, kept in step with the parent by frames."""

    def __init__(self, hello: Hello) -> None:
        (rules, nodes, types, tiers, throughput, restart) = hello[:6]
        self.preemptive, self.start_cost, self.restart_cost, self.edges = rules
        self.tier_bandwidth, self.tier_latency = tiers
        self.throughput = throughput
        self.restart = restart
        self.best_speed = [max(row) for row in throughput]
        self.types: list[list[Node]] = [[] for _ in range(types)]
        self.nodes = [Node(i, row, self.types[row[1]]) for i, row in enumerate(nodes)]
        for node in self.nodes:
            node._peers.append(node)
        self.now = 0
        self.tasks: dict[int, Task] = {}
        self.job_left: dict[int, int] = {}
        self.back: list[int] = []
        self.decisions = array("i")
        self.state = State(self)

    # --- frames ------------------------------------------------------------------------------

    def update(self, frame: Frame) -> None:
        """Take in what happened since the last call."""
        self.now, new, again, finished, jobs, nodes = frame
        state = self.state
        state.now = self.now / 1e6
        state.arrived = arrived = []
        state.finished = done = []
        freed: dict[int, None] = {}
        for job, left in jobs:
            self.job_left[job] = left
        for id, end in finished:
            task = self.tasks[id]
            self._release(task, freed)
            task._end = end
            del state.running[id]
            self.job_left[task.job] -= task._estimate
            done.append(id)
        for id, ready, attained, service in again:
            task = self.tasks[id]
            if task._layout:
                self._release(task, freed)
                del state.running[id]
            task._ready, task._attained, task._service = ready, attained, service
            task.ready = ready / 1e6
            state.ready[id] = task
            arrived.append(id)
        for id, up, back, price, carbon in nodes:
            node = self.nodes[id]
            node.price, node.carbon = price, carbon
            if up != node.up or back:
                node.up = up
                node._set_free(node._capacity if up else (0, 0, 0))
                if up:
                    freed[id] = None
        for row in new:
            task = Task(self, row)
            self.tasks[task.id] = task
            state.ready[task.id] = task
            arrived.append(task.id)
        if again:
            arrived.sort()
        self.back = [id for id, _, back, _, _ in nodes if back]
        state.freed = sorted(freed)

    def encode(self) -> bytes:
        """Return the decisions since the last call as int32 triples."""
        data = self.decisions.tobytes()
        del self.decisions[:]
        return data

    # --- the world's rules, as far as they are known -------------------------------------------

    def rate(self, task: Task, node: Node) -> float:
        """Progress per unit time."""
        return task._speeds[node._kind] * node._speed

    def overhead(self, task: Task) -> int:
        """Microseconds a start costs before progress."""
        if task._starts == 0:
            return self.start_cost
        own = self.restart[task._profile]
        return self.restart_cost if own < 0 else own

    def span(self, task: Task, rate: float) -> int:
        """Estimated microseconds of progress left at a rate."""
        return max(1, math.ceil(max(1, task._estimate - task.attained_now()) / rate))

    def duration(self, task: Task, node: Node) -> float:
        """Estimated seconds on the node, overhead included; inf where it cannot run."""
        rate = self.rate(task, node)
        if rate == 0.0:
            return math.inf
        return (self.span(task, rate) + self.overhead(task)) / 1e6

    def layout(self, task: Task, node: Node) -> Layout:
        """Where a gang that fits goes from a node on: there first, then around its type."""
        left = task._gang
        if left == 1:
            return ((node, 1),)
        peers = node._peers
        first = node.id - peers[0].id
        laid = []
        for step in range(len(peers)):
            other = peers[(first + step) % len(peers)]
            members = min(left, members_on(task, other, other._free()))
            if members > 0:
                laid.append((other, members))
                left -= members
                if left == 0:
                    break
        return tuple(laid)

    def slowest(self, task: Task, laid: Layout) -> float:
        """Rate of a gang laid out: that of its slowest member."""
        if len(laid) == 1:
            return self.rate(task, laid[0][0])
        return min(self.rate(task, node) for node, _ in laid)

    def transfer(self, source: Node, target: Node, size: int) -> int:
        """Microseconds to move bytes between nodes."""
        if source is target:
            return 0
        tier = 4
        for i in range(3):
            if source._place[i] == target._place[i]:
                tier = i + 1
                break
        rate = min(self.tier_bandwidth[tier], source._bandwidth, target._bandwidth)
        return self.tier_latency[tier] + math.ceil(size / rate * 1e6)

    def data_at(self, task: Task, node: Node) -> int:
        """When the task's input is on the node, microseconds; 0 without predecessors."""
        latest = 0
        for id, size in task._preds:
            source = self.tasks[id]
            at = source._end + self.transfer(self.nodes[source._start], node, size)
            latest = max(latest, at)
        return latest

    # --- decisions -----------------------------------------------------------------------------

    def start(self, task: Task, node: Node) -> None:
        """Start a task; checked, applied, written down."""
        self._start(task, node)
        self.decisions.extend((START, task.id, node.id))

    def preempt(self, task: Task) -> None:
        """Preempt a task; checked, applied, written down."""
        self._preempt(task)
        self.decisions.extend((PREEMPT, task.id, -1))

    def migrate(self, task: Task, node: Node) -> None:
        """Preempt, then start elsewhere."""
        self._preempt(task)
        self._start(task, node)
        self.decisions.extend((MIGRATE, task.id, node.id))

    def wake(self, at: int) -> None:
        """Ask for a call at an instant, microseconds."""
        if at > self.now:
            self.decisions.extend((WAKE, at >> 31, at & 0x7FFFFFFF))

    def _start(self, task: Task, node: Node) -> None:
        if task.id not in self.state.ready:
            raise Refused(f"start: task {task.id} is not ready")
        if not fits(task, node):
            raise Refused(f"start: task {task.id} does not fit on node {node.id} now")
        begin = self.now
        if self.edges and task._preds:
            begin = max(begin, self.data_at(task, node))
        begin += self.overhead(task)
        laid = self.layout(task, node)
        rate = self.slowest(task, laid)
        task._estimated_end = begin + self.span(task, rate)
        for other, members in laid:
            other._take(task, members)
        task._layout = laid
        task._rate = rate
        task._start, task._begin = self.now, begin
        task._starts += 1
        del self.state.ready[task.id]
        self.state.running[task.id] = task

    def _preempt(self, task: Task) -> None:
        if not self.preemptive:
            raise Refused("preempt: this scenario does not preempt")
        if task.id not in self.state.running:
            raise Refused(f"preempt: task {task.id} does not run")
        attained = task.attained_now()
        self._release(task, {})
        task._attained = attained
        task._ready, task.ready = self.now, self.now / 1e6
        del self.state.running[task.id]
        self.state.ready[task.id] = task

    def _release(self, task: Task, freed: dict[int, None]) -> None:
        for node, members in task._layout:
            if node.up:
                node._take(task, -members)
                freed[node.id] = None
        task._service += (self.now - task._start) * task._gang
        # a finished task remembers its first node where it kept its start
        task._start = task._layout[0][0].id
        task._layout = ()
