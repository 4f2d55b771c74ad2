"""A shell for command lines, and a policy file to give them."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli import Shell


@pytest.fixture
def shell(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Shell:
    """Command lines run in an empty folder, with an empty memory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGENTSCHED_MEMORY_URL", f"sqlite:///{tmp_path}/memory.db")
    return Shell(capsys)


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """Shortest first, as a user would write it."""
    path = tmp_path / "mine.py"
    path.write_text('"""Shortest first."""\n\n\ndef key(task):\n    return task.estimate\n')
    return path
