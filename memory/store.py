"""Where records are kept: the contract that every store fulfils."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from dataclasses import fields
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from memory.errors import Conflict
from memory.records import Record, table_of
from memory.vault import Vault

R = TypeVar("R", bound=Record)


class Reader(Protocol):
    """A view of one moment: what others write meanwhile is not seen."""

    def get(self, kind: type[R], id: str) -> R | None:
        """Return the record of that id, or None."""

    def find(self, kind: type[R], **equal: object) -> tuple[R, ...]:
        """Return the records whose fields equal these, in ascending order of id."""

    def starting(self, kind: type[R], prefix: str) -> tuple[R, ...]:
        """Return the records whose id begins with the prefix, in ascending order of id."""


class Writer(Reader, Protocol):
    """A unit of work: all of it is stored, or nothing. It sees its own changes."""

    def put(self, record: Record) -> None:
        """Store a record, in place of the one of equal id if there is one.

        Raises:
            Conflict: it refers to a record that is not there, or a field has a value that no
                database keeps (a NUL, a lone surrogate, a time without zone, a NaN).
        """

    def delete(self, kind: type[Record], id: str) -> None:
        """Delete a record and those that cannot be without it; nothing if it is not there.

        Raises:
            Conflict: another record, which stays, refers to it.
        """


class MemoryStore(Protocol):
    """Records in transactions, and a vault of trace files beside them.

    Any number of processes may hold a store on the same place. Writers go one at a time: ``write``
    waits its turn, then holds it to the end of the block, so what was read in the block is still
    true when it is written. Readers never wait. An exception that leaves the block, a kill or a
    power cut leaves nothing of the block behind. Blocks do not nest, and a store is used by one
    thread at a time. Records are values: none is ever changed in place.

    Every method raises ``StoreError`` (memory/errors.py) and nothing else for what the outside
    world does; ``StoreLocked`` after the wait it was opened with.
    """

    name: str
    """What messages call it: a path, or a URL without its password."""
    vault: Vault

    def read(self) -> AbstractContextManager[Reader]:
        """Open a view of one moment."""

    def write(self) -> AbstractContextManager[Writer]:
        """Open a unit of work, stored when the block ends."""

    def now(self) -> datetime:
        """Return the time that new records are given, in UTC."""

    def close(self) -> None:
        """Give back connections and temporary files; the store is of no use afterwards."""


def utc_now() -> datetime:
    """Return the present, in UTC."""
    return datetime.now(UTC)


def check(record: Record) -> None:
    """Refuse what some database would not give back as it was.

    Raises:
        Conflict: names the field, the value and the rule.
    """
    for field in fields(record):
        rule = _broken_rule(getattr(record, field.name))
        if rule:
            value = getattr(record, field.name)
            raise Conflict(
                f"{table_of(type(record))} {record.id!r}: {field.name} {rule}, got {value!r:.80}"
            )


def _broken_rule(value: object) -> str:
    match value:
        case str() if "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
            return "must be text without NUL and lone surrogates"
        case float() if not math.isfinite(value):
            return "must be finite"
        case datetime() if value.tzinfo is None:
            return "must have a time zone"
        case _:
            return ""


def missing_reference(record: Record, field: str, value: object) -> Conflict:
    """Return the error for a record that refers to nothing."""
    table = table_of(type(record))
    return Conflict(f"{table} {record.id!r}: {field} {value!r} is not stored; store it first")


def still_needed(kind: type[Record], id: str, by: type[Record]) -> Conflict:
    """Return the error for deleting what others refer to."""
    return Conflict(f"{table_of(kind)} {id!r} is still used in {table_of(by)}; delete those first")
