"""Rules of days and stretches by name: Friday, next week, end of the month, first Monday of."""

from __future__ import annotations

import re
from typing import Literal, cast

from agentsched.times.holidays import NAMES
from agentsched.times.pieces import (
    Amount,
    Beside,
    Edge,
    Holiday,
    IsoWeek,
    Nth,
    Period,
    Quarter,
    Share,
    Shift,
    Span,
    Today,
    Weekday,
    Year,
)
from agentsched.times.rule import Match, Rule, Said, fixed, rule
from agentsched.times.rules_dates import BACK, YEAR_AFTER, Which, said_which, said_year
from agentsched.times.vocabulary import (
    CARDINAL,
    MONTH,
    ORDINAL,
    WEEKDAY,
    WEEKDAYS,
    YEAR,
    alternatives,
    number,
    whole,
)

_SPANS: dict[str, Span] = {
    "week": "week", "weekend": "weekend", "week-end": "weekend", "week end": "weekend",
    "wkend": "weekend", "month": "month", "quarter": "quarter", "qtr": "quarter", "year": "year",
    "yr": "year", "day": "day",
}  # fmt: skip
_SPAN = (
    r"(?:(?:calendar|work(?:ing)?|business)[- ]?)?"
    r"(?P<span>week[- ]?end|wkend|week|month|quarter|qtr|year|yr)(?:'?s)?"
)
_LONG = r"(?P<span>week|month|quarter|year)"
_SIDE = r"(?P<side>end|close|start|beginning|middle)"
_AHEAD = ("next", "coming", "following", "upcoming")
_WHICH = (
    r"(?:the\s+)?(?:this\s+)?"
    r"(?P<which>this|next|last|coming|following|upcoming|past|previous)\s+"
)
_ABBREVIATED = {"mon", "wed", "sat", "sun", "fri", "tue", "thu", "weds"}
HOLIDAYS = alternatives(re.escape(name).replace("\\ ", r"\s+") for name in NAMES)
_AFTER_EARLY = (
    rf"(?=[- ](?:in\s+|on\s+)?(?:the\s+|next\s+|this\s+(?:week|month|q|year)|{MONTH}|{WEEKDAY}"
    r"|today|tom|week|20\d\d))"
)

_NUMBERED = re.compile(
    rf"(?P<nth>{ORDINAL})(?:[- ](?:to[- ])?(?P<last>last))?|(?P<bare>last|final|penultimate)",
    re.ASCII,
)
_ORD = rf"(?:{ORDINAL}[- ](?:to[- ])?last|{ORDINAL}|last|final|penultimate|second[- ]to[- ]last)"
ORDS = rf"(?P<numbers>{_ORD}(?:\s*(?:,|and|&|,\s*and)\s*(?:the\s+)?{_ORD}){{0,6}})"
_DAYS = rf"{WEEKDAY}(?:\s*(?:,|/|and|&|or)\s*{WEEKDAY})*"
NTH_WHAT = (
    rf"(?P<what>{_DAYS}|day|week[- ]?end|week|(?:working|business|work)\s?day|weekday|workday)"
)


def _weekday(match: Match) -> Said:
    name = match["day"]
    which: Which = "after next" if match["after"] == "after next" else said_which(match["which"])
    weeks = {"week": 1, "fortnight": 2}.get(match["after"], 0)
    weak = name in _ABBREVIATED and not (which or weeks)
    return Said((Weekday(WEEKDAYS[name], which, weeks),), weak=weak)


def _beside(match: Match) -> Said:
    count = whole(match["nth"]) if match["nth"] else 1
    sign = -1 if match["way"] == "before" else 1
    return Said((Beside(WEEKDAYS[match["day"]], count, sign),))


def _working_day_beside(match: Match) -> Said:
    """The first working day after Easter, the last one before March 20."""
    count = whole(match["nth"]) if match["nth"] not in ("", "next", "last") else 1
    sign = -1 if match["way"] == "before" else 1
    return Said((Shift(Amount(((float(count), "business"),)), sign),))


def _period(match: Match) -> Said:
    said = match["which"]
    offset = 1 if said in _AHEAD else -1 if said in BACK else 0
    if "coming" in said and _SPANS[match["span"]] == "weekend":
        offset = 0
    return Said((Period(_SPANS[match["span"]], offset),))


def _edge_of_period(match: Match) -> Said:
    return Said((Edge(_side(match["side"])), Period(_SPANS[match["span"]])))


