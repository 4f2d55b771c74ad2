"""The schema of a scenario file (TOML), and messages that name the field and its value."""

from __future__ import annotations

import difflib
import math
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from evaluator.errors import InputError
from evaluator.workloads.estimates import Estimates
from evaluator.workloads.generate_gavel import GavelMix
from evaluator.workloads.generate_hpc2n import Hpc2nLike
from evaluator.workloads.generate_lublin import Lublin
from evaluator.workloads.generate_philly import PhillyLike
from evaluator.workloads.generate_single import SingleMachine
from evaluator.workloads.generate_workflows import Workflows
from evaluator.workloads.windows import Windows

MORE_IS_BETTER: Final = ("utilisation", "jain_index")

Metric = Literal[
    "mean_jct", "mean_flow_time", "p99_jct", "makespan", "mean_wait", "max_wait",
    "mean_bounded_slowdown", "utilisation", "total_tardiness", "weighted_tardiness",
    "mean_weighted_flow_time", "max_tardiness", "missed_deadlines", "finish_time_fairness",
    "jain_index", "energy_kwh", "cost", "carbon_kg", "preemptions", "restarts", "wasted_seconds",
]  # fmt: skip
"""What an objective or guard may name; ``evaluator.metrics`` computes them."""

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Table(BaseModel):
    """A table of the file; unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Link(Table):
    """Network between two nodes at one distance."""

    bandwidth: float = Field(gt=0)
    """Bytes per second; inf moves data at once."""
    latency: Seconds = 0.0


class LinkTable(Table):
    """Network by distance; a tier left out takes the nearer tier's link."""

    node: Link | None = None
    """Between two tasks on one node. Left out: data moves at once."""
    rack: Link | None = None
    zone: Link | None = None
    region: Link | None = None
    world: Link | None = None


class NodeTable(Table):
    """Like nodes."""

    type: str = Field(min_length=1)
    count: int = Field(ge=1, le=1_000_000)
    cpus: Amount = 1.0
    memory: Amount = 0.0
    """GiB."""
    devices: Amount = 0.0
    speed: Positive | tuple[Positive, Positive] = 1.0
    """A pair is a range: each instance draws each node's speed from it."""
    rack: str = ""
    zone: str = ""
    region: str = ""
    bandwidth: float = Field(default=math.inf, gt=0)
    """Bytes per second."""
    idle_watts: Amount = 0.0
    busy_watts: Amount = 0.0
    price: Amount = 0.0
    """Money per node-hour."""
    labels: tuple[str, ...] = ()
    nodes_per_rack: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if isinstance(self.speed, tuple) and self.speed[0] > self.speed[1]:
            raise ValueError(f"speed must be [low, high], got {list(self.speed)}")
        return self


class ClusterTable(Table):
    """The machines."""

    name: str = "cluster"
    node: tuple[NodeTable, ...] = Field(min_length=1)
    links: LinkTable = LinkTable()


class FileSource(Table):
    """A workload file in one of the formats of ``evaluator.workloads``."""

    source: Literal["file"] = "file"
    file: str = Field(min_length=1)
    """Path; a relative one starts at the scenario file's folder."""
    format: str | None = None
    """Left out: guessed from the content."""
    throughputs: str | None = None
    """``gavel`` only: the JSON of throughputs. Left out: the built-in single-GPU table."""


Source = Annotated[
    GavelMix | PhillyLike | Lublin | Hpc2nLike | Workflows | SingleMachine | FileSource,
    Field(discriminator="source"),
]


class RulesTable(Table):
    """``Rules`` with times in seconds."""

    preemptive: bool = False
    round: Seconds = 0.0
    restart_cost: Seconds = 0.0
    start_cost: Seconds = 0.0
    checkpoint: Seconds = 0.0
    oracle: bool = False
    kill_at_estimate: bool = False


class FailuresTable(Table):
    """``Failures``: how nodes break and are mended."""

    law: Literal["weibull", "exponential"] = "exponential"
    shape: Positive = 1.0
    scale: Amount = 0.0
    """Seconds."""
    repair_log_mean: float = 8.24
    repair_log_sigma: Amount = 1.40


class OutageTable(Table):
    """A planned absence of a node."""

    node: int | str
    """Row or name."""
    start: Seconds
    end: Seconds

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.end <= self.start:
            raise ValueError(f"end must be after start {self.start}, got {self.end}")
        return self


class SeriesTable(Table):
    """A step function of time for one region, given here or in a CSV file."""

    region: str = ""
    times: tuple[Seconds, ...] = ()
    values: tuple[float, ...] = ()
    file: str | None = None
    """CSV with a header; ``time_column`` in UTC or seconds, ``value_column``."""
    time_column: str = "time"
    value_column: str = "value"
    factor: float = 1.0
    """Multiplies every value."""

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.file is None) != bool(self.times):
            raise ValueError("needs either 'times' and 'values' or 'file'")
        if len(self.times) != len(self.values):
            raise ValueError(
                f"times and values must be equally long, got {len(self.times)} and "
                f"{len(self.values)}"
            )
        if self.times and self.times[0] != 0:
            raise ValueError(f"times must begin with 0, got {self.times[0]}")
        if any(b <= a for a, b in zip(self.times, self.times[1:], strict=False)):
            raise ValueError("times must be ascending")
        return self


