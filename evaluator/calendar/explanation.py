"""Why one event was preferred: signed contributions with their evidence, and what would flip it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from evaluator.calendar.beliefs import Source, compare
from evaluator.calendar.vocabulary import FEATURES

if TYPE_CHECKING:
    from evaluator.calendar.learner import PreferenceLearner

MOST_REASONS: Final = 6
MOST_FLIPS: Final = 3


@dataclass(frozen=True, slots=True)
class Reason:
    """One predicate that speaks for or against the preferred event, next to the second."""

    predicate: str
    contribution: float
    """Units of utility; above 0 it speaks for the first event. Of a hard rule: +1."""
    source: Source
    hard: bool
    """A rule that decides by itself."""
    held_by: int
    """The candidate the predicate is true of."""
    support_for: int
    support_against: int
    evidence: tuple[str, ...]
    """Ids of decisions, the newest last; of a stated rule its own id."""


@dataclass(frozen=True, slots=True)
class Flip:
    """A change of one feature of one candidate after which the second would be preferred."""

    candidate: int
    feature: str
    was: str
    """Empty when the event does not say."""
    to: str


@dataclass(frozen=True, slots=True)
class Preference:
    """An order of candidates with all that led to it."""

    order: tuple[int, ...]
    probability: tuple[float, ...]
    """Chance of the first against each of ``order[1:]``."""
    confidence: float
    """Chance that the first is the user's choice."""
    ask: bool
    """Too unsure to act alone."""
    reasons: tuple[Reason, ...]
    """First against second: what decides by itself, then by size."""
    flips: tuple[Flip, ...]

    @property
    def separating(self) -> str:
        """The feature that most sets the two best apart; empty if none does."""
        return self.reasons[0].predicate.partition("=")[0] if self.reasons else ""


def explain(learner: PreferenceLearner, candidates: Sequence[Mapping[str, str]]) -> Preference:
    """Return a learner's order of candidates with reasons."""
    found = learner.judge(candidates)
    first, second = found.order[:2]
    reasons = _rules(learner, candidates, first, second)
    reasons += _weights(learner, candidates, first, second)
    return Preference(
        found.order,
        found.probability,
        found.confidence,
        learner.asks(found.confidence),
        tuple(reasons[:MOST_REASONS]),
        tuple(_flips(learner, candidates, first, second)[:MOST_FLIPS]),
    )


def _rules(
    learner: PreferenceLearner, candidates: Sequence[Mapping[str, str]], first: int, second: int
) -> list[Reason]:
    """Return the rule that decides between two candidates, if one does."""
    one, two = learner.levels([candidates[first], candidates[second]])
    for place, (above, below) in enumerate(zip(one, two, strict=True)):
        if above == below:
            continue
        held_by = first if above != 0 else second
        if place < len(learner.stated):
            stated = learner.stated[place]
            return [Reason(stated.predicate, 1.0, "stated", True, held_by, 0, 0, (stated.id,))]
        rule = learner.inducer.rules[place - len(learner.stated)]
        return [
            Reason(
                rule.predicate, 1.0, "inferred", True, held_by, rule.kept, rule.broken,
                tuple(rule.evidence),
            )
        ]  # fmt: skip
    return []


def _weights(
    learner: PreferenceLearner, candidates: Sequence[Mapping[str, str]], first: int, second: int
) -> list[Reason]:
    encode = learner.beliefs.encode
    margin = compare(encode(candidates[first]), encode(candidates[second]))
    terms = sorted(margin.terms, key=lambda term: (-abs(term[0].mean), term[0].predicate, -term[1]))
    return [
        Reason(
            weight.predicate, sign * weight.mean, weight.source, False,
            first if sign > 0 else second, weight.support_for, weight.support_against,
            tuple(weight.evidence),
        )
        for weight, sign in terms
        if weight.mean != 0
    ]  # fmt: skip


def _flips(
    learner: PreferenceLearner, candidates: Sequence[Mapping[str, str]], first: int, second: int
) -> list[Flip]:
    """Try each feature of the first as the second has it, and the other way round."""
    found: list[tuple[float, Flip]] = []
    for changed, like in ((first, second), (second, first)):
        for feature in FEATURES:
            was, to = candidates[changed].get(feature, ""), candidates[like].get(feature, "")
            if was == to or not to:
                continue
            pair = [dict(candidates[first]), dict(candidates[second])]
            pair[0 if changed == first else 1][feature] = to
            after = learner.judge(pair)
            if after.order[0] == 1:
                found.append((after.probability[0], Flip(changed, feature, was, to)))
    # what flips it surest comes first
    return [flip for _, flip in sorted(found, key=lambda item: -item[0])]
