"""Sealed files: a JSON of facts and named columns; what a trace of any world is stored in.

``docs/trace-format.md`` has the layout. Nothing in a file is ever executed or unpickled.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import struct
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from evaluator.errors import InputError, TraceError
from evaluator.seal import Damage, damages, seal, seal_size

SCHEMA: Final = 1
START: Final = "trace.start"
END: Final = "trace.end"
"""Stored as the time since the start, which is a smaller number."""

Columns = dict[str, NDArray[Any]]

_MAGIC: Final = b"\x89AGTR\r\n\x1a"
_END: Final = b"\x1aRTGA\x89\r\n"
_FOOTER: Final = struct.Struct("<QQ32s8s")
_BATCH: Final = 1 << 16
"""Rows of a record batch: the finest place a damaged byte range is given in rows."""


@dataclass(frozen=True, slots=True)
class Unsealed:
    """A file whose seal held; its content is not read yet."""

    body: bytes
    sections: list[dict[str, Any]]
    digest: str
    """Names the content: sha256 of the trailer, which seals everything before it."""

    def facts(self) -> dict[str, Any]:
        """Return the JSON; use inside ``readable``."""
        found: dict[str, Any] = json.loads(_section(self.body, self.sections[0]))
        return found

    def columns(self) -> Columns:
        """Return every column by name; use inside ``readable``."""
        read: Columns = {}
        for section in self.sections[1:]:
            name = section["name"]
            read[name] = _unarrow(_section(self.body, section), name, read)
        return read


@contextlib.contextmanager
def readable() -> Iterator[None]:
    """Say in one line that a sealed content is none that this version can read."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise TraceError(
            f"sealed, but not a trace this version can read: {type(error).__name__}: {reason}"
        ) from error
    except InputError as error:
        raise TraceError(f"the embedded problem is not valid: {error}") from error


def pack(facts: Mapping[str, Any], columns: Columns) -> tuple[bytes, str]:
    """Return the bytes of a file, and its digest."""
    parts, sections, at = [_MAGIC], [], len(_MAGIC)
    for name, content, batches in (
        ("header", _json(facts), []),
        *((name, *_arrow(name, columns)) for name in columns),
    ):
        sections.append({"name": name, "at": at, "size": len(content), "batches": batches})
        parts.append(content)
        at += len(content)
    body = b"".join(parts)
    trailer = _json({"version": SCHEMA, "sections": sections})
    sealed = seal(body)
    digest = hashlib.sha256(trailer + sealed).digest()
    footer = _FOOTER.pack(len(body), len(trailer), digest, _END)
    return body + trailer + sealed + footer, digest.hex()


