"""Answers of the C library that are kept: the queue asks about the same numbers again and again.

A score is asked about thousands of waiting tasks each time a node gains room, and most of what it
raises to a power has not changed since: an estimate, a demand, a fit. What is kept is looked up by
the argument's own bits, so an answer is the library's to the last bit, whatever was asked before.
"""

from __future__ import annotations

import ctypes
import math
import struct
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final

from llvmlite import ir

from evaluator.candidates import tree

DOUBLE: Final = ir.DoubleType()
INT: Final = ir.IntType(64)

SLOTS_LOG2: Final = 12
"""A table keeps 4096 answers, 64 KiB: a queue of thousands, and it stays in the second cache."""
TABLES: Final = 6
"""Tables a policy may have; what it asks beyond them keeps its last answer only."""
SPREAD: Final = 0x9E3779B97F4A7C15
"""Multiplier of Fibonacci hashing: the top bits of the product are the slot."""
MOVING: Final = frozenset({"age", "wait", "data_wait", "free_at"})
"""Fields that change with the clock; to keep more than their last answer is of no use."""

Write = Callable[[ir.IRBuilder, Any], Any]


@cache
def address(name: str) -> int:
    """Return where a function of the C library is, as CPython's own ``math`` calls it."""
    library = ctypes.CDLL(getattr(math, "__file__", None))
    return ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0


def moving_names(policy: tree.Policy, function: tree.Function) -> frozenset[str]:
    """Return the variables of a function whose value changes as the clock does.

    Parameters of a helper count as still: that costs a look-up in a table where it is wrong.
    """
    found = {"now"} & set(function.parameters)
    while True:
        more = {
            name for name, value in _assigned(function.body) if moves(policy, value, found)
        } - found  # fmt: skip
        if not more:
            return frozenset(found)
        found |= more


def moves(policy: tree.Policy, expr: tree.Expr, names: set[str] | frozenset[str]) -> bool:
    """Return whether the value of an expression changes as the clock does."""
    for part in tree.walk(expr):
        match part:
            case tree.Name(name) if name in names:
                return True
            case tree.Field(_, name) if name in MOVING:
                return True
            case tree.Invoke(helper, _):
                fields = tree.fields_of(policy, policy.function(helper))
                if any(name in MOVING for _, name in fields):
                    return True
    return False


def _assigned(body: tuple[tree.Stmt, ...]) -> Iterator[tuple[str, tree.Expr]]:
    for stmt in body:
        match stmt:
            case tree.Assign(name, value):
                yield name, value
            case tree.If(_, then, orelse):
                yield from _assigned(then)
                yield from _assigned(orelse)
            case tree.For(_, _, inner):
                yield from _assigned(inner)


class Memos:
    """The kept answers of one policy's module."""

    def __init__(self, module: ir.Module) -> None:
        self.module = module
        self._tables: dict[tuple[str, float | None], ir.Function] = {}
        self._latest = 0

    def call(
        self, builder: ir.IRBuilder, name: str, x: Any, exponent: float | None, moving: bool
    ) -> Any:
        """Emit ``name(x)``, or ``name(x, exponent)``, from what is kept if it is there."""
        known = self._tables.get((name, exponent))
        if moving or (known is None and len(self._tables) == TABLES):
            self._latest += 1
            function = self._function(f"latest_{self._latest}", name, exponent, 0)
        elif known is None:
            function = self._function(f"table_{len(self._tables)}", name, exponent, SLOTS_LOG2)
            self._tables[name, exponent] = function
        else:
            function = known
        return builder.call(function, [x])

    def _function(self, label: str, name: str, exponent: float | None, log2: int) -> ir.Function:
        """Write ``double label(x)``: its slot holds the bits of an argument and of the answer."""
        slot = ir.LiteralStructType([INT, INT])
        kept = ir.GlobalVariable(self.module, ir.ArrayType(slot, 1 << log2), f"{label}_kept")
        kept.linkage = "internal"
        kept.initializer = ir.Constant(kept.value_type, None)
        function = ir.Function(self.module, ir.FunctionType(DOUBLE, [DOUBLE]), label)
        function.linkage = "internal"
        for attribute in ("nounwind", "alwaysinline"):
            function.attributes.add(attribute)
        enter, ask, end = (function.append_basic_block() for _ in range(3))
        b = ir.IRBuilder(enter)
        zero, one = ir.Constant(ir.IntType(32), 0), ir.Constant(ir.IntType(32), 1)
        x = function.args[0]
        bits = b.bitcast(x, INT)
        at = ir.Constant(INT, 0)
        if log2:
            at = b.lshr(b.mul(bits, ir.Constant(INT, SPREAD)), ir.Constant(INT, 64 - log2))
        argument = b.gep(kept, [zero, at, zero], inbounds=True)
        answer = b.gep(kept, [zero, at, one], inbounds=True)
        # memory begins as zeros: the argument +0.0, whose answer is therefore stored as no bits
        mask = ir.Constant(INT, _bits_at_zero(name, exponent))
        there = b.icmp_unsigned("==", b.load(argument), bits)
        found = b.load(answer)
        b.cbranch(there, end, ask)
        b.position_at_end(ask)
        rest = [] if exponent is None else [ir.Constant(DOUBLE, exponent)]
        asked = b.bitcast(libm(b, name, [x, *rest]), INT)
        fresh = b.xor(asked, mask)
        b.store(bits, argument)
        b.store(fresh, answer)
        b.branch(end)
        b.position_at_end(end)
        stored = b.phi(INT)
        stored.add_incoming(found, enter)
        stored.add_incoming(fresh, ask)
        b.ret(b.bitcast(b.xor(stored, mask), DOUBLE))
        return function


def libm(builder: ir.IRBuilder, name: str, args: list[Any]) -> Any:
    """Call a function of the C library by address."""
    pointer = ir.FunctionType(DOUBLE, [DOUBLE] * len(args)).as_pointer()
    function = builder.inttoptr(ir.Constant(INT, address(name)), pointer)
    return builder.call(function, args, attrs=("nounwind", "readnone"))


def _bits_at_zero(name: str, exponent: float | None) -> int:
    rest = [] if exponent is None else [exponent]
    kind = ctypes.CFUNCTYPE(ctypes.c_double, *[ctypes.c_double] * (1 + len(rest)))
    value = kind(address(name))(0.0, *rest)
    return int(struct.unpack("<q", struct.pack("<d", value))[0])
