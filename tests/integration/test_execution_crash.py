"""Kill -9 at every step of runner and supervisor: nothing runs twice, nothing is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import execution_child

from agentsched.execution import fold, read_records

ALL_RUNS = ["run.a.1", "run.b.1", "run.b.2", "run.c.1"]


def child(*arguments: object) -> None:
    command = [sys.executable, execution_child.__file__, *map(str, arguments)]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0, done.stderr


def runs(folder: Path) -> list[str]:
    file = folder / "runs"
    return sorted(file.read_text().split()) if file.exists() else []


def test_killed_before_any_step_and_resumed_every_task_runs_once(tmp_path: Path) -> None:
    """One execution for each step that an undisturbed life takes."""
    child("sweep", tmp_path, 5, 6)
    killed = set()
    for folder in tmp_path.iterdir():
        assert runs(folder) == ALL_RUNS, folder
        state = fold(read_records(folder / "ledger.jsonl"))
        assert [state.standing(task) for task in "abc"] == ["done"] * 3
        if (folder / "killed").exists():
            assert (folder / "killed").read_text() == folder.name.rpartition(" ")[0]
            killed.add(folder.name)
    for name in ("before", "written", "after"):
        assert {f"{name} intent {n}" for n in (1, 2, 3, 4)} <= killed
        assert {f"{name} over {n}" for n in (1, 2, 3, 4)} <= killed
    for name in ("job written", "launched", "submitted"):
        assert {f"{name} {n}" for n in (1, 2, 3, 4)} <= killed


def test_killed_in_every_life_it_still_comes_to_its_end(tmp_path: Path) -> None:
    child("chain", tmp_path)
    assert runs(tmp_path) == ALL_RUNS
