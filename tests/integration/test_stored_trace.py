"""From a scenario to a stored trace and back: the file alone brings the same score."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluator.cluster.scenario import load_scenario
from evaluator.cluster.simulation import simulate
from evaluator.errors import TraceError
from evaluator.metrics import measure
from evaluator.replay import problem, verify
from evaluator.tracefile import StoredTrace, TraceHeader, read_trace, write_trace

SEED = bytes(range(16))


def stored(path: Path, *, scenario: str = "single-machine", embedded: bool = False) -> StoredTrace:
    world = load_scenario(scenario)
    instance = world.instance("smoke", 0, SEED)
    trace = simulate(instance, world.known[0])
    header = TraceHeader.of(
        instance, seed=SEED, scenario=world.name, scenario_text=world.text,
        scenario_digest=world.digest, split="smoke", index=0, policy=world.known[0],
        objective=world.objective.metric, metrics=measure(instance, trace),
    )  # fmt: skip
    write_trace(path, trace, header, instance=instance if embedded else None)
    return read_trace(path)


@pytest.mark.parametrize("scenario", ["single-machine", "hpc-backfill", "dag-hetero", "hetero-gpu"])
def test_the_problem_is_made_again_from_scenario_and_seed(tmp_path: Path, scenario: str) -> None:
    assert verify(stored(tmp_path / "a.trace", scenario=scenario)) == []


def test_an_embedded_problem_needs_no_scenario(tmp_path: Path) -> None:
    found = stored(tmp_path / "a.trace", embedded=True)
    assert problem(found) is found.instance
    assert verify(found) == []


def test_another_seed_does_not_pass_for_the_first(tmp_path: Path) -> None:
    found = stored(tmp_path / "a.trace")
    header = found.header.model_copy(update={"seed": bytes(16).hex()})
    write_trace(tmp_path / "b.trace", found.trace, header)
    with pytest.raises(TraceError, match="the trace was made from"):
        verify(read_trace(tmp_path / "b.trace"))
