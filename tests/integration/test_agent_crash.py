"""``kill -9`` at any moment of a turn, then the same thread again: nothing lost, nothing twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from assistant import assistant, job

WORDS = "Train the model, evaluate it when that is done, then write the report"


def command(folder: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "agentsched", "chat", "--thread", "t", "--model", "none", *words]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    jobs = "".join(
        job(tmp_path, words, script="sleep 0.7", duration="1 min")
        for words in ("train", "evaluate", "report")
    )
    assistant(tmp_path, monkeypatch, jobs=jobs)
    (tmp_path / "agentsched.toml").write_text(
        '[agent]\ninventory = "machines.toml"\njobs = "jobs.toml"\nsolver_seconds = 1.0\n'
        '[calendar]\nurl = "calendar"\nzone = "Europe/Berlin"\n[execution]\neager = true\n'
        '[memory]\nurl = "sqlite:///memory.db"\n'
    )
    return tmp_path


def runs(folder: Path, task: str) -> int:
    path = folder / f"{task}.ran"
    return len(path.read_text().splitlines()) if path.exists() else 0


def wait_for(condition: object, seconds: float = 60.0) -> None:
    limit = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < limit, "it never came to that"
        time.sleep(0.02)


@pytest.mark.parametrize("moment", ["train.ran", "evaluate.ran", "report.ran", "ledger"])
def test_a_killed_conversation_goes_on_and_every_task_runs_once(folder: Path, moment: str) -> None:
    child = subprocess.Popen(
        command(folder, WORDS, "--yes"), cwd=folder, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    if moment == "ledger":
        wait_for(lambda: list((folder / "home" / "executions").glob("*/ledger.jsonl")))
    else:
        wait_for(lambda: (folder / moment).exists())
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    done = subprocess.run(
        command(folder, "--yes", "--json"), cwd=folder, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["status"] == "done"
    assert told["sections"][-1]["lines"][0].startswith("All 3 tasks are done")
    assert [runs(folder, task) for task in ("train", "evaluate", "report")] == [1, 1, 1]


def test_ctrl_c_leaves_what_runs_running_and_the_thread_finds_it_again(folder: Path) -> None:
    child = subprocess.Popen(
        command(folder, WORDS, "--yes"), cwd=folder, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for(lambda: runs(folder, "train") == 1)
    os.kill(child.pid, signal.SIGINT)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 130, said
    assert "agentsched chat --thread t" in said
    done = subprocess.run(
        command(folder, "--json"), cwd=folder, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [runs(folder, task) for task in ("train", "evaluate", "report")] == [1, 1, 1]


def holder(folder: Path) -> subprocess.Popen[str]:
    """A process that carries a plan out and is at its first task, which takes a minute."""
    (folder / "jobs.toml").write_text(job(folder, "train", script="sleep 60", duration="1 min"))
    child = subprocess.Popen(
        command(folder, "Train the model and then evaluate it", "--yes"), cwd=folder,
        start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for(lambda: runs(folder, "train") == 1)
    return child


def stop(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(folder, "--stop", "--json"), cwd=folder, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def check_stopped(folder: Path, stopping: subprocess.Popen[str]) -> None:
    out, said = stopping.communicate(timeout=120)
    assert stopping.returncode == 0, said
    told = json.loads(out)
    assert (told["stopped"], told["not_started"]) == (["train-model"], ["evaluate-model"])
    done = subprocess.run(
        command(folder, "--json"), cwd=folder, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, check=False, timeout=120,
    )  # fmt: skip
    assert json.loads(done.stdout)["status"] == "done"
    assert (runs(folder, "train"), runs(folder, "evaluate")) == (1, 0)


def test_stop_ends_what_runs_and_starts_nothing_more(folder: Path) -> None:
    child = holder(folder)
    os.kill(child.pid, signal.SIGINT)
    child.communicate(timeout=60)
    check_stopped(folder, stop(folder))


def test_stop_reaches_the_process_that_carries_the_plan_out(folder: Path) -> None:
    child = holder(folder)
    check_stopped(folder, stop(folder))
    _, said = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "thread 't' was stopped by another agentsched (--stop)" in said.splitlines()[-1]


def test_a_holder_killed_before_it_hears_of_the_stop_is_no_matter(folder: Path) -> None:
    child = holder(folder)
    os.kill(child.pid, signal.SIGSTOP)
    stopping = stop(folder)
    wait_for(lambda: list((folder / "home" / "locks").glob("*.stop")))
    os.kill(child.pid, signal.SIGKILL)
    child.communicate(timeout=60)
    check_stopped(folder, stopping)


def test_a_stop_killed_while_it_waits_leaves_the_thread_to_the_next(folder: Path) -> None:
    child = holder(folder)
    os.kill(child.pid, signal.SIGSTOP)
    first = stop(folder)
    wait_for(lambda: list((folder / "home" / "locks").glob("*.stop")))
    first.kill()
    first.communicate(timeout=60)
    os.kill(child.pid, signal.SIGCONT)
    child.communicate(timeout=60)
    assert child.returncode == 130  # the request still lay there
    check_stopped(folder, stop(folder))
