"""Which tasks some words point at: pronouns, counts, and names by the words they share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agentsched.understanding.words import EMPTY, WORK_VERBS, stem
from agentsched.understanding.work.verbs import base_form

_SEVERAL = re.compile(
    r"\b(?:both|they|them|these|those|all|everything|every (?:one|step|task|run|job)|each(?: one| "
    r"of them)?|the (?:two|three|four"
    r"|five|six|others?|rest|slowest|last)(?: one| of them)?)\b",
    re.IGNORECASE,
)
_ALL = re.compile(
    r"\b(?:all|everything|every (?:step|task|job)|each (?:step|task|job)|the whole|whole thing"
    r"|all of (?:it|them|this|that))\b",
    re.IGNORECASE,
)
_ONE = re.compile(r"\b(?:it|its|that|this|it's)\b", re.IGNORECASE)
_PASSIVE = re.compile(
    r"(?P<what>(?:the|a|an|our|my|all) .+?) (?:is|are|was|were|has been|have been|gets?) "
    r"(?:fully |all )?(?P<verb>\w+)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Pointed:
    """Tasks by number; ``names`` are nouns that no task has."""

    tasks: tuple[int, ...] = ()
    names: tuple[str, ...] = ()


def content(text: str) -> tuple[str, ...]:
    """Return the stems of the words that say something."""
    words = re.findall(r"[\w][\w.+-]*", re.sub(r"(?:'(?:s|re|ve|ll)|n't)\b", "", text))
    words += [word.rpartition(".")[0] for word in words if re.search(r"[a-z]\.[a-z]+$", word)]
    return tuple(s for word in words for s in (stem(word.strip(".-")),) if s and s not in EMPTY)


def point(
    text: str, titles: Sequence[str], stages: Sequence[Sequence[int]], about: str = ""
) -> Pointed:
    """Return the tasks that the words of a condition or an object point at.

    Args:
        text: "both are ready", "the build and the migration".
        titles: Of the tasks so far.
        stages: Tasks said together, oldest first.
        about: The action the words belong to; narrows what "it" can be.
    """
    tasks: list[int] = []
    names: list[str] = []
    for part in re.split(r"\s+(?:and|as well as)\s+|,\s*(?:and\s+)?", text):
        if not part.strip():
            continue
        found = _named(part, titles, about)
        if found:
            tasks += found
        elif content(part) and not _pronoun_only(part):
            names.append(_noun(part))
        else:
            tasks += _by_pronoun(part, stages, titles)
    return Pointed(tuple(dict.fromkeys(tasks)), tuple(names))


def _pronoun_only(part: str) -> bool:
    """Whether besides a pronoun there are only verbs ("it is quantized")."""
    if re.match(r"\s*(?:it|they|both|all of (?:it|them)|everything) (?:has|have|is|are)\b", part):
        return True
    has = _SEVERAL.search(part) or _ONE.search(part)
    return bool(has) and all(word in WORK_VERBS or word.isdigit() for word in content(part))


def _by_pronoun(part: str, stages: Sequence[Sequence[int]], titles: Sequence[str]) -> list[int]:
    if not stages:
        return []
    verbs = set(content(part)) & WORK_VERBS
    if verbs:
        found = [n for n, title in enumerate(titles) if verbs & set(content(title))]
        if found:
            return found
    if _ALL.search(part) and not re.search(r"\ball (?:two|three|four|of them)\b", part):
        last = list(stages[-1])
        return last if len(last) > 1 else list(range(len(titles)))
    told = re.split(r"\s(?:from|to|on|in|for|with|at|into|via)\s", titles[stages[-1][-1]])[
        0
    ].split()
    plural = len(told) > 1 and len(stages[-1]) == 1 and told[-1].endswith("s")
    if plural and re.fullmatch(r"(?:them|they|these|those)", part.strip(), re.IGNORECASE):
        # "dedupe the pages and index them": the pages, not the tasks before.
        return list(stages[-1])
    which = re.search(r"\bthe (?:(?P<first>former)|latter)\b", part, re.IGNORECASE)
    if which and len(stages[-1]) > 1:
        return [stages[-1][0 if which["first"] else -1]]
    if _SEVERAL.search(part):
        many = next((stage for stage in reversed(stages) if len(stage) > 1), None)
        if many is not None:
            return list(many)
        count = 3 if "three" in part else 4 if "four" in part else 2
        return list(range(max(0, len(titles) - count), len(titles)))
    return list(stages[-1])


def _named(part: str, titles: Sequence[str], about: str) -> list[int]:
    """Return the tasks whose titles share most words with the part; ties stay together."""
    wanted = set(content(part))
    if not wanted:
        return []
    scores = []
    for title in titles:
        has = content(title)
        shared = wanted & set(has)
        # A shared verb alone is weaker than a shared noun, unless nothing else is said.
        weight = sum(1.0 if word not in WORK_VERBS else 0.9 for word in shared)
        scores.append(weight)
    best = max(scores, default=0.0)
    if best < 0.9 or best < 0.45 * len(wanted):
        return []
    tied = [n for n, score in enumerate(scores) if score == best]
    if len(tied) > 1 and about and (_ONE.search(part) and not _SEVERAL.search(part)):
        near = [len(set(content(about)) & set(content(titles[n]))) for n in tied]
        if max(near) > 0:
            tied = [n for n, score in zip(tied, near, strict=True) if score == max(near)]
    return tied


def _noun(part: str) -> str:
    """Return the noun of "the ETL finishes", the order in "the labels are checked"."""
    done = _PASSIVE.match(part)
    if done and stem(done["verb"]) in WORK_VERBS - EMPTY:
        part = f"{base_form(done['verb'])} {done['what']}"
    words = part.split()
    while words and stem(words[-1]) in EMPTY:
        words.pop()
    text = " ".join(words)
    return re.sub(r"^(?:the|a|an|our|my|both|you|we|i|all)\s+", "", text, flags=re.IGNORECASE)
