"""Zones by the names people say: IANA names, cities, regions, abbreviations, offsets."""

from __future__ import annotations

import re
from datetime import UTC, timedelta, timezone, tzinfo
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

ABBREVIATIONS = {
    "utc": "UTC", "gmt": "Etc/GMT", "z": "UTC", "zulu": "UTC",
    "pst": "America/Los_Angeles", "pdt": "America/Los_Angeles", "pt": "America/Los_Angeles",
    "mst": "America/Denver", "mdt": "America/Denver", "mt": "America/Denver",
    "cst": "America/Chicago", "cdt": "America/Chicago", "ct": "America/Chicago",
    "est": "America/New_York", "edt": "America/New_York", "et": "America/New_York",
    "akst": "America/Anchorage", "akdt": "America/Anchorage", "hst": "Pacific/Honolulu",
    "cet": "Europe/Berlin", "cest": "Europe/Berlin", "mez": "Europe/Berlin",
    "eet": "Europe/Helsinki", "eest": "Europe/Helsinki", "wet": "Europe/Lisbon",
    "west": "Europe/Lisbon", "bst": "Europe/London", "ist": "Asia/Kolkata", "msk": "Europe/Moscow",
    "jst": "Asia/Tokyo", "kst": "Asia/Seoul", "hkt": "Asia/Hong_Kong", "sgt": "Asia/Singapore",
    "pht": "Asia/Manila", "gst": "Asia/Dubai", "sast": "Africa/Johannesburg",
    "aest": "Australia/Sydney", "aedt": "Australia/Sydney", "acst": "Australia/Adelaide",
    "acdt": "Australia/Adelaide", "awst": "Australia/Perth", "nzst": "Pacific/Auckland",
    "nzdt": "Pacific/Auckland", "brt": "America/Sao_Paulo", "aoe": "Etc/GMT+12",
}  # fmt: skip
"""An abbreviation means its region all year: PST in July is what clocks show in Los Angeles."""

_AREAS = {
    "pacific": "America/Los_Angeles", "mountain": "America/Denver", "central": "America/Chicago",
    "eastern": "America/New_York", "atlantic": "America/Halifax",
    "central european": "Europe/Berlin", "eastern european": "Europe/Helsinki",
    "british": "Europe/London",
    "greenwich mean": "Etc/GMT", "indian": "Asia/Kolkata", "indian standard": "Asia/Kolkata",
    "japanese": "Asia/Tokyo", "german": "Europe/Berlin", "east coast": "America/New_York",
    "west coast": "America/Los_Angeles", "coordinated universal": "UTC", "universal": "UTC",
}  # fmt: skip
_COUNTRIES = {
    "hawaii": "Pacific/Honolulu", "alaska": "America/Anchorage", "uk": "Europe/London",
    "india": "Asia/Kolkata", "japan": "Asia/Tokyo", "china": "Asia/Shanghai",
    "singapore": "Asia/Singapore", "korea": "Asia/Seoul", "germany": "Europe/Berlin",
    "france": "Europe/Paris", "spain": "Europe/Madrid", "italy": "Europe/Rome",
    "israel": "Asia/Jerusalem",
}  # fmt: skip
REGIONS = _AREAS | _COUNTRIES
_CITIES = {
    "nyc": "America/New_York", "new york city": "America/New_York", "ny": "America/New_York",
    "boston": "America/New_York", "washington": "America/New_York", "atlanta": "America/New_York",
    "miami": "America/New_York", "philadelphia": "America/New_York", "dc": "America/New_York",
    "sf": "America/Los_Angeles", "san francisco": "America/Los_Angeles",
    "la": "America/Los_Angeles", "seattle": "America/Los_Angeles",
    "california": "America/Los_Angeles", "san diego": "America/Los_Angeles",
    "portland": "America/Los_Angeles", "las vegas": "America/Los_Angeles",
    "austin": "America/Chicago", "dallas": "America/Chicago", "houston": "America/Chicago",
    "texas": "America/Chicago", "minneapolis": "America/Chicago", "montreal": "America/Toronto",
    "ottawa": "America/Toronto", "munich": "Europe/Berlin", "hamburg": "Europe/Berlin",
    "frankfurt": "Europe/Berlin", "cologne": "Europe/Berlin", "geneva": "Europe/Zurich",
    "barcelona": "Europe/Madrid", "milan": "Europe/Rome", "edinburgh": "Europe/London",
    "manchester": "Europe/London", "mumbai": "Asia/Kolkata", "delhi": "Asia/Kolkata",
    "new delhi": "Asia/Kolkata", "bangalore": "Asia/Kolkata", "bengaluru": "Asia/Kolkata",
    "hyderabad": "Asia/Kolkata", "chennai": "Asia/Kolkata", "beijing": "Asia/Shanghai",
    "shenzhen": "Asia/Shanghai", "osaka": "Asia/Tokyo", "tel aviv": "Asia/Jerusalem",
    "abu dhabi": "Asia/Dubai", "cape town": "Africa/Johannesburg", "canberra": "Australia/Sydney",
    "wellington": "Pacific/Auckland", "rio": "America/Sao_Paulo", "kyiv": "Europe/Kyiv",
}  # fmt: skip
_LARGE = frozenset(
    ["new york", "los angeles", "chicago", "denver", "phoenix", "detroit", "toronto", "vancouver",
     "halifax", "mexico city", "sao paulo", "bogota", "lima", "santiago", "caracas", "havana"]
)  # fmt: skip
_CONTINENTS = (
    "Africa/", "America/", "Antarctica/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/",
    "Pacific/",
)  # fmt: skip
_OFFSET = re.compile(r"([+-])(\d{1,2})(?::?(\d\d))?")


