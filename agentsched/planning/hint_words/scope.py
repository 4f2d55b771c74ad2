"""Sentences, their clauses, and the tasks that a clause speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from agentsched.planning.graph import Task

_SENTENCE_END: Final = (
    r"(?<!\be\.g)(?<!\bi\.e)(?<!\b[ap]\.m)[.!?]+(?=\s|$)|\n+|(?<=\w)\s+[-\u2022]\s+"
)
_CLAUSE_END: Final = (
    r"[,;]\s*(?:and|but|or|then|while|though|although|yet|so)?\b|"
    r"\b(?:and|(?<!thing )but|while|whereas|then|otherwise|though|although|yet)\b|:\s"
)
_WORD: Final = r"[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*"
_LINKS: Final = frozenset(
    ("a", "an", "the", "both", "all", "of", "two", "three", "my", "our", "your")
)
_IGNORED: Final = _LINKS | frozenset(
    ("each", "every", "and", "or", "to", "up", "with", "for", "on", "in", "at", "is", "are", "be",
     "it", "its", "run", "job", "task", "his", "her", "their", "this", "that", "these", "those",
     "do", "does", "have", "has", "get", "one", "new")
)  # fmt: skip
_SAME: Final = {"big": "large", "bigger": "large", "huge": "large", "little": "small",
                "tiny": "small", "smaller": "small", "larger": "large"}  # fmt: skip
_ENDINGS: Final = ("ations", "ation", "ators", "ator", "ings", "ing", "ions", "ion", "ates", "ate",
                   "ers", "ies", "ed", "es", "s", "e", "y")  # fmt: skip
_BACK: Final = r"\b(?:it|its|them|they|their|these|those)\b"
_EXCEPT: Final = (
    r"\b(?:everything|all|anything)(?: of them)?,? (?:but|except(?: for)?|other than|apart from)"
    r"(?:\s+(?:the|an?|for))*\s*$"
)
_ALL: Final = r"\b(?:everything|nothing|everyone|whatever|all of it|all (?:the )?tasks)\b"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a text, by its place."""

    start: int
    end: int

    def of(self, text: str) -> str:
        """Return the words."""
        return text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Mention:
    """Words that name tasks."""

    start: int
    end: int
    tasks: tuple[str, ...]


def sentences(text: str) -> Iterator[Stretch]:
    """Yield the sentences, each with the mark that ends it."""
    start = 0
    for match in re.finditer(_SENTENCE_END, text):
        if text[start : match.end()].strip():
            yield Stretch(start, match.end())
        start = match.end()
    if text[start:].strip():
        yield Stretch(start, len(text))


def clauses(text: str, whole: Sequence[Stretch]) -> list[Stretch]:
    """Cut a sentence at commas and conjunctions, never inside one of ``whole``."""
    cuts = [0]
    for match in re.finditer(_CLAUSE_END, text, re.IGNORECASE):
        if all(match.end() <= part.start or match.start() >= part.end for part in whole):
            cuts.append(match.start())
    cuts.append(len(text))
    return [Stretch(a, b) for a, b in pairwise(cuts) if text[a:b].strip(" ,")]


class Tasks:
    """Finds the tasks of a graph in words, by their ids and the words of their titles."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._ids = {task.id.lower(): task.id for task in tasks}
        self._words: dict[str, set[str]] = {}
        self._order = [task.id for task in tasks]
        for task in tasks:
            for word in re.findall(r"[a-z0-9]+", f"{task.title} {task.id}".lower()):
                if word not in _IGNORED and not word.isdigit():
                    self._words.setdefault(_stem(word), set()).add(task.id)

    def mentions(self, text: str, but: Sequence[Stretch] = ()) -> list[Mention]:
        """Return what names tasks in a text, outside the stretches ``but``.

        Words side by side name the tasks that all of them fit: "the large model" is one.
        """
        found: list[Mention] = []
        open_end = -1
        for match in re.finditer(_WORD, text):
            if any(match.start() < part.end and match.end() > part.start for part in but):
                open_end = -1
                continue
            word = match[0].lower()
            named = self._named(word)
            if not named:
                open_end = match.end() if word in _LINKS and open_end >= 0 else -1
                continue
            beside = open_end >= 0 and not text[open_end : match.start()].strip(" '\u2019")
            both = [id for id in found[-1].tasks if id in named] if found and beside else []
            if both:
                found[-1] = Mention(found[-1].start, match.end(), tuple(both))
            else:
                found.append(Mention(*match.span(), tuple(named)))
            open_end = match.end()
        return found

    def without(self, ids: set[str]) -> tuple[str, ...]:
        """Return the other tasks."""
        return tuple(id for id in self._order if id not in ids)

    def in_order(self, ids: set[str]) -> tuple[str, ...]:
        """Return ids as the graph orders them."""
        return tuple(id for id in self._order if id in ids)

    def _named(self, word: str) -> list[str]:
        if word in self._ids:
            return [self._ids[word]]
        if word in _IGNORED or word.isdigit():
            return []
        stem = _stem(_SAME.get(word, word))
        named: set[str] = set()
        for known, ids in self._words.items():
            # "eval" is short for "evaluation"
            short = len(stem) >= 4 and known.startswith(stem) and len(known) <= len(stem) + 2
            if known == stem or short:
                named |= ids
        return [id for id in self._order if id in named]


def _stem(word: str) -> str:
    word = _SAME.get(word, word)
    for ending in _ENDINGS:
        if word.endswith(ending) and not word.endswith("ss") and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def joint(text: str, mentions: Sequence[Mention]) -> list[Stretch]:
    """Return stretches from one mention to the next where only "and" or a comma lies between."""
    link = r"\s*(?:,|&|\band\b|\bor\b|\bwith\b|,\s*and\b)\s*(?:(?:the|an?|both|my|our)\s+)?"
    return [
        Stretch(a.start, b.end)
        for a, b in pairwise(mentions)
        if re.fullmatch(link, text[a.end : b.start], re.IGNORECASE)
    ]


def points_back(text: str) -> bool:
    """Whether it speaks of what was named before: it, them, those."""
    return bool(re.search(_BACK, text, re.IGNORECASE))


def excepts(text: str) -> bool:
    """Whether the tasks named right behind it are those that are not spoken of."""
    return bool(re.search(_EXCEPT, text, re.IGNORECASE))


def speaks_of_several(text: str) -> bool:
    """Whether it speaks of all that was named in the sentence: both, they."""
    return bool(re.search(r"\b(?:both|they|them|all)\b", text, re.IGNORECASE))


def means_all(text: str) -> bool:
    """Whether it speaks of everything: nothing, everything."""
    return bool(re.search(_ALL, text, re.IGNORECASE))
