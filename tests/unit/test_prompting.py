"""Prompts: checked on loading, strict about inputs, verbatim in what they take."""

import hashlib
from pathlib import Path

import pytest

from agentsched.errors import PromptError
from agentsched.prompting import load_prompt, parse_prompt, prompt_names

TEXT = (
    b"---\nname: a/b\npurpose: p\ninputs: x, y\noutput: o\n---\nSee {{x}} and {{ y }} and {{y}}.\n"
)


def test_render_puts_inputs_in_verbatim() -> None:
    """Only ``{{word}}`` is a place, and text put in is not looked at again."""
    prompt = parse_prompt("a/b", TEXT)
    assert prompt.inputs == ("x", "y")
    assert prompt.render(x="{{y}} \\1", y="2") == "See {{y}} \\1 and {{ y }} and 2.\n"


def test_digest_is_that_of_the_file() -> None:
    assert parse_prompt("a/b", TEXT).digest == hashlib.sha256(TEXT).hexdigest()


@pytest.mark.parametrize("values", [{"x": "1"}, {"x": "1", "y": "2", "z": "3"}, {}])
def test_missing_and_unknown_inputs_are_refused(values: dict[str, str]) -> None:
    with pytest.raises(PromptError, match="missing"):
        parse_prompt("a/b", TEXT).render(**values)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"{{x}}", b"", "its text uses"),  # declared and unused
        (b"{{x}}", b"{{x}} {{z}}", "its text uses"),  # used and undeclared
        (b"name: a/b", b"name: a/c", "calls it 'a/c'"),
        (b"purpose: p\n", b"", "lacks 'purpose'"),
        (b"purpose: p\n", b"purpose: p\nmodel: m\n", "model: m"),
        (b"purpose: p\n", b"purpose: p\npurpose: p\n", "purpose: p"),
        (b"---\nname", b"name", "front matter"),
    ],
)
def test_a_damaged_prompt_is_refused(old: bytes, new: bytes, said: str) -> None:
    with pytest.raises(PromptError, match=said):
        parse_prompt("a/b", TEXT.replace(old, new, 1))


def test_an_unknown_prompt_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.md").write_bytes(TEXT)
    assert load_prompt("a/b", tmp_path).purpose == "p"
    with pytest.raises(PromptError, match=r"no prompt 'a/c' .* \['a/b'\]"):
        load_prompt("a/c", tmp_path)


def test_a_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="no prompt"):
        load_prompt("../a/b", tmp_path)


def test_every_prompt_we_ship_loads() -> None:
    assert "evolution/system" in prompt_names()
    assert all(load_prompt(name).name == name for name in prompt_names())
