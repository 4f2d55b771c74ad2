"""Wishes in words find the features they speak of."""

from __future__ import annotations

from datetime import time

import pytest

from agentsched.agent.vocabulary import features_named, translated
from evaluator.calendar.predicates import canonical


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("one-on-ones in the morning", {"type": "one-to-one", "time_of_day": "morning"}),
        ("online workshops", {"type": "training", "location": "online"}),
        ("anything about budget", {"topic": "budget"}),
        ("my manager", {"relation": "manager"}),
    ],
)
def test_words_name_kinds_people_times_and_topics(words: str, found: dict[str, str]) -> None:
    assert found in features_named(words)


def test_whom_it_is_with_may_show_in_people_title_or_kind() -> None:
    assert features_named("customer meetings") == [
        {"relation": "client"},
        {"topic": "customer"},
        {"type": "client"},
    ]


def test_days_and_times_are_combined() -> None:
    found = features_named("standups", ("MO", "FR"), time(8), time(12))
    assert found == [
        {"type": "standup", "weekday": "mon", "time_of_day": "morning"},
        {"type": "standup", "weekday": "fri", "time_of_day": "morning"},
    ]


def test_words_that_name_nothing_find_nothing() -> None:
    assert features_named("that one") == []


def test_every_wish_is_a_predicate_that_memory_takes() -> None:
    for words in ("vendor calls on Friday afternoon", "customer demos", "the kids' school"):
        for features in features_named(words, ("FR",)):
            canonical(",".join(f"{name}={value}" for name, value in features.items()))


def test_real_events_speak_the_words_of_the_world() -> None:
    event = {"type": "one-on-one", "relation": "customer", "weekday": "FR", "duration": "30 min",
             "topic": "a, b = c", "location": ""}  # fmt: skip
    assert translated(event) == {
        "type": "one-to-one", "relation": "client", "weekday": "fri", "duration": "30m",
        "topic": "a  b   c",
    }  # fmt: skip
