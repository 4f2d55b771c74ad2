"""Which waiting tasks need no asking in a run of a score, as switches of the core."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from evaluator.candidates import dominance
from evaluator.candidates.dominance import GRAIN, GREATEST, LEAST_SPEED
from evaluator.cluster.instance import Instance
from evaluator.cluster.kernel.waiting import EQUAL, HIGHER, LOWER, UNREAD
from evaluator.policy import PolicySource

WAYS: Final = {"unread": UNREAD, "lower": LOWER, "higher": HIGHER, "equal": EQUAL}
OF_JOBS: Final = ("weight", "due", "deadline")


def front_switches(instance: Instance, policy: PolicySource) -> Mapping[str, Any]:
    """Return what ``build`` takes so that the core asks about the fronts alone; or nothing."""
    found = dominance(policy)
    if found is None or not moderate(instance):
        return {}
    edges = len(instance.workload.edges.source) > 0
    if "rank" in found.equal or (edges and "children" in found.equal):
        return {}
    return {
        "by_front": 1, "by_release": WAYS[found.release], "by_ready": WAYS[found.ready],
        "by_estimate": WAYS[found.estimate], "alike": _alike(instance, found.equal),
    }  # fmt: skip


def moderate(instance: Instance) -> bool:
    """Return whether the amounts of an instance lie in the bounds that the analysis assumes."""
    work, cluster = instance.workload, instance.cluster
    speeds = np.outer(work.throughput[work.throughput > 0], cluster.speed)
    greatest = (
        work.weight.max(), work.demand.max(), work.gang.max(), cluster.capacity.max(),
        speeds.max(),
    )  # fmt: skip
    weights = work.weight[work.weight > 0]
    return bool(
        max(greatest) <= GREATEST
        and speeds.min() >= LEAST_SPEED
        and work.weight.min() >= 0.0
        and (len(weights) == 0 or weights.min() >= GRAIN)
    )


def _alike(instance: Instance, names: frozenset[str]) -> np.ndarray | None:
    """Number the classes of tasks that agree in these columns; None if there is one class.

    What changes while tasks wait, the core compares itself.
    """
    work = instance.workload
    columns = [getattr(work, name)[work.job] for name in OF_JOBS if name in names]
    if "profile" in names:
        columns.append(work.profile)
    classes = np.zeros(len(work), np.int64)
    for column in columns:
        _, codes = np.unique(column, return_inverse=True)
        _, classes = np.unique(classes * (int(codes.max()) + 1) + codes, return_inverse=True)
    return classes.astype(np.int32) if classes.any() else None
