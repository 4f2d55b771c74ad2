"""Rules of times of day: "3pm", "15:30", "half past nine", "EOD", "this evening"."""

from __future__ import annotations

import re
from typing import Literal

from agentsched.times.pieces import AllDay, Amount, Clock, DayPart, Number, Shift, Today
from agentsched.times.rule import Match, Rule, Said, fixed, rule
from agentsched.times.rules_periods import HOLIDAYS
from agentsched.times.vocabulary import CARDINAL, MONTH, ORDINAL, WEEKDAY, alternatives, whole

_HOURS = alternatives(
    [
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
    ]
)
_MINUTES = (
    rf"(?:oh[- ]{_HOURS}|(?:twenty|thirty|forty|fifty)(?:[- ]{_HOURS})?|ten|eleven|twelve"
    r"|thirteen|fifteen|(?:four|six|seven|eigh|nine)teen)(?![a-z])"
)
_HALF = (
    r"(?:a\s?m|a\.\s?m\.?|p\s?m|p\.\s?m\.?)(?![a-z])|(?<=\d)[ap]\.?(?![a-z\d'])"
    r"|(?:in\s+the\s+)?(?:am|pm)(?![a-z])"
)
_OCLOCK = r"\s*o\s?'?\s?clock"
_ISH = r"(?:\s?-?ish)?"


_MEASURED = re.compile(
    r"\s*(?:%|percent|per\s|euros?|dollars?|[gmk]b|kg|km|usd|eur|points?)", re.ASCII
)


def _clock(match: Match) -> Said | None:
    hour, minute = whole(match["hour"]), int(match["minute"] or 0)
    second = int(match["second"] or 0) if "second" in match.groups.re.groupindex else 0
    return _checked(hour, minute, second, match["half"], match["hour"].startswith("0"))


def _checked(
    hour: int, minute: int, second: int, half: str, zero: bool = False, weak: bool = False
) -> Said | None:
    if minute > 59 or second > 59 or hour > 24 or (hour == 24 and minute):
        return None
    which: Literal["am", "pm", "24", ""] = ""
    if half:
        which = "pm" if "p" in half else "am"
        if hour > 12:
            # "15:30 pm" is 15:30, "15 am" is nothing.
            return Said((Clock(hour, minute, second, "24"),)) if which == "pm" else None
        if hour == 0:
            which = "24"
    elif hour > 12 or hour == 0 or zero:
        which = "24"
    return Said((Clock(hour, minute, second, which),), weak=weak)


def _compact(match: Match) -> Said | None:
    digits = match["digits"]
    return _checked(int(digits[:-2]), int(digits[-2:]), 0, match["half"])


def _dotted(match: Match) -> Said | None:
    if _MEASURED.match(match.groups.string, match.groups.end()):
        return None
    hour, minute = int(match["hour"]), int(match["minute"])
    lead = bool(match["lead"])
    if not lead and 1 <= minute <= 12:
        return None  # 11.12 is a date
    return _checked(hour, minute, 0, "", match["hour"].startswith("0"), weak=not lead)


def _words(match: Match) -> Said | None:
    minute = whole(match["minute"]) if match["minute"] else 0
    return _checked(whole(match["hour"]), minute, 0, match["half"])


def _past(match: Match) -> Said | None:
    """Half past nine, quarter to five, twenty past 3pm, half nine."""
    said = match["minutes"]
    minutes = 30 if "half" in said else 15 if "quarter" in said else whole(said)
    hour_said = match["hour"]
    half = match["half"]
    if hour_said in ("noon", "midday"):
        hour, half = 12, "pm"
    elif hour_said == "midnight":
        hour, half = 12, "am"
    else:
        hour = whole(hour_said)
    if not 0 < minutes < 60 or hour > 24:
        return None
    if match["way"] in ("to", "till") and not _is_minutes(match, said):
        return None
    if match["way"] in ("past", "after", ""):
        return _checked(hour, minutes, 0, half)
    # Quarter to 12pm is 11:45 before noon; quarter to 1pm is 12:45 after it.
    if half and hour == 12:
        half = "am" if "p" in half else "pm"
    # "Scale 20 to 8 nodes" is no time: digits need a day or an "at" beside them.
    weak = said.isdigit() and not half
    return _checked(hour - 1 if hour > 1 else 12, 60 - minutes, 0, half, weak=weak)


_MINUTES_TO = ("quarter", "half", "ten", "20", "twenty", "25", "twenty-five", "twenty five")


def _is_minutes(match: Match, said: str) -> bool:
    """Whether "ten to four" is a clock; "five to seven" and "two to four" are rather ranges."""
    if "min" in said or said in _MINUTES_TO:
        return True
    return said == "five" and match.before.endswith("at")


def _may_be_minutes(match: Match) -> bool:
    """Whether the first number counts minutes: "20 to 8" does, "10 to 4" is rather a range."""
    said = match["minutes"]
    return not said.isdigit() or (
        said in ("20", "25") and not match.before.endswith(("from", "between", "the"))
    )


