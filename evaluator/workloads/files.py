"""Bytes of a workload file, gzip or plain, with one clear line when it cannot be read."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path

from evaluator.errors import InputError

_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file, read and unpacked."""

    path: Path
    data: bytes
    """Content after unpacking."""
    digest: str
    """sha256 of the file as it lies on disk."""

    @property
    def name(self) -> str:
        """File name without folders, as messages quote it."""
        return self.path.name

    @property
    def key(self) -> bytes:
        """16 bytes that stand for the content; seeds what a reader has to fill in."""
        return bytes.fromhex(self.digest[:32])

    def text(self) -> str:
        """Return the content as text; raises ``InputError`` for bytes that are none."""
        try:
            return self.data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = self.data.count(b"\n", 0, error.start) + 1
            raise InputError(
                f"{self.name}:{line}: must be UTF-8 text, got byte "
                f"0x{self.data[error.start]:02x}; is this the right file?"
            ) from error


def read_file(path: Path) -> InputFile:
    """Read a file; gzip is known by its first bytes. Raises ``InputError``."""
    raw = _raw(path)
    packed = raw.startswith(_GZIP)
    if path.suffix == ".gz" and not packed:
        raise InputError(
            f"{path.name}: named .gz but is not gzip; rename it or pack it with `gzip`"
        )
    data = _unpack(path.name, raw) if packed else raw
    if not data.strip():
        raise InputError(f"{path.name}: must not be empty, got {len(data)} bytes of blanks")
    return InputFile(path, data, hashlib.sha256(raw).hexdigest())


def _raw(path: Path) -> bytes:
    if path.is_dir():
        raise InputError(f"{path}: must be a file, got a folder")
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; check the path") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if not raw:
        raise InputError(f"{path.name}: must not be empty, got 0 bytes")
    return raw


def _unpack(name: str, raw: bytes) -> bytes:
    try:
        return gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{name}: damaged gzip file ({error}); fetch it again") from error
