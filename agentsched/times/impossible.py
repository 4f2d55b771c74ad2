"""What is written like a time of day and is none: "25:00", "at 13am"."""

from __future__ import annotations

import re
from collections.abc import Iterable

from agentsched.times.errors import TimePhraseError

_CLOCK_LIKE = re.compile(
    r"(?:(?<![\w@])(?P<lead>at|by|to|until|till|from|before|after|around)\s+|@\s*)?"
    r"(?P<said>(?<![\w:.,/-])(?:(?P<hour>\d{1,3}):(?P<minute>\d\d)(?![\d:])"
    r"(?:\s?[ap]\.?m\b)?|(?P<half>\d{1,2})\s?[ap]\.?m\b|(?P<bare>\d{2})(?=\s*(?:$|[.!?;]))))",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[\"“`][^\"”`\n]*[\"”`]")


def refuse_impossible(
    text: str, read: Iterable[tuple[int, int]], *, with_lead: bool = False
) -> None:
    """Refuse a time of day that no clock shows.

    Args:
        text: What the user said; what stands in quotes is a name.
        read: Where times were read in it, as start and end.
        with_lead: Only after "at", "by" and the like: elsewhere "30:10" may be a ratio.

    Raises:
        TimePhraseError: There is such a word outside the times that were read.
    """
    taken = [*read, *(found.span() for found in _QUOTED.finditer(text))]
    for found in _CLOCK_LIKE.finditer(text):
        start, end = found.span("said")
        if any(first < end and start < last for first, last in taken):
            continue
        lead = (found["lead"] or found[0][:1]).lower()
        if (with_lead and not (found["lead"] or lead == "@")) or not _is_no_time(found, lead):
            continue
        raise TimePhraseError(
            f"{found['said']} does not exist; name a time from 0:00 to 24:00, or 1am to 12pm",
            found["said"],
        )


def _is_no_time(found: re.Match[str], lead: str) -> bool:
    if found["bare"]:
        return lead in ("at", "@") and int(found["bare"]) > 24
    if found["half"]:
        return not 1 <= int(found["half"]) <= 12
    hour, minute = int(found["hour"]), int(found["minute"])
    # "The 80:20 rule" is a ratio: hours that far off need a word such as "at".
    near = hour < 30 or bool(found["lead"]) or lead == "@"
    return near and (hour > 24 or minute > 59 or (hour == 24 and minute > 0))
