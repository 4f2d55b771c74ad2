"""Demands against machines: what fits, for how long, how often, and in whole numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

from agentsched.planning.graph import Demand, Task
from agentsched.planning.inventory import Machine

Kind = Literal["cpus", "memory", "devices"]
KINDS: tuple[Kind, ...] = ("cpus", "memory", "devices")
_FINEST = 1_000
"""Parts of a CPU or GiB that are told apart."""
_DUST = 1e-9


def needs_machine(task: Task) -> bool:
    """Return whether the task holds anything of a machine; a meeting does not."""
    return any(getattr(task.demand, kind) > 0 for kind in KINDS)


def capacity(machine: Machine, kind: Kind) -> float:
    """Return how much the machine has; infinite where it is not limited."""
    if kind == "memory" and machine.memory == 0:
        return math.inf
    return float(getattr(machine, kind))


def lacks(demand: Demand, machine: Machine) -> tuple[Kind, ...]:
    """Return of what the machine has too little for one member."""
    return tuple(k for k in KINDS if getattr(demand, k) > capacity(machine, k) + _DUST)


def room(demand: Demand, machine: Machine) -> int:
    """Return how many members fit at once when nothing else runs there."""
    counts = [
        math.floor(capacity(machine, kind) / needed + _DUST)
        for kind in KINDS
        if (needed := float(getattr(demand, kind))) > 0 and capacity(machine, kind) < math.inf
    ]
    return min(counts, default=10_000)


def seconds_on(task: Task, machine: Machine) -> int:
    """Return whole seconds the task takes there, rounded up.

    Raises:
        ValueError: Its duration is unknown.
    """
    if task.duration is None:
        raise ValueError(f"task {task.id!r}: the duration is unknown")
    return max(1, math.ceil(task.duration / machine.speed - _DUST))


def fineness(values: Iterable[float]) -> int:
    """Return by what to multiply amounts of one kind so that they are whole, at most a thousand."""
    known = [value for value in values if value < math.inf]
    for scale in (1, 2, 4, 10, 100):
        if all(abs(value * scale - round(value * scale)) < _DUST for value in known):
            return scale
    return _FINEST
