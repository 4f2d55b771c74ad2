"""Traces of the Gavel simulator: tab-separated jobs, and a JSON of throughputs.

Source: stanford-futuredata/gavel (MIT). A line has 10 fields: job type, command, directory, name
of the steps argument, needs data (0/1), total steps, scale factor, priority weight, SLO, arrival
(s); or 7: job type, command, name of the steps argument, needs data, total steps, arrival (s),
scale factor. A positive SLO sets ``due`` to arrival + SLO x duration on V100.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from evaluator.cluster.model import NEVER, SECOND, Cluster, Floats, Ints
from evaluator.cluster.workload import Workload
from evaluator.errors import InputError
from evaluator.workloads.assemble import Draft, demand_columns, micros
from evaluator.workloads.files import InputFile, read_file
from evaluator.workloads.generate_gavel import EFFICIENCY, GPU_TYPES, STEPS_PER_SECOND
from evaluator.workloads.tabular import Columns, read_csv

LONG: Final = (
    *("job type", "command", "directory", "steps argument", "needs data", "total steps"),
    *("scale factor", "priority weight", "SLO", "arrival"),
)

SHORT: Final = (
    *("job type", "command", "steps argument", "needs data", "total steps", "arrival"),
    "scale factor",
)

Throughputs = Mapping[tuple[str, int], Mapping[str, float]]
"""Steps per second by (job type, scale), then by node type in lower case."""


@dataclass(frozen=True, slots=True)
class _Table:
    rates: Floats
    reference: Floats
    """Steps per second that count as throughput 1.0, by profile."""
    profile: Ints
    names: tuple[str, ...]


def load_gavel(path: Path, cluster: Cluster, throughputs: Path | None = None) -> Workload:
    """Read a trace; work is the run time on V100 at the job's scale.

    Args:
        path: The trace.
        cluster: Node types must be among those of the throughputs, upper or lower case.
        throughputs: JSON of steps per second by node type and (job type, scale). None takes the
            single-GPU figures built in, times the median scaling efficiency.

    Raises:
        InputError: names file, line, field and value.
    """
    file = read_file(path)
    columns = _read(file)
    known = _built_in() if throughputs is None else read_throughputs(throughputs)
    steps = columns.numbers("total steps", least=1)
    scale = columns.numbers("scale factor", least=1, whole=True).astype(np.int64)
    at = columns.numbers("arrival", least=0)
    table = _table(columns, scale, cluster, known)
    runs = steps / table.reference[table.profile]
    slo = columns.numbers("SLO", default=-1)
    work, release = micros(runs), np.rint((at - at.min()) * SECOND).astype(np.int64)
    due = np.where(slo > 0, release + np.rint(slo * work).astype(np.int64), NEVER)
    return Draft(
        name=file.name.split(".")[0],
        release=release,
        work=work,
        due=due,
        weight=columns.numbers("priority weight", default=1, least=0),
        demand=demand_columns(len(scale), devices=1),
        gang=scale,
        profile=table.profile,
        throughput=table.rates,
        profiles=table.names,
        meta=(
            ("source", "gavel"),
            ("file", file.name),
            ("sha256", file.digest),
            ("jobs", str(len(scale))),
            ("throughputs", "built in" if throughputs is None else throughputs.name),
            ("job types at scales without figures", str(_guessed(table, known))),
        ),
    ).finish()


def read_throughputs(path: Path) -> Throughputs:
    """Read a throughput JSON: {node type: {"('job type', scale)": {"null": steps/s}}}.

    Raises:
        InputError: the file is no such JSON.
    """
    file = read_file(path)
    try:
        tree = json.loads(file.text())
    except json.JSONDecodeError as error:
        raise InputError(f"{file.name}:{error.lineno}: not valid JSON: {error.msg}") from None
    found: dict[tuple[str, int], dict[str, float]] = {}
    for node_type, jobs in tree.items() if isinstance(tree, dict) else ():
        for key, pairs in jobs.items() if isinstance(jobs, dict) else ():
            alone = pairs.get("null") if isinstance(pairs, dict) else None
            if not isinstance(alone, int | float) or alone < 0:
                raise InputError(
                    f"{file.name}: {node_type}.{key}.null must be steps per second >= 0, "
                    f"got {alone!r}"
                )
            found.setdefault(_job_key(file, key), {})[node_type.lower()] = float(alone)
    if not found:
        raise InputError(
            f"{file.name}: not a Gavel throughput file; it has node types, then job types"
        )
    return found


def _job_key(file: InputFile, key: str) -> tuple[str, int]:
    if not key.startswith("("):
        return key, 1
    try:
        job, scale = ast.literal_eval(key)
        return str(job), int(scale)
    except (ValueError, SyntaxError, TypeError):
        raise InputError(
            f"{file.name}: a job must be written ('type', scale), got {key!r}"
        ) from None


def _read(file: InputFile) -> Columns:
    fields = len(file.data.split(b"\n", 1)[0].split(b"\t"))
    titles = {len(LONG): LONG, len(SHORT): SHORT}.get(fields)
    if titles is None:
        raise InputError(
            f"{file.name}:1: must have {len(LONG)} or {len(SHORT)} fields split by tabs, "
            f"got {fields}"
        )
    return read_csv(file, delimiter="\t", names=titles, header=False)


def _built_in() -> Throughputs:
    """Single-GPU figures; ``_figures`` scales them."""
    return {
        (job, 1): {gpu.lower(): rate for gpu, rate in zip(GPU_TYPES, rates, strict=True)}
        for job, rates in STEPS_PER_SECOND.items()
    }


def _figures(known: Throughputs, job: str, scale: int) -> Mapping[str, float] | None:
    """Return steps per second by node type; without figures at this scale, those of one GPU.

    These are multiplied by the scale and the median efficiency of the largest scale not above.
    """
    told = known.get((job, scale))
    single = known.get((job, 1))
    if told is not None or single is None:
        return told
    kept = dict(zip((gpu.lower() for gpu in GPU_TYPES), EFFICIENCY[_below(scale)], strict=True))
    return {name: rate * scale * kept.get(name, kept["v100"]) for name, rate in single.items()}


def _guessed(table: _Table, known: Throughputs) -> int:
    said = {f"{job} x{scale}" for job, scale in known}
    return sum(name not in said for name in table.names)


def _below(scale: int) -> int:
    return max(known for known in EFFICIENCY if known <= scale)


def _table(columns: Columns, scale: Ints, cluster: Cluster, known: Throughputs) -> _Table:
    """Return rates relative to V100 for every (job type, scale) of the trace."""
    code, jobs = columns.codes("job type")
    keys, first, profile = np.unique(
        np.column_stack([code, scale]), axis=0, return_index=True, return_inverse=True
    )
    rates = np.zeros((len(keys), len(cluster.types)))
    reference = np.zeros(len(keys))
    for row, (job, size) in enumerate(keys.tolist()):
        figures = _figures(known, jobs[job], size)
        if figures is None:
            columns.refuse("job type", int(first[row]), "in the throughputs")
        reference[row] = figures.get("v100") or max(figures.values())
        if reference[row] <= 0:
            columns.refuse("job type", int(first[row]), "of a speed above 0 on some node type")
        for k, name in enumerate(cluster.types):
            if name.lower() not in figures:
                raise InputError(
                    f"cluster {cluster.name!r}: no throughput for node type {name!r}; known: "
                    f"{', '.join(sorted(figures))}"
                )
            rates[row, k] = figures[name.lower()] / reference[row]
    names = tuple(f"{jobs[job]} x{size}" for job, size in keys.tolist())
    return _Table(rates, reference, profile.reshape(-1).astype(np.int64), names)
