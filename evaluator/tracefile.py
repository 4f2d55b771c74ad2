"""Stored traces: self-describing, compact, byte-identical for equal input, tamper-evident.

``docs/trace-format.md`` has the layout. Nothing in a file is ever executed or unpickled.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from evaluator.cluster.instance import Instance
from evaluator.cluster.model import Cluster
from evaluator.cluster.workload import Workload
from evaluator.errors import TraceError
from evaluator.records import flatten, unflatten
from evaluator.sealed import Columns, Unsealed, pack, read_file, readable, unseal, write_file
from evaluator.trace import Trace
from evaluator.traceheader import TraceHeader

__all__ = [
    "StoredTrace", "TraceHeader", "decode", "encode", "from_unsealed", "read_trace", "write_trace",
]  # fmt: skip

_TYPES: Final = {
    "task": "<i4", "node": "<i4", "start": "<i8", "end": "<i8", "outcome": "|i1",
    "spread_row": "<i4", "spread_node": "<i4", "spread_count": "<i4",
    "event_time": "<i8", "event_node": "<i4", "event_up": "|i1",
}  # fmt: skip
"""Columns of a trace in file order."""


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
    write_file(path, content)
    return digest


def read_trace(path: Path | str) -> StoredTrace:
    """Read a stored trace and check its seal.

    Raises:
        TraceError: the file is missing, foreign, truncated or damaged; names the byte, the
            column and its rows where they are known.
    """
    path = Path(path)
    content = read_file(path)
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
    return pack(facts, columns)


def decode(content: bytes, path: Path) -> StoredTrace:
    """Read the bytes of a trace file.

    Raises:
        TraceError: not a trace, truncated or damaged.
    """
    return from_unsealed(unseal(content), path)


def from_unsealed(content: Unsealed, path: Path) -> StoredTrace:
    """Read a file whose seal held.

    Raises:
        TraceError: it is no trace of this world, or of another version.
    """
    with readable():
        facts, read = content.facts(), content.columns()
        header = TraceHeader.model_validate(facts["header"])
        columns = {name: _of_type(read[f"trace.{name}"], name) for name in _TYPES}
        trace = Trace(**columns, epochs=facts["epochs"])
        records = {name: unflatten(tree, read) for name, tree in facts["embedded"].items()}
    instance: Instance | None = records.get("instance")
    return StoredTrace(
        path=path,
        header=header,
        trace=trace,
        digest=content.digest,
        workload=instance.workload if instance else records.get("workload"),
        cluster=instance.cluster if instance else records.get("cluster"),
        instance=instance,
    )


def _of_type(column: NDArray[Any], name: str) -> NDArray[Any]:
    if column.dtype.str != _TYPES[name]:
        raise TypeError(f"column {name!r} must be {_TYPES[name]}, got {column.dtype.str}")
    return column