def _side(said: str) -> Literal["start", "middle", "end", "early", "late"]:
    if said in ("", "end", "close"):
        return "end"
    if said in ("early", "late"):
        return cast(Literal["early", "late"], said)
    return "middle" if said.startswith("mid") else "start"


def _abbreviated_end(match: Match) -> Said:
    spans: dict[str, Span] = {"w": "week", "m": "month", "q": "quarter", "y": "year"}
    return Said((Edge("end"), Period(spans[match["span"]])))


def _iso_week(match: Match) -> Said | None:
    number = int(match["week"])
    return Said((IsoWeek(number, said_year(match["year"])),)) if 1 <= number <= 53 else None


def read_nth(match: Match) -> Said:
    """Return the Nth of groups ``numbers`` (ORDS), ``what`` (NTH_WHAT) and ``of``."""
    numbers = tuple(
        -1 - (found["bare"] == "penultimate") if found["bare"]
        else whole(found["nth"]) * (-1 if found["last"] else 1)
        for found in _NUMBERED.finditer(match["numbers"])
    )  # fmt: skip
    what = match["what"]
    if what in ("day", "week", "weekend"):
        kind = cast(Literal["day", "week", "weekend"], what)
        return Said((Nth(numbers, (), kind, bool(match["of"])),), weak=not match["of"])
    if "day" in what and what.split()[0].rstrip("s") not in WEEKDAYS:
        return Said((Nth(numbers, (), "business", bool(match["of"])),), weak=not match["of"])
    days = tuple(WEEKDAYS[word] for word in re.findall(r"[a-z]+", what) if word in WEEKDAYS)
    return Said((Nth(numbers, days, "weekday", bool(match["of"])),), weak=not match["of"])


def _holiday(match: Match) -> Said:
    which = said_which(match["which"])
    turn: Literal["", "next", "last"] = which if which in ("next", "last") else ""
    day = Holiday(re.sub(r"\s+", " ", match["name"]), said_year(match["year"]), turn)
    return Said((day,), weak=not (match["year"] or turn))


def _quarter(match: Match) -> Said:
    said = match["year"]
    year = said_year(said) if len(said) != 2 else 2000 + int(said)
    return Said((Quarter(whole(match["number"]), year),), weak=year is None)


def _stretch_of(match: Match) -> Said:
    return Said((Period(_SPANS[match["span"]], plain=True),), weak=match["span"] not in _WEEKENDS)


def _after_next(match: Match) -> Said:
    return Said((Period(_SPANS[match["span"]], 2),))


def _rest(match: Match) -> Said:
    return Said((Period(_SPANS[match["span"]], rest=True),))


def _edge(match: Match) -> Said:
    return Said((Edge(_side(match["side"])),))


def _share(match: Match) -> Said:
    unit: Literal["day", "business", "week"] = "business"
    if match["unit"] in ("days", "weeks"):
        unit = "day" if match["unit"] == "days" else "week"
    return Said((Share(int(number(match["count"]) or 1), unit, match["side"] != "first"),))


def _half(match: Match) -> Said:
    return Said((Edge("first half" if match["half"] in ("first", "1st") else "second half"),))


def _half_year(match: Match) -> Said:
    side: Literal["first half", "second half"] = (
        "first half" if match["half"] == "1" else "second half"
    )
    return Said((Edge(side), Year(int(match["year"]))))


_WEEKENDS = ("weekend", "week-end", "wkend")

