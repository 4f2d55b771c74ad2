"""Amounts in a sentence about work: how long, how many devices, cores, memory, machines, retries.

They are taken out of the sentence (blanked letter for letter), so that what is left are verbs,
objects and connectives.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

Name = Literal["duration", "devices", "cpus", "memory", "gang", "retries", "priority"]

_WORDS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "twelve": 12, "fifteen": 15, "sixteen": 16, "twenty": 20,
    "thirty": 30, "forty": 40, "forty-five": 45, "fifty": 50, "sixty": 60, "ninety": 90,
    "half": 0.5, "a single": 1, "single": 1, "another": 1, "a couple of": 2, "once": 1, "twice": 2,
}  # fmt: skip
_NUMBER = (
    r"(?:\d+(?:[.,]\d+)?|a couple of|a single|single|" + "|".join(
        sorted((w for w in _WORDS if " " not in w and w not in ("once", "twice")), key=len)[::-1]
    ) + r")"
)  # fmt: skip
_UNIT = r"(?:seconds?|secs?|s|minutes?|mins?|min|m|hours?|hrs?|hr|h|days?|d|weeks?)"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_EACH = r"(?P<each>,? (?:each|apiece|per (?!(?:second|minute|hour|day|week|month|year)\b)[a-z]+))?"
_ABOUT = (
    r"(?:(?:about|around|roughly|approximately|approx\.?|some|up to|at most|almost|nearly|~|circa"
    r"|exactly|only|just|another|at least|maybe|probably) )*"
)
_TYPE = (
    r"(?:(?:nvidia |amd |tesla )?(?:a100|h100|h200|v100|t4|l4|l40s?|b200|a10g?|p100|k80"
    r"|rtx ?\d+|mi300x?)s?)"
)
_VERB = (
    r"(?:takes?|taking|lasts?|lasting|needs?|needing|runs?|running|uses?|using|requires?"
    r"|requiring|has|have|gets?)"
)
_LEAD = (
    rf"(?:,? ?(?:which|that|it) (?:(?:should|will|would|must) )?{_VERB}(?: for| on)? "
    rf"|(?:(?:should |will |would |must )?{_VERB}(?: for| on)? |(?:with|for|on|in|of|across|over"
    rf"|at) )?)"
)

_PATTERNS: tuple[tuple[Name, str], ...] = (
    ("retries", rf"(?:and )?(?:retry|retries|retrying|try again)(?: it| each| them)?(?: up to| at "
        rf"most)? (?P<n>{_NUMBER}|once|twice)(?: times| retries)?"),
    ("retries", rf"(?:with )?(?:up to )?(?P<n>{_NUMBER}) retries"),
    ("gang", rf"{_LEAD}{_ABOUT}(?P<n>{_NUMBER}) (?:\w+ )?(?:nodes|machines|servers|hosts)(?: with "
        rf"(?P<per>{_NUMBER}) (?:\w+ )?gpus?(?: each)?)?"),
    ("devices", rf"{_LEAD}{_ABOUT}(?P<n>{_NUMBER}) ?(?:x )?(?:{_TYPE} )?(?:gpus?|accelerators?"
        rf"|tpus?|{_TYPE}){_EACH}"),
    ("cpus", rf"{_LEAD}{_ABOUT}(?P<n>{_NUMBER}) ?(?:cpu |cpus? |physical )?(?:cores?|cpus?|vcpus?"
        rf"|threads){_EACH}"),
    ("memory", rf"{_LEAD}{_ABOUT}(?P<n>{_NUMBER}) ?(?P<unit>gb|gib|tb|tib|mb|mib|g)(?: of)? "
        rf"(?:memory|ram|mem){_EACH}"),
    ("memory", rf"{_LEAD}{_ABOUT}(?P<n>{_NUMBER}) ?(?P<unit>gb|gib){_EACH}"
        rf"(?=\s*(?:[,;.)]|$|(?:and|for|then)\b))"),
    ("duration", rf"{_LEAD}{_ABOUT}half an hour(?P<half>){_EACH}"),
    ("duration", rf"{_LEAD}{_ABOUT}(?:an hour and a half|one and a half "
        rf"hours?)(?P<ninety>){_EACH}"),
    ("duration", rf"{_LEAD}{_ABOUT}(?P<n>\d+(?:[.,]\d+)?(?=[ -]?[a-z])"
        rf"|{_NUMBER}(?=[ -]))[ -]?(?P<unit>{_UNIT})(?:(?: and |,? )?(?P<n2>\d+) "
        rf"?(?P<unit2>minutes?|mins?|m|seconds?|s)?(?! ?[\w-]))?(?: long)?{_EACH}(?![\w-])"),
    ("priority", r"(?:with |at )?(?P<high>high|top|highest|urgent|low|lowest) priority"
        r"|(?P<urgent>urgently|asap)"),
)  # fmt: skip
_COMPILED = tuple(
    (name, re.compile(rf"(?<![\w.-])\(?{pattern}(?![\w-])\)?", re.IGNORECASE))
    for name, pattern in _PATTERNS
)
_SERIES = re.compile(
    rf"(?<![\w.-])\(?(?:(?:with|for|on|take|needs?) )?{_ABOUT}"
    rf"(?P<values>{_NUMBER}(?:, {_NUMBER}){{0,18}},? and {_NUMBER}) "
    rf"(?P<unit>{_UNIT}|gpus?|cores?)(?:,? respectively)?(?![\w-])\)?",
    re.IGNORECASE,
)
"""One amount for each of several things: "10 and 25 minutes"."""


@dataclass(frozen=True, slots=True)
class Amount:
    """One property with its value and where it stood."""

    name: Name
    value: float
    """Seconds, devices, cores, GiB, machines, retries, rank."""
    start: int
    end: int
    phrase: str
    each: bool = False
    place: tuple[int, int] = (0, 1)
    """Which of how many, in "10 and 25 minutes"."""
    per: int = 0
    """Devices on each machine of a gang; 0 where not said."""


_MOST: dict[Name, float] = {
    "duration": 366 * 86_400, "devices": 10_000, "cpus": 100_000, "memory": 1e9, "gang": 10_000,
    "retries": 20, "priority": 1000,
}  # fmt: skip
"""What a task graph can hold; more is cut to it, and no machine has it."""


def take_amounts(text: str) -> tuple[str, list[Amount]]:
    """Return the text with its amounts blanked, and the amounts in order."""
    found: list[Amount] = []
    for series in list(_SERIES.finditer(text)):
        values = re.findall(rf"\b{_NUMBER}\b", series["values"], re.IGNORECASE)
        for n, value in enumerate(values):
            found += [
                replace(one, start=series.start(), end=series.end(), place=(n, len(values)))
                for one in take_amounts(f"{value} {series['unit']}")[1]
            ]
        text = text[: series.start()] + " " * len(series[0]) + text[series.end() :]
    for name, pattern in _COMPILED:
        for match in list(pattern.finditer(text)):
            amount = _amount(name, match)
            if amount is not None and not _is_offset(text, match, name):
                found.append(amount)
                text = text[: match.start()] + " " * len(match[0]) + text[match.end() :]
    found.sort(key=lambda amount: amount.start)
    for n in range(len(found) - 1, 0, -1):
        between = text[found[n - 1].end : found[n].start]
        if found[n].each and re.fullmatch(r"[\s,&]*(?:and )?\s*", between):
            found[n - 1] = replace(found[n - 1], each=True)  # "3 hours and 16 cores each"
    return text, found


def number(word: str) -> float:
    """Return what a number says, in digits or words."""
    lower = word.lower()
    return _WORDS[lower] if lower in _WORDS else min(1e12, float(lower.replace(",", ".")))


def _is_offset(text: str, match: re.Match[str], name: Name) -> bool:
    """Whether a length counts from now ("in 2 hours", "2 hours later"): that is a time."""
    if name != "duration":
        return False
    if match[0].lower().lstrip(" (,").startswith("for "):
        return False
    after = text[match.end() :].lstrip().lower()
    if after.startswith(("later", "earlier", "ago", "after ", "before ", "from now", "of data")):
        return True
    return match[0].lower().lstrip(" (,").startswith("in ") and "per" not in match[0]


def _amount(name: Name, match: re.Match[str]) -> Amount | None:
    found = _read(name, match)
    return found and replace(found, value=min(found.value, _MOST[name]))


def _read(name: Name, match: re.Match[str]) -> Amount | None:
    groups = match.groupdict()
    place = (match.start(), match.end(), " ".join(match[0].split()).strip(" ,()"))
    each = bool(groups.get("each"))
    match name:
        case "duration":
            seconds = _seconds(groups)
            return Amount(name, seconds, *place, each) if seconds >= 1 else None
        case "memory":
            factor = {"t": 1024.0, "m": 1 / 1024}.get(groups["unit"][0].lower(), 1.0)
            return Amount(name, number(groups["n"]) * factor, *place, each)
        case "gang":
            per = int(number(groups["per"])) if groups["per"] else 0
            value = int(number(groups["n"]))
            return Amount(name, value, *place, per=per) if value >= 1 else None
        case "priority":
            high = groups["urgent"] or groups["high"].lower() not in ("low", "lowest")
            return Amount(name, 10 if high else -10, *place)
        case _:
            return Amount(name, number(groups["n"]), *place, each)


def _seconds(groups: dict[str, str]) -> float:
    if groups.get("half") is not None:
        return 1800.0
    if groups.get("ninety") is not None:
        return 5400.0
    total = number(groups["n"]) * _SECONDS[groups["unit"][0].lower()]
    if groups.get("n2"):
        smaller = (groups.get("unit2") or "m")[0].lower()
        total += number(groups["n2"]) * _SECONDS[smaller]
    return total
