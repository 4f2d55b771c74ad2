"""Gavel's own experiment, rebuilt: the authors' jobs and throughputs on their cluster.

Narayanan et al., OSDI 2020: continuous trace, single-GPU jobs, Poisson 4.0 jobs an hour, 36 V100,
36 P100 and 36 K80, rounds of 360 s, preemption free of charge as in their simulator. The stored
runs of that simulator hold each job's arrival, type, steps and completion.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluator.candidates import read_policy
from evaluator.cluster.instance import Instance, Rules
from evaluator.cluster.model import SECOND, NodeGroup, build_cluster
from evaluator.cluster.simulation import simulate
from evaluator.cluster.workload import simple_workload
from evaluator.policies.catalogue import load_rule

KINDS = ("v100", "p100", "k80")

AGNOSTIC_FIFO = """
def key(task):
    return task.release

def prefer(task, node):
    return node.here
"""

POLICIES = {
    "fifo": ("fifo", lambda: read_policy(AGNOSTIC_FIFO, "fifo, blind to types")),
    "max_min_fairness_perf": ("Gavel's LAS", lambda: load_rule("gavel_las")),
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Mean completion times in hours over one window of jobs."""

    theirs: float
    ours: float

    @property
    def ratio(self) -> float:
        """Ours over theirs."""
        return self.ours / self.theirs


def compare(data: Path, policy: str, jobs: int | None, window: slice) -> Comparison:
    """Simulate the first ``jobs`` jobs and compare a window of them with the stored run."""
    stored = json.loads(
        gzip.decompress((data / f"golden/{policy}_r4.0_seed0.json.gz").read_bytes())
    )
    rows = stored["jobs"][:jobs]
    table = json.loads(gzip.decompress((data / "simulation_throughputs.json.gz").read_bytes()))
    names = sorted({row[2] for row in rows})
    steps = np.array([[table[kind][str((name, 1))]["null"] for kind in KINDS] for name in names])
    profile = np.array([names.index(row[2]) for row in rows])
    released = np.rint(np.array([row[1] for row in rows]) * SECOND).astype(np.int64)
    total = np.array([row[4] for row in rows])
    work = np.rint(total / steps[profile, 0] * SECOND).astype(np.int64)
    workload = simple_workload(
        "gavel", released, work, cpus=0.0, devices=1.0, profile=profile,
        throughput=steps / steps[:, :1],
    )  # fmt: skip
    cluster = build_cluster("36/36/36", [NodeGroup(kind, 9, devices=4) for kind in KINDS])
    rules = Rules(preemptive=True, round=360 * SECOND, oracle=True)
    trace = simulate(Instance(cluster, workload, rules), POLICIES[policy][1]())
    end: NDArray[np.int64] = np.zeros(len(workload), np.int64)
    np.maximum.at(end, trace.task, trace.end)
    ours = (end - workload.release)[window] / 3.6e9
    theirs = np.array([row[6] or np.nan for row in rows])[window] / 3600
    return Comparison(float(np.nanmean(theirs)), float(ours.mean()))
