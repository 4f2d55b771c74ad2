"""Plans computed by hand: what runs where and when, and that the solver agrees."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from planning_cases import NOW, ONE, TWO, at, graph, hours, machine, meeting, request, task

from agentsched.errors import UserError
from agentsched.planning import Infeasible, Inventory, Plan, Planned, PlanRequest, check, plan
from agentsched.planning.graph import Demand
from agentsched.planning.hints import (
    CeilingHint,
    DeviceHint,
    LabelHint,
    LeastHint,
    NearDataHint,
    PlaceHint,
    SpotHint,
    SpreadHint,
    TogetherHint,
    WindowHint,
)
from agentsched.planning.inventory import Away, DataSet, Person


def planned(asked: PlanRequest) -> Plan:
    found = plan(asked)
    assert isinstance(found, Planned), found.message
    assert check(asked.graph, asked.inventory, found.plan, asked.zone) == ()
    return found.plan


def test_independent_tasks_share_a_machine_and_a_third_waits():
    """Two of three one-device hours fit on two devices, so the third ends at 2."""
    found = planned(request(graph(task("a"), task("b"), task("c"))))
    assert sorted(hours(found).values()) == [(0, 1), (0, 1), (1, 2)]
    assert (found.status, found.objective, found.bound) == ("optimal", 7200, 7200)


def test_the_evaluation_waits_for_both_trainings():
    """2 h on the fast machine take 1 h; the other training takes 2 h on the slow one."""
    found = planned(
        request(
            graph(task("a", 2, devices=2), task("b", 2, devices=2), task("eval", 1, "a", "b")),
            TWO,
        )
    )
    assert hours(found)["eval"] == (2, 2.5)
    assert found.of("eval").machines == ("fast",)
    assert found.objective == found.bound == 9000


def test_release_due_deadline_and_fixed_are_kept():
    found = planned(
        request(
            graph(
                task("fixed", 1, devices=2, fixed=at(2)),
                task("released", 1, devices=2, release=at(1.5)),
                task("first", 2, devices=2, deadline=at(2)),
            )
        )
    )
    assert hours(found) == {"fixed": (2, 3), "released": (3, 4), "first": (0, 2)}


def test_a_latest_start_goes_before_what_is_worth_more():
    """Both take the whole machine; without its limit the important one would come first."""
    found = planned(
        request(
            graph(
                task("late", 3, devices=2, latest_start=at(0)),
                task("soon", 1, devices=2, due=at(1)),
            )
        )
    )
    assert hours(found) == {"late": (0, 3), "soon": (3, 4)}


def test_a_missed_due_time_costs_but_does_not_forbid():
    """Both are due at 1, one device hour after the other: the later one is an hour late."""
    found = planned(
        request(graph(task("a", devices=2, due=at(1)), task("b", devices=2, due=at(1))))
    )
    assert found.objective == 2 * 3600 + 4 * 3600


def test_work_goes_around_downtime_and_is_never_cut_in_two():
    """Half an hour before the maintenance is too short for an hour."""
    inventory = Inventory(
        machines=(machine("m", away=(Away(start=at(0.5), end=at(2), reason="kernel"),)),)
    )
    assert hours(planned(request(graph(task("a")), inventory))) == {"a": (2, 3)}


def test_overlapping_downtimes_are_one():
    away = (Away(start=at(0), end=at(2)), Away(start=at(1), end=at(3)))
    inventory = Inventory(machines=(machine("m", away=away),))
    found = planned(request(graph(task("a", devices=2), task("b", devices=2)), inventory))
    assert sorted(hours(found).values()) == [(3, 4), (4, 5)]


def test_disjunctive_tasks_never_overlap_even_on_two_machines():
    found = planned(request(graph(task("a", 2), task("b", 2), apart=(("a", "b"),)), TWO))
    spans = sorted(hours(found).values())
    assert spans[0][1] <= spans[1][0]


def test_a_gang_starts_together_and_is_as_slow_as_its_slowest_member():
    """Three members need both machines, so all take the slow machine's hour."""
    found = planned(request(graph(task("g", 1, gang=3)), TWO))
    assert hours(found) == {"g": (0, 1)}
    assert sorted(set(found.of("g").machines)) == ["fast", "slow"]


def test_a_small_gang_stays_where_it_is_fast():
    found = planned(request(graph(task("g", 1, gang=2)), TWO))
    assert hours(found) == {"g": (0, 0.5)}
    assert found.of("g").machines == ("fast", "fast")


def test_a_gang_is_not_preempted_by_what_is_in_its_way():
    """Four members need all devices of both machines; the small task goes before or behind."""
    found = planned(request(graph(task("g", 1, gang=4), task("s", 1, devices=1)), TWO))
    spans = hours(found)
    assert spans["s"][1] <= spans["g"][0] or spans["g"][1] <= spans["s"][0]


