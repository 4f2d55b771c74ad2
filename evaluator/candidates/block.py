"""The calling convention of compiled policies: blocks of pairs over the engine's columns.

A block evaluates one function for ``m`` pairs in one call. It has two doors with one body:

* ``BLOCK_TYPE``: every column is an argument, so a block passes as a first-class function into
  an njit kernel. Arrays are C-contiguous and travel by value, about 0.5 microseconds a call.
* ``TABLE_TYPE``: ``(table, mode, m, now)`` where ``table`` is the address of an int64 array that
  holds the address of each column in the order of ``COLUMNS`` and then the number of node types
  (the row length of ``throughput``): a few nanoseconds a call. See ``address_table``.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numba import types
from numpy.typing import NDArray

PAIRS: Final = 0
"""Mode: pair p is task ``tasks[p]`` with node ``nodes[p]``."""
ONE_NODE: Final = 1
"""Mode: pair p is task ``tasks[p]`` with node ``nodes[0]``."""
TASKS: Final = 2
"""Mode: tasks only, for ``key``; nothing of the nodes is read."""

COLUMNS: Final[Mapping[str, tuple[str, int]]] = {
    # per pair, shape (m,)
    "tasks": ("int32", 1), "nodes": ("int32", 1),
    # per job, shape (J,): microseconds, microseconds, microseconds, weight
    "release": ("int64", 1), "due": ("int64", 1), "deadline": ("int64", 1),
    "weight": ("float64", 1),
    # per task, shape (n,) or (n, 3); throughput is (P, K), best_speed (P,)
    "job": ("int32", 1), "demand": ("int64", 2), "gang": ("int32", 1), "estimate": ("int64", 1),
    "profile": ("int32", 1), "throughput": ("float64", 2), "best_speed": ("float64", 1),
    "ready": ("int64", 1), "attained": ("int64", 1), "service": ("int64", 1),
    "starts": ("int32", 1), "rank": ("int64", 1), "children": ("int32", 1),
    # per job, shape (J,): microseconds
    "job_left": ("int64", 1),
    # per node, shape (N,) or (N, 3)
    "node_type": ("int32", 1), "node_speed": ("float64", 1), "free": ("int64", 2),
    "capacity": ("int64", 2), "price": ("float64", 1), "idle_watts": ("float64", 1),
    "busy_watts": ("float64", 1), "carbon": ("float64", 1), "free_at": ("int64", 1),
    "queued": ("int32", 1),
    # per pair, shape (m,): microseconds, microseconds, 0 or 1
    "overhead": ("int64", 1), "data_at": ("int64", 1), "here": ("int8", 1),
    # per pair, shape (m,): the values
    "out": ("float64", 1),
}  # fmt: skip
"""Array arguments by name: dtype and number of axes; the order is that of the address table."""

ARGUMENTS: Final = (
    "mode", "m", *[name for name in COLUMNS if name != "out"], "now", "out",
)  # fmt: skip
"""Argument names of ``BLOCK_SIGNATURE``, in order."""


def _argument(name: str) -> types.Type:
    if name not in COLUMNS:
        return types.int64
    dtype, axes = COLUMNS[name]
    return types.Array(getattr(types, dtype), axes, "C")


BLOCK_SIGNATURE: Final = types.void(*[_argument(name) for name in ARGUMENTS])
BLOCK_TYPE: Final = types.FunctionType(BLOCK_SIGNATURE)

TABLE_SIGNATURE: Final = types.void(types.int64, types.int64, types.int64, types.int64)
TABLE_TYPE: Final = types.FunctionType(TABLE_SIGNATURE)


class Entry(types.WrapperAddressProtocol):
    """A first-class function for numba: machine code and the signature it keeps."""

    def __init__(self, address: int, signature: Any, owner: object) -> None:
        self.address = address
        self._signature = signature
        # the machine code lives as long as its execution engine
        self._owner = owner

    def __wrapper_address__(self) -> int:
        return self.address

    def signature(self) -> Any:
        """Return the numba signature."""
        return self._signature


class Block(Entry):
    """One compiled function of a policy; itself of ``BLOCK_TYPE``, ``table`` of ``TABLE_TYPE``."""

    def __init__(self, block: int, table: int, owner: object) -> None:
        super().__init__(block, BLOCK_SIGNATURE, owner)
        self.table = Entry(table, TABLE_SIGNATURE, owner)
        word = ctypes.c_int64
        self._call = ctypes.CFUNCTYPE(ctypes.c_void_p, word, word, word, word)(table)

    def __call__(self, columns: Mapping[str, NDArray[Any]], mode: int, m: int, now: int) -> None:
        """Evaluate pairs from Python: fills ``columns["out"][:m]``; ``now`` in microseconds."""
        self._call(address_table(columns).ctypes.data, mode, m, now)


def address_table(columns: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
    """Return the address table of columns; the caller keeps the columns alive and in place.

    Raises:
        ValueError: if a column has the wrong dtype, number of axes or layout.
    """
    table = np.empty(len(COLUMNS) + 1, dtype=np.int64)
    for row, (name, (dtype, axes)) in enumerate(COLUMNS.items()):
        column = columns[name]
        if column.dtype != dtype or column.ndim != axes or not column.flags.c_contiguous:
            raise ValueError(
                f"column {name!r} must be C-contiguous {dtype} with {axes} axes, got "
                f"{column.dtype} with {column.ndim}"
            )
        table[row] = column.__array_interface__["data"][0]  # a third of the time of ctypes
    table[-1] = columns["throughput"].shape[1]
    return table
