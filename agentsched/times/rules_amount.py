"""Rules of lengths: "90 min", "an hour and a half", "in two weeks", "three days before"."""

from __future__ import annotations

import re

from agentsched.times.pieces import Amount, Link, NthLater, Offset, Shift, Stretch
from agentsched.times.rule import Match, Rule, Said, rule
from agentsched.times.vocabulary import (
    CARDINAL,
    NUMBER_WORD,
    UNITS,
    WEEKDAY,
    WEEKDAYS,
    Unit,
    alternatives,
    number,
    whole,
)

_SHORT: dict[str, Unit] = {"h": "hour", "m": "minute", "s": "second", "d": "day", "w": "week"}
_BUSINESS = r"(?:business|working|work)[- ]days?|weekdays?|workdays?"
_UNIT = rf"(?:{_BUSINESS}|{alternatives(UNITS)}|fortnights?|(?<!-)[hmsdw](?![a-z'])|')"
_COUNT = (
    rf"(?:\d+(?:[.,]\d+)?|{NUMBER_WORD}|(?:a\s+)?(?:couple|pair)(?:\s+of)?|(?:a\s+)?few|several"
    r"|an?)"
)
_FRACTION = r"(?:a|one|an)?\s*(?:half|quarter)|three[- ]quarters"
_PLAIN = (
    rf"(?:{_COUNT})(?:\s+and\s+(?:{_FRACTION})|\s*½)?\s*-?\s*(?:more\s+)?(?<![a-z]){_UNIT}(?![a-z])"
    rf"(?:\s+and\s+(?:{_FRACTION})(?![a-z])(?!\s+(?:past|to|of))"
    rf"|\s*(?:,\s*|and\s+)?(?:\d+|{NUMBER_WORD})\s*(?:{alternatives(UNITS)}|[ms](?![a-z'])))?"
)
_HALF = (
    r"(?:a\s+)?half(?:[- ](?:of\s+)?an?)?[- ](?:hour|hr|day|year)|½\s*(?:an?\s+)?(?:hour|hr|h|day)"
    r"|(?:a\s+)?quarter(?:\s+of)?(?:\s+an?)?[- ](?:hour|hr)|¼\s*(?:hour|hr|h)"
    r"|(?:three|3)[- ]quarters(?:\s+of)?\s+an?\s+hour|¾\s*(?:hour|hr|h)"
    r"|[123]/[24]\s*(?:of\s+an\s+)?(?:hour|hr|h)"
)
_COMPACT = (
    r"(?:\d{1,2}\s?h\s?\d{1,2}\s?(?:minutes|mins|min|m)|[1-6]h[0-5]\d(?!\d)|[0-6]:[0-5]\d\s*hours)"
)
AMOUNT = rf"(?:{_COMPACT}|{_HALF}|{_PLAIN})(?:[- ]long)?"

_PART = re.compile(
    rf"(?P<count>{_COUNT})(?:\s+and\s+(?P<mid>{_FRACTION})|\s*(?P<glyph>½))?\s*-?\s*(?:more\s+)?"
    rf"(?<![a-z])(?P<unit>{_UNIT})(?:\s+and\s+(?P<after>{_FRACTION})(?![a-z]))?",
    re.ASCII,
)
_HOUR_SHARES = {"half": 0.5, "½": 0.5, "1/2": 0.5, "2/4": 0.5, "three": 0.75, "3": 0.75, "¾": 0.75}


def amount(text: str) -> Amount:
    """Return the length of text that matched AMOUNT."""
    compact = re.match(r"(\d{1,2})\s?[h:]\s?(\d{1,2})", text)
    if compact:
        return Amount(((float(compact[1]), "hour"), (float(compact[2]), "minute")))
    if re.match(_HALF, text, re.ASCII):
        return _share(text)
    parts: list[tuple[float, Unit]] = []
    for part in _PART.finditer(text):
        count = number(part["count"].replace(",", ".")) or 1.0
        for fraction in (part["mid"], part["after"]):
            if fraction:
                count += 0.75 if "three" in fraction else 0.5 if "half" in fraction else 0.25
        count += 0.5 if part["glyph"] else 0
        parts += _in_units(count, part["unit"])
    return Amount(tuple(parts))


def _share(text: str) -> Amount:
    share = next((v for k, v in _HOUR_SHARES.items() if re.match(rf"(?:a\s+)?{k}", text)), 0.25)
    if "day" in text:
        return Amount(((4.0, "hour"),))
    if "year" in text:
        return Amount(((6.0, "month"),))
    return Amount(((60 * share, "minute"),))


def _in_units(count: float, said: str) -> list[tuple[float, Unit]]:
    """Return count and unit; what is left of a unit that cannot be halved goes to a smaller one."""
    if re.fullmatch(_BUSINESS, said):
        return [(count, "business")]
    if said.startswith("fortnight"):
        return [(2 * count, "week")]
    unit = "minute" if said == "'" else _SHORT.get(said) or UNITS[said]
    left = count - int(count)
    if not left or unit in ("second", "minute", "hour"):
        return [(count, unit)]
    smaller: dict[Unit, tuple[float, Unit]] = {
        "day": (24, "hour"), "week": (7, "day"), "month": (30, "day"), "quarter": (3, "month"),
        "year": (12, "month"),
    }  # fmt: skip
    times, below = smaller[unit]
    return [(float(int(count)), unit), (float(round(left * times)), below)]


