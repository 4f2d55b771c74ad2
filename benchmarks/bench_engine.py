"""Speed and memory of the engine: tasks completed per CPU second; ratios in the same run.

CPU seconds of simulate() on one core, from instance to trace; what is compiled once is compiled
before. Best and median of the repeats: other work on the machine only ever adds.

    python benchmarks/bench_engine.py [--only rules score easy dag accasim naive memory] [--quick]
        [--repeats 7] [--logs FOLDER] [--json FILE]
"""

from __future__ import annotations

import argparse
import ctypes
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import run_accasim
from measuring import Row, cpu_seconds, machine, print_rows, rate
from naive_simpy import queued, textbook, woken
from streams import SEED, Log, drawn_log, longest_queue, read_log, starts, stream, workflows

from evaluator.candidates import read_policy
from evaluator.cluster.instance import Instance
from evaluator.cluster.kernel.build import build
from evaluator.cluster.model import SECOND
from evaluator.cluster.simulation import simulate
from evaluator.policy import PolicySource

SCORES = {
    "wait, size and fit": """
import math

def score(task, node, now):
    urgency = math.log1p(task.wait / (task.estimate + 60.0))
    left = (node.free_cpus - task.cpus) / node.cpus
    spare = (node.free_memory - task.memory) / node.memory
    return 2.0 * urgency - node.duration / 3600.0 - 0.5 * abs(left - spare) - 0.1 * node.price
""",
    "slowdown with an aging threshold": """
import math

def score(task, node, now):
    slowdown = (task.wait + node.duration) / max(node.duration, 10.0)
    if task.wait > 3600.0:
        slowdown = slowdown * 4.0
    waste = (node.free_cpus - task.cpus) / 16.0
    return math.sqrt(slowdown) + node.speed / (1.0 + task.cpus) - waste
""",
    "product of powers": """
import math

def score(task, node, now):
    size = task.estimate * max(task.cpus / 16.0, task.memory / 64.0)
    age = task.age + 1.0
    fit = 1.0 - (node.free_cpus - task.cpus) / node.cpus
    return math.pow(age, 0.7) * math.exp(fit) * node.speed / math.pow(size + 1.0, 0.4)
""",
}
"""Scores as models propose them: of the time, of several fields of both sides."""

BYTES_GOAL = 100


class Bench:
    """What the command line asked for, and the rows so far."""

    def __init__(self, repeats: int, quick: bool, logs: Path) -> None:
        self.repeats, self.quick, self.logs = repeats, quick, logs
        self.rows: list[Row] = []
        self.skipped: list[str] = []

    def add(self, row: Row) -> None:
        self.rows.append(row)
        print(f"  {row.what}, {row.scenario}: {row.best:.4g} {row.unit} {row.note}", flush=True)

    def skip(self, why: str) -> None:
        if why not in self.skipped:
            self.skipped.append(why)

    def speed(
        self,
        what: str,
        scenario: str,
        instance: Instance,
        policy: PolicySource | str,
        goal: float | None,
    ) -> None:
        """Time one policy on one instance."""
        trace = simulate(instance, policy)
        note = f"longest queue {longest_queue(instance, trace)}"
        seconds = cpu_seconds(lambda: simulate(instance, policy), self.repeats)
        self.add(rate(what, scenario, SEED, len(trace), seconds, goal=goal, note=note))

    def sizes(self, *sizes: tuple[int, int]) -> Iterator[tuple[str, Instance, int]]:
        """Yield streams of these tasks and nodes at load 0.9 and 1.2."""
        for tasks, nodes in sizes:
            for load in (0.9, 1.2):
                name = f"stream, {tasks} tasks, {nodes} nodes, load {load}"
                yield name, stream(tasks, nodes, load), nodes


def rules(bench: Bench) -> None:
    for name, instance, _ in bench.sizes((10_000, 100), (100_000, 1_000), (100_000, 100)):
        for rule in ("fifo", "sjf"):
            bench.speed(rule, name, instance, rule, 400_000)


def score(bench: Bench) -> None:
    for name, instance, nodes in bench.sizes((10_000, 100), (100_000, 1_000)):
        for title, text in SCORES.items():
            goal = 200_000 if nodes == 100 else 100_000
            bench.speed(f"score: {title}", name, instance, read_policy(text, title), goal)
        bench.speed("best_fit (key, prefer)", name, instance, "best_fit", None)


