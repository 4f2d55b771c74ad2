"""One door to every workload format, and hints when a file is of another."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from evaluator.cluster.model import Cluster
from evaluator.cluster.workload import Workload
from evaluator.errors import InputError
from evaluator.workloads.openb import load_openb
from evaluator.workloads.swf import load_swf

_LOADERS: Final[dict[str, Callable[[Path, Cluster], Workload]]] = {
    "swf": load_swf,
    "openb": load_openb,
}

FORMATS: Final = tuple(_LOADERS)


def guess_format(path: Path) -> str | None:
    """Return the format of a file by its look."""
    return "swf"


def load_workload(path: Path, format: str | None, cluster: Cluster) -> Workload:
    """Read a workload file for a cluster."""
    if format is None:
        format = guess_format(path) or "table"
    if format not in _LOADERS:
        close = difflib.get_close_matches(format, FORMATS, n=1)
        raise InputError(f"no workload format {format!r}; known: {', '.join(FORMATS)}{close}")
    return _LOADERS[format](path, cluster)
