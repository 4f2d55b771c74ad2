"""When a task is tried again, when it is late, and how long to be patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentsched.errors import UserError
from agentsched.execution.records import Over
from agentsched.execution.state import Tried
from agentsched.planning.graph import Task

EX_TEMPFAIL = 75
"""What a program ends with when it says itself that trying again later may help (sysexits.h)."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How a plan is carried out; all times in seconds."""

    eager: bool = False
    """Start before the planned time where predecessors, release and machines allow it."""
    transient_codes: frozenset[int] = frozenset({EX_TEMPFAIL})
    """Exit codes that ask for another try, even of a task without retries."""
    permanent_codes: frozenset[int] = frozenset({126, 127})
    """Exit codes that no other try will change: no such program, not executable."""
    transient_retries: int = 2
    """How often a transient failure is repeated, if the task itself does not say more."""
    backoff: float = 1.0
    """Before the first repetition; doubled before each further one."""
    backoff_most: float = 300.0
    late_margin: float = 60.0
    """Beyond its planned end before a task counts as late."""
    straggler_factor: float = 2.0
    """Times its planned duration before a running task counts as a straggler."""
    limit_factor: float | None = None
    """Times its planned duration before a task is killed; None never kills."""
    call_seconds: float = 30.0
    """For one call of the executor; one that takes longer is asked again."""
    silence: float = 600.0
    """Without an answer for one attempt, while the executor is heard otherwise, before it is given
    up as lost; it is not started again."""
    patience: float = 120.0
    """Without any answer of the executor before the plan is left, to be gone on with."""
    poll_least: float = 0.05
    poll_most: float = 5.0
    """Between two looks at what runs; in between, a twentieth of how long it has run."""
    wake_most: float = 30.0
    """Between two looks at the clock, which may have been set meanwhile."""

    def __post_init__(self) -> None:
        for name in ("backoff", "late_margin", "silence", "patience", "transient_retries"):
            if getattr(self, name) < 0:
                raise UserError(f"{name} must be >= 0, got {getattr(self, name)}")
        for name in ("call_seconds", "poll_least", "poll_most", "wake_most", "straggler_factor"):
            if getattr(self, name) <= 0:
                raise UserError(f"{name} must be > 0, got {getattr(self, name)}")
        if self.limit_factor is not None and self.limit_factor < 1:
            raise UserError(f"limit_factor must be >= 1 or None, got {self.limit_factor}")

    def pause(self, running: float) -> float:
        """Return seconds until the next look at something that has run for so long."""
        return min(max(self.poll_least, running / 20), self.poll_most)


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again."""

    after: float
    """Seconds after the end of the last attempt."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Do not try again."""

    reason: str


def judge(task: Task, attempts: Sequence[Tried], rules: Rules) -> Retry | Stop:
    """Say what follows on a failed attempt, the last of these.

    A machine that was lost, or a result that nobody knows, is repeated only if the task allows
    retries: it may have run, perhaps to the end.
    """
    over = attempts[-1].over
    assert over is not None
    if over.outcome == "cancelled":
        return Stop("cancelled")
    if over.outcome == "refused" and not over.transient:
        return Stop(f"refused: {over.reason}")
    if over.code in rules.permanent_codes:
        return Stop(describe(over))
    failures = [tried for tried in attempts if tried.counts]
    transient = over.outcome == "refused" or over.code in rules.transient_codes
    allowed = max(task.retries, rules.transient_retries) if transient else task.retries
    if len(failures) > allowed:
        again = f" after {len(failures)} attempts" if len(failures) > 1 else ""
        return Stop(f"{describe(over)}{again}")
    return Retry(min(rules.backoff * 2.0 ** (len(failures) - 1), rules.backoff_most))


def describe(over: Over) -> str:
    """Say in words how an attempt ended."""
    match over.outcome:
        case "failed" if over.code is not None and over.code >= 0:
            return f"exit code {over.code}" + (f" ({over.reason})" if over.reason else "")
        case "failed":
            return over.reason or f"signal {-over.code if over.code else '?'}"
        case "timeout":
            return over.reason or "longer than its limit"
        case _:
            return f"{over.outcome}: {over.reason}" if over.reason else over.outcome
