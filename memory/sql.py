"""A store in SQLite or PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Table,
    create_engine,
    delete,
    event,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from memory.records import REFERENCES, Record, table_of
from memory.schema import bring_up_to_date
from memory.store import R, check, missing_reference, still_needed, utc_now
from memory.tables import ROWS
from memory.trouble import explained
from memory.vault import Vault

READ: Final = "memory_read"
"""Execution option of a connection that only reads."""
WRITERS: Final = 0x41475343
"""PostgreSQL advisory lock that lets writers go one at a time, as SQLite does by itself."""


class SqlMemory:
    """``MemoryStore`` over SQLAlchemy; see ``memory.open_memory`` for the usual way in.

    Args:
        url: ``sqlite+pysqlite:///FILE`` or ``postgresql+psycopg://…``.
        vault: Where trace files go.
        wait: Seconds to wait for another process before ``StoreLocked``.
        now: The clock.
    """

    def __init__(
        self, url: URL, vault: Vault, *, wait: float = 30.0, now: Callable[[], datetime] = utc_now
    ) -> None:
        self.name = url.database or "" if _is_file(url) else url.render_as_string()
        self.vault = vault
        self.now = now
        self._wait = wait
        with explained(self.name, wait):
            self._engine = _engine(url, wait)
        try:
            with explained(self.name, wait):
                bring_up_to_date(self._engine, self.name, wait)
        except BaseException:
            self._engine.dispose()
            raise

    @contextmanager
    def read(self) -> Iterator[_Block]:
        """Open a view of one moment."""
        with explained(self.name, self._wait), self._connect(write=False) as connection:
            yield _Block(connection)

    @contextmanager
    def write(self) -> Iterator[_Block]:
        """Open a unit of work, stored when the block ends."""
        with explained(self.name, self._wait), self._connect(write=True) as connection:
            yield _Block(connection)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def _connect(self, *, write: bool) -> Iterator[Connection]:
        options: dict[str, Any] = {} if write else {READ: True}
        if self._engine.dialect.name == "postgresql" and not write:
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with self._engine.connect().execution_options(**options) as connection, connection.begin():
            if self._engine.dialect.name == "postgresql" and write:
                take_turn(connection, self._wait)
            yield connection


class _Block:
    """Reader and writer over one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, kind: type[R], id: str) -> R | None:
        found = self.find(kind, id=id)
        return found[0] if found else None

    def find(self, kind: type[R], **equal: object) -> tuple[R, ...]:
        table = _table(kind)
        return self._fetch(kind, *(table.c[name] == value for name, value in equal.items()))

    def starting(self, kind: type[R], prefix: str) -> tuple[R, ...]:
        found = self._fetch(kind, _table(kind).c.id.startswith(prefix, autoescape=True))
        # SQLite's LIKE does not mind case
        return tuple(record for record in found if record.id.startswith(prefix))

    def put(self, record: Record) -> None:
        check(record)
        for field, kind, _ in REFERENCES.get(type(record), ()):
            value = getattr(record, field)
            if value is not None and self.get(kind, value) is None:
                raise missing_reference(record, field, value)
        table = _table(type(record))
        values = {field.name: getattr(record, field.name) for field in fields(record)}
        values["id"] = record.id
        changed = self._connection.execute(
            update(table).where(table.c.id == record.id).values(values)
        )
        if not changed.rowcount:
            self._connection.execute(insert(table).values(values))

    def delete(self, kind: type[Record], id: str) -> None:
        for child, references in REFERENCES.items():
            for field, parent, owned in references:
                if parent is kind and not owned and self.find(child, **{field: id}):
                    raise still_needed(kind, id, child)
        table = _table(kind)
        self._connection.execute(delete(table).where(table.c.id == id))

    def _fetch(self, kind: type[R], *where: Any) -> tuple[R, ...]:
        rows = self._connection.execute(select(_table(kind)).where(*where)).mappings()
        names = [field.name for field in fields(kind)]
        found = [(row["id"], kind(**{name: row[name] for name in names})) for row in rows]
        # sorted here, since collations of databases differ
        return tuple(record for _, record in sorted(found, key=lambda pair: pair[0]))


def _table(kind: type[Record]) -> Table:
    table = ROWS[table_of(kind)].__table__
    assert isinstance(table, Table)
    return table


def _is_file(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _engine(url: URL, wait: float) -> Engine:
    if _is_file(url):
        engine = create_engine(url, connect_args={"timeout": wait})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    return create_engine(url, connect_args={"connect_timeout": 10}, pool_pre_ping=True)


def _prepare_sqlite(raw: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    # the driver's own BEGIN comes too late and is DEFERRED: _begin_sqlite says it instead
    raw.isolation_level = None
    cursor = raw.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # a transaction that reads and then writes must hold the write lock from the start: upgrading
    # later fails at once with "database is locked", whatever the timeout
    deferred = connection.get_execution_options().get(READ, False)
    connection.exec_driver_sql("BEGIN DEFERRED" if deferred else "BEGIN IMMEDIATE")


def take_turn(connection: Connection, wait: float) -> None:
    """Wait for other PostgreSQL writers; the turn ends with the transaction."""
    connection.execute(text(f"SET LOCAL lock_timeout = {max(1, round(wait * 1000))}"))
    connection.execute(select(text(f"pg_advisory_xact_lock({WRITERS})")))
