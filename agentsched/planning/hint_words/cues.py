"""How strongly a wish is meant, and whether it is denied: must, prefer, really, not, never."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from agentsched.planning.hint_words.found import words

PREFER: Final = 1.0
"""Weight of a plain "prefer"; the others are read against it."""
NICE: Final = 0.5
"""Weight of "would be nice"."""
LEAVE: Final = 0.25
"""Weight of "spot is fine"."""
STRONG, SLIGHT = 3.0, 0.3
"""Factors of "really" and "slightly"."""

_SOFT: Final = words(
    "prefer(?:s|red|ably|ence|ring)?|rather|ideally|favou?r|tr(?:y|ies)|better|hopefully|best",
    "best effort|preference|(?:first|second) choice|favou?rites?|keen on|fond of|fan of",
    "(?:I|we)(?:'d| would) (?:like|love|prefer|want|go for|choose|pick|take)",
    "as (?:you|we|it) can|as possible|(?:where|when)(?:ver|ever)? (?:you can|possible)",
    "if (?:you|we) (?:can|could|manage)(?: (?:manage|arrange|do|get))?(?: (?:it|that|so))?",
    "if (?:at all )?(?:possible|it is possible|it can be done|feasible|it works|it fits)",
    "if (?:it|that)(?:'s| is) (?:at all )?possible",
    "if (?:it|they|one|there|that)(?:'s|'re| is| are) (?:any |a )?"
    "(?:free|available|idle|not busy|there|an option)",
    "if (?:it|that|this)(?:'s| is)? (?:no trouble|not too much trouble|works|helps|makes sense)",
    "if (?:there is )?room",
    "unless (?:you|it|there|we|that|necessary|needed)\\b"
    "(?: (?:really |absolutely )?(?:have|need) to)?",
)
_NICE: Final = words(
    "would (?:do|suit|work)(?: well)?|nice to have|no big deal|bonus|otherwise|if not",
    "would be (?:nice|great|good|lovely|fine|best|helpful)",
)
_LEAVE: Final = words(
    "(?:is|are|would be) (?:also |perfectly |totally |just )?(?:fine|ok|okay|acceptable|allowed)",
    "(?:is|are|would be) (?:also |perfectly |totally |just )?(?:alright|all right|welcome)",
    "(?:is|are|would be) (?:no problem|good enough)",
    "(?:fine|ok|okay|happy) with|ok|okay|feel free",
    "(?:do not|don't|does not|doesn't|wouldn't) (?:mind|care|matter)",
    "(?<!not )(?<!n't )allow(?:ed)?",
    "(?:can|may|could)\\b(?! (?:you|not|only|we|I)\\b)(?!not)",
)
_HARD: Final = words(
    "must(?:n't)?|only|never|at all costs?|strictly|absolutely|always|no matter what",
    "whatever (?:happens|it takes|it costs)|under no circumstances|in any case",
    "(?:has|have|needs?) to|mandatory|required?|insist|definitely|by all means|without exception",
)
_STRONG: Final = words("really|strongly|very much|much|greatly|highly|a lot|badly")
_SLIGHT: Final = words("slightly|a (?:little|bit)|mildly|weakly|marginally|somewhat|kind of")
_FILLERS: Final = words("please|but|and|though|that|it|is|this") + r"|\W"

_SET_PHRASES: Final = (
    r"no matter what|no problem|no big deal|do(?:n't| not) (?:mind|care)|doesn't matter|"
    r"not (?:only|just)|if not|no(?:thing|ne) (?:but|other than|less than)|"
    r"(?:\bnot|n't|\bno|\bnever)\b[^.,;]{0,20}?\b(?:more|fewer|less|over) than"
)
"""They hold a "no" that denies nothing."""
_DENIALS: Final = (
    words(
        "not|never|no|none|nothing|nowhere|neither|nor|without|avoid(?:s|ing)?|except|cannot",
        "exclud(?:e|es|ing)|leav(?:e|es|ing)|skip|forbid(?:den)?|ban(?:ned)?|off|away|forget|stop",
        "halt|paus(?:e|es|ing)|out of|outside(?: of)?|(?:any|every)thing but|clear of",
        r"too \w+ (?:for|to)",
    )
    + r"|n't\b"
)
_DENIED_AFTER: Final = (
    r"^\W*(?:is|are|'s|'re|would be) (?:completely |strictly |all )?(?:off[- ]limits|taboo|"
    r"a no[- ]go|not (?:allowed|an option|ok|okay|acceptable|available|to be used|fine)|"
    r"out of the question|forbidden|banned|excluded|reserved|taken|booked|needed elsewhere|"
    r"broken|down)\b|"
    r"^\W*(?:isn't|aren't) (?:allowed|an option|ok|okay|acceptable|available|fine)\b"
)
_KEEP_FREE: Final = (r"\b(?:keep|leave)\b[^.;,]*$", r"^\W*(?:free|clear|out of it)\b")
_NO_NEED: Final = words(
    "fits? (?:in|into|on|within)|do(?:es)?(?: not|n't) (?:need|have|require)",
    "did(?: not|n't) (?:need|have|require)|need not|needn't|needs? no|requires? no",
    r"not necessarily|no need|not (?:need|requir)\w*",
)
_NOT_NEEDED: Final = (
    r"^[^.;,]{0,20}\b(?:is|are)(?: not|n't) (?:needed|required|necessary|a must)\b|"
    r"^\s*(?:is |are )?(?:needed|required|necessary)\b"
)
_CONTRAST: Final = (
    r"\b(?:over|(?<!less )than|instead of|rather than|in place of)(?:\s+(?:on|in|the|an?|any))*\s*$"
)


@dataclass(frozen=True, slots=True)
class Cue:
    """Words that say how strongly something is meant."""

    start: int
    end: int
    hard: bool
    weight: float = PREFER
    leave: bool = False
    """It gives leave, and asks for nothing."""


def cues_in(text: str) -> list[Cue]:
    """Return every cue, in order; a hard one inside a softer phrase does not count."""
    found: list[Cue] = []
    for pattern, hard, weight, leave in (
        (_NICE, False, NICE, False),
        (_SOFT, False, PREFER, False),
        (_HARD, True, PREFER, False),
        (_LEAVE, False, LEAVE, True),
    ):
        for match in re.finditer(pattern, text, re.IGNORECASE):
            if all(match.end() <= cue.start or match.start() >= cue.end for cue in found):
                found.append(Cue(*match.span(), hard, weight, leave))
    return sorted(found, key=lambda cue: cue.start)


def cue_for(start: int, end: int, cues: list[Cue]) -> Cue | None:
    """Return the cue that a stretch takes: the nearest; one that only gives leave comes last."""
    asking = [cue for cue in cues if not cue.leave] or cues
    return min(asking, key=lambda cue: max(cue.start - end, start - cue.end, 0), default=None)


def scale_in(text: str) -> float:
    """Return how "really" or "slightly" in it scale a weight."""
    strong = re.search(_STRONG, text, re.IGNORECASE)
    slight = re.search(_SLIGHT, text, re.IGNORECASE)
    return (STRONG if strong else 1.0) * (SLIGHT if slight else 1.0)


def is_only_cues(text: str) -> bool:
    """Whether nothing stands in it but cues, as in "if at all possible,"."""
    rest = text
    for pattern in (_NICE, _SOFT, _HARD, _LEAVE, _STRONG, _SLIGHT, _FILLERS):
        rest = re.sub(pattern, " ", rest, flags=re.IGNORECASE)
    return bool(text.strip(" ,;:-")) and not rest.strip()


def is_denied(before: str, after: str = "") -> bool:
    """Whether the words around a stretch turn it into its opposite; "not leave" does not."""
    if re.search(_DENIED_AFTER, after, re.IGNORECASE):
        return True
    if all(map(re.search, _KEEP_FREE, (before.lower(), after.lower()))):
        return True
    text = re.sub(_SET_PHRASES, lambda match: " " * len(match[0]), before, flags=re.IGNORECASE)
    return len(re.findall(_DENIALS, text, re.IGNORECASE)) % 2 == 1


def is_waived(before: str, after: str) -> bool:
    """Whether the words around a stretch say that it is not needed, which is no wish."""
    if re.search(_NO_NEED, before, re.IGNORECASE):
        return True
    denied = is_denied(before) or "n't" in after or " not " in after
    return denied and bool(re.search(_NOT_NEEDED, after, re.IGNORECASE))


def is_contrast(before: str) -> bool:
    """Whether a stretch is only what something else is preferred to: "over the T4s"."""
    return bool(re.search(_CONTRAST, before, re.IGNORECASE))
