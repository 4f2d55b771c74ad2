"""Where time went, and who gains from another policy, on a few jobs."""

from __future__ import annotations

import numpy as np
import pytest
from tracemaker import make_trace, worlds

from evaluator.cluster.instance import Instance, Rules
from evaluator.cluster.model import SECOND, NodeGroup, build_cluster
from evaluator.cluster.workload import simple_workload
from evaluator.compare import compare, diagnose
from evaluator.errors import TraceError
from evaluator.jobs import PARTS, human, job_table
from evaluator.timeline import average, timeline
from evaluator.trace import Trace

S = SECOND


def long_and_short() -> Instance:
    """A job of 20 s and one of 5 s on one CPU; each start costs 1 s."""
    cluster = build_cluster("one", [NodeGroup(type="cpu", count=1)])
    workload = simple_workload("w", [0, 0], [20 * S, 5 * S], user=[0, 1])
    return Instance(cluster, workload, Rules(start_cost=S))


def in_order(first: int, second: int) -> Trace:
    work = [20, 5]
    middle = (1 + work[first]) * S
    end = middle + (1 + work[second]) * S
    return make_trace([(first, [(0, 1)], 0, middle, 0), (second, [(0, 1)], middle, end, 0)])


def test_the_short_job_wins_when_it_goes_first() -> None:
    """First come: flows 21, 27. Shortest first: flows 27, 6."""
    found = compare(long_and_short(), in_order(0, 1), in_order(1, 0), names=("fifo", "sjf"))
    (winner,), (loser,) = found.winners, found.losers
    assert (winner.name, winner.flow, winner.wait) == ("j1", (27.0, 6.0), (21.0, 0.0))
    assert (loser.name, loser.flow, loser.change) == ("j0", (21.0, 27.0), 6.0)
    assert found.change.tolist() == [6.0, -21.0]
    assert "2 jobs: 1 faster with sjf, 1 slower, 0 the same." in found.text()
    assert "| mean_jct (s) | 24 | 16.5 | -31.2% |" in found.text()


def test_a_trace_compared_with_itself_differs_nowhere() -> None:
    found = compare(long_and_short(), in_order(0, 1), in_order(0, 1))
    assert found.winners == found.losers == ()
    assert not found.change.any()


def test_time_is_split_into_its_parts() -> None:
    """Of 21 + 27 task seconds: 21 waiting, 2 overhead, 25 running."""
    found = diagnose(long_and_short(), in_order(0, 1))
    parts = dict(zip(PARTS, found.parts, strict=True))
    expected = {"waiting": 21, "transfer": 0, "overhead": 2, "running": 25, "lost": 0}
    assert parts == pytest.approx({name: x / 48 for name, x in expected.items()})
    assert [(w.name, w.flow, w.ideal) for w in found.worst] == [
        ("j1", 27.0, 5.0),
        ("j0", 21.0, 20.0),
    ]


def test_parts_of_a_job_add_up_to_its_time() -> None:
    """For jobs of one task: waiting, transfer, overhead, running and lost are its flow time."""
    for instance, trace in worlds(40):
        table = job_table(instance, trace)
        single = np.bincount(instance.workload.job) == 1
        assert np.allclose(table.parts.sum(axis=1)[single], table.flow[single])
        assert np.all(table.parts >= 0)


def test_a_diagnosis_fits_a_prompt() -> None:
    for instance, trace in worlds(25, first=500):
        text = diagnose(instance, trace).text()
        assert len(text.splitlines()) <= 25
        assert "utilisation over time" in text


def test_utilisation_over_time_averages_to_the_metric() -> None:
    for instance, trace in worlds(25, first=900):
        line = timeline(instance, trace, 17)
        overall = diagnose(instance, trace).metrics["utilisation"]
        assert float(line.utilisation.mean()) == pytest.approx(overall)


def test_averages_over_steps_by_hand() -> None:
    """[0, 10) in steps of 5: 3 from 2 to 7 covers 3 of the first and 2 of the second step."""
    edges = np.array([0.0, 5.0, 10.0])
    got = average(edges, np.array([2]), np.array([7]), np.array([3]))
    assert got.tolist() == [9 / 5, 6 / 5]


def test_an_unfinished_trace_is_not_compared() -> None:
    half = make_trace([(0, [(0, 1)], 0, 21 * S, 0)])
    with pytest.raises(TraceError, match="'j1' must finish once"):
        compare(long_and_short(), in_order(0, 1), half)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0 s"), (0.85, "850 ms"), (12, "12 s"), (150, "2.5 min"), (12_240, "3.4 h"),
     (864_000, "10 d")],
)  # fmt: skip
def test_durations_read_as_people_say_them(seconds: float, text: str) -> None:
    assert human(seconds) == text
