"""How a policy comes into memory: with a verdict, and with copies of the traces behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from evaluator.gate import Comparison, Verdict
from evaluator.policy import PolicySource
from memory.audit import log
from memory.codec import plain
from memory.errors import Conflict
from memory.policies import drop_context, sweep
from memory.records import EvidenceRecord, Features, PolicyRecord, identity
from memory.store import MemoryStore
from memory.vault import Staged

TEST: Final = "test"
"""The sealed split, whose pairs the claim is made of; evidence of other splits only replays."""


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """A trace on disk that is to become evidence."""

    path: Path
    split: str
    index: int
    instance: str
    """Digest of the instance."""
    metrics: Mapping[str, float]
    by: str = ""
    """Name of the rule that made it; empty for the policy itself."""


def add_accepted(
    store: MemoryStore,
    policy: PolicySource,
    verdict: Verdict,
    evidence: Sequence[EvidenceFile],
    context: Features,
    *,
    scenario: str,
    scenario_digest: str,
    explanation: str = "",
    run: str = "",
) -> PolicyRecord:
    """Store a policy that the gate accepted, with copies of the traces that prove it.

    The same policy accepted again in the same scenario gets the newer verdict and its evidence in
    place of the older; if a user retired it, it stays retired.

    Args:
        store: Where to.
        policy: The policy itself.
        verdict: What the gate said; it must accept.
        evidence: Traces of the policy and, on the same instances, of the rival of the verdict.
        context: Features of the scenario's instances.
        scenario: Its name.
        scenario_digest: Its digest.
        explanation: Why it works, in words.
        run: Id of the run that found it.

    Raises:
        Conflict: the verdict does not accept, or the evidence does not cover its comparison.
        StoreError: nothing was stored.
    """
    best = _claim(verdict)
    pairs = _pairs(evidence, verdict.reference, context.objective)
    fresh = replace(
        _blank(store, policy, context, scenario, scenario_digest),
        status="accepted",
        reason=f"accepted by the gate over {verdict.reference!r}",
        verdict=plain(verdict.to_json()),
        rival=verdict.reference,
        gain=best.gain,
        gain_low=best.lower,
        gain_high=best.upper,
        pairs=pairs,
        explanation=explanation,
        run=run,
    )
    with ExitStack() as stack:
        staged = [store.vault.stage(file.path) for file in evidence]
        for copy in staged:
            stack.callback(store.vault.discard, copy)
        writer = stack.enter_context(store.write())
        for copy in staged:
            store.vault.keep(copy)
        old = writer.get(PolicyRecord, fresh.id)
        detail = {"gain": best.gain, "rival": best.rival, "traces": len(staged), "run": run}
        if old is not None:
            detail |= {"gain before": old.gain, "run before": old.run}
            fresh = _again(fresh, old)
            for item in writer.find(EvidenceRecord, policy=old.id):
                writer.delete(EvidenceRecord, item.id)
        writer.put(context)
        writer.put(fresh)
        for file, copy in zip(evidence, staged, strict=True):
            writer.put(_evidence(fresh, file, copy))
        if old is not None:
            drop_context(writer, old.context)
        log(store, writer, "accept", fresh, detail=detail)
    if old is not None:
        sweep(store)
    return fresh


def add_candidate(
    store: MemoryStore,
    policy: PolicySource,
    context: Features,
    *,
    scenario: str,
    scenario_digest: str,
    explanation: str = "",
    run: str = "",
) -> PolicyRecord:
    """Store a policy that is worth keeping but not proven; one that is known stays as it is."""
    fresh = replace(
        _blank(store, policy, context, scenario, scenario_digest), explanation=explanation, run=run
    )
    with store.write() as writer:
        old = writer.get(PolicyRecord, fresh.id)
        if old is not None:
            return old
        writer.put(context)
        writer.put(fresh)
        log(store, writer, "add", fresh, detail={"run": run})
    return fresh


def _again(fresh: PolicyRecord, old: PolicyRecord) -> PolicyRecord:
    """A gate may prove a policy anew; what a user decided about it stays decided."""
    if old.status != "retired":
        return replace(fresh, created=old.created)
    return replace(
        fresh, created=old.created, status=old.status, reason=old.reason, updated=old.updated
    )


def _blank(
    store: MemoryStore, policy: PolicySource, context: Features, scenario: str, digest: str
) -> PolicyRecord:
    now = store.now()
    return PolicyRecord(
        id=identity(policy.digest, digest),
        name=policy.name,
        text=policy.text,
        digest=policy.digest,
        shape=policy.shape,
        discipline=policy.discipline,
        batch=policy.batch,
        lane=policy.lane,
        scenario=scenario,
        scenario_digest=digest,
        context=context.id,
        status="candidate",
        reason="not judged",
        created=now,
        updated=now,
    )


def _evidence(policy: PolicyRecord, file: EvidenceFile, copy: Staged) -> EvidenceRecord:
    return EvidenceRecord(
        id=identity(policy.id, file.by, file.split, str(file.index), copy.digest),
        policy=policy.id,
        by=file.by,
        trace=copy.digest,
        size=copy.size,
        instance=file.instance,
        split=file.split,
        index=file.index,
        metrics=dict(file.metrics),
    )


def _claim(verdict: Verdict) -> Comparison:
    """Return the comparison that counts: against the best known rule."""
    if not verdict.accepted:
        why = verdict.reasons[0] if verdict.reasons else "no reason given"
        raise Conflict(f"policy {verdict.candidate!r} was not accepted by the gate: {why}")
    best = [row for row in verdict.comparisons if row.role == "best known"]
    if not best:
        raise Conflict(
            f"verdict on {verdict.candidate!r}: no comparison with {verdict.reference!r}"
        )
    return best[0]


def _pairs(evidence: Sequence[EvidenceFile], rival: str, objective: str) -> int:
    """Return on how many test instances both have run; every trace needs its counterpart."""
    own = {file.instance for file in evidence if file.split == TEST and not file.by}
    other = {file.instance for file in evidence if file.split == TEST and file.by == rival}
    if not own or own != other:
        raise Conflict(
            f"evidence must have traces of the policy and of {rival!r} on the same {TEST} "
            f"instances, got {len(own)} and {len(other)}, {len(own & other)} in common"
        )
    for file in evidence:
        if objective not in file.metrics:
            raise Conflict(f"evidence {str(file.path)!r}: metric {objective!r} is missing")
    return len(own)
