"""Islands and the Pareto archive: who lives, and who is a parent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

Metrics = dict[str, float]


@dataclass(frozen=True, slots=True)
class Member:
    """A policy with its results on the train split."""

    name: str
    """``c0012`` for proposal 12; a known rule goes by its own name."""
    order: int
    """Age: the proposal's number; known rules are negative. Breaks every tie."""
    text: str
    """Source; empty for a known rule that has none."""
    metrics: tuple[Metrics, ...]
    """One dict an instance of the train split."""
    fingerprint: str
    """Digest of its decisions on the smoke and the first train instance."""
    gain: float
    """Mean log-ratio of the objective against the best known rule on the same instances."""
    guards: tuple[float, ...] = ()
    """The same for each guard metric, in the scenario's order."""
    feasible: bool = True
    """Every guard is within its margin."""
    parents: tuple[str, ...] = ()
    origin: str = "known"
    """How it came about: known, full, diff, mutation, …"""
    island: int = -1
    diagnosis: str = ""
    """Where it won and lost, for prompts."""

    @property
    def rank(self) -> tuple[bool, float, int, int]:
        """Sort key, best first: guards, then gain, then the shorter text, then age."""
        return (not self.feasible, -self.gain, len(self.text), self.order)

    @property
    def vector(self) -> tuple[float, ...]:
        """What the Pareto archive compares; more is better."""
        return (self.gain, *self.guards)


def dominates(a: Member, b: Member) -> bool:
    """Whether a is at least as good as b in everything and better in something."""
    pairs = list(zip(a.vector, b.vector, strict=True))
    return all(x >= y for x, y in pairs) and any(x > y for x, y in pairs)


def pareto_front(members: Iterable[Member]) -> tuple[Member, ...]:
    """Return the members that nobody dominates, by gain; of equal vectors the oldest."""
    front: list[Member] = []
    for member in sorted(members, key=lambda m: m.order):
        if any(dominates(other, member) or other.vector == member.vector for other in front):
            continue
        front = [other for other in front if not dominates(member, other)] + [member]
    return tuple(sorted(front, key=lambda m: (-m.gain, m.order)))


@dataclass(frozen=True, slots=True)
class Choice:
    """The parents of one proposal."""

    island: int
    parent: Member
    inspiration: Member | None
    """A second policy to cross with or to be shown; None if there is no other."""


@dataclass(frozen=True, slots=True)
class Population:
    """All islands; a new one is made for each generation, none is changed.

    The rule of choice, for proposal k on island k mod islands:

    * with 60 % a member of the island, the r-th best with weight 1/2**r;
    * with 25 % any member of the Pareto archive (objective against guards);
    * with 15 % the best member of another island.

    The inspiration is drawn in the same way until it is another policy, at most 8 times.
    """

    islands: tuple[tuple[Member, ...], ...]
    """Members by rank, best first."""
    archive: tuple[Member, ...] = ()
    capacity: int = 12
    archive_capacity: int = 24

    @classmethod
    def found(cls, seeds: Sequence[Member], islands: int, capacity: int) -> Population:
        """Start island i with the i-th seed, so that islands begin in different places."""
        homes = tuple((replace(seeds[i % len(seeds)], island=i),) for i in range(islands))
        return cls(homes, pareto_front(seeds), capacity)

    def choose(self, k: int, rng: np.random.Generator) -> Choice:
        """Return the parents of proposal k."""
        island = k % len(self.islands)
        parent = self._draw(island, rng)
        for _ in range(8):
            other = self._draw(island, rng)
            if other.name != parent.name:
                return Choice(island, parent, other)
        return Choice(island, parent, None)

    def _draw(self, island: int, rng: np.random.Generator) -> Member:
        u, v = rng.random(2)
        home = self.islands[island]
        if u < 0.6 or len(self.archive) == 0:
            return home[_halving(v, len(home))]
        archive = [m for m in self.archive if m.text]
        if u < 0.85 and archive:
            return archive[int(v * len(archive))]
        others = [self.islands[i][0] for i in range(len(self.islands)) if i != island]
        return others[int(v * len(others))] if others else home[0]

    def bar(self, island: int) -> Member:
        """Return whom a newcomer must not clearly lose to.

        The worst member of a full island; before it is full, its first settler.
        """
        home = self.islands[island]
        return home[-1] if len(home) >= self.capacity else min(home, key=lambda m: m.order)

    def settle(self, newcomers: Sequence[Member]) -> Population:
        """Add one generation, in the order of the proposals."""
        homes = [list(home) for home in self.islands]
        for member in newcomers:
            homes[member.island].append(member)
        kept = tuple(tuple(sorted(home, key=lambda m: m.rank)[: self.capacity]) for home in homes)
        front = pareto_front([*self.archive, *newcomers])[: self.archive_capacity]
        return replace(self, islands=kept, archive=front)

    def migrate(self) -> Population:
        """Copy each island's best to the next island, round the ring."""
        count = len(self.islands)
        homes = []
        for i, home in enumerate(self.islands):
            guest = replace(self.islands[(i - 1) % count][0], island=i)
            known = {m.name for m in home}
            members = [*home] if guest.name in known else [*home, guest]
            homes.append(tuple(sorted(members, key=lambda m: m.rank)[: self.capacity]))
        return replace(self, islands=tuple(homes))

    def best(self, count: int) -> tuple[Member, ...]:
        """Return the best members overall, one a fingerprint."""
        ranked = sorted((m for home in self.islands for m in home), key=lambda m: m.rank)
        unlike = {m.fingerprint: m for m in reversed(ranked)}
        return tuple(sorted(unlike.values(), key=lambda m: m.rank)[:count])


def _halving(u: float, count: int) -> int:
    """Return r < count with weight 1/2**r, from a uniform u."""
    weights = np.cumsum(0.5 ** np.arange(1, count + 1))
    return int(np.searchsorted(weights, u * weights[-1], side="right").clip(0, count - 1))
