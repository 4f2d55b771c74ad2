"""Mutation without a model: typed edits and crossover that always give a readable policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from evaluator.candidates import tree
from evaluator.candidates.edits import EDITS, pick
from evaluator.candidates.fields import NEEDS_NOW
from evaluator.candidates.normalise import normalise
from evaluator.candidates.parse import checked_tree, read_policy
from evaluator.candidates.rewrite import rename, replace_site, sites
from evaluator.candidates.write import policy_text
from evaluator.errors import PolicyError, SubsetError
from evaluator.policy import Discipline, PolicySource

ATTEMPTS: Final = 100
MOST_SITES: Final = 400
"""Expressions in a mutant: crossover and added terms must not grow policies without end."""
CROSSOVER: Final = 0.3
"""Share of mutants that take something from the other parent, when there is one."""


def mutate(
    source: PolicySource,
    rng: np.random.Generator,
    other: PolicySource | None = None,
    *,
    disciplines: Sequence[Discipline] = (),
) -> str:
    """Return the text of a policy that is one to three edits away and normalises differently.

    Args:
        source: A pure policy.
        rng: The only source of chance; equal state, equal text.
        other: A second pure policy to cross over with.
        disciplines: Disciplines the mutant may change to; empty keeps the parent's.

    Raises:
        SubsetError: if the source is not pure, or no valid other policy was found nearby.
    """
    if source.lane == "general":
        raise SubsetError("mutation edits pure policies only, this one has decide(state)")
    start = checked_tree(source.text)
    partner = checked_tree(other.text) if other is not None and other.lane == "pure" else None
    parent = normalise(source)
    for _ in range(ATTEMPTS):
        mutant, done = _edited(start, partner, rng, disciplines)
        if not done or len(sites(mutant)) > max(MOST_SITES, len(sites(start))):
            continue
        text = policy_text(_with_now(mutant), f"{source.name}: {', '.join(done)}.")
        try:
            if normalise(read_policy(text)) != parent:
                return text
        except PolicyError:
            continue
    raise SubsetError(f"no valid policy found in {ATTEMPTS} attempts around {source.name!r}")


def _edited(
    policy: tree.Policy,
    partner: tree.Policy | None,
    rng: np.random.Generator,
    disciplines: Sequence[Discipline],
) -> tuple[tree.Policy, list[str]]:
    done: list[str] = []
    if partner is not None and rng.random() < CROSSOVER:
        crossed = _crossed(policy, partner, rng)
        if crossed is not None:
            policy = crossed
            done.append("crossover")
    if disciplines and rng.random() < 0.1:
        changed = _other_discipline(policy, rng, disciplines)
        if changed is not None:
            policy = changed
            done.append(f"discipline {policy.discipline}")
    weights = np.array([weight for _, weight in EDITS])
    # mostly one edit, sometimes two or three
    for _ in range(min(3, int(rng.geometric(0.7))) - (1 if done else 0)):
        edit, _ = EDITS[int(rng.choice(len(EDITS), p=weights / weights.sum()))]
        edited = edit(policy, rng)
        if edited is not None:
            policy = edited
            done.append(edit.__name__.replace("_", " "))
    return policy, done


def _crossed(
    policy: tree.Policy, partner: tree.Policy, rng: np.random.Generator
) -> tree.Policy | None:
    way = pick((_take_expression, _take_function, _weighted_sum), rng)
    return way(policy, partner, rng)


def _take_expression(
    policy: tree.Policy, partner: tree.Policy, rng: np.random.Generator
) -> tree.Policy | None:
    """Put an expression of the partner in place of one of ours."""
    shared = [entry.name for entry in policy.entries if partner.entry(entry.name) is not None]
    given = [s for s in sites(partner) if s.function in shared and _closed(s.expr)]
    if not given:
        return None
    gift = pick(given, rng)
    places = [s for s in sites(policy) if s.function == gift.function and not tree.is_truth(s.expr)]
    return replace_site(policy, pick(places, rng).index, gift.expr)


def _take_function(
    policy: tree.Policy, partner: tree.Policy, rng: np.random.Generator
) -> tree.Policy | None:
    """Take one whole entry of the partner."""
    if policy.shape != partner.shape:
        return None
    fitting = [e for e in partner.entries if policy.discipline == "bind" or e.name != "key"
               or policy.shape == "key"]  # fmt: skip
    taken = pick(fitting, rng)
    renamed, helpers = _guest(partner, taken, taken.name)
    kept = tuple(entry for entry in policy.entries if entry.name != taken.name)
    return replace(policy, entries=(*kept, renamed), helpers=(*policy.helpers, *helpers))


def _weighted_sum(
    policy: tree.Policy, partner: tree.Policy, rng: np.random.Generator
) -> tree.Policy | None:
    """Add the partner's number, weighted, to ours."""
    ours, theirs = policy.entry(policy.shape), partner.entry(policy.shape)
    if ours is None or theirs is None:
        return None
    taken = {function.name for function in (*policy.helpers, *policy.entries)}
    base, guest = _unused("ours", taken), _unused("theirs", taken)
    first = replace(ours, name=base)
    second, helpers = _guest(partner, theirs, guest)
    now = ("now",) if first.parameters or second.parameters else ()

    def called(function: tree.Function) -> tree.Expr:
        return tree.Invoke(function.name, tuple(tree.Name("now") for _ in function.parameters))

    weight = tree.Num(float(f"{rng.lognormal(-1.0, 1.0):.3g}"))
    total = tree.Binary("+", called(first), tree.Binary("*", weight, called(second)))
    entry = tree.Function(ours.name, now, (tree.Return(total),))
    kept = tuple(e for e in policy.entries if e.name != ours.name)
    added = (*helpers, first, second)
    return replace(policy, entries=(*kept, entry), helpers=(*policy.helpers, *added))


