"""One list schedule in the making: puts one activity after the other in its best place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agentsched.planning.solving.problem import (
    NOWHERE,
    Activity,
    Gathering,
    Ledger,
    Option,
    Place,
    Preference,
    Problem,
    Stay,
)
from agentsched.planning.solving.profile import Profile
from agentsched.planning.spans import Spans, contains, first_at_least, intersect


class Placing:
    """Books activities one by one; knows every hard constraint and asks what the soft ones cost."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.profiles = [Profile(resource.capacity) for resource in problem.resources]
        self.places: list[Place | None] = [None] * len(problem.activities)
        self._apart = _partners(problem)
        self._wishes: dict[int, list[Preference]] = {}
        for wish in problem.preferences:
            self._wishes.setdefault(wish.activity, []).append(wish)
        self._stays: dict[int, Stay] = {stay.activity: stay for stay in problem.stays}
        self._gatherings = _by_activity(problem.gatherings)
        self._ledgers = _by_activity(problem.ledgers)
        self._rows = [
            dict(zip(ledger.activities, ledger.amounts, strict=True)) for ledger in problem.ledgers
        ]
        self._spent = [0] * len(problem.ledgers)
        self._ahead = [_least_total(problem, ledger) for ledger in problem.ledgers]
        self.cheap = not (self._wishes or self._stays or problem.gatherings or problem.ledgers)

    def end(self, i: int) -> int:
        """Return the end of an activity that is placed."""
        place = self.places[i]
        assert place is not None
        return place.end

    def put(self, i: int, ready: int) -> Place | None:
        """Place activity ``i`` where it costs least, from ``ready`` on; None if nothing is left."""
        best: tuple[int, int, Place] | None = None
        for place in self._candidates(i, ready):
            key = (self._points(i, place), place.start)
            if best is None or key < best[:2]:
                best = (*key, place)
        if best is None:
            return None
        self._book(i, best[2])
        return best[2]

    def _candidates(self, i: int, ready: int) -> Iterator[Place]:
        activity = self.problem.activities[i]
        allowed = [
            o for o, option in enumerate(activity.options) if option.starts and self._admitted(i, o)
        ]
        if activity.gang > 1:
            yield from self._gangs(i, ready, allowed)
            return
        for o in allowed:
            option = activity.options[o]
            for spans in self._spans(i, o, option):
                start = self._single(i, option, spans, ready)
                if start is not None:
                    yield Place(start, option.duration, (o,))

    def _gangs(self, i: int, ready: int, allowed: list[int]) -> Iterator[Place]:
        """Yield one place a pace, from all options and from those that keep every wish."""
        wishes = self._wishes.get(i, ())
        preferred = [o for o in allowed if all(wish.good[o] for wish in wishes)]
        for among in [allowed, preferred] if preferred != allowed else [allowed]:
            for duration in sorted({self.problem.activities[i].options[o].duration for o in among}):
                place = self._gang(i, ready, duration, among)
                if place is not None:
                    yield place

    def _spans(self, i: int, o: int, option: Option) -> Iterator[Spans]:
        """Yield all starts, and those that keep every wish about this activity."""
        yield option.starts
        good = option.starts
        for wish in self._wishes.get(i, ()):
            good = intersect(good, wish.good[o])
        if good and good != option.starts:
            yield good
        stay = self._stays.get(i)
        if stay is not None and contains(option.starts, stay.start):
            yield ((stay.start, stay.start),)

    def _single(self, i: int, option: Option, spans: Spans, ready: int) -> int | None:
        activity = self.problem.activities[i]
        needed = (*activity.uses, *option.uses) if activity.uses else option.uses
        start = first_at_least(spans, ready)
        while start is not None:
            later = start
            for resource, amount in needed:
                later = self.profiles[resource].earliest(later, option.duration, amount)
            later = self._clear(i, later, option.duration)
            if later == start:
                return start
            start = first_at_least(spans, later)
        return None

    def _clear(self, i: int, start: int, duration: int) -> int:
        """Return the first start from ``start`` on that overlaps no disjunctive partner."""
        for other in self._apart.get(i, ()):
            place = self.places[other]
            if place is not None and place.start < start + duration and start < place.end:
                start = place.end
        return start

    def _gang(self, i: int, ready: int, duration: int, allowed: list[int]) -> Place | None:
        activity = self.problem.activities[i]
        options = [o for o in allowed if activity.options[o].duration == duration]
        start = self._next_start(activity, options, ready)
        while start is not None:
            members = self._members(i, options, start, duration)
            clear = self._clear(i, start, duration)
            if members is not None and clear == start and self._common(activity, start, duration):
                return Place(start, duration, members)
            later = clear if clear > start else self._next_change(activity, options, start)
            if later is None:
                return None
            start = self._next_start(activity, options, later)
        return None

    def _next_start(self, activity: Activity, options: list[int], at: int) -> int | None:
        found = [first_at_least(activity.options[o].starts, at) for o in options]
        return min((start for start in found if start is not None), default=None)

    def _next_change(self, activity: Activity, options: list[int], at: int) -> int | None:
        """Return the next time at which a gang might fit where it does not at ``at``."""
        resources = {r for o in options for r, _ in activity.options[o].uses}
        resources |= {r for r, _ in activity.uses}
        changes = [self.profiles[r].next_change(at) for r in resources]
        changes += [a for o in options for a, _ in activity.options[o].starts if a > at]
        return min((change for change in changes if change is not None), default=None)

    def _common(self, activity: Activity, start: int, duration: int) -> bool:
        return all(
            self.profiles[resource].least(start, start + duration) >= amount
            for resource, amount in activity.uses
        )

    def _members(
        self, i: int, options: list[int], start: int, duration: int
    ) -> tuple[int, ...] | None:
        """Return where the members go at ``start``, on as few machines as hold them; None if short.

        One of them must be on a machine whose own pace is ``duration``.
        """
        activity = self.problem.activities[i]
        rooms = {
            o: self._room(activity.options[o], start, duration)
            for o in options
            if contains(activity.options[o].starts, start)
        }
        for left in self._groups(i, rooms):
            order = sorted(left, key=lambda o: (not activity.is_native(o), -left[o], o))
            members: list[int] = []
            for o in order:
                members += [o] * min(left[o], activity.gang - len(members))
            if len(members) == activity.gang and activity.is_native(members[0]):
                return tuple(sorted(members))
        return None

    def _room(self, option: Option, start: int, duration: int) -> int:
        free = [
            self.profiles[resource].least(start, start + duration) // amount
            for resource, amount in option.uses
        ]
        return max(0, min([option.room, *free]))

    def _groups(self, i: int, rooms: dict[int, int]) -> list[dict[int, int]]:
        """Return in which options how many members may be, preferred choices first.

        Each gathering narrows what those before it left; a soft one only puts its choices first.
        """
        groups = [rooms]
        for number in self._gatherings.get(i, ()):
            rule = self.problem.gatherings[number]
            if not rule.spread or len(rule.activities) == 1:
                strict = [one for group in groups for one in self._narrowed(i, rule, group)]
                groups = strict if rule.cost is None else strict + groups
        return groups

    def _narrowed(self, i: int, rule: Gathering, rooms: dict[int, int]) -> list[dict[int, int]]:
        """Return one choice a place for members together, or one of a member a place if spread."""
        options = self.problem.activities[i].options
        sites: dict[int, dict[int, int]] = {}
        for o, left in rooms.items():
            if options[o].machine != NOWHERE and left:
                sites.setdefault(rule.places[options[o].machine], {})[o] = left
        if rule.spread:
            return [{next(iter(site)): 1 for site in sites.values()}]
        return list(sites.values())

    def _admitted(self, i: int, o: int) -> bool:
        """Whether what is placed already leaves the option to hard gatherings and ledgers."""
        if self.cheap:
            return True
        option = self.problem.activities[i].options[o]
        if option.machine != NOWHERE:
            for number in self._gatherings.get(i, ()):
                rule = self.problem.gatherings[number]
                if rule.cost is None and not self._gathers(rule, i, option.machine):
                    return False
        for number in self._ledgers.get(i, ()):
            ledger = self.problem.ledgers[number]
            if ledger.limit is not None and ledger.cost is None:
                row = self._rows[number][i]
                more = (row[o] - min(row)) * self.problem.activities[i].gang
                if self._spent[number] + self._ahead[number] + more > ledger.limit:
                    return False
        return True

    def _gathers(self, rule: Gathering, i: int, machine: int) -> bool:
        used = {
            rule.places[self.problem.activities[other].options[o].machine]
            for other in rule.activities
            if other != i and (place := self.places[other]) is not None
            for o in place.options
        }
        return not used or (rule.places[machine] in used) != rule.spread

    def _points(self, i: int, place: Place) -> int:
        activity, rates = self.problem.activities[i], self.problem.rates
        points = rates.makespan * place.end
        if activity.due is not None:
            points += rates.late * max(0, place.end - activity.due)
        if self.cheap:
            return points
        for wish in self._wishes.get(i, ()):
            if not all(contains(wish.good[o], place.start) for o in place.options):
                points += wish.cost
        for number in self._ledgers.get(i, ()):
            ledger = self.problem.ledgers[number]
            if ledger.limit is None:
                points += sum(self._rows[number][i][o] for o in place.options)
        for number in self._gatherings.get(i, ()):
            rule = self.problem.gatherings[number]
            sites = [activity.options[o].machine for o in place.options]
            if rule.cost and not all(self._gathers(rule, i, m) for m in sites if m != NOWHERE):
                points += rule.cost
        stay = self._stays.get(i)
        if stay is not None:
            there = tuple(sorted(activity.options[o].machine for o in place.options))
            same = place.start == stay.start and there == stay.machines
            points += stay.drift * abs(place.start - stay.start) + (0 if same else stay.cost)
        return points

    def _book(self, i: int, place: Place) -> None:
        activity = self.problem.activities[i]
        self.places[i] = place
        for resource, amount in activity.uses:
            self.profiles[resource].take(place.start, place.end, amount)
        for o in place.options:
            for resource, amount in activity.options[o].uses:
                self.profiles[resource].take(place.start, place.end, amount)
        for number in self._ledgers.get(i, ()):
            row = self._rows[number][i]
            self._spent[number] += sum(row[o] for o in place.options)
            self._ahead[number] -= min(row) * activity.gang


def _partners(problem: Problem) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for a, b in problem.apart:
        found.setdefault(a, []).append(b)
        found.setdefault(b, []).append(a)
    return found


def _by_activity(rules: Sequence[Gathering | Ledger]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for number, rule in enumerate(rules):
        for i in rule.activities:
            found.setdefault(i, []).append(number)
    return found


def _least_total(problem: Problem, ledger: Ledger) -> int:
    return sum(
        min(row, default=0) * problem.activities[i].gang
        for i, row in zip(ledger.activities, ledger.amounts, strict=True)
    )
