import numpy as np

from evaluator.racing import FIRST_LOOK, has_lost

BAR = [10.0, 12.0, 9.0, 11.0, 10.0, 12.0, 9.0, 11.0]


def worse(share, n, seed=0, spread=0.02):
    noise = np.exp(np.random.default_rng(seed).normal(0, spread, n))
    return [value * (1 + share) * e for value, e in zip(BAR, noise, strict=False)]


def test_one_twice_as_slow_loses_at_the_first_look():
    assert has_lost(worse(1.0, FIRST_LOOK), BAR, "min", 8)


def test_nobody_loses_before_the_first_look():
    assert not has_lost(worse(9.0, FIRST_LOOK - 1), BAR, "min", 8)


def test_a_better_one_never_loses():
    assert not any(has_lost(worse(-0.1, n), BAR, "min", 8) for n in range(1, 9))


def test_the_sense_turns_the_loser():
    assert not has_lost(worse(1.0, 4), BAR, "max", 8)
    assert has_lost(worse(-0.6, 4), BAR, "max", 8)


def test_a_finished_race_is_not_stopped():
    assert not has_lost(worse(1.0, 8), BAR, "min", 8)


def test_an_equal_is_stopped_in_at_most_five_per_cent_of_races():
    rng = np.random.default_rng(2)
    stopped = 0
    for _ in range(400):
        values = np.exp(rng.normal(0, 0.1, 12))
        bar = np.exp(rng.normal(0, 0.1, 12))
        stopped += any(has_lost(values[:n], bar, "min", 12) for n in range(1, 13))
    assert stopped <= 28
