"""Why there is no plan, and what would make one possible: all computed by hand."""

from __future__ import annotations

from datetime import time
from itertools import combinations

import pytest
from planning_cases import ONE, TWO, at, graph, machine, meeting, request, task

from agentsched.planning import Infeasible, Inventory, Planned, check, plan
from agentsched.planning.explaining.conflict import find_conflict
from agentsched.planning.explaining.limits import hard_part, limits_of, without
from agentsched.planning.hints import (
    CeilingHint,
    DeviceHint,
    SpotHint,
    TogetherHint,
    WindowHint,
)
from agentsched.planning.inventory import Away, Person
from agentsched.planning.solving.formulate import formulate
from agentsched.planning.solving.solution import Effort
from agentsched.planning.solving.solver import solve


def refused(asked):
    found = plan(asked)
    assert isinstance(found, Infeasible)
    assert found.conflict.proved
    assert found.conflict.minimal
    for way in found.relaxations:
        assert check(way.request.graph, way.request.inventory, way.plan, asked.zone) == ()
        assert isinstance(plan(way.request), Planned)
    return found


def kinds(found):
    return sorted(limit.kind for limit in found.conflict.limits)


def words(found):
    return [way.words for way in found.relaxations]


def test_a_deadline_that_is_too_early_moves_by_what_is_missing():
    """Training takes 2 h, the report 40 min: 2:40 against a deadline at 2:00."""
    found = refused(
        request(graph(task("train", 2), task("report", 2 / 3, "train", deadline=at(2))))
    )
    assert words(found)[0] == "the deadline of 'report' moves 40 minutes, to Wed 25 Nov 20:40"
    assert found.relaxations[0].cost == pytest.approx(40 / 60, abs=0.001)
    assert "'report' waits for 'train'" in found.conflict.words
    assert found.message.endswith("'report' need not wait for 'train'.")


def test_fewer_devices_are_offered():
    found = refused(request(graph(task("eval", devices=4))))
    assert kinds(found) == ["demand"]
    assert words(found) == ["'eval' uses 2 devices instead of 4"]


def test_two_that_want_the_machine_at_once_are_both_named_and_others_are_not():
    asked = graph(
        task("a", 2, devices=2, deadline=at(3)), task("b", 2, devices=2, deadline=at(3)),
        task("c", 1, devices=1),
    )  # fmt: skip
    found = refused(request(asked))
    assert {limit.subject for limit in found.conflict.limits} == {"a", "b"}
    assert "'a' uses 1 devices instead of 2" not in words(found)  # b would still hold both
    assert words(found)[0].startswith("the deadline of ")


def test_a_window_shorter_than_the_work_is_dropped():
    hint = WindowHint(start=time(22), end=time(23), hard=True, phrase="only after ten")
    found = refused(request(graph(task("a", 2), hints=(hint,))))
    assert kinds(found) == ["hint"]
    assert words(found) == ["'only after ten' is dropped"]


def test_hints_against_each_other_name_both():
    hints = (SpotHint(hard=True, phrase="never on spot"), DeviceHint(names=("V100",), hard=True))
    found = refused(request(graph(task("a"), hints=hints), TWO))
    assert set(words(found)) == {"'never on spot' is dropped", "'on V100' is dropped"}


def test_a_ceiling_rises_to_the_least_total():
    """The cheapest is an hour on the slow machine, for 1."""
    hint = CeilingHint(quantity="price", limit=0.5, hard=True)
    found = refused(request(graph(task("a"), hints=(hint,)), TWO))
    assert words(found) == ["the price may come to 1 instead of 0.5"]


def test_a_busy_person_gives_up_only_what_is_in_the_way():
    """Ann is free from 1.0 to 1.5 only; the meeting of an hour must end by 2."""
    busy = (Away(start=at(0), end=at(1), reason="gym"), Away(start=at(1.5), end=at(3)))
    inventory = ONE.model_copy(update={"people": (Person(name="Ann", busy=busy),)})
    found = refused(request(graph(meeting("sync", 1, "Ann", deadline=at(2))), inventory))
    assert kinds(found) == ["calendar", "deadline", "need"]
    gives_up = next(one for one in words(found) if one.startswith("Ann gives up"))
    assert gives_up.count(" to ") == 1
    assert "'sync' goes on without Ann" in words(found)


