"""The learner: what it learns, what it makes rules of, what it forgets, and how it says so."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from evaluator.calendar import PreferenceLearner, Prior, Settings, Stated
from evaluator.calendar.beliefs import Beliefs, Weight, compare
from evaluator.calendar.draws import Draws
from evaluator.calendar.induction import Induction
from evaluator.calendar.learner import Drift
from evaluator.calendar.predicates import canonical
from evaluator.errors import InputError

Event = Mapping[str, str]

VENDOR = {"type": "vendor", "relation": "supplier"}
REPORT = {"type": "one-to-one", "relation": "report"}


def events(draws: Draws, count: int = 3) -> list[dict[str, str]]:
    """Return events of random type, topic, relation and urgency."""
    pools = {
        "type": ("team", "review", "vendor", "client"), "topic": ("budget", "hiring", "sales"),
        "relation": ("peer", "manager", "client"), "urgency": ("low", "high"),
    }  # fmt: skip
    return [
        {feature: pool[draws.one(len(pool))] for feature, pool in pools.items()}
        for _ in range(count)
    ]


def worth(event: Event) -> float:
    """A taste with three weights."""
    likes = {"client": 1.0, "hiring": 0.7, "manager": 0.9}
    return sum(likes.get(value, 0.0) for value in event.values())


def choice(candidates: list[dict[str, str]], first: str = "") -> int:
    """Return the choice of a user of that taste, for whom ``first`` beats all (``-x``: loses)."""

    def key(i: int) -> tuple[float, float]:
        has = first.lstrip("-") in candidates[i].values()
        return (float(has) * (-1 if first.startswith("-") else 1), worth(candidates[i]))

    return max(range(len(candidates)), key=key)


def test_a_repeated_choice_is_learnt() -> None:
    learner = PreferenceLearner()
    chances = []
    for number in range(10):
        found = learner.prefer([VENDOR, REPORT])
        chances.append(found.probability[0] if found.order[0] == 1 else 1 - found.probability[0])
        learner.learn([VENDOR, REPORT], 1, f"d{number}")
    assert chances == sorted(chances)
    assert chances[0] == pytest.approx(0.5)
    assert chances[-1] > 0.9
    assert learner.rounds == 10


def test_one_pair_moves_a_weight_by_its_share_of_the_variance() -> None:
    """Two weights of variance 1 and 0.8, noise 0.6, no lapse: the margin has mean 0, variance
    v = 1.8 x 2 and scale s = sqrt(v + 0.36); seeing it positive moves its mean by v x phi(0) /
    (s / 2), of which each weight gets its part of v."""
    beliefs = Beliefs({}, noise=0.6, lapse=0.0)
    margin = compare(beliefs.encode({"type": "a"}), beliefs.encode({"type": "b"}))
    assert margin.variance == 2.0
    assert beliefs.update(margin) == 0.5
    slope = (1 / math.sqrt(2 * math.pi)) / (math.sqrt(2.36) * 0.5)
    assert beliefs.weight("type=a").mean == pytest.approx(slope)
    assert beliefs.weight("type=b").mean == pytest.approx(-slope)
    assert beliefs.weight("type=a").variance == pytest.approx(1 - slope**2)


def test_more_choices_make_surer_and_better() -> None:
    draws, learner = Draws(b"learner", 1), PreferenceLearner()
    wrong = []
    for _ in range(160):
        candidates = events(draws)
        wrong.append(learner.judge(candidates).order[0] != choice(candidates))
        learner.learn(candidates, choice(candidates))
    assert sum(wrong[:40]) > 2 * sum(wrong[-40:])
    assert sum(wrong[-40:]) <= 6


def test_an_order_teaches_more_than_a_choice() -> None:
    one, two = PreferenceLearner(), PreferenceLearner()
    candidates = [{"type": "client"}, {"type": "team"}, {"type": "vendor"}]
    for _ in range(6):
        one.learn(candidates, 0)
        two.learn(candidates, (0, 1, 2))
    assert one.judge(candidates[1:]).probability[0] < 0.6
    assert two.judge(candidates[1:]).order == (0, 1)
    assert two.judge(candidates[1:]).probability[0] > 0.8


def test_a_stated_rule_stands_above_everything_learnt() -> None:
    learner = PreferenceLearner()
    for _ in range(20):
        learner.learn([VENDOR, REPORT], 1)
    assert learner.prefer([VENDOR, REPORT]).order == (1, 0)
    told = PreferenceLearner(stated=[Stated("s1", "type=vendor", 1)])
    for _ in range(20):
        told.learn([VENDOR, REPORT], 1)
    found = told.prefer([VENDOR, REPORT])
    assert found.order == (0, 1)
    assert (found.reasons[0].source, found.reasons[0].hard) == ("stated", True)
    assert found.reasons[0].evidence == ("s1",)


def test_of_two_stated_rules_the_first_wins() -> None:
    rules = [Stated("new", "type=vendor", -1), Stated("old", "relation=supplier", 1)]
    assert PreferenceLearner(stated=rules).judge([VENDOR, REPORT]).order == (1, 0)
    assert PreferenceLearner(stated=rules[::-1]).judge([VENDOR, REPORT]).order == (0, 1)


@pytest.mark.parametrize(("first", "sign"), [("vendor", 1), ("-sales", -1)])
def test_a_principle_is_found_and_given_up_with_the_user(first: str, sign: int) -> None:
    draws, learner = Draws(b"learner", 2), PreferenceLearner()
    predicate = "type=vendor" if sign > 0 else "topic=sales"
    for _ in range(200):
        candidates = events(draws)
        learner.learn(candidates, choice(candidates, first))
    assert (predicate, sign) in {(rule.predicate, rule.sign) for rule in learner.inducer.rules}
    gone = []
    for number in range(60):
        candidates = events(draws)
        changes = learner.learn(candidates, choice(candidates))
        gone += [number for c in changes if c.rule.predicate == predicate and not c.admitted]
    assert gone
    assert gone[0] < 30


def test_a_user_without_principles_gets_few_rules() -> None:
    draws, learner = Draws(b"learner", 3), PreferenceLearner()
    for _ in range(200):
        candidates = events(draws)
        learner.learn(candidates, choice(candidates))
    assert len(learner.inducer.rules) <= 2


def test_the_role_prior_counts_before_anything_is_known() -> None:
    prior = Prior("nurse", {"type=vendor": (-2.0, 0.1)}, {("type=vendor", -1): 5.0})
    learner = PreferenceLearner(prior)
    found = learner.prefer([VENDOR, REPORT])
    assert found.order == (1, 0)
    assert found.reasons[0].source == "prior"
    assert found.confidence > 0.8


def test_the_change_test_widens_what_changed() -> None:
    """After 60 choices for one, 8 against it: the test gives the weights their doubt back."""
    prior = Prior("nurse", {"type=vendor": (0.0, 0.1), "type=team": (0.0, 0.1)}, {})
    settings = Settings(induction=Induction(single=1e9, pair=1e9))
    found = []
    for drift in (settings.drift, None):
        learner = PreferenceLearner(prior, Settings(induction=settings.induction, drift=drift))
        for number in range(68):
            learner.learn([{"type": "vendor"}, {"type": "team"}], int(number < 60))
        found.append(learner.beliefs.weight("type=vendor"))
    with_test, without = found
    assert with_test.variance > 1.5 * without.variance
    assert with_test.mean > without.mean


def test_what_was_wrongly_expected_of_a_role_is_unlearnt() -> None:
    """A prior that is nearly sure, and wrong: the change test makes room for what the user does."""
    prior = Prior("nurse", {"type=vendor": (2.0, 0.02), "relation=supplier": (0.0, 0.02)}, {})
    settings = Settings(induction=Induction(single=1e9, pair=1e9))
    learner = PreferenceLearner(prior, settings)
    for _ in range(12):
        learner.learn([VENDOR, REPORT], 1)
    assert learner.judge([VENDOR, REPORT]).order == (1, 0)


def test_a_wish_stays_as_it_was_stated() -> None:
    learner = PreferenceLearner(settings=Settings(induction=Induction(single=1e9, pair=1e9)))
    wish = Weight("type=vendor", 1.5, 1e-7, 1.5, 1e-7, "stated")
    learner.beliefs.extra.append(wish)
    for _ in range(40):
        learner.learn([VENDOR, REPORT], 1)
    assert wish.mean == pytest.approx(1.5, abs=1e-4)


def test_a_rule_that_is_usual_is_believed_sooner_and_does_not_come_back_at_once() -> None:
    """Half of the role has it (log odds 0), so the first choice for it makes it a rule; given up,
    it is on trial with the odds that the user's breaches left, not with those in advance."""
    needed = Induction().needed("type=vendor")
    learner = PreferenceLearner(Prior("nurse", {}, {("type=vendor", 1): needed}))
    others = [{"type": "vendor"}, {"type": "team"}]
    assert [change.admitted for change in learner.learn(others, 0)] == [True]
    first = learner.judge(others).confidence
    for _ in range(5):
        learner.learn(others, 0)
    sure = learner.judge(others).confidence
    assert 0.5 < first < sure
    dropped = [c for _ in range(4) for c in learner.learn(others, 1) if not c.admitted]
    assert [change.rule.predicate for change in dropped] == ["type=vendor"]
    assert learner.inducer.trials["type=vendor", 1].nats < needed
    assert learner.inducer.rules == []


