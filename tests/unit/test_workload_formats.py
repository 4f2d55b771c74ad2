"""Philly, Gavel, openb, Alibaba 2018, WfFormat: tiny files by hand, and what is refused."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from evaluator.cluster.model import NEVER, SECOND, Cluster, NodeGroup, build_cluster
from evaluator.errors import InputError
from evaluator.workloads import FORMATS, load_workload
from evaluator.workloads.load import guess_format
from evaluator.workloads.openb import read_nodes

PHILLY = """timestamp,duration,num_gpus,gpu_time,cluster
2017-10-09 07:01:55,66.0,1,66.0,vc1
2017-10-09 07:00:55,10.5,4,42.0,vc2
2017-10-09 07:02:55,0,1,0,vc1
"""

GAVEL = (
    "A3C\tpython a3c.py\t.\t-n\t0\t7176\t1\t1\t-1.0\t0\n"
    "CycleGAN\tpython cg.py\t.\t-n\t0\t1000\t2\t3\t2.0\t60\n"
)

THROUGHPUTS = {
    "v100": {
        "('A3C', 1)": {"null": 4.0, "('A3C', 1)": [2.0, 2.0]},
        "('CycleGAN', 1)": {"null": 5.0},
        "('CycleGAN', 2)": {"null": 10.0},
    },
    "k80": {
        "('A3C', 1)": {"null": 1.0},
        "('CycleGAN', 1)": {"null": 1.0},
        "('CycleGAN', 2)": {"null": 0.0},
    },
    "p100": {
        "('A3C', 1)": {"null": 2.0},
        "('CycleGAN', 1)": {"null": 3.0},
        "('CycleGAN', 2)": {"null": 4.0},
    },
}

NODES = """sn,cpu_milli,memory_mib,gpu,model
n0,96000,1024,2,V100M16
n1,32000,2048,0,
n2,96000,1024,8,G2
n3,64000,512,2,V100M16
"""

PODS = (
    (
        "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,"
        "creation_time,deletion_time,scheduled_time\n"
    )
    + """a,4000,256,1,460,,LS,Running,100,160,110
