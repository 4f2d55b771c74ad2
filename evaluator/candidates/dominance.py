"""Which of two waiting tasks a score can never prefer, found in its tree before anything runs.

A score that falls with the estimate and rises with the age cannot prefer the later and longer of
two tasks that are alike otherwise, on any node, at any time. The engine then asks about the others
only: of thousands of tasks of one shape a dozen. The answer is the same to the last bit, because
every step counted as monotone here is so in floating point too:

* ``+ - * /``, ``sqrt``, ``min``, ``max`` and rounding: IEEE rounds monotonely.
* ``pow`` with a constant exponent of at least 0.2 either way: neighbouring arguments lie half a
  unit in the last place apart or more, so their powers a tenth or more; a library that errs by less
  than 0.55 units (glibc since 2.28, musl since 1.2: 0.52) cannot exchange them.

Everything else (``exp``, ``log``, what a test depends on) only has to be *equal* for two tasks to
be compared. So has what might be NaN: a NaN is a failure, and must be met where it would be met.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal

from evaluator.candidates import shims_python as shims
from evaluator.candidates import tree
from evaluator.candidates.constants import fold, power, power_form
from evaluator.candidates.parse import checked_tree
from evaluator.policy import PolicySource

Way = Literal["unread", "lower", "higher", "equal"]
"""What one task's value must be, beside another's, never to score less."""

ORDERED: Final = ("release", "ready", "estimate")
"""What may differ between two tasks that are compared."""
GREATEST: Final = 1e13
"""No time exceeds 2**63 microseconds, in seconds; nor may any other amount, by whoever asks."""
LEAST_SPEED: Final = 1e-13
"""Nor may a speed be less where a task fits."""
GRAIN: Final = 1e-3
"""Nor a weight that is not zero; other amounts are in steps of a thousandth or of 1/1024."""
LEAST_EXPONENT: Final = 0.2
STEPS: Final = 20_000
"""Expressions looked at before giving up: helpers are followed at every call."""

_TIMES: Final[Mapping[str, tuple[str, int, float]]] = {
    "release": ("release", 1, 0.0), "age": ("release", -1, 0.0),
    "ready": ("ready", 1, 0.0), "wait": ("ready", -1, 0.0),
    "estimate": ("estimate", 1, 1e-6), "remaining": ("estimate", 1, 1e-6),
}  # fmt: skip
"""Field: the column it follows, whether it rises or falls with it, its least value."""
_ALIKE: Final[Mapping[str, frozenset[str]]] = {
    "weight": frozenset({"weight"}), "due": frozenset({"due"}),
    "deadline": frozenset({"deadline"}), "rank": frozenset({"rank"}),
    "children": frozenset({"children"}), "best_speed": frozenset({"profile"}),
    "remaining": frozenset({"attained"}), "attained": frozenset({"attained"}),
    "service": frozenset({"service"}), "starts": frozenset({"starts"}),
    "speed": frozenset({"profile"}),
    "duration": frozenset({"profile", "attained", "starts"}),
}  # fmt: skip
"""Field: columns of the task it is also made of; they must be equal."""
_MOVING: Final = frozenset({"job_remaining", "data_wait", "here"})
"""Fields that change while a task waits, or between nodes, other than with the clock."""
_AMOUNTS: Final = frozenset({"cpus", "memory", "devices", "weight"})
_RISING: Final = frozenset({"floor", "ceil", "trunc", "round"})


@dataclass(frozen=True, slots=True)
class Dominance:
    """When the first of two tasks of one shape, the one of lower row, never scores less."""

    release: Way
    ready: Way
    estimate: Way
    equal: frozenset[str]
    """Other columns that must agree."""


@dataclass(frozen=True, slots=True)
class _Value:
    """Bounds of a number, and whether it rises (1) or falls (-1) with the ordered columns.

    It depends on nothing else that differs between two tasks that are compared. It may be NaN
    where that does not either: then it is so for both.
    """

    low: float = -math.inf
    high: float = math.inf
    ways: tuple[int, int, int] = (0, 0, 0)
    grain: float = 0.0
    """A value that is not zero is no nearer to it."""

    @property
    def sign(self) -> int:
        """1 if never negative, -1 if never positive, else 0."""
        return 1 if self.low >= 0.0 else -1 if self.high <= 0.0 else 0

    @property
    def bounded(self) -> bool:
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def has_zero(self) -> bool:
        return self.low <= 0.0 <= self.high


_NOW: Final = _Value(0.0, GREATEST)


class _GiveUp(Exception):
    """There is a loop, or there is too much to look at."""


def dominance(source: PolicySource) -> Dominance | None:
    """Return what the score of a pure policy allows; None if every task has to be asked about."""
    return _dominance(source.text)


@lru_cache(maxsize=512)
def _dominance(text: str) -> Dominance | None:
    policy = checked_tree(text)
    score = policy.entry("score")
    if score is None:
        return None
    fields = {name for _, name in tree.fields_of(policy, score)}
    if fields & _MOVING:
        return None
    analysis = _Analysis(policy)
    try:
        ways = analysis.function(score, [_NOW] * len(score.parameters)).ways
    except _GiveUp:
        return None
    read = {_TIMES[name][0] for name in fields & set(_TIMES)}
    read |= {"estimate"} if "duration" in fields else set()
    names: dict[int, Way] = {-1: "lower", 1: "higher"}
    release, ready, estimate = (
        "unread" if column not in read
        else "equal" if column in analysis.equal
        else names.get(way, "unread")
        for column, way in zip(ORDERED, ways, strict=True)
    )  # fmt: skip
    equal = frozenset().union(*(_ALIKE.get(name, frozenset()) for name in fields))
    return Dominance(release, ready, estimate, equal)


class _Analysis:
    def __init__(self, policy: tree.Policy) -> None:
        self.policy = policy
        self.equal: set[str] = set()
        self.steps = 0

    def function(self, function: tree.Function, numbers: Iterable[_Value]) -> _Value:
        returned: list[_Value] = []
        env = dict(zip(function.parameters, numbers, strict=True))
        self._run(function.body, env, returned)
        return self._join(returned)

    def _run(
        self, body: tuple[tree.Stmt, ...], env: dict[str, _Value], returned: list[_Value]
    ) -> bool:
        """Follow statements; return whether their end can be reached."""
        for stmt in body:
            match stmt:
                case tree.Assign(name, value):
                    env[name] = self.value(value, env)
                case tree.Return(value):
                    returned.append(self.value(value, env))
                    return False
                case tree.If(test, then, orelse):
                    self._same(self.value(test, env))
                    other = dict(env)
                    ends = self._run(then, env, returned)
                    other_ends = self._run(orelse, other, returned)
                    if not ends and not other_ends:
                        return False
                    if not ends:
                        env.clear()
                        env.update(other)
                    elif other_ends:
                        for name in env.keys() & other.keys():
                            env[name] = self._join([env[name], other[name]])
                case _:
                    raise _GiveUp
        return True

    def value(self, expr: tree.Expr, env: Mapping[str, _Value]) -> _Value:
        self.steps += 1
        if self.steps > STEPS:
            raise _GiveUp
        known = fold(expr)
        if known is not None:
            return _Value(known, known) if known == known else _Value()
        match expr:
            case tree.Name(name):
                return env[name]
            case tree.Field(owner, name):
                return self._field(owner, name)
            case tree.Negative(inner):
                value = self.value(inner, env)
                return _Value(-value.high, -value.low, _turned(value.ways, -1))
            case tree.Binary(
                "-", tree.Name(name), tree.Field("task", "release" | "ready" as field)
            ):
                value = self._binary("-", expr, env[name], self._field("task", field))
                return replace(value, low=0.0) if env[name] is _NOW else value
            case tree.Binary(op, left, right):
                return self._binary(op, right, self.value(left, env), self.value(right, env))
            case tree.Choose(test, yes, no):
                self._same(self.value(test, env))
                return self._join([self.value(yes, env), self.value(no, env)])
            case tree.Call(function, args):
                return self._call(function, args, [self.value(arg, env) for arg in args])
            case tree.Invoke(helper, args):
                numbers = [self.value(arg, env) for arg in args]
                return self.function(self.policy.function(helper), numbers)
        # truths, and the operand that `and` or `or` stops at
        return self._same(*(self.value(child, env) for child in tree.children(expr)))

    def _field(self, owner: tree.Owner, name: str) -> _Value:
        if owner == "task" and name in _TIMES:
            column, way, least = _TIMES[name]
            return _Value(least, GREATEST, _one(column, way))
        if name == "duration":
            return _Value(1e-6, GREATEST, _one("estimate", 1))
        match name:
            case "price" | "carbon" | "idle_watts" | "busy_watts":
                return _Value()
            case "due" | "deadline":
                return _Value(0.0, math.inf)
            case "speed" | "best_speed":
                return _Value(LEAST_SPEED, GREATEST)
            case "gang":
                return _Value(1.0, GREATEST)
        grain = 0.9 * GRAIN if name.removeprefix("free_") in _AMOUNTS else 0.0
        return _Value(0.0, GREATEST, grain=grain)

    def _binary(self, op: str, second: tree.Expr, a: _Value, b: _Value) -> _Value:
        match op:
            case "+":
                return self._sum(a, b)
            case "-":
                return self._sum(a, _Value(-b.high, -b.low, _turned(b.ways, -1)))
            case "*":
                return self._product(a, b)
            case "/":
                return self._quotient(a, b)
            case "**":
                return self._power(a, b, power_form(second), fold(second))
        return self._same(a, b)

    def _sum(self, a: _Value, b: _Value) -> _Value:
        if math.inf in (a.high, -a.low) and math.inf in (b.high, -b.low):
            return self._same(a, b)
        return _Value(a.low + b.low, a.high + b.high, self._both(a.ways, b.ways))

    def _product(self, a: _Value, b: _Value) -> _Value:
        if (a.has_zero and not b.bounded) or (b.has_zero and not a.bounded):
            return self._same(a, b)
        ends = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
        ways = self._both(self._times(a.ways, b.sign), self._times(b.ways, a.sign))
        return _Value(min(ends), max(ends), ways)

    def _quotient(self, a: _Value, b: _Value) -> _Value:
        if b.has_zero and b.low == 0.0 < b.grain:
            # zero answers NaN whatever is divided by it
            b = _Value(b.grain, b.high)
        if b.has_zero or not (a.bounded or b.bounded):
            return self._same(a, b)
        ends = [x / y for x in (a.low, a.high) for y in (b.low, b.high)]
        ways = self._both(self._times(a.ways, b.sign), self._times(b.ways, -a.sign))
        return _Value(min(ends), max(ends), ways)

    def _power(self, a: _Value, b: _Value, form: float | None, exponent: float | None) -> _Value:
        if exponent is None or a.low < 0.0 or not math.isfinite(exponent):
            return self._same(a, b)
        ends = [power(a.low, exponent), power(a.high, exponent)]
        low, high = min(ends), max(ends)
        if form is None and abs(exponent) < LEAST_EXPONENT:
            return self._same(a, low=low, high=high)
        return _Value(low, high, _turned(a.ways, 1 if exponent > 0.0 else -1))

    def _call(self, function: str, args: tuple[tree.Expr, ...], values: list[_Value]) -> _Value:
        a = values[0]
        match function:
            case "min" | "max":
                best = min if function == "min" else max
                ways = a.ways
                for other in values[1:]:
                    ways = self._both(ways, other.ways)
                return _Value(best(v.low for v in values), best(v.high for v in values), ways)
            case "pow":
                return self._power(a, values[1], None, fold(args[1]))
            case "sqrt" if a.low >= 0.0:
                return _Value(shims._sqrt(a.low), shims._sqrt(a.high), a.ways)
            case "abs" if a.sign:
                turned = _turned(a.ways, a.sign)
                ends = sorted((abs(a.low), abs(a.high)))
                return _Value(ends[0], ends[1], turned)
            case "exp" | "expm1" | "tanh" | "atan":
                return self._within(getattr(shims, f"_{function}"), a)
            case "log" | "log2" | "log10" if a.low > 0.0 and len(values) == 1:
                return self._within(getattr(shims, f"_{function}"), a)
            case "log1p" if a.low > -1.0:
                return self._within(shims._log1p, a)
        if function in _RISING:
            rounded = getattr(shims, f"_{function}")
            return _Value(rounded(a.low), rounded(a.high), a.ways)
        return self._same(*values)

    def _within(self, function: Callable[[float], float], a: _Value) -> _Value:
        """Return the bounds of a function of the C library that rises, bar its last bit."""
        low, high = function(a.low), function(a.high)
        return self._same(a, low=low - abs(low) * 1e-9, high=high + abs(high) * 1e-9)

    def _same(self, *values: _Value, low: float = -math.inf, high: float = math.inf) -> _Value:
        """Ask that two tasks agree in what these depend on: the result is then one for both."""
        for value in values:
            self.equal |= {name for name, way in zip(ORDERED, value.ways, strict=True) if way}
        return _Value(low, high)

    def _both(self, a: tuple[int, int, int], b: tuple[int, int, int]) -> tuple[int, int, int]:
        """Combine ways; a column that pulls both ways has to be equal."""
        self.equal |= {name for name, x, y in zip(ORDERED, a, b, strict=True) if x * y < 0}
        x, y, z = (p or q for p, q in zip(a, b, strict=True))
        return x, y, z

    def _times(self, ways: tuple[int, int, int], sign: int) -> tuple[int, int, int]:
        if sign == 0:
            self._same(_Value(ways=ways))
        return _turned(ways, sign)

    def _join(self, values: list[_Value]) -> _Value:
        """Return what is true of each of several values, one of which is meant for both tasks."""
        if not values:
            raise _GiveUp
        result = values[0]
        for other in values[1:]:
            ways = self._both(result.ways, other.ways)
            result = _Value(min(result.low, other.low), max(result.high, other.high), ways)
        return result


def _one(column: str, way: int) -> tuple[int, int, int]:
    x, y, z = (way if name == column else 0 for name in ORDERED)
    return x, y, z


def _turned(ways: tuple[int, int, int], sign: int) -> tuple[int, int, int]:
    return ways[0] * sign, ways[1] * sign, ways[2] * sign
