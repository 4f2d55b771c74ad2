"""One attempt after the other: handing it over, asking for it, stopping it, writing what is new."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

from agentsched.execution.clock import Clock, SteadyTime
from agentsched.execution.executor import (
    Absent,
    Attempt,
    Ended,
    Executor,
    ExecutorError,
    Queued,
    Refused,
    Running,
    Status,
    Unreachable,
)
from agentsched.execution.ledger import Ledger, Step, no_step
from agentsched.execution.records import (
    Began,
    GaveUp,
    MachineLost,
    Over,
    Record,
    Silent,
    Stopping,
    Taken,
)
from agentsched.execution.rules import Retry, Rules, judge
from agentsched.execution.state import State, Tried, fold
from agentsched.planning.graph import Task

Listener = Callable[[Record], None]
TRIES = 3
"""Calls that the executor must have left unanswered, beside ``Rules.patience``."""


class Handling:
    """Keeps ledger, state and executor in step. Any number of coroutines may use it."""

    def __init__(
        self,
        ledger: Ledger,
        executor: Executor,
        clock: Clock,
        rules: Rules,
        listen: Listener | None = None,
        step: Step = no_step,
    ) -> None:
        self.ledger = ledger
        self.executor = executor
        self.clock = clock
        self.rules = rules
        self.state: State = fold(ledger.records)
        self.time = SteadyTime(clock)
        self._listen = listen
        self._step = step
        self._sure: set[str] = set()
        """Keys of which this process knows that the executor has them."""
        self._unheard: dict[str, float] = {}
        """Since when (steady seconds) the executor has not answered for a key."""
        self._unreached = 0
        """Calls in a row on which the executor as a whole was not heard."""
        self._unreached_since = 0.0
        """Steady seconds at the first of them."""
        self._told: set[str] = set()
        """Keys that this process has told to stop."""
        self._looked: dict[str, float] = {}
        """When (steady seconds) it was last asked for a key."""

    def write(self, record: Record) -> None:
        """Put a record on disk, then believe it, then tell of it."""
        self.ledger.append(record)
        self.state.apply(record)
        if self._listen is not None:
            self._listen(record)

    def look_after(self, tried: Tried) -> float:
        """Return in how many seconds an attempt is worth another look; 0 for now."""
        looked = self._looked.get(tried.key)
        if looked is None:
            return 0.0
        # A clock that was set back says nothing of how long it has run.
        running = abs((self.clock.now() - tried.started).total_seconds())
        left = looked + self.rules.pause(running) - self.time.passed()
        if not self.state.task(tried.intent.task).command:
            left = min(left, self._time_left(tried))
        return max(0.0, left)

    def backoff(self, task: str) -> float:
        """Return how many seconds a failed task still waits before its next attempt."""
        if self.state.standing(task) != "failed":
            return 0.0
        tried = self.state.tried[task]
        over = tried[-1].over
        verdict = judge(self.state.task(task), tried, self.rules)
        if over is None or not isinstance(verdict, Retry):
            return 0.0
        return self.time.left(f"retry {tried[-1].key}", over.at, verdict.after)

    async def look(self, key: str, *, fresh: bool = False) -> None:
        """Ask the executor for an attempt, hand it over if it has none, write what is new.

        Args:
            key: Of an attempt whose intent is on disk.
            fresh: The intent was written just now, so nothing can have been started under it.

        Raises:
            Unreachable: The executor has not answered anybody for ``Rules.patience``.
        """
        tried = self.state.find(key)
        if tried.over is not None:
            return
        self._looked[key] = self.time.passed()
        task = self.state.task(tried.intent.task)
        if not task.command:
            self._pass_time(tried)
            return
        await self._heard(tried, self._ask(tried, task, fresh))

    async def stop(self, tried: Tried, why: Literal["asked", "leaving"]) -> None:
        """Ask an attempt to stop, for good or until the execution goes on."""
        now, task, key = self.clock.now(), tried.intent.task, tried.key
        if tried.stopping is None:
            self.write(Stopping(at=now, task=task, key=key, why=why))
        tried = self.state.find(key)
        if not self.state.task(task).command:
            self._pass_time(tried)
            return
        await self._heard(tried, self._tell_to_stop(key))

    async def wait_for_stop(self, key: str) -> None:
        """Wait until an attempt that was asked to stop has ended, as long as one call may take."""
        end = self.time.passed() + self.rules.call_seconds
        while self.state.find(key).over is None and self.time.passed() < end:
            await self.clock.sleep(self.rules.poll_least)
            await self.look(key)

    def lose(self, machines: set[str]) -> None:
        """Write down that machines are gone, and whom that concerns."""
        new = machines - self.state.lost
        if not new:
            return
        affected = tuple(
            task.id
            for task in self.state.graph.tasks
            if self.state.standing(task.id) != "done"
            and new & set(self.state.place(task.id).machines)
        )
        now = self.clock.now()
        self.write(MachineLost(at=now, machines=tuple(sorted(new)), tasks=affected))

    async def _ask(self, tried: Tried, task: Task, fresh: bool) -> Status:
        if not fresh:
            known = tried.key in self._sure
            status = await (self.executor.poll if known else self.executor.recover)(tried.key)
            self._step("asked")
            if isinstance(status, Ended):
                return status
            if tried.stopping is not None and tried.key not in self._told:
                # Written down, but perhaps not done before the last process died.
                return await self._tell_to_stop(tried.key)
            if not isinstance(status, Absent):
                return status
            if tried.began is not None:
                return Ended("lost", None, "the executor knows nothing of it any more")
        status = await self.executor.submit(_attempt(tried, task))
        self._step("submitted")
        return status

    async def _tell_to_stop(self, key: str) -> Status:
        status = await self.executor.cancel(key)
        self._told.add(key)
        return status

    async def _heard(self, tried: Tried, call: Awaitable[Status]) -> None:
        """Wait for the executor's answer, but not for ever, and take it in."""
        key = tried.key
        try:
            async with asyncio.timeout(self.rules.call_seconds):
                status = await call
        except Refused as error:
            self._unreached = 0
            self._end(key, Ended("refused", None, str(error)), transient=error.transient)
        except TimeoutError:
            # It may be this attempt that hangs, or the executor.
            message = f"no answer in {self.rules.call_seconds:g} s"
            self._not_heard(tried, message)
            self._not_reached(message)
        except Unreachable as error:
            self._tell_silent(tried, str(error))
            self._not_reached(str(error))
        except ExecutorError as error:
            self._not_heard(tried, str(error))
        else:
            self._unreached = 0
            self._unheard.pop(key, None)
            self._take_in(key, status)

    def _take_in(self, key: str, status: Status) -> None:
        tried = self.state.find(key)
        if tried.over is not None:
            return  # another coroutine was quicker
        now, task = self.clock.now(), tried.intent.task
        match status:
            case Absent():
                self._sure.discard(key)
                return
            case Ended():
                self._end(key, status)
                return
            case Queued() | Running():
                self._sure.add(key)
        if isinstance(status, Running) and tried.began is None:
            handle, started = status.handle, status.started
            self.write(Began(at=now, task=task, key=key, handle=handle, started=started))
        elif isinstance(status, Queued) and tried.taken is None:
            self.write(Taken(at=now, task=task, key=key, handle=status.handle))

    def _end(self, key: str, ended: Ended, *, transient: bool = False) -> None:
        tried = self.state.find(key)
        if tried.over is not None:
            return
        task = tried.intent.task
        self.write(
            Over(
                at=self.clock.now(),
                task=task,
                key=key,
                outcome=ended.outcome,
                code=ended.code,
                reason=ended.reason[:2000],
                started=ended.started,
                ended=ended.ended,
                transient=transient,
                machine_gone=ended.machine_gone,
            )
        )
        if ended.machine_gone:
            self.lose(set(tried.intent.machines))
        self.settle(task)

    def settle(self, task: str) -> None:
        """Give a failed task up if no rule says that it is tried again."""
        if self.state.standing(task) != "failed":
            return
        verdict = judge(self.state.task(task), self.state.tried[task], self.rules)
        if not isinstance(verdict, Retry):
            self.write(GaveUp(at=self.clock.now(), task=task, reason=verdict.reason[:2000]))

    def _pass_time(self, tried: Tried) -> None:
        """A task without a command takes its time and is done."""
        now, key, task, start = self.clock.now(), tried.key, tried.intent.task, tried.intent.at
        if tried.stopping is not None:
            self._end(key, Ended("cancelled", None, "", start, now))
        elif self._time_left(tried) <= 0:
            self._end(key, Ended("done", None, "", start, now))
        elif tried.began is None:
            self.write(Began(at=now, task=task, key=key, started=start))

    def _time_left(self, tried: Tried) -> float:
        return self.time.left(tried.key, tried.intent.at, tried.intent.seconds)

    def _not_reached(self, message: str) -> None:
        """Bear with an executor that answers nobody, but not for ever; no attempt is given up."""
        passed = self.time.passed()
        if self._unreached == 0:
            self._unreached_since = passed
        self._unreached += 1
        waited, tries = passed - self._unreached_since, self._unreached
        if tries >= TRIES and waited >= self.rules.patience:
            # Who goes on bears with it anew; that it is silent was said.
            self._unreached, self._unreached_since = 1, passed
            self._unheard.clear()
            raise Unreachable(
                f"{self.executor.name} did not answer {tries} times in {waited:.0f} s ({message}); "
                "what it was given goes on there, and nothing is started twice"
            )

    def _not_heard(self, tried: Tried, message: str) -> None:
        """Bear with an attempt of which nothing can be learned, but not for ever."""
        key, passed = tried.key, self.time.passed()
        since = self._unheard.setdefault(key, passed)
        self._tell_silent(tried, message)
        if passed - since >= self.rules.silence:
            why = f"{message}; it may still run, and is not started again"
            self._end(key, Ended("lost", None, why, tried.started))

    def _tell_silent(self, tried: Tried, message: str) -> None:
        """Say it once an attempt, and not of each while nobody is answered."""
        if tried.key not in self.state.silent and self._unreached == 0:
            task, now = tried.intent.task, self.clock.now()
            self.write(Silent(at=now, task=task, key=tried.key, message=message[:2000]))


def _attempt(tried: Tried, task: Task) -> Attempt:
    intent = tried.intent
    return Attempt(
        key=intent.key,
        task=task.id,
        command=task.command,
        machines=intent.machines,
        demand=task.demand,
        members=task.gang,
        seconds=intent.seconds,
        limit=intent.limit,
        devices=intent.devices,
        after=intent.after,
        begin=intent.begin,
    )
