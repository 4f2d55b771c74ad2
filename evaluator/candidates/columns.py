"""How compiled code reads fields off the engine's columns; formulas as in ``fields``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from llvmlite import ir

from evaluator.candidates import tree
from evaluator.candidates.emit import number
from evaluator.candidates.fields import UNIT
from evaluator.candidates.memo import DOUBLE, INT
from evaluator.cluster.model import NEVER

MICRO: Final = 1e6
DEMAND: Final = ("cpus", "memory", "devices")
FREE: Final = ("free_cpus", "free_memory", "free_devices")
PER_PAIR: Final = frozenset({"speed", "duration", "data_wait", "here"})


class Columns:
    """Reads for one node, one task and one pair after another, in one dominating order."""

    def __init__(self, builder: ir.IRBuilder, arrays: Mapping[str, Any], types: Any) -> None:
        self.b = builder
        self.arrays = arrays
        self.types = types
        """Row length of ``throughput``."""
        self._loaded: dict[tuple[str, int, int], Any] = {}

    def load(self, column: str, row: Any, width: int = 1, offset: int = 0) -> Any:
        """Load one element, integers widened to 64 bits; each element once."""
        known = self._loaded.get((column, id(row), offset))
        if known is not None:
            return known
        index = self.b.mul(row, ir.Constant(INT, width)) if width > 1 else row
        index = self.b.add(index, ir.Constant(INT, offset)) if offset else index
        value = self.b.load(self.b.gep(self.arrays[column], [index]))
        value = value if value.type in (DOUBLE, INT) else self.b.sext(value, INT)
        self._loaded[(column, id(row), offset)] = value
        return value

    def double(self, value: Any) -> Any:
        """Convert an integer."""
        return value if value.type == DOUBLE else self.b.sitofp(value, DOUBLE)

    def seconds(self, micros: Any) -> Any:
        """Convert microseconds."""
        return self.over(self.double(micros), MICRO)

    def over(self, count: Any, unit: float) -> Any:
        """Divide a whole number by 1e6, 1000 or 1024: the correctly rounded quotient, undivided.

        The product with the reciprocal is off by less than one unit in the last place (half for
        its rounding, at most 0.41 for the reciprocal's own error); the remainder, exact by fused
        multiply-add, then rounds it as division does (Markstein, IBM J. R&D 34(1), 1990). That
        leaves the divider, the bottleneck of most scores, to the policy's own divisions.
        """
        b, inverse = self.b, number(1.0 / unit)
        fma = b.module.declare_intrinsic(
            "llvm.fma", [DOUBLE], ir.FunctionType(DOUBLE, [DOUBLE] * 3)
        )
        quotient = b.fmul(count, inverse)
        rest = b.call(fma, [b.fneg(quotient), number(unit), count])
        return b.call(fma, [rest, inverse, quotient])

    def task(self, name: str, task: Any, now: Any) -> Any:
        """Emit ``task.<name>``."""
        b = self.b
        match name:
            case "release":
                return self.seconds(self.load(name, self._job(task)))
            case "age":
                return self.seconds(b.sub(now, self.load("release", self._job(task))))
            case "wait":
                return self.seconds(b.sub(now, self.load("ready", task)))
            case "due" | "deadline":
                limit = self.load(name, self._job(task))
                never = b.icmp_signed(">=", limit, ir.Constant(INT, NEVER))
                return b.select(never, number(math.inf), self.seconds(limit))
            case "weight":
                return self.load(name, self._job(task))
            case "job_remaining":
                return self.seconds(self.load("job_left", self._job(task)))
            case "remaining":
                return self.seconds(self.remaining(task))
            case "cpus" | "memory" | "devices":
                row = DEMAND.index(name)
                return self.over(self.double(self.load("demand", task, 3, row)), UNIT[row])
            case "best_speed":
                return self.load(name, self.load("profile", task))
            case "gang" | "children" | "starts":
                return self.double(self.load(name, task))
            case "ready" | "estimate" | "attained" | "service" | "rank":
                return self.seconds(self.load(name, task))
        raise KeyError(name)

    def node(self, name: str, node: Any) -> Any:
        """Emit ``node.<name>`` for a field that does not depend on the task."""
        match name:
            case "free_cpus" | "free_memory" | "free_devices":
                return self._amount("free", node, FREE.index(name))
            case "cpus" | "memory" | "devices":
                return self._amount("capacity", node, DEMAND.index(name))
            case "price" | "idle_watts" | "busy_watts" | "carbon":
                return self.load(name, node)
            case "queued":
                return self.double(self.load(name, node))
            case "type":
                return self.double(self.load("node_type", node))
            case "free_at":
                return self.seconds(self.load(name, node))
        raise KeyError(name)

    def pair(self, name: str, pair: Any, task: Any, kind: Any, speed: Any, now: Any) -> Any:
        """Emit ``node.<name>`` for a field of the pair; kind and speed are those of the node."""
        b = self.b
        match name:
            case "speed":
                return self._rate(task, kind, speed)
            case "duration":
                rate = self._rate(task, kind, speed)
                ceil = b.module.declare_intrinsic("llvm.ceil", [DOUBLE])
                whole = b.call(ceil, [b.fdiv(self.double(self.remaining(task)), rate)])
                one = number(1.0)
                whole = b.select(b.fcmp_ordered(">", whole, one), whole, one)
                overhead = self.double(self.load("overhead", pair))
                # not ``over``: with a rate next to nothing this is infinite
                value = b.fdiv(b.fadd(whole, overhead), number(MICRO))
                stuck = b.fcmp_ordered("==", rate, number(0.0))
                return b.select(stuck, number(math.inf), value)
            case "data_wait":
                left = b.sub(self.load("data_at", pair), now)
                zero = ir.Constant(INT, 0)
                return self.seconds(b.select(b.icmp_signed(">", left, zero), left, zero))
            case "here":
                return self.double(self.load(name, pair))
        raise KeyError(name)

    def remaining(self, task: Any) -> Any:
        """Emit the estimated work left, microseconds, at least 1."""
        left = self.b.sub(self.load("estimate", task), self.load("attained", task))
        one = ir.Constant(INT, 1)
        return self.b.select(self.b.icmp_signed(">", left, one), left, one)

    def _job(self, task: Any) -> Any:
        return self.load("job", task)

    def _amount(self, column: str, node: Any, row: int) -> Any:
        return self.over(self.double(self.load(column, node, 3, row)), UNIT[row])

    def _rate(self, task: Any, kind: Any, speed: Any) -> Any:
        row = self.b.mul(self.load("profile", task), self.types)
        throughput = self.b.load(self.b.gep(self.arrays["throughput"], [self.b.add(row, kind)]))
        return self.b.fmul(throughput, speed)


def columns_of(fields: tuple[tuple[tree.Owner, str], ...]) -> frozenset[str]:
    """Return the columns that these fields are read from."""
    found: set[str] = set()
    for owner, name in fields:
        found |= _TASK_COLUMNS.get(name, {name}) if owner == "task" else _node_columns(name)
    return frozenset(found)


_TASK_COLUMNS: Final[Mapping[str, set[str]]] = {
    "release": {"job", "release"},
    "age": {"job", "release"},
    "wait": {"ready"},
    "due": {"job", "due"},
    "deadline": {"job", "deadline"},
    "weight": {"job", "weight"},
    "job_remaining": {"job", "job_left"},
    "remaining": {"estimate", "attained"},
    "cpus": {"demand"},
    "memory": {"demand"},
    "devices": {"demand"},
    "best_speed": {"profile", "best_speed"},
}


def _node_columns(name: str) -> set[str]:
    rate = {"profile", "throughput", "node_type", "node_speed"}
    if name == "speed":
        return rate
    if name == "duration":
        return rate | {"estimate", "attained", "overhead"}
    if name == "data_wait":
        return {"data_at"}
    if name in FREE:
        return {"free"}
    if name in DEMAND:
        return {"capacity"}
    return {"node_type"} if name == "type" else {name}
