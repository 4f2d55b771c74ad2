"""Wall clocks: which half of the day an hour is of, and whether a zone's clocks ever show it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from agentsched.times.almanac import Almanac
from agentsched.times.daycount import DAY
from agentsched.times.errors import TimePhraseError
from agentsched.times.habits import Habits
from agentsched.times.pieces import Clock, DayPart
from agentsched.times.vocabulary import MONTH_NAMES
from agentsched.times.zones import zone_name

NOON = 12 * 60
WHOLE_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Minutes:
    """A time of day in minutes and seconds from midnight; 1440 and more is on the day after."""

    minute: int
    second: int = 0

    def less_a_day(self) -> Minutes:
        """Return the same time of day, a day earlier."""
        return Minutes(self.minute - WHOLE_DAY, self.second)

    def on(self, day: date, zone: tzinfo, almanac: Almanac) -> datetime:
        """Return the moment when the clocks of a zone show it.

        Raises:
            TimePhraseError: They skip it that day.
        """
        days, minute = divmod(self.minute, WHOLE_DAY)
        shown = time(minute // 60, minute % 60, self.second)
        return existing(datetime.combine(day + days * DAY, shown, zone), almanac)


def existing(moment: datetime, almanac: Almanac) -> datetime:
    """Return the moment, noting when the clocks show it twice.

    Raises:
        TimePhraseError: The clocks skip it.
    """
    zone = moment.tzinfo
    assert zone is not None
    early, late = moment.replace(fold=0), moment.replace(fold=1)
    if early.utcoffset() == late.utcoffset():
        return early
    if early.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == early.replace(tzinfo=None):
        almanac.note(f"{moment:%H:%M} comes twice on {_day(moment)}; the first is meant")
        return early
    raise TimePhraseError(_skipped(early))


def _skipped(moment: datetime) -> str:
    zone = moment.tzinfo
    assert zone is not None
    before, after = moment.utcoffset(), moment.replace(fold=1).utcoffset()
    assert before is not None
    assert after is not None
    low, high = moment.replace(fold=1).astimezone(UTC), moment.astimezone(UTC)
    low, high = min(low, high) - timedelta(hours=3), max(low, high) + timedelta(hours=3)
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    turn = high.replace(microsecond=0)
    instead = moment.replace(tzinfo=None) + (after - before)
    return (
        f"{moment:%H:%M} does not exist on {_day(moment)} in {zone_name(zone)}, clocks go from "
        f"{(turn + before):%H:%M} to {(turn + after):%H:%M}; say {instead:%H:%M}"
    )


def _day(moment: datetime) -> str:
    return f"{moment.day} {MONTH_NAMES[moment.month]}"


def part_hours(part: DayPart, habits: Habits) -> tuple[Minutes, Minutes]:
    """Return when a part of the day begins and ends."""
    start, end = _minutes(habits.work_start), _minutes(habits.work_end)
    whole = {
        "morning": (min(start, NOON - 60), NOON), "noon": (NOON, NOON + 60),
        "lunch": (NOON, NOON + 60), "afternoon": (NOON, max(end, NOON + 300)),
        "evening": (18 * 60, 22 * 60), "night": (18 * 60, WHOLE_DAY),
    }  # fmt: skip
    first, last = whole[part.name]
    if part.trim == "early":
        # An early morning is before work; the other parts have a first half.
        first, last = (
            (first - 180, first) if part.name == "morning" else (first, (first + last) // 2)
        )
    if part.trim == "late":
        first = (first + last) // 2
    return Minutes(max(0, first)), Minutes(last)


def settle(clock: Clock, part: DayPart | None, almanac: Almanac) -> Minutes:
    """Return the time of day that is meant; a bare hour is one of the day's, 7 to 18."""
    named = _named(clock, almanac)
    if named is not None:
        return named
    hour = clock.hour
    if clock.half or hour > 12:
        return _known(clock)
    if part is not None and part.name != "noon":
        if part.name == "morning":
            hour %= 12
        elif part.name == "lunch":
            hour += 12 if hour < 5 else 0
        elif part.name == "night" and (hour == 12 or hour < 5):
            hour = hour % 12 + 24
        else:
            hour = hour % 12 + 12
    elif 1 <= hour < 7:
        hour += 12
    # A bare 9 is told to the user, and so is an hour that was moved; 9:15 explains itself.
    if part is None and hour != 12 and (hour != clock.hour or not clock.minute):
        almanac.note(f"{clock.hour}{f':{clock.minute:02}' if clock.minute else ''} means "
                     f"{hour:02}:{clock.minute:02}")  # fmt: skip
    return Minutes(hour * 60 + clock.minute, clock.second)


def settle_range(
    first: Clock, last: Clock, part: DayPart | None, almanac: Almanac
) -> tuple[Minutes, Minutes]:
    """Return both ends; "3-4:30pm" begins at 15:00, "11-1pm" at 11:00, "9-5" ends at 17:00."""
    if not _open(first):
        start = settle(first, part, almanac)
        if first.name == "midnight":
            start = Minutes(0)
        return start, _after(start, last, part, almanac)
    if _open(last):
        start = settle(first, part, almanac)
        return start, _after(start, last, part, almanac)
    end = settle(last, part, almanac)
    hours = [hour for hour in (first.hour % 12 + 12, first.hour % 12)
             if hour * 60 + first.minute < end.minute]  # fmt: skip
    if not hours:
        start = settle(first, part, almanac)
        return start, _after(start, last, part, almanac)
    return Minutes(hours[0] * 60 + first.minute, first.second), end


def _after(start: Minutes, clock: Clock, part: DayPart | None, almanac: Almanac) -> Minutes:
    if not _open(clock):
        end = settle(clock, part, almanac)
        return end if end.minute > start.minute else Minutes(end.minute + WHOLE_DAY, end.second)
    minute = clock.hour % 12 * 60 + clock.minute
    while minute <= start.minute:
        minute += NOON
    return Minutes(minute, clock.second)


def _open(clock: Clock) -> bool:
    """Whether its half of the day is still open."""
    return not (clock.half or clock.name or clock.hour > 12)


def _known(clock: Clock) -> Minutes:
    hour = clock.hour
    if clock.half == "am":
        hour %= 12
    elif clock.half == "pm":
        hour = hour % 12 + 12
    return Minutes(hour * 60 + clock.minute, clock.second)


def _named(clock: Clock, almanac: Almanac) -> Minutes | None:
    match clock.name:
        case "close":
            almanac.note(f"the end of the day is {almanac.habits.work_end:%H:%M}")
            return Minutes(_minutes(almanac.habits.work_end))
        case "open":
            almanac.note(f"the day begins at {almanac.habits.work_start:%H:%M}")
            return Minutes(_minutes(almanac.habits.work_start))
        case "midnight":
            almanac.note("midnight is at the end of the day")
            return Minutes(WHOLE_DAY)
        case _:
            return None


def _minutes(clock: time) -> int:
    return clock.hour * 60 + clock.minute
