"""What was done to calendars, on disk before it is done: the ground of every undo.

JSON lines, only ever appended to. ``begin`` holds each component before and after; ``done`` and
``failed`` say how it went. A process killed in between leaves a ``begin`` alone: then the calendar
itself says which of the two states it is in.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from agentsched.calendars.errors import CalendarError
from agentsched.errors import StorageError

State = Literal["begun", "done", "failed", "undone"]
WHOLE = 1_000_000
"""Characters up to which a resource is kept whole, so that undo restores its very bytes."""


@dataclass(frozen=True, slots=True)
class Change:
    """What one resource holds of an event or two, before and after."""

    href: str
    uids: tuple[str, ...]
    before: tuple[str, ...]
    """Components as text; none: there was no such event."""
    after: tuple[str, ...]
    """None: it was deleted."""
    text: str | None = None
    """The whole resource before; None where it is not needed or too long."""
    etag: str = ""
    """Of the resource after; empty until it is done."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One action."""

    id: str
    at: datetime
    calendar: str
    """URL of the store."""
    action: str
    words: str
    """What was done, for people."""
    changes: tuple[Change, ...] = field(repr=False)
    undoes: str = ""
    """Id of the action it takes back."""
    state: State = "begun"


class Journal:
    """A file of entries; several processes may use it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def entries(self) -> tuple[Entry, ...]:
        """Return all entries, the oldest first.

        Raises:
            CalendarError: A line is damaged.
        """
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise self._trouble(error) from error
        found: dict[str, Entry] = {}
        # A last line without its end was cut off by a crash and never counted.
        for number, line in enumerate(data[: data.rfind(b"\n") + 1].splitlines(), start=1):
            if not line.strip():
                continue
            try:
                _fold(found, json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise CalendarError(
                    f"journal {str(self._path)!r}: line {number} is damaged "
                    f"({type(error).__name__}); move the file away to begin a new one"
                ) from error
        return tuple(found.values())

    def find(self, id: str) -> Entry:
        """Return the entry whose id begins so.

        Raises:
            CalendarError: There is none, or there are several.
        """
        found = [entry for entry in self.entries() if id and entry.id.startswith(id)]
        if len(found) != 1:
            rule = f"{len(found)} actions begin with" if found else "no action"
            raise CalendarError(f"{rule} {id!r} in the journal; history shows their ids")
        return found[0]

    def begin(self, entry: Entry) -> None:
        """Put an action on disk that is about to be done."""
        record = asdict(replace(entry, state="begun")) | {"at": entry.at.isoformat()}
        self._append({"begin": record})

    def done(self, entry: Entry) -> None:
        """Note that it is done, with what the store made of the components."""
        self._append({"done": entry.id, "changes": [asdict(change) for change in entry.changes]})

    def failed(self, entry: Entry, why: str) -> None:
        """Note that it was not done."""
        self._append({"failed": entry.id, "why": why[:500]})

    def _append(self, record: dict[str, Any]) -> None:
        line = json.dumps(record, ensure_ascii=True, separators=(",", ":")) + "\n"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._locked() as handle:
                size = os.fstat(handle).st_size
                # What a crash left of a line would swallow the next one.
                torn = size and os.pread(handle, 1, size - 1) != b"\n"
                _write_all(handle, ("\n" if torn else "").encode() + line.encode(), size)
        except OSError as error:
            raise self._trouble(error) from error

    @contextlib.contextmanager
    def _locked(self) -> Iterator[int]:
        # Titles and people are private.
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield handle
        finally:
            os.close(handle)

    def _trouble(self, error: OSError) -> StorageError:
        return StorageError(
            f"journal {str(self._path)!r}: {error.strerror or error}; without it nothing can be "
            "undone, so nothing was changed"
        )


def _write_all(handle: int, data: bytes, size: int) -> None:
    try:
        while data:
            data = data[os.write(handle, data) :]
        os.fsync(handle)
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(handle, size)
        raise


def _fold(found: dict[str, Entry], record: dict[str, Any]) -> None:
    if "begin" in record:
        fields = record["begin"]
        entry = Entry(
            **fields
            | {"at": datetime.fromisoformat(fields["at"]), "changes": _changes(fields["changes"])}
        )
        found[entry.id] = entry
    elif "done" in record:
        entry = found[record["done"]]
        found[entry.id] = replace(entry, state="done", changes=_changes(record["changes"]))
        if entry.undoes:
            found[entry.undoes] = replace(found[entry.undoes], state="undone")
    else:
        found[record["failed"]] = replace(found[record["failed"]], state="failed")


def _changes(records: list[dict[str, Any]]) -> tuple[Change, ...]:
    lists = ("uids", "before", "after")
    return tuple(Change(**r | {name: tuple(r[name]) for name in lists}) for r in records)
