from dataclasses import replace

import numpy as np
import pytest

from agentsched.evolution.cascade import Runner, Setup
from agentsched.evolution.config import Breeding
from agentsched.evolution.population import Choice, Member
from agentsched.evolution.requests import ask, facts
from agentsched.evolution.seeds import Seeds
from agentsched.evolution.state import State
from evaluator.cluster.scenario import load_scenario

GOOD = "def key(task, now):\n    return max(now + task.remaining, task.due) + 0.001 * task.due\n"
WORST = "def key(task):\n    return -task.remaining\n"


@pytest.fixture(scope="module")
def scenario():
    splits = {"smoke": 1, "train": 6, "validation": 3, "test": 4, "unseen": 2}
    return replace(load_scenario("single-machine"), splits=splits)


@pytest.fixture(scope="module")
def runner(scenario):
    made = Runner(Setup(scenario, Seeds.make(1)))
    made.warm()
    return made


def cascade(runner, policy, bar=(), fingerprints=None):
    policy = {"name": "c", "text": policy} if "\n" in policy else {"rule": policy}
    return runner.run(
        {"do": "cascade", "policy": policy, "bar": list(bar), "fingerprints": fingerprints or {}}
    )


def test_what_does_not_parse_ends_before_any_simulation(runner):
    result = cascade(runner, "def key(task):\n    while True:\n        pass\n")
    assert (result["kind"], result["stage"], result["failure"]) == ("failed", "parse", "subset")
    assert "line 2" in result["message"]


def test_a_candidate_is_scored_on_every_train_instance_with_a_diagnosis(runner, scenario):
    result = cascade(runner, GOOD)
    assert result["kind"] == "scored"
    assert len(result["metrics"]) == scenario.splits["train"]
    assert "utilisation" in result["diagnosis"]


def test_a_result_holds_the_metrics_that_are_judged_and_no_others(runner, scenario):
    judged = {scenario.objective.metric, *(guard.metric for guard in scenario.guards)}
    assert all(set(row) == judged for row in cascade(runner, GOOD)["metrics"])


def test_one_that_decides_like_another_is_a_duplicate_whatever_its_text(runner):
    rule = cascade(runner, "mdd")
    twin = "def key(task, now):\n    return 2.0 * max(now + task.remaining, task.due)\n"
    result = cascade(runner, twin, fingerprints={rule["fingerprint"]: "mdd"})
    assert (result["kind"], result["of"]) == ("duplicate", "mdd")


def test_a_clear_loser_stops_before_the_last_instance(runner, scenario):
    bar = [row["total_tardiness"] for row in cascade(runner, "mdd")["metrics"]]
    result = cascade(runner, WORST, bar=bar)
    assert result["kind"] == "raced"
    assert result["instances"] < scenario.splits["train"]
    assert cascade(runner, GOOD, bar=bar)["kind"] == "scored"


def test_a_policy_that_fails_in_the_smoke_test_never_sees_train(runner):
    result = cascade(runner, "def key(task):\n    return (task.due - task.due) / 0.0\n")
    assert (result["kind"], result["stage"]) == ("failed", "smoke")


def test_splits_and_labels_lead_to_unlike_instances(runner):
    def digests(split, labels):
        job = {"do": "score", "policy": {"rule": "mdd"}, "split": split, "labels": labels,
               "indices": [0], "perturbation": ""}  # fmt: skip
        return runner.run(job)["digests"][0]

    seen = [
        digests("test", ["test"]),
        digests("validation", ["validation", 1]),
        digests("validation", ["validation", 2]),
        digests("unseen", ["unseen"]),
    ]
    assert len(set(seen)) == len(seen)
    assert digests("test", ["test"]) == seen[0]


def test_an_instance_is_drawn_as_a_chart(runner):
    job = {"do": "draw", "policy": {"rule": "mdd"}, "split": "test", "index": 0,
           "labels": ["test"], "title": "mdd"}  # fmt: skip
    assert runner.run(job)["svg"].startswith("<svg")


def test_facts_name_machines_and_rules_but_no_seed(scenario):
    text = facts(load_scenario("hetero-gpu"))
    assert "9 nodes of type V100" in text
    assert "may be preempted" in text
    assert "never stopped" in facts(scenario)


def test_preemptive_scenarios_ask_for_greedy_policies_only(scenario):
    def request(problem):
        state = State.start(problem, Breeding())
        names = [state.goal.metric, *(metric for metric, _, _ in state.goal.guards)]
        member = Member("r", 0, "x", (dict.fromkeys(names, 1.0),), "f", 0.0)
        return ask(problem, state, Choice(0, member, None), np.random.default_rng(0))

    assert request(load_scenario("hetero-gpu")).disciplines == ("greedy",)
    assert "bind" in request(scenario).disciplines
    assert next(iter(request(scenario).parents[0].metrics)) == "total_tardiness"
