"""How an execution stands: a fold over its records, the same in a fresh run as in a resumed one."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, assert_never

from agentsched.errors import UserError
from agentsched.execution.order import topological
from agentsched.execution.records import (
    Again,
    Began,
    Finished,
    GaveUp,
    Intent,
    Late,
    Left,
    MachineLost,
    Opened,
    Over,
    Record,
    Replanned,
    Silent,
    Stopping,
    Taken,
)
from agentsched.planning.graph import Task, TaskGraph
from agentsched.planning.inventory import Inventory
from agentsched.planning.plan import Assignment, Plan

Standing = Literal["waiting", "live", "done", "failed", "given_up"]
"""``failed``: the last attempt did not end well and another one is due."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt as the ledger knows it."""

    intent: Intent
    taken: Taken | None = None
    began: Began | None = None
    stopping: Stopping | None = None
    over: Over | None = None
    forgiven: bool = False
    """Somebody let the task be tried again after it."""

    @property
    def key(self) -> str:
        """The attempt's key."""
        return self.intent.key

    @property
    def started(self) -> datetime:
        """When it began, as near as is known."""
        if self.over is not None and self.over.started is not None:
            return self.over.started
        if self.began is not None:
            return self.began.started
        return self.intent.at

    @property
    def counts(self) -> bool:
        """Whether it uses up a retry: it ended badly, and not because we or others held it back."""
        if self.over is None or self.forgiven or self.over.outcome in ("done", "skipped"):
            return False
        return not (self.stopping is not None and self.stopping.why == "leaving")


