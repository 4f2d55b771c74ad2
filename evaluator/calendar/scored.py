"""Evolved resolvers: a text ranks events by what the trusted learner knows of them.

The world keeps the learner (prior of the role, weights, rules, change tests) and shows its
numbers; the text decides what they are worth and when to ask. A text that returns ``event.mean``
after the rules is the learner itself; docs/design/preferences.md lists every field.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final

from evaluator.calendar.beliefs import Encoded, worth
from evaluator.calendar.language import compile_resolver
from evaluator.calendar.learner import NOBODY, Judgement, PreferenceLearner, Settings
from evaluator.calendar.policy import Resolution, Round
from evaluator.calendar.prior import role_prior
from evaluator.calendar.vocabulary import FEATURES, VALUES
from evaluator.errors import PolicyError

FADE: Final = 0.95
"""Weight of the past in running means of the last rounds."""


@dataclass(frozen=True, slots=True)
class EventView:
    """What a text may read of one candidate; every field is a number."""

    rule: float
    """Place by stated and induced rules: events with more come first; equal if no rule parts."""
    mean: float
    """Sum of the weights' means, units of utility."""
    variance: float
    """Sum of their variances."""
    singles: float
    pairs: float
    """Parts of the mean: weights on one value, on several."""
    prior: float
    """The mean before anything was learnt of the user."""
    support: float
    """Pairs of events that spoke of its values, on average over them."""
    unseen: float
    """How many of its values no choice has spoken of."""
    type_won: float
    topic_won: float
    relation_won: float
    organiser_won: float
    """How often an event of its type, topic, … was preferred, of the times it was compared; (won +
    1) / (seen + 2)."""
    urgency: float
    notice: float
    attendees: float
    duration: float
    time_of_day: float
    """Places in the vocabulary: urgency 0 low to 3 critical, and so on; -1 if not said."""
    series: float
    """1 for one of a series."""


@dataclass(frozen=True, slots=True)
class UserView:
    """What a text may read of the user and the year."""

    round: float
    candidates: float
    """Events in this round."""
    rules: float
    """Rules in force."""
    errors: float
    """Share of wrong predictions in the last rounds (older ones fade by 5 % a round)."""
    surprise: float
    """Mean of -ln(chance of what was chosen) in the last rounds."""
    asked: float
    """Share of the rounds so far in which the user was asked."""
    may_ask: float
    """1 while a question is within the budget."""
    confidence: float
    """The trusted learner's chance that its own first is the user's choice."""


FIELDS: Final = {
    "event": frozenset(field.name for field in fields(EventView)),
    "user": frozenset(field.name for field in fields(UserView)),
}

LEARNER_TEXT: Final = '''
"""The trusted learner as it is: rules first, then the mean; ask below 67 percent."""


def score(event, user):
    return 1000.0 * event.rule + event.mean


def doubt(first, second, user):
    return 0.67 - user.confidence
'''
"""First parent of an evolution."""


class Scored:
    """A resolver that runs a checked text."""

    def __init__(self, text: str, role: str = "", settings: Settings | None = None) -> None:
        entries = compile_resolver(text, FIELDS)
        self._score: Callable[..., object] = entries["score"]
        self._doubt = entries.get("doubt")
        self.learner = PreferenceLearner(role_prior(role) if role else NOBODY, settings)
        self._errors = 0.5
        self._surprise = math.log(2.0)
        self._asked = 0
        self._last: Resolution | None = None

    def decide(self, round: Round) -> Resolution:
        """Return the candidates by score, ties as they come.

        Raises:
            PolicyError: the text failed or returned no number.
        """
        found = self._judge(round.candidates)
        views = self._views(round.candidates)
        user = self._user(round, found)
        values = [self._number(self._score, view, user) for view in views]
        order = tuple(sorted(range(len(values)), key=lambda i: (-values[i], i)))
        pair = views[order[0]], views[order[1]]
        doubt = self._number(self._doubt, *pair, user) if self._doubt is not None else -1.0
        ask = round.may_ask and doubt > 0
        self._asked += ask
        # a chance that the text states itself would be a number that anyone can write
        sure = found.confidence if found.order[0] == order[0] else 1.0 - found.confidence
        self._last = Resolution(order, sure, ask)
        return self._last

    def learn(self, round: Round, choice: int) -> None:
        """Let the trusted learner learn, and update the running means."""
        found = self._judge(round.candidates)
        chance = found.confidence if found.order[0] == choice else 1.0 - found.confidence
        self._surprise = FADE * self._surprise - (1 - FADE) * math.log(max(chance, 1e-6))
        wrong = self._last is None or self._last.order[0] != choice
        self._errors = FADE * self._errors + (1 - FADE) * wrong
        self.learner.learn(round.candidates, choice, f"round-{round.number}")

    def _judge(self, candidates: Sequence[Mapping[str, str]]) -> Judgement:
        """Return what the trusted learner prefers."""
        return self.learner.judge(candidates)

    def _views(self, candidates: Sequence[Mapping[str, str]]) -> list[EventView]:
        levels = self.learner.levels(candidates)
        ladder = sorted(set(levels))
        encode = self.learner.beliefs.encode
        return [
            self._view(event, encode(event), float(ladder.index(level)))
            for event, level in zip(candidates, levels, strict=True)
        ]

    def _view(self, event: Mapping[str, str], held: Encoded, rule: float) -> EventView:
        weights = [weight for weight in held if weight is not None]
        own = [weight for weight in held[: len(FEATURES)] if weight is not None]
        seen = [weight.support_for + weight.support_against for weight in own]
        mean = worth(held)
        singles = math.fsum(weight.mean for weight in own)
        return EventView(
            rule=rule, mean=mean, variance=math.fsum(w.variance for w in weights),
            singles=singles, pairs=mean - singles,
            prior=math.fsum(w.prior_mean for w in weights),
            support=sum(seen) / max(len(seen), 1), unseen=float(seen.count(0)),
            type_won=_won(held, "type"), topic_won=_won(held, "topic"),
            relation_won=_won(held, "relation"), organiser_won=_won(held, "organiser"),
            urgency=_place(event, "urgency"), notice=_place(event, "notice"),
            attendees=_place(event, "attendees"), duration=_place(event, "duration"),
            time_of_day=_place(event, "time_of_day"), series=_place(event, "series"),
        )  # fmt: skip

    def _user(self, round: Round, found: Judgement) -> UserView:
        return UserView(
            float(round.number), float(len(round.candidates)),
            float(len(self.learner.inducer.rules) + len(self.learner.stated)), self._errors,
            self._surprise, self._asked / max(round.number, 1), float(round.may_ask),
            found.confidence,
        )  # fmt: skip

    @staticmethod
    def _number(function: Callable[..., object], *arguments: object) -> float:
        try:
            value = function(*arguments)
        except (ArithmeticError, AttributeError, ValueError, TypeError, NameError) as error:
            raise PolicyError(f"resolver failed: {type(error).__name__}: {error}") from error
        if not isinstance(value, bool | int | float) or math.isnan(value):
            raise PolicyError(f"resolver must return a number, got {value!r:.40}")
        return float(value)


def _won(held: Encoded, feature: str) -> float:
    weight = held[FEATURES.index(feature)]
    if weight is None:
        return 0.5
    return (weight.support_for + 1.0) / (weight.support_for + weight.support_against + 2.0)


def _place(event: Mapping[str, str], feature: str) -> float:
    value = event.get(feature, "")
    return float(VALUES[feature].index(value)) if value in VALUES[feature] else -1.0
