"""``agentsched score`` and ``agentsched replay``, by their command lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli import Shell

SMALL = ("--split", "smoke", "--seeds", "2")


def test_score_says_what_was_simulated_and_how_fast(shell: Shell) -> None:
    data = shell("score", "fifo", "single-machine", *SMALL, "--json").data
    assert data["instances"] == 2
    assert data["tasks"] > 0
    assert data["tasks_per_cpu_second"] == pytest.approx(data["tasks"] / data["cpu_seconds"])
    assert data["violations"] == 0
    assert data["sandbox_level"] == "not needed"
    objective = data["objective"]
    assert objective["metric"] == "total_tardiness"
    values = data["metrics"]["total_tardiness"]["values"]
    assert objective["mean"] == pytest.approx(sum(values) / 2)
    assert objective["low"] <= objective["mean"] <= objective["high"]


def test_score_is_repeatable_and_the_seed_matters(shell: Shell) -> None:
    def values(seed: int) -> list[float]:
        words = ("score", "fifo", "single-machine", *SMALL, "--seed", seed, "--json")
        found: list[float] = shell(*words).data["metrics"]["total_tardiness"]["values"]
        return found

    assert values(1) == values(1)
    assert values(1) != values(2)


def test_score_of_a_file_equals_the_known_rule_of_the_same_text(shell: Shell, policy: Path) -> None:
    mine = shell("score", policy, "single-machine", *SMALL, "--json").data
    rule = shell("score", "sjf", "single-machine", *SMALL, "--json").data
    assert mine["metrics"] == rule["metrics"]
    assert mine["digest"] != rule["digest"]


def test_score_gives_the_same_numbers_in_plain_python(shell: Shell) -> None:
    words = ("score", "mdd", "single-machine", "--split", "smoke", "--seeds", 1, "--json")
    assert shell(*words, "--lane", "python").data["metrics"] == shell(*words).data["metrics"]


GENERAL = '''"""Shortest first, where it fits first."""


def decide(state):
    for task in sorted(state.ready.values(), key=lambda t: (t.estimate, t.id)):
        for node in state.nodes:
            if state.fits(task, node):
                state.start(task, node)
                break
'''


def test_a_general_policy_is_scored_in_the_sandbox(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "general.py"
    path.write_text(GENERAL)
    found = shell("score", path, "single-machine", *SMALL, "--json").data
    rule = shell("score", "sjf", "single-machine", *SMALL, "--json").data
    assert found["lane"] == "general"
    assert found["sandbox_level"] in ("SECCOMP", "LANDLOCK_SECCOMP", "FULL")
    assert found["metrics"] == rule["metrics"]
    # both sides of the pipe are counted
    assert found["cpu_seconds"] > rule["cpu_seconds"]


def test_a_general_policy_that_raises_is_named_with_its_line(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text("def decide(state):\n    return 1 / 0\n")
    ended = shell("score", path, "single-machine", *SMALL)
    assert ended.code == 2
    assert "ZeroDivisionError" in ended.line
    assert "line 2" in ended.line
    assert "policy 'broken'" in ended.line


def test_score_runs_more_instances_than_the_split_has(shell: Shell) -> None:
    held = shell("scenarios", "show", "single-machine", "--json").data["splits"]["smoke"]
    words = ("score", "sjf", "single-machine", "--split", "smoke", "--seeds", held + 2, "--json")
    values = shell(*words).data["metrics"]["makespan"]["values"]
    assert len(set(values)) == held + 2


def test_score_sets_rivals_beside_the_policy_on_the_same_instances(shell: Shell) -> None:
    ended = shell("score", "mdd", "single-machine", *SMALL, "--against", "known", "--json")
    names = [other["policy"] for other in ended.data["against"]]
    known = shell("scenarios", "show", "single-machine", "--json").data["known"]
    assert names == [name for name in known if name != "mdd"]


def test_score_prints_a_table_that_names_objective_and_guards(shell: Shell) -> None:
    ended = shell("score", "sjf", "single-machine", *SMALL, "--against", "edf")
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert any("total_tardiness" in line and "objective" in line for line in lines)
    assert any("max_tardiness" in line and "guard" in line for line in lines)
    assert "edf" in ended.out


@pytest.fixture
def stored(shell: Shell, tmp_path: Path) -> Path:
    path = tmp_path / "fifo.trace"
    words = ("score", "fifo", "dag-hetero", "--split", "smoke", "--seeds", 1, "--trace", path)
    assert shell(*words).code == 0
    return path


def test_replay_gives_the_stored_score(shell: Shell, stored: Path) -> None:
    ended = shell("replay", stored, "--json")
    (found,) = ended.data["traces"]
    assert ended.code == 0
    assert found["holds"]
    assert found["stored"] == found["metrics"]
    assert found["policy"] == "fifo"


def test_replay_finds_and_names_one_flipped_byte(shell: Shell, stored: Path) -> None:
    content = bytearray(stored.read_bytes())
    content[len(content) // 3] ^= 1
    stored.write_bytes(content)
    ended = shell("replay", stored)
    assert ended.code == 6
    assert f"byte {len(content) // 3} " in ended.line


def test_replay_draws_a_line_for_each_node_and_one_for_jobs(shell: Shell, stored: Path) -> None:
    out = shell("replay", stored).out
    drawn = [line for line in out.splitlines() if line.count("│") == 2]
    nodes = [line for line in drawn if "cpu-" in line]
    assert len(drawn) == len(nodes) + 1
    assert "same score to the last bit" in out


def test_replay_compares_job_by_job_with_another_policy(shell: Shell, stored: Path) -> None:
    found = shell("replay", stored, "--policy", "sjf", "--json").data["comparison"]
    jobs = found["jobs"]
    assert found["faster"] + found["slower"] + found["same"] == len(jobs)
    assert found["faster"] == sum(b < a for a, b in (job["flow"] for job in jobs))
    assert found["policies"] == ["fifo", "sjf"]
    assert shell("replay", stored, "--policy", "sjf").code == 0


def test_replay_names_another_policy_that_fails(shell: Shell, stored: Path, tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text("def decide(state):\n    return 1 / 0\n")
    ended = shell("replay", stored, "--policy", path)
    assert ended.code == 2
    assert "policy 'broken': line 2: ZeroDivisionError" in ended.line


def test_replay_under_the_same_policy_changes_no_job(shell: Shell, stored: Path) -> None:
    found = shell("replay", stored, "--policy", "fifo", "--json").data["comparison"]
    assert found["faster"] == found["slower"] == 0


def test_replay_writes_a_page_that_needs_nothing_else(
    shell: Shell, stored: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    assert shell("replay", stored, "--policy", "sjf", "--html", page).code == 0
    text = page.read_text()
    assert text.count("<svg") == 7
    assert "src=" not in text
    assert "http" not in text.replace("http://www.w3.org", "")


def test_replay_of_an_embedded_problem_needs_no_workload_file(shell: Shell, tmp_path: Path) -> None:
    log = tmp_path / "log.swf"
    rows = [f"{i} {i * 40} -1 60 {1 + i % 2} -1 -1 {1 + i % 2} 90" + " -1" * 9 for i in range(2400)]
    log.write_text("; MaxProcs: 4\n" + "\n".join(rows) + "\n")
    trace = tmp_path / "swf.trace"
    ended = shell("score", "easy", "hpc-backfill", "--workload", log, "--format", "swf",
                  "--split", "train", "--seeds", 1, "--trace", trace)  # fmt: skip
    assert ended.code == 0, ended.err
    log.unlink()
    assert shell("replay", trace).code == 0
