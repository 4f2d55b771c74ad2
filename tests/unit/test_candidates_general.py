"""The light gate before the sandbox."""

from __future__ import annotations

import pytest

from evaluator.candidates import read_policy
from evaluator.errors import SubsetError

HONEST = '''
"""Keeps a heap of its own."""
import heapq
from collections import defaultdict
from dataclasses import dataclass

seen = defaultdict(int)

@dataclass(order=True)
class Item:
    key: float
    id: int

    def __post_init__(self):
        seen[self.id] += 1

def decide(state):
    heap = [Item(t.estimate, t.id) for t in state.ready.values()]
    heapq.heapify(heap)
    while heap:
        task = state.ready[heapq.heappop(heap).id]
        for node in state.nodes:
            if state.fits(task, node):
                state.start(task, node)
                break
'''


def test_decide_goes_to_the_general_lane() -> None:
    source = read_policy(HONEST, "mine")
    assert (source.lane, source.shape, source.name) == ("general", "decide", "mine")


def test_decide_wins_over_key() -> None:
    assert read_policy("def key(t): return 1\ndef decide(state): pass\n").lane == "general"


@pytest.mark.parametrize(
    ("text", "line", "piece"),
    [
        ("import os\ndef decide(state): pass", 1, "`import os`"),
        ("def decide(state):\n    import socket", 2, "`import socket`"),
        ("from os import path\ndef decide(state): pass", 1, "`import os`"),
        ("from . import x\ndef decide(state): pass", 1, "`import .`"),
        ("import collections.abc, sys\ndef decide(state): pass", 1, "`import sys`"),
        ("def decide(state):\n    eval('1')", 2, "`eval`"),
        ("def decide(state):\n    x = open", 2, "`open`"),
        ("def decide(state):\n    getattr(state, 'now')", 2, "`getattr`"),
        ("def decide(state):\n    return state.__class__", 2, "`.__class__`"),
        ("def decide(state):\n    return __builtins__", 2, "`__builtins__`"),
        ("def decide(state):\n    return (x for x in ()).gi_frame", 2, "`.gi_frame`"),
        ("def __getattr__(name): pass\ndef decide(state): pass", 1, "`__getattr__`"),
        ("def decide(state):\n    async def f(): pass", 2, "`async`"),
        ("def decide(): pass", 1, "`def decide`"),
        ("def decide(state, *more): pass", 1, "`def decide`"),
    ],
)
def test_what_no_honest_decide_needs_is_refused(text: str, line: int, piece: str) -> None:
    with pytest.raises(SubsetError) as refused:
        read_policy(text)
    assert refused.value.line == line
    assert piece in str(refused.value)