def _french(match: Match) -> Said | None:
    """15h30, 9h: a clock from seven on, below it a length (see ``rules_amount``)."""
    hour = int(match["hour"])
    if hour < 7 and not match["lead"]:
        return None
    if not (
        match["minute"]
        or match["lead"]
        or match.groups["on"] is not None
        or re.search(r"h\d*\s*-$", match.before)
    ):
        return None  # "8h" alone is a length
    return _checked(hour, int(match["minute"] or 0), 0, "", zero=hour >= 7)


def _part(match: Match) -> Said | None:
    if match.before.endswith("good"):
        return None  # a greeting
    trim = match["trim"]
    kept: Literal["", "early", "late"] = (
        "early" if trim == "early" else "late" if trim == "late" else ""
    )
    return Said((_named_part(match["part"], kept),))


def _part_beside(match: Match) -> Said:
    """The evening before Christmas, the morning after Friday."""
    shift = Shift(Amount(((1.0, "day"),)), -1 if match["way"] == "before" else 1)
    return Said((_named_part(match["part"]), shift))


def _named_part(said: str, trim: Literal["", "early", "late"] = "") -> DayPart:
    said = said.replace("tonite", "night").replace("tonight", "night")
    for name in ("morning", "afternoon", "evening", "night", "lunch"):
        if name in said:
            return DayPart(name, trim)
    return DayPart("noon", trim)


def _part_of_day(match: Match) -> Said:
    """This morning, tonight, last night."""
    offset = -1 if match["which"] in ("last", "yesterday") else 0
    trim: Literal["", "early", "late"] = (
        "late" if match["trim"] == "late" else "early" if match["trim"] else ""
    )
    return Said((Today(offset), _named_part(match["part"], trim)))


def _number(match: Match) -> Said:
    text = match["number"]
    digits = len(text) if text.isdigit() else 1
    return Said((Number(whole(text), digits, bool(match["rough"])),), weak=True)


_PARTS = "mornings?|afternoons?|evenings?|nights?"
_BESIDE_DAY = rf"(?=\s+(?:on\s|in\s|at\s|tom|to-?(?:day|night)|next\s|this\s|{WEEKDAY}|{MONTH}|\d))"
_LEAD = r"(?:(?P<lead>at|@|around|about|approximately|ca\.?|gegen)\s*)"

