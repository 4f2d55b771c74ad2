"""The words of a request as far as rules need them: stems, amounts, and what comes after what."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

_STOP = frozenset((
    "a", "about", "all", "also", "an", "and", "any", "are", "as", "at", "be", "been", "both", "but",
    "by", "can", "could", "do", "does", "done", "each", "every", "finish", "finished", "for",
    "from", "had", "has", "have", "i", "if", "in", "into", "is", "it", "its", "job", "jobs", "just",
    "let", "make", "may", "me", "my", "new", "of", "on", "one", "or", "our", "over", "own",
    "please", "run", "runs", "she", "should", "so", "some", "start", "step", "task", "tasks",
    "than", "that", "the", "their", "them", "then", "there", "these", "they", "this", "those", "to",
    "too", "up", "us", "use", "using", "via", "want", "we", "when", "where", "which", "while",
    "will", "with", "work", "would", "you", "your",
))  # fmt: skip
_ENDINGS = ("isation", "ization", "ations", "ation", "ating", "ated", "ates", "ate", "ings", "ing",
            "ers", "ed", "es", "er", "s", "e")  # fmt: skip
_MOST = 100_000
"""Characters of a request that are looked at; a longer paste says nothing more about its tasks."""

_COUNTS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
           "nine": 9, "ten": 10, "twelve": 12, "sixteen": 16, "an": 1, "a": 1}  # fmt: skip
_NUMBER = r"(\d+(?:\.\d+)?|" + "|".join(_COUNTS) + r")"
_UNITS = {
    "devices": r"(?:gpus?|devices?|accelerators?|[avhl]\d{2,4}s?|tpus?|cards?)",
    "cpus": r"(?:v?cpus?|cores?|threads?)",
    "memory": r"(?:gib|gb|g)\b(?:\s+(?:of\s+)?(?:ram|memory))?",
    "gang": r"(?:nodes|machines|workers|members|replicas|ranks)",
}
_BETWEEN = r"\s*(?:x|\u00d7)?\s*(?:[a-z]+\d*\s+)?"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LENGTH = re.compile(
    r"(?<![\w.:])"
    + _NUMBER
    + r"(?:\s*|-)(seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|w)\b"
    r"(?:\s*(?:and\s*)?(\d+)\s*(minutes?|mins?|m)\b)?"
)
_HALF = re.compile(r"\bhalf an? (hour|day|minute)\b|\ban? (hour|day|minute|week) and a half\b")
_SEQUENCE = re.compile(
    r"\b(?:and\s+then|then|after(?:wards?|\s+that|\s+this)?|once|followed\s+by|finally|lastly|"
    r"before|subsequently|next|when(?:ever)?\s+(?:\w+\s+){0,4}?(?:done|finish(?:ed|es)?|ready|"
    r"complete[ds]?|over|through|ends?|ended)|(?:depends?|depending|waits?|waiting)\s+(?:on|for)|"
    r"using\s+the\s+(?:results?|outputs?))\b|->|=>|\u2192"
)
_PARALLEL = re.compile(
    r"\b(?:in\s+parallel|parallel|concurrently|simultaneously|at\s+the\s+same\s+time|side\s+by\s+"
    r"side|independent(?:ly)?|separately)\b"
)
_LIMITING = re.compile(
    r"\b(?:by|before|until|till|deadline|due|no\s+later|at\s+the\s+latest|within|ready|in\s+time|"
    r"ends?|finish(?:ed)?|done|must|latest|cob|eod|tonight|today|tomorrow)\b"
)


@dataclass(frozen=True)
class RequestWords:
    """A request, cut where its words say that something comes after something."""

    raw: str
    """As written, but for single spaces."""
    text: str
    """The same in lower case, letter by letter."""
    cuts: tuple[int, ...]
    """Positions of words of sequence, and of the ends of sentences."""

    @classmethod
    def of(cls, request: str) -> RequestWords:
        """Read the words of a request."""
        raw = re.sub(r"\s+", " ", request[:_MOST])
        # Some letters become two in lower case; positions must stay the same.
        text = "".join(c.lower() if len(c.lower()) == 1 else c for c in raw)
        cuts = [found.start() for found in _SEQUENCE.finditer(text)]
        cuts += [found.start() for found in re.finditer(r"[.;!?](?:\s|$)", text)]
        return cls(raw, text, tuple(sorted(cuts)))

    @property
    def stems(self) -> frozenset[str]:
        """Stems of all words."""
        return stems(self.text)

    @property
    def says_parallel(self) -> bool:
        """Whether some words ask for things to go on side by side."""
        return _PARALLEL.search(self.text) is not None

    @property
    def says_limit(self) -> bool:
        """Whether some words could mean a time by which something is to be done."""
        return _LIMITING.search(self.text) is not None

    def position(
        self, words: frozenset[str], besides: frozenset[str], behind: int = 0
    ) -> int | None:
        """Return where the first of these stems stands, of those not in ``besides`` if it can.

        Behind a place if there is one, or else anywhere.
        """
        for wanted in (words - besides, words):
            found = [at for at, one in self._stems if one in wanted]
            later = [at for at in found if at >= behind]
            if found:
                return later[0] if later else found[0]
        return None

    @cached_property
    def _stems(self) -> tuple[tuple[int, str], ...]:
        return tuple(
            (found.start(), stem(found.group().lower()))
            for found in re.finditer(r"[A-Za-z0-9]+", self.raw)
            if found.group() != "a" or found.end() == len(self.raw)
        )

    def part(self, position: int) -> str:
        """Return the part between two cuts in which a position lies."""
        begin = max((cut for cut in self.cuts if cut <= position), default=0)
        end = min((cut for cut in self.cuts if cut > position), default=len(self.text))
        return self.text[begin:end]

    def cut_between(self, a: int, b: int) -> bool:
        """Return whether a word of sequence or the end of a sentence stands between."""
        low, high = sorted((a, b))
        return any(low < cut <= high for cut in self.cuts)


def content(text: str) -> frozenset[str]:
    """Return the stems of words that carry meaning; of all words if none does.

    A lone "A" in the middle or at the end of a title is a name.
    """
    words = re.findall(r"[A-Za-z0-9]+", text)
    meant = [
        word.lower()
        for i, word in enumerate(words)
        if not is_filler(word) or (word == "A" and i) or (word == "a" and i == len(words) - 1 > 0)
    ]
    return frozenset(stem(word) for word in meant) or stems(text)


def is_filler(word: str) -> bool:
    """Return whether a word carries no meaning of its own."""
    return word.lower() in _STOP


def stems(text: str) -> frozenset[str]:
    """Return the stems of all words of a text."""
    return frozenset(stem(word) for word in re.findall(r"[a-z0-9]+", text.lower()))


def stem(word: str) -> str:
    """Return a word without its ending: "evaluation", "evaluating" and "evaluate" are one."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word


def amounts(text: str, of: str) -> frozenset[float]:
    """Return the numbers that a text gives of ``devices``, ``cpus``, ``memory`` or ``gang``."""
    pattern = rf"\b{_NUMBER}{_BETWEEN}{_UNITS[of]}"
    return frozenset(_number(found) for found in re.findall(pattern, text.lower()))


def lengths(text: str) -> frozenset[int]:
    """Return the stretches of time a text speaks of, in seconds."""
    text, found = text.lower(), set()
    for match in _HALF.finditer(text):
        half, whole = match.groups()
        found.add(_SECONDS[half[0]] // 2 if half else _SECONDS[whole[0]] * 3 // 2)
    for number, unit, minutes, _ in _LENGTH.findall(_HALF.sub(" ", text)):
        found.add(round(_number(number) * _SECONDS[unit[0]]) + 60 * int(minutes or 0))
    return frozenset(found)


def slug(text: str, taken: frozenset[str] | set[str] = frozenset()) -> str:
    """Return a task id made of a text, none of those taken."""
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:50].strip("-") or "task"
    number, found = 2, plain
    while found in taken:
        found, number = f"{plain}-{number}", number + 1
    return found


def _number(word: str) -> float:
    return float(_COUNTS.get(word, 0) or word)
