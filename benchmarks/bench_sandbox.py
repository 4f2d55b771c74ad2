"""What the sandbox costs: CPU per decision epoch and per fresh candidate, both processes counted.

The workload is one-task jobs on 16 nodes of 4 CPUs at load 0.9, seed 7. Everything is CPU time (the
parent's process clock and the worker's), which a busy machine changes little; best of the repeats.

    python benchmarks/bench_sandbox.py [--tasks 2000] [--repeats 5]
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import numpy as np

from evaluator.candidates import read_policy
from evaluator.cluster.instance import Instance
from evaluator.cluster.model import NodeGroup, build_cluster
from evaluator.cluster.simulation import simulate
from evaluator.cluster.workload import simple_workload
from evaluator.sandbox import Sandbox, box, pinning, probe

GREEDY = """
def decide(state):
    for task in sorted(state.ready.values(), key=lambda t: (t.estimate, t.id)):
        for node in state.nodes:
            if state.fits(task, node):
                state.start(task, node)
                break
"""
CHANGES_ONLY = """
def decide(state):
    freed = [state.nodes[i] for i in state.freed]
    arrived = set(state.arrived)
    for task in sorted(state.ready.values(), key=lambda t: (t.estimate, t.id)):
        for node in state.nodes if task.id in arrived else freed:
            if state.fits(task, node):
                state.start(task, node)
                break
"""
AT_ONCE = """
def decide(state):
    for id in state.arrived:
        state.start(state.ready[id], state.nodes[0])
"""
FRESH = 100
NODES, CPUS, LOAD, MEAN = 16, 4, 0.9, 30e6


def problem(tasks: int, group: NodeGroup) -> Instance:
    rng = np.random.default_rng(7)
    work = np.maximum(1, rng.exponential(MEAN, tasks).astype(np.int64))
    cpus = rng.integers(1, CPUS + 1, tasks)
    gap = MEAN * cpus.mean() / (LOAD * NODES * CPUS)
    release = np.cumsum(rng.exponential(gap, tasks)).astype(np.int64)
    workload = simple_workload("bench", release, work, cpus=cpus.astype(np.float64))
    return Instance(build_cluster("bench", [group]), workload)


class Observed:
    """A sandbox that keeps its workers and, if asked, the frames they were sent."""

    def __init__(self, sandbox: Sandbox, keep_frames: bool = False) -> None:
        self.sandbox, self.level = sandbox, sandbox.level
        self.workers, self.frames, self.hello = [], [] if keep_frames else None, b""

    def spawn(self, text, hello, **options):
        self.hello = hello
        worker = self.sandbox.spawn(text, hello, **options)
        self.workers.append(worker)
        return worker if self.frames is None else Listening(worker, self.frames)


class Listening:
    def __init__(self, worker, frames) -> None:
        self.worker, self.frames = worker, frames

    def ask(self, frame):
        self.frames.append(frame)
        return self.worker.ask(frame)

    def close(self):
        self.worker.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.worker.close()


def whole_run(sandbox: Sandbox, instance: Instance, source) -> float:
    """Return CPU microseconds per epoch of a whole simulation in the general lane."""
    observed = Observed(sandbox)
    before = time.process_time()
    trace = simulate(instance, source, lane="general", sandbox=observed)
    cpu = time.process_time() - before + sum(w.cpu_seconds for w in observed.workers)
    return cpu / trace.epochs * 1e6


def replayed(sandbox: Sandbox, hello: bytes, frames: list[bytes]) -> tuple[float, float]:
    """Return CPU microseconds per epoch, parent and worker, without the engine."""
    with sandbox.spawn(GREEDY, hello) as worker:
        parent, inside = time.process_time(), worker.cpu_seconds
        for frame in frames:
            worker.ask(frame)
        parent, inside = time.process_time() - parent, worker.cpu_seconds - inside
    return parent / len(frames) * 1e6, inside / len(frames) * 1e6


def fresh(sandbox: Sandbox, hello: bytes, frame: bytes) -> float:
    """Return CPU milliseconds of one candidate from spawn to its end, zygote's share included."""
    before, inside, zygote = time.process_time(), 0.0, zygote_cpu(sandbox)
    for _ in range(FRESH):
        with sandbox.spawn(GREEDY, hello) as worker:
            worker.ask(frame)
        inside += worker.cpu_seconds
    zygote = zygote_cpu(sandbox) - zygote
    return (time.process_time() - before + inside + zygote) / FRESH * 1e3


