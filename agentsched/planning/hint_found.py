"""What a finder of wishes hands over, and the words that several finders share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from agentsched.planning.hints import Hint, Level


@dataclass(frozen=True, slots=True)
class Found:
    """A stretch of a sentence that names something a wish can be about."""

    start: int
    end: int
    """Place in the sentence, half open."""
    hint: Hint
    """The wish, if the words around it ask for it."""
    negated: Hint | None = None
    """The wish, if they ask for the opposite; None where denying it is no wish."""
    aim: bool = False
    """Something to have as much of as possible: always soft."""
    bare: bool = False
    """Only a name: it is a wish when words around it say so."""
    assumed: str = ""
    """What was filled in to understand it, for the user."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A stretch that looks like a wish and cannot be one; ``why`` is for the user."""

    start: int
    end: int
    why: str


NUMBER: Final = r"\d[\d,]*(?:\.\d+)?"
LEVELS: Final[dict[str, Level]] = {
    **dict.fromkeys(("machine", "node", "box", "host", "server", "computer", "instance"), "node"),
    "rack": "rack",
    **dict.fromkeys(("zone", "availability zone", "az"), "zone"),
    "region": "region",
}  # type: ignore[dict-item]  # fromkeys forgets that "node" is a literal
LEVEL: Final = (
    r"(?P<level>machine|node|box|host|server|computer|instance|rack|availability zone|az|zone|region)"
    r"(?:e?s)?\b"
)
WHERE: Final = r"(?:on|onto|in|into|inside|within|at|to|from|with|using|through)"


def level_of(match: re.Match[str]) -> Level:
    """Return the level that a match of ``LEVEL`` names."""
    return LEVELS[match["level"].lower()]


def number(text: str) -> float:
    """Return a number as people write it: ``1,000`` is a thousand, ``2,5`` is two and a half."""
    whole, comma, rest = text.rpartition(",")
    if comma and len(rest) != 3:
        text = f"{whole.replace(',', '')}.{rest}"
    return float(text.replace(",", ""))
