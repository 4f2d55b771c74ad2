"""One year of one user: rounds of overlapping events, and the choices the user makes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np

from evaluator.calendar.draws import Draws, Ints
from evaluator.calendar.roles import ROLE
from evaluator.calendar.tastes import Taste, draw_taste, drifted, levels, utility, without
from evaluator.calendar.vocabulary import FEATURES, PEOPLE, ROLES, VALUES, Codes, words
from evaluator.errors import InputError

VERSION: Final = 1
"""Of the generator; a change of anything that moves a number makes it another one."""

SHARES: Final = {
    "time_of_day": (10, 32, 18, 30, 10), "weekday": (19, 20, 20, 19, 16, 3, 3),
    "location": (40, 38, 12, 10), "duration": (16, 34, 30, 12, 8), "series": (60, 40),
    "notice": (15, 20, 35, 30), "attendees": (12, 33, 37, 18), "urgency": (25, 45, 20, 10),
}  # fmt: skip
"""How often each value comes, in percent; types come as the role has them, topics evenly."""


FREE: Final = 10
"""Questions that may be asked at once."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How a year goes."""

    rounds: int = 500
    noise: int = 150
    """Standard deviation of what is added to each utility at each choice, in thousandths."""
    drift: int = 25
    """Percent of the weights that change at mid-year; 0 means none does."""
    deletion: bool = True
    """Whether one principle is given up after three quarters of the year."""
    questions: int = 20
    """Percent of the rounds so far in which the user may be asked, on top of ``FREE`` ones."""

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise InputError(f"rounds must be >= 1, got {self.rounds}")
        if self.noise < 0:
            raise InputError(f"noise must be >= 0, got {self.noise}")
        for name in ("drift", "questions"):
            if not 0 <= getattr(self, name) <= 100:
                raise InputError(f"{name} must be 0 to 100 percent, got {getattr(self, name)}")

    def may_ask(self, round: int, asked: int) -> bool:
        """Whether one more question is within the budget, after so many."""
        return asked < FREE + self.questions * round // 100


@dataclass(frozen=True, slots=True)
class Phase:
    """From a round on, the user wants this."""

    first: int
    taste: Taste


@dataclass(frozen=True, slots=True)
class Instance:
    """A problem without a policy; ``simulate(instance, policy)`` turns it into a trace."""

    role: str
    rules: Rules
    seed: bytes
    offset: Ints
    """Events of round r are rows ``offset[r]`` to ``offset[r + 1]``."""
    codes: Codes
    """Features of all events, shape (n, 13)."""
    rank: Ints
    """Place of each event in the user's order of its round; the choice has 0."""
    favourite: Ints
    """By round, the event (0, 1, …) that would be chosen without noise."""
    phases: tuple[Phase, ...]

    def __len__(self) -> int:
        return len(self.offset) - 1

    @property
    def digest(self) -> str:
        """sha256 over every number of it."""
        hasher = hashlib.sha256(repr((VERSION, self.role, self.rules)).encode() + self.seed)
        for column in (self.offset, self.codes, self.rank, self.favourite):
            hasher.update(np.ascontiguousarray(column).astype("<i8").tobytes())
        return hasher.hexdigest()

    def events(self, round: int) -> tuple[dict[str, str], ...]:
        """Return the candidates of a round as text."""
        return tuple(words(row) for row in self.codes[self.offset[round] : self.offset[round + 1]])

    def order(self, round: int) -> tuple[int, ...]:
        """Return the user's order of a round, the choice first."""
        rank = self.rank[self.offset[round] : self.offset[round + 1]]
        return tuple(np.argsort(rank, kind="stable").tolist())

    def taste(self, round: int) -> Taste:
        """Return what the user wants in a round."""
        return [phase for phase in self.phases if phase.first <= round][-1].taste


def generate(role: str, seed: bytes, rules: Rules | None = None) -> Instance:
    """Draw a user of a role and a year of conflicts; the same for equal arguments, everywhere.

    Raises:
        InputError: there is no such role, or the seed has no 16 bytes.
    """
    if role not in ROLES:
        raise InputError(f"no role {role!r}; known: {', '.join(ROLES)}")
    if len(seed) != 16:
        raise InputError(f"seed must be 16 bytes, got {len(seed)}")
    rules = rules or Rules()
    phases = _phases(role, seed, rules)
    offset, codes = _events(role, seed, rules.rounds)
    rank, favourite = _choose(offset, codes, phases, Draws(seed, "noise"), rules.noise)
    return Instance(role, rules, seed, offset, codes, rank, favourite, phases)


