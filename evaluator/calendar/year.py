"""A year as every resolver of the text kind lives through it, lived once and kept.

What the trusted learner knows in a round follows from the user's choices alone, whatever a text
decided in the rounds before. So it is computed once an instance, and each text is then only asked
for its numbers: some twenty times faster, and the same trace as ``simulate`` gives to the last bit.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from evaluator.calendar.instance import Instance
from evaluator.calendar.learner import Judgement
from evaluator.calendar.policy import Resolution, Round
from evaluator.calendar.scored import FADE, LEARNER_TEXT, EventView, Scored, UserView
from evaluator.calendar.simulation import Trace, simulate

KEPT: Final = 128
"""Years in memory, of about 0.8 MB each."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the trusted learner knows before one round."""

    views: list[EventView]
    judgement: Judgement
    rules: float
    surprise: float


class Years:
    """The last years that were lived."""

    def __init__(self, kept: int = KEPT) -> None:
        self._limit = kept
        self._kept: OrderedDict[str, tuple[Known, ...]] = OrderedDict()

    def of(self, instance: Instance) -> tuple[Known, ...]:
        """Return what is known before each round of an instance."""
        name = instance.digest
        if name not in self._kept:
            witness = _Witness(instance.role)
            simulate(instance, witness)
            self._kept[name] = tuple(witness.seen)
        self._kept.move_to_end(name)
        while len(self._kept) > self._limit:
            self._kept.popitem(last=False)
        return self._kept[name]


class _Witness(Scored):
    """Lives through a year and writes down what a text would be shown."""

    def __init__(self, role: str) -> None:
        super().__init__(LEARNER_TEXT, role)
        self.seen: list[Known] = []

    def decide(self, round: Round) -> Resolution:
        found = self._judge(round.candidates)
        user = self._user(round, found)
        views = self._views(round.candidates)
        self.seen.append(Known(views, found, user.rules, user.surprise))
        self._last = Resolution(found.order, found.confidence)
        return self._last


class Recalled(Scored):
    """A text in a year that was lived before."""

    def __init__(self, text: str, year: Sequence[Known]) -> None:
        super().__init__(text)
        self._year = year
        self._now = year[0]

    def decide(self, round: Round) -> Resolution:
        """Return the candidates by score; see ``Scored``."""
        self._now = self._year[round.number]
        return super().decide(round)

    def learn(self, round: Round, choice: int) -> None:
        """Count the error; the learner has learnt already."""
        wrong = self._last is None or self._last.order[0] != choice
        self._errors = FADE * self._errors + (1 - FADE) * wrong

    def _views(self, candidates: Sequence[Mapping[str, str]]) -> list[EventView]:
        return self._now.views

    def _user(self, round: Round, found: Judgement) -> UserView:
        return UserView(
            float(round.number), float(len(round.candidates)), self._now.rules, self._errors,
            self._now.surprise, self._asked / max(round.number, 1), float(round.may_ask),
            found.confidence,
        )  # fmt: skip

    def _judge(self, candidates: Sequence[Mapping[str, str]]) -> Judgement:
        return self._now.judgement


def recall(instance: Instance, text: str, years: Years) -> Trace:
    """Run a text through a year.

    Raises:
        PolicyError: the text failed or returned no number.
    """
    resolver = Recalled(text, years.of(instance))
    return simulate(instance, resolver)