def test_a_meeting_needs_people_and_no_machine():
    inventory = ONE.model_copy(
        update={"people": (Person(name="Ann", busy=(Away(start=at(0), end=at(1)),)),
                           Person(name="Bob", busy=(Away(start=at(1.5), end=at(2)),)))}
    )  # fmt: skip
    found = planned(request(graph(meeting("sync", 1, "Ann", "bob")), inventory))
    assert hours(found) == {"sync": (2, 3)}
    assert found.of("sync").machines == ()


def test_nobody_is_in_two_meetings():
    inventory = ONE.model_copy(update={"people": (Person(name="Ann"),)})
    found = planned(request(graph(meeting("x", 1, "Ann"), meeting("y", 1, "Ann")), inventory))
    assert sorted(hours(found).values()) == [(0, 1), (1, 2)]


def test_memory_zero_is_not_limited_and_fractions_of_cpus_add_up():
    """Three thirds of the only CPU run at once."""
    inventory = Inventory(machines=(machine("m").model_copy(update={"cpus": 1}),))
    third = Demand(cpus=1 / 3, memory=500)
    found = planned(request(graph(*(task(n, demand=third) for n in "abc")), inventory))
    assert set(hours(found).values()) == {(0, 1)}


def test_greater_priority_goes_first_where_nothing_else_decides():
    found = planned(
        request(graph(task("a", devices=2), task("b", devices=2, priority=5)), budget=2)
    )
    assert hours(found) == {"a": (1, 2), "b": (0, 1)}


@pytest.mark.parametrize(
    ("hint", "host"),
    [
        (DeviceHint(names=("v100",), hard=True), "slow"),
        (DeviceHint(names=("A100",), avoid=True, hard=True), "slow"),
        (SpotHint(avoid=True, hard=True), "fast"),
        (PlaceHint(level="zone", names=("EU",), hard=True), "slow"),
        (LabelHint(names=("slow",), hard=True), "slow"),
        (NearDataHint(data="imagenet", level="zone", hard=True), "slow"),
        (CeilingHint(quantity="price", limit=2, per_hour=True, hard=True), "slow"),
        (CeilingHint(quantity="price", limit=1, hard=True), "slow"),
        (LeastHint(quantity="price"), "slow"),
        (LeastHint(quantity="carbon"), "slow"),
        # The fast machine draws more but is done in half the time.
        (LeastHint(quantity="energy"), "fast"),
        (DeviceHint(names=("V100",)), "slow"),
    ],
    ids=str,
)
def test_hints_choose_the_machine(hint, host):
    """Unasked, the hour would run on the fast machine, for 2 instead of 1."""
    inventory = TWO.model_copy(update={"data": (DataSet(name="ImageNet", zone="eu"),)})
    assert planned(request(graph(task("a"), hints=(hint,)), inventory)).of("a").machines == (host,)


def test_together_and_spread_are_kept():
    four = Inventory(machines=tuple(machine(f"m{i}", rack=f"r{i // 2}") for i in range(4)))
    tasks = [task("a", devices=2), task("b", devices=2)]
    rack = planned(request(graph(*tasks, hints=(TogetherHint(level="rack", hard=True),)), four))
    assert len({one.machines[0][1] in "01" for one in rack.assignments}) == 1
    apart = planned(request(graph(*tasks, hints=(SpreadHint(level="rack", hard=True),)), four))
    assert len({one.machines[0][1] in "01" for one in apart.assignments}) == 2


def test_a_gang_that_is_spread_has_one_member_a_machine():
    hint = SpreadHint(tasks=("g",), hard=True)
    found = planned(request(graph(task("g", gang=2), hints=(hint,)), TWO))
    assert found.of("g").machines == ("fast", "slow")


def test_a_gang_that_is_kept_together_waits_for_one_machine():
    hint = TogetherHint(tasks=("g",), hard=True)
    busy = task("x", 2, devices=1, fixed=NOW)
    two = Inventory(machines=(machine("a"), machine("b")))
    found = planned(request(graph(task("g", gang=2), busy, hints=(hint,)), two))
    assert len(set(found.of("g").machines)) == 1


def test_a_soft_wish_for_togetherness_does_not_loosen_a_hard_spread():
    hints = (SpreadHint(hard=True), TogetherHint())
    assert isinstance(plan(request(graph(task("g", gang=2), hints=hints))), Infeasible)
    assert (
        len(set(planned(request(graph(task("g", gang=2), hints=hints), TWO)).of("g").machines)) == 2
    )


