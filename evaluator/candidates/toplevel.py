"""The top level of a pure policy file: imports, constants, settings, functions."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Final

from evaluator.candidates.constants import fold
from evaluator.candidates.expressions import Module, fail
from evaluator.candidates.language import (
    BUILTINS,
    MATH_CONSTANTS,
    MATH_FUNCTIONS,
    STATEMENT_WAYS,
    excerpt,
    nearest,
)
from evaluator.candidates.translate import Translator

SETTINGS: Final = {
    "DISCIPLINE": ("greedy", "strict", "easy", "conservative", "bind"),
    "BATCH": ("key", "min", "max"),
}
"""Module constants that are words, and the words they may be."""


@dataclass
class TopLevel:
    """What a file says outside its functions; filled in text order."""

    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)
    constants: dict[str, float] = field(default_factory=dict)
    settings: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Word and line of each setting."""
    math_names: set[str] = field(default_factory=set)
    imported: dict[str, str] = field(default_factory=dict)

    @property
    def module(self) -> Module:
        """The same, as the translator wants it."""
        return Module(self.functions, self.constants, frozenset(self.math_names), self.imported)


def read_top_level(module: ast.Module) -> TopLevel:
    """Read every statement of the file.

    Raises:
        SubsetError: for a statement that has no place there.
    """
    top = TopLevel()
    # functions first: a constant must not take a function's name wherever either stands
    for node in module.body:
        if isinstance(node, ast.FunctionDef):
            _function(node, top)
    for node in module.body:
        _statement(node, top)
    return top


def _statement(node: ast.stmt, top: TopLevel) -> None:
    match node:
        case ast.FunctionDef() | ast.Pass():
            pass
        case ast.Expr(ast.Constant(value=str())):
            pass
        case ast.Import():
            _import(node, top)
        case ast.ImportFrom():
            _import_from(node, top)
        case ast.Assign() | ast.AnnAssign():
            _constant(node, top)
        case ast.If():
            fail(node, f"`if {excerpt(node.test)}:` outside a function: remove it")
        case ast.Expr():
            fail(node, f"`{excerpt(node)}` outside a function: remove it")
        case _:
            way = STATEMENT_WAYS.get(type(node), f"`{excerpt(node)}`: remove it")
            fail(node, f"{way} (at the top only import math, constants and functions)")


def _function(node: ast.FunctionDef, top: TopLevel) -> None:
    name, a = node.name, node.args
    if name in top.functions:
        fail(node, f"`def {name}`: defined twice; keep one")
    if name in BUILTINS or name in ("math", "range"):
        fail(node, f"`def {name}`: hides the function of that name; rename it")
    if node.decorator_list:
        fail(node.decorator_list[0], f"decorator on `{name}`: remove it")
    if a.defaults or any(default is not None for default in a.kw_defaults):
        fail(node, f"`def {name}`: no default arguments; use a module constant")
    if a.vararg or a.kwarg or a.kwonlyargs:
        fail(node, f"`def {name}`: plain parameters only, no * or **")
    # positional-only parameters are as good as plain ones
    a.args, a.posonlyargs = [*a.posonlyargs, *a.args], []
    top.functions[name] = node


def _import(node: ast.Import, top: TopLevel) -> None:
    for alias in node.names:
        if alias.name != "math":
            fail(node, f"`import {alias.name}`: only `import math` is available")
        name = alias.asname or "math"
        _check_new(name, node, top)
        top.math_names.add(name)


def _import_from(node: ast.ImportFrom, top: TopLevel) -> None:
    if node.module in ("__future__", "typing") and node.level == 0:
        return
    if node.module != "math" or node.level:
        fail(node, f"`{excerpt(node)}`: only `import math` is available")
    for alias in node.names:
        if alias.name not in MATH_FUNCTIONS and alias.name not in MATH_CONSTANTS:
            known = {**MATH_FUNCTIONS, **MATH_CONSTANTS}
            fail(
                node,
                f"`from math import {alias.name}`: not available"
                f"{nearest(alias.name, known)}; math has: {', '.join(known)}",
            )
        name = alias.asname or alias.name
        _check_new(name, node, top)
        top.imported[name] = alias.name


def _constant(node: ast.Assign | ast.AnnAssign, top: TopLevel) -> None:
    if node.value is None:
        return
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    pairs: list[tuple[ast.expr, ast.expr]] = []
    for target in targets:
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            if len(target.elts) != len(node.value.elts):
                fail(node, f"`{excerpt(node)}`: as many values as names are needed")
            pairs += zip(target.elts, node.value.elts, strict=True)
        else:
            pairs.append((target, node.value))
    for target, value in pairs:
        if not isinstance(target, ast.Name):
            fail(node, f"`{excerpt(node)}`: module constants are plain names")
        _define(target.id, value, node, top)


def _define(name: str, value: ast.expr, node: ast.stmt, top: TopLevel) -> None:
    _check_new(name, node, top)
    if name in SETTINGS:
        words = SETTINGS[name]
        word = value.value if isinstance(value, ast.Constant) else None
        if word not in words or not isinstance(word, str):
            fail(node, f"`{excerpt(node)}`: {name} is one of {', '.join(map(repr, words))}")
        top.settings[name] = (word, node.lineno)
        return
    if isinstance(value, ast.Constant) and isinstance(value.value, str) and _is_label(name):
        return
    folded = fold(Translator(top.module).constant(value))
    if folded is None:
        fail(node, f"`{excerpt(node)}`: a module constant must be a number known beforehand")
    top.constants[name] = folded


def _is_label(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _check_new(name: str, node: ast.stmt, top: TopLevel) -> None:
    taken = name in top.constants or name in top.settings or name in top.imported
    if taken or name in top.functions:
        fail(node, f"{name!r} is defined twice: assign it once and keep it")
    if name in BUILTINS and name != "pow":
        fail(node, f"{name!r} hides the function of that name: rename it")
