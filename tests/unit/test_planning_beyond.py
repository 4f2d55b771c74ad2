"""Beyond the solver's reach: plans by policies, exact where the simulator can say it all."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentsched.errors import UserError
from agentsched.planning.beyond import by_policy, plan_beyond
from agentsched.planning.beyond.rules import Columns, next_start, open_until
from agentsched.planning.checker import check
from agentsched.planning.clock import Clock
from agentsched.planning.graph import Demand, Task, TaskGraph
from agentsched.planning.hints import (
    CeilingHint,
    DeviceHint,
    LeastHint,
    PlaceHint,
    SpotHint,
    SpreadHint,
    TogetherHint,
    WindowHint,
)
from agentsched.planning.inventory import Away, Inventory, Machine, Person
from agentsched.planning.plan import Assignment
from agentsched.planning.request import PlanRequest
from memory import open_memory

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def machines(*cpus: float, **more) -> Inventory:
    return Inventory(
        machines=tuple(Machine(name=f"m{i}", cpus=c, **more) for i, c in enumerate(cpus))
    )


def task(id: str, minutes: int, cpus: float = 1, **more) -> Task:
    return Task(id=id, duration=minutes * 60, demand=Demand(cpus=cpus), **more)


def request(tasks, inventory=None, *, apart=(), hints=(), **more) -> PlanRequest:
    graph = TaskGraph(tasks=tuple(tasks), apart=tuple(apart), hints=tuple(hints))
    return PlanRequest(graph=graph, inventory=inventory or machines(1), now=NOW, **more)


def starts(plan) -> dict[str, int]:
    """Minutes after now."""
    return {a.task: (a.start - NOW) // MINUTE for a in plan.assignments}


def test_a_chain_is_the_trace_of_the_rule_and_meets_the_bound() -> None:
    """10 minutes, then 20: it ends after 30, which is the critical path."""
    plan = plan_beyond(request([task("a", 10), task("b", 20, after=("a",))]))
    assert starts(plan) == {"a": 0, "b": 10}
    assert plan.method == "policy eft"
    assert plan.objective == plan.bound == 1800
    assert plan.status == "optimal"
    assert "as it ran in the simulator" in plan.notes[0]
    assert "no plan can end earlier" in plan.notes[1]


def test_the_distance_to_the_bound_is_said() -> None:
    """3 tasks of 20 minutes on two CPUs: the work bound is 30, and 40 is what can be had."""
    plan = plan_beyond(request([task(f"t{i}", 20) for i in range(3)], machines(1, 1)))
    assert (plan.objective, plan.bound) == (2400, 1800)
    assert "at most 33.3% longer" in plan.notes[1]


def test_downtime_is_kept_by_a_trace() -> None:
    inventory = Inventory(
        machines=(Machine(name="m", away=(Away(start=NOW + 5 * MINUTE, end=NOW + 9 * MINUTE),)),)
    )
    plan = plan_beyond(request([task("a", 10)], inventory))
    assert starts(plan) == {"a": 9}


def test_a_machine_of_another_speed_takes_its_own_time() -> None:
    """7 minutes at speed 3 are 140 s, at 1.7 are 247.06, rounded up to 248."""
    inventory = Inventory(machines=(Machine(name="m", speed=1.7),))
    plan = plan_beyond(request([task("a", 7)], inventory))
    assert plan.assignments[0].end - plan.assignments[0].start == timedelta(seconds=248)


def test_hard_hints_about_machines_are_kept_by_the_trace() -> None:
    inventory = Inventory(
        machines=(
            Machine(name="spot", cpus=4, spot=True),
            Machine(name="gpu", cpus=4, devices=1, device="A100"),
            Machine(name="plain", cpus=4),
        )
    )
    hints = (
        SpotHint(hard=True),
        DeviceHint(names=("A100",), hard=True, tasks=("a",)),
        DeviceHint(names=("cpu",), hard=True, tasks=("b",)),
    )
    plan = plan_beyond(request([task("a", 5), task("b", 5)], inventory, hints=hints))
    assert [a.machines for a in plan.assignments] == [("gpu",), ("plain",)]


def test_people_windows_and_pairs_are_kept_by_the_order() -> None:
    anna = Person(name="Anna", busy=(Away(start=NOW, end=NOW + 30 * MINUTE),))
    inventory = machines(8).model_copy(update={"people": (anna,)})
    window = WindowHint(
        start=(NOW + 60 * MINUTE).time(), end=(NOW + 120 * MINUTE).time(), hard=True, tasks=("w",)
    )
    meeting = Task(id="meet", duration=600, demand=Demand(cpus=0), people=("anna",))
    wanted = request(
        [meeting, task("a", 20), task("b", 20), task("w", 10)],
        inventory,
        apart=[("a", "b")],
        hints=[window],
    )
    plan = plan_beyond(wanted)
    assert starts(plan)["meet"] == 30
    assert starts(plan)["w"] == 60
    assert sorted((starts(plan)["a"], starts(plan)["b"])) == [0, 20]
    assert plan.of("meet").machines == ()
    assert "whose order was scheduled, because of people" in plan.notes[0]


def test_a_fixed_task_has_its_machine_when_its_time_comes() -> None:
    fixed = task("f", 10, fixed=NOW + 15 * MINUTE)
    plan = plan_beyond(request([task("long", 20), task("short", 10), fixed]))
    assert starts(plan) == {"short": 0, "f": 15, "long": 25}


def test_what_runs_already_stays_as_it_is() -> None:
    going = Assignment(task="r", machines=("m0",), start=NOW - 5 * MINUTE, end=NOW + 5 * MINUTE)
    done = Assignment(task="d", machines=("m0",), start=NOW - 30 * MINUTE, end=NOW - 20 * MINUTE)
    tasks = [task("d", 10), task("r", 10), task("n", 10, after=("d",))]
    plan = plan_beyond(request(tasks, started=(going, done)))
    assert plan.of("r") == going
    # a task that is done lengthens no path: 10 minutes of n are what nobody can save
    assert (plan.objective, plan.bound) == (15 * 60, 10 * 60)
    assert starts(plan)["n"] == 5


def test_together_spread_and_totals_are_kept() -> None:
    inventory = Inventory(
        machines=tuple(
            Machine(name=f"m{i}", cpus=2, rack=f"r{i // 2}", price=float(1 + i)) for i in range(6)
        )
    )
    tasks = [task(x, 60, 2) for x in ("a", "b", "c", "d")]
    hints = [
        TogetherHint(level="rack", hard=True, tasks=("a", "b")),
        SpreadHint(level="rack", hard=True, tasks=("b", "c", "d")),
        CeilingHint(quantity="price", limit=8, hard=True, tasks=("c", "d")),
    ]
    plan = plan_beyond(request(tasks, inventory, hints=hints))
    racks = {a.task: int(a.machines[0][1]) // 2 for a in plan.assignments}
    assert racks["a"] == racks["b"]
    assert len({racks["b"], racks["c"], racks["d"]}) == 3


def test_a_gang_starts_and_ends_together() -> None:
    plan = plan_beyond(request([task("g", 10, 2, gang=3), task("x", 10, 3)], machines(4, 4)))
    at = plan.of("g")
    assert len(at.machines) == 3


def test_soft_hints_choose_among_machines_and_are_reported() -> None:
    inventory = Inventory(
        machines=(
            Machine(name="far", cpus=2, zone="z2", price=1),
            Machine(name="near", cpus=1, zone="z1", price=2),
        )
    )
    hints = [PlaceHint(level="zone", names=("z1",)), LeastHint(quantity="price", weight=0.1)]
    plan = plan_beyond(request([task("a", 5)], inventory, hints=hints))
    assert plan.of("a").machines == ("near",)
    assert [wish.kept for wish in plan.wishes] == [True, False]
    assert plan.wishes[1].lost_to
    crowded = plan_beyond(request([task("a", 5), task("b", 5)], inventory, hints=hints[:1]))
    assert not crowded.wishes[0].kept


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (request([task("a", 5, 9)]), "task 'a': its 1 members fit 0 times"),
        (request([task("a", 5, gang=3)], machines(1, 1)), "its 3 members fit 2 times"),
        (request([task("a", 5, people=("Bob",))]), "no person 'Bob'; known: nobody"),
        (request([Task(id="a")]), "its duration is unknown"),
        (request([task("a", 9, deadline=NOW + 5 * MINUTE)]), "breaks something"),
        (
            request([task("a", 5, after=("b",)), task("b", 5, after=("a",))]),
            "must not wait for each other in a circle",
        ),
    ],
)
def test_what_cannot_be_planned_is_said_with_the_task(wanted, said) -> None:
    with pytest.raises(UserError, match=said):
        plan_beyond(wanted)


def test_an_empty_memory_says_why_a_known_rule_was_taken(tmp_path) -> None:
    store = open_memory(f"sqlite:///{tmp_path / 'memory.db'}")
    try:
        plan = by_policy(store)(request([task("a", 5)]))
    finally:
        store.close()
    assert "no policy is accepted yet" in plan.notes[0]


def test_due_dates_ask_for_a_rule_about_lateness() -> None:
    plan = plan_beyond(request([task("a", 5, due=NOW + 5 * MINUTE), task("b", 5)]))
    assert plan.method == "policy atc"


def test_the_bound_counts_releases_and_the_scarcest_resource() -> None:
    late = request([task("a", 10, release=NOW + 60 * MINUTE)])
    assert Columns(late, Clock(late)).lower_bound() == 70 * 60
    full = request([task(f"t{i}", 10, 2) for i in range(6)], machines(2, 2))
    assert Columns(full, Clock(full)).lower_bound() == 30 * 60


def test_blocks_and_stretches_are_half_open() -> None:
    spans = ((5, 10), (20, 30))
    assert [next_start(spans, now) for now in (0, 5, 9, 10, 30)] == [5, 5, 9, 20, 1 << 60]
    assert [open_until(spans, now) for now in (0, 5, 9, 10)] == [0, 10, 10, 10]


@st.composite
def requests(draw) -> PlanRequest:
    """Small requests with everything that can be hard; each can be planned when taken alone."""
    count = draw(st.integers(2, 8))
    people = (Person(name="Anna", busy=(Away(start=NOW + 20 * MINUTE, end=NOW + 50 * MINUTE),)),)
    hosts = []
    for i in range(draw(st.integers(2, 4))):
        begin = NOW + draw(st.integers(0, 90)) * MINUTE
        away = (Away(start=begin, end=begin + 15 * MINUTE),) if draw(st.booleans()) else ()
        speed = draw(st.sampled_from((1.0, 1.7)))
        hosts.append(Machine(name=f"m{i}", cpus=8, rack=f"r{i % 2}", speed=speed, away=away))
    tasks = []
    for i in range(count):
        after = tuple(f"t{j}" for j in range(i) if draw(st.integers(0, 4)) == 0)
        release = NOW + draw(st.integers(0, 60)) * MINUTE if draw(st.booleans()) else None
        with_anna = ("Anna",) if draw(st.integers(0, 3)) == 0 else ()
        tasks.append(
            task(f"t{i}", draw(st.integers(1, 40)), draw(st.integers(0, 4)), after=after,
                 gang=draw(st.integers(1, 2)), release=release, people=with_anna)
        )  # fmt: skip
    apart = [("t0", "t1")] if draw(st.booleans()) else []
    hints = draw(
        st.lists(
            st.sampled_from(
                (
                    WindowHint(start="22:00", end="06:00", avoid=True, hard=True),
                    WindowHint(start="13:00", end="20:00", hard=True, tasks=("t1",)),
                    PlaceHint(level="rack", names=("r0",), hard=True, tasks=("t0",)),
                    PlaceHint(level="rack", names=("r1",), weight=2),
                )
            ),
            unique_by=lambda hint: hint.model_dump_json(),
        )
    )
    return request(tasks, Inventory(machines=tuple(hosts), people=people), apart=apart, hints=hints)


@settings(max_examples=60, deadline=None)
@given(requests())
def test_every_plan_keeps_everything_hard(wanted: PlanRequest) -> None:
    plan = plan_beyond(wanted)
    assert check(wanted.graph, wanted.inventory, plan, wanted.zone) == ()
    assert plan.bound <= plan.objective


def test_thousands_of_tasks_on_hundreds_of_machines_take_seconds() -> None:
    hosts = tuple(
        Machine(name=f"m{i}", cpus=(16, 32)[i % 2], memory=128, speed=(1.0, 1.5)[i % 3 == 0])
        for i in range(300)
    )
    tasks = [
        Task(
            id=f"t{i}",
            duration=60 * (5 + i * 7 % 90),
            demand=Demand(cpus=1 + i * 5 % 12, memory=1 + i * 3 % 30),
            after=(f"t{i - 3}",) if i % 10 > 3 else (),
        )
        for i in range(3000)
    ]
    wanted = request(tasks, Inventory(machines=hosts))
    plan_beyond(request(tasks[:5], Inventory(machines=hosts[:5])))  # compiles the rule
    began = time.process_time()
    plan = plan_beyond(wanted)
    assert time.process_time() - began < 20
    assert len(plan.assignments) == 3000
    assert plan.objective <= 2 * plan.bound
