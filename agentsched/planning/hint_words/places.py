"""Wishes about where tasks are towards each other, towards data, and on spot capacity."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from agentsched.planning.hint_words.found import LEVEL, LEVELS, Found, Unread, level_of
from agentsched.planning.hints import (
    Level,
    NearDataHint,
    SpotHint,
    SpreadHint,
    TogetherHint,
)
from agentsched.planning.inventory import DataSet, Inventory

_ORDER: Final[tuple[Level, ...]] = ("node", "rack", "zone", "region")

_TOGETHER: Final = (
    rf"\b(?:on|in|to|onto|at|within|inside)\s+(?:(?:exactly\s+)?one(?:\s+and\s+the\s+same)?|"
    rf"the (?:very )?same|a (?:single|common|shared)|the one)\s+(?:single\s+)?{LEVEL}",
    rf"\bshar(?:e|es|ing)\s+(?:the (?:same )?|a |one )?{LEVEL}",
    rf"\bsame\s+{LEVEL}",
    rf"(?:^|(?<=, ))(?:one|a single)\s+{LEVEL}(?=\W*$|\s*,)",
)
_CLOSE: Final = r"\bclose(?:r|ly)? together\b|\b(?:close|near|next) to (?:each other|one another)\b"
_ONE_PLACE: Final = r"\bco-?ll?ocated?\b|\btogether\b|\bside by side\b"
_ALL_OF: Final = r"(?:(?:the|all|many|different|several|multiple|various|two|three)\s+)*"
_APART: Final = (
    rf"\b(?:different|separate|distinct|several|multiple|various|their own|its own|own)\s+{LEVEL}",
    rf"\b(?:across|over|between|among)\s+{_ALL_OF}{LEVEL}(?<=s)",
)
_ONE_EACH: Final = (
    r"\b(?:one|only one|a single)\b[^.;,]{0,30}?"
    rf"\b(?P<each>(?:per|(?:on|in|for|to) (?:each|every))\s+{LEVEL})"
)
_SPREAD: Final = (
    r"\b(?:spread|split|distribut|scatter|separat)(?:e|ed|es|ing)?\b(?:\s+(?:them|everything|it|these))?"
    r"(?:\s+out)?(?!\w)"
    # what it is spread over is found by itself
    rf"(?![^.;,]{{0,60}}?\b(?:across|over|between|among|on|in)\s+{_ALL_OF}{LEVEL})|\bapart\b"
)

_SPOT: Final = r"\b(?:spot|pre-?emptible|interruptible)\b"
_CAPACITY: Final = r"(?:\s+(?:instances?|machines?|nodes?|capacity|vms?|servers?|boxes))?"
_STEADY: Final = (
    r"\b(?:on-?\s?demand|non-?\s?(?:spot|pre-?emptible|interruptible)|"
    r"reserved(?=\s+(?:instances?|machines?|nodes?|capacity|vms?)))\b"
)

_LEVEL_TOO: Final = LEVEL.replace("<level>", "<level2>")
_NEAR: Final = (
    r"\b(?:(?:as\s+)?(?:close(?:r|st)?|near(?:er|est)?|next)(?:\s+to)?|beside|alongside|by|with|at|where|"
    rf"(?:on|to|in|at)\s+the\s+{LEVEL}\s+(?:that|which|where|with)"
    r"(?:\s+(?:holds?|has|have|keeps?|stores?))?|"
    rf"(?:(?:on|in|at)\s+)?the\s+same\s+{_LEVEL_TOO}\s+as)\s+(?:the\s+|our\s+)?"
)
_DATA_SAID: Final = r"(?:\s+data(?:\s?sets?)?)?(?:\s+(?:is|are|lies?|lives?|sits?|resides?))?"
_UNKNOWN_DATA: Final = (
    r"\b(?:close to|near|next to)\s+(?:the\s+)?(?P<name>[\w-]+)\s+data(?:\s?sets?)?\b"
)


def find_near_data(text: str, inventory: Inventory) -> Iterator[Found | Unread]:
    """Find wishes to run where, or near where, a data set of the inventory lies."""
    for item in inventory.data:
        name = re.sub(r"[-_ ]+", "[-_ ]?", re.escape(item.name).replace(r"\-", "-"))
        for match in re.finditer(rf"{_NEAR}{name}\b{_DATA_SAID}", text, re.IGNORECASE):
            wanted = _data_level(match)
            level = _known_level(item, wanted)
            note = (
                f"{match[0]!r}: nobody says on which {wanted} it lies, read as its {level}"
                if level != wanted
                else ""
            )
            yield Found(*match.span(), NearDataHint(data=item.name, level=level), assumed=note)
    for match in re.finditer(_UNKNOWN_DATA, text, re.IGNORECASE):
        known = ", ".join(item.name for item in inventory.data) or "none"
        if match["name"].lower() not in ("the", "its", "their", "our", "my", "same"):
            yield Unread(
                *match.span(), f"{match[0]!r}: no data set {match['name']!r}; known: {known}"
            )


def _data_level(match: re.Match[str]) -> Level:
    if match["level"] or match["level2"]:
        return LEVELS[(match["level"] or match["level2"]).lower()]
    return "node" if match[0].lower().startswith("where") else "zone"


def _known_level(item: DataSet, wanted: Level) -> Level:
    """Return the level itself, or the next one outwards at which the place is known."""
    known = {
        "node": bool(item.machines),
        "rack": bool(item.machines or item.rack),
        "zone": bool(item.machines or item.zone),
        "region": bool(item.machines or item.region),
    }
    outwards = _ORDER[_ORDER.index(wanted) :]
    return next((level for level in outwards if known[level]), wanted)


def find_company(text: str) -> Iterator[Found]:
    """Find wishes to be together or apart; denied, each is the other."""
    for pattern in _APART:
        for match in re.finditer(pattern, text, re.IGNORECASE):
            yield _company(match, level_of(match), together=False)
    for match in re.finditer(_ONE_EACH, text, re.IGNORECASE):
        apart = _company(match, level_of(match), together=False)
        yield replace(apart, start=match.start("each"))
    for pattern in _TOGETHER:
        for match in re.finditer(pattern, text, re.IGNORECASE):
            yield _company(match, level_of(match), together=True)
    for match in re.finditer(_CLOSE, text, re.IGNORECASE):
        yield _company(match, "rack", together=True, said="one rack")
    for match in re.finditer(_ONE_PLACE, text, re.IGNORECASE):
        yield _company(match, "node", together=True, said="one machine")
    for match in re.finditer(_SPREAD, text, re.IGNORECASE):
        yield _company(match, "node", together=False, said="different machines")


def _company(match: re.Match[str], level: Level, *, together: bool, said: str = "") -> Found:
    one, other = TogetherHint(level=level), SpreadHint(level=level)
    note = f"{match[0]!r}: read as {said}" if said else ""
    if together:
        return Found(*match.span(), one, other, assumed=note)
    return Found(*match.span(), other, one, assumed=note)


def find_spot(text: str) -> Iterator[Found]:
    """Find wishes for or against capacity that may be taken away."""
    off, on = SpotHint(avoid=True), SpotHint(avoid=False)
    for match in re.finditer(f"{_STEADY}{_CAPACITY}", text, re.IGNORECASE):
        yield Found(*match.span(), off, on, bare=True)
    for match in re.finditer(f"{_SPOT}{_CAPACITY}", text, re.IGNORECASE):
        yield Found(*match.span(), on, off, bare=True)
