"""The CP-SAT model of a problem: intervals, places, disjunctions, and the price of each wish."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ortools.sat.python import cp_model

from agentsched.planning.solving.problem import (
    NOWHERE,
    Activity,
    Gathering,
    Ledger,
    Place,
    Preference,
    Problem,
    Schedule,
    Stay,
)
from agentsched.planning.spans import Spans, merged, union

Expr = Any
"""A linear expression of ortools, or a number; the package has no types."""


@dataclass(frozen=True, slots=True)
class Handles:
    """The variables of one activity."""

    start: Expr
    end: Expr
    present: dict[int, Expr]
    """For each open option a literal: some member is there."""
    count: dict[int, Expr]
    """For each open option how many members are there."""


class Model:
    """A problem as CP-SAT sees it; ``read`` turns an answer back into a schedule."""

    def __init__(self, problem: Problem, *, with_objective: bool = True) -> None:
        self.problem = problem
        self.cp = cp_model.CpModel()
        self._yes = self.cp.new_constant(1)
        self._loads: list[list[tuple[Expr, Expr]]] = [[] for _ in problem.resources]
        """Interval and demand, of each resource."""
        self._shared: dict[str, list[tuple[Expr, int]]] = {}
        """The same for all resources of a kind taken together."""
        self.handles = [self._activity(activity) for activity in problem.activities]
        self._precedences()
        self._apart()
        for number, resource in enumerate(problem.resources):
            self._capacity(self._loads[number], resource.capacity, resource.blocks)
        self._capacity_of_kinds()
        self._break_symmetry()
        self._terms: list[Expr] = []
        for gathering in problem.gatherings:
            if gathering.cost is None or with_objective:
                self._gather(gathering)
        for ledger in problem.ledgers:
            if (ledger.limit is not None and ledger.cost is None) or with_objective:
                self._count(ledger)
        if with_objective:
            self._objective()

    def hint(self, schedule: Schedule) -> None:
        """Tell the solver where to begin."""
        for activity, handles, place in zip(
            self.problem.activities, self.handles, schedule, strict=True
        ):
            self._hint(handles.start, place.start)
            for o in handles.present:
                here = place.options.count(o)
                self._hint(handles.present[o], int(here > 0))
                if activity.gang > 1:
                    self._hint(handles.count[o], here)
        if self._terms:
            self._hint(self._makespan, max(place.end for place in schedule))

    def read(self, value: Any) -> Schedule:
        """Return the schedule that the solver found; ``value`` evaluates an expression."""
        return tuple(
            self._place(activity, handles, value)
            for activity, handles in zip(self.problem.activities, self.handles, strict=True)
        )

    def _place(self, activity: Activity, handles: Handles, value: Any) -> Place:
        members = [o for o, count in handles.count.items() for _ in range(value(count))]
        return Place(value(handles.start), activity.options[members[0]].duration, tuple(members))

    def _hint(self, variable: Expr, value: int) -> None:
        if isinstance(variable, cp_model.IntVar) and variable is not self._yes:
            self.cp.add_hint(variable, value)

    def _activity(self, activity: Activity) -> Handles:
        opened = [o for o, option in enumerate(activity.options) if option.starts]
        start = self._start(union(s for o in opened for s in activity.options[o].starts))
        if len(opened) == 1:
            return self._settled(activity, opened[0], start)
        present = {o: self.cp.new_bool_var("") for o in opened}
        count: dict[int, Expr] = dict(present)
        if activity.gang > 1:
            count = self._members(activity, present)
        else:
            self.cp.add_exactly_one(present.values())
        durations = self._durations(activity, present)
        end = start + sum(duration * literal for duration, literal in durations.items())
        if len(durations) == 1:
            only = next(iter(durations))
            end = start + only
            whole = self.cp.new_fixed_size_interval_var(start, only, "")
            self._hold(activity.uses, whole, 1)
            self._share(activity, whole)
        for o in opened:
            option = activity.options[o]
            interval = self.cp.new_optional_fixed_size_interval_var(
                start, option.duration, present[o], ""
            )
            if any(option.starts != activity.options[other].starts for other in opened):
                self._within(start, option.starts, present[o])
            self._hold(option.uses, interval, count[o])
        if len(durations) > 1 and activity.uses:
            for duration, literal in durations.items():
                each = self.cp.new_optional_fixed_size_interval_var(start, duration, literal, "")
                self._hold(activity.uses, each, 1)
        return Handles(start, end, present, count)

    def _settled(self, activity: Activity, o: int, start: Expr) -> Handles:
        option = activity.options[o]
        interval = self.cp.new_fixed_size_interval_var(start, option.duration, "")
        self._hold(activity.uses, interval, 1)
        self._hold(option.uses, interval, activity.gang)
        self._share(activity, interval)
        return Handles(start, start + option.duration, {o: self._yes}, {o: activity.gang})

    def _start(self, spans: Spans) -> Expr:
        return self.cp.new_int_var_from_domain(_domain(spans), "")

    def _members(self, activity: Activity, present: dict[int, Expr]) -> dict[int, Expr]:
        count = {}
        for o, literal in present.items():
            count[o] = self.cp.new_int_var(0, activity.options[o].room, "")
            self.cp.add(count[o] >= 1).only_enforce_if(literal)
            self.cp.add(count[o] == 0).only_enforce_if(~literal)
        self.cp.add(sum(count.values()) == activity.gang)
        return count

    def _durations(self, activity: Activity, present: dict[int, Expr]) -> dict[int, Expr]:
        """Return a literal for each duration the activity can have; exactly one is true."""
        by_duration: dict[int, list[int]] = {}
        for o in present:
            by_duration.setdefault(activity.options[o].duration, []).append(o)
        if len(by_duration) == 1:
            return {next(iter(by_duration)): self._yes}
        if activity.gang == 1 and all(len(options) == 1 for options in by_duration.values()):
            return {duration: present[options[0]] for duration, options in by_duration.items()}
        literals = {duration: self.cp.new_bool_var("") for duration in by_duration}
        self.cp.add_exactly_one(literals.values())
        for duration, options in by_duration.items():
            for o in options:
                self.cp.add_implication(present[o], literals[duration])
            # A gang is as slow as its slowest member, and no slower.
            native = [present[o] for o in options if activity.is_native(o)]
            self.cp.add_bool_or([*native, ~literals[duration]])
        return literals

    def _within(self, start: Expr, spans: Spans, *literals: Expr) -> None:
        self.cp.add_linear_expression_in_domain(start, _domain(spans)).only_enforce_if(*literals)

    def _hold(self, uses: tuple[tuple[int, int], ...], interval: Expr, count: Expr) -> None:
        for resource, amount in uses:
            self._loads[resource].append((interval, amount * count))

    def _share(self, activity: Activity, interval: Expr) -> None:
        """Note what the activity takes of each kind at least, wherever it runs."""
        for kind, amount in _least_of_kinds(activity, self.problem).items():
            self._shared.setdefault(kind, []).append((interval, amount))

    def _precedences(self) -> None:
        for activity, handles in zip(self.problem.activities, self.handles, strict=True):
            for before in activity.after:
                self.cp.add(handles.start >= self.handles[before].end)

    def _apart(self) -> None:
        for a, b in self.problem.apart:
            first, second = self.handles[a], self.handles[b]
            ahead = self.cp.new_bool_var("")
            self.cp.add(second.start >= first.end).only_enforce_if(ahead)
            self.cp.add(first.start >= second.end).only_enforce_if(~ahead)

    def _capacity(self, loads: list[tuple[Expr, Expr]], capacity: int, blocks: Spans) -> None:
        if len(loads) < 2:
            return
        amounts = [amount for _, amount in loads]
        whole = [amount for amount in amounts if isinstance(amount, int)]
        if len(whole) == len(amounts) and sum(whole) <= capacity:
            return
        intervals = [interval for interval, _ in loads]
        for begin, end in merged(blocks):
            intervals.append(self.cp.new_fixed_size_interval_var(begin, end - begin, ""))
            amounts.append(capacity)
        if len(whole) == len(loads) and sum(sorted(whole)[:2]) > capacity:
            self.cp.add_no_overlap(intervals)
        else:
            self.cp.add_cumulative(intervals, amounts, capacity)

    def _capacity_of_kinds(self) -> None:
        """Add what follows for all machines together; it bounds before anything has a place."""
        for kind, loads in self._shared.items():
            alternatives = [r for r in self.problem.resources if r.kind == kind]
            if len(alternatives) > 1:
                self._capacity(loads, sum(one.capacity for one in alternatives), ())

    def _break_symmetry(self) -> None:
        """Let like machines be used in the order in which activities first take them."""
        for members in self.problem.alike:
            rank = {machine: k for k, machine in enumerate(members)}
            taken = 0
            for activity, handles in zip(self.problem.activities, self.handles, strict=True):
                machines = {o: rank.get(activity.options[o].machine) for o in handles.present}
                if all(machine is None for machine in machines.values()):
                    continue
                taken += activity.gang
                for o, k in machines.items():
                    if k is not None and k >= taken:
                        self.cp.add(handles.present[o] == 0)
                if taken >= len(members):
                    break

    def _gather(self, gathering: Gathering) -> None:
        kept = self._yes if gathering.cost is None else self._wish(gathering.cost)
        sites: dict[int, list[Expr]] = {}
        alone = gathering.spread and len(gathering.activities) == 1
        for i in gathering.activities:
            mine: dict[int, list[Expr]] = {}
            for o, literal in self.handles[i].present.items():
                machine = self.problem.activities[i].options[o].machine
                if machine != NOWHERE:
                    mine.setdefault(gathering.places[machine], []).append(
                        self.handles[i].count[o] if alone else literal
                    )
            for site, inside in mine.items():
                sites.setdefault(site, []).extend(inside if alone else [self._any(inside)])
        if gathering.spread:
            for inside in sites.values():
                self.cp.add(sum(inside) <= 1).only_enforce_if(kept)
        else:
            used = [self._any(inside) for inside in sites.values()]
            self.cp.add(sum(used) <= 1).only_enforce_if(kept)

    def _any(self, literals: list[Expr]) -> Expr:
        """Return a literal that is true if one of these is."""
        if len(literals) == 1:
            return literals[0]
        found = self.cp.new_bool_var("")
        for literal in literals:
            self.cp.add_implication(literal, found)
        return found

    def _count(self, ledger: Ledger) -> None:
        total = sum(
            amounts[o] * count
            for i, amounts in zip(ledger.activities, ledger.amounts, strict=True)
            for o, count in self.handles[i].count.items()
        )
        if ledger.limit is None:
            self._terms.append(total)
        else:
            kept = self._yes if ledger.cost is None else self._wish(ledger.cost)
            self.cp.add(total <= ledger.limit).only_enforce_if(kept)

    def _wish(self, cost: int) -> Expr:
        """Return a literal whose being false costs so much."""
        kept = self.cp.new_bool_var("")
        self._terms.append(cost * ~kept)
        return kept

    def _objective(self) -> None:
        problem = self.problem
        self._makespan = self.cp.new_int_var(0, max(0, _last_end(problem)), "")
        for handles in self.handles:
            self.cp.add(self._makespan >= handles.end)
        self._terms.append(problem.rates.makespan * self._makespan)
        for activity, handles in zip(problem.activities, self.handles, strict=True):
            if activity.due is not None and activity.last_end > activity.due:
                late = self.cp.new_int_var(0, activity.last_end - activity.due, "")
                self.cp.add(late >= handles.end - activity.due)
                self._terms.append(problem.rates.late * late)
        for wish in problem.preferences:
            self._prefer(wish)
        for stay in problem.stays:
            self._stay(stay)
        self.cp.minimize(sum(self._terms))

    def _prefer(self, wish: Preference) -> None:
        handles, kept = self.handles[wish.activity], self._wish(wish.cost)
        options = self.problem.activities[wish.activity].options
        for o, literal in handles.present.items():
            if not wish.good[o]:
                self.cp.add_bool_or([~literal, ~kept])
            elif wish.good[o] != options[o].starts:
                self._within(handles.start, wish.good[o], literal, kept)

    def _stay(self, stay: Stay) -> None:
        activity, handles = self.problem.activities[stay.activity], self.handles[stay.activity]
        same = self._wish(stay.cost)
        self.cp.add(handles.start == stay.start).only_enforce_if(same)
        for machine in {activity.options[o].machine for o in handles.present}:
            here = sum(handles.count[o] for o in handles.count
                       if activity.options[o].machine == machine)  # fmt: skip
            wanted = activity.gang if machine == NOWHERE else stay.machines.count(machine)
            self.cp.add(here == wanted).only_enforce_if(same)
        if stay.drift:
            far = max(abs(activity.last_start - stay.start), abs(activity.first_start - stay.start))
            drift = self.cp.new_int_var(0, far, "")
            self.cp.add(drift >= handles.start - stay.start)
            self.cp.add(drift >= stay.start - handles.start)
            self._terms.append(stay.drift * drift)

    def at_most(self, points: int) -> None:
        """Ask for nothing that costs more."""
        self.cp.add(sum(self._terms) <= points)

    def minimise_starts(self, weights: list[int]) -> None:
        """Replace the objective: everything as early as it can be, the heavier the earlier."""
        # ortools leaves this one without types.
        self.cp.clear_objective()  # type: ignore[no-untyped-call]
        self.cp.minimize(
            sum(weight * h.start for weight, h in zip(weights, self.handles, strict=True))
        )


def _domain(spans: Spans) -> Any:
    return cp_model.Domain.from_intervals([list(span) for span in spans])


def _last_end(problem: Problem) -> int:
    return max(activity.last_end for activity in problem.activities)


def _least_of_kinds(activity: Activity, problem: Problem) -> dict[str, int]:
    """Return for each kind the least amount all members hold, over every option."""
    rows = []
    for option in activity.open:
        row: dict[str, int] = {}
        for resource, amount in option.uses:
            kind = problem.resources[resource].kind
            if kind:
                row[kind] = row.get(kind, 0) + amount * activity.gang
        rows.append(row)
    kinds = set(rows[0]).intersection(*rows[1:])
    return {kind: min(row[kind] for row in rows) for kind in sorted(kinds)}
