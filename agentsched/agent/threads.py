"""Conversations that outlive the process: checkpoints in SQLite or PostgreSQL, one writer each."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import aiosqlite
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from agentsched.agent.state import STORED_TYPES
from agentsched.errors import StorageError, UserError

WAIT: float = 30.0
"""Seconds to wait for another process that writes the file of threads."""
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


@contextlib.contextmanager
def holding(thread: str, folder: Path) -> Iterator[None]:
    """Hold one thread for this process: two that carry out the same plan would meet.

    Raises:
        UserError: Another process holds it.
    """
    lock = folder / f"{hashlib.sha256(thread.encode()).hexdigest()[:16]}.lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StorageError(
            f"{str(lock)!r} cannot be written: {error.strerror}; set AGENTSCHED_HOME to a folder "
            "of yours"
        ) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"thread {thread!r} is in use by another agentsched; end that one, or talk in "
                "another thread (--thread NAME)"
            ) from None
        yield
    finally:
        os.close(handle)


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