def easy(bench: Bench) -> None:
    for name, instance, _ in bench.sizes((10_000, 100)):
        for rule in ("easy", "easy_sjf"):
            bench.speed(rule, name, instance, rule, 100_000)


def dag(bench: Bench) -> None:
    tasks = 20_000 if bench.quick else 100_000
    for nodes in (12, 100):
        instance = workflows(tasks, nodes, 0.9)
        name = f"workflows, {len(instance.workload)} tasks, {nodes} nodes, load 0.9, CCR 1"
        for rule in ("eft", "min_min"):
            bench.speed(rule, name, instance, rule, 100_000)


def logs_of(bench: Bench) -> list[Log]:
    """Return the logs there are; a quick run takes one."""
    logs = [] if bench.quick else [drawn_log(10_000)]
    for name in ("NASA-iPSC-1993-3.1-cln.swf.gz", "lublin_256.swf.gz"):
        if (bench.logs / name).exists():
            logs.append(read_log(bench.logs / name))
        else:
            bench.skip(f"{name}: not in {bench.logs}; --logs names another folder")
    return logs[: 1 if bench.quick else None] or [drawn_log(4_000)]


def timed_starts(bench: Bench, log: Log, policy: str) -> tuple[list[float], np.ndarray]:
    instance = log.instance()
    begun = starts(instance, simulate(instance, policy))
    return cpu_seconds(lambda: simulate(instance, policy), bench.repeats), begun


def accasim(bench: Bench) -> None:
    with tempfile.TemporaryDirectory() as packages, tempfile.TemporaryDirectory() as folder:
        try:
            run_accasim.install(Path(packages))
            for log in logs_of(bench):
                for theirs, ours in (("fifo", "fcfs"), ("easy", "easy")):
                    seconds, begun = timed_starts(bench, log, ours)
                    runs = [
                        run_accasim.run(Path(packages), log, theirs, Path(folder))
                        for _ in range(1 if bench.quick else 2)
                    ]
                    same = float(np.mean(runs[0].begun * SECOND == begun))
                    # Its EASY keeps the first reservation; only strict FIFO means the same thing.
                    assert theirs == "easy" or same == 1.0, "schedules differ"
                    compare(
                        bench, f"{ours} against AccaSim {run_accasim.VERSION}", log.name, len(log),
                        seconds, [run.cpu for run in runs], 20, same,
                    )  # fmt: skip
        except run_accasim.Missing as error:
            bench.skip(f"AccaSim: {error}")


def naive(bench: Bench) -> None:
    models: list[tuple[str, str, Callable[[Instance], np.ndarray]]] = [
        ("fifo", "a process a task, woken at every change", woken),
        ("fifo", "a process a task, one ordered queue", lambda i: queued(i, by_release)),
        ("easy", "a process a task, one ordered queue", lambda i: queued(i, by_release, "easy")),
    ]
    for log in logs_of(bench):
        against(bench, log.name, log.instance(), models, 50)
        # SimPy's own queue does all there is to do; it knows no policy, so it has no goal.
        own = [("fcfs", "Container.get, SimPy's own queue", textbook)]
        against(bench, log.name, log.instance(), own, None)
    for load in (0.9, 1.2):
        instance = stream(2_000 if bench.quick else 6_000, 100, load)
        name = f"stream, {len(instance.workload)} tasks, 100 nodes, load {load}"
        against(bench, name, instance, models[:2], 50)


def by_release(task) -> float:
    return task.release


def against(
    bench: Bench, name: str, instance: Instance,
    models: list[tuple[str, str, Callable[[Instance], np.ndarray]]], goal: float | None,
) -> None:  # fmt: skip
    for rule, what, model in models:
        begun = starts(instance, simulate(instance, rule))
        seconds = cpu_seconds(lambda rule=rule: simulate(instance, rule), bench.repeats)
        slow = []
        for _ in range(1 if bench.quick else 2):
            before = time.process_time()
            theirs = model(instance)
            slow.append(time.process_time() - before)
        same = float(np.mean(theirs == begun))
        assert same == 1.0, f"{rule}, {what}: {same:.2%} of the starts agree"
        compare(bench, f"{rule} against SimPy: {what}", name, len(begun), seconds, slow, goal, same)


def compare(
    bench: Bench, what: str, scenario: str, tasks: int, ours: list[float], theirs: list[float],
    goal: float | None, same: float,
) -> None:  # fmt: skip
    best = min(theirs) / min(ours)
    middle = statistics.median(theirs) / statistics.median(ours)
    note = (
        f"{tasks / min(ours):,.0f} against {tasks / min(theirs):,.0f} tasks/s; "
        f"{same:.2%} of starts equal"
    )
    bench.add(Row(what, scenario, SEED, len(ours), best, middle, "times", goal, note=note))


