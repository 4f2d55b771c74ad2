"""A calendar in a folder of ``.ics`` files, or in one such file.

A file's ETag is the digest of its bytes, so any program may write beside us. Our own writes are
checked and done under one lock of the folder, and reach the disk before they take the old one's
place: a reader sees the old file or the new one, whenever the power fails.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from agentsched.calendars.errors import CalendarError, Stale
from agentsched.calendars.store import Resource
from agentsched.errors import StorageError

LOCK = ".agentsched.lock"
PATIENCE = 10.0
"""Seconds to wait for another process that holds the lock."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a file's ETag was when it looked like this; saves reading it again."""

    inode: int
    size: int
    changed: int
    etag: str


class FolderCalendar:
    """See ``store.CalendarStore``."""

    def __init__(self, folder: Path, only: str | None = None) -> None:
        self._folder = folder
        self._only = only
        self._seen: dict[str, _Seen] = {}

    @classmethod
    def open(cls, path: Path, *, make: bool = False) -> FolderCalendar:
        """Open a folder, or a file whose name ends in ``.ics``; see ``store.open_calendar``."""
        path = path.absolute()
        if path.suffix.lower() == ".ics" and not path.is_dir():
            if not path.parent.is_dir() or not (path.is_file() or make):
                raise CalendarError(f"no calendar file {str(path)!r}; name one that is there")
            return cls(path.parent, path.name)
        if path.is_file():
            raise CalendarError(f"{str(path)!r} is no .ics file and no folder of them")
        if not path.is_dir():
            if not make:
                raise CalendarError(
                    f"no calendar folder {str(path)!r}; make it, or name one that is there"
                )
            with _disk(path):
                path.mkdir(parents=True, exist_ok=True)
        return cls(path)

    @property
    def name(self) -> str:
        """Name of the folder or file."""
        return Path(self._only).stem if self._only else self._folder.name

    @property
    def url(self) -> str:
        """The path as a ``file:`` URL."""
        return (self._folder / (self._only or "")).as_uri()

    @property
    def home(self) -> str | None:
        """The file, where there is only one."""
        return self._only

    def etags(self) -> Mapping[str, str]:
        """See ``CalendarStore.etags``; a file that looks unchanged is not read again."""
        found: dict[str, str] = {}
        for name in self._names():
            with contextlib.suppress(FileNotFoundError), _disk(self._folder / name):
                found[name] = self._etag(name)
        self._seen = {name: seen for name, seen in self._seen.items() if name in found}
        return found

    def fetch(self, hrefs: Iterable[str]) -> list[Resource]:
        """See ``CalendarStore.fetch``."""
        found = []
        for href in hrefs:
            with contextlib.suppress(FileNotFoundError), _disk(self._folder / href):
                found.append(self._read(href))
        return found

    def create(self, href: str, text: str) -> Resource:
        """See ``CalendarStore.create``."""
        path = self._path(href)
        with self._locked(), _disk(path):
            if path.exists():
                raise Stale(f"there is a file {href!r} in {self.name!r} already: read again")
            return self._write(href, text)

    def replace(self, href: str, text: str, etag: str) -> Resource:
        """See ``CalendarStore.replace``."""
        with self._locked(), _disk(self._path(href)):
            self._check(href, etag)
            return self._write(href, text)

    def delete(self, href: str, etag: str) -> None:
        """See ``CalendarStore.delete``."""
        path = self._path(href)
        with self._locked(), _disk(path):
            self._check(href, etag)
            path.unlink()
            _sync(self._folder)

    def close(self) -> None:
        """Nothing is held open."""

    def _names(self) -> list[str]:
        if self._only:
            return [self._only]
        with _disk(self._folder):
            return sorted(
                path.name
                for path in self._folder.iterdir()
                if path.suffix.lower() == ".ics" and not path.name.startswith(".")
            )

    def _path(self, href: str) -> Path:
        if not href or href.startswith(".") or Path(href).name != href:
            raise CalendarError(f"{href!r} is no name of a file in a calendar folder")
        return self._folder / href

    def _etag(self, name: str) -> str:
        status = (self._folder / name).stat()
        look = (status.st_ino, status.st_size, status.st_mtime_ns)
        seen = self._seen.get(name)
        if seen is not None and (seen.inode, seen.size, seen.changed) == look:
            return seen.etag
        return self._read(name).etag

    def _read(self, name: str) -> Resource:
        path = self._folder / name
        status = path.stat()
        data = path.read_bytes()
        etag = hashlib.sha256(data).hexdigest()
        # A file written within the clock's grain could change again and look the same.
        if time.time_ns() - status.st_mtime_ns > 2_000_000_000:
            self._seen[name] = _Seen(status.st_ino, status.st_size, status.st_mtime_ns, etag)
        else:
            self._seen.pop(name, None)
        return Resource(name, etag, data.decode("utf-8", "surrogateescape"))

    def _check(self, href: str, etag: str) -> None:
        path = self._folder / href
        if not path.exists():
            raise Stale(f"{href!r} in {self.name!r} is gone since it was read: read again")
        if self._read(href).etag != etag:
            raise Stale(
                f"{href!r} in {self.name!r} was changed by somebody else since it was read; "
                "nothing was written: read again and plan again"
            )

    def _write(self, href: str, text: str) -> Resource:
        data = text.encode("utf-8", "surrogateescape")
        part = self._folder / f".{secrets.token_hex(8)}.part"
        try:
            with part.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            target = self._folder / href
            if target.exists():
                os.chmod(part, target.stat().st_mode & 0o777)
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)
        _sync(self._folder)
        self._seen.pop(href, None)
        return Resource(href, hashlib.sha256(data).hexdigest(), text)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with _disk(self._folder):
            handle = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _wait_for(handle, self._folder)
            yield
        finally:
            os.close(handle)


def _wait_for(handle: int, folder: Path) -> None:
    limit = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > limit:
                raise CalendarError(
                    f"another process has held {str(folder / LOCK)!r} for {PATIENCE:.0f} s; "
                    "end it and try again"
                ) from None
            time.sleep(0.02)
        else:
            return


@contextlib.contextmanager
def _disk(path: Path) -> Iterator[None]:
    """Turn what the file system refuses into one line; a missing file stays what it is."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StorageError(
            f"calendar {str(path)!r}: {error.strerror or error}; check its permissions and the "
            "free space"
        ) from error


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
