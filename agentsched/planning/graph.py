"""What is to be done: tasks in a DAG, their demands and limits, wishes and goals behind them."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from agentsched.planning.hints import Hint

TaskId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,59}$")]
Phrase = Annotated[str, Field(max_length=200)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Demand(_Part):
    """What one member of a task holds while it runs."""

    cpus: float = Field(default=1.0, ge=0, le=100_000)
    memory: float = Field(default=0.0, ge=0)
    """GiB."""
    devices: int = Field(default=0, ge=0, le=10_000)
    """Accelerators; of which type is a hint."""


class Task(_Part):
    """One piece of work that runs once, without interruption."""

    id: TaskId
    title: str = Field(default="", max_length=200)
    duration: int | None = Field(default=None, ge=1, le=366 * 86_400)
    """Seconds on a machine of speed 1; None is unknown, ``complete_graph`` puts a default and a
    note."""
    demand: Demand = Demand()
    gang: int = Field(default=1, ge=1, le=10_000)
    """Members that start and end together, each with ``demand``."""
    after: tuple[TaskId, ...] = ()
    """Tasks that must have ended before it starts."""
    release: AwareDatetime | None = None
    """Earliest start."""
    latest_start: AwareDatetime | None = None
    """Hard: a plan that starts it later is infeasible."""
    due: AwareDatetime | None = None
    """Soft: lateness costs."""
    deadline: AwareDatetime | None = None
    """Hard: a plan that ends it later is infeasible."""
    fixed: AwareDatetime | None = None
    """It starts exactly then (a task that is running already, an appointment)."""
    people: tuple[Annotated[str, Field(max_length=120)], ...] = ()
    """Who must be free while it runs; their calendars are hard."""
    command: tuple[Annotated[str, Field(max_length=4000)], ...] = ()
    """What the executor runs, as arguments; empty means there is nothing to run."""
    retries: int = Field(default=0, ge=0, le=20)
    """How often a failed start is repeated."""
    priority: int = Field(default=0, ge=-1000, le=1000)
    """Greater goes first where the objective leaves a choice."""
    phrases: tuple[Phrase, ...] = ()
    """The user's words it rests on."""


class TaskGraph(_Part):
    """A whole request; references are checked here, what needs machines in ``planning.checks``."""

    name: str = Field(default="plan", max_length=120)
    tasks: tuple[Task, ...] = Field(min_length=1, max_length=5_000)
    apart: tuple[tuple[TaskId, TaskId], ...] = ()
    """Disjunctive pairs: never at the same time."""
    hints: tuple[Hint, ...] = ()
    goals: tuple[Phrase, ...] = ()
    """What the user asked for, one phrase each; every goal must be covered by a task."""
    notes: tuple[Annotated[str, Field(max_length=400)], ...] = ()
    """What was assumed or changed on the way."""

    @model_validator(mode="after")
    def _references_resolve(self) -> Self:
        ids = [task.id for task in self.tasks]
        known = set(ids)
        if len(known) != len(ids):
            twice = sorted({id for id in ids if ids.count(id) > 1})
            raise ValueError(f"task ids must differ, {twice[0]!r} stands twice")
        for task in self.tasks:
            for other in task.after:
                if other not in known:
                    raise ValueError(f"task {task.id!r}: after names no task {other!r}")
        for a, b in self.apart:
            if a not in known or b not in known or a == b:
                raise ValueError(f"apart: ({a!r}, {b!r}) must be two tasks of the graph")
        for hint in self.hints:
            for id in hint.tasks:
                if id not in known:
                    raise ValueError(f"hint {hint.phrase or hint.kind!r} names no task {id!r}")
        return self

    def task(self, id: str) -> Task:
        """Return the task of that id.

        Raises:
            KeyError: There is none.
        """
        for task in self.tasks:
            if task.id == id:
                return task
        raise KeyError(id)

    @property
    def digest(self) -> str:
        """sha256 of the graph as JSON."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    @property
    def latest_deadline(self) -> datetime | None:
        """The last hard limit; None when there is none."""
        limits = [task.deadline for task in self.tasks if task.deadline is not None]
        return max(limits, default=None)
