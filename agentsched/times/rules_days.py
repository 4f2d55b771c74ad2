"""Rules of days and longer stretches: dates, weekdays, weeks, months, edges, holidays."""

from __future__ import annotations

import re
from typing import Literal, cast

from agentsched.times.holidays import NAMES
from agentsched.times.pieces import (
    Beside,
    CalendarDay,
    Clock,
    Edge,
    Holiday,
    IsoWeek,
    Nth,
    Period,
    Quarter,
    Span,
    Today,
    Weekday,
    Year,
)
from agentsched.times.rule import Match, Rule, Said, fixed, rule
from agentsched.times.vocabulary import (
    MONTH,
    MONTHS,
    ORDINAL,
    ORDINAL_WORD,
    WEEKDAY,
    WEEKDAYS,
    YEAR,
    alternatives,
    whole,
)

Which = Literal["", "this", "next", "last", "after next"]

_DAY = rf"(?:\d{{1,2}}(?:\s?(?:st|nd|rd|th)(?![a-z]))?(?!\d)|{ORDINAL_WORD})"
_YEAR = rf"(?:\s*[,/-]?\s*(?:of\s+|in\s+)?(?P<year>{YEAR}|'\d\d(?!\d)))?"
_TO = r"(?:-|to|through|thru|till|until|and|/)"
_NO_CLOCK = r"(?!\d|:\d|\.\d\d|\s*(?:am|pm|a\.m|p\.m|h\d?|o'clock)(?![a-z])|[/-]\d)"
_NOT_COUNTED = r"(?!\s*(?:minutes?|mins?|hours?|hrs?|h|days?|weeks?|people|months?)(?![a-z]))"
_SPANS: dict[str, Span] = {
    "week": "week", "weekend": "weekend", "week-end": "weekend", "week end": "weekend", "wkend": "weekend", "month": "month", "quarter": "quarter",
    "qtr": "quarter", "year": "year", "yr": "year", "day": "day",
}  # fmt: skip
_SPAN = r"(?:(?:calendar|work(?:ing)?|business)\s+)?(?P<span>week[- ]?end|wkend|week|month|quarter|qtr|year|yr)(?:'?s)?"
_BACK = ("last", "past", "previous")
_AHEAD = ("next", "coming", "following", "upcoming")
_WHICH = (
    r"(?:the\s+)?(?:this\s+)?(?P<which>this|next|last|coming|following|upcoming|past|previous)\s+"
)
_ABBREVIATED = {"mon", "wed", "sat", "sun", "fri", "tue", "thu", "weds"}
_IN_MAY = ("in", "of", "by", "until", "since", "early", "mid", "late", "during")
_AFTER_DAY = (
    r"(?=\s*(?:$|[^\sa-z\d]|\d|(?:at|of|from|to|until|till|through|by|for|and|or|in|on|between|before"
    r"|after|next|this|starting|early|late|(?:in\s+the\s+)?(?:morning|afternoon|evening|night|noon)"
    r"|every|each|please)(?![a-z])))"
)


def _which(said: str) -> Which:
    if said in _BACK:
        return "last"
    if said in ("next", "following"):
        return "next"
    return "this" if said in ("this", "coming", "upcoming") else ""


def _year(said: str) -> int | None:
    if not said:
        return None
    return 2000 + int(said[1:]) if said.startswith("'") else int(said)


def _month(said: str) -> int:
    return MONTHS[said.rstrip(".")]


def _iso(match: Match) -> Said:
    return Said((CalendarDay(int(match["year"]), int(match["month"]), int(match["day"])),))


def _compact(match: Match) -> Said:
    day = CalendarDay(int(match["year"]), int(match["month"]), int(match["day"]))
    clock = Clock(int(match["hour"]), int(match["minute"]), int(match["second"] or 0), "24")
    return Said((day, clock)) if clock.hour < 24 and clock.minute < 60 else Said((day,))


def _numeric(match: Match) -> Said | None:
    """Read 3/12, 3/12/26, 24.8., 24.8.2026; an impossible order is turned round."""
    first, second = int(match["first"]), int(match["second"])
    dotted = match["mark"] == "."
    day, month = (first, second) if dotted or match.day_first else (second, first)
    if month > 12 >= day and not dotted:
        day, month = month, day
    said = match["year"]
    year = None if not said else int(said) if len(said) == 4 else 2000 + int(said)
    if not said and (month > 12 or not day or not month or day > 31):
        return None  # 16.40 and 25/30 are no dates
    return Said((CalendarDay(year, month, day),), weak=not said)


