"""A time for several people: who, how long, which days, and what is said of their calendars."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from agentsched.understanding.asking import Turn
from agentsched.understanding.context import Context
from agentsched.understanding.intents import FindTime, When
from agentsched.understanding.meeting_words import Availability, day_names, read_clock
from agentsched.understanding.moments import TimePhraseError, find_spans
from agentsched.understanding.people import find_people
from agentsched.understanding.text import crop, find_quote, stands_in
from agentsched.understanding.work.amounts import take_amounts

_SENTENCE = re.compile(r"[;\n]+|[.!?](?=\s|$)")
_HOURS = re.compile(
    r"\b(?:between|from|within|during)(?: the)?(?: (?:work|working|office|business) hours(?: of| "
    r"from)?)?\s*"
    r"(?P<a>\d{1,2}(?::\d\d)?\s?(?:am|pm)?)\s*(?:to|and|-|until)\s*(?P<b>\d{1,2}(?::\d\d)?\s?(?:am"
    r"|pm)?)",
    re.IGNORECASE,
)
_NAMES = re.compile(r"\b(?:for|with)\s+(?P<who>[A-Z][\w'-]+(?:,? (?:and )?[A-Z][\w'-]+)*)")
_NOISE = re.compile(
    r"existing schedules|^find a time that works|^task\b|^solution\b|^you are an expert|^note "
    r"(?:that )?there"
    r"|^here (?:is|are)\b", re.IGNORECASE
)  # fmt: skip
_Short = Annotated[str, Field(max_length=60)]


class QuotedWish(BaseModel):
    """When somebody cannot, as the model quotes it."""

    model_config = ConfigDict(extra="forbid")

    who: Annotated[str, Field(max_length=30)]
    quote: Annotated[str, Field(max_length=90)]


class QuotedMeeting(BaseModel):
    """The model's answer to ``understanding/meeting``."""

    model_config = ConfigDict(extra="forbid")

    people: Annotated[list[Annotated[str, Field(max_length=30)]], Field(max_length=12)]
    length: _Short
    hours: _Short
    days: _Short
    wishes: Annotated[list[QuotedWish], Field(max_length=8)]


def read_meeting(text: str, turn: Turn) -> FindTime:
    """Return the search for a time that a text asks for.

    Raises:
        TimePhraseError: It names a time that does not exist.
    """
    lines = [line.strip() for line in _SENTENCE.split(text) if re.search(r"\w{2}", line)]
    lines = [line for line in lines if not _NOISE.search(line)]
    request = next((line for line in lines if _is_request(line)), lines[0] if lines else text)
    days = _days(request, turn.context)
    availability = Availability(turn.context, days)
    rest = [line for line in lines if line is not request]
    unread = [line for line in rest if not availability.read(line)]
    people = _people(request, turn.context)
    length = _length(request)
    if turn.has_model and (turn.prefer_model or unread or not people or length is None):
        answer = ask_meeting("\n".join([request, *_irregular(rest, unread, turn)]), turn)
        if answer is not None:
            known = length
            said = _length(answer.length)
            # "30 minutes" is as good as "half an hour" where the message says either.
            length = said if said and (said == known or stands_in(answer.length, text)) else known
            people = people if people and not turn.prefer_model else tuple(answer.people)
            if turn.prefer_model:
                days = _days(answer.days, turn.context) if stands_in(answer.days, text) else []
                availability = Availability(turn.context, days)
                for line in _regular(rest):
                    availability.read(line)
            for wish in answer.wishes:
                if stands_in(wish.quote, text):
                    _add_wish(availability, wish)
            unread = [line for line in unread if not any(w.who in line for w in answer.wishes)]
    for line in unread:
        turn.note(
            f"Not used: {crop(line, 120)!r} says nothing of anybody's time that could be read."
        )
    if length is None:
        length = turn.context.meeting_minutes * 60
        turn.note(f"No length was named; {turn.context.meeting_minutes} minutes were taken.")
    opens, closes = _hours(request, turn.context)
    return FindTime(
        phrases=(crop(request, 300),),
        title=_title(request),
        people=people,
        duration=max(60, length),
        days=tuple(datetime.combine(day, time(), tzinfo=turn.context.zone) for day in days),
        opens=opens,
        closes=closes,
        busy=tuple(availability.busy),
        within=None if days else _within(request, turn.context),
        latest=bool(re.search(r"\b(?:latest|as late as|last possible)\b", text, re.IGNORECASE)),
    )


def ask_meeting(text: str, turn: Turn) -> QuotedMeeting | None:
    """Ask the model for the fields of a request; every quote stands in the text."""

    def check(answer: QuotedMeeting) -> str | None:
        strange = [name for name in answer.people if find_quote(name, text) is None]
        if strange:
            return f"{crop(strange[0], 60)!r} does not stand in the message; copy its words"
        return None if answer.people else "people must name who is to meet"

    return turn.ask("meeting", QuotedMeeting, check, max_tokens=260, message=crop(text, 1500))


