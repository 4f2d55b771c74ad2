"""The parts of a scenario, built from the tables of its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from evaluator.cluster.instance import Failures, Outage, Rules, Series, seconds, stream
from evaluator.cluster.model import TIERS, Cluster, Floats, Links, NodeGroup, build_cluster
from evaluator.cluster.scenario_file import (
    ClusterTable,
    LinkTable,
    NodeTable,
    RulesTable,
    ScenarioFile,
    SeriesTable,
)
from evaluator.cluster.workload import Workload
from evaluator.errors import InputError
from evaluator.workloads.estimates import Estimates
from evaluator.workloads.generator import Generator
from evaluator.workloads.series import read_series


class WorkloadSource(Protocol):
    """Where an instance's jobs come from."""

    @property
    def estimated(self) -> bool:
        """Whether jobs bring estimates of their own, which the error model leaves alone."""

    def draw(self, cluster: Cluster, split: str, index: int, seed: bytes) -> Workload:
        """Return the jobs of one instance."""


@dataclass(frozen=True, slots=True)
class Generated:
    """A generator as a source: every (split, index) has streams of its own."""

    generator: Generator

    @property
    def estimated(self) -> bool:
        """Generators tell the truth; the error model does the rest."""
        return False

    def draw(self, cluster: Cluster, split: str, index: int, seed: bytes) -> Workload:
        """Return the jobs of one instance."""
        generator = self.generator.tiny() if split == "smoke" else self.generator
        return generator.generate(cluster, stream(seed, "workload", split, index), index)


@dataclass(frozen=True, slots=True)
class Machines:
    """The cluster of each instance: fixed, or with speeds drawn from ranges."""

    fixed: Cluster
    """Ranges of speed stand at their middle."""
    ranges: tuple[tuple[float, float], ...] = ()
    """Range of speed by node; empty when no node has one."""
    regions: tuple[str, ...] = ("",)
    """Names of the regions, in the order of their indices."""

    def draw(self, rng: np.random.Generator) -> Cluster:
        """Return the machines of one instance."""
        if not self.ranges:
            return self.fixed
        low, high = np.array(self.ranges).T
        # Three decimals, so that a drawn speed reads the same wherever it is printed.
        speed = np.round(low + rng.random(len(low)) * (high - low), 3)
        return replace(self.fixed, speed=np.clip(speed, low, high))


@dataclass(frozen=True, slots=True)
class World:
    """Everything of an instance but its jobs and machines."""

    rules: Rules
    failures: Failures | None
    outages: tuple[Outage, ...]
    price: tuple[Series, ...]
    carbon: tuple[Series, ...]
    estimates: Estimates


def build_machines(table: ClusterTable) -> Machines:
    """Lay the node tables out as a cluster."""
    order = tuple(dict.fromkeys(node.type for node in table.node))
    nodes = sorted(table.node, key=lambda node: order.index(node.type))
    numbered: dict[str, int] = {}
    groups: list[NodeGroup] = []
    ranges: list[tuple[float, float]] = []
    for node in nodes:
        first = numbered.get(node.type, 0)
        numbered[node.type] = first + node.count
        names = tuple(f"{node.type}-{i}" for i in range(first, first + node.count))
        low, high = node.speed if isinstance(node.speed, tuple) else (node.speed, node.speed)
        ranges += [(low, high)] * node.count
        groups.append(_group(node, (low + high) / 2, names))
    cluster = build_cluster(table.name, groups, build_links(table.links))
    drawn = any(low < high for low, high in ranges)
    places = tuple(dict.fromkeys(node.region for node in nodes))
    return Machines(cluster, tuple(ranges) if drawn else (), places)


def _group(node: NodeTable, speed: float, names: tuple[str, ...]) -> NodeGroup:
    fields = node.model_dump()
    return NodeGroup(**{**fields, "speed": speed, "names": names})


def build_links(table: LinkTable) -> Links:
    """Return the network; a tier left out takes the nearer tier's link."""
    bandwidth: list[float] = []
    latency: list[int] = []
    rate, delay = float("inf"), 0
    for tier in TIERS:
        link = getattr(table, tier)
        if link is not None:
            rate, delay = link.bandwidth, seconds(link.latency)
        bandwidth.append(rate)
        latency.append(delay)
    return Links(np.array(bandwidth, dtype=np.float64), np.array(latency, dtype=np.int64))


def build_rules(table: RulesTable) -> Rules:
    """Return the rules with times in microseconds."""
    return Rules(
        preemptive=table.preemptive,
        round=seconds(table.round),
        restart_cost=seconds(table.restart_cost),
        start_cost=seconds(table.start_cost),
        checkpoint=seconds(table.checkpoint),
        oracle=table.oracle,
        kill_at_estimate=table.kill_at_estimate,
    )


def build_world(
    tree: ScenarioFile, machines: Machines, folder: Path, files: list[tuple[str, str]]
) -> World:
    """Build rules, failures, outages and series; files read are added to ``files``."""
    places = {name: i for i, name in enumerate(machines.regions)}
    return World(
        rules=build_rules(tree.rules),
        failures=None if tree.failures is None else Failures(**tree.failures.model_dump()),
        outages=tuple(
            Outage(_node(machines.fixed, o.node, i), seconds(o.start), seconds(o.end))
            for i, o in enumerate(tree.outage)
        ),
        price=_series("price", tree.price, places, folder, files),
        carbon=_series("carbon", tree.carbon, places, folder, files),
        estimates=tree.estimates,
    )


def _node(cluster: Cluster, node: int | str, outage: int) -> int:
    if isinstance(node, str):
        if node in cluster.names:
            return cluster.names.index(node)
    elif 0 <= node < len(cluster):
        return node
    raise InputError(
        f"outage[{outage}].node must be a row below {len(cluster)} or a name such as "
        f"{cluster.node_name(0)!r}, got {node!r}"
    )


def _series(
    kind: str,
    tables: tuple[SeriesTable, ...],
    places: Mapping[str, int],
    folder: Path,
    files: list[tuple[str, str]],
) -> tuple[Series, ...]:
    found: dict[int, Series] = {}
    for i, table in enumerate(tables):
        if table.region not in places:
            raise InputError(
                f"{kind}[{i}].region must be a region of the cluster "
                f"({', '.join(map(repr, places))}), got {table.region!r}"
            )
        region = places[table.region]
        if region in found:
            raise InputError(f"{kind}[{i}].region {table.region!r} is there twice; merge the two")
        times, values = _steps(table, folder, files)
        found[region] = Series(region, times, values * table.factor)
    return tuple(found[region] for region in sorted(found))


def _steps(
    table: SeriesTable, folder: Path, files: list[tuple[str, str]]
) -> tuple[np.ndarray, Floats]:
    if table.file is None:
        times = np.array([seconds(t) for t in table.times], dtype=np.int64)
        return times, np.array(table.values, dtype=np.float64)
    read = read_series(folder / table.file, table.time_column, table.value_column)
    files.append((table.file, read.digest))
    return read.times, read.values
