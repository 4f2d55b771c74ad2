"""From a stored trace file to a replayed score, through its world's second implementation."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.errors import InputError, TraceError
from evaluator.policy import PolicySource
from evaluator.sandbox import Sandbox
from evaluator.world import Rule, Scenario
from evaluator.worlds import Opened, find_world, read_trace
from memory.evidence import Played


def replay_file(path: Path) -> Played:
    """Replay a trace file on the instance that it embeds, or that its scenario makes again.

    Raises:
        TraceError: the file is damaged, or its instance cannot be made again.
    """
    opened = read_trace(path)
    instance = _instance(opened)
    found = opened.world.replay(instance, opened.stored.trace)
    text = opened.stored.header.policy_text
    return Played(
        instance=instance.digest,
        policy=opened.stored.header.policy,
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
    opened = read_trace(path)
    world, header = opened.world, opened.stored.header
    policy: Rule
    if header.policy_text and header.lane != "native":
        policy = world.read_policy(header.policy_text, header.policy)
    else:
        policy = world.load_rule(header.policy)
    with ExitStack() as stack:
        general = isinstance(policy, PolicySource) and policy.lane == "general"
        sandbox = stack.enter_context(Sandbox.open()) if general else None
        again = world.simulate(_instance(opened), policy, sandbox=sandbox)
    _compare(opened.stored.trace, again)
    return replay_file(path)


def _compare(stored: Any, again: Any) -> None:
    """Compare the columns of two traces of one world."""
    for column in fields(stored):
        one, other = getattr(stored, column.name), getattr(again, column.name)
        if not isinstance(one, np.ndarray):
            continue
        rows = min(len(one), len(other))
        differing = np.flatnonzero(one[:rows] != other[:rows])
        if len(differing) or len(one) != len(other):
            row = int(differing[0]) if len(differing) else rows
            raise TraceError(
                f"its policy decides otherwise: column {column.name!r} differs at {row}"
            )


def _instance(opened: Opened) -> Any:
    embedded = getattr(opened.stored, "instance", None)
    if embedded is not None:
        return embedded
    header = opened.stored.header
    if not header.scenario_text or not header.seed:
        raise TraceError("it embeds no instance, and no scenario and seed to make it from")
    try:
        scenario = _scenario(opened.world.name, header.scenario, header.scenario_text)
        return scenario.instance(header.split, header.index, bytes.fromhex(header.seed))
    except (InputError, ValueError) as error:
        raise TraceError(f"scenario {header.scenario!r} no longer makes it: {error}") from error


@lru_cache(maxsize=4)
def _scenario(world: str, name: str, text: str) -> Scenario:
    """Load a scenario as it was; the built-in one of that name may have changed since."""
    home = find_world(world)
    if name in home.scenario_names() and home.load_scenario(name).text == text:
        return home.load_scenario(name)
    return home.parse(text, name)
