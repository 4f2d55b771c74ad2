"""Which plans may come into force: the first one, and another while tasks run."""

from __future__ import annotations

from agentsched.errors import UserError
from agentsched.execution.clock import Clock
from agentsched.execution.executor import Executor
from agentsched.execution.order import topological
from agentsched.execution.ready import Room
from agentsched.execution.records import Opened
from agentsched.execution.state import Tried
from agentsched.planning.graph import Task, TaskGraph
from agentsched.planning.inventory import Inventory
from agentsched.planning.plan import Plan


def opening(
    name: str, graph: TaskGraph, plan: Plan, inventory: Inventory, executor: Executor, clock: Clock
) -> Opened:
    """Return the first record of an execution.

    Args:
        name: Unique among the executions that share an executor's folder; part of every key.
        graph: What is to be done.
        plan: Where and when, approved.
        inventory: The machines it was planned on.
        executor: Will run it.
        clock: Tells the time.

    Raises:
        UserError: The name has other characters than a-z 0-9 _ . -
    """
    try:
        return Opened(
            at=clock.now(),
            execution=name,
            executor=executor.name,
            graph=graph,
            plan=plan,
            inventory=inventory,
        )
    except ValueError:
        raise UserError(
            f"execution name {name!r} must be 1 to 80 of a-z 0-9 _ . - and begin with a letter or "
            "digit; name it otherwise"
        ) from None


def check_fit(graph: TaskGraph, plan: Plan, inventory: Inventory) -> None:
    """Make sure that a plan can be carried out at all on these machines.

    Whether it is a good plan, or keeps every wish, is the checker's business.

    Raises:
        UserError: A task has no place, a machine is unknown, or it is too small for the task
            even when it is empty; or tasks wait for each other in a circle.
    """
    circle = {task.id for task in graph.tasks} - {task.id for task in topological(graph)}
    if circle:
        raise UserError(
            f"task {min(circle)!r} waits for itself over others; take one of its 'after' away"
        )
    places = {place.task: place for place in plan.assignments}
    room = Room({machine.name: machine for machine in inventory.machines})
    for task in graph.tasks:
        place = places.get(task.id)
        if place is None:
            raise UserError(f"the plan has no place for task {task.id!r}; plan it again")
        for name in place.machines:
            if name not in room.machines:
                raise UserError(
                    f"task {task.id!r}: no machine {name!r} in the inventory; known: "
                    f"{', '.join(sorted(room.machines)[:8])}"
                )
        if not room.fits(task, place.machines):
            raise UserError(
                f"task {task.id!r} does not fit on {', '.join(sorted(set(place.machines)))}: "
                f"{task.demand.cpus:g} cpus, {task.demand.memory:g} GiB, {task.demand.devices} "
                f"devices, times {task.gang}; plan it again"
            )


def check_kept(tried: Tried, task: Task, graph: TaskGraph, plan: Plan) -> None:
    """Make sure that a new plan leaves a running attempt as it is.

    Args:
        tried: The attempt.
        task: Its task in the plan in force.
        graph: The new one.
        plan: For the new graph.

    Raises:
        UserError: It forgets, changes or moves the task.
    """
    new = {one.id: one for one in graph.tasks}.get(task.id)
    kept = (task.command, task.demand, task.gang)
    if new is None or (new.command, new.demand, new.gang) != kept:
        raise UserError(
            f"task {task.id!r} runs; the new plan must keep it as it is, or cancel it first"
        )
    if sorted(plan.of(task.id).machines) != sorted(tried.intent.machines):
        raise UserError(
            f"task {task.id!r} runs on {', '.join(tried.intent.machines)}; the new plan must leave "
            "it there, or cancel it first"
        )
