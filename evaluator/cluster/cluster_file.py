"""Machines from a file of their own: a TOML with a ``[cluster]``, or an openb node list."""

from __future__ import annotations

import hashlib
from pathlib import Path

from evaluator.cluster.scenario_file import ClusterFile, parse_toml, read_text
from evaluator.cluster.scenario_parts import Machines, build_machines
from evaluator.errors import InputError
from evaluator.workloads.openb import read_nodes


def load_machines(path: Path) -> tuple[Machines, str]:
    """Return the machines of a cluster file and its sha256.

    Raises:
        InputError: one line with file, field, value and way out.
    """
    if path.suffix == ".toml":
        text = read_text(path)
        table = parse_toml(text, ClusterFile, path.name).cluster
        return build_machines(table), hashlib.sha256(text.encode()).hexdigest()
    try:
        cluster = read_nodes(path)
    except InputError as error:
        raise InputError(
            f"{error}; a cluster file is a .toml with [cluster] or an openb node list"
        ) from None
    return Machines(cluster), cluster.digest
