"""What is left of a plan, given to the planner and taken back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from execution_plans import START, at, graph_of, opened, task

from agentsched.execution import State, fold
from agentsched.execution.records import Began, GaveUp, Intent, MachineLost, Over, Record
from agentsched.execution.remaining import remaining
from agentsched.planning import Planned, PlanRequest, plan
from agentsched.planning.hints import (
    CeilingHint,
    DeviceHint,
    Hint,
    LabelHint,
    PlaceHint,
    SpreadHint,
    TogetherHint,
)
from agentsched.planning.inventory import Inventory, Machine

INVENTORY = Inventory(
    machines=tuple(
        Machine(name=f"m{n}", cpus=2, zone="east" if n < 3 else "west", price=36.0, speed=2.0)
        for n in (1, 2, 3)
    )
)
PLACES = {"a": ("m1", 0, 100), "b": ("m2", 0, 100), "c": ("m1", 100, 200), "d": ("m3", 200, 300)}


def began(id: str, machine: str, start: float = 0) -> list[Record]:
    key = f"run.{id}.1"
    return [
        Intent(at=at(start), task=id, number=1, key=key, machines=(machine,), seconds=100),
        Began(at=at(start), task=id, key=key, started=at(start)),
    ]


def over(id: str, end: float, outcome: str = "done", start: float = 0) -> Record:
    return Over.model_validate(
        {"at": at(end), "task": id, "key": f"run.{id}.1", "outcome": outcome, "code": 0,
         "started": at(start), "ended": at(end)}
    )  # fmt: skip


def state(*records: Record, hints: tuple[Hint, ...] = ()) -> State:
    """a is done, b runs, c waits for both, d for c."""
    graph = graph_of(
        task("a", duration=200), task("b", duration=200), task("c", "a", "b", duration=200),
        task("d", "c", duration=200), hints=hints,
    )  # fmt: skip
    first = opened(graph, PLACES, INVENTORY)
    return fold([first, *began("a", "m1"), over("a", 100), *began("b", "m2"), *records])


def test_done_tasks_are_gone_and_running_ones_stay_where_they_are() -> None:
    left = remaining(state(), at(50))
    assert left.graph is not None
    b, c, d = left.graph.tasks
    assert (b.fixed, b.duration, b.after) == (START, 200, ())
    assert (c.after, d.after) == (("b",), ("c",))
    assert left.graph.hints == (
        LabelHint(tasks=("b",), hard=True, names=("m2",), phrase="it runs there"),
    )
    assert [(one.task, one.machines, one.end) for one in left.started] == [("b", ("m2",), at(100))]
    assert left.finished["a"].end == at(100)
    assert left.running["b"].start == START


def test_a_task_that_overruns_is_thought_to_need_more() -> None:
    """After 200 of 100 planned seconds: a quarter more than it took, and a second."""
    left = remaining(state(), at(200))
    assert left.started[0].end == at(251)
    assert left.graph is not None
    assert left.graph.tasks[0].duration == 502  # on a machine of speed 1


@pytest.mark.parametrize("given", [True, False])
def test_the_planner_plans_what_is_left(given: bool) -> None:
    left = remaining(state(), at(150))
    assert left.graph is not None
    assert left.inventory is not None
    request = PlanRequest(
        left.graph, left.inventory, at(150), started=left.started if given else (), workers=1
    )
    found = plan(request)
    assert isinstance(found, Planned)
    assert found.plan.of("b").machines == ("m2",)
    assert found.plan.of("b").start == START
    assert found.plan.of("c").start >= found.plan.of("b").end


def test_what_was_given_up_is_left_out_with_what_waits_for_it() -> None:
    gone = state(over("b", 90, "failed"), GaveUp(at=at(90), task="b", reason="exit code 1"))
    left = remaining(gone, at(95))
    assert left.graph is None
    assert left.given_up == {"b": "exit code 1"}
    assert left.blocked == {"c": "waits for 'b'", "d": "waits for 'c'"}
    again = remaining(gone, at(95), again=("b",))
    assert again.graph is not None
    assert [task.id for task in again.graph.tasks] == ["b", "c", "d"]
    assert (again.given_up, again.blocked) == ({}, {})


def test_what_began_in_time_may_begin_again_later() -> None:
    limit = at(60)
    graph = graph_of(task("a", duration=200, latest_start=limit), task("b", latest_start=limit))
    first = opened(graph, {"a": ("m1", 0, 100), "b": ("m2", 50, 100)}, INVENTORY)
    gone = [over("a", 70, "failed"), GaveUp(at=at(70), task="a", reason="exit code 1")]
    left = remaining(fold([first, *began("a", "m1"), *gone]), at(75), again=("a",))
    assert left.graph is not None
    assert [one.latest_start for one in left.graph.tasks] == [None, limit]


def test_lost_machines_are_not_planned_on() -> None:
    left = remaining(state(MachineLost(at=at(10), machines=("m1", "m2"), tasks=())), at(10))
    assert left.inventory is not None
    kept = {machine.name: machine for machine in left.inventory.machines}
    assert sorted(kept) == ["m2", "m3"]  # b is still thought to run on m2
    assert kept["m2"].away[0].start == at(10)
    assert kept["m3"].away == ()


@pytest.mark.parametrize(
    ("hint", "left"),
    [
        # a ran on m1 in zone east: c belongs there, and away from it
        (
            TogetherHint(tasks=("a", "c"), hard=True),
            [LabelHint(tasks=("c",), hard=True, names=("m1",))],
        ),
        (
            SpreadHint(tasks=("a", "c", "d"), level="zone", weight=3),
            [
                PlaceHint(tasks=("c", "d"), level="zone", names=("east",), avoid=True, weight=3),
                SpreadHint(tasks=("c", "d"), level="zone", weight=3),
            ],
        ),
        # 100 s at 36 an hour are 1
        (
            CeilingHint(quantity="price", limit=5, hard=True),
            [CeilingHint(tasks=("b", "c", "d"), quantity="price", limit=4, hard=True)],
        ),
        (CeilingHint(quantity="price", limit=5, per_hour=True), None),
        (DeviceHint(names=("gpu",), tasks=("a",)), []),
        (DeviceHint(names=("gpu",), tasks=("a", "d")), [DeviceHint(names=("gpu",), tasks=("d",))]),
        (DeviceHint(names=("gpu",)), None),
    ],
)
def test_wishes_that_spoke_of_done_tasks_say_what_follows(
    hint: Hint, left: list[Hint] | None
) -> None:
    found = remaining(state(hints=(hint,)), at(150))
    assert found.graph is not None
    assert list(found.graph.hints[:-1]) == ([hint] if left is None else left)


def test_nothing_is_left_of_a_finished_plan() -> None:
    done = state(over("b", 100), *began("c", "m1", 100), over("c", 200, start=100))
    for record in (*began("d", "m3", 200), over("d", 290, start=200)):
        done.apply(record)
    left = remaining(done, at(300))
    assert (left.graph, left.started, left.running) == (None, (), {})
    assert left.finished["d"].end == START + timedelta(seconds=290)
