"""A year in words and pictures: what a proposer may know, where a resolver erred, how it learnt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from evaluator.calendar.draws import Ints
from evaluator.calendar.instance import FREE, Instance
from evaluator.calendar.metrics import QUESTION, measure
from evaluator.calendar.scenario import CalendarScenario
from evaluator.calendar.simulation import Trace, choices
from evaluator.calendar.vocabulary import COLUMN, VALUES

WINDOW: Final = 50
"""Rounds of a moving mean."""

LEVELS: Final = " ▁▂▃▄▅▆▇█"
PLAIN: Final = " .:-=+*#@"
"""The same for terminals without Unicode."""

SLICED: Final = ("urgency", "type")
"""Features of the user's choice by which errors are counted apart."""


def facts(scenario: CalendarScenario) -> str:
    """Return what a proposer may know of a scenario: nothing of any one user."""
    rules = scenario.rules
    # what the score is made of comes first: a small model is shown only the beginning
    lines = [
        f"A wrong guess costs 1, a question {QUESTION:g}; {FREE} questions and {rules.questions} % "
        "of the rounds so far may be asked.",
        scenario.description.strip() or scenario.title,
        f"Users are of the roles {', '.join(scenario.roles)}; a year has {rules.rounds} rounds.",
        f"Choices are noisy (standard deviation {rules.noise / 1000:g} units of utility).",
    ]
    if rules.drift:
        lines.append(f"At mid-year {rules.drift} % of the weights change.")
    if rules.deletion:
        lines.append("After three quarters one principle is given up.")
    return "\n".join(lines)


def diagnose(instance: Instance, trace: Trace) -> str:
    """Say where a resolver erred and what its questions were worth, for prompts."""
    metrics = measure(instance, trace)
    year = Year.of(instance, trace)
    asked_well = year.wrong[year.asked]
    lines = [
        f"cost {metrics['cost']:.3f}: wrong in {metrics['acted_error']:.1%} of the rounds it acted "
        f"in, asked in {metrics['questions']:.1%}",
        f"of {len(asked_well)} questions {int(asked_well.sum())} prevented an error "
        f"(worth it above {QUESTION:.0%})",
        f"first right where not asked by confidence: {_by_confidence(year)}",
        "| rounds | n | wrong | asked |",
        "|---|---|---|---|",
    ]
    lines += [f"| {name} | {n} | {wrong:.1%} | {asked:.1%} |" for name, n, wrong, asked in year]
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Year:
    """A year's rounds by whether the first was wrong and the user was asked."""

    instance: Instance
    wrong: Ints
    asked: np.ndarray[tuple[int], np.dtype[np.bool_]]
    confidence: np.ndarray[tuple[int], np.dtype[np.float64]]

    @classmethod
    def of(cls, instance: Instance, trace: Trace) -> Year:
        """Read a trace."""
        wrong = (trace.order[instance.offset[:-1]] != choices(instance)).astype(np.int64)
        return cls(instance, wrong, trace.asked == 1, trace.confidence)

    def __iter__(self) -> Iterator[tuple[str, int, float, float]]:
        """Yield slices: name, rounds, share wrong, share asked."""
        n = len(self.wrong)
        quarters = ("first quarter", "second quarter", "after the change", "last quarter")
        for part, name in enumerate(quarters):
            yield self._slice(name, np.arange(n * part // 4, n * (part + 1) // 4))
        chosen = self.instance.codes[self.instance.offset[:-1] + choices(self.instance)]
        for feature in SLICED:
            values = chosen[:, COLUMN[feature]]
            for code, value in enumerate(VALUES[feature]):
                rows = np.flatnonzero(values == code)
                if len(rows) >= max(1, n // 12):
                    yield self._slice(f"chosen: {feature} {value}", rows)

    def _slice(self, name: str, rows: Ints) -> tuple[str, int, float, float]:
        count = max(len(rows), 1)
        wrong, asked = int(self.wrong[rows].sum()), int(self.asked[rows].sum())
        return name, len(rows), wrong / count, asked / count


def curves(instance: Instance, trace: Trace) -> tuple[list[float], list[float], list[float]]:
    """Return rounds, and moving means of the error and of the questions up to each."""
    year = Year.of(instance, trace)
    ends = [float(end) for end in range(1, len(year.wrong) + 1)]
    return ends, _moving(year.wrong), _moving(year.asked.astype(np.int64))


def draw(instance: Instance, trace: Trace, title: str) -> str:
    """Return the learning curve as SVG."""
    from evaluator.render import Axis, Line, line_chart

    rounds, wrong, asked = curves(instance, trace)
    lines = [
        Line("wrong, %", rounds, [100 * share for share in wrong], stepped=True),
        Line("asked, %", rounds, [100 * share for share in asked], stepped=True),
    ]
    y = Axis(f"share of the last {WINDOW} rounds, %", low=0.0)
    return line_chart(title, lines, Axis("round", low=0.0), y)


def sketch(instance: Instance, trace: Trace, width: int, unicode: bool) -> list[str]:
    """Return errors and questions over the year as lines of characters."""
    year = Year.of(instance, trace)
    columns = max(10, min(width - 24, len(year.wrong)))
    edge = "│" if unicode else "|"
    lines = []
    for name, values in (("wrong", year.wrong), ("asked", year.asked.astype(np.int64))):
        parts = [part for part in np.array_split(values, columns) if len(part)]
        shares = [int(part.sum()) / len(part) for part in parts]
        cells = "".join(_cell(share, LEVELS if unicode else PLAIN) for share in shares)
        lines.append(f"{name} {edge}{cells}{edge} {int(values.sum()) / len(values):4.0%}")
    return [*lines, f"       0{f'round {len(year.wrong)}':>{columns - 1}}"]


def _cell(share: float, levels: str) -> str:
    """Return a character: anything above nothing is seen."""
    return levels[min(len(levels) - 1, int(np.ceil(share * (len(levels) - 1) - 1e-9)))]


def _moving(values: Ints) -> list[float]:
    sums = np.concatenate([[0], np.cumsum(values)])
    ends = range(1, len(values) + 1)
    return [int(sums[end] - sums[max(0, end - WINDOW)]) / min(end, WINDOW) for end in ends]


def _by_confidence(year: Year) -> str:
    said = []
    for low, high in ((0.0, 0.6), (0.6, 0.75), (0.75, 0.9), (0.9, 1.01)):
        rows = ~year.asked & (year.confidence >= low) & (year.confidence < high)
        if rows.any():
            right = 1 - int(year.wrong[rows].sum()) / int(rows.sum())
            said.append(f"{low:g}-{min(high, 1.0):g} {right:.0%} of {int(rows.sum())}")
    return ", ".join(said) or "none"
