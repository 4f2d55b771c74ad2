"""What a replay finds, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from evaluator.cluster.instance import Instance
from evaluator.cluster.model import RESOURCES, SECOND, Ints
from evaluator.replay_rules import FOUND, KINDS
from evaluator.trace import Outcome


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule of the world that a row breaks."""

    kind: str
    row: int | None
    """Row of the trace; None when it concerns no row (a task that never ran, a node event)."""
    task: int | None
    message: str


def named(instance: Instance, table: Ints) -> list[Violation]:
    """Turn codes and numbers into violations with words."""
    found = []
    for code, row, task, a, b in table[1 : 1 + min(FOUND, int(table[0, 0]))].tolist():
        kind = KINDS[code]
        text = _TEXTS[kind](instance, a, b)
        name = instance.workload.task_name(task)
        place = f"row {row}, task {name!r}" if row >= 0 else f"task {name!r}"
        found.append(Violation(kind, row if row >= 0 else None, task, f"{place}: {text}"))
    return found


def at_time(time: int) -> str:
    """Return ``at 1.500000 s`` for microseconds."""
    return f"at {int(time) / SECOND:.6f} s"


def _gang(instance: Instance, a: int, b: int) -> str:
    if a == -1:
        return f"node {instance.cluster.node_name(b)!r} is listed twice"
    if a == -2:
        return f"first node {instance.cluster.node_name(b)!r} is not among its nodes"
    return f"places {a} members, its gang has {b}"


def _precedence(instance: Instance, a: int, b: int) -> str:
    before = instance.workload.task_name(a)
    state = "has not finished" if b < 0 else f"finishes only {at_time(b)}"
    return f"starts although its predecessor {before!r} {state}"


def _outcome(instance: Instance, a: int, b: int) -> str:
    if a == Outcome.KILLED and not instance.rules.kill_at_estimate:
        return "was killed, but rules.kill_at_estimate is off"
    ought = "KILLED" if a == Outcome.FINISHED else "FINISHED"
    return f"is {Outcome(a).name}, must be {ought} with {b / SECOND:.6f} s of its estimate left"


def _ends(instance: Instance, a: int, b: int) -> str:
    return f"ends {at_time(a)}, must end {at_time(b)}"


_TEXTS: Final[Mapping[str, Callable[[Instance, int, int], str]]] = {
    "gang": _gang,
    "type": lambda i, a, b: (
        f"nodes {i.cluster.node_name(b)!r} and {i.cluster.node_name(a)!r} differ in type"
    ),
    "requires": lambda i, a, b: f"node {i.cluster.node_name(a)!r} lacks a label it requires",
    "throughput": lambda i, a, b: f"cannot run on node {i.cluster.node_name(a)!r}: throughput 0",
    "release": lambda i, a, b: f"starts {at_time(a)}, its job is released {at_time(b)}",
    "precedence": _precedence,
    "overlap": lambda i, a, b: f"starts {at_time(a)}, but runs until {at_time(b)} already",
    "twice": lambda i, a, b: f"runs again although it finished {at_time(a)}",
    "duration": _ends,
    "outcome": _outcome,
    "preemption": lambda i, a, b: f"is preempted {at_time(a)}, but the scenario is not preemptive",
    "round": lambda i, a, b: f"decided {at_time(a)}, not at a multiple of {b / SECOND:g} s",
    "stopped": lambda i, a, b: f"is stopped {at_time(a)}, outside its run, which ends {at_time(b)}",
    "unfinished": lambda i, a, b: "never finishes",
    "capacity": lambda i, a, b: f"exceeds the {RESOURCES[b]} of node {i.cluster.node_name(a)!r}",
    "away": lambda i, a, b: (
        f"runs on node {i.cluster.node_name(a)!r}, which is away from {at_time(b)[3:]}"
    ),
    "failure": lambda i, a, b: f"fails {at_time(a)}, but none of its nodes goes away then",
    "deadline": lambda i, a, b: f"completes {at_time(a)}, after the deadline {at_time(b)}",
}
