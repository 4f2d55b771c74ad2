"""Time zones of a calendar: which zone a TZID means, and which local times exist there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from agentsched.calendars.errors import CalendarError
from agentsched.calendars.tree import Component

_IANA = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+)*")
_MOMENT = timedelta(hours=3)


@lru_cache(maxsize=1024)
def iana_zone(name: str) -> tzinfo | None:
    """Return the zone of an IANA name; None when there is none."""
    if name.upper() in ("UTC", "Z", "GMT", "ETC/UTC"):
        return UTC
    if not _IANA.fullmatch(name):
        return None
    try:
        return ZoneInfo(name)
    # ZoneInfo says "not found" with a KeyError, and with others for names that are paths.
    except (OSError, ValueError, KeyError):
        return None


def named_zone(name: str) -> tzinfo:
    """Return the zone of an IANA name.

    Raises:
        CalendarError: There is no such zone.
    """
    zone = iana_zone(name)
    if zone is None:
        raise CalendarError(
            f"no time zone {name!r}; give an IANA name such as Europe/Berlin or America/New_York"
        )
    return zone


def zone_name(zone: tzinfo) -> str:
    """Return the IANA name of a zone; ``UTC`` for UTC, empty for one that has none."""
    if zone is UTC:
        return "UTC"
    return str(getattr(zone, "key", ""))


@lru_cache(maxsize=256)
def _windows_zone(name: str) -> tzinfo | None:
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

    olson = WINDOWS_TO_OLSON.get(name)
    return iana_zone(olson) if olson else None


def zone_of(tzid: str, definitions: Mapping[str, Component]) -> tzinfo | None:
    """Return what a TZID means, or None if nothing says it.

    In this order: an IANA name, a Windows name, a name that ends in an IANA name
    (``/vendor.org/20260101/Europe/Berlin``), the location its VTIMEZONE names, the VTIMEZONE's own
    rules. The IANA rules are preferred to the file's: those are often cut short or wrong.
    """
    known = iana_zone(tzid) or _windows_zone(tzid) or _suffix_zone(tzid)
    if known is not None:
        return known
    definition = definitions.get(tzid)
    return None if definition is None else _defined_zone(definition.text)


def _suffix_zone(tzid: str) -> tzinfo | None:
    parts = tzid.strip("/").split("/")
    for at in range(1, len(parts) - 1):
        zone = iana_zone("/".join(parts[at:]))
        if zone is not None:
            return zone
    return None


@lru_cache(maxsize=128)
def _defined_zone(text: str) -> tzinfo | None:
    from icalendar import Timezone
    from icalendar.timezone import TZP

    for line in text.splitlines():
        if line.upper().startswith("X-LIC-LOCATION:"):
            located = iana_zone(line.partition(":")[2].strip())
            if located is not None:
                return located
    try:
        component = Timezone.from_ical(text)
        assert isinstance(component, Timezone)
        made: tzinfo = component.to_tz(TZP("zoneinfo"), lookup_tzid=False)
        return made
    # The library answers a broken VTIMEZONE with errors of many kinds; each means: no zone.
    except (
        ValueError,
        KeyError,
        TypeError,
        IndexError,
        AttributeError,
        OverflowError,
        AssertionError,
    ):
        return None


def exists(wall: datetime, zone: tzinfo) -> bool:
    """Whether a local time is ever shown by the clocks of a zone: not in a gap of DST."""
    there = wall.replace(tzinfo=zone)
    return there.astimezone(UTC).astimezone(zone).replace(tzinfo=None, fold=0) == wall.replace(
        tzinfo=None, fold=0
    )


def check_exists(wall: datetime, zone: tzinfo) -> None:
    """Refuse a local time that the clocks skip.

    Raises:
        CalendarError: It lies in a DST gap; the message names the next time that exists.
    """
    if exists(wall, zone):
        return
    # Read with the offset before the gap, the time lands as far behind it as it lay inside.
    after = wall.replace(tzinfo=zone, fold=0).astimezone(UTC).astimezone(zone)
    raise CalendarError(
        f"{wall:%Y-%m-%d %H:%M} does not exist in {zone_name(zone) or zone}: the clocks are set "
        f"forward then; take {after:%H:%M}, or a time before the change"
    )


def is_ambiguous(wall: datetime, zone: tzinfo) -> bool:
    """Whether a local time is shown twice, as the clocks are set back."""
    first = wall.replace(tzinfo=zone, fold=0).utcoffset()
    return exists(wall, zone) and first != wall.replace(tzinfo=zone, fold=1).utcoffset()
