"""Case memory: an event is as good as the most similar ones were, chosen or not.

Source: k nearest neighbours, Cover and Hart, 1967; likeness is the number of equal features.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from evaluator.calendar.policy import Resolution, Round
from evaluator.calendar.vocabulary import FEATURES

NEIGHBOURS: Final = 15


class Knn:
    """Keeps every event seen and whether it was chosen."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, str], int] = {}
        self._cases: list[list[int]] = []
        self._chosen: list[int] = []

    def decide(self, round: Round) -> Resolution:
        """Return the candidates by the share of chosen ones among their neighbours."""
        values = [self._value(event) for event in round.candidates]
        order = sorted(range(len(values)), key=lambda i: (-values[i], i))
        total = sum(values) + 1e-9 * len(values)
        return Resolution(tuple(order), (values[order[0]] + 1e-9) / total)

    def learn(self, round: Round, choice: int) -> None:
        """Remember the events of a round."""
        for i, event in enumerate(round.candidates):
            self._cases.append(self._code(event))
            self._chosen.append(int(i == choice))

    def _value(self, event: Mapping[str, str]) -> float:
        """Return the share of chosen ones among the nearest, drawn towards one half."""
        if not self._cases:
            return 0.5
        alike = (np.asarray(self._cases) == np.asarray(self._code(event))).sum(axis=1)
        # of equally near ones, the newest
        nearest = np.lexsort((-np.arange(len(alike)), -alike))[:NEIGHBOURS]
        return (int(np.asarray(self._chosen)[nearest].sum()) + 1.0) / (len(nearest) + 2.0)

    def _code(self, event: Mapping[str, str]) -> list[int]:
        return [
            self._numbers.setdefault((place, event.get(feature, "")), len(self._numbers))
            for place, feature in enumerate(FEATURES)
        ]
