"""The generator of the calendar world: frozen, and as its description says."""

from __future__ import annotations

import numpy as np
import pytest

from evaluator.calendar import CONFLICTS, Rules, generate
from evaluator.calendar.draws import Draws
from evaluator.calendar.instance import VERSION, Instance
from evaluator.calendar.roles import ROLE
from evaluator.calendar.tastes import Effect, Principle, Taste, levels, parse, utility, without
from evaluator.calendar.vocabulary import (
    COLUMN,
    FEATURES,
    ROLES,
    START,
    VALUES,
    value_name,
    value_number,
)
from evaluator.errors import InputError

SEED = b"frozen calendar!"

FROZEN = {
    "engineer": "195dc2d1b761e71b8feca187b7d913dde815585636960fea99478f317ab212d1",
    "doctor": "8a1e45cb18f096496f19bf1f1a9527e5481f10b2aaf7aabd47983d7d6c7ba930",
}
"""Digests of version 1. They change only together with ``VERSION``."""


@pytest.fixture(scope="module")
def year() -> Instance:
    return generate("engineer", SEED)


@pytest.mark.parametrize("role", FROZEN)
def test_the_generator_is_frozen(role: str) -> None:
    assert VERSION == 1
    assert generate(role, SEED).digest == FROZEN[role]


def test_raw_draws_are_those_of_philox_by_definition() -> None:
    """Counter mode of Philox4x64-10; a change here moves every instance."""
    assert Draws(b"seed", "a", 1).below(10**6, 4).tolist() == [324518, 838086, 27447, 367181]


def test_the_year_is_as_described(year: Instance) -> None:
    sizes = np.diff(year.offset)
    assert len(year) == 500
    assert set(sizes.tolist()) == {2, 3, 4}
    assert year.codes.shape == (int(sizes.sum()), 13)
    for feature, column in COLUMN.items():
        assert year.codes[:, column].min() >= 0
        assert year.codes[:, column].max() < len(VALUES[feature])
    assert len(VALUES["type"]) == len(VALUES["topic"]) == 10
    assert len(VALUES["relation"]) == 8
    assert len(VALUES["organiser"]) == 60
    assert [phase.first for phase in year.phases] == [0, 250, 375]


def test_events_of_a_round_overlap(year: Instance) -> None:
    """One day, and at most one part of the day apart."""
    for number in range(len(year)):
        rows = year.codes[year.offset[number] : year.offset[number + 1]]
        assert len(set(rows[:, COLUMN["weekday"]].tolist())) == 1
        assert np.ptp(rows[:, COLUMN["time_of_day"]]) <= 1


def test_people_have_one_relation_and_role_each(year: Instance) -> None:
    for feature in ("relation", "role"):
        pairs = set(
            zip(
                year.codes[:, COLUMN["organiser"]].tolist(),
                year.codes[:, COLUMN[feature]].tolist(),
                strict=True,
            )
        )
        assert len(pairs) == len({person for person, _ in pairs})


def test_principles_decide_before_any_weight(year: Instance) -> None:
    decided = 0
    for number in range(len(year)):
        rows = slice(int(year.offset[number]), int(year.offset[number + 1]))
        says = [tuple(level) for level in levels(year.taste(number), year.codes[rows]).tolist()]
        decided += len(set(says)) > 1
        assert says[year.order(number)[0]] == max(says)
    assert 50 < decided < 400


def test_utility_is_the_sum_of_effects() -> None:
    """Two values of weights 2 and 3, and 5 more where both hold: 10; nothing else counts."""
    main = np.zeros(START[-1], np.int64)
    vendor, budget = value_number("type", "vendor"), value_number("topic", "budget")
    main[vendor], main[budget] = 2, 3
    codes = np.zeros((2, len(FEATURES)), np.int16)
    codes[0, COLUMN["type"]] = VALUES["type"].index("vendor")
    codes[0, COLUMN["topic"]] = VALUES["topic"].index("budget")
    taste = Taste(main, (Effect((vendor, budget), 5),), (Principle((vendor,), False),))
    assert utility(taste, codes).tolist() == [10, 0]
    assert levels(taste, codes).tolist() == [[-1], [0]]
    assert levels(without(taste, 0), codes).shape == (2, 0)


def test_mid_year_changes_weights_and_later_a_principle_goes(year: Instance) -> None:
    before, after, late = (phase.taste for phase in year.phases)
    changed = float(np.mean(before.main != after.main))
    assert 0.15 < changed < 0.35
    assert before.principles == after.principles
    assert len(late.principles) == 1
    assert set(late.principles) < set(after.principles)


def test_a_year_without_noise_drift_or_deletion_has_one_taste() -> None:
    year = generate("doctor", SEED, Rules(rounds=60, noise=0, drift=0, deletion=False))
    assert len(year.phases) == 1
    assert [year.order(number)[0] for number in range(60)] == year.favourite.tolist()


def test_users_of_a_role_have_two_of_its_principles() -> None:
    for role in ROLES:
        known = {parse(predicate) for predicate, _ in ROLE[role].principles}
        for number in range(4):
            taste = generate(role, number.to_bytes(16, "big"), Rules(rounds=2)).phases[0].taste
            assert len({p.values for p in taste.principles}) == 2
            assert {p.values for p in taste.principles} <= known


def test_splits_share_no_user() -> None:
    digests = {
        CONFLICTS.instance(split, index, SEED).digest
        for split in ("train", "validation", "smoke")
        for index in range(2)
    }
    assert len(digests) == 6
    assert CONFLICTS.instance("unseen", 0, SEED).role == "doctor"
    assert len(CONFLICTS.instance("smoke", 0, SEED)) == 40


def test_value_numbers_and_names_are_each_others_inverse() -> None:
    for number in range(START[-1]):
        assert value_number(*value_name(number)) == number


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: generate("pope", SEED), "no role 'pope'; known: chief-executive"),
        (lambda: generate("doctor", b"short"), "seed must be 16 bytes, got 5"),
        (lambda: Rules(rounds=0), "rounds must be >= 1, got 0"),
        (lambda: Rules(noise=-1), "noise must be >= 0"),
        (lambda: Rules(drift=101), "drift must be 0 to 100 percent, got 101"),
        (lambda: Rules(questions=-1), "questions must be 0 to 100 percent"),
        (lambda: value_number("colour", "red"), "no feature 'colour'"),
        (lambda: value_number("type", "red"), "no value 'red'"),
        (lambda: CONFLICTS.instance("exam", 0, SEED), "no split 'exam'"),
        (lambda: CONFLICTS.instance("train", 10, SEED), "instances 0 to 9, got 10"),
        (lambda: CONFLICTS.instance("train", 0, b""), "seed must be 16 bytes"),
    ],
)
def test_bad_input_is_named(call: object, message: str) -> None:
    assert callable(call)
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        call()
