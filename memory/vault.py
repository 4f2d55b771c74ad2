"""Trace files kept under their sha256, beside the database."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from memory.errors import Conflict, StoreError, StoreFull, StoreReadOnly

CHUNK: Final = 1 << 20
ABANDONED: Final = 24 * 3600.0
"""Seconds after which a half-written file has no living writer."""


@dataclass(frozen=True, slots=True)
class Staged:
    """A copy that is safe on disk but has no name yet."""

    digest: str
    size: int
    """Bytes."""
    part: Path


@dataclass(frozen=True, slots=True)
class Vault:
    """A folder of files named by their digest; a file there is whole or absent."""

    folder: Path

    def path(self, digest: str) -> Path:
        """Return where the file of that digest is, or would be."""
        if not re.fullmatch("[0-9a-f]{64}", digest):
            raise Conflict(f"a trace is named by 64 hex digits, got {digest!r}")
        return self.folder / f"{digest}.trace"

    def holds(self, digest: str) -> bool:
        """Whether the file of that digest is there and intact."""
        path = self.path(digest)
        with disk(path):
            return path.is_file() and file_digest(path) == digest

    def stage(self, source: Path) -> Staged:
        """Copy a file in, durably, without giving it its name; slow work before a transaction."""
        with disk(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            part = self.folder / f"{secrets.token_hex(8)}.part"
            try:
                return self._copy(source, part)
            except BaseException:
                part.unlink(missing_ok=True)
                raise

    def _copy(self, source: Path, part: Path) -> Staged:
        hasher, size = hashlib.sha256(), 0
        with source.open("rb") as read, part.open("xb") as write:
            while chunk := read.read(CHUNK):
                hasher.update(chunk)
                size += write.write(chunk)
            write.flush()
            os.fsync(write.fileno())
        return Staged(hasher.hexdigest(), size, part)

    def keep(self, staged: Staged) -> None:
        """Give a staged file its name; a file that is already there is the same one."""
        with disk(self.folder):
            os.replace(staged.part, self.path(staged.digest))
            _sync_folder(self.folder)

    def discard(self, staged: Staged) -> None:
        """Throw a staged file away, if it is still unnamed."""
        staged.part.unlink(missing_ok=True)

    def digests(self) -> tuple[str, ...]:
        """Return the digests of all files here, ascending."""
        return tuple(sorted(path.stem for path in self.folder.glob("*.trace")))

    def sweep(self, wanted: Collection[str]) -> tuple[str, ...]:
        """Delete files that nobody wants, and abandoned halves; return the digests deleted.

        To be called where nobody else can be adding evidence: inside a write transaction.
        """
        gone = tuple(digest for digest in self.digests() if digest not in wanted)
        with disk(self.folder):
            for digest in gone:
                self.path(digest).unlink(missing_ok=True)
            for part in self.folder.glob("*.part"):
                if part.stat().st_mtime < time.time() - ABANDONED:
                    part.unlink(missing_ok=True)
        return gone


def file_digest(path: Path) -> str:
    """Return the sha256 of a file, read in pieces."""
    hasher = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()


def copy_out(vault: Vault, digest: str, target: Path) -> None:
    """Copy a file of the vault to a path."""
    with disk(target.parent):
        shutil.copyfile(vault.path(digest), target)


@contextmanager
def disk(place: Path) -> Iterator[None]:
    """Turn what a file system refuses into a ``StoreError`` that names the place."""
    try:
        yield
    except FileNotFoundError as error:
        raise StoreError(f"no file {error.filename!r}: the path must exist") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StoreFull(
                f"no room left in {str(place)!r}: free some space and try again; nothing was stored"
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise StoreReadOnly(
                f"{str(place)!r} may not be used ({error.strerror}): change its permissions or "
                "choose another folder"
            ) from error
        raise StoreError(f"{str(place)!r}: {error.strerror or error}") from error


def _sync_folder(folder: Path) -> None:
    """A rename is durable only once its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
