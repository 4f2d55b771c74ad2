"""Hints in the whole-number problem: what cannot be said of one option alone, and what is soft."""

from __future__ import annotations

from dataclasses import replace

from agentsched.planning.clock import Clock
from agentsched.planning.hints import (
    CeilingHint,
    Hint,
    LeastHint,
    Level,
    SpreadHint,
    TogetherHint,
    WindowHint,
)
from agentsched.planning.placement import admits, amount, place
from agentsched.planning.request import PlanRequest
from agentsched.planning.solving.bounds import lower_bound
from agentsched.planning.solving.problem import (
    NOWHERE,
    Activity,
    Gathering,
    Ledger,
    Option,
    Preference,
    Problem,
    Stay,
)
from agentsched.planning.spans import Spans, starts_inside

HINT_LENGTHS = 2
"""A soft hint of weight 1 is worth so many lengths of the whole plan: it is worth waiting for."""
STAY_SHARE = 20
"""Moving one task of a plan in force costs the length of the plan through this."""
_FINE = 1_000_000_000
"""Parts of a ceiling in which amounts are counted."""


def with_hints(problem: Problem, request: PlanRequest, clock: Clock) -> Problem:
    """Return the problem (in seconds) with gatherings, ledgers, preferences and stays added."""
    length = max(60, lower_bound(problem))
    found = _Hints(problem, request, clock, length)
    for number, hint in enumerate(request.graph.hints):
        found.add(number, hint)
    return replace(
        problem,
        preferences=tuple(found.preferences),
        gatherings=tuple(found.gatherings),
        ledgers=tuple(found.ledgers),
        stays=_stays(problem, request, clock, length),
    )


class _Hints:
    def __init__(self, problem: Problem, request: PlanRequest, clock: Clock, length: int) -> None:
        self.problem, self.request, self.clock, self.length = problem, request, clock, length
        self.machines = request.inventory.machines
        self.preferences: list[Preference] = []
        self.gatherings: list[Gathering] = []
        self.ledgers: list[Ledger] = []

    def add(self, number: int, hint: Hint) -> None:
        spoken = [i for i, activity in enumerate(self.problem.activities)
                  if not hint.tasks or activity.id in hint.tasks]  # fmt: skip
        points = round(HINT_LENGTHS * self.length * hint.weight)
        match hint:
            case TogetherHint() | SpreadHint():
                self._gather(number, hint, spoken, None if hint.hard else points)
            case CeilingHint(per_hour=False):
                self._limit(number, hint, spoken, None if hint.hard else points)
            case LeastHint():
                self._least(number, hint, spoken, points * (10 if hint.hard else 1))
            case _ if not hint.hard:
                self._prefer(number, hint, spoken, points)

    def _prefer(self, number: int, hint: Hint, spoken: list[int], points: int) -> None:
        open_ones = [i for i in spoken if not self.problem.activities[i].pinned]
        for i in open_ones:
            activity = self.problem.activities[i]
            good = tuple(self._good(hint, option) for option in activity.options)
            if any(
                one != option.starts for one, option in zip(good, activity.options, strict=True)
            ):
                cost = max(1, points // len(open_ones))
                self.preferences.append(Preference(number, i, good, cost))

    def _good(self, hint: Hint, option: Option) -> Spans:
        if isinstance(hint, WindowHint):
            return starts_inside(self.clock.window(hint), option.duration, option.starts)
        if option.machine == NOWHERE:
            return option.starts
        kept = admits(hint, self.machines[option.machine], self.request.inventory)
        return option.starts if kept else ()

    def _gather(
        self, number: int, hint: TogetherHint | SpreadHint, spoken: list[int], cost: int | None
    ) -> None:
        placed = [i for i in spoken if _needs_place(self.problem.activities[i])]
        spread = isinstance(hint, SpreadHint)
        if placed:
            places = self._places(hint.level)
            self.gatherings.append(Gathering(number, spread, tuple(placed), places, cost))

    def _places(self, level: Level) -> tuple[int, ...]:
        numbers: dict[tuple[str, ...], int] = {}
        return tuple(
            numbers.setdefault(place(machine, level), len(numbers)) for machine in self.machines
        )

    def _limit(self, number: int, hint: CeilingHint, spoken: list[int], cost: int | None) -> None:
        scale = _FINE / hint.limit if hint.limit else _FINE
        top = 2 * _FINE + len(spoken)
        amounts = tuple(
            tuple(min(top, round(value * scale)) for value in values)
            for values in self._amounts(hint, spoken)
        )
        # Rounding must not turn a total that meets its limit into one that does not.
        limit = (_FINE if hint.limit else 0) + len(spoken)
        self.ledgers.append(Ledger(number, tuple(spoken), amounts, limit, cost))

    def _least(self, number: int, hint: LeastHint, spoken: list[int], points: int) -> None:
        """Add what each place costs above the least, so that all of the range costs ``points``."""
        rows = self._amounts(hint, spoken)
        gangs = [self.problem.activities[i].gang for i in spoken]
        ranges = [
            (max(row) - min(row)) * gang for row, gang in zip(rows, gangs, strict=True) if row
        ]
        if sum(ranges) <= 0:
            return
        scale = points / sum(ranges)
        amounts = tuple(tuple(round((v - min(row)) * scale) for v in row) for row in rows)
        self.ledgers.append(Ledger(number, tuple(spoken), amounts, None, None))

    def _amounts(self, hint: CeilingHint | LeastHint, spoken: list[int]) -> list[list[float]]:
        return [
            [self._amount(hint, option) for option in self.problem.activities[i].options]
            for i in spoken
        ]

    def _amount(self, hint: CeilingHint | LeastHint, option: Option) -> float:
        if option.machine == NOWHERE:
            return 0.0
        return amount(self.machines[option.machine], hint.quantity, option.duration)


def _needs_place(activity: Activity) -> bool:
    return any(option.machine != NOWHERE for option in activity.options)


def _stays(problem: Problem, request: PlanRequest, clock: Clock, length: int) -> tuple[Stay, ...]:
    if request.previous is None:
        return ()
    known = {name: m for m, name in enumerate(problem.machines)}
    position = {activity.id: i for i, activity in enumerate(problem.activities)}
    cost = length // STAY_SHARE + 1
    return tuple(
        Stay(
            activity=position[before.task],
            start=clock.floor(before.start),
            machines=tuple(sorted(known[name] for name in before.machines)),
            cost=cost,
        )
        for before in request.previous.assignments
        if before.task in position
        and not problem.activities[position[before.task]].pinned
        and all(name in known for name in before.machines)
    )
