"""A conversation at the terminal: history, commands that begin with a slash, Ctrl-C that leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.history import FileHistory

from agentsched.agent import read_reply
from agentsched.cli.output import show, table
from agentsched.cli.telling import NOT_READ, Teller, follow, stopped_words, tell
from agentsched.errors import AgentSchedError, Exit, UserError
from agentsched.settings import home
from evaluator.errors import EvaluatorError

if TYPE_CHECKING:
    from agentsched.agent import Session

HELP = """\
Say what you want in plain words; nothing is done before you say yes.
  /steps        the steps of this conversation
  /fork STEP    go back to a step and branch off
  /show         where it stands
  /stop         stop what is being carried out
  /quit         leave; agentsched chat --thread NAME comes back"""


async def converse(session: Session) -> int:
    """Talk until the person leaves."""
    thread = session.context.thread
    folder = home()
    folder.mkdir(parents=True, exist_ok=True)
    prompt: PromptSession[str] = PromptSession(history=FileHistory(str(folder / "chat-history")))
    show(f"agentsched, thread {thread}. /help lists commands; Ctrl-D leaves.")
    if session.context.model is None and session.context.why_no_model:
        show(f"no model reads along: {session.context.why_no_model}")
    standing = await session.standing()
    if standing.status == "unfinished":
        await _go_on(session)
    if standing.status != "idle":
        tell(await session.standing(), session)
    while True:
        try:
            line = (await prompt.prompt_async("> ")).strip()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return Exit.OK
        if not line:
            continue
        try:
            if line.startswith("/"):
                if await _slash(session, line):
                    return Exit.OK
                continue
            standing = await session.standing()
            if standing.status == "unfinished":  # what it carries out must not be forgotten
                await _go_on(session)
                standing = await session.standing()
                if standing.ask is not None:  # which nobody has seen yet
                    show(NOT_READ)
                    tell(standing, session)
                    continue
            ask = standing.ask
            events = session.say(line) if ask is None else session.reply(read_reply(line, ask))
            await follow(session, events, Teller())
            tell(await session.standing(), session)
        except (AgentSchedError, EvaluatorError) as error:
            show(str(error))


async def _go_on(session: Session) -> None:
    show("going on where it was cut off")
    await follow(session, session.go_on(), Teller())


async def _slash(session: Session, line: str) -> bool:
    """Carry out a command; True to leave."""
    word, _, rest = line[1:].partition(" ")
    match word:
        case "quit" | "exit" | "q":
            return True
        case "help" | "h":
            show(HELP)
        case "show":
            tell(await session.standing(), session)
        case "stop":
            show(stopped_words(await session.stop()))
        case "steps":
            past = await session.past(40)
            rows = [(str(p.step), ", ".join(dict.fromkeys(p.next)) or "end", p.message[:60])
                    for p in past]  # fmt: skip
            table((">step", "then", "message"), rows)
        case "fork":
            if not rest.strip().lstrip("-").isdigit():
                raise UserError(
                    f"/fork needs the number of a step, got {rest!r}; /steps lists them"
                )
            await session.fork(int(rest))
            tell(await session.standing(), session)
        case _:
            raise UserError(f"no command /{word}; /help lists them")
    return False
