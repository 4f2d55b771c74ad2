"""Drives a plan: starts what is ready, watches what runs, retries by rule, writes everything down.

``Execution`` is the object; ``step`` is one round of it. Steps of a graph fan out with ``ready``
and ``start_and_wait``; scripts call ``run_plan``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from pathlib import Path
from typing import Self

from agentsched.errors import UserError
from agentsched.execution.adopting import check_fit, check_kept
from agentsched.execution.clock import Clock
from agentsched.execution.executor import Executor, Unreachable
from agentsched.execution.handling import Handling, Listener
from agentsched.execution.lateness import newly_late
from agentsched.execution.ledger import Ledger, Step, no_step
from agentsched.execution.ready import ahead, blocked, earliest, next_intent, ready
from agentsched.execution.records import (
    Again,
    Finished,
    GaveUp,
    Late,
    Left,
    MachineLost,
    Opened,
    Over,
    Record,
    Replanned,
)
from agentsched.execution.remaining import Remaining, remaining
from agentsched.execution.report import Report, delay_of, report_on
from agentsched.execution.rules import Rules
from agentsched.execution.state import State, Tried
from agentsched.planning.graph import Task, TaskGraph
from agentsched.planning.inventory import Inventory
from agentsched.planning.plan import Plan


class Execution:
    """One plan being carried out.

    Its coroutines may run beside each other in one event loop. Whoever kills the process at any
    point can make it again from the ledger: no attempt starts twice, and none is forgotten.
    """

    def __init__(
        self,
        ledger: Ledger,
        executor: Executor,
        clock: Clock,
        rules: Rules | None = None,
        *,
        listen: Listener | None = None,
        step: Step = no_step,
    ) -> None:
        """Go on from a ledger; what ran meanwhile is found at the first step.

        Args:
            ledger: Holds an execution; ``begin`` writes the first line of a new one.
            executor: Runs the attempts; of the kind that began it.
            clock: Tells the time.
            rules: How; the defaults when left out.
            listen: Called with every record once it is on disk.
            step: See ``ledger.Step``.

        Raises:
            UserError: The ledger is empty, or another kind of executor began it.
        """
        if not ledger.records:
            raise UserError(
                f"ledger {str(ledger.path)!r} holds nothing: nothing was started; begin anew"
            )
        self.rules = rules or Rules()
        self._handling = Handling(ledger, executor, clock, self.rules, listen, step)
        self._clock = clock
        self._holds = executor.holds
        self._step = step
        self._leaving = False
        self._finished = False
        self._finished_at = 0
        """How many records there were when that was found out."""
        if self.state.executor != executor.name:
            raise UserError(
                f"ledger {str(ledger.path)!r} was begun by executor {self.state.executor!r}, "
                f"which alone can find its tasks again; got {executor.name!r}"
            )

    @classmethod
    def begin(
        cls,
        ledger: Ledger,
        opened: Opened,
        executor: Executor,
        clock: Clock,
        rules: Rules | None = None,
        *,
        listen: Listener | None = None,
        step: Step = no_step,
    ) -> Self:
        """Begin a plan that somebody approved; see ``opening`` for its first record.

        Raises:
            UserError: The ledger is not empty, or the plan cannot be carried out.
            StorageError: The ledger cannot be written; nothing was started.
        """
        if ledger.records:
            raise UserError(
                f"ledger {str(ledger.path)!r} already holds an execution; resume it, or choose "
                "another file"
            )
        check_fit(opened.graph, opened.plan, opened.inventory)
        ledger.append(opened)
        if listen is not None:
            listen(opened)
        return cls(ledger, executor, clock, rules, listen=listen, step=step)

    # What can be asked

    @property
    def state(self) -> State:
        """How it stands."""
        return self._handling.state

    @property
    def records(self) -> tuple[Record, ...]:
        """All that happened, oldest first."""
        return tuple(self._handling.ledger.records)

    @property
    def ledger(self) -> Path:
        """Where it is written down."""
        return self._handling.ledger.path

    @property
    def finished(self) -> bool:
        """Whether nothing runs and nothing can be started as things are."""
        written = len(self._handling.ledger.records)
        if self._finished_at != written:
            stuck = blocked(self.state)
            self._finished = not any(self.state.live()) and all(
                task.id in stuck for task in self.state.open_tasks()
            )
            self._finished_at = written
        return self._finished

    def ready(self) -> tuple[Task, ...]:
        """Return the tasks to start now; see ``ready.ready``. Pauses before retries are kept."""
        if self._leaving:
            return ()
        held = {t.id for t in self.state.failed_tasks() if self._handling.backoff(t.id) > 0}
        now = self._clock.now()
        here = ready(self.state, now, eager=self.rules.eager, held=held)
        if not self._holds:
            return here
        # Commands go to the executor at once; what has none waits here for its time.
        return (*(task for task in here if not task.command), *ahead(self.state, held=held))

    def remaining(self, *, again: Collection[str] = ()) -> Remaining:
        """Say what is left to be planned anew; see ``remaining.remaining``."""
        return remaining(self.state, self._clock.now(), again=again)

    def report(self) -> Report:
        """Say what became of the plan so far."""
        return report_on(self.state, self._clock.now())

    def pause(self) -> float:
        """Return how many seconds may pass until the next ``step``."""
        now = self._clock.now()
        waits = [self.rules.wake_most]
        waits += [self._handling.look_after(tried) for tried in self.state.live()]
        pauses = (self._handling.backoff(task.id) for task in self.state.failed_tasks())
        waits += [pause for pause in pauses if pause > 0]
        for task in self.state.open_tasks() if self.rules.eager else self.state.due_tasks(now):
            start = earliest(task, self.state.place(task.id), eager=self.rules.eager)
            waits += [until] if (until := (start - now).total_seconds()) > 0 else []
        if (next_start := self.state.next_start(now)) is not None:
            waits.append((next_start - now).total_seconds())
        return max(min(waits), self.rules.poll_least)

    # What can be done

    async def step(self) -> None:
        """One round: look at what runs, say what is late, start what is ready."""
        due = [t for t in list(self.state.live()) if self._handling.look_after(t) <= 0]
        await _together(self._handling.look(tried.key) for tried in due)
        self._note_lateness()
        while tasks := self.ready():  # again, as what is quick has ended meanwhile
            if self._holds:
                for task in tasks:  # who waits needs the name its predecessor was given
                    await self.start(task.id)
            else:
                await _together(self.start(task.id) for task in tasks)

    async def run(self) -> AsyncIterator[Record]:
        """Carry the plan out to its end; yields every record that is written meanwhile.

        Who listens may start, stop and plan anew between two records.
        """
        records = self._handling.ledger.records
        told = len(records)
        while True:
            await self.step()
            while told < len(records):
                told += 1
                yield records[told - 1]
            if self._leaving:
                return
            if self.finished:
                self.finish()
                for record in records[told:]:
                    yield record
                return
            await self._clock.sleep(self.pause())

    async def start(self, task: str) -> Tried | None:
        """Start a task's next attempt: the intent goes to disk, then the executor gets it.

        Returns:
            The attempt as it stands; None when the task is live, done or given up.

        Raises:
            StorageError: The intent could not be written; nothing was started.
        """
        if self._leaving or self.state.standing(task) not in ("waiting", "failed"):
            return None
        intent = next_intent(
            self.state, self.state.task(task), self._clock.now(), self.rules, holds=self._holds
        )
        self._handling.write(intent)
        await self._handling.look(intent.key, fresh=True)
        return self.state.find(intent.key)

    async def wait(self, key: str) -> Over:
        """Wait until an attempt has ended."""
        while (over := self.state.find(key).over) is None:
            look = self._handling.look_after(self.state.find(key))
            await self._clock.sleep(max(self.rules.poll_least, look))
            await self._handling.look(key)
            self._note_lateness()
        return over

    async def start_and_wait(self, task: str) -> Over | None:
        """Start a ready task, wait for its end, and retry by rule until it is done or given up.

        Found live (after a crash), it is waited for and not started again. It ends early when its
        machine is lost, since then only another plan can help.

        Returns:
            How its last attempt ended; None when it had none.
        """
        while not self._leaving and self.state.standing(task) in ("waiting", "failed", "live"):
            last = self.state.last(task)
            if last is not None and last.over is None:
                await self._handling.look(last.key)
                await self.wait(last.key)
            elif self.state.lost & set(self.state.place(task).machines):
                break
            elif (pause := self._handling.backoff(task)) > 0:
                await self._clock.sleep(pause)
            else:
                await self.start(task)
        last = self.state.last(task)
        return None if last is None else last.over

    async def cancel(self, task: str) -> None:
        """Stop a task for good, running or not; what waits for it can then not start."""
        last = self.state.last(task)
        if last is not None and last.over is None:
            await self._handling.stop(last, "asked")
        elif self.state.standing(task) in ("waiting", "failed"):
            self._handling.write(GaveUp(at=self._clock.now(), task=task, reason="cancelled"))

    def again(self, task: str) -> None:
        """Let a task that was given up be tried once more; the count of its tries begins anew."""
        if self.state.standing(task) == "given_up":
            self._handling.write(Again(at=self._clock.now(), task=task))

    def lose(self, machine: str) -> None:
        """Say that a machine is gone; an executor says so by itself where it can tell."""
        self._handling.lose({machine})

    def adopt(self, graph: TaskGraph, plan: Plan, inventory: Inventory, reason: str = "") -> None:
        """Go on by another plan, made of what ``remaining`` gave.

        Tasks that were given up and stand in the new graph are tried again.

        Raises:
            UserError: It forgets or changes a task that runs, or cannot be carried out.
            StorageError: It could not be written down; the old plan is in force.
        """
        check_fit(graph, plan, inventory)
        for tried in self.state.live():
            check_kept(tried, self.state.task(tried.intent.task), graph, plan)
        now = self._clock.now()
        self._handling.write(
            Replanned(at=now, graph=graph, plan=plan, inventory=inventory, reason=reason)
        )
        for task in graph.tasks:
            self.again(task.id)

    def finish(self) -> None:
        """Write down that nothing is left to do; once, and only if it is so."""
        if self.state.finished or not self.finished:
            return
        now = self._clock.now()
        every = {*self.state.tried, *(task.id for task in self.state.graph.tasks)}
        done = sum(self.state.standing(task) == "done" for task in every)
        delay = delay_of(self.state, now)
        self._handling.write(Finished(at=now, done=done, unfinished=len(every) - done, delay=delay))

    async def leave(self, *, detach: bool = False) -> None:
        """Stop before the end: ask what runs to stop and wait for it, or leave it running.

        It can be gone on with from the ledger; tasks that were stopped are then started anew.
        """
        self._leaving = True
        live = list(self.state.live())
        if not detach:
            # An executor that answers nobody cannot be told; the ledger says what was meant.
            with contextlib.suppress(Unreachable):
                await _together(self._handling.stop(tried, "leaving") for tried in live)
                await _together(self._handling.wait_for_stop(tried.key) for tried in live)
        tasks = tuple(tried.intent.task for tried in live)
        self._handling.write(Left(at=self._clock.now(), detached=detach, tasks=tasks))

    def close(self) -> None:
        """Close the ledger; nothing is stopped."""
        self._handling.ledger.close()

    def _note_lateness(self) -> None:
        for late in list(newly_late(self.state, self._clock.now(), self.rules)):
            self._handling.write(late)


Replan = Callable[[Execution, Record], Awaitable[None]]
"""Called after a record that may call for another plan; adopts one, or does nothing."""


async def run_plan(
    execution: Execution,
    *,
    listen: Listener | None = None,
    replan: Replan | None = None,
    detach: bool = False,
) -> Report:
    """Carry a plan out to its end, for scripts.

    Args:
        execution: Begun, or gone on with.
        listen: Called with every record.
        replan: Called when a task is late or given up, or a machine is lost.
        detach: When cancelled (Ctrl-C), leave what runs running; else it is asked to stop.

    Raises:
        asyncio.CancelledError: After what ran was stopped or left, and that was written down.
    """
    try:
        async for record in execution.run():
            if listen is not None:
                listen(record)
            if replan is not None and isinstance(record, Late | GaveUp | MachineLost):
                await replan(execution, record)
    except asyncio.CancelledError:
        await asyncio.shield(execution.leave(detach=detach))
        raise
    return execution.report()


async def _together(jobs: Iterable[Awaitable[object]]) -> None:
    """Wait for all of them, then raise what the first failed one raised."""
    for result in await asyncio.gather(*jobs, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
