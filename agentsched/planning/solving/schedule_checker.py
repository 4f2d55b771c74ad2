"""What a whole-number schedule breaks, by counting; for single pools and generated problems."""

from __future__ import annotations

from collections.abc import Iterator

from agentsched.planning.solving.problem import Problem, Schedule, keeps, total


def check_schedule(problem: Problem, schedule: Schedule) -> tuple[str, ...]:
    """Return every hard constraint of the problem that the schedule breaks, in words."""
    if len(schedule) != len(problem.activities):
        return (f"{len(schedule)} places for {len(problem.activities)} activities",)
    found = [*_alone(problem, schedule), *_pairs(problem, schedule)]
    found += _capacity(problem, schedule)
    for gathering in problem.gatherings:
        if gathering.cost is None and not keeps(problem, gathering, schedule):
            found.append(
                f"hint {gathering.hint}: not {'spread' if gathering.spread else 'together'}"
            )
    for ledger in problem.ledgers:
        limited = ledger.limit is not None and ledger.cost is None
        if limited and total(ledger, schedule) > (ledger.limit or 0):
            found.append(f"hint {ledger.hint}: {total(ledger, schedule)} is above {ledger.limit}")
    return tuple(found)


def _alone(problem: Problem, schedule: Schedule) -> Iterator[str]:
    for activity, place in zip(problem.activities, schedule, strict=True):
        if len(place.options) != activity.gang:
            yield f"{activity.id!r}: {len(place.options)} members, not {activity.gang}"
        for o in set(place.options):
            option = activity.options[o]
            if option.duration != place.duration:
                yield f"{activity.id!r}: lasts {place.duration}, not {option.duration}"
            if not any(first <= place.start <= last for first, last in option.starts):
                yield f"{activity.id!r}: must not start at {place.start}"
            if place.options.count(o) > option.room:
                yield f"{activity.id!r}: more members than option {o} has room for"
        if not any(activity.is_native(o) for o in place.options):
            yield f"{activity.id!r}: slower than its slowest machine"


def _pairs(problem: Problem, schedule: Schedule) -> Iterator[str]:
    for activity, place in zip(problem.activities, schedule, strict=True):
        for before in activity.after:
            if place.start < schedule[before].end:
                yield f"{activity.id!r}: starts before {problem.activities[before].id!r} ends"
    for a, b in problem.apart:
        if schedule[a].start < schedule[b].end and schedule[b].start < schedule[a].end:
            yield f"{problem.activities[a].id!r} and {problem.activities[b].id!r} overlap"


def _capacity(problem: Problem, schedule: Schedule) -> Iterator[str]:
    held: list[list[tuple[int, int, int]]] = [[] for _ in problem.resources]
    for activity, place in zip(problem.activities, schedule, strict=True):
        uses = list(activity.uses)
        for o in place.options:
            uses += activity.options[o].uses
        for number, amount in uses:
            held[number].append((place.start, place.end, amount))
    for resource, loads in zip(problem.resources, held, strict=True):
        for moment in sorted({start for start, _, _ in loads}):
            now = sum(amount for start, end, amount in loads if start <= moment < end)
            if now > resource.capacity:
                yield f"{resource.name}: {now} of {resource.capacity} held at {moment}"
                break
        if any(s < end and start < e for s, e, _ in loads for start, end in resource.blocks):
            yield f"{resource.name}: held while blocked"
