"""Mutation of resolvers without a model: small edits and crossover of checked syntax trees."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np

from evaluator.calendar.language import BUILT_IN, ENTRIES, compile_resolver
from evaluator.calendar.scored import FIELDS
from evaluator.errors import SubsetError
from evaluator.policy import PolicySource

ATTEMPTS: Final = 100
MOST_SITES: Final = 200
"""Expressions in a mutant: added terms must not grow texts without end."""
CROSSOVER: Final = 0.3
"""Share of mutants that take a function from the other parent, when there is one."""

KIND_OF: Final = {"event": "event", "first": "event", "second": "event", "user": "user"}
"""What a parameter of this name is."""

GROUPS: Final[tuple[tuple[frozenset[str], float], ...]] = (
    (frozenset({"mean", "singles", "pairs", "prior"}), 1.0),
    (frozenset({"variance"}), 4.0),
    (frozenset({"rule", "rules"}), 1.0),
    (frozenset({"support"}), 30.0),
    (frozenset({"unseen", "candidates"}), 3.0),
    (frozenset({"type_won", "topic_won", "relation_won", "organiser_won"}), 0.5),
    (frozenset({"urgency", "notice", "attendees", "duration", "time_of_day"}), 2.0),
    (frozenset({"series", "may_ask"}), 0.5),
    (frozenset({"round"}), 200.0),
    (frozenset({"errors", "asked"}), 0.2),
    (frozenset({"confidence"}), 0.3),
    (frozenset({"surprise"}), 0.5),
)
"""Fields that may stand for each other, and their usual size."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Site:
    """A number in the text: an expression, and whose fields can be read there."""

    node: ast.expr
    owners: tuple[str, ...]


Edit = Callable[[ast.Module, np.random.Generator], bool]


def mutate(
    source: PolicySource, rng: np.random.Generator, other: PolicySource | None = None
) -> str:
    """Return a text that is one to three edits away and normalises differently.

    Args:
        source: The parent.
        rng: The only source of chance; equal state, equal text.
        other: A second parent to take a function from.

    Raises:
        SubsetError: no valid other text was found nearby.
    """
    parent = normalise(source.text)
    for _ in range(ATTEMPTS):
        module = ast.parse(source.text)
        done = []
        if other is not None and rng.random() < CROSSOVER and _cross(module, other.text, rng):
            done.append("crossover")
        # mostly one edit, sometimes two or three
        for _ in range(min(3, int(rng.geometric(0.7))) - len(done)):
            edit = EDITS[int(rng.choice(len(EDITS), p=_SHARES))]
            if edit(module, rng):
                done.append(edit.__name__.replace("_", " "))
        text = _written(module, f"{source.name}: {', '.join(done)}.")
        small = done and len(sites(module)) <= MOST_SITES
        if small and _reads(text) and normalise(text) != parent:
            return text
    raise SubsetError(f"no valid policy found in {ATTEMPTS} attempts around {source.name!r}")


def normalise(text: str) -> str:
    """Return one text for all that differ only in comments, docstrings, and spelling of numbers."""
    module = ast.parse(text)
    kept = [s for s in module.body if isinstance(s, ast.FunctionDef | ast.Assign)]
    for function in kept:
        if isinstance(function, ast.FunctionDef) and ast.get_docstring(function) is not None:
            function.body = function.body[1:] or [ast.Pass()]
    counts = {
        id(node.iter.args[0])
        for node in ast.walk(module)
        if isinstance(node, ast.For) and isinstance(node.iter, ast.Call)
    }
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and type(node.value) is int and id(node) not in counts:
            node.value = float(node.value)
    return ast.unparse(ast.Module(list(kept), [])) + "\n"


def sites(module: ast.Module) -> list[Site]:
    """Return the numbers in functions and constants, in the order of the text."""
    found: list[Site] = []
    for statement in module.body:
        owners: tuple[str, ...] = ()
        if isinstance(statement, ast.FunctionDef):
            named = [arg.arg for arg in statement.args.args]
            owners = tuple(name for name in named if name in KIND_OF)
        elif not isinstance(statement, ast.Assign):
            continue
        left_out = _not_numbers(statement)
        found += [
            Site(node, owners)
            for node in ast.walk(statement)
            if isinstance(node, ast.expr) and id(node) not in left_out
        ]
    return found