def _irregular(rest: list[str], unread: list[str], turn: Turn) -> list[str]:
    """Return the lines a model is shown: never the lists of busy times, which code reads."""
    if not turn.prefer_model:
        return unread
    regular = set(_regular(rest))
    return [line for line in rest if line not in regular]


def _regular(lines: list[str]) -> list[str]:
    """Return the lines that list busy ranges or say that somebody is free."""
    return [
        line
        for line in lines
        if re.search(r"\d:\d\d to \d|\bfree\b|wide open|no meetings", line)
        and not re.search(r"\b(?:not|avoid|rather)\b", line)
    ]


def _add_wish(availability: Availability, wish: QuotedWish) -> None:
    verb = (
        ""
        if re.search(r"\b(?:not|n't|can't|avoid|busy|rather|only|prefer)", wish.quote)
        else "can not meet "
    )
    quote = wish.quote.removeprefix(wish.who).strip()
    for number, part in enumerate(re.split(r"\.\s*", quote)):
        if part.strip():
            availability.read(f"{wish.who} {verb}{part}" if not number else part)


def _is_request(line: str) -> bool:
    return bool(
        re.search(
            r"\b(?:schedule a|find|meet(?:ing)? (?:for|with)|when can|need to meet|slot|get "
            r"together|set up)\b",
            line,
            re.IGNORECASE,
        )
    )


def _people(request: str, context: Context) -> tuple[str, ...]:
    found: list[str] = []
    for match in _NAMES.finditer(request):
        found += re.split(r",? and |, | and ", match["who"])
    found += find_people(request, context.people)
    days = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}
    named = [name.strip() for name in found if name.strip().lower() not in days]
    if re.search(r"\b(?:me|us|we|i)\b", request, re.IGNORECASE) and not re.search(
        r"\bneed\b.*\bfor\b", request
    ):
        named.append("me")
    return tuple(dict.fromkeys(named))[:50]


def _length(text: str) -> int | None:
    """Return the first length in seconds; "one hour", "half an hour", "45 min"."""
    text = re.sub(r"\b(\d+|an?|one|two|three)[- ](hour|minute)\b", r"\1 \2", text)
    for amount in take_amounts(text)[1]:
        if amount.name == "duration":
            return int(amount.value)
    return None


def _days(text: str, context: Context) -> list[date]:
    """Return the days that weekday names, today or tomorrow mean; none where others are named."""
    today = context.now.astimezone(context.zone).date()
    found = []
    if re.search(r"\btoday\b", text, re.IGNORECASE):
        found.append(today)
    if re.search(r"\btomorrow\b", text, re.IGNORECASE):
        found.append(today + timedelta(days=1))
    names = day_names(text)
    if re.search(r"\b(?:next week|week of|\d{1,2}(?:st|nd|rd|th)|january|february|march|april|june"
        r"|july|august"
                 r"|september|october|november|december)\b", text, re.IGNORECASE):  # fmt: skip
        week = _within(text, context)
        if week is not None and week.start is not None and names:
            monday = week.start.date() - timedelta(days=week.start.weekday())
            return [monday + timedelta(days=name) for name in names]
        return found
    for name in names:
        day = today + timedelta(days=(name - today.weekday()) % 7)
        found.append(day if day > today else day + timedelta(days=7))
    return sorted(dict.fromkeys(found))


def _hours(text: str, context: Context) -> tuple[time, time]:
    found = _HOURS.search(text)
    if found is None:
        part = re.search(r"\b(morning|afternoon|evening)s?\b", text, re.IGNORECASE)
        hours = {
            "m": (context.opens, time(12)),
            "a": (time(12), time(17)),
            "e": (time(17), time(21)),
        }
        return hours[part[1][0].lower()] if part else (context.opens, context.closes)
    try:
        return read_clock(found["a"]), read_clock(found["b"])
    except ValueError as error:
        raise TimePhraseError(
            f"{found[0]!r}: {error}; name hours from 0:00 to 24:00", found[0]
        ) from error


def _within(text: str, context: Context) -> When | None:
    """Return the stretch of days a text names, "next week"."""
    for span in find_spans(text, context):
        if span.kind in ("range", "date", "deadline") and span.grain in (
            "week",
            "month",
            "day",
            "part",
            "quarter",
            "year",
        ):
            when = span.when
            if when.start is not None and when.end is None:
                when = when.model_copy(update={"end": when.start + timedelta(days=1)})
            return when
    return None


def _title(request: str) -> str:
    found = re.search(
        r"\b(?:to discuss|about|to talk about|to go over|to review) (?P<t>[^.,;?]+)",
        request,
        re.IGNORECASE,
    )
    if found:
        return crop(found["t"].strip(), 120)
    noun = re.search(
        r"\b(?:lunch|dinner|coffee|call|sync|workshop|interview|review|retro|planning|kickoff)\b",
        request,
        re.IGNORECASE,
    )
    return noun[0] if noun else "meeting"
