"""What runs a task: one attempt, what can be said of it, and the verbs every executor has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from agentsched.errors import AgentSchedError, Exit, UserError
from agentsched.planning.graph import Demand

_KEY = re.compile(r"[a-z0-9][a-z0-9_.-]{0,179}")
_NO_DEMAND = Demand()

Outcome = Literal["done", "failed", "timeout", "cancelled", "skipped", "refused", "lost"]
"""How an attempt ended. ``skipped``: never ran, as what it waited for did not end well.
``refused``: the executor did not take it. ``lost``: it ran, and nobody can say how it ended."""


class ExecutorError(AgentSchedError):
    """The executor did not answer, or not in a way that can be understood: nothing is known."""

    exit = Exit.EXECUTION


class Unreachable(ExecutorError):
    """The executor as a whole was not heard: asking for another attempt would not help."""


class Refused(ExecutorError):
    """The executor did not take an attempt: it surely does not run."""

    def __init__(self, message: str, *, transient: bool) -> None:
        super().__init__(message)
        self.transient = transient
        """The same request may be taken later."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One start of one task. Under one key at most one start ever happens."""

    key: str
    """Names it for ever, in the ledger, in folders and in job names: ``EXECUTION.TASK.NUMBER``."""
    task: str
    command: tuple[str, ...]
    """Program and arguments; no shell reads them."""
    machines: tuple[str, ...] = ()
    """One a gang member, as planned."""
    demand: Demand = _NO_DEMAND
    """Of one member."""
    members: int = 1
    seconds: float = 0.0
    """How long the plan thinks it takes."""
    limit: float | None = None
    """Seconds after which it is killed; None for no limit."""
    devices: tuple[tuple[int, ...], ...] = ()
    """Which accelerators each member gets, by index on its machine."""
    environment: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    """Keys of attempts that must end well first; only for executors that hold what waits."""
    begin: datetime | None = None
    """Not before; only for executors that hold what waits."""

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise UserError(
                f"attempt key {self.key!r} must be 1 to 180 of a-z 0-9 _ . - and begin with a "
                "letter or digit; name the execution otherwise"
            )
        if not self.command:
            raise UserError(f"task {self.task!r} has no command; there is nothing to run")
        for argument in self.command:
            if "\0" in argument:
                raise UserError(f"task {self.task!r}: argument {argument!r} holds a NUL byte")


@dataclass(frozen=True, slots=True)
class Absent:
    """Nothing was ever started under this key."""


@dataclass(frozen=True, slots=True)
class Queued:
    """Taken, not yet running."""

    handle: str = ""
    """The executor's own name for it: a job id."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Running:
    """It runs."""

    started: datetime
    handle: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """It is over, for good."""

    outcome: Outcome
    code: int | None = None
    """Exit code; negative for a signal; None where there is none."""
    reason: str = ""
    """In words, where the code does not say it."""
    started: datetime | None = None
    ended: datetime | None = None
    machine_gone: bool = False
    """Its machine is lost, and with it whatever else runs there."""


Status = Absent | Queued | Running | Ended


class Executor(Protocol):
    """Runs attempts. One per execution at a time; its verbs may be called concurrently.

    Every verb may raise ``ExecutorError`` (nothing is known of this attempt, ask again),
    ``Unreachable`` among them (nor of any other), and nothing else. A verb that is cancelled
    half-way leaves what calling it again mends.
    """

    @property
    def name(self) -> str:
        """``local``, ``slurm``, ``dry-run``."""
        ...

    @property
    def holds(self) -> bool:
        """Whether it holds attempts by itself until ``after`` and ``begin`` allow them."""
        ...

    async def submit(self, attempt: Attempt) -> Status:
        """Start an attempt, unless its key was started or cancelled before; then say what is known.

        Raises:
            Refused: It does not run and will not.
        """
        ...

    async def poll(self, key: str) -> Status:
        """Say what is known of a key."""
        ...

    async def cancel(self, key: str) -> Status:
        """Ask it to stop, then make it; a key that was never started will not start any more."""
        ...

    async def recover(self, key: str) -> Status:
        """Find again what was started under a key before this process.

        ``Absent`` means that submitting the same key starts it, and starts it once, even if an
        earlier submission is still on its way.
        """
        ...
