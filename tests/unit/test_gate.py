import json
import math

import numpy as np
import pytest
from scipy import stats

from evaluator.errors import InputError
from evaluator.gate import Case, GateRules, Measured, Verdict, best_known, judge
from evaluator.paired import LARGEST, gains, interval, share


def measured(name, values, **columns):
    rows = [{"m": v} for v in values]
    for key, column in columns.items():
        for row, value in zip(rows, column, strict=True):
            row[key] = value
    return Measured(name, rows)


def noisy(factor, n=40, spread=0.02, seed=1):
    base = np.exp(np.random.default_rng(0).normal(3, 1, n))
    noise = np.exp(np.random.default_rng(seed).normal(0, spread, n))
    return base * factor * noise


def case(candidate, *known, reference="sjf", **more):
    return Case(measured("c", candidate), reference, known, **more)


def test_gain_is_the_log_ratio_positive_when_less_is_better():
    got = gains(np.array([1.0, 4.0, 5.0]), np.array([2.0, 2.0, 5.0]), "min")
    assert got == pytest.approx([math.log(2), -math.log(2), 0.0])


def test_gain_turns_its_sign_when_more_is_better():
    a, b = np.array([1.0, 3.0]), np.array([2.0, 2.0])
    assert np.array_equal(gains(a, b, "max"), -gains(a, b, "min"))


def test_a_metric_of_zero_claims_no_more_than_the_largest_gain():
    got = gains(np.array([0.0, 0.0, 5.0]), np.array([7.0, 0.0, 0.0]), "min")
    assert got.tolist() == [LARGEST, 0.0, -LARGEST]


@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf])
def test_a_metric_without_a_ratio_is_refused(bad):
    with pytest.raises(InputError, match="finite and >= 0"):
        gains(np.array([bad]), np.array([1.0]), "min")


