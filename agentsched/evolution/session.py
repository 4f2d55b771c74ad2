"""One process at work on a run: its folder, its state, its evaluating processes, its manners."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from agentsched.evolution.config import EvolveConfig
from agentsched.evolution.pool import Pool, Result
from agentsched.evolution.run import Event, Run
from agentsched.evolution.state import State
from evaluator.errors import EvaluatorError
from evaluator.world import Scenario


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands, for whoever shows it."""

    phase: str
    """known rules, evolving, validation, sealed test, robustness, done."""
    evaluations: int
    budget: int
    proposals: int
    accepted: int
    """Proposals that became members of the population."""
    best: str
    gain: float
    """Of the best member on train against the best known rule, as a log-ratio."""
    failures: dict[str, int]
    tokens: int
    cost: float
    waiting: int = 0
    """Evaluations of this phase still to come, outside the proposing."""


Watcher = Callable[[Progress], None]


class Interrupts:
    """Ctrl-C: the first asks to finish, the second ends the process's work at once."""

    def __init__(self) -> None:
        self.asked = False

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Catch SIGINT meanwhile; outside the main thread there is nothing to catch."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, self._hear)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


@dataclass(slots=True)
class Session:
    """What the steps of a run share."""

    run: Run
    config: EvolveConfig
    scenario: Scenario
    state: State
    pool: Pool
    watcher: Watcher | None = None
    interrupts: Interrupts = field(default_factory=Interrupts)
    phase: str = ""
    began: float = field(default_factory=time.monotonic)
    booked: float = 0.0
    """Wall time of this session that is already in events, seconds."""

    def record(self, event: Event, *, durable: bool = False) -> None:
        """Write an event down, then let the state follow."""
        self.run.append(event, durable=durable)
        self.state.apply(event)

    def elapsed(self) -> float:
        """Return wall time of this session that no event has booked yet, seconds."""
        return time.monotonic() - self.began - self.booked

    def book(self) -> float:
        """Return ``elapsed`` for an event and start counting anew."""
        elapsed = self.elapsed()
        self.booked += elapsed
        return round(elapsed, 3)

    def show(self, waiting: int = 0) -> None:
        """Tell the watcher where the run stands."""
        if self.watcher is None:
            return
        state = self.state
        best = state.population.best(1)[0] if state.population else None
        self.watcher(
            Progress(
                phase=self.phase, evaluations=state.spent.evaluations,
                budget=self.config.budget.evaluations, proposals=len(state.results),
                accepted=len(state.members), best=best.name if best else "",
                gain=best.gain if best else 0.0, failures=dict(state.failures),
                tokens=state.spent.tokens_in + state.spent.tokens_out, cost=state.spent.cost,
                waiting=waiting,
            )
        )  # fmt: skip

    def policy(self, name: str) -> dict[str, str]:
        """Return how evaluating processes are told of a known rule or candidate."""
        if name in self.state.known and name != self.state.incumbent:
            return {"rule": name}
        return {"text": self.state.member(name).text, "name": name}

    def score(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Result]]:
        """Evaluate all tasks side by side; results come in the order of the tasks.

        A task is cut into small jobs, so that one deadline fits all and a slow rule keeps every
        process busy. Known rules have no deadline.
        """
        size = 4
        tickets = []
        for task in tasks:
            cuts = [task.indices[i : i + size] for i in range(0, max(1, len(task.indices)), size)]
            policy, trusted = self.policy(task.who), task.who in self.state.known
            tickets.append(
                [self.pool.submit(task.job(policy, cut), trusted=trusted) for cut in cuts]
            )
        for done, (task, mine) in enumerate(zip(tasks, tickets, strict=True)):
            self.show(waiting=len(tasks) - done)
            yield task, _join([self.pool.wait(ticket) for ticket in mine])


@dataclass(frozen=True, slots=True)
class Task:
    """Some policy on some instances."""

    who: str
    split: str
    labels: tuple[str | int, ...]
    """Of the seed (``Seeds.of``)."""
    indices: tuple[int, ...]
    perturbation: str = ""

    def job(self, policy: dict[str, str], indices: tuple[int, ...]) -> dict[str, Any]:
        """Return what an evaluating process is sent."""
        return {
            "do": "score", "policy": policy, "split": self.split, "labels": list(self.labels),
            "indices": list(indices), "perturbation": self.perturbation,
        }  # fmt: skip


def must_score(who: str, result: Result) -> Result:
    """Return the result of a known rule, which has no business failing.

    Raises:
        EvaluatorError: It failed; the scenario names a rule that cannot work in it.
    """
    if result["kind"] != "scored":
        raise EvaluatorError(
            f"known rule {who!r} failed in {result['stage']}: {result['message']}; "
            "take it out of the scenario's known rules"
        )
    return result


def _join(parts: Sequence[Result]) -> Result:
    """Put the parts of a task together; the first failure is the task's."""
    for part in parts:
        if part["kind"] != "scored":
            return part
    return {
        "kind": "scored",
        "metrics": [row for part in parts for row in part["metrics"]],
        "digests": [digest for part in parts for digest in part["digests"]],
        "tasks": sum(part["tasks"] for part in parts),
        "cpu": sum(part["cpu"] for part in parts),
    }
