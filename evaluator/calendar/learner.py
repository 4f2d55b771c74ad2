"""Learn what a user prefers, one choice at a time, and say why.

Three layers, the first that tells two events apart decides: rules the user stated, rules induced
from what the user does (``induction``), weights with their uncertainty (``beliefs``). Everything is
a deterministic function of what it was told, in that order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from evaluator.calendar.beliefs import Beliefs, Encoded, Margin, Weight, compare, spread, worth
from evaluator.calendar.explanation import Preference, explain
from evaluator.calendar.induction import Inducer, Induction, RuleChange, Sign
from evaluator.calendar.predicates import canonical, holds
from evaluator.calendar.trials import Trial, TrialRules, judge, watch
from evaluator.calendar.vocabulary import check_round
from evaluator.errors import InputError


@dataclass(frozen=True, slots=True)
class Drift:
    """A change test on every weight: Page's CUSUM, upwards and downwards.

    It adds up by how many nats each choice is likelier if the weight is ``shift`` off than if it is
    as believed, and begins anew at 0 whenever the sum falls below.
    """

    shift: float = 1.5
    """Change that is looked for, in units of utility."""
    alarm: float = 3.0
    """Nats at which a weight counts as changed, or as wrongly expected from the start."""
    widen: float = 0.5
    """Share of a stranger's variance that it gets."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How fast is learnt; the defaults were tuned on users that no result is reported of."""

    noise: float = 0.2
    """Standard deviation of a choice's noise, in units of utility."""
    lapse: float = 0.01
    """Share of choices that say nothing."""
    induction: Induction = field(default_factory=Induction)
    trial: TrialRules = field(default_factory=TrialRules)
    drift: Drift | None = field(default_factory=Drift)
    tau: float = 0.67
    """Below this chance of being right, ask: about one round in seven."""


@dataclass(frozen=True, slots=True)
class Prior:
    """What is expected of a user of a role before anything is known of them."""

    role: str
    weights: Mapping[str, tuple[float, float]]
    """Mean and variance by predicate."""
    typical: Mapping[tuple[str, Sign], float]
    """Nats in advance by rule."""


NOBODY = Prior("", {}, {})
"""Nothing is known."""


@dataclass(frozen=True, slots=True)
class Stated:
    """A rule in the user's own words; hard, and above everything learnt."""

    id: str
    predicate: str
    sign: Sign
    """+1: what it holds of comes first; -1: last."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is preferred, and how sure that is."""

    order: tuple[int, ...]
    """Candidates, the preferred one first."""
    probability: tuple[float, ...]
    """Chance of the first against each of ``order[1:]``."""

    @property
    def confidence(self) -> float:
        """Chance that the first is the user's choice (a lower bound: misses add up)."""
        missed = math.fsum(1.0 - p for p in self.probability)
        return max(1.0 - missed, 1.0 / len(self.order))


