"""Attempts as Slurm jobs, each under the same supervisor as local ones.

The supervisor's claim in a folder that all nodes share makes an attempt run at most once, even if
two jobs were submitted for it or Slurm starts one again; its result outlives Slurm's memory.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import shlex
import shutil
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from agentsched.errors import StorageError
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
from agentsched.execution.folder import SUPERVISOR, AttemptFolder, Claim, prepare
from agentsched.execution.local import ALLOWED, allowed_of
from agentsched.execution.slurm_commands import Job, SlurmCommands


@dataclass(frozen=True, slots=True)
class SlurmOptions:
    """How jobs are asked for."""

    partition: str = ""
    """Empty takes Slurm's default."""
    account: str = ""
    gres: str = "gpu"
    """Name of accelerators in Slurm, ``gpu`` or ``gpu:a100``."""
    pin: bool = True
    """Ask for the planned machines by name; otherwise Slurm chooses."""
    ahead: bool = True
    """Hand over what waits as well, with ``afterok`` and ``--begin``; else only what is ready."""
    python: str = "python3"
    """On the nodes, 3.9 or later."""
    grace: float = 10.0
    """Seconds between asking a command to stop and killing it; below Slurm's ``KillWait``."""
    extra: tuple[str, ...] = ()
    """Further options of ``sbatch``."""


class SlurmExecutor:
    """Submits attempts by ``sbatch`` and follows them by ``squeue`` and their own results."""

    name = "slurm"

    def __init__(
        self,
        root: Path,
        work: Path,
        *,
        environment: Mapping[str, str],
        options: SlurmOptions | None = None,
        allowed: Sequence[str] = ALLOWED,
        commands: SlurmCommands | None = None,
        fresh: float = 1.0,
        settle: float = 15.0,
    ) -> None:
        """Say where.

        Args:
            root: Folder of the attempts' folders, at the same path on all nodes.
            work: Working folder of every command, likewise.
            environment: Variables to choose from, usually ``os.environ``.
            options: How jobs are asked for.
            allowed: Names (with ``*``) that commands inherit; ``SLURM_*`` comes from Slurm.
            commands: Calls Slurm; made from the environment when left out.
            fresh: Seconds for which an answer of ``squeue`` serves everybody.
            settle: Seconds a job may be over before its result must be seen in the folder.

        Raises:
            UserError: There is no working folder.
            StorageError: ``root`` cannot be made.
        """
        prepare(root, work)
        self._root, self._work = root.absolute(), work.absolute()
        self._options = options or SlurmOptions()
        self._variables = allowed_of(environment, allowed)
        self._commands = commands or SlurmCommands(environment)
        self._fresh, self._settle = fresh, settle
        self._mark = hashlib.sha256(str(self._root).encode()).hexdigest()[:12]
        self._seen: tuple[float, Mapping[str, Job]] | None = None
        self._asking = asyncio.Lock()
        self._missed: dict[str, float] = {}
        """When a job was first seen to be over, or gone, without a result."""

    @property
    def holds(self) -> bool:
        """Whether waiting attempts are handed over as well."""
        return self._options.ahead

    async def submit(self, attempt: Attempt) -> Status:
        """Submit a job, unless there is one; see ``Executor.submit``."""
        status = await self.recover(attempt.key)
        if not isinstance(status, Absent):
            return status
        waits_for: list[str] = []
        for key in attempt.after:
            before = await self.poll(key)
            match before:
                case Ended(outcome="done"):
                    continue
                case Queued(handle=id) | Running(handle=id) if id:
                    waits_for.append(id)
                case Ended() | Absent():
                    return Ended("skipped", None, f"{key} did not end well")
                case _:
                    raise ExecutorError(f"no job of {key}, which {attempt.key} waits for")
        folder = self.folder(attempt.key)
        try:
            self._write(folder, attempt)
        except (StorageError, OSError) as error:
            raise Refused(str(error), transient=True) from error
        script = f"#!/bin/sh\nexec {shlex.join(self._supervise(folder))}\n"
        id = await self._commands.sbatch(self._sbatch_options(attempt, folder, waits_for), script)
        self._seen = None
        return Queued(id)

    async def poll(self, key: str) -> Status:
        """Look at result and queue; see ``Executor.poll``."""
        return await self._status(key)

    async def recover(self, key: str) -> Status:
        """Look at result and queue, asking anew; see ``Executor.recover``."""
        self._seen = None
        return await self._status(key)

    async def cancel(self, key: str) -> Status:
        """Forbid the start and end the job; see ``Executor.cancel``."""
        folder = self.folder(key)
        if folder.result() is None:
            try:
                folder.write_cancel()
            except StorageError as error:
                raise ExecutorError(str(error)) from error
            job = (await self._jobs()).get(key)
            if job is not None and job.phase != "ended":
                await self._commands.scancel(job.id)
                self._seen = None
        return await self._status(key)

    def folder(self, key: str) -> AttemptFolder:
        """Return where an attempt's logs and result lie."""
        return AttemptFolder.of(self._root, key)

    async def _status(self, key: str) -> Status:
        folder = self.folder(key)
        ended = folder.result()
        if ended is not None:
            return ended
        job = (await self._jobs()).get(key)
        claim = folder.claim()
        if job is not None and job.phase != "ended":
            self._missed.pop(key, None)
            if job.phase == "running" and claim is not None:
                return Running(claim.started, job.id)
            return Queued(job.id, job.reason)
        if job is None and claim is None:
            if folder.cancelled:
                return Ended("cancelled", None, "before it started")
            # Slurm has forgotten it, or never heard of it; without a claim it did not run.
            return Absent()
        if job is not None and claim is None and job.reason == "DependencyNeverSatisfied":
            return Ended("skipped", None, f"job {job.id}: what it waited for did not end well")
        if not self._waited(key):
            return Queued(job.id if job else "", "its result is not there yet")
        # The result may have come between the two looks.
        return folder.result() or _verdict(job, folder, claim)

    def _waited(self, key: str) -> bool:
        """Whether a result is missing for so long that shared folders cannot be the reason."""
        now = time.monotonic()
        return now - self._missed.setdefault(key, now) >= self._settle

    async def _jobs(self) -> Mapping[str, Job]:
        """Return jobs by key, asked for at most once in ``fresh`` seconds."""
        async with self._asking:
            now = time.monotonic()
            if self._seen is None or now - self._seen[0] > self._fresh:
                start = f"agentsched:{self._mark}:"
                found: dict[str, Job] = {}
                for job in await self._commands.jobs():
                    if job.comment.startswith(start):
                        key = job.comment.removeprefix(start)
                        # Of two jobs of one key, which only lost answers can bring, the live one.
                        if key not in found or found[key].phase == "ended":
                            found[key] = job
                self._seen = (time.monotonic(), found)
            return self._seen[1]

    def _write(self, folder: AttemptFolder, attempt: Attempt) -> None:
        supervisor = self._root / SUPERVISOR.name
        if not supervisor.exists() or supervisor.read_bytes() != SUPERVISOR.read_bytes():
            temporary = supervisor.with_suffix(".new")
            shutil.copyfile(SUPERVISOR, temporary)
            temporary.replace(supervisor)
        folder.write_job(
            replace(attempt, devices=()),  # Slurm says itself which ones
            work=self._work,
            command=_gang(attempt),
            members=1,
            grace=self._options.grace,
            rlimits={"RLIMIT_CORE": 0},
        )

    def _supervise(self, folder: AttemptFolder) -> tuple[str, ...]:
        supervisor = self._root / SUPERVISOR.name
        return (self._options.python, "-I", "-S", str(supervisor), str(folder.path))

    def _sbatch_options(
        self, attempt: Attempt, folder: AttemptFolder, waits_for: Sequence[str]
    ) -> list[str]:
        given = self._options
        made = [
            f"--job-name={attempt.key}",
            f"--comment=agentsched:{self._mark}:{attempt.key}",
            f"--output={_literal(folder.path / 'slurm.log')}",
            f"--chdir={self._work}",
            f"--export={','.join(sorted(self._variables)) or 'NONE'}",
            "--open-mode=append",
            "--no-requeue",
            "--kill-on-invalid-dep=yes",
            *_resources(attempt, given),
        ]
        if given.partition:
            made.append(f"--partition={given.partition}")
        if given.account:
            made.append(f"--account={given.account}")
        if waits_for:
            made.append(f"--dependency=afterok:{':'.join(waits_for)}")
        if attempt.begin is not None:
            made.append(f"--begin=uts{math.ceil(attempt.begin.timestamp())}")
        if attempt.limit is not None:
            # Slurm counts in minutes; the supervisor is exact and comes first.
            made.append(f"--time={math.ceil((attempt.limit + given.grace) / 60) + 1}")
        return [*made, *given.extra]