class State:
    """Graph, plan and inventory in force, and what became of every task."""

    def __init__(self, opened: Opened) -> None:
        self.execution = opened.execution
        self.executor = opened.executor
        self.first = opened
        """What was approved at first; delay is measured against it."""
        self.graph: TaskGraph = opened.graph
        self.plan: Plan = opened.plan
        self.inventory: Inventory = opened.inventory
        self.tried: dict[str, list[Tried]] = {}
        """By task, oldest first; tasks that a later plan dropped stay."""
        self.gave_up: dict[str, str] = {}
        """By task, why."""
        self.lost: frozenset[str] = frozenset()
        """Machines that are gone."""
        self.late: frozenset[tuple[str, str, bool]] = frozenset()
        """Task, key and whether straggling: what was said already."""
        self.silent: frozenset[str] = frozenset()
        """Keys for which the executor once did not answer."""
        self.plans = 1
        """How many plans there were."""
        self.finished = False
        self._standings: dict[str, Standing] = {}
        self._live: dict[str, None] = {}
        self._failed: dict[str, None] = {}
        self._tasks_of: dict[str, str] = {}
        """By key."""
        self._index()

    def apply(self, record: Record) -> None:
        """Take in one more record."""
        match record:
            case Opened():
                raise ValueError("a ledger is opened once")
            case Replanned():
                self.graph, self.plan = record.graph, record.plan
                self.inventory = record.inventory
                # Who plans anew says which machines there are.
                self.lost = frozenset()
                self.plans += 1
            case Intent():
                self.tried.setdefault(record.task, []).append(Tried(record))
                self._tasks_of[record.key] = record.task
            case Taken():
                self._amend(record.task, record.key, taken=record)
            case Began():
                self._amend(record.task, record.key, began=record)
            case Stopping():
                self._amend(record.task, record.key, stopping=record)
            case Over():
                self._amend(record.task, record.key, over=record)
            case GaveUp():
                self.gave_up[record.task] = record.reason
            case Again():
                self.gave_up.pop(record.task, None)
                before = self.tried.get(record.task, [])
                before[:] = [replace(tried, forgiven=True) for tried in before]
            case Late():
                self.late |= {(record.task, record.key, record.straggling)}
            case Silent():
                self.silent |= {record.key}
            case MachineLost():
                self.lost |= set(record.machines)
            case Left():
                pass
            case Finished():
                pass
            case _:
                assert_never(record)
        self.finished = isinstance(record, Finished)
        if isinstance(record, Replanned):
            self._index()
        elif isinstance(record, Intent | Over | GaveUp | Again | Stopping):
            self._note(record.task)

    def standing(self, task: str) -> Standing:
        """Say how a task stands."""
        return self._standings.get(task, "waiting")

    def open_tasks(self) -> Iterator[Task]:
        """Tasks that wait or are due again, those planned earlier first."""
        return (t for t in self._order if self._standings[t.id] in ("waiting", "failed"))

    def due_tasks(self, now: datetime) -> Iterator[Task]:
        """Open tasks whose planned start has come, and those that are due again."""
        come = bisect.bisect_right(self._starts, now)
        for task in self._order[:come]:
            if self._standings[task.id] in ("waiting", "failed"):
                yield task
        yield from (t for t in self.failed_tasks() if self._places[t.id].start > now)

    def failed_tasks(self) -> Iterator[Task]:
        """Tasks of the graph in force that are due again."""
        return (self._tasks[id] for id in self._failed if id in self._tasks)

    def next_start(self, now: datetime) -> datetime | None:
        """Return the planned start of the next task that waits for its time."""
        come = bisect.bisect_right(self._starts, now)
        waiting = (t for t in self._order[come:] if self._standings[t.id] == "waiting")
        found = next(waiting, None)
        return None if found is None else self._places[found.id].start

    def last(self, task: str) -> Tried | None:
        """Return a task's newest attempt."""
        attempts = self.tried.get(task)
        return attempts[-1] if attempts else None

    def live(self) -> Iterator[Tried]:
        """Attempts that were begun and have not ended, in order of their intents."""
        return (self.tried[task][-1] for task in list(self._live))

    def find(self, key: str) -> Tried:
        """Return the attempt of that key.

        Raises:
            KeyError: There is none.
        """
        return next(tried for tried in self.tried[self._tasks_of[key]] if tried.key == key)

    def task(self, id: str) -> Task:
        """Return the task of that id in the graph in force.

        Raises:
            KeyError: There is none.
        """
        return self._tasks[id]

    def place(self, task: str) -> Assignment:
        """Return a task's place in the plan in force.

        Raises:
            KeyError: There is none.
        """
        return self._places[task]

    def seconds(self, task: str) -> float:
        """Return how long the plan in force thinks a task takes."""
        place = self._places[task]
        return (place.end - place.start).total_seconds()

    def _index(self) -> None:
        self._tasks = {task.id: task for task in self.graph.tasks}
        # In UTC: within one zone Python counts wall time, which a change of the clocks stretches.
        self._places = {
            place.task: place.model_copy(
                update={"start": place.start.astimezone(UTC), "end": place.end.astimezone(UTC)}
            )
            for place in self.plan.assignments
        }
        self.topological: tuple[Task, ...] = tuple(topological(self.graph))
        """Tasks after their predecessors."""
        self._order = sorted(
            (task for task in self.graph.tasks if task.id in self._places),
            key=lambda task: (self._places[task.id].start, -task.priority, task.id),
        )
        self._starts = [self._places[task.id].start for task in self._order]
        for id in {**self._tasks, **self.tried}:
            self._note(id)

    def _note(self, task: str) -> None:
        """Take note of how a task stands now."""
        standing = self._standing(task)
        self._standings[task] = standing
        for name, those in (("live", self._live), ("failed", self._failed)):
            if standing == name:
                those.setdefault(task)
            else:
                those.pop(task, None)

    def _standing(self, task: str) -> Standing:
        last = self.last(task)
        if last is not None and last.over is None:
            return "live"
        if last is not None and last.over is not None and last.over.outcome == "done":
            return "done"
        if task in self.gave_up:
            return "given_up"
        if last is None or not last.counts:
            return "waiting"
        return "failed"

    def _amend(self, task: str, key: str, **changes: object) -> None:
        attempts = self.tried[task]
        place = next((i for i, tried in enumerate(attempts) if tried.key == key), None)
        if place is None:
            raise KeyError(key)
        attempts[place] = replace(attempts[place], **changes)  # type: ignore[arg-type]


def fold(records: Iterable[Record]) -> State:
    """Return the state that these records lead to; the first must be ``opened``.

    Raises:
        UserError: They contradict each other.
    """
    rest = iter(records)
    opened = next(rest)
    assert isinstance(opened, Opened)
    state = State(opened)
    for number, record in enumerate(rest, start=2):
        try:
            state.apply(record)
        except LookupError as error:
            raise UserError(
                f"ledger: line {number} speaks of {error.args[0]!r}, which never began; restore "
                "the file"
            ) from None
    return state
