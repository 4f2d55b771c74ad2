"""A request over a catalogue of named tools: which are needed, in which order."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from agentsched.understanding.asking import Turn
from agentsched.understanding.text import crop
from agentsched.understanding.words import stem

SHOWN = 12
"""Tools that a model is shown; the catalogue may have hundreds."""
MOST = 8
"""Tools in an answer."""


@dataclass(frozen=True, slots=True)
class Tool:
    """Something that can be called, and what it is for."""

    name: str
    about: str


def rank_tools(request: str, tools: Sequence[Tool], count: int = SHOWN) -> list[Tool]:
    """Return the tools that share the rarest words with the request, the best first."""
    words = [Counter(_stems(f"{tool.name.replace('_', ' ')} {tool.about}")) for tool in tools]
    spread = Counter(word for bag in words for word in bag)
    wanted = set(_stems(request))

    def weight(bag: Counter[str]) -> float:
        shared = sum(math.log(1 + len(tools) / spread[word]) for word in wanted & set(bag))
        return shared / math.sqrt(3 + len(bag))

    order = sorted(range(len(tools)), key=lambda n: (-weight(words[n]), n))
    return [tools[n] for n in order[:count]]


def choose_tools(request: str, tools: Sequence[Tool], turn: Turn) -> tuple[str, ...]:
    """Return the names of the tools a request needs, in the order of use; none without a model.

    Args:
        request: In the user's words.
        tools: The whole catalogue; a model sees the ``SHOWN`` nearest.
        turn: Whose calls are used.
    """
    shown = rank_tools(request, tools)
    if not shown:
        return ()
    answer = turn.ask(
        "tools",
        _schema(tuple(sorted(tool.name for tool in shown))),
        lambda found: None if len(set(found.tools)) == len(found.tools) else "name each tool once",
        max_tokens=120,
        tools="\n".join(f"{tool.name}: {crop(tool.about, 90)}" for tool in shown),
        message=crop(request, 1200),
    )
    return () if answer is None else tuple(answer.tools)


class _Choice(BaseModel):
    model_config = ConfigDict(extra="forbid")

    tools: list[str]


def _schema(names: tuple[str, ...]) -> type[_Choice]:
    """Return the shape of an answer: only tools that exist can be named."""
    one = Literal[names]  # type: ignore[valid-type]  # the names are known at run time only
    many = Annotated[list[one], Field(min_length=1, max_length=MOST)]
    return create_model("ToolChoice", __base__=_Choice, tools=(many, ...))


def _stems(text: str) -> list[str]:
    return [stem(word) for word in re.findall(r"[A-Za-z][a-z]+|[A-Z]+", text) if len(word) > 2]
