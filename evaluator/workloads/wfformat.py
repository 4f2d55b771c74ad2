"""Scientific workflows in WfFormat 1.5 (wfcommons.org): JSON, one workflow a file.

A path may be one ``.json``, a ``.tar`` of many, either of them gzipped, or a folder.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.cluster.model import Cluster
from evaluator.cluster.workload import Workload
from evaluator.errors import InputError
from evaluator.workloads.assemble import Draft, demand_columns, micros
from evaluator.workloads.files import read_file


@dataclass(slots=True)
class _Rows:
    """Tasks and edges of all workflows, collected."""

    job: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)
    mib: list[float] = field(default_factory=list)
    before: list[int] = field(default_factory=list)
    after: list[int] = field(default_factory=list)
    size: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)


def load_wfformat(path: Path, cluster: Cluster) -> Workload:
    """Read workflows, all released at time 0; an edge carries the bytes of the files handed over.

    Run times are as recorded, whatever the machine; cores default to 1; memory is read only
    where the cluster's nodes state theirs.

    Raises:
        InputError: names file, field and value.
    """
    documents = _documents(path)
    rows = _Rows()
    hasher = hashlib.sha256()
    for name, text in documents:
        hasher.update(text)
        _collect(name, text, rows)
    n = len(rows.job)
    jobs = len(rows.names)
    has_memory = bool(cluster.capacity[:, 1].any())
    return Draft(
        name=path.name.split(".")[0],
        release=np.zeros(jobs, np.int64),
        work=micros(np.maximum(np.array(rows.seconds), 1e-3)),
        demand=demand_columns(
            n, cpus=np.array(rows.cpus), memory=np.array(rows.mib) if has_memory else 0
        ),
        job=np.array(rows.job, dtype=np.int64),
        throughput=np.ones((1, len(cluster.types))),
        before=np.array(rows.before, dtype=np.int64),
        after=np.array(rows.after, dtype=np.int64),
        bytes=np.array(rows.size, dtype=np.int64),
        job_names=tuple(rows.names),
        meta=(
            ("source", "wfformat"),
            ("file", path.name),
            ("sha256", hasher.hexdigest()),
            ("jobs", str(jobs)),
            ("tasks", str(n)),
        ),
    ).finish()


def _documents(path: Path) -> list[tuple[str, bytes]]:
    """Return name and text of every workflow, sorted by name."""
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.name.endswith((".json", ".json.gz")))
        if not files:
            raise InputError(f"{path}: must hold .json files, got none")
        return [(p.name, read_file(p).data) for p in files]
    file = read_file(path)
    if file.data[257:262] != b"ustar":
        return [(file.name, file.data)]
    try:
        with tarfile.open(fileobj=io.BytesIO(file.data)) as archive:
            held = [m for m in archive.getmembers() if m.isfile() and m.name.endswith(".json")]
            texts = [(m.name, _member(archive, m)) for m in held]
    except tarfile.TarError as error:
        raise InputError(f"{file.name}: damaged tar file ({error}); fetch it again") from None
    if not texts:
        raise InputError(f"{file.name}: must hold .json files, got none")
    return sorted(texts)


def _member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    return stream.read() if stream is not None else b""


def _collect(name: str, text: bytes, rows: _Rows) -> None:
    """Add one workflow to the rows."""
    tree = _parse(name, text)
    workflow = _get(name, tree, "workflow", dict)
    specification = _get(name, workflow, "specification", dict, "workflow")
    tasks = _get(name, specification, "tasks", list, "workflow.specification")
    if not tasks:
        raise InputError(f"{name}: workflow.specification.tasks must not be empty, got []")
    runs = _executions(name, workflow)
    sizes = _sizes(name, specification)
    first, job = len(rows.job), len(rows.names)
    ids: dict[str, int] = {}
    for i, task in enumerate(tasks):
        here = f"workflow.specification.tasks[{i}]"
        key = _get(name, task, "id", str, here)
        if key in ids:
            raise InputError(f"{name}: {here}.id must be there once, got {key!r} twice")
        ids[key] = first + i
        run = runs.get(key)
        if run is None:
            raise InputError(f"{name}: task {key!r} has no run time in workflow.execution.tasks")
        rows.job.append(job)
        rows.seconds.append(run[0])
        rows.cpus.append(run[1])
        rows.mib.append(run[2])
    for i, task in enumerate(tasks):
        _edges(name, f"workflow.specification.tasks[{i}]", tasks, task, ids, first, sizes, rows)
    rows.names.append(str(tree.get("name") or name))


def _edges(
    name: str,
    here: str,
    tasks: list[Any],
    task: dict[str, Any],
    ids: dict[str, int],
    first: int,
    sizes: dict[str, int],
    rows: _Rows,
) -> None:
    """Add the edges that lead to one task."""
    needs = set(task.get("inputFiles") or ())
    for parent in dict.fromkeys(task.get("parents") or ()):
        if parent not in ids:
            raise InputError(f"{name}: {here}.parents names no task of the workflow: {parent!r}")
        made = tasks[ids[parent] - first].get("outputFiles") or ()
        rows.before.append(ids[parent])
        rows.after.append(ids[task["id"]])
        rows.size.append(sum(sizes.get(f, 0) for f in dict.fromkeys(made) if f in needs))


def _parse(name: str, text: bytes) -> dict[str, Any]:
    try:
        tree = json.loads(text)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        line = getattr(error, "lineno", 1)
        raise InputError(f"{name}:{line}: not valid JSON: {error}") from None
    version = tree.get("schemaVersion") if isinstance(tree, dict) else None
    if version != "1.5":
        raise InputError(
            f"{name}: schemaVersion must be '1.5', got {version!r}; convert it with wfcommons"
        )
    return dict(tree)


def _executions(name: str, workflow: dict[str, Any]) -> dict[str, tuple[float, float, float]]:
    """Return seconds, cores and MiB by task id."""
    execution = _get(name, workflow, "execution", dict, "workflow")
    found = {}
    for i, task in enumerate(_get(name, execution, "tasks", list, "workflow.execution")):
        here = f"workflow.execution.tasks[{i}]"
        seconds = _number(name, task, "runtimeInSeconds", here, None)
        cores = _number(name, task, "coreCount", here, 1.0) or 1.0
        memory = _number(name, task, "memoryInBytes", here, 0.0)
        found[_get(name, task, "id", str, here)] = (seconds, cores, memory / 2**20)
    return found


def _sizes(name: str, specification: dict[str, Any]) -> dict[str, int]:
    found = {}
    for i, file in enumerate(specification.get("files") or ()):
        here = f"workflow.specification.files[{i}]"
        found[_get(name, file, "id", str, here)] = round(
            _number(name, file, "sizeInBytes", here, 0.0)
        )
    return found


def _get(name: str, tree: Any, key: str, kind: type, here: str = "") -> Any:
    path = f"{here}.{key}" if here else key
    if not isinstance(tree, dict) or key not in tree:
        raise InputError(f"{name}: {path} is missing; this is no WfFormat 1.5 workflow")
    if not isinstance(tree[key], kind):
        raise InputError(f"{name}: {path} must be a {kind.__name__}, got {tree[key]!r:.60}")
    return tree[key]


def _number(name: str, tree: Any, key: str, here: str, default: float | None) -> float:
    value = tree.get(key, default) if isinstance(tree, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e18:
        raise InputError(f"{name}: {here}.{key} must be a number >= 0, got {value!r:.60}")
    return float(value)
