"""A rule of the scanner: a pattern, and what its match means."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from agentsched.times.pieces import Value


@dataclass(frozen=True, slots=True)
class Said:
    """What a rule made of its match."""

    values: tuple[Value, ...]
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """A match in plain text, with the text as it was written."""

    groups: re.Match[str]
    written: str
    day_first: bool
    """Whether 3/12 is 3 December."""

    def __getitem__(self, group: str) -> str:
        return self.groups[group] or ""

    @property
    def before(self) -> str:
        """The text before the match, without the space at its end."""
        start = self.groups.start()
        return self.groups.string[max(0, start - 20) : start].rstrip()

    @property
    def capital(self) -> bool:
        """Whether the match has a capital letter as it was written."""
        return any(c.isupper() for c in self.written[self.groups.start() : self.groups.end()])


Make = Callable[[Match], Said | Value | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """Where ``pattern`` matches at the start of a word, ``make`` says what it is, or None."""

    pattern: re.Pattern[str]
    make: Make


def rule(pattern: str, make: Make) -> Rule:
    """Return a rule; the pattern must not end inside a word."""
    return Rule(
        re.compile(f"(?:{pattern})(?:(?<![a-z\\d])|(?![a-z])|(?<=\\d)(?=z(?![a-z])))", re.ASCII),
        make,
    )


def fixed(pattern: str, *values: Value, weak: bool = False) -> Rule:
    """Return a rule that always means the same."""
    said = Said(values, weak)
    return rule(pattern, lambda match: said)