class ObjectiveTable(Table):
    """What is made small (or great)."""

    metric: Metric
    sense: Literal["min", "max"] | None = None
    """Left out: the metric's own."""

    @property
    def direction(self) -> Literal["min", "max"]:
        """Which way is better."""
        return self.sense or ("max" if self.metric in MORE_IS_BETTER else "min")


class GuardTable(ObjectiveTable):
    """What must not get worse by more than a relative margin."""

    margin: Amount


class SplitTable(Table):
    """Number of instances by split."""

    train: int = Field(default=12, ge=1)
    validation: int = Field(default=20, ge=1)
    test: int = Field(default=40, ge=1)
    unseen: int = Field(default=12, ge=1)
    smoke: int = Field(default=1, ge=1)


class ScenarioFile(Table):
    """The whole file."""

    title: str = Field(min_length=1)
    description: str = ""
    cluster: ClusterTable
    workload: Source
    unseen: Source | None = None
    """Left out: the unseen split is drawn as the others are."""
    windows: Windows = Windows()
    estimates: Estimates = Estimates()
    rules: RulesTable = RulesTable()
    failures: FailuresTable | None = None
    outage: tuple[OutageTable, ...] = ()
    price: tuple[SeriesTable, ...] = ()
    carbon: tuple[SeriesTable, ...] = ()
    objective: ObjectiveTable
    guard: tuple[GuardTable, ...] = ()
    known: tuple[str, ...] = Field(min_length=1)
    start: str
    splits: SplitTable = SplitTable()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.unseen is None and self.workload.source == "file":
            raise ValueError(
                "unseen is missing: a scenario on a file needs an [unseen] source of another family"
            )
        if self.start not in self.known:
            raise ValueError(f"start must be one of known {list(self.known)}, got {self.start!r}")
        return self


class ClusterFile(Table):
    """A file that holds the cluster only, for ``--cluster``."""

    cluster: ClusterTable


Parsed = TypeVar("Parsed", bound=BaseModel)


def parse_toml(text: str, model: type[Parsed], name: str) -> Parsed:
    """Read TOML text into ``model``; raises ``InputError`` with one line."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{name}: not valid TOML: {error}") from None
    _name_sources(tree, name)
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        raise InputError(f"{name}: {_first_error(error, model)}") from None


def read_text(path: Path) -> str:
    """Return the text of a TOML file; raises ``InputError``."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text: {error}") from None


def _name_sources(tree: dict[str, Any], name: str) -> None:
    """A source with a ``file`` need not also say that it is one."""
    for key in ("workload", "unseen"):
        table = tree.get(key)
        if isinstance(table, dict) and "source" not in table:
            if "file" not in table:
                raise InputError(
                    f"{name}: {key} needs 'source' (a generator: {', '.join(_sources())}) or "
                    f"'file', got {sorted(table)}"
                )
            table["source"] = "file"


def _sources() -> list[str]:
    union = ScenarioFile.model_fields["workload"].annotation
    return [member.model_fields["source"].default for member in union.__args__]  # type: ignore[union-attr]


def _first_error(error: ValidationError, model: type[BaseModel]) -> str:
    details = _told(error)
    first = details[0]
    place = ".".join(_step(part) for part in first["loc"] if part not in _sources())
    place = place.replace(".[", "[")
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    match first["type"]:
        case "missing":
            said = f"{place} is missing"
        case "extra_forbidden":
            said = f"{place} is not a field{_nearest(str(first['loc'][-1]), model)}"
        case "union_tag_invalid":
            tag = first["ctx"]["tag"]
            said = f"{place}.source must be one of {', '.join(_sources())}, got {tag!r}"
        case "value_error":
            said = first["msg"].removeprefix("Value error, ")
            said = f"{place}: {said}" if place else said
        case _:
            rule = first["msg"].removeprefix("Input should ").removeprefix("be ")
            said = f"{place} must be {rule}, got {_short(first['input'])}"
    return said + more


def _told(error: ValidationError) -> list[ErrorDetails]:
    """Return the mistakes that a user made, unknown fields first: they explain missing ones."""
    details = error.errors(include_url=False)
    places = [found["loc"] for found in details]
    # pydantic does not count a wrong element, so that its list may also look too short
    made = [
        found
        for found in details
        if found["type"] != "too_short"
        or not any(
            len(p) > len(found["loc"]) and p[: len(found["loc"])] == found["loc"] for p in places
        )
    ]
    return sorted(made, key=lambda found: found["type"] != "extra_forbidden")


def _step(part: int | str) -> str:
    return f"[{part}]" if isinstance(part, int) else part


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _nearest(field: str, model: type[BaseModel]) -> str:
    """Suggest the field that was probably meant."""
    names = sorted(_field_names(model, set()))
    close = difflib.get_close_matches(field, names, n=1)
    return f"; did you mean {close[0]!r}?" if close else "; see docs/scenario-format.md"


def _field_names(model: type[BaseModel], seen: set[type]) -> set[str]:
    seen.add(model)
    names = set(model.model_fields)
    for info in model.model_fields.values():
        for inner in _models(info.annotation):
            if inner not in seen:
                names |= _field_names(inner, seen)
    return names


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for arg in getattr(annotation, "__args__", ()) for m in _models(arg)]
