"""Events: schedule, move, cancel, respond; titles, people and places are read from the words."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from agentsched.understanding.asking import Turn
from agentsched.understanding.intents import (
    CancelEvent,
    EventRef,
    MoveEvent,
    RespondEvent,
    ScheduleEvent,
    Scope,
    When,
)
from agentsched.understanding.moments import TimeSpan, find_spans, join, refuse_impossible, unused
from agentsched.understanding.people import find_people, find_place
from agentsched.understanding.text import crop, find_quote
from agentsched.understanding.titles import (
    capital,
    new_title,
    quoted_title,
    title_of,
    without_spans,
)

_SERIES = re.compile(
    r"\b(?:series|all occurrences|every occurrence|the whole|entire|all of them|recurring|all "
    r"future and past)\b|\ball (?:my|the) \w+s\b(?= series)",
    re.IGNORECASE,
)
_FUTURE = re.compile(
    r"\b(?:from now on|from (?:then|here|that|this|next \w+|\w+day|\d+) on(?:ward)?s?|and (?:all "
    r")?(?:following|later|future)(?: ones| occurrences)?|this and (?:all )?(?:the )?following"
    r"|going forward|onwards?"
    r"|permanently|for good)\b",
    re.IGNORECASE,
)
_ALL = re.compile(r"\b(?:all|every|everything|each|any)\b", re.IGNORECASE)
_MANY = re.compile(r"\b(?:meetings|events|appointments|calls|everything|all)\b", re.IGNORECASE)
_LAST = re.compile(
    r"\b(?:it|that|this|them|the (?:meeting|event|appointment|one|last one))\b", re.IGNORECASE
)
_BY = re.compile(
    r"\b(?:(?P<later>(?:by |back |for )?(?P<a>[\w.]+(?: and a half)? (?:hours?|minutes?|mins?"
    r"|days?|weeks?)|half an hour|an hour and a half)"
    r" (?:later|back|after))|(?P<earlier>(?:by |up )?(?P<b>[\w.]+ (?:hours?|minutes?|mins?|days?"
    r"|weeks?)|half an hour) (?:earlier|forward|sooner|up))"
    r"|(?P<push>(?:back|push(?:ed)?|postpone|delay|shift|out)\b.*?\b(?:by )?(?P<c>(?:an?|\d+|one"
    r"|two|three|half an) (?:hours?|minutes?|mins?|days?|weeks?)))(?! from| later| earlier|\w))",
    re.IGNORECASE,
)
_UNITS = {"minute": 60, "min": 60, "hour": 3600, "day": 86_400, "week": 604_800}

_Short = Annotated[str, Field(max_length=80)]


class QuotedEvent(BaseModel):
    """The model's answer to ``understanding/event``."""

    model_config = ConfigDict(extra="forbid")

    title: _Short
    people: Annotated[list[Annotated[str, Field(max_length=40)]], Field(max_length=8)]
    place: _Short


_TO_HOUR = re.compile(r"\bto (1[0-2]|[1-9])(?=\s*(?:o'clock)?\s*[.!?]*$)", re.IGNORECASE)
_NEW_PLACE = re.compile(
    r"\b(?:location|place|venue|room)\b.*?(?P<to>\b(?:to|is|at|in)\s+(?P<place>.+))$", re.IGNORECASE
)


def read_schedule(text: str, turn: Turn) -> ScheduleEvent:
    """Return the event a clause asks for.

    Raises:
        TimePhraseError: It names a time that does not exist.
    """
    spans = find_spans(text, turn.context)
    refuse_impossible(text, spans)
    people, place = find_people(text, turn.context.people), find_place(without_spans(text, spans))
    title = quoted_title(text) or title_of(text, spans, place)
    if (not title or len(title.split()) > 7) and turn.has_model:
        answer = _ask(text, turn)
        if answer is not None:
            title = find_quote(answer.title, text) or title
            people = people or tuple(answer.people)
            place = place or (find_quote(answer.place, text) or "")
    if not title:
        title = f"Meeting with {', '.join(people)}" if people else "Meeting"
    when = join(spans) if spans else None
    if when is not None and (when.start or when.rrule):
        for phrase in unused(spans, when):
            turn.note(f"Not used: {crop(phrase, 80)!r}; only one of the times said was taken.")
    return ScheduleEvent(
        phrases=(crop(text, 300),), title=crop(capital(title), 120), when=when,
        people=people, place=crop(place, 120),
    )  # fmt: skip


