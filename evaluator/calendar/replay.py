"""The second opinion: re-check every rule of the calendar world and score a trace anew.

Shares no code with the simulation, the generator's choices or ``metrics``: the user's order is
found again from the tastes, in plain Python, and sums are exact fractions.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction

from evaluator.calendar.instance import FREE, Instance
from evaluator.calendar.simulation import Trace
from evaluator.calendar.vocabulary import START


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay found."""

    metrics: dict[str, float]
    """Every metric; empty if the trace breaks a rule."""
    violations: tuple[str, ...]


def replay(instance: Instance, trace: Trace) -> Replayed:
    """Check every rule and recompute every metric; never raises for a bad trace."""
    rounds = [range(int(a), int(b)) for a, b in itertools.pairwise(instance.offset.tolist())]
    violations = _violations(instance, trace, rounds)
    if violations:
        return Replayed({}, tuple(violations))
    orders = [[int(trace.order[row]) for row in rows] for rows in rounds]
    return Replayed(_score(instance, trace, orders, rounds), ())


def differences(stored: dict[str, float], replayed: dict[str, float]) -> list[str]:
    """Return the metrics whose bits differ, or that only one side has."""
    names = [*stored, *(name for name in replayed if name not in stored)]
    return [
        f"{name}: stored {stored.get(name)!r}, replayed {replayed.get(name)!r}"
        for name in names
        if stored.get(name) != replayed.get(name)
    ]


def _violations(instance: Instance, trace: Trace, rounds: list[range]) -> list[str]:
    if len(trace.asked) != len(rounds) or len(trace.confidence) != len(rounds):
        return [f"{len(trace.asked)} decisions for {len(rounds)} rounds: each is decided once"]
    if len(trace.order) != rounds[-1].stop:
        return [f"{len(trace.order)} places for {rounds[-1].stop} events"]
    found = []
    asked = 0
    for number, rows in enumerate(rounds):
        order = sorted(int(trace.order[row]) for row in rows)
        if order != list(range(len(rows))):
            found.append(f"round {number}: the order is not one of its {len(rows)} candidates")
        if not 0 <= float(trace.confidence[number]) <= 1:
            found.append(f"round {number}: confidence {trace.confidence[number]!r} is no chance")
        if trace.asked[number] not in (0, 1):
            found.append(f"round {number}: asked must be 0 or 1, got {trace.asked[number]}")
        elif trace.asked[number]:
            if asked >= FREE + instance.rules.questions * number // 100:
                found.append(f"round {number}: a question beyond the budget")
            asked += 1
    return found[:64]


def _score(
    instance: Instance, trace: Trace, orders: list[list[int]], rounds: list[range]
) -> dict[str, float]:
    n = len(rounds)
    ranks = [[int(instance.rank[row]) for row in rows] for rows in rounds]
    miss = [int(rank[order[0]] != 0) for rank, order in zip(ranks, orders, strict=True)]
    quiet = [m for m, a in zip(miss, trace.asked.tolist(), strict=True) if not a]
    asked = n - len(quiet)
    tenth = max(1, n // 10)
    first, last = _share(miss[:tenth]), _share(miss[n - tenth :])
    half, late = n // 2, n * 3 // 4
    confidence = [float(value) for value in trace.confidence]
    return {
        "cost": float(Fraction(4 * sum(quiet) + asked, 4 * n)),
        "aer": float(_share(miss)),
        "aer_first": float(first),
        "aer_last": float(last),
        # two divisions, as the definition has it
        "error_reduction": (float(first) - float(last)) / float(first) if first else 0.0,
        "acted_error": float(_share(quiet)),
        "questions": float(Fraction(asked, n)),
        "kendall_tau": _tau(orders, ranks),
        "ece": _ece(confidence, miss),
        "risk_80": float(_share(_surest(confidence, miss, 80))),
        "risk_50": float(_share(_surest(confidence, miss, 50))),
        "drift_loss": _lost(miss, half, tenth),
        "drift_recovery": float(_back(miss, half, late, tenth)),
        "deletion_loss": _lost(miss, late, tenth),
        "deletion_recovery": float(_back(miss, late, n, tenth)),
        "floor": float(_share([int(w) for w in _noisy(instance, ranks, rounds)])),
    }


def _share(values: list[int]) -> Fraction:
    return Fraction(sum(values), len(values)) if values else Fraction(0)


def _tau(orders: list[list[int]], ranks: list[list[int]]) -> float:
    total = Fraction(0)
    for order, rank in zip(orders, ranks, strict=True):
        signs = [1 if rank[a] < rank[b] else -1 for a, b in itertools.combinations(order, 2)]
        # each term is rounded once, as a metric of its own would be
        total += Fraction(sum(signs) / len(signs))
    return float(total) / len(orders)


def _ece(confidence: list[float], miss: list[int]) -> float:
    total = Fraction(0)
    for place in range(10):
        inside = [
            (c, m) for c, m in zip(confidence, miss, strict=True) if min(int(c * 10), 9) == place
        ]
        said = float(sum((Fraction(c) for c, _ in inside), Fraction(0)))
        total += Fraction(abs(said - sum(1 - m for _, m in inside)))
    return float(total) / len(miss)


def _surest(confidence: list[float], miss: list[int], percent: int) -> list[int]:
    rows = sorted(range(len(miss)), key=lambda row: (-confidence[row], row))
    return [miss[row] for row in rows[: max(1, len(miss) * percent // 100)]]


def _lost(miss: list[int], at: int, tenth: int) -> float:
    return float(_share(miss[at : at + tenth])) - float(_share(miss[max(0, at - tenth) : at]))


def _back(miss: list[int], at: int, end: int, tenth: int) -> int:
    before = float(_share(miss[max(0, at - tenth) : at]))
    good = [
        start
        for start in range(at, end - 24)
        if float(_share(miss[start : start + 25])) <= before + 0.05
    ]
    return good[0] - at if good else end - at


def _noisy(instance: Instance, ranks: list[list[int]], rounds: list[range]) -> list[bool]:
    """Return whether each choice differs from what the taste alone says."""
    found = []
    for number, rows in enumerate(rounds):
        taste = [phase.taste for phase in instance.phases if phase.first <= number][-1]
        keys = []
        for row in rows:
            held = {START[c] + int(v) for c, v in enumerate(instance.codes[row])}
            says = tuple(
                (1 if principle.wanted else -1) * int(set(principle.values) <= held)
                for principle in taste.principles
            )
            worth = sum(int(taste.main[value]) for value in held)
            worth += sum(e.weight for e in taste.effects if set(e.values) <= held)
            keys.append((says, worth, -row))
        found.append(ranks[number][keys.index(max(keys))] != 0)
    return found
