"""What a policy in its own process knows: the cluster, the tasks it has seen, its decisions.

The parent sends what an online scheduler would learn and nothing else: tasks when they become
ready, ends when they happen, nodes that go and come. Decisions take effect here at once and are
checked again, against the truth, by the parent. Standard library only.
"""

from __future__ import annotations

import math
from array import array

START, PREEMPT, MIGRATE, WAKE = 0, 1, 2, 3
"""Kinds of decisions on the wire; WAKE carries an instant as two 31-bit halves."""

NEVER = (2**63 - 1) // 4


class Refused(Exception):
    """A decision the world would refuse."""


class Node:
    """A machine. Amounts in CPUs, GiB and devices."""

    __slots__ = (
        "_bandwidth", "_capacity", "_free", "_labels", "_place", "_speed", "busy_watts",
        "carbon", "cpus", "devices", "id", "idle_watts", "memory", "name", "price", "type", "up",
    )  # fmt: skip

    def __init__(self, id: int, row: tuple) -> None:
        (name, kind, capacity, speed, place, bandwidth, price, idle, busy, labels) = row
        self.id = id
        self.name = name
        self.type = float(kind)
        self.up = True
        self.cpus = capacity[0] / 1000.0
        self.memory = capacity[1] / 1024.0
        self.devices = capacity[2] / 1000.0
        self.price = price
        self.carbon = 0.0
        self.idle_watts = idle
        self.busy_watts = busy
        self._capacity = capacity
        self._free = list(capacity)
        self._speed = speed
        self._place = place
        self._bandwidth = bandwidth
        self._labels = labels

    @property
    def free_cpus(self) -> float:
        """CPUs free now."""
        return self._free[0] / 1000.0

    @property
    def free_memory(self) -> float:
        """GiB free now."""
        return self._free[1] / 1024.0

    @property
    def free_devices(self) -> float:
        """Devices free now."""
        return self._free[2] / 1000.0


class Task:
    """A task that was ready at least once. Times in seconds."""

    __slots__ = (
        "_attained", "_begin", "_deadline", "_demand", "_due", "_end", "_estimate",
        "_estimated_end", "_gang", "_layout", "_mirror", "_preds", "_profile", "_rate", "_rank",
        "_ready", "_release", "_requires", "_service", "_start", "_starts", "best_speed",
        "children", "cpus", "devices", "gang", "id", "job", "memory", "user", "weight",
    )  # fmt: skip

    def __init__(self, mirror: Mirror, row: tuple) -> None:
        (
            self.id, self.job, self.user, self._release, self._estimate, demand, gang, weight,
            self._due, self._deadline, self._profile, self._requires, self._rank, children,
            self._preds, self._ready,
        ) = row  # fmt: skip
        self._mirror = mirror
        self._demand = demand
        self._gang = gang
        self.cpus = demand[0] / 1000.0
        self.memory = demand[1] / 1024.0
        self.devices = demand[2] / 1000.0
        self.gang = float(gang)
        self.weight = weight
        self.children = float(children)
        self.best_speed = mirror.best_speed[self._profile]
        self._attained = 0
        self._service = 0
        self._starts = 0
        self._layout = ()
        self._begin = self._start = self._end = self._estimated_end = 0
        self._rate = 0.0

    @property
    def nodes(self) -> list[int]:
        """Ids of the nodes it runs on."""
        return [node.id for node, _ in self._layout]

    @property
    def release(self) -> float:
        """When its job became known."""
        return self._release / 1e6

    @property
    def ready(self) -> float:
        """When it last became ready."""
        return self._ready / 1e6

    @property
    def wait(self) -> float:
        """Time since it became ready."""
        return (self._mirror.now - self._ready) / 1e6

    @property
    def age(self) -> float:
        """Time since its job became known."""
        return (self._mirror.now - self._release) / 1e6

    @property
    def estimate(self) -> float:
        """Estimated work in all."""
        return self._estimate / 1e6

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
    def due(self) -> float:
        """Soft limit; inf when there is none."""
        return math.inf if self._due >= NEVER else self._due / 1e6

    @property
    def deadline(self) -> float:
        """Hard limit; inf when there is none."""
        return math.inf if self._deadline >= NEVER else self._deadline / 1e6

    @property
    def rank(self) -> float:
        """Estimated upward rank."""
        return self._rank / 1e6

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


