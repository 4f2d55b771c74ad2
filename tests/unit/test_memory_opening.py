"""Opening a memory: where it is, whose it is, and one clear line when it cannot be."""

import contextlib
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from memory import add_lesson, lessons_for, open_memory
from memory.errors import (
    StoreError,
    StoreFull,
    StoreLocked,
    StoreUnusable,
)
from memory.sql import SqlMemory


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


def raw(file: Path) -> contextlib.closing[sqlite3.Connection]:
    return contextlib.closing(sqlite3.connect(file, isolation_level=None))


def learn(store: SqlMemory, text: str) -> None:
    add_lesson(store, "timeout", text, scenario="s")


def learn_much(store: SqlMemory) -> None:
    for number in range(100):
        learn(store, f"{number} " + "x" * 1900)


def learnt(store: SqlMemory) -> list[str]:
    return [lesson.text for lesson in lessons_for(store, None, 99, scenario="s")]


def test_default_place_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTSCHED_HOME", str(tmp_path / "a" / "b"))
    with contextlib.closing(open_memory()) as store:
        learn(store, "kept")
        assert store.vault.folder == tmp_path / "a" / "b" / "memory.evidence"
    assert (tmp_path / "a" / "b" / "memory.db").is_file()


def test_path_and_sqlite_url_open_the_same_file(file: Path) -> None:
    with contextlib.closing(open_memory(str(file))) as store:
        learn(store, "by path")
    with contextlib.closing(open_memory(f"sqlite:///{file}")) as store:
        assert learnt(store) == ["by path"]
        assert store.name == str(file)


def test_journal_survives_and_foreign_keys_are_on(file: Path) -> None:
    open_memory(str(file)).close()
    with contextlib.closing(open_memory(str(file))) as store, store.write() as writer:
        connection = writer._connection  # the pragmas are of the connection, not of the file
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


@pytest.mark.parametrize(
    "url",
    [
        "mysql://me:secret@host/db",  # another database
        "sqlite://",  # would vanish with the process
        "sqlite:///:memory:",
        "postgresql://me:secret@host",  # no database
        "://",  # no scheme
        "oracle+what://x/y",
    ],
)
def test_wrong_urls_are_refused_in_one_line_without_the_password(url: str) -> None:
    with pytest.raises(StoreUnusable, match="postgresql://USER@HOST/DATABASE") as caught:
        open_memory(url)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_postgres_needs_an_evidence_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AGENTSCHED_EVIDENCE", raising=False)
    with pytest.raises(StoreUnusable, match="AGENTSCHED_EVIDENCE"):
        open_memory("postgresql://me@host/db")


def test_unreachable_server_is_one_line(tmp_path: Path) -> None:
    url = f"postgresql:///db?host={tmp_path}"
    with pytest.raises(StoreUnusable, match=r"cannot be reached.*check the URL") as caught:
        open_memory(url, evidence=tmp_path)
    assert "\n" not in str(caught.value)


def test_missing_driver_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreUnusable, match=r"agentsched\[postgres\]"):
        open_memory("postgresql://me@host/db", evidence=tmp_path)


def test_a_folder_and_a_foreign_file_are_refused(tmp_path: Path, file: Path) -> None:
    with pytest.raises(StoreUnusable, match="is a folder"):
        open_memory(str(tmp_path))
    file.write_text("dear diary, today I opened the wrong file" * 100)
    with pytest.raises(StoreUnusable, match="is not an SQLite database"):
        open_memory(str(file))
    assert file.read_text().startswith("dear diary")


def test_a_database_of_another_program_is_left_alone(file: Path) -> None:
    with raw(file) as connection:
        connection.execute("CREATE TABLE bookmarks (id INTEGER)")
    with pytest.raises(StoreUnusable, match=r"another program .*'bookmarks'"):
        open_memory(str(file))
    with raw(file) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (1,)


def test_a_newer_schema_is_refused(file: Path) -> None:
    open_memory(str(file)).close()
    with raw(file) as connection:
        connection.execute("UPDATE memory_schema SET version_num = '0999'")
    with pytest.raises(StoreUnusable, match=r"schema '0999'.*update agentsched"):
        open_memory(str(file))


def test_a_truncated_database_is_called_damaged(file: Path) -> None:
    with contextlib.closing(open_memory(str(file))) as store:
        for number in range(200):
            learn(store, f"{number} " + "x" * 500)
    with raw(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(StoreUnusable, match=r"damaged.*memory import"):
        open_memory(str(file)).close()


def test_a_locked_database_is_named_after_the_wait_and_loses_nothing(file: Path) -> None:
    with contextlib.closing(open_memory(str(file), wait=0.05)) as store:
        learn(store, "before")
        with raw(file) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreLocked, match=r"memory.db.*locked by another process"):
                learn(store, "during")
            assert learnt(store) == ["before"]  # readers do not wait
            other.execute("ROLLBACK")
        learn(store, "after")
        assert sorted(learnt(store)) == ["after", "before"]


def test_an_upgrade_in_progress_is_waited_for_within_bounds(file: Path) -> None:
    import fcntl

    with (file.with_name("memory.db.lock")).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StoreLocked, match="being upgraded"):
            open_memory(str(file), wait=0.05)
    open_memory(str(file), wait=0.05).close()


def test_a_full_database_loses_nothing_that_was_there(file: Path) -> None:
    with contextlib.closing(open_memory(str(file))) as store:
        learn(store, "before")
        with store.read() as reader:
            pages = reader._connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            reader._connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(StoreFull, match=r"no room left for .*memory.db"):
            learn_much(store)
        assert "before" in learnt(store)


def test_a_full_disk_is_named_and_leaves_no_half_file(file: Path, tmp_path: Path) -> None:
    """A file size limit stands in for the disk: the kernel refuses the write all the same."""
    big = tmp_path / "big.trace"
    big.write_bytes(b"x" * 300_000)
    program = """
import resource, signal, sys
from pathlib import Path
from memory import open_memory
from memory.errors import StoreFull
store = open_memory(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    store.vault.stage(Path(sys.argv[2]))
except StoreFull as error:
    print(error)
print(sorted(path.name for path in store.vault.folder.iterdir()))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(file), str(big)],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert "no room left" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become someone else")
def test_a_database_that_may_not_be_written_says_so() -> None:
    """As a user who may read the file but not write it."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        file = Path(folder) / "memory.db"
        with contextlib.closing(open_memory(str(file))) as store:
            learn(store, "before")
        (Path(folder) / "closed").mkdir(mode=0o700)
        child = os.fork()
        if not child:
            status = 1
            try:
                os.setuid(65534)
                _refused_as_nobody(file)
                status = 0
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _refused_as_nobody(file: Path) -> None:
    with pytest.raises(StoreError, match=r"memory\.db.*(permission|may write)"):
        learn(open_memory(str(file)), "more")
    closed = file.parent / "closed"
    with pytest.raises(StoreError, match=r"closed.*permission"):
        open_memory(str(closed / "inner" / "memory.db"))
