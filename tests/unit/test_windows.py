"""Windows of a trace, draws from a library, and what a cluster can hold."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from evaluator.cluster.model import NEVER, SECOND, Cluster, NodeGroup, build_cluster
from evaluator.cluster.workload import Workload, simple_workload
from evaluator.errors import InputError
from evaluator.workloads.assemble import Draft, demand_columns, take_jobs
from evaluator.workloads.fit import check_fit, fitting, runnable
from evaluator.workloads.generator import offered_seconds
from evaluator.workloads.graph import depths, ranges
from evaluator.workloads.windows import Recorded, Windows

SEED = b"windows of trace"
SPLITS = {"train": 4, "validation": 2, "test": 2, "unseen": 2, "smoke": 1}


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return build_cluster("c", [NodeGroup("cpu", 2, cpus=4)])


def trace(jobs: int) -> Workload:
    """Job k is released at k seconds and runs k + 1 seconds: every job can be told apart."""
    at = np.arange(jobs, dtype=np.int64)
    return simple_workload("trace", at * SECOND, (at + 1) * SECOND)


def members(w: Workload) -> list[int]:
    return (w.work // SECOND - 1).tolist()


def test_windows_of_a_split_lie_in_its_part_and_do_not_overlap(cluster: Cluster) -> None:
    source = Recorded(trace(5000), Windows(jobs=300), SPLITS)
    for split, low, high in (("train", 0, 3000), ("validation", 3000, 4000), ("test", 4000, 5000)):
        found = [members(source.draw(cluster, split, i, SEED)) for i in range(SPLITS[split])]
        assert all(len(window) == 300 for window in found)
        assert all(low <= min(window) and max(window) < high for window in found)
        assert all(window == list(range(window[0], window[0] + 300)) for window in found)
        for a, b in itertools.combinations(found, 2):
            assert not set(a) & set(b)


def test_windows_begin_at_zero_and_the_seed_moves_them(cluster: Cluster) -> None:
    source = Recorded(trace(5000), Windows(jobs=300), SPLITS)
    first = source.draw(cluster, "train", 0, SEED)
    assert first.release[0] == 0
    assert first.digest == source.draw(cluster, "train", 0, SEED).digest
    starts = {members(source.draw(cluster, "train", 0, bytes([i]) * 16))[0] for i in range(8)}
    assert len(starts) > 4


def test_short_files_give_smaller_windows_then_fewer(cluster: Cluster) -> None:
    asked = {"train": 12, "validation": 20, "test": 40}
    source = Recorded(trace(18_000), Windows(jobs=1000), asked)
    assert source.counts() == {"train": 12, "validation": 18, "test": 18}
    sizes = {s: len(source.draw(cluster, s, 0, SEED)) for s in asked}
    assert sizes == {"train": 900, "validation": 200, "test": 200}


def test_a_file_too_short_for_its_windows_is_refused() -> None:
    with pytest.raises(InputError, match=r"validation split is 20% .* 8 windows of at least 50"):
        Recorded(trace(1000), Windows(jobs=1000), {"train": 12, "validation": 20, "test": 40})


def test_a_load_stretches_the_gaps_of_each_window(cluster: Cluster) -> None:
    source = Recorded(trace(5000), Windows(jobs=300, load=0.8), SPLITS)
    w = source.draw(cluster, "train", 1, SEED)
    span = w.release[-1] / SECOND * 300 / 299
    assert offered_seconds(w, cluster) / span == pytest.approx(0.8, rel=1e-3)
    assert "offered load of 0.8" in dict(w.meta)["arrivals"]
    gaps = np.diff(w.release)
    assert gaps.max() - gaps.min() <= 1000  # equal gaps stay equal, up to a millisecond


def test_smoke_takes_the_first_jobs_only(cluster: Cluster) -> None:
    smoke = Recorded(trace(5000), Windows(), {}).draw(cluster, "smoke", 0, SEED)
    assert members(smoke) == list(range(60))


def library(jobs: int) -> Workload:
    """Chains of two tasks; job k's tasks run k + 1 and 100 seconds, all released at 0."""
    task = np.arange(2 * jobs)
    return Draft(
        name="library",
        release=np.zeros(jobs, np.int64),
        work=np.where(task % 2 == 0, task // 2 + 1, 100) * SECOND,
        demand=demand_columns(2 * jobs, cpus=1),
        job=task // 2,
        before=task[::2],
        after=task[1::2],
        bytes=task[::2] + 7,
    ).finish()


def test_a_library_is_dealt_out_and_drawn_with_arrivals(cluster: Cluster) -> None:
    source = Recorded(library(10), Windows(jobs=40, load=0.5), SPLITS)
    assert source.counts() == {}
    seen = {}
    for split in ("train", "validation", "test"):
        w = source.draw(cluster, split, 0, SEED)
        assert (w.jobs, len(w)) == (40, 80)
        assert w.release[-1] > w.release[0] == 0
        assert np.all(np.diff(w.edges.ptr) == np.tile([0, 1], 40))
        seen[split] = {int(k) // SECOND - 1 for k in w.work[::2]}
    assert seen["train"] <= set(range(6))
    assert seen["validation"] <= {6, 7}
    assert seen["test"] <= {8, 9}


def test_taking_jobs_keeps_edges_and_moves_limits() -> None:
    chains = library(3)
    limited = replace(chains, due=np.array([5, NEVER, 7], dtype=np.int64))
    w = take_jobs(limited, np.array([2, 0, 2]), np.array([10, 20, 30]))
    assert (w.work // SECOND).tolist() == [3, 100, 1, 100, 3, 100]
    assert w.edges.source.tolist() == [0, 2, 4]
    assert w.edges.bytes.tolist() == [11, 7, 11]
    assert w.due.tolist() == [17, 25, 37]


def test_drafts_sort_jobs_by_release_and_tasks_by_depth() -> None:
    """Job 0 (late): c after b after a, written backwards. Job 1 (early): one task."""
    w = Draft(
        name="d",
        release=np.array([9, 4]),
        work=np.array([3, 2, 1, 8]),
        demand=demand_columns(4, cpus=[3, 2, 1, 8]),
        job=np.array([0, 0, 0, 1]),
        before=np.array([1, 2]),
        after=np.array([0, 1]),
        bytes=np.array([21, 12]),
        job_names=("late", "early"),
    ).finish()
    assert w.job_names == ("early", "late")
    assert w.work.tolist() == [8, 1, 2, 3]
    assert w.demand[:, 0].tolist() == [8000, 1000, 2000, 3000]
    assert (w.edges.source.tolist(), w.edges.bytes.tolist()) == ([1, 2], [12, 21])


def test_depth_is_the_longest_way_and_none_on_a_cycle() -> None:
    before, after = np.array([0, 0, 1]), np.array([1, 2, 2])
    assert depths(4, before, after).tolist() == [0, 1, 2, 0]  # type: ignore[union-attr]
    assert depths(2, np.array([0, 1]), np.array([1, 0])) is None
    assert ranges(np.array([3, 9, 5]), np.array([5, 9, 6])).tolist() == [3, 4, 5]


def test_a_gang_must_fit_on_the_nodes_of_one_type() -> None:
    groups = [
        NodeGroup("a", 2, cpus=4, devices=2, labels=("ssd",)),
        NodeGroup("b", 1, cpus=8, devices=3),
    ]
    cluster = build_cluster("c", groups)
    w = simple_workload(
        "w", [0] * 6, [SECOND] * 6, cpus=[4, 8, 9, 0, 0, 1], devices=[0, 0, 0, 1, 1, 0],
        gang=[2, 1, 1, 4, 5, 1], profile=[0, 0, 0, 0, 0, 1],
        throughput=np.array([[1.0, 1.0], [0.0, 1.0]]),
    )  # fmt: skip
    labelled = replace(w, requires=np.array([0, 0, 0, 0, 0, 1]))
    assert runnable(w, cluster).tolist() == [True, True, False, True, False, True]
    assert runnable(labelled, cluster).tolist() == [True, True, False, True, False, False]
    with pytest.raises(InputError, match=r"'j2' must fit .* 9 CPUs.* a or b; .* --cluster"):
        check_fit(w, cluster)


def test_a_few_jobs_too_large_are_left_out_and_many_are_an_error(cluster: Cluster) -> None:
    wide = np.where(np.arange(100) % 20 == 0, 99.0, 1.0)
    w = simple_workload("w", np.arange(100) * SECOND, [SECOND] * 100, cpus=wide)
    kept = fitting(w, cluster)
    assert kept.jobs == 95
    assert dict(kept.meta)["left out, larger than cluster"] == "5"
    assert kept.release[0] == 0
    half = simple_workload("w", [0] * 4, [1] * 4, cpus=[1, 1, 99, 99])
    with pytest.raises(InputError, match=r"2 of 4 jobs do not fit"):
        fitting(half, cluster)


def test_library_draws_differ_by_index(cluster: Cluster) -> None:
    source = Recorded(library(10), Windows(jobs=20), SPLITS)
    digests = {source.draw(cluster, "train", i, SEED).digest for i in range(4)}
    assert len(digests) == 4
