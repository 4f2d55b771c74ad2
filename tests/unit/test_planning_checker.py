"""Plans with one thing wrong each: the checker names it, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from planning_cases import NOW, ONE, TWO, at, by_hand, graph, machine, meeting, task

from agentsched.planning import Inventory, check
from agentsched.planning.graph import Demand
from agentsched.planning.hints import (
    CeilingHint,
    DeviceHint,
    SpreadHint,
    TogetherHint,
    WindowHint,
)
from agentsched.planning.inventory import Away, Person
from agentsched.planning.plan import Assignment, Plan

PEOPLE = ONE.model_copy(
    update={"people": (Person(name="Ann", busy=(Away(start=at(0), end=at(1), reason="gym"),)),)}
)
DOWN = Inventory(machines=(machine("m", away=(Away(start=at(1), end=at(2)),)),))


@pytest.mark.parametrize(
    ("kind", "words", "asked", "inventory", "rows"),
    [
        ("missing", "'b' is not in the plan", graph(task("a"), task("b")), ONE, [("a", "m", 0, 1)]),
        ("unknown", "'x' is no task", graph(task("a")), ONE, [("a", "m", 0, 1), ("x", "m", 0, 1)]),
        ("unknown", "stands twice", graph(task("a")), ONE, [("a", "m", 0, 1), ("a", "m", 1, 2)]),
        ("unknown", "'q', which is no machine", graph(task("a")), ONE, [("a", "q", 0, 1)]),
        (
            "precedence", "before 'a' ends", graph(task("a"), task("b", 1, "a")), ONE,
            [("a", "m", 0, 1), ("b", "m", 0.5, 1.5)],
        ),
        (
            "capacity", "has 2 devices, 3 are held",
            graph(task("a", 2, devices=2), task("b", devices=1)), ONE,
            [("a", "m", 0, 2), ("b", "m", 1, 2)],
        ),
        ("capacity", "has 16 cpus", graph(task("a", demand=Demand(cpus=17))), ONE,
         [("a", "m", 0, 1)]),
        ("latest_start", "must begin by", graph(task("a", latest_start=at(1))), ONE,
         [("a", "m", 1.5, 2.5)]),
        ("release", "before its release", graph(task("a", release=at(1))), ONE, [("a", "m", 0, 1)]),
        ("deadline", "after its deadline", graph(task("a", deadline=at(1))), ONE,
         [("a", "m", 0.5, 1.5)]),
        ("fixed", "is fixed at", graph(task("a", fixed=at(1))), ONE, [("a", "m", 0, 1)]),
        ("downtime", "while it is away", graph(task("a")), DOWN, [("a", "m", 0.5, 1.5)]),
        ("person", "busy (gym)", graph(meeting("a", 1, "ann")), PEOPLE, [("a", "", 0.5, 1.5)]),
        ("person", "nobody knows", graph(meeting("a", 1, "Zoe")), PEOPLE, [("a", "", 0, 1)]),
        (
            "person", "both need 'ann' at once",
            graph(meeting("a", 1, "Ann"), meeting("b", 1, "ANN")), PEOPLE,
            [("a", "", 1, 2), ("b", "", 1.5, 2.5)],
        ),
        (
            "disjunctive", "must not overlap",
            graph(task("a"), task("b"), apart=(("a", "b"),)), ONE,
            [("a", "m", 0, 1), ("b", "m", 0.5, 1.5)],
        ),
        ("duration", "takes 1800 s there", graph(task("a")), TWO, [("a", "fast", 0, 1)]),
        ("duration", "takes 3600 s there", graph(task("a")), TWO, [("a", "slow", 0, 0.5)]),
        ("gang", "needs 2 machine places, has 1", graph(task("a", gang=2)), ONE,
         [("a", "m", 0, 1)]),
        ("gang", "needs 0 machine places, has 1", graph(meeting("a", 1)), ONE, [("a", "m", 0, 1)]),
        (
            "placement", "'on A100'",
            graph(task("a"), hints=(DeviceHint(names=("A100",), hard=True),)), TWO,
            [("a", "slow", 0, 1)],
        ),
        (
            "placement", "come to 2", graph(task("a"), hints=(
                CeilingHint(quantity="price", limit=1.9, hard=True),)), TWO,
            [("a", "fast", 0, 0.5)],
        ),
        (
            "placement", "are in 2 places",
            graph(task("a"), task("b"), hints=(TogetherHint(hard=True),)), TWO,
            [("a", "fast", 0, 0.5), ("b", "slow", 0, 1)],
        ),
        (
            "placement", "share a place",
            graph(task("a"), task("b"), hints=(SpreadHint(hard=True),)), ONE,
            [("a", "m", 0, 1), ("b", "m", 0, 1)],
        ),
        (
            "placement", "two members in one place",
            graph(task("a", gang=2), hints=(SpreadHint(hard=True),)), ONE, [("a", "m,m", 0, 1)],
        ),
        (
            "placement", "is at work at Wed 18:00",
            graph(task("a"), hints=(WindowHint(start=time(19), end=time(23), hard=True),)), ONE,
            [("a", "m", 0, 1)],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_each_broken_rule_is_named_and_nothing_else(kind, words, asked, inventory, rows):
    found = check(asked, inventory, by_hand(*rows))
    assert [one.kind for one in found] == [kind]
    assert words in found[0].message


def test_everything_wrong_is_listed_at_once():
    found = check(graph(task("a", release=at(2), deadline=at(0.5)), task("b")), ONE,
                  by_hand(("a", "q", 0, 3)))  # fmt: skip
    assert {one.kind for one in found} == {"missing", "unknown", "duration", "release", "deadline"}


def test_touching_is_no_overlap():
    asked = graph(task("a", devices=2), task("b", 1, "a", devices=2), apart=(("a", "b"),))
    assert check(asked, ONE, by_hand(("a", "m", 0, 1), ("b", "m", 1, 2))) == ()
    assert check(graph(task("a")), DOWN, by_hand(("a", "m", 0, 1))) == ()


def test_less_than_a_second_is_no_difference():
    uneven = task("a").model_copy(update={"duration": 100})
    three = Inventory(machines=(machine("m", speed=3),))
    seconds = 34 / 3600  # 33.3 rounded up
    assert check(graph(uneven), three, by_hand(("a", "m", 0, seconds))) == ()


def test_a_soft_hint_never_breaks_a_plan():
    asked = graph(task("a"), hints=(DeviceHint(names=("H100",)),))
    assert check(asked, ONE, by_hand(("a", "m", 0, 1))) == ()


def test_least_is_a_wish_even_when_hard():
    from agentsched.planning.hints import LeastHint

    asked = graph(task("a"), hints=(LeastHint(quantity="price", hard=True),))
    assert check(asked, TWO, by_hand(("a", "fast", 0, 0.5))) == ()


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("start", "minutes", "kept"),
    [
        # Clocks jump from 2:00 to 3:00 at 1:00 UTC: the window 1:00 to 2:30 ends there.
        (datetime(2026, 3, 29, 0, 0, tzinfo=UTC), 60, True),
        (datetime(2026, 3, 29, 0, 0, tzinfo=UTC), 61, False),
        # Clocks show 2:00 to 3:00 twice: 2:30 comes at 0:30 UTC and again an hour later.
        (datetime(2026, 10, 24, 23, 0, tzinfo=UTC), 90, True),
        (datetime(2026, 10, 24, 23, 0, tzinfo=UTC), 91, False),
    ],
)
def test_windows_follow_the_clock_on_the_wall(start, minutes, kept):
    length = 60 * minutes
    work = task("a").model_copy(update={"duration": length})
    asked = graph(work, hints=(WindowHint(start=time(1), end=time(2, 30), hard=True),))
    end = datetime.fromtimestamp(start.timestamp() + length, UTC)
    made = Plan(assignments=(Assignment(task="a", machines=("m",), start=start, end=end),))
    assert (check(asked, ONE, made, BERLIN) == ()) is kept


def test_a_window_over_midnight_holds_the_early_morning_of_the_next_day():
    """Friday 22:00 to 6:00 holds Saturday 5:00, and not Friday 5:00."""
    asked = graph(task("a"), hints=(WindowHint(start=time(22), end=time(6), days=("FR",),
                                               hard=True),))  # fmt: skip
    friday = (datetime(2026, 11, 27, 5, tzinfo=UTC) - NOW).total_seconds() / 3600
    assert check(asked, ONE, by_hand(("a", "m", friday + 24, friday + 25))) == ()
    assert len(check(asked, ONE, by_hand(("a", "m", friday, friday + 1)))) == 1


def test_the_same_rack_name_in_two_zones_is_two_racks():
    inventory = Inventory(
        machines=(machine("x", rack="r1", zone="a"), machine("y", rack="r1", zone="b"))
    )
    asked = graph(task("a"), task("b"), hints=(TogetherHint(level="rack", hard=True),))
    found = check(asked, inventory, by_hand(("a", "x", 0, 1), ("b", "y", 0, 1)))
    assert [one.kind for one in found] == ["placement"]
