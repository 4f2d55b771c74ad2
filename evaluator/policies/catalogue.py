"""Known rules by name."""

from __future__ import annotations

import difflib
from functools import cache
from importlib import resources
from typing import Final

from evaluator.candidates import read_policy
from evaluator.errors import InputError
from evaluator.policies.native import NATIVE, NativeRule
from evaluator.policy import PolicySource

MACHINERY: Final = frozenset({"__init__", "catalogue", "gavel", "native"})
"""Modules of this package that are not rules."""


@cache
def known_rules() -> tuple[str, ...]:
    """Return the names of all known rules, sorted."""
    files = (item.name for item in resources.files("evaluator.policies").iterdir())
    texts = {name[:-3] for name in files if name.endswith(".py")} - MACHINERY
    return tuple(sorted({*texts, *NATIVE}))


@cache
def load_rule(name: str) -> PolicySource | NativeRule:
    """Return a known rule.

    Raises:
        InputError: for an unknown name; lists close matches.
    """
    if name not in known_rules():
        close = difflib.get_close_matches(name, known_rules(), n=3, cutoff=0.5)
        way = (
            f"did you mean {', '.join(map(repr, close))}?"
            if close
            else "known: " + ", ".join(known_rules())
        )
        raise InputError(f"no known rule {name!r}; {way}")
    if name in NATIVE:
        return NATIVE[name]
    text = resources.files("evaluator.policies").joinpath(f"{name}.py").read_text("utf-8")
    return read_policy(text, name)


def describe(name: str) -> str:
    """Return the first sentence of a rule's description.

    Raises:
        InputError: for an unknown name.
    """
    rule = load_rule(name)
    if isinstance(rule, NativeRule):
        return rule.text.splitlines()[0]
    return rule.text.strip().removeprefix('"""').splitlines()[0]
