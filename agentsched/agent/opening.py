"""From settings to the surroundings of one conversation; nothing is started or sent yet."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from agentsched.agent.context import AgentContext
from agentsched.agent.desk import Desk
from agentsched.calendars.own import own_zone
from agentsched.errors import SettingsError, UserError, WeightsError
from agentsched.execution import Clock, DryRun, Executor, LocalExecutor, SystemClock, VirtualClock
from agentsched.execution.slurm import SlurmExecutor
from agentsched.llm import ChatModel, open_model
from agentsched.planning.catalogue import load_catalogue
from agentsched.planning.inventory_file import load_inventory
from agentsched.planning.this_machine import this_machine
from agentsched.settings import Settings, home
from memory import open_memory


@dataclass(frozen=True, slots=True)
class Places:
    """Where a user's things lie."""

    threads: str
    locks: Path
    executions: Path
    cassettes: Path

    @classmethod
    def of(cls, settings: Settings) -> Places:
        """Return the places that the settings name, and the home folder's for the others."""
        base = home()
        return cls(
            threads=settings.agent.threads or str(base / "threads.db"),
            locks=base / "locks",
            executions=settings.execution.directory or base / "executions",
            cassettes=base / "calls",
        )


@contextmanager
def open_context(
    settings: Settings, thread: str, *, eager: bool | None = None, clock: Clock | None = None,
    model: ChatModel | None = None, model_kind: str | None = None,
) -> Iterator[AgentContext]:  # fmt: skip
    """Open the surroundings of a thread; the model is closed at the end.

    Args:
        settings: Whose.
        thread: Name of the conversation.
        eager: Start tasks before their planned time; None as the settings say.
        clock: Tells the time; the system's when left out.
        model: Who reads; None opens the one of ``model_kind``.
        model_kind: ``openai``, ``local`` or ``none``; None is as configured, and does without if
            there is none.

    Raises:
        UserError: Inventory, job file or zone are wrong.
    """
    places, zone = Places.of(settings), own_zone(settings.calendar)
    clock = clock or clock_of(settings)
    opened, why = (model, "") if model is not None else _model(settings, places, thread, model_kind)
    agent = settings.agent
    try:
        yield AgentContext(
            settings=settings,
            thread=thread,
            clock=clock,
            zone=zone,
            inventory=load_inventory(agent.inventory) if agent.inventory else this_machine(),
            jobs=load_catalogue(agent.jobs) if agent.jobs else (),
            model=opened,
            why_no_model=why,
            desk=lambda: Desk.open(settings.calendar, zone, clock.now()),
            memory=lambda: closing(open_memory(settings.memory.url)),
            executor=lambda name: executor_of(settings, places.executions / name, clock),
            executions=places.executions,
            eager=settings.execution.eager if eager is None else eager,
        )
    finally:
        if opened is not None and model is None:
            opened.close()


def _model(
    settings: Settings, places: Places, thread: str, kind: str | None
) -> tuple[ChatModel | None, str]:
    """Return the model, or None and why."""
    match kind:
        case "none":
            return None, "--model none"
        case "openai" | "local" | None:
            pass
        case _:
            raise UserError(f"--model must be openai, local or none, got {kind!r}")
    try:
        cassette = places.cassettes / f"{thread}.jsonl"
        return open_model(settings.model, kind, cassette=cassette), ""
    except WeightsError as error:
        if kind is not None:
            raise
        return None, str(error)


def clock_of(settings: Settings) -> Clock:
    """Return the clock: a rehearsal runs in virtual time, everything else in the machine's."""
    if settings.execution.executor == "dry-run":
        return VirtualClock(SystemClock().now())
    return SystemClock()


def executor_of(settings: Settings, folder: Path, clock: Clock) -> Executor:
    """Return what runs the tasks of an execution, which has its folder.

    Raises:
        SettingsError: It is not installed.
    """
    match settings.execution.executor:
        case "local":
            return LocalExecutor(folder / "attempts", Path.cwd(), environment=os.environ)
        case "slurm":
            if shutil.which("sbatch") is None:
                raise SettingsError(
                    "[execution] executor is 'slurm', but no sbatch is on PATH; install Slurm's "
                    "client commands, or set it to local"
                )
            return SlurmExecutor(folder / "attempts", Path.cwd(), environment=os.environ)
        case "dry-run":
            return DryRun(clock)
