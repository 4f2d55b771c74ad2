"""Problems the engine is timed on: streams of tasks and of workflows, logs of batch systems."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluator.cluster.instance import Instance, Rules
from evaluator.cluster.model import SECOND, Links, NodeGroup, build_cluster
from evaluator.cluster.workload import simple_workload
from evaluator.trace import Trace
from evaluator.workloads.generate_lublin import Lublin
from evaluator.workloads.generate_workflows import Workflows
from evaluator.workloads.load import load_workload
from evaluator.workloads.swf import swf_machine

SEED = 20260101


def generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


def stream(tasks: int, nodes: int, load: float, seed: int = SEED) -> Instance:
    """Poisson arrivals, lognormal times, twelve shapes; 16-CPU nodes, half of them at half speed.

    Run times are misjudged by a lognormal factor of sigma 0.5.
    """
    rng = generator(seed)
    fast = nodes // 2
    cluster = build_cluster("two types", [
        NodeGroup("fast", fast, cpus=16, memory=64, speed=1.0, price=2.0),
        NodeGroup("slow", nodes - fast, cpus=16, memory=64, speed=0.5, price=1.0),
    ])  # fmt: skip
    cpus = rng.choice([1.0, 2.0, 4.0, 8.0], tasks, p=[0.4, 0.3, 0.2, 0.1])
    memory = cpus * rng.choice([1.0, 2.0, 4.0], tasks)
    work = np.maximum(1000, rng.lognormal(4, 1.2, tasks) * SECOND).astype(np.int64)
    power = float((cluster.capacity[:, 0] / 1000 * cluster.speed).sum())
    per_second = load * power / float((work / SECOND * cpus).mean())
    release = (np.cumsum(rng.exponential(1 / per_second, tasks)) * SECOND).astype(np.int64)
    estimate = np.maximum(1, work * rng.lognormal(0, 0.5, tasks)).astype(np.int64)
    workload = simple_workload(
        "stream", release, work, cpus=cpus, memory=memory, estimate=estimate, types=2
    )
    return Instance(cluster, workload)


def workflows(tasks: int, nodes: int, load: float, seed: int = SEED) -> Instance:
    """A stream of workflows of 20 to 60 tasks, CCR 1, on one-CPU nodes of speed 0.5 to 2."""
    rng = generator(seed)
    bandwidth = np.array([np.inf, 125e6, 125e6, 125e6, 125e6])
    latency = np.array([0, 1000, 1000, 1000, 1000], dtype=np.int64)
    groups = [
        NodeGroup("cpu", 1, cpus=1, speed=float(speed), rack="0")
        for speed in rng.uniform(0.5, 2.0, nodes)
    ]
    cluster = build_cluster("unequal nodes", groups, Links(bandwidth, latency))
    family = Workflows(
        jobs=tasks // 40, load=load, tasks=(20, 60), ccr=1.0,
        shapes=("montage", "epigenomics", "blast", "seismology"),
    )  # fmt: skip
    return Instance(cluster, family.generate(cluster, rng))


@dataclass(frozen=True)
class Log:
    """Rigid jobs of a batch system in whole seconds, by submit time; no zero run times."""

    name: str
    processors: int
    submit: np.ndarray
    run: np.ndarray
    size: np.ndarray
    requested: np.ndarray

    def __len__(self) -> int:
        return len(self.run)

    def instance(self) -> Instance:
        """Return the log as a problem: one machine of fungible processors."""
        cluster = build_cluster("machine", [NodeGroup("cpu", 1, cpus=float(self.processors))])
        workload = simple_workload(
            self.name, self.submit * SECOND, self.run * SECOND, cpus=self.size.astype(np.float64),
            estimate=self.requested * SECOND,
        )  # fmt: skip
        return Instance(cluster, workload, Rules())

    def write(self, path: Path) -> None:
        """Write the log as SWF, job k on line k."""
        rows = zip(self.submit, self.run, self.size, self.requested, strict=True)
        lines = (
            f"{k} {s} -1 {r} {p} -1 -1 {p} {e} -1 1 1 1 1 1 1 -1 -1"
            for k, (s, r, p, e) in enumerate(rows, 1)
        )
        path.write_text("\n".join(lines) + "\n")


def read_log(path: Path) -> Log:
    """Read an SWF file as it is loaded elsewhere, times rounded up to whole seconds."""
    cluster = swf_machine(path)
    work = load_workload(path, "swf", cluster)
    return _log(path.name.split(".")[0], int(cluster.capacity[0, 0]) // 1000, work)


def drawn_log(jobs: int, seed: int = SEED) -> Log:
    """Draw a log from the Lublin-Feitelson model on 128 processors at load 0.9."""
    cluster = build_cluster("machine", [NodeGroup("cpu", 1, cpus=128.0)])
    work = Lublin(jobs=jobs, load=0.9).generate(cluster, generator(seed))
    return _log("lublin-128", 128, work)


def _log(name: str, processors: int, work) -> Log:
    def whole(micros):
        return -(-micros // SECOND)

    run = whole(work.work)
    return Log(
        name, processors, submit=work.release // SECOND + 10, run=run,
        size=work.demand[:, 0] // 1000, requested=np.maximum(run, whole(work.estimate)),
    )  # fmt: skip


def longest_queue(instance: Instance, trace: Trace) -> int:
    """Return the greatest number of released tasks that had not started."""
    released = np.sort(instance.workload.release[instance.workload.job])
    begun = np.sort(trace.start)
    return int((np.arange(1, len(begun) + 1) - np.searchsorted(begun, released, "right")).max())


def starts(instance: Instance, trace: Trace) -> np.ndarray:
    """Return the start of each task, microseconds."""
    out = np.zeros(len(instance.workload), dtype=np.int64)
    out[trace.task] = trace.start
    return out
