"""Scenarios: built-ins, splits that share nothing, files in place of generators, digests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evaluator.cluster.scenario import Guard, load_scenario, scenario_names
from evaluator.errors import InputError
from evaluator.policies.catalogue import known_rules
from evaluator.workloads.fit import runnable

SEED, OTHER = b"a seed, 16 bytes", b"another one, 16b"

SWF = "; MaxProcs: 32\n" + "".join(
    f"{k} {k * 60} -1 {60 + k % 50} {1 + k % 32} -1 -1 -1 {300 + k % 7} -1 1 1 1 -1 -1 -1 -1 -1\n"
    for k in range(3000)
)

CLUSTER = """
[cluster]
name = "small"
[[cluster.node]]
type = "cpu"
count = 4
cpus = 8
"""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "log.swf"
    path.write_text(SWF)
    return path


def test_the_built_in_scenarios_are_these() -> None:
    assert scenario_names() == ("dag-hetero", "hetero-gpu", "hpc-backfill", "single-machine")


@pytest.mark.parametrize("name", ["dag-hetero", "hetero-gpu", "hpc-backfill", "single-machine"])
def test_built_ins_are_whole(name: str) -> None:
    s = load_scenario(name)
    assert set(s.known) <= set(known_rules())
    assert s.start in s.known
    assert s.guards
    assert set(s.splits) == {"train", "validation", "test", "unseen", "smoke"}
    for split in s.splits:
        i = s.instance(split, s.splits[split] - 1, SEED)
        assert runnable(i.workload, i.cluster).all()
    smoke = s.instance("smoke", 0, SEED)
    assert len(smoke.workload) <= 60


@pytest.mark.parametrize("name", ["dag-hetero", "hetero-gpu", "hpc-backfill", "single-machine"])
def test_equal_seed_split_and_index_give_the_same_problem_and_nothing_else_does(
    name: str,
) -> None:
    s, again = load_scenario(name), load_scenario(name)
    first = s.instance("train", 0, SEED)
    assert first.digest == again.instance("train", 0, SEED).digest
    others = [
        s.instance("train", 1, SEED),
        s.instance("validation", 0, SEED),
        s.instance("test", 0, SEED),
        s.instance("unseen", 0, SEED),
        s.instance("train", 0, OTHER),
    ]
    assert len({i.workload.digest for i in [first, *others]}) == 6
    assert len({i.seed for i in [first, *others]}) == 6
    assert SEED not in {i.seed for i in [first, *others]}


def test_hetero_gpu_is_the_cluster_of_the_paper() -> None:
    s = load_scenario("hetero-gpu")
    assert s.cluster.types == ("V100", "P100", "K80")
    devices = [int(s.cluster.capacity[s.cluster.type == k, 2].sum()) for k in range(3)]
    assert devices == [36_000] * 3
    assert s.rules.preemptive
    assert s.rules.restart_cost > 0
    assert not s.rules.oracle
    assert s.objective.metric == "mean_jct"
    assert Guard("p99_jct", "min", 0.05) in s.guards


def test_hpc_users_ask_for_more_than_they_need() -> None:
    w = load_scenario("hpc-backfill").instance("train", 0, SEED).workload
    assert np.all(w.estimate >= w.work)
    assert np.median(w.estimate / w.work) > 2


def test_dag_run_times_stray_from_the_plan_with_cv_half() -> None:
    s = load_scenario("dag-hetero")
    ratio = np.concatenate(
        [w.work / w.estimate for w in (s.instance("train", i, SEED).workload for i in range(6))]
    )
    assert ratio.mean() == pytest.approx(1.0, abs=0.03)
    assert ratio.std() == pytest.approx(0.5, abs=0.06)


def test_an_unseen_family_is_not_the_trained_one() -> None:
    for name in scenario_names():
        s = load_scenario(name)
        metas = [dict(s.instance(split, 0, SEED).workload.meta) for split in ("train", "unseen")]
        assert metas[0]["parameters"] != metas[1]["parameters"]


def test_a_log_brings_its_machine_and_keeps_its_requests(log: Path) -> None:
    s = load_scenario("hpc-backfill", workload=log, format="swf")
    assert s.cluster.capacity.tolist() == [[32_000, 0, 0]]
    assert s.splits["train"] == 8  # 1,800 jobs give eight windows of 225
    w = s.instance("train", 0, SEED).workload
    assert w.jobs == 225
    assert set((w.estimate // 1_000_000).tolist()) <= set(range(300, 307))
    assert dict(s.instance("unseen", 0, SEED).workload.meta)["source"] == "HPC2N-like generator"


def test_a_log_can_be_the_unseen_family(log: Path, tmp_path: Path) -> None:
    """1,800 of 3,000 jobs train the policy; the unseen windows are cut from the whole file."""
    text = load_scenario("hpc-backfill").text
    own = text[text.index("[unseen]") : text.index("[windows]")]
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(own, f'[unseen]\nfile = "{log}"\n\n'))
    s = load_scenario(str(path))
    assert s.splits["unseen"] == 15
    assert dict(s.instance("train", 0, SEED).workload.meta)["source"] == "Lublin-Feitelson model"
    assert dict(s.instance("unseen", 14, SEED).workload.meta)["source"] == "swf"


def test_a_log_in_place_of_a_generator_leaves_the_generator_unseen(
    log: Path, tmp_path: Path
) -> None:
    text = load_scenario("hpc-backfill").text
    own = text[text.index("[unseen]") : text.index("[windows]")]
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(own, ""))
    s = load_scenario(str(path), workload=log)
    assert dict(s.instance("train", 0, SEED).workload.meta)["source"] == "swf"
    assert dict(s.instance("unseen", 0, SEED).workload.meta)["source"] == "Lublin-Feitelson model"


def test_a_cluster_file_replaces_the_machines(log: Path, tmp_path: Path) -> None:
    path = tmp_path / "cluster.toml"
    path.write_text(CLUSTER)
    s = load_scenario("hpc-backfill", workload=log, cluster=path)
    assert (s.cluster.name, len(s.cluster)) == ("small", 4)
    w = s.instance("train", 0, SEED).workload
    wide = w.gang > 1
    assert wide.any()
    assert np.all(w.demand[wide, 0] == 1000)


def test_a_digest_covers_text_files_and_overrides(log: Path, tmp_path: Path) -> None:
    plain = load_scenario("hpc-backfill")
    with_log = load_scenario("hpc-backfill", workload=log, format="swf")
    other = tmp_path / "log.swf"
    other.write_text(SWF.replace(" 300 ", " 301 "))
    changed = load_scenario("hpc-backfill", workload=other, format="swf")
    cluster = tmp_path / "cluster.toml"
    cluster.write_text(CLUSTER)
    smaller = load_scenario("hpc-backfill", cluster=cluster)
    digests = {s.digest for s in (plain, with_log, changed, smaller)}
    assert len(digests) == 4
    assert load_scenario("hpc-backfill").digest == plain.digest


def test_wrong_names_numbers_and_pairs_are_refused(log: Path, tmp_path: Path) -> None:
    s = load_scenario("single-machine")
    with pytest.raises(InputError, match=r"no scenario 'hpc-backfil'; did you mean 'hpc-backfill'"):
        load_scenario("hpc-backfil")
    with pytest.raises(InputError, match="no such file"):
        load_scenario(str(tmp_path / "none.toml"))
    with pytest.raises(InputError, match="no split 'training'"):
        s.instance("training", 0, SEED)
    with pytest.raises(InputError, match=r"instances 0 to 17, got 18"):
        s.instance("train", 18, SEED)
    with pytest.raises(InputError, match="16 bytes, got 3"):
        s.instance("train", 0, b"abc")
    with pytest.raises(InputError, match="needs a workload file"):
        load_scenario("hpc-backfill", format="swf")
    with pytest.raises(InputError, match=r"'philly-like'.* 1 devices on cpu; cluster 'log' has no"):
        load_scenario("hetero-gpu", workload=log, format="swf")
    table = tmp_path / "table.csv"
    table.write_text("duration\n1\n")
    with pytest.raises(InputError, match=r"18 fields, got 1; .* looks like format 'table'"):
        load_scenario("hpc-backfill", workload=table, format="swf")
    with pytest.raises(InputError, match=r"'sn' is missing.* a cluster file is a .toml"):
        load_scenario("hpc-backfill", cluster=table)
    path = tmp_path / "cluster.toml"
    path.write_text(CLUSTER.replace("count = 4", "count = 0"))
    with pytest.raises(InputError, match=r"cluster.toml: cluster.node\[0\].count .* got 0"):
        load_scenario("hpc-backfill", cluster=path)


def test_an_unknown_known_rule_is_named_with_the_nearest(tmp_path: Path) -> None:
    text = load_scenario("single-machine").text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace('"edf"', '"edff"'))
    assert '"edff"' in path.read_text()
    with pytest.raises(InputError, match=r"known: no known rule 'edff'; did you mean 'edf'"):
        load_scenario(str(path))
