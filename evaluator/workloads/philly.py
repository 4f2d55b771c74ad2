"""Microsoft's Philly trace of training jobs, as a table of jobs.

Source: msr-fiddle/philly-traces (Jeon et al., USENIX ATC 2019, CC-BY-4.0) in the columns that
follow-up simulators use: timestamp (date), duration (s), num_gpus, gpu_time (GPU seconds, not
read), cluster (the virtual cluster, taken as the user).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from evaluator.cluster.instance import stream
from evaluator.cluster.model import SECOND, Cluster
from evaluator.cluster.workload import Workload
from evaluator.errors import InputError
from evaluator.workloads.assemble import Draft, demand_columns, micros
from evaluator.workloads.files import read_file
from evaluator.workloads.generate_gavel import drawn_rates
from evaluator.workloads.series import read_times
from evaluator.workloads.tabular import read_csv

COLUMNS: Final = ("timestamp", "duration", "num_gpus", "cluster")


def load_philly(path: Path, cluster: Cluster) -> Workload:
    """Read the table; a job is a gang of ``num_gpus`` members with one device each.

    The trace does not say what a job trains. On a cluster of V100, P100 and K80 each job gets
    one of Gavel's job types, by a draw that the file's digest fixes; on other types speed is 1.0.

    Raises:
        InputError: names file, line, field and value.
    """
    file = read_file(path)
    columns = read_csv(file)
    columns.require(COLUMNS, "philly")
    at = read_times(columns, "timestamp")
    runs = columns.numbers("duration", least=0)
    gpus = columns.numbers("num_gpus", least=0, whole=True)
    user, users = columns.codes("cluster")
    keep = (runs > 0) & (gpus > 0)
    if not keep.any():
        raise InputError(f"{file.name}: no job can be run: all {len(runs)} have 0 s or 0 GPUs")
    gang = gpus[keep].astype(np.int64)
    drawn = drawn_rates(cluster, gang, stream(file.key, "job type"))
    return Draft(
        name=file.name.split(".")[0],
        release=np.rint((at[keep] - at[keep].min()) * SECOND).astype(np.int64),
        work=micros(runs[keep]),
        demand=demand_columns(len(gang), devices=1),
        gang=gang,
        profile=drawn.profile,
        throughput=drawn.rates,
        profiles=drawn.names,
        user=user[keep],
        users=users,
        meta=(
            ("source", "philly"),
            ("file", file.name),
            ("sha256", file.digest),
            ("jobs", str(len(gang))),
            ("skipped, zero run time or no GPU", str(int((~keep).sum()))),
            ("speeds", drawn.said),
        ),
    ).finish()
