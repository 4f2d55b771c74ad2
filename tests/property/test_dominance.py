"""What the analysis of a score promises about two tasks is true of every number it can meet."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from evaluator.candidates import dominance, python_functions, read_policy
from evaluator.cluster.fronts import front_switches
from evaluator.cluster.instance import Failures, Instance
from evaluator.cluster.model import NodeGroup, build_cluster
from evaluator.cluster.simulation import simulate
from evaluator.cluster.workload import simple_workload
from evaluator.errors import SubsetError
from evaluator.policy import PolicySource

NOW = 1e6

LEAVES = st.sampled_from([
    "task.age", "task.wait", "task.estimate", "task.remaining", "task.age", "task.estimate", "now",
    "task.release", "task.ready", "task.weight", "task.due", "task.cpus", "task.attained",
    "node.free_cpus", "node.cpus", "node.speed", "node.duration", "node.price",
    "0.0", "1.0", "2.0", "-3.0", "0.5", "60.0", "math.inf",
])  # fmt: skip


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Larger expressions from smaller ones."""
    unary = ["math.sqrt", "math.exp", "math.log1p", "math.log", "abs", "math.floor", "-", "not ",
             "math.tanh", "round"]  # fmt: skip
    exponents = ["2", "3", "0.5", "0.7", "-0.4", "-1.5", "0.1", "0.0"]
    return st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner),
        st.builds("({} {} {})".format, inner, st.sampled_from(["//", "%"]), inner),
        st.builds("{}({})".format, st.sampled_from(unary), inner),
        st.builds("{}({}, {})".format, st.sampled_from(["min", "max", "math.hypot"]), inner, inner),
        st.builds("({} ** {})".format, inner, st.sampled_from(exponents)),
        st.builds("math.pow({}, {})".format, inner, st.sampled_from(exponents)),
        st.builds("({} if {} < {} else {})".format, inner, inner, inner, inner),
        st.builds("({} or {})".format, inner, inner),
    )


EXPRESSIONS = st.recursive(LEAVES, grown, max_leaves=12)
TIMES = st.sampled_from([0.0, 1e-6, 2e-6, 0.1, 0.3, 1.0, 59.999999, 60.0, 3600.0, 3600.000001, 1e6])


def score_of(expression: str) -> PolicySource:
    return read_policy(f"import math\ndef score(task, node, now):\n    return {expression}\n", "x")


@st.composite
def pairs(draw: st.DrawFn) -> tuple[list[dict[str, float]], SimpleNamespace]:
    """Two tasks that share what has to be equal, and a node; the first is released no later."""
    common = {
        "weight": draw(st.sampled_from([0.0, 0.5, 1.0, 3.0])),
        "due": draw(st.sampled_from([0.0, 1e3, math.inf])),
        "cpus": draw(st.sampled_from([0.0, 1.0, 8.0])), "attained": 0.0,
    }  # fmt: skip
    tasks = []
    for age in sorted((draw(TIMES), draw(TIMES)), reverse=True):
        wait, estimate = min(age, draw(TIMES)), max(1e-6, draw(TIMES))
        tasks.append({
            **common, "age": age, "wait": wait, "estimate": estimate, "remaining": estimate,
            "release": NOW - age, "ready": NOW - wait,
        })  # fmt: skip
    node = SimpleNamespace(
        free_cpus=draw(st.sampled_from([0.0, 1.0, 8.0, 16.0])),
        cpus=draw(st.sampled_from([0.0, 16.0])),
        speed=draw(st.sampled_from([0.25, 1.0, 3.0])),
        price=draw(st.sampled_from([-1.0, 0.0, 2.0, math.inf, math.nan])),
    )  # fmt: skip
    return tasks, node


def dominates(found, first: dict[str, float], second: dict[str, float]) -> bool:
    def holds(way: str, name: str) -> bool:
        a, b = first[name], second[name]
        return {"unread": True, "lower": a <= b, "higher": a >= b, "equal": a == b}[way]

    release = "equal" if found.release == "higher" else found.release
    return (
        holds(release, "release") and holds(found.ready, "ready")
        and holds(found.estimate, "estimate")
    )  # fmt: skip


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(EXPRESSIONS, st.lists(pairs(), min_size=8, max_size=8))
def test_a_dominated_task_never_scores_more_and_fails_only_with_the_other(
    expression, cases
) -> None:
    try:
        source = score_of(expression)
    except SubsetError:
        assume(False)
    found = dominance(source)
    assert found is not None
    score = python_functions(source)["score"]
    for tasks, node in cases:
        first, second = tasks
        if not dominates(found, first, second):
            continue
        values = []
        for task in tasks:
            duration = task["remaining"] / node.speed
            place = SimpleNamespace(**vars(node), duration=duration)
            values.append(score(SimpleNamespace(**task), place, NOW))
        assert math.isnan(values[0]) or values[0] >= values[1], (expression, first, second, node)


