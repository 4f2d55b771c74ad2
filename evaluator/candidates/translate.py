"""From Python's syntax tree to the checked tree, function by function.

Checking and translating are one walk: what has no translation is refused with the line, the
construct and the way out.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from evaluator.candidates import tree
from evaluator.candidates.constants import fold
from evaluator.candidates.expressions import Expressions, Module, Role, fail
from evaluator.candidates.language import STATEMENT_WAYS, excerpt

LONGEST_RANGE: Final = 100


class Translator:
    """Translates functions as they are called; helpers come out before their callers."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.done: dict[str, tree.Function] = {}
        self.roles: dict[str, tuple[Role, ...]] = {}
        self._open: list[str] = []

    def function(self, name: str, roles: tuple[Role, ...], line: int) -> tree.Function:
        """Return the translated function for parameters of these roles."""
        if name in self._open:
            chain = " -> ".join([*self._open[self._open.index(name) :], name])
            fail(line, f"recursion ({chain}): use `for i in range(N)` with a constant N")
        if name in self.done:
            if self.roles[name] != roles:
                fail(
                    line,
                    f"`{name}` is called with {_spoken(roles)} here and "
                    f"{_spoken(self.roles[name])} elsewhere: pass the same kinds, or write "
                    "two helpers",
                )
            return self.done[name]
        self._open.append(name)
        result = _Body(self, self.module.functions[name], roles).translate()
        self._open.pop()
        self.done[name], self.roles[name] = result, roles
        return result

    def constant(self, value: ast.expr) -> tree.Expr:
        """Return the translated value of a module constant."""
        nowhere = ast.parse("def constant(): pass").body[0]
        assert isinstance(nowhere, ast.FunctionDef)
        return _Body(self, nowhere, ()).expression(value)


def _spoken(roles: Sequence[Role]) -> str:
    return "(" + ", ".join(roles) + ")"


@dataclass
class _Loop:
    exits: list[frozenset[str]] = field(default_factory=list)
    nexts: list[frozenset[str]] = field(default_factory=list)


