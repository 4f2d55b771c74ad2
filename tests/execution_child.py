"""One life of a runner, in a process of its own that may be killed at any of its steps."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import traceback
from collections import Counter
from pathlib import Path

from execution_plans import Placed, graph_of, machines, opened, task

from agentsched.execution import Execution, Ledger, LocalExecutor, Rules, SystemClock, run_plan
from agentsched.planning.graph import TaskGraph

RULES = Rules(eager=True, poll_least=0.01, poll_most=0.02, backoff=0.0)
COUNT = "echo $AGENTSCHED_ATTEMPT >> runs"
"""What every task does: count its own runs."""


def counting() -> TaskGraph:
    """One that goes well and one beside it that fails at first; a third after both."""
    flaky = f"{COUNT}; test -e seen || {{ touch seen; exit 1; }}"
    return graph_of(
        task("a", command=("sh", "-c", COUNT)),
        task("b", command=("sh", "-c", flaky), retries=1),
        task("c", "a", "b", command=("sh", "-c", COUNT)),
    )


PLACES: dict[str, Placed] = {"a": ("m1", 0, 10), "b": ("m2", 0, 10), "c": ("m1", 10, 20)}


Point = tuple[str, int]
"""A step by its name and how often it has come before, from 1; the name "" is any step."""


def live(folder: Path, kill_at: Point | None = None) -> None:
    """Begin the execution in the folder or go on with it; die before the step ``kill_at``."""
    seen: Counter[str] = Counter()

    def step(name: str) -> None:
        seen.update((name, ""))
        if kill_at in ((name, seen[name]), ("", seen[""])):
            (folder / "killed").write_text(name)
            os.kill(os.getpid(), signal.SIGKILL)

    executor = LocalExecutor(folder / "attempts", folder, environment=os.environ, step=step)
    clock = SystemClock()
    with Ledger(folder / "ledger.jsonl", step=step) as ledger:
        if ledger.records:
            execution = Execution(ledger, executor, clock, RULES, step=step)
        else:
            first = opened(counting(), PLACES, machines("m1", "m2"), executor="local")
            execution = Execution.begin(ledger, first, executor, clock, RULES, step=step)
        report = asyncio.run(run_plan(execution))
        assert report.completed, report
    del seen[""]
    (folder / "steps").write_text(json.dumps(seen))


def fork_life(folder: Path, kill_at: Point | None = None) -> int:
    """Start a life in a child of this process; return its id."""
    folder.mkdir(exist_ok=True)
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        live(folder, kill_at)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def sweep(root: Path, width: int, looks: int) -> None:
    """One life through; then a folder for each step it took: one dies there, one goes on.

    How often a life looks ("asked") depends on the machine: the first ``looks`` are tried.
    """
    await_lives({fork_life(root / "whole"): (root / "whole", False)})
    steps = json.loads((root / "whole" / "steps").read_text())
    steps["asked"] = looks
    points = [(name, n) for name, count in steps.items() for n in range(1, count + 1)]
    running: dict[int, tuple[Path, bool]] = {}
    for name, n in points:
        folder = root / f"{name} {n}"
        running[fork_life(folder, (name, n))] = (folder, True)
        await_lives(running, width - 1)
    await_lives(running)


def await_lives(running: dict[int, tuple[Path, bool]], most: int = 0) -> None:
    """Wait until at most so many lives run; who died at its point is followed by another life."""
    while len(running) > most:
        pid, status = os.wait()
        folder, mortal = running.pop(pid)
        code = os.waitstatus_to_exitcode(status)
        if mortal and code == -signal.SIGKILL:
            running[fork_life(folder)] = (folder, False)
        elif code != 0:
            raise SystemExit(f"life in {folder} ended with {code}")


def chain(root: Path) -> None:
    """Life n dies before its n-th step, in one folder, until one comes to its end."""
    kill_at, status = 0, -1
    while status != 0:
        kill_at += 1
        _, status = os.waitpid(fork_life(root, ("", kill_at)), 0)
        if os.waitstatus_to_exitcode(status) not in (0, -signal.SIGKILL):
            raise SystemExit(f"life {kill_at} failed")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["sweep", root, width, looks]:
            sweep(Path(root), int(width), int(looks))
        case ["chain", root]:
            chain(Path(root))
        case ["live", root]:
            live(Path(root))
