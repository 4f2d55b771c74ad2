"""``agentsched export`` as a user types it, with right and wrong input."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import typer
import yaml
from execution_plans import Placed, graph_of, machines, opened, plan_of, task
from icalendar import Calendar

from agentsched.cli import export
from agentsched.cli.border import guarded
from agentsched.execution import Ledger
from agentsched.planning import PlanFile

GRAPH = graph_of(task("a", duration=10), task("b", "a", duration=10))
PLACES: dict[str, Placed] = {"a": ("m1", 0, 10), "b": ("m2", 10, 20)}

Ended = tuple[int, str, str]
Run = Callable[..., Ended]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(export.command)

    def go(*words: object) -> Ended:
        capsys.readouterr()
        code = guarded(
            lambda given: app(list(given), standalone_mode=False), [str(word) for word in words]
        )
        out, err = capsys.readouterr()
        return int(code), out, err

    return go


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    return write(tmp_path / "plan.json", PLACES)


def write(path: Path, places: dict[str, Placed]) -> Path:
    made = PlanFile(graph=GRAPH, inventory=machines("m1", "m2"), plan=plan_of(GRAPH, places))
    path.write_text(made.model_dump_json())
    return path


def test_each_target_is_written(run: Run, plan: Path, tmp_path: Path) -> None:
    code, out, _ = run(plan, "--to", "kubernetes", "--image", "busybox:1.36", "--namespace", "lab")
    assert code == 0
    first, second = yaml.safe_load_all(out)
    assert first["metadata"]["namespace"] == "lab"
    assert second["spec"]["suspend"] is True
    code, out, _ = run(plan, "--to", "argo")
    assert yaml.safe_load(out)["kind"] == "Workflow"
    target = tmp_path / "plan.ics"
    code, out, err = run(plan, "--to", "ical", "--output", target)
    assert (code, out, err) == (0, "", f"written to {target}\n")
    assert len(Calendar.from_ical(target.read_bytes()).walk("VEVENT")) == 2


def test_the_plan_in_force_of_an_execution_is_exported(run: Run, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    with Ledger(ledger) as open_ledger:
        open_ledger.append(opened(GRAPH, PLACES))
        code, out, _ = run(ledger, "--to", "ical")  # while it is carried out
    assert code == 0
    assert out.count("BEGIN:VEVENT") == 2


def test_a_plan_that_breaks_what_is_hard_is_not_exported_unasked(run: Run, tmp_path: Path) -> None:
    wrong = write(tmp_path / "wrong.json", {"a": ("m1", 0, 10), "b": ("m1", 5, 15)})
    code, out, err = run(wrong, "--to", "argo")
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].endswith("hard constraints; mend it, or --force")
    assert "precedence: " in err
    assert run(wrong, "--to", "argo", "--force")[0] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["none.json", "--to", "argo"], "no plan file 'none.json'"),
        (["none.jsonl", "--to", "argo"], "ledger 'none.jsonl' cannot be read: No such file"),
        (["{plan}", "--to", "helm"], "helm"),
        (["{plan}", "--to", "argo", "-o", "no/such/file"], "no folder 'no/such'; make it first"),
        (["{plan}", "--to", "argo", "--image", "a b"], "image 'a b' is no name"),
    ],
)
def test_mistakes_get_one_line(run: Run, plan: Path, words: list[str], said: str) -> None:
    code, out, err = run(*(word.format(plan=plan) for word in words))
    assert (code, out) == (2, "")
    assert said in err.splitlines()[-1]


def test_an_empty_ledger_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "ledger.jsonl").touch()
    assert "holds nothing" in run(tmp_path / "ledger.jsonl", "--to", "ical")[2]
