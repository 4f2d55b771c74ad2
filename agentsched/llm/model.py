"""What a language model is to the rest of agentsched: messages in, one reply out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import BaseModel

Finish = Literal["stop", "length", "other"]
"""Why an answer ended; ``length``: it was cut off at ``max_tokens``."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What calls have consumed; adds up."""

    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    """Wall time of the calls."""
    cost: float = 0.0
    """Money, by the prices in the settings."""
    calls: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.seconds + other.seconds,
            self.cost + other.cost,
            self.calls + other.calls,
        )


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer and what it took."""

    text: str
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    model: str = ""
    cost: float = 0.0
    finish: Finish = "stop"

    @property
    def usage(self) -> Usage:
        """The reply's share of a budget."""
        return Usage(self.tokens_in, self.tokens_out, self.seconds, self.cost, calls=1)


@dataclass(frozen=True, slots=True)
class Price:
    """Money per million tokens."""

    tokens_in: float = 0.0
    tokens_out: float = 0.0

    def of(self, tokens_in: int, tokens_out: int) -> float:
        """Return what this many tokens cost."""
        return (tokens_in * self.tokens_in + tokens_out * self.tokens_out) / 1_000_000


class ChatModel(Protocol):
    """A model that answers a conversation. Safe to call from several threads."""

    @property
    def name(self) -> str:
        """Which model answers, for the run's record."""
        ...

    @property
    def price(self) -> Price:
        """What tokens cost; all zero when nothing is charged."""
        ...

    def chat(
        self,
        messages: Sequence[Message],
        *,
        schema: type[BaseModel] | None = None,
        max_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Reply:
        """Answer a conversation.

        Args:
            messages: The conversation, oldest first.
            schema: Ask for JSON of this shape. The text is returned as it came: a model may
                break off or ignore the schema, so the caller validates. Fields should all be
                required and strings bounded, extra fields forbidden.
            max_tokens: Longest answer; a longer one is cut off, ``finish`` says so.
            temperature: 0 takes the likeliest token; above it, sampling.
            seed: Of the sampling, from 0 below 2**31; equal calls with equal seeds may agree.

        Raises:
            ModelError: No usable answer; bounded retries are behind it.
            BudgetError: The call would exceed the budget; it was not made.
        """
        ...

    def close(self) -> None:
        """Break off calls under way and let go of servers and connections; may be repeated."""
        ...


def estimate_tokens(messages: Sequence[Message]) -> int:
    """Return a cautious guess of a prompt's tokens: three characters each, eight a message."""
    return sum(8 + len(message.content.encode()) // 3 for message in messages)
