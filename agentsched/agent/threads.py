"""Conversations that outlive the process: checkpoints in SQLite or PostgreSQL, one writer each."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
import re
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aiosqlite
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from agentsched.agent.state import STORED_TYPES
from agentsched.errors import AgentSchedError, Exit, StorageError, UserError

WAIT: float = 30.0
"""Seconds to wait for another process that writes the file of threads."""
LOOK: float = 0.25
"""Seconds between two looks for a request to give a thread up, or for its answer."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


def check_thread_name(name: str) -> str:
    """Return the name if it may name a thread.

    Raises:
        UserError: It may not.
    """
    if not _NAME.fullmatch(name):
        raise UserError(
            f"thread {name[:80]!r}: must be 1 to 80 letters, digits, '.', '_' or '-', beginning "
            "with a letter or digit"
        )
    return name


@contextlib.asynccontextmanager
async def open_threads(place: str) -> AsyncIterator[BaseCheckpointSaver[str]]:
    """Open the checkpoints; they are created when missing.

    Args:
        place: A file, or a ``postgresql://`` URL (needs the extra ``postgres``).

    Raises:
        UserError: The URL is of another kind, or the extra is missing.
        StorageError: The file cannot be opened or is no database.
    """
    if place.startswith(("postgresql://", "postgres://")):
        async with _postgres(place) as saver:
            yield saver
        return
    if "://" in place:
        raise UserError(
            f"threads {place.split('://')[0] + '://…'!r}: must be a file or a postgresql:// URL; "
            "mend [agent] threads"
        )
    async with _sqlite(Path(place).expanduser()) as saver:
        yield saver


class ThreadTaken(AgentSchedError):
    """Another process asked for the thread to stop what it carries out, and got it."""

    exit = Exit.INTERRUPTED


@dataclass(frozen=True, slots=True)
class TakeOver:
    """A request to whoever holds a thread to give it up: a file beside the lock."""

    path: Path

    def ask(self) -> None:
        """Put the request; it does not matter how often."""
        self.path.touch(mode=0o600)

    def withdraw(self) -> None:
        """Take it back, or as answered."""
        self.path.unlink(missing_ok=True)

    async def asked(self) -> None:
        """Return once somebody asks."""
        while not self.path.exists():
            await asyncio.sleep(LOOK)


@contextlib.asynccontextmanager
async def holding(thread: str, folder: Path, *, patience: float = 0.0) -> AsyncIterator[TakeOver]:
    """Hold one thread for this process: two that carry out the same plan would meet.

    Args:
        thread: Name of the thread.
        folder: Where locks and requests lie.
        patience: Seconds to wait for another process that holds it, which is asked to give it
            up; 0 refuses at once.

    Yields:
        The request by which others may ask for it.

    Raises:
        UserError: Another process holds it, and does not give it up.
        StorageError: The lock cannot be written.
    """
    name = hashlib.sha256(thread.encode()).hexdigest()[:16]
    request = TakeOver(folder / f"{name}.stop")
    lock = folder / f"{name}.lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageError(
            f"{str(lock)!r} cannot be written: {error.strerror}; set AGENTSCHED_HOME to a folder "
            "of yours"
        ) from error
    try:
        if not _locked(handle):
            await _take_over(handle, thread, request, patience)
        # What lies there was meant for whoever held it before.
        request.withdraw()
        _sign(handle)
        yield request
    finally:
        os.close(handle)


async def _take_over(handle: int, thread: str, request: TakeOver, patience: float) -> None:
    """Ask for the lock until it is ours; without patience, only say who has it."""
    holder = os.pread(handle, 20, 0).decode("ascii", "replace").strip()
    by = f"another agentsched (process {holder})" if holder else "another agentsched"
    if patience <= 0:
        raise UserError(
            f"thread {thread!r} is in use by {by}; stop what it does "
            f"(agentsched chat --thread {thread} --stop), or talk in another thread (--thread NAME)"
        )
    end = time.monotonic() + patience
    try:
        while not _locked(handle):
            if time.monotonic() > end:
                raise UserError(
                    f"thread {thread!r} is in use by {by}, which did not give it up in "
                    f"{patience:g} s; end that process, then --stop again"
                )
            # Again each time: one who took it before us has withdrawn it.
            request.ask()
            await asyncio.sleep(LOOK)
    finally:
        request.withdraw()


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sign(handle: int) -> None:
    """Say in the lock who has it; only told, never relied on."""
    with contextlib.suppress(OSError):
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)


@contextlib.asynccontextmanager
async def _sqlite(path: Path) -> AsyncIterator[BaseCheckpointSaver[str]]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = await aiosqlite.connect(path, timeout=WAIT)
    except (OSError, sqlite3.Error) as error:
        raise StorageError(f"threads {str(path)!r} cannot be opened: {error}") from error
    try:
        saver = AsyncSqliteSaver(connection, serde=_serializer())
        with _explained(path):
            await saver.setup()
        yield saver
    finally:
        await connection.close()


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise StorageError(
            f"threads {str(path)!r}: {error}; move the file away, or name another one in "
            "[agent] threads"
        ) from error


@contextlib.asynccontextmanager
async def _postgres(url: str) -> AsyncIterator[BaseCheckpointSaver[str]]:
    try:
        from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
    except ImportError:
        raise UserError(
            "threads in PostgreSQL need the extra: pip install 'agentsched[postgres]'"
        ) from None
    async with contextlib.AsyncExitStack() as stack:
        try:
            opened = AsyncPostgresSaver.from_conn_string(url, serde=_serializer())
            saver = await stack.enter_async_context(opened)
            await saver.setup()
        except OSError as error:
            raise _unreachable(url, error) from error
        except Exception as error:
            # The driver is not ours to import; its errors are told by where they come from.
            if type(error).__module__.split(".")[0] != "psycopg":
                raise
            raise _unreachable(url, error) from error
        yield saver


def _unreachable(url: str, error: Exception) -> StorageError:
    """Return one line without the password that a URL may hold."""
    place = urlsplit(url)
    host = f"{place.hostname or ''}{f':{place.port}' if place.port else ''}{place.path}"
    why = " ".join(str(error).split())
    return StorageError(f"threads at {host!r} cannot be opened: {why[:200]}; see [agent] threads")


def _serializer() -> JsonPlusSerializer:
    """Only our own types are made again from a checkpoint; anything else stays plain data."""
    return JsonPlusSerializer(
        allowed_msgpack_modules=[(kind.__module__, kind.__name__) for kind in STORED_TYPES]
    )
