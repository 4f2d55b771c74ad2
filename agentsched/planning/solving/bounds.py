"""How good a plan can be at all: critical path and work against capacity, without search."""

from __future__ import annotations

from agentsched.planning.solving.problem import Activity, Problem, Resource
from agentsched.planning.spans import Spans, first_at_least, merged


def lower_bound(problem: Problem) -> int:
    """Return grains that every schedule needs: the greater of critical path and work bound."""
    starts = earliest_starts(problem)
    if starts is None:
        return 0
    path = max((s + a.shortest for s, a in zip(starts, problem.activities, strict=True)), default=0)
    return max(path, work_bound(problem), 0)


def earliest_starts(problem: Problem) -> list[int] | None:
    """Return for each activity a time before which it cannot start; None if one has no start.

    Uses precedence, releases, windows and downtime, and for each the fastest place allowed.
    """
    if not problem.possible:
        return None
    starts = [0] * len(problem.activities)
    ends = [0] * len(problem.activities)
    for i in problem.order:
        activity = problem.activities[i]
        ready = max((ends[before] for before in activity.after), default=None)
        found = _first(activity, ready)
        if found is None:
            return None
        starts[i], ends[i] = found
    return starts


def latest_starts(problem: Problem, end: int) -> list[int] | None:
    """Return for each activity a time after which it cannot start if all is to end by ``end``.

    None if one has no start.
    """
    if not problem.possible:
        return None
    latest = [0] * len(problem.activities)
    for i in reversed(problem.order):
        activity = problem.activities[i]
        limit = min((latest[after] for after in problem.successors[i]), default=end)
        found = [
            start
            for option in activity.open
            if (start := _last_at_most(option.starts, limit - option.duration)) is not None
        ]
        if not found:
            return None
        latest[i] = max(found)
    return latest


def tails(problem: Problem) -> list[int]:
    """Return for each activity the least time from its start to the end of all that waits."""
    found = [0] * len(problem.activities)
    for i in reversed(problem.order):
        behind = max((found[after] for after in problem.successors[i]), default=0)
        found[i] = problem.activities[i].shortest + behind
    return found


def work_bound(problem: Problem) -> int:
    """Return the greatest time that one resource, or all machines of a kind together, need.

    A pool's work is shared by nobody; work that may run on several machines is set against the
    capacity of all of them.
    """
    pools = [0] * len(problem.resources)
    shared: dict[frozenset[int], int] = {}
    for activity in problem.activities:
        if activity.pinned or not activity.open:
            continue
        for resource, amount in activity.uses:
            pools[resource] += amount * activity.shortest
        for resources, work in _least_work(activity).items():
            shared[resources] = shared.get(resources, 0) + work
    bounds = [
        _time_for(work, [resource])
        for work, resource in zip(pools, problem.resources, strict=True)
        if work
    ]
    for resources in shared:
        work = sum(amount for inner, amount in shared.items() if inner <= resources)
        bounds.append(_time_for(work, [problem.resources[r] for r in resources]))
    return max(bounds, default=0)


def _first(activity: Activity, ready: int | None) -> tuple[int, int] | None:
    """Return the least start and the least end over all options, from ``ready`` on."""
    found = [
        (start, start + option.duration)
        for option in activity.open
        if (start := first_at_least(option.starts, option.starts[0][0] if ready is None else ready))
        is not None
    ]
    if not found:
        return None
    return min(start for start, _ in found), min(end for _, end in found)


def _last_at_most(spans: Spans, value: int) -> int | None:
    for first, last in reversed(spans):
        if first <= value:
            return min(last, value)
    return None


def _least_work(activity: Activity) -> dict[frozenset[int], int]:
    """Return for each set of alternative resources (one kind) the least work it must take.

    The place of a resource in an option's list is its kind; options of another length have
    machines without that limit, and bound nothing.
    """
    kinds = len(activity.open[0].uses)
    if any(len(option.uses) != kinds for option in activity.open):
        return {}
    found: dict[frozenset[int], int] = {}
    for kind in range(kinds):
        resources = frozenset(option.uses[kind][0] for option in activity.open)
        least = min(option.uses[kind][1] * option.duration for option in activity.open)
        found[resources] = found.get(resources, 0) + least * activity.gang
    return found


def _time_for(work: int, resources: list[Resource]) -> int:
    """Return the first time at which the resources can have done so much work since 0."""
    changes: list[tuple[int, int]] = []
    for resource in resources:
        for begin, end in merged(resource.blocks):
            if end > 0:
                changes += [(max(begin, 0), -resource.capacity), (end, resource.capacity)]
    rate, now = sum(resource.capacity for resource in resources), 0
    for at, change in sorted(changes):
        if rate and work <= rate * (at - now):
            break
        work -= rate * (at - now)
        now, rate = at, rate + change
    return now if work <= 0 else now + -(-work // rate) if rate else now
