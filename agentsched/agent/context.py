"""What the steps work with and no checkpoint holds: model, clock, machines, stores."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from agentsched.agent.carrying import Carrying
from agentsched.agent.desk import Desk
from agentsched.execution import Clock, Executor
from agentsched.llm import ChatModel
from agentsched.planning.catalogue import Job
from agentsched.planning.inventory import Inventory
from agentsched.settings import Settings
from memory import MemoryStore


@dataclass(frozen=True, slots=True)
class AgentContext:
    """One conversation's surroundings; made by ``opening.open_context``."""

    settings: Settings
    thread: str
    clock: Clock
    zone: ZoneInfo
    inventory: Inventory
    jobs: tuple[Job, ...]
    model: ChatModel | None
    """None: only what rules can read is understood."""
    why_no_model: str
    """In words, when there is none."""
    desk: Callable[[], AbstractContextManager[Desk]]
    """Opens the calendar."""
    memory: Callable[[], AbstractContextManager[MemoryStore]]
    """Opens the memory; one thread at a time."""
    executor: Callable[[str], Executor]
    """Makes the executor of an execution."""
    executions: Path
    """Ledgers lie here, one folder an execution."""
    eager: bool
    carried: dict[str, Carrying] = field(default_factory=dict)
    """Executions of this process, by name."""
