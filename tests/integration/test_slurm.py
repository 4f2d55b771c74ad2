"""Plans on a real Slurm of one node, from Debian's packages, started by these tests."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from execution_child import COUNT
from execution_plans import Placed, graph_of, machines, opened, starts, task

from agentsched.execution import Execution, Ledger, Report, Rules, SystemClock
from agentsched.execution.executor import (
    Absent,
    Attempt,
    Ended,
    ExecutorError,
    Queued,
    Refused,
    Running,
    Status,
)
from agentsched.execution.records import Record
from agentsched.execution.runner import run_plan
from agentsched.execution.slurm import SlurmExecutor, SlurmOptions
from agentsched.execution.slurm_commands import SlurmCommands
from agentsched.planning.graph import Demand, TaskGraph

pytestmark = pytest.mark.live

PROGRAMS = ("sbatch", "squeue", "scancel", "srun", "slurmctld", "slurmd", "munged")
CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld}
SlurmdPort={d}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
KillWait=30
SchedulerParameters=sched_interval=1,batch_sched_delay=0
SlurmdParameters=config_overrides
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=2000 State=UNKNOWN
PartitionName=main Nodes=n1 Default=YES MaxTime=INFINITE State=UP
"""


def ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    found = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return found


def install() -> None:
    if all(shutil.which(program) for program in PROGRAMS):
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        pytest.skip("needs Slurm: as root, apt-get install slurm-wlm munge")
    packages = ("slurm-wlm", "munge")
    done = subprocess.run(
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"apt-get install {' '.join(packages)} failed: {done.stderr[-200:]}")


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """A controller, a node and their authentication; yields the environment to reach them."""
    if os.geteuid() != 0:
        pytest.skip("Slurm's daemons are started as root")
    install()
    folder = tmp_path_factory.mktemp("slurm")
    for parent in (folder, *folder.parents):  # munged insists that others may pass
        if parent.is_relative_to(tmp_path_factory.getbasetemp().parent):
            parent.chmod(0o755)
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    ctld, d = ports(2)
    host = socket.gethostname().split(".")[0]
    (folder / "slurm.conf").write_text(CONF.format(host=host, folder=folder, ctld=ctld, d=d))
    environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
    daemons = [
        ["munged", "--foreground", "--force", f"--key-file={key}",
         f"--socket={folder}/munge.sock", f"--pid-file={folder}/munge.pid",
         f"--log-file={folder}/munge.log", f"--seed-file={folder}/munge.seed"],
        ["slurmctld", "-D", "-c"],
        ["slurmd", "-D", "-N", "n1"],
    ]  # fmt: skip
    running: list[subprocess.Popen[bytes]] = []
    try:
        for daemon in daemons:
            log = (folder / f"{daemon[0]}.out").open("wb")
            running.append(
                subprocess.Popen(daemon, env=environment, stdout=log, stderr=subprocess.STDOUT)
            )
            log.close()
            time.sleep(0.5)
        wait_until_idle(environment, folder)
        yield environment
    finally:
        for process in reversed(running):
            process.terminate()
            process.wait(20)


