"""How a person's answer is read: a yes is a yes, everything else changes the plan."""

from __future__ import annotations

import pytest

from agentsched.agent import Approval, Ask, read_reply
from agentsched.errors import UserError

PLAN = Ask(kind="approval", question="Shall I?", choices={"1": ("a", "b", "c"), "2": ("a", "b")})


@pytest.mark.parametrize("text", ["yes", "Y", "ok", "go ahead", "Yes, please", "do it.", "sure!"])
def test_words_of_agreement_approve_what_was_proposed(text: str) -> None:
    assert read_reply(text, PLAN) == Approval(decision="yes")


@pytest.mark.parametrize("text", ["no", "n", "cancel", "never mind", "Stop."])
def test_words_of_refusal_end_it(text: str) -> None:
    assert read_reply(text, PLAN).decision == "no"


@pytest.mark.parametrize(
    ("text", "choices"),
    [
        ("yes 1b", {"1": "b"}),
        ("1b 2b", {"1": "b", "2": "b"}),
        ("yes, 1C and 2a please", {"1": "c", "2": "a"}),
    ],
)
def test_a_yes_may_name_ways_out(text: str, choices: dict[str, str]) -> None:
    assert read_reply(text, PLAN) == Approval(decision="yes", choices=choices)


@pytest.mark.parametrize(
    "text",
    [
        "use 2 GPUs instead",
        "yes but drop the report",
        "no, move it to Friday",
        "yesterday's report first",
        "go to the dentist an hour later",
        "okay but only 1 hour",
    ],
)
def test_a_yes_with_conditions_is_no_yes(text: str) -> None:
    assert read_reply(text, PLAN) == Approval(decision="edit", text=text)


def test_a_way_out_that_was_not_offered_is_refused() -> None:
    with pytest.raises(UserError, match=r"2c was not offered; choose among 1a, 1b, 1c, 2a, 2b"):
        read_reply("yes 2c", PLAN)


def test_whatever_is_said_to_a_question_is_its_answer() -> None:
    ask = Ask(kind="question", question="Which day?")
    assert read_reply(" yes ", ask) == Approval(decision="answer", text="yes")
