"""Proposers: what a model says becomes a checked policy, or an error with the checker's words."""

from pathlib import Path

import pytest

from agentsched.errors import BudgetError, ModelError, ModelTimeout, UserError, WeightsError
from agentsched.evolution.directions import direct
from agentsched.evolution.model_proposer import LARGE, SMALL, ModelProposer, build_messages
from agentsched.evolution.proposers import (
    Mode,
    MutationProposer,
    Parent,
    Proposal,
    ProposalRequest,
    open_proposer,
)
from agentsched.llm import Budget, BudgetedModel, RecordingModel, Reply, ScriptedModel
from agentsched.llm.model import estimate_tokens
from agentsched.settings import ModelSettings
from evaluator.candidates import read_policy
from evaluator.policy import Discipline

PARENT = '"""By release."""\nDISCIPLINE = "easy"\n\n\ndef key(task):\n    return task.release\n'
OTHER = '"""By size."""\nDISCIPLINE = "easy"\n\n\ndef key(task):\n    return task.cpus\n'
NEW = '"""By estimate."""\nDISCIPLINE = "easy"\n\n\ndef key(task):\n    return task.estimate\n'
BAD = NEW.replace("task.estimate", "task.queue")


def request(
    mode: Mode = "rewrite",
    seed: int = 1,
    lessons: tuple[str, ...] = (),
    disciplines: tuple[Discipline, ...] = ("strict", "easy"),
    diagnosis: str = "Short jobs wait longest.",
) -> ProposalRequest:
    return ProposalRequest(
        scenario="128 nodes, rigid jobs",
        objective="mean wait, least",
        guards=("utilisation may fall by 2%",),
        parents=(Parent(PARENT, {"wait": 12.0}, diagnosis), Parent(OTHER, {"wait": 14.0})),
        lessons=lessons,
        mode=mode,
        seed=seed,
        disciplines=disciplines,
    )


def fenced(text: str) -> str:
    return f"```python\n{text}```"


def propose(*replies: str | Reply | Exception, **options: object) -> tuple[Proposal, ScriptedModel]:
    model = ScriptedModel(replies)
    return ModelProposer(model).propose(request(**options)), model  # type: ignore[arg-type]


def test_a_good_reply_is_taken_at_once() -> None:
    proposal, model = propose(fenced(NEW))
    assert (proposal.text, proposal.how, proposal.error) == (NEW, "rewrite", None)
    assert proposal.usage.calls == 1
    assert [message.role for message in model.calls[0].messages] == ["system", "user"]


def test_a_bad_reply_goes_back_once_with_the_checkers_words() -> None:
    proposal, model = propose(fenced(BAD), fenced(NEW))
    assert (proposal.text, proposal.how) == (NEW, "rewrite, repaired")
    assert proposal.usage.calls == 2
    assert "task.queue" in proposal.reply
    back = model.calls[1].messages
    assert [message.role for message in back] == ["system", "user", "assistant", "user"]
    assert back[:2] == model.calls[0].messages
    assert back[2].content == fenced(BAD).strip()
    assert "line 6" in back[3].content
    assert model.calls[1].seed != model.calls[0].seed


def test_after_the_second_bad_reply_the_error_is_the_answer() -> None:
    proposal, model = propose(fenced(BAD), fenced(BAD.replace("queue", "size")))
    assert proposal.text is None
    assert proposal.error is not None
    assert "size" in proposal.error
    assert len(model.calls) == 2


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (fenced(PARENT), "parent unchanged"),
        # the same policy under another name and comment is the same policy
        (fenced(PARENT.replace("task", "t").replace("By release", "New!")), "parent unchanged"),
        (fenced(NEW.replace("easy", "greedy")), "'greedy' does not work here; take strict, easy"),
        (fenced("def decide(state):\n    pass\n"), "define key or score"),
        ("I would sort by size.", "no policy found"),
        (Reply(fenced(NEW)[:-20], finish="length"), "cut off"),
    ],
)
def test_a_reply_that_is_no_new_policy_is_sent_back(reply: str | Reply, said: str) -> None:
    proposal, model = propose(reply, fenced(NEW))
    assert said in model.calls[1].messages[-1].content
    assert proposal.text == NEW


def test_an_edit_is_applied_to_the_first_parent() -> None:
    edit = "<<<<<<< SEARCH\n    return task.release\n=======\n    return task.rank\n>>>>>>> REPLACE"
    proposal, _ = propose(edit, mode="diff")
    assert proposal.text == PARENT.replace("task.release", "task.rank")
    assert proposal.how == "diff"


def test_an_edit_that_does_not_fit_is_sent_back() -> None:
    edit = "<<<<<<< SEARCH\n    return task.size\n=======\n    return 1.0\n>>>>>>> REPLACE"
    proposal, model = propose(edit, fenced(NEW), mode="diff")
    assert "not in the policy" in model.calls[1].messages[-1].content
    # a whole file is as good as an edit
    assert (proposal.text, proposal.how) == (NEW, "diff, repaired")


def test_a_whole_file_beside_an_edit_that_does_not_fit_is_taken() -> None:
    """As small models do: they copy the form of an edit from the prompt, after the file."""
    form = "<<<<<<< SEARCH\nlines of policy 1\n=======\nnew lines\n>>>>>>> REPLACE"
    proposal, _ = propose(f"{fenced(NEW)}\n{form}", mode="diff")
    assert (proposal.text, proposal.how) == (NEW, "diff")


