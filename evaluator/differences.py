"""Facts of a trace that do not come out again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Difference:
    """A stored fact that does not come out again."""

    what: str
    """A metric, ``violation``, or the digest of an input."""
    stored: str
    replayed: str

    def __str__(self) -> str:
        return f"{self.what}: stored {self.stored}, replayed {self.replayed}"


def differences(stored: Mapping[str, float], replayed: Mapping[str, float]) -> list[Difference]:
    """Metrics whose bits differ, or that only one side has."""
    names = [*stored, *(name for name in replayed if name not in stored)]
    pairs = ((name, _exact(stored.get(name)), _exact(replayed.get(name))) for name in names)
    return [Difference(*pair) for pair in pairs if pair[1] != pair[2]]


def _exact(value: float | None) -> str:
    return "nothing" if value is None else f"{value!r} ({float(value).hex()})"
