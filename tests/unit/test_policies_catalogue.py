"""The known rules: all readable, all alike in both lanes, each what its source says."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
from lanes import assert_lanes_agree, random_columns

from evaluator.candidates import facts, python_functions
from evaluator.errors import InputError
from evaluator.policies import NativeRule, describe, known_rules, load_rule
from evaluator.policy import PolicySource

TEXTS = [name for name in known_rules() if isinstance(load_rule(name), PolicySource)]


def value(rule: str, function: str = "key", **fields: float) -> float:
    source = load_rule(rule)
    assert isinstance(source, PolicySource)
    view = SimpleNamespace(**fields)
    now = fields.get("now", 0.0)
    arguments = (view, now) if function == "key" else (view, view, now)
    return python_functions(source)[function](*arguments)


def test_the_catalogue_names_every_rule() -> None:
    assert set(known_rules()) == {
        "fifo", "fcfs", "sjf", "srpt", "las", "edf", "wspt", "mdd", "atc", "wfp3", "unicef", "f1",
        "f2", "f3", "f4", "easy", "easy_sjf", "conservative", "best_fit", "fastest_first",
        "min_min", "max_min", "eft", "power_of_two", "heft_replanned", "gavel_las",
    }  # fmt: skip
    assert list(known_rules()) == sorted(known_rules())


@pytest.mark.parametrize("name", TEXTS)
def test_text_rules_give_equal_bits_in_both_lanes(name: str) -> None:
    source = load_rule(name)
    assert isinstance(source, PolicySource)
    for seed in range(3):
        assert_lanes_agree(source, random_columns(seed), 12_345_678_901)


@pytest.mark.parametrize("name", known_rules())
def test_every_rule_says_what_it_is_and_cites_its_source(name: str) -> None:
    rule = load_rule(name)
    assert rule.name == name
    assert describe(name).endswith(".")
    assert "Source: " in rule.text
    assert len(rule.digest) == 64


@pytest.mark.parametrize("name", TEXTS)
def test_text_rules_are_short(name: str) -> None:
    assert 5 <= len(load_rule(name).text.splitlines()) <= 40


def test_unknown_rules_list_close_matches() -> None:
    with pytest.raises(InputError, match="no known rule 'fiffo'; did you mean 'fifo'"):
        load_rule("fiffo")
    with pytest.raises(InputError, match="known: atc, best_fit"):
        load_rule("zzzzzz")


def test_disciplines() -> None:
    found = {name: load_rule(name) for name in TEXTS}
    by = {n: r.discipline for n, r in found.items() if isinstance(r, PolicySource)}
    assert by["fifo"] == "greedy"
    assert by["fcfs"] == "strict"
    assert {by[n] for n in ("easy", "easy_sjf", "wfp3", "unicef", "f1", "f2", "f3", "f4")} == {
        "easy"
    }
    assert by["conservative"] == "conservative"
    assert {by[n] for n in ("eft", "min_min", "max_min")} == {"bind"}


def test_native_rules_name_the_engine_part_they_need() -> None:
    kinds = {n: r.kind for n in known_rules() if isinstance(r := load_rule(n), NativeRule)}
    assert kinds == {
        "gavel_las": "allocate", "heft_replanned": "replan", "power_of_two": "two_choices",
    }  # fmt: skip


def test_rules_that_follow_progress_are_asked_at_every_pass() -> None:
    for name in ("srpt", "las", "mdd", "atc", "wfp3", "unicef"):
        source = load_rule(name)
        assert isinstance(source, PolicySource)
        assert facts(source).dynamic_key


def test_mdd_is_the_later_of_due_date_and_possible_finish() -> None:
    assert value("mdd", now=10.0, remaining=5.0, due=12.0) == 15.0
    assert value("mdd", now=10.0, remaining=5.0, due=20.0) == 20.0


def test_atc_orders_like_its_formula() -> None:
    """(w/p) exp(-max(0, d - p - t) / (2 p)): -ln of it is the key."""
    tasks = [(3.0, 1.0, 9.0), (2.0, 2.0, 4.0), (5.0, 1.0, 1.0), (1.0, 1.0, 30.0)]
    keys = [value("atc", now=0.0, remaining=p, weight=w, due=d) for p, w, d in tasks]
    published = [w / p * math.exp(-max(0.0, d - p) / (2 * p)) for p, w, d in tasks]
    assert sorted(range(4), key=keys.__getitem__) == sorted(range(4), key=lambda i: -published[i])
    assert keys == pytest.approx([-math.log(x) for x in published])


def test_f1_by_hand() -> None:
    """log10(100) * 8 + 870 * log10(1000) = 16 + 2610."""
    fields = dict(estimate=100.0, gang=2.0, cpus=4.0, devices=0.0, release=1000.0)
    assert value("f1", **fields) == pytest.approx(2626.0)
    assert math.isfinite(value("f1", **{**fields, "release": 0.0}))


def test_f2_f3_f4_by_hand() -> None:
    """r = 100, n = 9, s = 10: 90 + 25600; 900 + 6.86e6; 300 + 530000."""
    fields = dict(estimate=100.0, gang=1.0, cpus=9.0, devices=0.0, release=10.0)
    assert value("f2", **fields) == pytest.approx(25690.0)
    assert value("f3", **fields) == pytest.approx(6860900.0)
    assert value("f4", **fields) == pytest.approx(530300.0)


def test_wfp3_and_unicef_by_hand() -> None:
    """wait 20, estimate 10, 4 processors: -(2 ** 3) * 4 and -20 / (2 * 10)."""
    fields = dict(wait=20.0, estimate=10.0, gang=1.0, cpus=4.0, devices=0.0, now=20.0)
    assert value("wfp3", **fields) == -32.0
    assert value("unicef", **fields) == -1.0


def test_eft_is_minus_the_finish_time() -> None:
    """Free at 7, data at 4 + 5 = 9, 3 s of work: finish 12."""
    fields = dict(free_at=7.0, data_wait=5.0, duration=3.0, now=4.0)
    assert value("eft", "score", **fields) == -12.0