def test_a_useful_proposal_is_admitted_and_a_useless_one_is_not() -> None:
    """The user wants team meetings of peers that are urgent: three values, in no family."""
    draws, learner = (
        Draws(b"learner", 4),
        PreferenceLearner(settings=Settings(induction=Induction(single=1e9, pair=1e9))),
    )
    useful = learner.propose("urgency=high,type=team,relation=peer", mean=2.0, variance=1.0)
    useless = learner.propose("topic=budget,type=client,urgency=low", mean=-3.0, variance=0.5)
    for number in range(300):
        candidates = events(draws)
        wanted = [
            2.5 * (e["type"] == "team" and e["relation"] == "peer" and e["urgency"] == "high")
            + worth(e)
            for e in candidates
        ]
        before = len(learner.beliefs.extra)
        learner.learn(candidates, max(range(3), key=wanted.__getitem__), f"d{number}")
        assert len(learner.beliefs.extra) - before in (0, 1)
    assert useful.weight.predicate == "type=team,relation=peer,urgency=high"
    assert (useful.status, useless.status) == ("admitted", "rejected")
    assert useful.evidence
    assert learner.beliefs.extra == [useful.weight]
    assert learner.withdraw("type=team,relation=peer,urgency=high") is useful
    assert learner.beliefs.extra == []


