"""Recording model calls on a cassette, and answering from one.

A cassette is JSON lines. The first says what kind of model it was. Then, one call each: ``key``
(sha256 of everything asked), ``ordinal`` (0 for the first call with that key in one process, 1 for
the second, …), the reply, and the messages, so that a person can read what was said.

A line is on disk before the reply is used. Calls that timed out are on it too; other errors are
not: they end a run, and are tried again when it is resumed.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from agentsched.errors import CassetteError, ModelTimeout, StorageError
from agentsched.llm.model import ChatModel, Message, Price, Reply
from agentsched.llm.wrapping import WrappedModel

VERSION = 1

_Place = tuple[str, int]
Recorded = Reply | str
"""A reply, or the message of a call that timed out: it times out again when played."""


def call_key(
    messages: Sequence[Message],
    schema: type[BaseModel] | None,
    max_tokens: int,
    temperature: float,
    seed: int,
) -> str:
    """Return the digest of one question; equal questions have equal keys."""
    asked = {
        "messages": [[m.role, m.content] for m in messages],
        "schema": None if schema is None else schema.model_json_schema(),
        "max_tokens": max_tokens,
        "temperature": temperature,
        "seed": seed,
    }
    text = json.dumps(asked, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class _Ordinals:
    """Counts calls by key."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def next(self, key: str) -> int:
        with self._lock:
            ordinal = self._counts.get(key, 0)
            self._counts[key] = ordinal + 1
            return ordinal


class RecordedModel:
    """Answers from a cassette alone; a call that is not on it is an error."""

    def __init__(self, path: Path) -> None:
        """Read the cassette.

        Raises:
            CassetteError: No such file, or a damaged line.
        """
        self._path = path
        if not path.is_file():
            raise CassetteError(f"no cassette {str(path)!r}; name a run's calls.jsonl")
        tape = _read(path)
        self._replies = tape.replies
        self.kind = tape.kind
        """What was recorded: ``local``, ``openai``; it decides how prompts are cut."""
        self.name = tape.name or "recorded"
        self._ordinals = _Ordinals()
        self.price = Price()

    def chat(
        self,
        messages: Sequence[Message],
        *,
        schema: type[BaseModel] | None = None,
        max_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Reply:
        """Answer as recorded; see ``ChatModel.chat``.

        Raises:
            CassetteError: The call is not on the cassette.
        """
        key = call_key(messages, schema, max_tokens, temperature, seed)
        ordinal = self._ordinals.next(key)
        reply = self._replies.get((key, ordinal))
        if reply is None:
            raise CassetteError(
                f"cassette {str(self._path)!r}: no reply for call {key[:12]} (repeat {ordinal}) "
                f"among {len(self._replies)}; the prompts, seed or settings differ from the "
                f"recording, so record anew with a model"
            )
        return _play(reply)

    def close(self) -> None:
        """Nothing to let go of."""


class RecordingModel(WrappedModel):
    """Any model, with every call put on a cassette.

    Opened on a cassette that exists, it goes on with it: calls already there are answered from
    it and not paid again, so a run that was killed resumes as if it had not been.
    """

    def __init__(self, model: ChatModel, path: Path, kind: str = "") -> None:
        """Open or create the cassette.

        Args:
            model: Who answers what is not on it.
            path: The file.
            kind: Goes into the first line of a new cassette.

        Raises:
            CassetteError: It exists and is damaged (a torn last line is mended).
            StorageError: It cannot be written.
        """
        super().__init__(model)
        self._path = path
        self._lock = threading.Lock()
        self._ordinals = _Ordinals()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab", buffering=0)
            tape = _read(path)
            self._replies = tape.replies
            self._file.truncate(tape.whole)
            _sync_folder(path.parent)
            if not tape.whole:
                self._write({"cassette": VERSION, "kind": kind})
        except OSError as error:
            raise _cannot_write(path, error) from error

    def chat(
        self,
        messages: Sequence[Message],
        *,
        schema: type[BaseModel] | None = None,
        max_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Reply:
        """Answer, from the cassette if the call is on it; see ``ChatModel.chat``.

        Raises:
            StorageError: The reply could not be put on disk.
        """
        key = call_key(messages, schema, max_tokens, temperature, seed)
        place = (key, self._ordinals.next(key))
        known = self._replies.get(place)
        if known is not None:
            return _play(known)
        reply: Recorded
        try:
            reply = self._model.chat(
                messages, schema=schema, max_tokens=max_tokens, temperature=temperature, seed=seed
            )
        except ModelTimeout as error:
            reply = str(error)
        self._append(place, messages, reply)
        return _play(reply)

    def close(self) -> None:
        """Close the cassette and the wrapped model."""
        self._file.close()
        super().close()

    def _append(self, place: _Place, messages: Sequence[Message], reply: Recorded) -> None:
        record = {
            "key": place[0],
            "ordinal": place[1],
            "reply": reply if isinstance(reply, str) else asdict(reply),
            "messages": [asdict(message) for message in messages],
        }
        with self._lock:
            start = self._file.seek(0, os.SEEK_END)
            try:
                self._write(record)
            except OSError as error:
                self._take_back(start)
                raise _cannot_write(self._path, error) from error
            self._replies[place] = reply

    def _write(self, record: Mapping[str, Any]) -> None:
        line = json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"
        data = line.encode("utf-8", "surrogatepass")
        while data:
            data = data[self._file.write(data) :]
        os.fsync(self._file.fileno())

    def _take_back(self, start: int) -> None:
        """Drop what a full disk left of a line; the next opening would mend it as well."""
        try:
            os.truncate(self._path, start)
        except OSError:
            return


@dataclass(frozen=True, slots=True)
class _Tape:
    """A cassette as read."""

    replies: dict[_Place, Recorded]
    kind: str
    name: str
    whole: int
    """Bytes of whole lines; what follows was torn off by a crash."""


def _read(path: Path) -> _Tape:
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    replies: dict[_Place, Recorded] = {}
    kind = name = ""
    for number, line in enumerate(data[:whole].splitlines(), start=1):
        try:
            record: dict[str, Any] = json.loads(line)
            if number == 1:
                kind = _kind(record)
                continue
            said = record["reply"]
            reply: Recorded = said if isinstance(said, str) else Reply(**said)
            replies[str(record["key"]), int(record["ordinal"])] = reply
        except (ValueError, KeyError, TypeError) as error:
            raise CassetteError(
                f"cassette {str(path)!r}: line {number} is damaged ({type(error).__name__}); "
                f"restore the file or remove the line"
            ) from error
        if isinstance(reply, Reply):
            name = reply.model or name
    return _Tape(replies, kind, name, whole)


def _kind(header: Mapping[str, Any]) -> str:
    if header["cassette"] != VERSION:
        raise ValueError(f"cassette version {header['cassette']}")
    return str(header["kind"])


def _play(recorded: Recorded) -> Reply:
    if isinstance(recorded, str):
        raise ModelTimeout(recorded)
    return recorded


def _cannot_write(path: Path, error: OSError) -> StorageError:
    return StorageError(f"cassette {str(path)!r} cannot be written: {error.strerror or error}")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
