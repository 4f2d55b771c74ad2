"""How strongly a wish is meant, and whether it is denied: must, prefer, really, not, never."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

IDEAL: Final = 1.0
"""Weight of a plain "prefer"; the words below scale it."""
STRONG, SLIGHT, LEAVE, NICE = 3.0, 0.3, 0.25, 0.5
"""Factors of "really", "slightly"; weights of "spot is fine" and of "would be nice"."""

_AVAILABLE: Final = r"(?:free|available|idle|not busy|there|an option)"
_SOFT: Final = (
    r"\bprefer(?:s|red|ably|ence|ring)?\b|\brather\b|\bideally\b|\bfavou?r\b|\btr(?:y|ies)\b|"
    r"\bif (?:at all )?(?:you can|possible|it is possible|it can be done|feasible|it works|it fits)\b|"
    rf"\bif (?:it|they|one|there|that)(?:'s|'re| is| are) (?:any |a )?{_AVAILABLE}\b|"
    r"\bif (?:there is )?room\b|\b(?:where|when|whenever|wherever) (?:you can|possible)\b|"
    r"\bas (?:you|we|it) can\b|\bas possible\b|\bbest effort\b|\bhopefully\b|"
    r"\b(?:I|we)(?:'d| would) (?:like|love|prefer|want)\b|\bpreference\b|\bbetter\b"
)
_NICE: Final = (
    r"\b(?:would|'d) be (?:nice|great|good|lovely|fine|best|helpful)\b|\bnice to have\b|"
    r"\bno big deal\b|\bbonus\b|\botherwise\b|\bif not\b"
)
_LEAVE: Final = (
    r"\b(?:is|are|'s|would be) (?:also |perfectly |totally |just )?"
    r"(?:fine|ok|okay|acceptable|allowed|alright|all right|welcome|no problem|good enough)\b|"
    r"\b(?:fine|ok|okay|happy) with\b|\b(?:ok|okay)\b|"
    r"\b(?:do not|don't|does not|doesn't|wouldn't) (?:mind|care|matter)\b|\ballow(?:ed)?\b|"
    r"\b(?:can|may|could)\b(?! (?:you|not|only|we|I)\b)(?!not)"
)
_HARD: Final = (
    r"\bmust(?:n't)?\b|\bonly\b|\bnever\b|\bat all costs?\b|\bstrictly\b|\babsolutely\b|\balways\b|"
    r"\bno matter what\b|\bwhatever (?:happens|it takes|it costs)\b|\bunder no circumstances\b|"
    r"\bin any case\b|\b(?:has|have|needs?) to\b|\bmandatory\b|\brequired?\b|\binsist\b|"
    r"\bdefinitely\b|\bby all means\b|\bwithout exception\b"
)
_STRONG: Final = r"\b(?:really|strongly|very much|much|greatly|highly|a lot|badly)\b"
_SLIGHT: Final = r"\b(?:slightly|a (?:little|bit)|mildly|weakly|marginally|somewhat|kind of)\b"

_SET_PHRASES: Final = (
    r"no matter what|no problem|no big deal|do(?:n't| not) (?:mind|care)|doesn't matter|"
    r"not (?:only|just)|if not"
)
_DENIALS: Final = (
    r"\b(?:not|never|no|none|nothing|nowhere|neither|nor|without|avoid(?:s|ing)?|except|cannot|"
    r"exclud(?:e|es|ing)|leav(?:e|es|ing)|skip|forbid(?:den)?|ban(?:ned)?|off|away)\b|n't\b|"
    r"\bout of\b|\boutside(?: of)?\b|\b(?:any|every)thing but\b"
)
_NO_NEED: Final = (
    r"\b(?:do(?:es)?(?: not|n't)|did(?: not|n't)|need not|needn't) (?:need|have|require)\b|"
    r"\bneeds? no\b|\brequires? no\b|\bnot necessarily\b|\bno need\b|\bnot (?:need|requir)\w*\b"
)
_NOT_NEEDED: Final = (
    r"^[^.;,]{0,20}\b(?:is|are)(?: not|n't) (?:needed|required|necessary|a must)\b|"
    r"^\s*(?:is |are )?(?:needed|required|necessary)\b"
)
_CONTRAST: Final = r"\b(?:over|than|instead of|rather than|in place of)(?:\s+(?:on|in|the|an?|any))*\s*$"


@dataclass(frozen=True, slots=True)
class Cue:
    """Words that say how strongly something is meant."""

    start: int
    end: int
    hard: bool
    weight: float = IDEAL
    leave: bool = False
    """It gives leave, and asks for nothing."""


def cues_in(text: str) -> list[Cue]:
    """Return every cue, in order; a hard one inside a softer phrase does not count."""
    found: list[Cue] = []
    for pattern, hard, weight, leave in (
        (_NICE, False, NICE, False),
        (_SOFT, False, IDEAL, False),
        (_HARD, True, IDEAL, False),
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
    for pattern in (_NICE, _SOFT, _HARD, _LEAVE, _STRONG, _SLIGHT):
        rest = re.sub(pattern, " ", rest, flags=re.IGNORECASE)
    return bool(text.strip(" ,;:-")) and not re.sub(
        r"\b(?:please|but|and|though|that|it|is|this)\b|\W", "", rest, flags=re.IGNORECASE
    )


def is_denied(before: str) -> bool:
    """Whether the words before a stretch turn it into its opposite; "not leave" is none."""
    text = re.sub(_SET_PHRASES, lambda m: " " * len(m[0]), before, flags=re.IGNORECASE)
    return len(re.findall(_DENIALS, text, re.IGNORECASE)) % 2 == 1


def is_waived(before: str, after: str) -> bool:
    """Whether the words around a stretch say that it is not needed, which is no wish."""
    return bool(
        re.search(_NO_NEED, before, re.IGNORECASE)
        or (is_denied(before) or "n't" in after or " not " in after)
        and re.search(_NOT_NEEDED, after, re.IGNORECASE)
    )


def is_contrast(before: str) -> bool:
    """Whether a stretch is only what something else is preferred to: "over the T4s"."""
    return bool(re.search(_CONTRAST, before, re.IGNORECASE))
