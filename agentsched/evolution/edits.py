"""Search/replace edits: finding the blocks in a reply, applying them to a text.

<<<<<<< SEARCH
lines as they are
=======
lines as they should be
>>>>>>> REPLACE
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_BLOCK = re.compile(
    r"^[ \t]*<{5,}[ \t]*SEARCH[ \t]*\n(?P<search>.*?)^[ \t]*={5,}[ \t]*\n(?P<replace>.*?)"
    r"^[ \t]*>{5,}[ \t]*REPLACE[ \t]*$",
    re.DOTALL | re.MULTILINE,
)


_Same = Callable[[str, str], bool]


class EditError(ValueError):
    """A reply has no edit, or one that does not fit the text; the message is for the model."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace these lines by those."""

    search: str
    replace: str


def find_edits(reply: str) -> tuple[Edit, ...]:
    """Return the blocks of a reply, in order; none is an empty tuple."""
    reply = reply.replace("\r\n", "\n")
    return tuple(Edit(block["search"], block["replace"]) for block in _BLOCK.finditer(reply))


def apply_edits(text: str, edits: tuple[Edit, ...]) -> str:
    """Apply edits one after the other.

    Raises:
        EditError: A block is empty, or its lines are not in the text, or in several places.
    """
    for number, edit in enumerate(edits, start=1):
        text = _apply(text, edit, number)
    return text


def _apply(text: str, edit: Edit, number: int) -> str:
    if not edit.search.strip():
        raise EditError(f"SEARCH block {number} is empty: copy the lines to replace")
    lines = text.splitlines()
    wanted = edit.search.splitlines()
    for same in (_equal, _alike):
        places = _places(lines, wanted, same)
        if len(places) > 1:
            raise EditError(
                f"SEARCH block {number} fits in {len(places)} places: copy more lines around it"
            )
        if places:
            start = places[0]
            found = lines[start : start + len(wanted)]
            new = _indented_like(found, wanted, edit.replace.splitlines())
            return "\n".join([*lines[:start], *new, *lines[start + len(wanted) :]]) + "\n"
        wanted = _without_blank_ends(wanted)
    first = edit.search.strip().splitlines()[0].strip()
    raise EditError(
        f"SEARCH block {number} is not in the policy (it begins {first[:60]!r}): copy the "
        f"lines exactly"
    )


def _places(lines: list[str], wanted: list[str], same: _Same) -> list[int]:
    count = len(wanted)
    return [
        start
        for start in range(len(lines) - count + 1)
        if all(same(a, b) for a, b in zip(lines[start : start + count], wanted, strict=True))
    ]


def _equal(a: str, b: str) -> bool:
    return a == b


def _alike(a: str, b: str) -> bool:
    return re.sub(r"\s+", "", a) == re.sub(r"\s+", "", b)


def _without_blank_ends(lines: list[str]) -> list[str]:
    start, end = 0, len(lines)
    while start < end and not lines[start].strip():
        start += 1
    while end > start and not lines[end - 1].strip():
        end -= 1
    return lines[start:end]


def _indented_like(found: list[str], wanted: list[str], new: list[str]) -> list[str]:
    """Shift new lines by what the model left out of, or added to, the indentation."""
    shift = _indent(found) - _indent(wanted)
    if shift >= 0:
        return [" " * shift + line if line.strip() else line for line in new]
    return [line[min(-shift, len(line) - len(line.lstrip())) :] for line in new]


def _indent(lines: list[str]) -> int:
    return next((len(line) - len(line.lstrip()) for line in lines if line.strip()), 0)
