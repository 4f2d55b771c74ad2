"""Executions of this process by name: a ledger each, opened once, begun or gone on with."""

from __future__ import annotations

from datetime import timedelta

from agentsched.agent.carrying import Carrying
from agentsched.agent.context import AgentContext
from agentsched.errors import UserError
from agentsched.execution import Execution, Ledger, Record, Rules, opening
from agentsched.planning import Plan, TaskGraph

AT_ONCE = timedelta(seconds=1)
"""What a task without a command takes when nothing waits for its planned time."""


def carrying(
    context: AgentContext, name: str, graph: TaskGraph | None = None, plan: Plan | None = None
) -> Carrying:
    """Return the execution of that name; the first call in a process opens its ledger.

    Args:
        context: Where ledgers lie, what executes.
        name: Of the execution.
        graph: What was approved; only for one that was never begun.
        plan: Where and when, as approved.

    Raises:
        UserError: It was never begun and there is nothing to begin, or another process has it.
        StorageError: Its ledger cannot be written.
    """
    if name in context.carried:
        return context.carried[name]
    ledger = Ledger(context.executions / name / "ledger.jsonl")
    try:
        made = _open(context, name, ledger, graph, plan)
    except BaseException:
        ledger.close()
        raise
    context.carried[name] = made
    return made


def _open(
    context: AgentContext, name: str, ledger: Ledger, graph: TaskGraph | None, plan: Plan | None
) -> Carrying:
    executor = context.executor(name)
    margin = context.settings.execution.late_minutes * 60
    rules = Rules(eager=context.eager, late_margin=margin)
    heard: list[Carrying] = []

    def listen(record: Record) -> None:
        for carried in heard:
            carried.heard(record)

    if ledger.records:
        execution = Execution(ledger, executor, context.clock, rules, listen=listen)
    elif graph is None or plan is None:
        raise UserError(f"execution {name!r} was never begun; approve its plan first")
    else:
        if context.eager:
            graph, plan = at_once(graph, plan)
        opened = opening(name, graph, plan, context.inventory, executor, context.clock)
        execution = Execution.begin(ledger, opened, executor, context.clock, rules, listen=listen)
    carried = Carrying(execution, context.clock)
    heard.append(carried)
    return carried


def at_once(graph: TaskGraph, plan: Plan) -> tuple[TaskGraph, Plan]:
    """Return graph and plan as carried out by somebody who does not wait for planned times.

    Earliest and latest starts fall away, and a task without a command, which would only let its
    time pass, takes a moment.
    """
    idle = {task.id for task in graph.tasks if not task.command}
    free = {"release": None, "latest_start": None, "fixed": None}
    tasks = tuple(task.model_copy(update=free) for task in graph.tasks)
    places = tuple(
        place.model_copy(update={"end": place.start + AT_ONCE}) if place.task in idle else place
        for place in plan.assignments
    )
    return (
        graph.model_copy(update={"tasks": tasks}),
        plan.model_copy(update={"assignments": places}),
    )
