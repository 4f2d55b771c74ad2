"""Proposals for the calendar world: the same proposers, another language, other pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentsched.evolution.directions import direct, fitting_ideas
from agentsched.evolution.model_proposer import LARGE, SMALL, ModelProposer, Room, build_messages
from agentsched.evolution.proposers import MutationProposer, Parent, Proposal, ProposalRequest
from agentsched.llm import RecordingModel, ScriptedModel
from agentsched.llm.model import estimate_tokens
from evaluator.calendar import CONFLICTS
from evaluator.calendar.scored import FIELDS
from evaluator.policy import PolicySource
from evaluator.worlds import find_world

WORLD = find_world("calendar")
LEARNER = WORLD.load_rule("learner")

NEW = '''"""Weighs who asks."""
import math


def score(event, user):
    return 1000.0 * event.rule + event.mean + 0.3 * event.organiser_won


def doubt(first, second, user):
    return 0.5 - (first.mean - second.mean) / math.sqrt(first.variance + second.variance + 0.36)
'''


def request(seed: int = 1) -> ProposalRequest:
    instance = CONFLICTS.instance("smoke", 0, b"sixteen bytes ok")
    diagnosis = WORLD.diagnose(instance, WORLD.simulate(instance, WORLD.load_rule("urgency")))
    return ProposalRequest(
        scenario=WORLD.facts(CONFLICTS),
        objective="cost, as small as possible",
        guards=("questions may get worse by at most 10%",),
        parents=(Parent(LEARNER.text, {"cost": 0.1}, diagnosis),),
        seed=seed,
        disciplines=WORLD.disciplines(CONFLICTS),
        shapes=WORLD.shapes(CONFLICTS, general=False),
        world="calendar",
    )


def propose(*replies: str) -> tuple[Proposal, ScriptedModel]:
    model = ScriptedModel([f"```python\n{reply}```" for reply in replies])
    return ModelProposer(model).propose(request()), model


def test_a_model_is_told_of_this_world_and_its_reply_is_taken() -> None:
    proposal, model = propose(NEW)
    assert (proposal.text, proposal.error) == (NEW, None)
    system, user = (message.content for message in model.calls[0].messages)
    assert "doubt(first, second, user)" in system
    assert "DISCIPLINE" not in system + user
    assert "def score(event, user):" in user
    assert "cluster" not in system


def test_a_policy_of_the_other_world_goes_back_with_the_reason() -> None:
    proposal, model = propose("def key(task, now):\n    return task.estimate\n", NEW)
    assert (proposal.text, proposal.how) == (NEW, "rewrite, repaired")
    assert (
        "fields of event, first, second, user and math only" in model.calls[1].messages[-1].content
    )


def test_a_parent_unchanged_is_refused() -> None:
    text = LEARNER.text.replace("1000.0", "1000")
    proposal, _ = propose(text, text)
    assert proposal.error is not None
    assert "a parent unchanged" in proposal.error


@pytest.mark.parametrize("room", [SMALL, LARGE], ids=["small", "large"])
def test_the_prompt_fits_its_room_and_says_what_an_error_costs(room: Room) -> None:
    assert isinstance(LEARNER, PolicySource)
    for seed in range(20):
        asked = request(seed)
        messages = build_messages(asked, direct(asked, LEARNER), room)
        assert estimate_tokens(messages) <= room.prompt_tokens
        assert "a question 0.25" in messages[1].content


def test_the_api_page_names_every_field_and_no_other() -> None:
    from agentsched.prompting import load_prompt

    page = load_prompt(WORLD.briefing.api).text
    for name in FIELDS["event"] | FIELDS["user"]:
        assert name in page


def test_ideas_are_about_both_functions() -> None:
    ideas = fitting_ideas("score", "", WORLD.briefing.ideas)
    assert {idea.entry for idea in ideas} == {"score", "doubt"}
    assert {idea.entry for idea in fitting_ideas("score", "")} == {"score"}


def test_calls_are_recorded_and_answered_again(tmp_path: Path) -> None:
    from agentsched.llm import RecordedModel

    cassette = tmp_path / "calls.jsonl"
    recorder = RecordingModel(ScriptedModel([f"```python\n{NEW}```"]), cassette)
    first = ModelProposer(recorder).propose(request())
    recorder.close()
    again = ModelProposer(RecordedModel(cassette)).propose(request())
    assert again.text == first.text == NEW


def test_mutation_proposes_resolvers() -> None:
    seen = {MutationProposer().propose(request(seed)).text for seed in range(10)}
    assert len(seen) > 5
    for text in seen:
        assert text is not None
        WORLD.read_policy(text)


def test_a_parent_that_cannot_be_mutated_is_a_failed_proposal() -> None:
    """``decide`` of a cluster has no typed edits."""
    text = "def decide(state):\n    return []\n"
    asked = ProposalRequest("", "", (), (Parent(text, {}),), shapes=("key", "score", "decide"))
    proposal = MutationProposer().propose(asked)
    assert proposal.text is None
    assert "mutation edits pure policies only" in (proposal.error or "")
