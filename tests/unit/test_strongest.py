"""The strongest known rule is measured, not guessed."""

from evaluator.cluster.scenario import load_scenario
from evaluator.strongest import strongest_rule

SEED = b"sixteen bytes or"


def test_the_rule_with_the_least_objective_is_named_with_its_number_and_the_next() -> None:
    scenario = load_scenario("single-machine")
    found = strongest_rule(scenario, SEED)
    assert found.rule in scenario.known
    assert found.rule != "fifo"
    assert f"of {len(scenario.known)} known rules on 3 train instances" in found.reason
    assert "next" in found.reason


def test_equal_seeds_find_equal_rules() -> None:
    scenario = load_scenario("single-machine")
    assert strongest_rule(scenario, SEED, 1) == strongest_rule(scenario, SEED, 1)
