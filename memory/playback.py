"""From a stored trace file to a replayed score, through the evaluator's second implementation."""

from __future__ import annotations

import hashlib
import tempfile
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path

import numpy as np

from evaluator.candidates import read_policy
from evaluator.cluster.instance import Instance
from evaluator.cluster.scenario import Scenario, load_scenario, scenario_names
from evaluator.cluster.simulation import simulate
from evaluator.errors import InputError, TraceError
from evaluator.policies import NativeRule, load_rule
from evaluator.policy import PolicySource
from evaluator.replay import replay
from evaluator.sandbox import Sandbox
from evaluator.trace import Trace
from evaluator.tracefile import StoredTrace, read_trace
from memory.evidence import Played


def replay_file(path: Path) -> Played:
    """Replay a trace file on the instance that it embeds, or that its scenario makes again.

    Raises:
        TraceError: the file is damaged, or its instance cannot be made again.
    """
    stored = read_trace(path)
    instance = _instance(stored)
    found = replay(instance, stored.trace)
    text = stored.header.policy_text
    return Played(
        instance=instance.digest,
        policy=stored.header.policy,
        digest=hashlib.sha256(text.encode()).hexdigest() if text else "",
        metrics=found.metrics,
        violations=found.count,
    )


def rerun_file(path: Path) -> Played:
    """Replay a trace file, and let the policy it names decide everything once more.

    A replay proves that the decisions keep the rules and score so; this proves, too, that they are
    that policy's. For ``verify`` of what came from elsewhere. Takes the simulation's time; a
    general policy runs in the sandbox.

    Raises:
        TraceError: as ``replay_file``, or the policy decides otherwise; names the row.
    """
    stored = read_trace(path)
    header = stored.header
    policy: PolicySource | NativeRule
    if header.policy_text and header.lane != "native":
        policy = read_policy(header.policy_text, header.policy)
    else:
        policy = load_rule(header.policy)
    with ExitStack() as stack:
        general = isinstance(policy, PolicySource) and policy.lane == "general"
        sandbox = stack.enter_context(Sandbox.open()) if general else None
        again = simulate(_instance(stored), policy, sandbox=sandbox)
    _compare(stored.trace, again)
    return replay_file(path)


def _compare(stored: Trace, again: Trace) -> None:
    for column in ("task", "node", "start", "end", "outcome", "spread_node", "spread_count"):
        one, other = getattr(stored, column), getattr(again, column)
        rows = min(len(one), len(other))
        differing = np.flatnonzero(one[:rows] != other[:rows])
        if len(differing) or len(one) != len(other):
            row = int(differing[0]) if len(differing) else rows
            raise TraceError(f"its policy decides otherwise: column {column!r} differs at {row}")


def _instance(stored: StoredTrace) -> Instance:
    if stored.instance is not None:
        return stored.instance
    header = stored.header
    if not header.scenario_text or not header.seed:
        raise TraceError("it embeds no instance, and no scenario and seed to make it from")
    try:
        scenario = _scenario(header.scenario, header.scenario_text)
        return scenario.instance(header.split, header.index, bytes.fromhex(header.seed))
    except (InputError, ValueError) as error:
        raise TraceError(f"scenario {header.scenario!r} no longer makes it: {error}") from error


@lru_cache(maxsize=4)
def _scenario(name: str, text: str) -> Scenario:
    """Load a scenario as it was; the built-in one of that name may have changed since."""
    if name in scenario_names() and load_scenario(name).text == text:
        return load_scenario(name)
    with tempfile.TemporaryDirectory(prefix="agentsched-") as folder:
        file = Path(folder) / "stored.toml"
        file.write_text(text, encoding="utf-8")
        return load_scenario(str(file))
