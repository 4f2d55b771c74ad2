"""Who can when, in words: "Ben is busy on Monday during 9:00 to 10:30", "Mia can't before 11"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from agentsched.understanding.context import Context
from agentsched.understanding.intents import Busy
from agentsched.understanding.text import crop

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY = r"(?:mon|tues?|wed(?:nes)?|thur?s?|fri|sat(?:ur)?|sun)(?:day)?s?"
_CLOCK = r"(?:\d{1,2}(?::\d\d)?\s?(?:am|pm|a\.m\.|p\.m\.)?|noon|midday|midnight)"
_RANGE = re.compile(
    rf"(?:from |between |during )?(?P<a>{_CLOCK})\s*(?:-|to|until|till"
    rf"|and)\s*(?P<b>{_CLOCK})(?![\w:])",
    re.IGNORECASE,
)
_BOUND = re.compile(
    rf"\b(?P<word>before|until|till|after|from|past|earlier than|later than|starting "
    rf"at)\s+(?P<a>{_CLOCK})(?![\w:])(?!\s*(?:-|to\b))",
    re.IGNORECASE,
)
_PART = re.compile(r"\b(?P<part>mornings?|afternoons?|evenings?|lunch(?:time)?)\b", re.IGNORECASE)
_PARTS = {"m": (time(0), time(12)), "a": (time(12), time(18)), "e": (time(17), time(23, 59)),
          "l": (time(12), time(13))}  # fmt: skip
_WHO = r"(?P<who>(?:[A-Z][\w'-]*?(?: [A-Z][\w-]*)?|I|We|The group|Everyone|(?:My|Our|The) \w+))"
_STATEMENT = re.compile(
    rf"^(?:and |but |also |however,? |while )?{_WHO}(?P<rest>(?:'s|'m|'re|has\b|have\b|\s).*)$",
    re.DOTALL,
)
_FREE = re.compile(
    r"\b(?:is|are|am|'s|'m) (?:completely |totally |all )?(?:free|available|flexible|wide open"
    r"|open)\b(?! (?:only|until|from|before|after|on|between))"
    r"|\bwide open\b|no (?:meetings|appointments|plans)\b|\bany ?time\b",
    re.IGNORECASE,
)
_ONLY = re.compile(
    r"\b(?:only|is free (?:on|from|until|before|after|between)|(?:is|are|am|'m|'s) (?:free"
    r"|available) (?:only|until|from|before|after|on|between)"
    r"|prefers? (?!not\b)|would prefer (?!not\b)|(?:would |'d )like to meet (?!at\b))",
    re.IGNORECASE,
)
_NOT = re.compile(
    r"\b(?:busy|blocked|booked|away|out|off|unavailable|meetings?|appointments?|not|n't|can't"
    r"|cannot|avoid|hates?|travel\w*|vacation|dentist|teach\w*|class)\b",
    re.IGNORECASE,
)
_SOFT = re.compile(
    r"\b(?:rather|avoid|prefers?|like to|ideally|if possible|want|better|hates?)\b", re.IGNORECASE
)
_EARLIEST = re.compile(r"\bearl\w*st\b|\bas (?:early|soon) as\b|\bsoonest\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of one day, in local time."""

    day: date
    start: time
    end: time
    """Midnight (00:00) means the end of the day."""


def day_names(text: str) -> list[int]:
    """Return the weekdays a text names, Monday 0, in order."""
    return [_weekday(found[0]) for found in re.finditer(rf"\b{_DAY}\b", text, re.IGNORECASE)]


def _weekday(word: str) -> int:
    return next(n for n, name in enumerate(DAYS) if name.startswith(word.lower()[:3]))


def read_clock(word: str) -> time:
    """Return a time of day; an hour from 1 to 6 without am or pm is in the afternoon.

    Raises:
        ValueError: There is no such time.
    """
    word = word.lower().replace(".", "").strip()
    if word in ("noon", "midday"):
        return time(12)
    if word == "midnight":
        return time(0)
    found = re.fullmatch(r"(\d{1,2})(?::(\d\d))?\s?(am|pm)?", word)
    if found is None:
        raise ValueError(f"{word!r} is no time of day")
    hour, minute = int(found[1]), int(found[2] or 0)
    if found[3] == "pm" and hour < 12:
        hour += 12
    elif found[3] == "am" and hour == 12:
        hour = 0
    elif not found[3] and not found[2] and 1 <= hour <= 6:
        hour += 12
    return time(0) if (hour, minute) == (24, 0) else time(hour, minute)


