"""Work in words to task graphs, by rules alone: the requests of tests/task_graph_requests.toml."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from agentsched.planning import TaskGraph
from agentsched.understanding import Context, PlanWork, understand
from agentsched.understanding.work.amounts import take_amounts
from agentsched.understanding.work.graph import reduced, slug
from agentsched.understanding.work.phrases import expand
from agentsched.understanding.work.references import point
from benchmarks.understanding_graphs import Request, complain, load_requests

CONTEXT, REQUESTS = load_requests()
ZONE = ZoneInfo("Europe/Berlin")
HERE = Context(now=datetime(2026, 11, 25, 10, tzinfo=ZONE), zone=ZONE)


def graph_of(text: str) -> TaskGraph:
    found = understand(text, HERE).intents
    plans = [intent for intent in found if isinstance(intent, PlanWork)]
    assert len(plans) == 1, found
    return plans[0].graph


def edges(text: str) -> dict[str, tuple[str, ...]]:
    return {task.id: task.after for task in graph_of(text).tasks}


@pytest.mark.parametrize("request_", [r for r in REQUESTS if r.lot == "own 20"], ids=lambda r: r.id)
def test_our_twenty_requests_give_their_graphs(request_: Request) -> None:
    assert not complain(understand(request_.text, CONTEXT), request_, CONTEXT)


@pytest.mark.parametrize(
    ("lot", "least"),
    [("held out 10", 9), ("tuned-on 30", 30), ("various 24", 24), ("second 12", 8)],
)
def test_most_other_requests_give_theirs(lot: str, least: int) -> None:
    chosen = [r for r in REQUESTS if r.lot == lot]
    right = [r.id for r in chosen if not complain(understand(r.text, CONTEXT), r, CONTEXT)]
    assert len(right) >= least, right


def test_verbs_on_no_list_are_found_by_what_follows_them() -> None:
    assert edges("Bounce the proxies, then rotate their keys and flush the CDN.") == {
        "bounce-proxies": (),
        "rotate-their-keys": ("bounce-proxies",),
        "flush-cdn": ("rotate-their-keys",),
    }


def test_verbs_without_an_order_stand_side_by_side_and_that_is_said() -> None:
    text = "Lint the code and run the tests, then deploy to staging."
    assert edges(text) == {
        "lint-code": (),
        "run-tests": (),
        "deploy-staging": ("lint-code", "run-tests"),
    }
    assert any("No word says when" in note for note in understand(text, HERE).notes)


def test_commands_in_backticks_are_run_as_they_stand() -> None:
    tasks = graph_of("Run `make build -j 4`, then `make test` and `make docs` in parallel.").tasks
    assert [(task.command, task.after) for task in tasks] == [
        (("make", "build", "-j", "4"), ()),
        (("make", "test"), (tasks[0].id,)),
        (("make", "docs"), (tasks[0].id,)),
    ]


def test_an_amount_between_two_objects_is_of_the_first() -> None:
    first, second, _ = graph_of(
        "Run the fuzzers for 6 hours on 32 cores and the suite for 2 hours, then tag both."
    ).tasks
    assert (first.duration, first.demand.cpus) == (6 * 3600, 32)
    assert (second.duration, second.demand.cpus) == (2 * 3600, 1)


def test_a_hundred_tasks_are_cut_and_that_is_said() -> None:
    text = ", ".join(f"train the model m{n}" for n in range(100))
    said = understand(text, HERE)
    assert len(said.intents[0].graph.tasks) == 60  # type: ignore[union-attr]  # it is work
    assert any("more than 60 tasks" in note for note in said.notes)


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("for 2 hours", "duration", 7200),
        ("half an hour each", "duration", 1800),
        ("takes about an hour", "duration", 3600),
        ("1h30", "duration", 5400),
        ("an hour and a half", "duration", 5400),
        ("on 4 GPUs", "devices", 4),
        ("on two A100s", "devices", 2),
        ("with 16 cores", "cpus", 16),
        ("32 GB of memory", "memory", 32),
        ("1 TB of RAM", "memory", 1024),
        ("retry it up to 3 times", "retries", 3),
        ("on two nodes with 4 GPUs each", "gang", 2),
    ],
)
def test_amounts_are_read_in_their_units(text: str, name: str, value: float) -> None:
    (amount,) = take_amounts(text)[1]
    assert (amount.name, amount.value) == (name, value)


@pytest.mark.parametrize(
    "text", ["500 ns of data", "and then", "in 2 hours", "figure 2", "as it is"]
)
def test_what_is_no_amount_is_left_alone(text: str) -> None:
    assert take_amounts(text) == (text, [])


@pytest.mark.parametrize(
    ("action", "several", "titles"),
    [
        ("train the small and the large model", False, ["train small model", "train large model"]),
        ("merge A and B", True, ["merge A and B"]),
        ("email Dana and Ben", True, ["email Dana and Ben"]),
        ("download the images and labels", False, ["download the images and labels"]),
        ("run with and without dropout", False, ["run with dropout", "run without dropout"]),
        ("convert it to 720p and 1080p", True, ["convert it to 720p", "convert it to 1080p"]),
        ("train 3 seeds", True, ["train seed 1", "train seed 2", "train seed 3"]),
        ("train on images and text", False, ["train on images and text"]),
    ],
)
def test_one_verb_stands_for_as_many_tasks_as_it_means(
    action: str, several: bool, titles: list[str]
) -> None:
    assert expand(action, distributive=several) == titles


@pytest.mark.parametrize(
    ("words", "tasks"),
    [
        ("both are done", (0, 1)),
        ("the small one is trained", (0,)),
        ("training is done", (0, 1)),
        ("it is over", (2,)),
        ("the small and the large training", (0, 1)),
    ],
)
def test_conditions_point_at_tasks(words: str, tasks: tuple[int, ...]) -> None:
    titles = ["train small model", "train large model", "plot the loss"]
    assert point(words, titles, [[0, 1], [2]]).tasks == tasks


def test_a_process_nobody_named_before_is_a_name() -> None:
    assert point("the nightly ETL finishes", ["write the report"], [[0]]).names == ("nightly ETL",)


@pytest.mark.parametrize("amount", ["9" * 30 + " GPUs", "9" * 400 + " GB of RAM", "9999 weeks"])
def test_absurd_amounts_are_cut_to_what_a_graph_can_hold(amount: str) -> None:
    (task,) = graph_of(f"Train the model for {amount}.").tasks
    assert (task.duration or 1) <= 366 * 86_400
    assert task.demand.devices <= 10_000


def test_a_length_beyond_all_calendars_is_asked_about() -> None:
    said = understand(f"Train the model for {'9' * 400} hours.", HERE)
    assert "too large for a time" in (said.question or "")


def test_edges_that_follow_from_others_go() -> None:
    assert reduced([set(), {0}, {0, 1}]) == [set(), {0}, {1}]


def test_ids_are_short_and_plain() -> None:
    assert slug("Train the Ünicode / model (v1.5)!") == "train-nicode-model-v1.5"
    assert slug("…") == "task"
    assert len(slug("word " * 40)) <= 40


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("evaluate waits for train", {"train": (), "evaluate": ("train",)}),
        (
            "train waits for fetch, evaluate waits for train and report waits for evaluate",
            {"fetch": (), "train": ("fetch",), "evaluate": ("train",), "report": ("evaluate",)},
        ),
    ],
)
def test_one_verb_that_waits_for_another_is_an_edge(
    text: str, after: dict[str, tuple[str, ...]]
) -> None:
    assert edges(text) == after


def test_a_circle_of_waits_is_named_and_its_last_wait_left_out() -> None:
    said = understand("evaluate waits for train and train waits for evaluate", HERE)
    (work,) = said.intents
    assert isinstance(work, PlanWork)
    assert [(task.id, task.after) for task in work.graph.tasks] == [
        ("train", ()),
        ("evaluate", ("train",)),
    ]
    circle = "train waits for evaluate, which waits for train"
    assert said.question == f"{circle}: which of them comes first?"
    assert any(circle in note for note in said.notes)


def test_a_limit_in_another_sentence_ends_no_series() -> None:
    said = understand("Train the model every night at 1. Evaluate it until Friday.", HERE)
    (work,) = said.intents
    assert isinstance(work, PlanWork)
    assert work.repeat is not None
    assert work.repeat.rrule == "FREQ=DAILY"


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


@pytest.mark.parametrize(
    ("said", "first", "last"),
    [
        ("tonight", "2026-11-25T18:00", "2026-11-26T06:00"),
        ("tomorrow night", "2026-11-26T18:00", "2026-11-27T06:00"),
        ("this afternoon", "2026-11-25T12:00", "2026-11-25T17:00"),
        ("tomorrow morning", "2026-11-26T09:00", "2026-11-26T12:00"),
        ("on Friday", "2026-11-27T00:00", "2026-11-28T00:00"),
        ("this weekend", "2026-11-28T00:00", "2026-11-30T00:00"),
        # A moment, or what has no end, is an earliest start alone.
        ("at 5pm", "2026-11-25T17:00", None),
        ("after Friday", "2026-11-28T00:00", None),
        # The night of any day is a window, and last week is over.
        ("at night", "2026-11-25T18:00", None),
        ("on the data of last Monday", "2026-11-23T00:00", None),
    ],
)
def test_work_begins_within_the_stretch_that_was_named(
    said: str, first: str, last: str | None
) -> None:
    (task,) = graph_of(f"Train the model {said}").tasks
    assert task.release is None or task.release == day(first)
    assert task.latest_start == (day(last) if last else None)


def test_a_stretch_of_today_that_is_over_stays_a_limit() -> None:
    late = Context(now=datetime(2026, 11, 25, 22, tzinfo=ZONE), zone=ZONE)
    (intent,) = understand("Train the model this afternoon", late).intents
    assert isinstance(intent, PlanWork)
    # It is over, so the plan will be refused with this limit; it is not moved to tomorrow.
    assert intent.graph.tasks[0].latest_start == day("2026-11-25T17:00")


def test_a_time_that_belongs_to_a_name_says_nothing_of_the_start() -> None:
    (task,) = graph_of("Train the model on tomorrow's data").tasks
    assert (task.release, task.latest_start) == (None, None)
