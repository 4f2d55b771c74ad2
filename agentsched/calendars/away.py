"""Busy time as the planner knows it, so that plans respect people's calendars."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from agentsched.calendars.conflicts import takes_time
from agentsched.calendars.occurrences import Occurrence

if TYPE_CHECKING:
    from agentsched.planning.inventory import Away, Person

REASON = 200
"""Characters the planner keeps of a reason."""


def busy_stretches(occurrences: Iterable[Occurrence], *, soft: bool = False) -> tuple[Away, ...]:
    """Return when somebody is busy: overlapping events joined, ascending.

    Args:
        occurrences: What takes place.
        soft: Tentative and unanswered events count as well.
    """
    # The planner takes seconds to load, and most who use calendars do not plan.
    from agentsched.planning.inventory import Away

    joined: list[tuple[datetime, datetime, list[str]]] = []
    kinds = ("hard", "soft") if soft else ("hard",)
    for occurrence in sorted(occurrences, key=lambda o: (o.start, o.end)):
        if occurrence.kind not in kinds or not takes_time(occurrence):
            continue
        title = occurrence.title or "busy"
        if joined and occurrence.start <= joined[-1][1]:
            start, end, titles = joined[-1]
            joined[-1] = (start, max(end, occurrence.end), [*titles, title])
        else:
            joined.append((occurrence.start, occurrence.end, [title]))
    return tuple(
        Away(start=start, end=end, reason=", ".join(dict.fromkeys(titles))[:REASON])
        for start, end, titles in joined
    )


def people(calendars: Mapping[str, Iterable[Occurrence]]) -> tuple[Person, ...]:
    """Return people with what their calendars say, by name."""
    from agentsched.planning.inventory import Person

    return tuple(
        Person(name=name, busy=busy_stretches(occurrences))
        for name, occurrences in sorted(calendars.items())
    )
