"""Intents that change no event and no work: questions, preferences, conflicts, evolution runs."""

from __future__ import annotations

import re
from datetime import time
from typing import Literal

from agentsched.planning.hints import Weekday
from agentsched.understanding.asking import Turn
from agentsched.understanding.context import Context
from agentsched.understanding.intents import (
    AskRun,
    Query,
    ResolveConflicts,
    StartEvolution,
    StatePreference,
    When,
    WithdrawPreference,
)
from agentsched.understanding.meeting_words import day_names, read_clock
from agentsched.understanding.moments import find_spans, join
from agentsched.understanding.people import find_people
from agentsched.understanding.text import crop
from agentsched.understanding.work.amounts import take_amounts

Topic = Literal["events", "free", "plan", "why", "what_if", "conflicts", "preferences"]

_TOPICS: tuple[tuple[Topic, str], ...] = (
    ("what_if", r"^(?:and )?what (?:if|would happen|happens if)\b|\bwould it (?:help|work) if\b"),
    ("why", r"^(?:and |but )?(?:why|how come)\b|\bwhat (?:is|was) the reason\b|\bexplain\b"),
    ("preferences", r"\b(?:preferences?|rules?|what (?:do|did) you (?:know|learn)\w* about me|my "
        r"wishes)\b"),
    ("conflicts", r"\b(?:conflicts?|collid\w+|collisions?|clash\w*|overlap\w*|double.?booked)\b"),
    ("plan", r"\b(?:plan|tasks?|jobs?|deadlines?|training|eval\w*|pipeline|finish\w*|makespan"
        r"|critical path|gpus?|machines?|nodes?)\b"),
    ("free", r"\b(?:free|available|availability|busy|opening|gap|room for|time for|do i have "
        r"(?:any )?time|have time)\b"),
)  # fmt: skip
_COMPILED = tuple((topic, re.compile(pattern, re.IGNORECASE)) for topic, pattern in _TOPICS)
_HARD = re.compile(
    r"\b(?:never|always|must|under no circumstances|no (?:more )?(?:meetings?|calls?|events?"
    r"|appointments?)|do(?:n't| not) ever|ever again)\b|^(?:please )?(?:don't|do not)\b",
    re.IGNORECASE,
)
_AVOID = re.compile(
    r"n't\b|\b(?:never|no|not|avoid|hate|dislike|can't stand|rather not|without)\b", re.IGNORECASE
)
_OVER = re.compile(
    r"(?P<a>.+?)\s+(?:over|rather than|instead of|to|(?:is|are|comes?|goes|ranks?) (?:more "
    r"important than|before|above)"
    r"|beats?|trumps?|outranks?)\s+(?P<b>.+)",
    re.IGNORECASE,
)
_PREFER = re.compile(
    r"^(?:from now on,? |as a rule,? |in general,? |generally,? )?(?:please )?(?:i"
    r"|we)?\s*(?:would |'d |really |strongly |usually |generally |always |never )*"
    r"(?:prefer|rather (?:have|do|not have|not|keep)?|hate|dislike|like|love|can't stand|don't "
    r"like|do not like|don't want"
    r"|do not want|want|need|never|always|avoid|keep|don't|do not|no more|no)\b\s*(?:to (?:have "
    r"|keep )?)?(?:schedule |book |put |plan )?",
    re.IGNORECASE,
)
_WEEKDAYS: tuple[Weekday, ...] = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_CLOCKS = r"(\d{1,2}(?::\d\d)?\s?(?:am|pm)?|noon|midnight)"


def read_query(text: str, turn: Turn) -> Query:
    """Return the question a clause asks.

    Raises:
        TimePhraseError: It names a time that does not exist.
    """
    topic: Topic = next((name for name, words in _COMPILED if words.search(text)), "events")
    if topic == "plan" and re.search(
        r"\b(?:calendar|meeting|event|appointment)s?\b", text, re.IGNORECASE
    ):
        topic = "events"
    return Query(
        phrases=(crop(text, 300),), topic=topic, about=crop(_about(text), 300),
        when=_when(text, turn), people=find_people(text, turn.context.people),
    )  # fmt: skip


