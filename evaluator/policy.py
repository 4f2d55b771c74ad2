"""What a policy is: its source, its shape, and what it promises."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

Shape = Literal["key", "score", "decide"]
Discipline = Literal["greedy", "strict", "easy", "conservative", "bind"]
Batch = Literal["key", "min", "max"]


@dataclass(frozen=True, slots=True)
class PolicySource:
    """A candidate: text, and what was read off it without running it."""

    name: str
    text: str
    shape: Shape
    discipline: Discipline = "greedy"
    batch: Batch = "key"
    """``bind`` only: among tasks that become ready together, go by key, or by least or greatest
    best score (MinMin, MaxMin)."""
    lane: Literal["pure", "general"] = "pure"

    @property
    def digest(self) -> str:
        """sha256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()
