"""Rules of what repeats: "every other Friday", "weekdays", "twice a week", "quarterly"."""

from __future__ import annotations

import re
from typing import Literal

from agentsched.times.pieces import DayPart, Days, Nth, Repeat, Times
from agentsched.times.rule import Match, Rule, Said, fixed, rule
from agentsched.times.rules_amount import AMOUNT, amount
from agentsched.times.rules_periods import HOLIDAYS, NTH_WHAT, ORDS, read_nth
from agentsched.times.vocabulary import CARDINAL, MONTH, ORDINAL, WEEKDAYS, alternatives, whole

_Unit = Literal["minute", "hour", "day", "week", "month", "year"]

_NAME = rf"{alternatives(WEEKDAYS)}(?:s(?![a-z]))?\.?(?![a-z])"
_AND = r"\s*(?:,\s*and|,|/|&|\+|and)\s*(?:(?:every|on|each)\s+)?"
_LIST = rf"{_NAME}(?:{_AND}{_NAME}){{0,6}}"
_RANGE = rf"{_NAME}\s*(?:-|to|through|thru)\s*{_NAME}"
_EVERY = r"(?:(?:on|once)\s+)?(?:every|each)\s+(?:single\s+)?"
_STEP = rf"(?:(?P<step>other|second|alternate|{ORDINAL}|{CARDINAL}|couple\s+of|few)\s+)?"
_PARTS = r"(?:\s+(?:in\s+the\s+)?(?P<part>mornings?|afternoons?|evenings?|nights?))?"
_PER = r"(?:an?|per|each|every)"
_STEPS: dict[str, tuple[_Unit, int]] = {
    "minute": ("minute", 1), "min": ("minute", 1), "hour": ("hour", 1), "day": ("day", 1),
    "week": ("week", 1), "wk": ("week", 1), "fortnight": ("week", 2), "month": ("month", 1),
    "quarter": ("month", 3), "year": ("year", 1), "yr": ("year", 1),
}  # fmt: skip
_ADVERBS: dict[str, tuple[_Unit, int]] = {
    "hourly": ("hour", 1), "daily": ("day", 1), "weekly": ("week", 1), "biweekly": ("week", 2),
    "bi-weekly": ("week", 2), "fortnightly": ("week", 2), "monthly": ("month", 1),
    "bimonthly": ("month", 2), "bi-monthly": ("month", 2), "quarterly": ("month", 3),
    "semiannually": ("month", 6), "semi-annually": ("month", 6), "biannually": ("month", 6),
    "half-yearly": ("month", 6), "yearly": ("year", 1), "annually": ("year", 1),
    "annual": ("year", 1), "biennially": ("year", 2), "nightly": ("day", 1),
}  # fmt: skip


def _step(said: str) -> int:
    if not said:
        return 1
    if said in ("other", "alternate") or "couple" in said:
        return 2
    return 3 if said == "few" else max(1, whole(said))


def _part(said: str) -> DayPart | None:
    for name in ("morning", "afternoon", "evening", "night"):
        if said.startswith(name):
            return DayPart(name)
    return None


def _names(text: str) -> list[tuple[int, bool]]:
    """Return weekdays in the order said, each with whether it is a plural."""
    found = []
    for word in re.findall(r"[a-z]+", text):
        if word in WEEKDAYS:
            found.append((WEEKDAYS[word], False))
        elif word[:-1] in WEEKDAYS:
            found.append((WEEKDAYS[word[:-1]], True))
    return found


def _between(first: int, last: int) -> tuple[int, ...]:
    return tuple(sorted((first + step) % 7 for step in range((last - first) % 7 + 1)))


def _every_days(match: Match) -> Said:
    days = tuple(dict.fromkeys(day for day, _ in _names(match["days"])))
    return Said((Repeat("week", _step(match["step"]), days, _part(match["part"])),))


def _every_range(match: Match) -> Said:
    (first, _), (last, _) = _names(match["days"])
    return Said((Repeat("week", 1, _between(first, last)),))


def _every_first(match: Match) -> Said:
    """Read "every first Monday" as one a month; "every second Monday" is every other one."""
    number = -1 if match["nth"] in ("last", "final") else 1
    return Said((Repeat("month"), Nth((number,), tuple(day for day, _ in _names(match["days"])))))


def _every_nths(match: Match) -> Said:
    """Read "every 2nd and 4th Tuesday" as those of the month."""
    numbers = tuple(whole(one) for one in re.findall(ORDINAL, match["numbers"], re.ASCII))
    return Said((Repeat("month"), Nth(numbers, tuple(day for day, _ in _names(match["days"])))))


def _alternate(match: Match) -> Said:
    days = tuple(dict.fromkeys(day for day, _ in _names(match["days"])))
    return Said((Repeat("week", 2, days, _part(match["part"])),))


def _next_few(match: Match) -> Said | None:
    """The next three Tuesdays."""
    ((day, plural),) = _names(match["days"])
    return Said((Repeat("week", 1, (day,)), Times(whole(match["count"])))) if plural else None


