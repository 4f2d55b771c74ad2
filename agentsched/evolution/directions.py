"""What a seed decides about a proposal: temperature, shape, discipline, and the idea hinted at.

A small model left alone writes the same policy again and again. So each prompt is sent into a
direction of its own; the direction is a function of the request and its seed, nothing else.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Literal

from agentsched.evolution.proposal import ProposalRequest
from agentsched.prompting import load_prompt
from evaluator.policy import Discipline, PolicySource, Shape
from evaluator.worlds import find_world

Entry = Literal["key", "prefer", "score", "doubt"]

TEMPERATURES = (0.5, 0.7, 0.9, 1.1)

OTHER_SHAPE = 10
OTHER_DISCIPLINE = 4
"""One proposal in so many leaves the parent's shape, or its discipline."""

_TAKES: dict[Discipline, tuple[Shape, ...]] = {
    "greedy": ("key", "score"),
    "strict": ("key",),
    "easy": ("key",),
    "conservative": ("key",),
    "bind": ("score",),
}
_ENTRIES: dict[str, Entry] = {
    "key": "key", "prefer": "prefer", "score": "score", "doubt": "doubt",
}  # fmt: skip
_BESIDE_SCORE = ("score", "doubt")
_LINE = re.compile(
    r"^- (?P<entry>key|prefer|score|doubt): (?:\[(?P<tags>[^\]]*)\] )?(?P<text>.+)$", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Idea:
    """One line of a world's page of ideas (``prompts/evolution/ideas.md``)."""

    entry: Entry
    """The function it is about; ``prefer`` goes with key, ``doubt`` with score."""
    text: str


@dataclass(frozen=True, slots=True)
class Direction:
    """Where one proposal is sent."""

    shape: Shape
    discipline: Discipline
    idea: Idea
    temperature: float


def direct(request: ProposalRequest, parent: PolicySource) -> Direction:
    """Return the direction of a request whose first parent is ``parent``."""
    shapes = _shapes(request)
    shape: Shape = parent.shape if parent.shape in shapes else shapes[0]
    if _roll(request.seed, "leave shape", OTHER_SHAPE) == 0:
        shape = shapes[_roll(request.seed, "shape", len(shapes))]
    fitting = [name for name in request.disciplines if shape in _TAKES[name]]
    discipline = parent.discipline if parent.discipline in fitting else fitting[0]
    if _roll(request.seed, "leave discipline", OTHER_DISCIPLINE) == 0:
        discipline = fitting[_roll(request.seed, "discipline", len(fitting))]
    page = find_world(request.world).briefing.ideas
    ideas = fitting_ideas(shape, f"{request.scenario} {request.objective}", page)
    return Direction(
        shape,
        discipline,
        ideas[_roll(request.seed, "idea", len(ideas))],
        TEMPERATURES[_roll(request.seed, "temperature", len(TEMPERATURES))],
    )


def fitting_ideas(shape: Shape, words: str, page: str = "evolution/ideas") -> tuple[Idea, ...]:
    """Return the ideas for a shape, without tags or with a tag that occurs in ``words``."""
    words = words.lower()
    return tuple(
        Idea(_ENTRIES[line["entry"]], line["text"])
        for line in _LINE.finditer(load_prompt(page).text)
        if (line["entry"] in _BESIDE_SCORE) == (shape == "score")
        and (line["tags"] is None or any(tag in words for tag in line["tags"].split()))
    )


def describe_disciplines(names: tuple[Discipline, ...]) -> str:
    """Return the lines of ``prompts/evolution/disciplines.md`` for these names."""
    lines = load_prompt("evolution/disciplines").text.splitlines()
    return "\n".join(line for line in lines if line[2:].partition(":")[0] in names)


def _shapes(request: ProposalRequest) -> tuple[Shape, ...]:
    """The pure shapes that are accepted and that some allowed discipline takes."""
    return tuple(
        shape
        for shape in request.shapes
        if any(shape in _TAKES[name] for name in request.disciplines)
    )


def _roll(seed: int, label: str, sides: int) -> int:
    """Return a number below ``sides``, decided by the seed."""
    digest = hashlib.sha256(f"{seed}/{label}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % sides
