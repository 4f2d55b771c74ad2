"""Public traces beside the checkout load whole; skipped where they are missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evaluator.cluster.model import Cluster
from evaluator.cluster.scenario import load_scenario
from evaluator.workloads import load_workload
from evaluator.workloads.openb import read_nodes
from evaluator.workloads.swf import swf_machine

SEED = b"a seed, 16 bytes"


def need(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.exists():
        pytest.skip(f"no {path}")
    return path


@pytest.fixture(scope="module")
def nodes(shared_data: Path) -> Cluster:
    folder = shared_data / "alibaba_gpu2023_openb"
    return read_nodes(need(folder, "openb_node_list_all_node.csv.gz"))


@pytest.mark.parametrize(
    ("name", "jobs", "processors"),
    [
        ("NASA-iPSC-1993-3.1-cln.swf.gz", 18_066, 128),
        ("LCG-2005.swf.gz", 187_520, 24_515),
        ("lublin_256.swf.gz", 10_000, 256),
    ],
)
def test_archive_logs_load(shared_data: Path, name: str, jobs: int, processors: int) -> None:
    path = need(shared_data / "swf", name)
    machine = swf_machine(path)
    w = load_workload(path, None, machine)
    assert (w.jobs, int(machine.capacity[0, 0])) == (jobs, processors * 1000)


def test_lcg_requests_are_those_of_the_log(shared_data: Path) -> None:
    path = need(shared_data / "swf", "LCG-2005.swf.gz")
    w = load_workload(path, "swf", swf_machine(path))
    assert np.median(w.estimate / w.work) == pytest.approx(8.76, abs=0.01)
    assert len(w.users) == 216


def test_philly_loads_onto_the_gpu_scenario(shared_data: Path) -> None:
    path = need(shared_data / "philly", "philly.csv.gz")
    s = load_scenario("hetero-gpu", workload=path, format="philly")
    w = s.instance("test", 0, SEED).workload
    assert w.jobs == 411  # a fifth of 82,238 jobs in 40 windows
    assert len(w.users) == 15


def test_gavel_traces_load_with_their_throughputs(shared_data: Path, tmp_path: Path) -> None:
    import tarfile

    archive = need(shared_data / "gavel", "physical_cluster_traces.tar.gz")
    figures = need(shared_data / "gavel", "simulation_throughputs.json.gz")
    with tarfile.open(archive) as held:
        held.extract("physical_cluster/max_min_fairness.trace", tmp_path, filter="data")
    trace = tmp_path / "physical_cluster" / "max_min_fairness.trace"
    cluster = load_scenario("hetero-gpu").cluster
    w = load_workload(trace, None, cluster, throughputs=figures)
    assert w.jobs == 96
    assert np.all(w.throughput[:, 0] == 1.0)
    assert dict(w.meta)["job types at scales without figures"] == "0"


def test_openb_pods_fit_their_nodes(shared_data: Path, nodes: Cluster) -> None:
    folder = shared_data / "alibaba_gpu2023_openb"
    w = load_workload(need(folder, "openb_pod_list_default.csv.gz"), None, nodes)
    assert (len(nodes), w.jobs) == (1523, 8151)
    assert int(nodes.capacity[:, 2].sum()) == 6_212_000
    milli = w.demand[:, 2]
    assert np.mean((milli[milli > 0]) < 1000) == pytest.approx(0.436, abs=0.005)


def test_alibaba_dags_load(shared_data: Path, nodes: Cluster) -> None:
    path = need(shared_data / "alibaba2018_dag", "sample_tasks.csv.gz")
    w = load_workload(path, None, nodes)
    assert (w.jobs, dict(w.meta)["rows"]) == (16_749, "67634")
    assert dict(w.meta)["predecessors not in the file"] == "0"


def test_wfinstances_load_and_feed_the_dag_scenario(shared_data: Path) -> None:
    path = need(shared_data / "wfinstances", "pegasus_montage.tar.gz")
    s = load_scenario("dag-hetero", workload=path, format="wfformat")
    i = s.instance("train", 0, SEED)
    assert i.workload.jobs == 40
    assert i.workload.release[-1] > 0
    assert np.any(i.workload.edges.bytes > 0)
    assert np.any(i.workload.work != i.workload.estimate)