def wait_until_idle(environment: Mapping[str, str], folder: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        said = subprocess.run(
            ["sinfo", "-h", "-o", "%T"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if said.stdout.strip() == "idle":
            return
        time.sleep(0.3)
    logs = "\n".join(p.read_text(errors="replace")[-1500:] for p in folder.glob("slurm*.log"))
    pytest.skip(f"Slurm does not come up here: {said.stdout} {said.stderr} {logs}")


def executor(folder: Path, slurm: Mapping[str, str], **more: Any) -> SlurmExecutor:
    options = {"python": sys.executable, "grace": 2.0, **more.pop("options", {})}
    return SlurmExecutor(
        folder / "attempts",
        folder,
        environment=slurm,
        options=SlurmOptions(**options),
        **{"fresh": 0.1, "settle": 3.0, **more},
    )


def shell(script: str, key: str = "run.a.1", **more: Any) -> Attempt:
    return Attempt(key, "a", ("sh", "-c", script), machines=("n1",), **more)


async def until(slurm: SlurmExecutor, key: str, kind: type[Status], within: float = 60.0) -> Any:
    end = time.monotonic() + within
    while not isinstance(status := await slurm.poll(key), kind):
        assert time.monotonic() < end, status
        assert not isinstance(status, Ended), status
        await asyncio.sleep(0.1)
    return status


def carry_out(
    folder: Path,
    slurm: Mapping[str, str],
    graph: TaskGraph,
    places: Mapping[str, Placed],
    **options: Any,
) -> tuple[Report, list[Record]]:
    first = opened(graph, places, machines("n1", cpus=4), executor="slurm")
    rules = Rules(eager=True, poll_least=0.1, poll_most=0.3, backoff=0.1)
    with Ledger(folder / "ledger.jsonl") as ledger:
        local = executor(folder, slurm, options=options)
        execution = Execution.begin(ledger, first, local, SystemClock(), rules)
        return asyncio.run(run_plan(execution)), list(ledger.records)


def test_logs_exit_code_and_environment(tmp_path: Path, slurm: Mapping[str, str]) -> None:
    async def go() -> Ended:
        it = executor(tmp_path, {**slurm, "OPENAI_API_KEY": "secret"})
        await it.submit(shell('echo "$AGENTSCHED_TASK $OPENAI_API_KEY"; exit 3'))
        return await until(it, "run.a.1", Ended)  # type: ignore[no-any-return]

    result = asyncio.run(go())
    assert (result.outcome, result.code) == ("failed", 3)
    assert (tmp_path / "attempts/run.a.1/stdout.log").read_text() == "a \n"


@pytest.mark.parametrize("ahead", [True, False])
def test_a_plan_runs_in_order_handed_over_at_once_or_when_ready(
    tmp_path: Path, slurm: Mapping[str, str], ahead: bool
) -> None:
    graph = graph_of(
        task("a", command=("sh", "-c", f"sleep 0.3; {COUNT}")),
        task("b", "a", command=("sh", "-c", COUNT)),
        task("c", "a", "b", command=("sh", "-c", COUNT)),
    )
    places: dict[str, Placed] = {"a": ("n1", 0, 9), "b": ("n1", 9, 19), "c": ("n1", 19, 29)}
    report, records = carry_out(tmp_path, slurm, graph, places, ahead=ahead)
    assert report.completed, report
    assert (tmp_path / "runs").read_text().split() == ["run.a.1", "run.b.1", "run.c.1"]
    first_over = next(i for i, record in enumerate(records) if record.kind == "over")
    begun_before = [record.kind for record in records[:first_over]].count("intent")
    assert begun_before == (3 if ahead else 1)


def test_who_waits_for_a_failed_task_is_skipped_and_follows_its_second_try(
    tmp_path: Path, slurm: Mapping[str, str]
) -> None:
    flaky = f"{COUNT}; test -e seen || {{ touch seen; exit 1; }}"
    graph = graph_of(
        task("a", command=("sh", "-c", flaky), retries=1),
        task("b", "a", command=("sh", "-c", COUNT)),
    )
    report, records = carry_out(tmp_path, slurm, graph, {"a": ("n1", 0, 9), "b": ("n1", 9, 19)})
    assert report.completed, report
    assert (tmp_path / "runs").read_text().split() == ["run.a.1", "run.a.2", "run.b.2"]
    skipped = [r.key for r in records if r.kind == "over" and r.outcome == "skipped"]
    assert skipped == ["run.b.1"]
    assert len(starts(records)) == 4


def test_it_is_cancelled_waiting_or_running(tmp_path: Path, slurm: Mapping[str, str]) -> None:
    async def go() -> tuple[Ended, Status, Status]:
        it = executor(tmp_path, slurm)
        await it.submit(shell("sleep 60 & echo $! > child; sleep 60"))
        await it.submit(shell(COUNT, key="run.b.1", after=("run.a.1",)))
        await until(it, "run.a.1", Running)
        while not (tmp_path / "child").exists():
            await asyncio.sleep(0.05)
        waiting = await it.cancel("run.b.1")
        await it.cancel("run.a.1")
        running: Ended = await until(it, "run.a.1", Ended)
        return running, waiting, await it.submit(shell(COUNT, key="run.b.1"))

    running, waiting, again = asyncio.run(go())
    assert running.outcome == "cancelled"
    assert not isinstance(waiting, Running)
    assert not isinstance(again, Running)
    child = (tmp_path / "child").read_text().strip()
    end = time.monotonic() + 10
    while Path(f"/proc/{child}").exists() and time.monotonic() < end:
        time.sleep(0.1)
    assert not Path(f"/proc/{child}").exists()
    assert not (tmp_path / "runs").exists()


def test_another_process_finds_a_job_by_its_key(tmp_path: Path, slurm: Mapping[str, str]) -> None:
    async def go() -> tuple[Status, Status, Ended, Status]:
        attempt = shell(f"{COUNT}; while test ! -e go; do sleep 0.1; done; exit 7")
        before = await executor(tmp_path, slurm).recover("run.a.1")
        await executor(tmp_path, slurm).submit(attempt)
        other = executor(tmp_path, slurm)
        found = await other.submit(attempt)
        (tmp_path / "go").touch()
        result: Ended = await until(other, "run.a.1", Ended)
        return before, found, result, await executor(tmp_path, slurm).submit(attempt)

    before, found, result, after = asyncio.run(go())
    assert isinstance(before, Absent)
    assert isinstance(found, Queued | Running)
    assert result.code == 7
    assert result == after
    assert (tmp_path / "runs").read_text() == "run.a.1\n"


def test_two_jobs_for_one_key_run_it_once(tmp_path: Path, slurm: Mapping[str, str]) -> None:
    """As after an answer that was lost: the same script is submitted a second time."""

    async def go() -> Ended:
        it = executor(tmp_path, slurm)
        attempt = shell(f"{COUNT}; sleep 1")
        taken = await it.submit(attempt)
        assert isinstance(taken, Queued)
        first = taken.handle
        folder = it.folder("run.a.1").path
        script = (
            f"#!/bin/sh\nexec {sys.executable} -I -S {tmp_path}/attempts/supervisor.py {folder}\n"
        )
        second = await SlurmCommands(slurm).sbatch(["--output=/dev/null"], script)
        result: Ended = await until(it, "run.a.1", Ended)
        while True:
            jobs = {job.id: job for job in await SlurmCommands(slurm).jobs()}
            if all(jobs[id].phase == "ended" for id in (first, second)):
                break
            await asyncio.sleep(0.1)
        # One did nothing, and does not look like the success that a follower waits for.
        assert sorted(jobs[id].code for id in (first, second)) == [0, 3]
        return result

    assert asyncio.run(go()).outcome == "done"
    assert (tmp_path / "runs").read_text() == "run.a.1\n"


def test_a_gang_runs_its_members_by_srun(tmp_path: Path, slurm: Mapping[str, str]) -> None:
    async def go() -> Ended:
        it = executor(tmp_path, slurm)
        attempt = Attempt(
            "run.g.1",
            "g",
            ("sh", "-c", "echo member $AGENTSCHED_MEMBER"),
            machines=("n1", "n1"),
            members=2,
            demand=Demand(cpus=2, memory=0.5),
        )
        await it.submit(attempt)
        return await until(it, "run.g.1", Ended)  # type: ignore[no-any-return]

    assert asyncio.run(go()).outcome == "done", (
        tmp_path / "attempts/run.g.1/stderr.log"
    ).read_text()
    out = (tmp_path / "attempts/run.g.1/stdout.log").read_text()
    assert sorted(out.splitlines()) == ["member 0", "member 1"]


def test_its_time_is_exact_to_the_second(tmp_path: Path, slurm: Mapping[str, str]) -> None:
    async def go() -> Ended:
        it = executor(tmp_path, slurm)
        await it.submit(shell("sleep 60", limit=1.0))
        return await until(it, "run.a.1", Ended)  # type: ignore[no-any-return]

    assert asyncio.run(go()).outcome == "timeout"


@pytest.mark.parametrize(
    ("attempt", "options", "said"),
    [
        (shell("true"), {"partition": "none"}, "invalid partition"),
        (Attempt("run.a.1", "a", ("true",), machines=("n9",)), {}, "Invalid node name"),
        (shell("true", demand=Demand(memory=99)), {}, "Memory specification"),
        (shell("true", demand=Demand(devices=1)), {}, "gres"),
    ],
)
def test_what_slurm_refuses_is_refused_with_its_words(
    tmp_path: Path, slurm: Mapping[str, str], attempt: Attempt, options: dict[str, Any], said: str
) -> None:
    async def go() -> None:
        await executor(tmp_path, slurm, options=options).submit(attempt)

    with pytest.raises(Refused, match=said) as caught:
        asyncio.run(go())
    assert not caught.value.transient


def test_a_node_without_python_says_so(tmp_path: Path, slurm: Mapping[str, str]) -> None:
    async def go() -> Ended:
        it = executor(tmp_path, slurm, options={"python": "no-such-python"}, settle=0.5)
        await it.submit(shell("true"))
        return await until(it, "run.a.1", Ended)  # type: ignore[no-any-return]

    result = asyncio.run(go())
    assert (result.outcome, result.code) == ("failed", 127)
    assert "before it began; see " in result.reason
    assert "no-such-python" in (tmp_path / "attempts/run.a.1/slurm.log").read_text()


def test_a_controller_that_is_not_there_is_not_heard(
    tmp_path: Path, slurm: Mapping[str, str]
) -> None:
    conf = tmp_path / "slurm.conf"
    text = Path(slurm["SLURM_CONF"]).read_text()
    (port,) = ports(1)
    lines = [f"SlurmctldPort={port}" if "SlurmctldPort" in s else s for s in text.splitlines()]
    conf.write_text("\n".join([*lines, "MessageTimeout=5"]))
    commands = SlurmCommands({**slurm, "SLURM_CONF": str(conf)}, timeout=2.0, tries=2)
    with pytest.raises(ExecutorError, match="squeue"):
        asyncio.run(executor(tmp_path, slurm, commands=commands).recover("run.a.1"))


def test_the_planned_start_is_slurms_to_keep(tmp_path: Path, slurm: Mapping[str, str]) -> None:
    from datetime import UTC, datetime, timedelta

    async def go() -> tuple[Status, datetime, Ended]:
        it = executor(tmp_path, slurm)
        begin = datetime.now(UTC) + timedelta(seconds=4)
        await it.submit(shell("true", begin=begin))
        await asyncio.sleep(1)
        early = await it.poll("run.a.1")
        return early, begin, await until(it, "run.a.1", Ended)

    early, begin, result = asyncio.run(go())
    assert isinstance(early, Queued)
    assert result.started is not None
    assert result.started >= begin - timedelta(seconds=1)