def read_conflicts(text: str, turn: Turn) -> ResolveConflicts:
    """Return which collisions are to be settled, and what must stay.

    Raises:
        TimePhraseError: It names a time that does not exist.
    """
    keep = re.search(
        r"\b(?:keep|but not|except|without moving|leave|don't (?:move|touch))\s+(?P<what>[^,.;]+)",
        text,
        re.IGNORECASE,
    )
    move = re.search(
        r"\b(?:move|reschedule|shift|decline)\s+(?!whatever|what |anything|everything|all\b|any\b"
        r"|things?\b)(?P<what>[^,.;]+?)(?:\s+(?:that|which|if|instead).*)?$",
        text,
        re.IGNORECASE,
    )
    return ResolveConflicts(
        phrases=(crop(text, 300),), within=_when(text, turn),
        keep=crop(keep["what"], 120) if keep else "",
        move=crop(move["what"], 120) if move else "",
    )  # fmt: skip


def read_preference(text: str, turn: Turn) -> StatePreference:
    """Return the rule or wish a clause states."""
    about = _PREFER.sub("", text.strip(" .!"), count=1).strip(" ,.") or text.strip(" .!")
    over = (
        _OVER.match(about)
        if re.search(
            r"\b(?:over|rather than|instead of|prefer|important|before|above|beats?|trumps?"
            r"|outranks?)\b",
            text,
            re.IGNORECASE,
        )
        else None
    )
    ranked = (
        over is not None
        and not re.search(r"\d|noon", over["b"])
        and (" to " not in over[0] or "prefer" in text.lower())
    )
    start, end = _clock_range(text)
    names = day_names(text)
    weekdays = tuple(_WEEKDAYS[n] for n in dict.fromkeys(names))
    if not weekdays and re.search(r"\bweekends?\b", text, re.IGNORECASE):
        weekdays = ("SA", "SU")
    elif not weekdays and re.search(r"\bweekdays?\b", text, re.IGNORECASE):
        weekdays = _WEEKDAYS[:5]
    free = re.search(
        r"\bkeep\b.*\b(?:free|clear)\b|\b(?:meeting-free|no-meeting)\b", text, re.IGNORECASE
    )
    avoid = bool(free) or _AVOID.search(text) is not None
    return StatePreference(
        phrases=(crop(text, 300),), direction="avoid" if avoid else "prefer",
        hard=_HARD.search(text) is not None,
        about=crop(over["a"] if ranked and over else about, 300),
        weekdays=weekdays, start=start, end=end,
        people=find_people(text, turn.context.people),
        over=crop(over["b"], 300) if ranked and over else "",
    )  # fmt: skip


def read_withdrawal(text: str, turn: Turn) -> WithdrawPreference:
    """Return which rule or wish is taken back."""
    about = re.sub(
        r"^(?:please )?(?:forget|withdraw|drop|remove|delete|undo|revoke|ignore)\s+(?:about "
        r")?(?:the |my |that |what )?"
        r"(?:(?:preferences?|rules?|wish(?:es)?)\s*(?:that |about |for |on |to |against |of )?)?"
        r"|^i (?:no longer|don't|do not)\s+",
        "",
        text.strip(" .!"),
        flags=re.IGNORECASE,
    )
    about = re.sub(r"\b(?:rule|preference|wish)$", "", about, flags=re.IGNORECASE).strip()
    vague = re.fullmatch(r"(?:it|that|this|last|one|i said|i told you)?", about, re.IGNORECASE)
    return WithdrawPreference(phrases=(crop(text, 300),), about="" if vague else crop(about, 300))


