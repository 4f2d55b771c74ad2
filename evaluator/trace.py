"""What happened in one simulation, as columns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Ints32 = NDArray[np.int32]


class Outcome(IntEnum):
    """How a run of a task on its nodes ended."""

    FINISHED = 0
    PREEMPTED = 1
    FAILED = 2
    """A node under it went away."""
    KILLED = 3
    """Reached its estimate under ``rules.kill_at_estimate``; counts as finished."""


@dataclass(frozen=True, slots=True)
class Trace:
    """Decisions and facts of one simulation; row order is the order of decisions.

    One row is one *segment*: a task (the whole gang) from a start until it ended
    there, for whatever reason. ``simulate`` is deterministic: same instance, same policy,
    byte-identical columns.
    """

    task: Ints32
    node: Ints32
    """Node of the first member."""
    start: Ints
    """Microseconds, non-decreasing: the instant of the decision takes effect."""
    end: Ints
    outcome: NDArray[np.int8]
    # where gangs on more than one node have their members
    spread_row: Ints32
    """Trace rows of gangs, ascending, one entry for each (row, node)."""
    spread_node: Ints32
    spread_count: Ints32
    """Members on that node; a row that has entries lists all its nodes, the first included. A row
    without entries has all its members on ``node``."""
    event_time: Ints
    event_node: Ints32
    event_up: NDArray[np.int8]
    """Node went away (0) or came back (1), in time order."""
    epochs: int
    """Scheduling passes that were held."""

    def __len__(self) -> int:
        return len(self.task)
