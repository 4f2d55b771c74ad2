"""What an execution writes down, one record a line; the same records are its stream of events."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from agentsched.execution.executor import Outcome
from agentsched.planning.graph import TaskGraph, TaskId
from agentsched.planning.inventory import Inventory
from agentsched.planning.plan import Plan

VERSION = 1

Words = Annotated[str, Field(max_length=2000)]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    at: AwareDatetime
    """When it was written, by the execution's clock."""


class Opened(_Record):
    """The first line: everything that is needed to go on."""

    kind: Literal["opened"] = "opened"
    version: int = VERSION
    execution: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,79}$")
    """Names it; part of every attempt's key."""
    executor: str
    graph: TaskGraph
    plan: Plan
    inventory: Inventory


class Replanned(_Record):
    """Another plan for what is left."""

    kind: Literal["replanned"] = "replanned"
    graph: TaskGraph
    plan: Plan
    inventory: Inventory
    reason: Words = ""


class Intent(_Record):
    """An attempt is about to be started; on disk before anything is."""

    kind: Literal["intent"] = "intent"
    task: TaskId
    number: int
    """From 1."""
    key: str
    machines: tuple[str, ...] = ()
    """One a member, as the plan in force said."""
    seconds: float = 0.0
    """How long that plan thought it would take."""
    limit: float | None = None
    """Seconds after which it is killed."""
    begin: AwareDatetime | None = None
    """The executor itself holds it until then."""
    devices: tuple[tuple[int, ...], ...] = ()
    after: tuple[str, ...] = ()
    """Keys the executor itself makes it wait for."""


class Taken(_Record):
    """The executor has it, but does not run it yet."""

    kind: Literal["taken"] = "taken"
    task: TaskId
    key: str
    handle: str = ""


class Began(_Record):
    """It was seen running."""

    kind: Literal["began"] = "began"
    task: TaskId
    key: str
    handle: str = ""
    started: AwareDatetime


class Stopping(_Record):
    """An attempt is about to be stopped."""

    kind: Literal["stopping"] = "stopping"
    task: TaskId
    key: str
    why: Literal["asked", "leaving"]
    """``leaving``: the whole execution stops, and the task is started again when it goes on."""


class Over(_Record):
    """An attempt has ended."""

    kind: Literal["over"] = "over"
    task: TaskId
    key: str
    outcome: Outcome
    code: int | None = None
    reason: Words = ""
    started: AwareDatetime | None = None
    ended: AwareDatetime | None = None
    transient: bool = False
    """The executor says that the same may go well later."""
    machine_gone: bool = False


class GaveUp(_Record):
    """A task will not be tried again unless somebody says so."""

    kind: Literal["gave_up"] = "gave_up"
    task: TaskId
    reason: Words


class Again(_Record):
    """Somebody says so."""

    kind: Literal["again"] = "again"
    task: TaskId


class Late(_Record):
    """A task is beyond its planned end, or takes far longer than planned."""

    kind: Literal["late"] = "late"
    task: TaskId
    key: str
    """Empty for a task that could not even start."""
    straggling: bool
    """It is slow, not merely started late."""
    seconds: float
    """Beyond its planned end; beyond its planned duration when straggling."""


class Silent(_Record):
    """The executor does not answer for an attempt, which is left alone meanwhile."""

    kind: Literal["silent"] = "silent"
    task: TaskId
    key: str
    message: Words


class MachineLost(_Record):
    """A machine is gone; nothing starts there until a new plan."""

    kind: Literal["machine_lost"] = "machine_lost"
    machines: tuple[str, ...]
    tasks: tuple[str, ...]
    """Tasks that ran or should run there."""


class Left(_Record):
    """The runner stopped before the end."""

    kind: Literal["left"] = "left"
    detached: bool
    """What ran goes on running; otherwise it was asked to stop."""
    tasks: tuple[str, ...]
    """Those that were running."""


class Finished(_Record):
    """Nothing is left that could be started."""

    kind: Literal["finished"] = "finished"
    done: int
    unfinished: int
    delay: float
    """Seconds the last task ended after the first plan's end; negative when earlier."""


Record = Annotated[
    Opened | Replanned | Intent | Taken | Began | Stopping | Over | GaveUp | Again | Late | Silent
    | MachineLost | Left | Finished,
    Field(discriminator="kind"),
]  # fmt: skip

READER: TypeAdapter[Record] = TypeAdapter(Record)
