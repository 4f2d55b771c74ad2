"""New Python from the checked tree: every operation goes through a shim, every number is a double.

Only this text is ever run in the plain lane; names from the candidate get a prefix, so they
cannot meet a shim.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType

from evaluator.candidates import shims_python, tree
from evaluator.candidates.constants import power_form
from evaluator.candidates.parse import checked_tree
from evaluator.policy import PolicySource

OPERATOR_SHIMS = {"/": "_div", "//": "_floordiv", "%": "_mod"}


def regenerate(policy: tree.Policy) -> str:
    """Return the functions ``key(task, now)``, ``prefer(task, node)``, ``score(task, node, now)``.

    Helpers take both views first, None where there is none.
    """
    parts = [_helper(function) for function in policy.helpers]
    parts += [_entry(function) for function in policy.entries]
    return "\n\n".join(parts) + "\n"


def python_module(source: PolicySource) -> str:
    """Return a text that stands alone (shims, then functions) and imports ``math`` only."""
    return f"{inspect.getsource(shims_python)}\n\n{regenerate(checked_tree(source.text))}"


def python_functions(source: PolicySource) -> Mapping[str, Callable[..., float]]:
    """Return the policy's entry points as plain Python callables, by name.

    ``key(task, now)``, ``prefer(task, node)``, ``score(task, node, now)`` always take these
    parameters, whatever the policy wrote; task and node are objects with the documented fields
    as float attributes, times in seconds.

    Raises:
        SubsetError: if the source is not a pure policy.
    """
    return _functions(source.text)


@lru_cache(maxsize=512)
def _functions(text: str) -> Mapping[str, Callable[..., float]]:
    policy = checked_tree(text)
    namespace = {
        name: value
        for name, value in vars(shims_python).items()
        if name.startswith("_") and not name.startswith("__")
    }
    namespace["__builtins__"] = {}
    exec(compile(regenerate(policy), "<pure policy>", "exec"), namespace)
    return MappingProxyType(
        {function.name: namespace[function.name] for function in policy.entries}
    )


def _entry(function: tree.Function) -> str:
    views = ["task"] if function.name == "key" else ["task", "node"]
    numbers = [_local(name) for name in function.parameters]
    if function.name != "prefer" and not numbers:
        numbers = ["now"]
    return _definition(function.name, [*views, *numbers], function)


def _helper(function: tree.Function) -> str:
    parameters = ["task", "node", *map(_local, function.parameters)]
    return _definition(f"h_{function.name}", parameters, function)


def _definition(name: str, parameters: list[str], function: tree.Function) -> str:
    lines = _Writer("node" in parameters).block(function.body, 1)
    return "\n".join([f"def {name}({', '.join(parameters)}):", *lines])


def _local(name: str) -> str:
    # a held value of `a, b = b, a` is called ".a" in the tree
    return f"w_{name[1:]}" if name.startswith(".") else f"v_{name}"


class _Writer:
    def __init__(self, has_node: bool) -> None:
        self.node = "node" if has_node else "None"

    def block(self, body: tuple[tree.Stmt, ...], depth: int) -> list[str]:
        pad = "    " * depth
        lines: list[str] = []
        for stmt in body:
            match stmt:
                case tree.Assign(name, value):
                    lines.append(f"{pad}{_local(name)} = {self.number(value)}")
                case tree.Return(value):
                    lines.append(f"{pad}return {self.number(value)}")
                case tree.If(test, then, orelse):
                    lines.append(f"{pad}if {self.any(test)}:")
                    lines += self.block(then, depth + 1)
                    if orelse:
                        lines.append(f"{pad}else:")
                        lines += self.block(orelse, depth + 1)
                case tree.For(name, values, inner):
                    turns = ", ".join(repr(float(value)) for value in values)
                    lines.append(f"{pad}for {_local(name)} in ({turns},):")
                    lines += self.block(inner, depth + 1)
                case tree.Break():
                    lines.append(f"{pad}break")
                case tree.Continue():
                    lines.append(f"{pad}continue")
        return lines or [f"{pad}pass"]

    def number(self, expr: tree.Expr) -> str:
        """Write an expression whose value must be a double."""
        text = self.any(expr)
        return f"_num({text})" if tree.is_truth(expr) else text

    def any(self, expr: tree.Expr) -> str:
        """Write an expression whose value may be a truth or a double."""
        match expr:
            case tree.Num(value):
                return _literal(value)
            case tree.Name(name):
                return _local(name)
            case tree.Field(owner, name):
                return f"{owner}.{name}"
            case tree.Negative(value):
                return f"(-{self.number(value)})"
            case tree.Not(value):
                return f"(not {self.any(value)})"
            case tree.Binary(op, left, right):
                return self._binary(op, left, right)
            case tree.Compare(ops, operands):
                texts = [self.number(operand) for operand in operands]
                chain = "".join(f" {op} {t}" for op, t in zip(ops, texts[1:], strict=True))
                return f"({texts[0]}{chain})"
            case tree.Logic(op, values):
                write = self.any if tree.is_truth(expr) else self.number
                return "(" + f" {op} ".join(write(value) for value in values) + ")"
            case tree.Choose(test, yes, no):
                write = self.any if tree.is_truth(expr) else self.number
                return f"({write(yes)} if {self.any(test)} else {write(no)})"
            case tree.Call(function, args):
                return self._call(function, [self.number(arg) for arg in args])
            case tree.Invoke(helper, args):
                numbers = [self.number(arg) for arg in args]
                return f"h_{helper}({', '.join(['task', self.node, *numbers])})"

    def _binary(self, op: str, left: tree.Expr, right: tree.Expr) -> str:
        base = self.number(left)
        if op == "**":
            match power_form(right):
                case int(n):
                    return f"_power({base}, {n})"
                case None:
                    return f"_pow({base}, {self.number(right)})"
                case _:
                    return f"_sqrt({base})"
        if op in OPERATOR_SHIMS:
            return f"{OPERATOR_SHIMS[op]}({base}, {self.number(right)})"
        return f"({base} {op} {self.number(right)})"

    def _call(self, function: str, args: list[str]) -> str:
        text = args[0]
        if function in ("min", "max"):
            for arg in args[1:]:
                text = f"_{function}({text}, {arg})"
            return text
        return f"_{function}({', '.join(args)})"


def _literal(value: float) -> str:
    if math.isnan(value):
        return "_nan"
    if math.isinf(value):
        return "_inf" if value > 0 else "(-_inf)"
    text = repr(value)
    return f"({text})" if text.startswith("-") else text
