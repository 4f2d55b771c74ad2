"""Is a task graph fit to be planned: acyclic, complete, solvable, and without anything twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, assert_never

from agentsched.planning.demands import lacks, needs_machine, room
from agentsched.planning.graph import Demand, Task, TaskGraph
from agentsched.planning.hints import DeviceHint, Hint, LabelHint, PlaceHint
from agentsched.planning.inventory import Inventory, Machine
from agentsched.planning.placement import admits, in_words
from agentsched.planning.request_words import content, stems
from agentsched.planning.wording import length, listed, needs, no_such

FindingKind = Literal["cycle", "duration", "unsolvable", "uncovered", "redundant", "duplicate"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a graph."""

    kind: FindingKind
    tasks: tuple[str, ...]
    message: str


@dataclass(frozen=True, slots=True)
class Defaults:
    """What is assumed where nobody said anything."""

    duration: int = 3_600
    """Seconds."""
    meeting: int = 1_800
    """Seconds of what only people take part in."""
    demand: Demand = field(default_factory=Demand)


def examine(graph: TaskGraph, inventory: Inventory) -> tuple[Finding, ...]:
    """Return everything that is wrong with a graph; empty is fit to be planned.

    Redundant edges and duplicates do no harm to a plan, the rest does.
    """
    cycle = find_cycle(graph.tasks)
    found = []
    if cycle:
        circle = " waits for ".join(repr(id) for id in (*cycle, cycle[0]))
        found.append(Finding("cycle", cycle, f"tasks wait for each other: {circle}"))
    found += [
        Finding("duration", (task.id,), f"nobody said how long {task.id!r} takes")
        for task in graph.tasks
        if task.duration is None
    ]
    found += [Finding("unsolvable", ids, why) for ids, why in _impossible(graph, inventory)]
    found += [
        Finding("uncovered", (), f"no task does what was asked: {goal!r}")
        for goal in uncovered_goals(graph)
    ]
    if not cycle:
        found += [
            Finding("redundant", (a, b), f"{b!r} waits for {a!r} already through others")
            for a, b in redundant_edges(graph.tasks)
        ]
    found += [
        Finding("duplicate", (a, b), f"{a!r} and {b!r} are the same work")
        for a, b in duplicates(graph.tasks)
    ]
    return tuple(found)


def complete_graph(graph: TaskGraph, defaults: Defaults | None = None) -> TaskGraph:
    """Return the graph with durations and demands for every task, and a note on each default.

    A task that only people take part in holds no machine; one that is to run on a device type
    holds one device unless somebody said how many.
    """
    defaults = defaults or Defaults()
    wanting = _wanting_devices(graph.hints)
    notes: dict[str, list[str]] = {}
    tasks = tuple(_completed(task, defaults, task.id in wanting, notes) for task in graph.tasks)
    added = tuple(f"{listed(ids)[:250]}: {assumed}" for assumed, ids in notes.items())
    return graph.model_copy(update={"tasks": tasks, "notes": (*graph.notes, *added)})


def unsolvable(graph: TaskGraph, inventory: Inventory) -> tuple[str, ...]:
    """Return why tasks cannot run: what was asked and is nowhere, what the nearest machine lacks.

    One sentence for each thing that is nowhere, and for each other task that no machine can run.
    """
    return tuple(why for _, why in _impossible(graph, inventory))


def find_cycle(tasks: Sequence[Task]) -> tuple[str, ...]:
    """Return tasks each of which waits for the next, the last for the first; empty if none do."""
    after = {task.id: task.after for task in tasks}
    done: set[str] = set()
    for first in after:
        path: list[str] = []
        trail: list[Iterator[str]] = [iter((first,))]
        while trail:
            id = next(trail[-1], None)
            if id is None:
                trail.pop()
                if path:
                    done.add(path.pop())
            elif id in path:
                return tuple(path[path.index(id) :])
            elif id not in done:
                path.append(id)
                trail.append(iter(after[id]))
    return ()


def uncovered_goals(graph: TaskGraph) -> tuple[str, ...]:
    """Return the goals of which no task speaks: none has half of their words."""
    said = [
        stems(" ".join((task.id.replace("-", " "), task.title, *task.phrases)))
        for task in graph.tasks
    ]
    found = []
    for goal in graph.goals:
        words = content(goal)
        if words and not any(2 * len(words & of_task) >= len(words) for of_task in said):
            found.append(goal)
    return tuple(found)


def redundant_edges(tasks: Sequence[Task]) -> tuple[tuple[str, str], ...]:
    """Return edges (before, after) of an acyclic graph that follow from others."""
    after = {task.id: task.after for task in tasks}
    above: dict[str, frozenset[str]] = {}
    for id in _topological(after):
        above[id] = frozenset().union(*({b} | above[b] for b in after[id]))
    return tuple(
        (before, id)
        for id, direct in after.items()
        for before in direct
        if any(before in above[other] for other in direct if other != before)
    )


