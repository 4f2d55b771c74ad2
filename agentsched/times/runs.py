"""Groups pieces that stand together into runs, and drops what only looks like a time."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agentsched.times.pieces import (
    AllDay,
    Clock,
    Link,
    Number,
    Piece,
    Repeat,
    Weekday,
    Year,
    Zone,
)

_FILLER = re.compile(
    r"(?:[\s,()\"']|(?:the|a|around|about|approximately|approx|roughly|circa|ca|sharp|exactly|precisely|both"
    r"|held|sometime|some|time|anytime|any|please|also|well|only|right|latest|of|hours?|hrs|h|ish"
    r"|say|maybe|perhaps|like)\b\.?)*",
    re.ASCII,
)  # fmt: skip
_FOLLOWERS = frozenset(
    [
        "with",
        "in",
        "for",
        "on",
        "and",
        "to",
        "or",
        "please",
        "if",
        "so",
        "because",
        "sharp",
        "then",
        "but",
        "at",
        "by",
        "until",
        "till",
        "the",
        "a",
        "an",
        "from",
        "via",
        "is",
        "are",
        "it",
        "we",
        "i",
        "you",
        "as",
        "that",
        "when",
        "o",
        "uhr",
        "h",
        "of",
        "next",
        "this",
        "every",
        "each",
        "may",
        "instead",
        "rather",
        "not",
    ]
)
_NEXT_WORD = re.compile(r"\s+([a-z]+)", re.ASCII)
_LEADS = frozenset(
    ("on", "in", "by", "latest", "before", "due", "after", "since", "onward", "until", "starting",
     "from", "to", "between", "except")
)  # fmt: skip


_LONGEST = 48
"""Pieces of one run; what goes on and on is no phrase, and must not cost its square."""


@dataclass(frozen=True, slots=True)
class Run:
    """Pieces of one or several time phrases that nothing else stands between."""

    pieces: tuple[Piece, ...]
    whole: bool
    """Whether there is nothing else in the text."""
    opens: bool
    """Whether it begins the text."""
    adverb: bool = False
    """Whether it is only a word such as "weekly", which counts beside another run alone."""


def runs(known: str, pieces: list[Piece]) -> list[Run]:
    """Return the runs of a text that do speak of time, in order."""
    starts = {piece.start for piece in pieces}
    kept = [piece for piece in pieces if not _counts_things(known, piece, starts)]
    groups: list[list[Piece]] = []
    for piece in kept:
        # One match may be several pieces, which then have the same place.
        if (
            groups
            and (len(groups[-1]) < _LONGEST or piece.start < groups[-1][-1].end)
            and (
                piece.start < groups[-1][-1].end
                or _FILLER.fullmatch(known, groups[-1][-1].end, piece.start)
            )
        ):
            groups[-1].append(piece)
        else:
            groups.append([piece])
    found = []
    for group in groups:
        trimmed = _trimmed(group)
        if trimmed:
            before, after = known[: trimmed[0].start], known[trimmed[-1].end :]
            opens = not before.strip(" \n\"'(")
            whole = opens and not after.strip(" \n\"').,!?;")
            run = Run(tuple(trimmed), whole, opens, not whole and _is_adverb(trimmed))
            if whole or run.adverb or _speaks_of_time(run.pieces):
                found.append(run)
    return found


def _is_adverb(pieces: list[Piece]) -> bool:
    return len(pieces) == 1 and pieces[0].weak and isinstance(pieces[0].value, Repeat)


def _counts_things(known: str, piece: Piece, starts: set[int]) -> bool:
    """Whether a bare number counts people, rooms or pages."""
    if not isinstance(piece.value, Number):
        return False
    word = _NEXT_WORD.match(known, piece.end)
    if word is None or word[1] in _FOLLOWERS:
        return False
    return word.start(1) not in starts


def _trimmed(group: list[Piece]) -> list[Piece]:
    """Drop links at the end, and those at the beginning that say nothing there."""
    start, end = 0, len(group)
    while end > start and _is_idle_end(group[end - 1].value):
        end -= 1
    while start < end and group[start].value in _IDLE:
        start += 1
    return group[start:end]


def _is_idle_end(value: object) -> bool:
    return isinstance(value, Link) and value.word not in ("onward", "unless", "latest")


_IDLE = tuple(Link(word) for word in ("to", "and", "or", "of"))


def _speaks_of_time(pieces: tuple[Piece, ...]) -> bool:
    told = [piece for piece in pieces if not isinstance(piece.value, Link | Zone | AllDay)]
    if any(not piece.weak for piece in told):
        return True
    numbers = [piece for piece in told if isinstance(piece.value, Number)]
    others = [piece for piece in told if not isinstance(piece.value, Number)]
    if others:
        if all(isinstance(piece.value, Year) for piece in others):
            return _has_lead(pieces, others[0])
        return len(told) > 1 or _has_lead(pieces, others[0])
    # A bare number is an hour after "at" alone: "at 9", not "between 2 and 4" of whatever.
    return any(_before(pieces, number) == Link("at") for number in numbers)


def _has_lead(pieces: tuple[Piece, ...], piece: Piece) -> bool:
    before = _before(pieces, piece)
    if not isinstance(before, Link):
        return False
    clock_of_a_sort = isinstance(piece.value, Clock)
    if before.word == "to":
        # "32 - 2015", "talk to April": a range needs both its ends.
        return isinstance(piece.value, Weekday)
    return before.word in _LEADS or (clock_of_a_sort and before.word == "at")


def _before(pieces: tuple[Piece, ...], piece: Piece) -> object:
    index = pieces.index(piece)
    return pieces[index - 1].value if index else None
