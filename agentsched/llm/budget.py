"""Budgets: a call that might exceed what is left is not made."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from pydantic import BaseModel

from agentsched.errors import BudgetError
from agentsched.llm.model import ChatModel, Message, Reply, Usage, estimate_tokens
from agentsched.llm.wrapping import WrappedModel


class Budget:
    """Tokens and money that may be spent; shared between threads.

    A call reserves its worst case (cautious prompt estimate plus ``max_tokens``) and pays what
    it took, so calls side by side cannot exceed the limit together.
    """

    def __init__(
        self, tokens: int | None = None, money: float | None = None, spent: Usage | None = None
    ) -> None:
        """Set the limits.

        Args:
            tokens: Most tokens, prompt and reply together; None for no limit.
            money: Most money, in the unit of the prices; None for no limit.
            spent: What an interrupted run had already used.
        """
        self.tokens = tokens
        self.money = money
        self._spent = spent or Usage()
        self._held_tokens = 0
        self._held_money = 0.0
        self._lock = threading.Lock()

    @property
    def spent(self) -> Usage:
        """What finished calls have used."""
        return self._spent

    @property
    def used_share(self) -> float:
        """Used part of the tighter limit, from 0; 0 when there is no limit."""
        shares = [0.0]
        if self.tokens is not None:
            used = self._spent.tokens_in + self._spent.tokens_out
            shares.append(used / self.tokens if self.tokens else 1.0)
        if self.money is not None:
            shares.append(self._spent.cost / self.money if self.money else 1.0)
        return max(shares)

    def reserve(self, tokens: int, money: float) -> None:
        """Hold a call's worst case back.

        Raises:
            BudgetError: It does not fit into what is left.
        """
        with self._lock:
            used = self._spent.tokens_in + self._spent.tokens_out + self._held_tokens
            if self.tokens is not None and used + tokens > self.tokens:
                raise BudgetError(
                    f"token budget {self.tokens}: {used} used, the next call may take {tokens}; "
                    f"allow more tokens to go on"
                )
            paid = self._spent.cost + self._held_money
            if self.money is not None and paid + money > self.money:
                raise BudgetError(
                    f"money budget {self.money:g}: {paid:.4f} spent, the next call may cost "
                    f"{money:.4f}; allow more money to go on"
                )
            self._held_tokens += tokens
            self._held_money += money

    def settle(self, tokens: int, money: float, usage: Usage) -> None:
        """Release what was held for a call and book what it took."""
        with self._lock:
            self._held_tokens -= tokens
            self._held_money -= money
            self._spent += usage


class BudgetedModel(WrappedModel):
    """Any model, within a budget."""

    def __init__(self, model: ChatModel, budget: Budget) -> None:
        super().__init__(model)
        self.budget = budget

    def chat(
        self,
        messages: Sequence[Message],
        *,
        schema: type[BaseModel] | None = None,
        max_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Reply:
        """Answer if the budget allows it; see ``ChatModel.chat``."""
        tokens_in = estimate_tokens(messages)
        tokens, money = tokens_in + max_tokens, self.price.of(tokens_in, max_tokens)
        self.budget.reserve(tokens, money)
        usage = Usage()
        try:
            reply = self._model.chat(
                messages, schema=schema, max_tokens=max_tokens, temperature=temperature, seed=seed
            )
            usage = reply.usage
        finally:
            self.budget.settle(tokens, money, usage)
        return reply
