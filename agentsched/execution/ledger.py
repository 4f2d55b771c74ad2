"""The ledger: one file per execution, appended to and never changed; every line is on disk first.

JSON lines, one ``Record`` each. A line cut in half by a kill or a full disk is dropped at opening:
what it would have said had not happened yet, or is found again by asking the executor.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from agentsched.errors import StorageError, UserError
from agentsched.execution.folder import sync_folder
from agentsched.execution.records import READER, Opened, Record

Step = Callable[[str], None]
"""Called with the name of each step that a kill may fall before; tests kill there."""


def no_step(name: str) -> None:
    """Go on."""


class Ledger:
    """An open ledger; only one process may have it open."""

    def __init__(self, path: Path, *, step: Step = no_step) -> None:
        """Open or create it.

        Raises:
            UserError: It is damaged, or another process has it open.
            StorageError: It cannot be written.
        """
        self.path = path
        self._step = step
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            sync_folder(path.parent)
        except OSError as error:
            raise _cannot_write(path, error) from error
        try:
            self._lock()
            data = path.read_bytes()
            whole = data.rfind(b"\n") + 1
            self._records = _parse(path, data[:whole])
            if whole < len(data):
                os.ftruncate(self._file, whole)
        except OSError as error:
            self.close()
            raise _cannot_write(path, error) from error
        except UserError:
            self.close()
            raise

    @property
    def records(self) -> Sequence[Record]:
        """All records, oldest first."""
        return self._records

    def append(self, record: Record) -> None:
        """Write a record and wait until it is on disk.

        Raises:
            StorageError: It could not be written; the file is as before.
        """
        line = record.model_dump_json().encode() + b"\n"
        start = os.lseek(self._file, 0, os.SEEK_END)
        self._step(f"before {record.kind}")
        try:
            rest = line
            while rest:
                rest = rest[os.write(self._file, rest) :]
            self._step(f"written {record.kind}")
            os.fsync(self._file)
        except OSError as error:
            with contextlib.suppress(OSError):  # opening it again would mend it as well
                os.ftruncate(self._file, start)
            raise _cannot_write(self.path, error) from error
        self._records.append(record)
        self._step(f"after {record.kind}")

    def close(self) -> None:
        """Close the file and let others open it."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"ledger {str(self.path)!r} is open in another process, which carries out this "
                "plan; wait for it, or stop it first"
            ) from None


def read_records(path: Path) -> tuple[Record, ...]:
    """Read a ledger without opening it for writing, for instance while it grows.

    Raises:
        UserError: There is no such file, or it is damaged.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"ledger {str(path)!r} cannot be read: {error.strerror or error}; name an execution's "
            "ledger"
        ) from error
    return tuple(_parse(path, data[: data.rfind(b"\n") + 1]))


def _parse(path: Path, data: bytes) -> list[Record]:
    records: list[Record] = []
    for number, line in enumerate(data.splitlines(), start=1):
        try:
            records.append(READER.validate_json(line))
        except ValidationError as error:
            what = error.errors()[0]["msg"]
            raise UserError(
                f"ledger {str(path)!r}: line {number} is damaged ({what}); restore the file, or "
                "cut it before that line"
            ) from None
    for number, record in enumerate(records, start=1):
        if isinstance(record, Opened) != (number == 1):
            raise UserError(
                f"ledger {str(path)!r}: line {number} is {record.kind!r}, but 'opened' must stand "
                "first and once; restore the file"
            )
    return records


def _cannot_write(path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"ledger {str(path)!r} cannot be written: {error.strerror or error}; make room or choose "
        "another folder, then resume"
    )
