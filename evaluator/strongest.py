"""The strongest known rule of a scenario, by simulating all of them on a few instances."""

from __future__ import annotations

from dataclasses import dataclass

from evaluator.errors import InputError
from evaluator.evaluation import Audited, Instances, evaluate_instance
from evaluator.gate import Measured, best_known
from evaluator.world import Scenario
from evaluator.worlds import world_of

INSTANCES = 3
"""Enough to tell rules apart that differ by tens of per cent; a gate takes dozens."""


@dataclass(frozen=True, slots=True)
class Strongest:
    """A rule that was measured against the others."""

    rule: str
    reason: str
    """How it was found, with its mean and that of the next best rule."""


def strongest_rule(scenario: Scenario, seed: bytes, instances: int = INSTANCES) -> Strongest:
    """Return the known rule that did best on the first train instances of a seed.

    Raises:
        InputError: Every known rule of the scenario fails there.
    """
    metric, sense = scenario.objective.metric, scenario.objective.sense
    count = min(instances, scenario.splits["train"])
    drawn, world = Instances(scenario), world_of(scenario)
    rules = []
    for name in scenario.known:
        ran = [
            evaluate_instance(drawn.get("train", index, seed), world.load_rule(name), "train")
            for index in range(count)
        ]
        done = [one for one in ran if isinstance(one, Audited)]
        if len(done) == count:
            rules.append(Measured(name, [one.metrics for one in done]))
    if not rules:
        raise InputError(f"scenario {scenario.name!r}: every known rule fails on its train split")
    best = best_known(rules, metric, sense)
    others = [rule for rule in rules if rule is not best]
    said = f"best mean {metric} of {len(rules)} known rules on {count} train instances"
    if others:
        second = best_known(others, metric, sense)
        means = [float(rule.column(metric).mean()) for rule in (best, second)]
        said += f": {means[0]:.4g}, next {second.name!r} with {means[1]:.4g}"
    return Strongest(best.name, said)
