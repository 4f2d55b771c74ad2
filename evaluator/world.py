"""What a world offers, so that one loop, one gate and one memory serve all of them.

A world is a folder with an object of this protocol, registered by an entry point of the group
``agentsched.worlds``; docs/worlds.md says how to add one. What is passed around (instances, traces)
belongs to the world, and nobody else looks inside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from evaluator.policy import Discipline, PolicySource, Shape

if TYPE_CHECKING:
    from evaluator.sandbox import Sandbox
    from evaluator.sealed import Unsealed
    from evaluator.traceheader import TraceHeader

Lane = Literal["pure", "python", "general"]
Sense = Literal["min", "max"]


class Objective(Protocol):
    """What is made small or great."""

    @property
    def metric(self) -> str:
        """Its name, one of the world's metrics."""

    @property
    def sense(self) -> Sense:
        """Whether less or more is better."""


class Guard(Objective, Protocol):
    """A metric that must not get worse by more than a share."""

    @property
    def margin(self) -> float:
        """Relative share by which it may get worse."""


class Scenario(Protocol):
    """A family of problems with what counts as better. It pickles: evaluating processes get it."""

    @property
    def name(self) -> str:
        """By which it is asked for."""

    @property
    def title(self) -> str:
        """One line for people."""

    @property
    def description(self) -> str:
        """A paragraph for people and models; nothing in it is secret."""

    @property
    def text(self) -> str:
        """Its TOML; ``World.parse`` makes an equal scenario of it if it read no ``files``."""

    @property
    def digest(self) -> str:
        """sha256 of all that it says."""

    @property
    def objective(self) -> Objective:
        """What is compared."""

    @property
    def guards(self) -> Sequence[Guard]:
        """What must not get worse."""

    @property
    def known(self) -> tuple[str, ...]:
        """Known rules to beat."""

    @property
    def start(self) -> str:
        """The known rule whose text is the first parent."""

    @property
    def splits(self) -> Mapping[str, int]:
        """Number of instances of ``train``, ``validation``, ``test``, ``unseen``, ``smoke``."""

    @property
    def files(self) -> tuple[tuple[str, str], ...]:
        """What was read beside the text: label and digest."""

    def instance(self, split: str, index: int, seed: bytes) -> Any:
        """Return problem ``index`` of a split; equal arguments give equal problems."""


class Rule(Protocol):
    """A policy: a text (``PolicySource``), or a known rule that is part of the world."""

    @property
    def name(self) -> str:
        """By which it is called."""

    @property
    def text(self) -> str:
        """Source, or what the rule does, one line first."""

    @property
    def digest(self) -> str:
        """sha256 of what decides."""


class Breach(Protocol):
    """A rule of the world that a trace breaks."""

    @property
    def kind(self) -> str:
        """``deadline`` is a fact about the policy; any other is one about the simulator."""

    @property
    def message(self) -> str:
        """Where, and what."""


class Audit(Protocol):
    """What the second implementation found in a trace."""

    @property
    def metrics(self) -> dict[str, float]:
        """Every metric; empty if there is no telling."""

    @property
    def violations(self) -> Sequence[Breach]:
        """The first of them."""

    @property
    def count(self) -> int:
        """All of them."""

    @property
    def decisions(self) -> int:
        """Rows looked at."""


class Stored(Protocol):
    """A trace read from a file whose seal held."""

    @property
    def path(self) -> Path:
        """Where it lies."""

    @property
    def header(self) -> TraceHeader:
        """What it is a trace of."""

    @property
    def trace(self) -> Any:
        """What happened."""

    @property
    def digest(self) -> str:
        """Names the content."""


@dataclass(frozen=True, slots=True)
class Briefing:
    """How a model is told of a world's policies: names of prompt files, and what to define."""

    system: str
    api: str
    ideas: str
    entries: Mapping[str, tuple[str, ...]]
    """Signatures that a reply must have, by the function an idea is about; the first begins it."""
    disciplined: bool = False
    """Whether a policy names a ``DISCIPLINE``."""


