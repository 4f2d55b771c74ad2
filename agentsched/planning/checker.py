"""Every hard constraint a plan breaks, in words; reads no number the solver ever made."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import combinations

from agentsched.planning.checker_hints import broken_hints
from agentsched.planning.graph import Task, TaskGraph
from agentsched.planning.inventory import Inventory, Machine, Person
from agentsched.planning.plan import Assignment, Kind, Plan, Violation

_SECOND = timedelta(seconds=1)
"""Plans are in whole seconds; less than one is no difference."""
_DUST = 1e-6
_LIMITED = ("cpus", "memory", "devices")


def check(
    graph: TaskGraph, inventory: Inventory, plan: Plan, zone: tzinfo = UTC
) -> tuple[Violation, ...]:
    """Return everything hard that the plan breaks; empty is a valid plan.

    The plan may come from anywhere. Times of day are read in ``zone``.
    """
    known, found = _sorted_out(graph, inventory, plan)
    found += [each for task in graph.tasks if task.id in known
              for each in _alone(task, known[task.id], inventory)]  # fmt: skip
    found += _precedence(graph, known)
    found += _disjunctive(graph, known)
    found += _capacity(graph, inventory, known)
    found += _meetings(graph, known)
    found += broken_hints(graph, inventory, known, zone)
    return tuple(found)


def _sorted_out(
    graph: TaskGraph, inventory: Inventory, plan: Plan
) -> tuple[dict[str, Assignment], list[Violation]]:
    """Return one assignment a task, and what is missing, unknown or there twice."""
    tasks = {task.id for task in graph.tasks}
    machines = {machine.name for machine in inventory.machines}
    known: dict[str, Assignment] = {}
    found: list[Violation] = []
    for assignment in plan.assignments:
        task = assignment.task
        if task not in tasks:
            found.append(_broken("unknown", (task,), f"{task!r} is no task of the graph"))
        elif task in known:
            found.append(_broken("unknown", (task,), f"{task!r} stands twice in the plan"))
        else:
            known[task] = assignment
        found += [
            _broken("unknown", (task,), f"{task!r} runs on {name!r}, which is no machine")
            for name in sorted(set(assignment.machines) - machines)
        ]
    found += [
        _broken("missing", (task.id,), f"{task.id!r} is not in the plan")
        for task in graph.tasks
        if task.id not in known
    ]
    return known, found


def _alone(task: Task, at: Assignment, inventory: Inventory) -> Iterator[Violation]:
    """Yield what a task breaks whatever the others do."""
    yield from _gang(task, at)
    yield from _duration(task, at, inventory)
    yield from _limits(task, at)
    for machine in _machines(at, inventory):
        for away in machine.away:
            if at.start < away.end and away.start < at.end:
                why = f" ({away.reason})" if away.reason else ""
                yield _broken(
                    "downtime", (task.id,),
                    f"{task.id!r} runs on {machine.name!r} while it is away{why}, "
                    f"{_span(away.start, away.end)}",
                )  # fmt: skip
    yield from _people(task, at, inventory)


def _gang(task: Task, at: Assignment) -> Iterator[Violation]:
    holds = any(getattr(task.demand, kind) > 0 for kind in _LIMITED)
    wanted = task.gang if holds else 0
    if len(at.machines) != wanted:
        yield _broken(
            "gang", (task.id,),
            f"{task.id!r} needs {wanted} machine places, has {len(at.machines)}",
        )  # fmt: skip


def _duration(task: Task, at: Assignment, inventory: Inventory) -> Iterator[Violation]:
    if task.duration is None:
        return
    slowest = min((machine.speed for machine in _machines(at, inventory)), default=1.0)
    needed = task.duration / slowest
    planned = (at.end - at.start).total_seconds()
    if planned < needed - _DUST or planned > math.ceil(needed) + 1:
        yield _broken(
            "duration", (task.id,),
            f"{task.id!r} takes {needed:g} s there, the plan gives it {planned:g} s",
        )  # fmt: skip


def _limits(task: Task, at: Assignment) -> Iterator[Violation]:
    if task.release is not None and at.start < task.release:
        yield _broken(
            "release", (task.id,),
            f"{task.id!r} starts at {_clock(at.start)}, before its release {_clock(task.release)}",
        )  # fmt: skip
    if task.latest_start is not None and at.start > task.latest_start:
        yield _broken(
            "latest_start", (task.id,),
            f"{task.id!r} starts at {_clock(at.start)}, must begin by {_clock(task.latest_start)}",
        )  # fmt: skip
    if task.deadline is not None and at.end > task.deadline:
        yield _broken(
            "deadline", (task.id,),
            f"{task.id!r} ends at {_clock(at.end)}, after its deadline {_clock(task.deadline)}",
        )  # fmt: skip
    if task.fixed is not None and abs(at.start - task.fixed) >= _SECOND:
        yield _broken(
            "fixed", (task.id,),
            f"{task.id!r} starts at {_clock(at.start)}, is fixed at {_clock(task.fixed)}",
        )  # fmt: skip


def _people(task: Task, at: Assignment, inventory: Inventory) -> Iterator[Violation]:
    for name in dict.fromkeys(task.people):
        person = _person(name, inventory)
        if person is None:
            yield _broken("person", (task.id,), f"{task.id!r} needs {name!r}, whom nobody knows")
            continue
        for busy in person.busy:
            if at.start < busy.end and busy.start < at.end:
                why = f" ({busy.reason})" if busy.reason else ""
                yield _broken(
                    "person", (task.id,),
                    f"{task.id!r} needs {name!r}, who is busy{why} {_span(busy.start, busy.end)}",
                )  # fmt: skip


def _precedence(graph: TaskGraph, known: dict[str, Assignment]) -> Iterator[Violation]:
    for task in graph.tasks:
        for before in task.after:
            if task.id in known and before in known and known[task.id].start < known[before].end:
                yield _broken(
                    "precedence", (before, task.id),
                    f"{task.id!r} starts at {_clock(known[task.id].start)}, before {before!r} "
                    f"ends at {_clock(known[before].end)}",
                )  # fmt: skip


def _disjunctive(graph: TaskGraph, known: dict[str, Assignment]) -> Iterator[Violation]:
    for a, b in graph.apart:
        if a in known and b in known and _overlap(known[a], known[b]):
            yield _broken("disjunctive", (a, b), f"{a!r} and {b!r} must not overlap, and do")


def _meetings(graph: TaskGraph, known: dict[str, Assignment]) -> Iterator[Violation]:
    """Yield pairs of tasks that need the same person at once."""
    needing: dict[str, list[str]] = {}
    for task in graph.tasks:
        if task.id in known:
            for name in {name.casefold() for name in task.people}:
                needing.setdefault(name, []).append(task.id)
    for name, tasks in sorted(needing.items()):
        for a, b in combinations(tasks, 2):
            if _overlap(known[a], known[b]):
                yield _broken("person", (a, b), f"{a!r} and {b!r} both need {name!r} at once")


def _capacity(
    graph: TaskGraph, inventory: Inventory, known: dict[str, Assignment]
) -> Iterator[Violation]:
    tasks = {task.id: task for task in graph.tasks}
    held: dict[str, list[tuple[Task, Assignment]]] = {}
    for id, assignment in known.items():
        for name in assignment.machines:
            held.setdefault(name, []).append((tasks[id], assignment))
    for machine in inventory.machines:
        for kind in _LIMITED:
            capacity = float(getattr(machine, kind))
            if kind == "memory" and capacity == 0:
                continue  # not limited
            yield from _overfull(machine, kind, capacity, held.get(machine.name, []))


def _overfull(
    machine: Machine, kind: str, capacity: float, held: list[tuple[Task, Assignment]]
) -> Iterator[Violation]:
    """Yield the first moment at which more is held than there is."""
    for moment in sorted({assignment.start for _, assignment in held}):
        now = [(task, at) for task, at in held if at.start <= moment < at.end]
        amounts = [float(getattr(task.demand, kind)) for task, _ in now]
        if math.fsum(amounts) > capacity + _DUST:
            users = sorted({
                task.id for (task, _), amount in zip(now, amounts, strict=True) if amount > 0
            })  # fmt: skip
            yield _broken(
                "capacity", tuple(users),
                f"{machine.name!r} has {capacity:g} {kind}, {math.fsum(amounts):g} are held at "
                f"{_clock(moment)} by {', '.join(map(repr, users))}",
            )  # fmt: skip
            return


def _machines(at: Assignment, inventory: Inventory) -> list[Machine]:
    names = set(at.machines)
    return [machine for machine in inventory.machines if machine.name in names]


def _person(name: str, inventory: Inventory) -> Person | None:
    for person in inventory.people:
        if person.name.casefold() == name.casefold():
            return person
    return None


def _overlap(a: Assignment, b: Assignment) -> bool:
    return a.start < b.end and b.start < a.end


def _broken(kind: Kind, tasks: tuple[str, ...], message: str) -> Violation:
    return Violation(kind=kind, tasks=tasks, message=message)


def _clock(at: datetime) -> str:
    return at.isoformat(sep=" ", timespec="minutes" if not at.second else "seconds")


def _span(start: datetime, end: datetime) -> str:
    return f"{_clock(start)} to {_clock(end)}"
