"""Machine code and regenerated Python give the same bits, whatever the policy computes."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lanes import assert_lanes_agree, random_columns

from evaluator.candidates import normalise, read_policy
from evaluator.candidates.parse import checked_tree
from evaluator.candidates.write import policy_text

SPECIAL = (
    0.0, -0.0, math.inf, -math.inf, math.nan, 1.0, -1.0, 0.5, -0.5, 1.5, -2.5, 2.0, 3.0, -3.0,
    1e308, -1e308, 1.7976931348623157e308, 5e-324, -5e-324, 2.2250738585072014e-308, 1e-300,
    4503599627370495.5, 4503599627370496.0, 9007199254740993.0, 709.782712893384, 710.0, -745.2,
    1e16, 0.1, 1 / 3,
)  # fmt: skip
RAW = ("task.weight", "task.best_speed", "node.price", "node.carbon", "node.idle_watts")
"""Fields that hand a float column through unchanged."""
BINARY = ("+", "-", "*", "/", "//", "%", "**")
UNARY_CALLS = (
    "math.sqrt", "math.exp", "math.expm1", "math.log", "math.log1p", "math.log2", "math.log10",
    "math.floor", "math.ceil", "math.trunc", "math.fabs", "math.tanh", "math.atan", "abs", "round",
    "int", "float", "math.isnan", "math.isinf", "math.isfinite", "bool", "not ", "-",
)  # fmt: skip
BINARY_CALLS = ("min", "max", "math.pow", "math.hypot", "math.copysign", "math.log")


def columns_of_doubles(values: np.ndarray, seed: int = 0) -> dict[str, np.ndarray]:
    """Return columns whose raw fields take the given doubles: pair p meets pairs of values."""
    rng = np.random.default_rng(seed)
    columns = random_columns(seed, pairs=len(values))
    rows = np.arange(len(values), dtype=np.int32)
    for name in ("job", "profile", "node_type"):
        columns[name] = rows.copy() if name != "node_type" else np.zeros(len(rows), np.int32)
    columns["tasks"], columns["nodes"] = rows, rows.copy()
    for name in ("weight", "best_speed"):
        columns[name] = np.ascontiguousarray(values, dtype=np.float64)
    for name in ("price", "carbon", "idle_watts"):
        columns[name] = np.ascontiguousarray(rng.permutation(values))
    n = len(rows)
    columns["throughput"] = np.ones((n, 1))
    for name in ("demand", "free", "capacity"):
        columns[name] = np.ones((n, 3), np.int64)
    for name in ("gang", "starts", "children", "queued"):
        columns[name] = np.ones(n, np.int32)
    for name in ("estimate", "ready", "attained", "service", "rank", "free_at", "release", "due",
                 "deadline", "job_left"):  # fmt: skip
        columns[name] = rng.integers(0, 10**12, n)
    for name in ("busy_watts", "node_speed"):
        columns[name] = np.ones(n)
    return columns


def doubles(seed: int, count: int = 400) -> np.ndarray:
    """Return special values, doubles of random bits, and everyday numbers."""
    rng = np.random.default_rng(seed)
    wild = rng.integers(0, 2**64, count, dtype=np.uint64).view(np.float64)
    plain = rng.normal(0.0, 1.0, count) * 10.0 ** rng.integers(-3, 4, count)
    return np.concatenate([SPECIAL, wild, plain, np.rint(plain * 3)])


def pairwise() -> dict[str, np.ndarray]:
    """Return columns in which every special value meets every other."""
    first, second = np.meshgrid(SPECIAL, SPECIAL)
    columns = columns_of_doubles(first.ravel())
    columns["price"] = np.ascontiguousarray(second.ravel())
    return columns


OPERATIONS = [
    *[f"task.weight {op} node.price" for op in BINARY],
    *[f"{call}(task.weight)" for call in UNARY_CALLS],
    *[f"{call}(task.weight, node.price)" for call in BINARY_CALLS],
    *[f"task.weight ** {exponent}" for exponent in (0, 1, 2, 3, 5, 8, 9, 0.5, -1, -0.5, 1.5)],
    *[f"2 ** task.weight {op} (task.weight {op} node.price)" for op in ("+", "*")],
    *[f"task.weight {op} node.price" for op in ("<", "<=", ">", ">=", "==", "!=")],
    "task.weight < node.price < node.carbon", "task.weight and node.price",
    "task.weight or node.price", "(task.weight > 0) and node.price",
    "(task.weight > 1) + (node.price > 1)", "node.price if task.weight else node.carbon",
    "(task.weight > 0) or (node.price > 0)", "-(task.weight > 0)",
    "task.weight * node.price + node.carbon", "task.weight * node.price - node.carbon * 3",
    "min(task.weight, node.price, node.carbon)", "max(task.weight, node.price, node.carbon)",
    "task.weight / (node.price - node.price)",
]  # fmt: skip


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_agrees_on_special_and_random_doubles(operation: str) -> None:
    source = read_policy(f"import math\ndef score(task, node, now):\n    return {operation}\n")
    with np.errstate(all="ignore"):
        assert_lanes_agree(source, pairwise(), 5)
        assert_lanes_agree(source, columns_of_doubles(doubles(1)), 5)


@st.composite
def number(draw: st.DrawFn, names: tuple[str, ...], depth: int) -> str:
    """Draw an expression whose value may be a number or a truth."""
    if depth == 0 or draw(st.integers(0, 5)) == 0:
        leaf = draw(st.sampled_from((*RAW, *names, "now", "task.wait", "#")))
        return repr(abs(draw(st.sampled_from(SPECIAL[5:])))) if leaf == "#" else leaf
    a = draw(number(names, depth - 1))
    b = draw(number(names, depth - 1))
    kind = draw(st.integers(0, 7))
    if kind <= 2:
        return f"({a} {draw(st.sampled_from(BINARY))} {b})"
    if kind == 3:
        return f"{draw(st.sampled_from(BINARY_CALLS))}({a}, {b})"
    if kind == 4:
        return f"({draw(st.sampled_from(UNARY_CALLS))}({a}))"
    if kind == 5:
        c = draw(number(names, depth - 1))
        return f"({a} if {b} {draw(st.sampled_from(('<', '>=', '==', '!=')))} {c} else {c})"
    if kind == 6:
        return f"({a} {draw(st.sampled_from(('and', 'or')))} {b})"
    return f"({a} ** {draw(st.sampled_from(('2', '3', '0.5', '1.7', '-1')))})"


@st.composite
def block(draw: st.DrawFn, names: tuple[str, ...], depth: int, loops: int) -> list[str]:
    """Draw statements over names that all have a value."""
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(names))
        value = draw(number(names, 2))
        kind = draw(st.integers(0, 5)) if depth else 0
        if kind <= 1:
            lines.append(f"{name} = {value}")
        elif kind == 2:
            lines.append(f"{name} {draw(st.sampled_from(('+=', '*=', '-=')))} {value}")
        elif kind == 3 and loops < 2:
            inner = draw(block((*names, f"i{loops}"), depth - 1, loops + 1))
            leave = draw(st.sampled_from((["pass"], [f"if {value} > 3:", "    break"],
                                          [f"if {value} < 3:", "    continue"])))  # fmt: skip
            inner = [*leave, *inner]
            turns = draw(st.sampled_from(("3", "1, 4", "5, 0, -2", "1")))
            lines += [f"for i{loops} in range({turns}):", *(f"    {line}" for line in inner)]
        else:
            then = draw(block(names, depth - 1, loops))
            lines += [f"if {value}:", *(f"    {line}" for line in then)]
            if draw(st.booleans()):
                lines += ["else:", f"    return {value}"]
    return lines


@st.composite
def programs(draw: st.DrawFn) -> str:
    """Draw a whole policy with a helper, branches and loops."""
    body = draw(block(("x", "y"), 2, 0))
    helper = draw(number(("a", "b"), 2)).replace("now", "a").replace("task.wait", "b")
    for raw in RAW:
        helper = helper.replace(raw, "b")
    lines = [
        "import math", "def helper(a, b):", f"    return {helper}",
        "def score(task, node, now):", "    x = task.weight", "    y = helper(node.price, now)",
        *(f"    {line}" for line in body), "    return x + helper(y, x)",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs(), st.integers(0, 1000))
def test_random_programs_agree_in_both_lanes_and_survive_rewriting(text: str, seed: int) -> None:
    source = read_policy(text)
    columns = columns_of_doubles(doubles(seed, 8), seed)
    assert_lanes_agree(source, columns, 1_500_000)
    again = read_policy(policy_text(checked_tree(text)))
    assert normalise(again) == normalise(source)


def test_the_lanes_are_two_implementations() -> None:
    """The comparison means something only if the compiled lane does not call the plain one."""
    emit = Path(__file__).parents[2] / "evaluator" / "candidates" / "emit.py"
    assert "shims_python" not in emit.read_text("utf-8")