class PreferenceLearner:
    """What is known of one user; see the module."""

    def __init__(
        self,
        prior: Prior = NOBODY,
        settings: Settings | None = None,
        stated: Sequence[Stated] = (),
    ) -> None:
        self.prior = prior
        self.settings = settings or Settings()
        self.beliefs = Beliefs(prior.weights, self.settings.noise, self.settings.lapse)
        self.inducer = Inducer(self.settings.induction, dict(prior.typical))
        self.stated = list(stated)
        """Earlier ones win over later ones."""
        self.trials: list[Trial] = []
        self.rounds = 0
        """Decisions learnt."""

    # -- deciding --------------------------------------------------------------------------------

    def prefer(self, candidates: Sequence[Mapping[str, str]]) -> Preference:
        """Return the order of candidates with probabilities, reasons and what would flip it.

        Raises:
            InputError: fewer than two candidates, or one that cannot be read.
        """
        check_round(candidates)
        return explain(self, candidates)

    def judge(self, candidates: Sequence[Mapping[str, str]]) -> Judgement:
        """Return the order and the probabilities alone; candidates are taken as they are."""
        encoded = [self.beliefs.encode(event) for event in candidates]
        return self._judge(encoded, self._levels(candidates, encoded))

    def levels(self, candidates: Sequence[Mapping[str, str]]) -> list[tuple[int, ...]]:
        """Return what the rules, stated ones first, say of each candidate; greater wins."""
        return self._levels(candidates, [self.beliefs.encode(event) for event in candidates])

    def asks(self, confidence: float) -> bool:
        """Whether to ask the user at this confidence."""
        return confidence < self.settings.tau

    # -- learning --------------------------------------------------------------------------------

    def learn(
        self,
        candidates: Sequence[Mapping[str, str]],
        choice: int | Sequence[int],
        evidence_id: str = "",
    ) -> tuple[RuleChange, ...]:
        """Learn from what the user chose; return the rules that came or went.

        Args:
            candidates: The events of the round.
            choice: The chosen candidate, or an order of candidates, the best first; those not
                named come after all that are.
            evidence_id: Id of the decision, for explanations.

        Raises:
            InputError: a candidate cannot be read, or the choice is none of them.
        """
        check_round(candidates)
        ranked = _ranking(choice, len(candidates))
        encoded = [self.beliefs.encode(event) for event in candidates]
        levels = self._levels(candidates, encoded)
        spoken = len(self.stated)
        changes: list[RuleChange] = []
        if len({level[:spoken] for level in levels}) == 1:
            shares = self._shares(encoded)
            induced = [level[spoken:] for level in levels]
            changes = self.inducer.observe(encoded, induced, shares, ranked[0], evidence_id)
        for better, worse in _pairs(ranked, len(candidates)):
            if levels[better] == levels[worse]:
                self._learn_pair(candidates, encoded, better, worse, evidence_id)
        self._settle(changes)
        self.rounds += 1
        return tuple(changes)

    def _learn_pair(
        self,
        candidates: Sequence[Mapping[str, str]],
        encoded: Sequence[Encoded],
        better: int,
        worse: int,
        evidence: str,
    ) -> None:
        margin = compare(encoded[better], encoded[worse])
        for trial in self.trials:
            side = _side(trial.weight.predicate, candidates[better], candidates[worse])
            if side and trial.open:
                watch(trial, self.beliefs, margin, side, evidence)
        likelihood = self.beliefs.update(margin, evidence)
        if self.settings.drift is not None:
            _test(self.beliefs, margin, likelihood, self.settings.drift)

    def _settle(self, changes: Sequence[RuleChange]) -> None:
        for change in changes:
            if not change.admitted:
                # while the rule stood, the weight learnt nothing
                weight = self.beliefs.weight(change.rule.predicate)
                weight.mean, weight.variance = weight.prior_mean, weight.prior_variance
        for trial in self.trials:
            if trial.open:
                was, trial.status = trial.status, judge(trial, self.settings.trial)
                if (was, trial.status) == ("shadow", "admitted"):
                    self.beliefs.extra.append(trial.weight)
                elif (was, trial.status) == ("admitted", "rejected"):
                    self.beliefs.extra.remove(trial.weight)

    # -- being told ------------------------------------------------------------------------------

    def propose(self, predicate: str, mean: float = 0.0, variance: float | None = None) -> Trial:
        """Put a predicate on trial: a weight that counts only once it has foretold choices better.

        Args:
            predicate: One to three ``feature=value``; on a known predicate it is a proposed shift
                of the prior.
            mean: Proposed weight.
            variance: Its uncertainty; None takes that of its kind.

        Raises:
            InputError: the predicate cannot be read, or such a trial is open.
        """
        text = canonical(predicate)
        if any(trial.open and trial.weight.predicate == text for trial in self.trials):
            raise InputError(f"predicate {text!r} is on trial already; withdraw it first")
        spread_ = spread(text) if variance is None else variance
        if not math.isfinite(mean) or not 0 < spread_ < math.inf:
            raise InputError(
                f"predicate {text!r}: mean must be finite and variance > 0, got {mean} and "
                f"{spread_}"
            )
        number = 1 + max((trial.number for trial in self.trials), default=-1)
        trial = Trial(Weight(text, mean, spread_, mean, spread_, "model"), number)
        self.trials.append(trial)
        return trial

    def withdraw(self, predicate: str) -> Trial:
        """End an open trial and take its weight out of use.

        Raises:
            InputError: there is no such trial.
        """
        text = canonical(predicate)
        for trial in self.trials:
            if trial.open and trial.weight.predicate == text:
                if trial.status == "admitted":
                    self.beliefs.extra.remove(trial.weight)
                trial.status = "withdrawn"
                return trial
        raise InputError(f"no open trial of {text!r}; propose it first")

    # -- inside ----------------------------------------------------------------------------------

    def _levels(
        self, candidates: Sequence[Mapping[str, str]], encoded: Sequence[Encoded]
    ) -> list[tuple[int, ...]]:
        """Return what stated and induced rules say of each candidate; greater wins."""
        induced = self.inducer.levels(encoded)
        if not self.stated:
            return induced
        told = [
            tuple(rule.sign if holds(rule.predicate, event) else 0 for rule in self.stated)
            for event in candidates
        ]
        return [above + below for above, below in zip(told, induced, strict=True)]

    def _judge(self, encoded: Sequence[Encoded], levels: Sequence[tuple[int, ...]]) -> Judgement:
        values = [worth(event) for event in encoded]
        order = sorted(
            range(len(encoded)), key=lambda i: (tuple(-x for x in levels[i]), -values[i], i)
        )
        first = order[0]
        chances = tuple(
            self._chance(encoded[first], encoded[other], levels[first], levels[other])
            for other in order[1:]
        )
        return Judgement(tuple(order), chances)

    def _chance(
        self, one: Encoded, two: Encoded, level: tuple[int, ...], other: tuple[int, ...]
    ) -> float:
        place = next((i for i, (x, y) in enumerate(zip(level, other, strict=True)) if x != y), None)
        if place is not None and place < len(self.stated):
            return 1.0 - self.settings.lapse
        margin = compare(one, two)
        chance = self.beliefs.step(margin.mean, margin.variance).likelihood
        if place is None:
            return chance
        rule = self.inducer.rules[place - len(self.stated)]
        return rule.chance(self.settings.induction.breach, chance)

    def _shares(self, encoded: Sequence[Encoded]) -> list[float]:
        """Return the chance of each by the weights alone: a softmax as flat as they are unsure."""
        values = [worth(event) for event in encoded]
        pairs = [(i, j) for i in range(len(encoded)) for j in range(i)]
        spreads = [compare(encoded[i], encoded[j]).variance for i, j in pairs]
        scale = math.sqrt(math.fsum(spreads) / len(pairs) + self.settings.noise**2)
        best = max(values)
        # 1.702 is the slope at which the logistic curve is nearest to the normal one
        powers = [math.exp(1.702 * (value - best) / scale) for value in values]
        total = math.fsum(powers)
        return [power / total for power in powers]


