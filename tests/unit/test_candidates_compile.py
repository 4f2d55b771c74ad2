"""Compiled blocks: every field, every mode, both doors, from Python and from a kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from lanes import assert_lanes_agree, random_columns
from numba import njit, types

from evaluator.candidates import BLOCK_SIGNATURE, BLOCK_TYPE, compile_policy, read_policy
from evaluator.candidates.block import (
    ARGUMENTS,
    ONE_NODE,
    PAIRS,
    TABLE_TYPE,
    TASKS,
    address_table,
)
from evaluator.candidates.fields import NODE_FIELDS, TASK_FIELDS
from evaluator.cluster.model import NEVER

NOW = 9_000_000_123


@pytest.mark.parametrize("name", TASK_FIELDS)
def test_every_task_field_is_read_as_documented(name: str) -> None:
    for text in (
        f"def key(task, now): return task.{name}",
        f"def score(task, node, now): return task.{name}",
    ):
        assert_lanes_agree(read_policy(text), random_columns(3), NOW)


@pytest.mark.parametrize("name", NODE_FIELDS)
def test_every_node_field_is_read_as_documented(name: str) -> None:
    text = f"DISCIPLINE = 'bind'\ndef score(task, node, now): return node.{name}"
    assert_lanes_agree(read_policy(text), random_columns(4), NOW)


def test_all_fields_together_and_prefer() -> None:
    every = [*(f"task.{n}" for n in TASK_FIELDS), *(f"node.{n}" for n in NODE_FIELDS)]
    total = "\n".join(f"    x = x * 0.7 + min({name}, 1e9)" for name in every)
    assert_lanes_agree(
        read_policy(f"def score(task, node, now):\n    x = now\n{total}\n    return x"),
        random_columns(5), NOW,
    )  # fmt: skip
    assert_lanes_agree(
        read_policy("def key(t): return t.gang\ndef prefer(t, n): return n.speed - n.price"),
        random_columns(6), NOW,
    )  # fmt: skip


def test_units_and_limits_by_hand() -> None:
    """2.5 s of work left at rate 0.5 takes 5 s, plus 1 s overhead; no due date is inf."""
    columns = random_columns(0, pairs=1)
    columns["tasks"][0] = columns["nodes"][0] = 0
    columns["job"][0] = columns["profile"][0] = columns["node_type"][0] = 0
    columns["estimate"][0], columns["attained"][0] = 3_000_000, 500_000
    columns["throughput"][0, 0], columns["node_speed"][0] = 0.25, 2.0
    columns["overhead"][0], columns["data_at"][0] = 1_000_000, 7_000_000
    columns["due"][0] = NEVER
    columns["demand"][0] = (1500, 512, 250)

    def ask(expression: str) -> float:
        text = f"def score(task, node, now): return {expression}"
        block = compile_policy(read_policy(text)).score
        assert block is not None
        block(columns, PAIRS, 1, 4_000_000)
        return float(columns["out"][0])

    assert ask("node.duration") == 6.0
    assert ask("node.data_wait") == 3.0
    assert ask("now") == 4.0
    assert ask("task.remaining") == 2.5
    assert ask("task.due") == np.inf
    assert ask("task.cpus + task.memory + task.devices") == 1.5 + 0.5 + 0.25
    columns["throughput"][0, 0] = 0.0
    assert ask("node.duration") == np.inf
    columns["attained"][0] = 9_000_000
    assert ask("task.remaining") == 1e-6


def test_nothing_is_written_beyond_the_pairs_asked_for() -> None:
    columns = random_columns(1, pairs=8)
    columns["out"][:] = -7.0
    block = compile_policy(read_policy("def key(task): return 1")).key
    assert block is not None
    block(columns, TASKS, 0, NOW)
    assert (columns["out"] == -7.0).all()
    block(columns, TASKS, 3, NOW)
    assert columns["out"].tolist() == [1.0] * 3 + [-7.0] * 5


def test_a_policy_compiles_once_per_text() -> None:
    text = "def key(task): return task.gang * 3"
    assert compile_policy(read_policy(text, "a")) is compile_policy(read_policy(text, "b"))
    compiled = compile_policy(read_policy(text))
    assert compiled.prefer is None
    assert compiled.score is None


def test_blocks_pass_into_a_kernel_that_is_compiled_once() -> None:
    source = f"def kernel(f, {', '.join(ARGUMENTS)}):\n    f({', '.join(ARGUMENTS)})\n"
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    by_columns = njit(types.void(BLOCK_TYPE, *BLOCK_SIGNATURE.args))(namespace["kernel"])

    @njit(types.void(TABLE_TYPE, types.int64, types.int64, types.int64, types.int64))
    def by_table(f: Any, table: int, mode: int, m: int, now: int) -> None:
        f(table, mode, m, now)

    columns = random_columns(2)
    pairs = len(columns["tasks"])
    given = {**columns, "mode": ONE_NODE, "m": pairs, "now": NOW}
    for factor in (1, 2):
        text = f"def score(task, node, now): return node.price * {factor} + task.gang"
        block = compile_policy(read_policy(text)).score
        assert block is not None
        expected = columns["price"][columns["nodes"][0]] * factor
        expected = expected + columns["gang"][columns["tasks"]]
        columns["out"][:] = 0.0
        by_columns(block, *(given[name] for name in ARGUMENTS))
        assert np.array_equal(columns["out"], expected)
        columns["out"][:] = 0.0
        by_table(block.table, address_table(columns).ctypes.data, ONE_NODE, pairs, NOW)
        assert np.array_equal(columns["out"], expected)


def test_a_wrong_column_is_named() -> None:
    columns = random_columns(2)
    columns["price"] = columns["price"].astype(np.float32)
    with pytest.raises(ValueError, match="'price' must be C-contiguous float64"):
        address_table(columns)
