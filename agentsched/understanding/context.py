"""What a message is read against: now, where the user is, and what was spoken of before."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time
from zoneinfo import ZoneInfo

from agentsched.planning.graph import TaskGraph
from agentsched.planning.inventory import Inventory
from agentsched.understanding.intents import Understood


@dataclass(frozen=True, slots=True)
class Context:
    """Everything but the message itself; made by the caller for each turn."""

    now: datetime
    """Aware; the clock is read by the caller."""
    zone: ZoneInfo
    """The user's."""
    graph: TaskGraph | None = None
    """The last plan's, which follow-ups change."""
    inventory: Inventory | None = None
    """Machines that wishes about places can name; None: such wishes are left for later."""
    event: str = ""
    """Title of the event spoken of last."""
    asked: Understood | None = None
    """What waits for the answer to the question in it, which the message may be."""
    history: tuple[str, ...] = ()
    """The user's earlier messages, oldest first."""
    people: tuple[str, ...] = ()
    """Names that are known."""
    scenarios: tuple[str, ...] = ()
    """Names of scenarios that evolution can run on."""
    opens: time = time(9)
    closes: time = time(17)
    """Working hours, where a message names none."""
    meeting_minutes: int = field(default=30)
    """Length of an event where a message names none."""

    def __post_init__(self) -> None:
        if self.now.tzinfo is None:
            raise ValueError(f"now must carry a time zone, got {self.now}")
