"""Stored traces: self-describing, compact, byte-identical for equal input, tamper-evident.

``docs/trace-format.md`` has the layout. Nothing in a file is ever executed or unpickled.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, field_serializer, field_validator

from evaluator.cluster.instance import Instance
from evaluator.cluster.model import Cluster
from evaluator.cluster.workload import Workload
from evaluator.errors import InputError, TraceError
from evaluator.records import Columns, flatten, unflatten
from evaluator.seal import Damage, damages, seal, seal_size
from evaluator.trace import Trace

SCHEMA: Final = 1
_MAGIC: Final = b"\x89AGTR\r\n\x1a"
_END: Final = b"\x1aRTGA\x89\r\n"
_FOOTER: Final = struct.Struct("<QQ32s8s")
_BATCH: Final = 1 << 16
"""Rows of a record batch: the finest place a damaged byte range is given in rows."""

_TYPES: Final = {
    "task": "<i4", "node": "<i4", "start": "<i8", "end": "<i8", "outcome": "|i1",
    "spread_row": "<i4", "spread_node": "<i4", "spread_count": "<i4",
    "event_time": "<i8", "event_node": "<i4", "event_up": "|i1",
}  # fmt: skip
"""Columns of a trace in file order."""


class TraceHeader(BaseModel):
    """What a trace is a trace of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = SCHEMA
    scenario: str = ""
    scenario_text: str = ""
    """The scenario's TOML."""
    scenario_digest: str = ""
    split: str = ""
    index: int = 0
    seed: str = ""
    """The run's secret seed in hex, revealed here so that anyone can make the instance again."""
    seed_commitment: str = ""
    """sha256 of the seed's bytes, published before the seed."""
    instance_digest: str = ""
    cluster_digest: str = ""
    workload_digest: str = ""
    policy: str = ""
    policy_text: str = ""
    policy_digest: str = ""
    """sha256 of ``policy_text``."""
    lane: Literal["", "pure", "python", "general", "native"] = ""
    code_version: str = ""
    objective: str = ""
    metrics: dict[str, float] = {}
    """Stored as hexadecimal floats: exact."""

    @field_validator("metrics", mode="before")
    @classmethod
    def _read_hex(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {k: float.fromhex(v) if isinstance(v, str) else v for k, v in value.items()}

    @field_serializer("metrics")
    def _write_hex(self, value: dict[str, float]) -> dict[str, str]:
        return {name: float(number).hex() for name, number in value.items()}

    @classmethod
    def of(
        cls,
        instance: Instance,
        *,
        seed: bytes = b"",
        policy_text: str = "",
        metrics: dict[str, float] | None = None,
        **facts: Any,
    ) -> TraceHeader:
        """Return a header with every digest filled in; ``facts`` are further fields."""
        return cls(
            seed=seed.hex(),
            seed_commitment=hashlib.sha256(seed).hexdigest() if seed else "",
            instance_digest=instance.digest,
            cluster_digest=instance.cluster.digest,
            workload_digest=instance.workload.digest,
            policy_text=policy_text,
            policy_digest=hashlib.sha256(policy_text.encode()).hexdigest() if policy_text else "",
            metrics=metrics or {},
            **facts,
        )


@dataclass(frozen=True, slots=True)
class StoredTrace:
    """A trace read from a file whose seal held."""

    path: Path
    header: TraceHeader
    trace: Trace
    digest: str
    """Names the content: sha256 of the trailer, which seals everything before it."""
    workload: Workload | None = None
    """Embedded where it cannot be generated again."""
    cluster: Cluster | None = None
    instance: Instance | None = None
    """The whole problem, where it was embedded."""


def write_trace(
    path: Path | str,
    trace: Trace,
    header: TraceHeader,
    workload: Workload | None = None,
    cluster: Cluster | None = None,
    *,
    instance: Instance | None = None,
) -> str:
    """Store a trace at once or not at all; return its digest.

    Args:
        path: Where to; its folder exists.
        trace: What happened.
        header: What it is a trace of.
        workload: Embedded, if it came from a file.
        cluster: Embedded, if it came from a file.
        instance: The whole problem, embedded so that the file can be replayed alone.

    Raises:
        TraceError: the file cannot be written (full disk, no permission).
    """
    content, digest = encode(trace, header, workload, cluster, instance)
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
            with suppress(OSError):
                os.unlink(temporary)
    return digest


def read_trace(path: Path | str) -> StoredTrace:
    """Read a stored trace and check its seal.

    Raises:
        TraceError: the file is missing, foreign, truncated or damaged; names the byte, the
            column and its rows where they are known.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TraceError(f"{path}: cannot read the trace: {error.strerror}") from error
    try:
        return decode(content, path)
    except TraceError as error:
        raise TraceError(f"{path}: {error}") from error.__cause__


def encode(
    trace: Trace,
    header: TraceHeader,
    workload: Workload | None = None,
    cluster: Cluster | None = None,
    instance: Instance | None = None,
) -> tuple[bytes, str]:
    """Return the bytes of a trace file, and its digest."""
    columns: Columns = {f"trace.{name}": getattr(trace, name) for name in _TYPES}
    embedded = {
        name: flatten(record, name, columns)
        for name, record in (("workload", workload), ("cluster", cluster), ("instance", instance))
        if record is not None
    }
    facts = {
        "header": json.loads(header.model_dump_json()),
        "epochs": trace.epochs,
        "embedded": embedded,
    }
    parts, sections, at = [_MAGIC], [], len(_MAGIC)
    first = _json(facts)
    for name, content, batches in (
        ("header", first, []),
        *((name, *_arrow(name, column, trace)) for name, column in columns.items()),
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


def decode(content: bytes, path: Path) -> StoredTrace:
    """Read the bytes of a trace file.

    Raises:
        TraceError: not a trace, truncated or damaged.
    """
    body, sections, digest = _unsealed(content)
    try:
        facts = json.loads(_section(body, sections[0]))
        header = TraceHeader.model_validate(facts["header"])
        read: Columns = {}
        for section in sections[1:]:
            name = section["name"]
            read[name] = _unarrow(_section(body, section), name, read)
        columns = {name: _of_type(read[f"trace.{name}"], name) for name in _TYPES}
        trace = Trace(**columns, epochs=facts["epochs"])
        records = {name: unflatten(tree, read) for name, tree in facts["embedded"].items()}
    except (LookupError, TypeError, ValueError, AttributeError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise TraceError(
            f"sealed, but not a trace this version can read: {type(error).__name__}: {reason}"
        ) from error
    except InputError as error:
        raise TraceError(f"the embedded problem is not valid: {error}") from error
    instance: Instance | None = records.get("instance")
    return StoredTrace(
        path=path,
        header=header,
        trace=trace,
        digest=digest,
        workload=instance.workload if instance else records.get("workload"),
        cluster=instance.cluster if instance else records.get("cluster"),
        instance=instance,
    )


def _unsealed(content: bytes) -> tuple[bytes, list[dict[str, Any]], str]:
    """Check the seal from the outside in: footer, trailer, blocks."""
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
    return body, trailer["sections"], digest.hex()


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


def _of_type(column: NDArray[Any], name: str) -> NDArray[Any]:
    if column.dtype.str != _TYPES[name]:
        raise TypeError(f"column {name!r} must be {_TYPES[name]}, got {column.dtype.str}")
    return column


def _section(body: bytes, section: dict[str, Any]) -> bytes:
    return body[section["at"] : section["at"] + section["size"]]


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _arrow(name: str, column: NDArray[Any], trace: Trace) -> tuple[bytes, list[list[int]]]:
    """One column as an Arrow stream; also the offset and rows of its batches."""
    flat = np.ascontiguousarray(column).reshape(-1)
    code = "plain"
    values = flat
    if name == "trace.end":
        code, values = "held", flat - trace.start
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
            return values + read["trace.start"]
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
