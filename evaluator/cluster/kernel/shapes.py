"""Shapes: tasks that fit exactly where their like fits share a queue and the answer to "where"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluator.cluster.instance import Instance
from evaluator.cluster.kernel.core import core
from evaluator.errors import InputError


@dataclass(frozen=True, slots=True)
class Shapes:
    """The shapes of a workload, in order of first sight."""

    of_task: np.ndarray
    """Shape of each task, int32."""
    first: np.ndarray
    """First task of each shape."""
    types: np.ndarray
    """Bit set of the node types on which the empty cluster can hold the shape."""
    ptr: np.ndarray
    """Where each shape begins if tasks lie by shape, and their number."""


def shapes_of(instance: Instance, type_ptr: np.ndarray) -> Shapes:
    """Return the shapes; ``type_ptr`` says where the nodes of each type begin.

    Raises:
        InputError: A task fits on no node of the empty cluster.
    """
    work, types = instance.workload, len(instance.cluster.types)
    runnable = work.throughput > 0
    masks = (runnable * (1 << np.arange(types, dtype=np.int64))).sum(axis=1).astype(np.int64)
    of_task, first = _shapes(work.demand, work.gang, work.requires, masks, work.profile)
    kinds = np.ascontiguousarray(masks[work.profile[first]])
    bad = _drop_impossible(
        work.demand, work.gang, work.requires, first, kinds, instance.cluster.capacity,
        instance.cluster.labels, type_ptr,
    )  # fmt: skip
    if bad >= 0:
        _refuse(instance, int(first[bad]))
    return Shapes(of_task, first, kinds, _rows_by_shape(of_task, len(first)))


@core
def _drop_impossible(
    demand: np.ndarray, gang: np.ndarray, requires: np.ndarray, first: np.ndarray,
    shape_types: np.ndarray, capacity: np.ndarray, labels: np.ndarray, type_ptr: np.ndarray,
) -> int:  # fmt: skip
    """Clear the types that cannot hold a shape; return the first shape without any, or -1."""
    for s in range(len(first)):
        task = first[s]
        for kind in range(len(type_ptr) - 1):
            room = 0
            for node in range(type_ptr[kind], type_ptr[kind + 1]):
                if labels[node] & requires[task] != requires[task]:
                    continue
                members = int(gang[task])
                for r in range(3):
                    if demand[task, r] > 0:
                        members = min(members, capacity[node, r] // demand[task, r])
                room += members
                if room >= gang[task]:
                    break
            if room < gang[task]:
                shape_types[s] &= ~(1 << kind)
        if shape_types[s] == 0:
            return s
    return -1


def _refuse(instance: Instance, task: int) -> None:
    cluster, work = instance.cluster, instance.workload
    wants = ", ".join(
        f"{amount / unit:g} {name}"
        for amount, unit, name in zip(
            work.demand[task], (1000, 1024, 1000), ("cpus", "GiB", "devices"), strict=True
        )
        if amount
    )
    raise InputError(
        f"workload {work.name!r}: task {work.task_name(task)!r} (gang {work.gang[task]}, each "
        f"{wants or 'nothing'}) fits on no node of cluster {cluster.name!r}, even "
        "empty: enlarge the cluster or drop the task"
    )


@core
def _rows_by_shape(shape: np.ndarray, shapes: int) -> np.ndarray:
    ptr = np.zeros(shapes + 1, np.int64)
    for s in shape:
        ptr[s + 1] += 1
    return np.cumsum(ptr)


@core
def _shapes(
    demand: np.ndarray, gang: np.ndarray, requires: np.ndarray, masks: np.ndarray,
    profile: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Number the shapes in order of first sight: (shape per task, first task per shape)."""
    n = len(gang)
    shape = np.empty(n, np.int32)
    first = np.empty(64, np.int64)
    size = 256
    table = np.full(size, -1, np.int32)
    count = 0
    for i in range(n):
        if 2 * count >= size:
            size *= 2
            table = np.full(size, -1, np.int32)
            for s in range(count):
                at = _hash(demand, gang, requires, masks, profile, first[s]) & (size - 1)
                while table[at] >= 0:
                    at = (at + 1) & (size - 1)
                table[at] = s
        at = _hash(demand, gang, requires, masks, profile, i) & (size - 1)
        while True:
            s = table[at]
            if s < 0:
                if count == len(first):
                    more = np.empty(2 * count, np.int64)
                    more[:count] = first
                    first = more
                first[count] = i
                table[at] = count
                shape[i] = count
                count += 1
                break
            j = first[s]
            if (
                demand[i, 0] == demand[j, 0] and demand[i, 1] == demand[j, 1]
                and demand[i, 2] == demand[j, 2] and gang[i] == gang[j]
                and requires[i] == requires[j] and masks[profile[i]] == masks[profile[j]]
            ):  # fmt: skip
                shape[i] = s
                break
            at = (at + 1) & (size - 1)
    return shape, first[:count].copy()


@core
def _hash(
    demand: np.ndarray, gang: np.ndarray, requires: np.ndarray, masks: np.ndarray,
    profile: np.ndarray, i: int,
) -> int:  # fmt: skip
    h = demand[i, 0]
    h = h * 1000003 + demand[i, 1]
    h = h * 1000003 + demand[i, 2]
    h = h * 1000003 + gang[i]
    h = h * 1000003 + requires[i]
    h = h * 1000003 + masks[profile[i]]
    return (h ^ (h >> 17)) & 0x7FFFFFFF
