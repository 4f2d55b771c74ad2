"""What a pure policy may read, and how each field follows from the engine's columns.

The formulas here are the reference: ``emit`` compiles the same ones, bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from evaluator.cluster.model import NEVER

Kind = Literal["time", "instant", "size", "count", "rate", "money", "flag"]


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One field: its kind (fields of one kind may stand for each other) and its meaning."""

    kind: Kind
    text: str


TASK_FIELDS: Final[Mapping[str, FieldInfo]] = {
    "release": FieldInfo("instant", "when its job became known, s"),
    "ready": FieldInfo("instant", "when it last became ready, s"),
    "estimate": FieldInfo("time", "estimated work in all, s at throughput 1.0"),
    "remaining": FieldInfo("time", "estimated work left, never below 1e-6 s"),
    "attained": FieldInfo("time", "work done so far, s at throughput 1.0"),
    "service": FieldInfo("time", "time on nodes so far x gang, s, overhead included"),
    "cpus": FieldInfo("size", "CPUs of each gang member"),
    "memory": FieldInfo("size", "GiB of each gang member"),
    "devices": FieldInfo("size", "devices of each gang member"),
    "gang": FieldInfo("size", "members that start and stop together"),
    "weight": FieldInfo("rate", "weight of its job"),
    "due": FieldInfo("instant", "soft limit, s; inf when there is none"),
    "deadline": FieldInfo("instant", "hard limit, s; inf when there is none"),
    "rank": FieldInfo("time", "estimated upward rank, s"),
    "children": FieldInfo("count", "direct successors"),
    "starts": FieldInfo("count", "times it was started so far"),
    "job_remaining": FieldInfo("time", "estimated work of the job's unfinished tasks, s"),
    "best_speed": FieldInfo("rate", "highest throughput over node types"),
    "wait": FieldInfo("time", "now - ready, s; needs now"),
    "age": FieldInfo("time", "now - release, s; needs now"),
}

NODE_FIELDS: Final[Mapping[str, FieldInfo]] = {
    "speed": FieldInfo("rate", "rate of this task on it; 0 if it cannot run there"),
    "duration": FieldInfo("time", "estimated s on it, overhead included; inf at speed 0"),
    "data_wait": FieldInfo("time", "s until the task's input is there"),
    "free_cpus": FieldInfo("size", "CPUs free now"),
    "free_memory": FieldInfo("size", "GiB free now"),
    "free_devices": FieldInfo("size", "devices free now"),
    "cpus": FieldInfo("size", "CPUs in all"),
    "memory": FieldInfo("size", "GiB in all"),
    "devices": FieldInfo("size", "devices in all"),
    "price": FieldInfo("money", "money per hour now"),
    "idle_watts": FieldInfo("money", "power with nothing running"),
    "busy_watts": FieldInfo("money", "power when fully used"),
    "carbon": FieldInfo("money", "gCO2 per kWh now"),
    "type": FieldInfo("flag", "row of its node type"),
    "here": FieldInfo("flag", "1.0 where the task runs now"),
    "free_at": FieldInfo("instant", "when it has worked off its queue, s (bind)"),
    "queued": FieldInfo("count", "tasks in its queue (bind)"),
}

NEEDS_NOW: Final = frozenset({"wait", "age"})

CHANGING: Final = frozenset({"remaining", "attained", "service", "starts", "job_remaining"})
"""Task fields that may change between two passes while the task stays ready."""

UNIT: Final = (1000.0, 1024.0, 1000.0)
"""Divisors from the demand and capacity columns to CPUs, GiB, devices."""


def task_field(name: str, columns: Mapping[str, Any], task: int, now: int) -> float:
    """Return ``task.<name>`` from the block columns (names as in ``block.COLUMNS``)."""
    job = columns["job"][task]
    match name:
        case "release":
            return int(columns["release"][job]) / 1e6
        case "age":
            return (now - int(columns["release"][job])) / 1e6
        case "wait":
            return (now - int(columns["ready"][task])) / 1e6
        case "due" | "deadline":
            limit = int(columns[name][job])
            return math.inf if limit >= NEVER else limit / 1e6
        case "weight":
            return float(columns["weight"][job])
        case "job_remaining":
            return int(columns["job_left"][job]) / 1e6
        case "remaining":
            return _remaining(columns, task) / 1e6
        case "cpus" | "memory" | "devices":
            row = ("cpus", "memory", "devices").index(name)
            return int(columns["demand"][task, row]) / UNIT[row]
        case "best_speed":
            return float(columns["best_speed"][columns["profile"][task]])
        case "gang" | "children" | "starts":
            return float(columns[name][task])
        case "ready" | "estimate" | "attained" | "service" | "rank":
            return int(columns[name][task]) / 1e6
    raise KeyError(name)


def node_field(
    name: str, columns: Mapping[str, Any], pair: int, task: int, node: int, now: int
) -> float:
    """Return ``node.<name>`` for a pair from the block columns."""
    match name:
        case "speed":
            return _rate(columns, task, node)
        case "duration":
            rate = _rate(columns, task, node)
            left = math.inf if rate == 0.0 else _remaining(columns, task) / rate
            whole = left if math.isinf(left) else float(math.ceil(left))
            return (max(1.0, whole) + int(columns["overhead"][pair])) / 1e6
        case "data_wait":
            return max(0, int(columns["data_at"][pair]) - now) / 1e6
        case "free_cpus" | "free_memory" | "free_devices":
            row = ("free_cpus", "free_memory", "free_devices").index(name)
            return int(columns["free"][node, row]) / UNIT[row]
        case "cpus" | "memory" | "devices":
            row = ("cpus", "memory", "devices").index(name)
            return int(columns["capacity"][node, row]) / UNIT[row]
        case "price" | "idle_watts" | "busy_watts" | "carbon" | "queued":
            return float(columns[name][node])
        case "type":
            return float(columns["node_type"][node])
        case "here":
            return float(columns["here"][pair])
        case "free_at":
            return int(columns["free_at"][node]) / 1e6
    raise KeyError(name)


def _remaining(columns: Mapping[str, Any], task: int) -> int:
    return max(1, int(columns["estimate"][task]) - int(columns["attained"][task]))


def _rate(columns: Mapping[str, Any], task: int, node: int) -> float:
    throughput = columns["throughput"][columns["profile"][task], columns["node_type"][node]]
    return float(throughput) * float(columns["node_speed"][node])
