"""Finding the policy in what a model says, and mending slips that carry no idea."""

import json

import pytest

from agentsched.evolution.replies import find_code, tidy, with_constants, with_discipline

CODE = "def key(task):\n    return task.estimate\n"


@pytest.mark.parametrize(
    "reply",
    [
        f"Here it is:\n```python\n{CODE}```\nEnjoy.",
        f"```\n{CODE}```",
        f"```python\n{CODE}",  # cut off, or the closing fence forgotten
        f"```python\nprint(1)\n```\nand\n```python\n{CODE}```",  # the block with the entry
        f"``` py\r\n{CODE}```".replace("\n", "\r\n"),
        CODE,
        json.dumps({"idea": "x", "code": CODE}),
        "```json\n" + json.dumps({"code": f"```python\n{CODE}```"}) + "\n```",
    ],
)
def test_the_policy_is_found_in_every_usual_wrapping(reply: str) -> None:
    code = find_code(reply)
    assert code is not None
    assert code.strip() == CODE.strip()


@pytest.mark.parametrize("reply", ["", "I cannot.", "```python\nx = 1\n```", '{"code": 3}', "{"])
def test_nothing_is_found_where_there_is_no_policy(reply: str) -> None:
    assert find_code(reply) is None


def test_a_missing_import_is_added_below_the_docstring() -> None:
    text = '"""Idea."""\n\ndef key(task):\n    return math.sqrt(task.estimate)\n'
    assert tidy(text) == text.replace('"""Idea."""\n', '"""Idea."""\nimport math\n')
    assert tidy(tidy(text)) == tidy(text)


def test_examples_of_use_are_dropped() -> None:
    assert tidy(CODE + 'print(key(1))\nif __name__ == "__main__":\n    key(2)\n') == CODE


def test_indented_code_is_moved_to_the_margin() -> None:
    assert tidy("    def key(task):\n        return task.estimate\n") == CODE


def test_text_that_is_not_python_is_left_alone() -> None:
    assert tidy("def key(task:\n  return 1\n") == "def key(task:\n  return 1\n"


def test_a_discipline_that_was_left_out_is_added() -> None:
    assert with_discipline(CODE, "easy") == 'DISCIPLINE = "easy"\n' + CODE
    own = 'DISCIPLINE = "strict"\n' + CODE
    assert with_discipline(own, "easy") == own


def test_constants_of_the_parent_are_copied_if_used_and_not_defined() -> None:
    parent = "A = 2.0\nB = 3.0\nC = 4.0\n" + CODE
    child = "B = 5.0\n\ndef key(task):\n    return A * task.estimate * B\n"
    assert with_constants(child, parent).count("A = 2.0\n") == 1
    assert "B = 3.0" not in with_constants(child, parent)
    assert "C = 4.0" not in with_constants(child, parent)
    assert with_constants(CODE, parent) == CODE
