"""Predicates over one event: ``feature=value`` and ``feature=value,feature=value``, as text.

The text is canonical (features in the order of the vocabulary), so that equal predicates are equal
strings wherever they are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from evaluator.calendar.vocabulary import COLUMN, FEATURES, VALUES
from evaluator.errors import InputError

FAMILIES: Final = (
    ("type", "topic"), ("type", "role"), ("type", "relation"), ("type", "time_of_day"),
    ("type", "location"), ("type", "duration"), ("type", "notice"), ("type", "attendees"),
    ("type", "urgency"), ("topic", "role"), ("topic", "relation"), ("topic", "time_of_day"),
    ("topic", "location"), ("topic", "notice"), ("topic", "urgency"), ("relation", "time_of_day"),
    ("relation", "notice"), ("relation", "urgency"), ("role", "urgency"),
)  # fmt: skip
"""Pairs of features that are looked at together; a trial may add any other predicate."""

MOST_PARTS: Final = 3
"""Features in one predicate."""
LONGEST: Final = 200
"""Characters of one predicate."""


def canonical(predicate: str) -> str:
    """Return a predicate in its one spelling.

    Raises:
        InputError: it is not ``feature=value`` with 1 to 3 known features, each once.
    """
    parts: dict[str, str] = {}
    for part in predicate.split(","):
        feature, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not value or "=" in value or len(predicate) > LONGEST:
            raise InputError(
                f"predicate {predicate!r:.60} must read feature=value or "
                "feature=value,feature=value"
            )
        if feature not in COLUMN:
            raise InputError(
                f"predicate {predicate!r}: no feature {feature!r}; known: {', '.join(FEATURES)}"
            )
        if feature in parts:
            raise InputError(f"predicate {predicate!r}: feature {feature!r} stands there twice")
        parts[feature] = value
    if len(parts) > MOST_PARTS:
        raise InputError(f"predicate {predicate!r}: at most {MOST_PARTS} features together")
    return spell(parts)


def spell(parts: Mapping[str, str]) -> str:
    """Return the canonical text of features and values."""
    return ",".join(f"{feature}={parts[feature]}" for feature in FEATURES if feature in parts)


def parts_of(predicate: str) -> dict[str, str]:
    """Return features and values of a canonical predicate."""
    return dict(part.split("=", 1) for part in predicate.split(","))


def holds(predicate: str, event: Mapping[str, str]) -> bool:
    """Whether a canonical predicate is true of an event; unknown features are not."""
    return all(event.get(feature) == value for feature, value in parts_of(predicate).items())


def unheard_of(predicate: str) -> tuple[str, ...]:
    """Return values that the calendar world does not know: legal, but perhaps a slip."""
    return tuple(
        value for feature, value in parts_of(predicate).items() if value not in VALUES[feature]
    )