class _Body(Expressions):
    """Translates the statements of one function."""

    def __init__(
        self, owner: Translator, definition: ast.FunctionDef, roles: tuple[Role, ...]
    ) -> None:
        super().__init__(owner, definition, roles)
        self.loops: list[_Loop] = []

    def translate(self) -> tree.Function:
        body, after = self._block(self.definition.body, frozenset(self.parameters))
        if after is not None:
            fail(
                self.definition,
                f"`def {self.definition.name}` can end without a value: every path must return a "
                "number (add a final `return`)",
            )
        return tree.Function(self.definition.name, self.parameters, body)

    def expression(self, node: ast.expr) -> tree.Expr:
        return self.expr(node, frozenset())

    # statements: each returns what it became and the names surely assigned after it, None if
    # nothing runs after it

    def _block(
        self, statements: Sequence[ast.stmt], state: frozenset[str] | None
    ) -> tuple[tuple[tree.Stmt, ...], frozenset[str] | None]:
        kept: list[tree.Stmt] = []
        for statement in statements:
            dead = state is None
            # what stands after a return is checked and left out
            stmts, after = self._statement(
                statement, self.assigned | set(self.parameters) if state is None else state
            )
            if not dead:
                kept += stmts
                state = after
        return tuple(kept), state

    def _statement(
        self, node: ast.stmt, state: frozenset[str]
    ) -> tuple[list[tree.Stmt], frozenset[str] | None]:
        match node:
            case ast.Return():
                return [tree.Return(self._returned(node, state))], None
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                return self._assignment(node, state)
            case ast.If(test, body, orelse):
                test_tree = self.expr(test, state)
                then, after_then = self._block(body, state)
                other, after_other = self._block(orelse, state)
                after = _join([s for s in (after_then, after_other) if s is not None])
                return [tree.If(test_tree, then, other)], after
            case ast.For():
                return self._loop(node, state)
            case ast.Break():
                self._innermost(node).exits.append(state)
                return [tree.Break()], None
            case ast.Continue():
                self._innermost(node).nexts.append(state)
                return [tree.Continue()], None
            case ast.Pass():
                return [], state
            case ast.Expr(ast.Constant(value=str() | bytes() as _text)):
                return [], state
            case ast.Expr(ast.Constant(value=value)) if value is Ellipsis:
                return [], state
            case ast.Expr():
                fail(node, f"`{excerpt(node)}`: has no effect; remove the line")
        way = STATEMENT_WAYS.get(type(node))
        return fail(node, way or f"`{excerpt(node)}`: not in the subset; use if, for and return")

    def _innermost(self, node: ast.stmt) -> _Loop:
        if not self.loops:
            fail(node, f"`{excerpt(node)}` outside a loop: remove it")
        return self.loops[-1]

    def _returned(self, node: ast.Return, state: frozenset[str]) -> tree.Expr:
        if node.value is None or (
            isinstance(node.value, ast.Constant) and node.value.value is None
        ):
            fail(
                node,
                f"`{excerpt(node)}`: return a number; to decline a pair return -math.inf",
            )
        if isinstance(node.value, ast.Tuple | ast.List):
            fail(
                node,
                f"`{excerpt(node)}`: return one number; combine as `first + 1e-6 * second`",
            )
        return self.expr(node.value, state)

    def _assignment(
        self, node: ast.Assign | ast.AnnAssign | ast.AugAssign, state: frozenset[str]
    ) -> tuple[list[tree.Stmt], frozenset[str]]:
        if isinstance(node, ast.AugAssign):
            name = self._target(node.target)
            left = self.name(name, node, state)
            right = self.expr(node.value, state)
            value = self.arithmetic(node, node.op, left, right)
            return [tree.Assign(name, value)], state | {name}
        if isinstance(node, ast.AnnAssign):
            if node.value is None:
                return [], state
            name = self._target(node.target)
            return [tree.Assign(name, self.expr(node.value, state))], state | {name}
        pairs = _paired(node)
        if pairs is not None:
            return self._unpacked(pairs, state)
        if isinstance(node.targets[0], ast.Tuple | ast.List):
            fail(node, f"`{excerpt(node)}`: unpack as many single values as there are names")
        value = self.expr(node.value, state)
        names = [self._target(target) for target in node.targets]
        first = tree.Assign(names[0], value)
        copies = [tree.Assign(name, tree.Name(names[0])) for name in names[1:]]
        return [first, *copies], state | set(names)

    def _unpacked(
        self, pairs: list[tuple[ast.expr, ast.expr]], state: frozenset[str]
    ) -> tuple[list[tree.Stmt], frozenset[str]]:
        names = [self._target(target) for target, _ in pairs]
        values = [self.expr(value, state) for _, value in pairs]
        if not any(_mentions(value, names[:i]) for i, value in enumerate(values)):
            plain = zip(names, values, strict=True)
            return [tree.Assign(n, v) for n, v in plain], state | set(names)
        # a, b = b, a: all values are computed before the first name changes
        held = [f".{name}" for name in names]
        stmts: list[tree.Stmt] = [tree.Assign(h, v) for h, v in zip(held, values, strict=True)]
        stmts += [tree.Assign(n, tree.Name(h)) for n, h in zip(names, held, strict=True)]
        return stmts, state | set(names)

    def _target(self, node: ast.expr) -> str:
        if not isinstance(node, ast.Name):
            what = "fields are read-only" if isinstance(node, ast.Attribute) else "no containers"
            fail(node, f"`{excerpt(node)} = …`: {what}; assign to a local name")
        self.check_free(node.id, node, "variable")
        if node.id in self.views:
            fail(
                node,
                f"`{node.id} = …`: the {self.views[node.id]} cannot be replaced; use another name",
            )
        return node.id

    def _loop(
        self, node: ast.For, state: frozenset[str]
    ) -> tuple[list[tree.Stmt], frozenset[str] | None]:
        if node.orelse:
            fail(node.orelse[0], "`else` after `for`: put it behind the loop")
        values = self._range(node.iter, state)
        name = self._target(node.target)
        self.loops.append(_Loop())
        body, end = self._block(node.body, state | {name})
        loop = self.loops.pop()
        if len(values) == 0:
            return [], state
        # the range is not empty, so what one turn surely assigns is assigned behind the loop
        ends = [*loop.exits, *loop.nexts, *([] if end is None else [end])]
        return [tree.For(name, values, body)], _join(ends)

    def _range(self, node: ast.expr, state: frozenset[str]) -> range:
        if not (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "range"
            and not node.keywords
            and 1 <= len(node.args) <= 3
        ):
            fail(node, f"`for … in {excerpt(node)}`: loop over `range(N)` with a constant N <= 100")
        bounds = []
        for arg in node.args:
            value = fold(self.expr(arg, state))
            if value is None or not math.isfinite(value) or value != int(value):
                fail(
                    node,
                    f"`{excerpt(node)}`: bounds must be constant whole numbers, at most 100 turns",
                )
            bounds.append(int(value))
        if len(bounds) == 3 and bounds[2] == 0:
            fail(node, f"`{excerpt(node)}`: the step must not be 0")
        values = range(*bounds)
        if max(map(abs, bounds)) > 2**52 or len(values) > LONGEST_RANGE:
            fail(
                node, f"`{excerpt(node)}`: {len(values)} turns, at most {LONGEST_RANGE} are allowed"
            )
        return values


def _paired(node: ast.Assign) -> list[tuple[ast.expr, ast.expr]] | None:
    target, value = node.targets[0], node.value
    if (
        len(node.targets) == 1
        and isinstance(target, ast.Tuple | ast.List)
        and isinstance(value, ast.Tuple | ast.List)
        and len(target.elts) == len(value.elts)
    ):
        return list(zip(target.elts, value.elts, strict=True))
    return None


def _mentions(expr: tree.Expr, names: Sequence[str]) -> bool:
    return any(isinstance(e, tree.Name) and e.id in names for e in tree.walk(expr))


def _join(states: Sequence[frozenset[str]]) -> frozenset[str] | None:
    return frozenset.intersection(*states) if states else None
