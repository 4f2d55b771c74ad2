"""How hard to search, and what came out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agentsched.planning.solving.problem import Schedule


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to try."""

    seconds: float = 1.0
    """Wall time, all in all."""
    workers: int = 2
    seed: int = 0
    first_only: bool = False
    """Stop at the first schedule that keeps every hard constraint."""
    listing: float = 1.0
    """Most seconds of list schedules before the solver; never more than a fifth of all."""
    tidy: bool = True
    """Spend what is left on starting everything as early as the objective allows."""


@dataclass(frozen=True, slots=True)
class Solution:
    """What came out; ``schedule`` keeps every hard constraint."""

    status: Literal["optimal", "feasible", "infeasible", "unknown"]
    schedule: Schedule | None = None
    objective: int = 0
    bound: int = 0
    """No schedule costs less."""
    method: str = ""
