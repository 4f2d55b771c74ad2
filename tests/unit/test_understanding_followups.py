"""Follow-ups change the last plan, and only what they speak of."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from agentsched.planning import TaskGraph
from agentsched.planning.graph import Task
from agentsched.planning.inventory import Inventory, Machine
from agentsched.understanding import ChangePlan, Context, PlanWork, Understood, understand
from agentsched.understanding.work.edits import without

ZONE = ZoneInfo("Europe/Berlin")
MACHINES = Inventory(
    machines=(
        Machine(name="ada", devices=8, device="A100", cpus=64),
        Machine(name="bob", devices=8, device="H100", cpus=64),
    )
)
FIRST = Context(now=datetime(2026, 11, 25, 10, tzinfo=ZONE), zone=ZONE, inventory=MACHINES)
MESSAGE = (
    "Train the small and the large model on 4 A100s tonight, evaluate the small model after its "
    "training and have the report written by 8am."
)


def plan() -> TaskGraph:
    (work,) = understand(MESSAGE, FIRST).intents
    assert isinstance(work, PlanWork)
    return work.graph


AFTER = replace(FIRST, graph=plan())


def changed(message: str) -> TaskGraph:
    (change,) = understand(message, AFTER).intents
    assert isinstance(change, ChangePlan), change
    return change.graph


def edges(graph: TaskGraph) -> dict[str, set[str]]:
    return {task.id: set(task.after) for task in graph.tasks}


SMALL, LARGE, EVAL, REPORT = (task.id for task in plan().tasks)


def test_the_plan_that_is_changed() -> None:
    assert edges(plan()) == {SMALL: set(), LARGE: set(), EVAL: {SMALL}, REPORT: {EVAL}}


def test_make_the_eval_wait_for_both_trainings() -> None:
    graph = changed("make the eval wait for both trainings")
    assert edges(graph) == {SMALL: set(), LARGE: set(), EVAL: {SMALL, LARGE}, REPORT: {EVAL}}


def test_a_dropped_task_leaves_its_order_behind() -> None:
    assert edges(changed("drop the eval")) == {SMALL: set(), LARGE: set(), REPORT: {SMALL}}
    assert REPORT not in edges(changed("skip the report"))


def test_amounts_change_where_they_are_used_or_named() -> None:
    devices = {task.id: task.demand.devices for task in changed("use 2 GPUs instead").tasks}
    assert devices == {SMALL: 2, LARGE: 2, EVAL: 0, REPORT: 0}
    assert changed("the small training takes 3 hours").task(SMALL).duration == 3 * 3600
    assert changed("run the eval on 1 GPU").task(EVAL).demand.devices == 1


def test_later_moves_what_has_a_time() -> None:
    graph, before = changed("an hour later"), plan()
    for id in (SMALL, LARGE):
        release, was = graph.task(id).release, before.task(id).release
        assert release is not None
        assert was is not None
        assert release - was == timedelta(hours=1)
    assert graph.task(REPORT).deadline == datetime(2026, 11, 26, 9, tzinfo=ZONE)


def test_a_deadline_is_moved_by_its_words() -> None:
    graph = changed("the report must be done by 10am instead")
    assert graph.task(REPORT).deadline == datetime(2026, 11, 26, 10, tzinfo=ZONE)


def test_one_after_the_other_and_side_by_side() -> None:
    assert edges(changed("run the two trainings one after the other"))[LARGE] == {SMALL}
    chained = replace(FIRST, graph=changed("run the two trainings one after the other"))
    (back,) = understand("run the two trainings in parallel", chained).intents
    assert isinstance(back, ChangePlan)
    assert edges(back.graph)[LARGE] == set()


def test_one_more_task_finds_its_place() -> None:
    graph = changed("also plot the loss when training is done")
    assert edges(graph)["plot-loss"] == {SMALL, LARGE}


def test_a_wish_replaces_the_wish_of_its_kind() -> None:
    hints = changed("run them on the H100s instead").hints
    assert [(hint.kind, getattr(hint, "names", ())) for hint in hints] == [("device", ("H100",))]


def test_several_changes_in_one_breath() -> None:
    graph = changed("drop the eval and use 8 GPUs for the large model")
    assert edges(graph) == {SMALL: set(), LARGE: set(), REPORT: {SMALL}}
    assert graph.task(LARGE).demand.devices == 8
    assert graph.task(SMALL).demand.devices == 4


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("make the small training wait for the report", "Turn their order round?"),
        ("drop everything", "leave nothing of the plan"),
    ],
)
def test_what_would_break_the_plan_is_asked_about(message: str, words: str) -> None:
    said = understand(message, AFTER)
    assert words in (said.question or "")
    assert not any(isinstance(intent, ChangePlan) for intent in said.intents)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("schedule lunch with Dana tomorrow at noon", "schedule_event"),
        ("cancel my dentist", "cancel_event"),
        ("what if the eval used 2 GPUs?", "query"),
        ("yes", "answer"),
        ("train a ranker on 3 GPUs for 2 hours, then publish it and email the team", "plan_work"),
    ],
)
def test_what_is_no_follow_up_stays_what_it_is(message: str, kind: str) -> None:
    said: Understood = understand(message, AFTER)
    assert [intent.kind for intent in said.intents] == [kind]


def test_without_keeps_a_graph_whole() -> None:
    told = plan().model_copy(update={"notes": (f"{EVAL}: as job 'evaluate'", f"{LARGE}: 2 h")})
    assert without(told, {EVAL}).notes == (f"{LARGE}: 2 h",)
    graph = without(plan(), {SMALL, EVAL})
    assert edges(graph) == {LARGE: set(), REPORT: set()}
    assert all(set(hint.tasks) <= {LARGE, REPORT} for hint in graph.hints)


def test_another_time_to_begin_replaces_the_stretch_named_first() -> None:
    task = changed("start it at 5pm tomorrow instead").tasks[0]
    assert task.release == datetime(2026, 11, 26, 17, tzinfo=ZONE)
    assert task.latest_start is None
    task = changed("run it tomorrow morning").tasks[0]
    assert task.latest_start == datetime(2026, 11, 26, 12, tzinfo=ZONE)
    task = changed("an hour later").tasks[0]
    assert task.latest_start == datetime(2026, 11, 26, 7, tzinfo=ZONE)


def test_a_wait_that_turns_the_order_round_is_asked_about_and_a_yes_does_it() -> None:
    asked = understand("training waits for evaluation", AFTER)
    assert asked.asks is not None
    assert "Turn their order round?" in asked.asks.text
    (change,) = understand("yes, please", replace(AFTER, asked=asked)).intents
    assert isinstance(change, ChangePlan)
    turned = edges(change.graph)
    # The evaluation was of the small model, and the report of all: it keeps its place.
    assert turned[EVAL] == set()
    assert turned[SMALL] == {EVAL}
    assert turned[REPORT] == {SMALL, LARGE}


def both_on_h100s() -> Context:
    about = replace(AFTER, graph=None, inventory=MACHINES)
    said = understand("train the model on the h100s and evaluate it on the h100s", about)
    (work,) = said.intents
    assert isinstance(work, PlanWork)
    assert [task.id for task in work.graph.tasks] == ["train-model-h100s", "evaluate-model-h100s"]
    return replace(about, graph=work.graph)


def test_a_task_is_not_named_after_devices_it_no_longer_uses() -> None:
    (change,) = understand("use the A100s instead", both_on_h100s()).intents
    assert isinstance(change, ChangePlan)
    train, evaluate = change.graph.tasks
    assert (train.id, train.title) == ("train-model", "train the model")
    assert evaluate.after == ("train-model",)
    assert change.graph.name == "evaluate the model"
    assert TaskGraph.model_validate(change.graph.model_dump()) == change.graph


def test_another_device_for_one_task_leaves_the_other_its_own() -> None:
    (change,) = understand("train the model on 2 A100s instead", both_on_h100s()).intents
    assert isinstance(change, ChangePlan)
    assert [task.id for task in change.graph.tasks] == ["train-model", "evaluate-model-h100s"]
    devices = {hint.tasks: hint.names for hint in change.graph.hints if hint.kind == "device"}
    assert devices == {("train-model",): ("A100",), ("evaluate-model-h100s",): ("H100",)}


def test_turning_round_takes_what_lies_between_along() -> None:
    between = replace(AFTER, graph=chain("a", "b", "c", "d"))
    (change,) = understand("swap the order of c and a", between).intents
    assert isinstance(change, ChangePlan)
    assert edges(change.graph) == {"a": {"b"}, "b": {"c"}, "c": set(), "d": {"a"}}


def chain(*ids: str) -> TaskGraph:
    tasks = [Task(id=id, after=ids[n - 1 : n] if n else ()) for n, id in enumerate(ids)]
    return TaskGraph(tasks=tuple(tasks))


def test_first_and_then_of_tasks_of_the_plan_is_a_wait() -> None:
    assert edges(changed("first the large model, then the small one"))[SMALL] == {LARGE}


def test_a_wait_for_what_is_not_planned_makes_no_task() -> None:
    found = understand("the deployment waits for the evaluation", AFTER)
    assert not any(isinstance(intent, PlanWork | ChangePlan) for intent in found.intents)
    assert "No task of the plan is called 'the deployment'." in found.notes


def test_an_event_spoken_of_since_does_not_hide_the_plan() -> None:
    since = replace(AFTER, event="Dentist")
    (change,) = understand("the small training waits for the large one", since).intents
    assert isinstance(change, ChangePlan)
    (move,) = understand("an hour later", since).intents
    assert not isinstance(move, ChangePlan)


def test_a_plan_named_after_a_task_that_is_dropped_is_named_anew() -> None:
    assert plan().name == "write the report"
    left = changed("drop the report")
    assert left.name == "evaluate the small model"
    assert changed("drop the evaluation").name == "write the report"
