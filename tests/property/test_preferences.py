"""What holds of preferences whatever the user does."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator.calendar import PreferenceLearner, Stated
from evaluator.calendar.predicates import canonical, parts_of
from evaluator.calendar.rows import from_rows, to_rows
from evaluator.calendar.vocabulary import FEATURES
from memory.decisions import learn_from, record_decision, relearn, undo_decision
from memory.inmemory import InMemory
from memory.preferences import load_learner, state_preference, withdraw_preference
from memory.records import PreferenceRecord

VALUES = st.sampled_from(["a", "b", "c"])
EVENTS = st.dictionaries(st.sampled_from(FEATURES[:5]), VALUES, min_size=1)
ROUNDS = st.lists(st.lists(EVENTS, min_size=2, max_size=4), min_size=1, max_size=25)
PREDICATES = st.dictionaries(st.sampled_from(FEATURES[:5]), VALUES, min_size=1, max_size=3).map(
    lambda parts: ",".join(f"{feature}={value}" for feature, value in parts.items())
)


def a_choice(data: st.DataObject, candidates: list[dict[str, str]]) -> int:
    return data.draw(st.integers(0, len(candidates) - 1))


@given(ROUNDS, st.data())
@settings(max_examples=40, deadline=None)
def test_answers_are_orders_with_chances_above_one_half(
    rounds: list[list[dict[str, str]]], data: st.DataObject
) -> None:
    learner = PreferenceLearner(stated=[Stated("s", "type=a", -1)])
    for candidates in rounds:
        found = learner.prefer(candidates)
        assert sorted(found.order) == list(range(len(candidates)))
        assert len(found.probability) == len(candidates) - 1
        assert all(0.5 <= p <= 1.0 for p in found.probability)
        assert 1 / len(candidates) <= found.confidence <= 1.0
        learner.learn(candidates, a_choice(data, candidates))
    assert all(0 < w.variance <= w.prior_variance for w in learner.beliefs.weights.values())


@given(ROUNDS, st.data())
@settings(max_examples=40, deadline=None)
def test_a_learner_made_from_rows_goes_on_as_the_other(
    rounds: list[list[dict[str, str]]], data: st.DataObject
) -> None:
    """At any point, with trials open, and to the last bit."""
    one = PreferenceLearner()
    one.propose("type=a,topic=b,role=c", mean=0.5)
    cut = data.draw(st.integers(0, len(rounds)))
    for candidates in rounds[:cut]:
        one.learn(candidates, a_choice(data, candidates), "d")
    two = from_rows(to_rows(one), rounds=one.rounds)
    for candidates in rounds[cut:]:
        assert one.prefer(candidates) == two.prefer(candidates)
        choice = a_choice(data, candidates)
        assert one.learn(candidates, choice, "e") == two.learn(candidates, choice, "e")
    assert to_rows(one) == to_rows(two)


@given(ROUNDS, st.data())
@settings(max_examples=30, deadline=None)
def test_the_place_of_a_candidate_does_not_matter(
    rounds: list[list[dict[str, str]]], data: st.DataObject
) -> None:
    """Where no two are equally good, turning the round about turns the order about."""
    learner = PreferenceLearner()
    for candidates in rounds:
        found = learner.judge(candidates)
        turned = learner.judge(candidates[::-1])
        if all(p > 0.5 for p in found.probability):
            last = len(candidates) - 1
            assert turned.order[0] == last - found.order[0]
        learner.learn(candidates, a_choice(data, candidates))


@given(PREDICATES)
def test_the_spelling_of_a_predicate_is_its_own(predicate: str) -> None:
    spelt = canonical(predicate)
    assert canonical(spelt) == spelt
    assert parts_of(spelt) == parts_of(predicate)


@given(ROUNDS, st.data())
@settings(max_examples=15, deadline=None)
def test_memory_is_what_the_decisions_say(
    rounds: list[list[dict[str, str]]], data: st.DataObject
) -> None:
    """Whatever was learnt and undone in between, learning anew from what stands changes nothing."""
    # Closed whatever happens: hypothesis breaks examples off in mid-draw.
    with closing(InMemory()) as store:
        standing: list[tuple[list[dict[str, str]], int]] = []
        for candidates in rounds[:8]:
            decision = record_decision(store, subject="s", action="a", candidates=candidates)
            choice = a_choice(data, candidates)
            learn_from(store, decision.id, choice)
            if data.draw(st.booleans()):
                undo_decision(store, decision.id)
            else:
                standing.append((candidates, choice))
        before = _learnt(store)
        assert relearn(store) == len(standing)
        assert _learnt(store) == before
        fresh = PreferenceLearner()
        for candidates, choice in standing:
            fresh.learn(candidates, choice)
        for candidates in rounds:
            assert load_learner(store).judge(candidates) == fresh.judge(candidates)


@given(st.lists(st.tuples(PREDICATES, st.sampled_from(["prefer", "avoid"])), max_size=6), st.data())
@settings(max_examples=30, deadline=None)
def test_only_what_stands_is_used(said: list[tuple[str, Any]], data: st.DataObject) -> None:
    # Closed whatever happens: hypothesis breaks examples off in mid-draw.
    with closing(InMemory()) as store:
        stands: dict[str, int] = {}
        for predicate, direction in said:
            kept = state_preference(store, predicate, direction)
            stands[kept.predicate] = 1 if direction == "prefer" else -1
            if data.draw(st.booleans()):
                withdraw_preference(store, kept.id)
                del stands[kept.predicate]
        assert {rule.predicate: rule.sign for rule in load_learner(store).stated} == stands


def _learnt(store: InMemory) -> dict[str, tuple[object, ...]]:
    with store.read() as reader:
        found = reader.find(PreferenceRecord)
    return {
        r.id: (r.predicate, r.mean, r.variance, r.support_for, r.support_against, r.details)
        for r in found
    }
