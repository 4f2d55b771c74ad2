"""What the planner is asked: a task graph, where it may run, and from when on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from agentsched.errors import UserError
from agentsched.planning.graph import TaskGraph
from agentsched.planning.inventory import Inventory
from agentsched.planning.plan import Assignment, Plan

Beyond = Callable[["PlanRequest"], Plan]
"""Plans what is too large for the solver; keeps every hard constraint or raises ``UserError``."""


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """One request to plan; clocks and seeds are arguments."""

    graph: TaskGraph
    """With durations known; ``complete_graph`` fills what is missing."""
    inventory: Inventory
    now: datetime
    """Aware; nothing but pinned tasks starts earlier."""
    zone: tzinfo = UTC
    """The user's, for times of day."""
    horizon: datetime | None = None
    """Nothing may end later; None is as far as the work can need."""
    budget: float = 1.0
    """Wall seconds for the solver, all in all."""
    seed: int = 0
    workers: int = 2
    previous: Plan | None = None
    """Plan in force: other tasks move only when that pays."""
    started: tuple[Assignment, ...] = ()
    """Tasks that run or are done, as they really went; a running one with its expected end."""
    beyond: Beyond | None = None
    """Who plans what is too large; None is the list schedule."""

    def __post_init__(self) -> None:
        if self.now.tzinfo is None:
            raise UserError(f"now must have a zone, got {self.now.isoformat()}")
        if self.horizon is not None and self.horizon.tzinfo is None:
            raise UserError(f"horizon must have a zone, got {self.horizon.isoformat()}")
        if self.horizon is not None and self.horizon <= self.now:
            raise UserError(f"horizon must be after now, got {self.horizon.isoformat()}")
        if self.budget <= 0:
            raise UserError(f"the planning budget must be > 0 seconds, got {self.budget:g}")
        if self.workers < 1:
            raise UserError(f"workers must be >= 1, got {self.workers}")
        for assignment in self.started:
            if all(assignment.task != task.id for task in self.graph.tasks):
                raise UserError(f"started names no task {assignment.task!r} of the graph")
