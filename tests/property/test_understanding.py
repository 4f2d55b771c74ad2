"""Whatever is typed, the door answers; graphs have no cycles, quotes stand in the message."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from agentsched.planning import TaskGraph
from agentsched.planning.checks import find_cycle
from agentsched.understanding import ChangePlan, Context, PlanWork, Understood, understand
from agentsched.understanding.text import clean, find_quote, mask, stands_in
from agentsched.understanding.work.amounts import take_amounts

ZONE = ZoneInfo("America/New_York")
HERE = Context(now=datetime(2026, 11, 25, 10, tzinfo=ZONE), zone=ZONE)
VOCABULARY = """
train evaluate the a small large model both it them and then , . ; when once after before finished
done on 2 GPUs for 3 hours each in parallel report by 8am move my dentist cancel drop tomorrow
every Monday at 9 instead wait for with Dana never meetings find 30 minutes if while ( ) : `make`
also use all everything
"""
WORDS = st.sampled_from(VOCABULARY.split())
SENTENCES = st.lists(WORDS, min_size=1, max_size=30).map(" ".join)


def graphs(said: Understood) -> list[TaskGraph]:
    return [intent.graph for intent in said.intents if isinstance(intent, PlanWork | ChangePlan)]


@settings(deadline=None, max_examples=150)
@given(st.one_of(SENTENCES, st.text(max_size=300)))
def test_the_door_always_answers(message: str) -> None:
    said = understand(message, HERE)
    assert said.intents
    assert Understood.model_validate_json(said.model_dump_json()) == said
    for graph in graphs(said):
        assert find_cycle(graph.tasks) == ()


@settings(deadline=None, max_examples=100)
@given(SENTENCES)
def test_follow_ups_leave_a_graph_whole(message: str) -> None:
    first = understand("Train the small and the large model, then evaluate both.", HERE)
    said = understand(message, replace(HERE, graph=graphs(first)[0]))
    for graph in graphs(said):
        assert graph.tasks
        assert find_cycle(graph.tasks) == ()


@given(st.text(max_size=400))
def test_cleaning_twice_is_cleaning_once_and_masking_keeps_the_length(text: str) -> None:
    once = clean(text).text
    assert clean(once).text == once
    assert len(mask(once)) == len(once)


@given(SENTENCES, st.integers(0, 20), st.integers(1, 6))
def test_every_stretch_of_words_is_a_quote(text: str, start: int, count: int) -> None:
    words = text.split()[start : start + count]
    quote = " ".join(words).upper()
    if words and words[0][0].isalnum() and words[-1][-1].isalnum():
        assert find_quote(quote, text) is not None
        assert stands_in(quote, text)


@given(SENTENCES)
def test_amounts_are_blanked_letter_for_letter(text: str) -> None:
    bare, amounts = take_amounts(text)
    assert len(bare) == len(text)
    for amount in amounts:
        assert bare[amount.start : amount.end].isspace()
        assert amount.value >= 0 or amount.name == "priority"
