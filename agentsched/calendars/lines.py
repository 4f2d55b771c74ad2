"""Content lines of RFC 5545, each kept with the very characters it was read from.

A line that no edit touches is written back as it was: folds, parameter order, quoting, line end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

WIDTH = 75
"""Octets of a physical line before it is folded (RFC 5545, 3.1)."""

_LOGICAL = re.compile(r"[^\n]*(?:\n[ \t][^\n]*)*\n?")
_FOLD = re.compile(r"\r?\n[ \t]")
_PARTS = re.compile(
    r'([A-Za-z0-9-]+)((?:;[^=;:"]+=(?:"[^"]*"|[^";:,]*)(?:,(?:"[^"]*"|[^";:,]*))*)*):(.*)', re.S
)
_PARAM = re.compile(r';([^=;:"]+)=((?:"[^"]*"|[^";:,]*)(?:,(?:"[^"]*"|[^";:,]*))*)')
_PARAM_VALUE = re.compile(r'"([^"]*)"|([^",]+)')
_ESCAPED = re.compile(r"\\(.)", re.S)
_CARET = re.compile(r"\^([n'^])")
_COMMA = re.compile(r"(?<!\\)((?:\\\\)*),")

Params = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Line:
    """One logical line."""

    raw: str
    """As in the file, folds and line end included."""
    name: str
    """Upper case; empty for what is no content line."""
    value: str
    """Unfolded, still escaped."""
    param_text: str = ""
    number: int = field(default=0, compare=False)
    """Line of the file it begins in; 0 for one that was made here."""

    @property
    def params(self) -> dict[str, tuple[str, ...]]:
        """Parameters by upper-case name, decoded (RFC 6868)."""
        return {
            name.upper(): tuple(
                _decode_param(quoted or bare) for quoted, bare in _PARAM_VALUE.findall(text)
            )
            for name, text in _PARAM.findall(self.param_text)
        }

    def param(self, name: str) -> str:
        """Return the first value of a parameter, or an empty string."""
        if not self.param_text:
            return ""
        return next(iter(self.params.get(name, ())), "")

    @property
    def text(self) -> str:
        """The value as TEXT, unescaped."""
        return unescape(self.value)

    @property
    def texts(self) -> tuple[str, ...]:
        """The value as a list of TEXT."""
        return tuple(unescape(part) for part in split_list(self.value) if part)


def read_lines(text: str) -> Iterator[Line]:
    """Split text into logical lines; what is no content line gets an empty name."""
    number = 1
    for match in _LOGICAL.finditer(text):
        raw = match.group()
        if not raw:
            return
        yield _parsed(raw, number)
        number += raw.count("\n")


def make_line(name: str, value: str, params: Params | None = None, end: str = "\r\n") -> Line:
    """Return a new line, folded.

    Args:
        name: Upper case.
        value: Already escaped where the type asks for it.
        params: Parameters in the order they shall be written.
        end: Line end of the file it goes into.
    """
    param_text = "".join(
        f";{key}={','.join(_encode_param(item) for item in items)}"
        for key, items in (params or {}).items()
    )
    return Line(_fold(f"{name}{param_text}:{value}", end), name, value, param_text)


def escape(text: str) -> str:
    r"""Return text as a TEXT value; line ends of any system become ``\\n``."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    # Control characters may not stand in a TEXT at all.
    text = "".join(c for c in text if c in "\n\t" or (c >= " " and c != "\x7f"))
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def unescape(value: str) -> str:
    """Return what a TEXT value says."""
    if "\\" not in value:
        return value
    return _ESCAPED.sub(lambda m: "\n" if m.group(1) in "nN" else m.group(1), value)


def split_list(value: str) -> list[str]:
    """Split at commas that are not escaped."""
    return _COMMA.sub("\\1\0", value).split("\0") if "\\" in value else value.split(",")


def _parsed(raw: str, number: int) -> Line:
    body = raw.rstrip("\r\n")
    if "\n" in body:
        body = _FOLD.sub("", body)
    if not body.isascii():
        body = _whole(body)
    match = _PARTS.fullmatch(body)
    if match is None:
        return Line(raw, "", body, "", number)
    name, params, value = match.groups()
    return Line(raw, name.upper(), value, params, number)


def _whole(body: str) -> str:
    """Put together UTF-8 that a fold between octets tore apart; other octets show as U+FFFD."""
    if not any("\udc80" <= c <= "\udcff" for c in body):
        return body
    return body.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _fold(text: str, end: str) -> str:
    if len(text) <= WIDTH and text.isascii():
        return text + end
    pieces: list[str] = []
    piece, size = "", 0
    for character in text:
        octets = len(character.encode("utf-8", "surrogateescape"))
        if size + octets > WIDTH:
            pieces.append(piece)
            # The blank that marks a continuation counts too.
            piece, size = "", 1
        piece += character
        size += octets
    return (end + " ").join([*pieces, piece]) + end


def _decode_param(value: str) -> str:
    return _CARET.sub(lambda m: {"n": "\n", "'": '"', "^": "^"}[m.group(1)], value)


def _encode_param(value: str) -> str:
    value = value.replace("^", "^^").replace('"', "^'").replace("\r\n", "\n").replace("\n", "^n")
    value = "".join(c for c in value if c >= " " and c != "\x7f")
    return f'"{value}"' if any(c in value for c in ",;:") else value
