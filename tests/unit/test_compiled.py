"""The cache of compiled code belongs to all sources that are compiled, and to no others."""

from __future__ import annotations

import re
from pathlib import Path

import evaluator
from evaluator.compiled import compiled_sources

ROOT = Path(evaluator.__file__).parent


def test_every_file_with_a_compiled_function_names_the_cache() -> None:
    decorated = {
        path
        for path in ROOT.rglob("*.py")
        if re.search(r"^@(core|n?jit|cfunc|intrinsic)\b", path.read_text(), re.MULTILINE)
    }
    assert ROOT / "cluster" / "kernel" / "waiting.py" in decorated
    assert decorated <= set(compiled_sources())


def test_a_file_without_one_does_not() -> None:
    assert ROOT / "gate.py" not in compiled_sources()