def zygote_cpu(sandbox: Sandbox) -> float:
    """CPU seconds of the zygote itself: the youngest descendant of the process we started."""
    pid = sandbox._zygote._process.pid
    while children := Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        pid = int(children[-1])
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def interpreter(code: str) -> float:
    """Return CPU milliseconds of a fresh interpreter that runs ``code``."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    instance = problem(options.tasks, NodeGroup("cpu", NODES, cpus=CPUS))
    roomy = problem(options.tasks, NodeGroup("cpu", 1, cpus=NODES * CPUS * 100))
    general = read_policy(GREEDY, "greedy")
    changes = read_policy(CHANGES_ONLY, "changes")
    at_once = read_policy(AT_ONCE, "at-once")
    pure = read_policy("def key(task):\n    return task.estimate\n", "sjf")
    print(f"{platform.machine()} {platform.release()} Python {platform.python_version()}, "
          f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}")  # fmt: skip
    began = time.perf_counter()
    found = probe()
    print(f"probe: {found.level.name}, {len(found.attacks)} attacks, "
          f"{(time.perf_counter() - began) * 1e3:.0f} ms wall")  # fmt: skip
    with Sandbox.open() as sandbox:
        listening = Observed(sandbox, keep_frames=True)
        trace = simulate(instance, general, lane="general", sandbox=listening)
        hello, frames = listening.hello, listening.frames
        print(f"{options.tasks} tasks, {trace.epochs} epochs, {len(frames)} frames of "
              f"{sum(map(len, frames)) / len(frames):.0f} bytes, seed 7")  # fmt: skip

        def best(measure, *arguments):
            return min(measure(*arguments) for _ in range(options.repeats))

        def report(what, value, unit, goal=""):
            print(f"{what:<52}{value:8.1f} {unit}{goal}")

        report("epoch, one node, starts all at once: no policy cost",
               best(whole_run, sandbox, roomy, at_once), "us CPU", "   (goal: 40)")  # fmt: skip
        report("epoch, looks at what changed",
               best(whole_run, sandbox, instance, changes), "us CPU")  # fmt: skip
        report("epoch, tries every task on every node",
               best(whole_run, sandbox, instance, general), "us CPU")  # fmt: skip
        report("epoch, pure policy in the general lane",
               best(whole_run, sandbox, instance, pure), "us CPU")  # fmt: skip
        parent, inside = min((replayed(sandbox, hello, frames) for _ in range(options.repeats)),
                             key=sum)  # fmt: skip
        report("same frames again, no engine: parent", parent, "us CPU")
        report("same frames again, no engine: worker, mirror, policy", inside, "us CPU")
        free = pinning.Pin(pinning.ANYWHERE, 0, frozenset())
        with mock.patch.object(box, "pin", return_value=free):
            report("same frames again, ends not held on one core",
                   min(sum(replayed(sandbox, hello, frames)) for _ in range(options.repeats)),
                   "us CPU")  # fmt: skip
        report("fresh candidate, spawn to end",
               best(fresh, sandbox, hello, frames[0]), "ms CPU", "   (goal: 6)")  # fmt: skip
    report("instead: a fresh interpreter", best(interpreter, ""), "ms CPU")
    report("instead: a fresh interpreter with NumPy", best(interpreter, "import numpy"), "ms CPU")


if __name__ == "__main__":
    main()
