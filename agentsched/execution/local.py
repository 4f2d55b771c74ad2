"""Attempts as processes of this machine, each under a supervisor that outlives us."""

from __future__ import annotations

import asyncio
import contextlib
import fnmatch
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from agentsched.errors import StorageError
from agentsched.execution.executor import (
    Absent,
    Attempt,
    Ended,
    ExecutorError,
    Queued,
    Refused,
    Status,
)
from agentsched.execution.folder import SUPERVISOR, AttemptFolder, prepare, rlimits_of
from agentsched.execution.ledger import Step, no_step

ALLOWED = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR",
    "VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "LD_LIBRARY_PATH", "CUDA_*", "XDG_*",
)  # fmt: skip
"""Variables a command inherits; keys and tokens are not among them."""
_LAUNCH = (sys.executable, "-I", "-S", str(SUPERVISOR))
_PATIENCE = 20.0
"""Seconds to wait for a supervisor's first word."""


class LocalExecutor:
    """Runs attempts here, whatever machine the plan names.

    Each has a folder under ``root`` with its logs and result. A supervisor in a session of its own
    starts the command, so neither Ctrl-C nor our death reaches it, and its end is not missed.
    """

    name = "local"
    holds = False

    def __init__(
        self,
        root: Path,
        work: Path,
        *,
        environment: Mapping[str, str],
        allowed: Sequence[str] = ALLOWED,
        grace: float = 10.0,
        launch: Sequence[str] = _LAUNCH,
        step: Step = no_step,
    ) -> None:
        """Say where.

        Args:
            root: Folder of the attempts' folders; made when it is missing.
            work: Working folder of every command.
            environment: Variables to choose from, usually ``os.environ``.
            allowed: Names (with ``*``) that commands inherit of them.
            grace: Seconds between asking a command to stop and killing it.
            launch: Starts a supervisor when the attempt's folder is appended.
            step: See ``ledger.Step``.

        Raises:
            UserError: There is no working folder.
            StorageError: ``root`` cannot be made.
        """
        prepare(root, work)
        self._step = step
        self._root = root.absolute()
        self._work = work.absolute()
        self._grace = grace
        self._launch = tuple(launch)
        self._environment = allowed_of(environment, allowed)
        self._launched: dict[str, int] = {}

    async def submit(self, attempt: Attempt) -> Status:
        """Launch a supervisor and wait until it has begun; see ``Executor.submit``."""
        folder = self.folder(attempt.key)
        status = self._status(attempt.key)
        if not isinstance(status, Absent):
            return status
        try:
            folder.write_job(
                attempt,
                work=self._work,
                command=attempt.command,
                members=attempt.members,
                grace=self._grace,
                rlimits=rlimits_of(attempt),
            )
            self._step("job written")
            self._launched[attempt.key] = self._spawn(folder)
            self._step("launched")
        except StorageError as error:
            raise Refused(str(error), transient=True) from error
        return await self._first_word(attempt.key)

    async def poll(self, key: str) -> Status:
        """Read the attempt's folder; see ``Executor.poll``."""
        return self._status(key)

    async def recover(self, key: str) -> Status:
        """Read the attempt's folder; see ``Executor.recover``."""
        return self._status(key)

    async def cancel(self, key: str) -> Status:
        """Tell the supervisor; see ``Executor.cancel``."""
        folder = self.folder(key)
        if folder.result() is None:
            try:
                folder.write_cancel()
            except StorageError as error:
                raise ExecutorError(str(error)) from error
            claim = folder.claim()
            # Only the supervisor holds the lock, so the process of that id is no other one.
            if claim is not None and folder.supervised():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(claim.pid, signal.SIGTERM)
        return self._status(key)

    def folder(self, key: str) -> AttemptFolder:
        """Return where an attempt's logs and result lie."""
        return AttemptFolder.of(self._root, key)

    def _status(self, key: str) -> Status:
        launched = self._reap(key)
        folder = self.folder(key)
        status = folder.status_here()
        if isinstance(status, Ended) and status.outcome == "lost":
            _end_leftovers(key)
        if status is not None:
            return status
        if launched:
            return Queued(str(self._launched[key]))
        if folder.cancelled:
            return Ended("cancelled", None, "before it started")
        return Absent()

    def _spawn(self, folder: AttemptFolder) -> int:
        try:
            log = os.open(
                folder.path / "supervisor.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644
            )
            try:
                actions = [
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, log, 1),
                    (os.POSIX_SPAWN_DUP2, log, 2),
                ]
                return os.posix_spawn(
                    self._launch[0],
                    [*self._launch, str(folder.path)],
                    self._environment,
                    file_actions=actions,
                    setsid=True,
                )
            finally:
                os.close(log)
        except OSError as error:
            raise StorageError(
                f"no supervisor for {str(folder.path)!r}: {error.strerror or error}"
            ) from error

    async def _first_word(self, key: str) -> Status:
        # How long a process takes to start is no matter of the plan's clock.
        end = time.monotonic() + _PATIENCE
        pause = 0.005
        while isinstance(status := self._status(key), Queued) and time.monotonic() < end:
            await asyncio.sleep(pause)
            pause = min(0.1, pause * 1.3)
        if isinstance(status, Absent):
            log = self.folder(key).path / "supervisor.log"
            raise Refused(f"the supervisor ended without a word; see {str(log)!r}", transient=True)
        return status

    def _reap(self, key: str) -> bool:
        """Collect supervisors of ours that have ended; say whether this key's one still lives."""
        for each, pid in list(self._launched.items()):
            try:
                ended, _ = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                ended = pid
            if ended:
                del self._launched[each]
        return key in self._launched


def allowed_of(environment: Mapping[str, str], allowed: Sequence[str]) -> dict[str, str]:
    """Return the variables whose names fit one of these patterns."""
    return {
        name: value
        for name, value in environment.items()
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in allowed)
    }


def _end_leftovers(key: str) -> None:
    """Kill what a killed supervisor left running; members die with it, what they started may not.

    They are known by a variable in their environment, since groups and ids may be anybody's by now.
    """
    mark = f"AGENTSCHED_ATTEMPT={key}\0".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (process / "environ").read_bytes() + b"\0":
                os.kill(int(process.name), signal.SIGKILL)
