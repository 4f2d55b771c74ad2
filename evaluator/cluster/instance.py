"""One problem to simulate: a cluster, a workload, and the rules of the world."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from evaluator.cluster.model import SECOND, Cluster, Floats, Ints, columns_digest
from evaluator.cluster.workload import Workload
from evaluator.errors import InputError


@dataclass(frozen=True, slots=True)
class Rules:
    """What the world charges and allows; every time in microseconds."""

    preemptive: bool = False
    """Running tasks may be stopped (progress kept) and started again, elsewhere too."""
    round: int = 0
    """Decisions are taken at multiples of this time only; 0 means at every event."""
    restart_cost: int = 0
    """Added to every start of a task but its first, and to every migration."""
    start_cost: int = 0
    """Added to the first start of a task."""
    checkpoint: int = 0
    """A node failure loses progress since the last multiple of this much service; 0 loses
    everything since the task last started. Preemption always keeps progress."""
    oracle: bool = False
    """Policies see true work in place of estimates."""
    kill_at_estimate: bool = False
    """A task is stopped, and counts as finished, when it has run for its estimate."""

    def __post_init__(self) -> None:
        for name in ("round", "restart_cost", "start_cost", "checkpoint"):
            if getattr(self, name) < 0:
                raise InputError(f"rules.{name} must be >= 0, got {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class Failures:
    """How nodes break and are mended; drawn per node from its own random stream."""

    law: Literal["weibull", "exponential"] = "exponential"
    shape: float = 1.0
    scale: float = 0.0
    """Mean (exponential) or scale (Weibull) of the time to failure, seconds; 0 means never."""
    repair_log_mean: float = 8.24
    repair_log_sigma: float = 1.40
    """Lognormal repair time in ln seconds. Defaults: LANL logs, lognormal(4.15, 1.40) minutes."""


@dataclass(frozen=True, slots=True)
class Outage:
    """A planned absence of nodes: churn, maintenance, late arrival."""

    node: int
    start: int
    end: int
    """Microseconds; the node is away in [start, end)."""


@dataclass(frozen=True, slots=True)
class Series:
    """A step function of time for one region: price factor or carbon intensity."""

    region: int
    times: Ints
    """Microseconds, ascending, first 0."""
    values: Floats
    """Value from each time on: money factor (price) or gCO2 per kWh (carbon)."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A problem without a policy; ``simulate(instance, policy)`` turns it into a trace."""

    cluster: Cluster
    workload: Workload
    rules: Rules = field(default_factory=Rules)
    failures: Failures | None = None
    outages: tuple[Outage, ...] = ()
    price: tuple[Series, ...] = ()
    """Factor on each node's price by region; none means 1.0."""
    carbon: tuple[Series, ...] = ()
    """gCO2 per kWh by region; none means 0."""
    seed: bytes = b"\0" * 16
    """128 secret bits; every random stream of the world is keyed by it."""

    def __post_init__(self) -> None:
        if self.workload.throughput.shape[1] != len(self.cluster.types):
            raise InputError(
                f"workload {self.workload.name!r}: throughput has "
                f"{self.workload.throughput.shape[1]} node types, cluster "
                f"{self.cluster.name!r} has {len(self.cluster.types)}: {self.cluster.types}"
            )
        if len(self.seed) != 16:
            raise InputError(f"seed must be 16 bytes, got {len(self.seed)}")

    @property
    def digest(self) -> str:
        """sha256 over everything, the seed included."""
        return columns_digest(self)

    def rng(self, *labels: str | int) -> np.random.Generator:
        """Return the counter-based stream of one entity; equal labels, equal stream."""
        return stream(self.seed, *labels)


def stream(seed: bytes, *labels: str | int) -> np.random.Generator:
    """Return a Philox generator keyed by the seed and the labels."""
    key = hashlib.blake2b(seed + repr(labels).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))


def seconds(value: float) -> int:
    """Return microseconds for a time in seconds."""
    return round(value * SECOND)