def _dotted_range(match: Match) -> Said | None:
    """Read 14.-15.11.2017."""
    month, said = int(match["month"]), match["year"]
    if not 1 <= month <= 12:
        return None
    year = None if not said else int(said) if len(said) == 4 else 2000 + int(said)
    return Said((CalendarDay(year, month, int(match["day"]), int(match["to"])),))


def _month_year(match: Match) -> Said | None:
    month = int(match["month"])
    return Said((CalendarDay(int(match["year"]), month, 0),)) if 1 <= month <= 12 else None


def _day_of_month(match: Match) -> Said:
    day = whole(match["day"])
    to = whole(match["to"]) if match["to"] else 0
    month = _month(match["month"])
    # "5 may be enough": the month May has a capital or stands beside another piece.
    weak = month == 5 and not match.capital
    return Said((CalendarDay(_year(match["year"]), month, day, to),), weak=weak)


def _whole_month(match: Match) -> Said:
    which = _which(match["which"])
    if match["month"] == "may" and not match.written[match.groups.end() - 3 :].startswith("May"):
        # "One may ask", "this may take": the month without its capital needs its preposition.
        before = match.groups.string[: match.groups.start()].split()
        if not match["year"] and which in ("", "this") and (before or [""])[-1] not in _IN_MAY:
            return None
    turn = cast(Literal["", "this", "next", "last"], which)
    day = CalendarDay(_year(match["year"]), _month(match["month"]), 0, which=turn)
    return Said((day,), weak=not (match["year"] or which))


def _bare_day(match: Match) -> Said | None:
    day = whole(match["day"])
    if not 1 <= day <= 31:
        return None
    return Said((CalendarDay(None, None, day),), weak=not match["the"])


def _weekday(match: Match) -> Said:
    name = match["day"]
    which: Which = "after next" if match["after"] == "after next" else _which(match["which"])
    weeks = 1 if match["after"] == "week" else 0
    weak = name in _ABBREVIATED and not (which or weeks)
    return Said((Weekday(WEEKDAYS[name], which, weeks),), weak=weak)


def _beside(match: Match) -> Said:
    count = whole(match["nth"]) if match["nth"] else 1
    sign = -1 if match["way"] == "before" else 1
    return Said((Beside(WEEKDAYS[match["day"]], count, sign),))


def _period(match: Match) -> Said:
    said = match["which"]
    offset = 1 if said in _AHEAD else -1 if said in _BACK else 0
    return Said((Period(_SPANS[match["span"]], offset),))


def _edge_of_period(match: Match) -> Said:
    return Said((Edge(_side(match["side"])), Period(_SPANS[match["span"]])))


def _side(said: str) -> Literal["start", "middle", "end", "early", "late"]:
    if said in ("end", "close"):
        return "end"
    if said in ("early", "late"):
        return cast(Literal["early", "late"], said)
    return "middle" if said.startswith("mid") else "start"


def _abbreviated_end(match: Match) -> Said:
    spans: dict[str, Span] = {"w": "week", "m": "month", "q": "quarter", "y": "year"}
    return Said((Edge("end"), Period(spans[match["span"]])))


_NUMBERED = re.compile(
    rf"(?P<nth>{ORDINAL})(?:[- ](?:to[- ])?(?P<last>last))?|(?P<bare>last|final|penultimate)",
    re.ASCII,
)


def read_nth(match: Match) -> Said:
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
    which = _which(match["which"])
    turn: Literal["", "next", "last"] = which if which in ("next", "last") else ""
    day = Holiday(re.sub(r"\s+", " ", match["name"]), _year(match["year"]), turn)
    return Said((day,), weak=not (match["year"] or turn))


def _iso_week(match: Match) -> Said | None:
    number = int(match["week"])
    return Said((IsoWeek(number, _year(match["year"])),)) if 1 <= number <= 53 else None


def _quarter(match: Match) -> Said:
    said = match["year"]
    year = _year(said) if len(said) != 2 else 2000 + int(said)
    return Said((Quarter(whole(match["number"]), year),), weak=year is None)