def _not_numbers(statement: ast.stmt) -> set[int]:
    """Return what stands where no other expression may: names called, owners, targets, ranges."""
    found: set[int] = set()
    for node in ast.walk(statement):
        match node:
            case ast.Call(function):
                found |= {id(inner) for inner in ast.walk(function)}
            case ast.Attribute(owner):
                found.add(id(owner))
            case ast.For(target, iterated):
                found |= {id(inner) for part in (target, iterated) for inner in ast.walk(part)}
            case ast.Name(_, ast.Store()):
                found.add(id(node))
            case ast.Expr(ast.Constant(str())):
                found.add(id(node.value))
            case _:
                pass
    return found


def change_constant(module: ast.Module, rng: np.random.Generator) -> bool:
    """Multiply a constant by a lognormal factor; a zero becomes a small number."""
    found = [s for s in sites(module) if isinstance(s.node, ast.Constant)]
    if not found:
        return False
    node = pick(found, rng).node
    assert isinstance(node, ast.Constant)
    value = float(node.value)  # type: ignore[arg-type]  # the language has no other constants
    new = value * rng.lognormal(0.0, 0.5) if value else rng.normal(0.0, 0.5)
    return _put(module, node, _number(new))


def shift(module: ast.Module, rng: np.random.Generator) -> bool:
    """Add a small number to what a function returns: another threshold of doubt, mostly."""
    found = [
        node.value
        for function in module.body
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Return) and node.value is not None
    ]
    node = pick(found, rng)
    return _put(module, node, ast.BinOp(node, ast.Add(), _number(rng.normal(0.0, 0.15))))


def change_field(module: ast.Module, rng: np.random.Generator) -> bool:
    """Read another field of the same sort."""
    found = [s.node for s in sites(module) if isinstance(s.node, ast.Attribute)]
    if not found:
        return False
    node = pick(found, rng)
    assert isinstance(node.value, ast.Name)
    fields = FIELDS[KIND_OF[node.value.id]]
    group = next(names for names, _ in GROUPS if node.attr in names)
    others = sorted((group & fields) - {node.attr}) or sorted(fields - {node.attr})
    return _put(module, node, ast.Attribute(node.value, pick(others, rng), ast.Load()))


def add_term(module: ast.Module, rng: np.random.Generator) -> bool:
    """Add a weighted field to a number, or stretch the number by one."""
    site = _open_site(module, rng)
    if site is None:
        return False
    field, size = _field(site.owners, rng)
    weighted = ast.BinOp(_number(rng.normal(0.0, 0.5) / size), ast.Mult(), field)
    if rng.random() < 0.7:
        return _put(module, site.node, ast.BinOp(site.node, ast.Add(), weighted))
    stretched = ast.BinOp(_number(1.0), ast.Add(), weighted)
    return _put(module, site.node, ast.BinOp(site.node, ast.Mult(), stretched))


def drop_term(module: ast.Module, rng: np.random.Generator) -> bool:
    """Replace an operation by one of its operands."""
    found = [s.node for s in sites(module) if isinstance(s.node, ast.BinOp | ast.IfExp)]
    if not found:
        return False
    match pick(found, rng):
        case ast.BinOp(left, _, right) as node:
            return _put(module, node, pick((left, right), rng))
        case node:
            return _put(module, node, pick((node.body, node.orelse), rng))


def swap_operator(module: ast.Module, rng: np.random.Generator) -> bool:
    """Turn + into -, and < into >."""
    turned: Mapping[type, ast.AST] = {
        ast.Add: ast.Sub(), ast.Sub: ast.Add(), ast.Lt: ast.Gt(), ast.Gt: ast.Lt(),
    }  # fmt: skip
    found = [
        s.node
        for s in sites(module)
        if (isinstance(s.node, ast.BinOp) and type(s.node.op) in turned)
        or (isinstance(s.node, ast.Compare) and type(s.node.ops[0]) in turned)
    ]
    if not found:
        return False
    node = pick(found, rng)
    new = copy.copy(node)
    if isinstance(new, ast.BinOp):
        new.op = turned[type(new.op)]  # type: ignore[assignment]
    else:
        new.ops = [turned[type(new.ops[0])], *new.ops[1:]]  # type: ignore[list-item]
    return _put(module, node, new)


def add_condition(module: ast.Module, rng: np.random.Generator) -> bool:
    """Weigh a number otherwise on one side of a field's threshold."""
    site = _open_site(module, rng)
    if site is None:
        return False
    field, size = _field(site.owners, rng)
    test = ast.Compare(field, [ast.Lt()], [_number(size * rng.lognormal(0.0, 1.0))])
    other = ast.BinOp(site.node, ast.Mult(), _number(rng.lognormal(0.0, 0.7)))
    return _put(module, site.node, ast.IfExp(test, site.node, other))


