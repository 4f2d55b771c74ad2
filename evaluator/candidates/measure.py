"""How large a policy is and how long one call may take, bounded before anything is generated."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Final

from evaluator.candidates import tree
from evaluator.errors import SubsetError

LONGEST_TEXT: Final = 20_000
"""Bytes of source."""
MOST_NODES: Final = 4_000
"""Syntax nodes in a file."""
DEEPEST: Final = 60
"""Nesting of syntax nodes."""
MOST_TURNS: Final = 10_000
"""Product of nested ranges, through helpers too."""
MOST_STEPS: Final = 200_000
"""Operations in the longest run of one call."""


def check_text(text: str) -> None:
    """Refuse a text that is too long to read.

    Raises:
        SubsetError: with the size and the limit.
    """
    size = len(text.encode("utf-8", "replace"))
    if size > LONGEST_TEXT:
        raise SubsetError(f"source is {size} bytes, at most {LONGEST_TEXT}: shorten it")


def check_size(module: ast.Module) -> None:
    """Refuse a syntax tree that is too large or too deep.

    Raises:
        SubsetError: with the size and the limit.
    """
    count = 0
    stack: list[tuple[ast.AST, int]] = [(module, 0)]
    while stack:
        node, depth = stack.pop()
        if isinstance(node, ast.expr_context | ast.operator | ast.unaryop | ast.cmpop | ast.boolop):
            continue
        count += 1
        if count > MOST_NODES:
            raise SubsetError(f"more than {MOST_NODES} syntax nodes: shorten the policy")
        if depth > DEEPEST:
            line = getattr(node, "lineno", None)
            raise SubsetError(
                f"nested deeper than {DEEPEST} levels: split it over several lines", line
            )
        stack += [(child, depth + 1) for child in ast.iter_child_nodes(node)]


def check_time(policy: tree.Policy, lines: Mapping[str, int]) -> None:
    """Refuse loops that could run too long; helpers count wherever they are called.

    Raises:
        SubsetError: at the line of the function, with turns or steps and the limit.
    """
    turns: dict[str, int] = {}
    steps: dict[str, int] = {}
    for function in (*policy.helpers, *policy.entries):
        line = lines[function.name]
        turns[function.name] = _turns(function.body, turns)
        if turns[function.name] > MOST_TURNS:
            raise SubsetError(
                f"nested loops of `{function.name}` make {turns[function.name]} turns, at most "
                f"{MOST_TURNS}: use smaller ranges",
                line,
            )
        steps[function.name] = _steps(function.body, steps)
        if steps[function.name] > MOST_STEPS:
            raise SubsetError(
                f"one call of `{function.name}` may take {steps[function.name]} steps, at most "
                f"{MOST_STEPS}: use smaller ranges or fewer helper calls",
                line,
            )


def _turns(body: tuple[tree.Stmt, ...], known: Mapping[str, int]) -> int:
    most = 1
    for stmt in body:
        match stmt:
            case tree.For(_, values, inner):
                most = max(most, len(values) * _turns(inner, known))
            case tree.If(test, then, orelse):
                most = max(most, _called(test, known), _turns(then, known), _turns(orelse, known))
            case tree.Assign(_, value) | tree.Return(value):
                most = max(most, _called(value, known))
            case tree.Break() | tree.Continue():
                pass
    return most


def _called(expr: tree.Expr, known: Mapping[str, int]) -> int:
    return max((known[e.helper] for e in tree.walk(expr) if isinstance(e, tree.Invoke)), default=1)


def _steps(body: tuple[tree.Stmt, ...], known: Mapping[str, int]) -> int:
    total = 0
    for stmt in body:
        match stmt:
            case tree.For(_, values, inner):
                total += 1 + len(values) * (1 + _steps(inner, known))
            case tree.If(test, then, orelse):
                total += _cost(test, known) + max(_steps(then, known), _steps(orelse, known))
            case tree.Assign(_, value) | tree.Return(value):
                total += 1 + _cost(value, known)
            case tree.Break() | tree.Continue():
                total += 1
    return total


def _cost(expr: tree.Expr, known: Mapping[str, int]) -> int:
    return sum(1 + (known[e.helper] if isinstance(e, tree.Invoke) else 0) for e in tree.walk(expr))
