"""Budgets: a call that might not fit is not made, and what was used is counted once."""

import pytest

from agentsched.errors import BudgetError, ModelError
from agentsched.llm import Budget, BudgetedModel, Message, Price, Reply, ScriptedModel, Usage
from agentsched.llm.model import estimate_tokens

ASKED = [Message("user", "x" * 60)]
"""28 tokens by the guess: 8 and 60 / 3."""


def test_the_guess_is_eight_a_message_and_a_third_of_its_bytes() -> None:
    assert estimate_tokens(ASKED) == 28
    assert estimate_tokens([Message("user", "ä")]) == 8


def test_what_calls_took_is_added_up() -> None:
    reply = Reply("a", tokens_in=20, tokens_out=5, seconds=1.5, cost=0.25)
    model = BudgetedModel(ScriptedModel([reply, reply]), Budget(tokens=1000))
    model.chat(ASKED, max_tokens=10)
    model.chat(ASKED, max_tokens=10)
    assert model.budget.spent == Usage(40, 10, 3.0, 0.5, calls=2)
    assert model.budget.used_share == 0.05


def test_a_call_whose_worst_case_does_not_fit_is_not_made() -> None:
    """38 = 28 + 10 are needed; 37 do not do, though the reply would take less."""
    script = ScriptedModel(["a"])
    with pytest.raises(BudgetError, match="token budget 37: 0 used, the next call may take 38"):
        BudgetedModel(script, Budget(tokens=37)).chat(ASKED, max_tokens=10)
    assert script.calls == []
    assert BudgetedModel(script, Budget(tokens=38)).chat(ASKED, max_tokens=10).text == "a"


def test_money_is_limited_by_the_models_price() -> None:
    """Worst case 28 * 100 + 10 * 200 = 4800 per million: 0.0048."""
    price = Price(100.0, 200.0)
    with pytest.raises(BudgetError, match=r"money budget 0.0047"):
        BudgetedModel(ScriptedModel(["a"], price), Budget(money=0.0047)).chat(ASKED, max_tokens=10)
    BudgetedModel(ScriptedModel(["a"], price), Budget(money=0.0049)).chat(ASKED, max_tokens=10)


def test_what_an_earlier_run_spent_counts() -> None:
    budget = Budget(tokens=100, spent=Usage(tokens_in=60, tokens_out=3))
    with pytest.raises(BudgetError, match="63 used"):
        BudgetedModel(ScriptedModel(["a"]), budget).chat(ASKED, max_tokens=10)


def test_calls_under_way_hold_their_worst_case_back() -> None:
    budget = Budget(tokens=100)
    budget.reserve(60, 0.0)
    with pytest.raises(BudgetError):
        budget.reserve(41, 0.0)
    budget.settle(60, 0.0, Usage(tokens_in=5, tokens_out=5))
    budget.reserve(90, 0.0)


def test_a_failed_call_gives_back_what_it_held() -> None:
    model = BudgetedModel(ScriptedModel([ModelError("down"), "a"]), Budget(tokens=38))
    with pytest.raises(ModelError):
        model.chat(ASKED, max_tokens=10)
    assert model.chat(ASKED, max_tokens=10).text == "a"


def test_without_limits_nothing_is_refused() -> None:
    budget = Budget()
    budget.reserve(10**12, 1e12)
    assert budget.used_share == 0.0
