"""Passes of rules that allocate with code of ours, such as Gavel's linear program."""

from __future__ import annotations

from typing import Any

import numpy as np

from evaluator.cluster.instance import Instance
from evaluator.cluster.kernel import allocate, run
from evaluator.cluster.kernel.state import RUNNING, field
from evaluator.cluster.simulation import Scheduler, World
from evaluator.errors import PolicyError
from evaluator.policies.native import AllocationView, NativeRule


def allocator(instance: Instance, rule: NativeRule, columns: dict[str, Any]) -> Scheduler:
    """Return the scheduler that asks the rule at every pass."""
    work, cluster = instance.workload, instance.cluster
    types = len(cluster.types)
    received = np.zeros((len(work), types), np.int64)
    since = np.full(len(work), -1, np.int64)
    memo: dict[str, Any] = {}
    before: dict[str, Any] = {"now": 0, "tasks": None, "up": None}
    speeds = np.array(
        [cluster.speed[cluster.type == kind].mean() for kind in range(types)], np.float64
    )

    def view(world: World, active: np.ndarray, now: int) -> AllocationView:
        status, row = columns["status"], columns["row"]
        running = active[status[active] == RUNNING]
        node = trace_column(world, "trace_node")[row[running]]
        begun = trace_column(world, "trace_start")[row[running]]
        received[running, cluster.type[node]] += now - np.maximum(before["now"], begun)
        fresh = active[since[active] < 0]
        since[fresh] = now
        up = columns["up"].astype(bool)
        changed = (
            before["tasks"] is None
            or not np.array_equal(before["tasks"], active)
            or not np.array_equal(before["up"], up)
        )
        before.update(now=now, tasks=active, up=up)
        devices = cluster.capacity[:, 2] / 1000.0
        demand = work.demand[active, 2] / 1000.0
        if not np.any(demand):
            # without accelerators the CPUs are what is shared
            devices, demand = cluster.capacity[:, 0] / 1000.0, work.demand[active, 0] / 1000.0
        capacity = np.array(
            [devices[up & (cluster.type == kind)].sum() for kind in range(types)], np.float64
        )
        return AllocationView(
            now=now, tasks=active, rates=work.throughput[work.profile[active]] * speeds,
            gang=work.gang[active], devices=demand, weight=work.weight[work.job[active]],
            capacity_devices=capacity, service_by_type=received[active],
            active_since=since[active], changed=changed, memo=memo,
        )  # fmt: skip

    def turn(world: World, limit: int, passes: int) -> None:
        kernel = world.kernel
        left = passes - int(field(kernel, "epochs"))
        while left > 0 and int(field(kernel, "idle_passes")) < 1000:
            if not run.advance(kernel, limit):
                return
            left -= 1
            active = allocate.active_tasks(kernel)
            if len(active):
                assert rule.function is not None
                scores = rule.function(view(world, active, int(field(kernel, "now"))))
                if np.isnan(scores).any():
                    raise PolicyError(f"rule {rule.name!r} answered NaN")
                allocate.pass_allocating_given(kernel, active, np.ascontiguousarray(scores))
            run.end_pass(kernel)

    return turn


def trace_column(world: World, name: str) -> np.ndarray:
    """Return a column of the trace, which may have outgrown what was shared."""
    column: np.ndarray = world.columns[name]
    if int(field(world.kernel, "trace_len")) <= len(column):
        return column
    grown: np.ndarray = field(world.kernel, name)
    return grown
