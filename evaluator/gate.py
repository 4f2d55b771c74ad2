"""The gate: may this candidate be called better? Paired differences, bootstrap bounds, guards.

Everything here is arithmetic on stored metrics; docs/design/gate.md argues each choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from evaluator.errors import InputError
from evaluator.paired import Floats, Sense, gains, interval, share, worse_share

Metrics = Mapping[str, float]

NOMINAL = "nominal"
"""Name of the setting without a perturbation: the sealed test itself."""


@dataclass(frozen=True, slots=True)
class GateRules:
    """What a candidate has to show."""

    alpha: float = 0.05
    """Chance of accepting a candidate without ``minimum_gain``, all finalists together."""
    minimum_gain: float = 0.005
    """Relative gain that the lower bound must clear against the best known and the incumbent."""
    tolerance: float = 0.01
    """Relative loss that a robustness setting may show on average."""
    resamples: int = 8000

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 0.5:
            raise InputError(f"gate alpha must be in (0, 0.5), got {self.alpha}")
        if not 0 <= self.minimum_gain < 1 or not 0 <= self.tolerance < 1:
            raise InputError(
                "gate minimum_gain and tolerance must be in [0, 1), got "
                f"{self.minimum_gain} and {self.tolerance}"
            )
        if self.resamples < 4000:
            raise InputError(f"gate resamples must be >= 4000, got {self.resamples}")


@dataclass(frozen=True, slots=True)
class Comparison:
    """The candidate against one rival on the same arrivals; shares are relative (0.03 is 3 %)."""

    rival: str
    role: Literal["best known", "incumbent", "known"]
    gain: float
    lower: float
    upper: float
    required: float
    """The lower bound must exceed this."""
    holds: bool


@dataclass(frozen=True, slots=True)
class GuardCheck:
    """How much worse a guarded metric became, on average; negative is better."""

    metric: str
    rival: str
    worsening: float
    lower: float
    upper: float
    margin: float
    holds: bool


@dataclass(frozen=True, slots=True)
class Robustness:
    """One other world: does the candidate still not lose there?"""

    setting: str
    instances: int
    gain: float
    """Mean relative gain against the best known rule of the verdict."""
    rank: int
    """1 is first among the candidate and all known rules."""
    holds: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate decided, and everything it looked at."""

    accepted: bool
    reasons: tuple[str, ...]
    """Why not; one line a broken condition. Empty when accepted."""
    candidate: str
    reference: str
    """Best known rule, chosen on validation."""
    finalists: int
    level: float
    """One-sided level of each bound: alpha over the number of finalists (Bonferroni)."""
    comparisons: tuple[Comparison, ...]
    guards: tuple[GuardCheck, ...]
    robustness: tuple[Robustness, ...]
    rank_stability: float
    """Share of settings in which the candidate ranks first."""
    violations: int
    rules: GateRules = field(default_factory=GateRules)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Verdict:
        """Rebuild what ``to_json`` gave."""
        rest = {
            k: data[k]
            for k in (
                "accepted",
                "candidate",
                "reference",
                "finalists",
                "level",
                "rank_stability",
                "violations",
            )
        }
        return cls(
            **rest,
            reasons=tuple(data["reasons"]),
            comparisons=tuple(Comparison(**row) for row in data["comparisons"]),
            guards=tuple(GuardCheck(**row) for row in data["guards"]),
            robustness=tuple(Robustness(**row) for row in data["robustness"]),
            rules=GateRules(**data["rules"]),
        )


