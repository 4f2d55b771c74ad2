"""Pods that cannot be placed: who stays, moves or is evicted, tier by tier, with a certificate.

After Christensen, Giallorenzo and Mauro, "Priority Matters" (arXiv 2511.08373): for each tier
first as many pods as possible of it and those before it, then as little disruption as possible,
each kept for what follows. Where the published solver would rather evict than move, a pod here
stays rather than moves and moves rather than goes. docs/design/packing.md has the reasons.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from agentsched.errors import UserError
from agentsched.planning.inventory import Inventory
from agentsched.planning.packing.bounds import most_placed
from agentsched.planning.packing.default import has_room, place_by_default, take
from agentsched.planning.packing.model import LEAST_SECONDS, Effort, PackingModel
from agentsched.planning.packing.pods import Pod
from agentsched.planning.packing.problem import (
    NOWHERE,
    PackingProblem,
    Places,
    formulate_packing,
    merit,
)
from agentsched.planning.packing.repair import repair
from agentsched.planning.packing.search import improve

Outcome = Literal["better and optimal", "better", "already optimal", "no call", "unknown"]
"""Against the default scheduler; ``no call``: it placed every pod; ``unknown``: nothing better was
found, and nothing proves that there is nothing."""

ALPHA: Final = 0.6
"""Share of the time that is kept equally for the tiers; the rest goes to whoever comes first."""
_STEPS: Final = 50_000
"""Of the repair, a second of the time."""
_MARGIN: Final = 0.03
"""Share of the time that is left for what cannot be stopped."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A pod that waited and gets a machine."""

    pod: str
    node: str


@dataclass(frozen=True, slots=True)
class Move:
    """A running pod that must change machines."""

    pod: str
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Eviction:
    """A running pod that must go."""

    pod: str
    node: str


@dataclass(frozen=True, slots=True)
class TierCount:
    """How a tier fares."""

    tier: int
    pods: int
    by_default: int
    """Placed by the default scheduler."""
    placed: int
    proved: bool
    """With the tiers before it as they are, no placement has more pods of this one."""


@dataclass(frozen=True, slots=True)
class Packing:
    """What is proposed; nothing has happened yet."""

    outcome: Outcome
    placed: tuple[Placed, ...] = ()
    moves: tuple[Move, ...] = ()
    evictions: tuple[Eviction, ...] = ()
    waiting: tuple[str, ...] = ()
    """Pods that still have no machine, those evicted apart."""
    tiers: tuple[TierCount, ...] = ()
    gentle: bool = False
    """As many pods cannot be placed with fewer moves and evictions; proved."""
    seconds: float = field(default=0.0, compare=False)

    @property
    def certificate(self) -> str:
        """What is proved, in one sentence."""
        if self.outcome == "no call":
            return "every pod has a machine; nothing had to be solved"
        known = [count.tier for count in self.tiers if count.proved]
        if len(known) == len(self.tiers):
            gentle = ", nor as many with less disruption" if self.gentle else ""
            return f"proved: no placement has more pods, tier by tier{gentle}"
        if known:
            listed = ", ".join(map(str, known))
            return f"proved for tier {listed}; for the others a better placement may exist"
        return "nothing is proved: a better placement may exist; more seconds may find it"


def pack(
    pods: Sequence[Pod],
    inventory: Inventory,
    *,
    seconds: float = 10.0,
    workers: int = 2,
    seed: int = 0,
) -> Packing:
    """Propose machines for pods, and what must move or go for them.

    Args:
        pods: Those that run (``node``) and those that wait.
        inventory: The machines.
        seconds: Wall time in all.
        workers: Threads of the solver.
        seed: Of the search; the same seed gives the same answer wherever time does not run out.

    Raises:
        UserError: The pods contradict each other or the machines.
    """
    if not seconds > 0:
        raise UserError(f"seconds must be > 0, got {seconds:g}")
    problem = formulate_packing(pods, inventory)
    default = place_by_default(problem)
    if NOWHERE not in default:
        return _told(pods, inventory, problem, default, _Answer(default), called=False)
    answer = _Search(problem, default, Effort(seconds, workers, seed)).run()
    return _told(pods, inventory, problem, default, answer)


@dataclass(slots=True)
class _Answer:
    places: Places
    proved: list[bool] = field(default_factory=list)
    gentle: bool = False
    seconds: float = 0.0


