"""Rules of the words that join times, and of zones."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

from agentsched.times.pieces import Link, Zone
from agentsched.times.rule import Match, Rule, Rules, Said, fixed, rule
from agentsched.times.vocabulary import alternatives
from agentsched.times.zones import (
    ABBREVIATIONS,
    REGIONS,
    city_zone,
    iana_names,
    offset_zone,
    place_zone,
)

_REGION = alternatives(REGIONS)
_HOLIDAYS = r"(?:(?:public|bank|national|federal|school)\s+)?holidays?"
_ALL_BUT = re.compile(
    r"(?<![a-z])(?:(?:every|each|all|any)\s+[a-z]+(?:\s+(?:this|next)\s+[a-z]+)?|weekdays)$",
    re.ASCII,
)


def _but(match: Match) -> Link:
    """Return the "except" of "every day but Sunday", else "and"."""
    return Link("except" if _ALL_BUT.search(match.before) else "and")


def _abbreviation(match: Match) -> Said | None:
    name, offset = match["name"], match["offset"].replace(" ", "")
    if offset:
        zone = offset_zone(offset) if name in ("utc", "gmt") else None
        return None if zone is None else Said((Zone(zone, name.upper() + offset),))
    loose = name not in ("utc", "gmt", "z", "zulu")
    return Said((Zone(ZoneInfo(ABBREVIATIONS[name]), name.upper(), loose=loose),))


def _capital_abbreviation(match: Match) -> Said | None:
    """Return the zone of EST, not the one of "west" or "et"."""
    return _abbreviation(match) if match.capital else None


def _capital_place(match: Match) -> Said | None:
    return _place(match) if match.capital else None


def _offset(match: Match) -> Said | None:
    zone = offset_zone(match["offset"])
    return None if zone is None else Said((Zone(zone, match["offset"].upper()),))


def _iana(match: Match) -> Said | None:
    name = iana_names().get(match["name"])
    return Said((Zone(ZoneInfo(name), name),)) if name else None


def _place(match: Match) -> Said | None:
    """Return the zone of "London time"; a place has up to three words."""
    zone = place_zone(match["place"])
    return None if zone is None else Said((Zone(zone, match["place"].title()),))


RULES: tuple[Rule, ...] = (
    fixed(r"(?:and\s+)?onwards?|or\s+later|and\s+(?:later|after)|on(?=\s*(?:$|[.,;!?)]))"
          r"|(?:no|not)\s+(?:earlier|sooner)\s+than|not\s+before|on\s+or\s+after"
          r"|at\s+the\s+(?:very\s+)?earliest", Link("onward")),
    fixed(r"at|@", Link("at")),
    fixed(r"on", Link("on")),
    fixed(r"in|during|over", Link("in")),
    fixed(r"of", Link("of")),
    fixed(r"from", Link("from")),
    fixed(r"-{1,2}|to|through|thru|->|/", Link("to")),
    fixed(r"until|til|till|'til|untill|(?:ending|ends)(?:\s+on)?|up\s+to|up\s+until",
          Link("until")),
    fixed(r"(?:in\s+)?between", Link("between")),
    fixed(r"and|&", Link("and")),
    rule(r"but", _but),
    fixed(r"or", Link("or")),
    fixed(r"by|(?:no|not)\s+later\s+than|on\s+or\s+before"
          r"|deadline(?:\s+is)?:?", Link("by")),
    fixed(r"at\s+the\s+(?:very\s+)?latest|latest(?:\s+by)?", Link("latest")),
    fixed(r"due(?:\s+(?:by|on|at|in(?=\s+the))|\s+date:?)?", Link("due")),
    fixed(r"before|ahead\s+of|prior\s+to|earlier\s+than", Link("before")),
    fixed(r"after|later\s+than|past|anytime\s+after",
          Link("after")),
    fixed(r"since", Link("since")),
    fixed(r"(?:starting|beginning|commencing|effective|starts|begins)(?:\s+(?:from|on|at|in|with))?"
          r"|as\s+of", Link("starting")),
    fixed(r"(?:lasting|for|taking)(?:\s+(?:about|around|approximately|up\s+to|the))?", Link("for")),
    fixed(r"except(?:\s+(?:for|on))?|excluding|but\s+not(?:\s+on)?|apart\s+from|other\s+than|not\s+on|without|skipping",
          Link("except")),
    fixed(rf"(?:except(?:\s+(?:for|on))?|excluding|but\s+not(?:\s+on)?|apart\s+from|skipping)\s+{_HOLIDAYS}"
          rf"|unless\s+(?:it|that)(?:'s|\s+is)\s+(?:an?\s+)?{_HOLIDAYS}", Link("unless")),
)  # fmt: skip

_ABBREVIATED = (
    rf"(?P<name>{alternatives(ABBREVIATIONS)})(?P<offset>[+-]\d{{1,2}}(?::?\d\d)?(?!\d))?"
    r"(?:\s+time)?"
)
_ABBREVIATIONS = rule(_ABBREVIATED, _abbreviation)
_OFFSETS = rule(r"(?P<offset>z|[+-]\d\d:?\d\d(?!\d))", _offset)


def _city(match: Match) -> Said | None:
    """Return the zone of "in Berlin" after a time of day, where Berlin has its capital letter."""
    zone = city_zone(match["city"]) if match.capital else None
    return None if zone is None else Said((Zone(zone, match["city"].title(), place=True),))


_CITIES: tuple[Rule, ...] = (
    rule(r"(?P<city>[a-z.]+\s[a-z.]+)(?!\s+time)", _city),
    rule(r"(?P<city>[a-z.]+)(?!\s+time)", _city),
)
_PLACES: tuple[Rule, ...] = (
    rule(r"(?P<name>[a-z]{2,12}(?:/[a-z0-9_+-]{2,30}){1,2})(?:\s+time)?", _iana),
    rule(rf"(?P<place>{_REGION}(?:\s+(?:standard|daylight|summer))?|[a-z.]+(?:\s[a-z.]+){{0,2}}?)"
         r"\s+(?:local\s+)?time", _place),
)  # fmt: skip

CITIES = Rules(*_CITIES, *_PLACES)
"""Zones that may follow "in" after a time of day."""
PLACES = Rules(*_PLACES)
"""Zones that may follow a day as well as a time of day."""
_NAMED = (*_PLACES, _ABBREVIATIONS, rule(rf"(?P<place>{_REGION})", _place))
NAMED_ZONES = Rules(*_NAMED)
"""Zones that may follow a time of day."""
DATED_ZONES = Rules(*_PLACES, rule(_ABBREVIATED, _capital_abbreviation),
                    rule(rf"(?P<place>{_REGION})", _capital_place))  # fmt: skip
"""Zones that may follow the day of a time of day: "3pm tomorrow EST"."""
ZONES = Rules(*_NAMED, _OFFSETS)
"""With offsets such as -05:00, which after 9:00 would rather begin a range."""
