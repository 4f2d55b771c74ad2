"""Perturbations change one thing, by the seed, and leave the rest alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evaluator.cluster.instance import Instance, Outage, Rules, seconds
from evaluator.cluster.model import SECOND, NodeGroup, build_cluster
from evaluator.cluster.perturb import FREE_RESTART, PERTURBATIONS, perturb
from evaluator.cluster.scenario import load_scenario
from evaluator.cluster.workload import simple_workload
from evaluator.errors import InputError

SEEDS = [bytes([i]) * 16 for i in range(12)]


@pytest.fixture
def instance() -> Instance:
    groups = [NodeGroup("a", 3, cpus=1), NodeGroup("b", 3, cpus=2)]
    work = np.arange(1, 13) * SECOND
    return Instance(
        build_cluster("c", groups),
        simple_workload("w", [0] * 6 + [SECOND] * 6, work, throughput=np.ones((1, 2))),
        Rules(restart_cost=seconds(60)),
        outages=(Outage(4, 0, 5),),
    )


def test_equal_seeds_change_equally(instance: Instance) -> None:
    for kind in PERTURBATIONS:
        once, again = perturb(instance, kind, SEEDS[0]), perturb(instance, kind, SEEDS[0])
        assert once.digest == again.digest
        assert len({perturb(instance, kind, seed).digest for seed in SEEDS}) > 1


def test_tie_break_shuffles_equals_only(instance: Instance) -> None:
    changed = perturb(instance, "tie_break", SEEDS[0])
    c, w = changed.cluster, changed.workload
    assert c.type.tolist() == [0, 0, 0, 1, 1, 1]
    assert sorted(c.names) == sorted(instance.cluster.names)
    assert c.names != instance.cluster.names
    assert {name[0] for name in c.names[:3]} == {"a"}
    assert w.release.tolist() == instance.workload.release.tolist()
    assert sorted(w.work[:6].tolist()) == instance.workload.work[:6].tolist()
    assert w.work.tolist() != instance.workload.work.tolist()
    # names move along: j4 runs five seconds wherever it stands
    assert w.work[w.job_names.index("j4")] == 5 * SECOND
    # the outage stays with the machine it was planned for
    assert c.names[changed.outages[0].node] == instance.cluster.names[4]
    assert changed.rules == instance.rules


def test_tie_break_keeps_graphs_whole() -> None:
    original = load_scenario("dag-hetero").instance("smoke", 0, SEEDS[0])
    changed = perturb(original, "tie_break", SEEDS[1])
    assert len(changed.workload.edges.source) == len(original.workload.edges.source)
    speeds = (sorted(changed.cluster.speed), sorted(original.cluster.speed))
    assert speeds[0] == speeds[1]


def test_restart_cost_is_a_quarter_or_four_times(instance: Instance) -> None:
    costs = {perturb(instance, "restart_cost", seed).rules.restart_cost for seed in SEEDS}
    assert costs == {seconds(15), seconds(240)}
    free = replace(instance, rules=Rules())
    assert perturb(free, "restart_cost", SEEDS[0]).rules.restart_cost == FREE_RESTART == seconds(30)


def test_restart_cost_reaches_profiles_that_have_their_own(instance: Instance) -> None:
    own = replace(
        instance,
        workload=replace(
            instance.workload,
            throughput=np.ones((3, 2)),
            restart=np.array([-1, 0, seconds(8)], dtype=np.int64),
        ),
    )
    found = {tuple(perturb(own, "restart_cost", s).workload.restart.tolist()) for s in SEEDS}
    assert found == {(-1, FREE_RESTART, seconds(2)), (-1, FREE_RESTART, seconds(32))}


def test_estimate_error_changes_what_is_known_and_not_what_is_true(instance: Instance) -> None:
    changed = perturb(instance, "estimate_error", SEEDS[0])
    assert changed.workload.work.tolist() == instance.workload.work.tolist()
    assert np.all(changed.workload.estimate != instance.workload.estimate)


def test_estimate_error_stops_no_task_that_was_not_stopped(instance: Instance) -> None:
    work = instance.workload.work
    short = np.where(np.arange(12) < 2, work // 2, work * 3)
    killing = replace(
        instance,
        rules=Rules(kill_at_estimate=True),
        workload=replace(instance.workload, estimate=short),
    )
    for seed in SEEDS:
        told = perturb(killing, "estimate_error", seed).workload.estimate
        assert told[:2].tolist() == short[:2].tolist()
        assert np.all(told[2:] >= work[2:])


def test_an_unknown_perturbation_is_refused(instance: Instance) -> None:
    with pytest.raises(InputError, match="no perturbation 'luck'; known: tie_break"):
        perturb(instance, "luck", SEEDS[0])
