"""What became of each soft hint, and what a lost one was traded for."""

from __future__ import annotations

import time
from dataclasses import replace

from agentsched.planning.checker_hints import is_kept
from agentsched.planning.hints import Hint, LeastHint
from agentsched.planning.placement import in_words
from agentsched.planning.plan import Wish
from agentsched.planning.solving.formulate import Formulation
from agentsched.planning.solving.problem import LATE, Activity, Costs, Problem, Schedule, costs
from agentsched.planning.solving.solution import Effort
from agentsched.planning.solving.solver import solve
from agentsched.planning.spans import Spans
from agentsched.planning.wording import length, listed

_LEAST_SECONDS = 0.02


def granted(form: Formulation, schedule: Schedule, seconds: float) -> tuple[Wish, ...]:
    """Return every soft hint with whether it is kept and, if not, what keeping it would cost.

    The price is found by planning again with that hint made hard, so it is a fact and no guess;
    where ``seconds`` do not suffice for it, the words say so.
    """
    spent = costs(form.problem, schedule)
    soft = [(n, hint) for n, hint in enumerate(form.request.graph.hints) if not hint.hard]
    kept = {n: _is_kept(form, schedule, n, hint, spent) for n, hint in soft}
    until = time.monotonic() + seconds
    lost = [n for n, _ in soft if not kept[n]]
    prices: dict[int, str] = {}
    for position, n in enumerate(lost):
        share = (until - time.monotonic()) / (len(lost) - position)
        prices[n] = _traded_for(form, spent, n, share)
    return tuple(
        Wish(
            hint=described(hint)[:400],
            weight=hint.weight,
            kept=kept[n],
            lost_to=prices.get(n, "")[:400],
        )
        for n, hint in soft
    )


def described(hint: Hint) -> str:
    """Return the hint in the user's words, or in ours, with the tasks it speaks of."""
    whom = f" for {listed([repr(id) for id in hint.tasks])}" if hint.tasks else ""
    return f"{hint.phrase or in_words(hint)}{whom}"


def _is_kept(form: Formulation, schedule: Schedule, number: int, hint: Hint, spent: Costs) -> bool:
    if isinstance(hint, LeastHint):
        return not spent.hints.get(number)
    spoken = [at for at in form.assignments(schedule) if not hint.tasks or at.task in hint.tasks]
    return is_kept(hint, spoken, form.request.inventory, form.request.zone)


def _traded_for(form: Formulation, spent: Costs, number: int, seconds: float) -> str:
    if seconds <= _LEAST_SECONDS:
        return "there was no time to find out what keeping it would cost"
    strict = strictly(form.problem, number)
    effort = Effort(seconds, form.request.workers, form.request.seed, tidy=False)
    found = solve(strict, effort)
    if found.status == "infeasible":
        return "what is hard: no plan keeps both"
    if found.schedule is None:
        return "what is hard, as far as the time given could tell"
    return _difference(form, spent, costs(strict, found.schedule))


def strictly(problem: Problem, number: int) -> Problem:
    """Return the problem with one soft hint made hard."""
    good = {wish.activity: wish.good for wish in problem.preferences if wish.hint == number}
    return replace(
        problem,
        activities=tuple(
            _within(activity, good[i]) if i in good else activity
            for i, activity in enumerate(problem.activities)
        ),
        preferences=tuple(wish for wish in problem.preferences if wish.hint != number),
        gatherings=tuple(
            replace(rule, cost=None) if rule.hint == number else rule for rule in problem.gatherings
        ),
        ledgers=tuple(
            # The least of a quantity is kept where nothing above the least is spent.
            replace(ledger, cost=None, limit=ledger.limit or 0) if ledger.hint == number else ledger
            for ledger in problem.ledgers
        ),
    )


def _within(activity: Activity, good: tuple[Spans, ...]) -> Activity:
    options = tuple(
        replace(option, starts=spans) for option, spans in zip(activity.options, good, strict=True)
    )
    return replace(activity, options=options)


def _difference(form: Formulation, spent: Costs, strict: Costs) -> str:
    """Return what is had in place of the hint, in words."""
    worse = []
    if strict.makespan > spent.makespan:
        worse.append(f"an end {length(strict.makespan - spent.makespan)} earlier")
    if strict.late > spent.late:
        by = length((strict.late - spent.late) / LATE)
        worse.append(f"due times missed by {by} less")
    for number, points in sorted(strict.hints.items()):
        if points > spent.hints.get(number, 0):
            worse.append(repr(described(form.request.graph.hints[number])))
    if strict.moved > spent.moved:
        worse.append("fewer changes of the plan in force")
    return listed(worse) or "nothing that could be found: more time for planning may keep it"
