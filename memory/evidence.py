"""Does the evidence still prove the claim? Replay every trace and compute the verdict again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from evaluator.errors import EvaluatorError, InputError, SandboxError
from evaluator.gate import Verdict
from evaluator.paired import gains, interval, share
from memory.acceptance import TEST
from memory.errors import Conflict
from memory.policies import find_policy, mark, show
from memory.records import EvidenceRecord, Features, PolicyRecord
from memory.store import MemoryStore

Column = dict[tuple[int, str], float]
"""The objective by (index, instance digest)."""

STATISTICS: Final = 1e-9
"""Relative difference that recomputed gains may show: they go through NumPy's logarithm, whose
last bit differs between CPUs. Scores may show none."""


@dataclass(frozen=True, slots=True)
class Played:
    """What a trace file turned out to hold when it was replayed."""

    instance: str
    """Digest of the instance that it was replayed on."""
    policy: str
    """Name of the policy that made it."""
    digest: str
    """sha256 of that policy's text; empty for a rule that has none."""
    metrics: Mapping[str, float]
    violations: int


class Replay(Protocol):
    """Replays one trace file, independently of the engine that made it."""

    def __call__(self, path: Path) -> Played:
        """Return what it holds; raise ``EvaluatorError`` when it cannot be read or rebuilt."""


@dataclass(frozen=True, slots=True)
class Check:
    """One piece of evidence, or one comparison of the verdict."""

    subject: str
    problem: str
    """Empty when it holds."""


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a verification looked at."""

    policy: PolicyRecord
    """As it is marked now."""
    checks: tuple[Check, ...]

    @property
    def holds(self) -> bool:
        """Whether everything replays."""
        return not self.problems

    @property
    def problems(self) -> tuple[Check, ...]:
        """What does not."""
        return tuple(check for check in self.checks if check.problem)


def verify(store: MemoryStore, id: str, replay: Replay | None = None) -> VerifyReport:
    """Replay all evidence of a policy, mark it broken or sound, and say what was found.

    Every file must be there with its digest, be a trace of this policy (or of the named rival) on
    the recorded instance, replay without a violation, and give the stored metrics to the last bit;
    the comparisons of the verdict are computed again from the replayed metrics.

    Args:
        store: The memory.
        id: Id of the policy, or the beginning of it.
        replay: How to replay a file; left out, ``evaluator.replay`` does it.

    Raises:
        NotFound: no such policy.
        SandboxError: ``replay`` needs a sandbox and there is none; nothing is marked.
        Conflict: it has no evidence, or changed while it was being verified.
    """
    shown = show(store, id)
    policy = shown.policy
    if not shown.evidence:
        raise Conflict(f"policy {policy.id[:12]!r} is a {policy.status} without evidence")
    if replay is None:
        # the engine's compiled parts take a moment to load; most users of memory never replay
        from memory.playback import replay_file

        replay = replay_file
    checks = []
    played: list[tuple[EvidenceRecord, Mapping[str, float]]] = []
    for item in shown.evidence:
        result = _play(store, policy, item, replay)
        checks.append(Check(_subject(item), result if isinstance(result, str) else ""))
        if not isinstance(result, str):
            played.append((item, result.metrics))
    if not any(check.problem for check in checks):
        checks += _check_claim(policy, shown.context, played)
    problems = [f"{check.subject}: {check.problem}" for check in checks if check.problem]
    with store.write() as writer:
        now = find_policy(writer, policy.id)
        if now.verdict != policy.verdict:
            raise Conflict(f"policy {policy.id[:12]!r} was accepted anew meanwhile: verify again")
        marked = mark(store, writer, now, "; ".join(problems[:3]))
    return VerifyReport(marked, tuple(checks))


def _subject(item: EvidenceRecord) -> str:
    return f"{item.by or 'policy'} on {item.split} {item.index} (trace {item.trace[:12]})"


def _play(
    store: MemoryStore, policy: PolicyRecord, item: EvidenceRecord, replay: Replay
) -> Played | str:
    """Return the replayed trace, or what is wrong with it."""
    path = store.vault.path(item.trace)
    if not path.is_file():
        return f"file {path.name!r} is missing"
    if not store.vault.holds(item.trace):
        return f"file {path.name!r} is damaged (sha256 differs)"
    try:
        played = replay(path)
    except SandboxError:
        # says something about this machine, nothing about the evidence
        raise
    except EvaluatorError as error:
        return f"does not replay: {error}"
    if played.instance != item.instance:
        return f"is of instance {played.instance[:12]}, recorded was {item.instance[:12]}"
    made_by, recorded = (played.policy, item.by) if item.by else (played.digest, policy.digest)
    if made_by != recorded:
        return f"was made by {made_by[:40]!r}, recorded was {recorded[:40]!r}"
    if played.violations:
        return f"{played.violations} violations of hard constraints, 0 allowed"
    for name, stored in item.metrics.items():
        found = played.metrics.get(name)
        if found is None or found.hex() != float(stored).hex():
            return f"{name}: stored {stored!r}, replayed {found!r}"
    return played


def _check_claim(
    policy: PolicyRecord,
    context: Features,
    played: Sequence[tuple[EvidenceRecord, Mapping[str, float]]],
) -> list[Check]:
    """Compute each comparison anew whose rival's traces are among the evidence."""
    verdict = policy.judged()
    if verdict is None:
        return []
    columns: dict[str, Column] = {}
    for item, metrics in played:
        if item.split == TEST:
            place = (item.index, item.instance)
            columns.setdefault(item.by, {})[place] = metrics.get(context.objective, math.nan)
    checks = []
    for row in verdict.comparisons:
        if row.rival in columns:
            stated = (row.gain, row.lower, row.upper)
            try:
                found = _recompute(columns.get("", {}), columns[row.rival], context, verdict)
                problem = _difference(stated, found)
            except InputError as error:
                problem = str(error)
            checks.append(Check(f"gain over {row.rival}", problem))
    best = [row for row in verdict.comparisons if row.role == "best known"]
    claimed = (policy.gain, policy.gain_low, policy.gain_high)
    stated = (best[0].gain, best[0].lower, best[0].upper) if best else (math.nan,) * 3
    checks.append(Check("claim of the record", _difference(claimed, stated)))
    if not best or best[0].rival != policy.rival or policy.rival not in columns:
        checks.append(Check(f"gain over {policy.rival}", "no traces of the rival are stored"))
    return checks


def _recompute(
    own: Column, rival: Column, context: Features, verdict: Verdict
) -> tuple[float, float, float]:
    places = sorted(set(own) & set(rival))
    mine, theirs = (np.array([column[place] for place in places]) for column in (own, rival))
    bound = interval(gains(mine, theirs, context.sense), verdict.level, verdict.rules.resamples)
    return share(bound.mean), share(bound.lower), share(bound.upper)


def _difference(stated: Sequence[float], found: Sequence[float]) -> str:
    if all(
        math.isclose(a, b, rel_tol=STATISTICS, abs_tol=STATISTICS)
        for a, b in zip(stated, found, strict=True)
    ):
        return ""
    return f"stated {_shares(stated)}, computed {_shares(found)}"


def _shares(values: Sequence[float]) -> str:
    gain, low, high = values
    return f"{gain:+z.6%} ({low:+z.6%} to {high:+z.6%})"
