"""The two doors: ``resolve`` one phrase, ``find_times`` in a text."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from agentsched.times.almanac import Almanac
from agentsched.times.errors import TimePhraseError
from agentsched.times.habits import Habits
from agentsched.times.impossible import refuse_impossible
from agentsched.times.pieces import DayPart, Repeat, Weekday
from agentsched.times.reader import read
from agentsched.times.reading import Reading
from agentsched.times.resolved import Found, Resolved
from agentsched.times.resolving import Resolving
from agentsched.times.rules_clock import hinted
from agentsched.times.runs import runs
from agentsched.times.scanner import scan
from agentsched.times.spelling import PHRASE_LIMIT, TEXT_LIMIT, check_length, plain

OFFICE = Habits()
_EVERY = re.compile(r"\bevery\s+\w+", re.IGNORECASE)


def resolve(phrase: str, now: datetime, zone: ZoneInfo, *, habits: Habits = OFFICE) -> Resolved:
    """Return what a phrase, or a sentence with one, says of time.

    Args:
        phrase: The user's words, at most 300 characters.
        now: When they were said; aware.
        zone: Where the user is.
        habits: Working hours, weekend, holidays, order of dates.

    Raises:
        TimePhraseError: There is no time in it, more than one that contradict each other, a time
            that clocks skip, or a date that does not exist.
    """
    check_length(phrase, PHRASE_LIMIT)
    speech = _Speech(phrase, now, zone, habits)
    readings = speech.readings()
    if all(reading.adverb for reading in readings):
        raise TimePhraseError(
            f"no time in {_short(phrase)}; say when, for example 'tomorrow at 3pm' or "
            f"'every Monday at 9'"
        )
    try:
        refuse_impossible(phrase, ((reading.start, reading.end) for reading in readings))
    except TimePhraseError as error:
        raise TimePhraseError(f"{_short(phrase)}: {error}") from error
    main = max((one for one in readings if not one.adverb), key=lambda reading: reading.rank)
    value = speech.value(_completed(main, readings, speech.almanac))
    every = _EVERY.search(phrase)
    if every is not None and value.rrule is None:
        value = replace(
            value, assumed=(*value.assumed, f"once: {every[0]!r} is not read as a series")
        )
    return value


def find_times(
    text: str, now: datetime, zone: ZoneInfo, *, habits: Habits = OFFICE
) -> tuple[Found, ...]:
    """Return every time phrase of a text, in order; of at most 20,000 characters.

    Raises:
        TimePhraseError: The text is too long, or a phrase names a time that does not exist.
    """
    check_length(text, TEXT_LIMIT)
    speech = _Speech(text, now, zone, habits)
    return tuple(speech.found(reading) for reading in speech.readings() if not reading.adverb)


class _Speech:
    """A text said at one moment by one user."""

    def __init__(self, text: str, now: datetime, zone: ZoneInfo, habits: Habits) -> None:
        if now.tzinfo is None or now.utcoffset() is None:
            raise TimePhraseError(f"now is {now} without a zone; give an aware datetime")
        self._text, self._now, self._zone, self._habits = text, now, zone, habits
        self._known = plain(text)
        self.almanac = self._fresh()

    def _fresh(self) -> Almanac:
        return Almanac(self._now.astimezone(self._zone).date(), self._habits)

    def readings(self) -> list[Reading]:
        day_first = self._habits.reads_day_first(self._zone)
        pieces = scan(self._known, self._text, day_first=day_first)
        found = []
        for run in runs(self._known, pieces):
            for reading in read(run):
                reading.adverb = run.adverb
                found.append(reading)
        return found

    def value(self, reading: Reading) -> Resolved:
        said = self._text[reading.start : reading.end]
        almanac, self.almanac = self.almanac, self._fresh()
        try:
            found = Resolving(reading, self._now, self._zone, almanac, self._hint(reading)).value()
        except TimePhraseError as error:
            raise TimePhraseError(f"{_short(said)}: {error}", said) from error
        except (OverflowError, ValueError) as error:
            raise TimePhraseError(
                f"{_short(said)} lies beyond the calendar ({error}); name a year from 1 to 9999",
                said,
            ) from error
        return replace(found, phrase=said)

    def found(self, reading: Reading) -> Found:
        """Return the value with its place; the full stop of a sentence is not part of it."""
        end = reading.end
        while self._known[end - 1] in ".," and self._known[end - 2 : end] != "m.":
            end -= 1
        words = self._text[reading.start : end].rstrip()
        return Found(reading.start, reading.start + len(words), words, self.value(reading))

    def _hint(self, reading: Reading) -> DayPart | None:
        if len(self._known) > PHRASE_LIMIT:
            line = self._known[max(0, reading.start - 80) : reading.end + 80]
            return hinted(line)
        return hinted(self._known)


def _completed(main: Reading, readings: list[Reading], almanac: Almanac) -> Reading:
    """Add to the main reading what the others of a sentence say about it."""
    for other in readings:
        if other is main:
            continue
        if all(side.empty for side in other.sides) and not other.repeat and not main.lengths:
            main.lengths = other.lengths
        elif other.repeat and all(side.empty for side in other.sides):
            if main.repeat is None and _may_repeat(main, other.repeat):
                main.repeat = other.repeat
        elif not _fills(main, other):
            almanac.note("only one of the times said; say the others apart")
    return main


def _may_repeat(main: Reading, repeat: Repeat) -> bool:
    """Whether "weekly" elsewhere in the sentence makes a series of it: not of one day's date."""
    if main.bound or (len(main.sides) > 1 and main.sides[1].days):
        return False
    weekly = repeat.unit == "week"
    return all(
        dated.lead in ("starting", "from") or (weekly and isinstance(dated.day, Weekday))
        for side in main.sides for dated in side.days
    ) and any(side.clocks or side.days for side in main.sides)  # fmt: skip


def _fills(main: Reading, other: Reading) -> bool:
    """Put a day to a time of day, or the other way round, that stand apart in a sentence."""
    if len(main.sides) > 1 or len(other.sides) > 1 or other.bound or other.repeat:
        return False
    mine, theirs = main.sides[0], other.sides[0]
    if any(clock.name == "now" for clock in theirs.clocks):
        return True  # "as soon as possible" adds nothing to "by Friday"
    if mine.days and not mine.clocks and theirs.clocks and not theirs.days:
        mine.clocks = theirs.clocks
        return True
    if (mine.clocks or main.repeat) and not mine.days and theirs.days and not theirs.clocks:
        if main.repeat is None:
            mine.days = theirs.days
        return main.repeat is None
    return False


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
