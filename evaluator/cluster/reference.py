"""The plain twin: idiomatic SimPy, one process a task, policies in plain Python.

Written for clarity and to disagree with the compiled core if either is wrong: it shares the
contracts, the processes of failures and outages, and nothing of the core's queues or moves.
Decisions come from the same ``mirror`` and ``matching`` that a sandboxed worker runs.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Generator
from typing import Any

import numpy as np
import simpy

from evaluator.candidates import python_functions
from evaluator.cluster.instance import Instance
from evaluator.cluster.knowledge import Knowledge
from evaluator.cluster.simulation import LATE, start_world
from evaluator.errors import PolicyError
from evaluator.inside import mirror as mirrored
from evaluator.inside.matching import decider
from evaluator.inside.mirror import Mirror, Refused
from evaluator.policy import PolicySource
from evaluator.trace import Outcome, Trace

Process = Generator[simpy.Event, Any, None]


def simulate_plainly(instance: Instance, policy: PolicySource) -> Trace:
    """Run a pure policy the slow way; the trace equals that of ``simulate``.

    Raises:
        PolicyError: The policy failed.
    """
    if policy.lane != "pure":
        raise PolicyError(f"policy {policy.name!r}: only pure policies run in the plain twin")
    return PlainWorld(instance, policy).run()


class Segment:
    """One run of a task: where, since when, how it ended."""

    def __init__(self, task: int, laid: list[tuple[int, int]], start: int) -> None:
        self.task = task
        self.laid = laid
        self.start = start
        self.end = -1
        self.outcome = Outcome.FINISHED
        self.begin = start
        self.rate = 0.0


class PlainWorld:
    """The world as SimPy processes over dictionaries."""

    def __init__(self, instance: Instance, policy: PolicySource) -> None:
        self.instance = instance
        self.policy = policy
        self.env = simpy.Environment()
        self.knowledge = Knowledge(instance, policy)
        hello = self.knowledge.hello()
        self.mirror = Mirror(hello)
        self.decide = decider(dict(python_functions(policy)), hello)
        work, cluster = instance.workload, instance.cluster
        self.free = cluster.capacity.tolist()
        self.is_up = [True] * len(cluster)
        self.away = [0] * len(cluster)
        self.attained = [0] * len(work)
        self.service = [0] * len(work)
        self.ready_at = [0] * len(work)
        self.starts = [0] * len(work)
        self.missing = np.diff(work.edges.ptr).tolist()
        self.after: list[list[int]] = [[] for _ in range(len(work))]
        for task in range(len(work)):
            for source in work.edges.source[work.edges.ptr[task] : work.edges.ptr[task + 1]]:
                self.after[source].append(task)
        self.running: dict[int, tuple[Segment, simpy.Process]] = {}
        self.done: dict[int, Segment] = {}
        self.segments: list[Segment] = []
        self.events: list[tuple[int, int, int]] = []
        self.seen: set[int] = set()
        self.seen_jobs: set[int] = set()
        self.fresh: list[int] = []
        self.finished: list[int] = []
        self.ready: set[int] = set()
        self.changed_nodes: dict[int, bool] = {}
        self.pass_at: int | None = None
        self.epochs = 0
        self.columns = {"price": cluster.price.copy(), "carbon": np.zeros(len(cluster))}
        self.told = [(p, 0.0) for p in cluster.price.tolist()]
        self.all_done = self.env.event()
        self.idle = 0
        self.all_arrived = False

    @property
    def now(self) -> int:
        """The clock, in microseconds."""
        return int(self.env.now)

    def run(self) -> Trace:
        """Run everything; return the trace."""
        start_world(self.env, self.instance, self, self.columns)
        self.env.process(self._arrivals())
        try:
            self.env.run(until=self.all_done)
        except (Refused, ValueError) as error:
            raise PolicyError(f"policy {self.policy.name!r}: {error}") from error
        except RuntimeError as error:
            # SimPy ran out of events before the last task ended
            raise self._stalled() from error
        return self._trace()

    # --- what happens ----------------------------------------------------------------------------

    def _arrivals(self) -> Process:
        work = self.instance.workload
        for task in range(len(work)):
            release = int(work.release[work.job[task]])
            if release > self.now:
                yield self.env.timeout(release - self.now)
            if self.missing[task] == 0:
                self._make_ready(task)
            self._want_pass()
        self.all_arrived = True

    def _make_ready(self, task: int) -> None:
        self.ready_at[task] = self.now
        self.ready.add(task)
        self.fresh.append(task)

    def _life(self, segment: Segment) -> Process:
        """One task on its nodes, until it ends or is interrupted."""
        work, rules = self.instance.workload, self.instance.rules
        task = segment.task
        left = int(work.work[task]) - self.attained[task]
        if rules.kill_at_estimate:
            estimate = int(work.work[task] if rules.oracle else work.estimate[task])
            allowed = max(1, estimate - self.attained[task])
            if allowed < left:
                left = allowed
                segment.outcome = Outcome.KILLED
        end = segment.begin + max(1, math.ceil(left / segment.rate))
        try:
            yield self.env.timeout(end - self.now)
        except simpy.Interrupt:
            return
        self._leave(segment)
        self.done[task] = segment
        self.finished.append(task)
        for after in self.after[task]:
            self.missing[after] -= 1
            if self.missing[after] == 0:
                self._make_ready(after)
        if len(self.done) == len(self.instance.workload):
            self.all_done.succeed()
        self._want_pass()

    def _leave(self, segment: Segment) -> None:
        del self.running[segment.task]
        segment.end = self.now
        gang = int(self.instance.workload.gang[segment.task])
        self.service[segment.task] += (self.now - segment.start) * gang
        for node, members in segment.laid:
            if self.is_up[node]:
                for r in range(3):
                    demand = int(self.instance.workload.demand[segment.task, r])
                    self.free[node][r] += members * demand

    def _stop(self, task: int, outcome: Outcome) -> None:
        segment, process = self.running[task]
        if process.is_alive:
            process.interrupt()
        done = 0
        if self.now > segment.begin:
            done = math.floor((self.now - segment.begin) * segment.rate)
        done = min(int(self.instance.workload.work[task]) - self.attained[task] - 1, done)
        if outcome == Outcome.FAILED:
            every = self.instance.rules.checkpoint
            whole = (self.attained[task] + done) // every * every if every else 0
            done = max(0, whole - self.attained[task]) if every else 0
        segment.outcome = outcome
        self._leave(segment)
        self.attained[task] += done
        self._make_ready(task)

    def down(self, node: int) -> None:
        """Take a node away."""
        self.away[node] += 1
        if self.away[node] > 1:
            return
        victims = [
            task
            for task, (segment, _) in self.running.items()
            if any(at == node for at, _ in segment.laid)
        ]
        self.is_up[node] = False
        for task in sorted(victims):
            self._stop(task, Outcome.FAILED)
        self.free[node] = [0, 0, 0]
        self.events.append((self.now, node, 0))
        self.changed_nodes.setdefault(node, False)
        self._want_pass()

    def up(self, node: int) -> None:
        """End one absence; the node is back, empty, when none is left."""
        self.away[node] -= 1
        if self.away[node] > 0:
            return
        self.is_up[node] = True
        self.free[node] = self.instance.cluster.capacity[node].tolist()
        self.events.append((self.now, node, 1))
        self.changed_nodes[node] = True
        self._want_pass()

    # --- passes ----------------------------------------------------------------------------------

    def _want_pass(self) -> None:
        self._pass_at(self.now)

    def _pass_at(self, at: int) -> None:
        every = self.instance.rules.round
        if every:
            at = -(-at // every) * every
        if self.pass_at is None or at < self.pass_at:
            self.pass_at = at
            self.env.process(self._pass(at))

    def _pass(self, at: int) -> Process:
        event = self.env.event()
        event._ok, event._value = True, None
        self.env.schedule(event, priority=LATE, delay=at - self.now)
        yield event
        if self.pass_at != at:
            return
        self.pass_at = None
        self._hold_pass()

    def _hold_pass(self) -> None:
        mirror = self.mirror
        mirror.update(self._frame())
        self.decide(mirror.state)
        for kind, task, node in struct.iter_unpack("<iii", mirror.encode()):
            match kind:
                case mirrored.START:
                    self._start(task, node)
                case mirrored.PREEMPT:
                    self._stop(task, Outcome.PREEMPTED)
                case mirrored.MIGRATE:
                    self._stop(task, Outcome.PREEMPTED)
                    self._start(task, node)
                case mirrored.WAKE:
                    self._pass_at((task << 31) | node)
        self.epochs += 1
        rules = self.instance.rules
        if rules.preemptive and rules.round and (self.running or self.ready):
            self.idle = 0 if self.running else self.idle + 1
            if self.idle >= 1000:
                raise PolicyError(f"policy {self.policy.name!r} makes no progress")
            self._pass_at((self.now // rules.round + 1) * rules.round)
        idle = not self.running and self.pass_at is None and self.all_arrived
        if self.ready and idle and all(self.is_up):
            raise self._stalled()

    def _stalled(self) -> PolicyError:
        left = len(self.instance.workload) - len(self.done)
        return PolicyError(
            f"policy {self.policy.name!r} left {left} tasks waiting on an idle cluster"
        )

    def _frame(self) -> tuple[Any, ...]:
        new, again, jobs = [], [], []
        for task in sorted(self.fresh):
            if task in self.seen:
                if task in self.ready:
                    again.append(
                        (task, self.ready_at[task], self.attained[task], self.service[task])
                    )
                continue
            self.seen.add(task)
            new.append(self.knowledge.introduce(task, self.ready_at[task]))
            job = self.knowledge.job[task]
            if job not in self.seen_jobs:
                self.seen_jobs.add(job)
                jobs.append((job, int(self.knowledge.job_left[job])))
        ended = [(task, self.done[task].end) for task in sorted(self.finished)]
        nodes = []
        prices, carbons = self.columns["price"].tolist(), self.columns["carbon"].tolist()
        for node, now in enumerate(zip(prices, carbons, strict=True)):
            if node in self.changed_nodes or self.told[node] != now:
                self.told[node] = now
                back = self.is_up[node] and self.changed_nodes.get(node, False)
                nodes.append((node, self.is_up[node], back, *now))
        self.fresh, self.finished, self.changed_nodes = [], [], {}
        return self.now, new, again, ended, jobs, nodes

    def _start(self, task: int, node: int) -> None:
        """Start a task; the world checks and lays out by itself."""
        work, cluster, rules = self.instance.workload, self.instance.cluster, self.instance.rules
        if task not in self.ready:
            raise PolicyError(f"start of task {task}: it is not ready")
        laid = self._lay_out(task, node)
        if sum(members for _, members in laid) < work.gang[task] or laid[0][0] != node:
            raise PolicyError(f"start of task {task} on node {node}: it does not fit")
        for at, members in laid:
            for r in range(3):
                self.free[at][r] -= members * int(work.demand[task, r])
        segment = Segment(task, laid, self.now)
        for e in range(work.edges.ptr[task], work.edges.ptr[task + 1]):
            source = self.done[int(work.edges.source[e])]
            moved = self._transfer(source.laid[0][0], node, int(work.edges.bytes[e]))
            segment.begin = max(segment.begin, source.end + moved)
        if self.starts[task] == 0:
            segment.begin += rules.start_cost
        else:
            own = int(work.restart[work.profile[task]])
            segment.begin += rules.restart_cost if own < 0 else own
        segment.rate = min(
            float(work.throughput[work.profile[task], cluster.type[at]]) * float(cluster.speed[at])
            for at, _ in laid
        )
        self.starts[task] += 1
        self.ready.discard(task)
        self.segments.append(segment)
        self.running[task] = (segment, self.env.process(self._life(segment)))

    def _lay_out(self, task: int, node: int) -> list[tuple[int, int]]:
        work, cluster = self.instance.workload, self.instance.cluster
        peers = np.flatnonzero(cluster.type == cluster.type[node]).tolist()
        at = peers.index(node)
        left = int(work.gang[task])
        laid = []
        for other in peers[at:] + peers[:at]:
            able = (
                self.is_up[other] and work.throughput[work.profile[task], cluster.type[other]] > 0
            )
            if not able or int(cluster.labels[other]) & int(work.requires[task]) != int(
                work.requires[task]
            ):
                continue
            members = left
            for r in range(3):
                demand = int(work.demand[task, r])
                if demand:
                    members = min(members, self.free[other][r] // demand)
            if members > 0:
                laid.append((other, members))
                left -= members
            if left == 0:
                break
        return laid or [(-1, 0)]

    def _transfer(self, source: int, target: int, size: int) -> int:
        cluster = self.instance.cluster
        if source == target:
            return 0
        tier = 4
        for i, column in enumerate((cluster.rack, cluster.zone, cluster.region)):
            if column[source] == column[target]:
                tier = i + 1
                break
        rate = min(
            float(cluster.links.bandwidth[tier]), float(cluster.bandwidth[source]),
            float(cluster.bandwidth[target]),
        )  # fmt: skip
        return int(cluster.links.latency[tier]) + math.ceil(size / rate * 1e6)

    def _trace(self) -> Trace:
        rows = self.segments
        spread = [
            (row, node, members)
            for row, segment in enumerate(rows)
            if len(segment.laid) > 1
            for node, members in segment.laid
        ]
        layout = np.array(spread, dtype=np.int32).reshape(-1, 3)
        events = np.array(self.events, dtype=np.int64).reshape(-1, 3)
        return Trace(
            task=np.array([s.task for s in rows], np.int32),
            node=np.array([s.laid[0][0] for s in rows], np.int32),
            start=np.array([s.start for s in rows], np.int64),
            end=np.array([s.end for s in rows], np.int64),
            outcome=np.array([s.outcome for s in rows], np.int8),
            spread_row=layout[:, 0].copy(), spread_node=layout[:, 1].copy(),
            spread_count=layout[:, 2].copy(), event_time=events[:, 0].copy(),
            event_node=events[:, 1].astype(np.int32), event_up=events[:, 2].astype(np.int8),
            epochs=self.epochs,
        )  # fmt: skip
