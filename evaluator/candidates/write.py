"""From the checked tree back to a policy file as a person would write it."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence
from typing import Final

from evaluator.candidates import tree
from evaluator.candidates.language import BUILTINS
from evaluator.candidates.printing import Printer
from evaluator.candidates.rewrite import names

RESERVED: Final = frozenset({"task", "node", "math", "range", "now", *BUILTINS})


def policy_text(policy: tree.Policy, docstring: str = "") -> str:
    """Return a file that ``read_policy`` reads as this tree."""
    parts: list[str] = []
    if docstring:
        parts.append(repr(docstring))
    if policy.discipline != "greedy":
        parts.append(f"DISCIPLINE = {policy.discipline!r}")
    if policy.batch != "key":
        parts.append(f"BATCH = {policy.batch!r}")
    entries = {function.name for function in policy.entries}
    helpers = [function for function in policy.helpers if function.name not in entries]
    writers = [_Function(policy, function) for function in (*helpers, *policy.entries)]
    parts += [writer.text() for writer in writers]
    if any("math." in part for part in parts):
        parts.insert(1 if docstring else 0, "import math")
    return ast.unparse(ast.parse("\n".join(parts))) + "\n"


class _Function(Printer):
    def __init__(self, policy: tree.Policy, function: tree.Function) -> None:
        self.policy = policy
        self.function = function
        self.is_entry = policy.entry(function.name) is not None
        self.locals = self._names()

    def text(self) -> str:
        numbers = [self.locals[name] for name in self.function.parameters]
        if self.function.name == "score" and not numbers:
            numbers = [_free("now", set(self.locals.values()))]
        parameters = [*self._views(self.function), *numbers]
        head = f"def {self.function.name}({', '.join(parameters)}):"
        return "\n".join([head, *self.block(self.function.body)])

    def _names(self) -> Mapping[str, str]:
        taken = {f.name for f in (*self.policy.helpers, *self.policy.entries)}
        result: dict[str, str] = {}
        for position, name in enumerate((*self.function.parameters, *names(self.function.body))):
            if name in result:
                continue
            # the one number an entry takes is now, and may be called so
            wanted = name[1:] + "_new" if name.startswith(".") else name
            own_now = wanted == "now" and position < len(self.function.parameters)
            reserved = RESERVED - {"now"} if own_now else RESERVED
            result[name] = _free(wanted, {*result.values(), *taken, *reserved})
        return result

    def _views(self, function: tree.Function) -> list[str]:
        entry = {"key": ["task"], "prefer": ["task", "node"], "score": ["task", "node"]}
        if function.name in entry:
            return entry[function.name]
        owners = {owner for owner, _ in tree.fields_of(self.policy, function)}
        return [owner for owner in ("task", "node") if owner in owners]

    def local(self, name: str) -> str:
        return self.locals[name]

    def literal(self, value: float) -> str:
        return literal(value)

    def turns(self, values: range) -> str:
        return repr(values)

    def binary(self, op: str, left: tree.Expr, right: tree.Expr) -> str:
        return f"({self.any(left)} {op} {self.any(right)})"

    def call(self, function: str, args: Sequence[str]) -> str:
        prefix = "" if function in BUILTINS else "math."
        return f"{prefix}{function}({', '.join(args)})"

    def invoke(self, helper: str, args: Sequence[str]) -> str:
        # an entry that is called takes its numbers as it was written
        given = [*self._views(self.policy.function(helper)), *args]
        return f"{helper}({', '.join(given)})"


def literal(value: float) -> str:
    """Return a number as it would be written by hand."""
    if math.isnan(value):
        return "math.nan"
    if math.isinf(value):
        return "math.inf" if value > 0 else "(-math.inf)"
    plain = value == int(value) and abs(value) < 1e15 and not (value == 0 and str(value)[0] == "-")
    text = str(int(value)) if plain else repr(value)
    return f"({text})" if text.startswith("-") else text


def _free(name: str, taken: set[str]) -> str:
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = f"{name}{number}", number + 1
    return candidate
