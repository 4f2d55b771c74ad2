"""From a request to the whole-number problem: resources, options, what is pinned."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from agentsched.errors import UserError
from agentsched.planning.clock import Clock
from agentsched.planning.demands import (
    KINDS,
    Kind,
    capacity,
    fineness,
    lacks,
    needs_machine,
    room,
    seconds_on,
)
from agentsched.planning.graph import Task
from agentsched.planning.hints import Hint, LabelHint, WindowHint
from agentsched.planning.inventory import Away, Machine, Person
from agentsched.planning.placement import admits
from agentsched.planning.plan import Assignment
from agentsched.planning.request import PlanRequest
from agentsched.planning.solving.coarsening import in_grains
from agentsched.planning.solving.formulate_hints import with_hints
from agentsched.planning.solving.problem import (
    NOWHERE,
    Activity,
    Option,
    Problem,
    Resource,
    Schedule,
)
from agentsched.planning.spans import Spans, starts_clear_of, starts_inside


@dataclass(frozen=True, slots=True)
class Formulation:
    """A request as whole numbers, and the way back."""

    request: PlanRequest
    problem: Problem
    origin: datetime
    """Time 0: ``now`` in UTC, rounded up to a second."""
    grain: int
    """Seconds of one unit; the greatest that divides all durations and instants."""

    def assignments(self, schedule: Schedule) -> tuple[Assignment, ...]:
        """Return the schedule as places in real time, in the order of the tasks."""
        return tuple(
            self._assignment(i, activity.id, schedule)
            for i, activity in enumerate(self.problem.activities)
        )

    def _assignment(self, i: int, task: str, schedule: Schedule) -> Assignment:
        for started in self.request.started:
            if started.task == task:
                return started
        place, options = schedule[i], self.problem.activities[i].options
        chosen = sorted(options[option].machine for option in place.options)
        return Assignment(
            task=task,
            machines=tuple(self.problem.machines[m] for m in chosen if m != NOWHERE),
            start=self._instant(place.start),
            end=self._instant(place.end),
        )

    def _instant(self, value: int) -> datetime:
        return self.origin + timedelta(seconds=value * self.grain)


def formulate(request: PlanRequest) -> Formulation:
    """Return the problem in whole numbers; fractions of a second are rounded to the safe side.

    Raises:
        UserError: A duration is unknown, or a task names a person who is not in the inventory.
    """
    clock = Clock(request)
    problem, grain = in_grains(with_hints(_Builder(request, clock).problem(), request, clock))
    return Formulation(request, problem, clock.origin, grain)


class _Builder:
    """Makes the problem in seconds, without what is soft."""

    def __init__(self, request: PlanRequest, clock: Clock) -> None:
        self.request, self.clock = request, clock
        self.inventory = request.inventory
        self.people = {person.name.casefold(): person for person in request.inventory.people}
        self.going = {assignment.task: assignment for assignment in request.started}
        self.resources: list[Resource] = []
        self.held: dict[tuple[int, Kind], int] = {}
        """Resource of a machine's CPUs and so on."""
        self.person: dict[str, int] = {}
        self.scale = {kind: self._fineness(kind) for kind in KINDS}
        self._starts: dict[tuple[int, int, tuple[Away, ...]], Spans] = {}

    def problem(self) -> Problem:
        graph = self.request.graph
        self._add_resources()
        position = {task.id: i for i, task in enumerate(graph.tasks)}
        return Problem(
            activities=tuple(self._activity(i, t, position) for i, t in enumerate(graph.tasks)),
            resources=tuple(self.resources),
            horizon=self.clock.horizon,
            machines=tuple(machine.name for machine in self.inventory.machines),
            alike=self._alike(),
            apart=tuple((position[a], position[b]) for a, b in graph.apart),
        )

    def _activity(self, i: int, task: Task, position: dict[str, int]) -> Activity:
        pinned = self.going.get(task.id)
        if pinned is not None and pinned.end <= self.clock.origin:
            people: list[Person] = []  # what is done holds nobody
        else:
            people = [self._person(task, name) for name in task.people]
        options = self._options(i, task, people) if pinned is None else self._facts(task, pinned)
        return Activity(
            id=task.id,
            options=options,
            gang=max(1, len(pinned.machines))
            if pinned
            else task.gang
            if needs_machine(task)
            else 1,
            uses=tuple((self.person[person.name], 1) for person in _once(people)),
            after=() if pinned else tuple(dict.fromkeys(position[other] for other in task.after)),
            due=None if task.due is None else self.clock.floor(task.due),
            priority=task.priority,
            pinned=pinned is not None,
        )

    def _person(self, task: Task, name: str) -> Person:
        person = self.people.get(name.casefold())
        if person is None:
            known = ", ".join(repr(one.name) for one in self.inventory.people) or "nobody"
            raise UserError(
                f"task {task.id!r}: no person {name!r} in the inventory; known: {known}"
            )
        return person

    def _options(self, i: int, task: Task, people: list[Person]) -> tuple[Option, ...]:
        if task.duration is None:
            raise UserError(
                f"task {task.id!r}: its duration is unknown; give one, or let complete_graph "
                "put a default"
            )
        busy = [away for person in people for away in person.busy]
        if not needs_machine(task):
            starts = self._allowed(i, task, task.duration, tuple(busy))
            return (Option(duration=task.duration, starts=starts),) if starts else ()
        places = [(m, machine) for m, machine in enumerate(self.inventory.machines)
                  if self._may_run(task, machine)]  # fmt: skip
        paces = sorted({seconds_on(task, machine) for _, machine in places})
        found: list[Option] = []
        for m, machine in places:
            native = seconds_on(task, machine)
            # A gang is as slow as its slowest member; a single task always runs at its own pace.
            for duration in paces if task.gang > 1 else [native]:
                starts = self._allowed(i, task, duration, (*busy, *machine.away))
                if duration >= native and starts:
                    fits = min(task.gang, room(task.demand, machine))
                    found.append(Option(m, duration, starts, self._uses(task, m), fits))
        return tuple(found)

    def _may_run(self, task: Task, machine: Machine) -> bool:
        return not lacks(task.demand, machine) and all(
            admits(hint, machine, self.inventory) for hint in self._hard(task)
        )

    def _hard(self, task: Task) -> list[Hint]:
        return [
            hint
            for hint in self.request.graph.hints
            if hint.hard and (not hint.tasks or task.id in hint.tasks)
        ]

    def _allowed(self, i: int, task: Task, duration: int, away: tuple[Away, ...]) -> Spans:
        key = (i, duration, away)
        if key not in self._starts:
            self._starts[key] = self._starts_of(task, duration, away)
        return self._starts[key]

    def _starts_of(self, task: Task, duration: int, away: tuple[Away, ...]) -> Spans:
        first = 0 if task.release is None else max(0, self.clock.ceil(task.release))
        last = self.clock.horizon
        if task.deadline is not None:
            last = min(last, self.clock.floor(task.deadline))
        latest = last - duration
        if task.latest_start is not None:
            latest = min(latest, self.clock.floor(task.latest_start))
        spans: Spans = ((first, latest),)
        if task.fixed is not None:
            at = self.clock.floor(task.fixed)
            release = task.release is None or at >= self.clock.ceil(task.release)
            spans = ((at, at),) if at <= latest and release else ()
        spans = starts_clear_of(self.clock.blocks(away), duration, _proper(spans))
        for hint in self._hard(task):
            if isinstance(hint, WindowHint):
                spans = starts_inside(self.clock.window(hint), duration, spans)
        return spans

    def _facts(self, task: Task, pinned: Assignment) -> tuple[Option, ...]:
        """Return options that leave nothing open; a machine that is gone holds nothing."""
        begin, end = self.clock.floor(pinned.start), self.clock.ceil(pinned.end)
        done = end <= 0
        known = {machine.name: m for m, machine in enumerate(self.inventory.machines)}
        options = []
        for name, count in sorted(Counter(pinned.machines).items()):
            m = known.get(name, NOWHERE)
            uses = () if done or m == NOWHERE else self._uses(task, m)
            options.append(Option(m, end - begin, ((begin, begin),), uses, count))
        return tuple(options) or (Option(duration=end - begin, starts=((begin, begin),)),)

    def _add_resources(self) -> None:
        asked = {k for t in self.request.graph.tasks for k in KINDS if getattr(t.demand, k) > 0}
        for m, machine in enumerate(self.inventory.machines):
            blocks = tuple(self.clock.blocks(machine.away))
            for kind in KINDS:
                if kind in asked and capacity(machine, kind) < math.inf:
                    amount = math.floor(capacity(machine, kind) * self.scale[kind] + 1e-6)
                    self._add(Resource(f"{kind} of {machine.name}", amount, blocks, kind))
                    self.held[m, kind] = len(self.resources) - 1
        for person in self.inventory.people:
            self._add(Resource(person.name, 1, tuple(self.clock.blocks(person.busy))))
            self.person[person.name] = len(self.resources) - 1

    def _add(self, resource: Resource) -> None:
        self.resources.append(resource)

    def _uses(self, task: Task, m: int) -> tuple[tuple[int, int], ...]:
        return tuple(
            (self.held[m, kind], amount)
            for kind in KINDS
            if (m, kind) in self.held
            and (amount := round(getattr(task.demand, kind) * self.scale[kind])) > 0
        )

    def _fineness(self, kind: Kind) -> int:
        asked = [float(getattr(task.demand, kind)) for task in self.request.graph.tasks]
        return fineness([*asked, *(capacity(one, kind) for one in self.inventory.machines)])

    def _alike(self) -> tuple[tuple[int, ...], ...]:
        """Return classes of machines that nothing but the name tells apart."""
        named = {place for data in self.inventory.data for place in data.machines}
        for hint in self.request.graph.hints:
            if isinstance(hint, LabelHint):
                named |= {machine.name for machine in self.inventory.machines
                          if machine.name.casefold() in map(str.casefold, hint.names)}  # fmt: skip
        before = self.request.previous.assignments if self.request.previous else ()
        named |= {name for one in (*before, *self.request.started) for name in one.machines}
        classes: dict[Machine, list[int]] = {}
        for m, machine in enumerate(self.inventory.machines):
            if machine.name not in named:
                classes.setdefault(machine.model_copy(update={"name": "-"}), []).append(m)
        return tuple(tuple(members) for members in classes.values() if len(members) > 1)


def _once(people: list[Person]) -> list[Person]:
    return list({person.name: person for person in people}.values())


def _proper(spans: Spans) -> Spans:
    return tuple((first, last) for first, last in spans if first <= last)