def _resources(attempt: Attempt, given: SlurmOptions) -> list[str]:
    """Options for what the members need; per node for the node that holds most of them."""
    demand = attempt.demand
    on_node = Counter(attempt.machines)
    most = max(on_node.values(), default=attempt.members) if given.pin else attempt.members
    made = [f"--ntasks={attempt.members}", f"--cpus-per-task={max(1, math.ceil(demand.cpus))}"]
    if given.pin and on_node:
        made += [f"--nodes={len(on_node)}", f"--nodelist={','.join(sorted(on_node))}"]
        if len(set(on_node.values())) == 1:
            made.append(f"--ntasks-per-node={most}")
    if demand.memory > 0:
        made.append(f"--mem={math.ceil(demand.memory * 1024 * most)}M")
    if demand.devices:
        made.append(f"--gres={given.gres}:{demand.devices * most}")
    return made


def _gang(attempt: Attempt) -> tuple[str, ...]:
    """Let ``srun`` start the members where Slurm put them; a member alone needs no help."""
    if attempt.members == 1:
        return attempt.command
    member = 'AGENTSCHED_MEMBER=$SLURM_PROCID exec "$@"'
    return (
        "srun", "--kill-on-bad-exit=1", f"--ntasks={attempt.members}", "sh", "-c", member, "sh",
        *attempt.command,
    )  # fmt: skip


def _literal(path: Path) -> str:
    """Keep Slurm from reading ``%j`` and the like in a path."""
    return str(path).replace("%", "%%")


def _verdict(job: Job | None, folder: AttemptFolder, claim: Claim | None) -> Ended:
    """Say how a job ended that left no result."""
    started = None if claim is None else claim.started
    if job is None:
        return Ended("lost", None, "Slurm has forgotten its job, and it left no result", started)
    said = f"job {job.id} {job.state}"
    if job.reason not in ("", "None"):
        said = f"{said} ({job.reason})"
    match job.state:
        case "NODE_FAIL" | "BOOT_FAIL":
            return Ended("lost", None, said, started, machine_gone=True)
        case "TIMEOUT" | "DEADLINE":
            return Ended("timeout", None, said, started)
        case "CANCELLED" | "REVOKED":
            return Ended("cancelled", None, said, started)
        case "OUT_OF_MEMORY":
            return Ended("failed", job.code or 137, said, started)
        case _ if claim is not None:
            return Ended("lost", None, f"{said}, and it left no result", started)
        case _:
            log = str(folder.path / "slurm.log")
            return Ended("failed", job.code or None, f"{said} before it began; see {log!r}")
