"""A plan: where and when each task runs, how good that is, and what it cost in wishes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from agentsched.planning.graph import TaskId

Status = Literal["optimal", "feasible"]
Kind = Literal[
    "missing", "unknown", "precedence", "capacity", "release", "latest_start", "deadline",
    "downtime", "person", "disjunctive", "fixed", "duration", "gang", "placement",
]  # fmt: skip
"""What a plan can break; ``unknown`` names a task or machine that is not there."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Assignment(_Part):
    """One task's place in a plan; times are half open."""

    task: TaskId
    machines: tuple[Annotated[str, Field(max_length=80)], ...]
    """One name a gang member; empty only for a task that demands nothing of any machine."""
    start: AwareDatetime
    end: AwareDatetime


class Wish(_Part):
    """What became of one soft hint."""

    hint: str = Field(max_length=400)
    """In words."""
    weight: float
    kept: bool
    lost_to: str = Field(default="", max_length=400)
    """What it was traded for, in words; empty when kept."""


class Plan(_Part):
    """Where and when; made by ``planning.plan``, or read from elsewhere and then only checked."""

    graph: str = Field(default="", max_length=64)
    """Digest of the task graph."""
    assignments: tuple[Assignment, ...]
    status: Status = "feasible"
    method: str = Field(default="", max_length=120)
    """``cp-sat``, ``list schedule``, or the policy that made it."""
    objective: float = 0.0
    bound: float = 0.0
    """No plan can be better than this; equal to ``objective`` when optimal."""
    wishes: tuple[Wish, ...] = ()
    notes: tuple[Annotated[str, Field(max_length=400)], ...] = ()

    def of(self, task: str) -> Assignment:
        """Return a task's place.

        Raises:
            KeyError: The plan does not speak of it.
        """
        for assignment in self.assignments:
            if assignment.task == task:
                return assignment
        raise KeyError(task)


class Violation(_Part):
    """One broken hard constraint, in words."""

    kind: Kind
    tasks: tuple[str, ...]
    message: str
