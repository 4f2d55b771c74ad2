"""Numbers of a task against those of the request: a number nobody said is not kept."""

from __future__ import annotations

from typing import NamedTuple

from agentsched.planning.graph import Task
from agentsched.planning.request_words import amounts, lengths
from agentsched.planning.wording import length


class Checked(NamedTuple):
    """A task whose numbers are those of the request."""

    task: Task
    changes: tuple[str, ...]


_NAMES = {"devices": "devices", "cpus": "cpus", "memory": "GiB of memory", "gang": "members"}
_UNSAID = {"devices": (0, 1), "cpus": (0, 1), "memory": (0,), "gang": (1,)}
"""Values that need no words."""


def checked_numbers(task: Task, part: str, request: str) -> Checked:
    """Return the task with its numbers made those of the request, and what changed.

    A number that stands in the request anywhere is left alone. Of others, the only one that the
    task's own part of the request gives replaces it, or else the only one of the whole request;
    where the request gives none it falls back to what needs no words, and where several could be
    meant it stays.
    """
    changes: list[str] = []
    demand: dict[str, float] = {}
    gang = task.gang
    for kind, name in _NAMES.items():
        now = float(task.gang if kind == "gang" else getattr(task.demand, kind))
        said = _meant(now, amounts(part, kind), amounts(request, kind), _UNSAID[kind])
        if said != now:
            changes.append(f"{task.id!r}: {said:g} {name}, as the request says, not {now:g}")
            if said in _UNSAID[kind] and said not in amounts(request, kind):
                changes[-1] = f"{task.id!r}: the request does not say {now:g} {name}: {said:g}"
            if kind == "gang":
                gang = int(said)
            else:
                demand[kind] = int(said) if kind == "devices" else said
    update: dict[str, object] = {}
    if demand:
        update["demand"] = task.demand.model_copy(update=demand)
    if gang != task.gang:
        update["gang"] = gang
    update |= _duration(task, part, request, changes)
    return Checked(task.model_copy(update=update), tuple(changes))


def _meant(
    now: float, nearby: frozenset[float], anywhere: frozenset[float], unsaid: tuple[int, ...]
) -> float:
    if now in unsaid or now in anywhere:
        return now
    for found in (nearby, anywhere):
        if len(found) == 1:
            return next(iter(found))
    return now if anywhere else float(unsaid[-1])


def _duration(task: Task, part: str, request: str, changes: list[str]) -> dict[str, object]:
    if task.duration is None or task.duration in lengths(request):
        return {}
    for found in (lengths(part), lengths(request)):
        if len(found) == 1:
            said = next(iter(found))
            changes.append(
                f"{task.id!r}: {length(said)}, as the request says, not {length(task.duration)}"
            )
            return {"duration": said}
    if lengths(request):
        return {}
    changes.append(f"{task.id!r}: the request does not say that it takes {length(task.duration)}")
    return {"duration": None}
