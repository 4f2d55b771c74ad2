"""The prior of a role: the compiled formulas are the learner's, and it finds what a role shares."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evaluator.calendar import Rules, generate, role_prior
from evaluator.calendar.beliefs import Beliefs, compare
from evaluator.calendar.induction import Induction
from evaluator.calendar.population import (
    PREDICATES,
    SINGLES,
    Kept,
    Person,
    Shared,
    evidence,
    learn,
    person,
    shares,
)
from evaluator.calendar.predicates import canonical
from evaluator.calendar.roles import ROLE
from evaluator.calendar.tastes import _role_main

COUNT = len(PREDICATES)


def someone(rounds: int) -> Person:
    """Return a doctor's first rounds."""
    return person(generate("doctor", bytes(range(16)), Rules(rounds=rounds)))


def test_predicates_are_spelt_as_everywhere() -> None:
    assert [canonical(predicate) for predicate in PREDICATES] == list(PREDICATES)
    assert [("," in predicate) for predicate in PREDICATES] == [False] * SINGLES + [True] * 938
    year = generate("doctor", bytes(16), Rules(rounds=3))
    for event, held in zip(year.events(0), person(year).held, strict=False):
        names = {w.predicate for w in Beliefs({}, 0.2, 0.0).encode(event) if w is not None}
        assert names == {PREDICATES[number] for number in held}


def test_many_people_are_learnt_by_the_formulas_of_one() -> None:
    """With no shared variance the means stay; with all of it the role is learnt as a user is."""
    who, half = someone(6), np.full(COUNT, 0.3)
    nothing = Shared(np.zeros(COUNT), np.zeros(COUNT))
    assert not learn([(who, ())], nothing, half, 0.2, 0.01).mean.any()
    found = learn([(who, ())], Shared(np.zeros(COUNT), half), np.zeros(COUNT), 0.2, 0.01)
    beliefs = Beliefs({predicate: (0.0, 0.3) for predicate in PREDICATES}, 0.2, 0.01)
    year = generate("doctor", bytes(range(16)), Rules(rounds=6))
    for number in range(6):
        events = [beliefs.encode(event) for event in year.events(number)]
        chosen = year.order(number)[0]
        for other in range(len(events)):
            if other != chosen:
                beliefs.update(compare(events[chosen], events[other]))
    told = np.asarray([beliefs.weight(predicate).mean for predicate in PREDICATES])
    assert found.mean == pytest.approx(told, abs=1e-12)
    assert found.mean.any()


def test_choices_that_a_rule_decides_teach_no_weight() -> None:
    """Two events, each with all predicates of its own: a rule on one of them parts them."""
    held = np.asarray([[0, 1], [2, 3]])
    who = Person(held, np.asarray([0, 2]), np.asarray([0]))
    start, own = Shared(np.zeros(COUNT), np.ones(COUNT)), np.zeros(COUNT)
    assert learn([(who, [])], start, own, 0.2, 0.0).mean[:4].tolist() != [0.0] * 4
    assert not learn([(who, [Kept(3, -1)])], start, own, 0.2, 0.0).mean.any()


def test_evidence_is_the_log_ratio_of_two_chances() -> None:
    """Weights of mean 0 give each of two events 1/2; a rule that is kept gives 1 - breach."""
    who = Person(np.asarray([[0], [1]]), np.asarray([0, 2]), np.asarray([0]))
    breach, blunt = Induction().breach, Induction().blunt
    nats = evidence(who, (), Shared(np.zeros(COUNT), np.ones(COUNT)), 0.2, breach, blunt)
    for_it, against = math.log((1 - breach) / 0.5), math.log(breach / 0.5)
    assert nats[0] == pytest.approx([for_it, against])
    assert nats[1] == pytest.approx([against, for_it])
    assert not nats[2:].any()


def test_many_who_say_little_say_much() -> None:
    """Of 100 people half keep a rule (+2 nats each), half do not (-4); another 100 never met it.

    ln(1 + (e^2 - 1) p) + ln(1 - (1 - e^-4) p) is greatest at
    p = (1 / (1 - e^-4) - 1 / (e^2 - 1)) / 2 = 0.431.
    """
    nats = np.concatenate([np.full(50, 2.0), np.full(50, -4.0), np.zeros(100)])[:, np.newaxis]
    share, gain = shares(nats)
    assert share[0] == pytest.approx(0.431, abs=0.001)
    assert gain[0] > 10
    assert shares(np.full((100, 1), -0.1))[0][0] == 0.0


@pytest.mark.parametrize("role", ["chief-executive", "engineering-manager"])
def test_a_role_is_known_by_its_users(role: str) -> None:
    """All four principles and nothing else are usual; means are near what the role wants."""
    prior = role_prior(role)
    principles = {(canonical(p), 1 if wanted else -1) for p, wanted in ROLE[role].principles}
    assert set(prior.typical) == principles
    wanted = _role_main(role)[:SINGLES] / 1000
    told = np.asarray([prior.weights.get(p, (0.0, 0.0))[0] for p in PREDICATES[:SINGLES]])
    assert np.corrcoef(told, wanted)[0, 1] > 0.9
    pairs = {p: mean for p, (mean, _) in prior.weights.items() if "," in p and mean}
    assert len(pairs) < 60
    strong = {canonical(p): tenths / 10 for p, tenths in ROLE[role].wants.items() if "," in p}
    for predicate, size in strong.items():
        if (predicate, 1) not in principles:
            assert pairs[predicate] * size > 0
