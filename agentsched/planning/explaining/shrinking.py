"""The greatest demands below the asked ones at which there is a plan."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

from agentsched.planning.explaining.limits import Change, on_task
from agentsched.planning.graph import Task
from agentsched.planning.request import PlanRequest

_UNITS = {"devices": "devices", "cpus": "cpus", "memory": "GiB"}

Possible = Callable[[Change], object | None]
"""Whether there is a plan after a change; anything but None is yes."""


def smaller_demands(task: Task, possible: Possible) -> Iterator[tuple[str, float, Change]]:
    """Yield the words, the share given up and the change, for each part of the demand.

    The time that the task takes is left as it is: what fewer devices cost is not known here.
    """
    for kind, unit in _UNITS.items():
        asked = float(getattr(task.demand, kind))
        least = 0 if kind == "memory" else 1
        found = _greatest(least, asked, partial(_is_possible, possible, task, kind))
        if found is not None:
            words = f"{task.id!r} uses {found} {unit} instead of {asked:g}"
            yield words, (asked - found) / asked, _with(task, kind, found)
    members = _greatest(1, task.gang, lambda n: possible(_gang(task, n)))
    if members is not None:
        words = f"{task.id!r} runs with {members} members instead of {task.gang}"
        yield words, (task.gang - members) / task.gang, _gang(task, members)


def _greatest(least: int, asked: float, possible: Callable[[int], object | None]) -> int | None:
    """Return the greatest whole number below ``asked`` that is possible; less is easier."""
    low, high = least, math.ceil(asked) - 1
    if high < low or possible(low) is None:
        return None
    while low < high:
        middle = (low + high + 1) // 2
        if possible(middle) is None:
            high = middle - 1
        else:
            low = middle
    return low


def _is_possible(possible: Possible, task: Task, kind: str, amount: int) -> object | None:
    return possible(_with(task, kind, amount))


def _with(task: Task, kind: str, amount: int) -> Change:
    def change(request: PlanRequest) -> PlanRequest:
        return on_task(request, task.id, demand=task.demand.model_copy(update={kind: amount}))

    return change


def _gang(task: Task, members: int) -> Change:
    return lambda request: on_task(request, task.id, gang=members)
