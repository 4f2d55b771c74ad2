"""Values known before anything runs: folding of constant expressions by the shims themselves."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Final

from evaluator.candidates import shims_python as shims
from evaluator.candidates.tree import (
    Binary,
    Call,
    Choose,
    Compare,
    Expr,
    Field,
    Invoke,
    Logic,
    Name,
    Negative,
    Not,
    Num,
)

COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "==": operator.eq, "!=": operator.ne,
}  # fmt: skip

ARITHMETIC: Final[Mapping[str, Callable[[float, float], float]]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul,
    "/": shims._div, "//": shims._floordiv, "%": shims._mod,
}  # fmt: skip


def power_form(exponent: Expr) -> int | float | None:
    """Return how ``x ** exponent`` is computed: 1..8 by multiplication, 0.5 by root, else None."""
    value = fold(exponent)
    if value in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0):
        return int(value)
    return 0.5 if value == 0.5 else None


def power(base: float, exponent: float) -> float:
    """Return ``base ** exponent`` for a constant exponent, as both lanes compute it."""
    form = power_form(Num(exponent))
    if form is None:
        return shims._pow(base, exponent)
    return shims._power(base, form) if isinstance(form, int) else shims._sqrt(base)


def fold(expr: Expr) -> float | None:
    """Return the value of a constant expression; None if it depends on anything."""
    match expr:
        case Num(value):
            return value
        case Name() | Field() | Invoke():
            return None
        case Negative(inner):
            known = fold(inner)
            return None if known is None else -known
        case Not(inner):
            known = fold(inner)
            return None if known is None else float(known == 0.0)
        case Choose(test, yes, no):
            known = fold(test)
            return None if known is None else fold(yes if known != 0.0 else no)
        case Binary(op, left, right):
            return _binary(op, fold(left), fold(right))
        case Compare(ops, operands):
            values = _all(operands)
            if values is None:
                return None
            steps = zip(ops, values, values[1:], strict=False)
            return float(all(COMPARE[op](a, b) for op, a, b in steps))
        case Logic(op, operands):
            values = _all(operands)
            if values is None:
                return None
            stop = op == "or"
            return next((v for v in values[:-1] if (v != 0.0) is stop), values[-1])
        case Call(function, args):
            values = _all(args)
            return None if values is None else call(function, values)


def call(function: str, values: list[float]) -> float:
    """Apply a shim to doubles."""
    if function in ("min", "max"):
        shim = getattr(shims, f"_{function}")
        result = values[0]
        for value in values[1:]:
            result = shim(result, value)
        return float(result)
    if function == "pow":
        return power(*values)
    return float(getattr(shims, f"_{function}")(*values))


def _binary(op: str, left: float | None, right: float | None) -> float | None:
    if left is None or right is None:
        return None
    return power(left, right) if op == "**" else ARITHMETIC[op](left, right)


def _all(operands: tuple[Expr, ...]) -> list[float] | None:
    values = [fold(operand) for operand in operands]
    known = [value for value in values if value is not None]
    return known if len(known) == len(values) else None
