"""The real embedded model: ``pytest --live``; needs ``agentsched model pull`` first."""

import subprocess
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field

from agentsched.evolution.proposers import Parent, ProposalRequest, open_proposer
from agentsched.llm import Message, open_model
from agentsched.llm.weights import QWEN, digest, find_weights
from agentsched.settings import load_settings
from evaluator.candidates import read_policy

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.timeout(1200)]

SJF = '"""Shortest first."""\nDISCIPLINE = "easy"\n\n\ndef key(task):\n    return task.estimate\n'


class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    colour: str = Field(max_length=12, pattern="^(red|green|blue)$")


def test_the_weights_in_place_are_the_pinned_ones() -> None:
    weights = find_weights(load_settings().model.dir)
    assert digest(weights.path) == QWEN.sha256


def test_the_model_answers_alike_for_a_seed_and_keeps_to_a_schema(tmp_path: Path) -> None:
    model = open_model(load_settings().model, "local", log_file=tmp_path / "server.log")
    try:
        asked = [Message("user", "Name a colour of the sky as JSON.")]
        said = [
            model.chat(asked, schema=Answer, max_tokens=30, temperature=0.8, seed=5).text
            for _ in range(2)
        ]
        assert said[0] == said[1]
        assert Answer.model_validate_json(said[0]).colour in ("red", "green", "blue")
    finally:
        model.close()
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert str(tmp_path) not in left


def test_the_model_proposes_valid_policies(tmp_path: Path) -> None:
    """At least half of six; the prompts were tuned to 70 %."""
    proposer = open_proposer("local", load_settings().model, cassette=tmp_path / "model.jsonl")
    try:
        proposals = [
            proposer.propose(
                ProposalRequest(
                    scenario="128 identical nodes, rigid parallel jobs, estimates far too long",
                    objective="mean bounded slowdown, as small as possible",
                    guards=("utilisation may get worse by at most 2%",),
                    parents=(Parent(SJF, {"mean_bounded_slowdown": 14.2}),),
                    seed=seed,
                    disciplines=("strict", "easy", "conservative"),
                )
            )
            for seed in range(6)
        ]
    finally:
        proposer.close()
    texts = [proposal.text for proposal in proposals if proposal.text is not None]
    assert len(texts) >= 3
    assert len({read_policy(text).text for text in texts}) >= 2
