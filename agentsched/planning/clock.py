"""Instants as whole seconds from an origin, how far to plan, and the spans of windows."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from agentsched.planning.graph import Task
from agentsched.planning.hints import WindowHint
from agentsched.planning.inventory import Away
from agentsched.planning.request import PlanRequest
from agentsched.planning.spans import Span
from agentsched.planning.windows import open_stretches

_DAY = 86_400
_LEEWAY = 7 * _DAY
"""Seconds a default horizon goes beyond what the work can need."""
_FARTHEST = 800 * _DAY
"""Seconds to which windows may stretch a default horizon."""


class Clock:
    """Seconds since ``now`` for one request."""

    def __init__(self, request: PlanRequest) -> None:
        now = request.now.astimezone(UTC)
        self.origin = now.replace(microsecond=0)
        if now.microsecond:
            self.origin += timedelta(seconds=1)
        self._request = request
        self._windows: dict[WindowHint, tuple[Span, ...]] = {}
        self.horizon = self._default_horizon()
        if request.horizon is not None:
            self.horizon = self.floor(request.horizon)

    def floor(self, at: datetime) -> int:
        """Return whole seconds, rounded down."""
        return math.floor((at - self.origin).total_seconds())

    def ceil(self, at: datetime) -> int:
        """Return whole seconds, rounded up."""
        return math.ceil((at - self.origin).total_seconds())

    def instant(self, seconds: int) -> datetime:
        """Return the instant so many seconds after the origin."""
        return self.origin + timedelta(seconds=seconds)

    def blocks(self, away: Iterable[Away]) -> list[Span]:
        """Return stretches of absence as half-open spans, rounded outwards."""
        return [(self.floor(one.start), self.ceil(one.end)) for one in away]

    def window(self, hint: WindowHint) -> tuple[Span, ...]:
        """Return when the hint lets work go on, half open, rounded inwards."""
        if hint not in self._windows:
            first = min(0, *(self.floor(t.fixed) for t in self._request.graph.tasks if t.fixed), 0)
            stretches = open_stretches(
                hint,
                self.instant(first) - timedelta(days=2),
                self.instant(self.horizon) + timedelta(days=2),
                self._request.zone,
            )
            self._windows[hint] = tuple((self.ceil(a), self.floor(b)) for a, b in stretches)
        return self._windows[hint]

    def _default_horizon(self) -> int:
        request = self._request
        slowest = min(machine.speed for machine in request.inventory.machines)
        work = sum(
            math.ceil((task.duration or 0) / min(slowest, 1)) for task in request.graph.tasks
        )
        last = max(0, *map(self.ceil, _instants(request)), 0)
        needed = last + work + _LEEWAY + min(_FARTHEST, self._waiting())
        # A whole number of days, lest the horizon alone makes the grain finer.
        return -(-needed // _DAY) * _DAY

    def _waiting(self) -> int:
        """Seconds that waiting for windows can add: for each task the next one of its kind."""
        windows = [hint for hint in self._request.graph.hints if isinstance(hint, WindowHint)]
        days = 0
        for task in self._request.graph.tasks:
            asked = [hint for hint in windows if not hint.tasks or task.id in hint.tasks]
            days += max((8 if hint.days else 2 for hint in asked), default=0)
        return days * _DAY


def _instants(request: PlanRequest) -> list[datetime]:
    """Return the instants behind which nothing but work lies."""
    found = [at for task in request.graph.tasks for at in _of(task)]
    found += [one.end for machine in request.inventory.machines for one in machine.away]
    found += [one.end for person in request.inventory.people for one in person.busy]
    found += [assignment.end for assignment in request.started]
    if request.previous is not None:
        found += [assignment.end for assignment in request.previous.assignments]
    return found


def _of(task: Task) -> list[datetime]:
    length = timedelta(seconds=task.duration or 0)
    found = [task.release, task.due, task.deadline]
    found += [at and at + length for at in (task.latest_start, task.fixed)]
    return [at for at in found if at is not None]