def duplicates(tasks: Sequence[Task]) -> tuple[tuple[str, str], ...]:
    """Return pairs of tasks that say the same in the same words, the first one first.

    Numbers and single letters count as words: "train seed 1" and "train seed 2" are two tasks.
    """
    seen: dict[tuple[object, ...], str] = {}
    found = []
    for task in tasks:
        words = stems(task.title)
        if not words:
            continue
        key = (words, task.command, task.people, task.release, task.deadline, task.fixed)
        if key in seen:
            found.append((seen[key], task.id))
        seen.setdefault(key, task.id)
    return tuple(found)


def _topological(after: Mapping[str, Sequence[str]]) -> list[str]:
    order: list[str] = []
    seen: set[str] = set()
    for first in after:
        stack = [first]
        while stack:
            id = stack[-1]
            waiting = [b for b in after[id] if b not in seen]
            if id in seen or not waiting:
                stack.pop()
                if id not in seen:
                    seen.add(id)
                    order.append(id)
            else:
                stack += waiting
    return order


def _wanting_devices(hints: Sequence[Hint]) -> set[str]:
    """Return the tasks that are named as to run on a device."""
    return {
        id
        for hint in hints
        if isinstance(hint, DeviceHint) and not hint.avoid
        if not {name.casefold() for name in hint.names} <= {"cpu", "cpus"}
        for id in hint.tasks
    }


def _completed(
    task: Task, defaults: Defaults, on_device: bool, notes: dict[str, list[str]]
) -> Task:
    change: dict[str, object] = {}
    meeting = bool(task.people) and not task.command and not task.demand.devices
    said = "demand" in task.model_fields_set
    if task.duration is None:
        seconds = defaults.meeting if meeting else defaults.duration
        change["duration"] = seconds
        notes.setdefault(f"nobody said how long, {length(seconds)} assumed", []).append(task.id)
    if not said:
        demand = Demand(cpus=0) if meeting else defaults.demand
        if on_device and not demand.devices and not meeting:
            demand = demand.model_copy(update={"devices": 1})
        change["demand"] = demand
        assumed = f"nobody said what it needs, {needs(demand)} assumed"
        if demand not in (Demand(), Demand(cpus=0)):
            notes.setdefault(assumed, []).append(task.id)
    return task.model_copy(update=change)


def _impossible(graph: TaskGraph, inventory: Inventory) -> Iterator[tuple[tuple[str, ...], str]]:
    told: set[str] = set()
    for ids, why in _absent(graph, inventory):
        told |= set(ids)
        yield ids, why
    for task in graph.tasks:
        if not needs_machine(task) or task.id in told:
            continue
        hard = [hint for hint in graph.hints
                if hint.hard and (not hint.tasks or task.id in hint.tasks)]  # fmt: skip
        missing = {m.name: _missing(task, m, hard, inventory) for m in inventory.machines}
        able = [m for m in inventory.machines if not missing[m.name]]
        if not able:
            near = min(inventory.machines, key=lambda m: len(missing[m.name]))
            yield (
                (task.id,),
                (
                    f"no machine can run {task.id!r}; the nearest is {near.name!r}, "
                    f"but {listed(missing[near.name])}"
                ),
            )
        elif sum(room(task.demand, machine) for machine in able) < task.gang:
            most = sum(room(task.demand, machine) for machine in able)
            yield (
                (task.id,),
                (
                    f"{task.id!r} runs {task.gang} members of {needs(task.demand)} at once, "
                    f"the machines have room for {most}"
                ),
            )


def _absent(graph: TaskGraph, inventory: Inventory) -> Iterator[tuple[tuple[str, ...], str]]:
    """Find hard wishes for a device, machine or place that the inventory has nowhere."""
    for hint in graph.hints:
        if not (hint.hard and isinstance(hint, DeviceHint | LabelHint | PlaceHint)) or hint.avoid:
            continue
        if any(admits(hint, machine, inventory) for machine in inventory.machines):
            continue
        of = [task for task in graph.tasks if not hint.tasks or task.id in hint.tasks]
        ids = tuple(task.id for task in of if needs_machine(task))
        if ids:
            whom = listed([repr(id) for id in ids[:4]]) + (" and others" if len(ids) > 4 else "")
            yield ids, f"{whom} must run {in_words(hint)}: {_no_such(hint, inventory)}"


def _no_such(hint: DeviceHint | LabelHint | PlaceHint, inventory: Inventory) -> str:
    machines = inventory.machines
    match hint:
        case DeviceHint():
            return no_such("device", hint.names, {m.device for m in machines if m.device})
        case LabelHint():
            known = {name for m in machines for name in (m.name, *m.labels)}
            return no_such("machine or label", hint.names, known)
        case PlaceHint():
            known = {place for m in machines if (place := str(getattr(m, hint.level)))}
            return no_such(hint.level, hint.names, known)
        case _:
            assert_never(hint)


def _missing(task: Task, machine: Machine, hard: Sequence[Hint], inventory: Inventory) -> list[str]:
    """Return what keeps the task off the machine, in words; demands first."""
    found = [
        f"it has {getattr(machine, kind):g} of {getattr(task.demand, kind):g} "
        f"{'GiB of memory' if kind == 'memory' else kind}"
        for kind in lacks(task.demand, machine)
    ]
    return found + [
        f"it does not meet {said!r}"
        for hint in hard
        if not admits(hint, machine, inventory)
        for said in [hint.phrase or in_words(hint)]
    ]
