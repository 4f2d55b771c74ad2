"""A plan for thousands of tasks: forward in time, each ready task in the order of a policy.

Unlike ``listing``, nothing is kept for later and nothing is searched: at each instant, ready tasks
start in their order wherever all that is hard lets them end undisturbed. A task that cannot
start is looked at again only when a machine that could take it has changed, so thousands of tasks
on hundreds of machines take seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

import numpy as np

from agentsched.errors import UserError
from agentsched.planning.beyond.instance import Bools
from agentsched.planning.beyond.rules import (
    FOREVER,
    Columns,
    Floats,
    Ints,
    boundaries,
    next_start,
    open_until,
)
from agentsched.planning.plan import Assignment


@dataclass(slots=True)
class _Booking:
    """Something whose time and machines are given: under way, or fixed."""

    task: int
    start: int
    end: int
    machines: list[int]


@dataclass(slots=True)
class _Run:
    start: int
    end: int
    machines: list[int] = field(default_factory=list)


def schedule_in_order(columns: Columns, order: Sequence[int]) -> tuple[Assignment, ...]:
    """Return a place for every task.

    Args:
        columns: The request.
        order: Rank of each task; among ready tasks the least goes first.

    Raises:
        UserError: A task found no place; a smaller request may, with the solver.
    """
    return _Forward(columns, order).run()


class _Forward:
    """The state of all machines and people at one instant that moves forward."""

    def __init__(self, columns: Columns, order: Sequence[int]) -> None:
        self._c = columns
        self._tasks = columns.request.graph.tasks
        self._order = np.array(order, dtype=np.int64)
        self._free = columns.capacity.copy()
        self._clear: Ints = np.full(len(columns.speed), FOREVER, dtype=np.int64)
        self._runs: dict[int, _Run] = {}
        self._events: list[tuple[int, int]] = []
        self._ends: list[tuple[int, int]] = []
        self._waiting = np.array([len(set(t.after)) for t in self._tasks])
        self._after: dict[int, list[int]] = {}
        for i, task in enumerate(self._tasks):
            for before in set(task.after):
                self._after.setdefault(columns.position[before], []).append(i)
        self._ready = np.zeros(len(self._tasks), dtype=bool)
        self._fresh: set[int] = set()
        """Ready tasks that must be looked at, whatever machines did."""
        self._timed: set[int] = set()
        """Ready tasks that wait for a time or a person rather than for a machine."""
        self._free_person: dict[str, int] = dict.fromkeys(columns.busy, 0)
        self._partners: dict[int, list[int]] = {}
        for a, b in columns.request.graph.apart:
            i, j = columns.position[a], columns.position[b]
            self._partners.setdefault(i, []).append(j)
            self._partners.setdefault(j, []).append(i)
        self._bookings: list[_Booking] = []
        self._chosen: dict[int, set[int]] = {g: set() for g in range(len(columns.groups))}
        self._spent = [0.0] * len(columns.totals)
        self._least = [
            {i: self._least_amount(i, total.rates) for i in total.tasks} for total in columns.totals
        ]

    def run(self) -> tuple[Assignment, ...]:
        """Return all assignments."""
        self._book_what_is_given()
        self._announce()
        while len(self._runs) < len(self._tasks):
            if not self._events:
                self._give_up()
            now = max(self._events[0][0], 0)
            changed = self._advance(now)
            self._start_bookings(now)
            self._start_ready(now, changed)
        return tuple(self._assignment(i) for i in range(len(self._tasks)))

    def _announce(self) -> None:
        """Note every instant at which something can become possible."""
        c = self._c
        heappush(self._events, (0, -1))
        instants = {at for spans in (*c.away, *c.busy.values()) for at in boundaries(spans)}
        for i, task in enumerate(self._tasks):
            instants |= {at for spans in c.limits(i) for at, _ in spans}
            if task.release is not None:
                heappush(self._events, (max(0, c.clock.ceil(task.release)), i))
            if i not in self._runs and not self._waiting[i] and task.release is None:
                self._make_ready(i)
        for at in sorted(at for at in instants if 0 < at <= c.clock.horizon):
            heappush(self._events, (at, -1))

    def _advance(self, now: int) -> Bools:
        """Bring the state to an instant; return the machines that have more to give than before."""
        changed = np.zeros(len(self._free), dtype=bool)
        changed[:] = now == 0
        while self._events and self._events[0][0] <= now:
            _, i = heappop(self._events)
            if i >= 0 and not self._waiting[i] and i not in self._runs:
                self._make_ready(i)
        while self._ends and self._ends[0][0] <= now:
            _, i = heappop(self._ends)
            for machine in self._runs[i].machines:
                self._free[machine] += self._c.demand[i]
                changed[machine] = True
            for successor in self._after.get(i, ()):
                self._waiting[successor] -= 1
                self._consider(successor, now)
        for machine, spans in enumerate(self._c.away):
            if spans:
                clear = next_start(spans, now)
                changed[machine] |= clear > self._clear[machine] or self._clear[machine] <= now
                self._clear[machine] = clear
        self._fresh |= self._timed
        self._timed = set()
        return changed

    def _start_bookings(self, now: int) -> None:
        for booking in [b for b in self._bookings if b.start <= now]:
            self._bookings.remove(booking)
            self._begin(booking.task, booking.start, booking.end, booking.machines)

    def _consider(self, i: int, now: int) -> None:
        release = self._tasks[i].release
        late = release is None or self._c.clock.ceil(release) <= now
        if not self._waiting[i] and late and i not in self._runs:
            self._make_ready(i)

    def _make_ready(self, i: int) -> None:
        self._ready[i] = True
        self._fresh.add(i)

    def _start_ready(self, now: int, changed: Bools) -> None:
        """Start what can start, in order; each attempt that fails waits for a change."""
        machines = np.flatnonzero(changed)
        waiting = np.flatnonzero(self._ready)
        if not len(waiting):
            return
        look = np.zeros(len(waiting), dtype=bool)
        if len(machines):
            most = self._free[machines]
            demands = self._c.demand[waiting]
            for row in most if len(most) <= 8 else [most.max(axis=0)]:
                look |= (demands <= row).all(axis=1)
        candidates = {*waiting[look].tolist(), *self._fresh}
        self._fresh = set()
        failed: set[object] = set()
        for i in sorted(candidates, key=lambda i: (self._order[i], i)):
            key = self._shape(i)
            if key is not None and key in failed:
                continue
            if not self._try(i, now) and key is not None:
                failed.add(key)

    def _shape(self, i: int) -> object:
        """Return what makes tasks alike; None for one with conditions of its own."""
        c, task = self._c, self._tasks[i]
        if task.people or i in self._partners or c.groups or c.totals or c.limits(i):
            return None
        return (*c.demand[i].tolist(), int(c.gang[i]), int(c.duration[i]), c.profile[i])

    def _try(self, i: int, now: int) -> bool:
        c = self._c
        until = self._undisturbed(i, now)
        if until - now < 1:
            self._timed.add(i)
            return False
        if c.holds_nothing(i):
            if now + int(c.duration[i]) > until:
                self._timed.add(i)
                return False
            self._begin(i, now, now + int(c.duration[i]), [])
            return True
        durations = c.durations(i)
        mask = c.allowed(i) & (now + durations <= np.minimum(self._clear, until))
        mask &= ~self._barred(i, durations)
        slots = self._slots(i, now, durations, mask)
        chosen = self._choose(i, slots, durations, now, until)
        if chosen is None:
            if until < FOREVER or c.groups or c.totals or self._bookings:
                self._timed.add(i)
            return False
        self._begin(i, now, now + int(durations[chosen].max()), chosen)
        return True

    def _undisturbed(self, i: int, now: int) -> int:
        """Return until when people, windows and partners leave a task alone."""
        c, until = self._c, FOREVER
        for spans in c.limits(i):
            until = min(until, open_until(spans, now))
        for person in c.people(self._tasks[i]):
            if self._free_person.get(person, 0) > now:
                return now
            until = min(until, next_start(c.busy.get(person, ()), now))
        for other in self._partners.get(i, ()):
            if other in self._runs and self._runs[other].start <= now < self._runs[other].end:
                return now
        mine = set(c.people(self._tasks[i]))
        for booking in self._bookings:
            if booking.end > now and (
                booking.task in self._partners.get(i, ())
                or mine & set(c.people(self._tasks[booking.task]))
            ):
                until = min(until, max(booking.start, now))
        return until

    def _slots(self, i: int, now: int, durations: Ints, mask: Bools) -> Ints:
        """Return how many members each machine could take from now to their end."""
        c = self._c
        free = self._free
        soon = [b for b in self._bookings if b.start > now and b.machines]
        if soon:
            free = free.copy()
            for booking in soon:
                for machine in booking.machines:
                    if booking.start < now + int(durations[machine]):
                        free[machine] -= c.demand[booking.task]
        needed = c.demand[i]
        rates = [free[:, r] // needed[r] for r in range(3) if needed[r]]
        slots: Ints = np.minimum.reduce(rates) if rates else np.full(len(mask), c.gang[i])
        return np.where(mask, np.clip(slots, 0, c.gang[i]), 0)

    def _choose(
        self, i: int, slots: Ints, durations: Ints, now: int, until: int
    ) -> list[int] | None:
        """Return a machine for each member: wished for, fast, and left full; None if too few."""
        for allowed in self._one_place_each(i, slots):
            if int(allowed.sum()) < self._c.gang[i]:
                continue
            chosen: list[int] = []
            for machine in self._ranked(i, allowed, durations):
                chosen += [machine] * int(allowed[machine])
                if len(chosen) >= self._c.gang[i]:
                    break
            chosen = chosen[: int(self._c.gang[i])]
            slowest = now + int(durations[chosen].max())
            if slowest <= min(until, int(self._clear[chosen].min())):
                return sorted(chosen)
        return None

    def _ranked(self, i: int, slots: Ints, durations: Ints) -> list[int]:
        able = np.flatnonzero(slots > 0)
        left: Floats = ((self._free[able] - self._c.demand[i]) / np.maximum(
            self._c.capacity[able], 1)).sum(axis=1)  # fmt: skip
        penalty = self._c.penalty(i)[able]
        return [int(m) for m in able[np.lexsort((able, left, durations[able], penalty))]]

    def _one_place_each(self, i: int, slots: Ints) -> list[Ints]:
        """Return what groups leave of the slots: one array for each place to try."""
        tries = [slots]
        for g, group in enumerate(self._c.groups):
            if i not in group.tasks:
                continue
            used = self._chosen[g]
            if group.spread and len(group.tasks) == 1:
                first = np.zeros(len(slots), dtype=bool)
                able = np.flatnonzero(slots > 0)
                first[able[np.unique(group.places[able], return_index=True)[1]]] = True
                tries = [np.where(first, np.minimum(s, 1), 0) for s in tries]
            elif group.spread:
                tries = [np.where(np.isin(group.places, list(used)), 0, s) for s in tries]
            else:
                sites = used or self._common_places(group.tasks, group.places)
                tries = [np.where(group.places == p, s, 0) for s in tries for p in sorted(sites)]
        return tries

    def _common_places(self, tasks: frozenset[int], places: Ints) -> set[int]:
        """Return places in which each task of a group could run."""
        common = set(places.tolist())
        for i in tasks:
            if not self._c.holds_nothing(i):
                common &= set(places[self._c.allowed(i)].tolist())
        return common

    def _barred(self, i: int, durations: Ints) -> Bools:
        """Return the machines on which a total would pass its ceiling."""
        barred = np.zeros(len(durations), dtype=bool)
        for k, total in enumerate(self._c.totals):
            if i in total.tasks:
                cost = total.rates * durations / 3600 * self._c.gang[i]
                rest = sum(least for j, least in self._least[k].items() if j != i)
                barred |= self._spent[k] + cost + rest > total.limit * (1 + 1e-9)
        return barred

    def _least_amount(self, i: int, rates: Floats) -> float:
        allowed = self._c.allowed(i)
        if self._c.holds_nothing(i) or not allowed.any():
            return 0.0
        return float((rates * self._c.durations(i) / 3600)[allowed].min() * self._c.gang[i])

    def _begin(self, i: int, start: int, end: int, machines: list[int]) -> None:
        self._runs[i] = _Run(start, end, machines)
        self._ready[i] = False
        for machine in machines:
            self._free[machine] -= self._c.demand[i]
        for person in self._c.people(self._tasks[i]):
            self._free_person[person] = max(end, self._free_person.get(person, 0))
        for g, group in enumerate(self._c.groups):
            if i in group.tasks:
                self._chosen[g] |= {int(group.places[machine]) for machine in machines}
        for k, total in enumerate(self._c.totals):
            if self._least[k].pop(i, None) is not None:
                hours = (end - start) / 3600
                self._spent[k] += sum(float(total.rates[m]) for m in machines) * hours
        heappush(self._ends, (end, i))
        heappush(self._events, (end, -1))

    def _book_what_is_given(self) -> None:
        """Take what runs already and what is fixed out of what can be chosen."""
        c = self._c
        number = {m.name: k for k, m in enumerate(c.request.inventory.machines)}
        for going in c.request.started:
            i = c.position[going.task]
            machines = [number[name] for name in going.machines if name in number]
            start, end = c.clock.floor(going.start), c.clock.ceil(going.end)
            self._waiting[i] = 0
            self._begin(i, start, end, machines)
        fixed = [(c.clock.floor(t.fixed), i) for i, t in enumerate(self._tasks)
                 if t.fixed is not None and i not in self._runs]  # fmt: skip
        for start, i in sorted(fixed):
            machines = self._machines_at(i, start)
            end = start + int(c.durations(i)[machines].max() if machines else c.duration[i])
            self._bookings.append(_Booking(i, start, end, machines))
            heappush(self._events, (start, -1))
            self._waiting[i] += len(self._tasks)  # only its hour makes it ready

    def _machines_at(self, i: int, start: int) -> list[int]:
        c = self._c
        if c.holds_nothing(i):
            return []
        durations = c.durations(i)
        mask = c.allowed(i)
        for machine, spans in enumerate(c.away):
            mask[machine] &= start + int(durations[machine]) <= next_start(spans, start)
        free = c.capacity.copy()
        for other in (*self._bookings, *self._given()):
            for machine in other.machines:
                if other.end > start and other.start < start + int(durations[machine]):
                    free[machine] -= c.demand[other.task]
        slots = [
            min(int(f // d) for f, d in zip(free[m], c.demand[i], strict=True) if d) if ok else 0
            for m, ok in enumerate(mask)
        ]
        chosen = [m for m, count in enumerate(slots) for _ in range(count)][: int(c.gang[i])]
        if len(chosen) < c.gang[i]:
            raise UserError(f"task {self._tasks[i].id!r}: no machine is free at its fixed start")
        return chosen

    def _given(self) -> list[_Booking]:
        return [_Booking(i, run.start, run.end, run.machines) for i, run in self._runs.items()]

    def _give_up(self) -> None:
        left = [task.id for i, task in enumerate(self._tasks) if i not in self._runs]
        listed = ", ".join(map(repr, left[:4])) + (" …" if len(left) > 4 else "")
        raise UserError(
            f"no place for {listed} in the order of the policy; that is no proof that there is "
            "none: relax a hard hint, or plan fewer tasks at once"
        )

    def _assignment(self, i: int) -> Assignment:
        c, run = self._c, self._runs[i]
        for going in c.request.started:
            if going.task == self._tasks[i].id:
                return going
        names = Counter(c.request.inventory.machines[m].name for m in run.machines)
        return Assignment(
            task=self._tasks[i].id,
            machines=tuple(sorted(names.elements())),
            start=c.clock.instant(run.start),
            end=c.clock.instant(run.end),
        )
