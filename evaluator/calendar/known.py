"""Known rules of the calendar world as policies: texts where they are texts, else our own code."""

from __future__ import annotations

import hashlib
import inspect
from dataclasses import dataclass
from typing import Final

from evaluator.calendar.language import compile_resolver
from evaluator.calendar.rules import known_resolvers, make_resolver
from evaluator.calendar.scored import FIELDS, LEARNER_TEXT
from evaluator.policy import PolicySource

LEARNER: Final = "learner"
"""Name of the known rule that is a text; the first parent."""


@dataclass(frozen=True, slots=True)
class KnownResolver:
    """A known rule that is part of the world."""

    name: str
    text: str
    """What it does, one line first."""
    kind: str = "resolver"

    @property
    def digest(self) -> str:
        """sha256 of name and text."""
        return hashlib.sha256(f"{self.name}\0{self.text}".encode()).hexdigest()


def known_rules() -> tuple[str, ...]:
    """Return the names of all known rules, sorted."""
    return known_resolvers()


def load_rule(name: str) -> PolicySource | KnownResolver:
    """Return a known rule.

    Raises:
        InputError: for an unknown name; lists close matches.
    """
    if name == LEARNER:
        return read_policy(LEARNER_TEXT.lstrip(), LEARNER)
    resolver = make_resolver(name, "", bytes(16))
    words = inspect.getdoc(inspect.getmodule(type(resolver))) or name
    variant = " Begins with no prior of the role." if name.endswith("-cold") else ""
    return KnownResolver(name, words + variant)


def read_policy(text: str, name: str = "candidate") -> PolicySource:
    """Check a text; nothing of it is run.

    Raises:
        SubsetError: names the line, the construct and the way out.
    """
    compile_resolver(text, FIELDS)
    return PolicySource(name, text, "score")
