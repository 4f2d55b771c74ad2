"""Evolution with the real engine and sandbox, in processes of its own."""

from dataclasses import replace
from typing import ClassVar

import pytest

from agentsched.evolution.config import Breeding, Budget, EvolveConfig
from agentsched.evolution.loop import evolve
from agentsched.evolution.proposal import Proposal
from agentsched.evolution.proposers import MutationProposer
from evaluator.cluster.scenario import load_scenario
from evaluator.gate import GateRules

SPLITS = {"smoke": 1, "train": 4, "validation": 4, "test": 12, "unseen": 4}

GENERAL = '''
def decide(state):
    """Shortest first."""
    for task in sorted(state.ready.values(), key=lambda t: (t.estimate, t.id)):
        for node in state.nodes:
            if state.fits(task, node):
                state.start(task, node)
                break
'''

HANGS = """
def decide(state):
    while True:
        pass
"""
DIES = """
def decide(state):
    return deep(state)

def deep(state):
    return deep(state)
"""
EATS = """
HELD = []

def decide(state):
    while True:
        HELD.append([0] * 10_000_000)
"""


@pytest.fixture(scope="module")
def scenario():
    return replace(load_scenario("single-machine"), splits=SPLITS)


def config(runs, evaluations, batch=4, **more):
    return EvolveConfig(
        scenario="single-machine",
        runs=runs,
        seed=1,
        workers=1,
        budget=Budget(evaluations=evaluations),
        breeding=Breeding(batch=batch, fruitless=12),
        gate=GateRules(resamples=4000),
        **more,
    )


class Scripted:
    name = "scripted"
    digests: ClassVar = {}

    def __init__(self, *texts):
        self.texts = list(texts)

    def propose(self, request):
        text = self.texts.pop(0) if len(self.texts) > 1 else self.texts[0]
        return Proposal(text, how="rewrite")

    def close(self):
        pass


def test_mutation_on_the_real_engine_is_deterministic_and_ends_with_a_verdict(tmp_path, scenario):
    runs = [
        evolve(config(tmp_path / name, 10), lambda *_: MutationProposer(), scenario=scenario)
        for name in "ab"
    ]
    assert runs[0].state.digest() == runs[1].state.digest()
    assert runs[0].state.spent.evaluations == 10
    assert runs[0].state.members
    member = next(iter(runs[0].state.members.values()))
    assert "utilisation" in member.diagnosis
    assert "<svg" in (runs[0].run / "report.html").read_text()


def test_candidates_that_hang_die_or_eat_memory_cost_their_own_slot_only(tmp_path, scenario):
    texts = [GENERAL, HANGS, DIES, EATS, GENERAL.replace("t.estimate,", "t.due,")]
    outcome = evolve(
        config(tmp_path, 5, batch=5, evaluation_seconds=60.0, general=True),
        lambda *_: Scripted(*texts),
        scenario=scenario,
    )
    results = [outcome.state.results[k]["result"] for k in range(5)]
    assert results[0]["kind"] in ("scored", "duplicate")
    assert [r["kind"] for r in results[1:4]] == ["failed"] * 3
    assert results[4]["kind"] in ("scored", "raced", "duplicate")
    assert all(r["message"] for r in results[1:4])
