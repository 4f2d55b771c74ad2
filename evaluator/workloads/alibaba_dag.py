"""Batch DAGs of Alibaba's 2018 trace, one row a task, without a header.

Source: alibaba/clusterdata, cluster-trace-v2018, in the seven columns of All-less/trace-generator
(spar): arrival (s), job, task, duration (s), plan_cpu (100 is one core), plan_mem (% of a
machine), instances. The task name holds the precedence: ``J4_2_3`` is task 4, after 2 and 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluator.cluster.model import SECOND, Cluster, Floats, Ints
from evaluator.cluster.workload import Workload
from evaluator.workloads.assemble import Draft, demand_columns, micros
from evaluator.workloads.files import read_file
from evaluator.workloads.graph import ranges
from evaluator.workloads.tabular import Columns, read_csv

COLUMNS: Final = (*("arrival", "job", "task", "duration", "plan_cpu", "plan_mem", "instances"),)

PARALLEL: Final = 8
"""Most tasks that stand for the instances of one row."""


@dataclass(frozen=True, slots=True)
class _Expanded:
    """How each row becomes tasks."""

    copies: Ints
    """Tasks of the row."""
    bundle: Ints
    """Instances side by side in one task."""
    waves: Ints
    """Instances one after another in one task."""


@dataclass(frozen=True, slots=True)
class _Pairs:
    before: Ints
    after: Ints
    unknown: int
    """Predecessors named but not in the file."""


def load_alibaba_dag(path: Path, cluster: Cluster) -> Workload:
    """Read the rows as jobs with precedence.

    A row of k instances becomes min(k, 8) parallel tasks (no gang: instances start one by one).
    With more instances a task bundles several: side by side as far as the largest node has
    room, then one after another. So the work is kept, and the critical path too unless a
    bundle outgrows a node. Memory is a share of the largest node's.

    Raises:
        InputError: names file, line, field and value.
    """
    file = read_file(path)
    columns = read_csv(file, names=COLUMNS, header=False)
    arrival = columns.numbers("arrival", least=0)
    runs = columns.numbers("duration", least=0)
    cpus = columns.numbers("plan_cpu", default=100, least=0) / 100
    room = cluster.capacity.max(axis=0)
    memory = columns.numbers("plan_mem", default=0, least=0) / 100 * float(room[1])
    instances = columns.numbers("instances", default=1, least=1, whole=True).astype(np.int64)
    job, names = columns.codes("job")
    pairs = _precedence(columns, job)
    how = _expand(instances, cpus, memory, float(room[0]) / 1000, float(room[1]))
    release = np.full(len(names), np.inf)
    np.minimum.at(release, job, arrival)
    rows = np.repeat(np.arange(len(job)), how.copies)
    before, after = _all_to_all(pairs, how.copies)
    return Draft(
        name=file.name.split(".")[0],
        release=np.rint((release - release.min()) * SECOND).astype(np.int64),
        work=(micros(np.maximum(runs, 1.0)) * how.waves)[rows],
        demand=demand_columns(
            len(rows), cpus=(cpus * how.bundle)[rows], memory=(memory * how.bundle)[rows]
        ),
        job=job[rows],
        throughput=np.ones((1, len(cluster.types))),
        before=before,
        after=after,
        job_names=names,
        meta=(
            ("source", "alibaba2018"),
            ("file", file.name),
            ("sha256", file.digest),
            ("jobs", str(len(names))),
            ("rows", str(len(job))),
            ("tasks", str(len(rows))),
            ("zero durations taken as 1 s", str(int((runs == 0).sum()))),
            ("predecessors not in the file", str(pairs.unknown)),
        ),
    ).finish()


def _precedence(columns: Columns, job: Ints) -> _Pairs:
    """Return the row pairs that the task names tell."""
    cells = pc.fill_null(columns.table.column("task").combine_chunks(), "")
    parts = pc.extract_regex(cells, r"^[A-Za-z]+(?P<id>\d{1,9})(?P<deps>(?:_\d{1,9})*)")
    digits = pc.fill_null(pc.struct_field(parts, "id"), "-1")
    number = pc.cast(digits, pa.int64()).to_numpy(zero_copy_only=False)
    split = pc.split_pattern(pc.fill_null(pc.struct_field(parts, "deps"), ""), "_")
    owner = pc.list_parent_indices(split).to_numpy(zero_copy_only=False)
    told = pc.list_flatten(split)
    said = pc.not_equal(told, "").to_numpy(zero_copy_only=False)
    after = owner[said].astype(np.int64)
    wanted = told.filter(pa.array(said)).cast(pa.int64()).to_numpy(zero_copy_only=False)
    width = int(max(number.max(initial=0), wanted.max(initial=0))) + 2
    keys = np.where(number >= 0, job * width + number, -1)
    order = np.argsort(keys, kind="stable")
    asked = job[after] * width + wanted
    place = np.minimum(np.searchsorted(keys[order], asked), len(order) - 1)
    found = keys[order][place] == asked
    before = order[place]
    held = found & (before != after)
    return _Pairs(before[held], after[held], int((~found).sum()))


def _expand(
    instances: Ints, cpus: Floats, memory: Floats, node_cpus: float, node_memory: float
) -> _Expanded:
    copies = np.minimum(instances, PARALLEL)
    each = -(-instances // copies)
    by_cpu = np.floor(node_cpus / np.maximum(cpus, 1e-3))
    by_memory = np.floor(node_memory / np.maximum(memory, 1e-3)) if node_memory else np.inf
    bundle = np.clip(np.minimum(by_cpu, by_memory), 1, each).astype(np.int64)
    return _Expanded(copies, bundle, -(-each // bundle))


def _all_to_all(pairs: _Pairs, copies: Ints) -> tuple[Ints, Ints]:
    """Return edges from every task of a row to every task of the rows after it."""
    first = np.cumsum(copies) - copies
    fan = copies[pairs.before] * copies[pairs.after]
    k = ranges(np.zeros(len(fan), np.int64), fan)
    pair = np.repeat(np.arange(len(fan)), fan)
    source = first[pairs.before][pair] + k // copies[pairs.after][pair]
    target = first[pairs.after][pair] + k % copies[pairs.after][pair]
    return source, target
