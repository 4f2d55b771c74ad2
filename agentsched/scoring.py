"""Score one policy on instances of a scenario: simulate, measure, check by replay, average."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from agentsched.errors import UserError
from evaluator.cluster.instance import Instance
from evaluator.cluster.scenario import Scenario
from evaluator.cluster.simulation import simulate
from evaluator.metrics import measure
from evaluator.replay import replay
from evaluator.trace import Trace

if TYPE_CHECKING:
    from evaluator.policies.catalogue import NativeRule
    from evaluator.policy import PolicySource
    from evaluator.sandbox import Sandbox

Lane = Literal["pure", "python", "general"]
Keep = Callable[[int, Instance, Trace, Mapping[str, float]], None]
"""Told of each instance's index, the instance, its trace and its metrics."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over instances and its 95 % interval (Student's t); one instance has none."""

    mean: float
    low: float | None
    high: float | None
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ScoreCard:
    """What one policy did on a list of instances."""

    policy: str
    digest: str
    lane: Lane
    sandbox: str
    """Level of the sandbox it ran in; ``not needed`` when no foreign code ran."""
    metrics: Mapping[str, Estimate]
    tasks: int
    """Task completions, all instances together."""
    decisions: int
    """Rows of the traces."""
    epochs: int
    """Scheduling passes."""
    cpu_seconds: float
    """Of simulating, on both sides of the pipe; compiling, loading and replaying excluded."""
    violations: tuple[str, ...]

    @property
    def tasks_per_cpu_second(self) -> float:
        """Simulated task completions a CPU second."""
        return self.tasks / max(self.cpu_seconds, 1e-9)


def score(
    policy: PolicySource | NativeRule,
    instances: Sequence[Instance],
    *,
    lane: Lane | None = None,
    sandbox: Sandbox | None = None,
    keep: Keep | None = None,
) -> ScoreCard:
    """Run a policy on every instance.

    Args:
        policy: What decides.
        instances: What it decides about; at least one.
        lane: Where it runs; None takes the policy's own.
        sandbox: For the general lane.
        keep: Called after each instance, in order.

    Raises:
        PolicyError: The policy failed on an instance; it has no score.
        TraceError: The replay does not give the same numbers: a bug, never a bad policy.
    """
    where = lane or policy.lane
    rows: list[Mapping[str, float]] = []
    violations: list[str] = []
    tasks = decisions = epochs = 0
    cpu = 0.0
    for index, instance in enumerate(instances):
        before = _cpu_seconds()
        trace = simulate(instance, policy, lane=lane, sandbox=sandbox)
        cpu += _cpu_seconds() - before
        metrics = measure(instance, trace)
        checked = replay(instance, trace)
        violations += [f"instance {index}: {violation}" for violation in checked.violations]
        rows.append(metrics)
        tasks += len(instance.workload)
        decisions += len(trace)
        epochs += trace.epochs
        if keep is not None:
            keep(index, instance, trace, metrics)
    return ScoreCard(
        policy.name,
        policy.digest,
        where,
        sandbox.level.name if sandbox is not None and where == "general" else "not needed",
        {name: estimate([row[name] for row in rows]) for name in rows[0]},
        tasks,
        decisions,
        epochs,
        cpu,
        tuple(violations),
    )


def draw(scenario: Scenario, split: str, count: int | None, seed: bytes) -> list[Instance]:
    """Return the first instances of a split.

    Raises:
        UserError: There is no such split, or it has fewer instances.
    """
    if split not in scenario.splits:
        raise UserError(
            f"scenario {scenario.name!r} has no split {split!r}; known: {list(scenario.splits)}"
        )
    number = scenario.splits[split] if count is None else count
    if number < 1:
        raise UserError(f"--seeds must be >= 1, got {number}")
    return [scenario.instance(split, index, seed) for index in range(number)]


def estimate(values: Sequence[float]) -> Estimate:
    """Return mean and 95 % interval."""
    from scipy.special import stdtrit

    n = len(values)
    mean = math.fsum(values) / n
    if n < 2 or not math.isfinite(mean):
        return Estimate(mean, None, None, tuple(values))
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = float(stdtrit(n - 1, 0.975)) * spread / math.sqrt(n)
    return Estimate(mean, mean - half, mean + half, tuple(values))


def _cpu_seconds() -> float:
    return time.process_time()
