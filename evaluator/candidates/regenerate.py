"""New Python from the checked tree: every operation goes through a shim, every number is a double.

Only this text is ever run in the plain lane; names from the candidate get a prefix, so they
cannot meet a shim.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, reduce
from types import MappingProxyType

from evaluator.candidates import shims_python, tree
from evaluator.candidates.constants import power_form
from evaluator.candidates.parse import checked_tree
from evaluator.candidates.printing import Printer
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
    lines = _Writer("node" in parameters).block(function.body)
    return "\n".join([f"def {name}({', '.join(parameters)}):", *lines])


def _local(name: str) -> str:
    # a held value of `a, b = b, a` is called ".a" in the tree
    return f"w_{name[1:]}" if name.startswith(".") else f"v_{name}"


class _Writer(Printer):
    def __init__(self, has_node: bool) -> None:
        self.node = "node" if has_node else "None"

    def local(self, name: str) -> str:
        return _local(name)

    def literal(self, value: float) -> str:
        if math.isnan(value):
            return "_nan"
        if math.isinf(value):
            return "_inf" if value > 0 else "(-_inf)"
        text = repr(value)
        return f"({text})" if text.startswith("-") else text

    def turns(self, values: range) -> str:
        return "(" + ", ".join(repr(float(value)) for value in values) + ",)"

    def number(self, expr: tree.Expr) -> str:
        text = self.any(expr)
        return f"_num({text})" if tree.is_truth(expr) else text

    def binary(self, op: str, left: tree.Expr, right: tree.Expr) -> str:
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

    def call(self, function: str, args: Sequence[str]) -> str:
        if function in ("min", "max"):
            return reduce(lambda text, arg: f"_{function}({text}, {arg})", args)
        return f"_{function}({', '.join(args)})"

    def invoke(self, helper: str, args: Sequence[str]) -> str:
        return f"h_{helper}({', '.join(['task', self.node, *args])})"
