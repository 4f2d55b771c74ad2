"""What each task of a large request needs of machines and people, as columns."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from agentsched.planning.beyond.instance import Bools, hint_profiles, whole_demand
from agentsched.planning.clock import Clock
from agentsched.planning.graph import Task
from agentsched.planning.hints import (
    CeilingHint,
    Hint,
    LeastHint,
    SpreadHint,
    TogetherHint,
    WindowHint,
)
from agentsched.planning.placement import admits, place, rate
from agentsched.planning.request import PlanRequest
from agentsched.planning.spans import Spans, merged

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
FOREVER: Final = 1 << 60
_DUST: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Group:
    """Tasks that a hard hint wants in one place, or in different ones."""

    tasks: frozenset[int]
    spread: bool
    places: Ints
    """Place of each machine."""


@dataclass(frozen=True, slots=True)
class Total:
    """A hard ceiling over several tasks."""

    tasks: frozenset[int]
    limit: float
    rates: Floats
    """Amount an hour on each machine."""


class Columns:
    """The request as arrays over tasks and machines."""

    def __init__(self, request: PlanRequest, clock: Clock) -> None:
        tasks, machines = request.graph.tasks, request.inventory.machines
        self.request, self.clock = request, clock
        self.position = {task.id: i for i, task in enumerate(tasks)}
        self.demand = np.array([whole_demand(task) for task in tasks], dtype=np.int64)
        self.gang = np.array([task.gang for task in tasks], dtype=np.int64)
        self.duration = np.array([task.duration or 1 for task in tasks], dtype=np.int64)
        self.speed = np.array([machine.speed for machine in machines])
        endless = int((self.demand[:, 1] * self.gang).sum()) + 1
        self.capacity = np.array(
            [(int(m.cpus * 1000 + 1e-6), int(m.memory * 1024 + 1e-6) if m.memory else endless,
              m.devices * 1000) for m in machines], dtype=np.int64,
        )  # fmt: skip
        self.away = [merged(clock.blocks(machine.away)) for machine in machines]
        hints, self.profile = hint_profiles(request)
        self._welcome: list[Bools] = [
            np.array([all(admits(h, m, request.inventory) for h in wanted) for m in machines])
            for wanted in hints
        ]
        self._penalties: dict[tuple[int, ...], Floats] = {}
        self.soft = [hint for hint in request.graph.hints if not hint.hard]
        self.groups = [self._group(hint) for hint in request.graph.hints
                       if hint.hard and isinstance(hint, TogetherHint | SpreadHint)]  # fmt: skip
        self.totals = [
            self._total(hint)
            for hint in request.graph.hints
            if hint.hard and isinstance(hint, CeilingHint) and not hint.per_hour
        ]
        self._windows = [(self.tasks_of(hint), clock.window(hint)) for hint in request.graph.hints
                         if hint.hard and isinstance(hint, WindowHint)]  # fmt: skip
        names = {person.name.casefold(): person for person in request.inventory.people}
        self.busy = {name: merged(clock.blocks(person.busy)) for name, person in names.items()}

    def tasks_of(self, hint: Hint) -> frozenset[int]:
        """Return the tasks a hint speaks of."""
        if not hint.tasks:
            return frozenset(range(len(self.gang)))
        return frozenset(self.position[id] for id in hint.tasks)

    def holds_nothing(self, i: int) -> bool:
        """Return whether a task needs no machine."""
        return not self.demand[i].any()

    def allowed(self, i: int) -> Bools:
        """Return the machines that a member may be on, were they empty."""
        fits: Bools = (self.capacity >= self.demand[i]).all(axis=1)
        return fits & self._welcome[self.profile[i]]

    def room(self, i: int) -> int:
        """Return how many members fit at once on all machines that a task may use."""
        needed = self.demand[i] > 0
        if not needed.any():
            return int(self.gang[i])
        counts = (self.capacity[:, needed] // self.demand[i][needed]).min(axis=1)
        return int(counts[self.allowed(i)].sum())

    def durations(self, i: int) -> Ints:
        """Return whole seconds on each machine, rounded up."""
        seconds: Ints = np.ceil(self.duration[i] / self.speed - _DUST).astype(np.int64)
        return np.clip(seconds, 1, None)

    def people(self, task: Task) -> tuple[str, ...]:
        """Return who must be free, as keys of ``busy``."""
        return tuple(dict.fromkeys(name.casefold() for name in task.people))

    def penalty(self, i: int) -> Floats:
        """Return what soft hints have against each machine: the weights of those it breaks."""
        task = self.request.graph.tasks[i]
        key = tuple(
            k for k, hint in enumerate(self.soft) if not hint.tasks or task.id in hint.tasks
        )
        if key not in self._penalties:
            total = np.zeros(len(self.speed))
            for k in key:
                total += self.soft[k].weight * self._against(self.soft[k])
            self._penalties[key] = total
        return self._penalties[key]

    def _against(self, hint: Hint) -> Floats:
        machines, inventory = self.request.inventory.machines, self.request.inventory
        if isinstance(hint, LeastHint):
            rates = np.array([rate(machine, hint.quantity) for machine in machines])
            return rates / (rates.max() or 1.0)
        return np.array([float(not admits(hint, machine, inventory)) for machine in machines])

    def limits(self, i: int) -> list[Spans]:
        """Return the open stretches of each hard window of a task."""
        return [spans for tasks, spans in self._windows if i in tasks]

    def _group(self, hint: TogetherHint | SpreadHint) -> Group:
        numbers: dict[tuple[str, ...], int] = {}
        places = [
            numbers.setdefault(place(machine, hint.level), len(numbers))
            for machine in self.request.inventory.machines
        ]
        return Group(self.tasks_of(hint), isinstance(hint, SpreadHint), np.array(places))

    def _total(self, hint: CeilingHint) -> Total:
        rates = []
        for machine in self.request.inventory.machines:
            each = rate(machine, hint.quantity)
            if hint.quantity == "carbon":
                each *= machine.watts / 1000
            rates.append(each)
        return Total(self.tasks_of(hint), hint.limit, np.array(rates))

    def lower_bound(self) -> int:
        """Return seconds that every plan needs: critical path, or work against all machines."""
        tasks, clock = self.request.graph.tasks, self.clock
        going = {self.position[one.task]: max(0, clock.ceil(one.end))
                 for one in self.request.started}  # fmt: skip
        shortest = [0 if i in going else self._shortest(i) for i in range(len(tasks))]
        ends: dict[int, int] = {}
        for i in self.topological():
            opens = [at for at in (tasks[i].release, tasks[i].fixed) if at is not None]
            ready = max([0, *(clock.floor(at) for at in opens)])
            ready = max([ready, *(ends[self.position[b]] for b in tasks[i].after)])
            ends[i] = going.get(i, ready + shortest[i])
        total = self.capacity.sum(axis=0)
        work = (self.demand * (self.gang * np.array(shortest))[:, None]).sum(axis=0)
        busy = [math.ceil(w / t) for w, t in zip(work.tolist(), total.tolist(), strict=True) if t]
        bound: int = max([*ends.values(), *busy])
        return bound

    def _shortest(self, i: int) -> int:
        if self.holds_nothing(i):
            return int(self.duration[i])
        return int(self.durations(i)[self.allowed(i)].min(initial=FOREVER))

    def topological(self) -> list[int]:
        """Return tasks so that each stands behind those it waits for."""
        tasks = self.request.graph.tasks
        waiting = [len(set(task.after)) for task in tasks]
        after: dict[int, list[int]] = {}
        for i, task in enumerate(tasks):
            for before in set(task.after):
                after.setdefault(self.position[before], []).append(i)
        ready = [i for i, count in enumerate(waiting) if not count]
        for i in ready:
            for successor in after.get(i, ()):
                waiting[successor] -= 1
                if not waiting[successor]:
                    ready.append(successor)
        return ready


def next_start(spans: Spans, now: int) -> int:
    """Return when the first of some blocks begins after now; ``now`` inside one, now itself."""
    k = bisect_right(spans, (now, FOREVER))
    if k and spans[k - 1][1] > now:
        return now
    return int(spans[k][0]) if k < len(spans) else FOREVER


def open_until(spans: Spans, now: int) -> int:
    """Return the end of the open stretch that now is in; now itself if it is in none."""
    k = bisect_right(spans, (now, FOREVER))
    end: int = spans[k - 1][1] if k else now
    return max(end, now)


def boundaries(spans: Sequence[tuple[int, int]]) -> list[int]:
    """Return every instant at which something may change."""
    return [at for span in spans for at in span]
