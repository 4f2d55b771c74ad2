"""The audit trail: every change says what it was, in the transaction that makes it."""

from __future__ import annotations

import secrets
from collections import Counter
from typing import TypeVar

from memory.codec import plain
from memory.errors import Ambiguous, Conflict, NotFound
from memory.records import (
    CandidateRecord,
    ChangeRecord,
    DecisionRecord,
    EvaluationRecord,
    PreferenceRecord,
    Record,
    RunRecord,
    table_of,
)
from memory.store import MemoryStore, Reader, Writer

R = TypeVar("R", bound=Record)

PLAIN_KINDS = (RunRecord, CandidateRecord, EvaluationRecord, PreferenceRecord, DecisionRecord)
"""Kinds without rules of their own, in an order in which they can be stored."""


def record(
    store: MemoryStore,
    *records: RunRecord | CandidateRecord | EvaluationRecord | PreferenceRecord | DecisionRecord,
) -> None:
    """Store runs, candidates, evaluations, preferences, decisions: all of them or none.

    A record of a known id replaces it; storing the same again changes nothing.

    Raises:
        Conflict: one of another kind is among them, or one refers to what is not stored.
    """
    for item in records:
        if type(item) not in PLAIN_KINDS:
            raise Conflict(f"{table_of(type(item))} have their own verbs; record() refuses them")
    with store.write() as writer:
        new = [
            item
            for item in sorted(records, key=lambda item: PLAIN_KINDS.index(type(item)))
            if writer.get(type(item), item.id) != item
        ]
        for item in new:
            writer.put(item)
        if new:
            tables = Counter(table_of(type(item)) for item in new)
            log(store, writer, "record", detail=dict(sorted(tables.items())))


def log(
    store: MemoryStore,
    writer: Writer,
    verb: str,
    subject: Record | None = None,
    *,
    detail: object = None,
) -> None:
    """Add a line to the audit trail.

    Args:
        store: Gives the time.
        writer: The transaction of the change itself.
        verb: What was done.
        subject: What it was done to; None when it was several things.
        detail: What else is worth knowing; never the text of something that may be forgotten.
    """
    writer.put(
        ChangeRecord(
            id=secrets.token_hex(16),
            at=store.now(),
            verb=verb,
            kind="" if subject is None else table_of(type(subject)),
            subject="" if subject is None else subject.id,
            detail=plain(detail or {}),
        )
    )


def changes(store: MemoryStore, subject: str | None = None) -> tuple[ChangeRecord, ...]:
    """Return the audit trail, oldest first, of everything or of one id."""
    with store.read() as reader:
        return _trail(reader, subject)


def _trail(reader: Reader, subject: str | None) -> tuple[ChangeRecord, ...]:
    found = (
        reader.find(ChangeRecord) if subject is None else reader.find(ChangeRecord, subject=subject)
    )
    return tuple(sorted(found, key=lambda change: change.at))


def resolve(reader: Reader, prefix: str, *kinds: type[Record]) -> Record:
    """Return the only record, among some kinds, whose id begins with the prefix.

    Raises:
        NotFound: there is none.
        Ambiguous: there are several.
    """
    names = " or ".join(table_of(kind) for kind in kinds)
    found = [item for kind in kinds for item in reader.starting(kind, prefix)] if prefix else []
    exact = [item for item in found if item.id == prefix]
    if len(exact) == 1 or len(found) == 1:
        return (exact or found)[0]
    if not found:
        raise NotFound(f"no {names} with id {prefix!r}; see: agentsched memory list")
    shown = ", ".join(item.id[:16] for item in found[:4])
    raise Ambiguous(f"id {prefix!r} stands for {len(found)} {names}: {shown}…; give more of it")
