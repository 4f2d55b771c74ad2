"""Score one policy on instances of a scenario: simulate, measure, check by replay, average."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agentsched import __version__
from agentsched.errors import UserError
from evaluator.cluster.instance import Instance
from evaluator.cluster.scenario import Scenario
from evaluator.cluster.simulation import simulate
from evaluator.errors import TraceError
from evaluator.evaluation import cpu_seconds
from evaluator.metrics import measure
from evaluator.policies.native import NativeRule
from evaluator.policy import PolicySource
from evaluator.replay import differences, replay
from evaluator.sandbox import Sandbox
from evaluator.trace import Trace
from evaluator.tracefile import TraceHeader
from evaluator.workloads.windows import Recorded

Lane = Literal["pure", "python", "general"]
Where = Literal["pure", "python", "general", "native"]
"""Native rules are part of the engine."""
LISTED = 10
"""Violations that a score card puts into words."""

Keep = Callable[[int, Instance, Trace, dict[str, float]], None]
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
    lane: Where
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
    violations: int
    """Broken hard constraints; one disqualifies."""
    listed: tuple[str, ...]
    """The first of them, in words."""

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
    warm: Instance | None = None,
    keep: Keep | None = None,
) -> ScoreCard:
    """Run a policy on every instance.

    Args:
        policy: What decides.
        instances: What it decides about; at least one.
        lane: Where it runs; None takes the policy's own.
        sandbox: For the general lane.
        warm: Run first and not counted, so that compiling does not count either.
        keep: Called after each instance, in order.

    Raises:
        PolicyError: The policy failed on an instance; it has no score.
        TraceError: The replay does not give the same numbers: a bug, never a bad policy.
    """
    own = "native" if isinstance(policy, NativeRule) else policy.lane
    where = lane or own
    rows: list[dict[str, float]] = []
    violations: list[str] = []
    tasks = decisions = epochs = broken = 0
    cpu = 0.0
    if warm is not None:
        simulate(warm, policy, lane=lane, sandbox=sandbox)
    for index, instance in enumerate(instances):
        before = cpu_seconds(sandbox)
        trace = simulate(instance, policy, lane=lane, sandbox=sandbox)
        cpu += cpu_seconds(sandbox) - before
        metrics = measure(instance, trace)
        checked = replay(instance, trace)
        if checked.count == 0 and (apart := differences(metrics, checked.metrics)):
            raise TraceError(
                f"instance {index}: {apart[0]}; the two implementations disagree, please report it"
            )
        broken += checked.count
        violations += [f"instance {index}: {found.message}" for found in checked.violations]
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
        broken,
        tuple(violations[:LISTED]),
    )


def draw(scenario: Scenario, split: str, count: int | None, seed: bytes) -> list[Instance]:
    """Return instances of a split; a generated workload has as many as are asked for.

    Args:
        scenario: Where they come from.
        split: Name of the split.
        count: How many; None takes all that the scenario gives the split.
        seed: 16 bytes; equal seeds give equal instances.

    Raises:
        UserError: There is no such split, or a workload file has fewer windows.
    """
    if split not in scenario.splits:
        raise UserError(
            f"scenario {scenario.name!r} has no split {split!r}; known: {list(scenario.splits)}"
        )
    held = scenario.splits[split]
    number = held if count is None else count
    if number < 1:
        raise UserError(f"--seeds must be >= 1, got {number}")
    if number > held and isinstance(scenario.workload, Recorded):
        raise UserError(
            f"--seeds {number}: the workload file gives split {split!r} only {held} windows"
        )
    return [
        # Beyond the split's own number, further draws of it come from further seeds.
        scenario.instance(split, index % held, _further(seed, index // held))
        for index in range(number)
    ]


def header_of(
    scenario: Scenario,
    instance: Instance,
    policy: PolicySource | NativeRule,
    split: str,
    index: int,
    seed: bytes,
    metrics: dict[str, float],
) -> TraceHeader:
    """Return what a trace of a policy on an instance of a scenario says about itself."""
    return TraceHeader.of(
        instance,
        seed=seed,
        policy_text=policy.text,
        metrics=metrics,
        scenario=scenario.name,
        scenario_text=scenario.text,
        scenario_digest=scenario.digest,
        split=split,
        index=index,
        policy=policy.name,
        lane="native" if isinstance(policy, NativeRule) else policy.lane,
        code_version=__version__,
        objective=scenario.objective.metric,
    )


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


def _further(seed: bytes, lap: int) -> bytes:
    if lap == 0:
        return seed
    return hashlib.blake2b(lap.to_bytes(8, "little"), key=seed, digest_size=16).digest()
