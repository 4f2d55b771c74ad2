"""A first gate for ``decide(state)``: cheap and helpful; what confines is the sandbox."""

from __future__ import annotations

import ast
from typing import Final

from evaluator.errors import SubsetError

IMPORTS: Final = (
    "math", "heapq", "bisect", "collections", "itertools", "functools", "operator",
    "statistics", "dataclasses", "typing", "random",
)  # fmt: skip
"""Modules a general policy may import."""

REFUSED_NAMES: Final = frozenset(
    {
        "eval", "exec", "compile", "open", "input", "breakpoint", "getattr", "setattr", "delattr",
        "globals", "locals", "vars", "dir", "memoryview", "help", "exit", "quit",
    }
)  # fmt: skip

ALLOWED_DUNDERS: Final = frozenset({"__init__", "__lt__", "__eq__", "__hash__", "__post_init__"})
"""Methods a class of the policy's own may define."""

REFUSED_ATTRIBUTES: Final = frozenset(
    {
        "gi_frame", "gi_code", "cr_frame", "cr_code", "ag_frame", "ag_code", "tb_frame", "tb_next",
        "f_back", "f_globals", "f_locals", "f_builtins", "f_code", "func_globals", "co_code",
    }
)  # fmt: skip


def check_general(module: ast.Module) -> None:
    """Refuse what no honest ``decide`` needs.

    Raises:
        SubsetError: names the line, the construct and the way out.
    """
    decide = next(n for n in module.body if isinstance(n, ast.FunctionDef) and n.name == "decide")
    a = decide.args
    if len(a.posonlyargs) + len(a.args) != 1 or a.kwonlyargs or a.vararg or a.kwarg:
        raise SubsetError("`def decide`: takes exactly one parameter, the state", decide.lineno)
    for node in ast.walk(module):
        _check(node)


def _check(node: ast.AST) -> None:
    line = getattr(node, "lineno", None)
    match node:
        case ast.Import(names):
            for alias in names:
                _check_import(alias.name, line)
        case ast.ImportFrom(module=name, names=names):
            _check_import("." if node.level else name or ".", line)
            for alias in names:
                _check_name(alias.name, line)
        case ast.Name(id=name):
            _check_name(name, line)
        case ast.Attribute(attr=name):
            if _is_dunder(name) or name in REFUSED_ATTRIBUTES:
                raise SubsetError(f"attribute `.{name}`: not available; use plain attributes", line)
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
            if name not in ALLOWED_DUNDERS:
                _check_name(name, line)
        case ast.AsyncFunctionDef() | ast.Await():
            raise SubsetError("`async`: decide is an ordinary function; write `def`", line)
        case _:
            pass


def _check_import(name: str, line: int | None) -> None:
    if name == "__future__":
        return
    if name.split(".")[0] not in IMPORTS:
        raise SubsetError(f"`import {name}`: only {', '.join(IMPORTS)} are available", line)


def _check_name(name: str, line: int | None) -> None:
    if name in REFUSED_NAMES or (_is_dunder(name) and name != "__name__"):
        raise SubsetError(f"`{name}`: not available to a policy; remove it", line)


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")