b,2000,128,2,1000,V100M16|G2,BE,Succeeded,90,100,
c,1000,64,0,0,,BE,Failed,95,95,95
"""
)

ROWS = """10,j1,M1,5,100,0.5,1
10,j1,R2_1,7,50,0.5,3
20,j2,task_abc,4,100,0.5,20
"""


def workflow(**changes: object) -> dict[str, object]:
    """Two tasks, a after b in the file but before it in time, one file of 700 bytes between."""
    tree: dict[str, object] = {
        "name": "two",
        "schemaVersion": "1.5",
        "workflow": {
            "specification": {
                "tasks": [
                    {"id": "b", "parents": ["a"], "inputFiles": ["f", "g"], "outputFiles": []},
                    {"id": "a", "parents": [], "inputFiles": [], "outputFiles": ["f", "h"]},
                ],
                "files": [
                    {"id": "f", "sizeInBytes": 700},
                    {"id": "g", "sizeInBytes": 11},
                    {"id": "h", "sizeInBytes": 13},
                ],
            },
            "execution": {
                "tasks": [
                    {"id": "a", "runtimeInSeconds": 1.5, "coreCount": 2, "memoryInBytes": 2**21},
                    {"id": "b", "runtimeInSeconds": 0},
                ]
            },
        },
    }
    return {**tree, **changes}


@pytest.fixture(scope="module")
def gpus() -> Cluster:
    return build_cluster("gpus", [NodeGroup(t, 2, devices=4) for t in ("V100", "P100", "K80")])


@pytest.fixture(scope="module")
def cpus() -> Cluster:
    return build_cluster("cpus", [NodeGroup("cpu", 2, cpus=4, memory=64)])


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_philly_jobs_are_gangs_of_one_gpu_members(tmp_path: Path, gpus: Cluster) -> None:
    w = load_workload(put(tmp_path, "p.csv", PHILLY), "philly", gpus)
    assert w.release.tolist() == [0, 60 * SECOND]
    assert w.work.tolist() == [10_500_000, 66 * SECOND]
    assert (w.gang.tolist(), w.demand.tolist()) == ([4, 1], [[0, 0, 1000]] * 2)
    assert [w.users[u] for u in w.user] == ["vc2", "vc1"]
    assert dict(w.meta)["skipped, zero run time or no GPU"] == "1"
    assert w.throughput.shape[1] == 3
    assert np.all(w.throughput[:, 0] == 1.0)


def test_philly_speed_is_even_on_other_node_types(tmp_path: Path, cpus: Cluster) -> None:
    w = load_workload(put(tmp_path, "p.csv", PHILLY), "philly", cpus)
    assert w.throughput.tolist() == [[1.0]]


def test_gavel_work_is_the_run_time_on_v100(tmp_path: Path, gpus: Cluster) -> None:
    figures = put(tmp_path, "t.json", json.dumps(THROUGHPUTS))
    w = load_workload(put(tmp_path, "g.trace", GAVEL), "gavel", gpus, throughputs=figures)
    assert w.work.tolist() == [7176 * SECOND // 4, 100 * SECOND]
    assert w.throughput[w.profile].tolist() == [[1.0, 0.5, 0.25], [1.0, 0.4, 0.0]]
    assert (w.gang.tolist(), w.weight.tolist()) == ([1, 2], [1.0, 3.0])
    assert w.due.tolist() == [NEVER, 60 * SECOND + 200 * SECOND]


def test_gavel_falls_back_on_the_built_in_figures(tmp_path: Path, gpus: Cluster) -> None:
    w = load_workload(put(tmp_path, "g.trace", GAVEL), "gavel", gpus)
    assert w.work[0] == 1000 * SECOND
    assert w.work[1] == pytest.approx(1000 / (4.426 * 2 * 0.904) * SECOND, abs=1)


def test_gavel_reads_the_seven_field_form(tmp_path: Path, gpus: Cluster) -> None:
    text = "A3C\tpython a3c.py\t-n\t0\t7176\t6.5\t1\nA3C\tx\t-n\t0\t3588\t0.5\t4\n"
    w = load_workload(put(tmp_path, "g.trace", text), "gavel", gpus)
    assert (w.release.tolist(), w.gang.tolist()) == ([0, 6 * SECOND], [4, 1])


def test_openb_nodes_are_typed_by_gpu_model(tmp_path: Path) -> None:
    cluster = read_nodes(put(tmp_path, "nodes.csv", NODES))
    assert cluster.types == ("V100M16", "CPU", "G2")
    assert cluster.names == ("n0", "n3", "n1", "n2")
    assert cluster.capacity.tolist() == [
        [96000, 1024, 2000],
        [64000, 512, 2000],
        [32000, 2048, 0],
        [96000, 1024, 8000],
    ]


def test_openb_pods_take_milli_gpus_and_keep_to_their_models(tmp_path: Path) -> None:
    cluster = read_nodes(put(tmp_path, "nodes.csv", NODES))
    w = load_workload(put(tmp_path, "pods.csv", PODS), "openb", cluster)
    assert w.job_names == ("b", "a")
    assert w.demand.tolist() == [[2000, 128, 2000], [4000, 256, 460]]
    assert (w.release.tolist(), w.work.tolist()) == ([0, 10 * SECOND], [10 * SECOND, 50 * SECOND])
    assert w.throughput[w.profile].tolist() == [[1.0, 0.0, 1.0], [1.0, 1.0, 1.0]]
    assert dict(w.meta)["skipped, zero run time"] == "1"


def test_alibaba_names_hold_the_precedence(tmp_path: Path, cpus: Cluster) -> None:
    w = load_workload(put(tmp_path, "d.csv", ROWS), "alibaba2018", cpus)
    assert w.release.tolist() == [0, 10 * SECOND]
    assert w.job_names == ("j1", "j2")
    # j1: task 1, then three instances of task 2, each after it; j2: 8 tasks for 20 instances
    assert w.job.tolist() == [0] * 4 + [1] * 8
    assert w.edges.ptr.tolist()[:5] == [0, 0, 1, 2, 3]
    assert w.edges.source.tolist() == [0, 0, 0]
    assert w.work.tolist()[:4] == [5 * SECOND] + [7 * SECOND] * 3


def test_alibaba_bundles_instances_beyond_eight_side_by_side(tmp_path: Path, cpus: Cluster) -> None:
    w = load_workload(put(tmp_path, "d.csv", ROWS), "alibaba2018", cpus)
    # 20 instances in 8 tasks: 3 each, of 1 core, and a node has 4: side by side, one wave
    assert w.demand[4:, 0].tolist() == [3000] * 8
    assert w.work.tolist()[4:] == [4 * SECOND] * 8
    small = build_cluster("small", [NodeGroup("cpu", 2, cpus=1, memory=64)])
    s = load_workload(put(tmp_path, "d.csv", ROWS), "alibaba2018", small)
    assert s.demand[4:, 0].tolist() == [1000] * 8
    assert s.work.tolist()[4:] == [12 * SECOND] * 8


def test_wfformat_edges_carry_the_files_handed_over(tmp_path: Path, cpus: Cluster) -> None:
    w = load_workload(put(tmp_path, "w.json", json.dumps(workflow())), "wfformat", cpus)
    # a comes first in topological order; f goes from a to b, h is not read, g is not a's
    assert w.work.tolist() == [1_500_000, 1000]
    assert w.demand.tolist() == [[2000, 2, 0], [1000, 0, 0]]
    assert (w.edges.source.tolist(), w.edges.bytes.tolist()) == ([0], [700])
    assert w.job_names == ("two",)


def test_wfformat_reads_archives_and_folders_alike(tmp_path: Path, cpus: Cluster) -> None:
    texts = {f"{n}.json": json.dumps(workflow(name=n)) for n in ("x", "y")}
    folder = tmp_path / "many"
    folder.mkdir()
    with tarfile.open(tmp_path / "many.tar.gz", "w:gz") as archive:
        for name, text in texts.items():
            put(folder, name, text)
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    from_archive = load_workload(tmp_path / "many.tar.gz", "wfformat", cpus)
    from_folder = load_workload(folder, "wfformat", cpus)
    assert from_archive.job_names == from_folder.job_names == ("x", "y")
    assert from_archive.work.tolist() == from_folder.work.tolist()
    assert from_archive.edges.source.tolist() == from_folder.edges.source.tolist()


@pytest.mark.parametrize(
    ("name", "text", "format"),
    [
        ("a.csv", PHILLY, "philly"),
        ("a.trace", GAVEL, "gavel"),
        ("a.csv", PODS, "openb"),
        ("a.csv", ROWS, "alibaba2018"),
        ("a.json", json.dumps(workflow()), "wfformat"),
        ("a.csv", "duration,cpus\n3,1\n", "table"),
        ("a.swf", "; Version: 2\n" + "1 " * 17 + "1\n", "swf"),
        ("a.txt", "   1 " + "2 " * 16 + "3\n", "swf"),
    ],
)
def test_the_format_is_told_from_the_content(
    tmp_path: Path, name: str, text: str, format: str
) -> None:
    assert guess_format(put(tmp_path, name, text)) == format


BAD = [
    # format, text, parts of the message
    (
        "philly",
        "timestamp,duration,cluster\n1,1,1\n",
        ("'num_gpus' is missing", "format philly has columns"),
    ),
    ("philly", PHILLY.replace("66.0,1,", "abc,1,"), ("x:2:", "duration", "a number", "'abc'")),
    ("philly", PHILLY.replace(",1,66.0", ",1.5,66.0"), ("x:2:", "num_gpus", "whole", "'1.5'")),
    ("philly", PHILLY.replace("10.5", "-1"), ("x:3:", "duration", ">= 0", "'-1'")),
    ("philly", PHILLY.replace("2017-10-09 07:00:55", "noon"), ("x:3:", "timestamp", "'noon'")),
    ("philly", PHILLY.replace("10.5,4,42.0", "10.5,4"), ("x:3:", "must have 5 fields", "got 4")),
    ("philly", PHILLY.replace("10.5", ""), ("x:3:", "duration", "a number", "got nothing")),
    ("philly", PHILLY.splitlines()[0] + "\n", ("x:", "at least one row", "got 0")),
    ("gavel", "A3C\t1\n", ("x:1:", "10 or 7 fields split by tabs", "got 2")),
    ("gavel", GAVEL.replace("7176", "0"), ("x:1:", "total steps", ">= 1", "'0'")),
    ("gavel", GAVEL.replace("A3C", "GPT"), ("x:1:", "job type", "throughputs", "'GPT'")),
    ("gavel", GAVEL.replace("\t60\n", "\tsoon\n"), ("x:2:", "arrival", "a number", "'soon'")),
    ("openb", PODS.replace(",460,", ",-4,"), ("x:2:", "gpu_milli", ">= 0", "'-4'")),
    ("openb", PODS.replace("gpu_spec", "spec"), ("'gpu_spec' is missing", "format openb pod has")),
    ("alibaba2018", ROWS.replace(",3\n", ",0\n"), ("x:2:", "instances", ">= 1", "'0'")),
    ("alibaba2018", ROWS + "1,j3,M1\n", ("x:4:", "must have 7 fields", "got 3")),
    ("alibaba2018", ROWS.replace("M1", "M1_2"), ("precedence must have no cycle",)),
    ("wfformat", "{", ("x:1:", "not valid JSON")),
    ("wfformat", json.dumps(workflow(schemaVersion="1.3")), ("schemaVersion", "'1.5'", "'1.3'")),
    ("wfformat", '{"schemaVersion": "1.5"}', ("workflow is missing", "WfFormat 1.5")),
    (
        "wfformat",
        json.dumps(workflow()).replace('"parents": ["a"]', '"parents": ["z"]'),
        ("tasks[0].parents", "names no task", "'z'"),
    ),
    (
        "wfformat",
        json.dumps(workflow()).replace('"runtimeInSeconds": 1.5', '"runtimeInSeconds": "x"'),
        ("execution.tasks[0].runtimeInSeconds", "number >= 0", "'x'"),
    ),
]


@pytest.mark.parametrize(("format", "text", "parts"), BAD)
def test_a_wrong_file_is_refused_with_place_value_and_rule(
    tmp_path: Path, gpus: Cluster, format: str, text: str, parts: tuple[str, ...]
) -> None:
    with pytest.raises(InputError) as caught:
        load_workload(put(tmp_path, "x", text), format, gpus)
    message = str(caught.value)
    assert all(part in message for part in parts), message
    assert "\n" not in message


def test_a_file_of_another_format_is_recognised(tmp_path: Path, gpus: Cluster) -> None:
    path = put(tmp_path, "x.csv", PODS)
    with pytest.raises(InputError, match="looks like format 'openb'"):
        load_workload(path, "philly", gpus)
    with pytest.raises(InputError, match="looks like format 'philly'"):
        load_workload(put(tmp_path, "y.csv", PHILLY), "swf", gpus)


def test_an_unknown_format_lists_the_known(tmp_path: Path, gpus: Cluster) -> None:
    with pytest.raises(InputError, match=r"no workload format 'phily'.*did you mean 'philly'"):
        load_workload(tmp_path, "phily", gpus)
    with pytest.raises(InputError, match="name one of swf, philly"):
        load_workload(put(tmp_path, "z", "hello world\n"), None, gpus)
    assert set(FORMATS) == {
        "swf", "philly", "gavel", "openb", "alibaba2018", "wfformat", "table",
    }  # fmt: skip


def test_a_node_type_without_throughput_is_named(tmp_path: Path) -> None:
    other = build_cluster("other", [NodeGroup("A100", 1, devices=4)])
    with pytest.raises(InputError, match="no throughput for node type 'A100'"):
        load_workload(put(tmp_path, "g.trace", GAVEL), "gavel", other)
