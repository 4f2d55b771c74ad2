"""Random block columns, and the plain answer that compiled policies must give bit for bit."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluator.candidates import compile_policy, facts, python_functions
from evaluator.candidates.block import COLUMNS, ONE_NODE, PAIRS, TASKS
from evaluator.candidates.fields import node_field, task_field
from evaluator.cluster.model import NEVER
from evaluator.policy import PolicySource

JOBS, ROWS, NODES, PROFILES, KINDS = 5, 12, 4, 3, 2
PER_JOB = ("release", "due", "deadline", "weight", "job_left")
PER_NODE = (
    "node_type", "node_speed", "free", "capacity", "price", "idle_watts", "busy_watts", "carbon",
    "free_at", "queued",
)  # fmt: skip
PER_PAIR = ("tasks", "nodes", "overhead", "data_at", "here", "out")
BELOW = {
    "job": JOBS, "profile": PROFILES, "node_type": KINDS, "tasks": ROWS, "nodes": NODES, "here": 2,
}  # fmt: skip


def random_columns(seed: int, pairs: int = 24) -> dict[str, NDArray[Any]]:
    """Return columns of a small world; some due dates never come, some rates are 0."""
    rng = np.random.default_rng(seed)
    columns: dict[str, NDArray[Any]] = {}
    for name, (dtype, axes) in COLUMNS.items():
        rows = ROWS
        rows = JOBS if name in PER_JOB else rows
        rows = NODES if name in PER_NODE else rows
        rows = PROFILES if name in ("throughput", "best_speed") else rows
        rows = pairs if name in PER_PAIR else rows
        shape = (rows,) if axes == 1 else (rows, KINDS if name == "throughput" else 3)
        if dtype == "float64":
            column = rng.lognormal(0.0, 2.0, shape) * (rng.random(shape) < 0.8)
        else:
            column = rng.integers(0, BELOW.get(name, 9 if dtype == "int32" else 10**10), shape)
        columns[name] = np.ascontiguousarray(column.astype(dtype))
    columns["due"][::2] = NEVER
    columns["deadline"][1::2] = NEVER
    return columns


def compiled_answers(
    source: PolicySource, function: str, columns: dict[str, NDArray[Any]], mode: int, now: int
) -> list[int]:
    """Return the bits of the machine code's answers, any NaN as one NaN."""
    block = getattr(compile_policy(source), function)
    pairs = len(columns["tasks"])
    columns["out"][:] = -1.0
    block(columns, mode, pairs, now)
    return [bits(value) for value in columns["out"]]


def plain_answers(
    source: PolicySource, function: str, columns: dict[str, NDArray[Any]], mode: int, now: int
) -> list[int]:
    """Return the bits of the plain-Python answers, any NaN as one NaN."""
    call = python_functions(source)[function]
    read = sorted(facts(source).fields)
    of_task = [name.removeprefix("task.") for name in read if name.startswith("task.")]
    of_node = [name.removeprefix("node.") for name in read if name.startswith("node.")]
    answers = []
    for pair, task in enumerate(columns["tasks"]):
        node = columns["nodes"][0 if mode == ONE_NODE else pair]
        view = SimpleNamespace(**{f: task_field(f, columns, task, now) for f in of_task})
        place = SimpleNamespace(
            **{f: node_field(f, columns, pair, task, node, now) for f in of_node}
        )
        given: dict[str, tuple[object, ...]] = {
            "key": (view, now / 1e6),
            "prefer": (view, place),
            "score": (view, place, now / 1e6),
        }
        answers.append(bits(call(*given[function])))
    return answers


def assert_lanes_agree(source: PolicySource, columns: dict[str, NDArray[Any]], now: int) -> None:
    """Compare both lanes for every function of a policy and every mode that fits it."""
    for function in python_functions(source):
        for mode in (TASKS,) if function == "key" else (PAIRS, ONE_NODE):
            compiled = compiled_answers(source, function, columns, mode, now)
            assert compiled == plain_answers(source, function, columns, mode, now), source.text


def bits(value: float) -> int:
    """Return the bits of a double; every NaN is the same."""
    assert isinstance(value, float)
    pattern: int = struct.unpack("<Q", struct.pack("<d", value))[0]
    return 0x7FF8000000000000 if value != value else pattern
