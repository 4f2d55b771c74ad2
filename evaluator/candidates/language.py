"""The words of the pure subset: what may be called, and what to say about the rest."""

from __future__ import annotations

import ast
import difflib
import math
from collections.abc import Iterable, Mapping
from typing import Final

MATH_FUNCTIONS: Final[Mapping[str, tuple[int, int]]] = {
    "sqrt": (1, 1), "exp": (1, 1), "expm1": (1, 1), "log": (1, 2), "log1p": (1, 1),
    "log2": (1, 1), "log10": (1, 1), "pow": (2, 2), "floor": (1, 1), "ceil": (1, 1),
    "trunc": (1, 1), "fabs": (1, 1), "tanh": (1, 1), "atan": (1, 1), "hypot": (2, 2),
    "isinf": (1, 1), "isnan": (1, 1), "isfinite": (1, 1), "copysign": (2, 2),
}  # fmt: skip
"""``math.`` functions with least and greatest number of arguments."""

MATH_CONSTANTS: Final[Mapping[str, float]] = {
    "inf": math.inf, "pi": math.pi, "e": math.e, "tau": math.tau, "nan": math.nan,
}  # fmt: skip

BUILTINS: Final[Mapping[str, tuple[int, int]]] = {
    "abs": (1, 1), "min": (1, 100), "max": (1, 100), "round": (1, 1), "int": (1, 1),
    "float": (1, 1), "bool": (1, 1), "pow": (2, 2),
}  # fmt: skip

SHIM_OF: Final[Mapping[str, str]] = {"fabs": "abs", "int": "trunc"}
"""Subset names that are another shim under a second name."""

OPERATORS: Final[Mapping[type[ast.operator], str]] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%",
    ast.Pow: "**",
}  # fmt: skip

COMPARISONS: Final[Mapping[type[ast.cmpop], str]] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
}  # fmt: skip

STATEMENT_WAYS: Final[Mapping[type[ast.AST], str]] = {
    ast.While: "`while`: use `for i in range(N)` with a constant N <= 100",
    ast.Try: "`try`: nothing raises here (a / 0 and math.log(-1) are NaN); test with `if` instead",
    ast.With: "`with`: not available; a policy only computes a number",
    ast.Raise: "`raise`: return a number; to decline a pair return -math.inf",
    ast.Assert: "`assert`: remove it, or use `if`",
    ast.Global: "`global`: no state between calls; use the fields of task and node",
    ast.Nonlocal: "`nonlocal`: no state between calls; use the fields of task and node",
    ast.ClassDef: "`class`: only functions of numbers",
    ast.AsyncFunctionDef: "`async def`: write `def`",
    ast.Delete: "`del`: remove it",
    ast.Match: "`match`: use `if` / `elif`",
    ast.FunctionDef: "nested function: move it to the top level of the file",
    ast.Import: "`import` inside a function: `import math` on the first line is enough",
    ast.ImportFrom: "`import` inside a function: `import math` on the first line is enough",
}

EXPRESSION_WAYS: Final[Mapping[type[ast.AST], str]] = {
    ast.Lambda: "`lambda`: write a helper function with `def` at the top level",
    ast.ListComp: "list comprehension: use `for i in range(N)` and a running total",
    ast.SetComp: "set comprehension: use `for i in range(N)` and a running total",
    ast.DictComp: "dict comprehension: use `if` / `elif` or arithmetic",
    ast.GeneratorExp: "generator expression: use `for i in range(N)` and a running total",
    ast.List: "list: no containers; use separate variables",
    ast.Set: "set: no containers; use `x == 1 or x == 2`",
    ast.Dict: "dict: no containers; use `if` / `elif`",
    ast.Tuple: "tuple: one number only; combine as `first + 1e-6 * second`",
    ast.JoinedStr: "f-string: no text; a policy only computes a number",
    ast.NamedExpr: "`:=`: assign on a line of its own",
    ast.Await: "`await`: remove it",
    ast.Yield: "`yield`: use `return`",
    ast.YieldFrom: "`yield from`: use `return`",
    ast.Starred: "`*` unpacking: write the arguments out",
    ast.Slice: "slice: no containers",
}


def excerpt(node: ast.AST, limit: int = 48) -> str:
    """Return the construct as one short line of source."""
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` or nothing."""
    close = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""
