"""The commands that list, show and check."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version

import pytest
import typer
from cli import Shell

from agentsched.cli.app import app


def test_version_is_that_of_the_package(shell: Shell) -> None:
    assert shell("--version").out == f"agentsched {version('agentsched')}\n"


def test_without_arguments_the_help_is_shown(shell: Shell) -> None:
    ended = shell()
    assert ended.code == 2
    assert "Usage: agentsched" in ended.out + ended.err


def leaves(command: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        return [path]
    return [leaf for name, sub in inner.items() for leaf in leaves(sub, (*path, name))]


@pytest.mark.parametrize("path", leaves(typer.main.get_command(app)), ids=" ".join)
def test_every_command_has_help_and_json(shell: Shell, path: tuple[str, ...]) -> None:
    ended = shell(*path, "--help")
    assert ended.code == 0
    assert "--json" in ended.out
    text = re.sub(r"[^\w ]+", " ", ended.out)
    assert " ".join(path) in " ".join(text.split())


def test_help_loads_nothing_heavy() -> None:
    heavy = ("numpy", "numba", "scipy", "pyarrow", "openai", "sqlalchemy", "simpy", "langgraph")
    code = (
        "import sys; from agentsched.cli import main; main(['evolve', '--help']);"
        f"sys.stderr.write(' '.join(n for n in {heavy!r} if n in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_scenarios_list_and_show_agree(shell: Shell) -> None:
    listed = shell("scenarios", "list", "--json").data
    names = [scenario["name"] for scenario in listed]
    clusters = ["dag-hetero", "hetero-gpu", "hpc-backfill", "single-machine"]
    assert names == [*clusters, "calendar-conflicts"]
    table = shell("scenarios", "list").out
    for scenario in listed:
        shown = shell("scenarios", "show", scenario["name"], "--json").data
        assert {key: shown[key] for key in scenario} == scenario
        assert scenario["name"] in table
        assert scenario["start"] in shell("scenarios", "show", scenario["name"]).out


def test_policies_list_and_show_agree(shell: Shell) -> None:
    listed = shell("policies", "list", "--json").data
    assert {"fifo", "sjf", "srpt", "las", "edf", "mdd", "atc", "easy", "conservative"} <= {
        rule["name"] for rule in listed
    }
    assert all(rule["summary"].endswith(".") for rule in listed)
    for rule in listed:
        shown = shell("policies", "show", rule["name"], "--json").data
        assert shown["digest"] == rule["digest"]
    assert "def key(task" in shell("policies", "show", "sjf").out


def test_doctor_looks_at_sandbox_model_memory_and_versions(shell: Shell) -> None:
    ended = shell("doctor", "--json")
    assert list(ended.data) == ["machine", "packages", "sandbox", "model", "memory"]
    assert ended.data["packages"]["details"]["agentsched"] == version("agentsched")
    assert ended.data["memory"]["ok"]
    assert ended.code == next((f["exit"] for f in ended.data.values() if not f["ok"]), 0)
    assert all((found["exit"] == 0) is found["ok"] for found in ended.data.values())


def test_doctor_names_a_dead_endpoint(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    model = shell("doctor", "--json").data["model"]
    assert not model["ok"]
    assert model["exit"] == 4
    assert "127.0.0.1:9" in model["message"]


def test_model_status_says_what_to_do_when_there_is_none(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("AGENTSCHED_MODEL_DIR", str(tmp_path_factory.mktemp("models")))
    ended = shell("model", "status")
    assert ended.code == 0
    assert "missing" in ended.out
    assert "agentsched model pull" in ended.out
    assert shell("model", "status", "--json").data["state"] == "missing"


def test_evolve_without_the_weights_says_how_to_get_them(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("AGENTSCHED_MODEL_DIR", str(tmp_path_factory.mktemp("models")))
    ended = shell("evolve", "single-machine")
    assert ended.code == 4
    assert "agentsched model pull" in ended.line


def test_memory_is_empty_at_first(shell: Shell) -> None:
    assert shell("memory", "list", "--json").data == []
    assert "agentsched evolve" in shell("memory", "list").out
    assert shell("memory", "verify", "--json").data == []


def test_memory_best_names_a_rule_and_the_reason_when_nothing_is_proven(shell: Shell) -> None:
    found = shell("memory", "best", "single-machine", "--json").data
    assert found["policy"] is None
    assert found["rule"] in [rule["name"] for rule in shell("policies", "list", "--json").data]
    assert "no policy is accepted yet" in found["reason"]
