"""Both embedded stores pass the conformance suite."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from memory import MemoryStore, open_memory
from memory.inmemory import InMemory
from memory.testing import StoreConformance


class TestInMemory(StoreConformance):
    @pytest.fixture
    def store(self) -> Iterator[MemoryStore]:
        store = InMemory()
        yield store
        store.close()


class TestSqlite(StoreConformance):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[MemoryStore]:
        store = open_memory(str(tmp_path / "memory.db"))
        yield store
        store.close()
