"""Generators against the published figures they cite; every sample has a fixed seed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evaluator.cluster.instance import stream
from evaluator.cluster.model import SECOND, Cluster, Links, NodeGroup, build_cluster
from evaluator.errors import InputError
from evaluator.workloads.arrivals import bursty_gaps
from evaluator.workloads.estimates import Estimates, apply_estimates, lognormal, over_request
from evaluator.workloads.generate_gavel import GavelMix, relative_rates
from evaluator.workloads.generate_hpc2n import Hpc2nLike
from evaluator.workloads.generate_lublin import Lublin
from evaluator.workloads.generate_philly import PhillyLike
from evaluator.workloads.generate_single import SingleMachine
from evaluator.workloads.generate_workflows import Workflows, mean_link_rate
from evaluator.workloads.generator import Generator, offered_seconds
from evaluator.workloads.shapes import SHAPES

SEED = b"figures of papers"[:16]


@pytest.fixture(scope="module")
def gpus() -> Cluster:
    return build_cluster("gpus", [NodeGroup(t, 9, devices=4) for t in ("V100", "P100", "K80")])


@pytest.fixture(scope="module")
def machine() -> Cluster:
    return build_cluster("machine", [NodeGroup("cpu", 1, cpus=128)])


@pytest.fixture(scope="module")
def farm() -> Cluster:
    links = Links(np.array([np.inf, 1e8, 1e8, 1e8, 1e8]), np.zeros(5, dtype=np.int64))
    return build_cluster("farm", [NodeGroup("cpu", 8, cpus=1, rack="0")], links)


def test_gavel_has_the_published_mix(gpus: Cluster) -> None:
    w = GavelMix(jobs=20_000, rate=4.0).generate(gpus, stream(SEED, "gavel"))
    minutes = w.work / SECOND / 60
    assert np.mean(minutes > 1000) == pytest.approx(0.20, abs=0.01)
    assert minutes.min() >= 10**1.5 * 0.999
    assert minutes.max() <= 10**4 * 1.001
    shares = [np.mean(w.gang == scale) for scale in (1, 2, 4, 8)]
    assert shares == pytest.approx([0.70, 0.10, 0.15, 0.05], abs=0.01)
    gaps = np.diff(w.release) / SECOND
    assert gaps.mean() == pytest.approx(900, rel=0.02)
    assert gaps.std() / gaps.mean() == pytest.approx(1.0, abs=0.03)
    assert len(np.unique(w.profile // 4)) == 26


def test_gavel_rates_have_the_published_ratios(gpus: Cluster) -> None:
    rates, names = relative_rates(gpus)
    single = rates[::4]
    assert names[0] == "ResNet-18 (batch size 16) x1"
    assert np.median(1 / single[:, 2]) == pytest.approx(4.05, abs=0.01)
    assert np.median(1 / single[:, 1]) == pytest.approx(1.23, abs=0.01)
    assert (1 / single[:, 2]).max() == pytest.approx(11.63, abs=0.01)
    assert np.all(rates[:, 0] == 1.0)


def test_gavel_refuses_node_types_it_has_no_figures_for() -> None:
    other = build_cluster("other", [NodeGroup("A100", 1, devices=8)])
    with pytest.raises(InputError, match=r"know node types V100, P100, K80, got 'A100'"):
        GavelMix(rate=1.0).generate(other, stream(SEED))


def test_philly_has_the_published_tails_and_bursts(gpus: Cluster) -> None:
    w = PhillyLike(jobs=80_000, rate=31.5).generate(gpus, stream(SEED, "philly"))
    logs = np.log(w.work / SECOND)
    assert logs.mean() == pytest.approx(6.79, abs=0.05)
    assert logs.std() == pytest.approx(2.16, abs=0.05)
    assert np.mean(w.gang == 1) == pytest.approx(0.932, abs=0.005)
    gpu_time = w.work * w.gang.astype(np.float64)
    assert 0.35 < gpu_time[w.gang == 8].sum() / gpu_time.sum() < 0.6
    gaps = np.diff(w.release) / SECOND
    assert gaps.std() / gaps.mean() == pytest.approx(15, rel=0.25)
    assert gaps.mean() == pytest.approx(3600 / 31.5, rel=0.01)


@pytest.mark.parametrize("cv", [1.0, 5.4, 15.0])
def test_bursty_gaps_have_the_wanted_mean_and_spread(cv: float) -> None:
    gaps = bursty_gaps(stream(SEED, "gaps"), 400_000, cv)
    assert gaps.mean() == pytest.approx(1.0, rel=0.1)
    assert gaps.std() / gaps.mean() == pytest.approx(cv, rel=0.15)


def test_lublin_matches_the_log_its_authors_program_made() -> None:
    """lublin_256.swf, 10,000 jobs on 256 processors.

    24.9 % serial, 86.1 % powers of two, sizes 8 / 17 / 64 at 50, 75, 90 %, mean 22.1; run times
    137 / 8,270 / 15,578 s at 50, 75, 90 %, sigma of ln 3.02; gap CV 5.1.
    """
    big = build_cluster("big", [NodeGroup("cpu", 1, cpus=256)])
    w = Lublin(jobs=20_000, rate=4.67).generate(big, stream(SEED, "lublin"))
    procs, seconds = w.demand[:, 0] // 1000, w.work / SECOND
    assert np.mean(procs == 1) == pytest.approx(0.249, abs=0.015)
    assert np.mean(np.log2(procs) % 1 == 0) == pytest.approx(0.861, abs=0.015)
    assert np.quantile(procs, [0.5, 0.75, 0.9]) == pytest.approx([8, 17, 64], rel=0.25)
    assert procs.mean() == pytest.approx(22.1, rel=0.05)
    assert np.quantile(seconds, [0.75, 0.9]) == pytest.approx([8270, 15_578], rel=0.05)
    assert 90 < np.median(seconds) < 200
    assert np.log(seconds).std() == pytest.approx(3.02, abs=0.05)
    gaps = np.diff(w.release)
    assert 3.5 < gaps.std() / gaps.mean() < 9


def test_lublin_arrivals_follow_the_day(machine: Cluster) -> None:
    w = Lublin(jobs=20_000, rate=20.0).generate(machine, stream(SEED, "day"))
    gaps = np.diff(w.release) / SECOND
    assert gaps.std() / gaps.mean() > 2
    assert gaps.mean() == pytest.approx(180, rel=0.01)


def test_hpc2n_has_the_published_sizes_and_run_times(machine: Cluster) -> None:
    w = Hpc2nLike(jobs=40_000, rate=2.3).generate(machine, stream(SEED, "hpc2n"))
    procs = w.demand[:, 0] // 1000
    assert np.quantile(procs, [0.05, 0.25, 0.5, 0.75, 0.9]).tolist() == [2, 8, 16, 24, 36]
    assert np.mean(np.log2(procs) % 1 == 0) == pytest.approx(0.556, abs=0.01)
    assert np.median(w.work / SECOND) == pytest.approx(math.exp(6.832), rel=0.05)


@pytest.mark.parametrize(("tf", "rdd"), [(0.2, 0.2), (0.4, 1.0), (0.8, 0.6)])
def test_single_machine_due_dates_span_their_range(tf: float, rdd: float) -> None:
    one = build_cluster("one", [NodeGroup("machine", 1)])
    w = SingleMachine(jobs=2000, tf=(tf,), rdd=(rdd,)).generate(one, stream(SEED, "single"))
    runs, due = w.work // SECOND, w.due // SECOND
    total = int(runs.sum())
    assert (runs.min(), runs.max()) == (1, 100)
    assert runs.mean() == pytest.approx(50.5, abs=2)
    assert due.min() == pytest.approx(max(total * (1 - tf - rdd / 2), 0), abs=total * 0.01)
    assert due.max() == pytest.approx(total * (1 - tf + rdd / 2), abs=total * 0.01)
    assert not w.release.any()


def test_single_machine_goes_around_its_classes() -> None:
    one = build_cluster("one", [NodeGroup("machine", 1)])
    problems = SingleMachine(jobs=5, tf=(0.2, 0.4), rdd=(0.6, 0.8, 1.0), spread=0.5)
    metas = [dict(problems.generate(one, stream(SEED, i), i).meta) for i in range(7)]
    classes = [(m["tf"], m["rdd"]) for m in metas]
    assert classes[:3] == [("0.2", "0.6"), ("0.2", "0.8"), ("0.2", "1.0")]
    assert len(set(classes)) == 6
    assert classes[6] == classes[0]
    late = problems.generate(one, stream(SEED, "late"), 0)
    assert late.release[-1] > 0


@pytest.mark.parametrize(
    ("shape", "depth"),
    [("montage", 8), ("epigenomics", 9), ("blast", 3), ("seismology", 2), ("genome", 3)],
)
def test_shapes_have_the_depth_of_their_family(shape: str, depth: int) -> None:
    for n in (10, 25, 60, 200):
        built = SHAPES[shape](n, stream(SEED, shape))
        level = [1] * len(built.kinds)
        for before, after in zip(built.before, built.after, strict=True):
            assert before < after
            level[after] = max(level[after], level[before] + 1)
        assert max(level) == depth
        assert len(built.kinds) <= max(n, 13)


def test_layered_graphs_connect_every_layer() -> None:
    built = SHAPES["layered"](100, stream(SEED, "layered"))
    assert len(built.kinds) == 100
    with_parents = set(built.after)
    assert 85 <= len(with_parents) < 100


@pytest.mark.parametrize("ccr", [0.5, 1.0, 5.0])
def test_workflows_have_the_wanted_ccr(farm: Cluster, ccr: float) -> None:
    stream_of = Workflows(jobs=20, load=0.5, ccr=ccr, shapes=("montage", "layered"))
    w = stream_of.generate(farm, stream(SEED, "ccr"))
    target = np.repeat(np.arange(len(w)), np.diff(w.edges.ptr))
    ratios = []
    for job in range(w.jobs):
        transfer = w.edges.bytes[w.job[target] == job].mean() / 1e8
        ratios.append(transfer / (w.work[w.job == job].mean() / SECOND))
    assert np.array(ratios) == pytest.approx(ccr, rel=0.01)


def test_a_mean_link_counts_pairs_of_nodes_by_distance() -> None:
    links = Links(np.array([np.inf, 100.0, 50.0, 50.0, 50.0]), np.zeros(5, np.int64))
    groups = [NodeGroup("cpu", 2, rack="a"), NodeGroup("cpu", 1, rack="b", bandwidth=25.0)]
    # pairs: (0,1) in a rack at 100; (0,2) and (1,2) across, held to 25 by node 2
    assert mean_link_rate(build_cluster("c", groups, links)) == pytest.approx(
        1 / np.mean([1 / 100, 1 / 25, 1 / 25])
    )


def test_workflows_with_data_need_a_network() -> None:
    bare = build_cluster("bare", [NodeGroup("cpu", 4)])
    with pytest.raises(InputError, match="ccr 1 needs a network"):
        Workflows(load=0.5).generate(bare, stream(SEED))
    assert Workflows(load=0.5, ccr=0).generate(bare, stream(SEED)).edges.bytes.sum() == 0


@pytest.mark.parametrize(
    "generator",
    [
        GavelMix(jobs=50, load=0.7),
        PhillyLike(jobs=50, load=0.7),
        Lublin(jobs=50, load=0.7),
        Hpc2nLike(jobs=50, load=0.7),
        Workflows(jobs=10, load=0.7),
    ],
)
def test_a_load_is_the_work_offered_over_the_span(
    generator: Generator, gpus: Cluster, machine: Cluster, farm: Cluster
) -> None:
    kind = type(generator)
    cluster = gpus if kind in (GavelMix, PhillyLike) else farm if kind is Workflows else machine
    w = generator.generate(cluster, stream(SEED, "load"))
    again = generator.generate(cluster, stream(SEED, "load"))
    other = generator.generate(cluster, stream(SEED, "other"))
    assert w.digest == again.digest != other.digest
    last = w.release[-1] / SECOND
    # the span is the last release plus the first gap, which no release shows
    assert offered_seconds(w, cluster) / last >= 0.7 * 0.999
    assert np.all(w.release % 1000 == 0)
    assert np.all(w.work % 1000 == 0)


def test_offered_seconds_counts_the_scarcest_resource() -> None:
    """8 CPUs, 2 devices: 10 s x 4 of 8 CPUs is 5 s; 10 s x 1 of 2 devices is 5 s; 4 members: 20."""
    from evaluator.cluster.workload import simple_workload

    cluster = build_cluster("c", [NodeGroup("a", 1, cpus=8, devices=2)])
    w = simple_workload(
        "w", [0, 0, 0], [10 * SECOND] * 3, cpus=[4, 1, 0], devices=[0, 1, 0.5], gang=[1, 1, 4]
    )
    assert offered_seconds(w, cluster) == pytest.approx(5 + 5 + 10)


def test_over_requests_have_the_published_medians() -> None:
    """Logs with requests: quartiles of request over run 1.2-3.1, 2.2-13.5, 19-227."""
    rng = stream(SEED, "over")
    work = np.round(rng.lognormal(7.5, 2.5, 20_000)).astype(np.int64) * SECOND + SECOND
    ratio = over_request(work, rng) / work
    assert ratio.min() >= 1
    assert 1.2 <= np.quantile(ratio, 0.25) <= 3.1
    assert 2.2 <= np.median(ratio) <= 13.5
    assert 10 <= np.quantile(ratio, 0.75) <= 227


def test_lognormal_errors_keep_the_mean() -> None:
    factors = lognormal(stream(SEED, "error"), 0.5, 200_000)
    assert factors.mean() == pytest.approx(1.0, abs=0.01)
    assert factors.std() == pytest.approx(0.5, abs=0.02)


def test_error_models_separate_truth_from_what_is_told(machine: Cluster) -> None:
    w = Lublin(jobs=300, load=0.5).generate(machine, stream(SEED, "models"))

    def told(**fields: object) -> tuple[bool, bool]:
        """Whether work, and whether estimates, differ from the plan."""
        changed = apply_estimates(w, Estimates.model_validate(fields), stream(SEED, "draw"))
        return bool((changed.work != w.work).any()), bool((changed.estimate != w.work).any())

    assert told(model="source") == (False, False)
    assert told(model="exact", noise_cv=0.5) == (True, False)
    assert told(model="lognormal", cv=0.5) == (False, True)
    assert told(model="lognormal", cv=0.5, noise_cv=0.5) == (True, True)
    noisy = apply_estimates(w, Estimates(model="over_request", noise_cv=0.5), stream(SEED, "draw"))
    assert np.all(noisy.estimate >= noisy.work)