def _ranking(choice: int | Sequence[int], count: int) -> tuple[int, ...]:
    ranked = (choice,) if isinstance(choice, int) else tuple(choice)
    if not ranked or len(set(ranked)) < len(ranked) or not all(0 <= i < count for i in ranked):
        raise InputError(
            f"the choice must name candidates 0 to {count - 1}, each once, got {choice!r}"
        )
    return ranked


def _pairs(ranked: tuple[int, ...], count: int) -> list[tuple[int, int]]:
    """Return who was preferred to whom."""
    rest = [i for i in range(count) if i not in ranked]
    return [
        (better, worse)
        for place, better in enumerate(ranked)
        for worse in (*ranked[place + 1 :], *rest)
    ]


def _side(predicate: str, better: Mapping[str, str], worse: Mapping[str, str]) -> int:
    return int(holds(predicate, better)) - int(holds(predicate, worse))


def _test(beliefs: Beliefs, margin: Margin, likelihood: float, drift: Drift) -> None:
    """Add what a pair says of a change to the sums of its weights; see ``Drift``."""
    ahead, behind = (
        math.log(beliefs.step(margin.mean + shift, margin.variance).likelihood / likelihood)
        for shift in (drift.shift, -drift.shift)
    )
    for weight, sign in margin.terms:
        more, less = (ahead, behind) if sign > 0 else (behind, ahead)
        weight.up, weight.down = max(0.0, weight.up + more), max(0.0, weight.down + less)
        if max(weight.up, weight.down) > drift.alarm:
            weight.up = weight.down = 0.0
            weight.widen(drift.widen)
