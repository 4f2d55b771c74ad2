"""What the scanner finds in a text: days, clocks, lengths, repeats, and words that link them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta, tzinfo
from typing import Literal, get_args

from agentsched.times.vocabulary import Unit

Span = Literal["day", "week", "weekend", "month", "quarter", "year"]


@dataclass(frozen=True, slots=True)
class Today:
    """A day counted from today; 0 is today."""

    offset: int


@dataclass(frozen=True, slots=True)
class Weekday:
    """A day of the week; Monday is 0."""

    day: int
    which: Literal["", "this", "next", "last", "after next"] = ""
    weeks: int = 0
    """Added to it: "Monday week" is 1."""


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A day of a month, or a whole month (``day`` 0); a missing year or month is the next one."""

    year: int | None
    month: int | None
    day: int
    to: int = 0
    """Last day of "July 13-15"; 0 for a single day."""
    which: Literal["", "this", "next", "last"] = ""


@dataclass(frozen=True, slots=True)
class Period:
    """The week, weekend, month, quarter or year at ``offset`` from this one."""

    span: Span
    offset: int = 0
    rest: bool = False
    """Only what is left of it."""
    plain: bool = False
    """Said as "the month" or "the week", which may mean every one of them."""


@dataclass(frozen=True, slots=True)
class Quarter:
    """A numbered quarter; a missing year is the next one."""

    number: int
    year: int | None = None


@dataclass(frozen=True, slots=True)
class IsoWeek:
    """A numbered week (ISO 8601); a missing year is the next one."""

    number: int
    year: int | None = None


@dataclass(frozen=True, slots=True)
class Year:
    """A whole year."""

    year: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """The next (or last, when negative) days, weeks, months: "the next three days"."""

    count: int
    unit: Unit


@dataclass(frozen=True, slots=True)
class Holiday:
    """A day that has a name."""

    name: str
    year: int | None = None
    which: Literal["", "next", "last"] = ""


@dataclass(frozen=True, slots=True)
class Nth:
    """First Monday of, last Friday of, third working day of, first week of."""

    numbers: tuple[int, ...]
    """1 is the first, -1 the last."""
    days: tuple[int, ...] = ()
    """Weekdays; empty for ``what``."""
    what: Literal["weekday", "day", "business", "week", "weekend"] = "weekday"
    linked: bool = True
    """Said with "of" or "in"."""


@dataclass(frozen=True, slots=True)
class Edge:
    """End of, start of, middle of."""

    side: Literal[
        "start", "middle", "end", "early", "late", "week", "weekend", "first half", "second half"
    ]  # fmt: skip
    """"end" is a day, "late" is a stretch; "week" and "weekend" are those around it."""


@dataclass(frozen=True, slots=True)
class Share:
    """The first two weeks of, the last three days of."""

    count: int
    unit: Literal["day", "business", "week"]
    last: bool = False


@dataclass(frozen=True, slots=True)
class Amount:
    """A length in units as said."""

    parts: tuple[tuple[float, Unit], ...]

    @property
    def exact(self) -> timedelta | None:
        """The length, if none of its units varies; None with months, quarters or years."""
        seconds = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
        if any(unit not in seconds for _, unit in self.parts):
            return None
        return timedelta(seconds=sum(count * seconds[unit] for count, unit in self.parts))

    @property
    def unit(self) -> Unit:
        """The unit of its first part."""
        return self.parts[0][1]

    @property
    def count(self) -> float:
        """How many of its first unit."""
        return self.parts[0][0]

    @property
    def is_clock(self) -> bool:
        """Whether hours, minutes or seconds are counted."""
        return any(unit in ("second", "minute", "hour") for _, unit in self.parts)


@dataclass(frozen=True, slots=True)
class Offset:
    """A length from now: "in 3 days", "20 minutes ago" (``sign`` -1)."""

    amount: Amount
    sign: int = 1


@dataclass(frozen=True, slots=True)
class Shift:
    """A length before or after what follows: "a week from", "two days before"."""

    amount: Amount
    sign: int


@dataclass(frozen=True, slots=True)
class Beside:
    """The Tuesday after, the second Friday before what follows."""

    day: int
    count: int = 1
    sign: int = 1


@dataclass(frozen=True, slots=True)
class NthLater:
    """Three Fridays from now, two Thursdays ago."""

    day: int
    count: int


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day as said."""

    hour: int
    minute: int = 0
    second: int = 0
    half: Literal["am", "pm", "24", ""] = ""
    """"24": the hour is beyond doubt."""
    name: Literal["", "close", "open", "midnight", "now", "this time"] = ""
    """"this time" is what the clocks show now, on another day."""


@dataclass(frozen=True, slots=True)
class DayPart:
    """Morning, afternoon, evening, night, lunch."""

    name: Literal["morning", "noon", "lunch", "afternoon", "evening", "night"]
    trim: Literal["", "early", "late"] = ""


@dataclass(frozen=True, slots=True)
class Number:
    """A bare number: an hour or a day of the month, as its neighbours say."""

    value: int
    digits: int
    rough: bool = False
    """Said with "about" or "around", as hours are and days are not."""


@dataclass(frozen=True, slots=True)
class Days:
    """Weekdays listed together; ``plural`` ("Mondays") repeats."""

    days: tuple[int, ...]
    plural: bool = False


@dataclass(frozen=True, slots=True)
class Repeat:
    """Every so often; what refines it (days, clocks, bounds) stands around it."""

    unit: Literal["minute", "hour", "day", "week", "month", "year"]
    interval: int = 1
    days: tuple[int, ...] = ()
    part: DayPart | None = None
    business: bool = False
    """On business days: ``days`` follow the user's weekend."""
    month_days: tuple[int, ...] = ()
    minute: int | None = None
    """Of each hour: "every hour at quarter past" is 15."""
    times: int = 0
    """"twice a week" is 2: as often in each unit, on days not said."""


@dataclass(frozen=True, slots=True)
class Times:
    """How often it repeats in all: "5 times"."""

    count: int


@dataclass(frozen=True, slots=True)
class Zone:
    """A named or numeric zone."""

    zone: tzinfo
    said: str
    place: bool = False
    """Said as where it happens: "at 3pm in Berlin"."""
    loose: bool = False
    """An abbreviation such as PST, which people say all year round."""


@dataclass(frozen=True, slots=True)
class Link:
    """A word that says how its neighbours belong together."""

    word: Literal[
        "at", "on", "in", "of", "from", "to", "until", "between", "and", "or", "by", "before",
        "due", "after", "starting", "for", "except", "unless", "since", "onward",
        "latest",
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class AllDay:
    """The whole day, said of one."""


Day = (
    Today | Weekday | CalendarDay | Period | Quarter | IsoWeek | Year | Stretch | Holiday | NthLater
)
DAY_KINDS = get_args(Day)
Prefix = Nth | Edge | Share | Shift | Beside
Value = (
    Day | Prefix | Offset | Amount | Clock | DayPart | Number | Days | Repeat | Times | Zone
    | Link | AllDay
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Piece:
    """A value and where it was said."""

    start: int
    end: int
    value: Value
    weak: bool = False
    """Means a time only beside another piece or a word such as "in": may, 3/12, Sat."""
