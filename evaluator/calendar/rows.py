"""A learner as rows and back: what was learnt, exactly, in a form that any table keeps.

A learner made from the rows of another goes on as the other would. Weights that no choice has
touched have no row; they come from the prior again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from evaluator.calendar.beliefs import Source, Weight
from evaluator.calendar.induction import HardRule
from evaluator.calendar.learner import NOBODY, PreferenceLearner, Prior, Settings, Stated
from evaluator.calendar.trials import Trial
from evaluator.errors import InputError

Kind = Literal["weight", "rule", "trial"]
KINDS: Final = ("weight", "rule", "trial")


@dataclass(frozen=True, slots=True)
class Row:
    """One thing learnt; ``kind``, ``predicate`` and ``place`` tell rows apart."""

    kind: Kind
    predicate: str
    place: int
    """Of rules: their place in the order; of trials: their number; of weights: 0."""
    mean: float
    """Units of utility; of a rule +1 (wins) or -1 (loses)."""
    variance: float
    support_for: int
    support_against: int
    source: Source
    evidence: tuple[str, ...]
    details: Mapping[str, Any]
    """What only the learner needs, as plain JSON data."""


def to_rows(learner: PreferenceLearner) -> tuple[Row, ...]:
    """Return all that a learner has learnt, by kind, then in its own order."""
    touched = {
        weight.predicate: weight
        for weight in learner.beliefs.weights.values()
        if weight.support_for or weight.support_against
    }
    for predicate, _ in learner.inducer.trials:
        touched.setdefault(predicate, learner.beliefs.weight(predicate))
    rows = [_weight_row(learner, touched[predicate]) for predicate in sorted(touched)]
    rows += [_rule_row(rule, place) for place, rule in enumerate(learner.inducer.rules)]
    rows += [_trial_row(trial) for trial in learner.trials]
    return tuple(rows)


def from_rows(
    rows: Iterable[Row],
    prior: Prior = NOBODY,
    settings: Settings | None = None,
    stated: Sequence[Stated] = (),
    *,
    rounds: int = 0,
) -> PreferenceLearner:
    """Build a learner again.

    Raises:
        InputError: a row is not one of ``to_rows``.
    """
    learner = PreferenceLearner(prior, settings, stated)
    learner.rounds = rounds
    for row in sorted(rows, key=lambda row: (row.kind, row.place, row.predicate)):
        try:
            _take(learner, row)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise InputError(
                f"preference {row.kind} {row.predicate!r} cannot be read back ({error!r}); forget "
                "it, and learn again from the decisions"
            ) from error
    return learner


def _take(learner: PreferenceLearner, row: Row) -> None:
    details = row.details
    match row.kind:
        case "weight":
            weight = learner.beliefs.weight(row.predicate)
            _fill(weight, row)
            for sign, (nats, kept, broken, *evidence) in zip(
                (1, -1), details["trials"], strict=True
            ):
                if kept or broken:
                    rule = HardRule(row.predicate, sign, nats, kept, broken, list(evidence))
                    learner.inducer.trials[row.predicate, sign] = rule
        case "rule":
            learner.inducer.rules.append(
                HardRule(
                    row.predicate, int(row.mean), float(details["nats"]), row.support_for,
                    row.support_against, list(row.evidence),
                )
            )  # fmt: skip
        case "trial":
            weight = Weight(row.predicate, 0.0, 1.0, 0.0, 1.0, "model")
            _fill(weight, row)
            trial = Trial(
                weight, row.place, float(details["gain"]), int(details["pairs"]),
                details["status"], list(details["tried"]),
            )  # fmt: skip
            learner.trials.append(trial)
            if trial.status == "admitted":
                learner.beliefs.extra.append(weight)
        case _:
            raise ValueError(row.kind)


def _fill(weight: Weight, row: Row) -> None:
    weight.mean, weight.variance = row.mean, row.variance
    weight.support_for, weight.support_against = row.support_for, row.support_against
    weight.source = row.source
    weight.evidence = list(row.evidence)
    weight.prior_mean = float(row.details["prior"][0])
    weight.prior_variance = float(row.details["prior"][1])
    weight.up, weight.down = (float(value) for value in row.details["change"])


def _weight_row(learner: PreferenceLearner, weight: Weight) -> Row:
    trials = []
    for sign in (1, -1):
        trial = learner.inducer.trials.get((weight.predicate, sign))
        trials.append(
            [0.0, 0, 0] if trial is None
            else [trial.nats, trial.kept, trial.broken, *trial.evidence]
        )  # fmt: skip
    return _row("weight", weight, 0, {"trials": trials})


def _trial_row(trial: Trial) -> Row:
    more = {
        "gain": trial.gain, "pairs": trial.pairs, "status": trial.status,
        "tried": list(trial.evidence),
    }  # fmt: skip
    return _row("trial", trial.weight, trial.number, more)


def _row(kind: Kind, weight: Weight, place: int, more: Mapping[str, Any]) -> Row:
    details = {
        "prior": [weight.prior_mean, weight.prior_variance],
        "change": [weight.up, weight.down],
        **more,
    }
    return Row(
        kind, weight.predicate, place, weight.mean, weight.variance, weight.support_for,
        weight.support_against, weight.source, tuple(weight.evidence), details,
    )  # fmt: skip


def _rule_row(rule: HardRule, place: int) -> Row:
    return Row(
        "rule", rule.predicate, place, float(rule.sign), 0.0, rule.kept, rule.broken, "inferred",
        tuple(rule.evidence), {"nats": rule.nats},
    )  # fmt: skip
