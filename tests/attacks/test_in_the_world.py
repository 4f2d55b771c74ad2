"""Against the real engine: what reaches a worker, what comes of what it answers."""

import platform
from pathlib import Path

import numpy as np
import pytest

from evaluator.candidates import read_policy
from evaluator.cluster.instance import Instance
from evaluator.cluster.model import SECOND, NodeGroup, build_cluster
from evaluator.cluster.simulation import simulate
from evaluator.cluster.workload import simple_workload
from evaluator.errors import PolicyError
from evaluator.policy import PolicySource
from evaluator.sandbox import Sandbox, launch, probe

pytestmark = pytest.mark.skipif(platform.system() != "Linux", reason="the sandbox needs Linux")

HONEST = """
def decide(state):
    for task in sorted(state.ready.values(), key=lambda t: (t.estimate, t.id)):
        for node in state.nodes:
            if state.fits(task, node):
                state.start(task, node)
                break
"""
REACH = "import dataclasses\nos = dataclasses.sys.modules['os']\n"
ATTACKS = {
    "forged_capacity": HONEST.replace(
        "    for task",
        "    for node in state.nodes:\n        node.free_cpus = node.cpus = 1e9\n    for task",
        1,
    ).replace("if state.fits(task, node)", "if True"),
    "ignores_fit": HONEST.replace("if state.fits(task, node)", "if True"),
    "starts_twice": HONEST.replace(
        "state.start(task, node)", "state.start(task, node); state.start(task, node)"
    ),
    "never_starts": "def decide(state):\n    pass\n",
    "exits": REACH + "def decide(state):\n    os._exit(0)\n",
    "garbage": REACH + "def decide(state):\n    os.write(4, b'\\xff' * 99)\n",
    "forged_future": REACH
    + "import itertools\npack = dataclasses.sys.modules['struct'].pack\n"
    + "def decide(state):\n    os.write(4, pack('<IBiii', 13, 68, 0, 39, 0))\n",
    "loops": "def decide(state):\n    while True: pass\n",
    "raises": "def decide(state):\n    raise ValueError('x')\n",
}


def policy(text):
    """As the gate would read it, without its complaints: here the text is hostile."""
    return PolicySource("candidate", text, "decide", lane="general")


def problem(seed=b"\0" * 16, late=1):
    """Forty tasks; those released from 100 s on are ``late`` times as long and half as wide."""
    rng = np.random.default_rng(5)
    release = np.cumsum(rng.integers(1, 9, 40)) * SECOND
    work = rng.integers(3, 60, 40) * SECOND
    cpus = rng.integers(1, 5, 40).astype(np.float64)
    after = release >= 100 * SECOND
    work[after] *= late
    if late > 1:
        cpus[after] = np.maximum(1, cpus[after] // 2)
    workload = simple_workload("forty", release, work, cpus=cpus)
    return Instance(build_cluster("three", [NodeGroup("cpu", 3, cpus=4)]), workload, seed=seed)


def columns(trace):
    return [getattr(trace, name).tobytes() for name in ("task", "node", "start", "end", "outcome")]


def general(instance, text, sandbox):
    return simulate(instance, policy(text), lane="general", sandbox=sandbox, decision_seconds=0.3)


@pytest.fixture(scope="module")
def real():
    """A sandbox with the real mirror, whatever the other modules use."""
    inside = Path(launch.__file__).resolve().parent.parent / "inside"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch, "INSIDE", inside)
        probe.cache_clear()
        with Sandbox.open(memory_mb=64) as opened:
            yield opened
        probe.cache_clear()


@pytest.fixture(scope="module")
def expected(real):
    return columns(general(problem(), HONEST, real))


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_fails_and_the_next_candidate_scores_the_same(name, real, expected):
    with pytest.raises(PolicyError):
        general(problem(), ATTACKS[name], real)
    assert columns(general(problem(), HONEST, real)) == expected


def test_honest_candidate_decides_as_in_plain_python(real, expected):
    sjf = read_policy("def key(task):\n    return task.estimate\n")
    assert columns(simulate(problem(), sjf, lane="general", sandbox=real)) == columns(
        simulate(problem(), sjf, lane="python")
    )


class Listening:
    """A sandbox that notes every byte that goes in."""

    def __init__(self, sandbox):
        self.sandbox, self.level, self.heard = sandbox, sandbox.level, []

    def spawn(self, text, hello, **options):
        self.heard.append(hello)
        worker = self.sandbox.spawn(text, hello, **options)
        ask = worker.ask

        class Heard:
            def ask(_, frame):
                self.heard.append(frame)
                return ask(frame)

            def close(_):
                worker.close()

            def __enter__(heard):
                return heard

            def __exit__(heard, *_):
                heard.close()

        return Heard()


def heard(instance, sandbox):
    listening = Listening(sandbox)
    general(instance, HONEST, listening)
    return listening.heard


def test_nothing_that_reaches_a_worker_depends_on_the_seed(real):
    """So there is nothing to try seeds against, and no seed to find."""
    one, other = (heard(problem(seed=bytes([i]) * 16), real) for i in (1, 2))
    assert one == other
    assert len(one) > 40
    assert not any(bytes([1]) * 16 in frame for frame in one)


def test_same_prefix_and_another_future_give_the_same_bytes_and_decisions(real):
    now, then = heard(problem(), real), heard(problem(late=7), real)
    shared = next(i for i, (a, b) in enumerate(zip(now, then, strict=False)) if a != b)
    assert shared > 10
    traces = [general(problem(late=late), HONEST, real) for late in (1, 7)]
    before = [trace.start < 100 * SECOND for trace in traces]
    assert before[0].sum() > 10
    for name in ("task", "node", "start"):
        first, second = (getattr(t, name)[b] for t, b in zip(traces, before, strict=True))
        assert first.tolist() == second.tolist()
    assert columns(traces[0]) != columns(traces[1])
