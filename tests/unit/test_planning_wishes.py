"""Soft hints are traded by weight, the loser is named with its price; a plan in force is kept."""

from __future__ import annotations

from datetime import time, timedelta

from planning_cases import NOW, ONE, TWO, at, graph, hours, machine, request, task

from agentsched.planning import Inventory, Plan, Planned, plan
from agentsched.planning.hints import DeviceHint, LeastHint, SpotHint, SpreadHint, WindowHint
from agentsched.planning.plan import Assignment


def planned(asked) -> Plan:
    found = plan(asked)
    assert isinstance(found, Planned), found.message
    return found.plan


def test_the_heavier_of_two_contrary_wishes_wins_and_the_loser_says_why():
    hints = (DeviceHint(names=("V100",), phrase="prefer the V100"),
             DeviceHint(names=("A100",), weight=2))  # fmt: skip
    found = planned(request(graph(task("a"), hints=hints), TWO))
    lost, kept = found.wishes
    assert found.of("a").machines == ("fast",)
    assert (kept.kept, kept.lost_to) == (True, "")
    assert not lost.kept
    assert lost.hint == "prefer the V100"
    assert lost.lost_to == "an end 30 minutes earlier and 'on A100'"


def test_a_wish_that_nothing_hard_allows_says_so():
    hints = (SpotHint(hard=True), DeviceHint(names=("V100",)))
    (wish,) = planned(request(graph(task("a"), hints=hints), TWO)).wishes
    assert (wish.kept, wish.lost_to) == (False, "what is hard: no plan keeps both")


def test_a_wish_is_worth_waiting_for_but_not_for_ever():
    """Worth twice the length of the plan: an hour's work waits two hours for a device, not nine."""
    hint = DeviceHint(names=("V100",))
    for held, host in ((1.5, "slow"), (9, "fast")):
        block = task("x", held, devices=2, fixed=NOW)
        own = DeviceHint(names=("V100",), tasks=("x",), hard=True)
        asked = graph(block, task("a", 1), hints=(hint.model_copy(update={"tasks": ("a",)}), own))
        length = max(held, 0.5)
        found = planned(request(asked, TWO))
        assert found.of("a").machines == (host,) or held - length == 0


def test_least_price_spends_the_least_and_says_what_else_was_worth_more():
    hints = (LeastHint(quantity="price"), DeviceHint(names=("A100",), weight=5))
    found = planned(request(graph(task("a"), hints=hints), TWO))
    assert found.of("a").machines == ("fast",)
    assert "'on A100'" in found.wishes[0].lost_to


def test_a_soft_window_moves_work_into_it():
    hint = WindowHint(start=time(19), end=time(23), phrase="in the evening")
    found = planned(request(graph(task("a", 2), hints=(hint,))))
    assert hours(found)["a"] == (1, 3)
    assert found.wishes[0].kept


def test_a_soft_spread_is_kept_where_it_costs_little():
    found = planned(request(graph(task("a"), task("b"), hints=(SpreadHint(),)), TWO))
    assert {one.machines for one in found.assignments} == {("fast",), ("slow",)}


def test_a_plan_in_force_stays_when_nothing_changed():
    asked = graph(*(task(f"t{i}", 1 + i % 2) for i in range(6)))
    two = Inventory(machines=(machine("a"), machine("b")))
    first = planned(request(asked, two))
    again = planned(request(asked, two, previous=first, seed=7))
    assert again.assignments == first.assignments


def test_what_runs_stays_where_it_is_and_the_rest_makes_way():
    """The training takes an hour longer than planned; only what waits for it moves."""
    asked = graph(task("train", 1), task("eval", 1, "train"), task("other", 1, fixed=at(3)))
    first = planned(request(asked))
    running = first.of("train").model_copy(update={"end": at(2)})
    later = planned(
        request(asked, now=NOW + timedelta(minutes=30), previous=first, started=(running,))
    )
    assert hours(later) == {"train": (0, 2), "eval": (2, 3), "other": (3, 4)}
    assert later.of("train") == running


def test_what_is_done_holds_nothing_even_on_a_machine_that_is_gone():
    asked = graph(task("train", 1), task("eval", 1, "train", devices=2))
    done = Assignment(task="train", machines=("lost",), start=at(-2), end=at(-1))
    found = planned(request(asked, ONE, started=(done,)))
    assert hours(found)["eval"] == (0, 1)


def test_a_lost_machine_moves_only_what_was_on_it():
    two = Inventory(machines=(machine("a"), machine("b")))
    asked = graph(*(task(f"t{i}", 1, devices=2) for i in range(2)))
    first = planned(request(asked, two))
    keeps = next(one for one in first.assignments if one.machines == ("a",))
    only = Inventory(machines=(machine("a"),))
    after = planned(request(asked, only, previous=first))
    assert after.of(keeps.task) == keeps
    assert {one.machines for one in after.assignments} == {("a",)}


def test_a_deadline_that_running_work_already_misses_does_not_stop_the_rest():
    asked = graph(task("late", 1, deadline=at(1)), task("next", 1, "late"))
    running = Assignment(task="late", machines=("m",), start=at(-1), end=at(2))
    assert hours(planned(request(asked, started=(running,))))["next"] == (2, 3)


def test_a_better_place_is_taken_when_it_pays():
    """A second machine appears: waiting ten hours in line is given up for it."""
    asked = graph(task("a", 10, devices=2), task("b", 10, devices=2))
    first = planned(request(asked))
    two = Inventory(machines=(machine("m"), machine("new")))
    second = planned(request(asked, two, previous=first))
    assert hours(second) == {"a": (0, 10), "b": (0, 10)}
