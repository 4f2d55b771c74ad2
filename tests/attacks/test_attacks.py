"""Every attack is stopped, and the candidate after it scores as if there had been none."""

import platform
import signal

import pytest
from arena import HONEST, run
from attacks_on_resources import ATTACKS as ON_RESOURCES
from attacks_on_the_machine import ATTACKS as ON_THE_MACHINE
from attacks_on_the_score import ATTACKS as ON_THE_SCORE
from attacks_on_the_score import CLEAN

from evaluator.errors import DecisionError
from evaluator.sandbox import (
    Level,
    Probe,
    Sandbox,
    WorkerDied,
    WorkerFailed,
    WorkerProtocol,
    WorkerTimeout,
)
from evaluator.sandbox.launch import Plan

pytestmark = pytest.mark.skipif(platform.system() != "Linux", reason="the sandbox needs Linux")

NUMBERED = platform.machine() == "x86_64"
ATTACKS = tuple(
    attack
    for attack in (*ON_THE_MACHINE, *ON_RESOURCES, *ON_THE_SCORE)
    if NUMBERED or not attack.numbered
)
OUTCOMES = {
    "failed": WorkerFailed,
    "timeout": WorkerTimeout,
    "protocol": WorkerProtocol,
    "refused": DecisionError,
}


def outcome(sandbox, text, honest, **limits):
    """Return how a candidate ended, and what was said."""
    try:
        trace = run(sandbox, text, **limits)
    except WorkerDied as error:
        return "killed" if error.code == -signal.SIGSYS else "died", str(error)
    except tuple(OUTCOMES.values()) as error:
        return next(name for name, kind in OUTCOMES.items() if type(error) is kind), str(error)
    return ("harmless", "") if trace == honest else ("changed", "another trace than the honest one")


@pytest.mark.parametrize("attack", ATTACKS, ids=[attack.name for attack in ATTACKS])
def test_attack_is_stopped_and_the_next_candidate_is_not_touched(attack, sandbox, honest_trace):
    how, said = outcome(sandbox, attack.source, honest_trace)
    assert "Breach" not in said
    assert how in attack.ends.split("|"), said
    assert run(sandbox, CLEAN) == honest_trace


@pytest.mark.parametrize("level", [Level.LANDLOCK_SECCOMP, Level.SECCOMP], ids=lambda x: x.name)
def test_attacks_are_stopped_without_namespaces_too(level, doubled, honest_trace):
    found = Probe(level, Plan("no namespaces"), "", 0, (), ())
    wrong = []
    with Sandbox(found, unsafe=False, memory_mb=48) as weaker:
        for attack in ATTACKS:
            if "timeout" in attack.ends:
                continue
            how, said = outcome(weaker, attack.source, honest_trace, decision_seconds=3.0)
            if how not in attack.ends.split("|") or "Breach" in said:
                wrong.append((attack.name, how, said))
        assert run(weaker, CLEAN) == honest_trace
    assert wrong == []


def test_there_are_enough_attacks_and_no_name_twice():
    names = [attack.name for attack in ATTACKS]
    assert len(set(names)) == len(names) >= 50


def test_honest_candidate_is_the_same_in_any_sandbox(sandbox, honest_trace):
    assert run(sandbox, HONEST) == honest_trace != b""
