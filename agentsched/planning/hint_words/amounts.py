"""Wishes with an amount: memory of machines and devices, ceilings, and as little as possible."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from agentsched.planning.hint_words.found import NUMBER, Found, Unread, number
from agentsched.planning.hints import (
    CeilingHint,
    DeviceMemoryHint,
    LeastHint,
    MemoryHint,
    Quantity,
)

_GIB: Final = {"k": 1 / 1024**2, "m": 1 / 1024, "g": 1.0, "t": 1024.0}
_SIZE: Final = (
    rf"(?P<number>{NUMBER})\s*"
    r"(?P<unit>[kmgt](?:i?b)?|gigs?|megs?|(?:kilo|mega|giga|tera)bytes?|[kmgt]ibibytes?)\b"
)
_GRAPHICS: Final = r"(?:vram|(?:gpu|video|device|graphics) (?:memory|ram))"
_LEAST_OF: Final = (
    r"(?:(?:at least|more than|over|above|no less than|not less than|a minimum of|minimum|"
    r"(?:not|n't) (?:fit|run|work) (?:in|into|on|with) (?:less than|under))\s+)?"
)
_APART: Final = r"\s*[,(]\s*(?=at least|more than|over|above|no less|not less|a min|min)"
"""Between what is meant and how much of it: "lots of memory, at least 200 GB"."""
_MOST_OF: Final = r"(?:at most|less than|no more than|under|below|up to)\s+"
_OR_MORE: Final = r"(?:\s+or (?:more|above|better|larger))?"
_CARDS: Final = r"(?:gpus?|cards?|accelerators?|devices?)"
_DEVICE_MEMORY: Final = (
    rf"{_LEAST_OF}{_SIZE}{_OR_MORE}\s+(?:of\s+)?{_GRAPHICS}"
    rf"{_OR_MORE}",
    rf"{_LEAST_OF}{_SIZE}{_OR_MORE}(?:\s+of)?(?:\s+(?:memory|ram))?\s+"
    rf"(?:per|a|each|on (?:each|every|the)|in (?:each|every)|for (?:each|every))\s+{_CARDS}\b",
    rf"{_GRAPHICS}(?:(?:\s+(?:of|is|:|with))?\s+|{_APART})"
    rf"{_LEAST_OF}{_SIZE}{_OR_MORE}",
    rf"(?:an?\s+)?\b{_CARDS}\s+(?:with|of|having|(?:that )?(?:has|have)|"
    rf"(?:should|must|needs? to|has to|have to) have)\s+{_LEAST_OF}{_SIZE}{_OR_MORE}"
    r"(?:\s+(?:of\s+)?(?:memory|ram|vram))?(?:\s+each)?",
    rf"{_LEAST_OF}{_SIZE}\s+{_CARDS}\b",
)
_MEMORY: Final = (
    rf"{_LEAST_OF}{_SIZE}{_OR_MORE}\s+(?:of\s+)?(?:main\s+|system\s+)?(?:ram|memory)\b{_OR_MORE}",
    rf"\b(?:ram|memory)(?:\s*(?:of|is|:|=)?\s+|{_APART}){_LEAST_OF}{_SIZE}{_OR_MORE}",
    rf"\b(?:needs?|wants?|requires?|uses?|takes?)\s+{_LEAST_OF}{_SIZE}{_OR_MORE}"
    r"(?!\s+(?:of\s+)?(?:data|disk|storage|space|swap))",
)
_TOO_LITTLE: Final = rf"{_MOST_OF}{_SIZE}\s+(?:of\s+)?(?:ram|memory|vram)\b"

_LIMIT: Final = (
    r"(?:\b(?:for (?:less|no more|not more) than|less than|under|below|at most|"
    r"(?:no|not) more than|"
    r"(?:not|never|no)\b[^.,;]{0,20}?\b(?:more than|over|above|exceed(?:s|ing)?)|"
    r"max(?:imum|imal)?(?:\s+of)?|up to|within|"
    r"(?:budget|limit|ceiling|cap)(?:\s+(?:is|of|at|to|:))?|"
    r"(?:cap|limit|keep|hold)(?:s|ped|ped)?\b[^.,;]{0,20}?\s(?:at|to))|"
    r"n't\b[^.,;]{0,20}?\b(?:more than|over|above|exceed(?:s|ing)?))"
)
_NEAR_LIMIT: Final = rf"{_LIMIT}(?:\s+(?:a|the|total|of|about|around|roughly)){{0,3}}\s*"
_OR_LESS: Final = (
    r"(?:\s+(?:or less|at most|max(?:imum)?|tops|is (?:my|our|the|his|her) "
    r"(?:limit|max(?:imum)?|budget|cap|ceiling|most))\b)"
)
_PER_HOUR: Final = r"(?P<hourly>\s*(?:an|per|a|each|every|/)\s*h(?:ou)?rs?\b|\s+hourly\b)?"
_MONEY: Final = (
    rf"(?:[$€£]\s*(?P<sum>{NUMBER})|"
    rf"(?P<sum2>{NUMBER})\s*(?:dollars?|euros?|bucks|pounds|usd|eur|gbp|[$€£])){_PER_HOUR}"
)
_MASS: Final = {"g": 1.0, "kg": 1000.0, "t": 1e6}
_GAS: Final = r"(?:co2e?|co₂|carbon|emissions)(?:\s+dioxide)?"
_MASS_SAID: Final = (
    rf"(?P<mass>{NUMBER})\s*(?P<massunit>kg|kilos?|kilograms?|g|grams?|t|tons?|tonnes?)\b"
)
_CARBON: Final = (
    rf"{_MASS_SAID}(?:\s+(?:of\s+)?{_GAS}(?P<grid>\s*(?:/|per)\s*kwh)?|"
    rf"(?P<grid2>\s*(?:/|per)\s*kwh)(?:\s+(?:of\s+)?{_GAS})?)"
)
_ENERGY: Final = (
    rf"(?P<energy>{NUMBER})\s*(?P<energyunit>[kmg]?wh|kilowatt[- ]hours?|kw|watts?|w)\b"
)
_CEILINGS: Final[dict[Quantity, tuple[str, ...]]] = {
    "price": (rf"{_NEAR_LIMIT}{_MONEY}", rf"{_MONEY}{_OR_LESS}"),
    "carbon": (
        rf"{_NEAR_LIMIT}{_CARBON}",
        rf"{_CARBON}{_OR_LESS}",
        rf"\b{_GAS}\s+(?:\w+\s+){{0,2}}?{_NEAR_LIMIT}{_MASS_SAID}(?P<grid>\s*(?:/|per)\s*kwh)?(?P<grid2>)",
    ),
    "energy": (rf"{_NEAR_LIMIT}{_ENERGY}", rf"{_ENERGY}{_OR_LESS}"),
}
_KWH: Final = {"wh": 1e-3, "kwh": 1.0, "mwh": 1e3, "gwh": 1e6, "w": 1e-3, "kw": 1.0}

_COST: Final = r"(?:costs?|prices?|spend(?:ing)?|bill|money)"
_CO2: Final = r"(?:carbon|co2|co₂|emissions?)"
_POWER: Final = r"(?:energy|power|electricity)"
_THING: Final[dict[Quantity, str]] = {"price": _COST, "carbon": _CO2, "energy": _POWER}
_ADJECTIVE: Final[dict[Quantity, str]] = {
    "price": r"\b(?:as\s+)?(?:cheap(?:est|ly|er)?|economical|inexpensive(?:ly)?)\b|"
    r"\bleast expensive\b",
    "carbon": r"\b(?:as\s+)?green(?:est|er)?\b|\b(?:most\s+)?environmentally friendly\b",
    "energy": r"\b(?:most\s+)?energy[- ]efficient(?:ly)?\b|\bleast power[- ]hungry\b",
}
_AS_POSSIBLE: Final = r"(?:\s+(?:as possible|as (?:you|we|it) can|where you can|possible))?"


def find_memory(text: str) -> Iterator[Found | Unread]:
    """Find amounts of memory that a machine or each device must have."""
    for pattern in _DEVICE_MEMORY:
        for match in re.finditer(pattern, text, re.IGNORECASE):
            yield Found(*match.span(), DeviceMemoryHint(at_least=_gib(match)))
    for match in re.finditer(_TOO_LITTLE, text, re.IGNORECASE):
        yield Unread(*match.span(), f"{match[0]!r}: a machine can be asked for at least, not most")
    for pattern in _MEMORY:
        for match in re.finditer(pattern, text, re.IGNORECASE):
            named = re.search(r"ram\b|memory", match[0], re.IGNORECASE)
            note = "" if named else f"{match[0]!r}: read as memory of the machine"
            yield Found(*match.span(), MemoryHint(at_least=_gib(match)), assumed=note)


def _gib(match: re.Match[str]) -> float:
    # A zero is no wish, and no amount either.
    return max(number(match["number"]), 1e-6) * _GIB[match["unit"][0].lower()]


def find_ceilings(text: str) -> Iterator[Found]:
    """Find most money, carbon or energy, in all or by the hour (carbon: by the kWh)."""
    for quantity, patterns in _CEILINGS.items():
        for pattern in patterns:
            for match in re.finditer(pattern, text, re.IGNORECASE):
                yield Found(*match.span(), _ceiling(quantity, match))


def _ceiling(quantity: Quantity, match: re.Match[str]) -> CeilingHint:
    if quantity == "price":
        limit = number(match["sum"] or match["sum2"])
        return CeilingHint(quantity="price", limit=limit, per_hour=bool(match["hourly"]))
    if quantity == "carbon":
        unit = match["massunit"].lower()
        grams = _MASS["kg" if unit.startswith("k") else unit[0]]
        limit = number(match["mass"]) * grams
        return CeilingHint(
            quantity="carbon", limit=limit, per_hour=bool(match["grid"] or match["grid2"])
        )
    unit = match["energyunit"].lower().replace("kilowatt", "kwh").replace("watts", "w")
    unit = "kwh" if unit.startswith("kwh") else unit.replace("watt", "w")
    limit = number(match["energy"]) * _KWH[unit]
    return CeilingHint(quantity="energy", limit=limit, per_hour=not unit.endswith("h"))


def find_aims(text: str) -> Iterator[Found]:
    """Find wishes for as little of something as possible."""
    for quantity, adjective in _ADJECTIVE.items():
        thing = _THING[quantity]
        for pattern in (
            rf"(?:{adjective}){_AS_POSSIBLE}",
            rf"\b(?:as\s+)?(?:lowest|least|little|low|minimal|minimum)[- ]{thing}\b"
            rf"(?:\s+footprint)?{_AS_POSSIBLE}",
            rf"\b(?:keep|hold|get|bring|cut)\b(?:\s+\w+){{0,2}}?\s+{thing}(?:\s+(?:low|down))",
            rf"\b{thing}(?:\s+\w+){{0,3}}\s+as (?:small|low|little) as possible\b",
            rf"\b{thing}\s+(?:is what matters|matters (?:most|more)|is (?:the )?most important)\b",
            rf"\b(?:go |be )?easy on (?:the\s+)?{thing}\b",
            rf"\b(?:minimi[sz]e|save|cut|reduce)\s+(?:the\s+|on\s+)*{thing}\b{_AS_POSSIBLE}",
        ):
            for match in re.finditer(pattern, text, re.IGNORECASE):
                yield Found(*match.span(), LeastHint(quantity=quantity), aim=True)
