"""The SimPy model one writes first: a process for every task, a Container for every node.

Three forms. ``textbook`` asks the Container of the only machine and lets SimPy's own queue decide:
first come, first served and nothing else. ``woken`` lets every waiting process look for a node
again whenever something has changed. ``queued`` can follow any policy: whenever a task comes or
goes, the waiting tasks are gone through in order of a key, node by node. All decide exactly as the
engine does (completions and arrivals of an instant first, then one pass), so that schedules can be
compared to the microsecond.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import simpy

from evaluator.cluster.instance import Instance

Discipline = Literal["greedy", "easy"]
Process = Generator[simpy.Event, Any, None]
LAST = 9
"""Priority of a pass: after all else of its instant."""


@dataclass
class Node:
    """A machine: its resources as Containers."""

    speed: float
    cpus: simpy.Container
    memory: simpy.Container


@dataclass
class Task:
    """A job as the model sees it."""

    row: int
    cpus: int
    memory: int
    work: int
    estimate: int
    release: int
    started: simpy.Event | None = None
    node: Node | None = None
    expected: int = 0
    """When it should have ended, by its estimate."""


def textbook(instance: Instance) -> np.ndarray:
    """Run tasks first come, first served on a single node; return their starts."""
    env = simpy.Environment()
    machine = _container(env, int(instance.cluster.capacity[0, 0]))
    begun = np.zeros(len(instance.workload), dtype=np.int64)

    def job(task: Task) -> Process:
        yield env.timeout(task.release)
        yield machine.get(task.cpus)
        begun[task.row] = env.now
        yield env.timeout(task.work)
        yield machine.put(task.cpus)

    for task in _tasks(instance):
        env.process(job(task))
    env.run()
    return begun


def queued(
    instance: Instance, key: Callable[[Task], float], discipline: Discipline = "greedy"
) -> np.ndarray:
    """Run tasks by a key, least first, on the fastest node that has room; return their starts."""
    env = simpy.Environment()
    nodes = _nodes(env, instance)
    begun = np.zeros(len(instance.workload), dtype=np.int64)
    waiting: list[Task] = []
    running: list[Task] = []
    due = [False]

    def changed() -> None:
        if not due[0]:
            due[0] = True
            _late(env, hold_pass)

    def hold_pass(_: simpy.Event) -> None:
        due[0] = False
        waiting.sort(key=lambda task: (key(task), task.row))
        reserved: Reservation | None = None
        for task in list(waiting):
            node = _best(nodes, task)
            if reserved is None:
                if node is not None:
                    begin(task, node)
                elif discipline == "easy":
                    reserved = _reserve(task, nodes[0], running)
            elif node is not None and reserved.admits(task, env.now):
                begin(task, node)

    def begin(task: Task, node: Node) -> None:
        waiting.remove(task)
        running.append(task)
        node.cpus.get(task.cpus)
        if task.memory:
            node.memory.get(task.memory)
        task.node = node
        task.expected = env.now + _span(task.estimate, node)
        task.started.succeed()

    def job(task: Task) -> Process:
        yield env.timeout(task.release)
        task.started = env.event()
        waiting.append(task)
        changed()
        yield task.started
        begun[task.row] = env.now
        node = task.node
        yield env.timeout(_span(task.work, node))
        yield node.cpus.put(task.cpus)
        if task.memory:
            yield node.memory.put(task.memory)
        running.remove(task)
        changed()

    for task in _tasks(instance):
        env.process(job(task))
    env.run()
    return begun


def woken(instance: Instance) -> np.ndarray:
    """Run tasks as they came, each on the fastest node that has room; return their starts."""
    env = simpy.Environment()
    nodes = _nodes(env, instance)
    begun = np.zeros(len(instance.workload), dtype=np.int64)
    waiting: list[Task] = []
    due = [False]

    def changed() -> None:
        if not due[0]:
            due[0] = True
            _late(env, wake)

    def wake(_: simpy.Event) -> None:
        due[0] = False
        for task in waiting:
            task.started.succeed()

    def job(task: Task) -> Process:
        yield env.timeout(task.release)
        waiting.append(task)
        changed()
        node = None
        while node is None:
            task.started = env.event()
            yield task.started
            node = _best(nodes, task)
        waiting.remove(task)
        begun[task.row] = env.now
        node.cpus.get(task.cpus)
        if task.memory:
            node.memory.get(task.memory)
        yield env.timeout(_span(task.work, node))
        yield node.cpus.put(task.cpus)
        if task.memory:
            yield node.memory.put(task.memory)
        changed()

    for task in _tasks(instance):
        env.process(job(task))
    env.run()
    return begun


@dataclass
class Reservation:
    """When the head of the queue will start on the only machine, and what it leaves free then."""

    at: int
    spare: int

    def admits(self, task: Task, now: int) -> bool:
        """Whether a task that starts now does not delay it; takes its share if it stays longer."""
        if now + task.estimate <= self.at:
            return True
        if task.cpus > self.spare:
            return False
        self.spare -= task.cpus
        return True


def _reserve(head: Task, machine: Node, running: list[Task]) -> Reservation:
    room = machine.cpus.level
    at = 0
    for task in sorted(running, key=lambda task: task.expected):
        if room >= head.cpus and task.expected > at:
            break
        room += task.cpus
        at = task.expected
    return Reservation(at, room - head.cpus)


def _best(nodes: list[Node], task: Task) -> Node | None:
    best = None
    for node in nodes:
        fits = node.cpus.level >= task.cpus and node.memory.level >= task.memory
        if fits and (best is None or node.speed > best.speed):
            best = node
    return best


def _span(work: int, node: Node) -> int:
    return max(1, int(np.ceil(work / node.speed)))


def _late(env: simpy.Environment, callback: Callable[[simpy.Event], None]) -> None:
    event = env.event()
    event._ok, event._value = True, None
    event.callbacks.append(callback)
    env.schedule(event, priority=LAST)


def _nodes(env: simpy.Environment, instance: Instance) -> list[Node]:
    cluster = instance.cluster
    return [
        Node(float(speed), _container(env, int(cpus)), _container(env, int(memory)))
        for speed, (cpus, memory, _) in zip(cluster.speed, cluster.capacity, strict=True)
    ]


def _container(env: simpy.Environment, capacity: int) -> simpy.Container:
    return simpy.Container(env, capacity=max(capacity, 1), init=capacity)


def _tasks(instance: Instance) -> list[Task]:
    work = instance.workload
    return [
        Task(row, cpus, memory, span, estimate, release)
        for row, ((cpus, memory, _), span, estimate, release) in enumerate(
            zip(
                work.demand.tolist(), work.work.tolist(), work.estimate.tolist(),
                work.release[work.job].tolist(), strict=True,
            )
        )
    ]  # fmt: skip
