"""List schedules: serial generation by priority rules, forward-backward improvement, restarts."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from heapq import heappop, heappush

from agentsched.planning.solving.bounds import earliest_starts, latest_starts, tails
from agentsched.planning.solving.placing import Placing
from agentsched.planning.solving.problem import Activity, Place, Problem, Schedule, costs

Keys = Sequence[float]
"""Priority of each activity; the least goes first."""


def list_schedule(problem: Problem, keys: Keys) -> Schedule | int:
    """Return the serial schedule by these priorities, or the activity that found no place."""
    placing = Placing(problem)
    # What leaves no choice is booked before anything can be put in its way.
    for i, activity in enumerate(problem.activities):
        if activity.rigid and placing.put(i, activity.first_start) is None:
            return i
    waiting = [len(activity.after) for activity in problem.activities]
    heap = [(keys[i], i) for i, count in enumerate(waiting) if not count]
    heap.sort()
    while heap:
        i = heappop(heap)[1]
        before = problem.activities[i].after
        ready = max((placing.end(j) for j in before), default=problem.activities[i].first_start)
        place = placing.places[i] or placing.put(i, ready)
        if place is None or place.start < ready:
            return i
        for successor in problem.successors[i]:
            waiting[successor] -= 1
            if not waiting[successor]:
                heappush(heap, (keys[successor], successor))
    return tuple(place for place in placing.places if place is not None)


def best_list_schedule(
    problem: Problem,
    *,
    seed: int = 0,
    rounds: int = 40,
    seconds: float = 0.5,
    target: int | None = None,
) -> Schedule | None:
    """Return the best of several list schedules; None if none keeps every hard constraint.

    The priority rules first, each improved forward and backward; then orders disturbed at random,
    in which an activity that found no place comes earlier the next time.

    Args:
        problem: Whole-number problem, tightened.
        seed: Of the disturbed orders.
        rounds: Disturbed orders tried at most.
        seconds: Wall time after which no further order is tried.
        target: Stop at a schedule that costs no more than this.
    """
    if not problem.possible:
        return None
    until = time.monotonic() + seconds
    search = _Search(problem, random.Random(seed))
    for rule in RULES:
        search.try_keys(rule(problem))
        if search.good_enough(target) or time.monotonic() > until:
            return search.best
    for _ in range(rounds):
        if search.good_enough(target) or time.monotonic() > until:
            break
        search.disturb()
    return search.best


class _Search:
    """The best schedule so far, and the keys that the next order starts from."""

    def __init__(self, problem: Problem, rng: random.Random) -> None:
        self.problem, self.rng = problem, rng
        self.best: Schedule | None = None
        self.points = 0
        self.keys: list[float] = []
        self.spread = 1.0

    def good_enough(self, target: int | None) -> bool:
        return target is not None and self.best is not None and self.points <= target

    def try_keys(self, keys: Keys) -> None:
        found = list_schedule(self.problem, keys)
        if isinstance(found, int):
            if not self.keys:
                self.keys = list(keys)
            self._bring_forward(found)
            return
        self._take(found)
        for _ in range(3):
            improved = forward_backward(self.problem, found)
            if improved is None or costs(self.problem, improved).total >= self.points:
                break
            self._take(improved)
            found = improved

    def disturb(self) -> None:
        """Try an order near the best one known."""
        if self.best is not None:
            self.keys = [float(place.start) for place in self.best]
        width = self.spread * (max(self.keys) - min(self.keys) or 1) / 12
        self.spread = self.rng.choice((0.2, 0.5, 1.0, 2.0))
        keys = [key + self.rng.gauss(0, width) for key in self.keys]
        found = list_schedule(self.problem, keys)
        if isinstance(found, int):
            if self.best is None:
                self._bring_forward(found)
            return
        self._take(found)
        improved = forward_backward(self.problem, found)
        if improved is not None:
            self._take(improved)

    def _take(self, schedule: Schedule) -> None:
        points = costs(self.problem, schedule).total
        if self.best is None or points < self.points:
            self.best, self.points = schedule, points

    def _bring_forward(self, i: int) -> None:
        """Let the activity that found no place come earlier, and what would hold it back."""
        self.keys[i] -= (max(self.keys) - min(self.keys) or 1.0) / 8
        waiting = [i]
        while waiting:
            one = waiting.pop()
            for before in self.problem.activities[one].after:
                if self.keys[before] > self.keys[one]:
                    self.keys[before] = self.keys[one]
                    waiting.append(before)


def forward_backward(problem: Problem, schedule: Schedule) -> Schedule | None:
    """Return the schedule pushed to its end and back to the front, each in its own place.

    None if pushing breaks something (it is a list schedule itself, backwards in time).
    """
    end = max(place.end for place in schedule)
    kept = replace(
        problem,
        activities=tuple(
            _only(activity, place)
            for activity, place in zip(problem.activities, schedule, strict=True)
        ),
        preferences=(),
        gatherings=(),
        ledgers=(),
        stays=(),
    )
    late_first = [float(-place.end) for place in schedule]
    pushed = list_schedule(mirror(kept, end), late_first)
    if isinstance(pushed, int):
        return None
    starts = [float(end - place.end) for place in pushed]
    found = list_schedule(problem, starts)
    return None if isinstance(found, int) else found


def mirror(problem: Problem, end: int) -> Problem:
    """Return the problem with time running backwards from ``end``."""
    return replace(
        problem,
        activities=tuple(
            _mirrored(activity, problem.successors[i], end)
            for i, activity in enumerate(problem.activities)
        ),
        resources=tuple(
            replace(resource, blocks=tuple((end - b, end - a) for a, b in resource.blocks[::-1]))
            for resource in problem.resources
        ),
    )


def _mirrored(activity: Activity, successors: tuple[int, ...], end: int) -> Activity:
    options = tuple(
        replace(option, starts=tuple(
            (end - last - option.duration, end - first - option.duration)
            for first, last in option.starts[::-1]
        ))
        for option in activity.options
    )  # fmt: skip
    return replace(activity, options=options, after=successors, due=None)


def _only(activity: Activity, place: Place) -> Activity:
    """Return the activity with nothing but the options it has now."""
    counts = {o: place.options.count(o) for o in place.options}
    options = tuple(
        replace(option, room=counts[o]) for o, option in enumerate(activity.options) if o in counts
    )
    return replace(activity, options=options)


def _latest_start(problem: Problem) -> Keys:
    latest = latest_starts(problem, problem.horizon)
    return latest if latest is not None else _earliest_start(problem)


def _earliest_start(problem: Problem) -> Keys:
    return earliest_starts(problem) or [0] * len(problem.activities)


def _most_successors(problem: Problem) -> Keys:
    """Minus the number of activities that wait, directly or not."""
    behind = [0] * len(problem.activities)
    for i in reversed(problem.order):
        for successor in problem.successors[i]:
            behind[i] |= behind[successor] | 1 << successor
    return [-bits.bit_count() for bits in behind]


def _rank_weight(problem: Problem) -> Keys:
    """Minus the duration of an activity and of those that wait for it directly (GRPW)."""
    return [
        -activity.shortest - sum(problem.activities[j].shortest for j in problem.successors[i])
        for i, activity in enumerate(problem.activities)
    ]


def _longest_tail(problem: Problem) -> Keys:
    return [-tail for tail in tails(problem)]


def _earliest_deadline(problem: Problem) -> Keys:
    return [activity.last_end for activity in problem.activities]


RULES: tuple[Callable[[Problem], Keys], ...] = (
    _latest_start,
    _longest_tail,
    _most_successors,
    _rank_weight,
    _earliest_deadline,
    _earliest_start,
)
"""LFT with windows, longest tail (critical path), MTS, GRPW, EDF, earliest start."""
