"""The trusted score path: every metric of a year, from integers and exactly rounded sums.

Error is counted in every round, asked or not: whether the first of the order is the user's choice.
Windows are tenths of the year.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

from evaluator.calendar.draws import Ints
from evaluator.calendar.instance import Instance
from evaluator.calendar.simulation import Trace, choices
from evaluator.errors import TraceError

QUESTION: Final = 0.25
"""What a question costs, in errors."""
BINS: Final = 10
"""Of the calibration error, by confidence."""
SETTLED: Final = 0.05
"""A resolver has recovered when its error is within this of what it was before."""
LOOK: Final = 25
"""Rounds over which recovery looks."""

METRICS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "cost": "(errors where it acted + 0.25 x questions) / rounds",
        "aer": "average error rate: share of rounds whose first is not the user's choice",
        "aer_first": "the same in the first tenth of the year",
        "aer_last": "the same in the last tenth of the year",
        "error_reduction": "(aer_first - aer_last) / aer_first; rewards a bad start",
        "acted_error": "share of errors among the rounds it acted in",
        "questions": "questions per round",
        "kendall_tau": "mean Kendall tau between its order and the user's",
        "ece": "expected calibration error of the confidence, ten bins",
        "risk_80": "error among the 80 % of rounds with most confidence",
        "risk_50": "error among the 50 % of rounds with most confidence",
        "drift_loss": "error in the tenth after mid-year minus error in the tenth before it",
        "drift_recovery": "rounds after mid-year until 25 rounds in a row are as good as before",
        "deletion_loss": "error in the tenth after three quarters minus the tenth before",
        "deletion_recovery": "rounds after three quarters until it is as good as before",
        "floor": "share of rounds whose choice only the noise explains; no one can be below",
    }
)
"""Names and meanings; less is better but for error_reduction and kendall_tau."""


def measure(instance: Instance, trace: Trace) -> dict[str, float]:
    """Return every metric of ``METRICS``, in that order.

    Raises:
        TraceError: the trace does not belong to the instance.
    """
    if len(trace) != len(instance) or len(trace.order) != len(instance.codes):
        raise TraceError(
            f"a trace of {len(trace)} rounds does not belong to a year of {len(instance)}"
        )
    rounds = len(instance)
    right = choices(instance)
    wrong = (trace.order[instance.offset[:-1]] != right).astype(np.int64)
    acted = trace.asked == 0
    errors, asked = int(wrong.sum()), rounds - int(acted.sum())
    acted_errors = int(wrong[acted].sum())
    tenth = max(1, rounds // 10)
    first, last = _mean(wrong[:tenth]), _mean(wrong[-tenth:])
    half, late = rounds // 2, rounds * 3 // 4
    return {
        "cost": (acted_errors + QUESTION * asked) / rounds,
        "aer": errors / rounds,
        "aer_first": first,
        "aer_last": last,
        "error_reduction": (first - last) / first if first else 0.0,
        "acted_error": acted_errors / (rounds - asked) if asked < rounds else 0.0,
        "questions": asked / rounds,
        "kendall_tau": _kendall(instance, trace),
        "ece": _calibration(trace.confidence.tolist(), wrong.tolist()),
        "risk_80": _risk(trace, wrong, 80),
        "risk_50": _risk(trace, wrong, 50),
        "drift_loss": _loss(wrong, half, tenth),
        "drift_recovery": float(_recovery(wrong, half, late, tenth)),
        "deletion_loss": _loss(wrong, late, tenth),
        "deletion_recovery": float(_recovery(wrong, late, rounds, tenth)),
        "floor": int((right != instance.favourite).sum()) / rounds,
    }


def _mean(values: Ints) -> float:
    return int(values.sum()) / len(values) if len(values) else 0.0


def _kendall(instance: Instance, trace: Trace) -> float:
    taus = []
    for number in range(len(instance)):
        at = slice(int(instance.offset[number]), int(instance.offset[number + 1]))
        place = np.empty(at.stop - at.start, np.int64)
        place[trace.order[at]] = np.arange(len(place))
        ours, theirs = place[:, None] < place, instance.rank[at][:, None] < instance.rank[at]
        upper = np.triu(np.ones_like(ours), 1)
        agree = int((upper & (ours == theirs)).sum())
        pairs = len(place) * (len(place) - 1) // 2
        taus.append((2 * agree - pairs) / pairs)
    return math.fsum(taus) / len(taus)


def _calibration(confidence: list[float], wrong: list[int]) -> float:
    said: list[list[float]] = [[] for _ in range(BINS)]
    held = [0] * BINS
    for chance, missed in zip(confidence, wrong, strict=True):
        place = min(int(chance * BINS), BINS - 1)
        said[place].append(chance)
        held[place] += 1 - missed
    gaps = [abs(math.fsum(chances) - held[place]) for place, chances in enumerate(said)]
    return math.fsum(gaps) / len(wrong)


def _risk(trace: Trace, wrong: Ints, percent: int) -> float:
    surest = np.argsort(-trace.confidence, kind="stable")[: max(1, len(wrong) * percent // 100)]
    return _mean(wrong[surest])


def _loss(wrong: Ints, at: int, tenth: int) -> float:
    return _mean(wrong[at : at + tenth]) - _mean(wrong[max(0, at - tenth) : at])


def _recovery(wrong: Ints, at: int, end: int, tenth: int) -> int:
    """Return rounds until the error over LOOK rounds is as before; all that are left if never."""
    before = _mean(wrong[max(0, at - tenth) : at])
    for start in range(at, end - LOOK + 1):
        if _mean(wrong[start : start + LOOK]) <= before + SETTLED:
            return start - at
    return end - at
