"""A plain table of tasks, CSV or Parquet: the format for anything that has none of its own.

Columns, all but ``duration`` optional (docs/scenario-format.md): release, duration, estimate, due,
deadline in seconds; cpus, devices in units, memory in GiB, gang; weight, user; job, task, after,
bytes for precedence; labels; ``speed_<type>`` for throughput on a node type.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from evaluator.cluster.model import NEVER, SECOND, Cluster, Floats, Ints
from evaluator.cluster.workload import Workload
from evaluator.errors import InputError
from evaluator.workloads.assemble import Draft, demand_columns, micros
from evaluator.workloads.files import InputFile, read_file
from evaluator.workloads.tabular import Columns, read_csv, read_parquet

COLUMNS: Final = (
    *("release", "duration", "estimate", "due", "deadline", "cpus", "memory", "devices", "gang"),
    *("weight", "user", "job", "task", "after", "bytes", "labels"),
)

_SPEED: Final = "speed_"


@dataclass(frozen=True, slots=True)
class _Jobs:
    """Which job each row belongs to."""

    job: Ints
    first: Ints
    """First row of each job."""
    names: tuple[str, ...]


def load_table(path: Path, cluster: Cluster) -> Workload:
    """Read a table of tasks.

    Rows of equal ``job`` are one job: released with its first row, due with its tightest, weight
    and user of the row that comes first.

    Raises:
        InputError: names file, line, field and value.
    """
    file = read_file(path)
    columns = read_parquet(file) if file.data.startswith(b"PAR1") else read_csv(file)
    columns.require(("duration",), "table")
    _known_columns(columns, cluster)
    runs = _above_zero(columns, "duration", None)
    jobs = _jobs(columns)
    release = columns.numbers("release", default=0, least=0)
    begin = np.full(len(jobs.first), np.inf)
    np.minimum.at(begin, jobs.job, release)
    origin = float(begin.min())
    profile, speeds = _speeds(columns, cluster)
    user, users = columns.codes("user") if "user" in columns else (np.zeros(len(runs), int), ())
    before, after = _precedence(columns, jobs)
    work = micros(runs)
    return Draft(
        name=file.name.split(".")[0],
        release=np.rint((begin - origin) * SECOND).astype(np.int64),
        work=work,
        estimate=micros(_above_zero(columns, "estimate", runs)),
        demand=demand_columns(
            len(runs),
            cpus=columns.numbers("cpus", default=1, least=0),
            memory=columns.numbers("memory", default=0, least=0) * 1024,
            devices=columns.numbers("devices", default=0, least=0),
        ),
        gang=columns.numbers("gang", default=1, least=1, whole=True).astype(np.int64),
        job=jobs.job,
        profile=profile,
        requires=_labels(columns, cluster),
        throughput=speeds,
        due=_limits(columns, "due", jobs, origin),
        deadline=_limits(columns, "deadline", jobs, origin),
        weight=columns.numbers("weight", default=1, least=0)[jobs.first],
        user=user[jobs.first],
        users=users,
        before=before,
        after=after,
        bytes=columns.numbers("bytes", default=0, least=0)[after].astype(np.int64),
        job_names=jobs.names,
        meta=(
            ("source", "table"),
            ("file", file.name),
            ("sha256", file.digest),
            ("jobs", str(len(jobs.first))),
            ("tasks", str(len(runs))),
        ),
    ).finish()


def looks_like_table(file: InputFile, header: list[str]) -> bool:
    """Tell whether a file's first line names columns of this format."""
    return file.data.startswith(b"PAR1") or "duration" in header


def _known_columns(columns: Columns, cluster: Cluster) -> None:
    for field in columns.table.column_names:
        node_type = field.removeprefix(_SPEED)
        if field in COLUMNS or (field != node_type and node_type in cluster.types):
            continue
        if field != node_type:
            raise InputError(
                f"{columns.name}:1: column {field!r} must name a node type of the cluster "
                f"({', '.join(cluster.types)}), got {node_type!r}"
            )
        raise InputError(
            f"{columns.name}:1: column {field!r} is not known; a table has "
            f"{', '.join(COLUMNS)}, {_SPEED}<node type>"
        )


