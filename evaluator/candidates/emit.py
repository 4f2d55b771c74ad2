"""From the checked tree to LLVM: scalar functions whose bits equal the plain-Python lane.

No fast-math flag is set and no multiplication is fused, so arithmetic is IEEE as in CPython.
Transcendental functions call the C library through its address: LLVM cannot recognise them, so
it neither replaces nor folds them, and CPython's ``math`` calls the very same code.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from llvmlite import ir

from evaluator.candidates import tree
from evaluator.candidates.constants import fold, power_form
from evaluator.candidates.memo import DOUBLE, INT, Memos, libm, moves, moving_names

TRUTH: Final = ir.IntType(1)
LIBM: Final = frozenset({"exp", "expm1", "log", "log1p", "log2", "log10", "tanh", "atan"})
ROUNDING: Final = {"floor": "floor", "ceil": "ceil", "trunc": "trunc", "round": "rint"}
ORDERED: Final = frozenset({"<", "<=", ">", ">=", "=="})

INLINE: Final = 600
"""Greatest number of tree nodes by which inlining one function may grow the code."""

Fields = tuple[tuple[tree.Owner, str], ...]


def number(value: float) -> ir.Constant:
    """Return a double constant."""
    return ir.Constant(DOUBLE, value)


class Emitter:
    """Emits the functions of one policy into one module."""

    def __init__(self, policy: tree.Policy, module: ir.Module) -> None:
        self.policy = policy
        self.module = module
        self.memos = Memos(module)
        self.helpers: dict[str, tuple[ir.Function, Fields]] = {}
        for function in policy.helpers:
            self.helpers[function.name] = self.scalar(function, f"h_{len(self.helpers)}")

    def scalar(self, function: tree.Function, name: str) -> tuple[ir.Function, Fields]:
        """Emit ``double name(numbers…, fields…)`` and return it with its fields, in order."""
        fields: Fields = tuple(sorted(tree.fields_of(self.policy, function)))
        count = len(function.parameters) + len(fields)
        result = ir.Function(self.module, ir.FunctionType(DOUBLE, [DOUBLE] * count), name)
        result.linkage = "internal"
        result.attributes.add("nounwind")
        if self._small(function):
            result.attributes.add("alwaysinline")
        _Writer(self, result, function, fields).write()
        return result, fields

    def _small(self, function: tree.Function) -> bool:
        """Return whether inlining it wherever it is called stays within a few hundred nodes."""
        everything = (*self.policy.helpers, *self.policy.entries)
        calls = max(1, sum(_calls(other, function.name) for other in everything))
        return calls * _size(function, self.policy) <= INLINE

    def intrinsic(self, name: str) -> ir.Function:
        """Return an LLVM intrinsic of one double that is exact by definition."""
        return self.module.declare_intrinsic(f"llvm.{name}", [DOUBLE])

    def composed(self, name: str, arity: int, write: Callable[..., None]) -> ir.Function:
        """Return an internal function, written at its first use."""
        known = self.module.globals.get(name)
        if isinstance(known, ir.Function):
            return known
        result = ir.Function(self.module, ir.FunctionType(DOUBLE, [DOUBLE] * arity), name)
        result.linkage = "internal"
        result.attributes.add("nounwind")
        builder = ir.IRBuilder(result.append_basic_block())
        write(self, builder, *result.args)
        return result


def _mod(emitter: Emitter, builder: ir.IRBuilder, a: Any, b: Any) -> None:
    zero = number(0.0)
    rest = libm(builder, "fmod", [a, b])
    differs = builder.xor(builder.fcmp_ordered("<", rest, zero), builder.fcmp_ordered("<", b, zero))
    moved = builder.select(differs, builder.fadd(rest, b), rest)
    signed = builder.call(_copysign(emitter), [zero, b])
    # fmod gives NaN for b == 0 and infinite a, and NaN falls through both selects
    builder.ret(builder.select(builder.fcmp_ordered("==", rest, zero), signed, moved))


def _floordiv(emitter: Emitter, builder: ir.IRBuilder, a: Any, b: Any) -> None:
    zero = number(0.0)
    rest = builder.call(emitter.composed("_mod", 2, _mod), [a, b])
    quotient = builder.fdiv(builder.fsub(a, rest), b)
    whole = builder.call(emitter.intrinsic("floor"), [quotient])
    short = builder.fcmp_ordered(">", builder.fsub(quotient, whole), number(0.5))
    rounded = builder.select(short, builder.fadd(whole, number(1.0)), whole)
    signed = builder.call(_copysign(emitter), [zero, builder.fdiv(a, b)])
    value = builder.select(builder.fcmp_ordered("==", quotient, zero), signed, rounded)
    invalid = builder.fcmp_unordered("uno", rest, rest)
    builder.ret(builder.select(invalid, number(math.nan), value))


def _hypot(emitter: Emitter, builder: ir.IRBuilder, a: Any, b: Any) -> None:
    fabs, sqrt = emitter.intrinsic("fabs"), emitter.intrinsic("sqrt")
    a, b = builder.call(fabs, [a]), builder.call(fabs, [b])
    above = builder.fcmp_ordered(">", a, b)
    high, low = builder.select(above, a, b), builder.select(above, b, a)
    ratio = builder.fdiv(low, high)
    root = builder.call(sqrt, [builder.fadd(number(1.0), builder.fmul(ratio, ratio))])
    value = builder.fmul(high, root)
    value = builder.select(builder.fcmp_ordered("==", high, number(0.0)), number(0.0), value)
    unordered = builder.fcmp_unordered("uno", a, b)
    value = builder.select(unordered, number(math.nan), value)
    infinite = builder.or_(
        builder.fcmp_ordered("==", a, number(math.inf)),
        builder.fcmp_ordered("==", b, number(math.inf)),
    )
    builder.ret(builder.select(infinite, number(math.inf), value))


def _copysign(emitter: Emitter) -> ir.Function:
    return emitter.module.declare_intrinsic(
        "llvm.copysign", [DOUBLE], ir.FunctionType(DOUBLE, [DOUBLE, DOUBLE])
    )


COMPOSED: Final[Mapping[str, Callable[..., None]]] = {
    "_mod": _mod, "_floordiv": _floordiv, "_hypot": _hypot,
}  # fmt: skip


class _Writer:
    def __init__(
        self, emitter: Emitter, target: ir.Function, function: tree.Function, fields: Fields
    ) -> None:
        self.emitter = emitter
        self.target = target
        self.function = function
        self.fields = fields
        self.b = ir.IRBuilder(target.append_basic_block("entry"))
        self.slots: dict[str, Any] = {}
        self.values: dict[tuple[str, str], Any] = {}
        self.loops: list[tuple[Any, Any]] = []
        self.moving = moving_names(emitter.policy, function)

    def write(self) -> None:
        numbers = len(self.function.parameters)
        for name in sorted(_assigned(self.function.body)):
            self.slots[name] = self.b.alloca(DOUBLE)
        for name, value in zip(self.function.parameters, self.target.args, strict=False):
            self.slots.setdefault(name, None)
            if self.slots[name] is None:
                self.slots[name] = self.b.alloca(DOUBLE)
            self.b.store(value, self.slots[name])
        for field, value in zip(self.fields, self.target.args[numbers:], strict=True):
            self.values[field] = value
        self.block(self.function.body)
        if not self.b.block.is_terminated:
            # never reached: translate proved that every path returns
            self.b.ret(number(math.nan))

    def block(self, body: tuple[tree.Stmt, ...]) -> None:
        for stmt in body:
            match stmt:
                case tree.Assign(name, value):
                    self.b.store(self.number(value), self.slots[name])
                case tree.Return(value):
                    self.b.ret(self.number(value))
                case tree.If(test, then, orelse):
                    self._branch(test, then, orelse)
                case tree.For(name, values, inner):
                    self._loop(name, values, inner)
                case tree.Break():
                    self.b.branch(self.loops[-1][1])
                case tree.Continue():
                    self.b.branch(self.loops[-1][0])

    def _branch(
        self, test: tree.Expr, then: tuple[tree.Stmt, ...], orelse: tuple[tree.Stmt, ...]
    ) -> None:
        yes, no, after = (self.target.append_basic_block() for _ in range(3))
        self.b.cbranch(self.truth(test), yes, no)
        for start, body in ((yes, then), (no, orelse)):
            self.b.position_at_end(start)
            self.block(body)
            if not self.b.block.is_terminated:
                self.b.branch(after)
        self.b.position_at_end(after)

    def _loop(self, name: str, values: range, body: tuple[tree.Stmt, ...]) -> None:
        start, step, after = (self.target.append_basic_block() for _ in range(3))
        before = self.b.block
        self.b.branch(start)
        self.b.position_at_end(start)
        turn = self.b.phi(INT)
        turn.add_incoming(ir.Constant(INT, values.start), before)
        self.b.store(self.b.sitofp(turn, DOUBLE), self.slots[name])
        self.loops.append((step, after))
        self.block(body)
        self.loops.pop()
        if not self.b.block.is_terminated:
            self.b.branch(step)
        self.b.position_at_end(step)
        following = self.b.add(turn, ir.Constant(INT, values.step))
        turn.add_incoming(following, step)
        last = self.b.icmp_signed("==", turn, ir.Constant(INT, values[-1]))
        self.b.cbranch(last, after, start)
        self.b.position_at_end(after)

    # expressions

    def number(self, expr: tree.Expr) -> Any:
        value = self.any(expr)
        return self.b.uitofp(value, DOUBLE) if value.type == TRUTH else value

    def truth(self, expr: tree.Expr) -> Any:
        value = self.any(expr)
        # NaN counts as true, as in Python
        return value if value.type == TRUTH else self.b.fcmp_unordered("!=", value, number(0.0))

    def any(self, expr: tree.Expr) -> Any:
        match expr:
            case tree.Num(value):
                return number(value)
            case tree.Name(name):
                return self.b.load(self.slots[name])
            case tree.Field(owner, name):
                return self.values[(owner, name)]
            case tree.Negative(value):
                return self.b.fneg(self.number(value))
            case tree.Not(value):
                return self.b.not_(self.truth(value))
            case tree.Binary(op, left, right):
                return self._binary(op, left, right)
            case tree.Compare(ops, operands):
                return self._compare(ops, operands)
            case tree.Logic(op, values):
                return self._logic(op, values, tree.is_truth(expr))
            case tree.Choose(test, yes, no):
                return self._choose(test, yes, no, tree.is_truth(expr))
            case tree.Call(function, args):
                return self._call(function, args)
            case tree.Invoke(helper, args):
                function, fields = self.emitter.helpers[helper]
                numbers = [self.number(arg) for arg in args]
                return self.b.call(function, [*numbers, *(self.values[f] for f in fields)])

    def _binary(self, op: str, left: tree.Expr, right: tree.Expr) -> Any:
        if op == "**":
            return self._power(left, right)
        a = self.number(left)
        b = self.number(right)
        match op:
            case "+":
                return self.b.fadd(a, b)
            case "-":
                return self.b.fsub(a, b)
            case "*":
                return self.b.fmul(a, b)
            case "/":
                zero = self.b.fcmp_ordered("==", b, number(0.0))
                return self.b.select(zero, number(math.nan), self.b.fdiv(a, b))
        name = "_floordiv" if op == "//" else "_mod"
        return self._composed(name, [a, b])

    def _power(self, left: tree.Expr, exponent: tree.Expr) -> Any:
        base = self.number(left)
        match power_form(exponent):
            case int(n):
                result = base
                for _ in range(n - 1):
                    result = self.b.fmul(result, base)
                return result
            case None if (constant := fold(exponent)) is not None and math.isfinite(constant):
                return self._kept("pow", left, base, constant)
            case None:
                return libm(self.b, "pow", [base, self.number(exponent)])
            case _:
                return self._exact("sqrt", base)

    def _kept(self, name: str, expr: tree.Expr, x: Any, exponent: float | None = None) -> Any:
        moving = moves(self.emitter.policy, expr, self.moving)
        return self.emitter.memos.call(self.b, name, x, exponent, moving)

    def _compare(self, ops: tuple[str, ...], operands: tuple[tree.Expr, ...]) -> Any:
        values = [self.number(operand) for operand in operands]
        result = None
        for op, a, b in zip(ops, values, values[1:], strict=False):
            compare = self.b.fcmp_ordered if op in ORDERED else self.b.fcmp_unordered
            one = compare(op, a, b)
            result = one if result is None else self.b.and_(result, one)
        return result

    def _logic(self, op: str, operands: tuple[tree.Expr, ...], truths: bool) -> Any:
        after = self.target.append_basic_block()
        arrivals = []
        for position, operand in enumerate(operands):
            value = self.truth(operand) if truths else self.number(operand)
            arrivals.append((value, self.b.block))
            if position == len(operands) - 1:
                self.b.branch(after)
                break
            test = value if truths else self.b.fcmp_unordered("!=", value, number(0.0))
            further = self.target.append_basic_block()
            yes, no = (further, after) if op == "and" else (after, further)
            self.b.cbranch(test, yes, no)
            self.b.position_at_end(further)
        return self._merge(after, arrivals, truths)

    def _choose(self, test: tree.Expr, yes: tree.Expr, no: tree.Expr, truths: bool) -> Any:
        blocks = [self.target.append_basic_block() for _ in range(2)]
        after = self.target.append_basic_block()
        self.b.cbranch(self.truth(test), *blocks)
        arrivals = []
        for block, expr in zip(blocks, (yes, no), strict=True):
            self.b.position_at_end(block)
            value = self.truth(expr) if truths else self.number(expr)
            arrivals.append((value, self.b.block))
            self.b.branch(after)
        return self._merge(after, arrivals, truths)

    def _merge(self, after: Any, arrivals: list[tuple[Any, Any]], truths: bool) -> Any:
        self.b.position_at_end(after)
        phi = self.b.phi(TRUTH if truths else DOUBLE)
        for value, block in arrivals:
            phi.add_incoming(value, block)
        return phi

    def _call(self, function: str, exprs: tuple[tree.Expr, ...]) -> Any:
        args = [self.number(expr) for expr in exprs]
        a = args[0]
        if function in ("min", "max"):
            sign = "<" if function == "min" else ">"
            for b in args[1:]:
                a = self.b.select(self.b.fcmp_ordered(sign, b, a), b, a)
            return a
        if function in LIBM:
            return self._kept(function, exprs[0], a)
        if function in ROUNDING:
            return self._exact(ROUNDING[function], a)
        match function:
            case "abs":
                return self._exact("fabs", a)
            case "sqrt":
                return self._exact("sqrt", a)
            case "hypot":
                return self._composed("_hypot", args)
            case "copysign":
                value = self.b.call(_copysign(self.emitter), args)
                invalid = self.b.fcmp_unordered("uno", args[1], args[1])
                return self.b.select(invalid, number(math.nan), value)
            case "bool":
                return self.b.fcmp_unordered("!=", a, number(0.0))
            case "isnan":
                return self.b.fcmp_unordered("uno", a, a)
            case "isinf":
                return self.b.fcmp_ordered("==", self._exact("fabs", a), number(math.inf))
            case "isfinite":
                return self.b.fcmp_ordered("<", self._exact("fabs", a), number(math.inf))
        raise KeyError(function)

    def _exact(self, name: str, value: Any) -> Any:
        return self.b.call(self.emitter.intrinsic(name), [value])

    def _composed(self, name: str, args: list[Any]) -> Any:
        function = self.emitter.composed(name, len(args), COMPOSED[name])
        return self.b.call(function, args)


def _size(function: tree.Function, policy: tree.Policy) -> int:
    nodes = [e for top in tree.expressions(function.body) for e in tree.walk(top)]
    inner = [policy.function(e.helper) for e in nodes if isinstance(e, tree.Invoke)]
    total = len(nodes)
    for helper in inner:
        total += _size(helper, policy) if total <= INLINE else 0
    return total


def _calls(function: tree.Function, helper: str) -> int:
    nodes = (e for top in tree.expressions(function.body) for e in tree.walk(top))
    return sum(isinstance(e, tree.Invoke) and e.helper == helper for e in nodes)


def _assigned(body: tuple[tree.Stmt, ...]) -> set[str]:
    names: set[str] = set()
    for stmt in body:
        match stmt:
            case tree.Assign(name, _):
                names.add(name)
            case tree.If(_, then, orelse):
                names |= _assigned(then) | _assigned(orelse)
            case tree.For(name, _, inner):
                names |= {name} | _assigned(inner)
            case tree.Return() | tree.Break() | tree.Continue():
                pass
    return names
