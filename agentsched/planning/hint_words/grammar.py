"""What kind of sentence it is, and whether the words around a name make it a wish."""

from __future__ import annotations

import re
from typing import Final

from agentsched.planning.hint_words.found import words

_ASKS: Final = r"^\W*(?:(?:can|could|would|will|may) (?:you|we|I)|please)\b"
_OTHER_BUSINESS: Final = (
    r"^\W*(?:(?:please|and|then|also|but)\s+)*(?:let me know|tell|remind|notify|ask|inform|ping|"
    r"e?mail|cancel|move|reschedule|decline|thank|thanks)\b"
)
_PAST: Final = words(
    "was|were|had|did|went|ran|used|took|finished|failed|met|saw|heard|lived|yesterday|ago",
    r"last (?:week|night|time|month|year|run|spring|summer|autumn|fall|winter|\w+day)",
)
_WISHES: Final = words("would|must|if|wish|want|please") + r"|'d\b"
_PERSONAL: Final = words(
    "I am|I'm|I have|I've|I work|I sleep|we have|we are|I was|meeting|dentist|doctor|appointment",
    "call|lunch|dinner|interview|flight|conference|class|lesson|s?he|hates?|lands?|departs?",
)
_BEFORE_NAMES: Final = (
    words(
        "on|onto|in|into|inside|within|at|to|with|using|through|via|from|for|of|off|out|away|than",
        "but|be|or|near|close|next|about|clear|otherwise|rather|ideally|preferably|only|always",
        "use|uses|take|takes|pick|give|get|gets|grab|choose|reserve|run|put|pin|keep|stay|stick",
        "need|needs|want|wants|require|requires|like|love|prefer|prefers|preferred|try|allow",
        "avoid|leave|touch|mind|forget|never|no|not|nothing|without|except",
    )
    + r"|n't\b"
)
_AFTER_NAMES: Final = (
    r"^\W*(?:only|please|preferred|preferably|if|where|when|for|would|first|ideally|whatever|"
    r"no matter|at all costs|or|and|$|"
    r"(?:is|are|'s|isn't|aren't) (?:also |only |strictly |perfectly |all )?"
    r"(?:fine|ok|okay|preferred|required|enough|sufficient|a must|best|good|allowed|welcome|"
    r"acceptable|mandatory|my|our|off|not|taboo|a no|out|forbidden|banned|excluded|reserved|taken|"
    r"booked|needed|broken|down))\b"
)
_NOTHING: Final = (
    r"\W*(?:an?|the|some|any|best)?\W*(?:plain|normal|simple|regular|standard|ordinary)?\W*"
)
_LINK: Final = (
    r"(?:\s*(?:,|and|or|nor|but|both|either|on|in|at|with|to|of|from|an?|the|some|any|only|"
    r"(?:is|are)|running|located))*\s*"
)
_JOINS: Final = words("or|nor|and")
_GOES_ON: Final = r"\W*and\W+(?:(?:on|in)\W+)?(?:(?:an?|the|some|any)\W+)?"
_BUT_NOT: Final = r"^\W*(?:but\s+|and\s+)?not\s+(?:for|with)\b"


def is_question(sentence: str) -> bool:
    """Whether a sentence wants to know something; "could you …?" wants it done."""
    return sentence.rstrip().endswith("?") and not re.search(_ASKS, sentence, re.IGNORECASE)


def is_other_business(clause: str) -> bool:
    """Whether a clause asks for something else, or tells what was."""
    if re.search(_OTHER_BUSINESS, clause, re.IGNORECASE):
        return True
    reports = re.search(_PAST, clause, re.IGNORECASE)
    return bool(reports) and not re.search(_WISHES, clause, re.IGNORECASE)


def is_personal(clause: str) -> bool:
    """Whether a clause speaks of a person's day, whose hours are no window for work."""
    return bool(re.search(_PERSONAL, clause, re.IGNORECASE))


def is_asked(before: str, name: str, after: str) -> bool:
    """Whether the words of a clause before and after a name make it a wish."""
    first = bool(re.fullmatch(_NOTHING, before, re.IGNORECASE))
    return (
        (first and not after.strip(" .,!"))
        or bool(re.search(_BEFORE_NAMES, f"{before} {name}", re.IGNORECASE))
        or (first and bool(re.search(_AFTER_NAMES, after, re.IGNORECASE)))
    )


def is_link(between: str) -> bool:
    """Whether only small words lie between two names, so that they are one wish."""
    return bool(re.fullmatch(_LINK, between, re.IGNORECASE))


def goes_on(before: str, after: str) -> bool:
    """Whether a clause has no verb of its own: "and the H100s for the large model"."""
    return bool(re.fullmatch(_GOES_ON, before, re.IGNORECASE) and re.match(r"\s*for\b", after))


def joins(between: str) -> bool:
    """Whether "and" or "or" lies between two names."""
    return bool(re.search(_JOINS, between, re.IGNORECASE))


def is_but_not(clause: str) -> bool:
    """Whether a clause denies for others what was just wished: "but not for the report"."""
    return bool(re.match(_BUT_NOT, clause, re.IGNORECASE))
