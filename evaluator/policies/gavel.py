"""Gavel's max-min fair allocation of node types, solved as a linear program by HiGHS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import coo_array

from evaluator.errors import PolicyError

if TYPE_CHECKING:
    from evaluator.policies.native import AllocationView

UNRECEIVED: Final = 1e9
"""Factor on a share of which nothing was received yet."""


def max_min_las(view: AllocationView) -> NDArray[np.float64]:
    """Return priorities by task and type: owed time share over received time share.

    The shares are computed when the set of active tasks changes; a task that received more than
    its share of a type falls behind those that received less.
    """
    rows = view.tasks.tobytes()
    if view.changed or view.memo.get("rows") != rows:
        view.memo["shares"] = max_min_shares(
            view.rates, view.gang, view.devices, view.weight, view.capacity_devices
        )
        view.memo["rows"] = rows
    shares: NDArray[np.float64] = view.memo["shares"]
    active = np.maximum(view.now - view.active_since, 1).astype(np.float64)
    received = view.service_by_type / active[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        priority = np.where(received > 0.0, shares / received, shares * UNRECEIVED)
    return np.where(view.rates > 0.0, priority, -np.inf)


def max_min_shares(
    rates: NDArray[np.float64],
    gang: NDArray[np.int32],
    devices: NDArray[np.float64],
    weight: NDArray[np.float64],
    capacity: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the time share of each task on each type, shape (A, K).

    Maximises the least weighted throughput: (1 / w_j) sum_k T_jk x_jk s_j, over the throughput of
    j if its time were split over the types by their size; sum_k x_jk <= 1 and
    sum_j s_j x_jk <= capacity_k, where s_j counts devices over the whole gang.

    Raises:
        PolicyError: if the program has no solution.
    """
    tasks, types = rates.shape
    if tasks == 0 or capacity.sum() <= 0.0:
        return np.zeros((tasks, types))
    even = rates @ (capacity / capacity.sum())
    runnable = even > 0.0
    scale = np.where(runnable, gang / np.maximum(weight, 1e-12), 0.0)
    worth = rates * np.divide(scale, even, out=np.zeros(tasks), where=runnable)[:, None]
    # variables: x row by row, then the least worth; rows: tasks' worth, tasks' time, capacity
    least = tasks * types
    x = np.arange(least)
    task, kind = np.divmod(x, types)
    wide = np.nonzero(runnable)[0]
    used = (gang * devices)[task]
    data = [-worth.ravel(), np.ones(len(wide)), np.ones(least), used]
    row = [task, wide, tasks + task, 2 * tasks + kind]
    column = [x, np.full(len(wide), least), x, x]
    matrix = coo_array(
        (np.concatenate(data), (np.concatenate(row), np.concatenate(column))),
        shape=(2 * tasks + types, least + 1),
    ).tocsr()
    bound = np.concatenate([np.zeros(tasks), np.ones(tasks), capacity])
    objective = np.zeros(least + 1)
    objective[least] = -1.0
    top = np.append(np.where(rates.ravel() > 0.0, 1.0, 0.0), np.inf)
    found = linprog(
        objective,
        A_ub=matrix,
        b_ub=bound,
        bounds=np.stack([np.zeros(least + 1), top], axis=1),
        method="highs",
    )
    if found.x is None:
        raise PolicyError(f"gavel_las: no allocation for {tasks} tasks: {found.message}")
    shares: NDArray[np.float64] = np.clip(found.x[:least], 0.0, 1.0).reshape(tasks, types)
    return shares
