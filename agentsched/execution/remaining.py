"""What is left of a plan: a graph to plan anew, in which what runs is held where it is."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from agentsched.execution.report import over_time
from agentsched.execution.state import State, Tried
from agentsched.planning.graph import Task, TaskGraph
from agentsched.planning.hints import (
    CeilingHint,
    Hint,
    LabelHint,
    PlaceHint,
    Quantity,
    SpreadHint,
    TogetherHint,
)
from agentsched.planning.inventory import Away, Inventory, Machine
from agentsched.planning.placement import amount
from agentsched.planning.plan import Assignment

FAR = timedelta(days=3650)
OVERRUN = 1.25
"""A task beyond its planned duration is thought to need this much of what it has taken so far."""


@dataclass(frozen=True, slots=True)
class Span:
    """When and where a task ran or runs."""

    start: datetime
    end: datetime | None
    """None while it runs."""
    machines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Remaining:
    """Marks on every task, and the graph and inventory for the next plan."""

    graph: TaskGraph | None
    """Tasks not done and not given up. Running ones are ``fixed`` at their true start and bound to
    their machines by hard hints. None when nothing is left."""
    inventory: Inventory | None
    """Without the machines that are lost; None when none is left. One on which something is still
    thought to run stays, and is away from now on."""
    started: tuple[Assignment, ...]
    """Where and when running tasks run, with their expected ends: for ``PlanRequest.started``."""
    finished: dict[str, Span]
    running: dict[str, Span]
    given_up: dict[str, str]
    """By task, why; give it to ``remaining(again=...)`` to plan it once more."""
    blocked: dict[str, str]
    """Tasks in no graph because they wait for one that was given up."""


def remaining(state: State, now: datetime, *, again: Collection[str] = ()) -> Remaining:
    """Say what is left.

    Args:
        state: How the execution stands.
        now: The time.
        again: Tasks that were given up and shall be planned once more.
    """
    gone_up = {id: why for id, why in state.gave_up.items() if id not in again}
    stuck = _stuck(state, gone_up)
    left = [
        task
        for task in state.graph.tasks
        if state.standing(task.id) != "done" and task.id not in gone_up and task.id not in stuck
    ]
    ids = {task.id for task in left}
    machines = {machine.name: machine for machine in state.inventory.machines}
    live = {tried.intent.task: tried for tried in state.live()}
    finished = dict(_finished(state))
    tasks = tuple(
        _running(task, live[task.id], machines, now)
        if task.id in live
        else _waiting(task, ids, begun=task.id in again)
        for task in left
    )
    hints = (*_hints(state, ids, finished, machines), *_bound(live))
    graph = None
    if tasks:
        graph = state.graph.model_copy(
            update={
                "tasks": tasks,
                "apart": tuple(pair for pair in state.graph.apart if ids >= set(pair)),
                "hints": hints,
            }
        )
        graph = TaskGraph.model_validate(graph.model_dump())
    kept = tuple(_still_there(state, live, now))
    return Remaining(
        graph=graph,
        inventory=state.inventory.model_copy(update={"machines": kept}) if kept else None,
        started=tuple(_expected(tried, now) for tried in live.values()),
        finished=finished,
        running={
            id: Span(tried.started, None, tried.intent.machines) for id, tried in live.items()
        },
        given_up=gone_up,
        blocked=stuck,
    )


def _stuck(state: State, gone_up: dict[str, str]) -> dict[str, str]:
    """Tasks behind one that was given up; a lost machine does not count, another can do."""
    stuck: dict[str, str] = {}
    growing = True
    while growing:
        growing = False
        for task in state.graph.tasks:
            open_ = state.standing(task.id) in ("waiting", "failed")
            bar = next((other for other in task.after if other in gone_up or other in stuck), None)
            if open_ and bar is not None and task.id not in stuck and task.id not in gone_up:
                stuck[task.id] = f"waits for {bar!r}"
                growing = True
    return stuck


def _waiting(task: Task, ids: set[str], *, begun: bool) -> Task:
    """Keep what binds a task that waits; one that did begin once may begin again at any time."""
    update: dict[str, object] = {"after": tuple(id for id in task.after if id in ids)}
    if begun:
        update["latest_start"] = None
    return task.model_copy(update=update)


def _running(task: Task, tried: Tried, machines: dict[str, Machine], now: datetime) -> Task:
    """Fix a running task at its start, with as long as it takes at least, or is thought to take."""
    seconds = _seconds(tried, now)
    # Durations are those of a machine of speed 1.
    speed = min((machines[name].speed for name in tried.intent.machines), default=1.0)
    return task.model_copy(
        update={
            "after": (),
            "release": None,
            "latest_start": None,
            "fixed": tried.started.astimezone(UTC),
            "duration": max(1, math.ceil(seconds * speed)),
            "deadline": _reachable(task.deadline, tried.started + timedelta(seconds=seconds)),
        }
    )


def _seconds(tried: Tried, now: datetime) -> float:
    """Return how long a running task takes in all, as far as one can tell."""
    taken = max(0.0, (now - tried.started).total_seconds())
    planned = tried.intent.seconds
    return planned if taken < planned else taken * OVERRUN + 1


def _expected(tried: Tried, now: datetime) -> Assignment:
    start = tried.started.astimezone(UTC)
    return Assignment(
        task=tried.intent.task,
        machines=tried.intent.machines,
        start=start,
        end=start + timedelta(seconds=_seconds(tried, now)),
    )


def _still_there(state: State, live: dict[str, Tried], now: datetime) -> Iterator[Machine]:
    busy = {name for tried in live.values() for name in tried.intent.machines}
    for machine in state.inventory.machines:
        if machine.name not in state.lost:
            yield machine
        elif machine.name in busy:
            gone = Away(start=now, end=now + FAR, reason="lost")
            yield machine.model_copy(update={"away": (*machine.away, gone)})


def _reachable(deadline: datetime | None, end: datetime) -> datetime | None:
    """A deadline that a running task will miss cannot bind a new plan."""
    return deadline if deadline is None or end <= deadline else None


def _finished(state: State) -> Iterator[tuple[str, Span]]:
    for id, attempts in state.tried.items():
        last = attempts[-1]
        if last.over is not None and last.over.outcome == "done":
            yield id, Span(last.started, over_time(last.over), last.intent.machines)


def _bound(live: dict[str, Tried]) -> Iterator[Hint]:
    for id, tried in live.items():
        if tried.intent.machines:
            names = tuple(dict.fromkeys(tried.intent.machines))
            yield LabelHint(tasks=(id,), hard=True, names=names, phrase="it runs there")


def _hints(
    state: State, ids: set[str], finished: dict[str, Span], machines: dict[str, Machine]
) -> Iterator[Hint]:
    """Hints for what is left; those that spoke of finished tasks as well say what follows."""
    everybody = {task.id for task in state.graph.tasks} | set(finished)
    for hint in state.graph.hints:
        about = set(hint.tasks) or everybody
        left = tuple(id for id in (hint.tasks or sorted(about)) if id in ids)
        done = sorted(about & set(finished))
        if not left:
            continue
        match hint:
            case TogetherHint() | SpreadHint() if done:
                yield from _beside(hint, left, [finished[id] for id in done], machines)
                if len(left) > 1:
                    yield hint.model_copy(update={"tasks": left})
            case CeilingHint() if done and not hint.per_hour:
                spent = sum(_spent(hint.quantity, finished[id], machines) for id in done)
                rest = max(0.0, hint.limit - spent)
                yield hint.model_copy(update={"tasks": left, "limit": rest})
            case _:
                yield hint.model_copy(update={"tasks": left if hint.tasks else ()})


def _beside(
    hint: TogetherHint | SpreadHint, left: tuple[str, ...], spans: list[Span],
    machines: dict[str, Machine],
) -> Iterator[Hint]:  # fmt: skip
    """Say where finished tasks ran: the others belong there, or elsewhere."""
    used = [machines[name] for span in spans for name in span.machines if name in machines]
    avoid = isinstance(hint, SpreadHint)
    common = {
        "tasks": left, "hard": hint.hard, "weight": hint.weight, "phrase": hint.phrase,
        "avoid": avoid,
    }  # fmt: skip
    if hint.level == "node":
        names = tuple(dict.fromkeys(machine.name for machine in used))
        if names:
            yield LabelHint.model_validate({**common, "names": names})
        return
    places = tuple(dict.fromkeys(p for m in used if (p := getattr(m, hint.level))))
    if places:
        yield PlaceHint.model_validate({**common, "level": hint.level, "names": places})


def _spent(quantity: Quantity, span: Span, machines: dict[str, Machine]) -> float:
    """Return money, grams of CO2 or kWh that a finished task took."""
    if span.end is None:
        return 0.0
    seconds = max(0.0, (span.end - span.start).total_seconds())
    known = [machines[name] for name in span.machines if name in machines]
    return sum(amount(machine, quantity, seconds) for machine in known)