class State:
    """What ``decide`` gets: the present, and the decisions it may take."""

    __slots__ = ("_mirror", "arrived", "finished", "freed", "nodes", "ready", "running")

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self.nodes = mirror.nodes
        self.ready: dict[int, Task] = {}
        self.running: dict[int, Task] = {}
        self.arrived: list[int] = []
        self.finished: list[int] = []
        self.freed: list[int] = []

    @property
    def now(self) -> float:
        """Seconds since the beginning."""
        return self._mirror.now / 1e6

    def fits(self, task: Task, node: Node) -> bool:
        """Whether the task (its whole gang) could start now with a member on this node."""
        return self._mirror.fits(task, node)

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

    def __init__(self, hello: tuple) -> None:
        (rules, nodes, types, tiers, throughput, restart) = hello[:6]
        self.preemptive, self.start_cost, self.restart_cost, self.edges = rules
        self.tier_bandwidth, self.tier_latency = tiers
        self.throughput = throughput
        self.restart = restart
        self.best_speed = [max(row) for row in throughput]
        self.nodes = [Node(i, row) for i, row in enumerate(nodes)]
        self.types: list[list[Node]] = [[] for _ in range(types)]
        for node in self.nodes:
            self.types[int(node.type)].append(node)
        self.now = 0
        self.tasks: dict[int, Task] = {}
        self.job_left: dict[int, int] = {}
        self.back: list[int] = []
        self.decisions = array("i")
        self.state = State(self)

    # --- frames ------------------------------------------------------------------------------

    def update(self, frame: tuple) -> None:
        """Take in what happened since the last call."""
        self.now, new, again, finished, jobs, nodes = frame
        state = self.state
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
            state.ready[id] = task
            arrived.append(id)
        for id, up, back, price, carbon in nodes:
            node = self.nodes[id]
            node.price, node.carbon = price, carbon
            if up != node.up or back:
                node.up = up
                node._free[:] = node._capacity if up else (0, 0, 0)
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
        state.freed = sorted(freed) if len(freed) > 1 else list(freed)

    def encode(self) -> bytes:
        """Return the decisions since the last call as int32 triples."""
        data = self.decisions.tobytes()
        del self.decisions[:]
        return data

    # --- the world's rules, as far as they are known -------------------------------------------

    def rate(self, task: Task, node: Node) -> float:
        """Progress per unit time."""
        return self.throughput[task._profile][int(node.type)] * node._speed

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

    def members_on(self, task: Task, node: Node, free: list[int]) -> int:
        """How many members fit on the node, given its free amounts; at most the gang."""
        if not node.up or task._requires & ~node._labels:
            return 0
        if self.throughput[task._profile][int(node.type)] == 0.0:
            return 0
        members = task._gang
        for amount, demand in zip(free, task._demand, strict=True):
            if demand > 0:
                members = min(members, amount // demand)
        return members

    def fits(self, task: Task, node: Node) -> bool:
        """Whether the gang fits now with a member on the node."""
        members = self.members_on(task, node, node._free)
        if members <= 0:
            return False
        gang = task._gang
        if members >= gang:
            return True
        members = 0
        for other in self.types[int(node.type)]:
            members += self.members_on(task, other, other._free)
            if members >= gang:
                return True
        return False

    def layout(self, task: Task, node: Node) -> list[tuple[Node, int]]:
        """Where the gang would go from a node on: that node first, then around its type."""
        peers = self.types[int(node.type)]
        first = node.id - peers[0].id
        left = task._gang
        laid = []
        for step in range(len(peers)):
            other = peers[(first + step) % len(peers)]
            members = min(left, self.members_on(task, other, other._free))
            if members > 0:
                laid.append((other, members))
                left -= members
                if left == 0:
                    break
        return laid

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
        if not self.fits(task, node):
            raise Refused(f"start: task {task.id} does not fit on node {node.id} now")
        begin = self.now
        if self.edges and task._preds:
            begin = max(begin, self.data_at(task, node))
        begin += self.overhead(task)
        laid = self.layout(task, node)
        rate = min(self.rate(task, other) for other, _ in laid)
        task._estimated_end = begin + self.span(task, rate)
        for other, members in laid:
            for r in range(3):
                other._free[r] -= members * task._demand[r]
        task._layout = tuple(laid)
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
        task._ready = self.now
        del self.state.running[task.id]
        self.state.ready[task.id] = task

    def _release(self, task: Task, freed: dict[int, None]) -> None:
        for node, members in task._layout:
            if node.up:
                for r in range(3):
                    node._free[r] += members * task._demand[r]
                freed[node.id] = None
        task._service += (self.now - task._start) * task._gang
        # a finished task remembers its first node where it kept its start
        task._start = task._layout[0][0].id
        task._layout = ()
