"""What a preference can be about: features of an occurrence as short words.

Every value is from a small set or one short word, so that a learner meets it again. Titles are read
for known words only; nothing a stranger writes into an event becomes a value of another kind.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from agentsched.calendars.contacts import Contacts
from agentsched.calendars.events import Attendee, Viewer
from agentsched.calendars.occurrences import Occurrence
from agentsched.calendars.rules import WEEKDAYS
from agentsched.calendars.travel import place

NAMES = (
    "type", "topic", "role", "relation", "organiser", "time_of_day", "weekday", "location",
    "duration", "series", "notice", "attendees", "urgency",
)  # fmt: skip
"""Features, in the order in which they separate two events for a reader."""
RELATIONS = (
    "manager",
    "executive",
    "customer",
    "family",
    "partner",
    "report",
    "peer",
    "friend",
    "vendor",
)
"""Whose presence says most about an event comes first."""

_TYPES = tuple(
    (name, re.compile(rf"\b(?:{words})\b", re.I))
    for name, words in (
        ("interview", "interviews?|candidate|hiring"),
        ("one-on-one", "1:1|1-1|1 on 1|one[- ]on[- ]one|1on1"),
        ("health", "dentist|doctor|dr|physio|therapy|medical|hospital|gym|vaccination"),
        ("family", "kids?|school|daycare|birthday|wedding|family|parents? evening"),
        ("travel", "flight|train|travel|airport|trip"),
        ("standup", "stand-?up|daily|scrum"),
        ("review", "review|retro(?:spective)?|demo|post-?mortem|audit"),
        ("planning", "planning|roadmap|kick-?off|strategy|okrs?|budget"),
        ("board", "board|investors?|steering"),
        ("sales", "sales|pitch|customer|client|vendor"),
        ("training", "training|workshop|course|lecture|seminar|webinar|onboarding"),
        ("focus", "focus|deep work|writing|no meetings|blocked|block"),
        ("meal", "lunch|dinner|breakfast|coffee"),
        ("social", "party|drinks|social|celebration|farewell|offsite"),
        ("call", "call|phone"),
        ("sync", "sync|check-?in|catch-?up|weekly|meeting|team"),
    )
)
_WORD = re.compile(r"[^\W\d_]{4,24}")
_DULL = re.compile(
    "with|from|about|call|meeting|sync|weekly|daily|monthly|team|review|planning|catch|check|"
    "discussion|onboarding|interview|workshop|training|update|session"
)
_URGENT = re.compile(r"\b(?:urgent|asap|critical|emergency|outage|incident|deadline)\b", re.I)


def describe(
    occurrence: Occurrence, viewer: Viewer, contacts: Contacts, now: datetime
) -> dict[str, str]:
    """Return every feature of ``NAMES``.

    Args:
        occurrence: What is described.
        viewer: Whose calendar it is in.
        contacts: What others are to them.
        now: For the notice that is left.
    """
    event = occurrence.event
    start = occurrence.start.astimezone(viewer.zone)
    others = [a for a in event.attendees if a.address not in viewer.addresses]
    return {
        "type": _type(occurrence, others),
        "topic": _topic(occurrence),
        "role": _role(occurrence, viewer),
        "relation": _relation(occurrence, others, viewer, contacts),
        "organiser": _organiser(occurrence, viewer),
        "time_of_day": "all day" if occurrence.all_day else _time_of_day(start.hour),
        "weekday": WEEKDAYS[start.weekday()],
        "location": _location(occurrence),
        "duration": "all day" if occurrence.all_day else _duration(occurrence.minutes),
        "series": _series(occurrence),
        "notice": _notice(occurrence.start - now),
        "attendees": _attendees(len(others)),
        "urgency": _urgency(occurrence),
    }


def separating(
    first: Mapping[str, str], second: Mapping[str, str], weights: Mapping[str, float]
) -> str:
    """Return the feature in which two events differ and that weighs most; empty for none.

    Args:
        first: Features of one.
        second: Features of the other.
        weights: What a preference model gave each feature; the order of ``NAMES`` breaks ties.
    """
    different = [name for name in NAMES if first.get(name, "") != second.get(name, "")]
    return max(different, key=lambda name: abs(weights.get(name, 0.0)), default="")


def _type(occurrence: Occurrence, others: list[Attendee]) -> str:
    for text in (*occurrence.event.categories, occurrence.title):
        for name, words in _TYPES:
            if words.search(text):
                return name
    if not others:
        return "own"
    return "one-on-one" if len(others) == 1 else "meeting"


def _topic(occurrence: Occurrence) -> str:
    """The first category, else the longest word of the title that says something."""
    for category in occurrence.event.categories:
        words = " ".join(category.casefold().split())
        if words:
            return words[:40]
    words_ = [w.casefold() for w in _WORD.findall(occurrence.title)]
    telling = [w for w in words_ if not _DULL.fullmatch(w)]
    return max(telling, key=len, default="none")


def _role(occurrence: Occurrence, viewer: Viewer) -> str:
    event = occurrence.event
    if event.organiser is not None and event.organiser.address in viewer.addresses:
        return "organiser"
    for attendee in event.attendees:
        if attendee.address in viewer.addresses:
            optional = attendee.role in ("OPT-PARTICIPANT", "NON-PARTICIPANT")
            return "chair" if attendee.role == "CHAIR" else "optional" if optional else "required"
    return "owner" if not event.attendees else "not invited"


def _relation(
    occurrence: Occurrence, others: list[Attendee], viewer: Viewer, contacts: Contacts
) -> str:
    """What the most telling person in it is to the user."""
    people = [a.address for a in others]
    organiser = occurrence.organiser
    if organiser is not None and organiser.address not in viewer.addresses:
        people.insert(0, organiser.address)
    if not people:
        return "alone"
    known = [relation for address in people if (relation := contacts.relation(address))]
    if known:
        return min(known, key=lambda r: RELATIONS.index(r) if r in RELATIONS else len(RELATIONS))
    domains = {address.rpartition("@")[2] for address in viewer.addresses}
    inside = all(address.rpartition("@")[2] in domains for address in people)
    return "colleague" if inside and domains else "outside"


def _organiser(occurrence: Occurrence, viewer: Viewer) -> str:
    organiser = occurrence.organiser
    if organiser is None or organiser.address in viewer.addresses:
        return "self"
    return organiser.address[:80]


def _time_of_day(hour: int) -> str:
    for limit, name in ((8, "early"), (12, "morning"), (14, "noon"), (17, "afternoon")):
        if hour < limit:
            return name
    return "evening"


def _location(occurrence: Occurrence) -> str:
    text = occurrence.location.strip()
    if not text:
        return "remote" if occurrence.event.conference else "none"
    return place(text)[:40] or "remote"


def _duration(minutes: float) -> str:
    for limit, name in ((15, "15 min"), (30, "30 min"), (60, "1 h"), (120, "2 h"), (240, "4 h")):
        if minutes <= limit:
            return name
    return "longer"


def _series(occurrence: Occurrence) -> str:
    if not occurrence.in_series:
        return "single"
    rules = occurrence.event.rules
    return rules[0].frequency.lower() if rules else "series"


def _notice(left: timedelta) -> str:
    steps = ((0, "past"), (2, "2 h"), (24, "1 day"), (72, "3 days"), (168, "1 week"))
    for hours, name in steps:
        if left < timedelta(hours=hours):
            return name
    return "longer"


def _attendees(others: int) -> str:
    for limit, name in ((0, "none"), (1, "1"), (4, "2-4"), (9, "5-9"), (19, "10-19")):
        if others <= limit:
            return name
    return "20 or more"


def _urgency(occurrence: Occurrence) -> str:
    priority = occurrence.event.priority
    if 1 <= priority <= 4 or _URGENT.search(occurrence.title):
        return "high"
    return "low" if priority > 5 else "normal"
