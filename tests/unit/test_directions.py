"""Directions: decided by the seed alone, and always possible."""

import pytest

from agentsched.evolution.directions import describe_disciplines, direct, fitting_ideas
from agentsched.evolution.proposal import Parent, ProposalRequest
from agentsched.prompting import load_prompt
from evaluator.candidates import read_policy
from evaluator.candidates.fields import NODE_FIELDS, TASK_FIELDS
from evaluator.policy import Discipline

KEY = 'DISCIPLINE = "easy"\n\n\ndef key(task):\n    return task.release\n'
SCORE = "def score(task, node, now):\n    return -node.duration\n"


def request(
    seed: int, text: str = KEY, disciplines: tuple[Discipline, ...] = ("greedy", "easy", "bind")
) -> ProposalRequest:
    return ProposalRequest(
        scenario="gpu cluster",
        objective="mean_jct",
        guards=(),
        parents=(Parent(text, {}),),
        seed=seed,
        disciplines=disciplines,
    )


def test_equal_seeds_give_equal_directions() -> None:
    source = read_policy(KEY)
    assert direct(request(7), source) == direct(request(7), source)


def test_seeds_spread_over_ideas_temperatures_and_shapes() -> None:
    found = [direct(request(seed), read_policy(KEY)) for seed in range(200)]
    assert len({direction.idea for direction in found}) > 15
    assert len({direction.temperature for direction in found}) == 4
    assert {direction.shape for direction in found} == {"key", "score"}
    assert sum(direction.shape == "key" for direction in found) > 140
    assert sum(direction.discipline == "easy" for direction in found) > 100


@pytest.mark.parametrize("text", [KEY, SCORE])
@pytest.mark.parametrize("disciplines", [("greedy",), ("strict", "easy"), ("bind",)])
def test_every_direction_can_be_followed(text: str, disciplines: tuple[Discipline, ...]) -> None:
    """The discipline takes the shape, and the idea is about that shape."""
    for seed in range(50):
        direction = direct(request(seed, text, disciplines), read_policy(text))
        assert direction.discipline in disciplines
        body = SCORE if direction.shape == "score" else "def key(task):\n    return 1.0\n"
        read_policy(f'DISCIPLINE = "{direction.discipline}"\n{body}')
        assert (direction.idea.entry == "score") == (direction.shape == "score")


def test_tagged_ideas_wait_for_their_word() -> None:
    without = fitting_ideas("key", "anything")
    with_due = fitting_ideas("key", "least total tardiness")
    assert set(without) < set(with_due)
    assert all("task.due" not in idea.text for idea in without)


def test_the_prompts_name_fields_that_exist() -> None:
    """A field in a prompt that the engine does not have would teach failures."""
    ideas = [*fitting_ideas("key", EVERY_TAG), *fitting_ideas("score", EVERY_TAG)]
    for idea in ideas:
        for owner, known in (("task", TASK_FIELDS), ("node", NODE_FIELDS)):
            named = [part.split(".")[1] for part in _fields(idea.text) if part.startswith(owner)]
            assert [name for name in named if name not in known] == []
    api = load_prompt("evolution/api").text
    tasks = api.split("Fields of task:")[1].split("Fields of node")[0]
    nodes = api.split("Fields of node, in prefer and score only:")[1].split("All are floats")[0]
    for listed, known in ((tasks, TASK_FIELDS), (nodes, NODE_FIELDS)):
        words = [part.split("(")[0].strip(" .\n") for part in _outside_brackets(listed).split(",")]
        assert [word for word in words if word not in known] == []


def test_only_allowed_disciplines_are_described() -> None:
    lines = describe_disciplines(("greedy", "bind")).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["- greedy", "- bind"]


EVERY_TAG = " ".join(
    line.split("[")[1].split("]")[0]
    for line in load_prompt("evolution/ideas").text.splitlines()
    if "[" in line
)


def _fields(text: str) -> list[str]:
    words = "".join(c if c.isalnum() or c in "._" else " " for c in text).split()
    return [word.rstrip(".") for word in words if word.startswith(("task.", "node."))]


def _outside_brackets(text: str) -> str:
    depth, kept = 0, ""
    for c in text:
        depth += (c == "(") - (c == ")")
        kept += c if depth == 0 and c != ")" else ""
    return kept
