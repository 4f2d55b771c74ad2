"""Days that have a name, and the date they fall on in a year."""

from __future__ import annotations

from datetime import date, timedelta

FIXED = {
    "christmas eve": (12, 24), "christmas day": (12, 25), "christmas": (12, 25), "xmas": (12, 25),
    "boxing day": (12, 26), "new year's eve": (12, 31), "new years eve": (12, 31),
    "new year's day": (1, 1), "new years day": (1, 1), "new year's": (1, 1), "new year": (1, 1),
    "valentine's day": (2, 14), "valentines day": (2, 14), "valentine day": (2, 14),
    "st patrick's day": (3, 17), "st. patrick's day": (3, 17), "saint patrick's day": (3, 17),
    "april fools day": (4, 1), "april fools": (4, 1), "earth day": (4, 22), "may day": (5, 1),
    "juneteenth": (6, 19), "independence day": (7, 4), "halloween": (10, 31),
    "all saints' day": (11, 1), "all saints day": (11, 1), "veterans day": (11, 11),
    "epiphany": (1, 6), "st stephen's day": (12, 26), "bastille day": (7, 14),
}  # fmt: skip
_FROM_EASTER = {
    "mardi gras": -47, "shrove tuesday": -47, "ash wednesday": -46, "palm sunday": -7,
    "maundy thursday": -3, "good friday": -2, "easter sunday": 0, "easter monday": 1, "easter": 0,
    "ascension day": 39, "whit sunday": 49, "pentecost": 49, "whit monday": 50,
    "corpus christi": 60,
}  # fmt: skip
_NTH = {
    "martin luther king day": (1, 0, 3), "martin luther king jr day": (1, 0, 3),
    "mlk day": (1, 0, 3), "presidents day": (2, 0, 3), "presidents' day": (2, 0, 3),
    "president's day": (2, 0, 3), "mother's day": (5, 6, 2), "mothers day": (5, 6, 2),
    "memorial day": (5, 0, -1), "father's day": (6, 6, 3), "fathers day": (6, 6, 3),
    "labor day": (9, 0, 1), "labour day": (9, 0, 1), "columbus day": (10, 0, 2),
    "thanksgiving day": (11, 3, 4), "thanksgiving": (11, 3, 4),
}  # fmt: skip
"""Month, weekday (Monday is 0), which of them; as the United States keep them."""
_AFTER_THANKSGIVING = {"black friday": 1, "cyber monday": 4}

NAMES = (*FIXED, *_FROM_EASTER, *_NTH, *_AFTER_THANKSGIVING)


def yearly(name: str) -> tuple[int, int, int] | None:
    """Return month, weekday (Monday is 0) and which of them a day is each year, if it is that."""
    return _NTH.get(name)


def moves(name: str) -> bool:
    """Whether neither its date nor its weekday of a month is the same each year."""
    return name not in FIXED and name not in _NTH


def holiday(name: str, year: int) -> date:
    """Return the day of a name in ``NAMES``."""
    if name in FIXED:
        return date(year, *FIXED[name])
    if name in _FROM_EASTER:
        return easter(year) + timedelta(days=_FROM_EASTER[name])
    if name in _NTH:
        return _nth(year, *_NTH[name])
    thanksgiving = _nth(year, *_NTH["thanksgiving"])
    return thanksgiving + timedelta(days=_AFTER_THANKSGIVING[name])


def easter(year: int) -> date:
    """Return Easter Sunday of the Gregorian calendar (Meeus, Astronomical Algorithms, 1991)."""
    golden = year % 19
    century, in_century = divmod(year, 100)
    leap_centuries, century_rest = divmod(century, 4)
    correction = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leap_centuries - correction + 15) % 30
    leaps, year_rest = divmod(in_century, 4)
    weekday = (32 + 2 * century_rest + 2 * leaps - epact - year_rest) % 7
    shift = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * shift + 114, 31)
    return date(year, month, day + 1)


def _nth(year: int, month: int, weekday: int, which: int) -> date:
    if which < 0:
        last = date(year, month + 1, 1) - timedelta(days=1)
        return last - timedelta(days=(last.weekday() - weekday) % 7)
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (which - 1))
