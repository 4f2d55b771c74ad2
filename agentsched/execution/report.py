"""What became of a plan: completion, added delay, and each task's share of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from agentsched.execution.ready import blocked
from agentsched.execution.records import Over
from agentsched.execution.rules import describe
from agentsched.execution.state import Standing, State


@dataclass(frozen=True, slots=True)
class TaskReport:
    """One task: as planned at first, and as it went."""

    task: str
    standing: Standing
    attempts: int
    planned_start: datetime | None
    """None for a task that only a later plan brought."""
    planned_end: datetime | None
    started: datetime | None
    """Of its last attempt."""
    ended: datetime | None
    delay: float | None
    """Seconds it ended after the first plan's end; negative when earlier, None when it did not."""
    reason: str = ""
    """Why it is not done, in words."""


@dataclass(frozen=True, slots=True)
class Report:
    """The whole plan."""

    tasks: tuple[TaskReport, ...]
    planned_end: datetime
    """Of the first plan."""
    ended: datetime | None
    """When its last finished task ended; None when none did."""
    delay: float
    """Seconds the last task ended, or at least will end, after the first plan's end."""
    attempts: int
    plans: int
    """How many plans there were; 1 is the first alone."""

    @property
    def completed(self) -> bool:
        """Whether every task is done."""
        return all(task.standing == "done" for task in self.tasks)

    @property
    def done(self) -> int:
        """How many tasks are done."""
        return sum(task.standing == "done" for task in self.tasks)


def report_on(state: State, now: datetime) -> Report:
    """Say what became of an execution so far."""
    planned = {place.task: place for place in state.first.plan.assignments}
    order = [task.id for task in state.first.graph.tasks]
    order += [task.id for task in state.graph.tasks if task.id not in planned]
    stuck = blocked(state)
    current = {task.id for task in state.graph.tasks}
    rows = []
    for id in dict.fromkeys(order):
        place, last = planned.get(id), state.last(id)
        over = None if last is None else last.over
        ended = over_time(over) if over is not None and over.outcome == "done" else None
        start, end = (None, None) if place is None else (place.start, place.end)
        dropped = "" if id in current else "a later plan dropped it"
        rows.append(
            TaskReport(
                task=id,
                standing=state.standing(id),
                attempts=len(state.tried.get(id, ())),
                planned_start=start,
                planned_end=end,
                started=None if last is None else last.started,
                ended=ended,
                delay=None if ended is None or end is None else _seconds(end, ended),
                reason=""
                if ended is not None
                else state.gave_up.get(id) or stuck.get(id) or dropped or _why(over),
            )
        )
    return Report(
        tasks=tuple(rows),
        planned_end=planned_end(state),
        ended=max((row.ended for row in rows if row.ended is not None), default=None),
        delay=delay_of(state, now),
        attempts=sum(row.attempts for row in rows),
        plans=state.plans,
    )


def planned_end(state: State) -> datetime:
    """Return when the first plan would have been over."""
    return max(place.end.astimezone(UTC) for place in state.first.plan.assignments)


def delay_of(state: State, now: datetime) -> float:
    """Return seconds the last task ended, or at least will end, after the first plan's end.

    What will not be done any more does not count.
    """
    ends = [
        over_time(attempts[-1].over)
        for attempts in state.tried.values()
        if attempts[-1].over is not None and attempts[-1].over.outcome == "done"
    ]
    stuck = blocked(state)
    ends += [
        max(now, state.place(task.id).end)
        for task in state.graph.tasks
        if state.standing(task.id) in ("waiting", "live", "failed") and task.id not in stuck
    ]
    return _seconds(planned_end(state), max(ends)) if ends else 0.0


def over_time(over: Over) -> datetime:
    """Return when an attempt ended, as near as is known."""
    return over.ended or over.at


def _why(over: Over | None) -> str:
    return "" if over is None else describe(over)


def _seconds(start: datetime, end: datetime) -> float:
    return (end.astimezone(UTC) - start.astimezone(UTC)).total_seconds()
