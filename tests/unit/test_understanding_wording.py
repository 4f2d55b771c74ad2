"""Ways to ask for work: loops, lists, arrows, conditions, and what is said not to be done."""

from __future__ import annotations

from datetime import datetime
from time import process_time
from zoneinfo import ZoneInfo

import pytest

from agentsched.planning import TaskGraph
from agentsched.understanding import Context, PlanWork, understand
from agentsched.understanding.words import WORK_VERBS
from agentsched.understanding.work.amounts import take_amounts
from agentsched.understanding.work.loops import leading_rounds
from agentsched.understanding.work.wording import itemised, plain

ZONE = ZoneInfo("Europe/Berlin")
HERE = Context(now=datetime(2026, 11, 25, 10, tzinfo=ZONE), zone=ZONE)


def graph_of(text: str) -> TaskGraph:
    (plan,) = understand(text, HERE).intents
    assert isinstance(plan, PlanWork), plan
    return plan.graph


def edges(text: str) -> dict[str, tuple[str, ...]]:
    return {task.id: task.after for task in graph_of(text).tasks}


@pytest.mark.parametrize(
    ("said", "items"),
    [
        ("for each of the three seeds 1, 2 and 3, train", ("seed 1", "seed 2", "seed 3")),
        ("For every region (north, south) compute it", ("region north", "region south")),
        ("for all folds 1 to 3: fit it", ("fold 1", "fold 2", "fold 3")),
        ("for each of the sites new and old run it", ("site new", "site old")),
        ("on each of the two hosts run it", ("host 1", "host 2")),
    ],
)  # fmt: skip
def test_a_loop_names_its_rounds(said: str, items: tuple[str, ...]) -> None:
    found, rest = leading_rounds(said)
    assert found is not None
    assert found.items == items
    assert rest.split()[0] in ("train", "compute", "fit", "run")


@pytest.mark.parametrize("said", ["for each customer, mail it", "for all seeds 1 to 9000: train"])
def test_a_loop_without_a_count_or_with_too_many_rounds_is_left_alone(said: str) -> None:
    assert leading_rounds(said) == (None, said)


def test_rounds_go_on_until_something_gathers_them() -> None:
    """Clean and fit are done for each, the table is made of both."""
    text = "For each of the sites X1 and X2, clean it, fit the model, and merge the fits."
    assert edges(text) == {
        "clean-site-x1": (),
        "clean-site-x2": (),
        "fit-model-site-x1": ("clean-site-x1",),
        "fit-model-site-x2": ("clean-site-x2",),
        "merge-fits": ("fit-model-site-x1", "fit-model-site-x2"),
    }


def test_a_loop_may_stand_behind_its_action() -> None:
    behind = edges("Fetch the data, then fit it for each of the seeds 1 and 2.")
    assert behind == {
        "fetch-data": (),
        "fit-seed-1": ("fetch-data",),
        "fit-seed-2": ("fetch-data",),
    }


def test_numbered_items_follow_each_other_on_one_line_too() -> None:
    assert itemised("1) pull it 2) push it") == "1) pull it\n2) push it"
    assert itemised("train 2. Then stop") == "train 2. Then stop"
    chain = {"pull-data": (), "clean-data": ("pull-data",), "train": ("clean-data",)}
    assert edges("1. pull the data\n2. clean it\n3. train") == chain
    assert edges("1) pull the data 2) clean it 3) train") == chain
    assert edges("pull the data -> clean it -> train") == chain


def test_a_heading_says_how_its_list_stands() -> None:
    assert edges("Do this in order: stop the feed, compact the tables, restart the feed.") == {
        "stop-feed": (),
        "compact-tables": ("stop-feed",),
        "restart-feed": ("compact-tables",),
    }


@pytest.mark.parametrize(
    "said",
    [
        "Don't deploy before the tests are through.",
        "Deploy once the tests are through.",
        "Only when the tests are through should you deploy.",
        "Wait for the tests before you deploy.",
    ],
)
def test_one_wait_in_four_ways(said: str) -> None:
    assert edges(said) == {"tests": (), "deploy": ("tests",)}


