"""What is asked of a proposer, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from agentsched.llm import Usage
from evaluator.policy import Discipline, Shape

Mode = Literal["rewrite", "diff"]


@dataclass(frozen=True, slots=True)
class Parent:
    """A policy to build on, with what is known about it."""

    text: str
    metrics: Mapping[str, float]
    """In the order in which they matter; the objective first."""
    diagnosis: str = ""
    """Where its time goes and which jobs lose, in words."""


@dataclass(frozen=True, slots=True)
class ProposalRequest:
    """Everything a proposal depends on: equal requests get equal proposals.

    Times in ``metrics`` are seconds.
    """

    scenario: str
    """Facts of the scenario, in words."""
    objective: str
    """Name and sense of the metric, in words."""
    guards: tuple[str, ...]
    """What must not get worse, in words."""
    parents: tuple[Parent, ...]
    """At least one; the first is the one to change."""
    lessons: tuple[str, ...] = ()
    """What failed before and why, the most telling first."""
    mode: Mode = "rewrite"
    seed: int = 0
    """Decides temperature, sampling and the idea that is hinted at."""
    disciplines: tuple[Discipline, ...] = ("greedy", "strict", "easy", "conservative", "bind")
    """Disciplines that work in the scenario."""
    shapes: tuple[Shape, ...] = ("key", "score")
    """Shapes that are accepted."""
    api: str | None = None
    """Policy API to show; None takes the world's own page."""
    world: str = "cluster"
    """Whose policies these are (``evaluator.worlds``)."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A new policy, or why there is none."""

    text: str | None
    """Accepted by ``read_policy``; None when no valid policy came."""
    reply: str = ""
    """What the model said, both rounds."""
    how: str = ""
    """``rewrite``, ``diff`` or ``mutation``; ``…, repaired`` after a second round."""
    usage: Usage = field(default_factory=Usage)
    error: str | None = None
    """One line for lessons and statistics; set if and only if ``text`` is None."""


class Proposer(Protocol):
    """Proposes policies. May be called from several threads."""

    @property
    def name(self) -> str:
        """Who proposes, for the run's record: a model's name, ``mutation``."""
        ...

    @property
    def digests(self) -> Mapping[str, str]:
        """sha256 of every prompt that is used, by name."""
        ...

    def propose(self, request: ProposalRequest) -> Proposal:
        """Propose one policy; a bad reply or a timeout is a proposal with an error.

        Raises:
            ModelError: The model cannot be reached, or a recording lacks the call.
            BudgetError: The next call might exceed the budget of tokens or money.
            StorageError: A reply could not be recorded.
        """
        ...

    def close(self) -> None:
        """Break off what is under way; let go of models and files."""
        ...