def test_a_small_model_is_asked_for_whole_files_only() -> None:
    model = ScriptedModel([fenced(NEW)])
    proposal = ModelProposer(model, SMALL).propose(request(mode="diff"))
    assert (proposal.text, proposal.how) == (NEW, "rewrite")
    assert "SEARCH" not in model.calls[0].messages[1].content


def test_what_the_prompt_had_written_down_may_be_left_out() -> None:
    """DISCIPLINE and constants of the parent, ``import math``."""
    proposal, _ = propose("```\ndef key(task):\n    return math.sqrt(task.estimate)\n```")
    assert proposal.text is not None
    assert "import math" in proposal.text
    assert read_policy(proposal.text).discipline in ("strict", "easy")


def test_a_placeholder_that_was_left_standing_becomes_the_idea() -> None:
    proposal, _ = propose(fenced(NEW.replace("By estimate.", "(the idea in one sentence)")))
    assert proposal.text is not None
    assert proposal.text.startswith('"""To try: ')
    assert "one sentence" not in proposal.text


def test_a_timeout_costs_the_proposal_and_not_the_run() -> None:
    proposal, _ = propose(ModelTimeout("no answer within 1 s"))
    assert proposal.text is None
    assert proposal.error is not None
    assert "no answer within 1 s" in proposal.error
    proposal, _ = propose(fenced(BAD), ModelTimeout("slow"))
    assert proposal.usage.calls == 1
    assert "task.queue" in proposal.reply


def test_a_dead_model_and_an_empty_budget_end_the_asking() -> None:
    with pytest.raises(ModelError):
        propose(ModelError("down"))
    with pytest.raises(BudgetError):
        ModelProposer(BudgetedModel(ScriptedModel(["x"]), Budget(tokens=10))).propose(request())


def test_equal_requests_ask_the_same_and_seeds_ask_differently() -> None:
    asked = []
    for seed in (1, 1, 2):
        _, model = propose(fenced(NEW), seed=seed)
        asked.append(model.calls[0])
    assert asked[0] == asked[1]
    assert asked[0].seed != asked[2].seed


def test_the_system_prompt_is_the_same_in_every_call_of_a_run() -> None:
    """Servers keep what they have read; only the new part costs time."""
    texts = set()
    modes: tuple[Mode, ...] = ("rewrite", "diff")
    for seed in range(20):
        _, model = propose(fenced(NEW), seed=seed, mode=modes[seed % 2])
        texts.add(model.calls[0].messages[0].content)
    assert len(texts) == 1


def test_the_prompt_holds_everything_the_request_knows() -> None:
    _, model = propose(fenced(NEW), lessons=("NaN at time 0",))
    text = model.calls[0].messages[1].content
    for part in ("128 nodes", "mean wait", "fall by 2%", "wait 12", "Short jobs", "NaN at time 0",
                 "task.release", "task.cpus"):  # fmt: skip
        assert part in text


def test_a_small_model_is_told_less_and_the_parent_stays() -> None:
    big = request(lessons=("x" * 500,) * 9, diagnosis="y " * 3000)
    direction = direct(big, read_policy(PARENT))
    small = build_messages(big, direction, SMALL)
    assert estimate_tokens(small) <= SMALL.prompt_tokens
    assert "task.release" in small[1].content
    large = build_messages(big, direction, LARGE)
    assert estimate_tokens(small) < estimate_tokens(large) <= LARGE.prompt_tokens
    assert "task.cpus" in large[1].content


def test_a_recording_gives_the_same_proposals(tmp_path: Path) -> None:
    path = tmp_path / "model.jsonl"
    script = ScriptedModel([fenced(BAD), fenced(NEW), fenced(OTHER), fenced(BAD)])
    live = ModelProposer(RecordingModel(script, path, "local"), SMALL)
    said = [live.propose(request(seed=seed)) for seed in (1, 2)]
    live.close()
    recorded = open_proposer("recorded", ModelSettings(), cassette=path)
    assert [recorded.propose(request(seed=seed)) for seed in (1, 2)] == said
    with pytest.raises(ModelError, match="no reply"):
        recorded.propose(request(seed=3))


def test_a_model_names_the_prompts_it_uses() -> None:
    digests = ModelProposer(ScriptedModel([])).digests
    assert "evolution/system" in digests
    assert all(len(digest) == 64 for digest in digests.values())
    assert MutationProposer().digests == {}


def test_mutation_proposes_valid_new_policies_decided_by_the_seed() -> None:
    proposer = MutationProposer()
    texts = []
    for seed in range(20):
        proposal = proposer.propose(request(seed=seed))
        assert proposal == proposer.propose(request(seed=seed))
        if proposal.text is not None:
            found = read_policy(proposal.text)
            assert found.discipline in ("strict", "easy")
            texts.append(proposal.text)
    assert len(set(texts)) > 10
    assert PARENT not in texts


def test_what_is_missing_for_a_proposer_is_said_before_the_first_call(tmp_path: Path) -> None:
    settings = ModelSettings(dir=tmp_path)
    with pytest.raises(UserError, match="OPENAI_BASE_URL"):
        open_proposer("openai", settings)
    with pytest.raises(UserError, match="cassette"):
        open_proposer("recorded", settings)
    with pytest.raises(WeightsError, match="agentsched model pull"):
        open_proposer("local", settings)
    with pytest.raises(WeightsError, match="agentsched model pull"):
        open_proposer(None, settings)
    open_proposer("mutation", settings).close()
