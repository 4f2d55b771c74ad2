"""Migrations: the schema they build is that of the tables, and they lose nothing."""

import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, create_engine, inspect

from memory import list_policies, open_memory, schema, show
from memory.samples import accept
from memory.schema import HEAD, MIGRATIONS, migrate
from memory.tables import Base


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


def test_head_is_the_newest_migration() -> None:
    """Opening compares with ``HEAD`` without loading Alembic, so it must not lag behind."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_schema_goes_down_and_up_again_and_matches_the_tables(file: Path) -> None:
    open_memory(str(file)).close()
    engine = create_engine(URL.create("sqlite", database=str(file)))
    migrate(engine, str(file), 5, "base")
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["memory_schema"]
    open_memory(str(file)).close()
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": "memory_schema", "compare_type": True}
        )
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_every_constraint_has_a_name(file: Path) -> None:
    """A migration can only drop what it can name."""
    open_memory(str(file)).close()
    with contextlib.closing(sqlite3.connect(file)) as connection:
        made = connection.execute("SELECT sql FROM sqlite_master WHERE type = 'table'").fetchall()
    for (sql,) in made:
        lines = [line.strip() for line in sql.splitlines()]
        keys = [line for line in lines if "KEY" in line or "CHECK" in line or "UNIQUE" in line]
        assert keys
        assert all(line.startswith("CONSTRAINT ") for line in keys)


NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    with op.batch_alter_table("policies") as batch:
        batch.add_column(sa.Column("tag", sa.Text(), nullable=False, server_default="new"))
        batch.alter_column("explanation", nullable=True)
    {then}
"""


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A version of the code that has one migration more, which rebuilds ``policies``."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(schema, "MIGRATIONS", folder)
    monkeypatch.setattr(schema, "HEAD", "0003")
    return folder / "versions" / "r0003.py"


@pytest.fixture
def filled(file: Path, tmp_path: Path) -> Path:
    with contextlib.closing(open_memory(str(file))) as store:
        accept(store, tmp_path)
    return file


def test_upgrade_on_open_keeps_rows_and_what_refers_to_them(filled: Path, later: Path) -> None:
    """SQLite rebuilds the table; with foreign keys on, dropping the old one takes the evidence."""
    later.write_text(NEXT.format(then=""))
    with contextlib.closing(open_memory(str(filled))) as store:
        (policy,) = list_policies(store)
        assert len(show(store, policy.id).evidence) == 6
    with contextlib.closing(sqlite3.connect(filled)) as connection:
        assert connection.execute("SELECT tag FROM policies").fetchall() == [("new",)]
        assert connection.execute("SELECT version_num FROM memory_schema").fetchone() == ("0003",)


def test_an_upgrade_that_fails_changes_nothing(filled: Path, later: Path) -> None:
    later.write_text(NEXT.format(then="raise RuntimeError('half way')"))
    with pytest.raises(RuntimeError, match="half way"):
        open_memory(str(filled))
    with contextlib.closing(sqlite3.connect(filled)) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(policies)")]
        assert "tag" not in columns
        assert connection.execute("SELECT version_num FROM memory_schema").fetchone() == ("0002",)
        assert connection.execute("SELECT count(*) FROM evidence").fetchone() == (6,)
