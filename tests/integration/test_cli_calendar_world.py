"""The calendar world on the command line: evolve, score, replay, remember, prove."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli import Shell

SMALL = ("--proposer", "mutation", "--workers", 0, "--seed", 7)

FILE = """world = "calendar"
title = "Engineers, for a short while"
known = ["urgency"{known}]
start = "learner"
roles = ["engineer"]
unseen_roles = ["engineer"]
guard = [{{metric = "questions", margin = 9.0}}]

[rules]
rounds = 40

[unseen_rules]
rounds = 40

[splits]
train = 3
validation = 4
test = 12
unseen = 4
smoke = 1
"""


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "engineers.toml"
    path.write_text(FILE.format(known=', "learner"'))
    return path


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """Asks whenever it may: cheaper than guessing among the first forty conflicts."""
    path = tmp_path / "careful.py"
    path.write_text(
        '"""Asks early."""\nimport math\n\n\ndef score(event, user):\n'
        "    return 1000.0 * event.rule + event.mean\n\n\n"
        "def doubt(first, second, user):\n    return 2.0 - (first.mean - second.mean)\n"
    )
    return path


def test_the_scenario_and_its_rules_are_listed_and_shown(shell: Shell) -> None:
    shown = shell("scenarios", "show", "calendar-conflicts")
    assert "world      calendar" in shown.out
    assert "questions within 10.0%" in shown.out
    data = shell("scenarios", "show", "calendar-conflicts", "--json").data
    assert (data["world"], data["start"]) == ("calendar", "learner")
    rules = {rule["name"]: rule for rule in shell("policies", "list", "--json").data}
    assert rules["bayes"]["world"] == "calendar"
    assert rules["fifo"]["world"] == "cluster"
    shown = shell("policies", "show", "learner")
    assert "def doubt(first, second, user):" in shown.out


def test_a_scenario_file_that_was_shown_is_the_same_scenario(shell: Shell, tmp_path: Path) -> None:
    data = shell("scenarios", "show", "calendar-conflicts", "--json").data
    path = tmp_path / "calendar-conflicts.toml"
    path.write_text(data["text"])
    assert shell("scenarios", "show", path, "--json").data["digest"] == data["digest"]


def test_a_policy_is_scored_replayed_compared_and_drawn(
    shell: Shell, scenario: Path, policy: Path, tmp_path: Path
) -> None:
    trace, page = tmp_path / "x.trace", tmp_path / "x.html"
    words = ("score", policy, scenario, "--seeds", 2, "--against", "known", "--trace", trace)
    ended = shell(*words, "--json")
    assert ended.code == 0, ended.err
    data = ended.data
    assert data["violations"] == 0
    assert [other["policy"] for other in data["against"]] == ["urgency", "learner"]
    assert data["objective"]["mean"] < data["against"][0]["objective"]["mean"]
    assert (data["tasks"], data["epochs"]) == (80, 80)
    assert "80 rounds in" in shell(*words).out

    replayed = shell("replay", trace, "--policy", "urgency", "--html", page, "--json")
    assert replayed.code == 0, replayed.err
    (one,) = replayed.data["traces"]
    assert one["holds"]
    assert one["stored"] == one["metrics"]
    assert replayed.data["comparison"]["policies"] == ["careful", "urgency"]
    assert page.read_text().count("<svg") == 2
    text = shell("replay", trace, "--policy", "urgency").out
    assert "the same score to the last bit" in text
    assert "the same rounds under urgency" in text

    plain = shell("score", policy, scenario, "--seeds", 2, "--lane", "python", "--json").data
    assert plain["metrics"] == data["metrics"]


def test_one_flipped_byte_is_named(
    shell: Shell, scenario: Path, policy: Path, tmp_path: Path
) -> None:
    trace = tmp_path / "x.trace"
    assert shell("score", policy, scenario, "--seeds", 1, "--trace", trace).code == 0
    content = bytearray(trace.read_bytes())
    at = content.index(b"ARROW1") if b"ARROW1" in content else len(content) // 2
    content[at] ^= 1
    trace.write_bytes(content)
    ended = shell("replay", trace)
    assert ended.code == 6
    assert f"byte {at} is 0x{content[at]:02x}, was 0x{content[at] ^ 1:02x}" in ended.line


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("score", "sjf", "calendar-conflicts"), "the cluster world; rules of this one: bayes"),
        (("score", "knnn", "calendar-conflicts"), "did you mean 'knn'"),
        (("score", "bayes", "single-machine"), "the calendar world; rules of this one: atc"),
        (("score", "learner", "calendar-conflicts", "--lane", "general"), "the lanes pure, python"),
        (("evolve", "calendar-conflicts", "--proposer", "mutation", "--general"), "pure lane only"),
        (("evolve", "calendar-conflicts", "--workload", "x.swf"), "--workload 'x.swf' replaces"),
        (("evolve", "calendar-conflict", "--proposer", "mutation"), "did you mean"),
    ],
)  # fmt: skip
def test_what_does_not_belong_together_is_answered_in_one_line(
    shell: Shell, words: tuple[str, ...], message: str
) -> None:
    ended = shell(*words)
    assert ended.code == 2
    assert message in ended.line
    assert not list(Path().glob("runs/*"))


def test_a_policy_of_the_other_world_is_refused_by_its_line(
    shell: Shell, policy: Path, tmp_path: Path
) -> None:
    ended = shell("score", policy, "single-machine")
    assert ended.code != 0
    assert "careful.py: line" in ended.line
    other = tmp_path / "shortest.py"
    other.write_text("def key(task):\n    return task.estimate\n")
    assert "shortest.py: " in shell("score", other, "calendar-conflicts").line


@pytest.fixture
def easy(scenario: Path) -> Path:
    """Wanted: few questions. Whoever asks less is better, which a mutant soon does."""
    text = scenario.read_text().replace('metric = "questions"', 'metric = "acted_error"')
    text = text.replace('"urgency", ', "")
    scenario.write_text(f'{text}\n[objective]\nmetric = "questions"\n')
    return scenario


def test_a_run_ends_with_a_resolver_that_memory_can_prove(shell: Shell, easy: Path) -> None:
    ended = shell("evolve", easy, *SMALL, "--evaluations", 12, "--json")
    assert ended.code == 0, ended.err
    data = ended.data
    verdict = data["verdicts"][data["accepted"]]
    assert verdict["accepted"]
    settings = [row["setting"] for row in verdict["robustness"]]
    assert settings == ["nominal", "tie_break", "noise", "drift", "unseen"]
    assert data["replays"]
    assert Path(data["report"]).read_text().startswith("# Engineers, for a short while")
    html = Path(data["html"]).read_text()
    assert "over the last 50 rounds" in html
    assert "one colour a user" not in html

    (kept,) = shell("memory", "list", "--json").data
    assert (kept["id"], kept["status"], kept["rival"]) == (data["policy"], "accepted", "learner")
    (report,) = shell("memory", "verify", "--json").data
    assert report["holds"]
    assert len(report["checks"]) >= 24

    # what was learned is used here, and nowhere else
    assert shell("memory", "best", easy, "--json").data["policy"]["id"] == kept["id"]
    assert shell("memory", "best", "single-machine", "--json").data["policy"] is None
    scored = shell("score", kept["id"][:12], easy, "--against", "learner", "--json").data
    assert scored["objective"]["mean"] < scored["against"][0]["objective"]["mean"]
    assert shell("score", kept["id"][:12], "single-machine").code != 0
    assert shell("replay", data["run"]).code == 0

    # a second run has to beat the first one's policy too
    again = shell("evolve", easy, *SMALL[:-1], 8, "--evaluations", 4, "--json").data
    events = (Path(again["run"]) / "events.jsonl").read_text()
    assert f"m{kept['id'][:8]}" in events

    # and all of it can be carried elsewhere, where every decision is made once more
    assert shell("memory", "export", "all.tar.gz").code == 0
    other = ("--memory", "sqlite:///elsewhere.db")
    assert shell("memory", "import", "all.tar.gz", *other).code == 0
    assert shell("memory", "verify", kept["id"], *other).code == 0


def test_a_damaged_proof_is_found(shell: Shell, easy: Path, tmp_path: Path) -> None:
    data = shell("evolve", easy, *SMALL, "--evaluations", 12, "--json").data
    trace = max((tmp_path / "memory.evidence").rglob("*.trace"))
    content = bytearray(trace.read_bytes())
    content[100] ^= 1
    trace.chmod(0o644)
    trace.write_bytes(content)
    ended = shell("memory", "verify", data["policy"])
    assert ended.code == 6
    assert "BROKEN" in ended.out


def test_equals_are_not_accepted(shell: Shell, scenario: Path) -> None:
    """Mutants of the learner on forty rounds: none is certain to be better."""
    for seed in (1, 2):
        words = (*SMALL[:-1], seed, "--evaluations", 6, "--json")
        data = shell("evolve", scenario, *words).data
        assert data["accepted"] is None
        assert "Nothing better was found" in data["headline"]
    assert shell("memory", "list", "--json").data == []


def test_a_killed_run_goes_on_to_the_end_of_an_uninterrupted_one(
    shell: Shell, easy: Path, tmp_path: Path
) -> None:
    words = ["--proposer", "mutation", "--workers", "0", "--seed", "7", "--evaluations", "12"]
    whole = shell("evolve", easy, *words, "--runs", tmp_path / "whole", "--json").data

    command = [sys.executable, "-m", "agentsched", "evolve", str(easy), *words]
    runs = tmp_path / "cut"
    memory = ["--memory", f"sqlite:///{tmp_path}/cut.db"]
    process = subprocess.Popen(
        [*command, "--runs", str(runs), *memory], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not _proposed(runs) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    (run,) = runs.iterdir()
    assert json.loads((run / "run.json").read_text())["status"] == "running"
    ended = shell("evolve", "--resume", run, *memory, "--json")
    assert ended.code == 0, ended.err
    assert ended.data["digest"] == whole["digest"]
    assert ended.data["accepted"] == whole["accepted"]


def _proposed(runs: Path) -> bool:
    """Whether some run has got into its second generation."""
    return any(
        path.read_text().count('"e": "evaluated"') >= 7 for path in runs.glob("*/events.jsonl")
    )
