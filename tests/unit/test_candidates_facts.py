"""Facts an engine may rely on."""

from __future__ import annotations

import pytest

from evaluator.candidates import facts, read_policy


@pytest.mark.parametrize(
    ("text", "dynamic"),
    [
        ("def key(task): return task.remaining", False),
        ("def key(task, now): return task.remaining", True),
        ("def key(task, now): return task.estimate", False),
        ("def key(task, now): return task.ready + task.gang", False),
        ("def key(task, now): return now", True),
        ("def key(task, now): return task.wait", True),
        ("def key(task, t): return h(task)\ndef h(x): return x.service", True),
        ("def key(task, t): return h(task)\ndef h(x): return x.weight", False),
        ("def score(task, node, now): return now", False),
    ],
)
def test_a_key_is_dynamic_if_it_can_change_while_the_task_waits(text: str, dynamic: bool) -> None:
    assert facts(read_policy(text)).dynamic_key is dynamic


def test_fields_and_functions_are_read_through_helpers() -> None:
    known = facts(
        read_policy(
            "def h(a, b): return a.rank * b.price\n"
            "def unused(task): return task.due\n"
            "def key(task): return task.estimate\n"
            "def prefer(task, node): return h(task, node)\n"
        )
    )
    assert known.functions == {"key", "prefer"}
    assert known.fields == {"task.rank", "node.price", "task.estimate"}
