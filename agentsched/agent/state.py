"""What a conversation carries from step to step, and what of it survives the process."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypedDict

from pydantic import BaseModel, ConfigDict, Field

from agentsched.agent.settlement import Lesson, Settlement
from agentsched.planning.graph import TaskGraph
from agentsched.planning.plan import Plan
from agentsched.understanding import Understood

REMEMBERED: Final = 40
"""Sentences of the conversation that are kept; older ones are in the checkpoints."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Said(_Part):
    """One turn of the conversation."""

    who: Literal["user", "assistant"]
    text: str = Field(max_length=20_000)


class Section(_Part):
    """A part of an answer: a heading and sentences."""

    title: str = Field(default="", max_length=120)
    lines: tuple[str, ...]


class Ask(_Part):
    """What the user is asked before anything happens; the payload of an ``interrupt``."""

    kind: Literal["question", "approval"]
    question: str
    sections: tuple[Section, ...] = ()
    """What it is about: plan, changes, conflicts with their proposals."""
    choices: dict[str, tuple[str, ...]] = {}
    """Conflict id to the letters that may be chosen; the first is taken by a plain yes."""


class Noted(_Part):
    """A preference that was stated or withdrawn."""

    id: str
    mark: str
    """Of the change in the audit trail; while it is the last one, it can be undone."""


class Deed(_Part):
    """What one turn did, so that a later one can take it back."""

    turn: str
    """When the turn began."""
    calendar: tuple[str, ...] = ()
    """Ids of journal entries, in the order in which they were made."""
    preferences: tuple[Noted, ...] = ()
    lessons: tuple[Lesson, ...] = ()
    """What the choice between ways out taught."""
    work: str = ""
    """Name of a plan that was carried out: it cannot be taken back."""


class Approval(_Part):
    """The user's word on an ``Ask``."""

    decision: Literal["yes", "no", "edit", "answer"]
    text: str = Field(default="", max_length=8000)
    """What to change, or the answer to a question."""
    choices: dict[str, str] = {}


def _keep_last(old: list[Said], new: list[Said]) -> list[Said]:
    return [*old, *new][-REMEMBERED:]


def _gather(old: list[Deed] | None, new: list[Deed]) -> list[Deed]:
    """Put what one turn did together; steps that run again add nothing twice."""
    deeds = list(old or [])
    for deed in new:
        if not deeds or deeds[-1].turn != deed.turn:
            deeds.append(deed)
            continue
        last = deeds[-1]
        deeds[-1] = Deed(
            turn=deed.turn,
            calendar=tuple(dict.fromkeys((*last.calendar, *deed.calendar))),
            preferences=tuple(dict.fromkeys((*last.preferences, *deed.preferences))),
            lessons=tuple(dict.fromkeys((*last.lessons, *deed.lessons))),
            work=deed.work or last.work,
        )
    return deeds[-REMEMBERED:]


def _append(old: list[Section] | None, new: list[Section] | None) -> list[Section]:
    """Add to this turn's answer; None begins a new one."""
    return [] if new is None else [*(old or []), *new]


class State(TypedDict, total=False):
    """A turn begins with ``message``; what lies below ``history`` outlives the turn."""

    message: str
    now: str
    """When the turn began, ISO with zone: a step that runs again sees the same time."""
    asked: Understood | None
    """What waits for an answer, which ``message`` may be; None for a new request."""
    understood: Understood
    wanted: TaskGraph | None
    """The task graph of this turn, not yet approved."""
    proposed: Plan | None
    settlement: Settlement | None
    """Calendar changes of this turn, not yet approved."""
    pending: bool
    """``message`` came in place of a yes or no; what was proposed stands unless it changes that."""
    answer: Annotated[list[Section] | None, _append]
    approval: Approval | None

    history: Annotated[list[Said], _keep_last]
    graph: TaskGraph | None
    """The last task graph that was planned; follow-ups change it."""
    plan: Plan | None
    event: str
    """Title of the event spoken of last."""
    execution: str
    """Name of the execution that carries ``plan`` out now; empty when there is none."""
    replans: int
    trouble: list[str]
    """Why the rest is planned anew, and how the new plan differs."""
    executed: list[str]
    """Names of executions that have ended, the newest last."""
    undoing: Deed | None
    """What this turn takes back."""
    deeds: Annotated[list[Deed], _gather]
    """What was done, for "undo that"; the newest last."""


STORED_TYPES: Final = (
    Approval, Ask, Deed, Lesson, Noted, Plan, Said, Section, Settlement, TaskGraph, Understood,
)  # fmt: skip
"""What a checkpoint may hold beside plain data."""
