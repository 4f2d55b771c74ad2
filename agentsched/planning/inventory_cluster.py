"""Machines from the evaluator's files: a ``[cluster]`` table, or an openb node list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agentsched.errors import UserError
from agentsched.planning.complaint import first_complaint
from agentsched.planning.inventory import Machine
from evaluator.cluster.scenario_file import ClusterTable, NodeTable
from evaluator.errors import InputError
from evaluator.workloads.openb import read_nodes


def machines_of_tables(tree: Mapping[str, Any], file: str) -> tuple[Machine, ...]:
    """Return the machines of a ``[cluster]``, named ``type-0``, ``type-1``, … as elsewhere.

    A range of speeds counts as its middle; of the power of a machine, what it draws when busy.

    Raises:
        UserError: A field of the table is wrong.
    """
    try:
        table = ClusterTable.model_validate(tree["cluster"])
    except ValidationError as error:
        tables = (ClusterTable, NodeTable)
        said = first_complaint(error, tables, "docs/scenario-format.md", within=("cluster",))
        raise UserError(f"{file}: {said}") from None
    numbered: Counter[str] = Counter()
    machines: list[Machine] = []
    for position, node in enumerate(table.node):
        for i in range(node.count):
            name = f"{node.type}-{numbered[node.type]}"
            numbered[node.type] += 1
            machines.append(_machine(node, name, _rack(node, i, position)))
    return tuple(machines)


def _rack(node: NodeTable, i: int, position: int) -> str:
    rack = node.rack or str(position)
    return f"{rack}/{i // node.nodes_per_rack}" if node.nodes_per_rack else rack


def _machine(node: NodeTable, name: str, rack: str) -> Machine:
    low, high = node.speed if isinstance(node.speed, tuple) else (node.speed, node.speed)
    # A share of a device cannot be planned with; the planner gives devices whole.
    devices = int(node.devices)
    return Machine(
        name=name,
        cpus=node.cpus,
        memory=node.memory,
        devices=devices,
        device=node.type if devices else "",
        speed=(low + high) / 2,
        labels=node.labels,
        rack=rack,
        zone=node.zone,
        region=node.region,
        price=node.price,
        watts=node.busy_watts,
    )


def machines_of_nodes(path: Path) -> tuple[Machine, ...]:
    """Return the machines of an openb node list, by the names in it.

    Raises:
        UserError: The file is missing, or is no such list.
    """
    try:
        cluster = read_nodes(path)
    except InputError as error:
        raise UserError(
            f"{error}; an inventory is a .toml with [[machine]] or [cluster], or an openb node list"
        ) from None
    machines = []
    for row, (cpus, memory, devices) in enumerate(cluster.capacity.tolist()):
        kind = cluster.types[int(cluster.type[row])]
        machines.append(
            Machine(
                name=cluster.node_name(row),
                cpus=cpus / 1000,
                memory=memory / 1024,
                devices=devices // 1000,
                device=kind if devices else "",
            )
        )
    return tuple(machines)
