"""The file that an export is: packed without clock or user in it, unpacked without trust."""

from __future__ import annotations

import gzip
import io
import json
import re
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from memory.errors import ArchiveError
from memory.vault import disk, file_digest

FORMAT: Final = "agentsched-memory"
VERSION: Final = 1
MANIFEST: Final = "manifest.json"
LARGEST: Final = 64 << 30
"""Bytes that an archive may unpack to."""
MEMBER: Final = re.compile(r"[a-z]+\.jsonl|evidence/[0-9a-f]{64}\.trace")


def pack(folder: Path, target: Path) -> None:
    """Tar and compress with nothing in it of the clock, the user or the file system's order."""
    with (
        target.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            info = tarfile.TarInfo(file.relative_to(folder).as_posix())
            info.size = file.stat().st_size
            with file.open("rb") as data:
                tar.addfile(info, data)


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Give the folder that an export is, or that an archive unpacks to for the time of the block.

    Raises:
        ArchiveError: not an archive, damaged, or with something in it that no export has.
    """
    if path.is_dir():
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="agentsched-") as scratch:
        try:
            with gzip.open(path) as zipped:
                with tarfile.open(fileobj=zipped, mode="r:") as tar:
                    _extract(tar, Path(scratch), path)
                # the checksum of the stream stands behind the end of the tar
                while zipped.read(1 << 20):
                    pass
        except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ArchiveError(f"{str(path)!r} is not an intact .tar.gz: {error}") from error
        except OSError as error:
            with disk(path):
                raise error
        yield Path(scratch)


def _extract(tar: tarfile.TarFile, folder: Path, path: Path) -> None:
    """Write out the members that an export has, and refuse any other: names decide nothing."""
    (folder / "evidence").mkdir()
    total = 0
    for member in tar:
        total += member.size
        known = member.name == MANIFEST or MEMBER.fullmatch(member.name)
        if not member.isreg() or not known or total > LARGEST:
            raise ArchiveError(f"{str(path)!r}: {member.name!r} does not belong in an export")
        data = tar.extractfile(member) or io.BytesIO()
        with (folder / member.name).open("xb") as target:
            shutil.copyfileobj(data, target, 1 << 20)


def write_manifest(folder: Path, files: dict[str, str], missing: list[str]) -> None:
    """Say what is in an export: sha256 by file, and the traces that were lost before."""
    manifest = {"format": FORMAT, "version": VERSION, "files": files, "missing": missing}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")


def read_manifest(folder: Path, path: Path) -> tuple[dict[str, str], frozenset[str]]:
    """Return the digests of the files, and the traces that the exporter had lost.

    Raises:
        ArchiveError: no manifest, of another kind, or a file is missing or damaged.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        files: dict[str, str] = dict(manifest["files"])
        known = (manifest["format"], manifest["version"])
        missing = frozenset(manifest.get("missing", []))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArchiveError(f"{str(path)!r} is not an export: it has no sound {MANIFEST}") from error
    if known != (FORMAT, VERSION):
        raise ArchiveError(
            f"{str(path)!r} is {known[0]} version {known[1]}, this reads {FORMAT} version {VERSION}"
        )
    for name, digest in files.items():
        if not MEMBER.fullmatch(name):
            raise ArchiveError(f"{str(path)!r}: {name!r} does not belong in an export")
        if not (folder / name).is_file():
            raise ArchiveError(f"{str(path)!r}: {name!r} is missing")
        found = file_digest(folder / name)
        if found != digest or (name.startswith("evidence/") and name[9:73] != found):
            raise ArchiveError(f"{str(path)!r}: {name!r} is damaged (sha256 differs)")
    return files, missing
