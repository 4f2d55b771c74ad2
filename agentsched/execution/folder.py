"""The folder of one attempt: what a supervisor is told there, and what it leaves behind."""

from __future__ import annotations

import fcntl
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agentsched.errors import StorageError, UserError
from agentsched.execution.executor import Attempt, Ended, ExecutorError, Running
from agentsched.execution.supervisor import boot

SUPERVISOR = Path(__file__).with_name("supervisor.py")
_GIB = 1024**3


@dataclass(frozen=True, slots=True)
class AttemptFolder:
    """``ROOT/KEY``: job, claim, result and logs of one attempt."""

    path: Path

    @classmethod
    def of(cls, root: Path, key: str) -> AttemptFolder:
        """Return the folder of a key; keys are made so that they are safe names."""
        return cls(root / key)

    def write_job(
        self,
        attempt: Attempt,
        *,
        work: Path,
        command: tuple[str, ...],
        members: int,
        grace: float,
        rlimits: Mapping[str, int],
    ) -> None:
        """Tell the supervisor what to run; written anew for the same key it says the same.

        Raises:
            StorageError: The folder cannot be written.
        """
        job = {
            "key": attempt.key,
            "command": list(command),
            "members": members,
            "limit": attempt.limit,
            "grace": grace,
            "work": str(work),
            "environment": {**environment_of(attempt), **attempt.environment},
            "devices": [list(indices) for indices in attempt.devices],
            "rlimits": dict(rlimits),
        }
        self._put("job.json", job)

    def write_cancel(self) -> None:
        """Say that it must stop, or must not start.

        Raises:
            StorageError: The folder cannot be written.
        """
        self._put("cancel.json", {"cancel": True})

    @property
    def cancelled(self) -> bool:
        """Whether somebody said that it must not run."""
        return (self.path / "cancel.json").exists()

    def result(self) -> Ended | None:
        """Return how it ended, None when no result is there.

        Raises:
            ExecutorError: The result cannot be understood.
        """
        record = self._read("ended.json")
        if record is None:
            return None
        return Ended(
            record["outcome"],
            record["code"],
            record["reason"],
            _time(record["started"]),
            _time(record["ended"]),
        )

    def claim(self) -> Claim | None:
        """Return who runs or ran it, None when nobody has begun.

        Raises:
            ExecutorError: The claim cannot be understood.
        """
        record = self._read("started.json")
        if record is None:
            return None
        return Claim(record["pid"], record["boot"], _time(record["at"]), tuple(record["members"]))

    def supervised(self) -> bool:
        """Whether a supervisor on this machine holds the folder; ask only after a claim."""
        try:
            with (self.path / "lock").open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except FileNotFoundError:
            return False
        return False

    def status_here(self) -> Ended | Running | None:
        """Say how it stands if its supervisor runs, or ran, on this machine.

        None means that nobody has begun. A supervisor that is gone without a result was killed,
        or its machine was.
        """
        ended = self.result()
        claim = self.claim()
        if ended is not None or claim is None:
            return ended
        if claim.boot == boot() and self.supervised():
            return Running(claim.started, str(claim.pid))
        # It may have written its result and left between the two looks.
        ended = self.result()
        if ended is not None:
            return ended
        if claim.boot != boot():
            return Ended("lost", None, "the machine was restarted while it ran", claim.started)
        return Ended("lost", None, "its supervisor was killed while it ran", claim.started)

    def _read(self, name: str) -> Any:
        path = self.path / name
        try:
            return json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise ExecutorError(f"{str(path)!r} cannot be read: {error}") from error

    def _put(self, name: str, data: object) -> None:
        path = self.path / name
        temporary = path.with_name(f"{name}.{os.getpid()}.new")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with temporary.open("w", encoding="utf-8") as file:
                json.dump(data, file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            sync_folder(self.path)
            sync_folder(self.path.parent)
        except OSError as error:
            raise StorageError(
                f"{str(path)!r} cannot be written: {error.strerror or error}; nothing was started"
            ) from error


@dataclass(frozen=True, slots=True)
class Claim:
    """Proof that an attempt began."""

    pid: int
    """Of the supervisor."""
    boot: str
    """Of the machine it ran on."""
    started: datetime
    members: tuple[int, ...]
    """Process ids of the members."""


def environment_of(attempt: Attempt) -> dict[str, str]:
    """Return what a command may want to know of itself, and how many threads it asked for."""
    threads = str(max(1, math.floor(attempt.demand.cpus)))
    return {
        "AGENTSCHED_ATTEMPT": attempt.key,
        "AGENTSCHED_TASK": attempt.task,
        "AGENTSCHED_MEMBERS": str(attempt.members),
        "AGENTSCHED_MACHINES": ",".join(attempt.machines),
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
    }


def rlimits_of(attempt: Attempt) -> dict[str, int]:
    """Return limits of one process: memory as demanded, CPU seconds as cores times the limit.

    Memory is ``RLIMIT_DATA``, not the address space: runtimes reserve far more than they use.
    """
    limits = {"RLIMIT_CORE": 0}
    if attempt.demand.memory > 0:
        limits["RLIMIT_DATA"] = math.ceil(attempt.demand.memory * _GIB)
    if attempt.limit is not None:
        cores = max(1.0, attempt.demand.cpus)
        limits["RLIMIT_CPU"] = math.ceil(attempt.limit * cores) + 1
    return limits


def prepare(root: Path, work: Path) -> None:
    """Make the folder of all attempts, and see that the working folder is there.

    Raises:
        UserError: There is no working folder.
        StorageError: ``root`` cannot be made.
    """
    if not work.is_dir():
        raise UserError(f"no working folder {str(work)!r}; make it, or name another one")
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"{str(root)!r} cannot be made: {error.strerror or error}; name another folder"
        ) from error


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