@cache
def _keys() -> tuple[str, ...]:
    """Return all IANA names; asking zoneinfo for them would open every file it has."""
    return tuple(files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())


@cache
def iana_names() -> dict[str, str]:
    """Return zone names by their lower-case spelling: ``europe/berlin``."""
    return {name.lower(): name for name in _keys() if "/" in name}


@cache
def _places() -> dict[str, str]:
    cities = {
        name.rsplit("/", 1)[1].replace("_", " ").lower(): name
        for name in sorted(_keys())
        if name.startswith(_CONTINENTS)
    }
    return cities | REGIONS | _CITIES


def city_zone(city: str) -> ZoneInfo | None:
    """Return the zone of a large city or a country; None else, as small ones share their names."""
    if city in _AREAS or city in ABBREVIATIONS:
        return None
    if city in _COUNTRIES:
        return ZoneInfo(_COUNTRIES[city])
    key = _places().get(city)
    large = key is not None and (not key.startswith("America/") or city in _LARGE)
    return ZoneInfo(key) if key and (large or city in _CITIES) else None


def place_zone(place: str) -> ZoneInfo | None:
    """Return the zone of a city or region ("london", "pacific standard"), or None."""
    place = place.strip()
    for ending in (" standard", " daylight", " summer"):
        place = place.removesuffix(ending)
    key = _places().get(place) or ABBREVIATIONS.get(place)
    return ZoneInfo(key) if key else None


def offset_zone(text: str) -> tzinfo | None:
    """Return the fixed zone of ``+02:00``, ``-5`` or ``z``; None for offsets beyond 14 hours."""
    if text == "z":
        return UTC
    match = _OFFSET.fullmatch(text)
    if match is None:
        return None
    minutes = int(match[2]) * 60 + int(match[3] or 0)
    if minutes > 14 * 60 or int(match[3] or 0) > 59:
        return None
    return timezone(timedelta(minutes=minutes if match[1] == "+" else -minutes))


def zone_name(zone: tzinfo) -> str:
    """Return how a zone is called: its IANA name or its offset."""
    return zone.key if isinstance(zone, ZoneInfo) else str(zone)
