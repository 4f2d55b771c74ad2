"""Kept answers and undivided quotients: the same bits as CPython's, whatever was asked before."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lanes import random_columns

from evaluator.candidates import compile_policy, read_policy
from evaluator.candidates.block import PAIRS, TASKS
from evaluator.candidates.memo import moves, moving_names
from evaluator.candidates.parse import checked_tree


def answers(expression: str, weights: list[float]) -> list[float]:
    """Ask a key of ``task.weight`` about tasks of these weights, in this order."""
    columns: dict[str, Any] = random_columns(0, pairs=len(weights))
    columns["weight"] = np.array(weights)
    columns["job"] = np.arange(len(weights), dtype=np.int32)
    columns["tasks"] = np.arange(len(weights), dtype=np.int32)
    for name in ("release", "due", "deadline"):
        columns[name] = np.zeros(len(weights), np.int64)
    block = compile_policy(read_policy(f"import math\ndef key(task): return {expression}")).key
    assert block is not None
    block(columns, TASKS, len(weights), 0)
    return columns["out"].tolist()


@pytest.mark.parametrize("name", ["exp", "expm1", "log", "log1p", "log2", "log10", "tanh", "atan"])
def test_what_is_kept_is_what_the_library_answers(name: str) -> None:
    numbers = [0.0, -0.0, 5e-324, 1.5, 1.5, 0.0, -0.0, 700.0, 1e-9, 2.0**-1022, 1.5]
    numbers += np.random.Generator(np.random.Philox(7)).lognormal(0, 2, 6000).clip(0, 700).tolist()
    for _ in range(2):
        found = answers(f"math.{name}(task.weight)", numbers)
        for x, y in zip(numbers, found, strict=True):
            if x == 0 and name in ("log", "log2", "log10"):
                assert math.isnan(y) or y == -math.inf
            else:
                assert math.copysign(1, y) == math.copysign(1, getattr(math, name)(x))
                assert y == getattr(math, name)(x)


@given(
    st.lists(st.floats(0, 1e12), min_size=1, max_size=40), st.sampled_from((0.3, -0.7, 2.5, 9.0))
)
def test_powers_are_kept_by_exponent_and_bits(numbers: list[float], exponent: float) -> None:
    expression = f"math.pow(task.weight, {exponent}) + math.pow(task.weight + 1, 1.25)"
    for x, y in zip(numbers, answers(expression, numbers), strict=True):
        if x > 0 or exponent > 0:
            assert y == math.pow(x, exponent) + math.pow(x + 1, 1.25)


def test_more_functions_than_tables_still_answer() -> None:
    terms = [f"math.pow(task.weight, {k}.5)" for k in range(1, 12)]
    for x, y in zip([1.1, 2.2, 1.1], answers(" + ".join(terms), [1.1, 2.2, 1.1]), strict=True):
        total = math.pow(x, 1.5)
        for k in range(2, 12):
            total += math.pow(x, k + 0.5)
        assert y == total


def test_nan_is_never_taken_for_a_kept_number() -> None:
    found = answers("math.exp(task.weight)", [math.nan, 0.0, math.nan, 1.0])
    assert [math.isnan(y) for y in found] == [True, False, True, False]
    assert found[1::2] == [1.0, math.e]


@given(st.lists(st.integers(0, 2**62), min_size=1, max_size=30))
def test_seconds_and_amounts_are_rounded_as_division_rounds(counts: list[int]) -> None:
    """Millionths and thousandths by reciprocal and remainder equal the divider to the last bit."""
    columns: dict[str, Any] = random_columns(0, pairs=len(counts))
    columns["estimate"] = np.array(counts, np.int64)
    columns["demand"] = np.array([[c, c, c] for c in counts], np.int64)
    columns["tasks"] = np.arange(len(counts), dtype=np.int32)
    columns["nodes"] = np.zeros(len(counts), np.int32)
    for field, unit in (("estimate", 1e6), ("cpus", 1000.0), ("memory", 1024.0)):
        text = f"def score(task, node, now): return task.{field}"
        block = compile_policy(read_policy(text)).score
        assert block is not None
        block(columns, PAIRS, len(counts), 0)
        assert columns["out"].tolist() == [float(c) / unit for c in counts]


def test_what_changes_with_the_clock_is_told_from_what_does_not() -> None:
    policy = checked_tree(
        "def late(task): return task.wait + 1\n"
        "def score(task, node, now):\n"
        "    a = task.age\n    b = a * 2\n    c = task.estimate\n    d = late(task)\n"
        "    return a + b + c + d\n"
    )
    score = policy.function("score")
    names = moving_names(policy, score)
    assert names == {"now", "a", "b", "d"}
    assert moves(policy, score.body[0].value, names)  # type: ignore[union-attr]
    assert not moves(policy, score.body[2].value, names)  # type: ignore[union-attr]
