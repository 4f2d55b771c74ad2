"""The order that no word says: a model sees the whole request and the tasks that were read."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from agentsched.planning.wording import listed
from agentsched.understanding.asking import Turn
from agentsched.understanding.text import crop
from agentsched.understanding.work.sketch import Draft, Sketch

MOST = 24
"""Tasks of one question; of more, a small model loses count."""

_Number = Annotated[int, Field(ge=1, le=MOST)]


class OrderedTask(BaseModel):
    """One task in the model's answer, with those it waits for."""

    model_config = ConfigDict(extra="forbid")

    id: _Number
    do: Annotated[str, Field(max_length=80)]
    after: Annotated[list[_Number], Field(max_length=MOST)]


class OrderedTasks(BaseModel):
    """The model's answer to ``understanding/work_order``."""

    model_config = ConfigDict(extra="forbid")

    tasks: Annotated[list[OrderedTask], Field(max_length=MOST)]


def settle_doubts(text: str, turn: Turn, sketch: Sketch) -> None:
    """Put tasks that no word places where the model puts them; what words say stays.

    Their notes then say so. Without a model, or with an answer that cannot be used, the default
    order stands.
    """
    drafts = sketch.drafts
    doubtful = [number for number, draft in enumerate(drafts) if draft.doubt]
    if not doubtful or not turn.has_model or len(drafts) > MOST:
        return
    tasks = "; ".join(f"{n} {crop(draft.title, 60)}" for n, draft in enumerate(drafts, start=1))
    answer = turn.ask(
        "work_order", OrderedTasks, lambda found: _complain(found, len(drafts)),
        max_tokens=60 + 40 * len(drafts), message=crop(text, 1500), tasks=tasks,
    )  # fmt: skip
    if answer is None:
        return
    wanted = {task.id - 1: {number - 1 for number in task.after} for task in answer.tasks}
    for number in doubtful:
        drafts[number].after = set()
    for number in doubtful:
        draft = drafts[number]
        draft.after = {n for n in wanted[number] if not sketch.reaches(n, number)}
        draft.doubt = _note(draft, sketch)


def _complain(answer: OrderedTasks, count: int) -> str | None:
    if sorted(task.id for task in answer.tasks) != list(range(1, count + 1)):
        return f"there are {count} tasks: list each of them once, by its number"
    for task in answer.tasks:
        if task.id in task.after or max(task.after, default=0) > count:
            return f"task {task.id} cannot wait for {task.after}"
    return None


def _note(draft: Draft, sketch: Sketch) -> str:
    names = [repr(sketch.titles[number]) for number in sorted(draft.after)]
    where = f"after {listed(names)}" if names else "at the beginning"
    return f"No word says when {draft.title!r} comes; the model put it {where}."
