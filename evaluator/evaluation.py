"""One policy on the instances of a split: simulated, measured, audited by a second program."""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evaluator.differences import differences
from evaluator.errors import PolicyError, TraceError
from evaluator.sandbox import Sandbox
from evaluator.world import Rule, Scenario
from evaluator.worlds import world_of

KEPT_TASKS = 2_000_000
"""Instances are kept for the next policy until their tasks add up to this."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A policy that has no score; never a slow policy."""

    stage: str
    """Where: parse, or the split."""
    kind: str
    """What: subset, decision, policy, timeout, died, protocol, violation, metric, …"""
    message: str
    cpu_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Audited:
    """One simulation that is beyond doubt."""

    metrics: dict[str, float]
    digest: str
    """sha256 of the trace."""
    decisions: str
    """sha256 of its decisions alone: how the policy behaves."""
    cpu_seconds: float
    """Of simulating, the candidate's process included; measuring and audit are extra."""
    tasks: int
    """Size of the instance, in the world's unit."""
    trace: Any


@dataclass(frozen=True, slots=True)
class Scored:
    """A policy's results; every sequence has one entry an instance, in the order asked for."""

    split: str
    indices: tuple[int, ...]
    metrics: tuple[dict[str, float], ...]
    digests: tuple[str, ...]
    decisions: tuple[str, ...]
    cpu_seconds: float
    tasks: int
    traces: tuple[Any, ...] = ()
    """Empty unless asked for."""


Evaluation = Scored | Failed


class Instances:
    """The instances of one scenario, generated once and kept within a bound of tasks."""

    def __init__(self, scenario: Scenario, kept_tasks: int = KEPT_TASKS) -> None:
        self.scenario = scenario
        self._world = world_of(scenario)
        self._kept_tasks = kept_tasks
        self._kept: OrderedDict[tuple[str, int, bytes, str], Any] = OrderedDict()

    def get(self, split: str, index: int, seed: bytes, perturbation: str = "") -> Any:
        """Return one instance; ``perturbation`` is one of the world's or empty."""
        key = (split, index, seed, perturbation)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        if perturbation:
            made = self._world.perturb(self.get(split, index, seed), perturbation, seed)
        else:
            made = self.scenario.instance(split, index, seed)
        self._kept[key] = made
        size = self._world.size
        total = sum(size(instance) for instance in self._kept.values())
        while total > self._kept_tasks and len(self._kept) > 1:
            total -= size(self._kept.popitem(last=False)[1])
        return made


def evaluate(
    scenario: Scenario,
    policy: Rule,
    split: str,
    indices: Sequence[int],
    seed: bytes,
    *,
    sandbox: Sandbox | None = None,
    keep_traces: bool = False,
) -> Evaluation:
    """Score a policy on instances of a split; the first failure ends it.

    Args:
        scenario: Where the instances come from.
        policy: A known rule or a candidate; a general one needs ``sandbox``.
        split: Name of the split.
        indices: Instances of the split, in this order.
        seed: 16 secret bytes; equal seeds give equal instances.
        sandbox: Runs general candidates.
        keep_traces: Return the traces too.

    Raises:
        InputError: The scenario cannot make the instance.
    """
    instances = _instances(scenario)
    done: list[Audited] = []
    for index in indices:
        one = evaluate_instance(
            instances.get(split, index, seed), policy, split, sandbox=sandbox, keep=keep_traces
        )
        if isinstance(one, Failed):
            return one
        done.append(one)
    return Scored(
        split=split, indices=tuple(indices), metrics=tuple(m.metrics for m in done),
        digests=tuple(m.digest for m in done), decisions=tuple(m.decisions for m in done),
        cpu_seconds=sum(m.cpu_seconds for m in done), tasks=sum(m.tasks for m in done),
        traces=tuple(m.trace for m in done if m.trace is not None),
    )  # fmt: skip


def evaluate_instance(
    instance: Any,
    policy: Rule,
    stage: str,
    *,
    sandbox: Sandbox | None = None,
    keep: bool = False,
) -> Audited | Failed:
    """Simulate one instance, measure it, and let the second implementation check both."""
    world = world_of(instance)
    before = cpu_seconds(sandbox)
    try:
        trace = world.simulate(instance, policy, sandbox=sandbox)
    except PolicyError as error:
        return Failed(stage, _kind(error), str(error), cpu_seconds(sandbox) - before)
    spent = cpu_seconds(sandbox) - before
    metrics = world.measure(instance, trace)
    audit = world.replay(instance, trace)
    if audit.count:
        more = f" (and {audit.count - 1} more)" if audit.count > 1 else ""
        return Failed(stage, "violation", f"{audit.violations[0].message}{more}", spent)
    if apart := differences(metrics, audit.metrics):
        raise TraceError(f"{apart[0]}; the two implementations disagree, please report it")
    return Audited(
        metrics=metrics, digest=world.trace_digest(trace),
        decisions=world.decisions_digest(trace), cpu_seconds=spent, tasks=world.size(instance),
        trace=trace if keep else None,
    )  # fmt: skip


def cpu_seconds(sandbox: Sandbox | None) -> float:
    """CPU time of this process and of every worker of the sandbox, so far."""
    return time.process_time() + (sandbox.worker_seconds if sandbox is not None else 0.0)


_LAST: list[Instances] = []


def _instances(scenario: Scenario) -> Instances:
    """Instances of the scenario used last stay in this process."""
    if not _LAST or _LAST[0].scenario.digest != scenario.digest:
        _LAST[:] = [Instances(scenario)]
    return _LAST[0]


def _kind(error: PolicyError) -> str:
    """Name the error's class: SubsetError is ``subset``, WorkerTimeout is ``timeout``."""
    name = type(error).__name__
    short = re.sub(r"^Worker|Error$", "", name).lower()
    return short or "policy"
