"""Real processes: limits, groups, logs, environment, and supervisors that are killed."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from execution_child import COUNT
from execution_plans import graph_of, opened, task

from agentsched.errors import StorageError, UserError
from agentsched.execution import (
    Execution,
    Ledger,
    LocalExecutor,
    Rules,
    SystemClock,
    run_plan,
)
from agentsched.execution.executor import Absent, Attempt, Ended, Refused, Running, Status
from agentsched.execution.folder import SUPERVISOR
from agentsched.planning.graph import Demand


def executor(
    folder: Path, environment: Mapping[str, str] = os.environ, **more: Any
) -> LocalExecutor:
    return LocalExecutor(
        folder / "attempts", folder, environment=environment, **{"grace": 0.3, **more}
    )


def shell(script: str, key: str = "run.a.1", **more: Any) -> Attempt:
    return Attempt(key, "a", ("sh", "-c", script), **more)


async def ended(local: LocalExecutor, key: str, within: float = 20.0) -> Ended:
    end = time.monotonic() + within
    while not isinstance(status := await local.poll(key), Ended):
        assert time.monotonic() < end, status
        await asyncio.sleep(0.01)
    return status


def run(folder: Path, attempt: Attempt, **more: Any) -> Ended:
    async def go() -> Ended:
        local = executor(folder, **more)
        status = await local.submit(attempt)
        return status if isinstance(status, Ended) else await ended(local, attempt.key)

    return asyncio.run(go())


def log(folder: Path, name: str = "stdout.log", key: str = "run.a.1") -> str:
    return (folder / "attempts" / key / name).read_text()


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended but was not collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def gone(pid: int, within: float = 5.0) -> bool:
    end = time.monotonic() + within
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.01)
    return not alive(pid)


def test_logs_and_exit_code_are_kept(tmp_path: Path) -> None:
    result = run(tmp_path, shell("echo out; echo err >&2; exit 3"))
    assert (result.outcome, result.code) == ("failed", 3)
    assert (log(tmp_path), log(tmp_path, "stderr.log")) == ("out\n", "err\n")
    assert result.started is not None
    assert result.ended is not None
    assert result.started <= result.ended


def test_no_shell_reads_the_arguments(tmp_path: Path) -> None:
    nasty = "$HOME; `id` > x 'quoted' \"double\" *"
    run(tmp_path, Attempt("run.a.1", "a", ("printf", "%s", nasty)))
    assert log(tmp_path) == nasty


def test_only_allowed_variables_are_inherited(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "OPENAI_API_KEY": "secret"}
    run(tmp_path, Attempt("run.a.1", "a", ("env",), demand=Demand(cpus=3)), environment=environment)
    seen = dict(line.split("=", 1) for line in log(tmp_path).splitlines())
    assert "OPENAI_API_KEY" not in seen
    assert seen["LC_ALL"] == "C"
    assert (seen["AGENTSCHED_ATTEMPT"], seen["AGENTSCHED_TASK"]) == ("run.a.1", "a")
    assert seen["OMP_NUM_THREADS"] == "3"


@pytest.mark.parametrize(
    ("command", "code", "reason"),
    [
        (("python train.py",), 127, "'python train.py': No such file or directory"),
        (("/etc/passwd",), 126, "'/etc/passwd': Permission denied"),
        (("sh", "-c", "kill -9 $$"), -9, "killed by SIGKILL; out of memory?"),
    ],
)
def test_a_command_that_cannot_run_says_why(
    tmp_path: Path, command: tuple[str, ...], code: int, reason: str
) -> None:
    result = run(tmp_path, Attempt("run.a.1", "a", command))
    assert (result.outcome, result.code, result.reason) == ("failed", code, reason)


def test_memory_is_limited_as_demanded(tmp_path: Path) -> None:
    grab = (sys.executable, "-c", "bytearray(400 << 20)")
    demand = Demand(memory=0.2)
    assert run(tmp_path, Attempt("run.a.1", "a", grab, demand=demand)).outcome == "failed"
    assert "MemoryError" in log(tmp_path, "stderr.log")
    assert run(tmp_path, Attempt("run.a.2", "a", grab)).outcome == "done"


def test_beyond_its_time_it_is_killed_with_all_it_started(tmp_path: Path) -> None:
    """It ignores the request to stop, and one of its children has left its session."""
    script = "trap '' TERM; setsid sleep 60 & echo $! > child; sleep 60 & sleep 60; sleep 60"
    result = run(tmp_path, shell(script, limit=0.4))
    assert (result.outcome, result.reason) == ("timeout", "longer than its limit of 0.4 s")
    assert gone(int((tmp_path / "child").read_text()))


def test_what_a_finished_command_left_running_is_ended(tmp_path: Path) -> None:
    assert run(tmp_path, shell("sleep 60 & echo $! > child")).outcome == "done"
    assert gone(int((tmp_path / "child").read_text()))


def test_a_gang_starts_and_ends_together(tmp_path: Path) -> None:
    # Member 1 fails once member 0 has said something.
    fail = "while test ! -s attempts/run.a.1/stdout.log; do sleep 0.02; done; exit 4"
    who = "echo $AGENTSCHED_MEMBER/$AGENTSCHED_MEMBERS"
    script = f"{who}; test $AGENTSCHED_MEMBER != 1 || {{ {fail}; }}"
    result = run(tmp_path, shell(f"{script}; sleep 60", members=3))
    assert (result.outcome, result.code) == ("failed", 4)
    assert log(tmp_path, "stdout.1.log") == "1/3\n"
    assert log(tmp_path, "stdout.log") == "0/3\n"


def test_each_member_sees_its_own_devices(tmp_path: Path) -> None:
    run(tmp_path, shell("echo $CUDA_VISIBLE_DEVICES", members=2, devices=((0, 2), (1,))))
    assert (log(tmp_path), log(tmp_path, "stdout.1.log")) == ("0,2\n", "1\n")


def test_it_is_stopped_on_request_and_says_so(tmp_path: Path) -> None:
    async def go() -> Ended:
        local = executor(tmp_path)
        await local.submit(shell("trap 'echo bye; exit 0' TERM; while :; do sleep 0.05; done"))
        while not (tmp_path / "attempts/run.a.1/stdout.log").exists():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        await local.cancel("run.a.1")
        return await ended(local, "run.a.1")

    assert asyncio.run(go()).outcome == "cancelled"
    assert log(tmp_path) == "bye\n"


def test_a_key_starts_once_however_often_it_is_submitted(tmp_path: Path) -> None:
    async def go() -> list[Status]:
        attempt = shell(COUNT)
        results = await asyncio.gather(
            *(executor(tmp_path).submit(attempt) for _ in range(5)), return_exceptions=True
        )
        assert all(not isinstance(r, BaseException) or isinstance(r, Refused) for r in results)
        await ended(executor(tmp_path), "run.a.1")
        return [await executor(tmp_path).submit(attempt) for _ in range(3)]

    assert all(isinstance(status, Ended) for status in asyncio.run(go()))
    assert (tmp_path / "runs").read_text() == "run.a.1\n"


def test_a_cancelled_key_never_starts(tmp_path: Path) -> None:
    async def go() -> tuple[Status, Status, Status]:
        local = executor(tmp_path)
        before = await local.recover("run.a.1")
        await local.cancel("run.a.1")
        return before, await local.submit(shell(COUNT)), await local.poll("run.a.1")

    before, submitted, polled = asyncio.run(go())
    assert isinstance(before, Absent)
    assert isinstance(submitted, Ended)
    assert submitted.outcome == "cancelled"
    assert submitted == polled
    assert not (tmp_path / "runs").exists()


def test_another_process_finds_what_was_started(tmp_path: Path) -> None:
    """The first executor is forgotten; a second one sees it run, and its end."""

    async def go() -> tuple[Status, Ended]:
        await executor(tmp_path).submit(shell("while test ! -e go; do sleep 0.02; done; exit 7"))
        other = executor(tmp_path)
        found = await other.recover("run.a.1")
        (tmp_path / "go").touch()
        return found, await ended(other, "run.a.1")

    found, result = asyncio.run(go())
    assert isinstance(found, Running)
    assert result.code == 7


SUICIDE = """
import os, signal, sys
sys.path.insert(0, {folder!r})
import supervisor
def step(name):
    if name == {name!r}:
        os.kill(os.getpid(), signal.SIGKILL)