RULES: tuple[Rule, ...] = (
    rule(
        r"(?P<hour>\d{1,2})(?:[:.]\s?(?P<minute>\d\d))?(?::(?P<second>\d\d))?"
        rf"{_ISH}\s*(?:{_OCLOCK})?\s*(?P<half>{_HALF})", _clock,
    ),
    rule(r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,]\d{1,6})?)?"
         r"(?!:?\d)(?P<half>)(?:\s*(?:h|hrs?|uhr)(?![a-z]))?" + _ISH, _clock),
    rule(r"(?P<digits>\d{3,4})\s*(?P<half>a\s?m|a\.\s?m\.?|p\s?m|p\.\s?m\.?|h|hrs|hours)(?![a-z])",
         lambda m: _compact(m) if m["half"][0] in "ap" else
         _checked(int(m["digits"][:-2]), int(m["digits"][-2:]), 0, "")),
    rule(rf"{_LEAD}(?P<hour>\d{{1,2}})\.(?P<minute>\d\d)(?!\.?\d)(?:\s*(?:h|hrs?|uhr))?", _dotted),
    rule(r"(?P<lead>)(?P<hour>\d{1,2})\.(?P<minute>\d\d)(?!\.?\d)(?:\s*(?:h|hrs?|uhr))?", _dotted),
    rule(rf"{_LEAD}?(?P<hour>\d{{1,2}})h(?P<minute>\d\d)?(?!\s?m(?![a-z])|\d)"
        r"(?P<on>(?=\s*(?:-\s*\d{1,2}h|gmt|utc|[a-z]{1,3}t(?![a-z])|on(?![a-z])|for\s+\d)))?",
        _french,
    ),
    rule(rf"(?P<hour>{CARDINAL}){_OCLOCK}(?P<minute>)\s*(?P<half>{_HALF})?", _words),
    rule(rf"(?P<hour>{_HOURS})\s+(?P<minute>{_MINUTES})(?![- ]?(?:min|hour|day|week|sec|people))\s*"
         rf"(?P<half>{_HALF})?", _words),
    rule(rf"(?P<hour>{_HOURS})(?P<minute>)\s*(?P<half>a\s?m|a\.\s?m\.?|p\s?m|p\.\s?m\.?)",
         _words),
    rule(
        rf"(?:an?\s+)?(?P<minutes>half|quarter|(?:{CARDINAL})(?:\s*min(?:ute)?s?)?)\s+"
        rf"(?P<way>past|after|to|before|till|of)\s+(?P<hour>{CARDINAL}|noon|midday|midnight)"
        rf"(?::00)?(?:{_OCLOCK})?\s*(?P<half>{_HALF})?",
        lambda m: _past(m) if m["way"] == "past" or _may_be_minutes(m) else None,
    ),
    rule(rf"(?P<minutes>half)(?P<way>)\s+(?P<hour>{_HOURS})(?P<half>)", _past),
    fixed(rf"(?:12\s+)?(?:noon|mid-?\s?day){_ISH}", Clock(12, half="24")),
    fixed(rf"(?:12\s+)?mid-?night{_ISH}", Clock(0, half="24", name="midnight")),
    fixed(r"(?:the\s+)?(?:eod|eob|cob|end\s+of\s+(?:the\s+)?(?:business(?:\s+day)?|play|"
          r"(?:work(?:ing)?\s*)?day)|close\s+of\s+(?:business|play|the\s+day)|end-of-day)",
          Clock(0, name="close")),
    fixed(r"(?:the\s+)?(?:start|beginning)\s+of\s+(?:the\s+)?(?:business|(?:work(?:ing)?\s*)?day)",
          Clock(0, name="open")),
    fixed(rf"last\s+thing{_BESIDE_DAY}", Clock(0, name="close")),
    fixed(rf"first\s+thing(?:\s+in\s+the\s+morning|(?=\s*(?:$|[.,;!?)]))|{_BESIDE_DAY})",
          Clock(0, name="open")),
    fixed(r"(?:as\s+of\s+)?(?:right\s+now|immediately|at\s+once|straight\s+away|right\s+away|"
          r"as\s+soon\s+as\s+possible|asap)", Clock(0, name="now")),
    fixed(r"now|at\s+the\s+moment", Clock(0, name="now"), weak=True),
    fixed(rf"(?:about\s+|around\s+)?this\s+time(?=\s+(?:tom|next\s|the\s+(?:day|week)\s+after|on\s|{WEEKDAY}))",
          Clock(0, name="this time"), weak=True),
    rule(rf"(?:(?:in|during)\s+the\s+)?(?P<trim>early|mid|late)?[- ]?(?:in\s+the\s+)?"
         rf"(?P<part>(?:{_PARTS})(?<!s))(?:-?ish)?", _part),
    rule(r"(?:(?:in|during)\s+the\s+)(?P<trim>early|mid|late)?\s*(?P<part>mornings?|afternoons?|"
         r"evenings?)", _part),
    rule(r"(?P<trim>)(?:(?:at|over|around|during)\s+(?P<part>lunch)(?:\s?time)?)", _part),
    rule(rf"(?:on\s+)?(?:the\s+)?(?P<trim>)(?P<part>morning|afternoon|evening|night)\s+(?P<way>before|after)"
         rf"(?=\s+(?:the\s+)?(?:{WEEKDAY}|{MONTH}|{ORDINAL}|{HOLIDAYS}))", _part_beside),
    fixed(r"lunch\s?time", DayPart("lunch")),
    fixed(r"lunch", DayPart("lunch"), weak=True),
    fixed(r"breakfast|brunch", DayPart("morning"), weak=True),
    fixed(r"dinner|supper", DayPart("evening"), weak=True),
    fixed(r"after\s+lunch", Clock(13, half="24")),
    fixed(r"before\s+lunch", DayPart("morning", "late")),
    fixed(r"after\s+work", Clock(0, name="close")),
    rule(rf"(?P<trim>early|late|later)?\s*(?P<which>this|last|yesterday)\s+"
         rf"(?P<part>(?:{_PARTS})(?<!s))", _part_of_day),
    rule(r"(?P<trim>early|late|later)?\s*(?P<which>)(?P<part>to-?night|tonite)(?:'s)?",
         _part_of_day),
    fixed(r"(?:all|whole|full)[- ]day(?:\s+long)?", AllDay()),
    rule(rf"(?P<hour>\d{{1,2}}|{_HOURS})\s?-?ish(?P<minute>)(?P<half>)", _words),
    rule(rf"(?P<rough>about|around|approximately|approx\.?|roughly|circa|ca\.?)\s+"
         rf"(?P<number>\d{{1,2}}|{_HOURS})(?=\s*(?:$|[,;!?)]|\.(?!\d)|(?:on|for|tom[a-z]*|today|this|next"
         rf"|{WEEKDAY})(?![a-z])))", _number),
    rule(rf"(?P<number>{CARDINAL})(?![:/.]\d|%)(?P<rough>)", _number),
)  # fmt: skip

HINTS = {
    "breakfast": DayPart("morning"), "brunch": DayPart("morning", "late"),
    "dinner": DayPart("evening"), "supper": DayPart("evening"), "drinks": DayPart("evening"),
    "party": DayPart("evening"), "movie": DayPart("evening"), "concert": DayPart("evening"),
    "theatre": DayPart("evening"), "theater": DayPart("evening"),
}  # fmt: skip
"""Words in a sentence that say which half of the day a bare hour is of."""


def hinted(text: str) -> DayPart | None:
    """Return the part of the day that the words of a sentence suggest."""
    words = re.findall(r"[a-z]+", text)
    return next((HINTS[word] for word in words if word in HINTS), None)
