"""The checked tree of a pure policy: small, typed, total; every value is a double or a truth.

A tree is made by ``translate`` only. Evaluating it needs no name lookup outside its function,
cannot raise, and ends after a bounded number of steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from evaluator.policy import Batch, Discipline, Shape

Owner = Literal["task", "node"]

TRUTH_CALLS = frozenset({"isnan", "isinf", "isfinite", "bool"})
"""Shims whose value is a truth rather than a double."""


@dataclass(frozen=True, slots=True)
class Num:
    """A literal, or a module constant in its place."""

    value: float


@dataclass(frozen=True, slots=True)
class Name:
    """A local variable or numeric parameter."""

    id: str


@dataclass(frozen=True, slots=True)
class Field:
    """``task.<name>`` or ``node.<name>``, whatever the parameter was called."""

    owner: Owner
    name: str


@dataclass(frozen=True, slots=True)
class Negative:
    """Unary minus."""

    value: Expr


@dataclass(frozen=True, slots=True)
class Not:
    """Logical negation."""

    value: Expr


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic on two doubles; op is one of ``+ - * / // % **``."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Compare:
    """A chained comparison: ``len(ops) + 1`` operands."""

    ops: tuple[str, ...]
    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Logic:
    """``and`` / ``or`` with Python's value: a truth if all operands are, else a double."""

    op: Literal["and", "or"]
    values: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Choose:
    """``yes if test else no``; only one branch is evaluated."""

    test: Expr
    yes: Expr
    no: Expr


@dataclass(frozen=True, slots=True)
class Call:
    """A shim by its subset name (``min``, ``sqrt``, ``floor``, …)."""

    function: str
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Invoke:
    """A helper of the policy; views are passed along silently, args are its numbers."""

    helper: str
    args: tuple[Expr, ...]


Expr: TypeAlias = (
    Num | Name | Field | Negative | Not | Binary | Compare | Logic | Choose | Call | Invoke
)


@dataclass(frozen=True, slots=True)
class Assign:
    """Bind a local variable."""

    name: str
    value: Expr


@dataclass(frozen=True, slots=True)
class If:
    """A branch; ``elif`` is an ``If`` in ``orelse``."""

    test: Expr
    body: tuple[Stmt, ...]
    orelse: tuple[Stmt, ...]


@dataclass(frozen=True, slots=True)
class For:
    """A loop over a constant, non-empty range of at most 100 values."""

    name: str
    values: range
    body: tuple[Stmt, ...]


@dataclass(frozen=True, slots=True)
class Return:
    """Leave the function with a double."""

    value: Expr


@dataclass(frozen=True, slots=True)
class Break:
    """Leave the innermost loop."""


@dataclass(frozen=True, slots=True)
class Continue:
    """Go on with the innermost loop."""


Stmt: TypeAlias = Assign | If | For | Return | Break | Continue


@dataclass(frozen=True, slots=True)
class Function:
    """One function; ``parameters`` are the numeric ones, in order, ``now`` among them."""

    name: str
    parameters: tuple[str, ...]
    body: tuple[Stmt, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole pure policy; helpers stand before their callers."""

    shape: Shape
    discipline: Discipline
    batch: Batch
    entries: tuple[Function, ...]
    helpers: tuple[Function, ...]
    docstring: str = ""

    def entry(self, name: str) -> Function | None:
        """Return ``key``, ``prefer`` or ``score`` if the policy has it."""
        return next((f for f in self.entries if f.name == name), None)

    def function(self, name: str) -> Function:
        """Return an entry or helper by name."""
        return next(f for f in (*self.entries, *self.helpers) if f.name == name)


def is_truth(expr: Expr) -> bool:
    """Return whether the value is a truth (else a double)."""
    match expr:
        case Compare() | Not():
            return True
        case Logic(_, values):
            return all(is_truth(value) for value in values)
        case Choose(_, yes, no):
            return is_truth(yes) and is_truth(no)
        case Call(function, _):
            return function in TRUTH_CALLS
        case _:
            return False


def children(expr: Expr) -> tuple[Expr, ...]:
    """Return the direct operands, in order of evaluation."""
    match expr:
        case Num() | Name() | Field():
            return ()
        case Negative(value) | Not(value):
            return (value,)
        case Binary(_, left, right):
            return (left, right)
        case Compare(_, operands):
            return operands
        case Logic(_, values):
            return values
        case Choose(test, yes, no):
            return (test, yes, no)
        case Call(_, args) | Invoke(_, args):
            return args


def expressions(body: tuple[Stmt, ...]) -> Iterator[Expr]:
    """Yield the topmost expressions of statements, in text order."""
    for stmt in body:
        match stmt:
            case Assign(_, value) | Return(value):
                yield value
            case If(test, then, orelse):
                yield test
                yield from expressions(then)
                yield from expressions(orelse)
            case For(_, _, inner):
                yield from expressions(inner)
            case Break() | Continue():
                pass


def walk(expr: Expr) -> Iterator[Expr]:
    """Yield the expression and everything inside it, outermost first."""
    yield expr
    for child in children(expr):
        yield from walk(child)


def fields_of(policy: Policy, function: Function) -> frozenset[tuple[Owner, str]]:
    """Return the (owner, field) pairs a function reads, its helpers' included."""
    found: set[tuple[Owner, str]] = set()
    seen = {function.name}
    waiting = [function]
    while waiting:
        for top in expressions(waiting.pop().body):
            for expr in walk(top):
                if isinstance(expr, Field):
                    found.add((expr.owner, expr.name))
                elif isinstance(expr, Invoke) and expr.helper not in seen:
                    seen.add(expr.helper)
                    waiting.append(policy.function(expr.helper))
    return frozenset(found)
