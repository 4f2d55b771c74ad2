"""Known rules that one number per pair cannot say; their code is ours and trusted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from evaluator.policies.gavel import max_min_las

Kind = Literal["replan", "allocate", "two_choices"]


@dataclass(frozen=True, slots=True)
class AllocationView:
    """What an allocating rule sees at one pass; A active (ready or running) tasks, K node types."""

    now: int
    """Microseconds."""
    tasks: NDArray[np.int32]
    """Task rows, shape (A,)."""
    rates: NDArray[np.float64]
    """Throughput by type, shape (A, K); 0 means the task cannot run there."""
    gang: NDArray[np.int32]
    """Members, shape (A,)."""
    devices: NDArray[np.float64]
    """Devices of each member, shape (A,)."""
    weight: NDArray[np.float64]
    """Weight of the task's job, shape (A,)."""
    capacity_devices: NDArray[np.float64]
    """Devices of each type that are up, shape (K,)."""
    service_by_type: NDArray[np.int64]
    """Microseconds the task has held nodes of each type, shape (A, K)."""
    active_since: NDArray[np.int64]
    """When the task became active, microseconds, shape (A,)."""
    changed: bool
    """Tasks came or went, or capacity changed, since the last call."""
    memo: dict[str, Any]
    """The rule's own state between calls of one simulation; empty at the first."""


Allocate = Callable[[AllocationView], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class NativeRule:
    """A known rule as code of ours."""

    name: str
    text: str
    """What it does and where it comes from, one line first."""
    kind: Kind
    """``allocate``: ``function`` scores active tasks by node type at every pass, higher first,
    -inf declines. ``replan``: the engine plans all known tasks by HEFT anew at every completion.
    ``two_choices``: the engine draws two nodes for each task and takes the shorter queue."""
    function: Allocate | None = None

    @property
    def digest(self) -> str:
        """sha256 of name, kind and text."""
        return hashlib.sha256(f"{self.name}\0{self.kind}\0{self.text}".encode()).hexdigest()


NATIVE: Final[Mapping[str, NativeRule]] = {
    rule.name: rule
    for rule in (
        NativeRule(
            "power_of_two",
            "Power of two choices: of two random nodes, queue on the one with less to do.\n\n"
            "Source: Mitzenmacher, 'The power of two choices in randomized load balancing', IEEE "
            "TPDS 2001.",
            "two_choices",
        ),
        NativeRule(
            "heft_replanned",
            "HEFT planned anew over all known unfinished tasks at every completion.\n\n"
            "Source: Topcuoglu, Hariri and Wu, 'Performance-effective and low-complexity task "
            "scheduling for heterogeneous computing', IEEE TPDS 2002.",
            "replan",
        ),
        NativeRule(
            "gavel_las",
            "Gavel's heterogeneity-aware least attained service: max-min fair shares of types.\n\n"
            "Source: Narayanan et al., 'Heterogeneity-aware cluster scheduling policies for deep "
            "learning workloads', OSDI 2020.",
            "allocate",
            max_min_las,
        ),
    )
}
"""Native rules by name."""
