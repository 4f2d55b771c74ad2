"""Loops in words: "for each of the three seeds 1, 2 and 3, train …" names its rounds."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agentsched.understanding.words import NO_VERB
from agentsched.understanding.work.amounts import number

MOST = 20
"""Rounds of one loop, and tasks that one verb may stand for."""

_COUNT = r"two|three|four|five|six|seven|eight|nine|ten|twelve|[2-9]|1\d|20"
_ITEM = r"[\w.+/-]*\w(?: \w[\w.+/-]*)?"
_HEAD = (
    r"(?<![\w-])(?:(?:each|every|all|the)(?: one)?(?: of)?(?: the| these| those| our| my)? "
    r"|(?=[a-z]+s ))"
    rf"(?:(?P<count>{_COUNT}) )?(?:(?:different|random|separate) )?(?P<noun>(?!of\b|them\b|one\b)"
)
_LISTED = re.compile(
    _HEAD + r"[a-z][\w-]*(?: (?!in\b|from\b)[a-z][a-z-]+)??)(?: of [\w-]+)?"
    rf"(?:(?:,? (?:namely|in|of)|:)? (?P<list>{_ITEM}(?:, {_ITEM})*,? (?:and|&) {_ITEM})"
    rf"| ?\((?P<group>{_ITEM}(?:(?:,? and |,? & |, | ?[/|] ?){_ITEM})+)\)"
    r"|,? (?:(?:from|in) )?(?P<stem>[A-Za-z]*)(?P<first>\d{1,6})"
    r"(?: ?- ?| to | through |\.\.)(?P=stem)(?P<last>\d{1,6}))"
    r"(?=\s*[,:;)]|\s|$)",
    re.IGNORECASE,
)
_NAMED = re.compile(_HEAD + r"[a-z][\w-]*)(?=\s*[,:;)]|\s|$)", re.IGNORECASE)
_LEAD = re.compile(
    r"^(?P<link>(?:(?:and|then|next|now|finally|after that|afterwards),? )*)"
    r"(?:for|with|on|over|in) (?=(?:each|every|all)\b|(?:the )?[a-z]+s \w*\d)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Rounds:
    """What a loop goes over."""

    items: tuple[str, ...]
    """As they are called in a title: "seed 1"."""
    start: int
    end: int


def rounds(text: str, start: int = 0) -> Rounds | None:
    """Return what "each of the seeds 1 and 2" at a place of the text goes over.

    None where nothing says how many there are ("every customer").
    """
    found = _LISTED.match(text, start) or _NAMED.match(text, start)
    if found is None:
        return None
    told, noun = found.groupdict(), found["noun"]
    one = noun[:-1] if noun.endswith("s") and not noun.endswith("ss") else noun
    names: list[str] = []
    said = told.get("list") or told.get("group")
    if said:
        names = re.split(r",\s*(?:and |& )?|\s+(?:and|&)\s+|\s*[/|]\s*", said)
    elif told.get("first"):
        names = [
            f"{told['stem']}{n}"
            for n in range(int(told["first"]), int(told["last"]) + 1)[: MOST + 1]
        ]
    elif told["count"]:
        names = [str(n) for n in range(1, int(number(told["count"])) + 1)]
    if not 2 <= len(names) <= MOST or any(name.split()[0] in NO_VERB for name in names):
        return None
    end = found.end()
    if told.get("list") and " " in names[-1] and not any(" " in name for name in names[:-1]):
        end -= len(names[-1]) - len(names[-1].split()[0])  # "small, medium and large run …"
        names[-1] = names[-1].split()[0]
    return Rounds(tuple(f"{one} {name}" for name in names), start, end)


def leading_rounds(sentence: str) -> tuple[Rounds | None, str]:
    """Return what a sentence that begins with "for each …" goes over, and the rest of it.

    Where it says how many there are nowhere, the sentence stays as it is.
    """
    lead = _LEAD.match(sentence)
    found = rounds(sentence, lead.end()) if lead else None
    if lead is None or found is None:
        return None, sentence
    rest = re.sub(r"^[\s,:)]+", "", sentence[found.end :])
    return found, f"{lead['link']}{rest}"


def after_lead(sentence: str) -> str:
    """Return what a sentence says after "for each …", for those who ask what it is about."""
    lead = _LEAD.match(sentence)
    at = lead.end() if lead else 0
    found = lead and (_LISTED.match(sentence, at) or _NAMED.match(sentence, at))
    return re.sub(r"^[\s,:)]+", "", sentence[found.end() :]) if found else sentence
