"""The disciplines in plain Python, over a mirror: what the compiled core does, said twice.

``decider(functions, hello)`` turns the entry points of a pure policy into ``decide(state)``.
Written for clarity, by the rules of docs/policy-api.md, and independent of the core: a differential
test compares them. Standard library only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from evaluator.inside.allocating import Allocating
from evaluator.inside.binding import Binding
from evaluator.inside.mirror import Hello, State
from evaluator.inside.ordered import Ordered
from evaluator.inside.scored import Scored


def decider(functions: Mapping[str, Any], hello: Hello) -> Callable[[State], None]:
    """Return ``decide(state)`` for the entry points of a pure policy.

    ``hello[6]`` is (discipline, batch, dynamic key, preemptive scenario, types a task's shape may
    use come with the mirror).
    """
    discipline, batch, dynamic = hello[6]
    key, prefer, score = (functions.get(name) for name in ("key", "prefer", "score"))
    if hello[0][0]:
        return Allocating(key, prefer, score).decide
    if discipline == "bind":
        return Binding(key, functions["score"], batch).decide
    if score is not None:
        return Scored(score).decide
    return Ordered(functions["key"], prefer, discipline, dynamic).decide
