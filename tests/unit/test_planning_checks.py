"""A graph is looked at before it is planned: what is wrong is named, what is missing is filled."""

from __future__ import annotations

from planning_cases import ONE, TWO, graph, meeting, task

from agentsched.planning import Task, TaskGraph, complete_graph, examine
from agentsched.planning.checks import Defaults, find_cycle, redundant_edges, unsolvable
from agentsched.planning.graph import Demand
from agentsched.planning.hints import DeviceHint, LabelHint, NearDataHint, SpotHint


def kinds(found):
    return [one.kind for one in found]


def test_a_sound_graph_has_no_findings():
    asked = graph(task("train"), task("eval", 1, "train"), goals=("train it", "evaluate it"))
    assert kinds(examine(asked, ONE)) == ["uncovered"]
    named = graph(
        task("train"), task("eval", 1, "train", title="Evaluate"), goals=("train it", "evaluate it")
    )
    assert examine(named, ONE) == ()


def test_the_cycle_is_named_and_only_the_cycle():
    asked = graph(task("a", 1, "c"), task("b", 1, "a"), task("c", 1, "b"), task("d", 1, "a"))
    found = examine(asked, ONE)
    assert kinds(found) == ["cycle"]
    assert set(found[0].tasks) == {"a", "b", "c"}
    assert found[0].message.count("waits for") == 3


def test_long_chains_need_no_deep_recursion():
    chain = [task("t0"), *(task(f"t{i}", 1, f"t{i - 1}") for i in range(1, 5_000))]
    assert find_cycle(chain) == ()
    assert redundant_edges(chain[:500]) == ()


def test_what_the_nearest_machine_lacks_is_said():
    asked = graph(
        task("big", demand=Demand(cpus=4, devices=3, memory=10)),
        hints=(SpotHint(hard=True, phrase="never on spot"),),
    )
    (said,) = unsolvable(asked, TWO)
    assert said == ("no machine can run 'big'; the nearest is 'fast', but it has 2 of 3 devices")


def test_a_hard_hint_that_no_machine_meets_is_said():
    hint = DeviceHint(names=("H100",), hard=True, phrase="on the H100s")
    (said,) = unsolvable(graph(task("a"), task("b"), hints=(hint,)), TWO)
    assert said == (
        "'a' and 'b' must run on H100: no device 'H100' in the inventory; known: A100, V100; "
        "did you mean 'V100'?"
    )
    slow = LabelHint(names=("slow",), hard=True, phrase="on slow")
    (said,) = unsolvable(graph(task("a", devices=3), hints=(slow,)), TWO)
    assert said.startswith("no machine can run 'a'")
    unknown = NearDataHint(data="nowhere", hard=True)
    (said,) = unsolvable(graph(task("a"), hints=(unknown,)), ONE)
    assert "in the zone of data 'nowhere'" in said


def test_a_gang_larger_than_all_machines_is_said():
    (said,) = unsolvable(graph(task("g", gang=5)), TWO)
    assert said.endswith("the machines have room for 4")


def test_soft_hints_and_meetings_are_never_unsolvable():
    asked = graph(task("a"), meeting("m", 1), hints=(DeviceHint(names=("H100",)),))
    assert unsolvable(asked, ONE) == ()


def test_redundant_edges_and_duplicates_are_findings():
    asked = graph(
        task("a", title="Train"), task("b", 1, "a", title="Test"),
        task("c", 1, "a", "b", title="train"),
    )  # fmt: skip
    found = examine(asked, ONE)
    assert kinds(found) == ["redundant", "duplicate"]
    assert found[0].tasks == ("a", "c")
    assert found[1].tasks == ("a", "c")


def test_defaults_are_noted():
    asked = TaskGraph(tasks=(Task(id="train"), Task(id="sync", people=("Ann",)), task("known", 2)))
    found = complete_graph(asked)
    assert [one.duration for one in found.tasks] == [3600, 1800, 7200]
    assert found.task("sync").demand == Demand(cpus=0)
    assert found.notes == (
        "train: nobody said how long, 60 minutes assumed",
        "sync: nobody said how long, 30 minutes assumed",
    )
    assert complete_graph(found) == found


def test_a_task_for_the_gpus_holds_one():
    asked = TaskGraph(
        tasks=(Task(id="a", duration=60), task("b", devices=4), Task(id="c", duration=60)),
        hints=(DeviceHint(names=("A100",), tasks=("a", "b")),
               DeviceHint(names=("cpu",), tasks=("c",))),
    )  # fmt: skip
    found = complete_graph(asked)
    assert [one.demand.devices for one in found.tasks] == [1, 4, 0]
    assert found.notes == ("a: nobody said what it needs, 1 device and 1 cpu assumed",)


def test_other_defaults_can_be_given():
    found = complete_graph(TaskGraph(tasks=(Task(id="a"),)), Defaults(duration=60))
    assert found.task("a").duration == 60
