"""Names and places in a clause about an event, by the words around them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agentsched.understanding.words import NO_NAME

_NAME = r"(?:Dr\.? |Prof\.? |Mr\.? |Mrs\.? |Ms\.? )?[A-Z][\w'-]+(?: (?:[A-Z][\w'-]+|[A-Z]\.))*"
_GROUP = (
    r"(?:(?:the|my|our) (?:[\w-]+ )?(?:team|boss|manager|wife|husband|partner|mom|mother|dad|father"
    r"|sister|brother|kids|group|board|department|crew|family|skip|assistant|supervisor|client"
    r"|clients"
    r"|customers?|friends?|roommates?|colleagues?|reports?|girlfriend|boyfriend)|everyone|everybody"
    r"|mom|dad)"
)
_LIST = re.compile(
    rf"\b(?:with|invite|inviting|include|including|and also|for)\s+(?P<who>(?:{_NAME}|{_GROUP})"
    rf"(?:(?:,? and |, | & )(?:{_NAME}|{_GROUP}|me\b))*)"
)
_PLACE = re.compile(
    r"\b(?:at|in) (?:the )?(?P<place>(?:room |conference room |building |floor )?[A-Z0-9][\w'&.-]*"
    r"(?: (?:[A-Z0-9][\w'&.-]*|of|the|and|room|office|park|cafe|street|house|bar|building))*"
    r"|(?:my |your |her |his |the )?(?:office|lobby|cafeteria|kitchen|library|gym|park|beach"
    r"|conference room"
    r"|meeting room|restaurant|cafe|coffee shop|bar|school|church|house|airport|hospital|mall"
    r"|club))"
)


def find_people(text: str, known: Sequence[str] = ()) -> tuple[str, ...]:
    """Return who takes part: after "with", "invite" or "for", and known names anywhere."""
    found: list[str] = []
    for match in _LIST.finditer(text):
        for name in re.split(r",? and |, | & ", match["who"]):
            name = re.sub(r"^(?:my|our|the) (?=[A-Z])", "", name.strip())
            if name.lower().split()[0] not in NO_NAME and name != "me":
                found.append(name)
    for name in known:
        if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE):
            found.append(name)
    lower: dict[str, str] = {}
    for name in found:
        lower.setdefault(name.lower(), name)
    return tuple(lower.values())[:50]


def people_span(text: str) -> list[tuple[int, int]]:
    """Return where lists of people stand, with the word that leads them."""
    return [
        match.span()
        for match in _LIST.finditer(text)
        if match["who"].lower().split()[0] not in NO_NAME
    ]


def find_place(text: str) -> str:
    """Return where an event is; empty where the words name no place."""
    for match in _PLACE.finditer(text):
        place = match["place"].strip(" .,")
        if place.lower().split()[0] not in NO_NAME and not re.fullmatch(r"[\d.:apm ]+", place):
            return place
    return ""