def test_a_shadow_takes_no_part_in_decisions() -> None:
    learner = PreferenceLearner()
    learner.learn([VENDOR, REPORT], 1)
    before = learner.judge([VENDOR, REPORT])
    learner.propose("type=vendor", mean=50.0, variance=0.01)
    assert learner.judge([VENDOR, REPORT]) == before


def test_contributions_add_up_to_the_margin() -> None:
    learner = PreferenceLearner()
    for number in range(5):
        learner.learn([VENDOR, REPORT], 1, f"d{number}")
    found = learner.prefer([VENDOR, REPORT])
    encode = learner.beliefs.encode
    margin = compare(encode(REPORT), encode(VENDOR))
    assert sum(reason.contribution for reason in found.reasons) == pytest.approx(margin.mean)
    assert all(reason.contribution > 0 for reason in found.reasons)
    assert found.reasons[0].evidence == ("d0", "d1", "d2", "d3", "d4")
    assert found.separating == "type"


def test_every_flip_flips() -> None:
    """A counterfactual is only said when the learner itself decides otherwise after it."""
    draws, learner = Draws(b"learner", 5), PreferenceLearner()
    said = 0
    for _ in range(120):
        candidates = events(draws, 2)
        found = learner.prefer(candidates)
        for flip in found.flips:
            changed = [dict(event) for event in candidates]
            for change in flip:
                assert changed[change.candidate].get(change.feature, "") == change.was
                changed[change.candidate][change.feature] = change.to
            first, second = found.order
            after = learner.judge([changed[first], changed[second]])
            assert after.order[0] == 1 or after.probability[0] <= 0.5
            said += 1
        learner.learn(candidates, choice(candidates, "vendor"))
    assert said > 50


def test_asking_follows_the_threshold() -> None:
    learner = PreferenceLearner(settings=Settings(tau=0.8))
    assert learner.prefer([VENDOR, REPORT]).ask
    for _ in range(10):
        learner.learn([VENDOR, REPORT], 1)
    assert not learner.prefer([VENDOR, REPORT]).ask


def test_values_of_real_calendars_may_be_anything() -> None:
    ana = {"organiser": "ana@example.org", "type": "Jour fixe", "topic": "Ümläute"}
    learner = PreferenceLearner()
    for _ in range(5):
        learner.learn([{"type": "team"}, ana], 1)
    assert learner.prefer([{"type": "team"}, ana]).order == (1, 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: x.prefer([VENDOR]), "at least two candidates, got 1"),
        (lambda x: x.prefer([VENDOR, {"tpye": "x"}]), "no feature 'tpye'; known: type"),
        (lambda x: x.prefer([VENDOR, {"type": "a,b"}]), "text without ',' and '='"),
        (lambda x: x.prefer([VENDOR, {"type": 3}]), "text without ',' and '='"),
        (lambda x: x.learn([VENDOR, REPORT], 2), "candidates 0 to 1, each once, got 2"),
        (lambda x: x.learn([VENDOR, REPORT], ()), "each once"),
        (lambda x: x.learn([VENDOR, REPORT], (0, 0)), "each once"),
        (lambda x: x.propose("type"), "must read feature=value"),
        (lambda x: x.propose("type=a,topic=b,role=c,series=d"), "at most 3"),
        (lambda x: x.propose("type=a", float("nan")), "mean must be finite"),
        (lambda x: x.propose("type=a", 0.0, -1.0), "variance > 0"),
        (lambda x: x.withdraw("type=a"), "no open trial of 'type=a'"),
    ],
)
def test_bad_input_is_named_and_changes_nothing(call: object, message: str) -> None:
    learner = PreferenceLearner()
    assert callable(call)
    with pytest.raises(InputError, match=message):
        call(learner)
    assert (learner.rounds, learner.trials) == (0, [])


def test_a_trial_is_proposed_once() -> None:
    learner = PreferenceLearner()
    learner.propose("type=a")
    with pytest.raises(InputError, match="on trial already"):
        learner.propose(" type = a ")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("topic=x,type=y", "type=y,topic=x"),
        (" type = y ", "type=y"),
        ("urgency=high,relation=peer,type=team", "type=team,relation=peer,urgency=high"),
    ],
)
def test_predicates_have_one_spelling(said: str, meant: str) -> None:
    assert canonical(said) == meant


def test_drift_can_be_switched_off() -> None:
    assert Settings(drift=None).drift is None
    assert Settings().drift == Drift()