@pytest.mark.parametrize(
    ("day", "start", "end", "hours_open"),
    [
        # 2026-03-29, clocks go from 2:00 to 3:00 in Berlin: 1:00 to 4:00 is two hours long.
        (datetime(2026, 3, 28, 12, tzinfo=UTC), time(1), time(4), 2),
        # 2026-10-25, from 3:00 back to 2:00: 1:00 to 4:00 is four hours long.
        (datetime(2026, 10, 24, 12, tzinfo=UTC), time(1), time(4), 4),
    ],
)
def test_a_night_window_is_as_long_as_the_clocks_make_it(day, start, end, hours_open):
    """A task as long as the window fits on that night; one longer by a minute never starts then."""
    berlin = ZoneInfo("Europe/Berlin")
    hint = WindowHint(start=start, end=end, hard=True)
    fits = planned(request(graph(task("a", hours_open), hints=(hint,)), now=day, zone=berlin))
    begin = fits.of("a").start.astimezone(berlin)
    assert (begin.day, begin.hour, begin.minute) == ((day + timedelta(days=1)).day, 1, 0)
    longer = task("a", hours_open + 1 / 60)
    other = plan(request(graph(longer, hints=(hint,)), now=day, zone=berlin))
    if isinstance(other, Planned):  # three hours on the nights without a change
        assert other.plan.of("a").start > fits.of("a").start


def test_the_safe_half_of_an_ambiguous_hour_counts():
    """Work within 22:00 to 2:30 ends before clocks show 2:30 the first time, 0:30 UTC."""
    berlin = ZoneInfo("Europe/Berlin")
    hint = WindowHint(start=time(22), end=time(2, 30), hard=True)
    now = datetime(2026, 10, 24, 20, tzinfo=UTC)  # 22:00 in Berlin
    found = planned(request(graph(task("a", 4.5), hints=(hint,)), now=now, zone=berlin))
    assert found.of("a").end == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_a_window_belongs_to_the_day_on_which_it_opens():
    hint = WindowHint(start=time(22), end=time(6), days=("FR",), hard=True)
    found = planned(request(graph(task("a", 8), hints=(hint,))))
    assert found.of("a").start == datetime(2026, 11, 27, 22, tzinfo=UTC)


def test_avoided_hours_are_kept_free():
    hint = WindowHint(start=time(18), end=time(20), avoid=True, hard=True)
    assert hours(planned(request(graph(task("a"), hints=(hint,)))))["a"] == (2, 3)


def test_like_machines_are_told_apart_only_by_order():
    """Twelve two-device tasks on six machines are done in two rounds, and that is proved."""
    six = Inventory(machines=tuple(machine(f"m{i}") for i in range(6)))
    found = planned(request(graph(*(task(f"t{i}", devices=2) for i in range(12))), six))
    assert (found.status, found.objective) == ("optimal", 7200)


def test_an_unknown_person_is_one_line():
    with pytest.raises(UserError, match="no person 'Zoe' in the inventory; known: nobody"):
        plan(request(graph(meeting("x", 1, "Zoe"))))


def test_an_unknown_duration_is_one_line():
    with pytest.raises(UserError, match="'a': its duration is unknown"):
        plan(request(graph(task("a").model_copy(update={"duration": None}))))


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"now": NOW.replace(tzinfo=None)}, "now must have a zone"),
        ({"horizon": NOW}, "horizon must be after now"),
        ({"budget": 0}, "budget must be > 0"),
        ({"workers": 0}, "workers must be >= 1"),
    ],
)
def test_wrong_requests_are_one_line(wrong, rule):
    with pytest.raises(UserError, match=rule):
        request(graph(task("a")), **wrong)


def test_a_cycle_has_no_plan_and_is_named():
    found = plan(request(graph(task("a", 1, "b"), task("b", 1, "a"))))
    assert isinstance(found, Infeasible)
    assert {limit.kind for limit in found.conflict.limits} == {"precedence"}
    assert found.relaxations


def test_the_same_request_gives_the_same_plan():
    asked = request(graph(*(task(f"t{i}", 1 + i % 3) for i in range(8))), TWO)
    assert planned(asked) == planned(asked)


def test_too_large_for_the_solver_goes_by_list_and_says_how_far_from_the_bound():
    tasks = graph(*(task(f"t{i}", 1) for i in range(1_200)))
    found = planned(request(tasks, budget=0.5))
    assert found.method == "list schedule"
    assert found.bound == found.objective == 600 * 3600


def test_what_is_beyond_the_solver_is_asked_of_beyond():
    asked: list[PlanRequest] = []

    def beyond(wanted: PlanRequest) -> Plan:
        asked.append(wanted)
        return plan(request(wanted.graph, budget=0.5)).plan.model_copy(update={"method": "rule"})

    tasks = graph(*(task(f"t{i}", 1) for i in range(1_001)))
    assert planned(request(tasks, beyond=beyond)).method == "rule"
    assert len(asked) == 1


def test_plans_start_at_whole_seconds_not_before_now():
    now = NOW + timedelta(microseconds=300)
    assert planned(request(graph(task("a")), now=now)).of("a").start == NOW + timedelta(seconds=1)
