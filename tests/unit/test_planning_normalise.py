"""What rules change in a model's graph, each with the words that say so."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agentsched.planning import Task, TaskGraph, normalise
from agentsched.planning.graph import Demand
from agentsched.planning.hints import DeviceHint, SpotHint
from agentsched.planning.request_words import amounts, lengths, slug, stem


def work(id: str, title: str, *after: str, **more) -> Task:
    return Task(id=id, title=title, after=after, **more)


def result(request: str, *tasks: Task, **more):
    return normalise(TaskGraph(tasks=tasks, **more), request)


def edges(found) -> set[tuple[str, str]]:
    return {(before, task.id) for task in found.graph.tasks for before in task.after}


def rules(found) -> list[str]:
    return [change.rule for change in found.changes]


def test_siblings_that_a_model_chained_run_side_by_side():
    found = result(
        "Prepare the data, train A and B, then evaluate.",
        work("prep", "Prepare data"),
        work("ta", "Train model A", "prep"),
        work("tb", "Train model B", "ta"),
        work("ev", "Evaluate", "tb"),
    )
    assert edges(found) == {("prep", "ta"), ("prep", "tb"), ("ta", "ev"), ("tb", "ev")}
    assert rules(found) == ["siblings"]
    assert found.changes[0].words == (
        "'tb' does not wait for 'ta': the request names them side by side"
    )
    assert found.graph.notes == (found.changes[0].words,)


def test_three_chained_siblings_are_all_freed():
    found = result(
        "Train the small, the medium and the large model, then write the report",
        work("s", "Train small model"),
        work("m", "Train medium model", "s"),
        work("l", "Train large model", "m"),
        work("r", "Write report", "l"),
    )
    assert edges(found) == {("s", "r"), ("m", "r"), ("l", "r")}


@pytest.mark.parametrize(
    "request_",
    [
        "Train A, then train B",
        "train A and then B",
        "Train A. Once it is done train B.",
        "train A and after that B",
        "train A -> train B",
        "Train A first; when A is finished, train B",
        "train A, followed by B",
    ],
)
def test_words_of_sequence_keep_the_edge(request_):
    found = result(request_, work("a", "Train A"), work("b", "Train B", "a"))
    assert edges(found) == {("a", "b")}
    assert found.changes == ()


def test_different_verbs_in_one_breath_stay_in_order():
    """ "Train and evaluate" is said side by side and still one after the other."""
    found = result(
        "train the model and evaluate the model",
        work("t", "Train the model"), work("e", "Evaluate the model", "t"),
    )  # fmt: skip
    assert edges(found) == {("t", "e")}


def test_in_parallel_frees_different_verbs_as_well():
    found = result(
        "download images and transcode videos in parallel",
        work("d", "Download images"), work("t", "Transcode videos", "d"),
    )  # fmt: skip
    assert edges(found) == set()


def test_the_second_mention_decides_where_a_task_stands():
    found = result(
        "train A and B, then evaluate A, then evaluate B",
        work("ta", "Train A"), work("tb", "Train B", "ta"),
        work("ea", "Evaluate A", "tb"), work("eb", "Evaluate B", "ea"),
    )  # fmt: skip
    assert ("ea", "eb") in edges(found)
    assert ("ta", "tb") not in edges(found)


def test_duplicates_are_merged_with_their_waits_and_hints():
    found = result(
        "align the sample, then report",
        work("a", "Align sample"), work("b", "Aligning the sample", "a"),
        work("r", "Report", "b"),
        hints=(SpotHint(tasks=("a", "b")),),
    )  # fmt: skip
    # "the" is a word as well: the titles differ, and nothing is merged that might be two tasks.
    assert rules(found)[:1] != ["duplicate"]
    same = result(
        "align the sample, then report",
        work("a", "Align sample"), work("b", "align sample", "a"), work("r", "Report", "b"),
        hints=(SpotHint(tasks=("a", "b")),), apart=(("a", "b"),),
    )  # fmt: skip
    assert [task.id for task in same.graph.tasks] == ["a", "r"]
    assert edges(same) == {("a", "r")}
    assert same.graph.hints[0].tasks == ("a",)
    assert same.graph.apart == ()
    assert rules(same) == ["duplicate"]


def test_two_samples_are_two_tasks():
    found = result("align sample 1 and sample 2",
                   work("a", "Align sample 1"), work("b", "Align sample 2"))  # fmt: skip
    assert found.changes == ()


def test_an_invented_task_goes_and_who_waited_for_it_waits_for_its_own():
    found = result(
        "train the model and write the report",
        work("t", "Train the model"), work("x", "Notify stakeholders", "t"),
        work("r", "Write the report", "x"), hints=(SpotHint(tasks=("x",)),),
    )  # fmt: skip
    assert [task.id for task in found.graph.tasks] == ["t", "r"]
    assert edges(found) == {("t", "r")}
    assert found.graph.hints == ()
    assert "'Notify stakeholders' was dropped" in found.changes[0].words


def test_inflected_words_are_the_users_words():
    found = result("evaluation of all checkpoints", work("e", "Evaluate the checkpoint"))
    assert found.changes == ()


def test_a_graph_of_which_nothing_was_said_is_left_alone():
    found = result("do it", work("t", "Train"), work("e", "Evaluate", "t"))
    assert found.changes == ()


def test_loops_are_cut():
    found = result("train", work("t", "Train", "t"))
    assert edges(found) == set()
    assert rules(found) == ["loop"]


def test_a_circle_is_cut_where_the_words_run_backwards():
    found = result(
        "download, clean and train",
        work("d", "Download", "t"), work("c", "Clean", "d"), work("t", "Train", "c"),
    )  # fmt: skip
    assert edges(found) == {("d", "c"), ("c", "t")}
    assert rules(found) == ["cycle"]


def test_a_circle_that_the_words_do_not_decide_stays_for_the_checks():
    found = result("", work("a", "Alpha", "b"), work("b", "Beta", "a"))
    assert edges(found) == {("a", "b"), ("b", "a")}


def test_waits_that_follow_from_others_are_left_out():
    found = result(
        "a1 then b1 then c1", work("a1", "a1"), work("b1", "b1", "a1"), work("c1", "c1", "a1", "b1")
    )
    assert edges(found) == {("a1", "b1"), ("b1", "c1")}
    assert rules(found) == ["implied"]


@pytest.mark.parametrize(
    ("request_", "given", "right"),
    [
        ("train on 4 GPUs", Demand(devices=6), 4),
        ("train on four A100s", Demand(devices=6), 4),
        ("train on 4x A100", Demand(devices=3), 4),
        ("train on 4 GPUs", Demand(devices=4), 4),
        # Nobody says how many: one is what needs no words.
        ("train on the GPUs", Demand(devices=8), 1),
        # Two are said, and it is one of them.
        ("train on 4 GPUs, not on 8 GPUs", Demand(devices=8), 8),
        # Two are said, and it is neither: the words do not decide.
        ("train on 4 GPUs or 8 GPUs", Demand(devices=6), 6),
    ],
)
def test_numbers_are_those_of_the_request(request_, given, right):
    found = result(request_, work("t", "Train", demand=given))
    assert found.graph.task("t").demand.devices == right
    assert bool(found.changes) == (given.devices != right)


def test_the_number_in_the_tasks_own_part_wins():
    found = result(
        "train on 8 GPUs for 3 hours, then evaluate on 2 GPUs for 20 minutes",
        work("t", "Train", demand=Demand(devices=4), duration=3600),
        work("e", "Evaluate", "t", demand=Demand(devices=4), duration=3600),
    )
    assert [(t.demand.devices, t.duration) for t in found.graph.tasks] == [(8, 10800), (2, 1200)]
    assert rules(found) == ["number"] * 4


def test_a_duration_that_nobody_said_becomes_unknown():
    found = result("train the model", work("t", "Train the model", duration=7200))
    assert found.graph.task("t").duration is None
    assert "does not say that it takes 2 hours" in found.changes[0].words


def test_a_deadline_without_any_word_for_one_goes():
    late = datetime(2026, 11, 26, tzinfo=UTC)
    found = result("nightly backup of the database", work("b", "Backup", deadline=late, due=late))
    assert found.graph.task("b").deadline is None
    assert found.graph.task("b").due is None
    assert rules(found) == ["limit"]
    kept = result("backup the database by 8am", work("b", "Backup", deadline=late))
    assert kept.graph.task("b").deadline == late


def test_normalising_twice_changes_nothing_more():
    request = "Prepare the data, train A and B on 4 GPUs, then evaluate"
    once = result(
        request,
        work("p", "Prepare data"), work("ta", "Train A", "p", demand=Demand(devices=3)),
        work("tb", "Train B", "ta"), work("x", "Celebrate success", "tb"),
        work("ev", "Evaluate", "tb", "p"),
    )  # fmt: skip
    again = normalise(once.graph, request)
    assert again.changes == ()
    assert again.graph == once.graph


def test_without_words_only_what_needs_none_is_changed():
    found = result("", work("a", "A", duration=60, demand=Demand(devices=9)), work("b", "B", "b"))
    assert rules(found) == ["loop"]


def test_hints_survive():
    hint = DeviceHint(names=("A100",), tasks=("t",))
    assert result("train", work("t", "Train"), hints=(hint,)).graph.hints == (hint,)


def test_a_paste_of_three_megabytes_is_read_quickly():
    found = result("train A and B, " * 200_000, work("a", "Train A"), work("b", "Train B", "a"))
    assert edges(found) == set()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("for 90 minutes", {5400}),
        ("takes 1.5 hours", {5400}),
        ("2 h 30 min", {9000}),
        ("half an hour", {1800}),
        ("an hour and a half", {5400}),
        ("two days", {172_800}),
        ("a 45-minute run", {2700}),
        ("by 8am", set()),
    ],
)
def test_lengths(text, seconds):
    assert lengths(text) == seconds


def test_amounts():
    assert amounts("8 cores and 64 GB of RAM on 2 nodes", "cpus") == {8}
    assert amounts("8 cores and 64 GB of RAM on 2 nodes", "memory") == {64}
    assert amounts("8 cores and 64 GB of RAM on 2 nodes", "gang") == {2}


def test_stems_and_slugs():
    assert stem("evaluating") == stem("evaluation") == stem("evaluate") == stem("evaluates")
    assert slug("Train the  Größe-model!") == "train-the-gr-e-model"
    assert slug("train", {"train", "train-2"}) == "train-3"
    assert slug("???") == "task"
