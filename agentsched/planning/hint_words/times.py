"""Wishes for a time of day or days of the week: at night, outside office hours, not on Fridays."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time
from typing import Final

from agentsched.planning.hint_words.found import Found
from agentsched.planning.hints import Weekday, WindowHint

_WORK: Final[tuple[Weekday, ...]] = ("MO", "TU", "WE", "TH", "FR")
_WEEKEND: Final[tuple[Weekday, ...]] = ("SA", "SU")
_DAYS: Final[dict[str, Weekday]] = {
    "monday": "MO", "tuesday": "TU", "wednesday": "WE", "thursday": "TH", "friday": "FR",
    "saturday": "SA", "sunday": "SU",
}  # fmt: skip

NIGHT: Final = (time(22), time(6))
OFFICE: Final = (time(9), time(17))
_NAMED: Final = (
    # "tonight" and "last night" are dates
    (r"\b(?:at|by|during|over|in)\s+(?:the\s+)?nights?(?:[- ]?time)?\b|\bovernight\b|\bnights\b"
     r"|\boff[- ]?peak(?:\s+hours)?\b", NIGHT, ()),
    (r"\b(?:in\s+)?the\s+(?:small|wee|early) hours\b", (time(0), time(5)), ()),
    (r"\b(?:(?:in|during)\s+the\s+)?mornings\b|\bin the morning\b", (time(6), time(12)), ()),
    (r"\b(?:(?:in|during)\s+the\s+)?afternoons\b|\bin the afternoon\b", (time(12), time(18)), ()),
    (r"\b(?:(?:in|during)\s+the\s+)?evenings\b|\bin the evening\b", (time(18), time(22)), ()),
    (r"\b(?:in\s+|during\s+|within\s+)?(?:the\s+)?(?:office|business|working|work|core) hours\b",
     OFFICE, _WORK),
)  # fmt: skip
_OUTSIDE: Final = (
    r"\b(?:outside(?: of)?|out of|off|after|beyond|not (?:in|during|within))\s+(?:the\s+)?$"
)

_CLOCK: Final = (
    r"(?P<hour{n}>\d{{1,2}})(?:[:h.](?P<minute{n}>\d{{2}}))?\s*(?:o'clock)?\s*"
    r"(?P<half{n}>[ap]\.?m\b\.?)?(?![\d%]|\s*(?:gb|gi|kg|g\b|dollars|euros|gpus?|machines|nodes))"
)
_HOUR: Final = rf"(?:{_CLOCK}|(?P<word{{n}}>noon|midday|midnight))"
_RANGE: Final = (
    rf"\b(?:between\s+{_HOUR.format(n=1)}\s+and|from\s+{_HOUR.format(n=3)}\s*(?:to|until|till|-))\s+"
    rf"{_HOUR.format(n=2)}"
)
_HALF_OPEN: Final = (
    rf"\b(?:only|never|always)\s+(?:\w+\s+){{0,2}}?(?P<side>after|before)\s+{_HOUR.format(n=1)}"
)
_DAY_SETS: Final = (
    (r"\b(?:on|at|over|during)\s+(?:the\s+)?weekends?\b|\b(?:the\s+)?weekends\b", _WEEKEND),
    (r"\b(?:on\s+)?(?:weekdays|working days|work days|week days)\b|\bduring the week\b", _WORK),
)
_ON_DAYS: Final = (
    rf"\b(?:on\s+)?(?:{'|'.join(_DAYS)})s\b|\b(?:every|on an?)\s+(?:{'|'.join(_DAYS)})\b"
)
_AND: Final = r"\s*(?:,|,?\s*and|,?\s*or|,?\s*nor|&)\s+"


@dataclass(frozen=True, slots=True)
class _Window:
    """Hours, days, or both; None and empty are not said."""

    start: int
    end: int
    hours: tuple[time, time] | None
    days: tuple[Weekday, ...]
    avoid: bool = False
    assumed: str = ""


def find_windows(text: str) -> Iterator[Found]:
    """Find times of day and days; those beside each other are one window."""
    parts = sorted(_disjoint([*_hours(text), *_days(text)]), key=lambda part: part.start)
    merged: list[_Window] = []
    for part in parts:
        if merged and (joined := _joined(merged[-1], part, text)):
            merged[-1] = joined
        else:
            merged.append(part)
    for window in merged:
        start, end = window.hours or (time(0), time(0))
        wish = WindowHint(start=start, end=end, days=window.days, avoid=window.avoid)
        other = wish.model_copy(update={"avoid": not window.avoid})
        yield Found(window.start, window.end, wish, other, assumed=window.assumed)


def _hours(text: str) -> Iterator[_Window]:
    for pattern, hours, days in _NAMED:
        for match in re.finditer(pattern, text, re.IGNORECASE):
            outside = re.search(_OUTSIDE, text[: match.start()], re.IGNORECASE)
            start = outside.start() if outside else match.start()
            said = f"{match[0]!r}: read as {hours[0]:%H:%M} to {hours[1]:%H:%M}"
            note = said + (" on weekdays" if days else "")
            yield _Window(start, match.end(), hours, days, bool(outside), note)
    for match in re.finditer(_RANGE, text, re.IGNORECASE):
        first = "1" if match["hour1"] or match["word1"] else "3"
        span = _range(match, first, "2")
        if span is not None:
            outside = re.search(_OUTSIDE, text[: match.start()], re.IGNORECASE)
            yield _Window(match.start(), match.end(), span, (), bool(outside))
    for match in re.finditer(_HALF_OPEN, text, re.IGNORECASE):
        clock = _clock(match, "1", match["half1"])
        if clock is not None:
            late = match["side"].lower() == "after"
            # The word before it stays outside: it says how strict, and whether not.
            start = match.start("side")
            yield _Window(start, match.end(), (clock, time(0)) if late else (time(0), clock), ())


def _range(match: re.Match[str], first: str, second: str) -> tuple[time, time] | None:
    """Return both ends; "am" or "pm" behind the second counts for the first where that fits."""
    end = _clock(match, second, match[f"half{second}"])
    start = _clock(match, first, match[f"half{first}"])
    if start is None or end is None:
        return None
    if match[f"half{first}"] is None and match[f"half{second}"]:
        same = _clock(match, first, match[f"half{second}"])
        start = same if same is not None and same < end else start
    return start, end


def _clock(match: re.Match[str], n: str, half: str | None) -> time | None:
    """Return a time of day; None where the numbers are none."""
    word = (match[f"word{n}"] if f"word{n}" in match.re.groupindex else None) or ""
    if word:
        return time(0) if word.lower() == "midnight" else time(12)
    hour, minute = int(match[f"hour{n}"]), int(match[f"minute{n}"] or 0)
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half.lower().startswith("p") else 0)
    if hour == 24 and minute == 0:
        hour = 0
    return time(hour, minute) if hour < 24 and minute < 60 else None


def _days(text: str) -> Iterator[_Window]:
    for pattern, days in _DAY_SETS:
        for match in re.finditer(pattern, text, re.IGNORECASE):
            yield _Window(*match.span(), None, days)
    for match in re.finditer(rf"(?:{_ON_DAYS})(?:{_AND}(?:{_ON_DAYS}))*", text, re.IGNORECASE):
        said = match[0].lower()
        days = tuple(day for name, day in _DAYS.items() if name in said)
        yield _Window(*match.span(), None, days)


def _disjoint(parts: list[_Window]) -> list[_Window]:
    kept: list[_Window] = []
    for part in parts:
        if all(part.end <= other.start or part.start >= other.end for other in kept):
            kept.append(part)
    return kept


def _joined(one: _Window, other: _Window, text: str) -> _Window | None:
    """Return both as one window where hours stand beside days; None where they do not."""
    between = text[one.end : other.start].strip(" ,").lower()
    if between not in ("", "on", "of", "in"):
        return None
    # "at night, between 1 and 4" says twice the same, the second time in numbers
    if one.hours and other.hours and not (one.assumed and not other.assumed):
        return None
    if one.days and other.days and one.hours is None and other.hours is None:
        return None
    return _Window(
        one.start,
        other.end,
        other.hours or one.hours,
        # Days that were said win over those that office hours bring along.
        (other.days or one.days) if one.hours else (one.days or other.days),
        one.avoid or other.avoid,
        other.assumed if other.hours else one.assumed,
    )