supervisor.step = step
sys.exit(supervisor.main(sys.argv[1]))
"""


@pytest.mark.parametrize(
    ("step", "runs"),
    [
        ("reserve", 1),  # nothing was claimed: the key may be submitted again, and runs
        ("claim", 1),
        ("claimed", 0),  # claimed and never begun: lost, and not run again under this key
        ("running", 1),
        ("over", 1),
    ],
)
def test_a_supervisor_killed_at_any_step_runs_it_at_most_once(
    tmp_path: Path, step: str, runs: int
) -> None:
    script = SUICIDE.format(folder=str(SUPERVISOR.parent), name=step)
    # The command writes, then stays a little, so that its supervisor dies under it.
    attempt = shell(f"{COUNT}; exec sleep 0.3")

    async def go() -> Ended:
        doomed = executor(tmp_path, launch=(sys.executable, "-c", script))
        with contextlib.suppress(Refused):  # it says that it ended without a word
            await doomed.submit(attempt)
        await asyncio.sleep(0.1)
        status = await executor(tmp_path).submit(attempt)
        return status if isinstance(status, Ended) else await ended(executor(tmp_path), attempt.key)

    result = asyncio.run(go())
    counted = (tmp_path / "runs").read_text().split() if (tmp_path / "runs").exists() else []
    if step == "running":  # killed with its supervisor, before or after it wrote
        assert len(counted) <= runs
    else:
        assert len(counted) == runs
    lost = step in ("claimed", "running", "over")
    assert result.outcome == ("lost" if lost else "done")


def test_when_a_supervisor_is_killed_all_it_started_is_ended(tmp_path: Path) -> None:
    async def go() -> Ended:
        local = executor(tmp_path)
        await local.submit(shell("setsid sleep 60 & echo $! > child; echo $$ > main; sleep 60"))
        while not (tmp_path / "main").exists():
            await asyncio.sleep(0.01)
        claim = local.folder("run.a.1").claim()
        assert claim is not None
        os.kill(claim.pid, signal.SIGKILL)
        return await ended(local, "run.a.1")

    result = asyncio.run(go())
    assert (result.outcome, result.reason) == ("lost", "its supervisor was killed while it ran")
    assert gone(int((tmp_path / "main").read_text()))
    assert gone(int((tmp_path / "child").read_text()))


def test_after_a_restart_of_the_machine_it_is_lost_and_not_run_again(tmp_path: Path) -> None:
    async def go() -> Status:
        local = executor(tmp_path)
        folder = local.folder("run.a.1").path
        folder.mkdir(parents=True)
        (folder / "started.json").write_text(
            '{"pid": 1, "boot": "another", "at": 1700000000, "members": []}'
        )
        return await local.submit(shell(COUNT))

    status = asyncio.run(go())
    assert isinstance(status, Ended)
    assert (status.outcome, status.reason) == ("lost", "the machine was restarted while it ran")
    assert not (tmp_path / "runs").exists()


def test_folders_that_cannot_be_used_are_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "attempts").write_text("in the way")
    with pytest.raises(StorageError, match="cannot be made: File exists; name another"):
        executor(tmp_path)
    with pytest.raises(UserError, match="no working folder"):
        LocalExecutor(tmp_path / "a", tmp_path / "none", environment={})


def test_an_attempt_whose_folder_cannot_be_written_is_refused(tmp_path: Path) -> None:
    local = executor(tmp_path)
    (tmp_path / "attempts" / "run.a.1").mkdir()
    (tmp_path / "attempts" / "run.a.1" / "job.json").mkdir()
    with pytest.raises(Refused, match="nothing was started"):
        asyncio.run(local.submit(shell(COUNT)))


@pytest.mark.parametrize(
    "key", ["", "../up", "a/b", ".hidden", "UPPER", "x" * 181, "a b", "new\nline"]
)
def test_keys_are_safe_names(key: str) -> None:
    with pytest.raises(UserError, match="attempt key"):
        Attempt(key, "a", ("true",))


def test_a_command_must_be_there_and_hold_no_nul() -> None:
    with pytest.raises(UserError, match="task 'a' has no command"):
        Attempt("run.a.1", "a", ())
    with pytest.raises(UserError, match="NUL"):
        Attempt("run.a.1", "a", ("echo", "a\0b"))


def test_a_gang_and_its_followers_run_from_a_plan(tmp_path: Path) -> None:
    graph = graph_of(
        task("a", command=("sh", "-c", COUNT), gang=1),
        task("b", "a", command=("sh", "-c", f"{COUNT}; cat runs")),
        task("wait", "b", command=(), demand=Demand(cpus=0)),
    )
    places = {"a": ("m1", 0, 5), "b": ("m1", 5, 10), "wait": ("", 10, 10.2)}
    first = opened(graph, places, executor="local")  # type: ignore[arg-type]
    with Ledger(tmp_path / "ledger.jsonl") as ledger:
        rules = Rules(eager=True, poll_least=0.01, poll_most=0.05)
        execution = Execution.begin(ledger, first, executor(tmp_path), SystemClock(), rules)
        report = asyncio.run(run_plan(execution))
    assert report.completed
    assert log(tmp_path, key="run.b.1") == "run.a.1\nrun.b.1\n"


@pytest.mark.parametrize("detach", [False, True])
def test_ctrl_c_stops_what_runs_or_leaves_it_and_writes_that_down(
    tmp_path: Path, detach: bool
) -> None:
    script = f"""
