"""Small graphs and plans for tests of execution: tasks by name, places by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from agentsched.execution.records import Opened, Record
from agentsched.planning.graph import Demand, Task, TaskGraph
from agentsched.planning.inventory import Inventory, Machine
from agentsched.planning.plan import Assignment, Plan

START = datetime(2026, 11, 26, 9, tzinfo=UTC)

Placed = tuple[str, int, int]
"""Machine, start and end in seconds after START."""


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def task(id: str, *after: str, command: Iterable[str] = ("true",), **more: Any) -> Task:
    return Task(id=id, after=after, command=tuple(command), **more)


def graph_of(*tasks: Task, **more: Any) -> TaskGraph:
    return TaskGraph(name="test", tasks=tasks, **more)


def plan_of(graph: TaskGraph, places: Mapping[str, Placed]) -> Plan:
    return Plan(
        graph=graph.digest,
        assignments=tuple(
            Assignment(
                task=id,
                machines=(machine,) * graph.task(id).gang if machine else (),
                start=at(start),
                end=at(end),
            )
            for id, (machine, start, end) in places.items()
        ),
    )


def machines(*names: str, **more: Any) -> Inventory:
    made = {"cpus": 1, **more}
    return Inventory(machines=tuple(Machine(name=name, **made) for name in names))


def opened(
    graph: TaskGraph,
    places: Mapping[str, Placed],
    inventory: Inventory | None = None,
    executor: str = "dry-run",
) -> Opened:
    return Opened(
        at=START,
        execution="run",
        executor=executor,
        graph=graph,
        plan=plan_of(graph, places),
        inventory=inventory or machines("m1", "m2"),
    )


def told(records: Iterable[Record]) -> list[str]:
    """Records in short: seconds after START, kind, task."""
    lines = []
    for record in records:
        seconds = (record.at - START).total_seconds()
        name = getattr(record, "task", "")
        lines.append(f"{seconds:g} {record.kind} {name}".strip())
    return lines


def starts(records: Iterable[Record]) -> list[tuple[str, int]]:
    """Tasks by start, in whole seconds: an end is seen a moment after it happened."""
    return [
        (record.task, round((record.at - START).total_seconds()))
        for record in records
        if record.kind == "intent"
    ]


NO_CPU = Demand(cpus=0)
