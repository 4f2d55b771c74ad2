"""A model whose replies are written down beforehand, for tests and examples."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from agentsched.errors import ModelError
from agentsched.llm.model import Message, Price, Reply, estimate_tokens


@dataclass(frozen=True, slots=True)
class Call:
    """What the model was asked."""

    messages: tuple[Message, ...]
    schema: type[BaseModel] | None
    max_tokens: int
    temperature: float
    seed: int


Script = str | Reply | Exception | Callable[[Call], str]
"""A text, a whole reply, an error to raise, or a function of the call."""


class ScriptedModel:
    """Answers with its script, one entry a call; ``calls`` keeps what was asked."""

    name = "scripted"

    def __init__(self, replies: Iterable[Script], price: Price | None = None) -> None:
        self._replies = iter(replies)
        self._lock = threading.Lock()
        self.price = price or Price()
        self.calls: list[Call] = []

    def chat(
        self,
        messages: Sequence[Message],
        *,
        schema: type[BaseModel] | None = None,
        max_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Reply:
        """Answer with the next entry; see ``ChatModel.chat``."""
        call = Call(tuple(messages), schema, max_tokens, temperature, seed)
        with self._lock:
            self.calls.append(call)
            entry = next(self._replies, None)
        if entry is None:
            raise ModelError(f"the script has no reply for call {len(self.calls)}")
        if isinstance(entry, Exception):
            raise entry
        if isinstance(entry, Reply):
            return entry
        text = entry if isinstance(entry, str) else entry(call)
        tokens_in, tokens_out = estimate_tokens(messages), len(text) // 3 + 1
        return Reply(
            text=text,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            model=self.name,
            cost=self.price.of(tokens_in, tokens_out),
        )

    def close(self) -> None:
        """Nothing to let go of."""
