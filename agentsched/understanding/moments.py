"""Time phrases of a message, resolved by ``agentsched.times``."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import islice

from agentsched.times import Found, Habits, Resolved, TimePhraseError, find_times
from agentsched.times import refuse_impossible as _refuse_impossible
from agentsched.understanding.context import Context
from agentsched.understanding.intents import When
from agentsched.understanding.text import crop


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """A time phrase and where it stood."""

    start: int
    end: int
    when: When
    kind: str
    """As in ``times.Resolved``: moment, date, range, duration, deadline, recurrence; or "bound",
    the end of a series, which its rule has taken in."""
    grain: str = "minute"


@dataclass(frozen=True, slots=True)
class Begin:
    """When work may begin: not before ``earliest``, and by ``latest`` where a stretch was named."""

    earliest: datetime
    latest: datetime | None = None


_STRETCHES = ("hour", "part", "day")
_ANY_DAY = re.compile(
    r"(?:(?:at|by|during|over|in)\s+)?(?:the\s+)?(?:morning|afternoon|evening|night)s?",
    re.IGNORECASE,
)
"""A time of any day: a window (``hint_words.times``), not one stretch."""
_NIGHT = re.compile(r"\b(?:night|tonight|tonite)\b", re.IGNORECASE)
_NIGHT_ENDS = time(6)


def begins(span: TimeSpan, context: Context) -> Begin | None:
    """Return when work said for this time may begin; None where it says nothing of that.

    "Tonight", "tomorrow morning", "on Friday" name a stretch: work begins within it, and may go on
    beyond. A night ends at 6:00 of the next day. A stretch of another day that is over is no limit.
    """
    start, end = span.when.start, span.when.end
    if start is None:
        return None
    if span.kind not in ("range", "date") or span.grain not in _STRETCHES:
        return Begin(start)
    if span.when.duration or _ANY_DAY.fullmatch(span.when.phrase.strip()):
        return Begin(start)
    if span.when.all_day and end is None and span.kind == "date":
        end = start + timedelta(days=1)
    if end is None:
        return Begin(start)
    if span.grain == "part" and _NIGHT.search(span.when.phrase):
        day = start.astimezone(context.zone).date() + timedelta(days=1)
        end = max(end, datetime.combine(day, _NIGHT_ENDS, context.zone))
    if end <= context.now and start.astimezone(context.zone).date() != context.now.date():
        return Begin(start)
    return Begin(start, end)


def find_spans(text: str, context: Context) -> list[TimeSpan]:
    """Return every time phrase of a text, in order.

    Raises:
        TimePhraseError: One names a time that does not exist.
    """
    spans = []
    for found in _found(text, context):
        span = _span(found, context)
        hour = _BARE_HOUR.match(text, span.end)
        if hour is not None:
            span = _with_hour(text, span, hour.end(), context)
        spans.append(span)
    return _with_bounds(text, spans, context)


_NUMBERS = re.compile(
    r"(?:at|on|in|to|from) \d+(?:,| and| or| to)? \d+(?!\d*(?::| ?[ap]m))", re.IGNORECASE
)
"""Numbers in a row, "at 5, 10 and 15 degrees", are no times."""
_NAMED_BY_PERIOD = re.compile(
    r"\b(?:the|our|a|this) (?:nightly|hourly|daily|weekly|monthly)$", re.IGNORECASE
)
"""Which one is meant, no repetition: "after the nightly" snapshot."""
_POSSESSIVE = re.compile(r"['\u2019]s\s")
_BARE_PART = re.compile(r"morning|afternoon|evening|night|noon|midday", re.IGNORECASE)
_BARE_HOUR = re.compile(r"\s+at \d{1,2}(?![\w:.%-])")


_BOUND = re.compile(
    r"(?<![\w-])(?:(?:until|till|through|up to)\s|for\s+(?:the\s+next\s+)?[\w-]+\s+"
    r"(?:times|occurrences|weeks|months|years)\b|\d+\s+times\b)",
    re.IGNORECASE,
)
"""How an end of a series begins that stands apart from its rule."""
_SENTENCE_END = re.compile(r"(?<=\w{3})(?<!\b[Mm]rs)(?<!\b[Pp]rof)[.!?](?=\s)|[;\n]")
_BOUNDS_TRIED = 8
"""Places where the end of a series is looked for: a pasted text may have thousands."""
_ENDS = re.compile(r"\b(?:UNTIL|COUNT)=")


def _with_bounds(text: str, spans: list[TimeSpan], context: Context) -> list[TimeSpan]:
    """Give a series the end that its title parts from it: "every Tuesday sync until March"."""
    rule = next((span for span in spans if span.kind == "recurrence"), None)
    if rule is None or _ENDS.search(rule.when.rrule):
        return spans
    stop = _SENTENCE_END.search(text, rule.end)
    last = stop.start() if stop else len(text)
    for opening in islice(_BOUND.finditer(text, rule.end, last), _BOUNDS_TRIED):
        found = next((span for span in spans if span.end > opening.end() > span.start), None)
        later = [span for span in spans if span.start >= opening.start()]
        near = found or next((s for s in later if not text[opening.end() : s.start].strip()), None)
        start = min(opening.start(), near.start if near else opening.start())
        end = max(opening.end(), near.end if near else 0)
        said = text[start:end]
        whole = _found(f"{text[rule.start : rule.end]} {said}", context)
        if len(whole) != 1 or not _ENDS.search(whole[0].value.rrule or ""):
            continue
        when = _span(whole[0], context).when
        bound = TimeSpan(start, end, When(phrase=crop(said, 300)), "bound")
        kept = [
            span
            for span in spans
            if span is not rule and (span.end <= bound.start or span.start >= bound.end)
        ]
        series = replace(rule, when=when.model_copy(update={"phrase": rule.when.phrase}))
        return sorted([*kept, series, bound], key=lambda span: span.start)
    return spans


def _found(text: str, context: Context) -> tuple[Found, ...]:
    try:
        return find_times(text, context.now, context.zone, habits=_habits(context))
    except OverflowError as error:
        raise TimePhraseError(
            f"{crop(text, 60)!r} has a number too large for a time; name one within a year"
        ) from error


def _with_hour(text: str, span: TimeSpan, end: int, context: Context) -> TimeSpan:
    """Take in "at 6" where a verb follows it ("every Monday at 6 refresh …")."""
    phrase = text[span.start : end]
    whole = _found(phrase, context)
    if len(whole) != 1 or whole[0].end != len(phrase):
        return span
    return replace(_span(whole[0], context), start=span.start, end=end)


def take_times(text: str, context: Context) -> tuple[str, list[TimeSpan]]:
    """Return the text of some work with its times blanked, and the times.

    Lengths are left to the caller; in "last week's data" the time is part of a name.

    Raises:
        TimePhraseError: One names a time that does not exist.
    """
    spans = [
        span
        for span in find_spans(text, context)
        if span.kind != "duration"
        and not _NUMBERS.match(text, span.start)
        and not _POSSESSIVE.search(text[span.end - 2 : span.end + 3])
        and not _NAMED_BY_PERIOD.search(span.when.phrase)
    ]
    for span in spans:
        text = text[: span.start] + " " * (span.end - span.start) + text[span.end :]
    return text, spans


def read_when(text: str, context: Context) -> When | None:
    """Return all a short text says of time, put together; None where it says nothing.

    Raises:
        TimePhraseError: It names a time that does not exist.
    """
    spans = find_spans(text, context)
    return join(spans) if spans else None


def join(spans: list[TimeSpan]) -> When:
    """Put the times of one event together: a moment, a length, a rule that repeats it."""
    # "The morning review tomorrow": a bare part of the day before a noun is a name, not a time.
    telling = [span for span in spans if not _BARE_PART.fullmatch(span.when.phrase)] or spans
    merged = telling[0].when
    for span in telling[1:]:
        other = span.when
        fresh = {
            name: getattr(other, name)
            for name in ("start", "end", "duration", "due", "rrule")
            if not getattr(merged, name) and getattr(other, name)
        }
        if "start" in fresh:
            fresh["all_day"] = other.all_day
        merged = merged.model_copy(
            update={
                **fresh,
                "phrase": crop(f"{merged.phrase}, {other.phrase}", 300),
                "assumed": (*merged.assumed, *other.assumed),
            }
        )
    return merged


def refuse_impossible(text: str, spans: list[TimeSpan], *, with_lead: bool = False) -> None:
    """Refuse "25:00" and the like outside the times that were read; see ``agentsched.times``.

    Raises:
        TimePhraseError: There is such a word.
    """
    _refuse_impossible(text, ((span.start, span.end) for span in spans), with_lead=with_lead)


def unused(spans: list[TimeSpan], when: When) -> list[str]:
    """Return the phrases whose time the joined one does not have."""
    left = []
    for span in spans:
        said = span.when
        if span.kind == "bound" or _BARE_PART.fullmatch(said.phrase):
            continue
        # What must be over by some time is a limit of work; an event has no use for it.
        names = ("start", "rrule", "duration") if said.start or said.rrule else ("duration",)
        taken = any(getattr(said, n) and getattr(said, n) == getattr(when, n) for n in names)
        if not taken:
            left.append(said.phrase)
    return left


def _span(found: Found, context: Context) -> TimeSpan:
    value = found.value
    return TimeSpan(
        found.start, found.end, _when(value, found.text, context), value.kind, value.grain
    )


def _when(value: Resolved, phrase: str, context: Context) -> When:
    length = None if value.duration is None else int(value.duration.total_seconds())
    return When(
        phrase=crop(phrase, 300) or "?",
        start=_moment(value.start, context),
        end=_moment(value.end, context),
        all_day=isinstance(value.start, date) and not isinstance(value.start, datetime),
        duration=length if length and length > 0 else None,
        due=_end_of_day(value.due, context),
        rrule=value.rrule or "",
        assumed=tuple(crop(words, 300) for words in value.assumed),
    )


def _moment(value: datetime | date | None, context: Context) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value
    return datetime.combine(value, time(), tzinfo=context.zone)


def _end_of_day(value: datetime | date | None, context: Context) -> datetime | None:
    """Read a due date as the end of that day."""
    if value is None or isinstance(value, datetime):
        return value
    return datetime.combine(value + timedelta(days=1), time(), tzinfo=context.zone)


def _habits(context: Context) -> Habits:
    return Habits(work_start=context.opens, work_end=context.closes)


__all__ = [
    "Begin",
    "TimePhraseError",
    "TimeSpan",
    "begins",
    "find_spans",
    "join",
    "read_when",
    "refuse_impossible",
    "take_times",
    "unused",
]
