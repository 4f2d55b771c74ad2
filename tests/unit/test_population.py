import numpy as np
import pytest

from agentsched.evolution.population import Member, Population, dominates, pareto_front


def member(order, gain, *guards, island=0, feasible=True, text="x", fingerprint=None):
    return Member(
        name=f"c{order:04d}",
        order=order,
        text=text,
        metrics=(),
        gain=gain,
        guards=guards,
        fingerprint=fingerprint or f"f{order}",
        feasible=feasible,
        island=island,
    )


def founded(*seeds, islands=2, capacity=3):
    return Population.found(seeds or [member(-2, 0.0), member(-1, -0.1)], islands, capacity)


def test_dominance_needs_one_strict_advantage():
    a, b, c = member(0, 1.0, 0.0), member(1, 0.5, 0.0), member(2, 0.4, 0.1)
    assert dominates(a, b)
    assert not dominates(a, a)
    assert not dominates(a, c)
    assert not dominates(c, a)


def test_the_front_is_what_nobody_dominates_oldest_of_equals():
    members = [member(0, 1.0, 0.0), member(1, 0.5, 0.5), member(2, 0.4, 0.4), member(3, 1.0, 0.0)]
    assert [m.order for m in pareto_front(members)] == [0, 1]


def test_rank_puts_kept_guards_before_gain_then_shorter_text_then_age():
    broken = member(0, 9.0, feasible=False)
    long, short, old = member(1, 1.0, text="xxx"), member(3, 1.0), member(2, 1.0)
    assert sorted([broken, long, short, old], key=lambda m: m.rank) == [old, short, long, broken]


def test_islands_start_in_different_places():
    population = founded(member(-3, 0.0), member(-2, 0.1), islands=3)
    assert [home[0].order for home in population.islands] == [-3, -2, -3]
    assert [home[0].island for home in population.islands] == [0, 1, 2]


def test_a_full_island_keeps_its_best():
    population = founded(islands=1, capacity=2).settle(
        [member(0, 0.3), member(1, -0.5), member(2, 0.2)]
    )
    assert [m.order for m in population.islands[0]] == [0, 2]


def test_settling_changes_no_population():
    before = founded()
    before.settle([member(0, 0.3)])
    assert before == founded()


def test_migration_copies_the_best_round_the_ring_once():
    population = founded().settle([member(0, 0.5, island=0), member(1, 0.4, island=1)])
    moved = population.migrate()
    assert [m.order for m in moved.islands[0]] == [0, 1, -2]
    assert [m.order for m in moved.islands[1]] == [0, 1, -1]
    assert [[m.order for m in home] for home in moved.migrate().islands] == [[0, 1, -2], [0, 1, -1]]


def test_the_bar_is_the_settler_first_and_the_worst_of_a_full_island_later():
    population = founded(islands=1, capacity=2)
    assert population.bar(0).order == -2
    assert population.settle([member(0, 0.5), member(1, 0.4)]).bar(0).order == 1


def test_parents_depend_on_the_stream_alone_and_favour_the_best():
    population = founded(islands=1, capacity=4).settle([member(i, i / 10) for i in range(4)])
    chosen = [population.choose(0, np.random.default_rng(seed)).parent.order for seed in range(400)]
    again = [population.choose(0, np.random.default_rng(seed)).parent.order for seed in range(400)]
    assert chosen == again
    counts = [chosen.count(order) for order in (3, 2, 1, -2)]
    assert counts[0] > counts[1] > counts[2] >= counts[3] > 0


def test_the_inspiration_is_another_policy():
    population = founded().settle([member(0, 0.5), member(1, 0.4)])
    for seed in range(50):
        choice = population.choose(seed, np.random.default_rng(seed))
        assert choice.island == seed % 2
        assert choice.inspiration is None or choice.inspiration.name != choice.parent.name


def test_a_lonely_policy_has_no_inspiration():
    population = founded(member(-1, 0.0), islands=1)
    assert population.choose(0, np.random.default_rng(0)).inspiration is None


def test_a_rule_without_source_is_never_a_parent():
    population = founded(member(-2, 0.0), member(-1, 0.9, text=""), islands=1)
    assert {
        population.choose(0, np.random.default_rng(seed)).parent.order for seed in range(200)
    } == {-2}


def test_the_best_are_unlike_each_other():
    population = founded().settle(
        [
            member(0, 0.5, fingerprint="a"),
            member(1, 0.4, island=1, fingerprint="a"),
            member(2, 0.3, island=1, fingerprint="b"),
        ]
    )
    assert [m.order for m in population.best(2)] == [0, 2]


@pytest.mark.parametrize("capacity", [1, 2, 5])
def test_an_island_never_outgrows_its_capacity(capacity):
    population = founded(islands=1, capacity=capacity)
    for k in range(10):
        population = population.settle([member(k, k / 10)]).migrate()
        assert len(population.islands[0]) <= capacity
