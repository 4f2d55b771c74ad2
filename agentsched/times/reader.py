"""From a run of pieces to readings: who is the day, who the hour, what bounds what."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Literal, get_args

from agentsched.times.pieces import (
    DAY_KINDS,
    AllDay,
    Amount,
    Beside,
    CalendarDay,
    Clock,
    Day,
    DayPart,
    Days,
    Edge,
    Holiday,
    Link,
    Nth,
    Number,
    Offset,
    Period,
    Piece,
    Prefix,
    Repeat,
    Share,
    Shift,
    Times,
    Today,
    Value,
    Weekday,
    Year,
    Zone,
)
from agentsched.times.reading import Dated, Reading, Side
from agentsched.times.runs import Run

_AFTER_DATE = (Link("at"), Link("between"), Link("by"), Link("from"), Link("for"))
_OPENING_BOUNDS = ("after", "since", "onward")
_BOUNDS = ("by", "due", "before", "after", "since")
_LEADING = ("starting", "from", "after", "since")
"""They lead to the day behind a prefix as well: "starting the first week of April"."""
_EXCEPTING = ("except", "and", "on", "or")
_EXCEPTABLE = (*DAY_KINDS, *get_args(Prefix), Days, Repeat)


def read(run: Run) -> list[Reading]:
    """Return what a run says: one reading, or several where it turns to another time."""
    return _Reader(run).read()


class _Reader:
    def __init__(self, run: Run) -> None:
        self._pieces = run.pieces
        self._run = run
        self._done: list[Reading] = []
        self._fresh(run.pieces[0])

    def _fresh(self, piece: Piece) -> None:
        self._now = Reading(piece.start, piece.end)
        self._lead = ""
        self._prefixes: list[Prefix] = []
        self._between = self._excluding = self._begun = False
        self._trim: Literal["", "early", "late"] = ""

    @property
    def _side(self) -> Side:
        return self._now.sides[-1]

    def read(self) -> list[Reading]:
        for index, piece in enumerate(self._pieces):
            if self._turns(index):
                self._close()
                self._fresh(piece)
                self._now.alternative = piece.value == Link("or")
            taken = self._take(index, piece)
            self._place(piece, taken)
            if not taken:
                continue
            self._now.end = max(self._now.end, piece.end)
        self._close()
        _share_hours(self._done)
        return self._done

    def _place(self, piece: Piece, taken: bool) -> None:
        """Let the phrase begin with the first word that says something: not with "and"."""
        leads = isinstance(piece.value, Link) and piece.value.word not in ("and", "or", "to", "of")
        if not self._begun:
            self._now.start = piece.start
        self._begun = taken or leads or (self._begun and not self._now.empty)

    def _close(self) -> None:
        if self._prefixes and isinstance(self._prefixes[-1], Nth):
            self._now.nth = self._prefixes[-1]
        if self._trim and not (self._side.part or self._side.clocks):
            self._side.part = DayPart(
                "morning" if self._trim == "early" else "afternoon", self._trim
            )
        if len(self._now.sides) > 1 and self._side.empty:
            self._now.sides.pop()
        self._join_day_and_hours()
        if not self._now.empty:
            self._done.append(self._now)

    def _join_day_and_hours(self) -> None:
        """Take "18 September - 06:25-08:05" as hours of a day, not as a range from it."""
        sides = self._now.sides
        if len(sides) < 2 or sides[1].join != "to" or self._now.repeat:
            return
        first, second = sides[0], sides[1]
        if first.days and not (first.clocks or first.part or first.offset) and not (
            any(side.days or side.offset for side in sides[1:])
            or second.empty
            or any(clock.name == "now" for clock in second.clocks)
        ):  # fmt: skip
            second.days, second.join = first.days, ""
            self._now.sides = sides[1:]

    def _turns(self, index: int) -> bool:
        """Whether another time begins here: "Monday at 3 or Tuesday at 4"."""
        value, side = self._pieces[index].value, self._side
        if self._now.empty:
            return False
        if isinstance(value, Link):
            if value.word == "and" and side.clocks and (side.days or self._now.repeat):
                return self._names_another(index + 1)
            return value.word == "or" or (value.word in _BOUNDS and self._bound_turns(index, value))
        if self._now.repeat and self._now.repeat.days and isinstance(value, Repeat) and value.days:
            return bool(side.clocks) and self._names_another(index)
        if self._now.repeat or self._lead == "starting" or self._excluding:
            return False
        if isinstance(value, DAY_KINDS) and not self._prefixes:
            return any(not _agree(dated, value) for dated in side.days)
        # A second time of day belongs to another event, but for "at 9 and 17 daily".
        return (
            isinstance(value, Clock)
            and bool(side.clocks)
            and len(self._now.sides) == 1
            and not isinstance(self._value(index + 1), Repeat)
            and self._lead != "and"
        )

    def _names_another(self, index: int) -> bool:
        """Whether a day and an hour of their own follow: "… and at 11 on Thursday"."""
        values = [self._value(at) for at in range(index, index + 5)]
        told = [value for value in values if value is not None and not isinstance(value, Link)][:2]
        if self._now.repeat:
            first, *rest = told or [None]
            dayly = isinstance(first, Weekday | Days) or (
                isinstance(first, Repeat) and bool(first.days)
            )
            return dayly and any(isinstance(value, Clock | Number) for value in rest)
        return any(isinstance(value, DAY_KINDS) for value in told) and any(
            isinstance(value, Clock | Number) for value in told
        )

    def _bound_turns(self, index: int, link: Link) -> bool:
        """Whether "by", "before", "after" begins another time, not the hour of this one."""
        side = self._side
        if self._now.repeat:
            return False
        if self._now.bound in _OPENING_BOUNDS and link.word != "after":
            return False  # "after 2 but before 4"
        if self._now.bound and side.empty:
            return False
        if link.word in ("by", "due", "before") and self._only_length():
            return False
        to_clock = isinstance(self._value(index + 1), Clock | DayPart | Number)
        return not (to_clock and side.days and not side.clocks)

    def _only_length(self) -> bool:
        return all(side.empty for side in self._now.sides)

    def _value(self, index: int) -> object:
        return self._pieces[index].value if 0 <= index < len(self._pieces) else None

    def _take(self, index: int, piece: Piece) -> bool:
        """Put a piece where it belongs; False if it says nothing here."""
        value, side = piece.value, self._side
        if self._excluding and not isinstance(value, Link):
            if self._lead in ("in", *_EXCEPTING) or isinstance(value, _EXCEPTABLE):
                self._except(value)
                return True
            self._excluding = False
        match value:
            case Link(word):
                return self._link(word)
            case Shift(amount, sign) if self._lead == "for" and sign > 0:
                self._now.lengths.append(amount)
                self._lead = "from"
                return True
            case Nth() if self._now.repeat and self._pieces[index - 1].start == piece.start:
                self._now.nth = value  # "first Monday of every month" is one match
            case Nth() | Edge() | Share() | Shift() | Beside():
                self._prefixes.append(value)
                if self._lead in _LEADING:
                    return True
            case Days(days):
                self._several(days)
            case Clock():
                self._clock(value)
            case DayPart():
                side.part = side.part or replace(value, trim=value.trim or self._trim)
            case Offset(amount, sign) if self._lead == "for" and sign > 0:
                self._now.lengths.append(amount)
                if not amount.is_clock:
                    side.days.append(Dated(Today(0), (), "from"))
            case Offset():
                side.offset = value
            case Amount() if self._now.bound == "after" and self._now.empty:
                self._now.bound = ""
                side.offset = Offset(value)
            case Amount():
                self._now.lengths.append(value)
            case Repeat():
                self._repeat(value, piece.weak)
            case Times(count):
                self._now.times = count
            case Zone():
                self._now.zone = value
            case AllDay():
                pass  # a day is the whole day unless an hour is said
            case Number():
                if self._is_day_or_hour(index, value):
                    side.number = value.value
                    return True
                clock = self._hour(index, value)
                if clock is None:
                    return False
                self._clock(clock)
            case Year(year) if self._is_late_hour(year):
                self._clock(Clock(year // 100, year % 100, half="24"))
            case _:
                self._day(value)
        self._lead = ""
        return True

    def _except(self, value: Value) -> None:
        """Leave weekdays out; remember that anything else was to be left out."""
        match value:
            case Weekday(day, which=""):
                self._now.excluded += (day,)
            case Days(days):
                self._now.excluded += days
            case Period(span="weekend", plain=True):
                self._now.excluded += (5, 6)
            case Repeat(days=days, business=business, part=None) if days or business:
                self._now.excluded += (0, 1, 2, 3, 4) if business else days
            case _:
                self._now.unless = True
        self._lead = ""

    def _link(self, word: str) -> bool:
        """Let a word set the scene for what follows; whether it belongs to the phrase."""
        side = self._side
        follows = ("in", *_EXCEPTING) if self._lead == "except" else _EXCEPTING
        self._excluding = word == "except" or (self._excluding and word in follows)
        self._now.unless |= word == "unless"
        if word == "and" and self._between and not side.empty:
            self._between = False
            self._now.sides.append(Side(join="to"))
        elif word in ("to", "until") and not side.empty:
            self._now.sides.append(Side(join=word))
        elif word == "until":
            if self._now.repeat:
                self._now.sides.append(Side(join="until"))
            else:
                self._now.bound = self._now.bound or "by"
        elif word == "onward":
            self._now.bound = self._now.bound or word
        elif word in _BOUNDS:
            self._bound(word)
        elif word == "latest" and not self._now.repeat:
            self._now.bound = self._now.bound or "by"
        elif word == "between":
            self._between = True
        self._lead = "" if word in ("to", "until") else word
        return word not in ("to", "and", "or", "of", "in", "on", "except", "unless")

    def _bound(self, word: str) -> None:
        # "As soon as possible, by Friday" is by Friday.
        self._side.clocks = [clock for clock in self._side.clocks if clock.name != "now"]
        if self._now.repeat and word in ("after", "since"):
            return
        if self._now.repeat:
            self._now.sides.append(Side(join="before" if word == "before" else "until"))
            return
        if self._now.bound in _OPENING_BOUNDS and not self._side.empty:
            self._now.bound = ""
            self._now.sides.append(Side(join="to"))
            return
        if not self._now.bound:
            self._now.bound = "by" if word == "due" else word

    def _several(self, days: tuple[int, ...]) -> None:
        if self._now.repeat and not self._now.repeat.days:
            self._now.repeat = replace(self._now.repeat, days=days)
        else:
            self._side.several = days

    def _clock(self, clock: Clock) -> None:
        if self._prefixes and isinstance(self._prefixes[-1], Shift):
            shift = self._prefixes[-1]
            if shift.amount.is_clock:
                self._prefixes.pop()
                self._side.shift = shift
        if clock.name == "open" and self._side.part and self._side.part.name == "morning":
            self._side.part = None
        self._side.clocks.append(clock)

    def _repeat(self, new: Repeat, weak: bool) -> None:
        if self._prefixes and isinstance(self._prefixes[-1], Nth):
            nth = self._prefixes.pop()
            assert isinstance(nth, Nth)
            self._now.nth = nth
        elif self._prefixes and isinstance(self._prefixes[-1], Edge):
            new = self._edge_of_each(self._prefixes.pop(), new)
        old = self._now.repeat
        if old is None:
            self._now.repeat, self._now.weak_repeat = new, weak
            return
        finer = new if (new.days or new.business) else old
        clocked = next((one for one in (old, new) if one.unit in ("hour", "minute")), None)
        if clocked is not None and clocked is not finer:
            finer = replace(clocked, days=finer.days, business=finer.business)
        coarser = old if finer is new else new
        if finer.days or finer.business:
            interval = coarser.interval if coarser.unit == "week" else finer.interval
            finer = replace(finer, interval=max(interval, finer.interval))
        self._now.repeat = replace(
            finer, part=old.part or new.part, times=old.times or new.times,
            month_days=old.month_days + new.month_days,
        )  # fmt: skip
        self._now.weak_repeat = self._now.weak_repeat and weak

    def _edge_of_each(self, edge: Prefix, new: Repeat) -> Repeat:
        """Take "end of every month" as its last day, "end of each week" as its last working day."""
        assert isinstance(edge, Edge)
        if new.unit == "month" and edge.side in ("start", "end"):
            self._now.nth = Nth((-1 if edge.side == "end" else 1,), (), "day")
        elif new.unit == "week" and edge.side in ("start", "end") and not new.days:
            return replace(new, days=(4,) if edge.side == "end" else (0,))
        return new

    def _day(self, value: object) -> None:
        assert isinstance(value, DAY_KINDS)
        monthly = self._now.repeat is not None and self._now.repeat.unit in ("month", "year")
        if monthly and isinstance(value, Weekday) and value.which == "last":
            self._now.nth = Nth((-1,), (value.day,))
            return
        self._trim_day(value)
        prefixes, self._prefixes = tuple(self._prefixes), []
        nth = prefixes[-1] if prefixes else None
        each = (
            isinstance(value, Period) and value.plain and value.span in ("month", "quarter", "year")
        )
        if (
            isinstance(nth, Nth)
            and each
            and nth.what in ("weekday", "business")
            and not self._now.bound
        ):
            self._now.nth = nth
            assert isinstance(value, Period)
            steps = {"month": ("month", 1), "quarter": ("month", 3), "year": ("year", 1)}
            unit, interval = steps[value.span]
            if self._now.repeat is None:
                self._now.repeat = Repeat(unit, interval)  # type: ignore[arg-type]  # of the table above
            return
        dated = Dated(value, prefixes, self._lead)
        if prefixes and isinstance(prefixes[-1], Shift) and not prefixes[-1].amount.parts:
            return
        self._side.days.append(dated)

    def _trim_day(self, value: object) -> None:
        """Take "early tomorrow morning" as an early morning, "end of Friday" as its close."""
        edge = self._prefixes[-1] if self._prefixes else None
        if not isinstance(edge, Edge) or not isinstance(value, Today | Weekday):
            return
        self._prefixes.pop()
        match edge.side:
            case "early" | "late":
                self._trim = edge.side
            case "end":
                self._side.clocks.append(Clock(0, name="close"))
            case "start":
                self._side.clocks.append(Clock(0, name="open"))
            case _:
                self._side.clocks.append(Clock(12, half="24"))

    def _is_day_or_hour(self, index: int, number: Number) -> bool:
        """Whether a number follows a weekday as in "Friday 13" or "Friday 9"."""
        before, after = self._value(index - 1), self._value(index + 1)
        if not isinstance(before, Weekday) or number.digits > 2 or not 1 <= number.value <= 31:
            return False
        if number.rough:
            return False
        return not isinstance(after, Link | DayPart | Zone) or after in _AFTER_DATE

    def _is_late_hour(self, year: int) -> bool:
        """Whether 1925 after a weekday is a time of day."""
        days = self._side.days
        return bool(days) and year % 100 < 60 and not self._side.clocks and all(
            isinstance(dated.day, Weekday) for dated in days
        )  # fmt: skip

    def _hour(self, index: int, number: Number) -> Clock | None:
        """Return the bare number as an hour where its neighbours make it one."""
        if not self._is_hour(index, number):
            return None
        if number.digits >= 3:
            hour, minute = divmod(number.value, 100)
            return Clock(
                hour, minute, half="24" if hour > 12 or (number.digits == 4 and hour < 7) else ""
            )
        return Clock(number.value, half="24" if number.value > 12 or not number.value else "")

    def _is_hour(self, index: int, number: Number) -> bool:
        hour, minute = divmod(number.value, 100) if number.digits >= 3 else (number.value, 0)
        if hour > 24 or minute > 59:
            return False
        before, after, side = self._value(index - 1), self._value(index + 1), self._side
        if before == Link("at") or isinstance(before, DayPart):
            return True
        if number.rough and not side.clocks:
            day = self._value(index + 2) if after == Link("on") else after
            if side.days or isinstance(day, Weekday | Today | CalendarDay):
                return True
        if before == Link("and") and side.clocks and isinstance(self._now.repeat or after, Repeat):
            return True
        if before == Link("from") and (self._now.lengths or after == Link("for")):
            return True
        if isinstance(after, DayPart):
            return number.value != 1  # "one morning"
        if number.digits >= 3:
            if self._run.whole and len(self._pieces) == 1:
                return number.digits == 4
            return number.digits == 4 and bool(side.days or side.join)
        beyond = self._value(index + 2)
        if after in (Link("to"), Link("until"), Link("and")) and isinstance(beyond, Clock | Number):
            return after != Link("and") or self._between or bool(self._now.repeat)
        if len(self._now.sides) > 1 and side.empty:
            return bool(self._now.sides[-2].clocks)
        if isinstance(after, Zone):
            return True
        if isinstance(after, Today) and index == 0 and self._run.opens:
            return True
        if isinstance(before, Link) and before.word in ("by", "before", "after", "until"):
            return True
        return bool(side.days or self._now.repeat) and not side.clocks and not side.several


def _share_hours(readings: list[Reading]) -> None:
    """Give "Tuesday or Wednesday at 3" its hour on both days."""
    for earlier, later in pairwise(readings):
        if not later.alternative or len(earlier.sides) + len(later.sides) > 2:
            continue
        mine, theirs = earlier.sides[0], later.sides[0]
        if mine.days and not mine.clocks and theirs.days and theirs.clocks:
            mine.clocks, earlier.zone = list(theirs.clocks), later.zone


def _agree(dated: Dated, value: Day) -> bool:
    """Whether two days can be said of one: a weekday and its date, a weekday and its week."""
    kinds = {type(dated.day), type(value)}
    if len(kinds) == 1:
        known = dated.day
        if isinstance(known, CalendarDay) and isinstance(value, CalendarDay):
            return not (known.day and value.day) and not (known.month and value.month)
        return dated.day == value
    if Weekday in kinds:
        return not kinds & {Holiday}
    if CalendarDay in kinds:
        return bool(kinds & {Period, Year, Today})
    return bool(kinds & {Year, Period, Today})
