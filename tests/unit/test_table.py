"""The plain table: every column, CSV and Parquet alike, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pyarrow.csv
import pyarrow.parquet
import pytest

from evaluator.cluster.model import NEVER, SECOND, Cluster, NodeGroup, build_cluster
from evaluator.errors import InputError
from evaluator.workloads import load_workload

FULL = (
    (
        "job,task,after,release,duration,estimate,cpus,memory,devices,gang,"
        "due,deadline,weight,user,bytes,labels,speed_gpu\n"
    )
    + """etl,load,extract,5,3,4,2,1.5,0,1,,,2,ann,4096,,1
etl,extract,,4,2,,1,0,0,1,60,90,2,ann,0,ssd,0.5
train,,,1,10,12,0,0,1,4,30,,1,bob,0,,2
"""
)


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return build_cluster(
        "mixed",
        [
            NodeGroup("cpu", 2, cpus=8, memory=32, labels=("ssd",)),
            NodeGroup("gpu", 2, cpus=8, devices=4),
        ],
    )


def put(folder: Path, text: str) -> Path:
    path = folder / "t.csv"
    path.write_text(text)
    return path


def test_every_column_finds_its_place(tmp_path: Path, cluster: Cluster) -> None:
    w = load_workload(put(tmp_path, FULL), "table", cluster)
    # train is released first (1 s, the origin); etl with its first row, 3 s later
    assert w.job_names == ("train", "etl")
    assert w.release.tolist() == [0, 3 * SECOND]
    assert w.due.tolist() == [29 * SECOND, 59 * SECOND]
    assert w.deadline.tolist() == [NEVER, 89 * SECOND]
    assert (w.weight.tolist(), [w.users[u] for u in w.user]) == ([1.0, 2.0], ["bob", "ann"])
    # tasks: train, extract, load
    assert w.work.tolist() == [10 * SECOND, 2 * SECOND, 3 * SECOND]
    assert w.estimate.tolist() == [12 * SECOND, 2 * SECOND, 4 * SECOND]
    assert w.demand.tolist() == [[0, 0, 1000], [1000, 0, 0], [2000, 1536, 0]]
    assert w.gang.tolist() == [4, 1, 1]
    assert w.requires.tolist() == [0, 1, 0]
    assert w.throughput[w.profile].tolist() == [[1.0, 2.0], [1.0, 0.5], [1.0, 1.0]]
    assert (w.edges.ptr.tolist(), w.edges.source.tolist()) == ([0, 0, 0, 1], [1])
    assert w.edges.bytes.tolist() == [4096]


def test_parquet_says_the_same(tmp_path: Path, cluster: Cluster) -> None:
    path = put(tmp_path, FULL)
    pyarrow.parquet.write_table(pyarrow.csv.read_csv(path), tmp_path / "t.parquet")
    plain = load_workload(path, None, cluster)
    packed = load_workload(tmp_path / "t.parquet", None, cluster)
    assert packed.work.tolist() == plain.work.tolist()
    assert packed.edges.source.tolist() == plain.edges.source.tolist()
    assert packed.due.tolist() == plain.due.tolist()
    assert packed.job_names == plain.job_names


def test_only_durations_are_needed(tmp_path: Path, cluster: Cluster) -> None:
    w = load_workload(put(tmp_path, "duration\n3\n2.5\n"), "table", cluster)
    assert w.work.tolist() == [3 * SECOND, 2_500_000]
    assert w.demand.tolist() == [[1000, 0, 0]] * 2
    assert w.release.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("cpus\n1\n", ("t.csv:", "column 'duration' is missing")),
        ("duration,cpu\n1,1\n", ("t.csv:1:", "column 'cpu' is not known", "speed_<node type>")),
        ("duration,speed_tpu\n1,1\n", ("t.csv:1:", "node type of the cluster (cpu, gpu)", "'tpu'")),
        ("duration,duration\n1,1\n", ("t.csv:1:", "'duration'", "twice")),
        ("duration\n0\n", ("t.csv:2:", "duration must be > 0 seconds, got '0'")),
        ("duration\n1\nx\n", ("t.csv:3:", "duration must be a number, got 'x'")),
        ("duration\n1\ninf\n", ("t.csv:3:", "duration must be finite, got 'inf'")),
        ("duration,gang\n1,0\n", ("t.csv:2:", "gang must be >= 1, got '0'")),
        ("duration,gang\n1,1.5\n", ("t.csv:2:", "gang must be a whole number, got '1.5'")),
        ("duration,release\n1,-2\n", ("t.csv:2:", "release must be >= 0, got '-2'")),
        ("duration,due\n1,-2\n", ("t.csv:2:", "due must be >= 0 or empty, got '-2'")),
        ("duration,estimate\n1,0\n", ("t.csv:2:", "estimate must be > 0 seconds, got '0'")),
        ("duration,labels\n1,fast\n", ("t.csv:2:", "labels of the cluster (ssd)", "'fast'")),
        ("duration,after\n1,a\n", ("t.csv:", "'task' is missing")),
        (
            "duration,job,task,after\n1,j,a,b\n",
            ("t.csv:2:", "after must be names of other tasks of the same job", "'b'"),
        ),
        ("duration,job,task,after\n1,j,a,a\n", ("t.csv:2:", "other tasks", "'a'")),
        (
            "duration,job,task,after\n1,j,a,b\n1,j,b,a\n",
            ("precedence must have no cycle",),
        ),
        ("duration,job\n1,\n", ("t.csv:2:", "job must be a name, got nothing")),
        (
            "duration,speed_cpu,speed_gpu\n1,0,0\n",
            ("t.csv:2:", "one of the speeds must be > 0"),
        ),
        ("PAR1 nonsense\n", ("t.csv:", "not a Parquet file")),
    ],
)
def test_a_wrong_table_is_refused(
    tmp_path: Path, cluster: Cluster, text: str, parts: tuple[str, ...]
) -> None:
    with pytest.raises(InputError) as caught:
        load_workload(put(tmp_path, text), "table", cluster)
    message = str(caught.value)
    assert all(part in message for part in parts), message
    assert "\n" not in message
