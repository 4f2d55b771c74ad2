"""Starts that precedence rules out are taken away before anybody searches."""

from __future__ import annotations

from dataclasses import replace

from agentsched.planning.solving.problem import Activity, Problem
from agentsched.planning.spans import Span, intersect

_DAWN = -(10**15)


def tightened(problem: Problem) -> Problem | None:
    """Return the problem without starts that no schedule can use; None if one has none left.

    A start goes when some activity before cannot have ended by then, or some activity behind
    could no longer start. Pinned activities are facts and keep theirs.
    """
    if not problem.possible:
        return None
    while True:
        forward = _pass(problem, problem.order, backward=False)
        smaller = forward and _pass(forward, problem.order[::-1], backward=True)
        if smaller is None:
            return None
        if smaller.activities == problem.activities:
            return problem
        problem = smaller


def _pass(problem: Problem, order: tuple[int, ...], *, backward: bool) -> Problem | None:
    activities = list(problem.activities)
    for i in order:
        if activities[i].pinned:
            continue
        if backward:
            behind = [activities[j] for j in problem.successors[i]]
            limits = [other.last_start for other in behind]
            activities[i] = _ending_by(activities[i], min(limits, default=None))
        else:
            before = [activities[j] for j in activities[i].after]
            ends = [other.first_end for other in before]
            activities[i] = _starting_from(activities[i], max(ends, default=None))
        if not activities[i].possible:
            return None
    return replace(problem, activities=tuple(activities))


def _starting_from(activity: Activity, ready: int | None) -> Activity:
    if ready is None or activity.first_start >= ready:
        return activity
    return _cut(activity, [(ready, activity.last_start)] * len(activity.options))


def _ending_by(activity: Activity, limit: int | None) -> Activity:
    if limit is None or activity.last_end <= limit:
        return activity
    return _cut(activity, [(_DAWN, limit - option.duration) for option in activity.options])


def _cut(activity: Activity, allowed: list[Span]) -> Activity:
    """Return the activity with its starts cut; options stay in their place, even empty ones."""
    options = tuple(
        replace(option, starts=intersect(option.starts, (span,)))
        for option, span in zip(activity.options, allowed, strict=True)
    )
    return replace(activity, options=options)
