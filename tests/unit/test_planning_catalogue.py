"""Jobs by their words: what the file says fills what the user left open."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentsched.errors import UserError
from agentsched.planning.catalogue import Job, fill, load_catalogue
from agentsched.planning.graph import Demand, Task, TaskGraph

TRAIN = Job(words="train model", run=("train",), duration=600, devices=1, retries=2)
LARGE = Job(words="train large model", run=("train", "large"), duration=7200, devices=4)


def one(task: Task, *jobs: Job) -> Task:
    return fill(TaskGraph(tasks=(task,)), jobs).tasks[0]


def test_words_match_in_any_inflection_and_the_longest_entry_wins() -> None:
    found = one(Task(id="t", title="Training the large models"), TRAIN, LARGE)
    assert (found.command, found.duration, found.demand.devices) == (("train", "large"), 7200, 4)


def test_a_task_of_other_words_stays_as_it_is() -> None:
    task = Task(id="t", title="Evaluate the model")
    assert one(task, TRAIN, LARGE) == task


def test_what_the_user_said_wins_over_the_catalogue() -> None:
    said = Task(id="t", title="train a model", duration=60, demand=Demand(devices=2),
                command=("mine",))  # fmt: skip
    found = one(said, TRAIN)
    assert (found.command, found.duration, found.demand.devices) == (("mine",), 60, 2)
    assert found.retries == 0


def test_what_was_filled_in_is_noted() -> None:
    graph = fill(TaskGraph(tasks=(Task(id="t", title="train model"),)), (TRAIN,))
    assert graph.notes == ("t: as job 'train model' of the catalogue",)


def test_the_example_of_the_checkout_loads(root: Path) -> None:
    jobs = load_catalogue(root / "examples" / "jobs.toml")
    assert jobs[0].duration == 2400
    assert len(jobs) >= 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[job]]\nrun = ["x"]\n', "job.0.words: Field required"),
        ('[[job]]\nwords = "a"\nduration = "soon"\n', "job.0.duration: must be a number with"),
        ('[[job]]\nwords = "a"\nsped = 1\n', "job.0.sped: Extra inputs"),
        ("[[job]\n", "is not TOML"),
    ],
)
def test_a_wrong_file_names_field_and_rule(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "jobs.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=said):
        load_catalogue(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"jobs\.toml.*cannot be read"):
        load_catalogue(tmp_path / "jobs.toml")
