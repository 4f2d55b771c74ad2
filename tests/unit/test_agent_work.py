"""Several intents, one graph; and what of a new plan an approver would want to know."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agentsched.agent.executions import at_once
from agentsched.agent.work import differs, find_run, merged, wanted
from agentsched.errors import UserError
from agentsched.planning.graph import Task, TaskGraph
from agentsched.planning.hints import DeviceHint
from agentsched.planning.plan import Assignment, Plan
from agentsched.understanding import AskRun, PlanWork, StartEvolution, Understood

T0 = datetime(2026, 3, 4, 10, tzinfo=UTC)


def graph(*tasks: Task, **more: object) -> TaskGraph:
    return TaskGraph.model_validate({"tasks": tasks, **more})


def at(task: str, start: int, minutes: int, *machines: str) -> Assignment:
    begin = T0 + timedelta(minutes=start)
    return Assignment(
        task=task, machines=machines, start=begin, end=begin + timedelta(minutes=minutes)
    )


def test_graphs_side_by_side_keep_their_edges_and_their_hints() -> None:
    one = graph(Task(id="a"), Task(id="b", after=("a",)), hints=(DeviceHint(names=("A100",)),))
    two = graph(Task(id="a"), Task(id="c", after=("a",)))
    both = merged([one, two])
    assert [(t.id, t.after) for t in both.tasks] == [
        ("a", ()), ("b", ("a",)), ("a-2", ()), ("c", ("a-2",)),
    ]  # fmt: skip
    assert both.hints[0].tasks == ("a", "b")


def test_an_evolution_run_is_a_task_like_any_other(tmp_path: Path) -> None:
    said = StartEvolution(phrases=("evolve",), scenario="hetero-gpu", evaluations=20, seconds=600)
    work = PlanWork(phrases=("train",), graph=graph(Task(id="train")))
    made = wanted(Understood(intents=(work, said)), tmp_path)
    assert made is not None
    assert [task.id for task in made.tasks] == ["train", "evolve-hetero-gpu"]
    words = made.tasks[1].command
    assert words[-6:] == ("evolve", "hetero-gpu", "--evaluations", "20", "--minutes", "10")


def test_a_run_is_found_by_its_words_and_the_newest_wins(tmp_path: Path) -> None:
    for name in ("20260101-a-single-machine", "20260102-b-hetero-gpu", "20260103-c-hetero-gpu"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text("{}")
    assert find_run("", tmp_path).name == "20260103-c-hetero-gpu"
    assert find_run("the last hetero-gpu run".replace("the ", ""), tmp_path).name.endswith("gpu")
    assert find_run("single-machine", tmp_path).name == "20260101-a-single-machine"
    with pytest.raises(UserError, match=r"no run about 'dag-hetero'"):
        wanted(Understood(intents=(AskRun(phrases=("x",), action="replay", run="dag-hetero"),)),
               tmp_path)  # fmt: skip


def test_a_new_plan_is_told_by_machine_and_lateness() -> None:
    old = Plan(assignments=(at("a", 0, 10, "x"), at("b", 10, 10, "x")))
    new = Plan(assignments=(at("a", 0, 10, "y"), at("b", 40, 10, "x")))
    assert differs(old, new, margin=300) == ("a runs on y instead of x", "b ends 30 min later")
    assert differs(old, old, margin=0) == ()
    earlier = Plan(assignments=(at("a", 0, 5, "x"),))
    assert differs(old, earlier, margin=0) == ()


def test_who_does_not_wait_for_planned_times_waits_for_no_release_either() -> None:
    later = T0 + timedelta(hours=8)
    asked = graph(Task(id="run", command=("x",), release=later), Task(id="idle", release=later))
    plan = Plan(assignments=(at("run", 480, 60), at("idle", 480, 60)))
    eager, places = at_once(asked, plan)
    assert [task.release for task in eager.tasks] == [None, None]
    assert places.of("run") == plan.of("run")
    assert places.of("idle").end - places.of("idle").start == timedelta(seconds=1)
