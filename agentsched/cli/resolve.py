"""What a POLICY argument means: a known rule, a Python file, or a policy in memory."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agentsched.errors import UserError
from evaluator.errors import SubsetError

if TYPE_CHECKING:
    from evaluator.policy import PolicySource
    from evaluator.world import Rule, World


def find_policy(name: str, memory_url: str | None = None, world: World | None = None) -> Rule:
    """Return the policy of that name.

    Args:
        name: A known rule, the path of a ``.py`` file, or the id (its first 4 digits or more) of
            a policy in memory.
        memory_url: Where the memory is; None takes the settings'.
        world: Whose policy it must be; None takes whichever it is.

    Raises:
        UserError: Nothing answers to the name.
        SubsetError: The file is no policy, or one of another world.
    """
    from evaluator.worlds import worlds

    everywhere = list(worlds())
    homes = [world] if world is not None else everywhere
    for home in homes:
        if name in home.known_rules():
            return home.load_rule(name)
    path = Path(name)
    if path.suffix == ".py":
        try:
            return _read_in(homes, _read(path), path.stem)
        except SubsetError as error:
            raise SubsetError(f"{path}: {error}") from error
    remembered = _remembered(name, memory_url)
    if remembered is not None:
        # a policy of another world is refused here with the line that shows it
        return world.read_policy(remembered.text, remembered.name) if world else remembered
    known = [rule for home in homes for rule in home.known_rules()]
    for other in everywhere:
        if name in other.known_rules():
            raise UserError(
                f"policy {name!r} is a rule of the {other.name} world; rules of this one: "
                f"{', '.join(known)}"
            )
    raise UserError(
        f"no policy {name!r}{suggestion(name, known)}; it must be a known rule (agentsched "
        "policies list), a .py file, or an id in memory (agentsched memory list)"
    )


def _read_in(homes: Sequence[World], text: str, name: str) -> PolicySource:
    """Return the policy in the first world that takes it; else what the first says against it.

    Which world is meant shows in the parameters; a text for another one is refused by its fields.
    """
    first: SubsetError | None = None
    for home in homes:
        try:
            return home.read_policy(text, name)
        except SubsetError as error:
            if first is None or any(word in text for word in home.briefing.entries["score"]):
                first = error
    assert first is not None
    raise first


def suggestion(name: str, known: Sequence[str]) -> str:
    """Return ``; did you mean 'x'?`` when something known is close, else nothing."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{str(path)!r} is not UTF-8 text: {error}") from error
    except OSError as error:
        raise UserError(
            f"{str(path)!r} cannot be read: {error.strerror}; name an existing .py file"
        ) from error


def _remembered(name: str, memory_url: str | None) -> PolicySource | None:
    digits = name.lower()
    if len(digits) < 4 or not set(digits) <= set("0123456789abcdef"):
        return None
    from agentsched.cli.memory import opened
    from memory.records import PolicyRecord

    with opened(memory_url) as store, store.read() as view:
        found = view.starting(PolicyRecord, digits)
    if len(found) > 1:
        ids = ", ".join(record.id[:12] for record in found)
        raise UserError(f"policy id {name!r} is the beginning of several: {ids}; give more of it")
    return found[0].source() if found else None
