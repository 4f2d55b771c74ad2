"""The general lane: the trusted core in lockstep with a policy in a sandboxed worker.

The worker learns what an online scheduler would learn, when it happens; every decision it sends
back is checked by the core before anything changes.
"""

from __future__ import annotations

import heapq
import marshal
import struct
from contextlib import ExitStack
from typing import Any

from evaluator.candidates import python_module
from evaluator.cluster.instance import Instance
from evaluator.cluster.kernel import run, steps
from evaluator.cluster.kernel.build import build
from evaluator.cluster.kernel.spans import NEVER
from evaluator.cluster.kernel.state import READY, Kernel, field
from evaluator.cluster.knowledge import Knowledge
from evaluator.cluster.simulation import World, drive
from evaluator.errors import DecisionError
from evaluator.inside.mirror import MIGRATE, PREEMPT, START, WAKE
from evaluator.policy import PolicySource
from evaluator.sandbox import Sandbox, Worker
from evaluator.trace import Trace

_TRIPLE = struct.Struct("<iii")

BROKEN_RULES = {
    1: "there is no such task",
    2: "there is no such node",
    3: "the task is not ready (unknown yet, running or done)",
    4: "it does not fit there now",
    5: "the task does not run",
    6: "this scenario does not preempt",
}


def simulate_in_sandbox(
    instance: Instance,
    policy: PolicySource,
    sandbox: Sandbox | None,
    *,
    decision_seconds: float,
    total_seconds: float,
) -> Trace:
    """Run a policy in a worker; see ``simulate``."""
    knowledge = Knowledge(instance, policy)
    pure = policy.lane == "pure"
    text = python_module(policy) if pure else policy.text
    with ExitStack() as stack:
        if sandbox is None:
            sandbox = stack.enter_context(Sandbox.open())
        worker = stack.enter_context(
            sandbox.spawn(
                text, marshal.dumps(knowledge.hello()), pure=pure,
                decision_seconds=decision_seconds, total_seconds=total_seconds,
            )
        )  # fmt: skip
        kernel, columns = build(instance, keep_lists=1)
        lockstep = Lockstep(instance, policy, knowledge, worker, columns)
        return drive(
            instance, kernel, columns, lockstep.turn, policy.name,
            priced=bool(instance.price or instance.carbon),
        )  # fmt: skip


class Lockstep:
    """Holds every pass by one question and one answer."""

    def __init__(
        self,
        instance: Instance,
        policy: PolicySource,
        knowledge: Knowledge,
        worker: Worker,
        columns: dict[str, Any],
    ) -> None:
        self._instance = instance
        self._policy = policy
        self._knowledge = knowledge
        self._worker = worker
        self._columns = columns
        self._seen_tasks = bytearray(len(instance.workload))
        self._seen_jobs = bytearray(instance.workload.jobs)
        self._seen_events = 0
        self._wakes: list[int] = []
        self._priced = bool(instance.price or instance.carbon)
        self._told = [(1.0, 0.0)] * len(instance.cluster)

    def turn(self, world: World, limit: int, passes: int) -> None:
        """Hold the passes before the limit."""
        kernel = world.kernel
        left = passes - int(field(kernel, "epochs"))
        while left > 0 and run.advance(kernel, limit):
            left -= 1
            now, fresh, finished, ends = steps.news(kernel)
            ended = list(zip(finished.tolist(), ends.tolist(), strict=True))
            answer = self._worker.ask(self._frame(world, now, fresh.tolist(), ended))
            if answer:
                self._apply(kernel, now, answer)
            if self._wakes:
                self._set_alarm(kernel, now)
            run.end_pass(kernel)

    def _frame(
        self, world: World, now: int, fresh: list[int], ended: list[tuple[int, int]]
    ) -> bytes:
        columns, knowledge = self._columns, self._knowledge
        new, again, jobs = [], [], []
        for task in fresh:
            if self._seen_tasks[task]:
                # what the policy preempted and started anew at one instant still runs
                if columns["status"][task] != READY:
                    continue
                again.append(
                    (task, int(columns["ready"][task]), int(columns["attained"][task]),
                     int(columns["service"][task]))
                )  # fmt: skip
                continue
            self._seen_tasks[task] = 1
            new.append(knowledge.introduce(task, int(columns["ready"][task])))
            job = knowledge.job[task]
            if not self._seen_jobs[job]:
                self._seen_jobs[job] = 1
                jobs.append((job, int(knowledge.job_left[job])))
        nodes: list[tuple[int, bool, bool, float, float]] = []
        if self._priced or self._seen_events < len(world.events):
            nodes = self._node_rows(world)
        return marshal.dumps((now, new, again, ended, jobs, nodes))

    def _node_rows(self, world: World) -> list[tuple[int, bool, bool, float, float]]:
        columns = self._columns
        back = {node for _, node, up in world.events[self._seen_events :] if up}
        touched = back | {node for _, node, up in world.events[self._seen_events :] if not up}
        self._seen_events = len(world.events)
        rows = []
        for node, (price, carbon) in enumerate(
            zip(columns["price"].tolist(), columns["carbon"].tolist(), strict=True)
        ):
            if node in touched or (self._priced and self._told[node] != (price, carbon)):
                self._told[node] = (price, carbon)
                up = bool(columns["up"][node])
                rows.append((node, up, up and node in back, price, carbon))
        return rows

    def _apply(self, kernel: Kernel, now: int, answer: bytes) -> None:
        for kind, task, node in _TRIPLE.iter_unpack(answer):
            if kind == START:
                broken = steps.try_start(kernel, task, node)
            elif kind == PREEMPT:
                broken = steps.try_preempt(kernel, task)
            elif kind == MIGRATE:
                broken = steps.try_preempt(kernel, task) or steps.try_start(kernel, task, node)
            elif kind == WAKE and task >= 0 and node >= 0:
                self._ask_for_wake(now, (task << 31) | node)
                continue
            else:
                raise DecisionError(
                    f"policy {self._policy.name!r}: decision ({kind}, {task}, {node}) has no "
                    "known kind (0 start, 1 preempt, 2 migrate, 3 wake)"
                )
            if broken:
                verb = ("start", "preempt", "migrate")[kind]
                raise DecisionError(
                    f"policy {self._policy.name!r}: {verb} of task {task} on node {node} at "
                    f"{now / 1e6:g} s refused: {BROKEN_RULES[broken]}"
                )

    def _ask_for_wake(self, now: int, at: int) -> None:
        if now < at < NEVER and at not in self._wakes:
            heapq.heappush(self._wakes, at)

    def _set_alarm(self, kernel: Kernel, now: int) -> None:
        while self._wakes and self._wakes[0] <= now:
            heapq.heappop(self._wakes)
        steps.wake_at(kernel, self._wakes[0] if self._wakes else NEVER)
