"""Every metric on traces small enough to compute by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from tracemaker import make_trace

from evaluator.cluster.instance import Instance, Outage, Rules, Series
from evaluator.cluster.model import NEVER, SECOND, NodeGroup, build_cluster
from evaluator.cluster.workload import Edges, simple_workload
from evaluator.errors import TraceError
from evaluator.metrics import METRICS, ideal_durations, measure
from evaluator.trace import Trace

S = SECOND
FINISHED, PREEMPTED, FAILED, KILLED = range(4)


def three_jobs() -> Instance:
    """One node of 2 CPUs; a: 10 s x 1 CPU, b: 20 s x 2 CPUs, c: 4 s x 1 CPU released at 5 s."""
    cluster = build_cluster(
        "one", [NodeGroup(type="cpu", count=1, cpus=2, idle_watts=100, busy_watts=300, price=3.6)]
    )
    workload = simple_workload(
        "abc", [0, 0, 5 * S], [10 * S, 20 * S, 4 * S], cpus=[1, 2, 1],
        due=[8 * S, 25 * S, NEVER], deadline=[NEVER, 29 * S, NEVER], weight=[1, 3, 2],
        user=[0, 1, 0],
    )  # fmt: skip
    return Instance(cluster, workload)


def three_jobs_trace() -> Trace:
    """a 0-10, c 5-9, b 10-30."""
    return make_trace([
        (0, [(0, 1)], 0, 10 * S, FINISHED),
        (2, [(0, 1)], 5 * S, 9 * S, FINISHED),
        (1, [(0, 1)], 10 * S, 30 * S, FINISHED),
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("mean_jct", 44 / 3),  # flows 10, 30, 4
        ("mean_flow_time", 44 / 3),
        ("p99_jct", 30.0),  # rank ceil(0.99 x 3) = 3
        ("makespan", 30.0),
        ("mean_wait", 10 / 3),  # 0, 10, 0
        ("max_wait", 10.0),
        ("mean_bounded_slowdown", 3.5 / 3),  # 10/10, 30/20, max(1, 4/10)
        ("utilisation", 0.9),  # (10 + 40 + 4) CPU seconds of 2 x 30
        ("total_tardiness", 7.0),  # a 10 - 8, b 30 - 25
        ("weighted_tardiness", 17.0),  # 1 x 2 + 3 x 5
        ("max_tardiness", 5.0),
        ("missed_deadlines", 1.0),  # b at 30, deadline 29
        ("mean_weighted_flow_time", 36.0),  # (1 x 10 + 3 x 30 + 2 x 4) / 3
        # b: 44 job-seconds in its 30 s of life; 2 CPUs x 44/30 / 2 CPUs x 20 s alone
        ("finish_time_fairness", 30 / (20 * (44 / 30))),
        ("energy_kwh", 8400 / 3.6e6),  # 100 W x 30 s + 200 W x 27 s
        ("cost", 0.027),  # 3.6 an hour x 27 s of the whole node
        ("carbon_kg", 0.0),
        ("preemptions", 0.0),
        ("restarts", 0.0),
        ("wasted_seconds", 0.0),
    ],
)
def test_metric_equals_its_value_by_hand(metric: str, value: float) -> None:
    assert measure(three_jobs(), three_jobs_trace())[metric] == pytest.approx(value, rel=1e-14)


def test_jain_index_compares_service_per_second_present_and_weight() -> None:
    """u0: 14 CPU s in 10 s, weight 1.5; u1: 40 CPU s in 30 s, weight 3."""
    x, y = 14 / (10 * 1.5), 40 / (30 * 3)
    expected = (x + y) ** 2 / (2 * (x * x + y * y))
    got = measure(three_jobs(), three_jobs_trace())["jain_index"]
    assert got == pytest.approx(expected, rel=1e-14)


def test_price_and_carbon_follow_their_series() -> None:
    """The node is used for 7 s (of itself) before 10 s, for 20 s after.

    Money: 0.001 a second x (7 x 1 + 20 x 2). Carbon: 1000 J + 200 W x 7 s = 2400 J at 100 g,
    2000 J + 200 W x 20 s = 6000 J at 400 g a kWh.
    """
    times = np.array([0, 10 * S])
    instance = replace(
        three_jobs(),
        price=(Series(0, times, np.array([1.0, 2.0])),),
        carbon=(Series(0, times, np.array([100.0, 400.0])),),
    )
    metrics = measure(instance, three_jobs_trace())
    assert metrics["cost"] == pytest.approx(0.047, rel=1e-14)
    grams = 2400 / 3.6e6 * 100 + 6000 / 3.6e6 * 400
    assert metrics["carbon_kg"] == pytest.approx(grams / 1000, rel=1e-14)


def one_task(rules: Rules, *outages: Outage) -> Instance:
    """10 s of work on one CPU."""
    cluster = build_cluster("one", [NodeGroup(type="cpu", count=1)])
    return Instance(cluster, simple_workload("w", [0], [10 * S]), rules, outages=outages)


def test_a_preempted_task_keeps_its_progress_and_pays_to_restart() -> None:
    """Start cost 1 s: works 1-5 (4 s done); restart cost 3 s: 7-10, then 6 s: ends at 16."""
    instance = one_task(Rules(preemptive=True, start_cost=S, restart_cost=3 * S))
    trace = make_trace([(0, [(0, 1)], 0, 5 * S, PREEMPTED), (0, [(0, 1)], 7 * S, 16 * S, FINISHED)])
    metrics = measure(instance, trace)
    assert (metrics["preemptions"], metrics["restarts"]) == (1.0, 1.0)
    assert metrics["wasted_seconds"] == 4.0
    assert metrics["mean_wait"] == 0.0


@pytest.mark.parametrize(
    ("checkpoint", "end", "wasted"),
    [
        (2 * S, 17 * S, 5.0),  # 5 s done, 4 kept: 1 + 3 of overhead and 1 lost
        (0, 21 * S, 9.0),  # nothing kept: 1 + 3 and 5 lost
    ],
)
def test_a_failure_loses_what_was_not_checkpointed(
    checkpoint: int, end: int, wasted: float
) -> None:
    """Works 1-6, fails, starts again at 8 with 3 s of restart cost."""
    rules = Rules(start_cost=S, restart_cost=3 * S, checkpoint=checkpoint)
    instance = one_task(rules, Outage(0, 6 * S, 8 * S))
    rows = [(0, [(0, 1)], 0, 6 * S, FAILED), (0, [(0, 1)], 8 * S, end, FINISHED)]
    trace = make_trace(rows, [(6 * S, 0, 0), (8 * S, 0, 1)])
    assert measure(instance, trace)["wasted_seconds"] == wasted


def test_ideal_is_the_critical_path_on_the_fastest_type() -> None:
    """Chain of 10 s and 4 s beside one of 12 s, on types of speed 1 and 2: 14 / 2 s."""
    cluster = build_cluster(
        "two", [NodeGroup(type="slow", count=1), NodeGroup(type="fast", count=1, speed=2.0)]
    )
    flat = simple_workload("dag", [0, 0, 0], [10 * S, 12 * S, 4 * S], types=2)
    workload = replace(
        flat, release=flat.release[:1], due=flat.due[:1], deadline=flat.deadline[:1],
        weight=flat.weight[:1], user=flat.user[:1], job=np.zeros(3, np.int32),
        edges=Edges(np.array([0, 0, 0, 1]), np.array([0], np.int32), np.array([0])),
    )  # fmt: skip
    assert ideal_durations(Instance(cluster, workload)).tolist() == [7 * S]


def test_devices_are_the_dominant_resource_where_there_are_some() -> None:
    """One of two GPUs for the whole makespan, all CPUs idle in name only."""
    cluster = build_cluster("gpu", [NodeGroup(type="gpu", count=1, cpus=8, devices=2)])
    instance = Instance(cluster, simple_workload("w", [0], [S], cpus=8, devices=1))
    assert measure(instance, make_trace([(0, [(0, 1)], 0, S, FINISHED)]))["utilisation"] == 0.5


def test_a_gang_counts_on_every_node_it_uses() -> None:
    """3 members of 1 CPU over nodes of 2 CPUs: 30 of 40 CPU seconds."""
    cluster = build_cluster("two", [NodeGroup(type="cpu", count=2, cpus=2)])
    instance = Instance(cluster, simple_workload("w", [0], [10 * S], gang=3))
    trace = make_trace([(0, [(0, 2), (1, 1)], 0, 10 * S, FINISHED)])
    assert measure(instance, trace)["utilisation"] == 0.75


def test_every_metric_is_described_and_returned_in_order() -> None:
    metrics = measure(three_jobs(), three_jobs_trace())
    assert list(metrics) == list(METRICS)
    assert all(info.name == name and info.text for name, info in METRICS.items())
    assert all(type(value) is float and math.isfinite(value) for value in metrics.values())


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(0, [(0, 1)], 0, 10 * S, 0)], "task 'j1' must finish once, got 0 times"),
        ([(7, [(0, 1)], 0, 10 * S, 0)], "trace row 0: task must be below 3, got 7"),
        ([(0, [(4, 1)], 0, 10 * S, 0)], "trace row 0: node must be below 1, got 4"),
    ],
)
def test_a_trace_of_something_else_has_no_score(rows: list, message: str) -> None:
    with pytest.raises(TraceError, match=message):
        measure(three_jobs(), make_trace(rows))