def read_move(text: str, turn: Turn) -> MoveEvent | None:
    """Return the change a clause asks for; None when no event can be meant.

    Raises:
        TimePhraseError: It names a time that does not exist.
    """
    said, text = text, _TO_HOUR.sub(_with_minutes, text)
    plain = _FUTURE.sub(lambda found: " " * len(found[0]), text)
    spans = find_spans(plain, turn.context)
    refuse_impossible(plain, spans)
    invited, dropped = _guests(text, turn)
    which, new = _apart(plain, turn) or _halves(plain, spans)
    if (invited or dropped) and which is None:
        which, new = new, None
    by = _shift(text)
    title = new_title(text)
    moved_to = None if by is not None else new
    found = _NEW_PLACE.search(text)
    place = found["place"].strip(" .!?") if found else ""
    hidden = title or (found["to"] if found else "")
    event = _reference(text, which, turn, taken=(*invited, *dropped), hide=hidden)
    moved = MoveEvent(
        phrases=(crop(said, 300),), event=event, to=moved_to, by=by, scope=_scope(text),
        title=crop(title, 120), place=crop(place, 120), add_people=invited, drop_people=dropped,
    )  # fmt: skip
    ask_what_changes(moved, turn)
    return moved


def ask_what_changes(intent: MoveEvent, turn: Turn) -> None:
    """Ask what is to change about an event, where nothing was said of that."""
    if not intent.changes:
        turn.clarify(
            f"What should change about {intent.event.words or 'it'}: when, how long, where, or "
            "who?",
            "change",
        )


def read_event_named(text: str, turn: Turn) -> EventRef:
    """Return the event that a few words name, "the review on Friday".

    Raises:
        TimePhraseError: They name a time that does not exist.
    """
    spans = find_spans(text, turn.context)
    refuse_impossible(text, spans)
    return _reference(text, join(spans) if spans else None, turn)


def _with_minutes(found: re.Match[str]) -> str:
    """Write "to 11" as the time it is; 1 to 6 is after noon, as elsewhere."""
    hour = int(found[1])
    return f"to {hour + 12 if hour <= 6 else hour}:00"


def read_cancel(text: str, turn: Turn) -> CancelEvent:
    """Return what a clause takes out of the calendar.

    Raises:
        TimePhraseError: It names a time that does not exist.
    """
    spans = find_spans(text, turn.context)
    refuse_impossible(text, spans)
    when = join(spans) if spans else None
    event = _reference(text, when, turn)
    return CancelEvent(phrases=(crop(text, 300),), event=event, scope=_scope(text))


def read_response(text: str, turn: Turn) -> RespondEvent:
    """Return the answer to an invitation a clause asks for."""
    lower = text.lower()
    response: Literal["accept", "decline", "tentative"] = "accept"
    if re.search(r"\b(?:decline|turn down|not attend|refuse)\b", lower):
        response = "decline"
    elif re.search(r"\b(?:tentative|maybe)\w*", lower):
        response = "tentative"
    head, _, message = re.sub(r"\b(?:and|,) (?:say|tell \w+|let \w+ know)\b", "\0", text).partition(
        "\0"
    )
    spans = find_spans(head, turn.context)
    event = _reference(head, join(spans) if spans else None, turn)
    return RespondEvent(
        phrases=(crop(text, 300),), event=event, response=response, message=crop(message, 300)
    )


def _ask(text: str, turn: Turn) -> QuotedEvent | None:
    def check(answer: QuotedEvent) -> str | None:
        for quote in (answer.title, answer.place, *answer.people):
            if quote and find_quote(quote, text) is None:
                return f"{crop(quote, 60)!r} does not stand in the message; copy its words"
        return None if answer.title else "title must copy the words that name the event"

    return turn.ask("event", QuotedEvent, check, max_tokens=120, message=crop(text, 800))


def _reference(
    text: str, when: When | None, turn: Turn, taken: tuple[str, ...] = (), hide: str = ""
) -> EventRef:
    bare = text.replace(hide, " ") if hide else text
    bare = _FUTURE.sub(" ", bare)
    spans = find_spans(bare, turn.context)
    people = tuple(p for p in find_people(bare, turn.context.people) if p not in taken)
    words = quoted_title(bare) or title_of(bare, spans, "", keep_people=False)
    for name in taken:
        words = re.sub(rf"\b(?:and |with |, )*{re.escape(name)}\b", "", words)
    words = re.sub(
        r"^(?:no|whole|entire|add|remove|invite|take|uninvite|include|drop|by|back|later|earlier"
        r"|longer|shorter|out|all|any|every"
        r"|everything|each|time|and|also|the|to|be|start|end|last|from|of|make|it'?s?|is|should|on"
        r"|at|up|,|\s)+\b"
        r"|\b(?:later|earlier|longer|shorter|back|out|instead|to|by|from|and|from now on|onwards?"
        r"|on|start(?:s)?"
        r"|ends?|last|be|up|forward|half|an|hours?|minutes?|occurrences?|series|too|as well|also"
        r"|location|venue|,|\s)+$",
        "",
        words.strip(),
        flags=re.IGNORECASE,
    ).strip()
    if not quoted_title(bare):
        words = _singular(words)
    generic = re.fullmatch(
        r"(?:meetings?|events?|appointments?|ones?|occurrences?|series|things?|)", words.lower()
    )
    every = _ALL.search(bare) is not None and _MANY.search(bare) is not None
    last = (
        bool(generic)
        and not every
        and when is None
        and not people
        and bool(_LAST.search(text) or not words)
    )
    if last and turn.context.event:
        words = turn.context.event
    elif last and not words:
        turn.clarify("Which event do you mean?", "event")
    return EventRef(
        words="" if generic and every else crop(words, 120),
        when=when,
        people=people,
        last=last,
        all=every,
    )


