"""Normalised text: one for policies that differ in nothing that matters."""

from __future__ import annotations

import pytest

from evaluator.candidates import normalise, read_policy

SAME = [
    (
        '"""Doc."""\nALPHA = 2\ndef key(job):  # comment\n    """Doc."""\n    size = job.gang\n'
        "    return ALPHA * size\n",
        "def key(task):\n    width = task.gang\n    return 2.0 * width\n",
    ),
    ("def key(task): return task.gang * (3 - 1)", "def key(t): return 2 * t.gang"),
    ("def key(task): return task.gang * 1", "def key(task): return task.gang"),
    ("def key(task, t): return t > 3", "def key(task, now): return 3 < now"),
    (
        "import math\ndef key(task): return math.log(task.due)",
        "from math import log\ndef key(task): return log(task.due)",
    ),
    (
        "def f(x): return x + 1\ndef unused(y): return y\ndef key(t): return f(t.gang)",
        "def key(t): return bump(t.gang)\ndef bump(value): return value + 1",
    ),
    ("def key(task): return task.gang if 1 < 2 else 0", "def key(task): return task.gang"),
    (
        '"""Doc."""\ndef decide(state):\n    """Doc."""\n    return None  # nothing\n',
        "def decide(state):\n    return None\n",
    ),
]

DIFFERENT = [
    ("def key(task): return task.gang", "def key(task): return task.cpus"),
    ("def key(task): return 1", "DISCIPLINE = 'strict'\ndef key(task): return 1"),
    ("def key(task): return task.gang - 1", "def key(task): return 1 - task.gang"),
    # rounding differs
    (
        "def key(task): return (task.due + task.gang) + 0.1",
        "def key(task): return task.due + (task.gang + 0.1)",
    ),
    # only one of them is -0.0 for -0.0
    ("def key(task): return -task.gang + 0", "def key(task): return -task.gang"),
]


@pytest.mark.parametrize(("first", "second"), SAME)
def test_trivial_differences_vanish(first: str, second: str) -> None:
    assert normalise(read_policy(first)) == normalise(read_policy(second))


@pytest.mark.parametrize(("first", "second"), DIFFERENT)
def test_real_differences_stay(first: str, second: str) -> None:
    assert normalise(read_policy(first)) != normalise(read_policy(second))


@pytest.mark.parametrize("text", [text for pair in SAME for text in pair])
def test_normalised_text_is_a_policy_and_stays_as_it_is(text: str) -> None:
    once = normalise(read_policy(text))
    assert normalise(read_policy(once)) == once
