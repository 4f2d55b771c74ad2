"""One life of a runner, in a process of its own that may be killed at any of its steps."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import traceback
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


def live(folder: Path, kill_at: int = 0) -> None:
    """Begin the execution in the folder or go on with it; die before step ``kill_at``, if any."""
    steps = 0

    def step(name: str) -> None:
        nonlocal steps
        steps += 1
        if steps == kill_at:
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


def fork_life(folder: Path, kill_at: int) -> int:
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


def sweep(root: Path, most: int, width: int) -> None:
    """Folder n gets a life that dies before step n, and one more; until none dies any more.

    How many steps there are depends on how often a life looks, so several must come through.
    """
    running: dict[int, tuple[Path, bool]] = {}
    waiting = list(range(1, most + 1))
    through = 0
    while running or (waiting and through < 4):
        while waiting and through < 4 and len(running) < width:
            folder = root / str(waiting[0])
            running[fork_life(folder, waiting.pop(0))] = (folder, True)
        pid, status = os.wait()
        folder, first = running.pop(pid)
        code = os.waitstatus_to_exitcode(status)
        if first and code == -signal.SIGKILL:
            running[fork_life(folder, 0)] = (folder, False)
        elif code != 0:
            raise SystemExit(f"life in {folder} ended with {code}")
        through += first and code == 0


def chain(root: Path) -> None:
    """Life n dies before its n-th step, in one folder, until one comes to its end."""
    kill_at, status = 0, -1
    while status != 0:
        kill_at += 1
        _, status = os.waitpid(fork_life(root, kill_at), 0)
        if os.waitstatus_to_exitcode(status) not in (0, -signal.SIGKILL):
            raise SystemExit(f"life {kill_at} failed")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["sweep", root, most, width]:
            sweep(Path(root), int(most), int(width))
        case ["chain", root]:
            chain(Path(root))
        case ["live", root]:
            live(Path(root))
