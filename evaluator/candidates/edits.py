"""Typed edits of a checked tree; each returns a changed policy, or None where it does not apply."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeVar

import numpy as np

from evaluator.candidates import tree
from evaluator.candidates.fields import NEEDS_NOW, NODE_FIELDS, TASK_FIELDS
from evaluator.candidates.rewrite import Site, replace_site, sites

Edit = Callable[[tree.Policy, np.random.Generator], tree.Policy | None]
Item = TypeVar("Item")

BIND_ONLY: Final = frozenset({"free_at", "queued"})
RARELY_FINITE: Final = frozenset({"due", "deadline"})
"""Fields that are inf where a scenario has no limits; an edit brings them in only in a min."""
SWAPS: Final[Mapping[str, str]] = {
    "<": ">",
    "<=": ">=",
    ">": "<",
    ">=": "<=",
    "==": "!=",
    "!=": "==",
}
TYPICAL: Final[Mapping[str, float]] = {
    "time": 600.0, "instant": 3600.0, "size": 4.0, "count": 3.0, "rate": 1.0, "money": 10.0,
    "flag": 0.5,
}  # fmt: skip
"""Median of a random threshold by kind of field."""


def pick(items: Sequence[Item], rng: np.random.Generator) -> Item:
    """Return one item, each as likely."""
    return items[int(rng.integers(len(items)))]


def change_constant(policy: tree.Policy, rng: np.random.Generator) -> tree.Policy | None:
    """Multiply a constant by a lognormal factor; a zero becomes a small number."""
    found = [
        s for s in sites(policy) if isinstance(s.expr, tree.Num) and math.isfinite(s.expr.value)
    ]
    if not found:
        return None
    site = pick(found, rng)
    assert isinstance(site.expr, tree.Num)
    value = site.expr.value
    new = value * rng.lognormal(0.0, 0.7) if value else rng.normal(0.0, 1.0)
    return replace_site(policy, site.index, _rounded(new))


def change_field(policy: tree.Policy, rng: np.random.Generator) -> tree.Policy | None:
    """Replace a field by another of its kind on the same object."""
    found = [s for s in sites(policy) if isinstance(s.expr, tree.Field)]
    if not found:
        return None
    site = pick(found, rng)
    assert isinstance(site.expr, tree.Field)
    table = TASK_FIELDS if site.expr.owner == "task" else NODE_FIELDS
    kind = table[site.expr.name].kind
    others = [
        name
        for name, info in table.items()
        if info.kind == kind
        and name != site.expr.name
        and _usable(name, policy)
        and (name not in RARELY_FINITE or site.expr.name in RARELY_FINITE)
    ]
    if not others:
        return None
    return replace_site(policy, site.index, tree.Field(site.expr.owner, pick(others, rng)))


def wrap(policy: tree.Policy, rng: np.random.Generator) -> tree.Policy | None:
    """Bend a number: root, logarithm or power, kept inside their domains."""
    site = _number_site(policy, rng)
    if site is None:
        return None
    size = tree.Call("abs", (site.expr,))
    bent: tuple[tree.Expr, ...] = (
        tree.Call("sqrt", (size,)),
        tree.Call("log1p", (size,)),
        tree.Binary("**", site.expr, tree.Num(2.0)),
        tree.Binary("**", size, _rounded(rng.uniform(0.3, 3.0))),
    )
    return replace_site(policy, site.index, pick(bent, rng))


def add_term(policy: tree.Policy, rng: np.random.Generator) -> tree.Policy | None:
    """Add a weighted field to a number, or multiply it by a power of one."""
    site = _number_site(policy, rng)
    if site is None:
        return None
    field = _random_field(policy, site.function, rng)
    if rng.random() < 0.5:
        weight = _rounded(rng.normal(0.0, 1.0))
        new: tree.Expr = tree.Binary("+", site.expr, tree.Binary("*", weight, field))
    else:
        shifted = tree.Binary("+", tree.Num(1.0), tree.Call("abs", (field,)))
        power = tree.Num(pick((0.5, 1.0, 2.0), rng))
        factor = tree.Binary("**", shifted, power) if power.value != 1.0 else shifted
        new = tree.Binary(pick(("*", "/"), rng), site.expr, factor)
    return replace_site(policy, site.index, new)


def drop_term(policy: tree.Policy, rng: np.random.Generator) -> tree.Policy | None:
    """Replace an operation by one of its operands."""
    found = [
        s
        for s in sites(policy)
        if isinstance(s.expr, tree.Binary | tree.Negative)
        or (isinstance(s.expr, tree.Call | tree.Choose) and not tree.is_truth(s.expr))
    ]
    if not found:
        return None
    site = pick(found, rng)
    numbers = [child for child in tree.children(site.expr) if not tree.is_truth(child)]
    return replace_site(policy, site.index, pick(numbers, rng)) if numbers else None


def swap_operator(policy: tree.Policy, rng: np.random.Generator) -> tree.Policy | None:
    """Turn + into -, * into a guarded /, min into max, < into >, and into or."""
    kinds = tree.Binary | tree.Compare | tree.Logic | tree.Call
    found = [(s, new) for s in sites(policy) if isinstance(s.expr, kinds) for new in _swaps(s.expr)]
    if not found:
        return None
    site, new = pick(found, rng)
    return replace_site(policy, site.index, new)


def add_condition(policy: tree.Policy, rng: np.random.Generator) -> tree.Policy | None:
    """Treat pairs on one side of a field's threshold otherwise."""
    site = _number_site(policy, rng)
    if site is None:
        return None
    field = _random_field(policy, site.function, rng)
    table = TASK_FIELDS if field.owner == "task" else NODE_FIELDS
    threshold = _rounded(TYPICAL[table[field.name].kind] * rng.lognormal(0.0, 1.5))
    test = tree.Compare(("<",), (field, threshold))
    other = tree.Binary("*", site.expr, _rounded(rng.lognormal(0.0, 1.0)))
    return replace_site(policy, site.index, tree.Choose(test, site.expr, other))


