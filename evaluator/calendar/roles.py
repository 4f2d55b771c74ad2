"""What people of a role tend to want: curated, so that a prior learned from them makes sense.

Weights are in tenths of a unit of utility; the users of a role scatter around them
(``evaluator.calendar.tastes``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from evaluator.calendar.vocabulary import ROLES


@dataclass(frozen=True, slots=True)
class Role:
    """Frequencies, tendencies and typical principles of the users of a role."""

    types: tuple[int, ...]
    """Shares of the event types, in the order of the vocabulary."""
    wants: Mapping[str, int]
    """``feature=value`` or ``feature=value,feature=value``: tenths of a unit."""
    principles: tuple[tuple[str, bool], ...]
    """Predicates that win (or, False, lose) whatever the rest is; each user has two of them."""


COMMON: Final[Mapping[str, int]] = {
    "type=board": 8, "type=client": 6, "type=one-to-one": 2, "type=review": 2, "type=vendor": -10,
    "type=training": -7, "type=team": -2, "topic=incident": 8, "topic=social": -8,
    "topic=compliance": -2, "role=executive": 8, "role=stranger": -8, "role=assistant": -4,
    "relation=manager": 8, "relation=family": 7, "relation=supplier": -8, "relation=external": -6,
    "time_of_day=early": -5, "time_of_day=evening": -7, "weekday=fri": -2, "weekday=sat": -8,
    "weekday=sun": -8, "location=travel": -8, "location=offsite": -4, "duration=half-day": -6,
    "duration=15m": 3, "notice=same-day": -4, "notice=longer": 3, "attendees=large": -4,
    "urgency=critical": 8, "urgency=high": 4, "urgency=low": -4, "series=series": -2,
}  # fmt: skip
"""Tendencies of everybody."""

ROLE: Final[Mapping[str, Role]] = {
    "chief-executive": Role(
        (12, 12, 8, 12, 8, 14, 8, 4, 10, 12),
        {
            "type=board": 14, "type=client": 6, "type=training": -10, "type=team": -8,
            "topic=strategy": 12, "topic=budget": 6, "topic=product": -4, "topic=compliance": 5,
            "topic=research": -5, "role=executive": 6, "relation=external": 4,
            "relation=report": -4, "location=travel": 8, "type=interview,role=executive": 18,
            "type=board,location=online": -16, "topic=strategy,relation=report": 14,
            "type=personal,time_of_day=evening": 18,
        },
        (("type=board", True), ("type=vendor", False), ("topic=strategy,role=executive", True),
         ("relation=family,time_of_day=evening", True)),
    ),
    "principal-investigator": Role(
        (6, 16, 10, 14, 8, 6, 8, 10, 14, 8),
        {
            "type=focus": 14, "type=one-to-one": 8, "type=review": 8, "type=vendor": -6,
            "type=client": -6, "topic=research": 16, "topic=sales": -12, "topic=budget": 4,
            "topic=hiring": 5, "relation=report": 8, "relation=external": 8, "location=travel": 5,
            "type=review,topic=compliance": -14, "type=focus,time_of_day=morning": 18,
            "topic=research,relation=external": 14, "type=one-to-one,relation=report": 14,
        },
        (("topic=research,relation=report", True), ("topic=sales", False),
         ("type=focus,time_of_day=morning", True), ("type=vendor", False)),
    ),
    "engineering-manager": Role(
        (5, 18, 16, 12, 14, 7, 8, 6, 6, 8),
        {
            "type=one-to-one": 14, "type=team": 8, "type=interview": 8, "type=focus": -4,
            "topic=hiring": 10, "topic=incident": 10, "topic=product": 5, "topic=sales": -8,
            "relation=report": 10, "relation=peer": 3, "attendees=pair": 6,
            "type=one-to-one,relation=report": 18, "topic=incident,urgency=critical": 16,
            "type=interview,notice=same-day": -14, "type=team,time_of_day=midday": -12,
        },
        (("topic=incident,urgency=critical", True), ("type=one-to-one,relation=report", True),
         ("type=vendor", False), ("type=interview", True)),
    ),
    "engineer": Role(
        (3, 14, 16, 16, 8, 6, 8, 9, 18, 8),
        {
            "type=focus": 18, "type=review": 8, "type=team": 4, "type=board": -8,
            "type=client": -8, "topic=product": 8, "topic=research": 6, "topic=incident": 10,
            "topic=budget": -10, "topic=sales": -10, "attendees=large": -8, "location=online": 5,
            "duration=half-day": -5, "type=focus,time_of_day=morning": 16,
            "type=focus,urgency=critical": 12, "topic=incident,relation=peer": 14,
            "type=review,notice=same-day": -12,
        },
        (("type=focus,time_of_day=morning", True), ("topic=incident", True), ("topic=sales", False),
         ("type=training", False)),
    ),
    "sales-lead": Role(
        (6, 12, 12, 10, 8, 22, 8, 6, 6, 10),
        {
            "type=client": 18, "type=vendor": -4, "type=focus": -8, "type=review": -5,
            "topic=sales": 16, "topic=strategy": 4, "topic=research": -10, "topic=compliance": -8,
            "role=customer": 12, "relation=client": 14, "location=travel": 8,
            "location=offsite": 6, "time_of_day=evening": 5, "type=client,urgency=high": 14,
            "topic=sales,relation=client": 16, "type=team,topic=sales": 10,
            "type=client,time_of_day=early": -14,
        },
        (("relation=client,topic=sales", True), ("type=client", True), ("topic=research", False),
         ("type=training", False)),
    ),
    "doctor": Role(
        (4, 12, 12, 14, 8, 22, 6, 10, 4, 8),
        {
            "type=client": 16, "type=training": 6, "type=vendor": -10, "type=board": -6,
            "topic=health": 16, "topic=compliance": 6, "topic=sales": -14, "topic=product": -5,
            "role=customer": 8, "relation=client": 12, "relation=supplier": -8,
            "urgency=critical": 10, "type=client,topic=health": 16,
            "topic=health,urgency=critical": 18, "type=client,time_of_day=evening": -14,
            "type=review,topic=health": 12,
        },
        (("topic=health,urgency=critical", True), ("relation=supplier", False),
         ("type=client,topic=health", True), ("topic=sales", False)),
    ),
}  # fmt: skip
"""By name; every role of the vocabulary."""

assert tuple(ROLE) == ROLES
