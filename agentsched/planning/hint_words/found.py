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
    hint: Hint | None = None
    """What it asks for, where only the inventory lacks it."""


_WORDS: Final = {
    "one": 1.0, "two": 2.0, "three": 3.0, "four": 4.0, "five": 5.0, "six": 6.0, "seven": 7.0,
    "eight": 8.0, "nine": 9.0, "ten": 10.0, "twelve": 12.0, "fifteen": 15.0, "twenty": 20.0,
    "thirty": 30.0, "forty": 40.0, "fifty": 50.0, "sixty": 60.0, "eighty": 80.0, "hundred": 100.0,
    "a hundred": 100.0, "a thousand": 1000.0, "half a": 0.5, "a": 1.0, "an": 1.0,
}  # fmt: skip
DIGITS: Final = r"\d[\d,]*(?:\.\d+)?"
NUMBER: Final = rf"(?:{DIGITS}|\b(?:{'|'.join(sorted(_WORDS, key=len, reverse=True))})\b)"
LEVELS: Final[dict[str, Level]] = {
    **dict.fromkeys(("machine", "node", "box", "host", "server", "computer", "instance"), "node"),
    "rack": "rack",
    **dict.fromkeys(("zone", "availability zone", "az"), "zone"),
    "region": "region",
}
LEVEL: Final = (
    r"(?P<level>machine|node|box|host|server|computer|instance|rack|availability zone|az|zone|"
    r"region)(?:e?s)?\b"
)


def words(*alternatives: str) -> str:
    """Return a pattern of whole words; each argument is a list with ``|`` between."""
    return rf"\b(?:{'|'.join(alternatives)})\b"


def level_of(match: re.Match[str]) -> Level:
    """Return the level that a match of ``LEVEL`` names."""
    return LEVELS[match["level"].lower()]


def number(text: str) -> float:
    """Return a number as people write it: 1,000 is a thousand, 2,5 two and a half, ten is ten."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    whole, comma, rest = text.rpartition(",")
    if comma and len(rest) != 3:
        text = f"{whole.replace(',', '')}.{rest}"
    return float(text.replace(",", ""))
