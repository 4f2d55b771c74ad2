"""A request over a catalogue of named tools: which are needed, in which order."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, create_model

from agentsched.understanding.asking import Turn
from agentsched.understanding.text import crop
from agentsched.understanding.words import stem

SHOWN = 4
"""Tools that a model is shown for each wish; the catalogue may have hundreds."""
MOST = 5
"""Wishes of one request that are looked at."""


@dataclass(frozen=True, slots=True)
class Tool:
    """Something that can be called, and what it is for."""

    name: str
    about: str


def shortlists(request: str, tools: Sequence[Tool]) -> list[tuple[str, list[Tool]]]:
    """Return the wishes of a request, each with the ``SHOWN`` tools nearest to it, best first.

    BM25 over stems, and shared groups of four letters for words that differ in form. Each clause is
    searched for itself, so that a short second wish is not drowned by a long first one; the whole
    request helps a little. Clauses that fit far worse than the best are no wishes.
    """
    index = _Index([f"{tool.name.replace('_', ' ')} " * 2 + tool.about for tool in tools])
    whole = index.scores(request)
    found = []
    for part in [p for p in _CLAUSES.split(request) if len(p.split()) > 2] or [request]:
        scores = [a + 0.3 * b for a, b in zip(index.scores(part), whole, strict=True)]
        order = sorted(range(len(tools)), key=lambda n: (-scores[n], n))[:SHOWN]
        found.append((part.strip(), [tools[n] for n in order], max(scores, default=0.0)))
    best = max((score for *_, score in found), default=0.0)
    fitting = [(part, near) for part, near, score in found if score >= 0.6 * best and near]
    return fitting[:MOST]


_CLAUSES = re.compile(
    r"(?<=[.!?;])\s+|,?\s+and (?:also |then )?|,\s+(?=then|also|please|help|if|but|what|how)"
    r"|\bthen\b"
)


class _Index:
    """Words and letter groups of some texts, weighed by how rare they are among them."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._bags = [Counter(_stems(text)) for text in texts]
        self._groups = [set(_fours(bag)) for bag in self._bags]
        self._words = Counter(word for bag in self._bags for word in bag)
        self._letters = Counter(group for groups in self._groups for group in groups)
        self._mean = sum(map(len, self._bags)) / max(1, len(texts))

    def scores(self, query: str) -> list[float]:
        """Return how near each text is to a query."""
        words = set(_stems(query))
        groups = set(_fours(words))
        return [
            self._bm25(words, bag) + self._shared(groups, known)
            for bag, known in zip(self._bags, self._groups, strict=True)
        ]

    def _bm25(self, words: set[str], bag: Counter[str]) -> float:
        count = len(self._bags)
        length = 1.2 * (0.25 + 0.75 * len(bag) / self._mean) if self._mean else 1.2
        return sum(
            math.log(1 + (count - self._words[word] + 0.5) / (self._words[word] + 0.5))
            * bag[word]
            * 2.2
            / (bag[word] + length)
            for word in sorted(words & set(bag))
        )

    def _shared(self, groups: set[str], known: set[str]) -> float:
        count = len(self._bags)
        shared = (math.log(1 + count / self._letters[group]) for group in sorted(groups & known))
        return math.fsum(shared) / math.sqrt(5 + len(known))


def choose_tools(request: str, tools: Sequence[Tool], turn: Turn) -> tuple[str, ...]:
    """Return the names of the tools a request needs, in the order of its wishes.

    Args:
        request: In the user's words.
        tools: The whole catalogue; a model chooses among the nearest for each wish. Without one,
            the nearest is taken.
        turn: Whose calls are used.
    """
    chosen: list[str] = []
    for wish, near in shortlists(request, tools):
        name = _ask(wish, near, turn) if turn.has_model else near[0].name
        if name and name not in chosen:
            chosen.append(name)
    return tuple(chosen)


def _ask(wish: str, near: Sequence[Tool], turn: Turn) -> str:
    answer = turn.ask(
        "tool",
        _schema((*sorted(tool.name for tool in near), _NONE)),
        lambda _: None,
        max_tokens=30,
        tools="\n".join(f"{tool.name}: {crop(tool.about, 60)}" for tool in near),
        message=crop(wish, 300),
    )
    if answer is None:
        return near[0].name
    return "" if answer.tool == _NONE else answer.tool


_NONE = "none"


class _Choice(BaseModel):
    model_config = ConfigDict(extra="forbid")

    tool: str


def _schema(names: tuple[str, ...]) -> type[_Choice]:
    """Return the shape of an answer: only tools that exist can be named."""
    one = Literal[names]  # type: ignore[valid-type]  # the names are known at run time only
    return create_model("ToolChoice", __base__=_Choice, tool=(one, ...))


def _stems(text: str) -> list[str]:
    return [stem(word) for word in re.findall(r"[A-Za-z][a-z]+|[A-Z]+", text) if len(word) > 2]


def _fours(words: Iterable[str]) -> list[str]:
    return [f"_{word}_"[at : at + 4] for word in words for at in range(len(word) - 1)]
