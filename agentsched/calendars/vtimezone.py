"""VTIMEZONE components with yearly rules, or none at all.

Never a list of RDATEs: Radicale's parser keeps only the first of them, and its free/busy is then an
hour off for every event of that zone, even of other people. A zone whose changes follow no yearly
rule (Morocco) goes without; its IANA name says it all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

from agentsched.calendars.lines import make_line
from agentsched.calendars.moments import DAY
from agentsched.calendars.rules import WEEKDAYS
from agentsched.calendars.tree import Component, make_component
from agentsched.calendars.zones import zone_name

YEARS = 8
"""How many years a rule must hold for."""


@dataclass(frozen=True, slots=True)
class _Change:
    at: datetime
    """Local time before the change, as the clocks reach it; naive."""
    before: timedelta
    after: timedelta
    name: str
    dst: bool


@lru_cache(maxsize=256)
def vtimezone(zone: tzinfo, year: int) -> Component | None:
    """Return the VTIMEZONE of a zone from the year before ``year`` on; None when none is needed.

    Args:
        zone: UTC needs none; of the others it must be an IANA zone.
        year: Of the first event that refers to it.
    """
    tzid = zone_name(zone)
    if zone is UTC or not tzid:
        return None
    by_year = [_changes(zone, y) for y in range(year - 1, year - 1 + YEARS)]
    if not any(by_year):
        return _wrapped(tzid, [_fixed(zone, year)])
    if any(len(changes) != 2 for changes in by_year):
        return None
    parts = []
    for which in (0, 1):
        same = [changes[which] for changes in by_year]
        rule = _rule(same)
        if rule is None:
            return None
        parts.append(_observance(same[0], rule))
    return _wrapped(tzid, parts)


def _changes(zone: tzinfo, year: int) -> list[_Change]:
    found = []
    at, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    while at < end:
        if _offset(at, zone) != _offset(at + DAY, zone):
            found.append(_exact(at, zone))
        at += DAY
    return found


def _exact(low: datetime, zone: tzinfo) -> _Change:
    high = low + DAY
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        middle = middle.replace(microsecond=0)
        if _offset(middle, zone) == _offset(low, zone):
            low = middle
        else:
            high = middle
    before, after = _offset(low, zone), _offset(high, zone)
    there = high.astimezone(zone)
    wall = high.replace(tzinfo=None) + before
    return _Change(wall, before, after, str(there.tzname() or ""), bool(there.dst()))


def _offset(at: datetime, zone: tzinfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)


def _rule(changes: list[_Change]) -> str | None:
    """The yearly rule of the same change in several years."""
    first = changes[0]
    if any(
        (c.at.time(), c.at.month, c.at.weekday(), c.before, c.after)
        != (first.at.time(), first.at.month, first.at.weekday(), first.before, first.after)
        for c in changes
    ):
        return None
    last = all((c.at + 7 * DAY).month != c.at.month for c in changes)
    nth = {(c.at.day - 1) // 7 + 1 for c in changes}
    if not last and len(nth) != 1:
        return None
    position = -1 if last else nth.pop()
    return f"FREQ=YEARLY;BYMONTH={first.at.month};BYDAY={position}{WEEKDAYS[first.at.weekday()]}"


def _observance(change: _Change, rule: str) -> Component:
    return make_component(
        "DAYLIGHT" if change.dst else "STANDARD",
        make_line("DTSTART", f"{change.at:%Y%m%dT%H%M%S}"),
        make_line("TZOFFSETFROM", _shown(change.before)),
        make_line("TZOFFSETTO", _shown(change.after)),
        make_line("TZNAME", change.name),
        make_line("RRULE", rule),
    )


def _fixed(zone: tzinfo, year: int) -> Component:
    at = datetime(year, 1, 1, tzinfo=UTC).astimezone(zone)
    offset = _shown(at.utcoffset() or timedelta(0))
    return make_component(
        "STANDARD",
        make_line("DTSTART", "19700101T000000"),
        make_line("TZOFFSETFROM", offset),
        make_line("TZOFFSETTO", offset),
        make_line("TZNAME", str(at.tzname() or "")),
    )


def _wrapped(tzid: str, parts: list[Component]) -> Component:
    return make_component("VTIMEZONE", make_line("TZID", tzid), *parts)


def _shown(offset: timedelta) -> str:
    sign = "-" if offset < timedelta(0) else "+"
    hours, rest = divmod(int(abs(offset).total_seconds()), 3600)
    return f"{sign}{hours:02}{rest // 60:02}"
