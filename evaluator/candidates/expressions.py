"""Expressions: the half of translation that has no control flow."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, NoReturn, Protocol

from evaluator.candidates import tree
from evaluator.candidates.fields import NODE_FIELDS, TASK_FIELDS
from evaluator.candidates.language import (
    BUILTINS,
    COMPARISONS,
    EXPRESSION_WAYS,
    MATH_CONSTANTS,
    MATH_FUNCTIONS,
    OPERATORS,
    SHIM_OF,
    excerpt,
    nearest,
)
from evaluator.errors import SubsetError

Role = Literal["task", "node", "number"]
FIELDS: Final = {"task": TASK_FIELDS, "node": NODE_FIELDS}


@dataclass(frozen=True, slots=True)
class Module:
    """What the top level of the file defines."""

    functions: Mapping[str, ast.FunctionDef]
    constants: Mapping[str, float]
    math_names: frozenset[str]
    """Names that stand for the module ``math``."""
    imported: Mapping[str, str]
    """Names taken by ``from math import …`` → what they are there."""


class Functions(Protocol):
    """Where a called helper gets translated."""

    module: Module

    def function(self, name: str, roles: tuple[Role, ...], line: int) -> tree.Function:
        """Return the helper for parameters of these roles."""


def fail(line: int | ast.AST, message: str) -> NoReturn:
    """Refuse the source at a line."""
    at = line if isinstance(line, int) else getattr(line, "lineno", None)
    raise SubsetError(message, at)


class Expressions:
    """Translates the expressions of one function.

    ``state`` is the set of local names that surely have a value where the expression stands.
    """

    def __init__(
        self, owner: Functions, definition: ast.FunctionDef, roles: tuple[Role, ...]
    ) -> None:
        self.owner = owner
        self.module = owner.module
        self.definition = definition
        names = [arg.arg for arg in definition.args.args]
        self.views: dict[str, tree.Owner] = {
            name: role for name, role in zip(names, roles, strict=True) if role != "number"
        }
        self.parameters = tuple(name for name in names if name not in self.views)
        for name in names:
            self.check_free(name, definition, "parameter")
        self.assigned = frozenset(
            node.id
            for node in ast.walk(definition)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        )

    def expr(self, node: ast.expr, state: frozenset[str]) -> tree.Expr:
        """Translate an expression."""
        match node:
            case ast.Constant():
                return tree.Num(self._literal(node))
            case ast.Name(id=name):
                return self.name(name, node, state)
            case ast.Attribute():
                return self._attribute(node)
            case ast.BinOp(left, op, right):
                return self.arithmetic(node, op, self.expr(left, state), self.expr(right, state))
            case ast.UnaryOp(op, operand):
                return self._unary(node, op, self.expr(operand, state))
            case ast.BoolOp(op, values):
                kind: Literal["and", "or"] = "and" if isinstance(op, ast.And) else "or"
                return tree.Logic(kind, tuple(self.expr(value, state) for value in values))
            case ast.Compare(left, ops, comparators):
                return self._comparison(node, ops, [left, *comparators], state)
            case ast.IfExp(test, body, orelse):
                return tree.Choose(
                    self.expr(test, state), self.expr(body, state), self.expr(orelse, state)
                )
            case ast.Call():
                return self._call(node, state)
            case ast.Subscript():
                return self._subscript(node)
        way = EXPRESSION_WAYS.get(type(node))
        return fail(node, f"`{excerpt(node)}`: {way or 'not in the subset; use arithmetic'}")

    def _literal(self, node: ast.Constant) -> float:
        value = node.value
        if isinstance(value, bool | int | float):
            try:
                return float(value)
            except OverflowError:
                fail(node, f"`{excerpt(node)}`: too large for a double; use math.inf")
        if value is None:
            fail(node, "`None`: use a number; to decline a pair use -math.inf")
        kind = "text" if isinstance(value, str | bytes) else type(value).__name__
        return fail(node, f"`{excerpt(node)}`: no {kind}; a policy only computes numbers")

    def name(self, name: str, node: ast.AST, state: frozenset[str]) -> tree.Expr:
        """Translate the reading of a name."""
        if name in self.views:
            role = self.views[name]
            fail(node, f"`{name}` is the {role}, not a number: use one of its fields, e.g. "
                       f"`{name}.{'estimate' if role == 'task' else 'speed'}`")  # fmt: skip
        if name in state:
            return tree.Name(name)
        if name in self.assigned or name in self.parameters:
            fail(
                node,
                f"{name!r} may be unassigned here: give it a value before the `if` or loop",
            )
        if name in self.module.constants:
            return tree.Num(self.module.constants[name])
        if self.module.imported.get(name) in MATH_CONSTANTS:
            return tree.Num(MATH_CONSTANTS[self.module.imported[name]])
        return fail(node, f"unknown name {name!r}{self._advice(name)}")

    def _advice(self, name: str) -> str:
        if name == "now":
            parameters = ", ".join(arg.arg for arg in self.definition.args.args)
            return f": take it as a parameter, `def {self.definition.name}({parameters}, now)`"
        for view, role in self.views.items():
            if name in FIELDS[role]:
                return f": write `{view}.{name}`"
        if name in MATH_FUNCTIONS or name in MATH_CONSTANTS:
            return f": write `math.{name}`"
        if name in BUILTINS or name in self.module.functions:
            return ": it is a function; call it"
        return nearest(name, {*self.parameters, *self.assigned, *self.module.constants}) or (
            ": assign it first, or define it as a constant at the top of the file"
        )

    def _attribute(self, node: ast.Attribute) -> tree.Expr:
        if not isinstance(node.value, ast.Name):
            fail(node, f"`{excerpt(node)}`: only fields of the task and node, and `math`")
        holder = node.value.id
        if holder in self.module.math_names:
            if node.attr in MATH_CONSTANTS:
                return tree.Num(MATH_CONSTANTS[node.attr])
            fail(node, f"`{excerpt(node)}`: {_math_advice(node.attr)}")
        role = self.views.get(holder)
        if role is None:
            if holder in self.parameters or holder in self.assigned:
                fail(node, f"`{excerpt(node)}`: {holder!r} is a number and has no fields")
            if holder in FIELDS:
                fail(
                    node, f"`{excerpt(node)}`: `{self.definition.name}` has no parameter {holder!r}"
                )
            fail(
                node,
                f"`{excerpt(node)}`: unknown name {holder!r}; only task, node and math have fields",
            )
        if node.attr not in FIELDS[role]:
            fail(node, f"`{excerpt(node)}`: {self._field_advice(role, node.attr)}")
        return tree.Field(role, node.attr)

    def _field_advice(self, role: tree.Owner, name: str) -> str:
        other: tree.Owner = "node" if role == "task" else "task"
        if name in FIELDS[other]:
            return f"the {role} has no such field, the {other} has: write `{other}.{name}`"
        known = ", ".join(FIELDS[role])
        return f"the {role} has no field {name!r}{nearest(name, FIELDS[role])}; it has: {known}"

    def arithmetic(
        self, node: ast.AST, op: ast.operator, left: tree.Expr, right: tree.Expr
    ) -> tree.Expr:
        """Translate an operation on two values."""
        symbol = OPERATORS.get(type(op))
        if symbol is None:
            fail(node, f"`{excerpt(node)}`: bit operations are not available; use + - * / // % **")
        return tree.Binary(symbol, left, right)

    def _unary(self, node: ast.expr, op: ast.unaryop, value: tree.Expr) -> tree.Expr:
        match op:
            case ast.USub():
                return (
                    tree.Num(-value.value) if isinstance(value, tree.Num) else tree.Negative(value)
                )
            case ast.UAdd():
                return value
            case ast.Not():
                return tree.Not(value)
            case _:
                return fail(node, f"`{excerpt(node)}`: bit operations are not available; use `not`")

    def _comparison(
        self,
        node: ast.Compare,
        ops: list[ast.cmpop],
        operands: list[ast.expr],
        state: frozenset[str],
    ) -> tree.Expr:
        symbols = []
        for op in ops:
            symbol = COMPARISONS.get(type(op))
            if symbol is None:
                way = (
                    "write `x == 1 or x == 2`"
                    if isinstance(op, ast.In | ast.NotIn)
                    else "every field is a number (inf where there is no due date); use =="
                )
                fail(node, f"`{excerpt(node)}`: {way}")
            symbols.append(symbol)
        return tree.Compare(tuple(symbols), tuple(self.expr(o, state) for o in operands))

    def _subscript(self, node: ast.Subscript) -> NoReturn:
        key = node.slice
        if (
            isinstance(node.value, ast.Name)
            and node.value.id in self.views
            and isinstance(key, ast.Constant)
            and isinstance(key.value, str)
        ):
            fail(node, f"`{excerpt(node)}`: write `{node.value.id}.{key.value}`")
        fail(node, f"`{excerpt(node)}`: no containers; use separate variables")

    # calls

    def _call(self, node: ast.Call, state: frozenset[str]) -> tree.Expr:
        match node.func:
            case ast.Attribute(value=ast.Name(id=holder), attr=name):
                if holder in self.module.math_names:
                    if name not in MATH_FUNCTIONS:
                        fail(node, f"`{excerpt(node.func)}`: {_math_advice(name)}")
                    return self._shim(name, MATH_FUNCTIONS[name], node, state)
                if holder in self.views and name in FIELDS[self.views[holder]]:
                    fail(
                        node,
                        f"`{excerpt(node)}`: `{holder}.{name}` is a number: drop the ()",
                    )
                fail(node, f"`{excerpt(node)}`: no methods; use fields and `math.` functions")
            case ast.Name(id=name):
                if name in self.module.functions:
                    return self._helper(name, node, state)
                imported = self.module.imported.get(name)
                if imported in MATH_FUNCTIONS and imported is not None:
                    return self._shim(imported, MATH_FUNCTIONS[imported], node, state)
                if name in BUILTINS:
                    return self._shim(name, BUILTINS[name], node, state)
                fail(node, f"`{name}(…)`: {self._call_advice(name)}")
        return fail(node, f"`{excerpt(node)}`: only helpers, math functions and "
                          f"{', '.join(BUILTINS)} can be called")  # fmt: skip

    def _call_advice(self, name: str) -> str:
        if name in MATH_FUNCTIONS:
            return f"write `math.{name}(…)`"
        if name in ("getattr", "hasattr"):
            return "every field is always there: write `task.estimate`"
        if name in ("sum", "sorted", "len", "any", "all", "map", "zip", "enumerate", "list"):
            return "no containers; use arithmetic, or `for i in range(N)` and a running total"
        if name == "print":
            return "no output; remove it"
        if name == "range":
            return "only in `for i in range(N)`"
        known = {*BUILTINS, *self.module.functions}
        return f"no such function{nearest(name, known)}; there are {', '.join(BUILTINS)}, math.…"

    def _shim(
        self, name: str, arity: tuple[int, int], node: ast.Call, state: frozenset[str]
    ) -> tree.Expr:
        nodes = node.args
        if node.keywords:
            fail(node, f"`{excerpt(node)}`: no keyword arguments here")
        if name in ("min", "max"):
            if len(nodes) == 1 and isinstance(nodes[0], ast.Tuple | ast.List):
                nodes = nodes[0].elts
            arity = (2, arity[1])
        if name == "float" and len(nodes) == 1 and isinstance(nodes[0], ast.Constant):
            special = _spelled(nodes[0].value)
            if special is not None:
                return tree.Num(special)
        low, high = arity
        if not low <= len(nodes) <= high:
            way = {
                "round": "write round(x * 100) / 100",
                "min": "give at least two numbers",
                "max": "give at least two numbers",
            }.get(name, f"takes {low if low == high else f'{low} to {high}'} argument(s)")
            fail(node, f"`{excerpt(node)}`: {way}")
        args = tuple(self.expr(arg, state) for arg in nodes)
        return _shim_tree(SHIM_OF.get(name, name), args)

    def _helper(self, name: str, node: ast.Call, state: frozenset[str]) -> tree.Expr:
        definition = self.module.functions[name]
        names = [arg.arg for arg in definition.args.args]
        by_name: dict[str, ast.expr] = dict(zip(names, node.args, strict=False))
        for keyword in node.keywords:
            if keyword.arg is None or keyword.arg in by_name or keyword.arg not in names:
                fail(node, f"`{excerpt(node)}`: `{name}` takes ({', '.join(names)}), each once")
            by_name[keyword.arg] = keyword.value
        if len(node.args) > len(names) or len(by_name) != len(names):
            fail(node, f"`{excerpt(node)}`: `{name}` takes ({', '.join(names)}), each once")
        given = [by_name[parameter] for parameter in names]
        roles = tuple(self._role(arg) for arg in given)
        self.owner.function(name, roles, node.lineno)
        numbers = [arg for arg, role in zip(given, roles, strict=True) if role == "number"]
        return tree.Invoke(name, tuple(self.expr(arg, state) for arg in numbers))

    def _role(self, node: ast.expr) -> Role:
        return self.views.get(node.id, "number") if isinstance(node, ast.Name) else "number"

    def check_free(self, name: str, node: ast.AST, what: str) -> None:
        """Refuse a local name that would hide a function."""
        if name in BUILTINS or name in self.module.math_names or name in self.module.functions:
            fail(node, f"{what} {name!r} hides the function of that name: rename it")


def _shim_tree(name: str, args: tuple[tree.Expr, ...]) -> tree.Expr:
    if name == "float" or (name == "trunc" and tree.is_truth(args[0])):
        return args[0]
    if name == "pow":
        return tree.Binary("**", *args)
    if name == "log" and len(args) == 2:
        return tree.Binary("/", tree.Call("log", args[:1]), tree.Call("log", args[1:]))
    return tree.Call(name, args)


def _math_advice(name: str) -> str:
    known = {**MATH_FUNCTIONS, **MATH_CONSTANTS}
    if name in MATH_FUNCTIONS:
        return f"it is a function; call math.{name}(…)"
    return f"not available{nearest(name, known)}; math has: {', '.join(known)}"


def _spelled(text: object) -> float | None:
    words = {"inf": math.inf, "infinity": math.inf, "nan": math.nan}
    if not isinstance(text, str):
        return None
    word = text.strip().lower()
    return (
        -words[word[1:]] if word[:1] == "-" and word[1:] in words else words.get(word.lstrip("+"))
    )
