"""Rigid parallel jobs on a cluster: one member on a node that is wide enough, else a gang."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluator.cluster.model import Cluster, Ints


@dataclass(frozen=True, slots=True)
class Rigid:
    """How jobs of so many processors lie on a cluster."""

    cpus: Ints
    """CPUs of each member."""
    gang: Ints


def rigid(processors: Ints, cluster: Cluster) -> Rigid:
    """Return one member with all processors where the largest node has them, else one each.

    Processors are fungible: a batch system hands out any that are free. One wide node says just
    that; on a cluster of nodes a wide job is a gang of one-CPU members on nodes of one type.
    """
    wide = processors > int(cluster.capacity[:, 0].max()) // 1000
    return Rigid(np.where(wide, 1, processors), np.where(wide, processors, 1))


def largest_job(cluster: Cluster) -> int:
    """Return the most processors that one job can have: all CPUs of the largest type."""
    by_type = np.zeros(len(cluster.types), dtype=np.int64)
    np.add.at(by_type, cluster.type, cluster.capacity[:, 0] // 1000)
    return max(int(by_type.max()), 1)
