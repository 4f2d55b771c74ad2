"""Calibration of the gate: false acceptance over null candidates, power for a true gain.

Real policies (known rules and mutants of the best) are simulated once on a pool of instances of a
scenario; that gives real paired differences, skew and ties and all. A null candidate is such a
difference with its mean taken out, so that it is truly equal to the best known rule; a better
one has the true gain added. Trials then draw train, validation and test instances from the pool.

    python benchmarks/bench_gate.py [--scenario NAME ...] [--nulls 300] [--pool 160] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats

from evaluator.candidates import mutate, read_policy
from evaluator.cluster.instance import stream
from evaluator.cluster.scenario import Scenario, load_scenario, scenario_names
from evaluator.errors import PolicyError
from evaluator.evaluation import Audited, Instances, evaluate_instance
from evaluator.gate import Case, GateRules, Measured, best_known, judge
from evaluator.paired import gains
from evaluator.policies.catalogue import load_rule
from evaluator.policy import PolicySource

FINALISTS = 3
"""As evolution has it by default."""
CANDIDATES = 200
"""Null candidates from which the finalists of one trial are selected."""
SEED = b"gate calibration"
CLOSE = 0.1
"""Greatest mean log-ratio of a mutant that a run would bring to its finals."""
FIRST_LOOK = 10
"""Instances after which a mutant that is clearly further away is dropped."""


@dataclass(frozen=True)
class Pool:
    """Objective of policies on common instances."""

    scenario: Scenario
    known: dict[str, np.ndarray]
    reference: str
    differences: np.ndarray
    """Log-ratios of mutants against the reference, shape (mutants, instances)."""


def simulate_pool(scenario: Scenario, size: int, mutants: int, without: list[str]) -> Pool:
    """Simulate known rules and mutants of the best on ``size`` instances like the test's."""
    instances = Instances(scenario, kept_tasks=10**9)
    split, per_seed = "test", scenario.splits["test"]
    pool = [
        instances.get(split, i % per_seed, stream(SEED, i // per_seed).bytes(16))
        for i in range(size)
    ]
    metric, sense = scenario.objective.metric, scenario.objective.sense

    def values(policy, rival: np.ndarray | None = None) -> np.ndarray | None:
        column = []
        for instance in pool:
            one = evaluate_instance(instance, policy, "pool")
            if not isinstance(one, Audited):
                return None
            column.append(one.metrics[metric])
            if rival is not None and len(column) == FIRST_LOOK:
                early = gains(np.array(column), rival[:FIRST_LOOK], sense)
                if abs(np.mean(early)) > CLOSE + 3 * np.std(early) / math.sqrt(FIRST_LOOK):
                    return None
        return np.array(column)

    names = [name for name in scenario.known if name not in without]
    known = {name: values(load_rule(name)) for name in names}
    rules = [Measured(n, [{metric: v} for v in column]) for n, column in known.items()]
    reference = best_known(rules, metric, sense).name
    sources = [rule for name in names if isinstance(rule := load_rule(name), PolicySource)]
    rows: list[np.ndarray] = []
    for k in range(20 * mutants):
        rng = stream(SEED, "mutant", k)
        parent = load_rule(reference)
        parent = parent if isinstance(parent, PolicySource) else sources[k % len(sources)]
        other = sources[int(rng.integers(len(sources)))]
        try:
            policy = read_policy(mutate(parent, rng, other))
        except PolicyError:
            continue
        column = values(policy, known[reference])
        if column is None:
            continue
        row = gains(column, known[reference], sense)
        # Only what a run would bring to its finals: not the same policy, and not hopeless.
        if np.std(row) > 1e-4 and abs(np.mean(row)) < CLOSE:
            rows.append(row)
        if len(rows) >= mutants:
            break
    return Pool(scenario, known, reference, np.array(rows))


def nulls(pool: Pool, count: int, gain: float, rng: np.random.Generator) -> np.ndarray:
    """Return candidates of equal true mean ``gain``: mixtures of real differences, recentred."""
    rows = pool.differences
    a, b = rng.integers(len(rows), size=(2, count))
    weight = rng.random((count, 1))
    mixed = weight * rows[a] + (1 - weight) * rows[b]
    # Turning a difference round keeps it real: the roles of candidate and rule are exchanged.
    mixed *= rng.choice([-1.0, 1.0], size=(count, 1))
    return mixed - mixed.mean(axis=1, keepdims=True) + gain


def selected(pool: Pool, gain: float, rng: np.random.Generator) -> np.ndarray:
    """Return finalists as a run picks them: best by train, then by validation."""
    splits = pool.scenario.splits
    candidates = nulls(pool, CANDIDATES, gain, rng)
    size = candidates.shape[1]
    train = candidates[:, rng.integers(size, size=splits["train"])].mean(axis=1)
    best = candidates[np.argsort(-train, kind="stable")[: 2 * FINALISTS]]
    validation = best[:, rng.integers(size, size=splits["validation"])].mean(axis=1)
    return best[np.argsort(-validation, kind="stable")[:FINALISTS]]


def accepted(
    pool: Pool, candidate: np.ndarray, rows: np.ndarray, finalists: int, others: bool
) -> bool:
    """Judge one candidate on the drawn instances; ``others`` adds the other known rules."""
    objective = pool.scenario.objective
    sign = -1.0 if objective.sense == "min" else 1.0
    base = pool.known[pool.reference][rows]

    def measured(name: str, values: np.ndarray) -> Measured:
        return Measured(name, [{objective.metric: float(v)} for v in values])

    mine = measured("candidate", base * np.exp(sign * candidate[rows]))
    known = [
        measured(name, column[rows])
        for name, column in pool.known.items()
        if others or name == pool.reference
    ]
    case = Case(mine, pool.reference, known)
    return judge(case, objective.metric, objective.sense, [], finalists=finalists).accepted


def rate(hits: int, trials: int) -> dict[str, float]:
    """Return a share with its Clopper-Pearson 95 % interval."""
    low = stats.beta.ppf(0.025, hits, trials - hits + 1) if hits else 0.0
    high = stats.beta.ppf(0.975, hits + 1, trials - hits) if hits < trials else 1.0
    return {"hits": hits, "trials": trials, "rate": hits / trials, "low": low, "high": high}


def calibrate(scenario: Scenario, trials: int, size: int, mutants: int, without: list[str]) -> dict:
    began = time.perf_counter()
    pool = simulate_pool(scenario, size, mutants, without)
    rng = stream(SEED, "trials", scenario.name)
    n = scenario.splits["test"]
    floor = -math.log1p(-GateRules().minimum_gain)
    three = -math.log1p(-0.03)

    def single(gain: float, finalists: int, others: bool) -> dict[str, float]:
        hits = sum(
            accepted(pool, row, rng.integers(size, size=n), finalists, others)
            for row in nulls(pool, trials, gain, rng)
        )
        return rate(hits, trials)

    def whole_run(gain: float) -> dict[str, float]:
        hits = 0
        for _ in range(trials):
            rows = rng.integers(size, size=n)
            finalists = selected(pool, gain, rng)
            hits += any(accepted(pool, row, rows, FINALISTS, False) for row in finalists)
        return rate(hits, trials)

    return {
        "scenario": scenario.name, "splits": dict(scenario.splits), "reference": pool.reference,
        "mutants": len(pool.differences), "pool": size,
        "median sd of log-ratio": float(np.median(pool.differences.std(axis=1, ddof=1))),
        "largest sd of log-ratio": float(np.max(pool.differences.std(axis=1, ddof=1))),
        "false acceptance, equal policy": single(0.0, 1, False),
        "false acceptance, gain just at the minimum": single(floor, 1, False),
        "false acceptance, best of 200 equals, 3 finalists": whole_run(0.0),
        "false acceptance, best of 200 at the minimum, 3 finalists": whole_run(floor),
        "power, true 3 % gain, 1 finalist": single(three, 1, True),
        "power, true 3 % gain, 3 finalists": single(three, FINALISTS, True),
        "seconds": round(time.perf_counter() - began, 1),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenario", nargs="*", default=list(scenario_names()))
    parser.add_argument("--nulls", type=int, default=300)
    parser.add_argument("--pool", type=int, default=160)
    parser.add_argument("--mutants", type=int, default=24)
    parser.add_argument("--without", nargs="*", default=[], help="known rules to leave out")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = []
    for name in options.scenario:
        row = calibrate(
            load_scenario(name), options.nulls, options.pool, options.mutants, options.without
        )
        results.append(row)
        for key, value in row.items():
            if isinstance(value, dict) and "rate" in value:
                value = (
                    f"{value['rate']:.1%} ({value['hits']} of {value['trials']}; 95 % interval "
                    f"{value['low']:.1%} to {value['high']:.1%})"
                )
            print(f"{key}: {value}")
        print()
    machine = {"machine": platform.machine(), "python": sys.version.split()[0]}
    if options.json:
        options.json.write_text(json.dumps({**machine, "results": results}, indent=1))


if __name__ == "__main__":
    main()
