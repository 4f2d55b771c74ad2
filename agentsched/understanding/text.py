"""The message as text: cleaned, cut to what is read, masked where it only quotes, searched."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

LONGEST = 8_000
"""Characters of a message that are read; nobody types more, and a paste is data."""

_QUOTED = re.compile(r'"[^"\n]{1,4000}"|“[^”\n]{1,4000}”|`[^`]{1,4000}`|(?m:^>.*$)')
_PASTED = re.compile(r"(?im)^(?:DESCRIPTION|SUMMARY|COMMENT|X-[A-Z-]+)[:;].*(?:\n[ \t].*)*$")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A message fit to be read."""

    text: str
    notes: tuple[str, ...] = ()


def clean(message: str) -> Cleaned:
    """Return the message without control characters, cut to ``LONGEST``; notes say what went."""
    notes = []
    if len(message) > LONGEST:
        notes.append(
            f"The message has {len(message)} characters; the first {LONGEST} were read. "
            f"Longer lists of work go into a job file."
        )
        message = message[:LONGEST]
    text = "".join(
        " " if _is_control(letter) else letter
        for letter in message.replace("\r\n", "\n").replace("\r", "\n")
    )
    text = text.translate(_DASHES)
    text = "\n".join(re.sub(r"[^\S\n]+", " ", line).strip() for line in text.split("\n"))
    return Cleaned(re.sub(r"\n{2,}", "\n\n", text).strip(), tuple(notes))


_DASHES = {
    0x2010: "-", 0x2011: "-", 0x2012: "-", 0x2013: "-", 0x2014: "-", 0x2212: "-",
    0x2018: "'", 0x2019: "'", 0xA0: " ", 0x202F: " ",
}  # fmt: skip
"""Typographic dashes, apostrophes and blanks, plain."""


def _is_control(letter: str) -> bool:
    return letter != "\n" and unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Cn")


def mask(text: str) -> str:
    """Return the text with what it quotes blanked out, letter for letter.

    Quoted and pasted words are data: a "delete everything" among them asks for nothing. Quotes
    of up to four words stay, they are titles.
    """

    def blank(found: re.Match[str]) -> str:
        inner = found[0]
        if inner[0] in '"“`' and len(inner.split()) <= 4:
            return inner
        if len(inner) < 2:
            return inner
        return inner[0] + re.sub(r"[^\n]", "·", inner[1:-1]) + inner[-1]

    return _PASTED.sub(lambda found: re.sub(r"[^\n]", "·", found[0]), _QUOTED.sub(blank, text))


def find_quote(quote: str, text: str) -> str | None:
    """Return the quote as it stands in the text, or None.

    Case, spaces and punctuation at its ends may differ; words may not.
    """
    words = re.findall(r"\S+", quote.strip().strip("\"'“”.,;:!? "))
    if not words:
        return None
    pattern = r"\s+".join(re.escape(word) for word in words)
    found = re.search(rf"(?<!\w){pattern}(?!\w)", text, re.IGNORECASE)
    return found[0] if found else None


def stands_in(quote: str, text: str) -> bool:
    """Whether a quote's words stand in the text in their order, close together.

    Looser than ``find_quote``: "train the small model" stands in "train the small and the large
    model".
    """
    words = [word.lower() for word in re.findall(r"[\w'-]+", quote)]
    known = [word.lower() for word in re.findall(r"[\w'-]+", text)]
    if not words:
        return False
    reach = 2 * len(words) + 6
    for start, word in enumerate(known):
        if word == words[0]:
            rest = iter(known[start : start + reach])
            if all(any(word == other for other in rest) for word in words):
                return True
    return False


def crop(text: str, length: int) -> str:
    """Return at most this many characters, with an ellipsis where some went."""
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
