"""DATE, DATE-TIME, DURATION and PERIOD values: what a calendar writes about time."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo

from agentsched.calendars.lines import Line, Params, make_line
from agentsched.calendars.zones import zone_name

_STAMP = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z?))?")
_DURATION = re.compile(
    r"([+-]?)P(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,7})H)?(?:(\d{1,7})M)?(?:(\d{1,9})S)?)?"
)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time as written: a date, a local time with or without a zone, or UTC."""

    wall: datetime
    """Naive; midnight for a date."""
    zone: tzinfo | None = None
    """None: floating, it is that time wherever the viewer is."""
    is_date: bool = False
    tzid: str = field(default="", compare=False)
    """What the file calls the zone; empty for the zone's own name."""

    def instant(self, floating: tzinfo) -> datetime:
        """Return it in UTC; floating times and dates are read in the zone given.

        In a DST gap the offset before the gap counts, in a fold the first pass (RFC 5545, 3.3.5).
        """
        zone = self.zone or floating
        if zone is UTC:
            return self.wall.replace(tzinfo=UTC)
        return self.wall.replace(tzinfo=zone).astimezone(UTC)

    def at(self, wall: datetime) -> Moment:
        """Return another local time of the same kind."""
        return Moment(wall, self.zone, self.is_date, self.tzid)

    @property
    def key(self) -> str:
        """What names an occurrence: a date, a local time, or for any zone the time in UTC."""
        if self.is_date:
            return f"{self.wall:%Y%m%d}"
        if self.zone is None:
            return f"{self.wall:%Y%m%dT%H%M%S}"
        return f"{self.instant(UTC):%Y%m%dT%H%M%SZ}"

    @property
    def value(self) -> str:
        """Its value in a file."""
        if self.is_date:
            return f"{self.wall:%Y%m%d}"
        return f"{self.wall:%Y%m%dT%H%M%S}" + ("Z" if self.zone is UTC else "")

    @property
    def params(self) -> Params:
        """The parameters its line needs."""
        if self.is_date:
            return {"VALUE": ("DATE",)}
        if self.zone is UTC or (self.zone is None and not self.tzid):
            return {}
        return {"TZID": (self.tzid or zone_name(self.zone or UTC),)}


def of_datetime(when: datetime | date) -> Moment:
    """Return a date or datetime as a moment; a fixed offset becomes UTC, naive is floating."""
    if not isinstance(when, datetime):
        return Moment(datetime(when.year, when.month, when.day), None, True)
    if when.tzinfo is None:
        return Moment(when.replace(microsecond=0))
    if not zone_name(when.tzinfo):
        return Moment(when.astimezone(UTC).replace(tzinfo=None, microsecond=0), UTC)
    return Moment(when.replace(tzinfo=None, microsecond=0), when.tzinfo)


def parse_moment(text: str, zone: tzinfo | None, tzid: str = "") -> Moment:
    """Read a DATE or DATE-TIME value.

    Args:
        text: The value.
        zone: Of its TZID; ignored for dates and for times in UTC.
        tzid: The TZID as written.

    Raises:
        ValueError: It is neither, or no such day or time exists.
    """
    match = _STAMP.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text[:40]!r} is no date or time such as 20260308T150000")
    year, month, day, hour, minute, second, utc = match.groups()
    if hour is None:
        return Moment(datetime(int(year), int(month), int(day)), None, True)
    # A leap second is the last one of its minute to us.
    wall = datetime(int(year), int(month), int(day), int(hour), int(minute), min(int(second), 59))
    return Moment(wall, UTC) if utc else Moment(wall, zone, False, tzid)


@dataclass(frozen=True, slots=True)
class Span:
    """How long an event takes: nominal days, which DST may lengthen, and exact time."""

    days: int = 0
    exact: timedelta = timedelta(0)

    def end(self, start: Moment, floating: tzinfo) -> datetime:
        """Return the end in UTC of something that starts then."""
        if self.days:
            start = start.at(start.wall + self.days * DAY)
        return start.instant(floating) + self.exact

    @property
    def nominal(self) -> timedelta:
        """Its length on a day of 24 hours."""
        return self.days * DAY + self.exact


def parse_span(text: str) -> Span:
    """Read a DURATION value.

    Raises:
        ValueError: It is none.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None or text.strip().lstrip("+-") in ("P", "PT"):
        raise ValueError(f"{text[:40]!r} is no duration such as PT1H30M")
    sign = -1 if match.group(1) == "-" else 1
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:])
    exact = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return Span(sign * (7 * weeks + days), sign * exact)


def format_duration(length: timedelta) -> str:
    """Return a DURATION value, in exact time unless it is whole days."""
    sign = "-" if length < timedelta(0) else ""
    seconds = int(abs(length).total_seconds())
    if seconds % 86_400 == 0:
        return f"{sign}P{seconds // 86_400}D"
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    parts = ((hours, "H"), (minutes, "M"), (seconds, "S"))
    return f"{sign}PT" + "".join(f"{n}{unit}" for n, unit in parts if n)


def moment_line(name: str, moment: Moment, end: str, old: Line | None = None) -> Line:
    """Return a line with that moment; parameters of the old line that are not about time stay."""
    others = {} if old is None else old.params
    kept = {key: value for key, value in others.items() if key not in ("TZID", "VALUE")}
    return make_line(name, moment.value, {**moment.params, **kept}, end)
