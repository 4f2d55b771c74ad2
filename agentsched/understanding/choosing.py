"""The model's verdict on clauses whose words leave their kind open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from agentsched.understanding.asking import Turn
from agentsched.understanding.routing import Kind
from agentsched.understanding.text import crop

_Name = Literal[
    "add event", "change event", "cancel event", "answer invitation", "question", "find time",
    "run work", "preference", "solve conflicts", "chat",
]  # fmt: skip
_KINDS: dict[_Name, Kind] = {
    "add event": "schedule_event", "change event": "move_event", "cancel event": "cancel_event",
    "answer invitation": "respond_event", "question": "query", "find time": "find_time",
    "run work": "plan_work", "preference": "state_preference",
    "solve conflicts": "resolve_conflicts", "chat": "small_talk",
}  # fmt: skip


class Choice(BaseModel):
    """The model's answer to ``understanding/route``."""

    model_config = ConfigDict(extra="forbid")

    kind: _Name


def choose_kind(text: str, before: Sequence[str], turn: Turn) -> Kind | None:
    """Return the kind of one clause by the model; None without one.

    Args:
        text: The clause.
        before: What was said before it, oldest first; the last is shown.
        turn: Whose calls are used.
    """
    answer = turn.ask(
        "route",
        Choice,
        lambda _: None,
        max_tokens=24,
        before=crop(before[-1], 200) if before else "-",
        message=crop(text, 400),
    )
    return None if answer is None else _KINDS[answer.kind]
