"""Which tasks may start now, and how: pure functions of the plan and what became of its tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from agentsched.execution.records import Intent
from agentsched.execution.rules import Rules
from agentsched.execution.state import State
from agentsched.planning.graph import Demand, Task, TaskGraph
from agentsched.planning.inventory import Inventory, Machine
from agentsched.planning.plan import Assignment

_CRUMB = 1e-9
"""Cores that rounding may lose or find."""


def ready(
    state: State, now: datetime, *, eager: bool = False, held: Collection[str] = ()
) -> tuple[Task, ...]:
    """Return the tasks to start now, those that were planned earlier first.

    A task is ready when its predecessors are done, its planned start has come (or ``eager``),
    nothing it must be apart from runs, and its machines have room and are there. One that only
    waits for room keeps its claim: nobody planned later overtakes it.

    Args:
        state: How the execution stands.
        now: The time.
        eager: Planned starts do not hold a task back; release and fixed start do.
        held: Tasks that must wait for another reason, such as a pause before a retry.
    """
    room = Room.of(state)
    running = {tried.intent.task for tried in state.live()}
    found: list[Task] = []
    for task in state.open_tasks() if eager else state.due_tasks(now):
        place = state.place(task.id)
        if task.id in held or not _may_start(state, task, place, now, eager):
            continue
        if state.lost & set(place.machines) or running & enemies(state.graph, task.id):
            continue
        if not _stays(state.inventory, place, now):
            continue
        if room.fits(task, place.machines):
            found.append(task)
            running.add(task.id)
        room.take(task, place.machines)
    return tuple(found)


def ahead(state: State, *, held: Collection[str] = ()) -> tuple[Task, ...]:
    """Return the tasks an executor that holds what waits can be given now, predecessors first.

    One without a command is not the executor's: who waits for it is given when it is done.
    """
    found: list[Task] = []
    given: set[str] = set()
    for task in state.topological:
        open_ = state.standing(task.id) in ("waiting", "failed")
        lost = state.lost & set(state.place(task.id).machines)
        before = all(_is_done(state, other) or other in given for other in task.after)
        if state.standing(task.id) == "live" and task.command:
            given.add(task.id)
        if open_ and not lost and before and task.command and task.id not in held:
            found.append(task)
            given.add(task.id)
    return tuple(found)


def blocked(state: State) -> dict[str, str]:
    """Return the waiting tasks that can never start as things are, each with the reason."""
    found: dict[str, str] = {}
    for task in state.topological:
        if state.standing(task.id) not in ("waiting", "failed"):
            continue
        lost = sorted(state.lost & set(state.place(task.id).machines))
        if lost:
            found[task.id] = f"machine {lost[0]!r} is gone"
        for other in task.after:
            if other in found or state.standing(other) == "given_up":
                found[task.id] = f"waits for {other!r}"
    return found


def enemies(graph: TaskGraph, task: str) -> set[str]:
    """Return the tasks that must never run at the same time as this one."""
    return {b if a == task else a for a, b in graph.apart if task in (a, b)}


@dataclass(slots=True)
class Room:
    """What is left of every machine."""

    machines: Mapping[str, Machine]
    used: dict[str, Demand] = field(default_factory=dict)

    @classmethod
    def of(cls, state: State) -> Room:
        """Return what the live tasks leave."""
        room = cls({machine.name: machine for machine in state.inventory.machines})
        for tried in state.live():
            task = state.task(tried.intent.task)
            room.take(task, tried.intent.machines)
        return room

    def fits(self, task: Task, on: Sequence[str]) -> bool:
        """Say whether all members fit beside what is there."""
        for name, members in Counter(on).items():
            machine = self.machines[name]
            after = _add(self.used.get(name), task.demand, members)
            if after.cpus > machine.cpus + _CRUMB or after.devices > machine.devices:
                return False
            if machine.memory and after.memory > machine.memory + _CRUMB:
                return False
        return True

    def take(self, task: Task, on: Sequence[str]) -> None:
        """Count a task's members as there, fitting or not."""
        for name, members in Counter(on).items():
            self.used[name] = _add(self.used.get(name), task.demand, members)


def free_devices(state: State, task: Task) -> tuple[tuple[int, ...], ...]:
    """Return which accelerators each member of a task gets: the lowest that nobody holds."""
    if not task.demand.devices:
        return ()
    held: dict[str, set[int]] = {}
    for tried in state.live():
        for name, indices in zip(tried.intent.machines, tried.intent.devices, strict=False):
            held.setdefault(name, set()).update(indices)
    given: list[tuple[int, ...]] = []
    for name in state.place(task.id).machines:
        taken = held.setdefault(name, set())
        free = (index for index in range(10_000) if index not in taken)
        mine = tuple(index for index, _ in zip(free, range(task.demand.devices), strict=False))
        taken.update(mine)
        given.append(mine)
    return tuple(given)


def earliest(task: Task, place: Assignment, *, eager: bool) -> datetime:
    """Return the time before which a task must not start."""
    start = place.start
    if eager:
        start = task.fixed or task.release or datetime.min.replace(tzinfo=place.start.tzinfo)
    return start if task.release is None else max(start, task.release)


def next_intent(state: State, task: Task, now: datetime, rules: Rules, *, holds: bool) -> Intent:
    """Return what a task's next start is to be.

    Args:
        state: How the execution stands.
        task: Which is not live.
        now: The time.
        rules: How the plan is carried out.
        holds: The executor holds it back by itself until predecessors and time allow it.
    """
    place, seconds = state.place(task.id), state.seconds(task.id)
    number = len(state.tried.get(task.id, ())) + 1
    begin = earliest(task, place, eager=rules.eager)
    before = [state.last(other) for other in task.after]
    waits = (tried.key for tried in before if tried is not None and tried.over is None)
    return Intent(
        at=now,
        task=task.id,
        number=number,
        key=f"{state.execution}.{task.id}.{number}",
        machines=place.machines,
        seconds=seconds,
        limit=None if rules.limit_factor is None else seconds * rules.limit_factor,
        devices=free_devices(state, task),
        begin=begin if holds and begin > now and number == 1 else None,
        after=tuple(waits) if holds else (),
    )


def _may_start(state: State, task: Task, place: Assignment, now: datetime, eager: bool) -> bool:
    # What began in its time once need not wait for it again, wherever the clock went since.
    in_time = state.standing(task.id) == "failed" or now >= earliest(task, place, eager=eager)
    return in_time and all(_is_done(state, other) for other in task.after)


def _is_done(state: State, task: str) -> bool:
    return state.standing(task) == "done"


def _stays(inventory: Inventory, place: Assignment, now: datetime) -> bool:
    """Whether no downtime cuts into it; what the plan itself accepted is accepted."""
    machines = {machine.name: machine for machine in inventory.machines}
    end = now + (place.end - place.start)
    return not any(
        _overlap(now, end, away.start, away.end)
        and not _overlap(place.start, place.end, away.start, away.end)
        for name in set(place.machines)
        for away in machines[name].away
    )


def _overlap(a: datetime, b: datetime, c: datetime, d: datetime) -> bool:
    return a < d and c < b


def _add(used: Demand | None, demand: Demand, members: int) -> Demand:
    base = used or Demand(cpus=0)
    return Demand.model_construct(
        cpus=base.cpus + demand.cpus * members,
        memory=base.memory + demand.memory * members,
        devices=base.devices + demand.devices * members,
    )
