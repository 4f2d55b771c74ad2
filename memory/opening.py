"""From a URL, a path or nothing to an open memory."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from memory.errors import StoreUnusable
from memory.sql import SqlMemory
from memory.vault import Vault, disk

FORMS = "a file, sqlite:///FILE or postgresql://USER@HOST/DATABASE"


def home() -> Path:
    """Return the folder of this user's own things: $AGENTSCHED_HOME, or the usual place."""
    return Path(os.environ.get("AGENTSCHED_HOME") or "~/.local/share/agentsched").expanduser()


def open_memory(
    url: str | None = None, evidence: Path | None = None, *, wait: float = 30.0
) -> SqlMemory:
    """Open the memory, creating it or bringing it up to date first.

    Args:
        url: A file, ``sqlite:///FILE`` or ``postgresql://…``; None is ``memory.db`` in the home
            folder ($AGENTSCHED_HOME, else ``~/.local/share/agentsched``).
        evidence: Folder of the trace files, of this database alone; None is ``FILE`` with the
            suffix ``.evidence``. PostgreSQL has no such default: it needs this or
            $AGENTSCHED_EVIDENCE, a folder that all its users share.
        wait: Seconds to wait for other processes before giving up.

    Raises:
        StoreError: it cannot be opened; one line says why and what to do.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() != "sqlite":
        configured = os.environ.get("AGENTSCHED_EVIDENCE")
        folder = evidence or (Path(configured).expanduser() if configured else None)
        if folder is None:
            raise StoreUnusable(
                f"{parsed.render_as_string()!r} keeps no files: say where evidence goes "
                "(AGENTSCHED_EVIDENCE or evidence=…, a folder that all its users share)"
            )
        return SqlMemory(parsed, Vault(folder), wait=wait)
    file = Path(parsed.database or "")
    with disk(file.parent):
        if file.is_dir():
            raise StoreUnusable(f"{str(file)!r} is a folder: name a file in it, such as memory.db")
        file.parent.mkdir(parents=True, exist_ok=True)
    return SqlMemory(parsed, Vault(evidence or file.with_suffix(".evidence")), wait=wait)


def _parse(url: str | None) -> URL:
    """Return a URL whose driver is named, and whose file, if it is one, is absolute."""
    if url is None:
        return _sqlite(home() / "memory.db")
    if "://" not in url:
        return _sqlite(Path(url).expanduser())
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, ValueError) as error:
        raise StoreUnusable(f"{url!r} is not a URL: needs {FORMS}") from error
    if parsed.drivername == "sqlite" and parsed.database and parsed.database != ":memory:":
        return _sqlite(Path(parsed.database))
    if backend in ("postgresql", "postgres") and parsed.database:
        return parsed.set(drivername="postgresql+psycopg")
    raise StoreUnusable(f"memory {parsed.render_as_string()!r}: needs {FORMS}")


def _sqlite(file: Path) -> URL:
    return URL.create("sqlite+pysqlite", database=str(file.absolute()))
