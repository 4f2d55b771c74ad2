"""Which policy in memory suits a cluster and a workload, and why."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from memory.records import Features, PolicyRecord
from memory.store import MemoryStore

LIMIT: Final = 1.0
"""Greatest distance at which a policy is still believed to be of use."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How one feature counts: ``transform`` it, then ``unit`` is too far by itself."""

    transform: Callable[[float], float]
    unit: float


def _same(value: float) -> float:
    return value


SCALES: Final[Mapping[str, Scale]] = {
    "nodes": Scale(math.log10, 1.0),
    "types": Scale(math.log2, 1.5),
    "heterogeneity": Scale(_same, 0.6),
    "affinity": Scale(_same, 0.6),
    "load": Scale(math.log1p, 0.6),
    "packing": Scale(_same, 0.6),
    "gang_share": Scale(_same, 0.6),
    "dag_share": Scale(_same, 0.6),
    "due_share": Scale(_same, 0.6),
    "data_ratio": Scale(math.log1p, 0.7),
    "duration_spread": Scale(_same, 2.0),
    "burstiness": Scale(_same, 0.8),
    "estimate_error": Scale(math.log1p, 0.8),
    "overhead": Scale(math.log1p, 0.6),
    "failures": Scale(float, 1.5),
}
"""Units are set so that draws of one built-in scenario lie within about 0.5 of each other, its
unseen family within 0.75, and other scenarios beyond 2."""

FILTERS: Final = {
    "world": "another world",
    "objective": "another objective",
    "sense": "another objective",
    "preemptive": "another rule of preemption",
}
"""Fields that must be equal, and what it is called when they are not."""


@dataclass(frozen=True, slots=True)
class Retrieved:
    """A policy from memory, or else a known rule; exactly one of the two is there."""

    policy: PolicyRecord | None
    rule: str
    """Name of a known rule; empty when a policy was found."""
    reason: str
    """One sentence, made from the records."""
    distance: float
    """0 is the very same context; inf for a known rule."""


def distance(one: Features, other: Features) -> float:
    """Return how far apart two contexts are: Euclidean over ``SCALES``; inf if filters differ."""
    if any(getattr(one, name) != getattr(other, name) for name in FILTERS):
        return math.inf
    return math.hypot(*_gaps(one, other).values())


def best_policy(
    store: MemoryStore, wanted: Features, *, fallback: str = "", because: str = "asked for"
) -> Retrieved:
    """Return the policy of the greatest gain that can be expected here.

    Only accepted, unbroken policies of a fitting shape count, proven under the same world,
    objective and rule of preemption, at most ``LIMIT`` away. What can be expected is the lower
    bound of the proven gain, times one minus the distance. Ties: nearer, then newer, then id.

    Args:
        store: Where to look.
        wanted: Features of the cluster and workload at hand.
        fallback: Known rule for when nothing fits; left out, ``usual_rule`` names one.
        because: Why that rule; part of the reason.
    """
    refused: Counter[str] = Counter()
    fitting = []
    with store.read() as reader:
        for policy in reader.find(PolicyRecord, status="accepted"):
            context = reader.get(Features, policy.context)
            assert context is not None
            objection = _objection(policy, context, wanted)
            if objection:
                refused[objection] += 1
                continue
            away = distance(wanted, context)
            worth = policy.gain_low * (1.0 - away / LIMIT)
            age = -policy.created.timestamp()
            fitting.append(((-worth, away, age, policy.id), policy, context))
    if not fitting:
        return _known(wanted, (fallback, because), refused)
    _, policy, context = min(fitting, key=lambda row: row[0])
    away = distance(wanted, context)
    return Retrieved(policy, "", _why(policy, context, wanted, away, len(fitting)), away)


def usual_rule(wanted: Features) -> tuple[str, str]:
    """Return the known rule that is the usual choice for a context, and why."""
    if "tardiness" in wanted.objective or "deadline" in wanted.objective:
        return "atc", "the objective counts lateness"
    if wanted.preemptive:
        return "srpt", "running tasks may be stopped"
    if wanted.dag_share > 0:
        return "eft", "jobs have precedence"
    if wanted.packing > 0.02 and ("slowdown" in wanted.objective or wanted.gang_share > 0):
        return "easy", "wide jobs would starve without reservations"
    return "sjf", "nothing about the workload calls for more"


def _objection(policy: PolicyRecord, context: Features, wanted: Features) -> str:
    """Return why a policy is out of the question; empty if it is not."""
    if policy.broken:
        return "with evidence that no longer replays"
    for name, other in FILTERS.items():
        if getattr(context, name) != getattr(wanted, name):
            return f"proven for {other}"
    if wanted.preemptive and policy.shape != "decide" and policy.discipline != "greedy":
        return "of a discipline that cannot preempt"
    if policy.gain_low <= 0:
        return "without a proven gain"
    if distance(wanted, context) > LIMIT:
        return "proven in a context too far away"
    return ""


def _gaps(one: Features, other: Features) -> dict[str, float]:
    return {
        name: (scale.transform(getattr(one, name)) - scale.transform(getattr(other, name)))
        / scale.unit
        for name, scale in SCALES.items()
    }


def _why(policy: PolicyRecord, context: Features, wanted: Features, away: float, count: int) -> str:
    gaps = _gaps(wanted, context)
    widest = max(gaps, key=lambda name: abs(gaps[name]))
    here, there = getattr(wanted, widest), getattr(context, widest)
    apart = (
        f"{away:.2f} away (limit {LIMIT:g}), most in {widest}: {here:g} here, {there:g} there"
        if gaps[widest]
        else "the very same"
    )
    checked = (
        f"its evidence last replayed {policy.verified:%Y-%m-%d}"
        if policy.verified
        else "its evidence not yet replayed here"
    )
    among = f"the most promising of {count} that fit" if count > 1 else "the only one that fits"
    return (
        f"policy {policy.id[:12]} {policy.name!r}, {among}: {policy.gain:.1%} better "
        f"{context.objective} than {policy.rival!r} (at least {policy.gain_low:.1%}) on "
        f"{policy.pairs} paired instances of {policy.scenario!r}, {checked}; "
        f"that context is {apart}"
    )


def _known(wanted: Features, named: tuple[str, str], refused: Counter[str]) -> Retrieved:
    rule, because = named if named[0] else usual_rule(wanted)
    listed = ", ".join(f"{count} {why}" for why, count in sorted(refused.items()))
    held = f"of {refused.total()} accepted: {listed}" if refused else "no policy is accepted yet"
    return Retrieved(
        None,
        rule,
        f"known rule {rule!r} ({because}), because nothing in memory fits ({held})",
        math.inf,
    )
