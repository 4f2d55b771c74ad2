"""From Python's syntax tree to the checked tree, function by function.

Checking and translating are one walk: what has no translation is refused with the line, the
construct and the way out.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NoReturn

from evaluator.candidates import tree
from evaluator.candidates.constants import fold
from evaluator.candidates.fields import NODE_FIELDS, TASK_FIELDS
from evaluator.candidates.language import (
    BUILTINS,
    COMPARISONS,
    EXPRESSION_WAYS,
    MATH_CONSTANTS,
    MATH_FUNCTIONS,
    OPERATORS,
    SHIM_OF,
    STATEMENT_WAYS,
    excerpt,
    nearest,
)
from evaluator.errors import SubsetError

Role = Literal["task", "node", "number"]
LONGEST_RANGE: Final = 100
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


@dataclass
class _Loop:
    exits: list[frozenset[str]] = field(default_factory=list)
    nexts: list[frozenset[str]] = field(default_factory=list)


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


def fail(line: int | ast.AST, message: str) -> NoReturn:
    """Refuse the source at a line."""
    at = line if isinstance(line, int) else getattr(line, "lineno", None)
    raise SubsetError(message, at)


def _spoken(roles: Sequence[Role]) -> str:
    return "(" + ", ".join(roles) + ")"


class _Body:
    def __init__(
        self, owner: Translator, definition: ast.FunctionDef, roles: tuple[Role, ...]
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
            self._check_free(name, definition, "parameter")
        self.assigned = frozenset(
            node.id
            for node in ast.walk(definition)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        )
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
        return self._expr(node, frozenset())

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
                test_tree = self._expr(test, state)
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
        return self._expr(node.value, state)

    def _assignment(
        self, node: ast.Assign | ast.AnnAssign | ast.AugAssign, state: frozenset[str]
    ) -> tuple[list[tree.Stmt], frozenset[str]]:
        if isinstance(node, ast.AugAssign):
            name = self._target(node.target)
            left = self._name(name, node, state)
            right = self._expr(node.value, state)
            value = self._arithmetic(node, node.op, left, right)
            return [tree.Assign(name, value)], state | {name}
        if isinstance(node, ast.AnnAssign):
            if node.value is None:
                return [], state
            name = self._target(node.target)
            return [tree.Assign(name, self._expr(node.value, state))], state | {name}
        pairs = _paired(node)
        if pairs is not None:
            return self._unpacked(pairs, state)
        if isinstance(node.targets[0], ast.Tuple | ast.List):
            fail(node, f"`{excerpt(node)}`: unpack as many single values as there are names")
        value = self._expr(node.value, state)
        names = [self._target(target) for target in node.targets]
        first = tree.Assign(names[0], value)
        copies = [tree.Assign(name, tree.Name(names[0])) for name in names[1:]]
        return [first, *copies], state | set(names)

    def _unpacked(
        self, pairs: list[tuple[ast.expr, ast.expr]], state: frozenset[str]
    ) -> tuple[list[tree.Stmt], frozenset[str]]:
        names = [self._target(target) for target, _ in pairs]
        values = [self._expr(value, state) for _, value in pairs]
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
        self._check_free(node.id, node, "variable")
        if node.id in self.views:
            fail(
                node,
                f"`{node.id} = …`: the {self.views[node.id]} cannot be replaced; use another name",
            )
        return node.id

    def _check_free(self, name: str, node: ast.AST, what: str) -> None:
        if name in BUILTINS or name in self.module.math_names or name in self.module.functions:
            fail(node, f"{what} {name!r} hides the function of that name: rename it")

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
            value = fold(self._expr(arg, state))
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

    # expressions

    def _expr(self, node: ast.expr, state: frozenset[str]) -> tree.Expr:
        match node:
            case ast.Constant():
                return tree.Num(self._literal(node))
            case ast.Name(id=name):
                return self._name(name, node, state)
            case ast.Attribute():
                return self._attribute(node)
            case ast.BinOp(left, op, right):
                return self._arithmetic(node, op, self._expr(left, state), self._expr(right, state))
            case ast.UnaryOp(op, operand):
                return self._unary(node, op, self._expr(operand, state))
            case ast.BoolOp(op, values):
                kind: Literal["and", "or"] = "and" if isinstance(op, ast.And) else "or"
                return tree.Logic(kind, tuple(self._expr(value, state) for value in values))
            case ast.Compare(left, ops, comparators):
                return self._comparison(node, ops, [left, *comparators], state)
            case ast.IfExp(test, body, orelse):
                return tree.Choose(
                    self._expr(test, state), self._expr(body, state), self._expr(orelse, state)
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

    def _name(self, name: str, node: ast.AST, state: frozenset[str]) -> tree.Expr:
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

    def _arithmetic(
        self, node: ast.AST, op: ast.operator, left: tree.Expr, right: tree.Expr
    ) -> tree.Expr:
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
        return tree.Compare(tuple(symbols), tuple(self._expr(o, state) for o in operands))

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
        args = tuple(self._expr(arg, state) for arg in nodes)
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
        return tree.Invoke(name, tuple(self._expr(arg, state) for arg in numbers))

    def _role(self, node: ast.expr) -> Role:
        return self.views.get(node.id, "number") if isinstance(node, ast.Name) else "number"


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
