"""``agentsched evolve`` from start to memory, and on after a kill."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli import Shell

from memory.errors import StoreLocked

SMALL = ("--proposer", "mutation", "--workers", 0, "--seed", 7)


@pytest.fixture
def scenario(shell: Shell, tmp_path: Path) -> Path:
    """One machine, where only FIFO is known: something better is found at once."""
    text = shell("scenarios", "show", "single-machine", "--json").data["text"]
    lines = []
    for line in text.splitlines():
        name = line.partition("=")[0].strip()
        small = {"known": '["fifo"]', "start": '"fifo"', "train": "3", "validation": "4",
                 "test": "12", "unseen": "4", "jobs": "40"}  # fmt: skip
        lines.append(f"{name} = {small[name]}" if name in small else line)
    path = tmp_path / "one-machine.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_run_ends_with_an_accepted_policy_that_memory_can_prove(
    shell: Shell, scenario: Path
) -> None:
    ended = shell("evolve", scenario, *SMALL, "--evaluations", 10, "--json")
    assert ended.code == 0, ended.err
    data = ended.data
    verdict = data["verdicts"][data["accepted"]]
    assert verdict["accepted"]
    assert data["replays"]
    assert Path(data["report"]).read_text().startswith("# ")
    assert "<svg" in Path(data["html"]).read_text()

    (kept,) = shell("memory", "list", "--json").data
    assert (kept["id"], kept["status"], kept["rival"]) == (data["policy"], "accepted", "fifo")
    (report,) = shell("memory", "verify", "--json").data
    assert report["holds"]
    assert len(report["checks"]) >= 24

    # what was learned is used
    found = shell("memory", "best", scenario, "--json").data
    assert found["policy"]["id"] == kept["id"]
    words = ("score", kept["id"][:12], scenario, "--against", "fifo", "--json")
    scored = shell(*words).data
    assert scored["objective"]["mean"] < scored["against"][0]["objective"]["mean"]

    # the run folder replays by itself
    replayed = shell("replay", data["run"], "--json")
    assert replayed.code == 0
    assert len(replayed.data["traces"]) == len(data["traces"]) == 24

    # and all of it can be carried elsewhere and undone
    assert shell("memory", "export", "all.tar.gz").code == 0
    other = ("--memory", "sqlite:///elsewhere.db")
    assert shell("memory", "import", "all.tar.gz", *other).code == 0
    assert shell("memory", "verify", kept["id"], *other).code == 0
    assert shell("memory", "retire", kept["id"], "--reason", "tried").code == 0
    assert shell("memory", "best", scenario, "--json").data["policy"] is None
    assert shell("memory", "restore", kept["id"]).code == 0
    assert shell("memory", "forget", kept["id"], "--yes").code == 0
    assert shell("memory", "list", "--json").data == []


def test_a_damaged_proof_is_found_and_the_policy_no_longer_used(
    shell: Shell, scenario: Path, tmp_path: Path
) -> None:
    data = shell("evolve", scenario, *SMALL, "--evaluations", 6, "--json").data
    trace = max((tmp_path / "memory.evidence").rglob("*.trace"))
    content = bytearray(trace.read_bytes())
    content[100] ^= 1
    trace.chmod(0o644)
    trace.write_bytes(content)
    ended = shell("memory", "verify", data["policy"])
    assert ended.code == 6
    assert "BROKEN" in ended.out
    assert trace.stem[:12] in ended.out
    assert shell("memory", "best", scenario, "--json").data["policy"] is None


def test_nothing_better_is_an_honest_end(shell: Shell) -> None:
    ended = shell("evolve", "single-machine", *SMALL, "--evaluations", 1)
    assert ended.code == 0, ended.err
    assert "Nothing better was found" in ended.out
    assert "the same scores to the last bit" in ended.out
    assert shell("memory", "list", "--json").data == []


def test_a_dead_model_server_ends_the_run_with_one_line_and_the_way_on(
    shell: Shell, scenario: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("AGENTSCHED_MODEL_NAME", "nobody")
    monkeypatch.setenv("AGENTSCHED_MODEL_RETRIES", "0")
    ended = shell("evolve", scenario, "--workers", 0, "--seed", 7, "--evaluations", 2)
    assert ended.code == 4
    line = ended.err.splitlines()[-1]
    assert "127.0.0.1:9" in line
    run = line.partition("--resume ")[2]
    assert Path(run, "run.json").is_file()
    # the same run goes on with another proposer, nothing is lost
    assert shell("evolve", "--resume", run, "--proposer", "mutation").code == 0


def test_a_run_folder_that_cannot_be_written_is_named(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = shell("evolve", "single-machine", *SMALL, "--runs", tmp_path / "file")
    assert ended.code == 8
    assert str(tmp_path / "file") in ended.line


def test_a_locked_memory_at_the_end_says_the_way_on_and_loses_nothing(
    shell: Shell, scenario: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object) -> None:
        raise StoreLocked("'memory.db' was locked by another process")

    with monkeypatch.context() as patched:
        patched.setattr("agentsched.learning.remember", locked)
        ended = shell("evolve", scenario, *SMALL, "--evaluations", 10)
    assert ended.code == 7
    run = ended.err.splitlines()[-1].partition("--resume ")[2]
    ended = shell("evolve", "--resume", run, "--json")
    assert ended.code == 0
    (kept,) = shell("memory", "list", "--json").data
    assert kept["id"] == ended.data["policy"]


def test_equal_seeds_give_equal_runs(shell: Shell, scenario: Path) -> None:
    words = ("evolve", scenario, *SMALL, "--evaluations", 4, "--json", "--memory")
    digests = [shell(*words, f"sqlite:///{name}.db").data["digest"] for name in "ab"]
    assert digests[0] == digests[1]


def test_a_killed_run_goes_on_to_the_end_of_an_uninterrupted_one(
    shell: Shell, scenario: Path, tmp_path: Path
) -> None:
    whole = shell("evolve", scenario, *SMALL, "--evaluations", 8, "--json").data
    shutil.rmtree(tmp_path / "runs")
    words = ("evolve", scenario, *SMALL, "--evaluations", 8, "--memory", "sqlite:///other.db")
    child = started(tmp_path, *words)
    run = signal_when_under_way(child, signal.SIGKILL, tmp_path / "runs")
    child.communicate()
    kinds = [json.loads(line)["e"] for line in (run / "events.jsonl").read_text().splitlines()]
    assert "finished" not in kinds
    ended = shell("evolve", "--resume", run, "--json", "--memory", "sqlite:///other.db")
    assert ended.code == 0, ended.err
    assert ended.data["digest"] == whole["digest"]
    assert ended.data["accepted"] == whole["accepted"]


def test_ctrl_c_finishes_with_a_verdict_and_130(
    shell: Shell, scenario: Path, tmp_path: Path
) -> None:
    child = started(tmp_path, "evolve", scenario, *SMALL, "--evaluations", 10_000)
    run = signal_when_under_way(child, signal.SIGINT, tmp_path / "runs")
    out, err = child.communicate()
    assert child.returncode == 130
    assert "you pressed Ctrl-C" in out
    assert err.splitlines()[-1] == "agentsched: interrupted"
    assert json.loads((run / "run.json").read_text())["status"] == "finished"

    # nobody pressed anything now, and there is nothing to go on with
    again = shell("evolve", "--resume", run)
    assert again.code == 0
    assert "this run had ended before" in again.err


def started(folder: Path, *words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "agentsched", *map(str, words)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder,
    )  # fmt: skip


def signal_when_under_way(child: subprocess.Popen[str], what: int, runs: Path) -> Path:
    """Signal the child once its run has proposed something; return the run's folder."""
    while child.poll() is None:
        for events in runs.glob("*/events.jsonl"):
            if b'"proposed"' in events.read_bytes():
                child.send_signal(what)
                return events.parent
        time.sleep(0.005)
    raise AssertionError(f"the run ended before it could be signalled: {child.communicate()}")
