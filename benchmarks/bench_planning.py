"""Planning: feasibility after R-ConstraintBench, and proofs of optimality on PSPLIB.

python benchmarks/bench_planning.py [--quick] [--seconds 10] [--seed 0] [--sizes 15,50,100,200,400]
                                    [--psplib FOLDER] [--json FILE]

Times are wall seconds of two workers, since the goals are; CPU seconds stand beside them. On a
busy machine the workers get less than two cores: then the ratio of the two says so, and the run
should be repeated at a quiet time.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from agentsched.planning import Plan, PlanRequest, check
from agentsched.planning.solving.formulate import formulate
from agentsched.planning.solving.listing import list_schedule
from agentsched.planning.solving.schedule_checker import check_schedule
from agentsched.planning.solving.solution import Effort
from agentsched.planning.solving.solver import load_solver, solve
from benchmarks.constraint_instances import KINDS, NOW, instance
from benchmarks.measuring import Row, machine, print_rows
from benchmarks.psplib import best_known, chosen, read_project

PSPLIB = Path(__file__).resolve().parents[2] / "shared" / "data" / "psplib"
INSTANCES = 10
WORKERS = 2
PROVED = {30: 47, 60: 40}
"""Goals: proved optimal of 48."""


@dataclass(frozen=True)
class Run:
    """One instance, solved."""

    good: bool
    """Feasible and checked, or proved optimal."""
    wall: float
    cpu: float
    greedy: bool = False
    gap: float = 0.0
    """To the best known value, as a share of it."""


def main() -> int:
    """Return 1 if a goal is missed."""
    options = _options()
    load_solver()
    effort = Effort(options.seconds, workers=WORKERS, seed=options.seed, tidy=False)
    rows = [
        _constraint_row(n, kinds, effort, options.instances)
        for n in options.sizes
        for kinds in range(1, len(KINDS) + 1)
    ]
    if options.psplib.is_dir():
        rows += [_psplib_row(options.psplib, size, effort, options.every) for size in PROVED]
    else:
        print("skipped: no PSPLIB data beside the checkout")
    print_rows(rows)
    if options.json:
        report = {"machine": machine(), "rows": [row.as_json() for row in rows]}
        options.json.write_text(json.dumps(report, indent=1))
    return int(any(row.met is False for row in rows))


def _constraint_row(n: int, kinds: int, effort: Effort, count: int) -> Row:
    runs = [_feasible(n, kinds, seed, effort) for seed in range(count)]
    what = "all four" if kinds == len(KINDS) else "+ " + KINDS[kinds - 1] if kinds > 1 else KINDS[0]
    goal = count if kinds == len(KINDS) and n <= 200 else None
    greedy = sum(run.greedy for run in runs)
    return _row(f"feasible, n = {n}, {what}", runs, effort, goal, f"greedy EDF {greedy}")


def _feasible(n: int, kinds: int, seed: int, effort: Effort) -> Run:
    made = instance(n, kinds, seed)
    began, cpu = time.monotonic(), time.process_time()
    form = formulate(PlanRequest(graph=made.graph, inventory=made.inventory, now=NOW))
    first = Effort(effort.seconds, effort.workers, effort.seed, first_only=True)
    found = solve(form.problem, first)
    wall, cpu = time.monotonic() - began, time.process_time() - cpu
    good = False
    if found.schedule is not None:
        plan = Plan(assignments=form.assignments(found.schedule))
        good = not check(made.graph, made.inventory, plan)
    by_deadline = [activity.last_end for activity in form.problem.activities]
    greedy = not isinstance(list_schedule(form.problem, by_deadline), int)
    return Run(good, wall, cpu, greedy=greedy)


def _psplib_row(folder: Path, size: int, effort: Effort, every: int) -> Row:
    known = best_known(folder)
    runs = [
        _optimal(path, known[path.stem].upper, effort) for path in chosen(folder, size)[::every]
    ]
    gap = statistics.mean(run.gap for run in runs)
    goal = PROVED[size] if every == 1 else None
    return _row(f"proved optimal, PSPLIB J{size}", runs, effort, goal, f"mean gap {gap:.2%}")


def _optimal(path: Path, upper: int, effort: Effort) -> Run:
    problem = read_project(path)
    began, cpu = time.monotonic(), time.process_time()
    found = solve(problem, effort)
    wall, cpu = time.monotonic() - began, time.process_time() - cpu
    if found.schedule is None or check_schedule(problem, found.schedule):
        raise AssertionError(f"{path.stem}: {found.status}, and no schedule that passes the check")
    if found.objective < upper and found.status == "optimal":
        print(f"{path.stem}: {found.objective} is better than the best known {upper}")
    return Run(found.status == "optimal", wall, cpu, gap=found.objective / upper - 1)


def _row(what: str, runs: list[Run], effort: Effort, goal: float | None, note: str) -> Row:
    good, walls = sum(run.good for run in runs), [run.wall for run in runs]
    times = f"median {statistics.median(walls):.2f} s, max {max(walls):.2f} s"
    busy = sum(run.cpu for run in runs) / max(sum(walls), 1e-9)
    return Row(
        what, f"{len(runs)} instances, {effort.seconds:g} s", effort.seed, 1, good, good, "of them",
        goal=goal, note=f"{note}; {times}, {busy:.1f} cores used",
    )  # fmt: skip


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small and short, not for quoting")
    parser.add_argument("--seconds", type=float, default=10.0, help="for one instance")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sizes", type=_sizes, default=[15, 50, 100, 200, 400])
    parser.add_argument("--psplib", type=Path, default=PSPLIB)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    options.instances, options.every = INSTANCES, 1
    if options.quick:
        options.seconds, options.sizes = min(options.seconds, 1.0), [15, 50]
        options.instances, options.every = 3, 12
    return options


def _sizes(text: str) -> list[int]:
    return [int(part) for part in text.split(",") if part]


if __name__ == "__main__":
    sys.exit(main())
