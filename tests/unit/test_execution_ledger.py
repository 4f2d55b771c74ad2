"""The ledger: on disk before it is believed, one writer, whatever tore it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from execution_plans import START, at, graph_of, opened, task

from agentsched.errors import StorageError, UserError
from agentsched.execution import Ledger, fold, read_records
from agentsched.execution.records import Again, GaveUp, Intent, Over, Record, Taken

OPENED = opened(graph_of(task("a")), {"a": ("m1", 0, 10)})
INTENT = Intent(at=at(1), task="a", number=1, key="run.a.1", machines=("m1",), seconds=10)
RECORDS: list[Record] = [
    OPENED,
    INTENT,
    Taken(at=at(2), task="a", key="run.a.1"),
    Over(at=at(3), task="a", key="run.a.1", outcome="failed", code=1),
    GaveUp(at=at(3), task="a", reason="exit code 1"),
]


def written(path: Path, records: list[Record]) -> None:
    with Ledger(path) as ledger:
        for record in records:
            ledger.append(record)


def test_what_was_written_is_read_back_alike(tmp_path: Path) -> None:
    path = tmp_path / "new" / "ledger.jsonl"
    written(path, RECORDS)
    assert list(read_records(path)) == RECORDS
    with Ledger(path) as ledger:
        assert list(ledger.records) == RECORDS


def test_a_torn_last_line_is_as_if_it_had_not_been(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    written(path, RECORDS)
    whole = path.read_bytes()
    for cut in range(1, len(RECORDS[-1].model_dump_json()) + 1):
        path.write_bytes(whole[:-cut])
        with Ledger(path) as ledger:
            assert list(ledger.records) == RECORDS[:-1]
            ledger.append(RECORDS[-1])
        assert path.read_bytes() == whole


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    written(path, RECORDS)
    lines = path.read_text().splitlines(keepends=True)
    lines[2] = lines[2].replace("taken", "token")
    path.write_text("".join(lines))
    with pytest.raises(UserError, match=r"line 3 is damaged .* restore the file"):
        Ledger(path)


@pytest.mark.parametrize(("records", "line"), [([INTENT], 1), ([OPENED, OPENED], 2)])
def test_opened_stands_first_and_once(tmp_path: Path, records: list[Record], line: int) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text("".join(record.model_dump_json() + "\n" for record in records))
    with pytest.raises(UserError, match=f"line {line} is"):
        read_records(path)


def test_a_record_of_an_attempt_that_never_began_is_a_contradiction() -> None:
    with pytest.raises(UserError, match="line 2 speaks of 'a', which never began"):
        fold([OPENED, RECORDS[2]])
    with pytest.raises(UserError, match=r"line 3 speaks of 'run\.a\.7'"):
        fold([OPENED, INTENT, Taken(at=START, task="a", key="run.a.7")])


def test_two_processes_cannot_carry_out_one_plan(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with Ledger(path), pytest.raises(UserError, match="open in another process"):
        Ledger(path)
    Ledger(path).close()


def test_a_full_disk_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.jsonl"
    write = os.write
    with Ledger(path) as ledger:
        ledger.append(OPENED)
        before = path.read_bytes()
        left = [20]

        def fill(file: int, data: bytes) -> int:
            """Room for twenty more bytes."""
            if not left[0]:
                raise OSError(28, "No space left on device")
            done = write(file, bytes(data)[: left[0]])
            left[0] -= done
            return done

        monkeypatch.setattr(os, "write", fill)
        with pytest.raises(StorageError, match="No space left on device; make room"):
            ledger.append(INTENT)
        monkeypatch.undo()
        assert path.read_bytes() == before
        assert list(ledger.records) == [OPENED]
        ledger.append(INTENT)
    assert list(read_records(path)) == [OPENED, INTENT]


def test_a_file_that_is_no_folder_or_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        Ledger(tmp_path / "file" / "ledger.jsonl")
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_records(tmp_path / "none.jsonl")


def test_forgiving_makes_the_count_of_tries_begin_anew() -> None:
    state = fold(RECORDS)
    assert state.standing("a") == "given_up"
    state.apply(Again(at=at(9), task="a"))
    assert state.standing("a") == "waiting"
    assert not any(tried.counts for tried in state.tried["a"])