def write_file(path: Path | str, content: bytes) -> None:
    """Store bytes at once or not at all.

    Raises:
        TraceError: the file cannot be written (full disk, no permission).
    """
    path = Path(path)
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with open(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
        temporary = None
        _sync_folder(path.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise TraceError(f"{path}: cannot write the trace: {reason}; nothing changed") from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def read_file(path: Path) -> bytes:
    """Return a file's bytes.

    Raises:
        TraceError: it is missing, or may not be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise TraceError(f"{path}: cannot read the trace: {error.strerror}") from error


def unseal(content: bytes) -> Unsealed:
    """Check the seal of a file's bytes from the outside in: footer, trailer, blocks.

    Raises:
        TraceError: not a trace, truncated or damaged; names the byte, the column and its rows where
            they are known.
    """
    size = len(content)
    if size == 0:
        raise TraceError("the file is empty")
    headed, ended = content[: len(_MAGIC)] == _MAGIC, content[-len(_END) :] == _END
    if not headed and not ended:
        raise TraceError("not an agentsched trace")
    footer_at = size - _FOOTER.size
    if footer_at < len(_MAGIC):
        raise TraceError(f"truncated: {size} bytes are too few for a trace")
    length, trailer_size, digest, _ = _FOOTER.unpack(content[footer_at:])
    fits = length + trailer_size + seal_size(length) == footer_at
    sealed = content[length:footer_at] if fits else b""
    sound = fits and hashlib.sha256(sealed).digest() == digest
    if not ended and sound:
        raise TraceError(f"damaged in bytes {size - len(_END)}-{size - 1}: end mark")
    if not ended:
        raise TraceError(
            f"truncated or damaged: no end mark in bytes {size - len(_END)}-{size - 1}"
        )
    if not fits:
        raise TraceError(f"damaged in bytes {footer_at}-{size - 1}: footer, lengths do not add up")
    if not sound:
        raise TraceError(f"damaged in bytes {length}-{size - 1}: trailer (directory, digests)")
    body = content[:length]
    trailer = json.loads(sealed[:trailer_size])
    found = damages(body, sealed[trailer_size:])
    if trailer.get("version") != SCHEMA and not found:
        raise TraceError(f"trace format {trailer.get('version')}, this version reads {SCHEMA}")
    if found:
        more = f" (and {len(found) - 1} more blocks)" if len(found) > 1 else ""
        raise TraceError(_place(found[0], body, trailer["sections"]) + more)
    return Unsealed(body, trailer["sections"], digest.hex())


def _place(damage: Damage, body: bytes, sections: list[dict[str, Any]]) -> str:
    """Say where a damage lies: bytes, sections, rows."""
    if damage.byte is not None:
        low, high = damage.byte, damage.byte + 1
        where = f"byte {low} is 0x{body[low]:02x}, was 0x{damage.was:02x}"
    else:
        low, high = damage.start, damage.end
        where = f"bytes {low}-{high - 1}"
    hit = []
    if low < len(_MAGIC):
        hit.append("file mark")
    for section in sections:
        begin, end = section["at"], section["at"] + section["size"]
        if begin < high and low < end:
            hit.append(_rows(section, low, high))
    return f"damaged: {where}: {', '.join(hit)}"


def _rows(section: dict[str, Any], low: int, high: int) -> str:
    name, batches = section["name"], section["batches"]
    if name == "header":
        return "header"
    begins = [section["at"] + at for at, _ in batches]
    # a column of no rows has no batch
    ends = [*begins[1:], section["at"] + section["size"]][: len(begins)]
    hit = [i for i, (a, b) in enumerate(zip(begins, ends, strict=True)) if a < high and low < b]
    if not hit:
        return f"column {name!r} (schema)"
    first, last = hit[0] * _BATCH, hit[-1] * _BATCH + batches[hit[-1]][1] - 1
    return f"column {name!r}, rows {first}-{last}"


def _section(body: bytes, section: dict[str, Any]) -> bytes:
    return body[section["at"] : section["at"] + section["size"]]


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _arrow(name: str, columns: Columns) -> tuple[bytes, list[list[int]]]:
    """One column as an Arrow stream; also the offset and rows of its batches."""
    column = columns[name]
    flat = np.ascontiguousarray(column).reshape(-1)
    code = "plain"
    values = flat
    if name == END:
        code, values = "held", flat - columns[START]
    elif flat.dtype.kind == "i":
        steps = np.diff(flat, prepend=flat.dtype.type(0))
        narrow = _narrow(flat)
        # a column that never turns back has small steps; else steps save only if narrower
        if np.all(steps >= 0) or _narrow(steps).dtype.itemsize < narrow.dtype.itemsize:
            code, values = "steps", steps
    values = _narrow(values)
    told = {"encoding": code, "dtype": flat.dtype.str}
    schema = pa.schema([pa.field("v", pa.from_numpy_dtype(values.dtype))], metadata=told)
    options = pa.ipc.IpcWriteOptions(compression="zstd", use_threads=False)
    sink = pa.BufferOutputStream()
    batches: list[list[int]] = []
    with pa.ipc.new_stream(sink, schema, options=options) as writer:
        for at in range(0, len(values), _BATCH):
            part = values[at : at + _BATCH]
            batches.append([sink.tell(), len(part)])
            writer.write_batch(pa.record_batch([pa.array(part)], schema=schema))
    return sink.getvalue().to_pybytes(), batches


def _unarrow(content: bytes, name: str, read: Columns) -> NDArray[Any]:
    table = pa.ipc.open_stream(pa.BufferReader(content)).read_all()
    table.validate(full=True)
    told = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    dtype = np.dtype(told["dtype"])
    values: NDArray[Any] = table.column("v").to_numpy().astype(dtype)
    match told["encoding"]:
        case "plain":
            return values
        case "steps":
            return np.cumsum(values, dtype=dtype)
        case "held":
            return values + read[START]
        case other:
            raise TraceError(f"column {name!r}: unknown encoding {other!r}")


def _narrow(values: NDArray[Any]) -> NDArray[Any]:
    """Integers in the smallest type that holds them."""
    if values.dtype.kind != "i":
        return values
    if len(values) == 0:
        return values.astype(np.int8)
    low, high = int(values.min()), int(values.max())
    for dtype in (np.int8, np.int16, np.int32):
        limits = np.iinfo(dtype)
        if limits.min <= low and high <= limits.max:
            return values.astype(dtype)
    return values


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
