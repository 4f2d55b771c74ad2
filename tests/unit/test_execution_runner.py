"""The runner on a rehearsal in virtual time: the records are the assertion."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from execution_plans import (
    NO_CPU,
    START,
    Placed,
    at,
    graph_of,
    machines,
    opened,
    plan_of,
    starts,
    task,
    told,
)

from agentsched.errors import StorageError, UserError
from agentsched.execution import Act, DryRun, Execution, Ledger, Report, Rules, VirtualClock, fold
from agentsched.execution.executor import Unreachable
from agentsched.execution.records import Late, MachineLost, Record, Silent, Stopping
from agentsched.execution.runner import run_plan
from agentsched.planning.graph import Demand, TaskGraph
from agentsched.planning.inventory import Away, Inventory, Machine


class Rehearsal:
    """An execution of a small plan, in virtual time."""

    def __init__(
        self,
        folder: Path,
        graph: TaskGraph,
        places: Mapping[str, Placed],
        inventory: Inventory | None = None,
        acts: Mapping[str, Sequence[Act]] | None = None,
        clock: VirtualClock | None = None,
        **rules: Any,
    ) -> None:
        self.clock = clock or VirtualClock(START)
        self.executor = DryRun(self.clock, acts)
        self.ledger = Ledger(folder / "ledger.jsonl")
        self.rules = Rules(**{"poll_most": 1.0, **rules})
        self.execution = Execution.begin(
            self.ledger, opened(graph, places, inventory), self.executor, self.clock, self.rules
        )

    def run(self, **more: Any) -> Report:
        return asyncio.run(run_plan(self.execution, **more))

    @property
    def records(self) -> tuple[Record, ...]:
        return self.execution.records

    def kinds(self, *kinds: str) -> list[str]:
        return [line for line in told(self.records) if line.split()[1] in kinds]


def test_tasks_start_when_planned_and_after_their_predecessors(tmp_path: Path) -> None:
    graph = graph_of(task("a"), task("b", "a"), task("c", "b"))
    go = Rehearsal(tmp_path, graph, {"a": ("m1", 0, 10), "b": ("m1", 20, 30), "c": ("m2", 30, 40)})
    report = go.run()
    assert starts(go.records) == [("a", 0), ("b", 20), ("c", 30)]
    assert report.completed
    assert report.delay == pytest.approx(0, abs=1)
    assert go.executor.told[0] == "2026-11-26 09:00:00 start a on m1: true"


def test_eager_does_not_wait_for_the_planned_time_but_for_release_and_fixed_times(
    tmp_path: Path,
) -> None:
    graph = graph_of(task("a"), task("b", release=at(50)), task("c", fixed=at(70)))
    places = {"a": ("m1", 100, 110), "b": ("m2", 120, 130), "c": ("m1", 70, 80)}
    go = Rehearsal(tmp_path, graph, places, eager=True)
    go.run()
    assert dict(starts(go.records)) == {"a": 0, "b": 50, "c": 70}


def test_a_machine_holds_no_more_than_fits_even_when_a_task_overruns(tmp_path: Path) -> None:
    """a takes 25 s in place of 10, so b, planned at 10 on the same core, starts when a ends."""
    graph = graph_of(task("a"), task("b"))
    places = {"a": ("m1", 0, 10), "b": ("m1", 10, 20)}
    go = Rehearsal(tmp_path, graph, places, acts={"a": [Act(seconds=25)]})
    report = go.run()
    assert starts(go.records)[1][1] == pytest.approx(25, abs=1.5)
    assert report.delay == pytest.approx(15, abs=2)
    assert [row.delay for row in report.tasks] == pytest.approx([15, 15], abs=2)


def test_nobody_overtakes_a_task_that_only_waits_for_room(tmp_path: Path) -> None:
    """big (2 cpus) waits for the overrunning a; small was planned after it and would fit."""
    inventory = machines("m1", cpus=2)
    graph = graph_of(task("a"), task("big", demand=Demand(cpus=2)), task("small"))
    places = {"a": ("m1", 0, 10), "big": ("m1", 10, 20), "small": ("m1", 20, 30)}
    go = Rehearsal(tmp_path, graph, places, inventory, acts={"a": [Act(seconds=60)]})
    go.run()
    assert [name for name, _ in starts(go.records)] == ["a", "big", "small"]


def test_tasks_that_must_be_apart_never_run_together(tmp_path: Path) -> None:
    graph = graph_of(task("a"), task("b"), apart=(("a", "b"),))
    places = {"a": ("m1", 0, 10), "b": ("m2", 10, 20)}
    go = Rehearsal(tmp_path, graph, places, acts={"a": [Act(seconds=30)]})
    go.run()
    assert starts(go.records)[1][1] >= 30


def test_a_late_task_does_not_start_into_a_downtime(tmp_path: Path) -> None:
    """b would end at 35, in the downtime from 30 to 60, which its planned time kept clear of."""
    away = (Away(start=at(30), end=at(60)),)
    inventory = Inventory(machines=(Machine(name="m1", away=away),))
    graph = graph_of(task("a"), task("b", "a"))
    places = {"a": ("m1", 0, 10), "b": ("m1", 10, 20)}
    go = Rehearsal(tmp_path, graph, places, inventory, acts={"a": [Act(seconds=25)]})
    go.run()
    assert starts(go.records)[1][1] >= 60


def test_a_failed_task_is_tried_again_as_often_as_it_allows_with_growing_pauses(
    tmp_path: Path,
) -> None:
    graph = graph_of(task("a", retries=2))
    acts = {"a": [Act(code=1), Act(code=1)]}
    go = Rehearsal(tmp_path, graph, {"a": ("m1", 0, 10)}, acts=acts, backoff=10.0)
    report = go.run()
    assert report.completed
    begun = [when for _, when in starts(go.records)]
    assert begun[1] - begun[0] == pytest.approx(20, abs=2)  # 10 of work, 10 of pause
    assert begun[2] - begun[1] == pytest.approx(30, abs=2)  # 10 of work, 20 of pause


@pytest.mark.parametrize(
    ("code", "retries", "attempts"),
    [
        (1, 0, 1),  # an ordinary failure, no retries
        (75, 0, 3),  # EX_TEMPFAIL asks for another try
        (127, 5, 1),  # no such program: no other try will help
    ],
)
def test_exit_codes_decide_about_another_try(
    tmp_path: Path, code: int, retries: int, attempts: int
) -> None:
    graph = graph_of(task("a", retries=retries), task("b", "a"), task("c"))
    places = {"a": ("m1", 0, 10), "b": ("m1", 10, 20), "c": ("m2", 0, 10)}
    go = Rehearsal(tmp_path, graph, places, acts={"a": [Act(code=code)] * 9})
    report = go.run()
    a, b, c = report.tasks
    assert (a.standing, a.attempts) == ("given_up", attempts)
    assert f"exit code {code}" in a.reason
    assert (b.standing, b.attempts, b.reason) == ("waiting", 0, "waits for 'a'")
    assert c.standing == "done"
    assert go.kinds("finished") == [f"{told(go.records)[-1].split()[0]} finished"]


def test_a_refused_attempt_is_tried_again(tmp_path: Path) -> None:
    go = Rehearsal(
        tmp_path, graph_of(task("a")), {"a": ("m1", 0, 10)}, acts={"a": [Act(refused=True)]}
    )
    assert go.run().completed
    assert len(starts(go.records)) == 2


def test_a_straggler_is_named_once_and_can_be_killed_by_a_limit(tmp_path: Path) -> None:
    graph = graph_of(task("a", retries=1))
    acts = {"a": [Act(seconds=1000)]}
    go = Rehearsal(tmp_path, graph, {"a": ("m1", 0, 100)}, acts=acts, limit_factor=4.0)
    report = go.run()
    late = [record for record in go.records if isinstance(record, Late)]
    assert [(record.straggling, record.key) for record in late] == [
        (False, "run.a.1"),
        (True, "run.a.1"),
        (False, "run.a.2"),  # begun after its planned end, but not slow
    ]
    assert late[0].seconds == pytest.approx(60, abs=2)
    assert late[1].seconds == pytest.approx(100, abs=2)
    assert report.completed
    assert report.tasks[0].attempts == 2


def test_nothing_starts_on_a_machine_that_is_lost_until_a_new_plan(tmp_path: Path) -> None:
    graph = graph_of(task("a", retries=1), task("b"), task("c", "b"))
    places = {"a": ("m1", 0, 10), "b": ("m1", 10, 20), "c": ("m2", 20, 30)}
    acts = {"a": [Act(seconds=5, machine_gone=True)]}
    go = Rehearsal(tmp_path, graph, places, acts=acts)
    report = go.run()
    lost = [record for record in go.records if isinstance(record, MachineLost)]
    assert [(record.machines, record.tasks) for record in lost] == [(("m1",), ("a", "b"))]
    assert starts(go.records) == [("a", 0)]
    assert [row.reason for row in report.tasks] == [
        "machine 'm1' is gone", "machine 'm1' is gone", "waits for 'b'"
    ]  # fmt: skip


def test_a_new_plan_after_the_loss_of_a_machine_completes_the_rest(tmp_path: Path) -> None:
    graph = graph_of(task("a", retries=1), task("b"), task("c", "b"))
    places = {"a": ("m1", 0, 10), "b": ("m1", 10, 20), "c": ("m2", 20, 30)}
    acts = {"a": [Act(seconds=5, machine_gone=True)]}
    go = Rehearsal(tmp_path, graph, places, acts=acts)

    async def replan(execution: Execution, record: Record) -> None:
        left = execution.remaining()
        assert left.graph is not None
        assert left.inventory is not None
        assert [machine.name for machine in left.inventory.machines] == ["m2"]
        moved: dict[str, Placed] = {"a": ("m2", 10, 20), "b": ("m2", 20, 30), "c": ("m2", 30, 40)}
        execution.adopt(left.graph, plan_of(left.graph, moved), left.inventory, record.kind)

    report = go.run(replan=replan)
    assert report.completed
    assert (report.plans, report.attempts) == (2, 4)
    assert report.delay == pytest.approx(10, abs=2)
    assert [line.split()[1] for line in told(go.records)].count("finished") == 1


def test_a_task_without_a_command_takes_its_time(tmp_path: Path) -> None:
    graph = graph_of(task("dentist", command=(), demand=NO_CPU, fixed=at(10)), task("b", "dentist"))
    go = Rehearsal(tmp_path, graph, {"dentist": ("", 10, 70), "b": ("m1", 70, 80)}, eager=True)
    assert go.run().completed
    assert starts(go.records)[0] == ("dentist", 10)
    assert starts(go.records)[1][1] == pytest.approx(70, abs=1)
    assert "dentist" not in " ".join(go.executor.told)


def test_an_executor_that_hangs_once_is_told_of_and_asked_again(tmp_path: Path) -> None:
    go = Rehearsal(
        tmp_path,
        graph_of(task("a")),
        {"a": ("m1", 0, 10)},
        acts={"a": [Act(hangs=2)]},
        call_seconds=0.02,
    )
    assert go.run().completed
    silent = [record for record in go.records if isinstance(record, Silent)]
    assert [record.message for record in silent] == ["no answer in 0.02 s"]
    assert len(starts(go.records)) == 1


def test_an_attempt_whose_executor_stays_silent_is_lost_and_not_started_again(
    tmp_path: Path,
) -> None:
    go = Rehearsal(
        tmp_path,
        graph_of(task("a")),
        {"a": ("m1", 0, 10)},
        acts={"a": [Act(hangs=10_000)]},
        call_seconds=0.005,
        silence=20.0,
    )
    report = go.run()
    assert report.tasks[0].standing == "given_up"
    assert "may still run" in report.tasks[0].reason
    assert len(starts(go.records)) == 1


def test_an_executor_that_answers_nobody_is_left_and_the_plan_goes_on_when_it_does(
    tmp_path: Path,
) -> None:
    """Two tasks side by side run on unheard, so each starts once, however often it is left."""
    acts = [Act(hangs=60)]
    go = Rehearsal(
        tmp_path,
        graph_of(task("a"), task("b")),
        {"a": ("m1", 0, 10), "b": ("m2", 0, 10)},
        acts={"a": acts, "b": acts.copy()},
        call_seconds=0.005,
        patience=12.0,
    )
    with pytest.raises(Unreachable, match=r"dry-run did not answer \d+ times in 1\d s \(no answer"):
        go.run()
    assert "over" not in [record.kind for record in go.records]
    again = Execution(go.ledger, go.executor, go.clock, go.rules)
    while not again.finished:
        with contextlib.suppress(Unreachable):
            report = asyncio.run(run_plan(again))
    assert report.completed
    assert [row.attempts for row in report.tasks] == [1, 1]


def test_an_executor_that_answers_for_others_is_not_left(tmp_path: Path) -> None:
    """``a`` hangs far beyond the patience, while ``b`` is heard."""
    go = Rehearsal(
        tmp_path,
        graph_of(task("a"), task("b")),
        {"a": ("m1", 0, 10), "b": ("m2", 0, 500)},
        acts={"a": [Act(hangs=100)]},
        call_seconds=0.005,
        patience=20.0,
    )
    assert go.run().completed


def test_leaving_does_not_wait_for_an_executor_that_answers_nobody(tmp_path: Path) -> None:
    go = Rehearsal(
        tmp_path,
        graph_of(task("a")),
        {"a": ("m1", 0, 10)},
        acts={"a": [Act(hangs=10_000)]},
        call_seconds=0.005,
        patience=0.0,
    )

    async def leave() -> None:
        await go.execution.start("a")
        await go.execution.leave()

    asyncio.run(leave())
    kinds = [record.kind for record in go.records]
    assert kinds[-1] == "left"
    assert "over" not in kinds


@pytest.mark.parametrize("jump", [-86_400.0, -3.0, 3.0, 86_400.0])
def test_a_clock_that_jumps_starts_nothing_twice_and_does_not_hang(
    tmp_path: Path, jump: float
) -> None:
    clock = VirtualClock(START)
    graph = graph_of(
        task("a", retries=3), task("wait", "a", command=(), demand=NO_CPU), task("b", "wait")
    )
    places: dict[str, Placed] = {"a": ("m1", 0, 10), "wait": ("", 10, 20), "b": ("m1", 20, 30)}
    go = Rehearsal(tmp_path, graph, places, acts={"a": [Act(code=1)]}, clock=clock)
    jumped: list[str] = []

    def jump_at_each_kind(record: Record) -> None:
        if record.kind not in jumped and record.kind in ("intent", "over", "began"):
            jumped.append(record.kind)
            clock.jump(jump)

    assert go.run(listen=jump_at_each_kind).completed
    assert [name for name, _ in starts(go.records)] == ["a", "a", "wait", "b"]


def test_leaving_stops_what_runs_and_going_on_starts_it_anew(tmp_path: Path) -> None:
    graph = graph_of(task("a"), task("b", "a"))
    places: dict[str, Placed] = {"a": ("m1", 0, 10), "b": ("m1", 10, 20)}
    go = Rehearsal(tmp_path, graph, places)

    async def leave_when_it_runs() -> None:
        async for record in go.execution.run():
            if record.kind == "began":
                await go.execution.leave()

    asyncio.run(leave_when_it_runs())
    assert told(go.records)[-3:] == ["0 stopping a", "0 over a", "0 left"]
    again = Execution(go.ledger, go.executor, go.clock, go.rules)
    report = asyncio.run(run_plan(again))
    assert report.completed
    assert [row.attempts for row in report.tasks] == [2, 1]


def test_leaving_detached_leaves_what_runs_running(tmp_path: Path) -> None:
    go = Rehearsal(tmp_path, graph_of(task("a")), {"a": ("m1", 0, 10)})

    async def leave_when_it_runs() -> None:
        async for record in go.execution.run():
            if record.kind == "began":
                await go.execution.leave(detach=True)

    asyncio.run(leave_when_it_runs())
    assert told(go.records)[-1] == "0 left"
    again = Execution(go.ledger, go.executor, go.clock, go.rules)
    assert asyncio.run(run_plan(again)).attempts == 1


def test_a_stop_that_was_only_written_down_is_carried_out_by_the_next_process(
    tmp_path: Path,
) -> None:
    go = Rehearsal(tmp_path, graph_of(task("a")), {"a": ("m1", 0, 10)})
    asyncio.run(go.execution.step())
    go.ledger.append(Stopping(at=START, task="a", key="run.a.1", why="asked"))
    again = Execution(go.ledger, go.executor, go.clock, go.rules)
    report = asyncio.run(run_plan(again))
    assert (report.tasks[0].standing, report.tasks[0].reason) == ("given_up", "cancelled")


def test_a_cancelled_task_is_not_tried_again_unless_somebody_says_so(tmp_path: Path) -> None:
    go = Rehearsal(tmp_path, graph_of(task("a", retries=5)), {"a": ("m1", 0, 10)})

    async def cancel_it() -> None:
        async for record in go.execution.run():
            if record.kind == "began" and not go.execution.state.gave_up:
                await go.execution.cancel("a")

    asyncio.run(cancel_it())
    assert go.execution.report().tasks[0].reason == "cancelled"
    go.execution.again("a")
    assert go.run().completed


def test_steps_of_a_graph_fan_out_and_each_waits_for_its_own_task(tmp_path: Path) -> None:
    """Two waves as a graph would send them: a and b side by side, then c."""
    graph = graph_of(task("a", retries=1), task("b"), task("c", "a", "b"))
    places: dict[str, Placed] = {"a": ("m1", 0, 10), "b": ("m2", 0, 30), "c": ("m1", 30, 40)}
    go = Rehearsal(tmp_path, graph, places, acts={"a": [Act(code=1)]}, eager=True)

    async def waves() -> list[list[str]]:
        seen = []
        while ready := go.execution.ready():
            seen.append([task.id for task in ready])
            overs = await asyncio.gather(*(go.execution.start_and_wait(t.id) for t in ready))
            assert [over.outcome for over in overs if over is not None] == ["done"] * len(ready)
        return seen

    assert asyncio.run(waves()) == [["a", "b"], ["c"]]
    assert go.execution.finished


def test_the_state_is_the_fold_of_the_records(tmp_path: Path) -> None:
    graph = graph_of(task("a", retries=1), task("b", "a"))
    places: dict[str, Placed] = {"a": ("m1", 0, 10), "b": ("m1", 10, 20)}
    go = Rehearsal(tmp_path, graph, places, acts={"a": [Act(code=1)]})
    go.run()
    again = fold(go.records)
    assert again.tried == go.execution.state.tried
    assert again.finished


def test_each_device_is_given_to_one_task_at_a_time(tmp_path: Path) -> None:
    inventory = Inventory(machines=(Machine(name="m1", cpus=8, devices=4, device="A100"),))
    need = Demand(cpus=1, devices=1)
    graph = graph_of(task("a", demand=need, gang=2), task("b", demand=need), task("c", "a"))
    places: dict[str, Placed] = {"a": ("m1", 0, 10), "b": ("m1", 0, 30), "c": ("m1", 10, 20)}
    go = Rehearsal(tmp_path, graph, places, inventory)
    go.run()
    given = {r.task: r.devices for r in go.records if r.kind == "intent"}
    assert given == {"a": ((0,), (1,)), "b": ((2,),), "c": ()}


@pytest.mark.parametrize(
    ("places", "message"),
    [
        ({"a": ("m1", 0, 10)}, "no place for task 'b'"),
        ({"a": ("m1", 0, 10), "b": ("m9", 0, 10)}, "no machine 'm9' in the inventory; known: m1"),
        ({"a": ("m1", 0, 10), "b": ("m1", 0, 10)}, "task 'b' does not fit on m1: 7 cpus"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused_before_anything_starts(
    tmp_path: Path, places: dict[str, Placed], message: str
) -> None:
    graph = graph_of(task("a"), task("b", demand=Demand(cpus=7)))
    with pytest.raises(UserError, match=message):
        Rehearsal(tmp_path, graph, places)
    assert (tmp_path / "ledger.jsonl").read_text() == ""


def test_a_circle_of_tasks_is_refused(tmp_path: Path) -> None:
    graph = graph_of(task("a", "b"), task("b", "a"))
    with pytest.raises(UserError, match="'a' waits for itself"):
        Rehearsal(tmp_path, graph, {"a": ("m1", 0, 1), "b": ("m1", 1, 2)})


def test_a_new_plan_may_not_forget_or_move_what_runs(tmp_path: Path) -> None:
    graph = graph_of(task("a"), task("b"))
    places: dict[str, Placed] = {"a": ("m1", 0, 10), "b": ("m2", 50, 60)}
    go = Rehearsal(tmp_path, graph, places)
    asyncio.run(go.execution.step())
    without = graph_of(task("b"))
    inventory = machines("m1", "m2")
    with pytest.raises(UserError, match="'a' runs; the new plan must keep it"):
        go.execution.adopt(without, plan_of(without, {"b": ("m2", 50, 60)}), inventory)
    with pytest.raises(UserError, match="'a' runs on m1; the new plan must leave it there"):
        go.execution.adopt(graph, plan_of(graph, {**places, "a": ("m2", 0, 10)}), inventory)


def test_an_execution_goes_on_only_with_the_executor_that_began_it(tmp_path: Path) -> None:
    go = Rehearsal(tmp_path, graph_of(task("a")), {"a": ("m1", 0, 10)})

    class Other(DryRun):
        name = "slurm"

    with pytest.raises(UserError, match="begun by executor 'dry-run'"):
        Execution(go.ledger, Other(go.clock), go.clock)


def test_a_disk_that_is_full_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = Rehearsal(tmp_path, graph_of(task("a")), {"a": ("m1", 0, 10)})
    import os

    def full(file: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StorageError, match="No space left on device; make room"):
        go.run()
    monkeypatch.undo()
    assert go.executor.told == []
    assert go.run().completed


@pytest.mark.parametrize(
    "rules",
    [{"backoff": -1}, {"poll_least": 0}, {"limit_factor": 0.5}, {"silence": -1}, {"patience": -1}],
)
def test_rules_say_what_is_wrong_with_them(rules: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=next(iter(rules))):
        Rules(**rules)
