"""RRULE values: read, checked, and written again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import tzinfo
from typing import Literal, get_args

from agentsched.calendars.moments import Moment, parse_moment

Frequency = Literal["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"]
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")

_BYDAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_RANGES = {
    "BYSECOND": (0, 60, False), "BYMINUTE": (0, 59, False), "BYHOUR": (0, 23, False),
    "BYMONTHDAY": (1, 31, True), "BYYEARDAY": (1, 366, True), "BYWEEKNO": (1, 53, True),
    "BYMONTH": (1, 12, False), "BYSETPOS": (1, 366, True),
}  # fmt: skip
"""Least and greatest value, and whether it may be negative (counted from the end)."""
_ORDER = (
    "FREQ", "UNTIL", "COUNT", "INTERVAL", "BYSECOND", "BYMINUTE", "BYHOUR", "BYDAY", "BYMONTHDAY",
    "BYYEARDAY", "BYWEEKNO", "BYMONTH", "BYSETPOS", "WKST",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rule:
    """One recurrence rule; empty tuples are parts it does not have."""

    frequency: Frequency
    interval: int = 1
    count: int | None = None
    until: Moment | None = None
    second: tuple[int, ...] = ()
    minute: tuple[int, ...] = ()
    hour: tuple[int, ...] = ()
    day: tuple[tuple[int, int], ...] = ()
    """(n, weekday): every one for n = 0, else the n-th of its month or year; Monday is 0."""
    monthday: tuple[int, ...] = ()
    yearday: tuple[int, ...] = ()
    weekno: tuple[int, ...] = ()
    month: tuple[int, ...] = ()
    setpos: tuple[int, ...] = ()
    weekstart: int = 0

    @property
    def text(self) -> str:
        """The value of its RRULE line."""
        parts: dict[str, str] = {"FREQ": self.frequency}
        if self.until is not None:
            parts["UNTIL"] = self.until.value
        if self.count is not None:
            parts["COUNT"] = str(self.count)
        if self.interval != 1:
            parts["INTERVAL"] = str(self.interval)
        for name in _RANGES:
            values = getattr(self, name.removeprefix("BY").lower())
            if values:
                parts[name] = ",".join(map(str, values))
        if self.day:
            parts["BYDAY"] = ",".join(f"{n or ''}{WEEKDAYS[day]}" for n, day in self.day)
        if self.weekstart:
            parts["WKST"] = WEEKDAYS[self.weekstart]
        return ";".join(f"{name}={parts[name]}" for name in _ORDER if name in parts)


def parse_rule(text: str, zone: tzinfo | None = None) -> Rule:
    """Read an RRULE value.

    Args:
        text: The value, ``FREQ=WEEKLY;BYDAY=TU``; a leading ``RRULE:`` is let pass.
        zone: Of DTSTART; an UNTIL without Z is a local time there.

    Raises:
        ValueError: A part is unknown, twice there, or out of its range.
    """
    parts: dict[str, str] = {}
    for part in text.strip().upper().removeprefix("RRULE:").split(";"):
        if not part:
            continue
        name, equals, value = part.partition("=")
        if not equals or not value:
            raise ValueError(f"part {part[:40]!r} of the rule has no value")
        if name in parts:
            raise ValueError(f"{name[:40]} stands twice in the rule")
        parts[name] = value
    unknown = sorted(name for name in parts if name not in _ORDER and not name.startswith("X-"))
    if unknown:
        raise ValueError(f"no rule part {unknown[0][:40]!r}; known: {', '.join(_ORDER)}")
    frequency = parts.get("FREQ", "")
    if frequency not in get_args(Frequency):
        raise ValueError(f"FREQ must be one of {', '.join(get_args(Frequency))}, got {frequency!r}")
    numbers = {name: _numbers(name, parts[name]) for name in _RANGES if name in parts}
    day = tuple(_weekday(item) for item in parts["BYDAY"].split(",")) if "BYDAY" in parts else ()
    if any(n for n, _ in day) and frequency not in ("MONTHLY", "YEARLY"):
        raise ValueError(f"BYDAY={parts['BYDAY'][:40]} needs FREQ=MONTHLY or YEARLY")
    if numbers.get("BYWEEKNO") and frequency != "YEARLY":
        raise ValueError("BYWEEKNO needs FREQ=YEARLY")
    count = _whole("COUNT", parts["COUNT"]) if "COUNT" in parts else None
    until = parse_moment(parts["UNTIL"], zone) if "UNTIL" in parts else None
    if count is not None and until is not None:
        raise ValueError("a rule has COUNT or UNTIL, not both")
    return Rule(
        frequency,  # type: ignore[arg-type]  # checked above
        _whole("INTERVAL", parts.get("INTERVAL", "1")),
        count,
        until,
        day=day,
        weekstart=_weekday(parts.get("WKST", "MO"))[1],
        **{name.removeprefix("BY").lower(): values for name, values in numbers.items()},
    )


def _whole(name: str, text: str) -> int:
    # Some clients write COUNT=-1 or 0 for "without end"; that is no rule of RFC 5545.
    if not text.isdecimal() or not 1 <= int(text[:10]) <= 10_000_000:
        raise ValueError(f"{name} must be a whole number from 1 on, got {text[:20]!r}")
    return int(text)


def _numbers(name: str, text: str) -> tuple[int, ...]:
    low, high, negative = _RANGES[name]
    found = []
    for item in text.split(","):
        body = item.lstrip("+-")
        number = int(item) if body.isdecimal() and len(item) <= 4 else None
        if number is None or not low <= abs(number) <= high or (number < 0 and not negative):
            raise ValueError(f"{name} goes from {low} to {high}, got {item[:20]!r}")
        found.append(number)
    return tuple(dict.fromkeys(found))


def _weekday(text: str) -> tuple[int, int]:
    match = _BYDAY.fullmatch(text)
    if match is None or (match.group(1) and not 1 <= abs(int(match.group(1))) <= 53):
        raise ValueError(f"{text[:20]!r} is no weekday such as TU or -1FR")
    return int(match.group(1) or 0), WEEKDAYS.index(match.group(2))
