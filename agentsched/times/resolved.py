"""What a time phrase means: values to compute with, and what was taken for granted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Literal

Kind = Literal["moment", "date", "range", "duration", "deadline", "recurrence"]
Grain = Literal[
    "second", "minute", "hour", "part", "day", "week", "month", "quarter", "year"
]  # fmt: skip
"""How finely it was said; ``part`` is a morning, an afternoon, an evening."""
Moment = datetime | date
"""An aware datetime in the zone that was meant, or a date where no time of day was said."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """The meaning of one phrase.

    ===========  ==========================================================================
    kind         holds
    ===========  ==========================================================================
    moment       ``start``
    date         ``start``, a date; ``duration`` if one was said
    range        ``start`` and ``end`` (half-open; a date ``end`` is the day after the last one);
                 ``end`` is None for "after 2pm"; ``duration`` is the length wanted within it
    duration     ``duration``
    deadline     ``due``; a date means by the end of that day; ``duration`` if one was said
    recurrence   ``rrule``; ``start`` (and ``end``) of the first occurrence
    ===========  ==========================================================================
    """

    kind: Kind
    zone: tzinfo
    start: Moment | None = None
    end: Moment | None = None
    due: Moment | None = None
    grain: Grain = "minute"
    duration: timedelta | None = None
    rrule: str | None = None
    """Value of an RFC 5545 RRULE, without the name."""
    assumed: tuple[str, ...] = ()
    """What was taken for granted, in words."""
    phrase: str = ""
    """The words it was read from."""

    def text(self) -> str:
        """Return it in words, the same for the same value."""
        from agentsched.times.echo import say

        return say(self)


@dataclass(frozen=True, slots=True)
class Found:
    """A time phrase in a text: ``text[start:end]``."""

    start: int
    end: int
    text: str
    value: Resolved
