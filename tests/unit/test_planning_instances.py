"""What the planning benchmark measures on, and the examples of its page."""

from __future__ import annotations

import json
import re
import sys

import pytest

from agentsched.planning import check, load_plan_file
from agentsched.planning.checks import find_cycle, redundant_edges
from agentsched.planning.solving.schedule_checker import check_schedule
from agentsched.planning.solving.solution import Effort
from agentsched.planning.solving.solver import solve


@pytest.fixture(scope="module", autouse=True)
def _benchmarks_on_path(root):
    sys.path.insert(0, str(root))
    yield
    sys.path.remove(str(root))


@pytest.mark.parametrize("kinds", [1, 2, 3, 4])
def test_instances_have_a_witness_and_exactly_the_edges_of_their_level(kinds):
    from benchmarks.constraint_instances import instance

    for seed in range(3):
        made = instance(40, kinds, seed)
        assert check(made.graph, made.inventory, made.witness) == ()
        assert sum(len(task.after) for task in made.graph.tasks) == 48
        assert find_cycle(made.graph.tasks) == ()
        assert redundant_edges(made.graph.tasks) == ()
        assert bool(made.graph.apart) == (kinds == 4)
        assert any(task.deadline for task in made.graph.tasks) == (kinds >= 3)


def test_an_instance_is_its_seed():
    from benchmarks.constraint_instances import instance

    assert instance(30, 4, 1) == instance(30, 4, 1)
    assert instance(30, 4, 1) != instance(30, 4, 2)


TINY = """\
PRECEDENCE RELATIONS:
jobnr.    #modes  #successors   successors
   1        1          2           2   3
   2        1          1           4
   3        1          1           4
   4        1          0
****
REQUESTS/DURATIONS:
jobnr. mode duration  R 1  R 2
------------------------------
  1      1     0       0    0
  2      1     4       2    1
  3      1     3       2    0
  4      1     0       0    0
****
RESOURCEAVAILABILITIES:
  R 1  R 2
    3    1
****
"""


def test_a_project_file_is_read_and_solved_by_hand(tmp_path):
    """Both jobs want 2 of 3, so 4 + 3."""
    from benchmarks.psplib import read_project

    path = tmp_path / "tiny.sm"
    path.write_text(TINY)
    found = solve(read_project(path), Effort(5))
    assert (found.status, found.objective) == ("optimal", 7)


def test_a_published_instance_has_its_published_optimum(shared_data):
    from benchmarks.psplib import best_known, read_project

    folder = shared_data / "psplib"
    problem = read_project(folder / "j30.sm" / "j301_1.sm")
    found = solve(problem, Effort(20, tidy=False))
    assert found.schedule is not None
    assert check_schedule(problem, found.schedule) == ()
    assert found.objective == best_known(folder)["j301_1"].upper == 43


def test_the_example_of_the_page_says_what_it_says(root, capsys):
    page = (root / "docs" / "planning.md").read_text()
    code = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0]
    exec(compile(code, "docs/planning.md", "exec"), {})
    printed = capsys.readouterr().out
    promised = " ".join(line.strip("# ") for line in code.splitlines() if line.startswith("    # "))
    assert printed.startswith(promised.removesuffix(" ..."))


def test_the_plan_file_of_the_page_is_a_valid_plan(root, tmp_path):
    page = (root / "docs" / "planning.md").read_text()
    (tmp_path / "plan.json").write_text(re.findall(r"```json\n(.*?)```", page, re.DOTALL)[0])
    assert load_plan_file(tmp_path / "plan.json").check() == ()
    assert json.loads((tmp_path / "plan.json").read_text())["zone"] == "Europe/Berlin"
