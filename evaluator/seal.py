"""A seal over the bytes of a file: any change is found, one changed byte is named exactly.

Every 4 KiB block has a digest, and two sums that tell which single byte changed and what it was.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import Final

import numpy as np

BLOCK: Final = 4096
_ENTRY: Final = struct.Struct("<16sIQ")


@dataclass(frozen=True, slots=True)
class Damage:
    """A block that is not what it was."""

    start: int
    end: int
    """Bytes [start, end) of the file."""
    byte: int | None = None
    """The one byte that changed, where it is just one."""
    was: int | None = None


def seal(body: bytes) -> bytes:
    """One entry for each block: digest, sum of bytes, sum of bytes weighted by place."""
    plain, weighted = _sums(body)
    return b"".join(
        _ENTRY.pack(_digest(body[block * BLOCK : (block + 1) * BLOCK]), a, b)
        for block, (a, b) in enumerate(zip(plain, weighted, strict=True))
    )


def seal_size(size: int) -> int:
    """Bytes of the seal over ``size`` bytes."""
    return -(-size // BLOCK) * _ENTRY.size


def damages(body: bytes, sealed: bytes) -> list[Damage]:
    """Blocks of ``body`` that differ from what was sealed, in order."""
    found = []
    for block, (digest, plain, weighted) in enumerate(_ENTRY.iter_unpack(sealed)):
        start = block * BLOCK
        part = body[start : start + BLOCK]
        if _digest(part) != digest:
            found.append(_locate(part, start, digest, plain, weighted))
    return found


def _digest(part: bytes) -> bytes:
    return hashlib.blake2b(part, digest_size=16).digest()


def _sums(body: bytes) -> tuple[list[int], list[int]]:
    data = np.frombuffer(body, np.uint8)
    pieces = [data[at : at + 256 * BLOCK] for at in range(0, len(data), 256 * BLOCK)]
    plain: list[int] = []
    weighted: list[int] = []
    place = np.arange(1, BLOCK + 1, dtype=np.float64)
    for piece in pieces:
        whole = np.zeros(-(-len(piece) // BLOCK) * BLOCK)
        whole[: len(piece)] = piece
        # every sum is an integer far below 2**53, so floats are exact in any order
        table = whole.reshape(-1, BLOCK)
        plain += [int(x) for x in table.sum(axis=1)]
        weighted += [int(x) for x in table @ place]
    return plain, weighted


def _locate(part: bytes, start: int, digest: bytes, plain: int, weighted: int) -> Damage:
    """Undo one changed byte, if that explains the block: the sums give its place and value."""
    (now,), (turned,) = _sums(part)
    change, moment = now - plain, turned - weighted
    end = start + len(part)
    if change and moment % change == 0 and 1 <= moment // change <= len(part):
        at = moment // change - 1
        was = part[at] - change
        if 0 <= was <= 255 and _digest(part[:at] + bytes([was]) + part[at + 1 :]) == digest:
            return Damage(start, end, start + at, was)
    return Damage(start, end)
