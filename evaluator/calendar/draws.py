"""Random integers that are the same on every machine and with every version of NumPy.

Only the raw output of Philox is used: its counter mode is fixed by its definition, whereas
``Generator``'s distributions may change between versions and use functions of the processor.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

UNIT = 1000
"""Standard deviation of ``bell``."""


class Draws:
    """One stream, keyed by a seed and labels; equal keys, equal numbers."""

    def __init__(self, seed: bytes, *labels: str | int) -> None:
        key = hashlib.blake2b(seed + repr(labels).encode(), digest_size=16).digest()
        self._source = np.random.Philox(key=int.from_bytes(key, "little"))

    def below(self, bound: int, count: int) -> Ints:
        """Return integers from 0 to bound - 1; the bias of the remainder is below 1e-12."""
        raw: NDArray[np.uint64] = self._source.random_raw(count)
        return (raw % np.uint64(bound)).astype(np.int64)

    def one(self, bound: int) -> int:
        """Return one integer from 0 to bound - 1."""
        return int(self.below(bound, 1)[0])

    def bell(self, count: int) -> Ints:
        """Return integers of mean 0 and standard deviation 1000, nearly normal (a sum of 12)."""
        parts = self.below(UNIT, 12 * count).reshape(count, 12)
        total: Ints = parts.sum(axis=1) - 6 * UNIT + 6
        return total

    def pick(self, shares: Sequence[int], count: int) -> Ints:
        """Return positions drawn with these integer shares."""
        ends = np.cumsum(np.asarray(shares, np.int64))
        return np.searchsorted(ends, self.below(int(ends[-1]), count), side="right").astype(
            np.int64
        )

    def some(self, bound: int, count: int) -> tuple[int, ...]:
        """Return different integers below bound, in the order drawn."""
        order = np.argsort(self._source.random_raw(bound), kind="stable")
        return tuple(order[:count].tolist())
