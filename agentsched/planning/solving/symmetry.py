"""Like machines renamed, so that a schedule uses them in the order the model asks for."""

from __future__ import annotations

from dataclasses import replace

from agentsched.planning.solving.problem import Activity, Place, Problem, Schedule


def canonical(problem: Problem, schedule: Schedule) -> Schedule:
    """Return the same schedule with like machines swapped into the order of their first use."""
    renamed: dict[int, int] = {}
    for members in problem.alike:
        free = list(members)
        for activity, place in zip(problem.activities, schedule, strict=True):
            for machine in sorted({activity.options[o].machine for o in place.options}):
                if machine in members and machine not in renamed:
                    renamed[machine] = free.pop(0)
    if not renamed:
        return schedule
    return tuple(
        _moved(activity, place, renamed)
        for activity, place in zip(problem.activities, schedule, strict=True)
    )


def _moved(activity: Activity, place: Place, renamed: dict[int, int]) -> Place:
    at = {(option.machine, option.duration): o for o, option in enumerate(activity.options)}
    moved = []
    for o in place.options:
        option = activity.options[o]
        moved.append(at[renamed.get(option.machine, option.machine), option.duration])
    return replace(place, options=tuple(sorted(moved)))
