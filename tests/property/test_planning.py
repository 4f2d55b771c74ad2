"""Whatever is asked: plans pass the checker, bounds hold, and conflicts are real and minimal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from itertools import permutations, product
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentsched.planning import Inventory, Planned, PlanRequest, Task, TaskGraph, check, plan
from agentsched.planning.explaining.conflict import find_conflict
from agentsched.planning.explaining.limits import hard_part, limits_of, without
from agentsched.planning.graph import Demand
from agentsched.planning.hints import (
    CeilingHint,
    DeviceHint,
    Hint,
    LeastHint,
    SpotHint,
    SpreadHint,
    TogetherHint,
    WindowHint,
)
from agentsched.planning.inventory import Away, Machine, Person
from agentsched.planning.solving.bounds import lower_bound
from agentsched.planning.solving.coarsening import in_grains
from agentsched.planning.solving.formulate import formulate
from agentsched.planning.solving.listing import (
    RULES,
    best_list_schedule,
    forward_backward,
    list_schedule,
    mirror,
)
from agentsched.planning.solving.model import Model
from agentsched.planning.solving.problem import Activity, Option, Problem, Resource, costs
from agentsched.planning.solving.schedule_checker import check_schedule
from agentsched.planning.solving.solution import Effort
from agentsched.planning.solving.solver import solve
from agentsched.planning.solving.symmetry import canonical
from agentsched.planning.solving.tightening import tightened

NOW = datetime(2026, 10, 24, 20, tzinfo=UTC)
"""Four hours before the clocks of Berlin go back."""
IDS = ("a", "b", "c", "d", "e")
QUICK = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))


def instants(least: int, most: int) -> st.SearchStrategy[datetime]:
    """Quarters of an hour from NOW."""
    return st.integers(least, most).map(lambda n: NOW + n * timedelta(minutes=15))


@st.composite
def aways(draw: st.DrawFn) -> Away:
    start = draw(instants(-8, 60))
    return Away(start=start, end=start + draw(st.integers(1, 16)) * timedelta(minutes=15))


@st.composite
def hints(draw: st.DrawFn, ids: tuple[str, ...]) -> Hint:
    common = {
        "tasks": tuple(draw(st.lists(st.sampled_from(ids), unique=True, max_size=3))),
        "hard": draw(st.booleans()),
        "weight": draw(st.sampled_from((0.5, 1.0, 3.0))),
    }
    level = draw(st.sampled_from(("node", "rack")))
    quantity = draw(st.sampled_from(("price", "carbon", "energy")))
    times = st.times(datetime.min.time()).map(lambda t: t.replace(second=0, microsecond=0))
    choices: list[Hint] = [
        DeviceHint(names=("A100",), avoid=draw(st.booleans()), **common),
        SpotHint(**common),
        TogetherHint(level=level, **common),
        SpreadHint(level=level, **common),
        CeilingHint(quantity=quantity, limit=draw(st.floats(0.5, 20)), **common),
        LeastHint(quantity=quantity, **common),
        WindowHint(start=draw(times), end=draw(times), avoid=draw(st.booleans()), **common),
    ]
    return draw(st.sampled_from(choices))


@st.composite
def machines(draw: st.DrawFn, number: int) -> Machine:
    return Machine(
        name=f"m{number}",
        cpus=draw(st.sampled_from((2.0, 4.0))),
        devices=draw(st.integers(0, 3)),
        device=draw(st.sampled_from(("A100", "V100"))),
        memory=draw(st.sampled_from((0.0, 8.0))),
        speed=draw(st.sampled_from((1.0, 1.0, 2.0, 3.0))),
        rack=draw(st.sampled_from(("", "r1", "r2"))),
        spot=draw(st.booleans()),
        price=draw(st.sampled_from((1.0, 3.0))),
        watts=draw(st.sampled_from((100.0, 300.0))),
        carbon=draw(st.sampled_from((50.0, 400.0))),
        away=tuple(draw(st.lists(aways(), max_size=2))),
    )


@st.composite
def tasks(draw: st.DrawFn, number: int) -> Task:
    earlier = IDS[:number]
    needs = draw(st.sampled_from(("machine", "machine", "machine", "people")))
    return Task(
        id=IDS[number],
        duration=draw(st.sampled_from((900, 1800, 3600, 5000, 9000))),
        demand=Demand(
            cpus=draw(st.sampled_from((0.5, 1.0, 2.0))),
            memory=draw(st.sampled_from((0.0, 3.0))),
            devices=draw(st.integers(0, 2)),
        )
        if needs == "machine"
        else Demand(cpus=0),
        gang=draw(st.sampled_from((1, 1, 1, 2, 3))),
        after=tuple(draw(st.lists(st.sampled_from(earlier), unique=True, max_size=2)))
        if earlier
        else (),
        release=draw(st.none() | instants(0, 20)),
        latest_start=draw(st.none() | instants(0, 40)),
        due=draw(st.none() | instants(1, 40)),
        deadline=draw(st.none() | st.none() | instants(8, 100)),
        fixed=draw(st.sampled_from((None, None, None, NOW + timedelta(hours=2)))),
        people=("Ann",) if needs == "people" else (),
        priority=draw(st.integers(0, 2)),
    )


@st.composite
def requests(draw: st.DrawFn) -> PlanRequest:
    count = draw(st.integers(1, 5))
    ids = IDS[:count]
    pairs = [(a, b) for a in ids for b in ids if a < b]
    graph = TaskGraph(
        tasks=tuple(draw(tasks(i)) for i in range(count)),
        apart=tuple(draw(st.lists(st.sampled_from(pairs), max_size=1))) if pairs else (),
        hints=tuple(draw(st.lists(hints(ids), max_size=3))),
    )
    inventory = Inventory(
        machines=tuple(draw(machines(i)) for i in range(draw(st.integers(1, 4)))),
        people=(Person(name="Ann", busy=tuple(draw(st.lists(aways(), max_size=2)))),),
    )
    zone: tzinfo = draw(st.sampled_from((UTC, ZoneInfo("Europe/Berlin"))))
    return PlanRequest(graph=graph, inventory=inventory, now=NOW, zone=zone, budget=0.5, workers=1)


@QUICK
@given(requests())
def test_plans_pass_the_checker_and_relaxations_as_well(request: PlanRequest) -> None:
    found = plan(request)
    if isinstance(found, Planned):
        assert check(request.graph, request.inventory, found.plan, request.zone) == ()
        assert found.plan.bound <= found.plan.objective
        assert (found.plan.status == "optimal") == (found.plan.bound == found.plan.objective)
        assert len(found.plan.wishes) == sum(not hint.hard for hint in request.graph.hints)
    else:
        for way in found.relaxations:
            eased = way.request
            assert check(eased.graph, eased.inventory, way.plan, eased.zone) == ()


@QUICK
@given(requests())
def test_the_two_checkers_agree_and_no_schedule_is_below_the_bound(request: PlanRequest) -> None:
    problem = formulate(request).problem
    tight = tightened(problem)
    if tight is None:
        return
    found = solve(problem, Effort(0.5, workers=1, tidy=False))
    if found.schedule is not None:
        assert check_schedule(problem, found.schedule) == ()
        assert costs(problem, found.schedule).total == found.objective
        assert max(place.end for place in found.schedule) >= lower_bound(problem)
        assert max(place.end for place in found.schedule) >= lower_bound(tight)


@QUICK
@given(requests())
def test_list_schedules_keep_every_hard_constraint(request: PlanRequest) -> None:
    problem = tightened(formulate(request).problem)
    if problem is None:
        return
    for rule in RULES:
        found = list_schedule(problem, rule(problem))
        if not isinstance(found, int):
            assert check_schedule(problem, found) == ()
            better = forward_backward(problem, found)
            assert better is None or check_schedule(problem, better) == ()


@QUICK
@given(requests())
def test_the_model_accepts_what_list_schedules_find_at_their_price(request: PlanRequest) -> None:
    """With every variable of a schedule given, the solver finds it feasible and no dearer."""
    problem = tightened(formulate(request).problem)
    listed = None if problem is None else best_list_schedule(problem, rounds=2)
    if problem is None or listed is None:
        return
    shown = canonical(problem, listed)
    assert costs(problem, shown) == costs(problem, listed)
    model = Model(problem)
    for activity, handles, place in zip(problem.activities, model.handles, shown, strict=True):
        model.cp.add(handles.start == place.start)
        for o, count in handles.count.items():
            model.cp.add(count == place.options.count(o))
        assert len(place.options) == activity.gang
    from ortools.sat.python import cp_model

    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    assert solver.solve(model.cp) == cp_model.OPTIMAL
    assert round(solver.objective_value) == costs(problem, listed).total


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(requests())
def test_conflicts_are_real_and_minimal(request: PlanRequest) -> None:
    if solve(formulate(request).problem, Effort(1, first_only=True)).status != "infeasible":
        return
    conflict = find_conflict(request, 10)
    hard = hard_part(request)
    every = limits_of(hard, horizon=False)

    def status(kept: tuple[object, ...]) -> str:
        left = without(hard, [limit for limit in every if limit not in kept])
        return solve(formulate(left).problem, Effort(2, first_only=True)).status

    assert conflict.minimal
    assert status(conflict.limits) == "infeasible"
    for gone in conflict.limits:
        kept = tuple(limit for limit in conflict.limits if limit != gone)
        assert status(kept) != "infeasible"


@st.composite
def projects(draw: st.DrawFn) -> Problem:
    """Small project scheduling problems with a single pool or two."""
    count = draw(st.integers(1, 4))
    activities = []
    for i in range(count):
        duration = draw(st.integers(1, 5))
        uses = tuple((r, draw(st.integers(1, 3))) for r in range(2) if draw(st.booleans()))
        after = tuple(j for j in range(i) if draw(st.booleans()))
        option = Option(duration=duration, starts=((0, 40 - duration),))
        activities.append(Activity(f"a{i}", (option,), uses=uses, after=after))
    return Problem(tuple(activities), (Resource("r0", 3), Resource("r1", 4)), horizon=40)


@QUICK
@given(projects())
def test_the_optimum_is_that_of_trying_every_order(problem: Problem) -> None:
    """Serial schedules over all orders hold an optimal one (they are the active schedules)."""
    best = min(
        costs(problem, schedule).total
        for order in permutations(range(len(problem.activities)))
        if not isinstance(schedule := list_schedule(problem, order), int)
    )
    found = solve(problem, Effort(5, tidy=False))
    assert (found.status, found.objective, found.bound) == ("optimal", best, best)
    assert lower_bound(problem) <= best


@QUICK
@given(projects(), st.integers(2, 3))
def test_a_coarser_grain_changes_nothing(problem: Problem, factor: int) -> None:
    finer = Problem(
        tuple(
            Activity(
                a.id,
                (Option(duration=factor * a.options[0].duration,
                        starts=((0, factor * a.options[0].starts[0][1]),)),),
                uses=a.uses, after=a.after,
            )
            for a in problem.activities
        ),
        problem.resources, horizon=factor * 40,
    )  # fmt: skip
    coarse, grain = in_grains(finer)
    assert grain % factor == 0
    assert solve(coarse, Effort(5)).objective == solve(finer, Effort(5)).objective


@QUICK
@given(projects())
def test_time_backwards_and_backwards_again_is_time(problem: Problem) -> None:
    assert mirror(mirror(problem, 40), 40) == problem


@QUICK
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(1, 3))
def test_like_machines_cost_nothing_by_being_ordered(durations: list[int], count: int) -> None:
    """The optimum over all ways to deal tasks to machines, with and without symmetry broken."""
    best = min(
        max(sum(d for d, m in zip(durations, deal, strict=True) if m == k) for k in range(count))
        for deal in product(range(count), repeat=len(durations))
    )
    graph = TaskGraph(tasks=tuple(Task(id=f"t{i}", duration=60 * d)
                                  for i, d in enumerate(durations)))  # fmt: skip
    inventory = Inventory(machines=tuple(Machine(name=f"m{k}", cpus=1) for k in range(count)))
    found = plan(PlanRequest(graph=graph, inventory=inventory, now=NOW, budget=2))
    assert isinstance(found, Planned)
    assert (found.plan.status, found.plan.objective) == ("optimal", 60 * best)
