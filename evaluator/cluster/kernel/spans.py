"""How long things take: rates, overheads, estimates, the way of a task's input."""

from __future__ import annotations

import numpy as np

from evaluator.cluster.kernel.core import core
from evaluator.cluster.kernel.state import Kernel

NEVER = np.iinfo(np.int64).max // 4


@core
def rate_on(k: Kernel, task: int, node: int) -> float:
    """Progress per unit time of a task on a node."""
    return k.throughput[k.profile[task], k.node_type[node]] * k.node_speed[node]


@core
def span(work: int, rate: float) -> int:
    """Microseconds that work takes at a rate, at least 1."""
    return max(1, int(np.ceil(work / rate)))


@core
def overhead_of(k: Kernel, task: int) -> int:
    """Microseconds a start of the task costs before it makes progress."""
    if k.stoppable == 0 or k.starts[task] == 0:
        return k.start_cost
    own = k.restart[k.profile[task]]
    return k.restart_cost if own < 0 else own


@core
def estimated_span(k: Kernel, task: int, rate: float) -> int:
    """Estimated microseconds of progress left at a rate."""
    return span(max(1, k.estimate[task] - k.attained[task]), rate)


@core
def transfer(k: Kernel, source: int, target: int, size: int) -> int:
    """Microseconds to move bytes between nodes."""
    if source == target:
        return 0
    tier = 4
    if k.place[source, 0] == k.place[target, 0]:
        tier = 1
    elif k.place[source, 1] == k.place[target, 1]:
        tier = 2
    elif k.place[source, 2] == k.place[target, 2]:
        tier = 3
    rate = min(k.tier_bandwidth[tier], min(k.bandwidth[source], k.bandwidth[target]))
    return k.tier_latency[tier] + int(np.ceil(size / rate * 1e6))


@core
def data_at(k: Kernel, task: int, node: int) -> int:
    """When the task's input is on the node; 0 without predecessors."""
    latest = 0
    for e in range(k.pred_ptr[task], k.pred_ptr[task + 1]):
        p = k.pred[e]
        row = k.row[p]
        at = k.trace_end[row] + transfer(k, k.trace_node[row], node, k.pred_bytes[e])
        if at > latest:
            latest = at
    return latest
