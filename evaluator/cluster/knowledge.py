"""What a policy outside the engine is told, as plain tuples for the wire."""

from __future__ import annotations

from typing import Any

import numpy as np

from evaluator.candidates import facts
from evaluator.cluster.instance import Instance
from evaluator.cluster.kernel.ranks import successors, upward_rank
from evaluator.policy import PolicySource


class Knowledge:
    """The instance as an online scheduler may learn it: estimates, never truths."""

    def __init__(self, instance: Instance, policy: PolicySource) -> None:
        work, rules = instance.workload, instance.rules
        self.instance = instance
        estimate = work.work if rules.oracle else work.estimate
        self.edges = len(work.edges.source) > 0
        succ_ptr, succ = successors(work.edges)
        rank = upward_rank(instance, estimate, succ_ptr, succ)
        self._due, self._deadline = work.due.tolist(), work.deadline.tolist()
        self._release, self._weight = work.release.tolist(), work.weight.tolist()
        self._user = work.user.tolist()
        self._ptr = work.edges.ptr.tolist()
        self._pred = list(zip(work.edges.source.tolist(), work.edges.bytes.tolist(), strict=True))
        self._rows = list(
            zip(
                work.job.tolist(), estimate.tolist(), map(tuple, work.demand.tolist()),
                work.gang.tolist(), work.profile.tolist(), work.requires.tolist(),
                rank.tolist(), np.diff(succ_ptr).tolist(), strict=True,
            )
        )  # fmt: skip
        self.job = work.job.tolist()
        self.estimate = estimate.tolist()
        self.job_left = np.zeros(work.jobs, np.int64)
        np.add.at(self.job_left, work.job, estimate)
        self.policy = policy

    def hello(self) -> tuple[Any, ...]:
        """Everything that is known before the first task, in the order ``Mirror`` takes it."""
        cluster, work = self.instance.cluster, self.instance.workload
        rules = self.instance.rules
        nodes = tuple(
            (
                cluster.node_name(i), int(cluster.type[i]), tuple(cluster.capacity[i].tolist()),
                float(cluster.speed[i]),
                (int(cluster.rack[i]), int(cluster.zone[i]), int(cluster.region[i])),
                float(cluster.bandwidth[i]), float(cluster.price[i]),
                float(cluster.idle_watts[i]), float(cluster.busy_watts[i]),
                int(cluster.labels[i]),
            )
            for i in range(len(cluster))
        )  # fmt: skip
        how: tuple[Any, ...] = ()
        if self.policy.lane == "pure":
            how = (self.policy.discipline, self.policy.batch, facts(self.policy).dynamic_key)
        return (
            (rules.preemptive, rules.start_cost, rules.restart_cost, self.edges),
            nodes, len(cluster.types),
            (tuple(cluster.links.bandwidth.tolist()), tuple(cluster.links.latency.tolist())),
            tuple(map(tuple, work.throughput.tolist())), tuple(work.restart.tolist()), how,
        )  # fmt: skip

    def introduce(self, task: int, ready: int) -> tuple[Any, ...]:
        """Return the row of a task that became ready for the first time, at that microsecond."""
        job, estimate, demand, gang, profile, requires, rank, children = self._rows[task]
        return (
            task, job, self._user[job], self._release[job], estimate, demand, gang,
            self._weight[job], self._due[job], self._deadline[job], profile, requires, rank,
            children, tuple(self._pred[self._ptr[task] : self._ptr[task + 1]]), ready,
        )  # fmt: skip
