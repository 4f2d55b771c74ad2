"""What can be given up in a request: each hard limit with its words, and the request without it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Literal

from agentsched.planning.clock import Clock
from agentsched.planning.demands import needs_machine, seconds_on
from agentsched.planning.graph import Demand, Task
from agentsched.planning.hints import Hint
from agentsched.planning.inventory import Inventory
from agentsched.planning.placement import in_words
from agentsched.planning.request import PlanRequest
from agentsched.planning.wording import listed, moment, needs

LimitKind = Literal[
    "deadline", "release", "latest_start", "fixed", "hint", "horizon", "apart", "need", "calendar",
    "downtime", "demand", "precedence",
]  # fmt: skip

Change = Callable[[PlanRequest], PlanRequest]


@dataclass(frozen=True, slots=True)
class Limit:
    """One hard constraint that somebody stated."""

    kind: LimitKind
    subject: str
    """Task, machine or person it is about; empty for hints and the horizon."""
    other: str = ""
    """Task waited for or kept apart, person needed, or number of the hint."""
    words: str = ""


def hard_part(request: PlanRequest) -> PlanRequest:
    """Return the request without anything soft, with a horizon that no change of it moves."""
    graph = request.graph
    hints = tuple(hint for hint in graph.hints if hint.hard and hint.kind != "least")
    tasks = tuple(task.model_copy(update={"due": None, "priority": 0}) for task in graph.tasks)
    clock = Clock(request)
    return replace(
        request,
        graph=graph.model_copy(update={"hints": hints, "tasks": tasks}),
        horizon=clock.instant(clock.horizon),
        previous=None,
    )


def limits_of(request: PlanRequest, *, horizon: bool) -> tuple[Limit, ...]:
    """Return the limits of a request; ``horizon`` says whether its end was asked for."""
    found = [limit for task in request.graph.tasks for limit in _of_task(task, request)]
    for a, b in request.graph.apart:
        found.append(Limit("apart", a, b, f"{a!r} and {b!r} must not overlap"))
    for number, hint in enumerate(request.graph.hints):
        whom = f"{listed([repr(id) for id in hint.tasks])} " if hint.tasks else ""
        said = f"{whom}{in_words(hint)}"
        found.append(Limit("hint", "", str(number), f"{said} (you said {hint.phrase!r})"
                           if hint.phrase else said))  # fmt: skip
    for person in request.inventory.people:
        if person.busy and any(_asks(task, person.name) for task in request.graph.tasks):
            found.append(Limit("calendar", person.name, "", f"the calendar of {person.name}"))
    for machine in request.inventory.machines:
        if machine.away:
            found.append(Limit("downtime", machine.name, "", f"the downtime of {machine.name!r}"))
    if horizon and request.horizon is not None:
        end = moment(request.horizon, request.zone)
        found.append(Limit("horizon", "", "", f"everything must end by {end}"))
    return tuple(found)


def without(request: PlanRequest, dropped: Collection[Limit]) -> PlanRequest:
    """Return the request without these limits."""
    gone = set(dropped)
    graph, inventory = request.graph, request.inventory
    hints = {int(limit.other) for limit in gone if limit.kind == "hint"}
    apart = {(limit.subject, limit.other) for limit in gone if limit.kind == "apart"}
    of_tasks: dict[str, list[Limit]] = {}
    for limit in gone:
        of_tasks.setdefault(limit.subject, []).append(limit)
    smaller = graph.model_copy(
        update={
            "tasks": tuple(
                _without(task, of_tasks.get(task.id, []), inventory) for task in graph.tasks
            ),
            "apart": tuple(pair for pair in graph.apart if pair not in apart),
            "hints": tuple(hint for n, hint in enumerate(graph.hints) if n not in hints),
        }
    )
    free = any(limit.kind == "horizon" for limit in gone)
    return replace(
        request,
        graph=smaller,
        inventory=_present(inventory, gone),
        horizon=None if free else request.horizon,
    )


def dropping(limit: Limit) -> Change:
    """Return the change that gives a limit up (no hint: they are numbered otherwise elsewhere)."""
    assert limit.kind != "hint"
    return lambda request: without(request, [limit])


def without_hints(hints: Collection[Hint]) -> Change:
    """Return the change that gives these hints up."""

    def change(request: PlanRequest) -> PlanRequest:
        kept = tuple(hint for hint in request.graph.hints if hint not in hints)
        return replace(request, graph=request.graph.model_copy(update={"hints": kept}))

    return change


def on_task(request: PlanRequest, id: str, **fields: object) -> PlanRequest:
    """Return the request with fields of one task changed."""
    tasks = tuple(
        task.model_copy(update=fields) if task.id == id else task for task in request.graph.tasks
    )
    return replace(request, graph=request.graph.model_copy(update={"tasks": tasks}))


def _of_task(task: Task, request: PlanRequest) -> list[Limit]:
    id, zone = task.id, request.zone
    if any(started.task == id for started in request.started):
        return []
    found = []
    if task.deadline is not None:
        words = f"{id!r} must end by {moment(task.deadline, zone)}"
        found.append(Limit("deadline", id, "", words))
    if task.release is not None:
        words = f"{id!r} cannot start before {moment(task.release, zone)}"
        found.append(Limit("release", id, "", words))
    if task.latest_start is not None:
        words = f"{id!r} must begin by {moment(task.latest_start, zone)}"
        found.append(Limit("latest_start", id, "", words))
    if task.fixed is not None:
        words = f"{id!r} starts at {moment(task.fixed, zone)}"
        found.append(Limit("fixed", id, "", words))
    for before in task.after:
        found.append(Limit("precedence", id, before, f"{id!r} waits for {before!r}"))
    for name in task.people:
        found.append(Limit("need", id, name, f"{id!r} needs {name}"))
    if needs_machine(task):
        each = f"{task.gang} times {needs(task.demand)}" if task.gang > 1 else needs(task.demand)
        found.append(Limit("demand", id, "", f"{id!r} takes {each}"))
    return found


def _without(task: Task, gone: list[Limit], inventory: Inventory) -> Task:
    change: dict[str, object] = {}
    for limit in gone:
        match limit.kind:
            case "deadline" | "release" | "latest_start" | "fixed":
                change[limit.kind] = None
            case "demand":
                # Less than the demand is never slower than the fastest machine.
                fastest = min(seconds_on(task, machine) for machine in inventory.machines)
                change |= {"demand": Demand(cpus=0), "gang": 1, "duration": fastest}
    kept = [b for b in task.after if not _names(gone, "precedence", b)]
    people = [name for name in task.people if not _names(gone, "need", name)]
    return task.model_copy(update={**change, "after": tuple(kept), "people": tuple(people)})


def _names(gone: list[Limit], kind: LimitKind, other: str) -> bool:
    return any(limit.kind == kind and limit.other == other for limit in gone)


def _present(inventory: Inventory, gone: set[Limit]) -> Inventory:
    free = {limit.subject for limit in gone if limit.kind == "calendar"}
    up = {limit.subject for limit in gone if limit.kind == "downtime"}
    return inventory.model_copy(
        update={
            "people": tuple(
                person.model_copy(update={"busy": ()}) if person.name in free else person
                for person in inventory.people
            ),
            "machines": tuple(
                machine.model_copy(update={"away": ()}) if machine.name in up else machine
                for machine in inventory.machines
            ),
        }
    )


def _asks(task: Task, name: str) -> bool:
    return name.casefold() in (other.casefold() for other in task.people)
