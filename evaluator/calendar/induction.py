"""Hard rules found in what the user does, and given up when the user does.

A rule says: candidates a predicate holds of win (or lose) whatever the rest is. Rules stand in an
order; the first that tells candidates apart decides. For every predicate two such rules are on
trial all the time. Their evidence is a log Bayes factor against the weights alone,

    sum over rounds of ln P(choice | rule) - ln P(choice | weights),

that is, by how many nats the rule would have foretold the choices better (prequentially: each
round before it is learnt). What it takes is the log odds against such a rule: the more
predicates of its kind, the more, and less where people of the role often have it. So a rule is
admitted when it is likelier than not, and dropped when it no longer is; because evidence in store
is capped, a rule that the user gave up is dropped after a few breaches.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from evaluator.calendar.beliefs import KEPT, Encoded

Sign = int
"""+1: what it holds of wins; -1: it loses."""


@dataclass(frozen=True, slots=True)
class Induction:
    """Thresholds, in nats."""

    single: float = 6.5
    """Evidence it takes for a rule on one value."""
    pair: float = 9.5
    """Evidence it takes for a rule on two values: there are ten times as many."""
    cap: float = 6.0
    """Most log odds that a rule in force keeps in store."""
    ceiling: float = 20.0
    """Most evidence of a rule on trial."""
    floor: float = -3.0
    """Least evidence of a rule on trial, so that it can still come back."""
    breach: float = 0.03
    """Share of rounds in which a user breaks a rule of their own."""
    blunt: float = 0.05
    """The weights' own probabilities are never trusted beyond this."""

    def needed(self, predicate: str) -> float:
        """Return the evidence it takes for a rule on a predicate: log odds against it."""
        return self.pair if "," in predicate else self.single


@dataclass(slots=True)
class HardRule:
    """A rule in force, or on trial."""

    predicate: str
    sign: Sign
    nats: float = 0.0
    """Evidence, see above; of a rule in force its log odds, that is what is beyond the needed."""
    kept: int = 0
    broken: int = 0
    evidence: list[str] = field(default_factory=list)
    """Ids of the last decisions that it foretold."""

    def note(self, kept: bool, nats: float, cap: float, evidence: str) -> None:
        """Take in one round."""
        self.nats = min(self.nats + nats, cap)
        self.kept += kept
        self.broken += not kept
        if kept and evidence:
            self.evidence.append(evidence)
            del self.evidence[:-KEPT]

    def chance(self, breach: float, otherwise: float) -> float:
        """Return the chance that what a rule in force puts first is chosen.

        Args:
            breach: Share of rounds in which a user breaks a rule of their own: 1/breach good
                rounds count before any was seen.
            otherwise: The chance in case there is no such rule.
        """
        before = 1.0 / breach
        kept = (self.kept + before - 1.0) / (self.kept + self.broken + before)
        there = 1.0 / (1.0 + math.exp(-self.nats))
        return there * kept + (1.0 - there) * otherwise


@dataclass(frozen=True, slots=True)
class RuleChange:
    """A rule came or went."""

    rule: HardRule
    admitted: bool


