"""The door to the assistant: one thread, opened, spoken to, resumed, forked."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command, StateSnapshot

from agentsched.agent.context import AgentContext
from agentsched.agent.executions import carrying
from agentsched.agent.graph import Agent, build
from agentsched.agent.opening import Places
from agentsched.agent.state import Approval, Ask, Section, State
from agentsched.agent.threads import (
    TakeOver,
    ThreadTaken,
    check_thread_name,
    holding,
    open_threads,
)
from agentsched.errors import UserError
from agentsched.planning import Plan, TaskGraph

LONGEST: Final = 100_000
"""Characters of one message; longer ones are refused, not cut."""
PATIENCE: Final = 60.0
"""Seconds to wait for another process to give a thread up."""
STEPS: Final = 10_000
"""Rounds of the graph in one turn; replanning has a bound of its own."""

_YES = re.compile(
    r"(?:y|yes|yep|yeah|ok|okay|sure|go ahead|go|do it|run it|please do|approved?)\b[\s.,!]*", re.I
)
_NO = re.compile(r"(?:n|no|nope|stop|cancel|abort|don'?t|never ?mind|leave it)[\s.,!]*", re.I)
_FILLERS = frozenset({"and", "please", "thanks", "thank", "you"})
_CHOICE = re.compile(r"(\d{1,3})\s*([a-z])\b", re.I)


@dataclass(frozen=True, slots=True)
class Event:
    """Something to show while a turn goes on."""

    kind: Literal["progress", "record"]
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a thread is."""

    status: Literal["idle", "asks", "unfinished"]
    """``unfinished``: it was cut off in mid-turn; ``go_on`` continues."""
    ask: Ask | None
    answer: tuple[Section, ...]
    graph: TaskGraph | None
    plan: Plan | None
    """What is proposed, else what was planned last."""
    executed: tuple[str, ...] = ()
    message: str = ""
    """What was said last."""


@dataclass(frozen=True, slots=True)
class Past:
    """A point of a thread that can be forked from."""

    step: int
    next: tuple[str, ...]
    message: str
    at: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a stop put an end to."""

    running: tuple[str, ...] = ()
    """Tasks that ran."""
    waiting: tuple[str, ...] = ()
    """Tasks that will not start any more."""


class Session:
    """One thread of conversation. Turns go one at a time."""

    def __init__(self, agent: Agent, context: AgentContext) -> None:
        self._agent = agent
        self.context = context
        self.taken = False
        """Another process asked for the thread, and this one gives it up."""
        self._from: dict[str, Any] = {}

    async def standing(self) -> Standing:
        """Return where the thread is."""
        return _standing(await self._agent.aget_state(self._config()))

    def say(self, message: str) -> AsyncIterator[Event]:
        """Begin a turn.

        Raises:
            UserError: The message is empty or longer than ``LONGEST``.
        """
        if not message.strip():
            raise UserError("the message is empty; say what you would like to have planned")
        if len(message) > LONGEST:
            raise UserError(
                # Not how many: what was piped in is read no further than that.
                f"the message has more than {LONGEST:,} characters, which is the most: put long "
                "material in a file and name the file"
            )
        return self._stream({"message": message, "asked": None})

    def reply(self, word: Approval) -> AsyncIterator[Event]:
        """Answer what the thread asks."""
        return self._stream(Command(resume=word.model_dump(mode="json")))

    def go_on(self) -> AsyncIterator[Event]:
        """Continue a turn that was cut off: nothing that was done is done again."""
        return self._stream(None)

    async def leave(self) -> None:
        """Let what runs go on without us; ``go_on`` finds it again."""
        for carried in self.context.carried.values():
            carried.tell = None
            if any(carried.execution.state.live()):
                await carried.execution.leave(detach=True)

    async def stop(self) -> Stopped:
        """Stop what the thread carries out, wherever its turn stands; the turn then ends.

        Raises:
            Unreachable: What runs could not be told to stop; doing it again goes on.
        """
        values = (await self._agent.aget_state(self._config())).values
        name = values.get("execution", "")
        if not name:
            return Stopped()
        # One that was approved and not yet begun is begun, so that its ledger says it is stopped.
        carried = carrying(self.context, name, values.get("graph"), values.get("plan"))
        state = carried.execution.state
        live = tuple(tried.intent.task for tried in state.live())
        waiting = tuple(task.id for task in state.open_tasks())
        await carried.stop()
        lines = ["as asked"]
        if values.get("settlement") is not None:
            lines.append(
                "approved changes of the calendar may be missing: agentsched calendar history"
            )
        # As if the step ``stop`` had run: whatever the turn was about to do is not done.
        section = Section(title="Stopped", lines=tuple(lines))
        await self._agent.aupdate_state(
            self._config(), {"answer": [section], "settlement": None}, as_node="stop"
        )
        self._from = {}
        async for _ in self.go_on():
            pass
        return Stopped(live, waiting)

    async def past(self, most: int = 200) -> tuple[Past, ...]:
        """Return the thread's points, the newest first."""
        found: list[Past] = []
        thread: RunnableConfig = {"configurable": {"thread_id": self.context.thread}}
        async for snapshot in self._agent.aget_state_history(thread, limit=most):
            metadata = snapshot.metadata or {}
            message = str(snapshot.values.get("message", ""))
            found.append(
                Past(
                    int(metadata.get("step", 0)), snapshot.next, message, snapshot.created_at or ""
                )
            )
        return tuple(found)

    async def fork(self, step: int) -> Standing:
        """Go back to a point of the thread; the next turn branches off there.

        Raises:
            UserError: The thread has no such step.
        """
        thread: RunnableConfig = {"configurable": {"thread_id": self.context.thread}}
        known: list[int] = []
        async for snapshot in self._agent.aget_state_history(thread):
            found = int((snapshot.metadata or {}).get("step", 0))
            known.append(found)
            if found == step:
                self._from = dict(snapshot.config["configurable"])
                return _standing(snapshot)
        raise UserError(
            f"thread {self.context.thread!r} has no step {step}; it has {min(known)} to "
            f"{max(known)} (agentsched chat --thread {self.context.thread} --steps)"
            if known
            else f"thread {self.context.thread!r} is new; there is nothing to fork from"
        )

    def _config(self) -> Any:
        place = {"thread_id": self.context.thread, **self._from}
        return {"configurable": place, "recursion_limit": STEPS}

    async def _stream(self, given: Any) -> AsyncIterator[Event]:
        config = self._config()
        self._from = {}
        async for part in self._agent.astream(
            given,
            config,
            context=self.context,
            stream_mode=["custom"],
            version="v2",
            durability="sync",
        ):
            if part["type"] == "custom":
                data: dict[str, Any] = part["data"]
                yield Event("record" if data.get("type") == "record" else "progress", data)