_ORD = rf"(?:{ORDINAL}[- ](?:to[- ])?last|{ORDINAL}|last|final|penultimate|second[- ]to[- ]last)"
ORDS = rf"(?P<numbers>{_ORD}(?:\s*(?:,|and|&|,\s*and)\s*(?:the\s+)?{_ORD})*)"
_DAYS = rf"{WEEKDAY}(?:\s*(?:,|/|and|&|or)\s*{WEEKDAY})*"
NTH_WHAT = rf"(?P<what>{_DAYS}|day|week-?end|week|(?:working|business|work)\s?day|weekday|workday)"

RULES: tuple[Rule, ...] = (
    rule(r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})(?!\d)t?(?=[\d\W]|$)", _iso),
    rule(r"(?P<year>\d{4})[/.](?P<month>\d{1,2})[/.](?P<day>\d{1,2})(?!\d)", _iso),
    rule(r"(?P<year>(?:19|20)\d\d)(?P<month>\d\d)(?P<day>\d\d)t(?P<hour>\d\d)(?P<minute>\d\d)"
         r"(?P<second>\d\d)?", _compact),
    rule(r"(?P<first>\d{1,2})(?P<mark>[/.-])(?P<second>\d{1,2})(?P=mark)(?P<year>\d{4}|\d\d)(?!\d|:|\.\d)",
         _numeric),
    rule(r"(?P<first>\d{1,2})(?P<mark>/)(?P<second>\d{1,2})(?P<year>)(?![\d/])" + _NOT_COUNTED,
         _numeric),
    rule(r"(?P<first>\d{1,2})(?P<mark>\.)\s?(?P<second>\d{1,2})(?P<year>)(?!\d)\.?(?!\d)"
         + _NOT_COUNTED, _numeric),
    rule(r"(?P<day>\d{1,2})\.?\s*(?:-|to|and|until|till)\s*(?P<to>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4}|\d\d|)(?!\d|:)",
         _dotted_range),
    rule(rf"(?P<month>\d{{1,2}})/(?P<year>{YEAR})", _month_year),
    rule(rf"(?P<year>{YEAR})[-/](?P<month>\d\d)(?![-/\d])", _month_year),
    rule(rf"(?P<month>{MONTH})\s*(?:the\s+)?(?P<day>{_DAY})\s*{_TO}\s*(?:the\s+)?"
         rf"(?P<to>{_DAY}){_NO_CLOCK}(?!\s*(?:of\s+)?{MONTH}){_NOT_COUNTED}{_YEAR}", _day_of_month),
    rule(rf"(?:the\s+)?(?P<day>{_DAY})\s*{_TO}\s*(?:the\s+)?(?P<to>{_DAY})\s*(?:of\s+)?"
         rf"(?P<month>{MONTH}){_YEAR}", _day_of_month),
    rule(rf"(?P<month>{MONTH})\s*[-/]?\s*(?:the\s+)?(?P<day>{_DAY}){_NO_CLOCK}(?P<to>){_YEAR}", _day_of_month),
    rule(rf"(?:the\s+)?(?P<day>{_DAY})\.?\s*(?:day\s+)?(?:of\s+)?[-/]?\s*(?P<month>{MONTH})(?P<to>){_YEAR}",
         _day_of_month),
    rule(rf"(?:(?P<which>this|next|last|coming)\s+)?(?P<month>{MONTH}){_YEAR}", _whole_month),
    rule(r"(?P<the>(?:the\s+)?)(?P<day>\d{1,2})(?=\s+of\s+(?:the\s+)?(?:next|this|last|current|following|coming)\s+month)",
         lambda m: Said((CalendarDay(None, None, whole(m["day"])),)) if 1 <= whole(m["day"]) <= 31 else None),
    rule(rf"(?P<the>the\s+)?(?P<day>\d{{1,2}}\s?(?:st|nd|rd|th)){_AFTER_DAY}", _bare_day),
    rule(rf"(?P<the>the\s+)(?P<day>{ORDINAL_WORD}){_AFTER_DAY}", _bare_day),
    rule(rf"(?:the\s+)?year\s+(?:of\s+)?(?P<year>{YEAR})", lambda m: Said((Year(int(m["year"])),))),
    rule(rf"(?P<year>{YEAR})", lambda m: Said((Year(int(m["year"])),), weak=True)),
    fixed(r"today(?:'?s)?", Today(0)),
    fixed(r"tomm?orr?ows?|tomorrow's|tmrw|tmr|tmw|2moro", Today(1)),
    fixed(r"yesterday(?:'?s)?", Today(-1)),
    fixed(r"(?:the\s+)?day\s+after\s+tomm?orr?ow|overmorrow", Today(2)),
    fixed(r"(?:the\s+)?day\s+before\s+yesterday", Today(-2)),
    rule(rf"(?:{_WHICH})?(?P<day>{WEEKDAY})(?:'s|\.(?!\d))?"
         r"(?:\s+(?P<after>after\s+next|week(?!\s*(?:of|day|end|\d))))?", _weekday),
    rule(rf"(?:the\s+)?(?:(?P<nth>{ORDINAL})\s+)?(?P<day>{WEEKDAY})\s+(?P<way>after|before|following)"
         r"(?=\s+[a-z\d])(?!\s+(?:next|noon|midnight|lunch|work|\d{1,2}(?::|\s*[ap]m)))", _beside),
    rule(_WHICH + _SPAN, _period),
    rule(r"(?:the\s+)?(?P<which>current)\s+" + _SPAN, _period),
    rule(r"(?:over\s+|during\s+)?the\s+(?P<span>week-?end|wkend)", lambda m: Said((Period("weekend", plain=True),))),
    rule(r"the\s+(?P<span>week|month|quarter|year)",
         lambda m: Said((Period(_SPANS[m["span"]], plain=True),), weak=True)),
    rule(r"(?:the\s+)?(?P<span>week|month|quarter|year|weekend)\s+after\s+next",
         lambda m: Said((Period(_SPANS[m["span"]], 2),))),
    rule(r"(?:the\s+)?(?:rest|remainder|remaining\s+part)\s+of\s+(?:the|this)\s+(?P<span>day|week|month|quarter|year)",
         lambda m: Said((Period(_SPANS[m["span"]], rest=True),))),
    rule(r"later\s+(?:on\s+)?this\s+(?P<span>week|month|quarter|year)",
         lambda m: Said((Period(_SPANS[m["span"]], rest=True),))),
    rule(rf"(?:the\s+)?(?:calendar\s+)?(?:week|wk|kw|cw)\s*(?:no\.?\s*|number\s+|#)?(?P<week>\d{{1,2}})(?!\d|:|\s*(?:am|pm))"
         rf"(?:\s*(?:of\s+|,\s*)?(?P<year>{YEAR}))?", _iso_week),
    fixed(r"later\s+today", Period("day", rest=True)),
    rule(r"(?:the\s+)?(?P<side>end|close|start|beginning|middle)\s+of\s+(?:the\s+)?(?:current\s+)?(?P<span>week|month|quarter|year)",
         _edge_of_period),
    rule(r"(?:the\s+)?(?P<side>end|close|start|beginning|middle)\s+of", lambda m: Said((Edge(_side(m["side"])),))),
    rule(rf"(?P<side>early|mid|late|middle)(?=[- ](?:in\s+|on\s+)?(?:the\s+|next\s+|this\s+(?:week|month|q|year)|{MONTH}|{WEEKDAY}|today|tom|week|20\d\d))",
         lambda m: Said((Edge(_side(m["side"])),))),
    rule(r"(?P<span>week|month|quarter|year)[- ]end(?!ing)",
         lambda m: Said((Edge("end"), Period(_SPANS[m["span"]])))),
    rule(r"(?:the\s+)?eo(?P<span>[wmqy])", _abbreviated_end),
    fixed(r"(?:the\s+)?week\s+(?:of|commencing|beginning|starting)(?=\s+[a-z\d])", Edge("week")),
    rule(rf"(?:the\s+)?{ORDS}\s+{NTH_WHAT}(?P<of>\s+(?:of|in|for))(?=\s+[a-z\d])(?!\s+an?\s)", read_nth),
    rule(rf"(?:the\s+)?{ORDS}\s+{NTH_WHAT}(?P<of>)", read_nth),
    rule(rf"(?:(?P<which>next|last|this)\s+)?(?P<name>{alternatives(re.escape(n).replace(chr(92)+' ', '[ ]+') for n in NAMES)}){_YEAR}",
         _holiday),
    rule(rf"q(?P<number>[1-4])(?:\s*(?:of\s+|/|-|,)?\s*'?(?P<year>{YEAR}|\d\d(?!\d)))?", _quarter),
    rule(r"(?P<year>(?:19|20)\d\d)\s*-?\s*q(?P<number>[1-4])", _quarter),
    rule(rf"(?:the\s+)?(?P<number>{ORDINAL})\s+(?:quarter|qtr)(?:\s+(?:of\s+)?(?P<year>{YEAR}))?", _quarter),
)  # fmt: skip
