"""The words of the calendar world: features of an event, their values, and the people.

The world knows these values; learners take any text as a value, so that real calendars may say
more (``agentsched.calendars`` derives the same features from real events).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from evaluator.errors import InputError

Codes = NDArray[np.int16]
"""Events as rows of value numbers, a column a feature."""

PEOPLE: Final = tuple(f"p{number:02d}" for number in range(60))
"""Colleagues, clients, family; who is what is drawn anew for each user."""

VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "type": (
        "board", "one-to-one", "team", "review", "interview", "client", "vendor", "training",
        "focus", "personal",
    ),
    "topic": (
        "strategy", "budget", "hiring", "product", "research", "incident", "sales", "compliance",
        "health", "social",
    ),
    "role": ("executive", "lead", "member", "assistant", "customer", "stranger"),
    "relation": (
        "manager", "report", "peer", "client", "supplier", "external", "family", "friend",
    ),
    "organiser": PEOPLE,
    "time_of_day": ("early", "morning", "midday", "afternoon", "evening"),
    "weekday": ("mon", "tue", "wed", "thu", "fri", "sat", "sun"),
    "location": ("office", "online", "offsite", "travel"),
    "duration": ("15m", "30m", "1h", "2h", "half-day"),
    "series": ("single", "series"),
    "notice": ("same-day", "day", "week", "longer"),
    "attendees": ("alone", "pair", "small", "large"),
    "urgency": ("low", "normal", "high", "critical"),
}  # fmt: skip
"""Values by feature. ``role`` and ``relation`` are those of the most important other person;
``relation`` is to the user."""

FEATURES: Final = tuple(VALUES)
COLUMN: Final[Mapping[str, int]] = {name: column for column, name in enumerate(FEATURES)}

START: Final = tuple(
    sum(len(values) for values in list(VALUES.values())[:column])
    for column in range(len(FEATURES) + 1)
)
"""Number of the first value of each feature when all values are counted in one row; the last
entry is how many there are."""

ROLES: Final = (
    "chief-executive", "principal-investigator", "engineering-manager", "engineer", "sales-lead",
    "doctor",
)  # fmt: skip
"""Roles of users."""


def value_number(feature: str, value: str) -> int:
    """Return the number of a value among all values of all features.

    Raises:
        InputError: there is no such feature or value.
    """
    if feature not in VALUES:
        raise InputError(f"no feature {feature!r}; known: {', '.join(FEATURES)}")
    if value not in VALUES[feature]:
        raise InputError(
            f"feature {feature!r} has no value {value!r}; known: {', '.join(VALUES[feature])}"
        )
    return START[COLUMN[feature]] + VALUES[feature].index(value)


def value_name(number: int) -> tuple[str, str]:
    """Return feature and value of a number."""
    column = next(c for c in range(len(FEATURES)) if number < START[c + 1])
    feature = FEATURES[column]
    return feature, VALUES[feature][number - START[column]]


def words(codes: Codes) -> dict[str, str]:
    """Return one event's codes as text."""
    return {
        feature: VALUES[feature][code]
        for feature, code in zip(FEATURES, codes.tolist(), strict=True)
    }


def check_event(event: Mapping[str, str]) -> None:
    """Refuse what no learner can read.

    Raises:
        InputError: names the feature or value.
    """
    for feature, value in event.items():
        if feature not in VALUES:
            raise InputError(f"no feature {feature!r}; known: {', '.join(FEATURES)}")
        if not isinstance(value, str) or not value or "," in value or "=" in value:
            raise InputError(
                f"feature {feature!r}: a value is text without ',' and '=', got {value!r}"
            )


def check_round(candidates: Sequence[Mapping[str, str]]) -> None:
    """Refuse a round that is none.

    Raises:
        InputError: fewer than two candidates, or one that cannot be read.
    """
    if len(candidates) < 2:
        raise InputError(f"a conflict has at least two candidates, got {len(candidates)}")
    for event in candidates:
        check_event(event)
