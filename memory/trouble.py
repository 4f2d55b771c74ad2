"""What a database driver refuses, in one line of plain words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from memory.errors import (
    Conflict,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreReadOnly,
    StoreUnusable,
)

BACKUP = "restore it from an export (agentsched memory import) or open another file"


@contextmanager
def explained(name: str, wait: float) -> Iterator[None]:
    """Turn database errors inside the block into a ``StoreError`` that names the store.

    Args:
        name: The file or the URL.
        wait: Seconds that were waited for a lock.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("psycopg"):
            raise
        raise StoreUnusable(
            f"{name!r} needs the driver psycopg: install it with pip install 'agentsched[postgres]'"
        ) from error
    except DBAPIError as error:
        raise _by_driver(name, wait, error) from error
    except SQLAlchemyError as error:
        raise StoreError(f"{name!r}: {error}") from error


def _by_driver(name: str, wait: float, error: DBAPIError) -> StoreError:
    original = error.orig
    if isinstance(original, sqlite3.Error):
        return _sqlite(name, wait, original)
    return _postgres(name, wait, original)


def _sqlite(name: str, wait: float, error: sqlite3.Error) -> StoreError:
    code = getattr(error, "sqlite_errorname", "") or ""
    match code.split("_")[1] if "_" in code else "":
        case "BUSY" | "LOCKED":
            return _locked(name, wait)
        case "READONLY":
            return StoreReadOnly(
                f"{name!r} may not be written: change the permissions of the file and its folder, "
                "or open another file"
            )
        case "FULL":
            return _full(name)
        case "NOTADB":
            return StoreUnusable(f"{name!r} is not an SQLite database: name another file")
        case "CORRUPT":
            return StoreUnusable(f"{name!r} is damaged ({error}): {BACKUP}")
        case "CANTOPEN":
            return StoreUnusable(
                f"{name!r} cannot be opened: it must be a file, in a folder that exists and that "
                "you may write"
            )
        case "IOERR":
            return StoreError(
                f"{name!r}: the disk refused ({error}, {code}); is it full or gone? "
                "Nothing of this change was stored"
            )
        case "CONSTRAINT":
            return Conflict(f"{name!r}: {error}")
        case _:
            return StoreError(f"{name!r}: {error}")


def _postgres(name: str, wait: float, error: BaseException | None) -> StoreError:
    code = getattr(error, "sqlstate", None) or ""
    said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    match code:
        case "55P03" | "57014" | "40P01":
            return _locked(name, wait)
        case "25006" | "42501":
            return StoreReadOnly(f"{name!r} may not be written: {said}; ask for the right to write")
        case "53100":
            return _full(name)
        case _ if code.startswith("23") or code.startswith("22"):
            return Conflict(f"{name!r}: {said}")
        case "" | "3D000" | "28000" | "28P01":
            return StoreUnusable(
                f"{name!r} cannot be reached: {said}; check the URL and that the server runs"
            )
        case _:
            return StoreError(f"{name!r}: {said}")


def _locked(name: str, wait: float) -> StoreLocked:
    return StoreLocked(
        f"{name!r} was locked by another process for {wait:g} s: end that process or try again; "
        "nothing was stored"
    )


def _full(name: str) -> StoreFull:
    return StoreFull(
        f"no room left for {name!r}: free some space and try again; nothing was stored"
    )
