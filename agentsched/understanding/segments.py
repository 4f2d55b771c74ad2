"""A message in clauses, each with its kind, and those that belong together put together."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import islice

from agentsched.understanding.routing import Kind, Route, is_work, route, without_politeness
from agentsched.understanding.text import mask
from agentsched.understanding.words import EVENT_NOUNS, HARDWARE, WORK_VERBS
from agentsched.understanding.work.clauses import begins_action, is_statement
from agentsched.understanding.work.loops import after_lead
from agentsched.understanding.work.wording import itemised, plain


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the message that asks for one thing, or an open one (``kind`` None)."""

    text: str
    kind: Kind | None
    sure: bool = True


MOST = 150
"""Clauses that are told apart; a message of readable length has fewer."""
_JOINTS = 40
"""Places in one sentence that are tried for a cut."""
_LOOK = 600
"""Letters of a clause that say what it asks for."""
_SENTENCE_END = re.compile(
    r"(?<![.\s][a-zA-Z])(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)(?<!\b[DdMm]r)(?<!\b[Mm]rs)(?<!\b[Mm]s)"
    r"(?<!\b[Pp]rof)(?<!^\d)(?<!^\d\d)[.!?;]+(?=\s|$)|\n+",
    re.MULTILINE,
)
_JOINT = re.compile(r"(?:,\s*(?:and\s+|then\s+|but\s+|so\s+)*|\s+(?:and|but)\s+(?:then\s+)?)(?=\w)")
_OPENS = re.compile(
    r"^(?:(?:please|also|then|can you|could you)\s+)*(?:cancel|delete|move|reschedule|schedule"
    r"|book|find (?:a |an |me |us )?(?:time|slot|\d+|hour|half)|remind me|show me|what|tell me"
    r"|resolve|settle|forget|evolve|replay|i have|i've got|i've|set up|postpone|add|block|put"
    r"|i prefer|i never|never|i'd rather|invite)\b"
)
_SUBORDINATE = re.compile(
    r"^(?:(?:and|then|but|so)\s+)?(?:when|once|after|before|while|whilst|as soon as|until|if"
    r"|assuming|for|as|since)\b[^,?]*,\s*(?P<rest>.+)$",
    re.DOTALL,
)
_AVAILABILITY = re.compile(
    r"\b(?:is|are|am|'s|'m|he's|she's)\b.*\b(?:busy|free|out|away|off|available|unavailable|booked"
    r"|wide open)\b|no meetings\b|\bhas (?:meetings|blocked|something|an appointment)\b|\bhave "
    r"(?:blocked"
    r"|meetings|something)\b|\bcan(?:'t|not| not|\s*only| only| do)\b|\bcalendar\b|\bwould "
    r"(?:rather|like to avoid|prefer"
    r"|like to (?:meet|schedule))\b|\bdo(?:es)?(?: not|n't) want to (?:meet|have)\b|\bexisting "
    r"schedules\b"
    r"|\bearli?est\b|\bas (?:early|late) as possible\b|\bprefers?\b|\bfind a time\b|\blatest\b"
    r"|\bavoid\b|^(?:and )?(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\bnot? (?:before|after"
    r"|on)\b"
)  # fmt: skip


def segment(text: str) -> tuple[Segment, ...]:
    """Return the message's requests in order; ``text`` is cleaned."""
    clauses = [
        Segment(part, kind=found.kind if found else None, sure=found.sure if found else False)
        for part in _clauses(itemised(text))[:MOST]
        for found in (_route(part),)
    ]
    return tuple(_grouped(clauses))


def _route(clause: str) -> Route | None:
    masked = after_lead(plain(mask(clause[:_LOOK]), WORK_VERBS))
    subordinate = _SUBORDINATE.match(masked.lower())
    if subordinate and not clause.rstrip().endswith("?"):
        rest = masked[subordinate.start("rest") :]
        found = route(rest)
        if found is not None and not (found.kind == "query" and found.sure):
            return found
        order = without_politeness(rest).lower()
        if is_work(order):
            return Route("plan_work")
        if begins_action(order):
            return Route("plan_work", sure=False)
    return route(masked)


def _clauses(text: str) -> list[str]:
    found = []
    for sentence in _sentences(text):
        found += _split_where_kind_changes(sentence)
    return found


def _sentences(text: str) -> list[str]:
    """Split at ends of sentences; the end mark stays with its sentence."""
    masked = mask(text)
    ends = [match.end() for match in _SENTENCE_END.finditer(masked)]
    pieces = [text[a:b].strip() for a, b in zip([0, *ends], [*ends, len(text)], strict=True)]
    return [piece for piece in pieces if re.search(r"\w", piece)]


