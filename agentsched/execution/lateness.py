"""What is late: tasks beyond their planned end, and those that run far longer than planned."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from agentsched.execution.records import Late
from agentsched.execution.rules import Rules
from agentsched.execution.state import State


def newly_late(state: State, now: datetime, rules: Rules) -> Iterator[Late]:
    """Say what is late and was not said yet: once an attempt, and once for a start that is due.

    A task that waits for an unfinished predecessor is not named: the predecessor is.
    """
    for last in state.live():
        task = last.intent.task
        beyond = (now - state.place(task).end).total_seconds()
        if beyond > rules.late_margin:
            yield from _once(state, task, last.key, now, beyond, straggling=False)
        running = (now - last.started).total_seconds() if last.began is not None else 0.0
        over = running - last.intent.seconds
        slow = running > last.intent.seconds * rules.straggler_factor
        if slow and over > rules.late_margin:
            yield from _once(state, task, last.key, now, over, straggling=True)
    for waiting in state.open_tasks():
        beyond = (now - state.place(waiting.id).end).total_seconds()
        if (
            beyond > rules.late_margin
            and state.standing(waiting.id) == "waiting"
            and all(state.standing(other) == "done" for other in waiting.after)
        ):
            yield from _once(state, waiting.id, "", now, beyond, straggling=False)


def _once(
    state: State, task: str, key: str, now: datetime, seconds: float, *, straggling: bool
) -> Iterator[Late]:
    if (task, key, straggling) not in state.late:
        yield Late(at=now, task=task, key=key, straggling=straggling, seconds=seconds)