def _above_zero(columns: Columns, field: str, default: Floats | None) -> Floats:
    """Return seconds > 0; empty cells take ``default``."""
    if default is None:
        values = columns.numbers(field)
    elif field not in columns:
        return default
    else:
        told = columns.numbers(field, default=-1.0)
        values = np.where(told == -1.0, default, told)
    if (values <= 0).any():
        columns.refuse(field, int(np.argmax(values <= 0)), "> 0 seconds")
    return values


def _jobs(columns: Columns) -> _Jobs:
    n = len(columns)
    if "job" not in columns:
        return _Jobs(np.arange(n), np.arange(n), ())
    job, names = columns.codes("job")
    if "" in names:
        columns.refuse("job", int(np.argmax(job == names.index(""))), "a name")
    _, first = np.unique(job, return_index=True)
    return _Jobs(job, first, names)


def _limits(columns: Columns, field: str, jobs: _Jobs, origin: float) -> Ints | None:
    """Return each job's least limit in µs from the origin; NEVER where no row has one."""
    if field not in columns:
        return None
    told = columns.numbers(field, default=-1.0)
    if ((told < 0) & (told != -1.0)).any():
        columns.refuse(field, int(np.argmax((told < 0) & (told != -1.0))), ">= 0 or empty")
    least = np.full(len(jobs.first), np.inf)
    np.minimum.at(least, jobs.job, np.where(told == -1.0, np.inf, told))
    at = np.where(np.isinf(least), 0.0, least - origin) * SECOND
    return np.where(np.isinf(least), NEVER, np.rint(at).astype(np.int64))


def _speeds(columns: Columns, cluster: Cluster) -> tuple[Ints, Floats]:
    """Return the profile of each row, and throughput by profile and node type."""
    speed = np.column_stack(
        [columns.numbers(f"{_SPEED}{name}", default=1.0, least=0) for name in cluster.types]
    )
    stuck = ~(speed > 0).any(axis=1)
    if stuck.any():
        row = int(np.argmax(stuck))
        raise InputError(f"{columns.where(row)}: one of the speeds must be > 0, got all 0")
    table, profile = np.unique(speed, axis=0, return_inverse=True)
    return profile.reshape(-1).astype(np.int64), table


def _labels(columns: Columns, cluster: Cluster) -> Ints | None:
    if "labels" not in columns:
        return None
    code, texts = columns.codes("labels")
    masks = np.zeros(len(texts), dtype=np.int64)
    for i, text in enumerate(texts):
        for label in _split(text):
            if label not in cluster.label_names:
                columns.refuse(
                    "labels",
                    int(np.argmax(code == i)),
                    f"among the labels of the cluster ({', '.join(cluster.label_names) or 'none'})",
                )
            masks[i] |= 1 << cluster.label_names.index(label)
    return masks[code]


def _precedence(columns: Columns, jobs: _Jobs) -> tuple[Ints, Ints]:
    """Return the row pairs that ``after`` tells."""
    before: list[int] = []
    after: list[int] = []
    if "after" in columns:
        columns.require(("task", "job"), "table with 'after'")
        owner = jobs.job.tolist()
        names = columns.text("task")
        place = {(job, name): row for row, (job, name) in enumerate(zip(owner, names, strict=True))}
        for row, text in enumerate(columns.text("after")):
            for name in dict.fromkeys(_split(text)):
                found = place.get((owner[row], name))
                if found is None or found == row:
                    columns.refuse("after", row, "names of other tasks of the same job")
                before.append(found)
                after.append(row)
    return np.array(before, dtype=np.int64), np.array(after, dtype=np.int64)


def _split(text: str) -> list[str]:
    return [part for part in re.split(r"[;\s]+", text) if part]
