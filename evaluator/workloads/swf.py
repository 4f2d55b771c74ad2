"""Logs in the Standard Workload Format of the Parallel Workloads Archive.

Eighteen numbers a line, -1 for unknown, header lines begin with ``;``
(https://www.cs.huji.ac.il/labs/parallel/workload/swf.html). A job is one task of one member
whose CPUs are its processors: see docs/scenario-format.md for why.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from evaluator.cluster.instance import stream
from evaluator.cluster.model import SECOND, Cluster, Floats, Ints, NodeGroup, build_cluster
from evaluator.cluster.workload import Workload
from evaluator.errors import InputError
from evaluator.workloads.assemble import Draft, demand_columns, micros
from evaluator.workloads.estimates import over_request
from evaluator.workloads.files import InputFile, read_file
from evaluator.workloads.rigid import rigid

FIELDS: Final = (
    *("job number", "submit time", "wait time", "run time", "allocated processors"),
    *("average CPU time", "used memory", "requested processors", "requested time"),
    *("requested memory", "status", "user", "group", "executable", "queue", "partition"),
    *("preceding job", "think time"),
)

_SUBMIT, _RUN, _ALLOCATED, _USED_MEMORY = 1, 3, 4, 6
_REQUESTED, _REQUEST_TIME, _REQUEST_MEMORY, _STATUS, _USER = 7, 8, 9, 10, 11

_PARTIAL: Final = (2, 3, 4)
"""Status of lines that repeat a part of a job whose whole is on a line before."""

_CANCELLED: Final = 5


@dataclass(frozen=True, slots=True)
class Log:
    """A parsed log."""

    file: InputFile
    header: dict[str, str]
    rows: Floats
    """Shape (lines, 18)."""
    lines: Ints
    """Line of each row in the file."""

    @property
    def processors(self) -> int:
        """Size of the machine: as the header says, else the largest job."""
        return _stated(self.header) or max(int(_processors(self.rows).max()), 1)


def load_swf(path: Path, cluster: Cluster) -> Workload:
    """Read a log as rigid jobs for a cluster; raises ``InputError``."""
    return _workload(read_log(path), cluster)


def swf_machine(path: Path) -> Cluster:
    """Return the machine a log was taken from: one node of MaxProcs fungible processors.

    Raises:
        InputError: the file is no log.
    """
    file = read_file(path)
    processors = _stated(_header(file.data.split(b"\n"))) or read_log(path).processors
    group = NodeGroup(type="cpu", count=1, cpus=float(processors), names=("machine",))
    return build_cluster(path.name.split(".")[0], [group])


def _stated(header: dict[str, str]) -> int:
    """Return MaxProcs, else MaxNodes, else 0."""
    for key in ("MaxProcs", "MaxNodes"):
        found = re.match(r"\d+", header.get(key, ""))
        if found and int(found[0]) > 0:
            return int(found[0])
    return 0


def read_log(path: Path) -> Log:
    """Parse a log; raises ``InputError`` that names line, field and value."""
    file = read_file(path)
    text = file.data
    raw = text.split(b"\n")
    header = _header(raw)
    if b";" in text:
        kept = [
            i for i, line in enumerate(raw) if line.strip() and not line.lstrip().startswith(b";")
        ]
        lines = np.array(kept, dtype=np.int64) + 1
        body = b"\n".join([raw[i] for i in kept])
    else:
        lines = np.flatnonzero([bool(line.strip()) for line in raw]) + 1
        body = text
    if not len(lines):
        raise InputError(f"{file.name}: must have at least one job line, got header lines only")
    rows = _parse(body, len(lines))
    if rows is None:
        _explain(file, raw, lines)
        raise InputError(f"{file.name}: not an SWF log; a line has 18 numbers")
    return Log(file, header, rows, lines)


def _header(raw: list[bytes]) -> dict[str, str]:
    header: dict[str, str] = {}
    for line in raw:
        if not line.lstrip().startswith(b";"):
            if line.strip():
                break
            continue
        key, _, value = line.decode("utf-8", "replace").lstrip("; \t").partition(":")
        header.setdefault(key.strip(), value.strip())
    return header


def _parse(body: bytes, lines: int) -> Floats | None:
    """Return the numbers, or None when any line is not 18 of them."""
    view = np.frombuffer(body, dtype=np.uint8)
    blank = view <= ord(" ")
    begins = ~blank
    begins[1:] &= blank[:-1]
    ends = np.append(np.flatnonzero(view == ord("\n")), len(view))
    counts = np.diff(np.searchsorted(np.flatnonzero(begins), ends), prepend=0)
    if not np.array_equal(counts[counts > 0], np.full(lines, len(FIELDS))):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            values = np.fromstring(body.decode("ascii"), dtype=np.float64, sep=" ")
        except (DeprecationWarning, ValueError):
            return None
    if len(values) != lines * len(FIELDS) or not np.all(np.isfinite(values)):
        return None
    return values.reshape(lines, len(FIELDS))


def _explain(file: InputFile, raw: list[bytes], lines: Ints) -> None:
    """Raise ``InputError`` for the first line that is not 18 finite numbers."""
    for line in lines.tolist():
        cells = raw[line - 1].decode("utf-8", "replace").split()
        if len(cells) != len(FIELDS):
            raise InputError(
                f"{file.name}:{line}: must have 18 fields, got {len(cells)}; an SWF line has "
                "18 numbers, -1 for unknown"
            )
        for place, cell in enumerate(cells):
            if not _is_number(cell):
                raise InputError(
                    f"{file.name}:{line}: field {place + 1} ({FIELDS[place]}) must be a number, "
                    f"got {cell!r}; an SWF line has 18 numbers, -1 for unknown"
                )


def _is_number(cell: str) -> bool:
    try:
        return bool(np.isfinite(float(cell)))
    except ValueError:
        return False


def _processors(rows: Floats) -> Ints:
    asked, given = rows[:, _REQUESTED], rows[:, _ALLOCATED]
    return np.where(asked > 0, asked, given).astype(np.int64)


def _workload(log: Log, cluster: Cluster) -> Workload:
    rows = log.rows
    early = rows[:, _SUBMIT] < 0
    if early.any():
        row = int(np.argmax(early))
        raise InputError(
            f"{log.file.name}:{log.lines[row]}: field 2 (submit time) must be >= 0, "
            f"got {rows[row, _SUBMIT]:g}"
        )
    keep, skipped = _usable(rows, log.processors)
    if not keep.any():
        counted = ", ".join(f"{count} {why}" for why, count in skipped)
        raise InputError(f"{log.file.name}: no job can be run: {counted}")
    jobs = rows[keep]
    procs = _processors(jobs)
    work = micros(jobs[:, _RUN])
    estimate, estimated = _estimates(jobs, work, log.file.key)
    shape = rigid(procs, cluster)
    memory = _memory(jobs, cluster)
    users, user = np.unique(jobs[:, _USER].astype(np.int64), return_inverse=True)
    submit = jobs[:, _SUBMIT]
    return Draft(
        name=log.file.name.split(".")[0],
        release=np.rint((submit - submit.min()) * SECOND).astype(np.int64),
        work=work,
        estimate=estimate,
        demand=demand_columns(len(jobs), cpus=shape.cpus, memory=shape.cpus * memory),
        gang=shape.gang,
        throughput=np.ones((1, len(cluster.types))),
        user=user,
        users=tuple(str(u) for u in users.tolist()),
        meta=(
            ("source", "swf"),
            ("file", log.file.name),
            ("sha256", log.file.digest),
            ("jobs", str(len(jobs))),
            *((f"skipped, {why}", str(count)) for why, count in skipped),
            ("processors", str(log.processors)),
            ("estimates", estimated),
        ),
    ).finish()


def _usable(rows: Floats, machine: int) -> tuple[np.ndarray, list[tuple[str, int]]]:
    """Return which rows are jobs, and how many are not and why."""
    status, procs = rows[:, _STATUS], _processors(rows)
    idle = rows[:, _RUN] <= 0
    reasons = (
        ("part of a job told before", np.isin(status, _PARTIAL)),
        ("cancelled before it ran", (status == _CANCELLED) & idle),
        ("zero or unknown run time", idle),
        ("zero or unknown processors", procs <= 0),
        ("larger than the machine", procs > machine),
    )
    keep = np.ones(len(rows), dtype=bool)
    skipped = []
    for why, broken in reasons:
        count = int((keep & broken).sum())
        keep &= ~broken
        if count:
            skipped.append((why, count))
    return keep, skipped


def _estimates(jobs: Floats, work: Ints, key: bytes) -> tuple[Ints, str]:
    """Return requested times, drawn from the over-request model where the log has none."""
    asked = jobs[:, _REQUEST_TIME]
    absent = asked <= 0
    drawn = over_request(work, stream(key, "requested time"))
    estimate = np.where(absent, drawn, micros(np.maximum(asked, 0)))
    if not absent.any():
        return estimate, "requested time of the log"
    share = f"{int(absent.sum())} of {len(jobs)} jobs"
    factor = float(np.median(drawn[absent] / work[absent]))
    return estimate, (
        f"absent for {share}: drawn by the over-request model (round values, never below the run "
        f"time, median factor {factor:.1f}; logs with requests have medians of 2 to 14)"
    )


def _memory(jobs: Floats, cluster: Cluster) -> Floats:
    """MiB a processor; 0 where the log does not say or the cluster has no memory figure."""
    if not cluster.capacity[:, 1].any():
        return np.zeros(len(jobs))
    asked, used = jobs[:, _REQUEST_MEMORY], jobs[:, _USED_MEMORY]
    return np.maximum(np.where(asked > 0, asked, used), 0) / 1024