def test_bounds_equal_a_loop_over_the_same_definition():
    """A second, plain implementation of the bootstrap-t, with scipy's resampling and its own draws.

    60 000 resamples on each side leave a Monte-Carlo error below 2 % of the standard error.
    """
    values = np.random.default_rng(3).gamma(2.0, 0.05, 25) - 0.06
    n, mean = len(values), float(values.mean())
    error = values.std(ddof=1) / math.sqrt(n)
    rng = np.random.default_rng(4)
    t = []
    for _ in range(60_000 // 20):
        for sample in rng.choice(values, size=(20, n)):
            t.append((sample.mean() - mean) / (sample.std(ddof=1) / math.sqrt(n)))
    got = interval(values, 0.05, 60_000)
    assert got.lower == pytest.approx(mean - np.quantile(t, 0.95) * error, abs=0.1 * error)
    assert got.upper == pytest.approx(mean - np.quantile(t, 0.05) * error, abs=0.1 * error)


def test_bounds_agree_with_scipy_bca_on_a_large_sample():
    values = np.random.default_rng(5).normal(0.02, 0.05, 400)
    other = stats.bootstrap(
        (values,), np.mean, confidence_level=0.9, method="BCa", n_resamples=9999, rng=7
    ).confidence_interval
    got = interval(values, 0.05)
    error = values.std(ddof=1) / 20
    assert got.lower == pytest.approx(other.low, abs=0.1 * error)
    assert got.upper == pytest.approx(other.high, abs=0.1 * error)


def test_bounds_of_normal_values_are_those_of_student():
    rng = np.random.default_rng(6)
    ratios = []
    for _ in range(40):
        values = rng.normal(0, 1, 20)
        got = interval(values, 0.05)
        ratios.append((got.mean - got.lower) / (values.std(ddof=1) / math.sqrt(20)))
    assert np.mean(ratios) == pytest.approx(stats.t.ppf(0.95, 19), rel=0.08)


def test_one_instance_bounds_nothing():
    got = interval(np.array([0.3]), 0.05)
    assert (got.lower, got.upper) == (-LARGEST, LARGEST)


def test_a_certain_gain_has_itself_as_bound():
    got = interval(np.full(10, 0.1), 0.05)
    assert got.lower == got.mean == pytest.approx(0.1)


def test_a_gain_that_rests_on_one_instance_is_not_bounded_from_zero():
    values = np.zeros(20)
    values[3] = 1.0
    assert interval(values, 0.05).lower <= 0.0


@pytest.mark.parametrize("n", [12, 50])
def test_a_hopeless_rival_is_told_from_an_equal_one(n):
    """All but one difference at the limit: most resamples have no spread at all."""
    values = np.full(n, LARGEST)
    values[0] = 0.9 * LARGEST
    # Hoeffding: the mean less 2 LARGEST sqrt(ln(1 / level) / 2n)
    got = interval(values, 0.05)
    expected = values.mean() - 2 * LARGEST * math.sqrt(math.log(20) / (2 * n))
    assert got.lower == pytest.approx(expected)
    assert got.lower > 0


def test_rare_disasters_are_not_bounded_away():
    """A gain of 0.02 nearly always, a loss of log 4 once in seventy: worth nothing on average."""
    rng = np.random.default_rng(9)
    chance = 0.02 / (0.02 + LARGEST)
    wrong = 0
    for _ in range(200):
        values = np.where(rng.random(400) < chance, -LARGEST, 0.02)
        wrong += len(set(values)) > 1 and interval(values, 0.05).lower > 0
    assert wrong / 200 <= 0.08


def test_same_values_same_bounds():
    values = np.random.default_rng(8).normal(size=30)
    assert interval(values, 0.05) == interval(values.copy(), 0.05)


def test_a_clear_gain_is_accepted():
    verdict = judge(case(noisy(0.9), measured("sjf", noisy(1.0, seed=2))), "m", "min", [])
    assert verdict.accepted
    assert verdict.reasons == ()
    assert verdict.comparisons[0].gain == pytest.approx(0.1, abs=0.02)


def test_a_gain_below_the_minimum_is_refused_with_both_numbers():
    known = measured("sjf", noisy(1.0, spread=0.0))
    verdict = judge(case(noisy(0.997, spread=0.0), known), "m", "min", [])
    assert not verdict.accepted
    assert verdict.reasons == (
        "against best known 'sjf': gain +0.30%, lower bound +0.30% does not clear 0.50%",
    )


def test_the_same_policy_is_refused():
    known = measured("sjf", noisy(1.0))
    assert not judge(case(noisy(1.0), known), "m", "min", []).accepted


def test_every_known_rule_must_be_beaten_not_only_the_reference():
    known = [measured("sjf", noisy(1.0)), measured("las", noisy(0.85))]
    verdict = judge(case(noisy(0.9, seed=2), *known), "m", "min", [])
    assert [c.holds for c in verdict.comparisons] == [True, False]
    assert "known 'las'" in verdict.reasons[0]


def test_the_incumbent_must_be_beaten_by_the_minimum_gain():
    known = measured("sjf", noisy(1.0, spread=0.0))
    incumbent = measured("old", noisy(0.9, spread=0.0))
    verdict = judge(case(noisy(0.899, spread=0.0), known, incumbent=incumbent), "m", "min", [])
    assert not verdict.accepted
    assert "incumbent 'old'" in verdict.reasons[0]


def test_a_guard_worse_than_its_margin_refuses_and_shows_the_interval():
    n = 40
    known = Measured("sjf", [{"m": v, "g": 100.0} for v in noisy(1.0)])
    new = Measured("c", [{"m": v, "g": 112.0 + i % 2} for i, v in enumerate(noisy(0.8, seed=2))])
    verdict = judge(Case(new, "sjf", [known]), "m", "min", [("g", "min", 0.10)])
    guard = verdict.guards[0]
    assert not verdict.accepted
    assert guard.worsening == pytest.approx(0.125, abs=0.001)
    assert guard.lower < guard.worsening < guard.upper
    assert n == len(known.metrics)
    assert judge(Case(new, "sjf", [known]), "m", "min", [("g", "min", 0.13)]).accepted


def test_a_violation_disqualifies_whatever_the_gain():
    verdict = judge(case(noisy(0.5), measured("sjf", noisy(1.0)), violations=1), "m", "min", [])
    assert verdict.reasons == ("1 violations of hard constraints, 0 allowed",)


def test_a_setting_where_the_candidate_loses_refuses():
    known = measured("sjf", noisy(1.0))
    lost = {"unseen": (measured("c", noisy(1.05, 8)), [measured("sjf", noisy(1.0, 8))])}
    verdict = judge(case(noisy(0.9, seed=2), known, settings=lost), "m", "min", [])
    assert [r.setting for r in verdict.robustness] == ["nominal", "unseen"]
    assert [r.rank for r in verdict.robustness] == [1, 2]
    assert verdict.rank_stability == 0.5
    assert "setting 'unseen'" in verdict.reasons[0]


def test_more_finalists_ask_for_a_wider_bound():
    known = measured("sjf", noisy(1.0, spread=0.1))
    one = judge(case(noisy(0.95), known), "m", "min", [], finalists=1)
    five = judge(case(noisy(0.95), known), "m", "min", [], finalists=5)
    assert five.level == pytest.approx(0.01)
    assert five.comparisons[0].lower < one.comparisons[0].lower


def test_the_best_known_rule_is_the_one_of_least_mean_log_metric():
    """Means 10.5 and 7; log means favour the same one; for max the other one."""
    rules = [measured("a", [1.0, 20.0]), measured("b", [4.0, 10.0])]
    assert best_known(rules, "m", "min").name == "a"
    assert best_known(rules, "m", "max").name == "b"


def test_a_bad_first_rule_does_not_make_the_better_ones_look_alike():
    rules = [measured("bad", [100.0]), measured("good", [10.0]), measured("best", [9.0])]
    assert best_known(rules, "m", "min").name == "best"


def test_a_verdict_survives_json():
    verdict = judge(case([1.0, 2.0], measured("sjf", [2.0, 2.0])), "m", "min", [])
    text = json.dumps(verdict.to_json(), allow_nan=False)
    assert Verdict.from_json(json.loads(text)) == verdict


@pytest.mark.parametrize(
    "bad",
    [
        {"alpha": 0.0},  # in (0, 0.5)
        {"resamples": 3999},  # >= 4000
        {"minimum_gain": -0.1},  # >= 0
    ],
)
def test_rules_outside_their_range_are_refused(bad):
    with pytest.raises(InputError, match="must be"):
        GateRules(**bad)


def test_false_acceptance_of_nulls_stays_near_its_level():
    """Skewed, symmetric and two-point nulls, 25 instances: at most 5 % and some slack."""
    rng = np.random.default_rng(11)
    accepted = 0
    for k in range(300):
        shape = k % 3
        if shape == 0:
            values = rng.exponential(0.1, 25) - 0.1
        elif shape == 1:
            values = 0.1 - rng.exponential(0.1, 25)
        else:
            values = rng.choice([-0.02, 0.02], 25)
        accepted += interval(values, 0.05, 4000).lower > 0
    assert accepted <= 24


def test_share_of_a_log_ratio_is_the_relative_gain():
    assert share(math.log(100 / 97)) == pytest.approx(0.03)
