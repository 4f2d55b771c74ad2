"""Bring a database to the schema of this code, once, whoever comes first."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, inspect, text

from memory.errors import StoreLocked, StoreUnusable
from memory.tables import ROWS
from memory.vault import disk

HEAD: Final = "0002"
"""The newest migration; opening a current database does not load Alembic."""
VERSION_TABLE: Final = "memory_schema"
MIGRATING: Final = 0x41475344
"""PostgreSQL advisory lock of the one who migrates."""
MIGRATIONS: Final = Path(__file__).parent / "migrations"


def bring_up_to_date(engine: Engine, name: str, wait: float) -> None:
    """Create or upgrade the tables, in one transaction, under a lock.

    Raises:
        StoreUnusable: the schema is newer than this code, or the database is someone else's.
        StoreLocked: another process was at it for longer than ``wait`` seconds.
    """
    if _checked_version(engine, name) != HEAD:
        migrate(engine, name, wait, "head")


def migrate(engine: Engine, name: str, wait: float, revision: str) -> None:
    """Go up or down to a revision ("head", "base" or its number)."""
    if engine.dialect.name == "sqlite":
        with _file_lock(Path(f"{name}.lock"), name, wait):
            _migrate_sqlite(engine, name, revision)
        return
    with engine.begin() as connection:
        connection.execute(text(f"SET LOCAL lock_timeout = {max(1, round(wait * 1000))}"))
        connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATING})"))
        _run(connection, name, revision)


def version(connection: Connection) -> str | None:
    """Return the revision of the database, None when it has no tables of ours."""
    if VERSION_TABLE not in inspect(connection).get_table_names():
        return None
    found: str | None = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))
    return found


def _checked_version(engine: Engine, name: str) -> str | None:
    with engine.connect().execution_options(memory_read=True) as connection, connection.begin():
        return _check(connection, name)


def _check(connection: Connection, name: str) -> str | None:
    found = version(connection)
    tables = set(inspect(connection).get_table_names()) - {VERSION_TABLE}
    if found is None and connection.dialect.name != "sqlite":
        tables &= set(ROWS)
    if found is None and tables:
        raise StoreUnusable(
            f"{name!r} is a database of another program (it has a table {min(tables)!r}): "
            "name another one"
        )
    if found is not None and found > HEAD:
        raise StoreUnusable(
            f"{name!r} has schema {found!r}, this version knows up to {HEAD!r}: update agentsched "
            "or open another database"
        )
    return found


def _migrate_sqlite(engine: Engine, name: str, revision: str) -> None:
    with engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        assert raw is not None
        cursor = raw.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        # batch mode rebuilds tables; dropping the old one must not cascade into its children
        cursor.execute("PRAGMA foreign_keys = OFF")
        try:
            with connection.begin():
                _run(connection, name, revision)
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
                if broken:
                    raise StoreUnusable(f"{name!r}: a row of {broken[0][0]!r} refers to nothing")
        finally:
            cursor.execute("PRAGMA foreign_keys = ON")
            cursor.close()


def _run(connection: Connection, name: str, revision: str) -> None:
    """Migrate on a connection whose transaction the caller ends."""
    # half a second of import that only a new or an old database needs
    from alembic import command
    from alembic.config import Config

    found = _check(connection, name)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    if revision == "base" or (revision != "head" and found is not None and revision < found):
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)


@contextmanager
def _file_lock(path: Path, name: str, wait: float) -> Iterator[None]:
    with disk(path.parent), path.open("a") as file:
        end = time.monotonic() + wait
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= end:
                    raise StoreLocked(
                        f"{name!r} is being upgraded by another process for {wait:g} s: wait for "
                        "it or end it, then try again"
                    ) from None
                time.sleep(0.05)
        yield
