"""``agentsched plan`` and ``check``: a task file to a checked plan, any plan against its limits."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentsched.cli.options import Json
from agentsched.cli.output import check_output, emit, note, show, write_output
from agentsched.errors import Exit, UserError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from agentsched.execution import Execution, Rules
    from agentsched.planning import Inventory, Plan, PlanRequest, TaskGraph
    from agentsched.settings import Settings

LEDGER = ".jsonl"
LEDGER_NAME = f"ledger{LEDGER}"

Tasks = Annotated[
    Path,
    typer.Argument(
        help="Tasks as TOML or JSON (docs/planning.md), or the ledger.jsonl of a plan to go on "
        "with.",
        show_default=False,
    ),
]


def command(
    tasks: Tasks,
    inventory: Annotated[
        Path | None, typer.Option(help="Machines, people and data; by default this machine.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0.05, help="Time for the solver; by default the settings'.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the plan file there.")
    ] = None,
    run: Annotated[bool, typer.Option("--run", help="Carry the plan out at once.")] = False,
    eager: Annotated[
        bool | None, typer.Option("--eager/--on-time", help="Start at once, or at planned times.")
    ] = None,
    json: Json = False,
) -> int:
    """Plan a file of tasks; no model takes part."""
    from agentsched.agent.presenting import infeasible_sections, plan_sections, text_of
    from agentsched.agent.work import unplannable
    from agentsched.calendars.own import own_zone
    from agentsched.execution import SystemClock
    from agentsched.planning import Infeasible, PlanFile, PlanRequest
    from agentsched.planning import plan as make_plan
    from agentsched.planning.catalogue import fill, load_catalogue
    from agentsched.planning.checks import complete_graph
    from agentsched.planning.inventory_file import load_inventory
    from agentsched.planning.this_machine import this_machine
    from agentsched.planning.work_file import load_work
    from agentsched.settings import load_settings

    check_output(output)
    settings = load_settings({"agent.inventory": inventory})
    zone = own_zone(settings.calendar)
    if tasks.suffix == LEDGER:
        return asyncio.run(_go_on(settings, tasks, zone, run, eager, json))
    place = settings.agent.inventory
    machines = load_inventory(place) if place else this_machine()
    now = SystemClock().now().astimezone(zone)
    graph = load_work(tasks, now, zone, machines)
    jobs = load_catalogue(settings.agent.jobs) if settings.agent.jobs else ()
    graph = complete_graph(fill(graph, jobs))
    problems = unplannable(graph, machines)
    if problems:
        return _refused(problems, json)
    found = make_plan(
        PlanRequest(
            graph=graph,
            inventory=machines,
            now=now,
            zone=zone,
            budget=seconds or settings.agent.solver_seconds,
            beyond=lambda request: _beyond(request, settings),
        )
    )
    if isinstance(found, Infeasible):
        if json:
            emit({"feasible": False, "conflict": found.conflict.words,
                  "relaxations": [way.words for way in found.relaxations]})  # fmt: skip
        else:
            show(text_of(infeasible_sections(found)))
        return Exit.INFEASIBLE
    if output is not None:
        file = PlanFile(graph=graph, inventory=machines, plan=found.plan, zone=zone.key)
        write_output(output, file.model_dump_json(indent=1))
    if json and not run:
        emit({"feasible": True, "graph": graph.model_dump(mode="json"),
              "plan": found.plan.model_dump(mode="json")})  # fmt: skip
    elif not json:
        from agentsched.cli.plan_view import gantt, tree

        show(tree(graph), "", gantt(graph, found.plan, zone), "",
             text_of(plan_sections(graph, found.plan, zone)))  # fmt: skip
        if output is not None:
            note(f"written to {output}; agentsched check {output} checks it again")
    if run:
        return asyncio.run(_carry_out(settings, graph, found.plan, machines, zone, eager, json))
    return Exit.OK


def check(
    plan: Annotated[
        Path, typer.Argument(help="A plan file: graph, inventory and plan.", show_default=False)
    ],
    json: Json = False,
) -> int:
    """Name every hard constraint that a plan breaks, whoever made it."""
    from agentsched.planning import load_plan_file

    broken = load_plan_file(plan).check()
    if json:
        emit({"violations": [one.model_dump() for one in broken]})
    elif not broken:
        show("the plan keeps every hard constraint")
    else:
        show(*(f"{one.kind}: {one.message}" for one in broken))
    return Exit.INFEASIBLE if broken else Exit.OK


def _beyond(request: PlanRequest, settings: Settings) -> Plan:
    from contextlib import closing

    from agentsched.planning.beyond import by_policy
    from memory import open_memory

    with closing(open_memory(settings.memory.url)) as store:
        return by_policy(store)(request)


def _refused(problems: tuple[str, ...], json: bool) -> int:
    if json:
        emit({"feasible": False, "problems": list(problems)})
    else:
        show(*problems)
    return Exit.INFEASIBLE


async def _carry_out(
    settings: Settings, graph: TaskGraph, plan: Plan, machines: Inventory, zone: ZoneInfo,
    eager: bool | None, json: bool,
) -> int:  # fmt: skip
    """Run a plan from a file: the same ledger and executors as in a conversation."""
    import secrets

    from agentsched.agent.executions import at_once
    from agentsched.agent.opening import Places, clock_of, executor_of
    from agentsched.execution import Execution, Ledger, opening

    at_start = settings.execution.eager if eager is None else eager
    if at_start:
        graph, plan = at_once(graph, plan)
    name = f"plan-{secrets.token_hex(4)}"
    folder = Places.of(settings).executions / name
    clock = clock_of(settings)
    executor = executor_of(settings, folder, clock)
    with Ledger(folder / LEDGER_NAME) as ledger:
        opened = opening(name, graph, plan, machines, executor, clock)
        rules = _rules(settings, at_start)
        return await _follow(Execution.begin(ledger, opened, executor, clock, rules), zone, json)


async def _go_on(
    settings: Settings, path: Path, zone: ZoneInfo, run: bool, eager: bool | None, json: bool
) -> int:
    """Go on with a plan that was left: its ledger tells how far it came."""
    from agentsched.agent.opening import clock_of, executor_of
    from agentsched.execution import Execution, Ledger, read_records

    if not run:
        raise UserError(f"{str(path)!r} is a plan that was begun; --run goes on with it")
    read_records(path)  # one that is not there must not be made
    clock = clock_of(settings)
    executor = executor_of(settings, path.absolute().parent, clock)
    at_start = settings.execution.eager if eager is None else eager
    with Ledger(path) as ledger:
        execution = Execution(ledger, executor, clock, _rules(settings, at_start))
        return await _follow(execution, zone, json)


def _rules(settings: Settings, eager: bool) -> Rules:
    from agentsched.execution import Rules

    return Rules(eager=eager, late_margin=settings.execution.late_minutes * 60)


async def _follow(execution: Execution, zone: ZoneInfo, json: bool) -> int:
    from agentsched.agent.presenting import report_sections, text_of
    from agentsched.cli.telling import Teller
    from agentsched.execution import Record, run_plan
    from agentsched.execution.executor import Unreachable

    teller = Teller(quiet=json)
    again = f"agentsched plan {execution.ledger} --run"

    def listen(record: Record) -> None:
        teller.hear_record(record.model_dump(mode="json"))

    try:
        with teller:
            report = await run_plan(execution, listen=listen)
    except asyncio.CancelledError:
        note(f"what ran was stopped, and is started anew by: {again}")
        raise
    except Unreachable as error:
        error.add_note(f"go on when it answers: {again}")
        raise
    if json:
        state = execution.state
        emit({"feasible": True, "execution": state.execution, "completed": report.completed,
              "done": report.done, "tasks": len(report.tasks), "delay": report.delay,
              "plan": state.plan.model_dump(mode="json")})  # fmt: skip
    else:
        show(text_of(report_sections(report, zone)))
    return Exit.OK if report.completed else Exit.EXECUTION