def memory(bench: Bench) -> None:
    """Measure in fresh processes, so that nothing freed before counts."""
    tasks = 200_000 if bench.quick else 1_000_000
    # Workflows take long to draw, so there are fewer of their tasks.
    for rule, size in (("fifo", tasks), ("easy", tasks), ("eft", tasks // 5)):
        answers = []
        for _ in range(1 if bench.quick else 2):
            child = [sys.executable, __file__, "--memory-child", rule, str(size)]
            done = subprocess.run(child, capture_output=True, text=True, check=True)
            answers.append(json.loads(done.stdout.splitlines()[-1]))
        for what in ("columns", "trace", "peak"):
            values = [answer[what] / answer["tasks"] for answer in answers]
            title = {
                "columns": "allocated for tasks, trace left out",
                "trace": "allocated for the trace",
                "peak": "resident memory at its peak, trace included",
            }[what]
            bench.add(Row(
                f"{rule}: {title}", answers[0]["scenario"], SEED, len(values), min(values),
                statistics.median(values), "B/task", BYTES_GOAL if what == "peak" else None, True,
            ))  # fmt: skip


def memory_child(rule: str, tasks: int) -> None:
    """Print what one simulation allocates beyond the workload's columns."""
    small = workflows(2_000, 100, 0.9) if rule == "eft" else stream(2_000, 100, 0.9)
    simulate(small, rule)
    binding, easy = int(rule == "eft"), int(rule == "easy")
    if rule == "eft":
        instance = workflows(tasks, 100, 0.9)
        scenario = f"workflows, {len(instance.workload)} tasks, 100 nodes, load 0.9"
    else:
        nodes = 100 if easy else 1_000
        instance = stream(tasks, nodes, 0.9)
        scenario = f"stream, {tasks} tasks, {nodes} nodes, load 0.9"
    # What the workload's generator freed must not be there to be taken again unseen.
    ctypes.CDLL(None).malloc_trim(0)
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    trace = simulate(instance, rule)
    peak = resident("VmHWM") - before
    _, columns = build(
        instance, binding=binding, keep_lists=easy, track_estimates=max(binding, easy),
        need_rank=binding, need_backlog=binding, need_data=binding, need_duration=binding,
    )  # fmt: skip
    mine = {
        name: value
        for name, value in columns.items()
        if isinstance(value, np.ndarray) and not shared(value, instance)
    }
    of_trace = sum(v.nbytes for name, v in mine.items() if name.startswith(("trace_", "spread_")))
    print(json.dumps({
        "tasks": len(trace), "scenario": scenario, "peak": peak, "trace": of_trace,
        "columns": sum(value.nbytes for value in mine.values()) - of_trace,
        "by_column": {name: value.nbytes / len(trace) for name, value in mine.items()},
    }))  # fmt: skip


def shared(column: np.ndarray, instance: Instance) -> bool:
    """Whether a column of the core is the workload's own."""
    work = instance.workload
    own = [getattr(work, name) for name in work.__slots__] + [
        work.edges.ptr, work.edges.source, work.edges.bytes,
    ]  # fmt: skip
    return any(isinstance(other, np.ndarray) and np.shares_memory(column, other) for other in own)


def resident(field: str) -> int:
    """Bytes of a field of /proc/self/status."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"no {field} in /proc/self/status")


PARTS = {part.__name__: part for part in (rules, score, easy, dag, accasim, naive, memory)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--quick", action="store_true", help="fewer repeats, smaller comparisons")
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--logs", type=Path, default=Path(__file__).parents[2] / "shared/data/swf")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--memory-child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_child:
        memory_child(options.memory_child[0], int(options.memory_child[1]))
        return 0
    bench = Bench(options.repeats or (3 if options.quick else 7), options.quick, options.logs)
    before = machine()
    for name in options.only:
        print(name, flush=True)
        PARTS[name](bench)
    print()
    print_rows(bench.rows)
    for line in bench.skipped:
        print(f"skipped: {line}")
    print("machine: " + ", ".join(f"{key} {value}" for key, value in before.items()))
    if options.json:
        rows = [row.as_json() for row in bench.rows]
        found = {"machine": before, "rows": rows, "skipped": bench.skipped}
        options.json.write_text(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
