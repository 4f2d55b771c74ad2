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
        return self.groups.string[max(0, start - 40) : start].rstrip()

    @property
    def capital(self) -> bool:
        """Whether the match has a capital letter as it was written."""
        return any(c.isupper() for c in self.written[self.groups.start() : self.groups.end()])


Make = Callable[[Match], Said | Value | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """Where ``pattern`` matches at the start of a word, ``make`` says what it is, or None."""

    pattern: str
    make: Make


class Rules:
    """Rules that are tried at one place; compiled when they first are, which takes a while."""

    def __init__(self, *rules: Rule) -> None:
        self._rules = rules
        self._compiled: tuple[tuple[re.Pattern[str], Make], ...] = ()

    def longest(
        self, known: str, written: str, start: int, *, day_first: bool
    ) -> tuple[int, Said | None]:
        """Return where the longest match at ``start`` ends and what it says; None without one."""
        if not self._compiled:
            self._compiled = tuple(
                (re.compile(rule.pattern, re.ASCII), rule.make) for rule in self._rules
            )
        best, end = None, start
        for pattern, make in self._compiled:
            found = pattern.match(known, start)
            if found is None or found.end() <= end:
                continue
            said = make(Match(found, written, day_first))
            if said is not None:
                best, end = said if isinstance(said, Said) else Said((said,)), found.end()
        return end, best


def rule(pattern: str, make: Make) -> Rule:
    """Return a rule; the pattern must not end inside a word, except before the Z of 09:00Z."""
    return Rule(f"(?:{pattern})(?:(?<![a-z\\d])|(?![a-z])|(?<=\\d)(?=z(?![a-z])))", make)


def fixed(pattern: str, *values: Value, weak: bool = False) -> Rule:
    """Return a rule that always means the same."""
    said = Said(values, weak)
    return rule(pattern, lambda match: said)