_VAGUE = re.compile(
    r"(?:an?|one(?=\s+(?:day|night)))\s+(?!hour|hr|half|quarter|couple|few|pair)", re.ASCII
)


def _length(match: Match) -> Said | None:
    said = match["amount"]
    if re.fullmatch(r"(?:[7-9]|1\d|2[0-3])[.]\d\d\s?h", said):
        return None  # 16.29h is a time of day
    # "a second opinion", "any minute", "a day": an article alone counts nothing but hours.
    vague = bool(
        re.match(
            r"(?:an?|one(?=\s+(?:day|night)))\s+(?!hour|hr|half|quarter|couple|few|pair)", said
        )
    )
    return Said((amount(said),), weak=vague)


def _shift(match: Match) -> Said | None:
    length = amount(match["amount"])
    before = match["way"] in ("before", "prior to", "ahead of")
    if length.is_clock and match["way"] in ("from", "following"):
        return None  # "30 minutes from 2pm" begins at 2pm
    return Said((Shift(length, -1 if before else 1),))


def _unit_shift(match: Match) -> Said:
    return Said(
        (Shift(Amount(((1.0, UNITS[match["unit"]]),)), -1 if match["way"] == "before" else 1),)
    )


def _stretch(match: Match) -> Said:
    sign = -1 if match["way"] in ("last", "past", "previous") else 1
    said = match["amount"]
    return _stretched(sign, amount(said if " " in said else f"a {said}"))


def _turned_stretch(match: Match) -> Said:
    """The two upcoming weeks."""
    sign = -1 if match["way"] in ("last", "past", "previous") else 1
    return _stretched(sign, amount(f"{match['count']} {match['unit']}"))


def _stretched(sign: int, length: Amount) -> Said:
    return Said((Stretch(sign * max(1, round(length.count)), length.unit),))


def _nth_later(match: Match) -> Said:
    sign = 1 if match["way"] in ("from now", "from today", "hence") else -1
    return Said((NthLater(WEEKDAYS[match["day"]], sign * whole(match["count"])),))


_NOW = r"from\s+(?:right\s+)?now|from\s+today|hence|later|out"
_ABOUT = r"(?:about|around|approximately|roughly|exactly|another|just|only|like)\s+"

RULES: tuple[Rule, ...] = (
    rule(rf"(?P<amount>{AMOUNT})", _length),
    rule(
        rf"in\s+(?:{_ABOUT})?(?P<amount>{AMOUNT})(?:'?s?'?\s+time|\s+from\s+now)?",
        lambda m: Said((Offset(amount(m["amount"])),)),
    ),
    rule(
        rf"(?P<amount>{AMOUNT})\s+(?:{_NOW})", lambda m: Said((Offset(amount(m["amount"])),))
    ),
    rule(
        rf"(?P<amount>{AMOUNT})\s+(?:ago|back|earlier)",
        lambda m: Said((Offset(amount(m["amount"]), -1),)),
    ),
    rule(
        rf"within\s+(?:the\s+next\s+)?(?P<amount>{AMOUNT})(?:\s+from\s+now)?",
        lambda m: Said((Link("by"), Offset(amount(m["amount"])))),
    ),
    rule(
        rf"(?P<amount>{AMOUNT})\s+(?P<way>from|after|before|following|prior\s+to|ahead\s+of)"
        r"(?=\s+[a-z\d])(?!\s+(?:now|today|right))",
        _shift,
    ),
    rule(rf"(?P<amount>(?:an?|one|two|2|three|3|four|4)\s+(?:weeks?|fortnight))\s+on(?=\s+{WEEKDAY}(?!s))",
         lambda m: Said((Shift(amount(m["amount"]), 1),))),
    rule(
        r"(?:the\s+)?(?P<unit>day|week|month|year)\s+(?P<way>after|before)(?=\s+[a-z\d])"
        rf"(?!\s+next(?!\s+(?:{WEEKDAY}|week|month)))",
        _unit_shift,
    ),
    rule(
        r"(?:(?:in|over|for|during|within)\s+)?(?:the\s+)?"
        r"(?P<way>next|last|past|coming|following|upcoming|previous)\s+"
        rf"(?P<amount>(?:{CARDINAL}|(?:couple|pair)(?:\s+of)?|few|several)\s+{_UNIT}|hour|minute|fortnight)",
        _stretch,
    ),
    rule(
        r"(?:over|for|during|within)\s+the\s+(?P<way>next|coming|following)\s+"
        r"(?P<amount>week|month|quarter|year)", _stretch,
    ),
    rule(
        r"(?:(?:in|over|for|during|within)\s+)?(?:the\s+)?"
        rf"(?P<count>{CARDINAL})\s+(?P<way>next|last|past|coming|following|upcoming|previous)\s+"
        rf"(?P<unit>{_UNIT})(?<=s)", _turned_stretch,
    ),
    rule(
        rf"(?P<count>{CARDINAL})\s+(?P<day>{alternatives(WEEKDAYS)})s?\s+"
        r"(?P<way>from\s+now|from\s+today|hence|ago|back)",
        _nth_later,
    ),
)  # fmt: skip
