"""The whole-number problem that solver and list schedule share; times in grains from an origin."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from agentsched.planning.spans import Spans

LATE = 4
"""Lateness costs so many times what the same time of makespan does."""
NOWHERE = -1
"""The machine of an option that needs none."""


@dataclass(frozen=True, slots=True)
class Resource:
    """Something held while an activity runs: a machine's CPUs, a pool, a person."""

    name: str
    capacity: int
    blocks: Spans = ()
    """Half-open stretches in which nothing is left. Options respect them already (``starts``);
    they stand here so that energy reasoning knows them."""
    kind: str = ""
    """Resources of one kind can stand in for each other; empty for what stands alone."""


@dataclass(frozen=True, slots=True)
class Option:
    """One place for members of an activity."""

    machine: int = NOWHERE
    duration: int = 0
    """Of the whole activity if this is its slowest place."""
    starts: Spans = ()
    """Starts that keep release, deadline, downtime, calendars and hard windows."""
    uses: tuple[tuple[int, int], ...] = ()
    """Resource and amount held by each member."""
    room: int = 1
    """Most members at once when nothing else runs here."""


@dataclass(frozen=True, slots=True)
class Activity:
    """One task: ``gang`` members over its options, starting and ending together."""

    id: str
    options: tuple[Option, ...]
    gang: int = 1
    uses: tuple[tuple[int, int], ...] = ()
    """Resource and amount held once, whatever the option (pools, people)."""
    after: tuple[int, ...] = ()
    due: int | None = None
    priority: int = 0
    pinned: bool = False
    """It runs or is done already: its only start is a fact."""

    @property
    def open(self) -> tuple[Option, ...]:
        """Options that have a start left."""
        return tuple(option for option in self.options if option.starts)

    @property
    def possible(self) -> bool:
        """Whether it has a place and a time when it is alone in the world."""
        return sum(option.room for option in self.open) >= self.gang

    @property
    def rigid(self) -> bool:
        """Whether nothing is left to choose: one start, and each member's place given."""
        starts = {option.starts for option in self.open}
        single = len(starts) == 1 and all(s == ((s[0][0], s[0][0]),) for s in starts)
        return single and sum(option.room for option in self.open) == self.gang

    @property
    def first_start(self) -> int:
        """The first start of any option."""
        return min(option.starts[0][0] for option in self.open)

    @property
    def last_start(self) -> int:
        """The last start of any option."""
        return max(option.starts[-1][1] for option in self.open)

    @property
    def first_end(self) -> int:
        """The first end of any option."""
        return min(option.starts[0][0] + option.duration for option in self.open)

    @property
    def last_end(self) -> int:
        """The last end of any option."""
        return max(option.starts[-1][1] + option.duration for option in self.open)

    @property
    def shortest(self) -> int:
        """Least duration of any option."""
        return min(option.duration for option in self.open)

    def is_native(self, option: int) -> bool:
        """Return whether the option's duration is its machine's own pace, not a slower gang's."""
        one = self.options[option]
        return all(one.duration <= o.duration for o in self.options if o.machine == one.machine)


@dataclass(frozen=True, slots=True)
class Preference:
    """A soft hint about one activity: it costs unless all members are in good places and times."""

    hint: int
    activity: int
    good: tuple[Spans, ...]
    """For each option the starts that keep the hint; empty where the place itself breaks it."""
    cost: int


@dataclass(frozen=True, slots=True)
class Gathering:
    """Together in one place, or spread so that no two share one."""

    hint: int
    spread: bool
    activities: tuple[int, ...]
    places: tuple[int, ...]
    """Place of each machine."""
    cost: int | None
    """None is hard."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """A total over activities: at most ``limit``, or (without one) each unit costs one."""

    hint: int
    activities: tuple[int, ...]
    amounts: tuple[tuple[int, ...], ...]
    """For each activity and option, of one member."""
    limit: int | None
    cost: int | None
    """Of breaking the limit; None is hard."""


@dataclass(frozen=True, slots=True)
class Stay:
    """Where an activity stood in the plan before; being elsewhere costs."""

    activity: int
    start: int
    machines: tuple[int, ...]
    """Sorted, one a member."""
    cost: int
    """Of any change."""
    drift: int = 0
    """Of each grain the start moves."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What a grain costs, in points of the objective."""

    makespan: int = 1
    late: int = LATE
    """Of lateness behind ``due``, in which a wish counts more than a short plan does."""


