"""``agentsched chat``: say what is wanted, look at the plan, say yes, watch it done."""

from __future__ import annotations

import asyncio
import secrets
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from agentsched.cli.options import Json, MemoryUrl
from agentsched.errors import Exit, UserError

if TYPE_CHECKING:
    from agentsched.agent import Session
    from agentsched.settings import Settings


def command(
    message: Annotated[
        str | None, typer.Argument(help="What you want; left out: a conversation.")
    ] = None,
    thread: Annotated[
        str | None, typer.Option("--thread", help="Conversation to go on with; else a new one.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Approve the plan as proposed.")] = False,
    eager: Annotated[
        bool | None,
        typer.Option("--eager/--on-time", help="Start at once, or at planned times."),
    ] = None,
    steps: Annotated[bool, typer.Option("--steps", help="List the thread's steps.")] = False,
    fork: Annotated[
        int | None, typer.Option("--fork", help="Go back to this step and branch off.")
    ] = None,
    stop: Annotated[bool, typer.Option("--stop", help="Stop what the thread carries out.")] = False,
    model: Annotated[
        str | None, typer.Option("--model", help="openai, local, or none; else as configured.")
    ] = None,
    calendar: Annotated[
        str | None, typer.Option("--calendar", help="Folder of .ics files or CalDAV URL.")
    ] = None,
    inventory: Annotated[
        str | None, typer.Option("--inventory", help="TOML of machines, people and data.")
    ] = None,
    memory: MemoryUrl = None,
    json: Json = False,
) -> int:
    """Plan and carry out work and appointments, from plain words."""
    from agentsched.settings import load_settings

    settings = load_settings(
        {"memory.url": memory, "calendar.url": calendar, "agent.inventory": inventory}
    )
    if thread is None and (steps or stop or fork is not None):
        raise UserError("--steps, --fork and --stop need a thread: name one with --thread")
    name = thread or f"t{secrets.token_hex(3)}"
    wish = _Wish(message, yes, steps, fork, stop, json)
    return asyncio.run(_chat(settings, name, wish, eager, model))


class _Wish:
    """What the command line asked for."""

    def __init__(
        self, message: str | None, yes: bool, steps: bool, fork: int | None, stop: bool, json: bool
    ) -> None:
        self.message, self.yes, self.steps = message, yes, steps
        self.fork, self.stop, self.json = fork, stop, json

    @property
    def interactive(self) -> bool:
        """Whether a person types at a terminal."""
        return self.message is None and not self.json and sys.stdin.isatty()


async def _chat(
    settings: Settings, thread: str, wish: _Wish, eager: bool | None, model: str | None
) -> int:
    from agentsched.agent import open_context, open_session

    with open_context(settings, thread, eager=eager, model_kind=model) as context:
        async with open_session(context, look=wish.steps, take_over=wish.stop) as session:
            if wish.steps:
                return await _list_steps(session, wish.json)
            if wish.fork is not None:
                await session.fork(wish.fork)
            if wish.stop:
                return await _stop(session, wish.json)
            if wish.interactive:
                from agentsched.cli.conversation import converse

                return await converse(session)
            return await _once(session, wish)


async def _once(session: Session, wish: _Wish) -> int:
    """One message or answer, for scripts; without a message: go on, and say where it stands."""
    from agentsched.agent import Approval, read_reply
    from agentsched.cli.output import note
    from agentsched.cli.telling import NOT_READ, Teller, follow, outcome, tell

    teller = Teller(quiet=wish.json)
    standing = await session.standing()
    cut_off = standing.message if standing.status == "unfinished" else None
    if cut_off is not None:
        await follow(session, session.go_on(), teller)
        standing = await session.standing()
    message, yes = wish.message, wish.yes
    if message is None and not sys.stdin.isatty() and standing.status != "unfinished":
        message = _piped()
    if message is not None and cut_off is not None:
        if message.strip() == cut_off.strip():
            message = None  # the same command once more: it has just been gone on with
        elif standing.ask is not None:
            # Nobody has seen yet what is asked, so these words are no answer to it.
            note(NOT_READ)
            message, yes = None, False
    if message is not None:
        if standing.ask is not None:
            events = session.reply(read_reply(message, standing.ask))
        else:
            events = session.say(message)
        await follow(session, events, teller)
        standing = await session.standing()
    if message is None and standing.status == "idle" and not standing.answer and not wish.json:
        raise UserError(
            f"thread {session.context.thread!r} has nothing to go on with; say what you want: "
            'agentsched chat "WORDS"'
        )
    while yes and standing.ask is not None and standing.ask.kind == "approval":
        if not wish.json:
            tell(standing, session)
        await follow(session, session.reply(Approval(decision="yes")), teller)
        standing = await session.standing()
    tell(standing, session, json=wish.json)
    return outcome(standing)


def _piped() -> str | None:
    """Return what was piped in; None when nothing was."""
    from agentsched.agent.session import LONGEST

    text = sys.stdin.read(LONGEST + 1)
    return text if text.strip() else None


async def _list_steps(session: Session, json: bool) -> int:
    from agentsched.cli.output import emit, show, table

    past = await session.past()
    if json:
        emit([{"step": p.step, "next": p.next, "message": p.message, "at": p.at} for p in past])
    elif not past:
        show(f"thread {session.context.thread} is new")
    else:
        table(
            (">step", "then", "message", "at"),
            [(str(p.step), ", ".join(dict.fromkeys(p.next)) or "end", p.message[:60], p.at[:19])
             for p in past],
        )  # fmt: skip
    return Exit.OK


async def _stop(session: Session, json: bool) -> int:
    from agentsched.cli.output import emit, show
    from agentsched.cli.telling import stopped_words
    from agentsched.execution.executor import Unreachable

    thread = session.context.thread
    try:
        stopped = await session.stop()
    except Unreachable as error:
        error.add_note(f"when it answers: agentsched chat --thread {thread} --stop")
        raise
    if json:
        emit(
            {
                "thread": thread,
                "stopped": stopped.running,
                "not_started": stopped.waiting,
            }
        )
    else:
        show(stopped_words(stopped))
    return Exit.OK
