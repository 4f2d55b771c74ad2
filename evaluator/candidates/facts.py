"""What can be read off a pure policy without running it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from evaluator.candidates import tree
from evaluator.candidates.fields import CHANGING, NEEDS_NOW
from evaluator.candidates.parse import checked_tree
from evaluator.policy import PolicySource


@dataclass(frozen=True, slots=True)
class Facts:
    """What an engine may rely on when it decides what to compute, and how often."""

    dynamic_key: bool
    """``key`` has ``now`` and can differ from one pass to the next while the task waits or runs."""
    functions: frozenset[str]
    """Entry points: some of ``key``, ``prefer``, ``score``."""
    fields: frozenset[str]
    """Fields read anywhere, as ``task.rank`` or ``node.data_wait``."""


def facts(source: PolicySource) -> Facts:
    """Return the facts of a pure policy.

    Raises:
        SubsetError: if the source is not a pure policy.
    """
    return _facts(source.text)


@lru_cache(maxsize=512)
def _facts(text: str) -> Facts:
    policy = checked_tree(text)
    read = {
        f"{owner}.{name}"
        for function in policy.entries
        for owner, name in tree.fields_of(policy, function)
    }
    key = policy.entry("key")
    return Facts(
        dynamic_key=key is not None and _changes(policy, key),
        functions=frozenset(function.name for function in policy.entries),
        fields=frozenset(read),
    )


def _changes(policy: tree.Policy, key: tree.Function) -> bool:
    # a key written with `now` that reads neither it nor anything that moves stays what it was
    if not key.parameters:
        return False
    names = {
        expr.id
        for top in tree.expressions(key.body)
        for expr in tree.walk(top)
        if isinstance(expr, tree.Name)
    }
    moving = CHANGING | NEEDS_NOW
    reads = {name for _, name in tree.fields_of(policy, key)}
    return key.parameters[0] in names or bool(reads & moving)
