"""The packing problem in whole numbers, its placements and their order of merit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from agentsched.errors import UserError
from agentsched.planning.inventory import Inventory, Machine
from agentsched.planning.packing.pods import Pod, check_pods, may_host

NOWHERE = -1

Places = tuple[int, ...]
"""Machine of each pod by its number, ``NOWHERE`` for none."""
Amounts = tuple[int, int, int]
"""Milli-CPUs, MiB, devices."""


@dataclass(frozen=True)
class PackingProblem:
    """Pods and machines by number; tiers are 0, 1, … without gaps, 0 first."""

    demands: tuple[Amounts, ...]
    tiers: tuple[int, ...]
    home: Places
    """Where each pod runs now."""
    pinned: tuple[bool, ...]
    """Pods that run and must stay."""
    allowed: tuple[tuple[int, ...], ...]
    """Machines that could host each pod alone; its home always, if it runs."""
    capacity: tuple[Amounts, ...]

    @cached_property
    def levels(self) -> int:
        """Number of tiers."""
        return max(self.tiers, default=-1) + 1

    @cached_property
    def members(self) -> tuple[tuple[int, ...], ...]:
        """Pods of each tier."""
        found: list[list[int]] = [[] for _ in range(self.levels)]
        for pod, tier in enumerate(self.tiers):
            found[tier].append(pod)
        return tuple(map(tuple, found))

    def room(self, places: Places) -> list[list[int]]:
        """Return what is left on each machine."""
        left = [list(amounts) for amounts in self.capacity]
        for pod, node in enumerate(places):
            if node != NOWHERE:
                for r, amount in enumerate(self.demands[pod]):
                    left[node][r] -= amount
        return left

    def fits(self, places: Places) -> bool:
        """Return whether a placement keeps capacities, allowed machines and pinned pods."""
        return (
            all(amount >= 0 for left in self.room(places) for amount in left)
            and all(node == NOWHERE or node in self.allowed[i] for i, node in enumerate(places))
            and all(places[i] == self.home[i] for i, pinned in enumerate(self.pinned) if pinned)
        )


@dataclass(frozen=True, order=True, slots=True)
class Merit:
    """How good a placement is: greater is better, tier by tier, placed before undisturbed."""

    steps: tuple[int, ...]
    """For each tier: pods placed up to it, then minus what running pods up to it suffer."""

    @property
    def placed(self) -> tuple[int, ...]:
        """Pods placed in each tier and those before it."""
        return self.steps[::2]

    @property
    def disruption(self) -> tuple[int, ...]:
        """Of each tier and those before it: 1 for a move, 2 for an eviction."""
        return tuple(-step for step in self.steps[1::2])


def merit(problem: PackingProblem, places: Places) -> Merit:
    """Return the merit of a placement."""
    steps: list[int] = []
    placed = suffered = 0
    for members in problem.members:
        placed += sum(places[pod] != NOWHERE for pod in members)
        suffered += sum(disruption(problem, pod, places[pod]) for pod in members)
        steps += [placed, -suffered]
    return Merit(tuple(steps))


def disruption(problem: PackingProblem, pod: int, node: int) -> int:
    """Return 0 where a pod waits or stays, 1 where it moves, 2 where it is evicted."""
    home = problem.home[pod]
    if home in (NOWHERE, node):
        return 0
    return 2 if node == NOWHERE else 1


def formulate_packing(pods: Sequence[Pod], inventory: Inventory) -> PackingProblem:
    """Return the problem in whole numbers; fractions of a milli-CPU or a MiB count as whole ones.

    Raises:
        UserError: The pods contradict each other or the machines, or protected ones overfill one.
    """
    check_pods(pods, inventory)
    number = {machine.name: i for i, machine in enumerate(inventory.machines)}
    ranks = {tier: rank for rank, tier in enumerate(sorted({pod.tier for pod in pods}))}
    demands = tuple((_up(pod.cpus * 1000), _up(pod.memory * 1024), pod.devices) for pod in pods)
    endless = sum(memory for _, memory, _ in demands)
    home = tuple(number[pod.node] if pod.node else NOWHERE for pod in pods)
    problem = PackingProblem(
        demands=demands,
        tiers=tuple(ranks[pod.tier] for pod in pods),
        home=home,
        pinned=tuple(pod.protected for pod in pods),
        allowed=tuple(
            tuple(
                i
                for i, machine in enumerate(inventory.machines)
                if i == home[k] or may_host(pod, machine, inventory)
            )
            for k, pod in enumerate(pods)
        ),
        capacity=tuple(_capacity(machine, endless) for machine in inventory.machines),
    )
    _check_pinned(problem, inventory)
    return problem


def _capacity(machine: Machine, endless: int) -> Amounts:
    memory = int(machine.memory * 1024 + 1e-6) if machine.memory else endless
    return (int(machine.cpus * 1000 + 1e-6), memory, machine.devices)


def _up(amount: float) -> int:
    # 0.07 * 100 is a little more than 7, and still 7.
    return math.ceil(round(amount, 6))


def _check_pinned(problem: PackingProblem, inventory: Inventory) -> None:
    only = tuple(
        node if pinned else NOWHERE
        for node, pinned in zip(problem.home, problem.pinned, strict=True)
    )
    for node, left in enumerate(problem.room(only)):
        for amount, word in zip(left, ("CPUs", "memory", "devices"), strict=True):
            if amount < 0:
                raise UserError(
                    f"machine {inventory.machines[node].name!r}: its protected pods need more "
                    f"{word} than it has; protect fewer or correct the machine"
                )
