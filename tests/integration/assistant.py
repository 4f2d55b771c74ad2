"""An assistant with a folder of its own: machines, jobs that count their runs, a calendar."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from agentsched.agent import (
    Approval,
    Session,
    Standing,
    open_context,
    open_session,
    read_reply,
)
from agentsched.execution import SystemClock
from agentsched.llm import ChatModel
from agentsched.settings import Settings, load_settings

T = TypeVar("T")
ZONE = ZoneInfo("Europe/Berlin")

MACHINES = """
[[machine]]
name = "big"
count = 2
cpus = 16
memory = 64
devices = 4
device = "A100"
[[machine]]
name = "small"
cpus = 8
memory = 32
devices = 1
device = "T4"
"""


class FixedClock(SystemClock):
    """Runs on from a given moment at the machine's pace."""

    def __init__(self, start: datetime) -> None:
        self._shift = start - super().now()

    def now(self) -> datetime:
        return super().now() + self._shift


@dataclass(frozen=True)
class Assistant:
    """Talks to the agent as the command line does, each turn in a fresh process's state."""

    folder: Path
    settings: Settings
    now: datetime
    clock: FixedClock
    """Runs on between the turns."""
    model: ChatModel | None = None

    def talk(
        self, *words: str, thread: str = "t", work: Callable[[Session], Any] | None = None
    ) -> Standing:
        """Say these one after the other; return where the thread then stands."""
        return asyncio.run(self._talk(words, thread))

    async def _talk(self, words: tuple[str, ...], thread: str) -> Standing:
        async def each(session: Session) -> Standing:
            standing = await session.standing()
            for word in words:
                if standing.ask is not None:
                    events = session.reply(read_reply(word, standing.ask))
                else:
                    events = session.say(word)
                async for _ in events:
                    pass
                standing = await session.standing()
            return standing

        return await self.within(each, thread)

    async def within(
        self, work: Callable[[Session], Coroutine[Any, Any, T]], thread: str = "t"
    ) -> T:
        """Open the thread, do something with it, close it."""
        kind = None if self.model is not None else "none"
        with open_context(
            self.settings, thread, clock=self.clock, model=self.model, model_kind=kind
        ) as context:
            async with open_session(context) as session:
                return await work(session)

    def runs(self, task: str) -> int:
        """How often a job ran: each run adds a line."""
        path = self.folder / f"{task}.ran"
        return len(path.read_text().splitlines()) if path.exists() else 0

    def titles(self, day: str) -> list[str]:
        """What the calendar has on a day."""
        from agentsched.agent.desk import Desk

        low = datetime.fromisoformat(day).replace(tzinfo=ZONE)
        with Desk.open(self.settings.calendar, ZONE, self.now) as desk:
            found = desk.occurrences(low, low.replace(hour=23, minute=59))
        return [f"{o.start.astimezone(ZONE):%H:%M} {o.title}" for o in found]


def assistant(
    folder: Path, monkeypatch: Any, *, jobs: str = "", model: ChatModel | None = None,
    now: datetime | None = None, **more: object,
) -> Assistant:  # fmt: skip
    """Set a folder up and return the assistant in it."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("AGENTSCHED_HOME", str(folder / "home"))
    (folder / "calendar").mkdir(exist_ok=True)
    (folder / "machines.toml").write_text(MACHINES)
    (folder / "jobs.toml").write_text(jobs or default_jobs(folder))
    flags = {
        "agent.inventory": folder / "machines.toml",
        "agent.jobs": folder / "jobs.toml",
        "agent.solver_seconds": 2.0,
        "calendar.url": str(folder / "calendar"),
        "calendar.zone": "Europe/Berlin",
        "execution.eager": True,
        "memory.url": f"sqlite:///{folder}/memory.db",
        **more,
    }
    settings = load_settings(flags)
    moment = now or datetime(2026, 3, 4, 10, 0, tzinfo=ZONE)
    return Assistant(folder, settings, moment, FixedClock(moment), model)


def job(folder: Path, words: str, *, script: str = "", **fields: object) -> str:
    """A job whose every run adds a line to ``NAME.ran``; ``script`` follows."""
    name = words.split()[0]
    command = f"echo ran >> {folder}/{name}.ran; {script or 'true'}"
    lines = [
        "[[job]]",
        f"words = {json.dumps(words)}",
        f"run = {json.dumps(['sh', '-c', command])}",
        *(f"{key} = {json.dumps(value)}" for key, value in fields.items()),
    ]
    return "\n".join(lines) + "\n"


def default_jobs(folder: Path) -> str:
    return "".join(
        (
            job(folder, "train", duration="20 min", devices=1),
            job(folder, "evaluate", duration="10 min", devices=1),
            job(folder, "report", duration="5 min"),
        )
    )


YES = Approval(decision="yes")
