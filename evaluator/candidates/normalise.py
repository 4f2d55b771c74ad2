"""One text for policies that differ only in names, comments, docstrings and trivial arithmetic."""

from __future__ import annotations

import ast
from dataclasses import replace

from evaluator.candidates import tree
from evaluator.candidates.constants import fold
from evaluator.candidates.parse import checked_tree, parse
from evaluator.candidates.rewrite import map_functions, map_tops, map_up, names, rename
from evaluator.candidates.write import policy_text
from evaluator.policy import PolicySource

MIRRORED = {">": "<", ">=": "<="}


def normalise(source: PolicySource) -> str:
    """Return the canonical text; equal texts decide alike, the reverse does not hold.

    Raises:
        SubsetError: if the source is not a policy.
    """
    if source.lane == "general":
        return _without_docstrings(parse(source.text))
    return policy_text(simplified(checked_tree(source.text)))


def simplified(policy: tree.Policy) -> tree.Policy:
    """Return the policy with constants folded and canonical names."""
    folded = map_functions(policy, lambda f: map_tops(f, lambda top: map_up(top, _simple)))
    entries = {function.name for function in policy.entries}
    helpers = {
        function.name: function.name if function.name in entries else f"h{position}"
        for position, function in enumerate(policy.helpers)
    }

    def canonical(function: tree.Function) -> tree.Function:
        order = dict.fromkeys((*function.parameters, *names(function.body)))
        local = {name: f"x{position}" for position, name in enumerate(order)}
        if function.name in entries and function.parameters:
            local[function.parameters[0]] = "now"
        name = helpers.get(function.name, function.name)
        return rename(function, name, local.__getitem__, helpers.__getitem__)

    return replace(map_functions(folded, canonical), docstring="")


def _simple(expr: tree.Expr) -> tree.Expr:
    if not isinstance(expr, tree.Num):
        value = fold(expr)
        if value is not None:
            return tree.Num(value)
    match expr:
        case tree.Binary("*" | "/", left, tree.Num(1.0)) if not tree.is_truth(left):
            return left
        case tree.Binary("*", tree.Num(1.0), right) if not tree.is_truth(right):
            return right
        case tree.Binary("+" | "*", left, right) if repr(right) < repr(left):
            # the two operands of one addition or multiplication commute exactly
            return tree.Binary(expr.op, right, left)
        case tree.Compare((">" | ">=",), (left, right)):
            return tree.Compare((MIRRORED[expr.ops[0]],), (right, left))
        case tree.Negative(tree.Negative(inner)) if not tree.is_truth(inner):
            return inner
        case tree.Choose(tree.Num(value), yes, no):
            return yes if value != 0.0 else no
        case _:
            return expr


def _without_docstrings(module: ast.Module) -> str:
    for node in ast.walk(module):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(
            node, clean=False
        ) is not None:  # fmt: skip
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(module) + "\n"