def test_downtime_in_the_way_is_named():
    inventory = Inventory(machines=(machine("m", away=(Away(start=at(0.5), end=at(9)),)),))
    found = refused(request(graph(task("a", deadline=at(2))), inventory))
    assert "the downtime of 'm'" in found.conflict.words
    assert any(one.startswith("m is up in spite of") for one in words(found))


def test_a_fixed_start_moves_to_the_nearest_possible():
    """The machine is held until 1; a start fixed at 0.5 moves half an hour."""
    found = refused(
        request(graph(task("x", devices=2, fixed=at(0)), task("y", devices=2, fixed=at(0.5))))
    )
    assert "'y' moves 30 minutes, to Wed 25 Nov 19:00" in words(found)


def test_a_release_too_late_for_the_deadline_moves_earlier():
    found = refused(request(graph(task("a", release=at(2), deadline=at(2.5)))))
    assert "'a' can start earlier, by 30 minutes, to Wed 25 Nov 19:30" in words(found)


def test_a_latest_start_that_cannot_be_kept_is_named_and_moves():
    """What it waits for ends at 3:00, it must begin by 2:00."""
    found = refused(request(graph(task("a", 3), task("b", 1, "a", latest_start=at(2)))))
    assert kinds(found) == ["latest_start", "precedence"]
    assert "'b' must begin by Wed 25 Nov 20:00" in found.conflict.words
    assert words(found)[0] == "'b' may begin later, by 60 minutes, to Wed 25 Nov 21:00"


def test_a_gang_too_large_shrinks_to_the_room_there_is():
    found = refused(request(graph(task("g", gang=6)), TWO))
    assert words(found) == ["'g' runs with 4 members instead of 6"]


def test_the_horizon_is_a_limit_when_asked_for():
    found = refused(request(graph(task("a", 3)), horizon=at(2)))
    assert kinds(found) == ["horizon"]
    assert words(found) == ["everything ends 60 minutes later, by Wed 25 Nov 21:00"]


def test_two_separate_conflicts_move_both_deadlines_together():
    """No single change helps: a and b are both an hour too long for their deadlines."""
    found = refused(request(graph(task("a", 2, deadline=at(1)), task("b", 2, deadline=at(1)))))
    assert len(found.conflict.limits) == 1
    assert words(found) == [
        "the deadline of 'a' moves 60 minutes, to Wed 25 Nov 20:00 and "
        "the deadline of 'b' moves 60 minutes, to Wed 25 Nov 20:00"
    ]


def test_two_separate_hints_go_together():
    hints = (
        DeviceHint(names=("H100",), tasks=("a",), hard=True),
        DeviceHint(names=("T4",), tasks=("b",), hard=True),
    )
    found = refused(request(graph(task("a"), task("b"), hints=hints)))
    assert words(found) == ["'on H100' and 'on T4' are dropped"]


def test_a_relaxed_request_keeps_its_wishes():
    asked = graph(task("a", deadline=at(0.25)), hints=(DeviceHint(names=("V100",)),))
    found = refused(request(asked, TWO))
    assert all(way.request.graph.hints == asked.hints for way in found.relaxations)


def test_together_without_room_is_a_conflict():
    hint = TogetherHint(hard=True)
    asked = graph(task("a", devices=2, deadline=at(1)), task("b", devices=2, deadline=at(1)),
                  hints=(hint,))  # fmt: skip
    two = Inventory(machines=(machine("x"), machine("y")))
    assert "together on one node" in refused(request(asked, two)).conflict.words


def test_the_conflict_is_minimal_and_real():
    """Every proper part of it has a schedule; all of it has none. Checked part by part."""
    asked = request(
        graph(
            task("a", 2, devices=2, deadline=at(4)), task("b", 2, "a", devices=2),
            task("c", 1, "b", devices=1, deadline=at(4.5)), task("d", 1, release=at(1)),
        )
    )  # fmt: skip
    hard = hard_part(asked)
    every = limits_of(hard, horizon=False)
    found = find_conflict(asked, 5)

    def status(kept):
        left = without(hard, [limit for limit in every if limit not in kept])
        return solve(formulate(left).problem, Effort(2, first_only=True)).status

    assert status(found.limits) == "infeasible"
    for part in combinations(found.limits, len(found.limits) - 1):
        assert status(part) in ("feasible", "optimal")


def test_without_time_the_conflict_is_not_called_minimal():
    asked = request(graph(task("a", 2, deadline=at(1)), *(task(f"t{i}") for i in range(20))))
    assert not find_conflict(asked, 0.0).minimal
