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
MOST_CHANGES: Final = 4


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
class Change:
    """One feature of one candidate, as it might have been."""

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
    flips: tuple[tuple[Change, ...], ...]
    """Changes after each of which the second would be preferred: single ones, or else several
    none of which can be left out."""

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
) -> list[tuple[Change, ...]]:
    """Try each feature of one as the other has it; if none is enough, several together."""
    found: list[tuple[float, Change]] = []
    nearest: list[tuple[float, Change]] = []
    for changed, like in ((first, second), (second, first)):
        for feature in FEATURES:
            was, to = candidates[changed].get(feature, ""), candidates[like].get(feature, "")
            if was == to or not to:
                continue
            change = Change(changed, feature, was, to)
            chance = _second_wins(learner, candidates, (first, second), (change,))
            if chance > 0.5:
                found.append((chance, change))
            else:
                nearest.append((chance, change))
    if found:
        # what flips it surest comes first
        return [(change,) for _, change in sorted(found, key=lambda item: -item[0])]
    ranked = [change for _, change in sorted(nearest, key=lambda item: -item[0])]
    fewest = _fewest(learner, candidates, (first, second), ranked)
    return [fewest] if 0 < len(fewest) <= MOST_CHANGES else []


def _fewest(
    learner: PreferenceLearner,
    candidates: Sequence[Mapping[str, str]],
    pair: tuple[int, int],
    ranked: Sequence[Change],
) -> tuple[Change, ...]:
    """Return changes that flip the pair and none of which can be left out; empty if none do."""
    changes: list[Change] = []
    for change in ranked:
        changes.append(change)
        if _second_wins(learner, candidates, pair, changes) > 0.5:
            break
    else:
        return ()
    for change in list(changes):
        rest = [other for other in changes if other is not change]
        if _second_wins(learner, candidates, pair, rest) > 0.5:
            changes = rest
    return tuple(changes)


def _second_wins(
    learner: PreferenceLearner,
    candidates: Sequence[Mapping[str, str]],
    pair: tuple[int, int],
    changes: Sequence[Change],
) -> float:
    """Return the chance of the second of a pair after some changes."""
    events = {i: dict(candidates[i]) for i in pair}
    for change in changes:
        events[change.candidate][change.feature] = change.to
    after = learner.judge([events[i] for i in pair])
    return after.probability[0] if after.order[0] == 1 else 1.0 - after.probability[0]
