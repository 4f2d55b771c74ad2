"""Replay and measure a million decisions, and store them: CPU seconds, decisions a second, bytes.

python benchmarks/bench_replay.py [tasks] [nodes]
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numba import njit

from evaluator.cluster.instance import Instance, Rules
from evaluator.cluster.model import SECOND, NodeGroup, build_cluster
from evaluator.cluster.workload import simple_workload
from evaluator.metrics import measure
from evaluator.replay import differences, replay
from evaluator.trace import Trace
from evaluator.tracefile import TraceHeader, read_trace, write_trace

SEED = 20260101
REPEATS = 5


def instance(tasks: int, nodes: int) -> Instance:
    """One-task jobs of lognormal length on three node types, load about 1.05."""
    rng = np.random.Generator(np.random.Philox(SEED))
    groups = [
        NodeGroup(type=name, count=nodes // 3, cpus=16, devices=8, memory=256, speed=speed,
                  idle_watts=200, busy_watts=900, price=2.5)
        for name, speed in (("V100", 1.0), ("P100", 0.6), ("K80", 0.3))
    ]  # fmt: skip
    cluster = build_cluster("bench", groups)
    work = np.maximum(SECOND, (rng.lognormal(5.0, 1.3, tasks) * SECOND).astype(np.int64))
    devices = rng.choice([1.0, 2.0, 4.0], tasks, p=[0.7, 0.2, 0.1])
    rate = 1.05 * float((cluster.capacity[:, 2] / 1000 * cluster.speed).sum())
    rate /= float(work.mean() / SECOND * devices.mean())
    release = (np.cumsum(rng.exponential(1 / rate, tasks)) * SECOND).astype(np.int64)
    workload = simple_workload(
        "bench", release, work, cpus=devices, memory=4 * devices, devices=devices,
        due=release + 4 * work, weight=rng.choice([1.0, 2.0, 0.5], tasks),
        user=rng.integers(0, 50, tasks), types=3,
    )  # fmt: skip
    return Instance(cluster, workload, Rules(start_cost=SECOND // 2))


@njit(cache=True)
def _schedule(release, need, work, speed, room, cost, node, start, end):
    """First come, first served, on the first node from a turning pointer on with room."""
    free = room.copy()
    n = len(release)
    ends = np.empty(n, np.int64)
    jobs = np.empty(n, np.int64)
    size, now, at = 0, np.int64(0), 0
    for i in range(n):
        now = max(now, release[i])
        while True:
            while size and ends[0] <= now:
                gone = jobs[0]
                free[node[gone]] += need[gone]
                size -= 1
                key, who = ends[size], jobs[size]
                k = 0
                while 2 * k + 1 < size:
                    c = 2 * k + 1
                    if c + 1 < size and ends[c + 1] < ends[c]:
                        c += 1
                    if ends[c] >= key:
                        break
                    ends[k], jobs[k] = ends[c], jobs[c]
                    k = c
                ends[k], jobs[k] = key, who
            found = -1
            for step in range(len(room)):
                other = (at + step) % len(room)
                if free[other] >= need[i]:
                    found = other
                    break
            if found >= 0:
                break
            now = ends[0]
        at = found
        free[found] -= need[i]
        node[i], start[i] = found, now
        end[i] = now + cost + max(1, np.int64(np.ceil(work[i] / speed[found])))
        k = size
        size += 1
        while k and ends[(k - 1) // 2] > end[i]:
            ends[k], jobs[k] = ends[(k - 1) // 2], jobs[(k - 1) // 2]
            k = (k - 1) // 2
        ends[k], jobs[k] = end[i], i


def valid_trace(problem: Instance) -> Trace:
    """A valid trace of the instance in order of arrival."""
    w, cluster = problem.workload, problem.cluster
    n = len(w)
    node, start, end = np.zeros(n, np.int32), np.zeros(n, np.int64), np.zeros(n, np.int64)
    _schedule(
        w.release, w.demand[:, 2].copy(), w.work, cluster.speed, cluster.capacity[:, 2].copy(),
        problem.rules.start_cost, node, start, end,
    )  # fmt: skip
    none32, none64, none8 = np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.int8)
    return Trace(
        np.arange(n, dtype=np.int32), node, start, end, np.zeros(n, np.int8),
        none32, none32, none32, none64, none32, none8, n,
    )  # fmt: skip


def best(action, repeats=REPEATS):
    """Least CPU seconds of some repeats, and the last result; the first call compiles."""
    action()
    seconds = []
    for _ in range(repeats):
        begin = time.process_time()
        result = action()
        seconds.append(time.process_time() - begin)
    return min(seconds), result


def main() -> None:
    tasks = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    nodes = int(sys.argv[2]) if len(sys.argv) > 2 else 999
    problem = instance(tasks, nodes)
    trace = valid_trace(problem)
    replay_cpu, replayed = best(lambda: replay(problem, trace))
    measure_cpu, metrics = best(lambda: measure(problem, trace))
    assert not replayed.violations, replayed.violations[:3]
    assert not differences(metrics, replayed.metrics)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "bench.trace")
        header = TraceHeader.of(problem, scenario="bench", metrics=metrics)
        write_cpu, _ = best(lambda: write_trace(path, trace, header), 3)
        read_cpu, _ = best(lambda: read_trace(path), 3)
        size = path.stat().st_size
    print(json.dumps({
        "tasks": tasks, "nodes": len(problem.cluster), "seed": SEED, "repeats": REPEATS,
        "replay_cpu_seconds": round(replay_cpu, 4),
        "replayed_decisions_per_cpu_second": round(tasks / replay_cpu),
        "measure_cpu_seconds": round(measure_cpu, 4),
        "write_cpu_seconds": round(write_cpu, 3), "read_cpu_seconds": round(read_cpu, 3),
        "file_megabytes": round(size / 1e6, 2), "utilisation": round(metrics["utilisation"], 3),
        "mean_wait": round(metrics["mean_wait"], 1),
    }, indent=1))  # fmt: skip


if __name__ == "__main__":
    main()
