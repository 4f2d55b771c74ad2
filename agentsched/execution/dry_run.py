"""A rehearsal: nothing runs, time is virtual, and what would be done is told.

Acts make it a rehearsal of trouble as well: a task that fails, dawdles, loses its machine, or an
executor that does not answer.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from agentsched.execution.clock import Clock, SteadyTime
from agentsched.execution.executor import (
    Absent,
    Attempt,
    Ended,
    Refused,
    Running,
    Status,
)


@dataclass(frozen=True, slots=True)
class Act:
    """What one attempt of a task shall do instead of going well."""

    seconds: float | None = None
    """How long it takes; None is as planned."""
    code: int = 0
    machine_gone: bool = False
    """Its machine is lost at the end of its time."""
    refused: bool = False
    """The executor does not take it, this once."""
    hangs: int = 0
    """So many calls for it are never answered."""


class DryRun:
    """Holds attempts for as long as they are planned to take, and writes down what it was told.

    It lives in memory alone: a process that goes on from a ledger finds nothing here, and starts
    what was running anew under the same key.
    """

    name = "dry-run"
    holds = False

    def __init__(self, clock: Clock, acts: Mapping[str, Sequence[Act]] | None = None) -> None:
        """Rehearse.

        Args:
            clock: Usually a ``VirtualClock`` at the plan's beginning.
            acts: By task, one for each of its attempts; further attempts go well.
        """
        self.told: list[str] = []
        """Lines such as ``2026-11-26 10:00:00 start train on gpu1: python train.py``."""
        self._clock = clock
        self._time = SteadyTime(clock)
        self._acts = {task: list(acts) for task, acts in (acts or {}).items()}
        self._open: dict[str, _Open] = {}
        self._over: dict[str, Ended] = {}
        self._hanging: dict[str, int] = {}

    async def submit(self, attempt: Attempt) -> Status:
        """Begin to hold it; see ``Executor.submit``."""
        status = await self.poll(attempt.key)
        if not isinstance(status, Absent):
            return status
        acts = self._acts.get(attempt.task, [])
        act = acts.pop(0) if acts else Act()
        if act.refused:
            raise Refused(f"task {attempt.task!r} is refused, as rehearsed", transient=True)
        now = self._clock.now()
        seconds = attempt.seconds if act.seconds is None else act.seconds
        if attempt.limit is not None and seconds > attempt.limit:
            ended = Ended("timeout", -9, f"longer than its limit of {attempt.limit:g} s")
            seconds = attempt.limit
        elif act.machine_gone:
            ended = Ended("lost", None, "its machine is gone", machine_gone=True)
        else:
            ended = Ended("failed" if act.code else "done", act.code)
        self._open[attempt.key] = _Open(attempt, now, seconds, ended)
        self._hanging[attempt.key] = act.hangs
        places = ", ".join(dict.fromkeys(attempt.machines)) or "no machine"
        self._tell(now, f"start {attempt.task} on {places}: {shlex.join(attempt.command)}")
        return Running(now, attempt.key)

    async def poll(self, key: str) -> Status:
        """See whether its time is over; see ``Executor.poll``."""
        if self._hanging.get(key, 0) > 0:
            self._hanging[key] -= 1
            await asyncio.Event().wait()
        if key in self._over:
            return self._over[key]
        held = self._open.get(key)
        if held is None:
            return Absent()
        if self._time.left(key, held.start, held.seconds) > 0:
            return Running(held.start, key)
        return self._close(key, held.ended, held.start + timedelta(seconds=held.seconds))

    async def recover(self, key: str) -> Status:
        """As ``poll``; see ``Executor.recover``."""
        return await self.poll(key)

    async def cancel(self, key: str) -> Status:
        """Let go of it; see ``Executor.cancel``."""
        status = await self.poll(key)
        match status:
            case Absent():
                self._over[key] = Ended("cancelled", None, "before it started")
                return self._over[key]
            case Running():
                return self._close(key, Ended("cancelled", -15, "as asked"), self._clock.now())
            case _:
                return status

    def _close(self, key: str, ended: Ended, at: datetime) -> Ended:
        held = self._open.pop(key)
        code = "" if ended.code is None else f" {ended.code}"
        self._tell(at, f"{ended.outcome}{code} {held.attempt.task}")
        self._over[key] = Ended(
            ended.outcome, ended.code, ended.reason, held.start, at, ended.machine_gone
        )
        return self._over[key]

    def _tell(self, at: datetime, what: str) -> None:
        self.told.append(f"{at:%Y-%m-%d %H:%M:%S} {what}")


@dataclass(frozen=True, slots=True)
class _Open:
    attempt: Attempt
    start: datetime
    seconds: float
    ended: Ended