def change_prefer(policy: tree.Policy, rng: np.random.Generator) -> tree.Policy | None:
    """Give a key policy another choice of node, or take its choice away."""
    if policy.shape != "key":
        return None
    kept = tuple(entry for entry in policy.entries if entry.name != "prefer")
    if len(kept) < len(policy.entries) and rng.random() < 0.2:
        return replace(policy, entries=kept)
    fields = [tree.Field("node", name) for name in NODE_FIELDS if name not in BIND_ONLY]
    first, second = pick(fields, rng), pick(fields, rng)
    value: tree.Expr = tree.Negative(first) if rng.random() < 0.5 else first
    if first != second and rng.random() < 0.5:
        weight = _rounded(rng.normal(0.0, 1.0))
        value = tree.Binary("+", value, tree.Binary("*", weight, second))
    prefer = tree.Function("prefer", (), (tree.Return(value),))
    return replace(policy, entries=(*kept, prefer))


EDITS: Final[tuple[tuple[Edit, float], ...]] = (
    (change_constant, 4.0), (change_field, 3.0), (wrap, 1.0), (add_term, 4.0), (drop_term, 2.0),
    (swap_operator, 1.5), (add_condition, 1.5), (change_prefer, 1.0),
)  # fmt: skip
"""Edits of one policy with how often each is tried."""


def _number_site(policy: tree.Policy, rng: np.random.Generator) -> Site | None:
    found = [
        s for s in sites(policy) if not isinstance(s.expr, tree.Num) and not tree.is_truth(s.expr)
    ]
    return pick(found, rng) if found else None


def _random_field(policy: tree.Policy, function: str, rng: np.random.Generator) -> tree.Field:
    """Draw a field that the function can see; helpers see what they already read."""
    owners: list[tree.Owner] = ["task"] if function == "key" else ["task", "node"]
    if policy.entry(function) is None:
        read = tree.fields_of(policy, policy.function(function))
        # a helper that reads nothing may be called where there is no node
        owners = sorted({owner for owner, _ in read}) or ["task"]
    owner = pick(owners, rng)
    table = TASK_FIELDS if owner == "task" else NODE_FIELDS
    known = [n for n in table if n not in RARELY_FINITE and _usable(n, policy)]
    return tree.Field(owner, pick(known, rng))


def _usable(name: str, policy: tree.Policy) -> bool:
    if name in BIND_ONLY:
        return policy.discipline == "bind"
    return name not in NEEDS_NOW or policy.entry("prefer") is None


def _swaps(expr: tree.Expr) -> list[tree.Expr]:
    match expr:
        case tree.Binary("+", a, b):
            return [tree.Binary("-", a, b), tree.Binary("*", a, b)]
        case tree.Binary("-", a, b):
            return [tree.Binary("+", a, b), tree.Binary("-", b, a)]
        case tree.Binary("*", a, b):
            shifted = tree.Binary("+", tree.Num(1.0), tree.Call("abs", (b,)))
            return [tree.Binary("/", a, shifted), tree.Binary("+", a, b)]
        case tree.Binary("/", a, b):
            return [tree.Binary("*", a, b)]
        case tree.Compare((op,), operands):
            return [tree.Compare((SWAPS[op],), operands)]
        case tree.Logic(op, values):
            return [tree.Logic("or" if op == "and" else "and", values)]
        case tree.Call("min" | "max", args):
            return [tree.Call("max" if expr.function == "min" else "min", args)]
        case _:
            return []


def _rounded(value: float) -> tree.Num:
    return tree.Num(float(f"{value:.3g}"))
