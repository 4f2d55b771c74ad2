"""Mutation: always another readable policy, the same for the same chance."""

from __future__ import annotations

import numpy as np
import pytest

from evaluator.candidates import compile_policy, mutate, normalise, read_policy
from evaluator.candidates.measure import LONGEST_TEXT
from evaluator.errors import SubsetError
from evaluator.policies import known_rules, load_rule
from evaluator.policy import PolicySource


def pure_rules() -> list[PolicySource]:
    return [r for r in map(load_rule, known_rules()) if isinstance(r, PolicySource)]


def test_two_hundred_mutations_are_valid_and_new() -> None:
    rng = np.random.default_rng(3)
    pool = pure_rules()
    for step in range(200):
        parent = pool[int(rng.integers(len(pool)))]
        other = pool[int(rng.integers(len(pool)))] if step % 2 else None
        text = mutate(parent, rng, other)
        child = read_policy(text, f"m{step}")
        assert normalise(child) != normalise(parent)
        assert (child.shape, child.discipline) == (parent.shape, parent.discipline)
        assert len(text) < LONGEST_TEXT
        pool.append(child)
    assert len({normalise(policy) for policy in pool}) > 150


def test_equal_chance_gives_equal_text() -> None:
    first, second = load_rule("atc"), load_rule("sjf")
    assert isinstance(first, PolicySource)
    assert isinstance(second, PolicySource)
    texts = {mutate(first, np.random.default_rng(8), second) for _ in range(3)}
    assert len(texts) == 1


def test_disciplines_change_only_when_allowed() -> None:
    rng = np.random.default_rng(0)
    parent = read_policy("def key(task): return task.estimate")
    kept = {read_policy(mutate(parent, rng)).discipline for _ in range(40)}
    changed = {
        read_policy(mutate(parent, rng, disciplines=("easy", "bind"))).discipline for _ in range(80)
    }
    assert kept == {"greedy"}
    assert changed == {"greedy", "easy"}


def test_crossover_brings_in_what_only_the_partner_has() -> None:
    rng = np.random.default_rng(1)
    ours = read_policy("def key(task): return task.estimate")
    theirs = read_policy("def h(t): return t.weight * 7\ndef key(task): return h(task) * 7.25")
    texts = [mutate(ours, rng, theirs) for _ in range(60)]
    assert any("7.25" in text for text in texts)
    assert any("def theirs" in text for text in texts)


def test_mutants_compile() -> None:
    rng = np.random.default_rng(5)
    for parent in pure_rules():
        compile_policy(read_policy(mutate(parent, rng)))


def test_general_policies_are_not_mutated() -> None:
    with pytest.raises(SubsetError, match="pure policies only"):
        mutate(read_policy("def decide(state): pass"), np.random.default_rng(0))
