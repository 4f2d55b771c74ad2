"""Slurm's commands: each with a time limit, bounded retries, and errors sorted by what is known."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agentsched.execution.executor import ExecutorError, Refused, Unreachable

State = Literal["waiting", "running", "ended"]

_RUNNING = frozenset({"RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT"})
_WAITING = frozenset(
    {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT",
     "RESIZING", "RESV_DEL_HOLD"}
)  # fmt: skip
_UNREACHABLE = (
    "unable to contact", "timed out", "connection refused", "zero bytes", "communication",
    "authentication", "munge", "temporarily unavailable",
)  # fmt: skip
"""In a command's complaint: the controller was not heard, so nothing is known."""
_LATER = ("limit", "temporarily", "try again", "not available at this time", "in maintenance")
"""In a command's complaint: it was heard, and may say yes later."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as the controller knows it."""

    id: str
    comment: str
    state: str
    """Slurm's word: ``PENDING``, ``NODE_FAIL``, …"""
    reason: str
    code: int
    """Exit code; negative for a signal."""

    @property
    def phase(self) -> State:
        """Whether it waits, runs or has ended."""
        if self.state in _RUNNING:
            return "running"
        return "waiting" if self.state in _WAITING else "ended"


class SlurmCommands:
    """Calls ``sbatch``, ``squeue`` and ``scancel``."""

    def __init__(
        self, environment: Mapping[str, str], *, timeout: float = 20.0, tries: int = 3
    ) -> None:
        self._environment = dict(environment)
        self._timeout = timeout
        self._tries = tries

    async def jobs(self) -> tuple[Job, ...]:
        """Return this user's jobs that the controller still knows, ended ones among them.

        Raises:
            Unreachable: The controller was not heard.
            ExecutorError: It was not understood.
        """
        text = await self._call("squeue", "--me", "--states=all", "--json")
        try:
            return tuple(_job(row) for row in json.loads(text)["jobs"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ExecutorError(
                f"squeue --json: not understood ({type(error).__name__}: {error})"
            ) from error

    async def sbatch(self, options: Sequence[str], script: str) -> str:
        """Submit a script and return the job's id; never repeated here, it may have been heard.

        Raises:
            Refused: Slurm said no.
            Unreachable: The controller was not heard.
            ExecutorError: Its answer was not understood.
        """
        try:
            text = await self._call("sbatch", "--parsable", *options, script=script, tries=1)
        except _Complaint as error:
            transient = any(word in str(error).lower() for word in _LATER)
            raise Refused(str(error), transient=transient) from None
        id = text.strip().partition(";")[0]
        if not id.isdecimal():
            raise ExecutorError(f"sbatch: no job id in {text[:200]!r}")
        return id

    async def scancel(self, id: str) -> None:
        """End a job; one that has ended is no error.

        Raises:
            Unreachable: The controller was not heard.
            ExecutorError: It said no.
        """
        await self._call("scancel", "--quiet", id)

    async def _call(
        self, program: str, *arguments: str, script: str = "", tries: int | None = None
    ) -> str:
        """Run a command until it answers; a complaint of another kind is not repeated."""
        left = self._tries if tries is None else tries
        while True:
            try:
                return await self._once(program, arguments, script)
            except _Unheard as error:
                left -= 1
                if left <= 0:
                    raise Unreachable(str(error)) from None
                await asyncio.sleep(0.5)

    async def _once(self, program: str, arguments: Sequence[str], script: str) -> str:
        try:
            process = await asyncio.create_subprocess_exec(
                program,
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=self._environment,
            )
        except OSError as error:
            raise Unreachable(
                f"{program}: {error.strerror or error}; install Slurm's client commands, or "
                "choose another executor"
            ) from error
        try:
            async with asyncio.timeout(self._timeout):
                out, err = await process.communicate(script.encode())
        except TimeoutError:
            raise _Unheard(f"{program}: no answer in {self._timeout:g} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode == 0:
            return out.decode("utf-8", "replace")
        said = " ".join(err.decode("utf-8", "replace").split())[-600:]
        if any(word in said.lower() for word in _UNREACHABLE):
            raise _Unheard(f"{program}: {said}")
        raise _Complaint(f"{program}: {said or f'exit code {process.returncode}'}")


class _Unheard(Exception):
    """The controller was not heard."""


class _Complaint(ExecutorError):
    """The controller, or the command itself, said no."""


def _job(row: Mapping[str, Any]) -> Job:
    """Read one job; later versions of Slurm wrap states in lists and numbers in objects."""
    state = row["job_state"]
    return Job(
        id=str(row["job_id"]),
        comment=row.get("comment") or "",
        state=str(state[0] if isinstance(state, list) else state),
        reason=str(row.get("state_reason") or ""),
        code=_exit_code(row.get("exit_code")),
    )


def _exit_code(value: Any) -> int:
    if isinstance(value, Mapping):
        signal = _number((value.get("signal") or {}).get("id"))
        return -signal if signal else _number(value.get("return_code"))
    status = _number(value)
    return -(status & 127) if status & 127 else status >> 8


def _number(value: Any) -> int:
    if isinstance(value, Mapping):
        value = value.get("number")
    return int(value or 0)
