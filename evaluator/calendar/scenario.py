"""``calendar-conflicts``: a family of users and years, with what counts as better.

Has the parts of every world's scenarios (``evaluator.world.Scenario``), so that the same loop and
the same gate serve resolvers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from evaluator.calendar.instance import VERSION, Instance, Rules, generate
from evaluator.calendar.metrics import METRICS
from evaluator.calendar.vocabulary import ROLES
from evaluator.errors import InputError


@dataclass(frozen=True, slots=True)
class Objective:
    """What is made small."""

    metric: str
    sense: Literal["min", "max"] = "min"


@dataclass(frozen=True, slots=True)
class Guard:
    """A metric that must not get worse by more than a share."""

    metric: str
    sense: Literal["min", "max"]
    margin: float
    """Relative share by which it may get worse."""


@dataclass(frozen=True, slots=True)
class CalendarScenario:
    """Users by split; instance i is a user of role i modulo the split's roles."""

    name: str
    title: str
    description: str
    objective: Objective
    guards: tuple[Guard, ...]
    known: tuple[str, ...]
    """Known rules to beat."""
    start: str
    """The known rule whose text is the first parent (``evaluator.calendar.scored``)."""
    splits: Mapping[str, int]
    """Number of instances by split."""
    roles: tuple[str, ...]
    unseen_roles: tuple[str, ...]
    """Roles of the unseen split alone."""
    rules: Rules
    unseen_rules: Rules

    def __post_init__(self) -> None:
        for metric in (self.objective.metric, *(guard.metric for guard in self.guards)):
            if metric not in METRICS:
                raise InputError(
                    f"scenario {self.name!r}: no metric {metric!r}; known: {', '.join(METRICS)}"
                )

    @property
    def digest(self) -> str:
        """sha256 of all that it says, and of the generator's version."""
        said = (VERSION, *(getattr(self, name) for name in self.__slots__))
        return hashlib.sha256(repr(said).encode()).hexdigest()

    @property
    def text(self) -> str:
        """Its TOML."""
        from evaluator.calendar.scenario_file import to_toml

        return to_toml(self)

    @property
    def files(self) -> tuple[tuple[str, str], ...]:
        """Nothing is read beside the text."""
        return ()

    def instance(self, split: str, index: int, seed: bytes) -> Instance:
        """Return user ``index`` of a split; splits never share a user.

        Args:
            split: ``train``, ``validation``, ``test``, ``unseen`` or ``smoke``.
            index: 0 to ``splits[split] - 1``.
            seed: The run's 16 secret bytes.

        Raises:
            InputError: no such split or index.
        """
        if split not in self.splits:
            raise InputError(f"no split {split!r}; known: {', '.join(self.splits)}")
        if not 0 <= index < self.splits[split]:
            raise InputError(
                f"scenario {self.name!r}: split {split!r} has instances 0 to "
                f"{self.splits[split] - 1}, got {index}"
            )
        if len(seed) != 16:
            raise InputError(f"seed must be 16 bytes, got {len(seed)}")
        own = hashlib.blake2b(seed + repr((split, index)).encode(), digest_size=16).digest()
        unseen = split == "unseen"
        roles = self.unseen_roles if unseen else self.roles
        rules = self.unseen_rules if unseen else self.rules
        if split == "smoke":
            rules = Rules(
                min(SMOKE, rules.rounds), rules.noise, rules.drift, rules.deletion, rules.questions
            )
        return generate(roles[index % len(roles)], own, rules)


SMOKE: Final = 40
"""Rounds of a smoke instance."""

CONFLICTS: Final = CalendarScenario(
    name="calendar-conflicts",
    title="A year of overlapping events, for users with hidden preferences",
    description=(
        "Two to four events overlap in each of 500 rounds. The user has two principles that decide "
        "before all else, weights on thirteen features and six interactions, changes a quarter "
        "of the weights at mid-year and gives up a principle after three quarters. The unseen "
        "family is doctors with twice the noise and a larger change."
    ),
    objective=Objective("cost"),
    guards=(
        Guard("questions", "min", 0.10),
        Guard("acted_error", "min", 0.05),
        Guard("drift_recovery", "min", 0.25),
    ),
    known=("random", "urgency", "knn", "bradley-terry", "bayes-cold", "bayes", "learner"),
    start="learner",
    splits={"train": 10, "validation": 20, "test": 50, "unseen": 10, "smoke": 2},
    roles=ROLES[:5],
    unseen_roles=ROLES[5:],
    rules=Rules(),
    unseen_rules=Rules(noise=300, drift=40),
)
"""The built-in scenario."""
