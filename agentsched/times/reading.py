"""What one time phrase says: its days, hours, lengths, repeats and bounds."""

from __future__ import annotations

from dataclasses import dataclass, field

from agentsched.times.pieces import (
    Amount,
    Clock,
    Day,
    DayPart,
    Nth,
    Offset,
    Prefix,
    Repeat,
    Shift,
    Zone,
)


@dataclass(frozen=True, slots=True)
class Dated:
    """A day as said, what stands before it, and the word that led to it."""

    day: Day
    prefixes: tuple[Prefix, ...] = ()
    lead: str = ""


@dataclass(slots=True)
class Side:
    """One end of a range, or all of what is no range."""

    days: list[Dated] = field(default_factory=list)
    several: tuple[int, ...] = ()
    """Weekdays listed: "Tuesday and Thursday"."""
    clocks: list[Clock] = field(default_factory=list)
    shift: Shift | None = None
    """"an hour before" the clock."""
    part: DayPart | None = None
    offset: Offset | None = None
    number: int = 0
    """A number after a weekday: the day of the month, or an hour; 0 for none."""
    join: str = ""
    """The word before it, for all but the first."""

    @property
    def empty(self) -> bool:
        """Whether nothing was said yet."""
        return not (self.days or self.several or self.clocks or self.part or self.offset)


@dataclass(slots=True)
class Reading:
    """All that one phrase says; ``start`` and ``end`` are offsets in the text."""

    start: int
    end: int
    sides: list[Side] = field(default_factory=lambda: [Side()])
    repeat: Repeat | None = None
    weak_repeat: bool = False
    nth: Nth | None = None
    excluded: tuple[int, ...] = ()
    """Weekdays that are excepted."""
    unless: bool = False
    """Something else is excepted, which no repeat rule can leave out."""
    lengths: list[Amount] = field(default_factory=list)
    times: int = 0
    zone: Zone | None = None
    bound: str = ""
    """"by", "before", "after", "since" or "onward" (both with what they name)."""
    alternative: bool = False
    """It follows "or"."""
    adverb: bool = False
    """It is only a word such as "weekly", which counts beside another time alone."""

    @property
    def empty(self) -> bool:
        """Whether it says no time at all."""
        return all(side.empty for side in self.sides) and not (
            self.repeat or self.lengths or self.nth
        )

    @property
    def rank(self) -> int:
        """How much it says of when; the highest of a sentence is what the sentence is about."""
        days = any(side.days or side.several or side.offset for side in self.sides)
        clocks = any(side.clocks for side in self.sides)
        parts = any(side.part for side in self.sides)
        return (
            16 * (self.repeat is not None and not self.weak_repeat) + 8 * days + 4 * clocks
            + 2 * parts + bool(self.bound) + 2 * (len(self.sides) > 1)
        )  # fmt: skip
