"""A store that lives and dies with its process; for tests and for trying things out."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from memory.errors import StoreLocked
from memory.records import REFERENCES, TABLES, Record
from memory.store import R, check, missing_reference, still_needed, utc_now
from memory.vault import Vault

Tables = dict[type[Record], dict[str, Record]]


class InMemory:
    """``MemoryStore`` over dictionaries; a write block works on a copy that is swapped in."""

    def __init__(
        self,
        evidence: Path | None = None,
        *,
        wait: float = 30.0,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.name = "memory of this process"
        self._folder = None if evidence else tempfile.TemporaryDirectory(prefix="agentsched-")
        self.vault = Vault(evidence or Path(self._folder.name if self._folder else ""))
        self.now = now
        self._wait = wait
        self._turn = threading.Lock()
        self._tables: Tables = {kind: {} for kind in TABLES.values()}

    @contextmanager
    def read(self) -> Iterator[_Block]:
        """Open a view of one moment."""
        yield _Block(self._tables)

    @contextmanager
    def write(self) -> Iterator[_Block]:
        """Open a unit of work, stored when the block ends."""
        if not self._turn.acquire(timeout=self._wait):
            raise StoreLocked(f"{self.name}: another thread kept it for {self._wait:g} s")
        try:
            block = _Block({kind: dict(rows) for kind, rows in self._tables.items()})
            yield block
            self._tables = block.tables
        finally:
            self._turn.release()

    def close(self) -> None:
        """Delete the temporary evidence, if it was temporary."""
        if self._folder is not None:
            self._folder.cleanup()


class _Block:
    """Reader and writer over one set of tables."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    def get(self, kind: type[R], id: str) -> R | None:
        return self._rows(kind).get(id)

    def find(self, kind: type[R], **equal: object) -> tuple[R, ...]:
        rows = self._rows(kind)
        return tuple(
            rows[id]
            for id in sorted(rows)
            if all(getattr(rows[id], name) == value for name, value in equal.items())
        )

    def starting(self, kind: type[R], prefix: str) -> tuple[R, ...]:
        rows = self._rows(kind)
        return tuple(rows[id] for id in sorted(rows) if id.startswith(prefix))

    def put(self, record: Record) -> None:
        check(record)
        for field, kind, _ in REFERENCES.get(type(record), ()):
            value = getattr(record, field)
            if value is not None and value not in self.tables[kind]:
                raise missing_reference(record, field, value)
        self.tables[type(record)][record.id] = record

    def delete(self, kind: type[Record], id: str) -> None:
        for child, references in REFERENCES.items():
            for field, parent, owned in references:
                held = self.find(child, **{field: id}) if parent is kind else ()
                for record in held:
                    if not owned:
                        raise still_needed(kind, id, child)
                    self.delete(child, record.id)
        self.tables[kind].pop(id, None)

    def _rows(self, kind: type[R]) -> dict[str, R]:
        return self.tables[kind]  # type: ignore[return-value]