import asyncio, os
from pathlib import Path
from execution_plans import graph_of, opened, task
from agentsched.execution import Execution, Ledger, LocalExecutor, Rules, SystemClock, run_plan
folder = Path({str(tmp_path)!r})
local = LocalExecutor(folder / "attempts", folder, environment=os.environ, grace=0.3)
graph = graph_of(task("a", command=("sh", "-c", "echo $$ > pid; sleep 30")))
first = opened(graph, {{"a": ("m1", 0, 60)}}, executor="local")
with Ledger(folder / "ledger.jsonl") as ledger:
    execution = Execution.begin(ledger, first, local, SystemClock(), Rules(eager=True))
    try:
        asyncio.run(run_plan(execution, detach={detach}))
    except KeyboardInterrupt:
        raise SystemExit(130)
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    process = subprocess.Popen([sys.executable, "-c", script], env=environment)
    end = time.monotonic() + 20
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < end
        time.sleep(0.02)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    pid = int((tmp_path / "pid").read_text())
    last = (tmp_path / "ledger.jsonl").read_text().splitlines()[-1]
    assert '"kind":"left"' in last
    assert f'"detached":{str(detach).lower()}' in last
    assert alive(pid) == detach
    if detach:
        asyncio.run(executor(tmp_path).cancel("run.a.1"))
        assert gone(pid)


@pytest.mark.parametrize("first", ["begins", "dies"])
def test_a_second_supervisor_waits_until_the_first_has_begun_or_is_gone(
    tmp_path: Path, first: str
) -> None:
    job = {"key": "run.a.1", "command": ["sh", "-c", "echo ran >> out"], "work": str(tmp_path),
           "environment": {}}  # fmt: skip
    (tmp_path / "job.json").write_text(json.dumps(job))
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = subprocess.Popen([sys.executable, "-I", "-S", str(SUPERVISOR), str(tmp_path)])
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(0.5)
        if first == "begins":
            (tmp_path / "started.json").write_text("{}")
            assert second.wait(10) == 3
    assert second.wait(10) == (3 if first == "begins" else 0)
    assert (tmp_path / "out").exists() is (first == "dies")
