"""Overhead of the evolution loop: wall time of a run beyond simulating, per evaluation.

One evaluating process, mutation proposer. The run's wall time from the first proposal to the end
of the last generation, less the wall time its process spent on jobs, is divided by the
evaluations: reading and normalising the code, choosing parents, writing events, folding, messages
between the processes, and idle time at the ends of generations are what is left. Replies are made
beforehand.

    python benchmarks/bench_loop.py [--scenario single-machine] [--evaluations 60]
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from pathlib import Path
from typing import ClassVar

import numpy as np

from agentsched.evolution import loop
from agentsched.evolution.cascade import Runner, Setup
from agentsched.evolution.config import Breeding, Budget, EvolveConfig
from agentsched.evolution.proposal import Proposal
from agentsched.evolution.session import Progress
from evaluator.candidates import mutate, read_policy
from evaluator.cluster.scenario import load_scenario
from evaluator.policies.catalogue import load_rule
from evaluator.policy import PolicySource

BUSY = Path(tempfile.gettempdir()) / "agentsched-bench-loop"


def open_timed(setup: Setup):
    """Answer jobs like an evaluating process; note the wall time they took in a file."""
    runner = Runner(setup)
    runner.warm()

    def handle(job):
        began = time.perf_counter()
        result = runner.run(job)
        with BUSY.open("a") as file:
            file.write(f"{time.perf_counter() - began}\n")
        return result

    return handle


def busy_seconds() -> float:
    return sum(float(line) for line in BUSY.read_text().split()) if BUSY.exists() else 0.0


class Prepared:
    """Stands for a model whose replies cost nothing: mutants made beforehand."""

    name = "prepared"
    digests: ClassVar = {}

    def __init__(self, scenario: str, count: int) -> None:
        start = load_scenario(scenario).start
        parent = load_rule(start)
        assert isinstance(parent, PolicySource)
        began = time.perf_counter()
        self.texts = []
        for k in range(count):
            self.texts.append(mutate(parent, np.random.default_rng(k)))
            parent = read_policy(self.texts[-1])
        self.seconds = (time.perf_counter() - began) / count

    def propose(self, request):
        return Proposal(self.texts.pop(0), how="mutation")

    def close(self):
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenario", default="single-machine")
    parser.add_argument("--evaluations", type=int, default=60)
    options = parser.parse_args()
    BUSY.unlink(missing_ok=True)
    # Both ends are told by the watcher, so that start-up and finals do not count.
    marks: dict[str, tuple[float, float, float]] = {}

    def watch(progress: Progress) -> None:
        if progress.phase == "evolving" and "begin" not in marks:
            marks["begin"] = (time.perf_counter(), busy_seconds(), time.process_time())
        if progress.phase == "evolving":
            marks["end"] = (time.perf_counter(), busy_seconds(), time.process_time())

    loop.HANDLER = "bench_loop:open_timed"
    with tempfile.TemporaryDirectory() as folder:
        config = EvolveConfig(
            scenario=options.scenario, runs=Path(folder), seed=1, workers=1,
            budget=Budget(evaluations=options.evaluations), breeding=Breeding(finalists=1),
        )  # fmt: skip
        prepared = Prepared(options.scenario, 4 * options.evaluations)
        outcome = loop.evolve(config, lambda *_: prepared, watcher=watch)
    wall = marks["end"][0] - marks["begin"][0]
    busy = marks["end"][1] - marks["begin"][1]
    count = outcome.state.spent.evaluations
    print(f"machine {platform.machine()}, scenario {options.scenario}, {count} evaluations, seed 1")
    print(f"wall {wall:.2f} s, of which jobs {busy:.2f} s")
    print(f"overhead {1000 * (wall - busy) / count:.2f} ms per evaluation (goal: 5 ms)")
    cpu = marks["end"][2] - marks["begin"][2]
    print(f"CPU of the loop's own process: {1000 * cpu / count:.2f} ms per evaluation")
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"one mutation takes {1000 * prepared.seconds:.2f} ms on top")
    BUSY.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
