"""Search/replace edits: exact first, tolerant of white space, never a guess."""

import pytest

from agentsched.evolution.edits import Edit, EditError, apply_edits, find_edits

TEXT = """def key(task):
    if task.cpus > 4:
        return task.estimate
    return task.release
"""


def block(search: str, replace: str) -> str:
    return f"<<<<<<< SEARCH\n{search}\n=======\n{replace}\n>>>>>>> REPLACE"


def applied(*pairs: tuple[str, str]) -> str:
    return apply_edits(TEXT, tuple(Edit(search + "\n", new + "\n") for search, new in pairs))


def test_blocks_are_found_among_other_words() -> None:
    reply = f"Sure:\n```\n{block('a', 'b')}\n```\nand\n{block('c', '')}\n"
    assert find_edits(reply) == (Edit("a\n", "b\n"), Edit("c\n", "\n"))
    assert find_edits("<<<<<<< SEARCH\na\n=======\nb\n") == ()


def test_an_exact_block_replaces_its_lines_only() -> None:
    changed = applied(("    return task.release", "    return task.ready"))
    assert changed == TEXT.replace("task.release", "task.ready")


def test_blocks_are_applied_one_after_the_other() -> None:
    """The second block searches what the first one wrote."""
    changed = applied(
        ("    return task.release", "    return task.ready"),
        ("    return task.ready", "    return task.wait"),
    )
    assert changed == TEXT.replace("task.release", "task.wait")


def test_lost_indentation_is_put_back() -> None:
    changed = applied(("return task.estimate", "return task.rank"))
    assert changed == TEXT.replace("task.estimate", "task.rank")


def test_added_indentation_is_taken_away() -> None:
    changed = applied(
        ("        if task.cpus>4:", "        x = 1\n        if task.cpus > x:\n            x = 2")
    )
    assert (
        "    x = 1\n    if task.cpus > x:\n        x = 2\n        return task.estimate" in changed
    )


def test_blank_lines_around_a_block_do_not_matter() -> None:
    changed = applied(("\n    return  task.release\n", "    return task.ready"))
    assert changed == TEXT.replace("task.release", "task.ready")


def test_text_replaced_by_nothing_is_gone() -> None:
    edits = find_edits("<<<<<<< SEARCH\n    return task.release\n=======\n>>>>>>> REPLACE")
    assert apply_edits(TEXT, edits) == TEXT.replace("    return task.release\n", "")


@pytest.mark.parametrize(
    ("search", "said"),
    [
        ("    return task.size", "not in the policy (it begins 'return task.size')"),
        ("   ", "is empty"),
        ("x\n" * 9, "not in the policy"),  # longer than the policy
    ],
)
def test_a_block_that_does_not_fit_is_an_error(search: str, said: str) -> None:
    with pytest.raises(EditError) as caught:
        applied((search, "pass"))
    assert said in str(caught.value)


def test_a_block_that_fits_twice_is_an_error() -> None:
    with pytest.raises(EditError, match="2 places"):
        apply_edits("a\nb\na\n", (Edit("a\n", "c\n"),))
