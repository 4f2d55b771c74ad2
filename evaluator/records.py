"""Frozen records of columns (clusters, workloads, instances) as a small tree and named arrays."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from evaluator.cluster.instance import Failures, Instance, Outage, Rules, Series
from evaluator.cluster.model import Cluster, Links
from evaluator.cluster.workload import Edges, Workload
from evaluator.errors import TraceError

Columns = dict[str, NDArray[Any]]

_RECORDS: Final[Mapping[str, type]] = {
    kind.__name__: kind
    for kind in (Instance, Workload, Edges, Cluster, Links, Rules, Failures, Outage, Series)
}


def flatten(record: object, prefix: str, columns: Columns) -> object:
    """Return a JSON tree of the record; its arrays go to ``columns`` by dotted name."""
    match record:
        case np.ndarray():
            columns[prefix] = record
            return {"array": prefix, "dtype": record.dtype.str, "shape": list(record.shape)}
        case bytes():
            return {"bytes": base64.b16encode(record).decode()}
        case bool() | int() | str() | None:
            return record
        case float():
            return {"float": record.hex()}
        case tuple():
            return {"tuple": [flatten(x, f"{prefix}.{i}", columns) for i, x in enumerate(record)]}
        case _ if is_dataclass(record) and type(record).__name__ in _RECORDS:
            return {
                "record": type(record).__name__,
                "fields": {
                    field.name: flatten(
                        getattr(record, field.name), f"{prefix}.{field.name}", columns
                    )
                    for field in fields(record)
                },
            }
    raise TypeError(f"{prefix}: cannot store a {type(record).__name__}")


def unflatten(tree: Any, columns: Mapping[str, NDArray[Any]]) -> Any:
    """Build the record again.

    Raises:
        TraceError: the tree names a record or an array that is not there.
        InputError: the values do not make a valid record.
    """
    if not isinstance(tree, dict):
        return tree
    if "array" in tree:
        if tree["array"] not in columns:
            raise TraceError(f"array {tree['array']!r} is missing")
        flat = columns[tree["array"]]
        return flat.astype(np.dtype(tree["dtype"]), copy=False).reshape(tree["shape"])
    if "bytes" in tree:
        return base64.b16decode(tree["bytes"])
    if "float" in tree:
        return float.fromhex(tree["float"])
    if "tuple" in tree:
        return tuple(unflatten(part, columns) for part in tree["tuple"])
    kind = _RECORDS.get(tree.get("record", ""))
    if kind is None:
        raise TraceError(f"unknown record {tree.get('record')!r}")
    return kind(**{name: unflatten(part, columns) for name, part in tree["fields"].items()})