@dataclass(frozen=True, slots=True)
class Measured:
    """One policy's metrics on a list of instances, in instance order."""

    name: str
    metrics: Sequence[Metrics]

    def column(self, metric: str) -> Floats:
        """Return one metric over the instances, shape (n,)."""
        return np.array([row[metric] for row in self.metrics], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Case:
    """All a verdict rests on. Rivals are measured on the candidate's own instances."""

    candidate: Measured
    reference: str
    known: Sequence[Measured]
    incumbent: Measured | None = None
    settings: Mapping[str, tuple[Measured, Sequence[Measured]]] = field(default_factory=dict)
    """Setting name to (candidate, known rules) measured there."""
    violations: int = 0


def best_known(known: Sequence[Measured], metric: str, sense: Sense) -> Measured:
    """Return the rule of the greatest mean gain over all the others; ties go to the first.

    Without the bound on a gain this is the best mean log metric. Against one rule alone, a bad one
    would make all that are several times better look alike.

    Raises:
        InputError: there is no rule.
    """
    if not known:
        raise InputError("the gate needs at least one known rule to beat, got 0")
    columns = [rule.column(metric) for rule in known]
    totals = [
        sum(float(np.mean(gains(mine, other, sense))) for other in columns) for mine in columns
    ]
    return known[totals.index(max(totals))]


def judge(
    case: Case,
    metric: str,
    sense: Sense,
    guards: Sequence[tuple[str, Sense, float]],
    *,
    finalists: int = 1,
    rules: GateRules | None = None,
) -> Verdict:
    """Decide. Every condition must hold; the verdict names each that does not.

    Args:
        case: The candidate and its rivals on the sealed test, and the other settings.
        metric: The objective.
        sense: Whether less or more of it is better.
        guards: (metric, sense, margin) of what must not get worse.
        finalists: How many candidates are judged on this test (Bonferroni).
        rules: Thresholds; the default ones when left out.
    """
    rules = rules or GateRules()
    level = rules.alpha / max(1, finalists)
    comparisons = tuple(_compare(case, metric, sense, level, rules))
    checks = tuple(_check_guards(case, guards, level, rules))
    others = tuple(_robustness(case, metric, sense, rules))
    first = sum(row.rank == 1 for row in others) / len(others) if others else 0.0
    reasons = [
        f"against {c.role} {c.rival!r}: gain {c.gain:+z.2%}, lower bound {c.lower:+z.2%} "
        f"does not clear {c.required:.2%}"
        for c in comparisons
        if not c.holds
    ]
    reasons += [
        f"guard {g.metric!r}: {g.worsening:+z.2%} worse than {g.rival!r}, margin {g.margin:.2%}"
        for g in checks
        if not g.holds
    ]
    reasons += [
        f"setting {r.setting!r}: gain {r.gain:+z.2%} is below {-rules.tolerance:.2%}"
        for r in others
        if not r.holds
    ]
    if case.violations:
        reasons.append(f"{case.violations} violations of hard constraints, 0 allowed")
    return Verdict(
        accepted=not reasons,
        reasons=tuple(reasons),
        candidate=case.candidate.name,
        reference=case.reference,
        finalists=finalists,
        level=level,
        comparisons=comparisons,
        guards=checks,
        robustness=others,
        rank_stability=first,
        violations=case.violations,
        rules=rules,
    )


def _compare(
    case: Case, metric: str, sense: Sense, level: float, rules: GateRules
) -> list[Comparison]:
    """Best known rule and incumbent: by the minimum gain; other rules: better at all."""
    mine = case.candidate.column(metric)
    rivals: list[tuple[Measured, Literal["best known", "incumbent", "known"]]] = [
        (rule, "best known" if rule.name == case.reference else "known") for rule in case.known
    ]
    if case.reference not in [rule.name for rule in case.known]:
        raise InputError(f"gate: reference {case.reference!r} is not among the known rules")
    if case.incumbent is not None:
        rivals.append((case.incumbent, "incumbent"))
    order = {"best known": 0, "incumbent": 1, "known": 2}
    rows = []
    for rival, role in sorted(rivals, key=lambda pair: order[pair[1]]):
        bound = interval(gains(mine, rival.column(metric), sense), level, rules.resamples)
        required = 0.0 if role == "known" else rules.minimum_gain
        lower = share(bound.lower)
        rows.append(
            Comparison(
                rival.name,
                role,
                share(bound.mean),
                lower,
                share(bound.upper),
                required,
                holds=lower > required,
            )
        )
    return rows


def _check_guards(
    case: Case, guards: Sequence[tuple[str, Sense, float]], level: float, rules: GateRules
) -> list[GuardCheck]:
    rivals = [rule for rule in case.known if rule.name == case.reference]
    rivals += [case.incumbent] if case.incumbent is not None else []
    rows = []
    for metric, sense, margin in guards:
        for rival in rivals:
            paired = gains(case.candidate.column(metric), rival.column(metric), sense)
            bound = interval(paired, level, rules.resamples)
            worsening = worse_share(bound.mean)
            rows.append(
                GuardCheck(
                    metric,
                    rival.name,
                    worsening,
                    worse_share(bound.upper),
                    worse_share(bound.lower),
                    margin,
                    holds=worsening <= margin,
                )
            )
    return rows


def _robustness(case: Case, metric: str, sense: Sense, rules: GateRules) -> list[Robustness]:
    nominal = {NOMINAL: (case.candidate, case.known)} if case.settings else {}
    rows = []
    for setting, (candidate, known) in {**nominal, **case.settings}.items():
        mine = candidate.column(metric)
        mean = {
            rule.name: float(np.mean(gains(mine, rule.column(metric), sense))) for rule in known
        }
        gain = share(mean[case.reference])
        rank = 1 + sum(value < 0 for value in mean.values())
        rows.append(Robustness(setting, len(mine), gain, rank, holds=gain >= -rules.tolerance))
    return rows