@contextlib.asynccontextmanager
async def open_session(
    context: AgentContext, *, look: bool = False, take_over: bool = False
) -> AsyncIterator[Session]:
    """Open a thread for this process alone.

    Args:
        context: Its surroundings.
        look: Only to look at it, which others need not stop for.
        take_over: Ask a process that is in the thread to give it up, and wait for that. What it
            carries out goes on running meanwhile, as after a Ctrl-C.

    Raises:
        UserError: The name is no name, or another process is in the thread.
        StorageError: Threads cannot be opened.
        ThreadTaken: Another process asked for it meanwhile; what was begun is on disk.
    """
    places = Places.of(context.settings)
    check_thread_name(context.thread)
    async with contextlib.AsyncExitStack() as stack:
        request: TakeOver | None = None
        if not look:
            patience = PATIENCE if take_over else 0.0
            held = holding(context.thread, places.locks, patience=patience)
            request = await stack.enter_async_context(held)
        saver = await stack.enter_async_context(open_threads(places.threads))
        session = Session(build(saver), context)
        try:
            # Who stops a thread is not stopped in turn.
            async with _giving_way(session, None if take_over else request):
                yield session
        finally:
            for carried in context.carried.values():
                carried.execution.close()
            context.carried.clear()


@contextlib.asynccontextmanager
async def _giving_way(session: Session, request: TakeOver | None) -> AsyncIterator[None]:
    """Cancel what is done in here, as Ctrl-C does, once another process asks for the thread."""
    if request is None:
        yield
        return
    here = asyncio.current_task()
    assert here is not None

    async def watch() -> None:
        await request.asked()
        session.taken = True
        here.cancel()

    watching = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError:
        # A Ctrl-C that came as well counts as one.
        if not session.taken or here.uncancel() > 0:
            raise
    finally:
        watching.cancel()
    if session.taken:
        thread = session.context.thread
        raise ThreadTaken(f"thread {thread!r} was stopped by another agentsched (--stop)")


def read_reply(text: str, ask: Ask) -> Approval:
    """Read a person's words as an answer to what was asked.

    ``yes``, ``yes 2b``, ``no``; anything else says what to change.

    Raises:
        UserError: A choice names a conflict or option that was not offered.
    """
    said = text.strip()
    if ask.kind == "question":
        return Approval(decision="answer", text=said)
    if _NO.fullmatch(said):
        return Approval(decision="no")
    yes = _YES.match(said)
    rest = said[yes.end() :] if yes else said
    chosen = {number: letter.lower() for number, letter in _CHOICE.findall(rest)}
    if yes or chosen:
        left = re.findall(r"\w+", _CHOICE.sub(" ", rest).lower())
        if not set(left) - _FILLERS:
            return Approval(decision="yes", choices=_checked(chosen, ask))
    return Approval(decision="edit", text=said)


def _checked(chosen: dict[str, str], ask: Ask) -> dict[str, str]:
    for number, letter in chosen.items():
        if letter not in ask.choices.get(number, ()):
            known = ", ".join(n + one for n, letters in ask.choices.items() for one in letters)
            raise UserError(
                f"{number}{letter} was not offered; "
                + (
                    f"choose among {known}"
                    if known
                    else "there is nothing to choose, say yes or no"
                )
            )
    return chosen


def _standing(snapshot: StateSnapshot) -> Standing:
    values: State = snapshot.values  # type: ignore[assignment]  # LangGraph types it as a dict
    ask = None
    for one in snapshot.interrupts:
        ask = one.value if isinstance(one.value, Ask) else Ask.model_validate(one.value)
    proposed = values.get("proposed")
    status: Literal["idle", "asks", "unfinished"] = "idle"
    if ask is not None:
        status = "asks"
    elif snapshot.tasks:
        # ``next`` leaves out a step that had ended when the process died before the next one.
        status = "unfinished"
    return Standing(
        status=status,
        ask=ask,
        answer=tuple(values.get("answer") or ()),
        graph=values.get("wanted") if proposed is not None else values.get("graph"),
        plan=proposed or values.get("plan"),
        executed=tuple(values.get("executed", ())),
        message=values.get("message", ""),
    )
