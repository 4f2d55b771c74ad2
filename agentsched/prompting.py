"""Prompts are files: ``prompts/<area>/<name>.md``, front matter and a text with ``{{inputs}}``.

    ---
    name: evolution/repair
    purpose: Ask for a corrected policy after the gate refused one.
    inputs: error, source
    output: one fenced block of Python
    ---
    The checker said: {{error}}

That is the whole template language: ``{{name}}`` stands for an input, verbatim. There are no
conditions, loops or escapes, and text that was put in is not looked at again.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from agentsched.errors import PromptError

_PLACE = re.compile(r"\{\{(\w+)\}\}")
_FIELDS = ("name", "purpose", "inputs", "output")


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt file, checked: its inputs are exactly the places in its text."""

    name: str
    purpose: str
    inputs: tuple[str, ...]
    output: str
    """What the model is to answer, in words."""
    text: str
    digest: str
    """sha256 of the file; goes into every run."""

    def render(self, **values: str) -> str:
        """Return the text with every input put in.

        Raises:
            PromptError: An input is missing or unknown.
        """
        missing = [name for name in self.inputs if name not in values]
        unknown = [name for name in values if name not in self.inputs]
        if missing or unknown:
            raise PromptError(
                f"prompt {self.name!r}: inputs are {list(self.inputs)}, "
                f"missing {missing}, unknown {unknown}"
            )
        return _PLACE.sub(lambda place: values[place[1]], self.text)


@cache
def load_prompt(name: str, folder: Path | None = None) -> Prompt:
    """Read one prompt; a process reads each once, so that its digest holds for the whole run.

    Args:
        name: ``area/name``, without ``.md``.
        folder: Where prompts lie; ``prompts_folder()`` when left out.

    Raises:
        PromptError: No such prompt, or its front matter does not match its text.
    """
    root = folder or prompts_folder()
    known = prompt_names(root)
    if name not in known:
        raise PromptError(f"no prompt {name!r} in {root}; known: {list(known)}")
    data = (root / f"{name}.md").read_bytes()
    return parse_prompt(name, data)


def prompt_names(folder: Path | None = None) -> tuple[str, ...]:
    """Return the names of all prompts, sorted."""
    root = folder or prompts_folder()
    return tuple(sorted(f"{p.parent.name}/{p.stem}" for p in root.glob("*/*.md")))


def parse_prompt(name: str, data: bytes) -> Prompt:
    """Check one prompt file's bytes; see ``load_prompt``."""
    parts = re.split(r"(?m)^---[ \t]*\n", data.decode("utf-8").replace("\r\n", "\n"), maxsplit=2)
    if len(parts) != 3 or parts[0]:
        raise PromptError(f"prompt {name!r}: must open with front matter between two '---' lines")
    fields: dict[str, str] = {}
    for line in parts[1].splitlines():
        key, colon, value = line.partition(":")
        if not colon or key.strip() not in _FIELDS or key.strip() in fields:
            raise PromptError(f"prompt {name!r}: front matter line {line!r}; fields: {_FIELDS}")
        fields[key.strip()] = value.strip()
    for field in _FIELDS:
        if field not in fields:
            raise PromptError(f"prompt {name!r}: front matter lacks {field!r}")
    if fields["name"] != name:
        raise PromptError(f"prompt {name!r}: front matter calls it {fields['name']!r}")
    inputs = tuple(word.strip() for word in fields["inputs"].split(",") if word.strip())
    text = parts[2].strip() + "\n"
    used = set(_PLACE.findall(text))
    if sorted(used) != sorted(inputs):
        raise PromptError(
            f"prompt {name!r}: declares inputs {sorted(inputs)}, its text uses {sorted(used)}"
        )
    digest = hashlib.sha256(data).hexdigest()
    return Prompt(name, fields["purpose"], inputs, fields["output"], text, digest)


@cache
def prompts_folder() -> Path:
    """Return where prompts lie: package data when installed, ``prompts/`` in a checkout."""
    package = Path(__file__).resolve().parent
    for folder in (package / "_prompts", package.parent / "prompts"):
        if folder.is_dir():
            return folder
    raise PromptError(f"no prompts beside {package}; reinstall agentsched")
