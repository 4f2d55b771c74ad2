"""Score one policy on instances of a scenario: simulate, measure, check by replay, average."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agentsched import __version__
from agentsched.errors import UserError
from evaluator.differences import differences
from evaluator.errors import PolicyError, TraceError
from evaluator.evaluation import cpu_seconds
from evaluator.policy import PolicySource
from evaluator.sandbox import Sandbox
from evaluator.traceheader import Problem, TraceHeader
from evaluator.world import Lane, Rule, Scenario
from evaluator.worlds import world_of

Where = Literal["pure", "python", "general", "native"]
"""Native rules are part of the world."""
MOST = 10_000
"""Instances of one call; they are drawn before the first runs."""
LISTED = 10
"""Violations that a score card puts into words."""

Keep = Callable[[int, Any, Any, dict[str, float]], None]
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
    """Size of all instances together, in the world's unit."""
    decisions: int
    """Rows of the traces."""
    epochs: int
    """Times the policy was asked."""
    cpu_seconds: float
    """Of simulating, on both sides of the pipe; compiling, loading and replaying excluded."""
    violations: int
    """Broken hard constraints; one disqualifies."""
    listed: tuple[str, ...]
    """The first of them, in words."""

    @property
    def tasks_per_cpu_second(self) -> float:
        """Simulated tasks (or rounds, …) a CPU second."""
        return self.tasks / max(self.cpu_seconds, 1e-9)


def score(
    policy: Rule,
    instances: Sequence[Problem],
    *,
    lane: Lane | None = None,
    sandbox: Sandbox | None = None,
    warm: Problem | None = None,
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
    world = world_of(instances[0])
    where = lane or own_lane(policy)
    rows: list[dict[str, float]] = []
    violations: list[str] = []
    tasks = decisions = epochs = broken = 0
    cpu = 0.0
    if warm is not None:
        simulate(warm, policy, lane, sandbox)
    for index, instance in enumerate(instances):
        before = cpu_seconds(sandbox)
        trace = simulate(instance, policy, lane, sandbox)
        cpu += cpu_seconds(sandbox) - before
        metrics = world.measure(instance, trace)
        checked = world.replay(instance, trace)
        if checked.count == 0 and (apart := differences(metrics, checked.metrics)):
            raise TraceError(
                f"instance {index}: {apart[0]}; the two implementations disagree, please report it"
            )
        broken += checked.count
        violations += [f"instance {index}: {found.message}" for found in checked.violations]
        rows.append(metrics)
        tasks += world.size(instance)
        decisions += len(trace)
        epochs += world.passes(trace)
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


def simulate(instance: Problem, policy: Rule, lane: Lane | None, sandbox: Sandbox | None) -> Any:
    """Return the trace of a policy; a ``PolicyError`` says whose it is."""
    try:
        return world_of(instance).simulate(instance, policy, lane=lane, sandbox=sandbox)
    except PolicyError as error:
        # the sandbox knows the text but not its name; of two policies, which one was it?
        if repr(policy.name) in str(error):
            raise
        raise PolicyError(f"policy {policy.name!r}: {error}") from error


def draw(scenario: Scenario, split: str, count: int | None, seed: bytes) -> list[Problem]:
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
    if not 1 <= number <= MOST:
        rule = "be >= 1" if number < 1 else f"be <= {MOST}"
        raise UserError(f"--seeds must {rule}, got {number}")
    if number > held and _recorded(scenario):
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
    instance: Problem,
    policy: Rule,
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
        lane=own_lane(policy),
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


def own_lane(policy: Rule) -> Literal["pure", "general", "native"]:
    """Return where a policy runs of its own accord."""
    return policy.lane if isinstance(policy, PolicySource) else "native"


def _recorded(scenario: Scenario) -> bool:
    """Whether its jobs are windows of a file, of which there are only so many."""
    if world_of(scenario).name != "cluster":
        return False
    from evaluator.workloads.windows import Recorded

    return isinstance(getattr(scenario, "workload", None), Recorded)


def _further(seed: bytes, lap: int) -> bytes:
    if lap == 0:
        return seed
    return hashlib.blake2b(lap.to_bytes(8, "little"), key=seed, digest_size=16).digest()