def _split_where_kind_changes(sentence: str) -> list[str]:
    masked = mask(sentence)
    for joint in islice(_JOINT.finditer(masked), _JOINTS):
        left, right = sentence[: joint.start()], sentence[joint.end() :]
        opens = _OPENS.match(masked[joint.end() :].lower())
        if not opens or not re.search(r"\w{2}.*\w{2}", left):
            continue
        before, after = _route(left), _route(right)
        if after is None or not after.sure or after.kind == "plan_work":
            continue
        if before is None:
            return [left.strip(" ,"), *_split_where_kind_changes(right)]
        if before.kind in ("answer", "small_talk"):
            continue
        changes = after.kind in ("cancel_event", "move_event")
        work = before.kind == "plan_work" or begins_action(without_politeness(left.lower()))
        if work and changes and not _EVENT.search(sentence.lower()):
            continue
        if before.kind != after.kind or after.kind in ("cancel_event", "move_event"):
            return [left.strip(" ,"), *_split_where_kind_changes(right)]
        if after.kind == "schedule_event" and re.match(
            r"schedule|book|add|set up|i have", opens[0]
        ):
            return [left.strip(" ,"), *_split_where_kind_changes(right)]
    return [sentence]


def _grouped(clauses: list[Segment]) -> list[Segment]:
    """Join neighbours: work with work, availability with the search for a time it belongs to."""
    groups: list[Segment] = []
    for clause in clauses:
        last = groups[-1] if groups else None
        if last is None:
            groups.append(clause)
        elif _asks_for_several(last) and _tells_of_time(clause):
            groups[-1] = replace(last, kind="find_time", text=f"{last.text}\n{clause.text}")
        elif _belongs(clause, last):
            groups[-1] = replace(last, text=f"{last.text}\n{clause.text}")
        else:
            groups.append(clause)
    return _prefixed(groups)


_EVENT = re.compile(rf"\b(?:{'|'.join(EVENT_NOUNS)})\b")
_TIED = re.compile(
    r"\b(?:once|when|after|as soon as|until|before|if) (?:it|they|both|all|that|this|everything"
    r"|the|each)\b|\b(?:then|afterwards|after that|at the end|in parallel|at the same time)\b"
)
"""Words that tie what is to be done to what was said before."""
_HEADING = re.compile(
    r"[^,.;]{1,60}:$|(?:i|we) (?:need|want) .+ (?:out|done|ready|finished|live)\b"
    r"|(?:i|we)(?:'m|'re|'ll| am| are| will)? (?:going to )?(?:need|want) (?:a|an|the) .+ by\b"
)
"""What opens a list of work, or says what it is for."""
_MACHINES = re.compile(rf"\b(?:{HARDWARE})\b")


def _asks_for_several(segment: Segment) -> bool:
    """Whether it schedules something for two people or more."""
    return segment.kind == "schedule_event" and bool(
        re.search(r"\b(?:for|with) [A-Z][\w'-]+(?:,| and) [A-Z]?", segment.text)
    )


def _tells_of_time(segment: Segment) -> bool:
    """Whether it says when somebody is busy or free."""
    return re.match(r"[A-Z][\w'-]+\s", segment.text) is not None and bool(
        re.search(
            r"\b(?:is|are) (?:busy|free|out|away|off)\b|has (?:blocked|meetings|no meetings)"
            r"|\bcan ?not meet|\bcan't meet|wide open|rather not",
            segment.text,
        )
    )


def _belongs(clause: Segment, last: Segment) -> bool:
    lower = mask(clause.text).lower()
    if last.kind == "plan_work":
        wish = clause.kind == "state_preference" and _MACHINES.search(lower) is not None
        return wish or clause.kind in ("plan_work", None) or not clause.sure or _goes_on(clause)
    if last.kind == "find_time":
        return clause.kind == "find_time" or (
            _AVAILABILITY.search(lower) is not None
            and clause.kind in (None, "find_time", "state_preference", "schedule_event", "query")
            and not clause.text.rstrip().endswith("?")
        )
    return False


def _goes_on(clause: Segment) -> bool:
    """Whether what reads like a change of the calendar goes on with work: no event is in it."""
    lower = without_politeness(mask(clause.text).lower())
    if clause.kind not in ("schedule_event", "cancel_event", "move_event") or _EVENT.search(lower):
        return False
    return _TIED.search(lower) is not None or is_statement(lower)


def _opens_work(clause: Segment) -> bool:
    """Whether a clause before work belongs to it: an open one, a heading ("Tonight:"), an aim."""
    lower = without_politeness(mask(clause.text).lower())
    guess = clause.kind == "schedule_event" and not clause.sure and not _EVENT.search(lower)
    return clause.kind is None or (guess and _HEADING.match(lower) is not None)


def _prefixed(groups: list[Segment]) -> list[Segment]:
    """Put an open statement before work into that work ("The paper needs two figures.")."""
    joined: list[Segment] = []
    for group in groups:
        if group.kind == "plan_work":
            while joined and _opens_work(joined[-1]):
                group = replace(group, text=f"{joined.pop().text}\n{group.text}")
        joined.append(group)
    return joined
