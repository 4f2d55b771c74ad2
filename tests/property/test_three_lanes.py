"""Compiled core, plain twin and sandboxed worker take the same decisions, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace

import numpy as np
import pytest
from tracemaker import random_instance

from evaluator.candidates import read_policy
from evaluator.cluster.instance import Failures, Instance
from evaluator.cluster.simulation import Lane, simulate
from evaluator.errors import InputError, PolicyError
from evaluator.replay import replay
from evaluator.sandbox import Sandbox
from evaluator.trace import Trace

POLICIES = {
    "by ready time": "def key(task):\n    return task.ready\n",
    "shortest, own preference": (
        "def key(task):\n    return task.estimate\n"
        "def prefer(task, node):\n    return -node.duration - node.free_cpus * 0.01\n"
    ),
    "key that moves": "def key(task, now):\n    return task.estimate - task.wait * 2\n",
    "score of many fields": (
        "def score(task, node, now):\n"
        "    fit = 0.1 * node.speed - 0.01 * node.free_cpus - 0.001 * node.data_wait\n"
        "    return (task.wait + task.estimate) / task.estimate + fit - 0.1 * node.duration\n"
    ),
    "score that declines": (
        "import math\n"
        "def score(task, node, now):\n"
        "    if node.free_cpus > 3 and task.wait < 2 and task.estimate < 3:\n"
        "        return -math.inf\n"
        "    return -task.rank + node.free_memory + task.job_remaining * task.starts\n"
    ),
    "strict": 'DISCIPLINE = "strict"\ndef key(task):\n    return task.release\n',
    "easy": 'DISCIPLINE = "easy"\ndef key(task):\n    return task.release\n',
    "easy, key that moves": (
        'DISCIPLINE = "easy"\ndef key(task, now):\n    return -(task.wait / task.estimate)\n'
        "def prefer(task, node):\n    return node.free_cpus\n"
    ),
    "conservative": 'DISCIPLINE = "conservative"\ndef key(task):\n    return task.release\n',
    "eft": (
        'DISCIPLINE = "bind"\ndef key(task):\n    return -task.rank\n'
        "def score(task, node, now):\n"
        "    return -(max(node.free_at, now + node.data_wait) + node.duration)\n"
    ),
    "min-min": (
        'DISCIPLINE = "bind"\nBATCH = "min"\ndef score(task, node, now):\n'
        "    return -(max(node.free_at, now + node.data_wait) + node.duration)\n"
    ),
    "max-min with queues": (
        'DISCIPLINE = "bind"\nBATCH = "max"\ndef score(task, node, now):\n'
        "    return -(max(node.free_at, now + node.data_wait) + node.duration) - node.queued\n"
    ),
}


def world(seed: int) -> Instance:
    """A random small world; every third one has nodes that break by themselves."""
    instance = random_instance(seed)
    if seed % 3 == 0:
        failing = Failures(scale=120.0, repair_log_mean=1.0, repair_log_sigma=0.5)
        instance = replace(instance, failures=failing)
    return instance


def outcome(
    instance: Instance, name: str, lane: Lane, sandbox: Sandbox | None = None
) -> Trace | None:
    """The trace, or None where the policy and the world do not go together."""
    policy = read_policy(POLICIES[name], name)
    try:
        return simulate(instance, policy, lane=lane, sandbox=sandbox)
    except (PolicyError, InputError):
        return None


def assert_equal(one: Trace | None, other: Trace | None, where: str) -> None:
    assert (one is None) == (other is None), where
    if one is None or other is None:
        return
    for column in fields(Trace):
        if column.name != "epochs":
            mine, theirs = getattr(one, column.name), getattr(other, column.name)
            assert np.array_equal(mine, theirs), f"{where}: {column.name}"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox.open() as opened:
        yield opened


@pytest.mark.parametrize("name", POLICIES)
def test_plain_twin_decides_as_the_core_does(name: str) -> None:
    finished = 0
    for seed in range(60):
        instance = world(seed)
        compiled = outcome(instance, name, "pure")
        assert_equal(compiled, outcome(instance, name, "python"), f"world {seed}")
        finished += compiled is not None
    assert finished > 10


@pytest.mark.parametrize("name", POLICIES)
def test_sandboxed_worker_decides_as_the_core_does(name: str, sandbox: Sandbox) -> None:
    for seed in range(25):
        instance = world(seed)
        compiled = outcome(instance, name, "pure")
        assert_equal(compiled, outcome(instance, name, "general", sandbox), f"world {seed}")


@pytest.mark.parametrize("name", POLICIES)
def test_every_trace_passes_the_replay(name: str) -> None:
    for seed in range(40):
        instance = world(seed)
        trace = outcome(instance, name, "pure")
        if trace is not None:
            found = [v for v in replay(instance, trace).violations if v.kind != "deadline"]
            assert not found, f"world {seed}: {found[:2]}"


def test_same_instance_and_policy_give_the_same_bytes() -> None:
    instance = world(7)
    one, other = (outcome(instance, "score of many fields", "pure") for _ in range(2))
    assert_equal(one, other, "twice")