@dataclass(frozen=True)
class Problem:
    """All of it; made by ``formulate`` from a request, or by hand for a single pool."""

    activities: tuple[Activity, ...]
    resources: tuple[Resource, ...]
    horizon: int
    """No end is later."""
    machines: tuple[str, ...] = ()
    alike: tuple[tuple[int, ...], ...] = ()
    """Classes of interchangeable machines, of two or more."""
    apart: tuple[tuple[int, int], ...] = ()
    preferences: tuple[Preference, ...] = ()
    gatherings: tuple[Gathering, ...] = ()
    ledgers: tuple[Ledger, ...] = ()
    stays: tuple[Stay, ...] = ()
    rates: Rates = field(default_factory=Rates)

    @cached_property
    def order(self) -> tuple[int, ...]:
        """Activities so that each stands behind those it waits for; without those in circles."""
        waiting = [len(activity.after) for activity in self.activities]
        ready = [i for i, count in enumerate(waiting) if not count]
        found: list[int] = []
        while ready:
            found.append(ready.pop())
            for successor in self.successors[found[-1]]:
                waiting[successor] -= 1
                if not waiting[successor]:
                    ready.append(successor)
        return tuple(found)

    @cached_property
    def successors(self) -> tuple[tuple[int, ...], ...]:
        """Who waits directly for each activity."""
        found: list[list[int]] = [[] for _ in self.activities]
        for i, activity in enumerate(self.activities):
            for before in activity.after:
                found[before].append(i)
        return tuple(tuple(each) for each in found)

    @property
    def possible(self) -> bool:
        """Whether no activities wait in a circle, and each has a place and time for itself."""
        acyclic = len(self.order) == len(self.activities)
        return acyclic and all(activity.possible for activity in self.activities)


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when one activity runs."""

    start: int
    duration: int
    options: tuple[int, ...]
    """Option of each member, sorted."""

    @property
    def end(self) -> int:
        """Half open."""
        return self.start + self.duration


Schedule = tuple[Place, ...]
"""One place an activity, in their order."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What a schedule costs, part by part, in points."""

    makespan: int
    late: int
    hints: dict[int, int]
    """Of each soft hint that is not kept in full, by its number."""
    moved: int

    @property
    def total(self) -> int:
        """The objective."""
        return self.makespan + self.late + sum(self.hints.values()) + self.moved


def costs(problem: Problem, schedule: Schedule) -> Costs:
    """Return what the objective makes of a schedule; the solver minimises the same total."""
    late = sum(
        max(0, place.end - activity.due)
        for activity, place in zip(problem.activities, schedule, strict=True)
        if activity.due is not None
    )
    hints: dict[int, int] = {}
    for hint, points in _hint_costs(problem, schedule):
        if points:
            hints[hint] = hints.get(hint, 0) + points
    return Costs(
        makespan=problem.rates.makespan * max(0, *(place.end for place in schedule), 0),
        late=problem.rates.late * late,
        hints=hints,
        moved=sum(_moved(problem, schedule, stay) for stay in problem.stays),
    )


def hosts(problem: Problem, activity: int, place: Place) -> tuple[int, ...]:
    """Return the machine of each member, sorted; empty when it needs none."""
    options = problem.activities[activity].options
    found = sorted(options[option].machine for option in place.options)
    return tuple(machine for machine in found if machine != NOWHERE)


def keeps(problem: Problem, gathering: Gathering, schedule: Schedule) -> bool:
    """Return whether its activities are together, or spread.

    Members of one task may share a place when several tasks are to be spread; a single task that
    is to be spread has its members apart.
    """
    sites = [
        [gathering.places[machine] for machine in hosts(problem, i, schedule[i])]
        for i in gathering.activities
    ]
    if not gathering.spread:
        return len({site for each in sites for site in each}) <= 1
    if len(sites) == 1:
        return len(set(sites[0])) == len(sites[0])
    distinct = [site for each in sites for site in set(each)]
    return len(set(distinct)) == len(distinct)


def total(ledger: Ledger, schedule: Schedule) -> int:
    """Return what the ledger's activities come to."""
    return sum(
        amounts[option]
        for activity, amounts in zip(ledger.activities, ledger.amounts, strict=True)
        for option in schedule[activity].options
    )


def _hint_costs(problem: Problem, schedule: Schedule) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for wish in problem.preferences:
        place = schedule[wish.activity]
        kept = all(_within(wish.good[option], place.start) for option in place.options)
        found.append((wish.hint, 0 if kept else wish.cost))
    for gathering in problem.gatherings:
        if gathering.cost is not None:
            kept = keeps(problem, gathering, schedule)
            found.append((gathering.hint, 0 if kept else gathering.cost))
    for ledger in problem.ledgers:
        if ledger.limit is None:
            found.append((ledger.hint, total(ledger, schedule)))
        elif ledger.cost is not None:
            over = total(ledger, schedule) > ledger.limit
            found.append((ledger.hint, ledger.cost if over else 0))
    return found


def _within(spans: Spans, value: int) -> bool:
    return any(first <= value <= last for first, last in spans)


def _moved(problem: Problem, schedule: Schedule, stay: Stay) -> int:
    place = schedule[stay.activity]
    same = place.start == stay.start and hosts(problem, stay.activity, place) == stay.machines
    return stay.drift * abs(place.start - stay.start) + (0 if same else stay.cost)
