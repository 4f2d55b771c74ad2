"""Cassettes: what was recorded comes back, what was not is an error, a crash loses nothing."""

import json
import os
from pathlib import Path

import pytest
from pydantic import BaseModel

from agentsched.errors import CassetteError, ModelError, ModelTimeout, StorageError
from agentsched.llm import Message, RecordedModel, RecordingModel, Reply, ScriptedModel
from agentsched.llm.recorded import call_key

A, B = [Message("user", "a")], [Message("user", "b")]


def record(path: Path, *texts: str) -> None:
    """Put the replies to A on a cassette."""
    recorder = RecordingModel(ScriptedModel(texts), path, "local")
    for _ in texts:
        recorder.chat(A, max_tokens=5)
    recorder.close()


def test_a_recording_answers_as_the_model_did(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "model.jsonl"
    reply = Reply("ä\n\u2028\ud800", 1, 2, 3.5, "m", 0.25, "length")
    recorder = RecordingModel(ScriptedModel([reply, "two"]), path, "local")
    recorder.chat(A, max_tokens=5, temperature=0.5, seed=1)
    recorder.chat(B, max_tokens=5)
    recorder.close()
    recorded = RecordedModel(path)
    assert recorded.chat(B, max_tokens=5).text == "two"
    assert recorded.chat(A, max_tokens=5, temperature=0.5, seed=1) == reply
    assert (recorded.kind, recorded.name) == ("local", "scripted")


def test_equal_questions_are_told_apart_by_their_order(tmp_path: Path) -> None:
    record(tmp_path / "c", "first", "second")
    recorded = RecordedModel(tmp_path / "c")
    assert [recorded.chat(A, max_tokens=5).text for _ in range(2)] == ["first", "second"]
    with pytest.raises(CassetteError, match="repeat 2"):
        recorded.chat(A, max_tokens=5)


class Shape(BaseModel):
    n: int


def test_everything_asked_is_part_of_the_key() -> None:
    keys = {
        call_key(A, None, 5, 0.0, 0),
        call_key(B, None, 5, 0.0, 0),
        call_key([*A, *A], None, 5, 0.0, 0),
        call_key([Message("system", "a")], None, 5, 0.0, 0),
        call_key(A, Shape, 5, 0.0, 0),
        call_key(A, None, 6, 0.0, 0),
        call_key(A, None, 5, 0.5, 0),
        call_key(A, None, 5, 0.0, 1),
    }
    assert len(keys) == 8


def test_a_call_that_was_not_recorded_is_an_error(tmp_path: Path) -> None:
    record(tmp_path / "c", "first")
    with pytest.raises(CassetteError, match="no reply for call") as caught:
        RecordedModel(tmp_path / "c").chat(B, max_tokens=5)
    assert str(tmp_path / "c") in str(caught.value)


def test_recording_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """A resumed run asks again from the start and pays for what is new only."""
    record(tmp_path / "c", "first")
    script = ScriptedModel(["second"])
    recorder = RecordingModel(script, tmp_path / "c")
    assert [recorder.chat(A, max_tokens=5).text for _ in range(2)] == ["first", "second"]
    assert len(script.calls) == 1
    recorder.close()
    assert RecordedModel(tmp_path / "c").kind == "local"


def test_every_line_is_on_disk_before_the_reply_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (synced.append(handle), real(handle))[1])
    path = tmp_path / "c"
    recorder = RecordingModel(ScriptedModel(["first"]), path)
    before = len(synced)
    recorder.chat(A, max_tokens=5)
    assert len(synced) == before + 1
    assert b"first" in path.read_bytes()
    recorder.close()


@pytest.mark.parametrize("keep", [1, 30, -1])
def test_a_torn_last_line_is_mended(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "c"
    record(path, "first", "second")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]) + lines[-1][:keep])
    assert RecordedModel(path).chat(A, max_tokens=5).text == "first"
    recorder = RecordingModel(ScriptedModel(["anew"]), path)
    assert [recorder.chat(A, max_tokens=5).text for _ in range(2)] == ["first", "anew"]
    recorder.close()
    assert [json.loads(line).get("ordinal") for line in path.read_text().splitlines()] == [
        None,
        0,
        1,
    ]


@pytest.mark.parametrize(
    ("line", "with_text"),
    [(1, '{"no": "header"}'), (1, '{"cassette": 99, "kind": ""}'), (2, "{}"), (2, "nonsense")],
)
def test_a_damaged_line_is_named(tmp_path: Path, line: int, with_text: str) -> None:
    path = tmp_path / "c"
    record(path, "first", "second")
    lines = path.read_text().splitlines()
    lines[line - 1] = with_text
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(CassetteError, match=f"line {line} is damaged"):
        RecordedModel(path)


def test_a_missing_cassette_is_named(tmp_path: Path) -> None:
    with pytest.raises(CassetteError, match="no cassette"):
        RecordedModel(tmp_path / "none")


def test_a_timeout_is_recorded_and_happens_again(tmp_path: Path) -> None:
    script = ScriptedModel([ModelTimeout("no answer within 1 s"), "late"])
    recorder = RecordingModel(script, tmp_path / "c")
    with pytest.raises(ModelTimeout):
        recorder.chat(A, max_tokens=5)
    assert recorder.chat(A, max_tokens=5).text == "late"
    recorder.close()
    recorded = RecordedModel(tmp_path / "c")
    with pytest.raises(ModelTimeout, match="no answer within 1 s"):
        recorded.chat(A, max_tokens=5)
    assert recorded.chat(A, max_tokens=5).text == "late"


def test_a_dead_model_is_not_recorded(tmp_path: Path) -> None:
    """The run ends and is resumed; the model may live again by then."""
    recorder = RecordingModel(ScriptedModel([ModelError("down")]), tmp_path / "c")
    with pytest.raises(ModelError):
        recorder.chat(A, max_tokens=5)
    recorder.close()
    assert RecordedModel(tmp_path / "c").name == "recorded"


def test_a_full_disk_is_an_error_that_leaves_whole_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c"
    record(path, "first")
    before = path.read_bytes()
    recorder = RecordingModel(ScriptedModel(["second"]), path)
    recorder.chat(A, max_tokens=5)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        recorder.chat(A, max_tokens=5)
    assert path.read_bytes() == before
    recorder.close()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        RecordingModel(ScriptedModel([]), tmp_path / "file" / "c")