def _guest(
    partner: tree.Policy, function: tree.Function, name: str
) -> tuple[tree.Function, tuple[tree.Function, ...]]:
    """Return a function of the partner and its helpers under names of their own."""

    def helper(called: str) -> str:
        return f"{called}_b"

    guests = tuple(rename(f, helper(f.name), str, helper) for f in partner.helpers)
    return rename(function, name, str, helper), guests


def _other_discipline(
    policy: tree.Policy, rng: np.random.Generator, disciplines: Sequence[Discipline]
) -> tree.Policy | None:
    keyed: tuple[Discipline, ...] = ("greedy", "strict", "easy", "conservative")
    scored: tuple[Discipline, ...] = ("greedy", "bind")
    valid = keyed if policy.shape == "key" else scored
    others = [d for d in disciplines if d in valid and d != policy.discipline]
    if not others:
        return None
    entries = policy.entries
    chosen = pick(others, rng)
    if policy.shape == "score" and chosen == "greedy":
        entries = tuple(entry for entry in entries if entry.name != "key")
    return replace(policy, discipline=chosen, batch="key", entries=entries)


def _with_now(policy: tree.Policy) -> tree.Policy:
    """Drop helpers nobody calls; give ``now`` to entries that came to need it."""
    reached: set[str] = set()
    for function in (*policy.entries, *reversed(policy.helpers)):
        if function.name in reached or policy.entry(function.name) is not None:
            tops = tree.expressions(function.body)
            inside = (e for top in tops for e in tree.walk(top))
            reached |= {e.helper for e in inside if isinstance(e, tree.Invoke)}
    helpers = tuple(f for f in policy.helpers if f.name in reached)
    policy = replace(policy, helpers=helpers)

    def complete(function: tree.Function) -> tree.Function:
        read = {name for _, name in tree.fields_of(policy, function)}
        if function.name == "prefer" or function.parameters or not read & NEEDS_NOW:
            return function
        return replace(function, parameters=("now",))

    return replace(policy, entries=tuple(map(complete, policy.entries)))


def _closed(expr: tree.Expr) -> bool:
    """Return whether the expression means the same in another function."""
    inside = list(tree.walk(expr))
    fields = any(isinstance(e, tree.Field) for e in inside)
    return fields and not any(isinstance(e, tree.Name | tree.Invoke) for e in inside)


def _unused(name: str, taken: set[str]) -> str:
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = f"{name}{number}", number + 1
    return candidate