def _every_unit(match: Match) -> Said:
    unit, interval = _STEPS[match["unit"].rstrip("s")]
    return Said((Repeat(unit, interval * _step(match["step"])),))


def _minute_of_hours(match: Match) -> Said:
    """Every hour at quarter past, on the half hour, at :20."""
    if match["minute"]:
        minute = whole(match["minute"])
    else:
        minute = 30 if match["half"] else 15 if match["quarter"] else 0
        if match["way"] == "to":
            minute = 60 - minute
    return Said((Repeat("hour", _step(match["step"]), minute=minute),))


def _every_length(match: Match) -> Said | None:
    """Every half hour, every hour and a half."""
    exact = amount(match["amount"]).exact
    minutes = 0 if exact is None else round(exact.total_seconds() / 60)
    if not 0 < minutes < 1440:
        return None
    return Said((Repeat("minute", minutes) if minutes % 60 else Repeat("hour", minutes // 60),))


def _every_kind(match: Match) -> Said:
    kind, step = match["kind"], _step(match["step"])
    if kind.startswith("week") and "end" in kind:
        return Said((Repeat("week", step, (5, 6)),))
    part = _part(kind)
    if part is not None:
        return Said((Repeat("day", step, (), part),))
    return _business(_part(match["part"]), step)


def _business(part: DayPart | None = None, step: int = 1) -> Said:
    # "Every three business days" has no rule of its own in RFC 5545: it would skip weekends.
    return Said((Repeat("week" if step == 1 else "day", step, (), part, business=True),))


def _plural(match: Match) -> Said | None:
    names = _names(match["days"])
    days = tuple(dict.fromkeys(day for day, _ in names))
    if any(plural for _, plural in names):
        return Said((Repeat("week", 1, days, _part(match["part"])),))
    if match["part"].endswith("s"):
        return Said((Repeat("week", 1, days, _part(match["part"])),))
    return None


def _listed(match: Match) -> Said | None:
    days = tuple(dict.fromkeys(day for day, _ in _names(match["days"])))
    if "/" in match["days"] and len(days) > 1:
        return Said((Repeat("week", 1, days),))
    return Said((Days(days),)) if len(days) > 1 else None


def _letters(match: Match) -> Said:
    codes = {"mwf": (0, 2, 4), "tth": (1, 3), "t/th": (1, 3), "tuth": (1, 3), "tu/th": (1, 3),
             "tr": (1, 3), "m/w/f": (0, 2, 4), "mw": (0, 2), "m/w": (0, 2)}  # fmt: skip
    return Said((Repeat("week", 1, codes[match["letters"]]),))


def _adverb(match: Match) -> Said:
    word = match["adverb"]
    unit, interval = _ADVERBS[word]
    part = DayPart("night") if word == "nightly" else None
    return Said((Repeat(unit, interval, (), part),), weak=True)


def _often(match: Match) -> Said:
    said = match["often"]
    times = {"once": 1, "twice": 2, "thrice": 3}.get(said.split()[0]) or whole(said)
    unit, interval = _ADVERBS[match["adverb"]] if match["adverb"] else _STEPS[match["unit"]]
    interval *= _step(match["step"])
    return Said((Repeat(unit, interval, times=times if times > 1 else 0),))


def _of_month(match: Match) -> Said | None:
    """The 1st and 15th of every month."""
    days = tuple(whole(day) for day in re.findall(ORDINAL, match["days"], re.ASCII))
    last = (-1,) if "last" in match["days"] else ()
    interval = _step(match["step"])
    return Said((Repeat("month", interval, month_days=days + last),))


def _nth_of_every(match: Match) -> Said:
    unit, interval = _STEPS[match["unit"]]
    nth = read_nth(match)
    return Said((Repeat(unit, interval * _step(match["step"])), *nth.values))


RULES: tuple[Rule, ...] = (
    rule(rf"{_EVERY}(?P<numbers>{ORDINAL}(?:\s*(?:,|and|&|,\s*and)\s*{ORDINAL})+)\s+(?P<days>{_LIST})",
         _every_nths),
    rule(rf"(?:on\s+)?alternat(?:e|ing)\s+(?P<days>{_LIST}){_PARTS}", _alternate),
    rule(r"(?:on\s+)?(?:every\s+)?week-?nights?", lambda m: _business(DayPart("night"))),
    rule(rf"(?:on\s+)?(?:the\s+)?next\s+(?P<count>{CARDINAL})\s+(?P<days>{_NAME})", _next_few),
    rule(rf"{_EVERY}(?P<nth>first|1st|last|final)\s+(?P<days>{_LIST})", _every_first),
    rule(rf"every(?=\s+(?:{MONTH}\s*\d|(?:the\s+)?(?:\d{{1,2}}(?:st|nd|rd|th)?|{ORDINAL})\s+(?:of\s+)?{MONTH}))",
         lambda m: Said((Repeat("year"),))),
    rule(rf"every(?=\s+{MONTH}(?!\s*\d))", lambda m: Said((Repeat("year"),))),
    rule(rf"every(?=\s+{HOLIDAYS}(?![a-z]))", lambda m: Said((Repeat("year"),))),
    rule(rf"(?:on\s+)?every\s+(?:the\s+)?(?P<days>{ORDINAL})\s+(?:day\s+)?of\s+the\s+month(?P<step>)",
         _of_month),
    rule(rf"(?:on\s+)?every\s+(?:the\s+)?(?P<days>\d{{1,2}}(?:st|nd|rd|th))"
         rf"(?!\s+(?:of\s+)?{MONTH})(?!\s+[a-z]+day)(?P<step>)", _of_month),
    rule(rf"{_EVERY}{_STEP}(?P<days>{_LIST}){_PARTS}", _every_days),
    rule(rf"{_EVERY}(?P<days>{_RANGE})", _every_range),
    rule(rf"{_EVERY}{_STEP}(?P<unit>(?:minute|min|hour|day|week|wk|fortnight|month|quarter|year|yr)s?)",
         _every_unit),
    rule(rf"(?:{_EVERY}{_STEP}hours?|hourly)\s+(?:(?:on|at)\s+)?(?:the\s+)?"
         r"(?:(?P<half>half)(?:\s+hour|[- ]past)?|(?P<quarter>quarter)\s+(?P<way>past|after|to)"
         r"|(?P<top>top\s+of\s+the\s+hour|hour)|:(?P<minute>[0-5]\d))(?:\s+the\s+hour)?",
         _minute_of_hours),
    rule(rf"{_EVERY}(?P<amount>{AMOUNT})", _every_length),
    rule(rf"{_EVERY}(?P<amount>half[- ](?:an\s+)?hour|hour\s+and\s+a\s+half)", lambda m: Said(
        (Repeat("minute", 30 if m["amount"].startswith("half") else 90),))),
    rule(rf"{_EVERY}{_STEP}(?P<kind>week-?ends?|weekdays?|workdays?|(?:business|working|work)\s+days?"
         rf"|mornings?|afternoons?|evenings?|nights?){_PARTS}", _every_kind),
    rule(rf"(?:on\s+)?(?P<kind>weekdays|workdays|(?:business|working)\s+days){_PARTS}",
         lambda m: _business(_part(m["part"]))),
    rule(r"(?P<kind>weekday|workday)\s+(?P<part>mornings|afternoons|evenings|nights)",
         lambda m: _business(_part(m["part"]))),
    fixed(r"(?:on\s+|at\s+)?(?:the\s+)?week-?ends", Repeat("week", 1, (5, 6))),
    rule(r"(?:in\s+the\s+)?(?P<part>mornings|afternoons|evenings|nights)",
         lambda m: Said((Repeat("day", 1, (), _part(m["part"])),), weak=True)),
    rule(rf"(?:on\s+)?(?P<days>{_LIST}){_PARTS}", _plural),
    rule(rf"(?P<days>{_NAME}(?:{_AND}{_NAME}){{1,6}})", _listed),
    rule(r"(?P<letters>mwf|m/w/f|tth|t/th|tuth|tu/th)", _letters),
    rule(rf"(?P<adverb>{alternatives(_ADVERBS)})", _adverb),
    fixed(r"every\s*day|everyday", Repeat("day")),
    rule(rf"(?P<often>once|twice|thrice|(?:{CARDINAL})\s*(?:x|times))\s+(?:{_PER}\s+{_STEP}"
         r"(?P<unit>hour|day|week|fortnight|month|quarter|year)"
         r"|(?P<adverb>hourly|daily|weekly|monthly|quarterly|yearly|annually))", _often),
    rule(rf"(?:on\s+)?(?:the\s+)?(?P<days>(?:{ORDINAL}|last\s+day)(?:\s*(?:,|and|&)\s*(?:the\s+)?"
         rf"(?:{ORDINAL}|last\s+day)){{0,6}})\s+(?:day\s+)?(?:of\s+)?(?:every|each)\s+"
         rf"{_STEP}month", _of_month),
    rule(rf"(?:on\s+)?day\s+(?P<day>[1-9]|[12]\d|3[01])\s+of\s+(?:every|each)\s+{_STEP}month",
         lambda m: Said((Repeat("month", _step(m["step"]), month_days=(int(m["day"]),)),))),
    rule(rf"(?:on\s+)?(?:every\s+)?(?:the\s+)?{ORDS}\s+{NTH_WHAT}(?P<of>\s+(?:of|in)|)\s+(?:every|each|a|per)\s+"
         rf"{_STEP}(?P<unit>month|quarter|year)", _nth_of_every),
    rule(rf"every\s+{ORDS}\s+{NTH_WHAT}(?P<of>\s+(?:of|in))\s+the\s+(?P<step>)(?P<unit>month|quarter|year)",
         _nth_of_every),
    rule(rf"(?:for\s+)?(?:a\s+total\s+of\s+)?(?P<count>{CARDINAL})\s+(?:times|occurrences|sessions|instances"
         r"|repetitions|meetings)(?:\s+(?:in\s+)?total|\s+in\s+all)?(?!\s+(?:a|per|each)\s)",
         lambda m: Said((Times(whole(m["count"])),), weak=True)),
)  # fmt: skip
