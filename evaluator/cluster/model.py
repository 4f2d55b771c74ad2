"""Clusters as columns: what the machines are, before any work arrives."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from evaluator.errors import InputError

Ints = NDArray[np.int64]
Ints32 = NDArray[np.int32]
Floats = NDArray[np.float64]

RESOURCES: Final = ("cpus", "memory", "devices")
"""Order of the demand and capacity columns: milli-CPUs, MiB, milli-devices."""

SECOND: Final = 1_000_000
"""Simulated time is int64 microseconds; this is one second."""

NEVER: Final = np.iinfo(np.int64).max // 4
"""A time that does not come (no due date, no deadline); safe to add durations to."""

TIERS: Final = ("node", "rack", "zone", "region", "world")
"""Distance classes between two nodes, nearest first."""


@dataclass(frozen=True, slots=True)
class Links:
    """Network between nodes by distance tier.

    The rate between two nodes is the least of the tier's bandwidth and both
    nodes' own bandwidth; data on the node where it was made costs nothing.
    """

    bandwidth: Floats
    """Bytes per second by tier, shape (5,); inf means data moves at once."""
    latency: Ints
    """Microseconds by tier, shape (5,)."""

    @classmethod
    def free(cls) -> Links:
        """A network on which data moves at once."""
        return cls(np.full(5, np.inf), np.zeros(5, dtype=np.int64))


@dataclass(frozen=True, slots=True)
class Cluster:
    """Nodes as columns; node i is row i. Nodes of one type are contiguous rows."""

    name: str
    types: tuple[str, ...]
    """Node type names (``V100``, ``cpu``, …); a type decides throughput."""
    type: Ints32
    """Row in ``types`` for each node, shape (N,), non-decreasing."""
    capacity: Ints
    """Milli-CPUs, MiB, milli-devices, shape (N, 3)."""
    speed: Floats
    """Factor on the throughput of the type, shape (N,); 1.0 is nominal."""
    rack: Ints32
    zone: Ints32
    region: Ints32
    """Location indices, shape (N,)."""
    bandwidth: Floats
    """Own link in bytes per second, shape (N,); inf is unlimited."""
    idle_watts: Floats
    busy_watts: Floats
    """Power with nothing running and fully used, shape (N,)."""
    price: Floats
    """Money per node-hour when in use, shape (N,)."""
    labels: Ints
    """Bit set of labels, shape (N,); bit b stands for ``label_names[b]``."""
    links: Links = field(default_factory=Links.free)
    label_names: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    """Node names; empty means ``n0, n1, …``."""

    def __post_init__(self) -> None:
        n = len(self.type)
        for column in fields(self):
            value = getattr(self, column.name)
            if isinstance(value, np.ndarray) and len(value) != n:
                raise InputError(
                    f"cluster {self.name!r}: column {column.name!r} has {len(value)} rows, "
                    f"needs {n}"
                )
        if n == 0:
            raise InputError(f"cluster {self.name!r}: needs at least one node, got 0")
        if np.any(np.diff(self.type) < 0):
            raise InputError(f"cluster {self.name!r}: nodes of one type must be contiguous rows")
        if self.capacity.shape != (n, 3) or np.any(self.capacity < 0):
            raise InputError(f"cluster {self.name!r}: capacity must be >= 0, shape ({n}, 3)")
        if np.any(self.speed <= 0):
            raise InputError(f"cluster {self.name!r}: speed must be > 0")

    def __len__(self) -> int:
        return len(self.type)

    def node_name(self, node: int) -> str:
        """Return the name of a node row."""
        return self.names[node] if self.names else f"n{node}"

    @property
    def digest(self) -> str:
        """sha256 over every column, in field order."""
        return columns_digest(self)


@dataclass(frozen=True, slots=True)
class NodeGroup:
    """Like nodes, as a scenario file describes them."""

    type: str
    count: int
    cpus: float = 1.0
    memory: float = 0.0
    """GiB."""
    devices: float = 0.0
    speed: float = 1.0
    rack: str = ""
    zone: str = ""
    region: str = ""
    bandwidth: float = np.inf
    """Bytes per second."""
    idle_watts: float = 0.0
    busy_watts: float = 0.0
    price: float = 0.0
    labels: tuple[str, ...] = ()
    nodes_per_rack: int = 0
    """Split the group over racks of this many nodes; 0 keeps one rack."""
    names: tuple[str, ...] = ()


def build_cluster(name: str, groups: list[NodeGroup], links: Links | None = None) -> Cluster:
    """Lay node groups out as columns, nodes of one type side by side."""
    types = tuple(dict.fromkeys(group.type for group in groups))
    groups = sorted(groups, key=lambda group: types.index(group.type))
    label_names = tuple(dict.fromkeys(label for g in groups for label in g.labels))
    if len(label_names) > 62:
        raise InputError(f"cluster {name!r}: at most 62 labels, got {len(label_names)}")
    places: dict[str, dict[str, int]] = {"rack": {}, "zone": {}, "region": {}}
    rows: dict[str, list[object]] = {}

    def put(column: str, value: object) -> None:
        rows.setdefault(column, []).append(value)

    for position, group in enumerate(groups):
        if group.count < 1:
            raise InputError(f"node group {group.type!r}: count must be >= 1, got {group.count}")
        for i in range(group.count):
            rack = group.rack or f"{position}"
            if group.nodes_per_rack:
                rack = f"{rack}/{i // group.nodes_per_rack}"
            put("type", types.index(group.type))
            put(
                "capacity",
                (round(group.cpus * 1000), round(group.memory * 1024), round(group.devices * 1000)),
            )
            put(
                "rack",
                places["rack"].setdefault(
                    f"{group.region}/{group.zone}/{rack}", len(places["rack"])
                ),
            )
            put(
                "zone",
                places["zone"].setdefault(f"{group.region}/{group.zone}", len(places["zone"])),
            )
            put("region", places["region"].setdefault(group.region, len(places["region"])))
            for column in ("speed", "bandwidth", "idle_watts", "busy_watts", "price"):
                put(column, getattr(group, column))
            put("labels", sum(1 << label_names.index(label) for label in set(group.labels)))
            put("names", group.names[i] if i < len(group.names) else f"{group.type}-{i}")

    def laid(key: str, dtype: type) -> NDArray[Any]:
        return np.array(rows[key], dtype=dtype)

    return Cluster(
        name=name,
        types=types,
        type=laid("type", np.int32),
        capacity=np.array(rows["capacity"], dtype=np.int64).reshape(-1, 3),
        speed=laid("speed", np.float64),
        rack=laid("rack", np.int32),
        zone=laid("zone", np.int32),
        region=laid("region", np.int32),
        bandwidth=laid("bandwidth", np.float64),
        idle_watts=laid("idle_watts", np.float64),
        busy_watts=laid("busy_watts", np.float64),
        price=laid("price", np.float64),
        labels=laid("labels", np.int64),
        links=links or Links.free(),
        label_names=label_names,
        names=tuple(str(n) for n in rows["names"]),
    )


def columns_digest(record: object) -> str:
    """sha256 over a dataclass of columns: field names, dtypes, shapes and raw bytes."""
    hasher = hashlib.sha256()
    _feed(hasher, record)
    return hasher.hexdigest()


def _feed(hasher: hashlib._Hash, value: object) -> None:
    if isinstance(value, np.ndarray):
        hasher.update(f"{value.dtype.str}{value.shape}".encode())
        hasher.update(np.ascontiguousarray(value).tobytes())
    elif hasattr(value, "__dataclass_fields__"):
        for column in fields(value):  # type: ignore[arg-type]
            hasher.update(column.name.encode())
            _feed(hasher, getattr(value, column.name))
    else:
        hasher.update(repr(value).encode())
