"""The language of evolved resolvers: a small part of Python that can do nothing but compute.

A text defines ``score(event, user)`` and, if it likes, ``doubt(first, second, user)`` and helpers.
Allowed are numbers, arithmetic, comparisons, conditions, bounded loops, ``math``, local variables,
helpers defined above their use, and the fields of the parameters. Nothing else is compiled, so a
checked text needs no process of its own to be safe; that it ends is bounded before it runs.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from typing import Final

from evaluator.candidates.measure import check_size, check_text
from evaluator.errors import SubsetError

MATH: Final = (
    "sqrt", "exp", "log", "log1p", "expm1", "tanh", "erf", "floor", "ceil", "fabs", "pi", "inf",
)  # fmt: skip
BUILT_IN: Final[Mapping[str, Callable[..., object]]] = {
    "min": min, "max": max, "abs": abs, "float": float,
}  # fmt: skip
MOST_TURNS: Final = 1000
"""Of all loops together, in one call."""
ENTRIES: Final[Mapping[str, tuple[str, ...]]] = {
    "score": ("event", "user"), "doubt": ("first", "second", "user"),
}  # fmt: skip

_NODES: Final = (
    ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Assign, ast.AugAssign,
    ast.If, ast.IfExp, ast.For, ast.Compare, ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Call,
    ast.Attribute, ast.Name, ast.Constant, ast.Load, ast.Store, ast.Expr, ast.And, ast.Or,
    ast.Not, ast.USub, ast.UAdd, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Eq, ast.NotEq, ast.Lt,
    ast.LtE, ast.Gt, ast.GtE, ast.Import, ast.alias, ast.Pass,
)  # fmt: skip


def compile_resolver(
    text: str, fields: Mapping[str, frozenset[str]]
) -> dict[str, Callable[..., object]]:
    """Check a text and return its entry points.

    Args:
        text: The candidate.
        fields: Names that may be read, by kind of parameter (``event``, ``user``).

    Raises:
        SubsetError: names the line, the construct and the way out.
    """
    check_text(text)
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise SubsetError(f"not valid Python: {error}", getattr(error, "lineno", None)) from None
    check_size(module)
    turns: dict[str, int] = {}
    for statement in module.body:
        _check_top(statement, turns, fields)
    if "score" not in turns:
        raise SubsetError("no entry point: define `def score(event, user)`")
    module.body = [s for s in module.body if isinstance(s, ast.FunctionDef | ast.Assign)]
    names: dict[str, object] = {"__builtins__": {**BUILT_IN, "range": range}, "math": math}
    # every node of it was looked at and is of the kinds above
    exec(compile(_in_floats(module), "<resolver>", "exec"), names)
    return {name: names[name] for name in ENTRIES if name in turns}  # type: ignore[misc]


def _check_top(
    statement: ast.stmt, turns: dict[str, int], fields: Mapping[str, frozenset[str]]
) -> None:
    match statement:
        case ast.Expr(ast.Constant(str())) | ast.Import([ast.alias("math", None)]):
            return
        case ast.Assign([ast.Name(name)], value) if name.isupper():
            _check_nodes(value, {}, fields, turns)
        case ast.FunctionDef():
            _check_function(statement, turns, fields)
        case _:
            raise SubsetError(
                "only `import math`, CONSTANTS and functions stand at the top", statement.lineno
            )


def _check_function(
    function: ast.FunctionDef, turns: dict[str, int], fields: Mapping[str, frozenset[str]]
) -> None:
    args, line = function.args, function.lineno
    extra = args.posonlyargs or args.kwonlyargs or args.vararg or args.kwarg or args.defaults
    if function.decorator_list or extra:
        raise SubsetError(f"`def {function.name}`: plain parameters only", line)
    names = tuple(arg.arg for arg in args.args)
    if function.name in turns or function.name in BUILT_IN or function.name == "math":
        raise SubsetError(f"`def {function.name}`: the name is taken", line)
    if names != ENTRIES.get(function.name, names):
        wanted = ", ".join(ENTRIES[function.name])
        raise SubsetError(f"write `def {function.name}({wanted})`", line)
    kinds = {name: "event" for name in names if name in ("event", "first", "second")}
    kinds |= {"user": "user"} if "user" in names else {}
    spoken = int(ast.get_docstring(function) is not None)
    for statement in function.body[spoken:]:
        _check_nodes(statement, kinds, fields, turns)
    count = _turns(function.body, turns)
    if count > MOST_TURNS:
        raise SubsetError(f"`{function.name}` may make {count} turns, at most {MOST_TURNS}", line)
    turns[function.name] = count


def _check_nodes(
    root: ast.AST,
    kinds: Mapping[str, str],
    fields: Mapping[str, frozenset[str]],
    turns: Mapping[str, int],
) -> None:
    for node in ast.walk(root):
        line = getattr(node, "lineno", None)
        if not isinstance(node, _NODES) or (
            isinstance(node, ast.FunctionDef | ast.Import) and node is not root
        ):
            raise SubsetError(f"`{type(node).__name__}` is not part of the language", line)
        match node:
            case ast.Constant(value) if not isinstance(value, bool | int | float):
                raise SubsetError(f"constant {value!r:.40}: numbers only", line)
            case ast.Constant(int(value)) if abs(value) > 10**9:
                raise SubsetError(f"constant {value!r:.40}: at most 1e9; write a float", line)
            case ast.Attribute(ast.Name("math"), name):
                if name not in MATH:
                    raise SubsetError(f"`math.{name}`: only {', '.join(MATH)}", line)
            case ast.Attribute(ast.Name(owner), name) if owner in kinds:
                if name not in fields[kinds[owner]]:
                    known = ", ".join(sorted(fields[kinds[owner]]))
                    raise SubsetError(f"`{owner}.{name}`: no such field; known: {known}", line)
            case ast.Attribute():
                raise SubsetError("fields of event, first, second, user and math only", line)
            case ast.Call(function, keywords=keywords):
                _check_call(function, bool(keywords), turns, line)
            case ast.Name(name) if name.startswith("_"):
                raise SubsetError(f"`{name}`: names do not begin with _", line)
            case ast.Assign(targets) if not all(isinstance(t, ast.Name) for t in targets):
                raise SubsetError("assign to one plain name", line)
            case ast.Assign([ast.Name(name)]) if name in kinds or name in turns or name == "math":
                raise SubsetError(f"`{name}` cannot be assigned to", line)
            case ast.For():
                _range_of(node)
            case _:
                pass


def _check_call(
    function: ast.expr, keywords: bool, turns: Mapping[str, int], line: int | None
) -> None:
    match function:
        case ast.Name(name) if name in BUILT_IN or name in turns or name == "range":
            pass
        case ast.Attribute(ast.Name("math"), name) if name not in ("pi", "inf"):
            pass
        case _:
            raise SubsetError("call math, min, max, abs, float and helpers defined above", line)
    if keywords:
        raise SubsetError("calls take no keywords", line)


def _range_of(loop: ast.For) -> int:
    """Return how often a loop turns; it must be ``for name in range(number)``."""
    match loop:
        case ast.For(ast.Name(), ast.Call(ast.Name("range"), [ast.Constant(int(count))])):
            return max(count, 0)
        case _:
            raise SubsetError("loops read `for i in range(10)`, with a number", loop.lineno)


def _turns(body: list[ast.stmt], known: Mapping[str, int]) -> int:
    total = 1
    for statement in body:
        if isinstance(statement, ast.For):
            total += _range_of(statement) * _turns(statement.body, known)
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.For):
                total += _range_of(node) * _turns(node.body, known)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                total += known.get(node.func.id, 0)
    return total


class _Floats(ast.NodeTransformer):
    """Every value becomes a float where it arises, so that no product grows without end.

    Whole numbers come from literals, truths, ``math.floor`` and ``math.ceil``, and the variable of
    a loop; only the count of a ``range`` stays what it was.
    """

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        assert isinstance(node.value, int | float)
        return ast.copy_location(ast.Constant(float(node.value)), node)

    def visit_Compare(self, node: ast.Compare) -> ast.BinOp:
        return _times_one(self.generic_visit(node))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        inner = self.generic_visit(node)
        return _times_one(inner) if isinstance(node.op, ast.Not) else inner

    def visit_Call(self, node: ast.Call) -> ast.AST:
        called = self.generic_visit(node)
        match node.func:
            case ast.Attribute(ast.Name("math"), "floor" | "ceil"):
                return _times_one(called)
            case _:
                return called

    def visit_For(self, node: ast.For) -> ast.For:
        # the target was checked to be a name
        name = ast.unparse(node.target)
        given = ast.Assign([ast.Name(name, ast.Store())], _times_one(ast.Name(name, ast.Load())))
        node.body = [given, *(self.visit(statement) for statement in node.body)]
        node.orelse = [self.visit(statement) for statement in node.orelse]
        return node


def _times_one(value: ast.AST) -> ast.BinOp:
    assert isinstance(value, ast.expr)
    return ast.BinOp(ast.Constant(1.0), ast.Mult(), value)


def _in_floats(module: ast.Module) -> ast.Module:
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    _Floats().visit(module)
    return ast.fix_missing_locations(module)
