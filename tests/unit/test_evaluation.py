from dataclasses import replace

import numpy as np
import pytest

from evaluator.candidates import read_policy
from evaluator.cluster.scenario import load_scenario
from evaluator.cluster.simulation import simulate
from evaluator.errors import TraceError
from evaluator.evaluation import Audited, Failed, Instances, Scored, evaluate, evaluate_instance
from evaluator.policies.catalogue import load_rule
from evaluator.replay import replay

SEED = b"evaluation tests"


@pytest.fixture(scope="module")
def scenario():
    return load_scenario("single-machine")


@pytest.fixture(scope="module")
def instance(scenario):
    return scenario.instance("train", 0, SEED)


def test_a_split_is_scored_instance_by_instance_in_the_order_asked_for(scenario):
    both = evaluate(scenario, load_rule("edf"), "train", [1, 0], SEED, keep_traces=True)
    one = evaluate(scenario, load_rule("edf"), "train", [0], SEED)
    assert isinstance(both, Scored)
    assert isinstance(one, Scored)
    assert both.indices == (1, 0)
    assert both.metrics[1] == one.metrics[0]
    assert both.digests[1] == one.digests[0]
    assert both.tasks == 2 * one.tasks
    assert len(both.traces) == 2
    assert one.traces == ()


def test_a_policy_that_declines_everything_has_failed_and_has_no_score(scenario):
    idle = read_policy("import math\ndef score(task, node, now):\n    return -math.inf\n")
    got = evaluate(scenario, idle, "train", [0, 1], SEED)
    assert isinstance(got, Failed)
    assert (got.stage, got.kind) == ("train", "policy")
    assert "waiting" in got.message


def test_a_nan_is_a_failure_by_name(scenario):
    bad = read_policy("def key(task):\n    return (task.estimate - task.estimate) / 0.0\n")
    got = evaluate(scenario, bad, "smoke", [0], SEED)
    assert isinstance(got, Failed)
    assert "NaN" in got.message


def test_equal_decisions_have_equal_fingerprints_and_others_have_not(instance):
    def decisions(text):
        one = evaluate_instance(instance, read_policy(text), "train")
        assert isinstance(one, Audited)
        return one.decisions

    shortest = decisions("def key(task):\n    return task.estimate\n")
    assert decisions("def key(task):\n    return 3.0 * task.estimate + 1.0\n") == shortest
    assert decisions("def key(task):\n    return -task.estimate\n") != shortest


def test_a_violation_is_no_score_however_good(instance, monkeypatch):
    found = replay(instance, simulate(instance, load_rule("fifo")))

    class Broken:
        message = "row 3: two tasks on node n0"

    monkeypatch.setattr(
        "evaluator.replay.replay", lambda *_: replace(found, violations=(Broken(),), count=2)
    )
    got = evaluate_instance(instance, load_rule("fifo"), "train")
    assert isinstance(got, Failed)
    assert got.kind == "violation"
    assert got.message == "row 3: two tasks on node n0 (and 1 more)"


def test_two_implementations_that_disagree_are_an_error_not_a_score(instance, monkeypatch):
    def off(problem, trace):
        found = replay(problem, trace)
        moved = np.nextafter(found.metrics["makespan"], np.inf)
        return replace(found, metrics={**found.metrics, "makespan": float(moved)})

    monkeypatch.setattr("evaluator.replay.replay", off)
    with pytest.raises(TraceError, match="makespan"):
        evaluate_instance(instance, load_rule("fifo"), "train")


def test_instances_are_made_once_and_dropped_beyond_the_bound(scenario):
    kept = Instances(scenario, kept_tasks=250)
    first = kept.get("train", 0, SEED)
    assert kept.get("train", 0, SEED) is first
    for index in range(1, 4):
        kept.get("train", index, SEED)
    again = kept.get("train", 0, SEED)
    assert again is not first
    assert again.digest == first.digest


def test_a_perturbed_instance_is_another_one_and_the_same_each_time(scenario):
    kept = Instances(scenario)
    plain = kept.get("test", 0, SEED)
    other = kept.get("test", 0, SEED, "estimate_error")
    assert other.digest != plain.digest
    assert Instances(scenario).get("test", 0, SEED, "estimate_error").digest == other.digest
