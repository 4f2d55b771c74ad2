"""What the resolution of conflicts asks of whoever knows the user's preferences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Reason:
    """How much one feature of the preferred candidate spoke for it."""

    feature: str
    """One of ``features.NAMES``."""
    value: str
    weight: float
    """Signed, in log-odds: positive for, negative against."""
    evidence: tuple[str, ...] = ()
    """Ids of the decisions and statements in memory it rests on."""


@dataclass(frozen=True, slots=True)
class Preference:
    """An order of candidates with how sure it is."""

    order: tuple[int, ...]
    """Indices of the candidates, the preferred one first."""
    probability: tuple[float, ...]
    """Of the first against each other one, in the order of ``order[1:]``."""
    reasons: tuple[Reason, ...] = ()


class PreferenceModel(Protocol):
    """Knows which of several events a user would rather keep."""

    def prefer(self, candidates: Sequence[Mapping[str, str]]) -> Preference:
        """Return the order of candidates, each a mapping of ``features.NAMES`` to words.

        It is deterministic, changes nothing, and takes any number of candidates from one on.
        """


class NoPreference:
    """Knows nothing: every order is as good as another, so that the user is asked."""

    def prefer(self, candidates: Sequence[Mapping[str, str]]) -> Preference:
        """See ``PreferenceModel.prefer``."""
        return Preference(tuple(range(len(candidates))), (0.5,) * (len(candidates) - 1))
