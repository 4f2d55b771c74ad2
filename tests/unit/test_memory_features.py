"""What a cluster and its workload are like; every number worked out by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest

from evaluator.cluster.instance import Failures, Instance, Outage, Rules
from evaluator.cluster.model import SECOND, Cluster, Links, NodeGroup, build_cluster
from evaluator.cluster.scenario import Objective, load_scenario, scenario_names
from evaluator.cluster.workload import Edges, Workload, simple_workload
from memory import features
from memory.features import Features
from memory.retrieval import LIMIT, distance

MEAN_JCT = Objective("mean_jct")


def seen(
    cluster: Cluster, workload: Workload, rules: Rules | None = None, **world: object
) -> Features:
    instance = Instance(cluster, workload, rules or Rules(), **world)  # type: ignore[arg-type]
    return features(instance, MEAN_JCT)


def nodes(count: int, *speeds: float) -> Cluster:
    """``count`` nodes of 4 CPUs for each speed, a type each."""
    groups = [
        NodeGroup(f"t{i}", count, cpus=4, memory=8, speed=speed)
        for i, speed in enumerate(speeds or (1.0,))
    ]
    return build_cluster("c", groups)


def jobs(release: list[float], work: list[float], **columns: object) -> Workload:
    """One-task jobs, times in seconds."""
    return simple_workload(
        "w",
        [round(t * SECOND) for t in release],
        [round(t * SECOND) for t in work],
        **columns,  # type: ignore[arg-type]
    )


def test_load_is_work_offered_over_capacity_of_the_scarcest_resource() -> None:
    """4 jobs x 10 s x 2 CPUs in 4 gaps of 5 s on 2 x 4 CPUs: 80 / (8 x 20) = 0.5."""
    found = seen(nodes(2), jobs([0, 5, 10, 15], [10] * 4, cpus=2.0, memory=0.5))
    assert found.load == 0.5
    assert (found.nodes, found.types) == (2, 1)
    # 4 x 10 s x 6 GiB over 16 GiB x 20 s = 0.75: memory is scarcer than CPUs
    assert seen(nodes(2), jobs([0, 5, 10, 15], [10] * 4, cpus=2.0, memory=6.0)).load == 0.75


def test_load_counts_gangs_and_speed() -> None:
    """Gangs of 3 offer three times as much, nodes of speed 2 take half as long."""
    work = jobs([0, 5, 10, 15], [10] * 4, cpus=2.0, gang=3)
    assert seen(nodes(2), work).load == 1.5
    assert seen(nodes(2, 2.0), work).load == 0.75


def test_a_batch_has_the_greatest_load_and_no_bursts() -> None:
    found = seen(nodes(1), jobs([3, 3, 3], [1, 1, 1]))
    assert (found.load, found.burstiness) == (10.0, 0.0)


def test_packing_is_the_mean_share_of_a_node() -> None:
    """1 of 4 CPUs is 1/4, but 4 of 8 GiB is 1/2, which counts; the other task takes 4 CPUs."""
    found = seen(nodes(3), jobs([0, 1], [1, 1], cpus=[1.0, 4.0], memory=[4.0, 0.0]))
    assert found.packing == 0.75


def test_burstiness_is_one_minus_median_over_mean_gap() -> None:
    """Gaps 1, 1, 10: median 1, mean 4."""
    assert seen(nodes(1), jobs([0, 1, 2, 12], [1] * 4)).burstiness == 0.75
    assert seen(nodes(1), jobs([0, 2, 4, 6], [1] * 4)).burstiness == 0.0


def test_spread_and_estimate_error_are_in_natural_logarithms() -> None:
    """Estimates e and e**3 have a standard deviation of 1 in ln; each is e times the truth."""
    estimates = [round(math.e * SECOND), round(math.e**3 * SECOND)]
    found = seen(nodes(1), jobs([0, 1], [1.0, math.e**2], estimate=estimates))
    assert found.duration_spread == pytest.approx(1.0, abs=1e-5)
    assert found.estimate_error == pytest.approx(1.0, abs=1e-5)


def test_heterogeneity_and_affinity_tell_speed_from_taste() -> None:
    """Speeds 1 and 3: mean 2, deviation 1. Affinity: do profiles disagree about the types?"""
    alike = seen(nodes(2, 1.0, 3.0), jobs([0, 1], [1, 1], throughput=np.ones((1, 2)), types=2))
    assert (alike.heterogeneity, alike.affinity) == (0.5, 0.0)
    # each profile runs on its own type at rate 1 and on the other at 1/2
    table = np.array([[1.0, 0.5], [0.5, 1.0]])
    split = seen(nodes(2, 1.0, 1.0), jobs([0, 1], [1, 1], throughput=table, profile=[0, 1]))
    assert split.heterogeneity == 0.0
    # relative to the mean rate 0.75 they are 4/3 and 2/3: mean 1, deviation 1/3
    assert split.affinity == pytest.approx(1 / 3, abs=1e-5)


def test_a_type_that_cannot_run_a_profile_takes_no_part_in_its_duration() -> None:
    """The job runs on one of two types only: 10 s, not an average with infinity."""
    table = np.array([[1.0, 0.0]])
    found = seen(nodes(1, 1.0, 1.0), jobs([0, 10], [10, 10], throughput=table, cpus=4.0))
    assert found.load == 0.5  # 2 x 10 s x 4 CPUs over 8 CPUs x 20 s


def test_shares_of_gangs_dues_and_precedence() -> None:
    plain = jobs([0, 1, 2, 3], [1] * 4, gang=[1, 2, 1, 1], due=[9, 2**60, 2**61, 2**61])
    found = seen(nodes(1), plain)
    assert (found.gang_share, found.due_share, found.dag_share) == (0.25, 0.5, 0.0)
    # 3 tasks in job 0 (a fork) and one alone
    chained = replace(
        plain, release=plain.release[:2], due=plain.due[:2], deadline=plain.deadline[:2],
        weight=plain.weight[:2], user=plain.user[:2], job=np.array([0, 0, 0, 1], np.int32),
        edges=Edges(np.array([0, 0, 1, 2, 2]), np.zeros(2, np.int32), np.array([4_000, 8_000])),
    )  # fmt: skip
    assert seen(nodes(1), chained).dag_share == 0.75


def test_data_ratio_is_transfer_over_duration_at_the_widest_distance() -> None:
    """6000 bytes at 1000 B/s between racks take 6 s and 1 s of latency; tasks take 2 s."""
    links = Links(np.array([np.inf, 1e9, 1e3, 1e3, 1e3]), np.full(5, SECOND))
    cluster = build_cluster("c", [NodeGroup("t", 2, cpus=4, nodes_per_rack=1)], links)
    two = jobs([0, 0], [2, 2])
    pair = replace(
        two, release=two.release[:1], due=two.due[:1], deadline=two.deadline[:1],
        weight=two.weight[:1], user=two.user[:1], job=np.zeros(2, np.int32),
        edges=Edges(np.array([0, 0, 1]), np.zeros(1, np.int32), np.array([6_000])),
    )  # fmt: skip
    assert seen(cluster, pair).data_ratio == 3.5


def test_rules_of_the_world_show() -> None:
    work = jobs([0, 5], [10, 10])
    preemptive = seen(nodes(1), work, Rules(preemptive=True, restart_cost=5 * SECOND))
    assert (preemptive.preemptive, preemptive.overhead) == (True, 0.5)
    assert seen(nodes(1), work, Rules(restart_cost=5 * SECOND)).overhead == 0.0
    assert not seen(nodes(1), work).failures
    assert seen(nodes(1), work, failures=Failures(scale=3.0)).failures
    assert seen(nodes(1), work, outages=(Outage(0, 1, 2),)).failures


def test_equal_contexts_have_equal_ids_and_others_do_not() -> None:
    one = seen(nodes(2), jobs([0, 5], [10, 10]))
    assert one.id == seen(nodes(2), jobs([0, 5], [10, 10])).id
    assert one.id != seen(nodes(3), jobs([0, 5], [10, 10])).id


@pytest.mark.parametrize("name", scenario_names())
def test_draws_of_a_scenario_are_near_each_other_and_far_from_others(name: str) -> None:
    """What was proven on some draws is found again for another draw, and for no other world."""
    scenario = load_scenario(name)
    first = features(scenario.instance("train", 0, b"a" * 16), scenario.objective)
    for split in ("test", "validation"):
        other = features(scenario.instance(split, 0, b"b" * 16), scenario.objective)
        assert distance(first, other) < LIMIT
    for stranger in scenario_names():
        if stranger != name:
            known = load_scenario(stranger)
            far = features(known.instance("train", 0, b"a" * 16), scenario.objective)
            assert distance(first, replace(far, preemptive=first.preemptive)) > LIMIT
