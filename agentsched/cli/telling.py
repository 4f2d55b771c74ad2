"""How a conversation looks: what happens as it happens, then the answer, plan and question."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from agentsched.cli.output import console, emit, note, show, span
from agentsched.cli.plan_view import gantt, tree
from agentsched.errors import Exit
from agentsched.execution.executor import Unreachable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from datetime import tzinfo

    from rich.console import RenderableType

    from agentsched.agent import Event, Section, Session, Standing, Stopped

NOT_READ = (
    "a turn was cut off and asks first; what you said was not read: answer, then say it again"
)


class Teller:
    """Shows events: a line for what began and ended, a bar of how much is done."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console(stderr=True),
            transient=True,
            disable=quiet or not console(stderr=True).is_terminal,
        )
        self._thinking = None if quiet else self._progress.add_task("", total=None, visible=False)
        self._tasks: dict[str, bool] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def hear(self, event: Event) -> None:
        """Show one event."""
        if self._quiet or self._thinking is None:
            return
        if event.kind == "progress":
            self._progress.update(
                self._thinking, description=f"{event.data['what']} …", visible=True
            )
            return
        self.hear_record(event.data["record"])

    def hear_record(self, record: dict[str, Any]) -> None:
        """Show one record of an execution."""
        if self._quiet or self._thinking is None:
            return
        line = _line(record)
        if line:
            self._progress.console.print(Text(line))
        match record["kind"]:
            case "intent":
                self._tasks.setdefault(record["task"], False)
            case "over" if record["outcome"] == "done":
                self._tasks[record["task"]] = True
        if self._tasks:
            done = sum(self._tasks.values())
            running = [task for task, over in self._tasks.items() if not over]
            self._progress.update(
                self._thinking,
                description=f"running {', '.join(running[:3])}" if running else "waiting",
                completed=done,
                total=len(self._tasks),
                visible=True,
            )


async def follow(session: Session, events: AsyncIterator[Event], teller: Teller) -> None:
    """Show what happens; Ctrl-C, and who stops the thread, leave what runs running."""
    with teller:
        try:
            async for event in events:
                teller.hear(event)
        except asyncio.CancelledError:
            await session.leave()
            if not session.taken:
                note(f"left; what runs goes on, and the rest waits: {_again(session)}")
            raise
        except Unreachable as error:
            error.add_note(f"go on when it answers: {_again(session)}")
            raise


def stopped_words(stopped: Stopped) -> str:
    """Return in words what a stop put an end to."""
    said = []
    if stopped.running:
        said.append(f"stopped: {', '.join(stopped.running)}")
    if stopped.waiting:
        said.append(f"will not start: {', '.join(stopped.waiting)}")
    return "; ".join(said) or "nothing was running"


def tell(standing: Standing, session: Session, *, json: bool = False) -> None:
    """Show where the thread stands: the answer, and what is asked."""
    if json:
        emit(as_json(standing, session))
        return
    zone = session.context.zone
    if standing.ask is not None:
        show(*_asked(standing, zone))
    elif standing.answer:
        show(*_sections(standing.answer))
    if standing.status == "asks":
        show(Text(f"(thread {session.context.thread})", style="dim"))


def as_json(standing: Standing, session: Session) -> dict[str, Any]:
    """Return where the thread stands, for machines."""
    ask = standing.ask
    return {
        "thread": session.context.thread,
        "status": {"idle": "done", "asks": "asks", "unfinished": "unfinished"}[standing.status],
        "question": ask.question if ask else None,
        "asks_for": ask.kind if ask else None,
        "choices": {k: list(v) for k, v in ask.choices.items()} if ask else {},
        "sections": [s.model_dump() for s in (ask.sections if ask else standing.answer)],
        "graph": standing.graph.model_dump(mode="json") if standing.graph else None,
        "plan": standing.plan.model_dump(mode="json") if standing.plan else None,
        "executions": list(standing.executed),
        "exit": int(outcome(standing)),
    }


def outcome(standing: Standing) -> Exit:
    """Return how a script should take it."""
    titles = {section.title for section in standing.answer}
    if "Not finished" in titles:
        return Exit.EXECUTION
    if titles & {"No plan", "Cannot run here"} and standing.status != "asks":
        return Exit.INFEASIBLE
    return Exit.OK


def _again(session: Session) -> str:
    return f"agentsched chat --thread {session.context.thread}"


def _asked(standing: Standing, zone: tzinfo) -> Iterable[RenderableType]:
    ask = standing.ask
    assert ask is not None
    graph, plan = standing.graph, standing.plan
    if ask.kind == "approval" and graph is not None and plan is not None:
        yield tree(graph)
        yield Text()
        yield gantt(graph, plan, zone)
        yield Text()
    yield from _sections(ask.sections)
    yield Text(ask.question, style="bold")


def _sections(sections: Iterable[Section]) -> Iterable[RenderableType]:
    for section in sections:
        if section.title:
            yield Text(section.title, style="bold")
        indent = 2 if section.title else 0
        for line in section.lines:
            yield Padding(Text(line), (0, 0, 0, indent), expand=False)


def _line(record: dict[str, Any]) -> str:
    """Return a record in words; empty for what a person need not read."""
    at = record["at"][11:19]
    match record["kind"]:
        case "began":
            return f"{at} {record['task']} started"
        case "over":
            took = ""
            if record.get("started") and record.get("ended"):
                took = f" in {span(_seconds(record['started'], record['ended']))}"
            how = "done" if record["outcome"] == "done" else f"{record['outcome']}"
            if record["outcome"] != "done" and record.get("code") is not None:
                how += f" (exit code {record['code']})"
            return f"{at} {record['task']} {how}{took}"
        case "gave_up":
            return f"{at} {record['task']} is given up: {record['reason']}"
        case "late":
            return f"{at} {record['task']} is late"
        case "silent":
            return f"{at} {record['task']}: no answer yet: {record.get('message', '')[:200]}"
        case "machine_lost":
            return f"{at} machines gone: {', '.join(record['machines'])}"
        case "replanned":
            return f"{at} planned anew: {record['reason']}"
        case _:
            return ""


def _seconds(start: str, end: str) -> float:
    from datetime import datetime

    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
