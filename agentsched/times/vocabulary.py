"""Words of weekdays, months, numbers and units, as tables and as fragments of patterns."""

from __future__ import annotations

import re
from typing import Literal

Unit = Literal[
    "second", "minute", "hour", "day", "business", "week", "month", "quarter", "year"
]  # fmt: skip
"""``business`` is a business day."""

_WEEKDAYS = (
    "monday mondy mon", "tuesday tuseday tues tue", "wednesday wednsday wensday weds wed",
    "thursday thrusday thursdy thurs thur thu", "friday firday fri",
    "saturday saterday sat", "sunday sundy sun",
)  # fmt: skip
_MONTHS = (
    "january jan", "february febuary feb", "march mar", "april apr", "may", "june jun",
    "july jul", "august aug", "september setember sept sep", "october oct", "november nov",
    "december dec",
)  # fmt: skip
_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
    "thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"
)
_TEN_ORDINALS = "twentieth thirtieth fortieth fiftieth"
_UNITS: dict[Unit, str] = {
    "second": "seconds second secs sec",
    "minute": "minutes minute mins min",
    "hour": "hours hour hrs hr",
    "week": "weeks week wks wk",
    "day": "days day nights night",
    "month": "months month mths mth",
    "quarter": "quarters quarter qtrs qtr",
    "year": "years year yrs yr",
}

WEEKDAYS = {word: day for day, words in enumerate(_WEEKDAYS) for word in words.split()}
MONTHS = {word: month for month, words in enumerate(_MONTHS, start=1) for word in words.split()}
UNITS: dict[str, Unit] = {word: unit for unit, words in _UNITS.items() for word in words.split()}
CODES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
DAY_NAMES = tuple(words.split()[0].capitalize() for words in _WEEKDAYS)
MONTH_NAMES = ("", *(words.split()[0].capitalize() for words in _MONTHS))

_NUMBERS = {word: value for value, word in enumerate(_SMALL.split())}
_NUMBERS |= {word: 10 * value for value, word in enumerate(_TENS.split(), start=2)}
_ORDINAL_NUMBERS = {word: value for value, word in enumerate(_ORDINALS.split(), start=1)}
_ORDINAL_NUMBERS |= {word: 10 * value for value, word in enumerate(_TEN_ORDINALS.split(), start=2)}
_VAGUE = {"a": 1, "an": 1, "couple": 2, "pair": 2, "few": 3, "several": 3, "half": 0.5}
NUMBERS = frozenset(_NUMBERS | _ORDINAL_NUMBERS | _VAGUE)


def alternatives(words: object) -> str:
    """Return a group that matches any of the words, the longest first."""
    listed = sorted(map(str, words), key=len, reverse=True)  # type: ignore[call-overload]  # any iterable
    return "(?:" + "|".join(listed) + ")"


_UNIT_ONE = alternatives(_SMALL.split()[1:10])
WEEKDAY = alternatives(WEEKDAYS) + r"(?![a-z])"
"""A weekday in the singular; an abbreviation may end in a point."""
MONTH = alternatives(MONTHS) + r"\.?(?![a-z])"
NUMBER_WORD = (
    rf"(?:{alternatives(_TENS.split())}(?:[- ]{_UNIT_ONE})?|{alternatives(_SMALL.split())})"
    r"(?![a-z])"
)
CARDINAL = rf"(?:\d{{1,4}}(?!\d)|{NUMBER_WORD})"
ORDINAL_WORD = (
    rf"(?:{alternatives(_TENS.split())}[- ]{alternatives(_ORDINALS.split()[:9])}"
    rf"|{alternatives(_ORDINAL_NUMBERS)})(?![a-z])"
)
ORDINAL = rf"(?:\d{{1,2}}(?:st|nd|rd|th)(?![a-z])|{ORDINAL_WORD})"
YEAR = r"(?:19|20)\d\d(?!\d|:|\.\d)"
UNIT = alternatives(UNITS) + r"(?![a-z])"

_WORD_PARTS = re.compile(r"[a-z]+|\d+(?:\.\d+)?")


def number(text: str) -> float | None:
    """Return the value of a cardinal, an ordinal, ``a``, ``couple of``, ``few``; else None."""
    total = 0.0
    found = False
    # The article counts on its own, not in "a couple of".
    if re.match(r"a\s+(?:couple|pair|few)", text):
        text = text[1:]
    for part in _WORD_PARTS.findall(text):
        if part[0].isdigit():
            value: float | None = float(part)
        else:
            value = _NUMBERS.get(part, _ORDINAL_NUMBERS.get(part, _VAGUE.get(part)))
        if value is not None:
            total, found = total + value, True
    return total if found else None


def whole(text: str) -> int:
    """Return the value of text that matched CARDINAL or ORDINAL."""
    return int(number(text) or 0)
