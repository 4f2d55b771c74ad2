"""Ours: the Bayesian pairwise learner with the role's prior, induced rules and change tests."""

from __future__ import annotations

from evaluator.calendar.learner import NOBODY, PreferenceLearner, Settings
from evaluator.calendar.policy import Resolution, Round
from evaluator.calendar.prior import role_prior


class Bayes:
    """Asks where the learner is too unsure and the budget allows it."""

    def __init__(self, role: str = "", settings: Settings | None = None) -> None:
        self.learner = PreferenceLearner(role_prior(role) if role else NOBODY, settings)

    def decide(self, round: Round) -> Resolution:
        """Return what the learner prefers."""
        found = self.learner.judge(round.candidates)
        ask = round.may_ask and self.learner.asks(found.confidence)
        return Resolution(found.order, found.confidence, ask)

    def learn(self, round: Round, choice: int) -> None:
        """Learn the choice."""
        self.learner.learn(round.candidates, choice, f"round-{round.number}")
