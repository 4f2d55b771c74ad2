"""The calendar world as the loop, the gate and the memory see it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from evaluator.calendar.instance import Instance
from evaluator.calendar.known import KnownResolver, known_rules, load_rule, read_policy
from evaluator.calendar.metrics import METRICS, measure
from evaluator.calendar.mutate import mutate, normalise
from evaluator.calendar.perturb import PERTURBATIONS, perturb
from evaluator.calendar.replay import replay
from evaluator.calendar.rules import make_resolver
from evaluator.calendar.scenario import CONFLICTS, CalendarScenario
from evaluator.calendar.scenario_file import from_toml
from evaluator.calendar.scored import Scored
from evaluator.calendar.simulation import Trace, simulate
from evaluator.calendar.year import Years, recall
from evaluator.errors import InputError
from evaluator.policy import Discipline, PolicySource, Shape
from evaluator.world import Briefing, Lane, World

if TYPE_CHECKING:
    from evaluator.calendar.tracefile import StoredTrace
    from evaluator.sandbox import Sandbox
    from evaluator.sealed import Unsealed
    from evaluator.traceheader import TraceHeader

_BOTH: Final = ("score(event, user)", "doubt(first, second, user)")

BRIEFING: Final = Briefing(
    system="evolution/calendar-system",
    api="evolution/calendar-api",
    ideas="evolution/calendar-ideas",
    entries={"score": _BOTH, "doubt": _BOTH},
)

NO_GENERAL: Final = (
    "the calendar world has the pure lane only: write score(event, user) (docs/worlds.md), and "
    "leave out --general and --lane general"
)


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule of the world that a trace breaks."""

    message: str
    kind: str = "rule"


@dataclass(frozen=True, slots=True)
class Audit:
    """What the second implementation found."""

    metrics: dict[str, float]
    violations: tuple[Breach, ...]
    decisions: int

    @property
    def count(self) -> int:
        """Violations, as many as are listed."""
        return len(self.violations)


