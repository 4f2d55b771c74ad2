"""A scenario: cluster, workload source, rules, objective, guards and splits; it makes instances."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final, Literal

from evaluator.cluster.cluster_file import load_machines
from evaluator.cluster.instance import Instance, Rules, stream
from evaluator.cluster.model import Cluster
from evaluator.cluster.scenario_file import FileSource, ScenarioFile, parse_toml, read_text
from evaluator.cluster.scenario_parts import (
    Generated,
    Machines,
    WorkloadSource,
    World,
    build_machines,
    build_world,
)
from evaluator.errors import InputError
from evaluator.policies.catalogue import load_rule
from evaluator.workloads.estimates import apply_estimates
from evaluator.workloads.fit import check_fit, fitting
from evaluator.workloads.generator import Generator
from evaluator.workloads.load import load_workload, own_machine
from evaluator.workloads.windows import Recorded

SPLITS: Final = ("train", "validation", "test", "unseen", "smoke")


@dataclass(frozen=True, slots=True)
class Objective:
    """What is made small or great."""

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
class Scenario:
    """A family of problems with what counts as better; see docs/scenario-format.md."""

    name: str
    title: str
    description: str
    text: str
    """Its TOML."""
    objective: Objective
    guards: tuple[Guard, ...]
    known: tuple[str, ...]
    """Known rules to beat."""
    start: str
    """The known rule whose source is the first parent."""
    splits: Mapping[str, int]
    """Number of instances by split."""
    machines: Machines
    world: World
    files: tuple[tuple[str, str], ...]
    """What was read beside the scenario: label, sha256 (or text)."""
    workload: WorkloadSource
    unseen: WorkloadSource

    @property
    def cluster(self) -> Cluster:
        """The machines; where speeds are drawn, at the middle of their range."""
        return self.machines.fixed

    @property
    def rules(self) -> Rules:
        """What the world charges and allows."""
        return self.world.rules

    @property
    def digest(self) -> str:
        """sha256 of the text and of the digests of all files beside it."""
        hasher = hashlib.sha256(self.text.encode())
        for label, content in self.files:
            hasher.update(f"\0{label}\0{content}".encode())
        return hasher.hexdigest()

    def instance(self, split: str, index: int, seed: bytes) -> Instance:
        """Return problem ``index`` of a split.

        Every stream is keyed by seed, split and index: splits never share arrivals.

        Args:
            split: ``train``, ``validation``, ``test``, ``unseen`` or ``smoke``.
            index: 0 to ``splits[split] - 1``.
            seed: The run's 16 secret bytes.

        Raises:
            InputError: no such split or index, or a job that can never run.
        """
        self._check(split, index, seed)
        cluster = self.machines.draw(stream(seed, "machines", split, index))
        source = self.unseen if split == "unseen" else self.workload
        jobs = source.draw(cluster, split, index, seed)
        if not source.estimated:
            errors = stream(seed, "estimates", split, index)
            jobs = apply_estimates(jobs, self.world.estimates, errors)
        check_fit(jobs, cluster)
        label = repr(("world", split, index)).encode()
        return Instance(
            cluster=cluster,
            workload=jobs,
            rules=self.world.rules,
            failures=self.world.failures,
            outages=self.world.outages,
            price=self.world.price,
            carbon=self.world.carbon,
            seed=hashlib.blake2b(seed + label, digest_size=16).digest(),
        )

    def _check(self, split: str, index: int, seed: bytes) -> None:
        if split not in self.splits:
            raise InputError(f"no split {split!r}; known: {', '.join(self.splits)}")
        if not 0 <= index < self.splits[split]:
            raise InputError(
                f"scenario {self.name!r}: split {split!r} has instances 0 to "
                f"{self.splits[split] - 1}, got {index}"
            )
        if len(seed) != 16:
            raise InputError(f"seed must be 16 bytes, got {len(seed)}")


def scenario_names() -> tuple[str, ...]:
    """Return the built-in scenarios, sorted."""
    folder = resources.files("evaluator") / "scenarios"
    return tuple(
        sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml"))
    )


def load_scenario(
    name: str,
    *,
    workload: Path | None = None,
    format: str | None = None,
    cluster: Path | None = None,
) -> Scenario:
    """Load a built-in scenario by name or any by the path of its TOML.

    Args:
        name: A built-in name, or a path that ends in ``.toml``.
        workload: A file that replaces the scenario's workload (its unseen family stays).
        format: Format of that file; None guesses.
        cluster: A TOML with a ``[cluster]``, or an openb node list, that replaces the machines.
            An SWF log without it brings its own machine of MaxProcs processors.

    Raises:
        InputError: one line with file, field, value and way out.
    """
    text, home, short = _find(name)
    tree = parse_toml(text, ScenarioFile, f"{short}.toml")
    files: list[tuple[str, str]] = []
    source, folder = tree.workload, home
    if workload is not None:
        source, folder = FileSource(file=str(workload), format=format), Path()
    elif format is not None:
        raise InputError(f"format {format!r} needs a workload file to go with it (--workload)")
    for rule in tree.known:
        _known_rule(rule, short)
    machines = _machines(tree, workload, format, cluster, files)
    splits = {split: int(getattr(tree.splits, split)) for split in SPLITS}
    shared = {split: count for split, count in splits.items() if split != "unseen"}
    jobs = _source(tree, source, folder, machines.fixed, shared, files)
    other = jobs
    if tree.unseen is not None or workload is not None:
        family = tree.unseen or tree.workload
        apart = {"unseen": splits["unseen"]}
        other = _source(tree, family, home, machines.fixed, apart, files)
    for part in (jobs, other):
        if isinstance(part, Recorded):
            splits |= part.counts()
    return Scenario(
        name=short,
        title=tree.title,
        description=tree.description.strip(),
        text=text,
        objective=Objective(tree.objective.metric, tree.objective.direction),
        guards=tuple(Guard(g.metric, g.direction, g.margin) for g in tree.guard),
        known=tree.known,
        start=tree.start,
        splits=splits,
        machines=machines,
        world=build_world(tree, machines, home, files),
        files=tuple(files),
        workload=jobs,
        unseen=other,
    )


def _known_rule(name: str, scenario: str) -> None:
    try:
        load_rule(name)
    except InputError as error:
        raise InputError(f"scenario {scenario!r}: known: {error}") from error


def _find(name: str) -> tuple[str, Path, str]:
    """Return text, folder and short name of a scenario."""
    path = Path(name)
    if path.suffix == ".toml":
        return read_text(path), path.parent, path.stem
    if name not in scenario_names():
        close = difflib.get_close_matches(name, scenario_names(), n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise InputError(
            f"no scenario {name!r}; {hint}known: {', '.join(scenario_names())}, or a path that "
            "ends in .toml"
        )
    built_in = resources.files("evaluator") / "scenarios" / f"{name}.toml"
    return built_in.read_text(encoding="utf-8"), Path(), name


def _machines(
    tree: ScenarioFile,
    workload: Path | None,
    format: str | None,
    cluster: Path | None,
    files: list[tuple[str, str]],
) -> Machines:
    """Return the machines of ``--cluster``, of an SWF log given as workload, or of the file."""
    if cluster is not None:
        machines, digest = load_machines(cluster)
        files.append(("cluster", digest))
        return machines
    machine = None if workload is None else own_machine(workload, format)
    return build_machines(tree.cluster) if machine is None else Machines(machine)


def _source(
    tree: ScenarioFile,
    source: FileSource | Generator,
    folder: Path,
    cluster: Cluster,
    splits: dict[str, int],
    files: list[tuple[str, str]],
) -> Recorded | Generated:
    if isinstance(source, Generator):
        source.check(cluster)
        return Generated(source)
    figures = None if source.throughputs is None else folder / source.throughputs
    read = load_workload(folder / source.file, source.format, cluster, throughputs=figures)
    # The columns say all that was read, the throughput file included.
    files.append((Path(source.file).name, read.digest))
    return Recorded(fitting(read, cluster), tree.windows, splits)