def _phases(role: str, seed: bytes, rules: Rules) -> tuple[Phase, ...]:
    taste = draw_taste(role, Draws(seed, "taste", role))
    phases = [Phase(0, taste)]
    if rules.drift:
        taste = drifted(taste, role, rules.drift, Draws(seed, "drift"))
        phases.append(Phase(rules.rounds // 2, taste))
    if rules.deletion:
        position = Draws(seed, "deletion").one(len(taste.principles))
        phases.append(Phase(rules.rounds * 3 // 4, without(taste, position)))
    return tuple(phases)


def _events(role: str, seed: bytes, rounds: int) -> tuple[Ints, Codes]:
    draws = Draws(seed, "events")
    sizes = 2 + draws.pick((50, 35, 15), rounds)
    offset = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    count = int(offset[-1])
    columns = {name: draws.pick(shares, count) for name, shares in SHARES.items()}
    columns["type"] = draws.pick(ROLE[role].types, count)
    columns["topic"] = draws.below(len(VALUES["topic"]), count)
    # some people write often: the lesser of two draws comes twice as likely from the front
    columns["organiser"] = np.minimum(
        draws.below(len(PEOPLE), count), draws.below(len(PEOPLE), count)
    )
    relation, standing = _people(seed)
    columns["relation"] = relation[columns["organiser"]]
    columns["role"] = standing[columns["organiser"]]
    _overlap(columns, offset, draws)
    codes = np.stack([columns[name] for name in FEATURES], axis=1).astype(np.int16)
    return offset, codes


def _people(seed: bytes) -> tuple[Ints, Ints]:
    """Return relation and role of every person of the user's world."""
    draws = Draws(seed, "people")
    relation = draws.below(len(VALUES["relation"]), len(PEOPLE))
    standing = draws.below(len(VALUES["role"]), len(PEOPLE))
    customer = VALUES["role"].index("customer")
    client = VALUES["relation"].index("client")
    standing = np.where(relation == client, customer, standing)
    return relation, standing


def _overlap(columns: dict[str, Ints], offset: Ints, draws: Draws) -> None:
    """Events of a round are on one day, and begin in one part of it or in the next."""
    first = np.repeat(offset[:-1], np.diff(offset))
    columns["weekday"] = columns["weekday"][first]
    later = (draws.below(4, len(first)) == 0) & (first != np.arange(len(first)))
    most = len(VALUES["time_of_day"]) - 1
    columns["time_of_day"] = np.minimum(columns["time_of_day"][first] + later, most)


def _choose(
    offset: Ints, codes: Codes, phases: tuple[Phase, ...], draws: Draws, noise: int
) -> tuple[Ints, Ints]:
    blur = draws.bell(len(codes)) * noise // 1000
    rank = np.zeros(len(codes), np.int64)
    favourite = np.zeros(len(offset) - 1, np.int64)
    for phase, end in zip(phases, (*(p.first for p in phases[1:]), len(offset) - 1), strict=True):
        low, high = int(offset[phase.first]), int(offset[end])
        worth = utility(phase.taste, codes[low:high])
        rules = levels(phase.taste, codes[low:high])
        for round in range(phase.first, end):
            at = slice(int(offset[round]) - low, int(offset[round + 1]) - low)
            plain = _sorted(rules[at], worth[at])
            favourite[round] = plain[0]
            seen = _sorted(rules[at], worth[at] + blur[low:high][at])
            rank[int(offset[round]) + np.asarray(seen)] = np.arange(len(seen))
    return rank, favourite


def _sorted(rules: Ints, worth: Ints) -> list[int]:
    """Return positions by principles, then worth, then place; the best first."""
    keys = [(*(-rules[i]).tolist(), -int(worth[i]), i) for i in range(len(worth))]
    return sorted(range(len(worth)), key=keys.__getitem__)
