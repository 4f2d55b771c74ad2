"""What a pure policy is shown: a node, or a node type, as one task sees it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

from evaluator.inside.mirror import Mirror, Node, Task

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