class Inducer:
    """The rules in force, in order, and those on trial."""

    def __init__(self, settings: Induction, typical: dict[tuple[str, Sign], float]) -> None:
        self.settings = settings
        self.typical = typical
        """Nats in advance for rules that people of the role often have."""
        self.rules: list[HardRule] = []
        self.trials: dict[tuple[str, Sign], HardRule] = {}
        self.barred: set[str] = set()
        """Predicates the user does not want rules on."""

    def levels(self, candidates: Sequence[Encoded]) -> list[tuple[int, ...]]:
        """Return what the rules in force say of each candidate; greater wins."""
        if not self.rules:
            return [()] * len(candidates)
        names = [{w.predicate for w in c if w is not None} for c in candidates]
        return [
            tuple(rule.sign if rule.predicate in held else 0 for rule in self.rules)
            for held in names
        ]

    def observe(
        self,
        candidates: Sequence[Encoded],
        levels: Sequence[tuple[int, ...]],
        shares: Sequence[float],
        chosen: int,
        evidence: str,
    ) -> list[RuleChange]:
        """Take in a round.

        Args:
            candidates: Its events.
            levels: What the rules in force said of them.
            shares: Probability of each by the weights alone; they add up to 1.
            chosen: Which the user chose.
            evidence: Id of the decision.
        """
        alive = self._follow(levels, shares, chosen, evidence)
        spoken: list[HardRule] = []
        if len(alive) > 1:
            spoken = self._try(candidates, alive, shares, chosen, evidence)
        return self._drop() + self._admit(spoken)

    def _follow(
        self,
        levels: Sequence[tuple[int, ...]],
        shares: Sequence[float],
        chosen: int,
        evidence: str,
    ) -> list[int]:
        """Let each rule in force speak in its turn; return the candidates no rule parts."""
        alive = list(range(len(levels)))
        for place, rule in enumerate(self.rules):
            best = max(levels[i][place] for i in alive)
            ahead = [i for i in alive if levels[i][place] == best]
            if len(ahead) == len(alive):
                continue
            kept = chosen in ahead
            gain = self._gain(sum(1 << i for i in ahead), alive, shares, kept)
            rule.note(kept, gain, self.settings.cap, evidence)
            if not kept:
                return []
            alive = ahead
        return alive

    def _try(
        self,
        candidates: Sequence[Encoded],
        alive: list[int],
        shares: Sequence[float],
        chosen: int,
        evidence: str,
    ) -> list[HardRule]:
        """Let every trial speak that tells the candidates left apart; return these."""
        held: dict[str, int] = {}
        for i in alive:
            for weight in candidates[i]:
                if weight is not None:
                    held[weight.predicate] = held.get(weight.predicate, 0) | 1 << i
        everyone = sum(1 << i for i in alive)
        # many predicates hold of the same candidates: what follows is computed once for all of them
        outcome: dict[int, tuple[bool, float]] = {}
        for mask in dict.fromkeys(m for m in held.values() if m != everyone):
            for ahead in (mask, everyone ^ mask):
                kept = bool(ahead >> chosen & 1)
                outcome[ahead] = kept, self._gain(ahead, alive, shares, kept)
        spoken = []
        for predicate, mask in held.items():
            if mask != everyone:
                for sign, ahead in ((1, mask), (-1, everyone ^ mask)):
                    trial = self._trial(predicate, sign)
                    kept, gain = outcome[ahead]
                    trial.note(kept, gain, self.settings.ceiling, evidence)
                    trial.nats = max(trial.nats, self.settings.floor)
                    spoken.append(trial)
        return spoken

    def _gain(self, ahead: int, alive: list[int], shares: Sequence[float], kept: bool) -> float:
        """Return ln P(what happened | rule) - ln P(what happened | weights).

        Args:
            ahead: Bits of the candidates that the rule puts first.
            alive: All that are left.
            shares: By candidate.
            kept: Whether the choice is among those ahead.
        """
        blunt, breach = self.settings.blunt, self.settings.breach
        total = math.fsum(shares[i] for i in alive)
        share = (
            blunt + (1 - 2 * blunt) * math.fsum(shares[i] for i in alive if ahead >> i & 1) / total
        )
        return math.log((1 - breach) / share) if kept else math.log(breach / (1 - share))

    def _trial(self, predicate: str, sign: Sign) -> HardRule:
        key = (predicate, sign)
        if key not in self.trials:
            self.trials[key] = HardRule(predicate, sign, self.typical.get(key, 0.0))
        return self.trials[key]

    def _admit(self, spoken: Sequence[HardRule]) -> list[RuleChange]:
        """Admit the trial with most evidence to spare; one a round."""
        taken = {rule.predicate for rule in self.rules} | self.barred
        ripe = [
            trial
            for trial in spoken
            if trial.nats > self.settings.needed(trial.predicate) and trial.predicate not in taken
        ]
        if not ripe:
            return []
        best = max(ripe, key=lambda trial: trial.nats - self.settings.needed(trial.predicate))
        del self.trials[best.predicate, best.sign]
        best.nats = min(best.nats - self.settings.needed(best.predicate), self.settings.cap)
        self.rules.append(best)
        return [RuleChange(best, admitted=True)]

    def _drop(self) -> list[RuleChange]:
        gone = [rule for rule in self.rules if rule.nats < 0]
        self.rules = [rule for rule in self.rules if rule.nats >= 0]
        for rule in gone:
            # a new trial would have the odds in advance again, which this user has spoken against
            rule.nats += self.settings.needed(rule.predicate)
            self.trials[rule.predicate, rule.sign] = rule
        return [RuleChange(rule, admitted=False) for rule in gone]
