"""Where events are, and how long it takes from one place to the next."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from agentsched.calendars.events import Event

NOTHING = timedelta(0)
_REMOTE = re.compile(
    r"https?://|\b(zoom|teams|meet|webex|skype|jitsi|facetime|phone|telephone|call|online|remote|"
    r"virtual|video)\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Travel:
    """How long it takes between places, by name."""

    minutes: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """From, to; a pair that is given in one direction only counts for both."""
    otherwise: float = 0.0
    """Minutes between two different places of which no pair is given."""

    def __post_init__(self) -> None:
        named = {(place(a), place(b)): m for (a, b), m in self.minutes.items()}
        object.__setattr__(self, "minutes", named)

    def __hash__(self) -> int:
        return hash((tuple(sorted(self.minutes.items())), self.otherwise))

    def between(self, start: str, end: str) -> timedelta:
        """Return the time from one place (as ``whereabouts`` gives it) to another."""
        if not start or not end or start == end:
            return NOTHING
        found = self.minutes.get((start, end))
        if found is None:
            found = self.minutes.get((end, start), self.otherwise)
        return timedelta(minutes=found)

    @property
    def longest(self) -> timedelta:
        """No way takes longer."""
        return timedelta(minutes=max([self.otherwise, *self.minutes.values()]))


def place(location: str) -> str:
    """Return a place's name in the form in which names are compared; empty for a remote one."""
    if _REMOTE.search(location):
        return ""
    return " ".join(location.casefold().split())


def whereabouts(event: Event) -> str:
    """Return where one must be for an event; empty where it does not matter."""
    return place(event.location)