class World(Protocol):
    """Everything that is different from world to world."""

    # -- what it is ------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Of the entry point, and in its scenarios' files."""

    @property
    def unit(self) -> str:
        """What ``size`` counts, in the plural: tasks, rounds."""

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """Where its policies may be asked to run."""

    @property
    def metrics(self) -> Mapping[str, str]:
        """Name and meaning of every metric of ``measure``."""

    @property
    def perturbations(self) -> tuple[str, ...]:
        """Worlds beside the nominal one, in which a verdict must survive."""

    @property
    def briefing(self) -> Briefing:
        """For model proposers."""

    @property
    def legend(self) -> str:
        """What the drawings of ``draw`` show, a sentence or more."""

    def owns(self, thing: object) -> bool:
        """Whether a scenario or an instance is this world's."""

    # -- scenarios -------------------------------------------------------------------------------

    def scenario_names(self) -> tuple[str, ...]:
        """Return the built-in scenarios."""

    def load_scenario(
        self,
        name: str,
        *,
        workload: Path | None = None,
        format: str | None = None,
        cluster: Path | None = None,
    ) -> Scenario:
        """Load a built-in scenario, or any by the path of its TOML; InputError otherwise."""

    def parse(self, text: str, name: str) -> Scenario:
        """Return the scenario of a stored text; InputError if it is none any more."""

    def facts(self, scenario: Any) -> str:
        """Return what a proposer may know of a scenario, in words."""

    def traits(self, instance: Any) -> Mapping[str, float]:
        """Return what an instance is like, by the fields of ``memory.Features``."""

    # -- policies --------------------------------------------------------------------------------

    def known_rules(self) -> tuple[str, ...]:
        """Return the names of all known rules, sorted."""

    def load_rule(self, name: str) -> Rule:
        """Return a known rule; InputError for an unknown name."""

    def read_policy(self, text: str, name: str = "candidate") -> PolicySource:
        """Check a text without running it; SubsetError names line, construct and way out."""

    def normalise(self, policy: PolicySource) -> str:
        """Return the canonical text; equal ones decide alike."""

    def mutate(
        self, policy: PolicySource, rng: np.random.Generator, other: PolicySource | None = None
    ) -> str:
        """Return another policy's text, a few edits away; SubsetError if none was found."""

    def shapes(self, scenario: Any, *, general: bool) -> tuple[Shape, ...]:
        """Return the shapes that are accepted; InputError if it has no general lane."""

    def disciplines(self, scenario: Any) -> tuple[Discipline, ...]:
        """Return the disciplines that work in a scenario."""

    # -- one simulation --------------------------------------------------------------------------

    def simulate(
        self,
        instance: Any,
        policy: Any,
        *,
        lane: Lane | None = None,
        sandbox: Sandbox | None = None,
    ) -> Any:
        """Run a policy; a deterministic function of both. PolicyError: it has no score."""

    def measure(self, instance: Any, trace: Any) -> dict[str, float]:
        """Return every metric."""

    def replay(self, instance: Any, trace: Any) -> Audit:
        """Check every rule and compute every metric again, by other code."""

    def perturb(self, instance: Any, kind: str, seed: bytes) -> Any:
        """Return the instance in a slightly different world."""

    def size(self, instance: Any) -> int:
        """Return how much there is to decide."""

    def passes(self, trace: Any) -> int:
        """Return how often a policy was asked."""

    def trace_digest(self, trace: Any) -> str:
        """sha256 of a trace."""

    def decisions_digest(self, trace: Any) -> str:
        """sha256 of what was decided alone: how the policy behaves."""

    # -- for people and models -------------------------------------------------------------------

    def diagnose(self, instance: Any, trace: Any) -> str:
        """Say where a policy won and lost, for prompts."""

    def draw(self, instance: Any, trace: Any, title: str) -> str:
        """Return the trace as one SVG."""

    def charts(self, instance: Any, trace: Any) -> Sequence[str]:
        """Return all drawings of a trace there are, as SVGs."""

    def sketch(self, instance: Any, trace: Any, width: int, unicode: bool) -> Sequence[str]:
        """Return the trace drawn with characters, at most ``width`` a line."""

    # -- files -----------------------------------------------------------------------------------

    def encode(self, trace: Any, header: TraceHeader, *, instance: Any = None) -> tuple[bytes, str]:
        """Return a trace file's bytes and digest; ``instance`` is embedded if given."""

    def decode(self, content: Unsealed, path: Path) -> Stored:
        """Read a file of this world whose seal held; TraceError if it is none."""

    def problem(self, stored: Any) -> Any:
        """Return the instance of a stored trace; TraceError if it cannot be made again."""