class Availability:
    """Reads statements about people's time into ``busy``; the rest is in ``unread``."""

    def __init__(self, context: Context, days: Sequence[date]) -> None:
        """Set up.

        Args:
            context: Now, zone, working hours.
            days: On which the meeting can be; a weekday that is named is one of them, or the next.
        """
        self.busy: list[Busy] = []
        self.earliest = False
        self.unread: list[str] = []
        self.read_lines = 0
        self._context = context
        self._days = days
        self._who = ""
        self._manner = ("", False)

    def read(self, sentence: str) -> bool:
        """Read one sentence; False when it says nothing of anybody's time."""
        if _EARLIEST.search(sentence):
            self.earliest = True
            return True
        text = sentence.strip(" .;,")
        if re.match(rf"(?:and |or |on )*{_DAY}\b", text, re.IGNORECASE) and self._who:
            return self._add(self._who, text, *self._manner, sentence)
        said = _STATEMENT.match(text)
        if said is None:
            return _FREE.search(text) is not None
        who, rest = said["who"], said["rest"]
        if _FREE.search(rest):
            self._who = ""
            self.read_lines += 1
            return True
        kind = "only" if _ONLY.search(rest) and not re.search(r"\bnot\b|n't|\bavoid", rest) else ""
        if not kind and not _NOT.search(rest):
            return False
        self._who, self._manner = who, (kind, _SOFT.search(rest) is not None)
        return self._add(who, rest, *self._manner, sentence)

    def _add(self, who: str, text: str, kind: str, soft: bool, sentence: str) -> bool:
        try:
            stretches = self._stretches(text)
        except ValueError:
            return False
        if not stretches:
            return False
        if kind == "only":
            stretches = self._complement(stretches)
        for stretch in stretches:
            start, end = self._moments(stretch)
            if end > start:
                self.busy.append(
                    Busy(
                        who=crop(who, 120),
                        start=start,
                        end=end,
                        soft=soft,
                        phrase=crop(sentence, 300),
                    )
                )
        self.read_lines += 1
        return True

    def _stretches(self, text: str) -> list[Stretch]:
        """Read "on Monday during 9:00 to 9:30, 10:00 to 11:00, Tuesday before 14:00"."""
        found: list[Stretch] = []
        marks = list(re.finditer(rf"\b{_DAY}\b", text, re.IGNORECASE))
        head = text[: marks[0].start()] if marks else text
        lone = self._times(head)
        if not marks:
            return [Stretch(day, a, b) for day in self._days for a, b in lone]
        group: list[date] = []
        for mark, following in zip(marks, [*marks[1:], None], strict=True):
            part = text[mark.end() : following.start() if following else len(text)]
            group.append(self._date(_weekday(mark[0])))
            times = self._times(part)
            joined = re.fullmatch(r"\s*(?:,|and|or|,\s*and|,\s*or|&)\s*(?:on\s+)?", part)
            if not times and joined and following is not None:
                continue
            spans = times or (lone if len(marks) == 1 and lone else [(time(0), time(0))])
            found += [Stretch(day, a, b) for day in group for a, b in spans]
            group = []
        return found

    def _times(self, text: str) -> list[tuple[time, time]]:
        found = []
        for span in _RANGE.finditer(text):
            first, last = read_clock(span["a"]), read_clock(span["b"])
            if re.search(r"pm", span["b"], re.IGNORECASE) and not re.search(
                r"[ap]m", span["a"], re.IGNORECASE
            ):
                shifted = time((first.hour + 12) % 24, first.minute) if first.hour < 12 else first
                first = shifted if shifted < last or last == time(0) else first
            found.append((first, last))
        rest = _RANGE.sub(" ", text)
        for bound in _BOUND.finditer(rest):
            clock = read_clock(bound["a"])
            early = bound["word"].lower() in ("before", "until", "till", "earlier than")
            found.append((time(0), clock) if early else (clock, time(0)))
        for part in _PART.finditer(rest):
            found.append(_PARTS[part["part"][0].lower()])
        return found

    def _complement(self, stretches: list[Stretch]) -> list[Stretch]:
        found = []
        for day in self._days:
            mine = sorted((s.start, s.end or time(0)) for s in stretches if s.day == day)
            at = time(0)
            for start, end in mine:
                if start > at:
                    found.append(Stretch(day, at, start))
                at = end
                if end == time(0):
                    break
            else:
                found.append(Stretch(day, at, time(0)))
        return found

    def _date(self, weekday: int) -> date:
        for day in self._days:
            if day.weekday() == weekday:
                return day
        today = self._context.now.astimezone(self._context.zone).date()
        return today + timedelta(days=(weekday - today.weekday()) % 7 or 7)

    def _moments(self, stretch: Stretch) -> tuple[datetime, datetime]:
        zone = self._context.zone
        start = datetime.combine(stretch.day, stretch.start, tzinfo=zone)
        last = stretch.day + timedelta(days=1) if stretch.end == time(0) else stretch.day
        return start, datetime.combine(last, stretch.end, tzinfo=zone)
