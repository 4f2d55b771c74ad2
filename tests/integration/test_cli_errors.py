"""Wrong input gets one line with value, rule and way out, and the documented exit code."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from cli import Shell

CASES = [
    # no such command, option, argument
    ("scoer fifo single-machine", 2, "'scoer'. Did you mean 'score'?"),
    ("score fifo single-machine --sead 3", 2, "--sead"),
    ("score fifo", 2, "Missing argument 'scenario'"),
    ("score fifo single-machine --lane quick", 2, "'quick' is not one of 'pure'"),
    ("score fifo single-machine --seeds many", 2, "'--seeds': Input should be a valid integer"),
    # unknown names
    ("score fifo single-machin", 2, "did you mean 'single-machine'?"),
    ("score sfj single-machine", 2, "did you mean 'sjf'?"),
    ("score sjf calendar-conflicts", 2, "'sjf' is a rule of the cluster world; rules of this one"),
    ("policies show ffio", 2, "did you mean 'fifo'?"),
    ("score fifo single-machine --split tarin", 2, "known: ['train'"),
    ("memory show 0123abcd", 2, "0123abcd"),
    ("memory verify 0123abcd", 2, "0123abcd"),
    # wrong values
    ("score fifo single-machine --seeds 0", 2, "--seeds must be >= 1, got 0"),
    ("score fifo single-machine --seeds 1000000", 2, "--seeds must be <= 10000, got 1000000"),
    ("evolve single-machine --evaluations 0", 2, "evaluations must be >= 1, got 0"),
    ("evolve single-machine --minutes -1", 2, "minutes must be > 0, got -1"),
    ("evolve single-machine --minutes nan", 2, "minutes must be > 0, got nan"),
    ("evolve single-machine --money 0", 2, "money must be > 0, got 0"),
    ("evolve single-machine --proposer mutation --cassette x", 2, "--cassette: 'mutation' asks no"),
    ("evolve", 2, "SCENARIO"),
    ("evolve single-machine --resume x", 2, "leave out SCENARIO"),
    ("evolve --resume nothing", 2, "'nothing' is no run that can be resumed"),
    ("evolve single-machine --proposer recorded", 2, "--cassette"),
    ("evolve single-machine --proposer openai", 2, "OPENAI_BASE_URL"),
    ("model pull --any", 2, "--path"),
    ("memory forget 0123abcd", 2, "--yes"),
    # wrong files
    ("score missing.py single-machine", 2, "'missing.py'"),
    ("score fifo missing.toml", 2, "missing.toml"),
    ("score fifo hpc-backfill --workload missing.swf", 2, "missing.swf: no such file"),
    ("score fifo hpc-backfill --format swf", 2, "--workload"),
    ("score fifo single-machine --trace no/such/folder.trace", 2, "'no/such'"),
    ("replay missing.trace", 2, "'missing.trace'"),
    ("memory export no/such/all.tar.gz", 2, "no folder 'no/such'; make it first"),
    ("memory import missing.tar.gz", 2, "missing.tar.gz"),
    # databases
    ("memory list --memory mysql://host/x", 7, "mysql"),
    ("memory list --memory sqlite:////proc/nowhere/x.db", 7, "/proc/nowhere"),
]


@pytest.mark.parametrize(("words", "code", "said"), CASES, ids=[case[0] for case in CASES])
def test_a_mistake_gets_one_line_and_its_exit_code(
    shell: Shell, words: str, code: int, said: str
) -> None:
    ended = shell(*words.split())
    assert said in ended.line
    assert ended.line.startswith("agentsched: ")
    assert ended.code == code
    assert ended.out == ""


def test_with_json_the_line_is_json_too(shell: Shell) -> None:
    ended = shell("score", "sfj", "single-machine", "--json")
    error = json.loads(ended.line)["error"]
    assert (error["kind"], error["exit"]) == ("UserError", 2)
    assert "'sfj'" in error["message"]
    assert ended.out == ""


def test_a_policy_outside_the_subset_is_refused_by_line_and_construct(
    shell: Shell, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("def key(task):\n    return open('x')\n")
    ended = shell("score", bad, "single-machine", "--split", "smoke")
    assert ended.code == 2
    assert "line 2" in ended.line
    assert "open" in ended.line


def test_a_wrong_field_of_a_scenario_is_named_with_its_file(shell: Shell, tmp_path: Path) -> None:
    text = shell("scenarios", "show", "single-machine", "--json").data["text"]
    mine = tmp_path / "mine.toml"
    mine.write_text(text.replace("[objective]", "[objective]\nflavour = 3", 1))
    ended = shell("score", "fifo", mine)
    assert ended.code == 2
    assert "mine.toml" in ended.line
    assert "flavour" in ended.line


def test_a_wrong_line_of_a_workload_is_named(shell: Shell, tmp_path: Path) -> None:
    log = tmp_path / "log.swf"
    log.write_text("; MaxProcs: 4\n1 0 -1 60 one -1 -1 1 90" + " -1" * 9 + "\n")
    ended = shell("score", "fifo", "hpc-backfill", "--workload", log, "--format", "swf")
    assert ended.code == 2
    assert "log.swf" in ended.line
    assert "2" in ended.line
    assert "'one'" in ended.line


def test_a_locked_database_is_named_and_nothing_is_lost(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import functools

    import memory

    assert shell("memory", "list").code == 0
    # The wait is the only thing that is made shorter.
    monkeypatch.setattr(memory, "open_memory", functools.partial(memory.open_memory, wait=0.2))
    with sqlite3.connect(tmp_path / "memory.db", isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        ended = shell("memory", "forget", "0123abcd", "--yes")
    other.close()
    assert ended.code == 7
    assert "lock" in ended.line or "busy" in ended.line
    assert shell("memory", "list").code == 0


def test_a_bug_shows_its_traceback_and_ends_with_1(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evaluator.cluster import scenario

    def broken() -> tuple[str, ...]:
        raise ZeroDivisionError("here")

    monkeypatch.setattr(scenario, "scenario_names", broken)
    ended = shell("scenarios", "list")
    assert ended.code == 1
    assert "Traceback" in ended.err
    assert ended.err.splitlines()[-1] == "agentsched: this is a bug: here"


def test_ctrl_c_ends_with_130(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    from evaluator.cluster import scenario

    def stopped() -> tuple[str, ...]:
        raise KeyboardInterrupt

    monkeypatch.setattr(scenario, "scenario_names", stopped)
    ended = shell("scenarios", "list")
    assert ended.code == 130
    assert ended.line == "agentsched: interrupted"


def test_a_full_disk_is_named(shell: Shell, policy: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    command = f"{sys.executable} -m agentsched scenarios list --json > /dev/full"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 8
    assert "No space left" in done.stderr.splitlines()[0]


def test_a_closed_pipe_is_no_error() -> None:
    command = f"{sys.executable} -m agentsched policies list --json | head -n 1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False
    )
    assert done.stdout == "[\n"
    assert done.stderr == ""
    assert done.returncode == 0


def test_a_foreign_package_of_our_name_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "memory"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from agentsched.cli import main; sys.exit(main())",
         "scenarios", "list"],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 2
    assert f"package 'memory' comes from {str(tmp_path)!r}" in done.stderr
    assert len(done.stderr.splitlines()) == 1
