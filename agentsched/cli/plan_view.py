"""A plan for the eye: the task graph as a tree, the schedule as a Gantt chart in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from agentsched.cli.output import clock, span

if TYPE_CHECKING:
    from rich.console import RenderableType

    from agentsched.planning.graph import Task, TaskGraph
    from agentsched.planning.plan import Assignment, Plan

COLOURS: Final = ("cyan", "green", "yellow", "magenta", "blue", "red")
CHART: Final = 48
"""Columns of the Gantt chart."""
ROWS: Final = 40
"""Rows shown; the rest is counted."""


def tree(graph: TaskGraph) -> Tree:
    """Return tasks under what they wait for; one that waits for several stands under the last."""
    root = Tree(Text(graph.name, style="bold"))
    places: dict[str, Tree] = {}
    for task in in_order(graph):
        above = places[task.after[-1]] if task.after else root
        places[task.id] = above.add(_label(task))
    return root


def gantt(graph: TaskGraph, plan: Plan, zone: tzinfo) -> RenderableType:
    """Return one bar a task over time, with its machine, start and end."""
    placed = sorted(plan.assignments, key=lambda a: (a.start, a.end, a.task))
    if not placed:
        return Text("nothing is placed")
    first, last = placed[0].start, max(a.end for a in placed)
    table = Table(box=None, pad_edge=False, show_header=True, header_style="dim")
    for heading in ("task", "where", "start", "end"):
        table.add_column(heading, no_wrap=True)
    table.add_column(_axis(first, last, zone), no_wrap=True)
    for row, assignment in enumerate(placed[:ROWS]):
        table.add_row(
            assignment.task,
            where(assignment),
            clock(assignment.start, zone, since=first),
            clock(assignment.end, zone, since=first),
            Text(bar(assignment, first, last), style=COLOURS[row % len(COLOURS)]),
        )
    if len(placed) > ROWS:
        table.add_row(f"… {len(placed) - ROWS} more", "", "", "", "")
    return table


def bar(assignment: Assignment, first: datetime, last: datetime, width: int = CHART) -> str:
    """Return the bar of one task: at least one mark, from its start to its end."""
    whole = max((last - first) / timedelta(seconds=1), 1.0)
    begin = int((assignment.start - first) / timedelta(seconds=1) / whole * width)
    end = round((assignment.end - first) / timedelta(seconds=1) / whole * width)
    begin = min(begin, width - 1)
    return " " * begin + "█" * max(1, min(end, width) - begin)


def where(assignment: Assignment) -> str:
    """Return the machines in words: ``a100-1``, ``a100-1 x2, a100-2``."""
    counts: dict[str, int] = {}
    for machine in assignment.machines:
        counts[machine] = counts.get(machine, 0) + 1
    named = [name if n == 1 else f"{name} x{n}" for name, n in counts.items()]
    if len(named) > 3:
        named[3:] = [f"and {len(named) - 3} more"]
    return ", ".join(named) or "-"


def in_order(graph: TaskGraph) -> Sequence[Task]:
    """Return the tasks so that each follows what it waits for; else as they stand."""
    done: list[Task] = []
    placed: set[str] = set()
    waiting = list(graph.tasks)
    while waiting:
        ready = [task for task in waiting if placed.issuperset(task.after)]
        if not ready:
            raise ValueError(f"the graph has a cycle through {waiting[0].id!r}")
        done += ready
        placed.update(task.id for task in ready)
        waiting = [task for task in waiting if task.id not in placed]
    return done


def _label(task: Task) -> Text:
    label = Text(task.id, style="bold")
    parts = [task.title] if task.title and task.title.lower() != task.id.replace("-", " ") else []
    if task.duration is not None:
        parts.append(span(task.duration))
    wants = task.demand
    if wants.devices:
        parts.append(f"{wants.devices} GPU{'s' if wants.devices > 1 else ''}")
    if wants.memory:
        parts.append(f"{wants.memory:g} GiB")
    if task.gang > 1:
        parts.append(f"gang of {task.gang}")
    if len(task.after) > 1:
        parts.append(f"after {', '.join(task.after)}")
    label.append(f"  {' · '.join(parts)}" if parts else "", style="default")
    return label


def _axis(first: datetime, last: datetime, zone: tzinfo) -> str:
    left, right = clock(first, zone), clock(last, zone, since=first)
    return left + " " * max(1, CHART - len(left) - len(right)) + right
