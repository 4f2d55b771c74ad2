"""``agentsched plan`` from a file: what is wrong with it, where it is written, how it goes on."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from pathlib import Path

import pytest
from cli import Shell

from agentsched.execution import Rules

TASK = '[[task]]\nid = "a"\nduration = 1\nrun = ["sh", "-c", "echo ran >> a.ran"]\n'
NO_ANSWER = """#!/bin/sh
echo "$0: error: Unable to contact slurm controller (connect failure)" >&2
exit 1
"""


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTSCHED_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AGENTSCHED_CALENDAR_ZONE", "Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        # a word where a list is due
        (TASK + '[[task]]\nid = "b"\nduration = 1\nafter = "a"\n',
         'task[1].after must be a list, got "a"; write ["a"]'),
        # no task at all
        ("", "is empty; a plan needs at least one task: docs/planning.md shows some"),
        ('name = "x"\n', "task is missing; see docs/planning.md"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_plan_says_the_value_the_rule_and_the_way_out(
    shell: Shell, tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "work.toml").write_text(text)
    done = shell("plan", "work.toml")
    assert done.code == 2
    assert done.line == f"agentsched: work.toml: {said}"


def test_an_empty_plan_file_is_called_empty(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text("")
    done = shell("check", "plan.json")
    assert (done.code, "is empty; it must hold graph" in done.line) == (2, True)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("/nodir/x", "--output '/nodir/x': no folder '/nodir'; make it first"),
        (".", "--output '.': is a folder; name a file in it"),
    ],
)
def test_a_place_that_cannot_be_written_is_named_before_anything_is_planned(
    shell: Shell, tmp_path: Path, output: str, said: str
) -> None:
    (tmp_path / "work.toml").write_text("no plan at all")
    done = shell("plan", "work.toml", "-o", output)
    assert done.code == 2
    assert said in done.line


@pytest.fixture
def silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Slurm whose controller is down, with half a second of patience."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sbatch", "squeue", "scancel"):
        (folder / name).write_text(NO_ANSWER)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("AGENTSCHED_EXECUTION_EXECUTOR", "slurm")
    for module in ("execution", "agent.executions"):
        monkeypatch.setattr(f"agentsched.{module}.Rules", partial(Rules, patience=0.5))


def ledger(folder: Path) -> str:
    return next((folder / "home" / "executions").glob("*/ledger.jsonl")).read_text()


@pytest.mark.usefixtures("silent")
def test_a_slurm_that_answers_nobody_ends_the_plan_which_goes_on_later(
    shell: Shell, tmp_path: Path
) -> None:
    (tmp_path / "work.toml").write_text(TASK + TASK.replace('"a"', '"b"'))
    done = shell("plan", "work.toml", "--run", "--eager")
    assert done.code == 10
    last = done.err.splitlines()[-1]
    assert last.startswith("agentsched: slurm did not answer ")
    assert "Unable to contact slurm controller" in last
    assert ledger(tmp_path).count('"silent"') == 1  # and not once a task
    again = last.rpartition("go on when it answers: agentsched ")[2].split()
    assert shell(*again).code == 10
    assert '"over"' not in ledger(tmp_path)


@pytest.mark.usefixtures("silent")
def test_a_slurm_that_answers_nobody_ends_the_turn_and_the_thread_is_unfinished(
    shell: Shell, tmp_path: Path
) -> None:
    words = ("chat", "--thread", "t", "--model", "none")
    done = shell(*words, "run `true` and then run `false`", "--yes")
    assert done.code == 10, done.err
    assert done.err.splitlines()[-1].endswith("answers: agentsched chat --thread t")
    stopping = shell(*words, "--stop")
    assert stopping.code == 10
    assert stopping.err.splitlines()[-1].endswith("answers: agentsched chat --thread t --stop")
    assert '"over"' not in ledger(tmp_path)


def test_slurm_without_its_commands_is_said_at_once(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work.toml").write_text(TASK)
    monkeypatch.setenv("AGENTSCHED_EXECUTION_EXECUTOR", "slurm")
    monkeypatch.setenv("PATH", str(tmp_path))
    done = shell("plan", "work.toml", "--run", "--eager", "--json")
    assert done.code == 2
    assert "no sbatch is on PATH" in done.line


def test_a_plan_that_was_left_goes_on_from_its_ledger(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work.toml").write_text(TASK)

    async def left(*_: object, **__: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr("agentsched.execution.run_plan", left)
        with pytest.raises(asyncio.CancelledError):
            shell("plan", "work.toml", "--run", "--eager")
    path = next((tmp_path / "home" / "executions").glob("*/ledger.jsonl"))
    assert "--run goes on with it" in shell("plan", path).line
    done = shell("plan", path, "--run", "--eager", "--json")
    assert (done.code, done.data["completed"]) == (0, True)
    assert shell("plan", path, "--run", "--eager").code == 0
    assert (tmp_path / "a.ran").read_text() == "ran\n"


def test_a_ledger_that_is_not_there_is_not_made(shell: Shell, tmp_path: Path) -> None:
    assert shell("plan", "no/ledger.jsonl", "--run").code == 2
    assert not (tmp_path / "no").exists()


def test_a_calendar_that_somebody_named_and_is_not_there_is_not_made(
    shell: Shell, tmp_path: Path
) -> None:
    words = ("chat", "--thread", "t", "--model", "none", "--calendar", "nowhere")
    done = shell(*words, "what do I have tomorrow?")
    assert done.code == 2
    assert "nowhere" in done.line
    assert not (tmp_path / "nowhere").exists()
    assert shell(*words[:-2], "what do I have tomorrow?").code == 0
    assert (tmp_path / "home" / "calendar").is_dir()
