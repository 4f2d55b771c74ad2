"""Rules of dates: 2026-03-20, 3/12, 24.8., March 12, 9-13 March, the 15th."""

from __future__ import annotations

import re
from typing import Literal, cast

from agentsched.times.pieces import CalendarDay, Clock, Year
from agentsched.times.rule import Match, Rule, Said, rule
from agentsched.times.vocabulary import MONTH, MONTHS, ORDINAL_WORD, YEAR, whole

Which = Literal["", "this", "next", "last", "after next"]

BACK = ("last", "past", "previous")

_DAY = rf"(?:\d{{1,2}}(?:\s?(?:st|nd|rd|th)(?![a-z]))?(?!\d)|{ORDINAL_WORD})"
YEAR_AFTER = rf"(?:\s*[,/-]?\s*(?:of\s+|in\s+)?(?P<year>{YEAR}|'\d\d(?!\d)))?"
_TO = r"(?:-|to|through|thru|till|until|and|/)"
_NO_CLOCK = r"(?!\d|:\d|\.\d\d|\s*(?:am|pm|a\.m|p\.m|h\d?|o'clock)(?![a-z])|[/-]\d)"
_NOT_COUNTED = r"(?!\s*(?:minutes?|mins?|hours?|hrs?|h|days?|weeks?|people|months?)(?![a-z]))"
_IN_MAY = ("in", "of", "by", "until", "since", "early", "mid", "late", "during")
_AFTER_DAY = (
    r"(?=\s*(?:$|[^\sa-z\d]|\d|(?:at|of|from|to|until|till|through|by|for|and|or|in|on|between"
    r"|before|after|next|this|starting|early|late|every|each|please"
    r"|(?:in\s+the\s+)?(?:morning|afternoon|evening|night|noon))(?![a-z])))"
)
_AT = re.compile(r"(?:(?<![a-z])at|@)$")
_UNTIL = re.compile(r"(?<![a-z])(?:until|till|through|thru)(?![a-z])")
_OF_MONTH = r"(?=\s+of\s+(?:the\s+)?(?:next|this|last|current|following|coming)\s+month)"


def said_which(said: str) -> Which:
    """Return the sense of "this", "next", "coming", "past"."""
    if said in BACK:
        return "last"
    if said in ("next", "following"):
        return "next"
    return "this" if said in ("this", "coming", "upcoming") else ""


def said_year(said: str) -> int | None:
    """Return the year of 2026 or '26; None where none was said."""
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
    if _is_hour_until_a_day(match):
        return None
    year = None if not said else int(said) if len(said) == 4 else 2000 + int(said)
    return Said((CalendarDay(year, month, int(match["day"]), int(match["to"])),))


def _month_year(match: Match) -> Said | None:
    month = int(match["month"])
    return Said((CalendarDay(int(match["year"]), month, 0),)) if 1 <= month <= 12 else None


def _is_hour_until_a_day(match: Match) -> bool:
    """Whether the first number of "at 10 until 1 March" is a time of day, not a day."""
    return _AT.search(match.before) is not None and _UNTIL.search(match.groups[0]) is not None


def _day_of_month(match: Match) -> Said | None:
    if match["to"] and _is_hour_until_a_day(match):
        return None
    day = whole(match["day"])
    to = whole(match["to"]) if match["to"] else 0
    month = _month(match["month"])
    # "5 may be enough": the month May has a capital or stands beside another piece.
    weak = month == 5 and not match.capital
    return Said((CalendarDay(said_year(match["year"]), month, day, to),), weak=weak)


def _whole_month(match: Match) -> Said | None:
    which = said_which(match["which"])
    if match["month"] == "may" and not match.written[match.groups.end() - 3 :].startswith("May"):
        # "One may ask", "this may take": the month without its capital needs its preposition.
        before = match.groups.string[: match.groups.start()].split()
        if not match["year"] and which in ("", "this") and (before or [""])[-1] not in _IN_MAY:
            return None
    turn = cast(Literal["", "this", "next", "last"], which)
    day = CalendarDay(said_year(match["year"]), _month(match["month"]), 0, which=turn)
    return Said((day,), weak=not (match["year"] or which))


def _bare_day(match: Match) -> Said | None:
    day = whole(match["day"])
    if not 1 <= day <= 31:
        return None
    return Said((CalendarDay(None, None, day),), weak=not match["the"])


def _year(match: Match) -> Said:
    return Said((Year(int(match["year"])),))


def _weak_year(match: Match) -> Said:
    return Said((Year(int(match["year"])),), weak=True)


def _day_of_named_month(match: Match) -> Said | None:
    day = whole(match["day"])
    return Said((CalendarDay(None, None, day),)) if 1 <= day <= 31 else None


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
    rule(r"(?P<day>\d{1,2})\.?\s*(?:-|to|and|until|till)\s*(?P<to>\d{1,2})\.(?P<month>\d{1,2})\."
         r"(?P<year>\d{4}|\d\d|)(?!\d|:)", _dotted_range),
    rule(rf"(?P<month>\d{{1,2}})/(?P<year>{YEAR})", _month_year),
    rule(rf"(?P<year>{YEAR})[-/](?P<month>\d\d)(?![-/\d])", _month_year),
    rule(rf"(?P<month>{MONTH})\s*(?:the\s+)?(?P<day>{_DAY})\s*{_TO}\s*(?:the\s+)?"
         rf"(?P<to>{_DAY}){_NO_CLOCK}(?!\s*(?:of\s+)?{MONTH}){_NOT_COUNTED}{YEAR_AFTER}",
         _day_of_month),
    rule(rf"(?:the\s+)?(?P<day>{_DAY})\s*{_TO}\s*(?:the\s+)?(?P<to>{_DAY})\s*(?:of\s+)?"
         rf"(?P<month>{MONTH}){YEAR_AFTER}", _day_of_month),
    rule(rf"(?P<month>{MONTH})\s*[-/]?\s*(?:the\s+)?(?P<day>{_DAY}){_NO_CLOCK}(?P<to>)"
         rf"{YEAR_AFTER}", _day_of_month),
    rule(rf"(?:the\s+)?(?P<day>{_DAY})\.?\s*(?:day\s+)?(?:of\s+)?[-/]?\s*"
         rf"(?P<month>{MONTH})(?P<to>){YEAR_AFTER}", _day_of_month),
    rule(rf"(?:(?P<which>this|next|last|coming)\s+)?(?P<month>{MONTH}){YEAR_AFTER}", _whole_month),
    rule(rf"(?:the\s+)?(?P<day>\d{{1,2}}){_OF_MONTH}", _day_of_named_month),
    rule(rf"(?P<the>the\s+)?(?P<day>\d{{1,2}}\s?(?:st|nd|rd|th)){_AFTER_DAY}", _bare_day),
    rule(rf"(?P<the>the\s+)(?P<day>{ORDINAL_WORD}){_AFTER_DAY}", _bare_day),
    rule(rf"(?:the\s+)?year\s+(?:of\s+)?(?P<year>{YEAR})", _year),
    rule(rf"(?P<year>{YEAR})", _weak_year),
)  # fmt: skip