def read_evolution(text: str, turn: Turn) -> StartEvolution:
    """Return which scenario is to evolve, and within which budget."""
    _, amounts = take_amounts(text)
    seconds = next((int(a.value) for a in amounts if a.name == "duration"), None)
    count = re.search(
        r"\b(\d+)\s+(?:evaluations?|candidates?|policies|tries)\b", text, re.IGNORECASE
    )
    scenario = _scenario(text, turn.context)
    if not scenario:
        known = ", ".join(turn.context.scenarios[:6])
        turn.clarify(
            f"On which scenario should policies evolve? Known: "
            f"{known or 'see `agentsched scenarios`'}.",
            "scenario",
            choices=turn.context.scenarios[:6],
        )
    return StartEvolution(
        phrases=(crop(text, 300),), scenario=scenario, seconds=seconds,
        evaluations=int(count[1]) if count and 0 < int(count[1]) < 10**7 else None,
    )  # fmt: skip


def read_run(text: str, turn: Turn) -> AskRun:
    """Return what is asked of a run."""
    lower = text.lower()
    actions: tuple[Literal["replay", "stop", "resume", "compare"], ...] = (
        "replay",
        "stop",
        "resume",
        "compare",
    )
    words = {
        "replay": r"replay|reproduce",
        "stop": r"stop|pause|abort|end",
        "resume": r"resume|continue",
        "compare": r"compare",
    }
    action: Literal["status", "replay", "stop", "resume", "compare"] = next(
        (name for name in actions if re.search(rf"\b(?:{words[name]})\b", lower)), "status"
    )
    named = re.search(r"\b(\d{4,}[\w-]*|[a-z0-9]+(?:-[a-z0-9]+)+)\b", lower)
    return AskRun(
        phrases=(crop(text, 300),), action=action, run=crop(named[1], 120) if named else ""
    )


def _when(text: str, turn: Turn) -> When | None:
    spans = find_spans(text, turn.context)
    return join(spans) if spans else None


def _about(text: str) -> str:
    """Return the subject of a question without its question words."""
    return re.sub(
        r"^(?:and |but |so )*(?:what(?:'s| is| are| if| would happen if| time(?: is| does)?| do| "
        r"does)?|when(?:'s| is| does| do| did| are)?|where(?:'s| is)?"
        r"|who(?:'s| is)?|why (?:did you|do you|is|was|are|does|do)?|how come|how (?:many|much"
        r"|long|often)|is|are|am i|do i have|do|does|did"
        r"|show me|show|list|check|tell me|find)\b\s*",
        "",
        text.strip(" ?.!"),
        flags=re.IGNORECASE,
    )


def _clock_range(text: str) -> tuple[time | None, time | None]:
    """Return the time of day a preference is about; midnight stands for an open end."""
    between = re.search(
        rf"\b(?:between|from)\s+{_CLOCKS}\s*(?:and|to|-|until)\s*{_CLOCKS}", text, re.IGNORECASE
    )
    try:
        if between:
            return read_clock(between[1]), read_clock(between[2])
        before = re.search(rf"\b(?:before|earlier than|until)\s+{_CLOCKS}", text, re.IGNORECASE)
        if before:
            return time(0), read_clock(before[1])
        after = re.search(rf"\b(?:after|later than|past|from)\s+{_CLOCKS}", text, re.IGNORECASE)
        if after:
            return read_clock(after[1]), time(0)
    except ValueError:
        return None, None
    parts = {"morning": (time(0), time(12)), "afternoon": (time(12), time(18)),
             "evening": (time(17), time(0)), "lunch": (time(12), time(13)),
             "night": (time(22), time(6))}  # fmt: skip
    for word, hours in parts.items():
        if re.search(rf"\b{word}s?\b", text, re.IGNORECASE):
            return hours
    return None, None


def _scenario(text: str, context: Context) -> str:
    lower = text.lower()
    for name in sorted(context.scenarios, key=len, reverse=True):
        if re.search(
            rf"(?<![\w-]){'[- ]'.join(map(re.escape, name.lower().split('-')))}(?![\w-])", lower
        ):
            return name
    named = re.search(
        r"\b(?:for|on|scenario)\s+(?:the )?(?:scenario )?([a-z0-9]+(?:-[a-z0-9]+)+)\b", lower
    )
    return crop(named[1], 120) if named and not context.scenarios else ""