EDITS: Final[tuple[Edit, ...]] = (
    change_constant, shift, change_field, add_term, drop_term, swap_operator, add_condition,
)  # fmt: skip
_WEIGHTS: Final = np.array([4.0, 3.0, 1.5, 4.0, 2.0, 0.5, 1.5])
_SHARES: Final = _WEIGHTS / _WEIGHTS.sum()
"""How often each edit is tried."""


def pick(items: Sequence[Item], rng: np.random.Generator) -> Item:
    """Return one item, each as likely."""
    return items[int(rng.integers(len(items)))]


def _cross(module: ast.Module, partner: str, rng: np.random.Generator) -> bool:
    """Take one entry of the partner, with its helpers and constants under names of their own."""
    guest = ast.parse(partner)
    entries = [s for s in guest.body if isinstance(s, ast.FunctionDef) and s.name in ENTRIES]
    taken = pick(entries, rng)
    own = {name for s in guest.body for name in _defined(s)} - {taken.name, *ENTRIES}
    names = {node.id for s in module.body for node in ast.walk(s) if isinstance(node, ast.Name)}
    names |= {name for s in module.body for name in _defined(s)}
    renamed = {name: _free(name, names) for name in sorted(own)}
    helpers = [
        _Renamed(renamed).visit(s)
        for s in guest.body
        if isinstance(s, ast.FunctionDef | ast.Assign) and not _defined(s) & {*ENTRIES}
    ]
    kept = [s for s in module.body if taken.name not in _defined(s)]
    module.body = [*kept, *helpers, _Renamed(renamed).visit(taken)]
    return True


def _defined(statement: ast.stmt) -> set[str]:
    match statement:
        case ast.FunctionDef(name):
            return {name}
        case ast.Assign([ast.Name(name)]):
            return {name}
        case _:
            return set()


class _Renamed(ast.NodeTransformer):
    """Other names for helpers and constants."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self._names.get(node.id, node.id), node.ctx)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.generic_visit(node)
        node.name = self._names.get(node.name, node.name)
        return node


def _free(name: str, taken: set[str]) -> str:
    found, number = name, 2
    while found in taken or found in BUILT_IN:
        # constants stay in capitals
        found, number = f"{name}_{number}", number + 1
    taken.add(found)
    return found


def _open_site(module: ast.Module, rng: np.random.Generator) -> Site | None:
    """Return a number that is none of the text's own, in a function that can read fields."""
    found = [
        s
        for s in sites(module)
        if s.owners and isinstance(s.node, ast.BinOp | ast.Attribute | ast.Call | ast.IfExp)
    ]
    return pick(found, rng) if found else None


def _field(owners: tuple[str, ...], rng: np.random.Generator) -> tuple[ast.expr, float]:
    """Return a field that can be read, and its usual size."""
    owner = pick(owners, rng)
    name = pick(sorted(FIELDS[KIND_OF[owner]]), rng)
    size = next(size for names, size in GROUPS if name in names)
    return ast.Attribute(ast.Name(owner, ast.Load()), name, ast.Load()), size


class _Put(ast.NodeTransformer):
    """Puts a new expression in place of one node."""

    def __init__(self, old: ast.expr, new: ast.expr) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self._new if node is self._old else self.generic_visit(node)


def _put(module: ast.Module, old: ast.expr, new: ast.expr) -> bool:
    # a copy, because the new expression may hold the old one, at two places even
    _Put(old, copy.deepcopy(new)).visit(module)
    return True


def _number(value: float) -> ast.expr:
    rounded = float(f"{value:.3g}")
    plain = ast.Constant(abs(rounded))
    return ast.UnaryOp(ast.USub(), plain) if rounded < 0 else plain


def _written(module: ast.Module, words: str) -> str:
    body = [s for s in module.body if isinstance(s, ast.FunctionDef | ast.Assign)]
    whole = ast.Module([ast.Expr(ast.Constant(words)), ast.Import([ast.alias("math")]), *body], [])
    return ast.unparse(ast.fix_missing_locations(whole)) + "\n"


def _reads(text: str) -> bool:
    try:
        compile_resolver(text, FIELDS)
    except SubsetError:
        return False
    return True
