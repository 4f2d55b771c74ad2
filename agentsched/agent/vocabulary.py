"""Features of real events in the words of the calendar world, so that its role priors apply.

A value that the world does not know stays as it is: the learner takes any.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import time
from typing import Final

_SAME: Final[Mapping[str, Mapping[str, str]]] = {
    "type": {
        "one-on-one": "one-to-one", "sync": "team", "meeting": "team", "sales": "client",
        "own": "personal", "health": "personal", "family": "personal",
    },
    "role": {},
    "relation": {"customer": "client", "vendor": "supplier", "outside": "external",
                 "executive": "manager", "colleague": "peer"},
    "time_of_day": {"noon": "midday"},
    "weekday": {"MO": "mon", "TU": "tue", "WE": "wed", "TH": "thu", "FR": "fri", "SA": "sat",
                "SU": "sun"},
    "location": {"remote": "online"},
    "duration": {"15 min": "15m", "30 min": "30m", "1 h": "1h", "2 h": "2h", "4 h": "half-day"},
    "series": {"daily": "series", "weekly": "series", "monthly": "series", "yearly": "series"},
    "notice": {"2 h": "same-day", "1 day": "day", "3 days": "week", "1 week": "week"},
    "attendees": {"none": "alone", "1": "pair", "2-4": "small", "5-9": "small",
                  "10-19": "large", "20 or more": "large"},
}  # fmt: skip
_KINDS: Final = (
    ("client", r"clients?|customers?|sales"),
    ("supplier", r"vendors?|suppliers?"),
    ("manager", r"(?:my )?(?:manager|boss|lead|chief|ceo|cto|executives?)"),
    ("report", r"(?:my )?(?:direct )?reports?"),
    ("family", r"family|kids?|children|wife|husband|partner"),
    ("friend", r"friends?"),
    ("peer", r"colleagues?|peers?|team ?mates?"),
    ("external", r"externals?|outsiders?|partners?"),
)
_TYPES: Final = (
    ("one-to-one", r"1:1s?|one[- ]on[- ]ones?|one[- ]to[- ]ones?"),
    ("interview", r"interviews?|candidates?"),
    ("standup", r"stand-?ups?|dail(?:y|ies)|scrums?"),
    ("review", r"reviews?|retros?|demos?|retrospectives?"),
    ("planning", r"plannings?|roadmaps?|kick-?offs?"),
    ("board", r"boards?|steering"),
    ("training", r"trainings?|workshops?|courses?|seminars?|webinars?"),
    ("focus", r"focus(?: time| blocks?)?|deep work"),
    ("meal", r"lunch(?:es)?|dinners?|breakfasts?|coffees?"),
    ("social", r"part(?:y|ies)|socials?|drinks|celebrations?"),
    ("travel", r"flights?|trips?|travels?"),
    ("personal", r"dentists?|doctors?|gym|school|therap(?:y|ies)|appointments?"),
    ("team", r"team meetings?|syncs?|check-?ins?|weeklies|weekly|internal(?: meetings?)?"),
)
_PARTS: Final = (
    ("early", r"early|before 8|at dawn", 0, 8),
    ("morning", r"mornings?", 8, 12),
    ("midday", r"noon|midday|lunch ?time", 12, 14),
    ("afternoon", r"afternoons?", 14, 17),
    ("evening", r"evenings?|nights?|late|after hours|after 5|after 17", 17, 24),
)
_PLACES: Final = (
    ("online", r"online|remote|video|zoom|virtual"),
    ("office", r"in person|on ?site|office"),
)
_TOPICS: Final = re.compile(r"[^\W\d_]{4,24}")
_DULL: Final = re.compile(
    r"meetings?|events?|calls?|always|never|prefer|avoid|over|before|after|please|would|rather|"
    r"schedule[ds]?|scheduling|anything|things?|with|from|about|when|that|this|have|ones?|take"
)


def translated(features: Mapping[str, str]) -> dict[str, str]:
    """Return an event's features in the world's words; empty ones are left out."""
    found = {}
    for name, value in features.items():
        word = _SAME.get(name, {}).get(value, value).replace(",", " ").replace("=", " ").strip()
        if word:
            found[name] = word
    return found


_EVENTS: Final = re.compile(
    r"\b(?:meetings?|calls?|events?|appointments?|invitations?|conversations?|talks?|sessions?)\b"
)


def speaks_of_events(words: str) -> bool:
    """Whether a wish is about appointments, not about machines."""
    text = words.casefold()
    return bool(_EVENTS.search(text)) or any(_first(t, text) for t in (_KINDS, _TYPES))


def features_named(
    words: str, weekdays: tuple[str, ...] = (), start: time | None = None, end: time | None = None
) -> list[dict[str, str]]:
    """Return the events that a wish speaks of, each as features that all hold; empty for none.

    Args:
        words: The user's, such as "vendor calls on Friday afternoons".
        weekdays: Of these days only, as ``MO``.
        start: From this time of day,
        end: to this one.
    """
    text = words.casefold()
    common = {
        feature: value
        for feature, table in (("type", _TYPES), ("location", _PLACES))
        if (value := _first(table, text)) is not None
    }
    who = _first(_KINDS, text)
    times = [name for name, rule, _, _ in _PARTS if re.search(rf"\b(?:{rule})\b", text)]
    if not times and (start is not None or end is not None):
        first = start.hour if start else 0
        last = (end.hour + end.minute / 60) if end and (end.hour or end.minute) else 24
        # Parts of the day that the stretch covers by more than half; the part it begins in if none.
        lengths = [(min(last, high) - max(first, low), high - low) for _, _, low, high in _PARTS]
        times = [
            part[0] for part, (held, whole) in zip(_PARTS, lengths, strict=True) if held > whole / 2
        ] or [name for name, _, low, high in _PARTS if low <= first < high]
    days = [_SAME["weekday"][day] for day in weekdays]
    if not common and not times and not days and who is None:
        telling = [w for w in _TOPICS.findall(text) if not _DULL.fullmatch(w)]
        if not telling:
            return []
        common["topic"] = max(telling, key=len)
    # An event shows by whom it is with, by its kind, or only by its title that it is such a one.
    kinds = [{}] if who is None else [{"relation": who}, *_by_title(who, text, common)]
    found = []
    for kind in kinds:
        for day in days or [""]:
            for part in times or [""]:
                more = {"weekday": day} if day else {}
                time_ = {"time_of_day": part} if part else {}
                found.append({**kind, **common, **more, **time_})
    return [one for one in found if len(one) <= 3]


def _by_title(who: str, text: str, common: Mapping[str, str]) -> list[dict[str, str]]:
    rule = next(rule for name, rule in _KINDS if name == who)
    named = re.search(rf"\b(?:{rule})\b", text)
    assert named is not None
    topic = named[0].removesuffix("s")
    types = (
        [{"type": who}] if who in ("client", "vendor", "supplier") and "type" not in common else []
    )
    return [{"topic": topic}, *types]


def _first(table: tuple[tuple[str, str], ...], text: str) -> str | None:
    return next((name for name, rule in table if re.search(rf"\b(?:{rule})\b", text)), None)
