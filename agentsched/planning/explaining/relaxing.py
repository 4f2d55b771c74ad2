"""What would make an impossible request possible: each way solved, checked, and priced."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from agentsched.planning.checker import check
from agentsched.planning.checker_hints import is_kept
from agentsched.planning.explaining.conflict import Conflict
from agentsched.planning.explaining.limits import (
    Change,
    Limit,
    dropping,
    hard_part,
    on_task,
    without_hints,
)
from agentsched.planning.explaining.shrinking import smaller_demands
from agentsched.planning.hints import CeilingHint, Hint, LeastHint
from agentsched.planning.placement import UNITS, amount, in_words
from agentsched.planning.plan import Assignment, Plan
from agentsched.planning.request import PlanRequest
from agentsched.planning.solving.formulate import Formulation, formulate
from agentsched.planning.solving.problem import Preference, Problem, Rates, Stay
from agentsched.planning.solving.solution import Effort
from agentsched.planning.solving.solver import solve
from agentsched.planning.wording import length, listed, moment

Aim = Callable[[Formulation], Problem]
"""What to minimise, as a change of the problem."""

_HOUR = 3600.0
_DUST = 1e-6
_COSTS = {"hint": 1.0, "horizon": 1.0, "calendar": 3.0, "downtime": 3.0, "need": 4.0, "apart": 4.0,
          "precedence": 8.0}  # fmt: skip
"""Of giving a limit up altogether; an hour of a deadline is 1."""
_MOVES = {"release": "can start earlier, by", "latest_start": "may begin later, by",
          "fixed": "moves"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Relaxation:
    """One change after which there is a plan."""

    words: str
    """Follows "possible if"."""
    cost: float
    """How much is given up: an hour of a deadline is 1, a hint its weight, half a demand 1."""
    request: PlanRequest
    """The whole request with the change, soft hints and all; it can be planned as it is."""
    plan: Plan
    """A plan that keeps every hard limit then; checked, not yet the best."""


def relaxations(request: PlanRequest, conflict: Conflict, seconds: float) -> tuple[Relaxation, ...]:
    """Return ways out of a conflict, the cheapest first; those that time allowed to try.

    A single change that does not suffice, because there are other conflicts as well, is left out.
    If none suffices, several deadlines or several hints are given up together.
    """
    search = _Ways(request, time.monotonic() + seconds)
    found = [way for limit in conflict.limits for way in search.ways(limit)]
    if not found:
        found = list(search.together())
    return tuple(sorted(found, key=lambda way: (way.cost, way.words)))


class _Ways:
    def __init__(self, request: PlanRequest, until: float) -> None:
        self.request, self.hard, self.until = request, hard_part(request), until

    def ways(self, limit: Limit) -> Iterator[Relaxation]:
        """Yield what giving in to this limit alone makes possible."""
        match limit.kind:
            case "deadline":
                yield from self._deadlines([limit.subject])
            case "release" | "latest_start" | "fixed":
                yield from self._start(limit)
            case "hint":
                yield from self._hint(self.hard.graph.hints[int(limit.other)])
            case "calendar" | "downtime":
                yield from self._absence(limit)
            case "demand":
                yield from self._demand(limit.subject)
            case "horizon":
                yield from self._horizon()
            case "need":
                yield from self._given_up(limit, f"{limit.subject!r} goes on without {limit.other}")
            case "apart":
                words = f"{limit.subject!r} and {limit.other!r} may overlap"
                yield from self._given_up(limit, words)
            case "precedence":
                words = f"{limit.subject!r} need not wait for {limit.other!r}"
                yield from self._given_up(limit, words)

    def together(self) -> Iterator[Relaxation]:
        """Yield what giving in to all deadlines, or all hard hints, makes possible."""
        late = [task.id for task in self.hard.graph.tasks if task.deadline is not None]
        if len(late) > 1:
            yield from self._deadlines(late)
        hints = self.hard.graph.hints
        if len(hints) > 1:
            yield from self._hints(hints)

    def _deadlines(self, tasks: list[str]) -> Iterator[Relaxation]:
        """Yield the least lateness, in all, if these deadlines were soft."""

        def soften(request: PlanRequest) -> PlanRequest:
            for id in tasks:
                due = request.graph.task(id).deadline
                request = on_task(request, id, deadline=None, due=due)
            return request

        plan = self._solve(soften(self.hard), _only_lateness)
        if plan is None:
            return
        moves = []
        for id in tasks:
            before, end = self.hard.graph.task(id).deadline, plan.of(id).end
            if before is not None and end > before:
                moves.append((id, end, (end - before).total_seconds()))

        def move(request: PlanRequest) -> PlanRequest:
            for id, end, _ in moves:
                request = on_task(request, id, deadline=end)
            return request

        words = listed([
            f"the deadline of {id!r} moves {length(by)}, to {moment(end, self.hard.zone)}"
            for id, end, by in moves
        ])  # fmt: skip
        yield from self._made(words, sum(by for *_, by in moves) / _HOUR, move, plan)

    def _start(self, limit: Limit) -> Iterator[Relaxation]:
        """Yield the start nearest to a release, a latest start or a fixed one."""
        id, field = limit.subject, limit.kind
        task = self.hard.graph.task(id)
        wanted: datetime = getattr(task, field)

        def near(form: Formulation) -> Problem:
            position = [activity.id for activity in form.problem.activities].index(id)
            at = int((wanted - form.origin).total_seconds() // form.grain)
            stay = Stay(position, at, (), cost=0, drift=form.grain)
            return replace(form.problem, stays=(stay,), rates=Rates(0, 0))

        plan = self._solve(on_task(self.hard, id, **{field: None}), near)
        if plan is None:
            return
        start = plan.of(id).start
        by = abs((start - wanted).total_seconds())
        verb = _MOVES[limit.kind]
        words = f"{id!r} {verb} {length(by)}, to {moment(start, self.hard.zone)}"
        yield from self._made(words, by / _HOUR, lambda r: on_task(r, id, **{field: start}), plan)

    def _hint(self, hint: Hint) -> Iterator[Relaxation]:
        if isinstance(hint, CeilingHint) and not hint.per_hour:
            yield from self._ceiling(hint)
            return
        whom = f" for {listed([repr(id) for id in hint.tasks])}" if hint.tasks else ""
        words = f"{(hint.phrase or in_words(hint))!r} is dropped{whom}"
        yield from self._tried(words, _COSTS["hint"] * hint.weight, without_hints([hint]))

    def _ceiling(self, hint: CeilingHint) -> Iterator[Relaxation]:
        """Yield the least total that is possible."""
        least = LeastHint(tasks=hint.tasks, quantity=hint.quantity)
        bare = without_hints([hint])(self.hard)
        hints = (*bare.graph.hints, least)
        asked = replace(bare, graph=bare.graph.model_copy(update={"hints": hints}))
        plan = self._solve(asked, lambda form: replace(form.problem, rates=Rates(0, 0)))
        if plan is None:
            return
        limit = _rounded_up(self._total(hint, plan))
        higher = hint.model_copy(update={"limit": limit})
        words = f"the {hint.quantity} may come to {limit:g} {UNITS[hint.quantity]}".rstrip()
        words += f" instead of {hint.limit:g}"
        share = (limit - hint.limit) / max(hint.limit, 1e-9)

        def change(request: PlanRequest) -> PlanRequest:
            kept = tuple(higher if one == hint else one for one in request.graph.hints)
            return replace(request, graph=request.graph.model_copy(update={"hints": kept}))

        yield from self._made(words, min(10.0, 2 * share), change, plan)

    def _total(self, hint: CeilingHint, plan: Plan) -> float:
        machines = {machine.name: machine for machine in self.hard.inventory.machines}
        return sum(
            amount(machines[name], hint.quantity, (at.end - at.start).total_seconds())
            for at in plan.assignments
            if not hint.tasks or at.task in hint.tasks
            for name in at.machines
            if name in machines
        )

    def _hints(self, hints: tuple[Hint, ...]) -> Iterator[Relaxation]:
        """Yield which hints have to go if all of them were soft."""
        soft = tuple(hint.model_copy(update={"hard": False}) for hint in hints)
        graph = self.hard.graph.model_copy(update={"hints": soft})
        plan = self._solve(replace(self.hard, graph=graph), lambda form: form.problem)
        if plan is None:
            return
        lost = [hint for hint in hints if not self._keeps(hint, plan)]
        words = listed([repr(hint.phrase or in_words(hint)) for hint in lost]) + " are dropped"
        yield from self._made(words, sum(hint.weight for hint in lost), without_hints(lost), plan)

    def _keeps(self, hint: Hint, plan: Plan) -> bool:
        spoken = [at for at in plan.assignments if not hint.tasks or at.task in hint.tasks]
        return is_kept(hint, spoken, self.hard.inventory, self.hard.zone)

    def _absence(self, limit: Limit) -> Iterator[Relaxation]:
        """Yield which absences are in the way, as few activities as possible in them."""
        drop = dropping(limit)
        before = formulate(self.hard).problem
        plan = self._solve(drop(self.hard), lambda form: _avoiding(form.problem, before))
        if plan is None:
            return
        inventory = self.hard.inventory
        parts = inventory.people if limit.kind == "calendar" else inventory.machines
        part = next(one for one in parts if one.name == limit.subject)
        aways = part.busy if limit.kind == "calendar" else part.away  # type: ignore[union-attr]  # by kind
        using = [at for at in plan.assignments if self._uses(at, limit)]
        hit = [a for a in aways if any(at.start < a.end and a.start < at.end for at in using)]
        spans = [
            f"{away.reason + ', ' if away.reason else ''}{moment(away.start, self.hard.zone)} to "
            f"{moment(away.end, self.hard.zone)}"
            for away in hit
        ]
        verb = "gives up" if limit.kind == "calendar" else "is up in spite of"
        words = f"{limit.subject} {verb} {listed(spans)}"
        yield from self._made(words, _COSTS[limit.kind] * max(1, len(hit)), drop, plan)

    def _uses(self, at: Assignment, limit: Limit) -> bool:
        if limit.kind == "downtime":
            return limit.subject in at.machines
        people = self.hard.graph.task(at.task).people
        return limit.subject.casefold() in map(str.casefold, people)

    def _demand(self, id: str) -> Iterator[Relaxation]:
        task = self.hard.graph.task(id)
        for words, share, change in smaller_demands(task, lambda c: self._solve(c(self.hard))):
            yield from self._tried(words, 2 * share, change)

    def _horizon(self) -> Iterator[Relaxation]:
        plan = self._solve(replace(self.hard, horizon=None), lambda form: form.problem)
        if plan is None or self.hard.horizon is None:
            return
        end = max(at.end for at in plan.assignments)
        by = (end - self.hard.horizon).total_seconds()
        words = f"everything ends {length(by)} later, by {moment(end, self.hard.zone)}"
        yield from self._made(words, by / _HOUR, lambda r: replace(r, horizon=end), plan)

    def _given_up(self, limit: Limit, words: str) -> Iterator[Relaxation]:
        yield from self._tried(words, _COSTS[limit.kind], dropping(limit))

    def _tried(self, words: str, cost: float, change: Change) -> Iterator[Relaxation]:
        plan = self._solve(change(self.hard))
        if plan is not None:
            yield from self._made(words, cost, change, plan)

    def _made(self, words: str, cost: float, change: Change, plan: Plan) -> Iterator[Relaxation]:
        """Yield the relaxation if the checker agrees that the plan keeps what is left."""
        eased = change(self.hard)
        going = {one.task for one in eased.started}
        broken = check(eased.graph, eased.inventory, plan, eased.zone)
        if all(going.issuperset(one.tasks) for one in broken):
            yield Relaxation(words, round(cost, 3), change(self.request), plan)

    def _solve(self, request: PlanRequest, aim: Aim | None = None) -> Plan | None:
        """Return a plan, the best for the aim or else any; None if there is none in time."""
        left = self.until - time.monotonic()
        if left <= 0:
            return None
        form = formulate(request)
        effort = Effort(min(left, 2.0), request.workers, request.seed,
                        first_only=aim is None, tidy=False)  # fmt: skip
        solution = solve(form.problem if aim is None else aim(form), effort)
        if solution.schedule is None:
            return None
        return Plan(assignments=form.assignments(solution.schedule), method=solution.method)


def _rounded_up(value: float) -> float:
    """Return the next number of four digits; dust above one is no reason for the next."""
    if value <= 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(value)) - 3)
    return float(f"{math.ceil(value / step - _DUST) * step:.4g}")


def _only_lateness(form: Formulation) -> Problem:
    return replace(form.problem, rates=Rates(makespan=0, late=form.grain))


def _avoiding(problem: Problem, before: Problem) -> Problem:
    """Return the problem in which a start that was impossible before costs."""
    wishes = []
    for i, (now, then) in enumerate(zip(problem.activities, before.activities, strict=True)):
        starts = {(option.machine, option.duration): option.starts for option in then.options}
        good = tuple(starts.get((option.machine, option.duration), ()) for option in now.options)
        wishes.append(Preference(0, i, good, cost=1))
    return replace(problem, preferences=tuple(wishes), rates=Rates(0, 0))
