"""One approved plan being carried out by many steps side by side, each with a task of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from agentsched.execution import Clock, Execution, Record

Tell = Callable[[Record], None]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that the plan in force did not foresee; named once."""

    kind: str
    """``gave_up``, ``late`` or ``lost``."""
    subject: str
    """A task, or a machine."""
    reason: str = ""


class Carrying:
    """Lets each task's step wait for its turn, and all of them go home when trouble comes.

    A single driver asks what is ready and starts it, so a thousand steps cost no more than one.
    Nothing here is kept: after a crash another ``Carrying`` on the same ledger goes on.
    """

    def __init__(self, execution: Execution, clock: Clock) -> None:
        self.execution = execution
        self.tell: Tell | None = None
        """Hears of every record."""
        self._clock = clock
        self._turns: dict[str, asyncio.Future[bool]] = {}
        self._pulse = asyncio.Event()
        self._halt = asyncio.Event()
        self._driver: asyncio.Task[None] | None = None
        self._seen: set[Trouble] = set()

    def heard(self, record: Record) -> None:
        """Take note of a record of the execution; its listener."""
        self._pulse.set()
        if self.tell is not None:
            self.tell(record)

    async def carry(self, task: str) -> None:
        """See one task through: wait for its turn, run it, retry it by rule.

        Returns early when the plan needs to be made anew, or the task cannot come to its turn.
        What runs then goes on running, and is found again by the next call.
        """
        if self.execution.state.standing(task) in ("done", "given_up"):
            return
        if self.execution.state.standing(task) != "live" and not await self._turn(task):
            return
        work = asyncio.ensure_future(self.execution.start_and_wait(task))
        halt = asyncio.ensure_future(self._halt.wait())
        try:
            await asyncio.wait({work, halt}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        finally:
            for waiting in (work, halt):
                waiting.cancel()
            await asyncio.gather(work, halt, return_exceptions=True)
            self._pulse.set()

    def troubles(self) -> tuple[Trouble, ...]:
        """Return what has gone wrong and was not taken up yet."""
        state = self.execution.state
        found = [Trouble("gave_up", task, why) for task, why in sorted(state.gave_up.items())]
        found += [Trouble("lost", machine) for machine in sorted(state.lost)]
        found += [
            Trouble("late", task, "straggling" if straggling else "")
            for task, key, straggling in sorted(state.late)
            if (last := state.last(task)) is not None and last.key == key and last.over is None
        ]
        return tuple(one for one in found if one not in self._seen)

    def take_up(self) -> None:
        """Take all trouble as known: the plan in force now reckons with it."""
        self._seen |= set(self.troubles())
        self._halt.clear()

    async def stop(self) -> None:
        """End what runs, and let nothing more start."""
        state = self.execution.state
        # What waits first: that needs no answer of an executor that may be silent.
        for task in sorted(state.graph.tasks, key=lambda task: state.standing(task.id) == "live"):
            await self.execution.cancel(task.id)
        live = [tried.intent.task for tried in state.live()]
        await asyncio.gather(*(self.execution.start_and_wait(task) for task in live))
        self.take_up()

    async def _turn(self, task: str) -> bool:
        turn = self._turns.setdefault(task, asyncio.get_running_loop().create_future())
        self._pulse.set()
        if self._driver is None or self._driver.done():
            self._driver = asyncio.ensure_future(self._drive())
        return await turn

    async def _drive(self) -> None:
        try:
            while self._turns:
                if self.troubles():
                    self._halt.set()
                    break
                await self._start_what_is_ready()
                if self._turns and not self._more_to_come():
                    break
                await self._wait()
        except Exception as error:  # each step must end with it, not only the first
            for turn in self._turns.values():
                if not turn.done():
                    turn.set_exception(error)
            self._turns.clear()
        finally:
            for turn in self._turns.values():
                if not turn.done():
                    turn.set_result(False)
            self._turns.clear()

    async def _start_what_is_ready(self) -> None:
        while ready := [task.id for task in self.execution.ready() if task.id in self._turns]:
            # One after the other: each start takes room that another may have wanted.
            task = ready[0]
            await self.execution.start(task)
            turn = self._turns.pop(task)
            if not turn.done():
                turn.set_result(True)

    def _more_to_come(self) -> bool:
        return not self.execution.finished

    async def _wait(self) -> None:
        self._pulse.clear()
        pulse = asyncio.ensure_future(self._pulse.wait())
        pause = asyncio.ensure_future(self._clock.sleep(self.execution.pause()))
        try:
            await asyncio.wait({pulse, pause}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in (pulse, pause):
                waiting.cancel()
            await asyncio.gather(pulse, pause, return_exceptions=True)
