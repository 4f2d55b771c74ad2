"""Small requests for the tests of planning; all start on Wednesday 2026-11-25, 18:00 UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from agentsched.planning import Inventory, Plan, PlanRequest, Task, TaskGraph
from agentsched.planning.graph import Demand
from agentsched.planning.inventory import Machine
from agentsched.planning.plan import Assignment

NOW = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def at(hours: float) -> datetime:
    return NOW + hours * HOUR


def task(id: str, hours: float = 1, *after: str, devices: int = 1, **more: Any) -> Task:
    return Task(
        id=id,
        duration=round(hours * 3600),
        after=after,
        demand=more.pop("demand", Demand(devices=devices)),
        **more,
    )


def meeting(id: str, hours: float, *people: str, **more: Any) -> Task:
    return task(id, hours, demand=Demand(cpus=0), people=people, **more)


def machine(name: str, devices: int = 2, **more: Any) -> Machine:
    return Machine(name=name, cpus=16, devices=devices, **more)


ONE = Inventory(machines=(machine("m"),))
TWO = Inventory(
    machines=(
        machine("fast", device="A100", speed=2, price=4, watts=400, carbon=300),
        machine("slow", device="V100", price=1, watts=300, carbon=50, spot=True, zone="eu"),
    )
)


def graph(*tasks: Task, **more: Any) -> TaskGraph:
    return TaskGraph(tasks=tasks, **more)


def request(asked: TaskGraph, inventory: Inventory = ONE, **more: Any) -> PlanRequest:
    return PlanRequest(graph=asked, inventory=inventory, now=more.pop("now", NOW), **more)


def by_hand(*rows: tuple[str, str, float, float]) -> Plan:
    """Return a plan of rows (task, machines with commas, start and end in hours from NOW)."""
    return Plan(
        assignments=tuple(
            Assignment(
                task=id,
                machines=tuple(filter(None, machines.split(","))),
                start=at(start),
                end=at(end),
            )
            for id, machines, start, end in rows
        )
    )


def hours(plan: Plan) -> dict[str, tuple[float, float]]:
    """Return start and end of each task in hours from NOW."""
    return {
        one.task: ((one.start - NOW) / HOUR, (one.end - NOW) / HOUR) for one in plan.assignments
    }