class _Search:
    """Repair, neighbourhoods, then tier by tier the whole, within one time."""

    def __init__(self, problem: PackingProblem, default: Places, effort: Effort) -> None:
        self._problem = problem
        self._began = time.monotonic()
        self._ends = self._began + effort.seconds * (1 - _MARGIN)
        self._effort = effort
        self._steps = int(_STEPS * min(effort.seconds, 10.0))
        self._best = default
        self._floors: list[int] = []
        self._suffered: list[int] = []

    def run(self) -> _Answer:
        """Return the best placement found and what is proved of it."""
        self._take(repair(self._problem, self._best, self._steps))
        pool = (1 - ALPHA) * self._effort.seconds
        self._take(improve(self._problem, self._best, self._share(pool)))
        proved: list[bool] = []
        gentle = True
        reserve = ALPHA * self._effort.seconds / self._problem.levels
        for tier in range(self._problem.levels):
            later = reserve * (self._problem.levels - tier - 1)
            halfway = max(self._left() - later, 0) / 2
            proved.append(self._place(tier, halfway))
            self._floors.append(merit(self._problem, self._best).placed[tier])
            gentle &= self._calm(tier, max(self._left() - later, 0))
            self._suffered.append(merit(self._problem, self._best).disruption[tier])
        # A count is proved only together with those before it.
        proved = [all(proved[: tier + 1]) for tier in range(len(proved))]
        seconds = time.monotonic() - self._began
        return _Answer(self._best, proved, gentle and all(proved), seconds)

    def _left(self) -> float:
        return self._ends - time.monotonic()

    def _share(self, seconds: float) -> Effort:
        return Effort(min(seconds, self._left()), self._effort.workers, self._effort.seed)

    def _take(self, places: Places) -> None:
        if merit(self._problem, places) > merit(self._problem, self._best):
            self._best = places

    def _place(self, tier: int, seconds: float) -> bool:
        """Place as many pods up to a tier as possible; return whether that is proved."""
        here = merit(self._problem, self._best).placed[tier]
        pods = sum(len(members) for members in self._problem.members[: tier + 1])
        if here == pods:
            return True
        if seconds < LEAST_SECONDS:
            return False
        if here >= most_placed(self._problem, tier, self._floors, seconds / 4):
            return True
        model = self._model(tier)
        solved = model.solve(model.placed(tier), self._share(seconds * 3 / 4))
        self._take_up_to(tier, solved.places)
        return solved.proved or merit(self._problem, self._best).placed[tier] == pods

    def _calm(self, tier: int, seconds: float) -> bool:
        """Disturb running pods up to a tier as little as possible; return whether it is proved."""
        if merit(self._problem, self._best).disruption[tier] == sum(self._suffered[-1:]):
            return True
        if seconds < LEAST_SECONDS:
            return False
        model = self._model(tier)
        model.model.add(model.placed(tier) >= self._floors[tier])
        solved = model.solve(-model.disruption(tier), self._share(seconds))
        self._take_up_to(tier, solved.places)
        return solved.proved

    def _model(self, tier: int) -> PackingModel:
        """Return the model of all pods up to a tier, what is settled kept; later pods give way."""
        problem = self._problem
        counts = [t <= tier or pin for t, pin in zip(problem.tiers, problem.pinned, strict=True)]
        start = tuple(
            node if counted else NOWHERE for node, counted in zip(self._best, counts, strict=True)
        )
        pods = [pod for pod, counted in enumerate(counts) if counted]
        model = PackingModel(problem, start, range(len(problem.capacity)), pods)
        for earlier, count in enumerate(self._floors[:tier]):
            model.model.add(model.placed(earlier) >= count)
        for earlier, cost in enumerate(self._suffered[:tier]):
            model.model.add(model.disruption(earlier) <= cost)
        return model

    def _take_up_to(self, tier: int, places: Places) -> None:
        """Take a placement of the pods up to a tier; later ones keep their places if they can."""
        problem = self._problem
        kept = list(places)
        left = problem.room(places)
        for members in problem.members[tier + 1 :]:
            for pod in members:
                node = self._best[pod]
                if kept[pod] == NOWHERE != node and has_room(problem, pod, left[node]):
                    kept[pod] = node
                    take(problem, pod, left[node])
        self._take(tuple(kept))
        self._take(repair(problem, tuple(kept), self._steps // 4))


def _told(
    pods: Sequence[Pod],
    inventory: Inventory,
    problem: PackingProblem,
    default: Places,
    answer: _Answer,
    *,
    called: bool = True,
) -> Packing:
    """Return the answer in names."""
    nodes = [machine.name for machine in inventory.machines]
    placed, moves, evictions, waiting = [], [], [], []
    for pod, home, node in zip(pods, problem.home, answer.places, strict=True):
        match home == NOWHERE, node == NOWHERE:
            case True, True:
                waiting.append(pod.name)
            case True, False:
                placed.append(Placed(pod.name, nodes[node]))
            case False, True:
                evictions.append(Eviction(pod.name, nodes[home]))
            case False, False if home != node:
                moves.append(Move(pod.name, nodes[home], nodes[node]))
    return Packing(
        outcome=_outcome(problem, default, answer) if called else "no call",
        placed=tuple(placed),
        moves=tuple(moves),
        evictions=tuple(evictions),
        waiting=tuple(waiting),
        tiers=_tier_counts(pods, problem, default, answer),
        gentle=answer.gentle or not called,
        seconds=answer.seconds,
    )


def _outcome(problem: PackingProblem, default: Places, answer: _Answer) -> Outcome:
    before, after = merit(problem, default).placed, merit(problem, answer.places).placed
    if after > before:
        return "better and optimal" if all(answer.proved) else "better"
    return "already optimal" if all(answer.proved) else "unknown"


def _tier_counts(
    pods: Sequence[Pod], problem: PackingProblem, default: Places, answer: _Answer
) -> tuple[TierCount, ...]:
    counts = []
    for rank, members in enumerate(problem.members):
        counts.append(
            TierCount(
                tier=pods[members[0]].tier,
                pods=len(members),
                by_default=sum(default[pod] != NOWHERE for pod in members),
                placed=sum(answer.places[pod] != NOWHERE for pod in members),
                proved=answer.proved[rank] if answer.proved else True,
            )
        )
    return tuple(counts)


def describe_packing(packing: Packing) -> str:
    """Return the proposal in words, what is disturbed first; one line each."""
    lines = [f"{packing.outcome}: {packing.certificate}"]
    for count in packing.tiers:
        lines.append(
            f"tier {count.tier}: {count.placed} of {count.pods} placed, "
            f"{count.by_default} by the default scheduler"
        )
    lines += [f"evict {e.pod} from {e.node}" for e in packing.evictions]
    lines += [f"move {m.pod} from {m.source} to {m.target}" for m in packing.moves]
    lines += [f"place {p.pod} on {p.node}" for p in packing.placed]
    lines += [f"{name} keeps waiting" for name in packing.waiting]
    return "\n".join(lines)