def test_what_is_not_to_be_done_is_no_task_and_said() -> None:
    said = understand("Convert the scans. Don't delete the originals.", HERE)
    (plan,) = said.intents
    assert isinstance(plan, PlanWork)
    assert [task.id for task in plan.graph.tasks] == ["convert-scans"]
    assert any("not to do" in note for note in said.notes)


def test_what_is_only_for_a_failure_is_left_out_and_said() -> None:
    text = "Run the import; if it passes publish the table, otherwise notify Dana."
    assert edges(text) == {"run-import": (), "publish-table": ("run-import",)}
    assert any("fails" in note for note in understand(text, HERE).notes)


def test_a_check_names_no_task_of_its_own() -> None:
    assert edges("Scan the disk, and only mail the report if nothing is wrong.") == {
        "scan-disk": (),
        "mail-report": ("scan-disk",),
    }


def test_either_way_means_whether_or_not_it_passed() -> None:
    found = edges("Run the suite. If it passes, tag the commit; notify the team either way.")
    assert found["notify-team"] == ("run-suite",)


def test_steps_that_are_only_named() -> None:
    assert edges("Start with the data check. Then the training. Last, the report.") == {
        "data-check": (),
        "train": ("data-check",),
        "report": ("train",),
    }


@pytest.mark.parametrize(
    ("said", "plainly"),
    [
        ("use 2 GPUs to train the net", "train the net on 2 GPUs"),
        ("- restore the dump", "restore the dump"),
        ("I need the model retrained and evaluated", "retrain the model and evaluate it"),
        ("render chapters 1 to 3", "render chapters 1, 2 and 3"),
        ("if there are no errors add the node", "if there are no errors, add the node"),
        ("only then can the import start", "then the import"),
    ],
)
def test_plain_wording(said: str, plainly: str) -> None:
    assert plain(said, WORK_VERBS) == plainly


def test_amounts_of_several_things_in_a_row() -> None:
    first, second = take_amounts("fit both (10 and 25 minutes)")[1]
    assert (first.value, first.place, second.value, second.place) == (600, (0, 2), 1500, (1, 2))
    one, other = graph_of("Run the unit tests and the soak tests, 10 and 25 minutes.").tasks
    assert (one.duration, other.duration) == (600, 1500)


def test_each_speaks_of_all_amounts_beside_it() -> None:
    tasks = graph_of("Train m1, m2 and m3, 3 hours and 16 cores each.").tasks
    assert {(task.duration, task.demand.cpus) for task in tasks} == {(3 * 3600, 16)}


@pytest.mark.parametrize(
    ("said", "memory"), [("index it (1h, 128 GB)", 128), ("download the 64 GB dump", 0)]
)
def test_gigabytes_alone_are_memory_unless_they_describe_a_thing(said: str, memory: float) -> None:
    (task,) = graph_of(said).tasks
    assert task.demand.memory == memory


@pytest.mark.parametrize(
    "said",
    [
        "Book the van first, then collect the chairs.",
        "Delete the cache once the copy is done.",
        "Grab the dump, anonymise it, and restore it.",
        "Put together the slides by Friday.",
    ],
)
def test_orders_in_steps_or_with_a_limit_are_work_without_an_event_in_them(said: str) -> None:
    (plan,) = understand(said, HERE).intents
    assert isinstance(plan, PlanWork)


@pytest.mark.parametrize(
    "said", ["Delete the standup once the retro is booked.", "Move yoga to 6pm."]
)
def test_events_stay_events(said: str) -> None:
    assert not any(isinstance(intent, PlanWork) for intent in understand(said, HERE).intents)


def test_what_it_is_for_is_no_task_but_its_time_is_the_limit() -> None:
    tasks = graph_of("We need the release out today. Build the image, then publish it.").tasks
    assert [task.id for task in tasks] == ["build-image", "publish-image"]
    assert tasks[-1].deadline == datetime(2026, 11, 26, tzinfo=ZONE)


def test_what_was_read_as_a_remark_is_said() -> None:
    said = understand("Train the net. Whichever model wins gets exported.", HERE)
    assert any("taken for a remark" in note for note in said.notes)


def test_a_list_of_a_thousand_things_is_read_in_no_time() -> None:
    """Two patterns took minutes for it once."""
    many = ", ".join(str(n) for n in range(1500))
    start = process_time()
    understand(f"train seeds {many}", HERE)
    assert process_time() - start < 5
