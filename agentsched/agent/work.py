"""From intents to a plan: one task graph of all that was asked, filled, checked, planned."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path

from agentsched.agent.context import AgentContext
from agentsched.errors import UserError
from agentsched.planning import Infeasible, Inventory, Planned, PlanRequest, TaskGraph, plan
from agentsched.planning.catalogue import fill
from agentsched.planning.checks import complete_graph, examine
from agentsched.planning.graph import Demand, Task
from agentsched.planning.hints import Hint
from agentsched.planning.inventory import Away, Person
from agentsched.planning.plan import Assignment, Plan
from agentsched.understanding import (
    AskRun,
    ChangePlan,
    DropPlan,
    PlanWork,
    StartEvolution,
    Understood,
)

DEFAULT_EVALUATIONS = 40
"""Of an evolution run whose size the user does not say."""


def wanted(understood: Understood, runs: Path) -> TaskGraph | None:
    """Return the one graph of everything that is to be run; None when nothing is.

    Args:
        understood: The message.
        runs: Folder of evolution runs.

    Raises:
        UserError: It speaks of a run that is not there.
    """
    graphs: list[TaskGraph] = []
    for intent in understood.intents:
        match intent:
            case PlanWork() | ChangePlan():
                graphs.append(intent.graph)
            case StartEvolution():
                graphs.append(_evolution(intent))
            case AskRun(action="replay" | "resume"):
                graphs.append(_run(intent, runs))
            case _:
                pass
    return merged(graphs) if graphs else None


def concerns(understood: Understood) -> bool:
    """Whether a message wants anything to be run, or run otherwise."""
    return any(
        isinstance(intent, PlanWork | ChangePlan | DropPlan | StartEvolution)
        or (isinstance(intent, AskRun) and intent.action in ("replay", "resume"))
        for intent in understood.intents
    )


def merged(graphs: list[TaskGraph]) -> TaskGraph:
    """Return several graphs side by side as one; ids that stand twice get a number."""
    if len(graphs) == 1:
        return graphs[0]
    taken: set[str] = set()
    tasks: list[Task] = []
    apart: list[tuple[str, str]] = []
    hints: list[Hint] = []
    for graph in graphs:
        names = {task.id: _free(task.id, taken) for task in graph.tasks}
        tasks += [
            task.model_copy(
                update={"id": names[task.id], "after": tuple(names[a] for a in task.after)}
            )
            for task in graph.tasks
        ]
        apart += [(names[a], names[b]) for a, b in graph.apart]
        # A hint that spoke of the whole graph speaks of its tasks now.
        hints += [
            hint.model_copy(update={"tasks": tuple(names[t] for t in hint.tasks or names)})
            for hint in graph.hints
        ]
    return TaskGraph(
        name=graphs[0].name,
        tasks=tuple(tasks),
        apart=tuple(apart),
        hints=tuple(hints),
        goals=tuple(goal for graph in graphs for goal in graph.goals),
        notes=tuple(note for graph in graphs for note in graph.notes),
    )


@dataclass(frozen=True, slots=True)
class Prepared:
    """A graph with everything known that planning needs, or why it cannot be planned."""

    graph: TaskGraph
    problems: tuple[str, ...]
    """Tasks that no machine can run, one sentence each."""


def prepare(graph: TaskGraph, context: AgentContext, wishes: Iterable[Hint] = ()) -> Prepared:
    """Fill in what catalogue, defaults and stated preferences know; check that it can run at all.

    Args:
        graph: As the user asked.
        context: Machines and catalogue.
        wishes: Placement preferences from memory; what the user says now wins over them.
    """
    filled = fill(graph, context.jobs)
    said = {(hint.kind, hint.tasks) for hint in filled.hints}
    extra = tuple(hint for hint in wishes if (hint.kind, hint.tasks) not in said)
    filled = filled.model_copy(update={"hints": (*filled.hints, *extra)})
    filled = complete_graph(filled)
    idle = [task.id for task in filled.tasks if not task.command and not task.people]
    if idle:
        what = ", ".join(idle[:4]) + (f" and {len(idle) - 4} more" if len(idle) > 4 else "")
        note = f"nothing is known to run for {what}: the time is set aside (docs/job-catalogue.md)"
        filled = filled.model_copy(update={"notes": (*filled.notes, note)})
    return Prepared(filled, unplannable(filled, context.inventory))


def unplannable(graph: TaskGraph, inventory: Inventory) -> tuple[str, ...]:
    """Return why a graph cannot even be tried: tasks that wait for each other or fit nowhere."""
    bars = ("cycle", "unsolvable", "uncovered")
    return tuple(one.message for one in examine(graph, inventory) if one.kind in bars)


def make_plan(
    graph: TaskGraph,
    context: AgentContext,
    now: datetime,
    *,
    busy: tuple[Person, ...] = (),
    previous: Plan | None = None,
    started: tuple[Assignment, ...] = (),
    inventory: Inventory | None = None,
) -> Planned | Infeasible:
    """Plan a prepared graph on the known machines.

    Args:
        graph: With durations.
        context: Machines, zone, solver's time.
        now: Nothing starts earlier.
        busy: People whose calendars count.
        previous: The plan in force, kept where that costs nothing.
        started: What runs already.
        inventory: In place of the context's, when machines were lost.
    """
    machines = inventory or context.inventory
    known = {person.name for person in busy}
    people = (*(p for p in machines.people if p.name not in known), *busy)
    needed = {name for task in graph.tasks for name in task.people}
    unknown = needed - {person.name for person in people}
    people += tuple(Person(name=name) for name in sorted(unknown))
    return plan(
        PlanRequest(
            graph=graph,
            inventory=machines.model_copy(update={"people": people}),
            now=now,
            zone=context.zone,
            budget=context.settings.agent.solver_seconds,
            previous=previous,
            started=started,
            beyond=lambda request: _beyond(request, context),
        )
    )


def _beyond(request: PlanRequest, context: AgentContext) -> Plan:
    """Plan what the solver cannot, by a policy from memory; loaded only when it comes to that."""
    from agentsched.planning.beyond import by_policy

    with context.memory() as store:
        return by_policy(store)(request)


def differs(old: Plan, new: Plan, margin: float) -> tuple[str, ...]:
    """Return in words what a user who approved ``old`` would want to know of ``new``.

    Args:
        old: As approved.
        new: For the tasks that are left.
        margin: Seconds by which a task may end later unnoticed.
    """
    said: list[str] = []
    before = {place.task: place for place in old.assignments}
    for place in new.assignments:
        was = before.get(place.task)
        if was is None:
            said.append(f"{place.task} is new")
            continue
        if sorted(was.machines) != sorted(place.machines):
            said.append(
                f"{place.task} runs on {', '.join(place.machines) or 'no machine'} instead of "
                f"{', '.join(was.machines) or 'none'}"
            )
        late = (place.end - was.end).total_seconds()
        if late > margin:
            said.append(f"{place.task} ends {_minutes(late)} later")
    return tuple(said)


def people_of(name: str, busy: Iterable[tuple[datetime, datetime, str]], zone: tzinfo) -> Person:
    """Return a person whose calendar has these stretches."""
    return Person(
        name=name,
        busy=tuple(
            Away(start=a.astimezone(zone), end=b.astimezone(zone), reason=why[:200])
            for a, b, why in busy
            if b > a
        ),
    )


def _evolution(intent: StartEvolution) -> TaskGraph:
    scenario = intent.scenario or "single-machine"
    words = ["evolve", scenario, "--evaluations", str(intent.evaluations or DEFAULT_EVALUATIONS)]
    seconds = intent.seconds
    if seconds is not None:
        words += ["--minutes", f"{seconds / 60:g}"]
    notes = () if intent.scenario else ("no scenario was named: single-machine",)
    return _command(
        f"evolve-{scenario}", f"evolve {scenario}", words, seconds, intent.phrases, notes
    )


def find_run(words: str, runs: Path) -> Path:
    """Return the newest run folder whose name has all these words; any for none.

    Raises:
        UserError: There is none.
    """
    parts = [part for part in words.lower().split() if part not in ("latest", "last", "run")]
    folders = sorted(runs.iterdir()) if runs.is_dir() else []
    fitting = [
        folder
        for folder in folders
        if (folder / "run.json").is_file() and all(part in folder.name for part in parts)
    ]
    if not fitting:
        about = f" about {words!r}" if parts else ""
        raise UserError(f"no run{about} in {str(runs)!r}; agentsched evolve SCENARIO makes one")
    return fitting[-1]


def _run(intent: AskRun, runs: Path) -> TaskGraph:
    folder = str(find_run(intent.run, runs))
    words = ["evolve", "--resume", folder] if intent.action == "resume" else ["replay", folder]
    return _command(f"{intent.action}-run", f"{intent.action} run", words, None, intent.phrases, ())


def _command(
    id: str, title: str, words: list[str], seconds: int | None, phrases: tuple[str, ...],
    notes: tuple[str, ...],
) -> TaskGraph:  # fmt: skip
    task = Task(
        id=id[:60].rstrip("-.") or "run",
        title=title,
        duration=seconds,
        demand=Demand(cpus=1),
        command=(sys.executable, "-m", "agentsched", *words),
        phrases=tuple(phrase[:200] for phrase in phrases),
    )
    return TaskGraph(name=title[:120], tasks=(task,), notes=notes)


def _free(id: str, taken: set[str]) -> str:
    name, number = id, 2
    while name in taken:
        name, number = f"{id[:56]}-{number}", number + 1
    taken.add(name)
    return name


def _minutes(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"
