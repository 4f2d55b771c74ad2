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
    for task in state.graph.tasks:
        place, last = state.place(task.id), state.last(task.id)
        standing = state.standing(task.id)
        beyond = (now - place.end).total_seconds()
        if standing == "live" and last is not None:
            if beyond > rules.late_margin:
                yield from _once(state, task.id, last.key, now, beyond, straggling=False)
            running = (now - last.started).total_seconds() if last.began is not None else 0.0
            over = running - last.intent.seconds
            slow = running > last.intent.seconds * rules.straggler_factor
            if slow and over > rules.late_margin:
                yield from _once(state, task.id, last.key, now, over, straggling=True)
        elif (
            standing == "waiting"
            and beyond > rules.late_margin
            and all(state.standing(other) == "done" for other in task.after)
        ):
            yield from _once(state, task.id, "", now, beyond, straggling=False)


def _once(
    state: State, task: str, key: str, now: datetime, seconds: float, *, straggling: bool
) -> Iterator[Late]:
    if (task, key, straggling) not in state.late:
        yield Late(at=now, task=task, key=key, straggling=straggling, seconds=seconds)
