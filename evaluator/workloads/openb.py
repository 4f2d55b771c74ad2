"""Alibaba's GPU cluster trace of 2023 (openb): nodes, and pods that share GPUs.

Source: alibaba/clusterdata, cluster-trace-gpu-v2023 (Weng et al., "Beware of Fragmentation",
USENIX ATC 2023). Node columns sn, cpu_milli, memory_mib, gpu, model; pod columns name, cpu_milli,
memory_mib, num_gpu, gpu_milli, gpu_spec, qos, pod_phase, creation_time, deletion_time,
scheduled_time (seconds).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from evaluator.cluster.model import SECOND, Cluster, Floats, Ints, NodeGroup, build_cluster
from evaluator.cluster.workload import Workload
from evaluator.errors import InputError
from evaluator.workloads.assemble import Draft, demand_columns, micros
from evaluator.workloads.files import read_file
from evaluator.workloads.tabular import Columns, read_csv

NODE_COLUMNS: Final = ("sn", "cpu_milli", "memory_mib", "gpu", "model")

POD_COLUMNS: Final = (
    *("name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli", "gpu_spec"),
    *("creation_time", "deletion_time", "scheduled_time"),
)


def read_nodes(path: Path) -> Cluster:
    """Read a node list as a cluster; a node's type is its GPU model, ``CPU`` without one.

    Raises:
        InputError: names file, line, field and value.
    """
    columns = read_csv(read_file(path))
    columns.require(NODE_COLUMNS, "openb node")
    names, models = columns.text("sn"), columns.text("model")
    cpus = columns.numbers("cpu_milli", least=0)
    memory = columns.numbers("memory_mib", least=0)
    gpus = columns.numbers("gpu", least=0)
    groups = [
        NodeGroup(
            type=model or "CPU",
            count=1,
            cpus=cpu / 1000,
            memory=mib / 1024,
            devices=gpu,
            rack="0",
            names=(name,),
        )
        for name, model, cpu, mib, gpu in zip(
            names, models, cpus.tolist(), memory.tolist(), gpus.tolist(), strict=True
        )
    ]
    return build_cluster(path.name.split(".")[0], groups)


def load_openb(path: Path, cluster: Cluster) -> Workload:
    """Read a pod list for a cluster that ``read_nodes`` read (or one with the same type names).

    A pod runs from when it was scheduled (created, where that is empty) until it was deleted. One
    with several GPUs takes them whole; one with a single GPU takes ``gpu_milli`` of it. A pod
    with a ``gpu_spec`` such as ``V100M16|V100M32`` runs on nodes of these types only.

    Raises:
        InputError: names file, line, field and value.
    """
    file = read_file(path)
    columns = read_csv(file)
    columns.require(POD_COLUMNS, "openb pod")
    created = columns.numbers("creation_time", least=0)
    scheduled = columns.numbers("scheduled_time", default=-1)
    deleted = columns.numbers("deletion_time", least=0)
    runs = deleted - np.where(scheduled < 0, created, scheduled)
    keep = runs > 0
    if not keep.any():
        raise InputError(f"{file.name}: no pod can be run: all {len(runs)} have zero run time")
    gpus = columns.numbers("num_gpu", least=0, whole=True)
    milli = columns.numbers("gpu_milli", default=0, least=0)
    profile, rates, specs = _constraints(columns, cluster)
    release = created - created[keep].min()
    names = columns.text("name")
    return Draft(
        name=file.name.split(".")[0],
        release=np.rint(release[keep] * SECOND).astype(np.int64),
        work=micros(runs[keep]),
        demand=demand_columns(
            int(keep.sum()),
            cpus=columns.numbers("cpu_milli", least=0)[keep] / 1000,
            memory=columns.numbers("memory_mib", least=0)[keep],
            devices=(np.where(gpus > 1, 1000, np.minimum(milli, 1000)) * gpus)[keep] / 1000,
        ),
        profile=profile[keep],
        throughput=rates,
        profiles=specs,
        job_names=tuple(names[row] for row in np.flatnonzero(keep).tolist()),
        meta=(
            ("source", "openb"),
            ("file", file.name),
            ("sha256", file.digest),
            ("jobs", str(int(keep.sum()))),
            ("skipped, zero run time", str(int((~keep).sum()))),
        ),
    ).finish()


def _constraints(columns: Columns, cluster: Cluster) -> tuple[Ints, Floats, tuple[str, ...]]:
    """Return the profile of each pod, throughput 0 on types its spec excludes, and the specs."""
    profile, specs = columns.codes("gpu_spec")
    rates = np.ones((len(specs), len(cluster.types)))
    for row, spec in enumerate(specs):
        allowed = {name.strip().lower() for name in spec.split("|") if name.strip()}
        if allowed:
            rates[row] = [float(name.lower() in allowed) for name in cluster.types]
    return profile, rates, tuple(spec or "any" for spec in specs)
