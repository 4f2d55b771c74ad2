"""Which kind of intent a clause is, by its words; None where they leave it open.

Ordered rules, the first that fits decides. They are for what is unambiguous: a model is asked
about the rest. ``understanding.words`` holds the lists.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from agentsched.understanding.words import (
    EVENT_NOUNS,
    HARDWARE,
    POLITE,
    WORK_NOUNS,
    is_verb,
)
from agentsched.understanding.work.clauses import begins_action

Kind = Literal[
    "answer", "ask_run", "cancel_event", "change_plan", "find_time", "move_event", "plan_work",
    "query", "resolve_conflicts", "respond_event", "schedule_event", "small_talk",
    "start_evolution", "state_preference", "undo", "withdraw_preference",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Route:
    """A verdict on one clause."""

    kind: Kind
    sure: bool = True
    """False: a guess from weak words; a model may know better."""


_EVENT = re.compile(rf"\b(?:{'|'.join(EVENT_NOUNS)})\b")
_HARDWARE = re.compile(rf"\b(?:{HARDWARE})\b")
_WORK_NOUN = re.compile(rf"\b(?:{'|'.join(WORK_NOUNS)})\b")
_POLITE = re.compile(rf"^(?:(?:{POLITE})[\s,]*)+")
_TIMEISH = re.compile(
    r"\b(?:today|tonight|tomorrow|noon|midnight|monday|tuesday|wednesday|thursday|friday|saturday"
    r"|sunday|mon|tue|tues|wed|thu|thurs|fri|sat|sun|\d{1,2}(?::\d\d)?\s?(?:am|pm|a\.m|p\.m)"
    r"|\d{1,2}:\d\d|\d{1,2}\s?-\s?\d{1,2}|next (?:week|month)|this (?:week|month|evening|morning"
    r"|afternoon)|morning|afternoon|evening|january|february|march|april|may|june|july|august"
    r"|september|october|november|december|\d{1,2}(?:st|nd|rd|th)|every|daily|weekly|weekend)\b"
)

_LEADING_TIME = re.compile(
    r"^(?:(?:every|each|on|at|from|by|this|next|in|the|tomorrow|tonight|today|nightly|daily|weekly"
    r"|hourly|monthly|(?:mon|tues|wednes|thurs|fri|satur|sun)days?|nights?|mornings?|weekdays?"
    r"|evenings?|afternoons?|week|month|hour|day|noon|midnight|\d{1,2}(?::\d\d)?(?: "
    r"?[ap]m)?)\b[\s,]*)+"
)

_STORY = re.compile(r"\b(?:then|after that|afterwards|in parallel|at the same time|once|when)\b")
"""Words that put several steps in order."""

_RULES: tuple[tuple[Kind, str], ...] = (
    ("start_evolution", r"^(?:evolve\b|(?:start|launch|kick off|begin|run)\b.*\bevolution\b"
     r"|(?:find|search for|look for|try to find)\b.*\b(?:better|new)\b.*\bpolic(?:y|ies)\b)"),
    ("ask_run", r"^(?:replay\b|(?:stop|resume|continue|pause|compare)\b.*\b(?:evolution|runs?)\b"
     r"|(?:how|what|is|did|has|show|where|when|which)\b.*\b(?:evolution|the (?:last |latest )?run"
     r"|run \w+-\w+|better policy)\b)"),
    ("undo", r"^(?:undo|revert|reverse|roll back|take back)(?:\W+(?:that|it|this|them|everything"
     r"|all(?: of (?:it|that|them))?|(?:the |my |your )?(?:last|latest|previous) (?:change|action"
     r"|thing|step|one|move)s?|the changes?|what you (?:just )?did))?(?: again)?(?:,? please)?\W*$"
     r"|^(?:take|put|roll|turn|change) (?:that|it|this|them|everything|all of (?:it|that)) back"
     r"(?: again| please| (?:as|how|the way) (?:it|they|everything) w(?:as|ere)(?: before)?)?\W*$"),
    ("withdraw_preference", r"^(?:forget|withdraw|drop|remove|delete|undo|revoke|ignore)\b.*\b"
     r"(?:preferences?|rules?|wish(?:es)?|that i (?:prefer|like|hate|never|always|want)"
     r"|what i (?:said|told))\b"
     r"|\bi no longer (?:mind|prefer|care|want|need|hate|object)\b"
     r"|^i (?:don't|do not) (?:mind|care about)\b.*\b(?:any ?more|anymore)\b"
     r"|^it(?:'s| is) (?:fine|ok|okay) again\b"),
    ("resolve_conflicts", r"^(?:please )?(?:resolve|fix|settle|sort out|clear up|clean up|handle"
     r"|deal with)\b.*\b(?:conflict|collision|clash|overlap|double.?book)"
     r"|\b(?:move|reschedule|shift|push|decline|cancel)\b.*\b(?:what(?:ever)?|anything|everything"
     r"|all|any|things?|events?|meetings?)\b.*\b(?:collid|clash|overlap|conflict|in the way)"),
    ("query", r"^what (?:if|would happen|happens if)\b|^why\b|^how come\b"),
    ("state_preference", r"^(?:from now on|as a rule|in general|generally)\b"
     r"|^(?:i|we) (?:really |strongly |usually |generally |always |never )?(?:prefer|hate|dislike"
     r"|like|love|can't stand|don't like|do not like|don't want|do not want|would rather"
     r"|want no|would prefer|'d rather|'d prefer)\b"
     r"|^i'd (?:rather|prefer)\b|^i never\b|^i (?:always )?(?:want|need) to (?:keep|have)\b.*"
     r"\b(?:free|meeting-free)\b|^(?:never|always|don't ever|do not ever)\b"
     r"|^no (?:more )?(?:meetings?|calls?|events?|appointments?)\b"
     r"|^prefer\b|^avoid\b|^(?:please )?(?:don't|do not|try not to) (?:schedule|book|put|plan"
     r"|accept|move|touch)\b|^keep (?:my )?\w+ (?:free|clear)\b"
     r"|\b(?:is|are|comes?|goes|rank) (?:more important than|before|above)\b"
     r"|\b(?:beats?|trumps?|outranks?)\b"),
    ("find_time", r"\bfind\b.*\b(?:times?|slots?|gap|window|(?:\d+|one|two|three) ?(?:min|hour"
        r"|h\b)|an hour|half an)"
     r"|\bwhen (?:can|could|should) (?:we|i|they|\w+ and)\b.*\b(?:meet|talk|get together|have)\b"
     r"|\bfind\b.*\b(?:meet|free for)\b|\bwhen (?:is|are)\b.*\b(?:everyone|everybody|we all|all of"
     r"|both)\b.*\b(?:free|available)\b|\ba time (?:that works|when|for)\b"
     r"|\bneed to schedule a meeting for\b"),
    ("query", r"^(?:know|confirm|verify) (?:if|when|what|where|who|whether|that|how|about)\b"
     r"|^(?:find|look for|look up|bring up|pull up|open|search)\b(?! (?:a |me a |us a )?(?:time"
     r"|slot|room))"
     r"|^(?:i|my) (?:need|want)\b.*\bknow\b|^(?:any |all |my |the )?(?:(?:events|meetings|calendar"
     r"|agenda)|(?<=my )schedule)\b(?!.*\b(?:is|should|needs?|got|was)\b)|calendar ?\?$"),
    ("query", r"^(?:what(?:'s| is| are| do| did| time| day)?|when|where|who|whose|which|how (?:many"
     r"|much|long|often|busy|does|is|do|did)|is|are|am i|do|does|did|will|was|were|has|have i|show"
     r"|list|check|tell me|give me|look up|see|display|any|remind me what|i (?:need|want) to"
     r" (?:know|see|check)|let me (?:know|see)|can i\b|am\b)\b"),
    ("respond_event", r"^(?:accept|decline|turn down|rsvp|reply|tentatively accept|join|attend)\b"),
    ("cancel_event", r"^(?:cancel|delete|call off|get rid of|scratch|erase|clear)\b"
     r"|^(?:remove|drop|take)\b(?!.*\bfrom\b)(?=.*\b(?:meeting|event|appointment|calendar"
     r"|schedule|off)\b)|^i (?:can't|cannot|won't) (?:make|attend|go to)\b"
     r"|^(?:remove|take)\b.*\b(?:from|off) (?:my |the )?(?:calendar|schedule|agenda)\b"
     r"|^remove\b(?!.*\b(?:from|as)\b)|^remove\b.*\bfrom (?:last|next|this|to|the)\b"
     r"|\bneeds? (?:to be |that )?(?:cancell?ed|deleted|removed)\b|\bneed that (?:deleted|gone)\b"),
    ("move_event", r"^(?:move|reschedule|shift|postpone|delay|push|bring forward|pull forward"
        r"|extend"
     r"|shorten|lengthen|rename|change|update|switch|swap|modify|edit|adjust|correct|replace)\b"
     r"|^make (?:it|that|the|my)\b.*\b(?:longer|shorter|earlier|later|instead|at \d|on \w+day"
     r"|\d+ ?(?:min|hour))|^(?:remove|take|drop|uninvite|invite|add)\b.*\b(?:from|to|out of) (?:the"
     r"|my|that|this|it)\b(?! (?:calendar|schedule|agenda|list|diary))"
     r"|^(?:start|end) (?:it|the|my|that)\b.*\b(?:at|earlier|later)\b"
     r"|^(?:make|have|set|let|get) (?:it|that|this|these|them|the|my|meeting)\b(?!.*\b(?:room|party"
     r" for)\b).*\b(?:be|starts?|ends?|lasts?|until|for|at|on|to|as|hours?|minutes|min|location"
     r"|longer|earlier|later|recurring|daily|weekly|private|called)\b"
     r"|^(?:invite|include)\b(?!.*\bto (?:a |an )?(?:new|meeting|lunch|dinner|coffee|party|call)\b)"
     r"|^add (?:him|her|them|\w+ and (?:his|her|their))\b"
     r"|\b(?:needs? to|should|got|can|could) (?:be|go|start|end|actually be|get)? ?(?:moved|changed"
     r"|rescheduled|pushed|to \d|at \d|by \d|on \w+day|earlier|later|longer|shorter)"
     r"|^(?:i (?:actually )?meant|call it|let's call it|(?:actually )?it'?s? (?:is |should ))"
     r"|\bneed to change (?:that|it)\b|^.{0,40}\binstead\W*$"
     r"|^(?:[\w.]+|half an) (?:hours?|minutes?|days?|weeks?) (?:later|earlier)\W*$"),
    ("schedule_event", r"^(?:book|schedule|set up|set|arrange|plan|put|add|create|make|block|pencil"
     r"|reserve|invite|organi[sz]e|remind me|enter|include|have|i(?:'ve| have)(?: got)?|i'm|i am"
     r"|there(?:'s| is)|(?:i|we)(?:'m|'re| am| are|'ll| will)(?: be)?(?: having| going)?)\b"
     r"|^(?:i |we )?(?:also )?(?:need|want|would like) (?:a|an|another|some|my)\b|^set down\b"),
)  # fmt: skip
_COMPILED = tuple((kind, re.compile(pattern)) for kind, pattern in _RULES)
_NAMES = re.compile(r"\W*(?:the|my|our|this|that)\b")
"""How a name begins whose next word may be a verb as well: "the design review"."""
_SCHEDULES = dict(_COMPILED)["schedule_event"]
"""How an order to put something into the calendar begins."""

_ANSWER = re.compile(
    r"^(?P<yes>y|yes|yep|yeah|yup|ok|okay|sure|correct|right|go ahead|do it|go for it|looks? good"
    r"|sounds? good|perfect|confirm(?:ed)?|that works|that's (?:right|fine|great|it)|fine|please do"
    r"|exactly|approve(?:d)?|absolutely|of course|great|that looks (?:good|right|great))"
    r"(?:[\s,.!]+(?:please|thanks|thank you|that's (?:it|right|good|what i want)|do it|go ahead"
    r"|looks good|it does|yes|sure|that works|perfect))*[\s.!]*$"
    r"|^(?P<no>n|no|nope|nah|don't|do not|stop|never ?mind|cancel|cancel that|forget it|not now"
    r"|reject(?:ed)?|abort)(?:[\s,.!]+(?:please|thanks|thank you|don't|that's wrong|wrong|not that"
    r"(?: one)?))*[\s.!]*$"
)
_SMALL_TALK = re.compile(
    r"^(?:(?:hi|hello|hey|thanks?|thank you|good (?:morning|afternoon|evening|night)|bye|goodbye"
    r"|how are you|cool|nice|great|awesome|wonderful|cheers|see you|you're welcome|well done|lol"
    r"|ha(?:ha)+|so much|very much|a lot|again|there|much|for (?:your|the) help)[\s,.!?]*)+$"
)


def read_answer(text: str) -> bool | None:
    """Return what a bare yes or no says; None for anything else."""
    found = _ANSWER.match(text.lower().strip())
    return None if found is None else found["yes"] is not None


def asks_for_something(clause: str) -> bool:
    """Whether a masked clause is an order, a question or a wish; "lunch tomorrow" only names."""
    found = route(clause)
    if found is None or found.kind in ("answer", "small_talk"):
        return False
    if found.kind in ("plan_work", "schedule_event") and _NAMES.match(clause.lower()):
        return False
    if found.kind == "schedule_event":
        return bool(_SCHEDULES.search(without_politeness(clause).lower().strip()))
    return found.sure


def without_politeness(text: str) -> str:
    """Return the clause without "could you please" and the like at its beginning."""
    lower = text.lower()
    found = _POLITE.match(lower)
    return text[found.end() :].lstrip(" ,") if found and found.end() < len(text) else text


def is_work(clause: str) -> bool:
    """Whether a lower-case clause begins with a verb of work, or speaks of jobs and machines."""
    words = re.findall(r"[a-z][a-z'-]*", clause)
    if not words:
        return False
    first = 1 if words[0] in ("then", "first", "next", "finally", "also", "and") else 0
    opening = words[first] if first < len(words) else words[0]
    if opening in _EVENT_VERBS or opening in _WEAK:
        return bool(_WORK_NOUN.search(clause)) and not _EVENT.search(clause)
    return is_verb(opening)


_SHARED = ("schedule_event", "move_event", "cancel_event", "respond_event", "query")
"""Kinds whose verbs are verbs of work, too."""
_EVENT_VERBS = frozenset({
    "schedule", "book", "plan", "arrange", "add", "create", "set", "put", "have", "make", "i",
    "reserve", "block",
})  # fmt: skip
_WEAK = frozenset({
    "accept", "balance", "bake", "call", "check", "clean", "collect", "do", "draw", "explore",
    "finish", "fix", "get", "join", "make", "mail", "move", "order", "pick", "prepare", "push",
    "read", "record", "run", "send", "share", "sign", "stage", "start", "take", "update", "cut",
    "review", "serve", "monitor", "search", "mine", "log", "query", "sync", "tune", "return",
})  # fmt: skip
"""Verbs that people use of events and errands as well as of work."""


def route(clause: str) -> Route | None:
    """Return what one clause asks for; it is masked and as the user wrote it."""
    if read_answer(clause) is not None:
        return Route("answer")
    if _SMALL_TALK.match(clause.lower()):
        return Route("small_talk")
    text = without_politeness(clause).lower().strip()
    for rest in (text.partition(": ")[2], _LEADING_TIME.sub("", text)):
        if rest and rest != text and is_work(rest.strip()):
            return Route("plan_work")
    hardware = _HARDWARE.search(text) is not None
    for kind, pattern in _COMPILED:
        if not pattern.search(text):
            continue
        if kind == "state_preference" and hardware and _WORK_NOUN.search(_HARDWARE.sub("", text)):
            return Route("plan_work")
        if kind in _SHARED and is_work(text):
            return Route("plan_work")
        if kind in _SHARED and not _EVENT.search(text) and _tells_of_steps(text):
            return Route("plan_work", sure=False)
        if kind == "schedule_event":
            known = bool(_EVENT.search(text) or _TIMEISH.search(text))
            return Route(kind, sure=known and not hardware)
        return Route(kind)
    if is_work(text):
        return Route("plan_work")
    if _EVENT.search(text) and _TIMEISH.search(text):
        return Route("schedule_event")
    if re.match(r"first,? (?:the|a|an) .+\bthen\b", text):
        return Route("plan_work")
    if _tells_of_steps(text) and not _EVENT.search(text):
        return Route("plan_work", sure=False)
    if hardware or _opens_with_work_verb(text):
        return Route("plan_work", sure=False)
    return Route("schedule_event", sure=False) if _TIMEISH.search(text) else None


_TIME = rf"(?:{_TIMEISH.pattern.removeprefix(chr(92) + 'b')})"
_BY = re.compile(rf"\b(?:by|no later than) (?:\w+ )?{_TIME}")


def _tells_of_steps(text: str) -> bool:
    """Whether an order is one of several, or is to be through by a time: events are at a time."""
    orders = [part for part in re.split(r",\s*(?:and )?|\s+and\s+", text) if begins_action(part)]
    told = _STORY.search(text) or _BY.search(text) or len(orders) > 2
    return begins_action(text) and bool(told)


def _opens_with_work_verb(text: str) -> bool:
    found = re.match(r"[a-z][a-z'-]*", text)
    return found is not None and is_verb(found[0])
