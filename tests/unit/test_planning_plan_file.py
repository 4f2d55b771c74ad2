"""Plans from elsewhere: read, checked, and refused in one line."""

from __future__ import annotations

import json

import pytest
from planning_cases import ONE, by_hand, graph, task

from agentsched.errors import UserError
from agentsched.planning import PlanFile, load_plan_file


@pytest.fixture
def tree():
    made = PlanFile(graph=graph(task("a"), task("b", 1, "a")), inventory=ONE,
                    plan=by_hand(("a", "m", 0, 1), ("b", "m", 0.5, 1.5)))  # fmt: skip
    return json.loads(made.model_dump_json())


def write(tmp_path, tree):
    path = tmp_path / "plan.json"
    path.write_text(tree if isinstance(tree, str) else json.dumps(tree))
    return path


def test_a_file_is_read_and_checked(tmp_path, tree):
    found = load_plan_file(write(tmp_path, tree)).check()
    assert [one.kind for one in found] == ["precedence"]


def test_only_assignments_are_needed_of_a_plan(tmp_path, tree):
    tree["plan"] = {"assignments": tree["plan"]["assignments"]}
    assert len(load_plan_file(write(tmp_path, tree)).check()) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: "", "is empty; it must hold graph, inventory and plan"),
        (lambda t: "{", "is not JSON, line 1"),
        (lambda t: "[1]", "must be a table with graph, inventory and plan"),
        (lambda t: "[" * 100_000, "is not JSON"),
        (lambda t: t.pop("plan"), "plan is missing"),
        (lambda t: t.update(plans=1), "plans is not a field"),
        (lambda t: t.update(zone="Mars/Base"), "no time zone 'Mars/Base'"),
        (lambda t: t.update(zone="../../etc/passwd"), "no time zone"),
        (lambda t: t["graph"]["tasks"][0].update(duration=-1), "graph.tasks[0].duration must be"),
        (lambda t: t["graph"]["tasks"][1].update(after=["x"]), "after names no task 'x'"),
        (lambda t: t["plan"]["assignments"][0].update(start="2026-11-25T18:00"), "timezone"),
        (lambda t: t["plan"]["assignments"][0].update(start="soon"), "start must"),
        (lambda t: t["inventory"].update(machines=[]), "machines"),
    ],
)
def test_bad_files_are_one_line(tmp_path, tree, change, said):
    changed = change(tree)
    path = write(tmp_path, changed if isinstance(changed, str) else tree)
    with pytest.raises(UserError) as caught:
        load_plan_file(path)
    message = str(caught.value)
    assert said in message
    assert "\n" not in message
    assert message.startswith(str(path))


def test_no_file_and_no_text_are_one_line(tmp_path):
    with pytest.raises(UserError, match="no plan file"):
        load_plan_file(tmp_path / "none.json")
    with pytest.raises(UserError, match="cannot be read"):
        load_plan_file(tmp_path)
    path = tmp_path / "binary.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="is not UTF-8"):
        load_plan_file(path)