class CalendarWorld:
    """Years of overlapping events, for users with hidden preferences."""

    name = "calendar"
    unit = "rounds"
    lanes: tuple[Lane, ...] = ("pure", "python")
    """``python`` lets the trusted learner learn anew, round by round: slow, same decisions."""
    metrics: Mapping[str, str] = METRICS
    perturbations: tuple[str, ...] = PERTURBATIONS
    briefing = BRIEFING
    legend = (
        "Curves: share of rounds whose first is not the user's choice, and share of rounds in "
        "which the user was asked, over the last 50 rounds."
    )

    def __init__(self) -> None:
        self._years = Years()

    def owns(self, thing: object) -> bool:
        """Whether it is a calendar scenario or a year."""
        return isinstance(thing, CalendarScenario | Instance)

    # -- scenarios -------------------------------------------------------------------------------

    def scenario_names(self) -> tuple[str, ...]:
        """Return the built-in scenario."""
        return (CONFLICTS.name,)

    def load_scenario(
        self,
        name: str,
        *,
        workload: Path | None = None,
        format: str | None = None,
        cluster: Path | None = None,
    ) -> CalendarScenario:
        """Load the built-in scenario, or one from a file with ``world = "calendar"``.

        Raises:
            InputError: there is none, or a part of a cluster scenario is to be replaced.
        """
        given = {"--workload": workload, "--format": format, "--cluster": cluster}
        for option, value in given.items():
            if value is not None:
                raise InputError(
                    f"{option} {str(value)!r} replaces a part of a cluster scenario; scenario "
                    f"{name!r} is of the calendar world: leave it out"
                )
        if name == CONFLICTS.name:
            return CONFLICTS
        path = Path(name)
        if path.suffix != ".toml":
            raise InputError(f"no calendar scenario {name!r}; known: {CONFLICTS.name}")
        try:
            return from_toml(path.read_text(encoding="utf-8"), path.stem)
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{name}: cannot be read: {error}") from error

    def parse(self, text: str, name: str) -> CalendarScenario:
        """Return the scenario of a stored text."""
        return from_toml(text, name)

    def facts(self, scenario: CalendarScenario) -> str:
        """Return what a proposer may know."""
        from evaluator.calendar.telling import facts

        return facts(scenario)

    def traits(self, instance: Instance) -> Mapping[str, float]:
        """Return what a year is like, in the numbers that memory compares contexts by.

        Of those numbers, ``load`` is the mean of events a round, ``estimate_error`` the noise of
        choices in units of utility, ``affinity`` the share of weights that change, ``overhead``
        the share of rounds that may be asked, ``failures`` whether a principle is given up; the
        others mean nothing here and are equal everywhere.
        """
        rules = instance.rules
        return {
            "preemptive": False, "nodes": 1, "types": 1, "heterogeneity": 0.0,
            "affinity": rules.drift / 100, "load": float(f"{_mean_size(instance):.6g}"),
            "packing": 0.0, "gang_share": 0.0, "dag_share": 0.0, "due_share": 0.0,
            "data_ratio": 0.0, "duration_spread": 0.0, "burstiness": 0.0,
            "estimate_error": rules.noise / 1000, "overhead": rules.questions / 100,
            "failures": rules.deletion,
        }  # fmt: skip

    # -- policies --------------------------------------------------------------------------------

    def known_rules(self) -> tuple[str, ...]:
        """Return the names of all known rules, sorted."""
        return known_rules()

    def load_rule(self, name: str) -> PolicySource | KnownResolver:
        """Return a known rule."""
        return load_rule(name)

    def read_policy(self, text: str, name: str = "candidate") -> PolicySource:
        """Check a text."""
        return read_policy(text, name)

    def normalise(self, policy: PolicySource) -> str:
        """Return the canonical text."""
        return normalise(policy.text)

    def mutate(
        self, policy: PolicySource, rng: np.random.Generator, other: PolicySource | None = None
    ) -> str:
        """Return a text a few edits away."""
        return mutate(policy, rng, other)

    def shapes(self, scenario: CalendarScenario, *, general: bool) -> tuple[Shape, ...]:
        """Return the one shape there is.

        Raises:
            InputError: general policies are asked for.
        """
        if general:
            raise InputError(f"scenario {scenario.name!r}: {NO_GENERAL}")
        return ("score",)

    def disciplines(self, scenario: CalendarScenario) -> tuple[Discipline, ...]:
        """Nothing names a discipline here; this one stands for none."""
        return ("greedy",)

    # -- one simulation --------------------------------------------------------------------------

    def simulate(
        self,
        instance: Instance,
        policy: PolicySource | KnownResolver,
        *,
        lane: Lane | None = None,
        sandbox: Sandbox | None = None,
    ) -> Trace:
        """Run a policy through a year.

        Raises:
            InputError: the general lane is asked for.
            PolicyError: it has no score.
        """
        if lane == "general":
            raise InputError(f"policy {policy.name!r}: {NO_GENERAL}")
        if isinstance(policy, KnownResolver):
            own = hashlib.blake2b(policy.name.encode(), key=instance.seed, digest_size=16).digest()
            return simulate(instance, make_resolver(policy.name, instance.role, own))
        # whoever comes from elsewhere is checked again before it is compiled
        text = read_policy(policy.text, policy.name).text
        if lane == "python":
            return simulate(instance, Scored(text, instance.role))
        return recall(instance, text, self._years)

    def measure(self, instance: Instance, trace: Trace) -> dict[str, float]:
        """Return every metric."""
        return measure(instance, trace)

    def replay(self, instance: Instance, trace: Trace) -> Audit:
        """Check every rule and compute every metric again."""
        found = replay(instance, trace)
        return Audit(found.metrics, tuple(map(Breach, found.violations)), len(trace))

    def perturb(self, instance: Instance, kind: str, seed: bytes) -> Instance:
        """Return the same user in a slightly different world."""
        return perturb(instance, kind, seed)

    def size(self, instance: Instance) -> int:
        """Return the number of rounds."""
        return len(instance)

    def passes(self, trace: Trace) -> int:
        """Return the number of rounds."""
        return len(trace)

    def trace_digest(self, trace: Trace) -> str:
        """sha256 of all columns."""
        return trace.digest

    def decisions_digest(self, trace: Trace) -> str:
        """sha256 of the orders and the questions; the confidence is the learner's own."""
        hasher = hashlib.sha256(np.ascontiguousarray(trace.order).tobytes())
        hasher.update(np.ascontiguousarray(trace.asked).tobytes())
        return hasher.hexdigest()

    # -- for people and models -------------------------------------------------------------------

    def diagnose(self, instance: Instance, trace: Trace) -> str:
        """Say where it erred, and what its questions were worth."""
        from evaluator.calendar.telling import diagnose

        return diagnose(instance, trace)

    def draw(self, instance: Instance, trace: Trace, title: str) -> str:
        """Return the learning curve."""
        from evaluator.calendar.telling import draw

        return draw(instance, trace, title)

    def charts(self, instance: Instance, trace: Trace) -> Sequence[str]:
        """Return the learning curve."""
        return [self.draw(instance, trace, "Learning curve")]

    def sketch(self, instance: Instance, trace: Trace, width: int, unicode: bool) -> Sequence[str]:
        """Return errors and questions over the year."""
        from evaluator.calendar.telling import sketch

        return sketch(instance, trace, width, unicode)

    # -- files -----------------------------------------------------------------------------------

    def encode(
        self, trace: Trace, header: TraceHeader, *, instance: Instance | None = None
    ) -> tuple[bytes, str]:
        """Return a trace file's bytes and digest; a year is always made again from its seed."""
        from evaluator.calendar.tracefile import encode

        return encode(trace, header)

    def decode(self, content: Unsealed, path: Path) -> StoredTrace:
        """Read a file whose seal held."""
        from evaluator.calendar.tracefile import decode

        return decode(content, path)

    def problem(self, stored: StoredTrace) -> Instance:
        """Return the year, made again from scenario text and seed."""
        from evaluator.calendar.tracefile import problem

        return problem(stored)


def _mean_size(instance: Instance) -> float:
    return len(instance.codes) / len(instance)


WORLD: Final[World] = CalendarWorld()
