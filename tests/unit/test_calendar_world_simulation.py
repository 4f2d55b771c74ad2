"""A year is decided round by round, scored from the trace, and audited by a second program."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evaluator.calendar import CONFLICTS, Instance, Resolution, Round, Rules, Trace, generate
from evaluator.calendar.metrics import METRICS, measure
from evaluator.calendar.replay import differences, replay
from evaluator.calendar.rules import Recorded, known_resolvers, make_resolver, round_digest
from evaluator.calendar.simulation import simulate
from evaluator.errors import DecisionError, InputError, PolicyError, TraceError

SEED = b"0123456789abcdef"


@pytest.fixture(scope="module")
def year() -> Instance:
    return generate("engineer", SEED, Rules(rounds=60))


class Oracle:
    """Answers from the instance; wrong in the rounds named, asks in others."""

    def __init__(
        self, year: Instance, wrong: tuple[int, ...] = (), asks: tuple[int, ...] = ()
    ) -> None:
        self.year, self.wrong, self.asks = year, wrong, asks
        self.heard: list[int] = []

    def decide(self, round: Round) -> Resolution:
        assert len(self.heard) == round.number
        order = self.year.order(round.number)
        if round.number in self.wrong:
            order = (order[1], order[0], *order[2:])
        return Resolution(order, 1.0 if round.number % 2 else 0.95, round.number in self.asks)

    def learn(self, round: Round, choice: int) -> None:
        self.heard.append(choice)


def test_an_oracle_makes_no_errors(year: Instance) -> None:
    """Half the confidences are 0.95 where all is right: a calibration error of 0.025."""
    metrics = measure(year, simulate(year, Oracle(year)))
    assert list(metrics) == list(METRICS)
    assert (metrics["aer"], metrics["cost"], metrics["kendall_tau"]) == (0.0, 0.0, 1.0)
    assert metrics["ece"] == pytest.approx(0.025)


def test_errors_and_questions_are_counted_apart(year: Instance) -> None:
    """60 rounds; wrong in 3, 4 and 50; asks in 4 and 10: cost (2 + 0.25 x 2) / 60."""
    oracle = Oracle(year, wrong=(3, 4, 50), asks=(4, 10))
    metrics = measure(year, simulate(year, oracle))
    assert metrics["aer"] == 3 / 60
    assert metrics["questions"] == 2 / 60
    assert metrics["acted_error"] == 2 / 58
    assert metrics["cost"] == 2.5 / 60
    assert metrics["aer_first"] == 2 / 6
    assert metrics["aer_last"] == 0.0
    assert metrics["error_reduction"] == 1.0
    assert metrics["floor"] == float(np.mean(np.asarray(oracle.heard) != year.favourite))


def test_recovery_counts_rounds_until_all_is_as_before() -> None:
    """No error before mid-year (round 50), then 30 in a row; 25 right ones begin at round 80."""
    year = generate("engineer", SEED, Rules(rounds=200))
    metrics = measure(year, simulate(year, Oracle(year, wrong=tuple(range(100, 120)))))
    assert metrics["drift_loss"] == 1.0
    # 25 rounds with at most 0.05 wrong hold one error: they begin with the last of the 20
    assert metrics["drift_recovery"] == 19.0
    assert metrics["deletion_recovery"] == 0.0


@pytest.mark.parametrize("name", known_resolvers())
def test_every_known_rule_decides_validly_and_replays_to_the_same_bits(name: str) -> None:
    year = generate("engineer", SEED, Rules(rounds=40))
    traces = [simulate(year, make_resolver(name, "engineer", SEED)) for _ in range(2)]
    assert traces[0].digest == traces[1].digest
    found = replay(year, traces[0])
    assert found.violations == ()
    assert differences(measure(year, traces[0]), found.metrics) == []


def test_what_a_resolver_hears_of_later_rounds_cannot_matter(year: Instance) -> None:
    """Two years that are the same for 30 rounds are decided the same for 30 rounds."""
    rank = year.rank.copy()
    for number in range(30, 60):
        at = slice(int(year.offset[number]), int(year.offset[number + 1]))
        rank[at] = rank[at][::-1]
    other = replace(year, rank=rank)
    one, two = (simulate(y, make_resolver("bayes-cold", "")) for y in (year, other))
    end = int(year.offset[31])
    assert np.array_equal(one.order[:end], two.order[:end])
    assert not np.array_equal(one.order, two.order)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Resolution((0, 0), 0.5), "each of"),  # twice
        (Resolution((), 0.5), "each of"),  # none
        (Resolution((0, 1, 2, 3, 4), 0.5), "each of"),  # one that is not there
        (Resolution((0, 1), 1.5), "confidence must be 0 to 1"),
        (Resolution((0, 1), float("nan")), "confidence must be 0 to 1"),
    ],
)
def test_an_answer_that_is_none_is_refused(
    year: Instance, answer: Resolution, message: str
) -> None:
    class Bad(Oracle):
        def decide(self, round: Round) -> Resolution:
            return answer if len(round.candidates) == 2 else super().decide(round)

    with pytest.raises(DecisionError, match=message):
        simulate(year, Bad(year))


def test_questions_beyond_the_budget_are_refused(year: Instance) -> None:
    """Ten at once, and one more each five rounds: the eleventh in a row is one too many."""
    assert year.rules.may_ask(0, 9)
    assert not year.rules.may_ask(0, 10)
    assert year.rules.may_ask(5, 10)
    with pytest.raises(DecisionError, match="round 12: no question is left"):
        simulate(year, Oracle(year, asks=tuple(range(60))))


def _tampered(trace: Trace, what: str) -> Trace:
    order, confidence, asked = trace.order.copy(), trace.confidence.copy(), trace.asked.copy()
    match what:
        case "order":
            order[0] = order[1]
        case "confidence":
            confidence[7] = 2.0
        case "asked":
            asked[:] = 1
        case "mark":
            asked[3] = 7
        case "short":
            asked = asked[:-1]
        case "events":
            order = order[:-1]
    return Trace(order, confidence, asked)


@pytest.mark.parametrize("what", ["order", "confidence", "asked", "mark", "short", "events"])
def test_the_replay_names_what_was_tampered_with(year: Instance, what: str) -> None:
    found = replay(year, _tampered(simulate(year, Oracle(year)), what))
    assert found.violations
    assert found.metrics == {}


def test_a_score_that_was_changed_is_told(year: Instance) -> None:
    trace = simulate(year, Oracle(year, wrong=(5,)))
    metrics = measure(year, trace) | {"aer": 0.0}
    assert differences(metrics, replay(year, trace).metrics) == [
        f"aer: stored 0.0, replayed {1 / 60!r}"
    ]


def test_a_trace_of_another_year_is_not_measured(year: Instance) -> None:
    with pytest.raises(TraceError, match="60 rounds does not belong to a year of 20"):
        measure(generate("engineer", SEED, Rules(rounds=20)), simulate(year, Oracle(year)))


def test_recorded_answers_are_looked_up_by_round(year: Instance) -> None:
    """A model's answers can be compared without asking it again."""
    table = {round_digest(year.events(n)): year.order(n) for n in range(60)}
    assert measure(year, simulate(year, Recorded(table)))["aer"] == 0.0
    with pytest.raises(PolicyError, match="round 0: no recorded answer"):
        simulate(year, Recorded({}))


def test_unknown_resolvers_are_answered_with_the_known() -> None:
    with pytest.raises(InputError, match="did you mean 'bayes'"):
        make_resolver("bayse", "engineer")


def test_the_scenario_says_what_counts() -> None:
    assert CONFLICTS.objective.metric == "cost"
    assert set(CONFLICTS.known) == set(known_resolvers())
    assert len(CONFLICTS.digest) == 64
    with pytest.raises(InputError, match="no metric 'luck'"):
        replace(CONFLICTS, objective=replace(CONFLICTS.objective, metric="luck"))