_PLURAL = re.compile(
    r"\b(?P<one>sync|stand-?up|review|call|coffee|dinner|breakfast|brunch|workshop|retro"
    r"|retrospective|interview|session|demo|check-?in|one-on-one|1[:-]1|seminar|lecture|lesson"
    r"|training|talk|briefing|planning|kick-?off|appointment|meeting|event|(?P<es>lunch|class))"
    r"(?P<end>e?s)$",
    re.IGNORECASE,
)


def _singular(words: str) -> str:
    """Return "syncs" as "sync", the word that stands in each of the events meant."""
    return _PLURAL.sub(
        lambda m: m["one"] if bool(m["es"]) == (m["end"].lower() == "es") else m[0], words
    )


def _scope(text: str) -> Scope:
    if _FUTURE.search(text):
        return "future"
    return "series" if _SERIES.search(text) else "this"


def _apart(text: str, turn: Turn) -> tuple[When | None, When | None] | None:
    """Part "all meetings on Thursday to next week" at its last "to" with a time behind it."""
    if not re.match(
        r"\W*(?:\w+ ){0,4}?(?:move|reschedule|shift|push|postpone|delay)\b", text.lower()
    ):
        return None
    for to in reversed(list(re.finditer(r"\s(?:to|until|till)\s", text))):
        after = find_spans(text[to.end() :], turn.context)
        if after:
            before = find_spans(text[: to.start()], turn.context)
            return (join(before) if before else None), join(after)
    return None


def _halves(text: str, spans: list[TimeSpan]) -> tuple[When | None, When | None]:
    """Part the times of a move: those that say which event, and those it moves to."""
    if not spans:
        return None, None
    markers = [
        found.end()
        for found in re.finditer(
            r"\b(?:to|until|till|instead|at|be|starts?|ends?|lasts?|for|on|around|is|into|longer"
            r"|by|make it)\b(?=\s)",
            text,
            re.IGNORECASE,
        )
    ]
    target = re.search(
        r"\b(?:to|until|till|be|instead of .+ to|into|for|at|last|around)\s+(?=\S)",
        text,
        re.IGNORECASE,
    )
    to = [
        m
        for m in re.finditer(
            r"\b(?:to|until|till|be|into|start(?:s)? at|end(?:s)? at|last|make it)\b",
            text,
            re.IGNORECASE,
        )
    ]
    cut = next((m.start() for m in reversed(to) if any(s.end > m.start() for s in spans)), None)
    if cut is None:
        cut = max(markers, default=0) if len(spans) > 1 and target else 0
    before = [s for s in spans if s.end <= cut]
    after = [s for s in spans if s.end > cut]
    return (join(before) if before else None), (join(after) if after else None)


def _shift(text: str) -> int | None:
    found = _BY.search(text)
    if found is None:
        return None
    amount = (found["a"] or found["b"] or found["c"] or "half an hour").lower()
    seconds = _length(amount)
    if seconds is None:
        return None
    return -seconds if found["earlier"] else seconds


def _length(words: str) -> int | None:
    found = re.search(r"([\w.]+)(?: an)? (\w+?)s?(?: and a half)?$", words)
    if words.startswith("half an"):
        return 1800
    if found is None or found[2] not in _UNITS:
        return None
    numbers = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "couple": 2}
    try:
        count = numbers.get(found[1]) or float(found[1])
    except ValueError:
        return None
    half = 0.5 if "and a half" in words else 0.0
    return int((count + half) * _UNITS[found[2]])


def _guests(text: str, turn: Turn) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return who is invited and who no longer."""
    invite = re.search(r"\b(?:invite|add|include|put)\b(?P<who>.+)$", text, re.IGNORECASE)
    drop = re.search(
        r"\b(?:remove|take|drop|uninvite|without)\b(?P<who>.+?)(?:\b(?:from|out|off)\b|$)",
        text,
        re.IGNORECASE,
    )
    joined = r"(?:,? and |, | & )"
    name = r"[A-Z][\w'-]+(?: [A-Z][\w'-]+)*"

    def names(part: str) -> tuple[str, ...]:
        found = re.match(rf"\s*(?P<all>{name}(?:{joined}{name})*)", part)
        listed = re.split(joined, found["all"]) if found else []
        known = [
            n for n in turn.context.people if re.search(rf"\b{re.escape(n)}\b", part, re.IGNORECASE)
        ]
        return tuple(dict.fromkeys([*listed, *known]))

    return (names(invite["who"]) if invite else ()), (names(drop["who"]) if drop else ())
