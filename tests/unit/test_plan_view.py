"""What a person sees of a plan."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

from rich.console import Console

from agentsched.cli.output import clock, span
from agentsched.cli.plan_view import bar, gantt, in_order, tree, where
from agentsched.planning.graph import Demand, Task, TaskGraph
from agentsched.planning.plan import Assignment, Plan

START = datetime(2026, 3, 4, 20, 0, tzinfo=UTC)
GRAPH = TaskGraph(
    name="night",
    tasks=(
        Task(id="report", after=("eval",)),
        Task(id="eval", after=("small", "large")),
        Task(id="small", duration=2400, demand=Demand(devices=1)),
        Task(id="large", duration=7200, demand=Demand(devices=2)),
    ),
)


def at(task: str, start: int, minutes: int, *machines: str) -> Assignment:
    begin = START + timedelta(minutes=start)
    return Assignment(
        task=task, machines=machines, start=begin, end=begin + timedelta(minutes=minutes)
    )


def drawn(thing: object) -> str:
    screen = Console(width=140, record=True, file=io.StringIO(), force_terminal=False)
    screen.print(thing)
    return screen.export_text()


def test_the_tree_puts_a_task_under_what_it_waits_for() -> None:
    lines = drawn(tree(GRAPH)).splitlines()
    assert lines[0].strip() == "night"
    assert [line.strip("│├└─ ").split()[0] for line in lines[1:]] == [
        "small", "large", "eval", "report",
    ]  # fmt: skip
    assert "2 h · 2 GPUs" in lines[2]
    assert "after small, large" in lines[3]


def test_order_puts_each_task_after_those_it_waits_for() -> None:
    assert [task.id for task in in_order(GRAPH)] == ["small", "large", "eval", "report"]


def test_bars_lie_to_scale() -> None:
    whole = START + timedelta(minutes=100)
    assert bar(at("a", 0, 50), START, whole, 10) == "█████"
    assert bar(at("b", 50, 50), START, whole, 10) == "     █████"
    assert bar(at("c", 100, 0), START, whole, 10) == "         █"


def test_the_chart_names_task_machine_and_times() -> None:
    plan = Plan(assignments=(at("small", 0, 40, "a100-1"), at("large", 0, 300, "a100-2")))
    text = drawn(gantt(GRAPH, plan, UTC))
    assert "small" in text
    assert "a100-2" in text
    assert "Thu 05 Mar 01:00" in text


def test_members_on_one_machine_are_counted() -> None:
    assert where(at("a", 0, 1, "x", "x", "y")) == "x x2, y"
    assert where(at("a", 0, 1)) == "-"
    assert where(at("a", 0, 1, "a", "b", "c", "d", "e")) == "a, b, c, and 2 more"


def test_times_are_said_as_people_do() -> None:
    assert [span(s) for s in (0, 45, 5400, 90_000, 183_600)] == [
        "0 s", "45 s", "1 h 30 min", "1 d 1 h", "2 d 3 h",
    ]  # fmt: skip
    assert clock(START, UTC) == "Wed 04 Mar 20:00"
    assert clock(START, UTC, since=START) == "20:00"
