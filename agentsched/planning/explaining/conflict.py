"""Why there is no plan: a smallest set of limits that cannot be met together."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from agentsched.planning.explaining.limits import Limit, hard_part, limits_of, without
from agentsched.planning.request import PlanRequest
from agentsched.planning.solving.formulate import formulate
from agentsched.planning.solving.solution import Effort
from agentsched.planning.solving.solver import solve
from agentsched.planning.wording import listed

_ONE_QUESTION = 2.0
"""Most seconds to find out whether some limits conflict."""
_LISTING = 0.03
"""Seconds for a schedule by rule first: most sets of limits asked about have none."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Limits that cannot all be met; without any one of them the others can."""

    limits: tuple[Limit, ...]
    minimal: bool
    """Proved that each is needed; False if time ran out before that."""
    proved: bool = True
    """That there is no plan is proved; False if none was found in time."""

    @property
    def words(self) -> str:
        """In one sentence, without the full stop."""
        if not self.proved:
            return "no plan was found in the time given, and none was ruled out"
        if not self.limits:
            return "the work does not fit before the end of the time that can be planned"
        if len(self.limits) == 1:
            return f"this cannot be met: {self.limits[0].words}"
        return f"these cannot all be met: {listed([limit.words for limit in self.limits])}"


def find_conflict(request: PlanRequest, seconds: float) -> Conflict:
    """Return a minimal conflicting set of an infeasible request (QuickXplain, Junker 2004).

    Args:
        request: One without a plan.
        seconds: Wall time; when it is up, the set so far is returned as not minimal.
    """
    hard = hard_part(request)
    limits = limits_of(hard, horizon=request.horizon is not None)
    search = _Search(hard, limits, time.monotonic() + seconds)
    found = search.explain((), _last_resorts_first(limits), changed=False)
    return Conflict(tuple(limit for limit in limits if limit in found), not search.hurried)


class _Search:
    def __init__(self, hard: PlanRequest, limits: tuple[Limit, ...], until: float) -> None:
        self.hard, self.limits, self.until = hard, limits, until
        self.hurried = False
        self._known: dict[frozenset[Limit], bool] = {}

    def explain(
        self, given: tuple[Limit, ...], among: Sequence[Limit], *, changed: bool
    ) -> tuple[Limit, ...]:
        """Return a smallest part of ``among`` that is infeasible together with ``given``."""
        if changed and self._infeasible(given):
            return ()
        if len(among) <= 1:
            return tuple(among)
        half = len(among) // 2
        first, second = among[:half], among[half:]
        of_second = self.explain((*given, *first), second, changed=bool(first))
        of_first = self.explain((*given, *of_second), first, changed=bool(of_second))
        return (*of_first, *of_second)

    def _infeasible(self, kept: tuple[Limit, ...]) -> bool:
        """Whether these limits alone are proved impossible; False when time does not tell."""
        key = frozenset(kept)
        if key not in self._known:
            self._known[key] = self._solve(key)
        return self._known[key]

    def _solve(self, kept: frozenset[Limit]) -> bool:
        left = self.until - time.monotonic()
        if left <= 0:
            self.hurried = True
            return False
        smaller = without(self.hard, [limit for limit in self.limits if limit not in kept])
        effort = Effort(
            min(left, _ONE_QUESTION), self.hard.workers, self.hard.seed,
            first_only=True, listing=_LISTING,
        )  # fmt: skip
        status = solve(formulate(smaller).problem, effort).status
        self.hurried |= status == "unknown"
        return status == "infeasible"


def _last_resorts_first(limits: tuple[Limit, ...]) -> tuple[Limit, ...]:
    """Return the limits so that those which people give up first end up in the explanation."""
    order = ("precedence", "demand", "need", "downtime", "calendar", "apart", "horizon", "release",
             "latest_start", "fixed", "hint", "deadline")  # fmt: skip
    return tuple(sorted(limits, key=lambda limit: order.index(limit.kind)))
