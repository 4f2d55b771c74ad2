"""From a text to pieces: at each word the longest match of any rule."""

from __future__ import annotations

import re
from dataclasses import replace

from agentsched.times import (
    rules_amount,
    rules_clock,
    rules_dates,
    rules_links,
    rules_periods,
    rules_repeat,
)
from agentsched.times.holidays import NAMES
from agentsched.times.pieces import (
    DAY_KINDS,
    Amount,
    CalendarDay,
    Clock,
    DayPart,
    Link,
    Number,
    Piece,
)
from agentsched.times.rule import Rules, Said
from agentsched.times.vocabulary import MONTHS, NUMBERS, UNITS, WEEKDAYS

_RULES = Rules(
    *rules_repeat.RULES, *rules_dates.RULES, *rules_periods.RULES, *rules_amount.RULES,
    *rules_clock.RULES, *rules_links.RULES,
)  # fmt: skip
_WORD = re.compile(r"[a-z]+|\d+|[½¼¾@&'/+]|->|-{1,2}", re.ASCII)
_REST = re.compile(r"[a-z\d_]*", re.ASCII)
_OPENERS = """
a about after afternoon afternoons ahead all alternate alternating an and annual annually any
anytime apart approx approximately around as asap at before begin beginning begins between bi
biannually biennially bimonthly biweekly breakfast brunch business but by ca calendar circa close
cob coming commencing couple current cw daily day deadline dinner due during each earlier early
effective end ending ends eob eod eom eoq eow eoy evening evenings every everyday except excluding
few final following for fortnight fortnightly fortnights from full gegen h half hourly ides
immediately in kw last lasting late later latest latter lunch lunchtime m mid midday middle
midnight monthly morning mornings mw mwf next night nightly nights no noon not now o of on once
onward onwards or other over overmorrow pair past penultimate per previous prior q quarterly
remainder remaining rest right roughly semi semiannually several since skipping start starting
starts straight supper t taking than the then this thrice through thru til till time tmr tmrw tmw
to today todays tommorow tommorrow tomorow tomorows tomorrow tomorrows tonight tonite tr tth tuth
twice unless until untill up upcoming weekday weekdays weekend weekends weekly weeknight weeknights
whole within without wk wkend work workday workdays working year yearly yesterday yesterdays
"""
_OPENING = (
    frozenset(WEEKDAYS) | {f"{day}s" for day in WEEKDAYS} | MONTHS.keys() | NUMBERS | UNITS.keys()
    | {name.split()[0].split("'")[0].split(".")[0] for name in NAMES}
    | set(_OPENERS.split())
)  # fmt: skip
"""Words that a rule may begin with; others are passed over without a try."""
_DOTTED = re.compile(r"\d{1,2}\.\d\d", re.ASCII)
_BETWEEN = re.compile(r"[\s(,]*", re.ASCII)


def scan(known: str, written: str, *, day_first: bool) -> list[Piece]:
    """Return the pieces of a text, in order and without overlap.

    Args:
        known: The text as ``spelling.plain`` spells it.
        written: The text as it was given, of the same length.
        day_first: Whether 3/12 is 3 December.
    """
    pieces: list[Piece] = []
    position = 0
    while (word := _WORD.search(known, position)) is not None:
        start = word.start()
        end, said = start, None
        rules = _zone_rules(pieces, known, start)
        if rules is not None:
            end, said = rules.longest(known, written, start, day_first=day_first)
        if word[0].removesuffix("ish") in _OPENING or not word[0].isalpha():
            plain_end, plain = _RULES.longest(known, written, start, day_first=day_first)
            if plain is not None and _is_dotted_clock(plain, pieces, known, start, plain_end):
                plain = _as_clock(known[start:plain_end])
            if plain is not None and plain_end > end and not _barred(known, start, plain):
                end, said = plain_end, plain
        if said is None:
            rest = _REST.match(known, word.end()) if word[0].isalnum() else None
            position = rest.end() if rest else word.end()
            continue
        if _follows_iso_date(said, pieces, known, start):
            said = Said(tuple(replace(v, half="24") for v in said.values if isinstance(v, Clock)))
        pieces += [Piece(start, end, value, said.weak) for value in said.values]
        position = end
    return pieces


def _follows_iso_date(said: Said, pieces: list[Piece], known: str, start: int) -> bool:
    """Whether an open hour is beyond doubt, as that of 2026-03-20 08:45 is."""
    if not pieces or not isinstance(said.values[0], Clock) or said.values[0].half:
        return False
    day = pieces[-1]
    iso = isinstance(day.value, CalendarDay) and known[day.start : day.start + 4].isdigit()
    return iso and not known[day.end : start].strip() and ":" in known[start : start + 3]


def _is_dotted_clock(said: Said, pieces: list[Piece], known: str, start: int, end: int) -> bool:
    """Whether what looks like a date is a time of day after one: "June 7th 17.05"."""
    if not isinstance(said.values[0], CalendarDay) or not said.weak or not pieces:
        return False
    day = next((p.value for p in reversed(pieces) if isinstance(p.value, CalendarDay)), None)
    near = known[pieces[-1].end : start].strip() == "" and day is not None and day.month
    return bool(near and _DOTTED.fullmatch(known, start, end))


def _as_clock(text: str) -> Said | None:
    hour, minute = (int(part) for part in text.split("."))
    return Said((Clock(hour, minute, half="24"),)) if hour < 24 and minute < 60 else None


def _barred(known: str, start: int, said: Said) -> bool:
    """Whether a number belongs to something else: $5, #4, the second 1 of 1:1."""
    if not isinstance(said.values[0], Number) or not start:
        return False
    return known[start - 1] in "$€£#_" or (known[start - 1] in ":.," and known[start - 2].isdigit())


def _names_hour(pieces: list[Piece]) -> bool:
    """Whether one of them is a time of day: "3pm", "at 3"."""
    values = [piece.value for piece in pieces]
    return any(
        isinstance(value, Clock) or (isinstance(value, Number) and before == Link("at"))
        for before, value in zip([None, *values], values, strict=False)
    )


def _zone_rules(pieces: list[Piece], known: str, start: int) -> Rules | None:
    """Return the rules of zones that may follow what stands before."""
    linked = bool(pieces) and pieces[-1].value in (Link("in"), Link("at"))
    before = pieces[:-1] if linked else pieces
    if not before or _BETWEEN.fullmatch(known, pieces[-1].end, start) is None:
        return None
    last = before[-1].value
    timed = isinstance(last, Clock | Number | DayPart)
    dated = isinstance(last, (*DAY_KINDS, Amount)) and _names_hour(before[-5:-1])
    if dated and not linked:
        return rules_links.DATED_ZONES
    timed |= dated
    if linked and timed and pieces[-1].value == Link("in"):
        return rules_links.CITIES
    if isinstance(last, Clock) and not linked:
        after_date = len(before) > 1 and isinstance(before[-2].value, CalendarDay)
        glued = after_date and before[-2].end == before[-1].start
        signed = known[start] == "+" or glued
        return rules_links.ZONES if signed else rules_links.NAMED_ZONES
    if isinstance(last, Number | DayPart) and not linked:
        return rules_links.NAMED_ZONES
    return rules_links.PLACES
