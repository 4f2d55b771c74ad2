"""Times in words, for the user to check: the same words for the same value."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo

from agentsched.times.resolved import Moment, Resolved
from agentsched.times.vocabulary import CODES, DAY_NAMES, MONTH_NAMES
from agentsched.times.zones import zone_name

_UNITS = {
    "MINUTELY": "minute", "HOURLY": "hour", "DAILY": "day", "WEEKLY": "week", "MONTHLY": "month",
    "YEARLY": "year",
}  # fmt: skip
_WEEKDAYS = "MO,TU,WE,TH,FR"


def say(resolved: Resolved) -> str:
    """Return a resolved phrase in words: "every 2nd Friday from 6 Mar 2026, 09:00-09:30 …"."""
    match resolved.kind:
        case "duration":
            return _length(resolved.duration)
        case "deadline":
            assert resolved.due is not None
            wanted = f"{_length(resolved.duration)} " if resolved.duration else ""
            return f"{wanted}by {_point(resolved.due, resolved.zone)}"
        case "recurrence":
            return _series(resolved)
        case "range":
            return _range(resolved)
        case _:
            assert resolved.start is not None
            wanted = f"{_length(resolved.duration)} on " if resolved.duration else ""
            return wanted + _point(resolved.start, resolved.zone)


def _point(moment: Moment, zone: tzinfo) -> str:
    if isinstance(moment, datetime):
        return f"{_day(moment)}, {_clock(moment)} {zone_name(zone)}"
    return _day(moment)


def _day(day: date) -> str:
    return f"{DAY_NAMES[day.weekday()][:3]} {_plain_day(day)}"


def _plain_day(day: date) -> str:
    return f"{day.day} {MONTH_NAMES[day.month][:3]} {day.year}"


def _clock(moment: datetime) -> str:
    return f"{moment:%H:%M:%S}" if moment.second else f"{moment:%H:%M}"


def _range(resolved: Resolved) -> str:
    start, end, zone = resolved.start, resolved.end, resolved.zone
    assert start is not None
    if end is None:
        return f"from {_point(start, zone)} on"
    wanted = ""
    if resolved.duration and resolved.duration != _between(start, end):
        wanted = f"{_length(resolved.duration)} within "
    if isinstance(start, datetime) and isinstance(end, datetime):
        if start.date() == end.date():
            return (
                f"{wanted}{_day(start)}, {_clock(start)}\N{EN DASH}{_clock(end)} {zone_name(zone)}"
            )
        until = f"{_day(end)}, {_clock(end)} {zone_name(zone)}"
        return f"{wanted}{_day(start)}, {_clock(start)} until {until}"
    last = end - timedelta(days=1)
    return wanted + (_day(start) if last == start else f"{_day(start)} to {_day(last)}")


def _between(start: date, end: date) -> timedelta:
    """Return the true length, also of a night when clocks change."""
    if isinstance(start, datetime) and isinstance(end, datetime):
        return end.astimezone(UTC) - start.astimezone(UTC)
    return end - start


def _length(length: timedelta | None) -> str:
    if not length:
        return "0 minutes"
    seconds = round(length.total_seconds())
    days, seconds = divmod(seconds, 86400)
    hours, seconds = divmod(seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    parts = [(days, "day"), (hours, "hour"), (minutes, "minute"), (seconds, "second")]
    return " ".join(f"{n} {unit}{'s' if n != 1 else ''}" for n, unit in parts if n)


def _series(resolved: Resolved) -> str:
    assert resolved.rrule is not None
    start = resolved.start
    assert start is not None
    parts = dict(part.split("=", 1) for part in resolved.rrule.split(";"))
    words = f"{_every(parts)} from {_plain_day(start)}"
    if "UNTIL" in parts:
        words += f" until {_plain_day(_last(parts['UNTIL'], resolved.zone))}"
    if "COUNT" in parts:
        words += f", {parts['COUNT']} times" if parts["COUNT"] != "1" else ", once"
    if not isinstance(start, datetime):
        return f"{words}, {_length(resolved.duration)} each" if resolved.duration else words
    hours = parts.get("BYHOUR", "").split(",")
    if len(hours) > 1:
        clock = ", ".join(f"{int(hour):02}:{start.minute:02}" for hour in hours)
    else:
        clock = _clock(start)
        if isinstance(resolved.end, datetime):
            clock += f"\N{EN DASH}{_clock(resolved.end)}"
    return f"{words}, {clock} {zone_name(resolved.zone)}"


def say_rule(rrule: str, start: Moment, zone: tzinfo) -> str:
    """Return an RFC 5545 rule in words, without when it begins: "every Monday, 12 times"."""
    parts = dict(part.split("=", 1) for part in rrule.split(";"))
    words = _every(parts)
    hours = parts.get("BYHOUR", "").split(",")
    if len(hours) > 1 and isinstance(start, datetime):
        words += f" at {_joined(f'{int(hour):02}:{start.minute:02}' for hour in hours)}"
    if "UNTIL" in parts:
        words += f" until {_plain_day(_last(parts['UNTIL'], zone))}"
    if "COUNT" in parts:
        words += f", {parts['COUNT']} times" if parts["COUNT"] != "1" else ", once"
    return words


def _last(until: str, zone: tzinfo) -> date:
    if "T" not in until:
        return datetime.strptime(until, "%Y%m%d").date()
    return datetime.strptime(until, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).astimezone(zone).date()


def _every(parts: dict[str, str]) -> str:
    unit, interval = _UNITS[parts["FREQ"]], int(parts.get("INTERVAL", "1"))
    days = parts.get("BYDAY", "")
    every = f"every {_ordinal(interval)} " if interval > 1 else "every "
    if "BYSETPOS" in parts:
        return f"the {_ordinal(int(parts['BYSETPOS']))} working day of {every}{unit}"
    if days and re.search(r"\d", days):
        of = f"{_months(parts['BYMONTH'])} of " if "BYMONTH" in parts else ""
        return f"the {_joined(_nth_day(day) for day in days.split(','))} of {of}{every}{unit}"
    if parts["FREQ"] == "YEARLY" and "BYMONTHDAY" in parts:
        return f"{every}{unit} on {parts['BYMONTHDAY']} {_months(parts['BYMONTH'])}"
    if "BYMONTHDAY" in parts:
        numbers = _joined(
            "last day" if number == "-1" else _ordinal(int(number))
            for number in parts["BYMONTHDAY"].split(",")
        )
        return f"the {numbers} of {every}{unit}"
    if days == _WEEKDAYS:
        return f"every weekday of {every}week" if interval > 1 else "every weekday"
    if days:
        names = _joined(DAY_NAMES[CODES.index(day)] for day in days.split(","))
        return f"{every}{names}"
    return f"{every}{unit}"


def _months(numbers: str) -> str:
    return _joined(MONTH_NAMES[int(number)] for number in numbers.split(","))


def _nth_day(code: str) -> str:
    return f"{_ordinal(int(code[:-2]))} {DAY_NAMES[CODES.index(code[-2:])]}"


def _ordinal(number: int) -> str:
    if number < 0:
        return "last" if number == -1 else f"{_ordinal(-number)} to last"
    ending = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _joined(words: object) -> str:
    listed = list(words)  # type: ignore[call-overload]  # any iterable of words
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} and {listed[-1]}"
