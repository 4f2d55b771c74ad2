"""What a run of evolution is asked to do."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from agentsched.errors import UserError
from evaluator.gate import GateRules
from evaluator.world import Scenario
from evaluator.worlds import load_scenario


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Budget:
    """What a run may spend; None is no limit. The first limit reached ends the proposing."""

    evaluations: int = 200
    """Candidates that were simulated; a duplicate or a reply without a valid policy is free."""
    tokens: int | None = None
    """Prompt and reply together."""
    cost: float | None = None
    """Money, in the unit of the model's prices."""
    minutes: float | None = None
    """Wall time of the proposing; judging the finalists comes on top."""

    def __post_init__(self) -> None:
        if self.evaluations < 1:
            raise UserError(f"evaluations must be >= 1, got {self.evaluations}")
        for name in ("tokens", "cost", "minutes"):
            value = getattr(self, name)
            # not (> 0): a NaN would be a limit that is never reached
            if value is not None and not value > 0:
                said = "money" if name == "cost" else name  # the name of the option
                raise UserError(f"{said} must be > 0, got {value}; leave it out for no limit")


@dataclass(frozen=True, slots=True)
class Breeding:
    """Numbers of the population (docs/evolution.md says what each is for)."""

    islands: int = 3
    batch: int = 6
    """Proposals a generation; all see the state before the first of them."""
    capacity: int = 12
    """Members an island keeps."""
    migrate_every: int = 4
    """Generations between migrations of each island's best to the next island."""
    front: int = 3
    """Front-runners that are validated on fresh seeds after each generation."""
    finalists: int = 3
    """Candidates judged on the sealed test; the gate corrects for their number."""
    fruitless: int = 40
    """Proposals in a row without a new policy after which the run stops asking."""

    def __post_init__(self) -> None:
        for item in fields(self):
            if getattr(self, item.name) < 1:
                raise UserError(f"{item.name} must be >= 1, got {getattr(self, item.name)}")


@dataclass(frozen=True, slots=True)
class EvolveConfig:
    """One run, as data: it goes into ``run.json`` and comes back for ``--resume``."""

    scenario: str
    """Name of a built-in scenario or path of a TOML file."""
    runs: Path
    """Folder in which the run makes its own."""
    workload: Path | None = None
    format: str | None = None
    cluster: Path | None = None
    budget: Budget = field(default_factory=Budget)
    seed: int | None = None
    """None draws the run's secret from the system."""
    workers: int | None = None
    """Evaluating processes; 0 evaluates in this process, None takes one a core."""
    breeding: Breeding = field(default_factory=Breeding)
    gate: GateRules = field(default_factory=GateRules)
    evaluation_seconds: float = 120.0
    """Wall time of one job of a worker; then it is killed and the candidate has failed."""
    worker_memory_mb: int = 4096
    """Private memory of one evaluating process; candidates in the sandbox have their own limit."""
    sandbox: str = "seccomp"
    """Weakest sandbox level for general candidates, as in the settings."""
    unsafe: bool = False
    """Run general candidates even without any sandbox."""
    general: bool = False
    """Also ask for general policies (``decide``), which run in the sandbox."""
    args: Mapping[str, Any] = field(default_factory=dict)
    """Command-line arguments as they were passed, for the manifest."""

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 0:
            raise UserError(f"workers must be >= 0, got {self.workers}")
        if self.evaluation_seconds <= 0:
            raise UserError(f"evaluation_seconds must be > 0, got {self.evaluation_seconds}")

    def load(self) -> Scenario:
        """Read the scenario this run is about."""
        return load_scenario(
            self.scenario, workload=self.workload, format=self.format, cluster=self.cluster
        )

    def processes(self) -> int:
        """Return the number of evaluating processes."""
        return cores() if self.workers is None else self.workers

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data; paths absolute, so that a run resumes from anywhere."""
        data = asdict(self)
        for name in ("runs", "workload", "cluster"):
            path = getattr(self, name)
            data[name] = None if path is None else str(path.resolve())
        if Path(self.scenario).suffix == ".toml":
            data["scenario"] = str(Path(self.scenario).resolve())
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> EvolveConfig:
        """Rebuild what ``to_json`` gave."""
        paths = {
            name: None if data[name] is None else Path(data[name])
            for name in ("workload", "cluster")
        }
        made: dict[str, Any] = {
            "runs": Path(data["runs"]),
            "budget": Budget(**data["budget"]),
            "breeding": Breeding(**data["breeding"]),
            "gate": GateRules(**data["gate"]),
            **paths,
        }
        return cls(**{**data, **made})
