"""One spelling for many: lower case, plain digits, dashes and quotes, at unchanged offsets."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from agentsched.times.errors import TimePhraseError

PHRASE_LIMIT = 300
"""Characters of one phrase or sentence."""
TEXT_LIMIT = 20_000
"""Characters of a text in which phrases are looked for."""

_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u301c\uff5e~"
_QUOTES = "\u2018\u2019\u02bc\u00b4`\u2032"
_KEPT = "½¼¾"


def plain(text: str) -> str:
    """Return the text in the one spelling that the rules know; character for character."""
    return "".join(map(_plain, text))


def check_length(text: str, limit: int) -> None:
    """Refuse what is too long to be what it claims.

    Raises:
        TimePhraseError: It has more than ``limit`` characters.
    """
    if len(text) > limit:
        raise TimePhraseError(
            f"text of {len(text)} characters, beginning {text[:40]!r}: times are read from at most "
            f"{limit}; give the sentence that has the time"
        )


@lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    if character in _DASHES:
        return "-"
    if character in _QUOTES:
        return "'"
    if character in _KEPT:
        return character
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    if character.isspace() and character != "\n":
        return " "
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co") and character != "\n":
        return " "
    # An accent is dropped (São Paulo); a letter that becomes several stays as it is.
    base = unicodedata.normalize("NFKD", character)[0].lower()
    return base if len(base) == 1 and base.isascii() else character
