"""The life of a policy in memory: candidate, accepted, retired, restored, forgotten."""

from __future__ import annotations

from dataclasses import dataclass, replace

from memory.audit import changes, log, resolve
from memory.errors import Conflict
from memory.records import (
    ChangeRecord,
    DecisionRecord,
    EvidenceRecord,
    Features,
    LessonRecord,
    PolicyRecord,
    PreferenceRecord,
    Record,
    RunRecord,
    Status,
)
from memory.store import MemoryStore, Reader, Writer


@dataclass(frozen=True, slots=True)
class Shown:
    """A policy with all that is known about it."""

    policy: PolicyRecord
    context: Features
    evidence: tuple[EvidenceRecord, ...]
    changes: tuple[ChangeRecord, ...]


def list_policies(
    store: MemoryStore, *, status: Status | None = None, scenario: str | None = None
) -> tuple[PolicyRecord, ...]:
    """Return policies, the newest first, of one status or scenario or of all."""
    equal = {"status": status, "scenario": scenario}
    with store.read() as reader:
        found = reader.find(PolicyRecord, **{k: v for k, v in equal.items() if v is not None})
    return tuple(sorted(found, key=lambda policy: policy.created, reverse=True))


def show(store: MemoryStore, id: str) -> Shown:
    """Return a policy by its id, or by the beginning of it.

    Raises:
        NotFound: there is none.
        Ambiguous: there are several.
    """
    with store.read() as reader:
        policy = find_policy(reader, id)
        context = reader.get(Features, policy.context)
        evidence = reader.find(EvidenceRecord, policy=policy.id)
    assert context is not None
    ordered = sorted(evidence, key=lambda item: (item.split, item.index, item.by))
    return Shown(policy, context, tuple(ordered), changes(store, policy.id))


def retire(store: MemoryStore, id: str, reason: str) -> PolicyRecord:
    """Take a policy out of use; it stays in memory with its evidence.

    Raises:
        Conflict: it is retired already.
    """
    return _turn(store, id, "retire", "retired", reason)


def restore(store: MemoryStore, id: str, reason: str = "restored by the user") -> PolicyRecord:
    """Take a retired policy back into use, with the status that its verdict gives it.

    Raises:
        Conflict: it is not retired.
    """
    return _turn(store, id, "restore", None, reason)


def forget(store: MemoryStore, id: str) -> Record:
    """Delete a policy, lesson, preference, decision or run for good, and what only it needed.

    Evidence that no other policy refers to is deleted from the disk. The audit trail keeps the id.

    Returns:
        What was deleted.
    """
    with store.write() as writer:
        found = resolve(
            writer, id, PolicyRecord, LessonRecord, PreferenceRecord, DecisionRecord, RunRecord
        )
        writer.delete(type(found), found.id)
        drop_context(writer, getattr(found, "context", None))
        log(store, writer, "forget", found)
    sweep(store)
    return found


def sweep(store: MemoryStore) -> tuple[str, ...]:
    """Delete evidence files that no record refers to; return their digests.

    A killed process can leave such files behind, never the other way round: a file is in place
    before its record is, and goes only after it.
    """
    with store.write() as writer:
        return store.vault.sweep({item.trace for item in writer.find(EvidenceRecord)})


def find_policy(reader: Reader, id: str) -> PolicyRecord:
    """Return the policy whose id begins so; see ``show``."""
    found = resolve(reader, id, PolicyRecord)
    assert isinstance(found, PolicyRecord)
    return found


def _turn(
    store: MemoryStore, id: str, verb: str, status: Status | None, reason: str
) -> PolicyRecord:
    with store.write() as writer:
        old = find_policy(writer, id)
        if (old.status == "retired") == (status == "retired"):
            raise Conflict(f"policy {old.id[:12]!r} is {old.status}: cannot {verb} it")
        proven: Status = "accepted" if old.verdict else "candidate"
        new = replace(old, status=status or proven, reason=reason, updated=store.now())
        writer.put(new)
        log(store, writer, verb, new, detail={"from": old.status, "reason": reason})
    return new


def mark(store: MemoryStore, writer: Writer, policy: PolicyRecord, broken: str) -> PolicyRecord:
    """Note the outcome of a verification: what no longer replays, or that all does."""
    new = replace(policy, broken=broken, verified=None if broken else store.now())
    writer.put(new)
    if bool(broken) != bool(policy.broken):
        detail = {"broken": broken} if broken else {"was": policy.broken}
        log(store, writer, "break" if broken else "mend", new, detail=detail)
    return new


def drop_context(writer: Writer, context: str | None) -> None:
    """Delete features that nothing refers to any more."""
    kinds: tuple[type[PolicyRecord | LessonRecord], ...] = (PolicyRecord, LessonRecord)
    if context and not any(writer.find(kind, context=context) for kind in kinds):
        writer.delete(Features, context)
