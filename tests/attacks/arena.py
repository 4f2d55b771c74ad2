"""A trusted engine of forty lines, in lockstep with a candidate; its trace is bytes to compare."""

import heapq
import marshal
import struct
from dataclasses import dataclass

from evaluator.errors import DecisionError

HONEST = '''
"""Shortest estimated job first."""
def decide(state):
    for task in sorted(state.ready.values(), key=lambda t: (t.estimate, t.id)):
        for node in state.nodes:
            if state.fits(task, node):
                state.start(task, node)
                break
'''

NODES = (2, 3)
LAST_ESTIMATE = 7_654_321
"""Estimate of the task that arrives last: whoever knows it before has seen the future."""


@dataclass(frozen=True)
class Job:
    release: int
    work: int
    cpus: int


JOBS = (*(Job(7 * i // 2, 3 + i * i % 11, 1 + i % 2) for i in range(14)), Job(60, LAST_ESTIMATE, 1))


def run(sandbox, text, jobs=JOBS, **limits):
    """Simulate; returns start records as bytes. Every decision is checked before it counts."""
    limits = {"decision_seconds": 0.25, "total_seconds": 5.0, **limits}
    with sandbox.spawn(text, marshal.dumps(NODES), **limits) as worker:
        return lockstep(worker, jobs)


def lockstep(worker, jobs=JOBS):
    free, ready, trace, ends = list(NODES), set(), [], []
    pending = list(enumerate(jobs))
    while pending or ends:
        now = min([job.release for _, job in pending[:1]] + [end for end, *_ in ends[:1]])
        freed, arrived = [], []
        while ends and ends[0][0] == now:
            _, row, node = heapq.heappop(ends)
            free[node] += jobs[row].cpus
            freed.append((node, jobs[row].cpus))
        while pending and pending[0][1].release == now:
            row, job = pending.pop(0)
            ready.add(row)
            arrived.append((row, job.work, job.cpus))
        answer = worker.ask(marshal.dumps((now, tuple(arrived), tuple(freed))))
        for kind, row, node in struct.iter_unpack("<iii", answer):
            if kind != 0 or row not in ready or not 0 <= node < len(free):
                raise DecisionError(f"refused: kind {kind}, task {row}, node {node}")
            if jobs[row].cpus > free[node]:
                raise DecisionError(f"task {row} does not fit on node {node}")
            ready.remove(row)
            free[node] -= jobs[row].cpus
            trace.append((row, node, now))
            heapq.heappush(ends, (now + jobs[row].work, row, node))
    if ready:
        raise DecisionError(f"{len(ready)} tasks never started")
    return b"".join(struct.pack("<iiq", *record) for record in trace)