RULES: tuple[Rule, ...] = (
    fixed(r"today(?:'?s)?", Today(0)),
    fixed(r"tomm?orr?ows?|tomorrow's|tmrw|tmr|tmw|2moro", Today(1)),
    fixed(r"yesterday(?:'?s)?", Today(-1)),
    fixed(r"(?:the\s+)?day\s+after\s+tomm?orr?ow|overmorrow", Today(2)),
    fixed(r"(?:the\s+)?day\s+before\s+yesterday", Today(-2)),
    rule(rf"(?:{_WHICH})?(?P<day>{WEEKDAY})(?:'s|\.(?!\d))?"
         r"(?:\s+(?P<after>after\s+next|fortnight|week(?!\s*(?:of|day|end|\d))))?", _weekday),
    rule(rf"(?:the\s+)?(?:(?P<nth>{ORDINAL}|next|last)\s+)?"
         r"(?:(?:business|working|work)[- ]?day|weekday|workday)\s+(?P<way>after|before|following)"
         rf"(?=\s+[a-z\d])(?!\s+(?:next(?!\s+(?:week|month|{WEEKDAY}))|tomorrow|noon|lunch))",
         _working_day_beside),
    rule(rf"(?:the\s+)?(?:(?P<nth>{ORDINAL})\s+)?(?P<day>{WEEKDAY})\s+(?P<way>after|before|following)"
         r"(?=\s+[a-z\d])(?!\s+(?:next|noon|midnight|lunch|work|\d{1,2}(?::|\s*[ap]m)))", _beside),
    rule(_WHICH + _SPAN, _period),
    rule(r"(?:the\s+)?(?P<which>current)\s+" + _SPAN, _period),
    rule(r"(?:all\s+|(?:over\s+|during\s+)?the\s+)(?P<span>week-?end|wkend)", _stretch_of),
    rule(rf"the\s+{_LONG}", _stretch_of),
    rule(r"(?:the\s+)?(?P<span>week|month|quarter|year|weekend)\s+after\s+next",
         _after_next),
    rule(rf"(?P<count>{CARDINAL})\s+week-?ends?\s+(?:from\s+now|from\s+today|hence)",
         lambda m: Said((Period("weekend", whole(m["count"]) - 1),))),
    rule(r"(?:the\s+)?week-?end\s+(?P<way>after|before|following)(?=\s+[a-z\d])(?!\s+next)",
         lambda m: Said((Edge("weekend"), Beside(5, 1, -1 if m["way"] == "before" else 1)))),
    fixed(rf"(?:the\s+)?week-?end\s+of(?=\s+(?:the\s+)?(?:{MONTH}|\d))", Edge("weekend")),
    rule(r"(?:the\s+)?(?:rest|remainder|remaining(?:\s+part)?)\s+of\s+(?:the|this)\s+"
         r"(?P<span>day|week|month|quarter|year)", _rest),
    rule(rf"later\s+(?:on\s+)?this\s+{_LONG}", _rest),
    rule(r"(?:the\s+)?(?:calendar\s+)?(?:week|wk|kw|cw)\s*(?:no\.?\s*|number\s+|#)?"
         r"(?P<week>\d{1,2})(?!\d|:|\s*(?:am|pm))"
         rf"(?:\s*(?:of\s+|,\s*)?(?P<year>{YEAR}))?", _iso_week),
    rule(r"(?P<year>(?:19|20)\d\d)-?w(?P<week>\d\d)(?!\d)", _iso_week),
    rule(rf"h(?P<half>[12])\s*(?:of\s+|/|-)?\s*(?P<year>{YEAR})", _half_year),
    fixed(r"later\s+today", Period("day", rest=True)),
    rule(rf"(?:the\s+)?{_SIDE}\s+of\s+(?:the\s+)?(?:current\s+)?{_LONG}", _edge_of_period),
    rule(rf"(?:the\s+)?{_SIDE}\s+of", _edge),
    rule(rf"(?:the\s+)?(?P<side>first|last|final)\s+(?P<count>{CARDINAL}|few)\s+"
         r"(?P<unit>days|weeks|weekdays|workdays|(?:business|working|work)\s+days)\s+(?:of|in)(?=\s+[a-z\d])",
         _share),
    rule(r"(?:the\s+)?(?P<half>first|1st|second|2nd|last|latter)\s+half\s+of", _half),
    rule(rf"(?P<side>early|mid|late|middle){_AFTER_EARLY}", _edge),
    rule(rf"(?P<side>){_LONG}[- ]end(?!ing)", _edge_of_period),
    rule(r"(?:the\s+)?eo(?P<span>[wmqy])", _abbreviated_end),
    fixed(r"(?:the\s+)?week\s+(?:of|commencing|beginning|starting)(?=\s+[a-z\d])", Edge("week")),
    rule(rf"(?:the\s+)?{ORDS}\s+{NTH_WHAT}(?P<of>\s+(?:of|in|for))(?=\s+[a-z\d])(?!\s+an?\s)",
         read_nth),
    rule(rf"(?:the\s+)?{ORDS}\s+{NTH_WHAT}(?P<of>)", read_nth),
    rule(rf"(?:(?P<which>next|last|this)\s+)?(?P<name>{HOLIDAYS}){YEAR_AFTER}", _holiday),
    rule(rf"q(?P<number>[1-4])(?:\s*(?:of\s+|/|-|,)?\s*'?(?P<year>{YEAR}|\d\d(?!\d)))?", _quarter),
    rule(r"(?P<year>(?:19|20)\d\d)\s*-?\s*q(?P<number>[1-4])", _quarter),
    rule(rf"(?:the\s+)?(?P<number>{ORDINAL})\s+(?:quarter|qtr)"
         rf"(?:\s+(?:of\s+)?(?P<year>{YEAR}))?", _quarter),
)  # fmt: skip
