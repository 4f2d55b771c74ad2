"""Rebuilding checked trees: every expression has a number, one of them may be replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from evaluator.candidates import tree


@dataclass(frozen=True, slots=True)
class Site:
    """One expression of a policy."""

    index: int
    """Its number, counted over helpers and entries in preorder."""
    expr: tree.Expr
    function: str
    depth: int
    """0 for the topmost expression of a statement."""


def sites(policy: tree.Policy) -> list[Site]:
    """Return every expression of a policy, in the order ``replace_site`` counts them."""
    found: list[Site] = []

    def visit(expr: tree.Expr, function: str, depth: int) -> None:
        found.append(Site(len(found), expr, function, depth))
        for child in tree.children(expr):
            visit(child, function, depth + 1)

    for function in (*policy.helpers, *policy.entries):
        for top in tree.expressions(function.body):
            visit(top, function.name, 0)
    return found


def replace_site(policy: tree.Policy, index: int, new: tree.Expr) -> tree.Policy:
    """Return the policy with one expression replaced."""
    counter = iter(range(1 << 30))

    def visit(expr: tree.Expr) -> tree.Expr:
        here = next(counter)
        rebuilt = with_children(expr, [visit(child) for child in tree.children(expr)])
        return new if here == index else rebuilt

    return map_functions(policy, lambda function: map_tops(function, visit))


def map_functions(
    policy: tree.Policy, change: Callable[[tree.Function], tree.Function]
) -> tree.Policy:
    """Apply a change to helpers, then entries."""
    helpers = tuple(change(function) for function in policy.helpers)
    entries = tuple(change(function) for function in policy.entries)
    return replace(policy, helpers=helpers, entries=entries)


def map_tops(function: tree.Function, change: Callable[[tree.Expr], tree.Expr]) -> tree.Function:
    """Apply a change to the topmost expression of every statement."""
    return replace(function, body=_body(function.body, change))


def map_up(expr: tree.Expr, change: Callable[[tree.Expr], tree.Expr]) -> tree.Expr:
    """Apply a change to every expression inside, operands first."""
    return change(with_children(expr, [map_up(child, change) for child in tree.children(expr)]))


def with_children(expr: tree.Expr, new: list[tree.Expr]) -> tree.Expr:
    """Return the expression over other operands."""
    match expr:
        case tree.Num() | tree.Name() | tree.Field():
            return expr
        case tree.Negative():
            return tree.Negative(new[0])
        case tree.Not():
            return tree.Not(new[0])
        case tree.Binary(op, _, _):
            return tree.Binary(op, new[0], new[1])
        case tree.Compare(ops, _):
            return tree.Compare(ops, tuple(new))
        case tree.Logic(op, _):
            return tree.Logic(op, tuple(new))
        case tree.Choose():
            return tree.Choose(new[0], new[1], new[2])
        case tree.Call(function, _):
            return tree.Call(function, tuple(new))
        case tree.Invoke(helper, _):
            return tree.Invoke(helper, tuple(new))


def names(body: tuple[tree.Stmt, ...]) -> Iterator[str]:
    """Yield every local name in order of its first appearance (assigned names included)."""
    for stmt in body:
        match stmt:
            case tree.Assign(name, value):
                yield from _read(value)
                yield name
            case tree.Return(value):
                yield from _read(value)
            case tree.If(test, then, orelse):
                yield from _read(test)
                yield from names(then)
                yield from names(orelse)
            case tree.For(name, _, inner):
                yield name
                yield from names(inner)
            case tree.Break() | tree.Continue():
                pass


def rename(
    function: tree.Function, name: str, local: Callable[[str], str], helper: Callable[[str], str]
) -> tree.Function:
    """Return the function under other names."""

    def change(expr: tree.Expr) -> tree.Expr:
        if isinstance(expr, tree.Name):
            return tree.Name(local(expr.id))
        if isinstance(expr, tree.Invoke):
            return tree.Invoke(helper(expr.helper), expr.args)
        return expr

    body = _targets(_body(function.body, lambda top: map_up(top, change)), local)
    return tree.Function(name, tuple(map(local, function.parameters)), body)


def _read(expr: tree.Expr) -> Iterator[str]:
    return (e.id for e in tree.walk(expr) if isinstance(e, tree.Name))


def _body(
    body: tuple[tree.Stmt, ...], change: Callable[[tree.Expr], tree.Expr]
) -> tuple[tree.Stmt, ...]:
    result: list[tree.Stmt] = []
    for stmt in body:
        match stmt:
            case tree.Assign(name, value):
                result.append(tree.Assign(name, change(value)))
            case tree.Return(value):
                result.append(tree.Return(change(value)))
            case tree.If(test, then, orelse):
                test = change(test)
                then = _body(then, change)
                result.append(tree.If(test, then, _body(orelse, change)))
            case tree.For(name, values, inner):
                result.append(tree.For(name, values, _body(inner, change)))
            case tree.Break() | tree.Continue():
                result.append(stmt)
    return tuple(result)


def _targets(body: tuple[tree.Stmt, ...], local: Callable[[str], str]) -> tuple[tree.Stmt, ...]:
    result: list[tree.Stmt] = []
    for stmt in body:
        match stmt:
            case tree.Assign(name, value):
                result.append(tree.Assign(local(name), value))
            case tree.If(test, then, orelse):
                result.append(tree.If(test, _targets(then, local), _targets(orelse, local)))
            case tree.For(name, values, inner):
                result.append(tree.For(local(name), values, _targets(inner, local)))
            case tree.Return() | tree.Break() | tree.Continue():
                result.append(stmt)
    return tuple(result)