@pytest.mark.parametrize(
    ("expression", "release", "ready", "estimate"),
    [
        ("task.age ** 0.7 * node.speed / (task.estimate + 1.0) ** 0.4", "lower", "unread", "lower"),
        ("task.wait / task.estimate", "unread", "lower", "lower"),
        ("task.estimate", "unread", "unread", "higher"),
        ("task.release", "higher", "unread", "unread"),
        ("(now - task.release) / max(task.estimate, 10.0)", "lower", "unread", "lower"),
        ("-node.duration", "unread", "unread", "lower"),
        # what is not monotone bit by bit, or not monotone at all, must be equal
        ("math.log1p(task.wait) - task.estimate", "unread", "equal", "lower"),
        ("task.age ** 0.1", "equal", "unread", "unread"),
        ("task.age / task.estimate + task.estimate", "lower", "unread", "equal"),
        ("task.wait if task.age > 3600.0 else 0.0", "equal", "lower", "unread"),
        ("task.age * node.price", "equal", "unread", "unread"),
        ("(task.estimate - 60.0) * task.age", "equal", "unread", "higher"),
    ],
)
def test_ways_of_common_scores(expression: str, release: str, ready: str, estimate: str) -> None:
    found = dominance(score_of(expression))
    assert found is not None
    assert (found.release, found.ready, found.estimate) == (release, ready, estimate)


@pytest.mark.parametrize("expression", ["node.data_wait", "task.job_remaining - task.estimate"])
def test_fields_that_change_by_themselves_leave_no_answer(expression: str) -> None:
    assert dominance(score_of(expression)) is None


def test_a_loop_leaves_no_answer() -> None:
    text = (
        "def score(task, node, now):\n    total = 0.0\n    for i in range(3):\n"
        "        total += task.age\n    return total\n"
    )
    assert dominance(read_policy(text, "x")) is None


SCORES = {
    "ages and sizes": "task.age ** 0.7 * math.exp(node.speed) / (task.estimate + 9.0) ** 0.4",
    "weights": "task.weight * task.wait / task.estimate + node.speed",
    "a test on the age": "task.wait * (4.0 if task.age > 300.0 else 1.0) / node.duration",
    "the latest first": "task.release + task.estimate",
    "lateness": "min(0.0, task.due - now - node.duration) - node.price",
}


def overloaded(seed: int, *, failing: bool, seconds: bool) -> Instance:
    """Many tasks of few shapes on few nodes: the queues grow to hundreds."""
    rng = np.random.default_rng(seed)
    tasks = 700
    unit = 1_000_000 if seconds else 1
    cluster = build_cluster("small", [
        NodeGroup("fast", 3, cpus=8, memory=32, speed=1.0, price=2.0),
        NodeGroup("slow", 3, cpus=8, memory=32, speed=0.5, price=1.0),
    ])  # fmt: skip
    work = np.maximum(unit, rng.lognormal(4, 1, tasks) * 1e6 // unit * unit).astype(np.int64)
    release = (np.cumsum(rng.exponential(2.0, tasks)) * 1e6 // unit * unit).astype(np.int64)
    workload = simple_workload(
        "many", release, work, cpus=rng.choice([1.0, 2.0, 4.0], tasks),
        estimate=np.maximum(1, work * rng.choice([0.5, 1.0, 2.0], tasks)).astype(np.int64),
        weight=rng.choice([0.0, 1.0, 5.0], tasks), due=release + 2 * work,
        profile=rng.integers(0, 2, tasks), throughput=np.array([[1.0, 2.0], [1.0, 1.0]]),
    )  # fmt: skip
    failures = Failures(scale=2000.0, repair_log_mean=4.0, repair_log_sigma=0.5)
    return Instance(cluster, workload, failures=failures if failing else None)


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize(("failing", "seconds"), [(False, False), (True, False), (True, True)])
def test_the_front_alone_decides_as_all_tasks_do(name, failing, seconds, monkeypatch) -> None:
    source = score_of(SCORES[name])
    instance = overloaded(1, failing=failing, seconds=seconds)
    assert front_switches(instance, source)["by_front"] == 1
    short = simulate(instance, source)
    monkeypatch.setattr("evaluator.cluster.simulation.front_switches", lambda *_: {})
    full = simulate(instance, source)
    for column in ("task", "node", "start", "end", "outcome"):
        assert np.array_equal(getattr(short, column), getattr(full, column)), column


def test_amounts_beyond_the_bounds_are_asked_about_in_full() -> None:
    source = score_of(SCORES["weights"])
    instance = overloaded(1, failing=False, seconds=False)
    assert front_switches(instance, source)
    instance.workload.weight[0] = 1e300
    assert not front_switches(instance, source)
