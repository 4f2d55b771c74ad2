"""Each rule of the world, broken once: the replay finds it and names the row."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from tracemaker import Row, edited, make_trace, worlds

from evaluator.cluster.instance import Instance, Outage, Rules
from evaluator.cluster.model import NEVER, SECOND, NodeGroup, build_cluster
from evaluator.cluster.workload import Edges, Workload, simple_workload
from evaluator.metrics import measure
from evaluator.replay import differences, replay
from evaluator.replay_rules import KINDS, order_of
from evaluator.trace import Trace

S = SECOND
FINISHED, PREEMPTED, FAILED, KILLED = range(4)


def tiny(tasks: int = 1, *, chain: bool = False, **columns: object) -> Workload:
    """Tasks of 10 s and 1 CPU in jobs of their own, or in one job as a chain."""
    workload = simple_workload("tiny", [0] * tasks, [10 * S] * tasks, types=2)
    if chain:
        ptr = np.array([0, *range(tasks)])
        edges = Edges(ptr, np.arange(tasks - 1, dtype=np.int32), np.zeros(tasks - 1, np.int64))
        columns = {
            **{name: getattr(workload, name)[:1]
               for name in ("release", "due", "deadline", "weight", "user")},
            "job": np.zeros(tasks, np.int32), "edges": edges, **columns,
        }  # fmt: skip
    return replace(workload, **columns)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Case:
    """What breaks a rule: two ``a`` nodes (the first with label x) and one ``b``, 2 CPUs each."""

    rows: list[Row]
    workload: Workload = field(default_factory=tiny)
    rules: Rules = field(default_factory=Rules)
    events: tuple[tuple[int, int, int], ...] = ()
    outages: tuple[Outage, ...] = ()
    row: int | None = 0

    @property
    def instance(self) -> Instance:
        groups = [
            NodeGroup(type="a", count=1, cpus=2, labels=("x",)),
            NodeGroup(type="a", count=1, cpus=2),
            NodeGroup(type="b", count=1, cpus=2),
        ]
        cluster = build_cluster("tiny", groups)
        return Instance(cluster, self.workload, self.rules, outages=self.outages)

    @property
    def trace(self) -> Trace:
        return make_trace(self.rows, list(self.events))


def run(
    start: float, end: float, *, task: int = 0, node: int = 0, members: int = 1,
    outcome: int = FINISHED,
) -> Row:  # fmt: skip
    return (task, [(node, members)], round(start * S), round(end * S), outcome)


PAIR = tiny(gang=np.array([2], np.int32))
NO_B = np.array([[1.0, 0.0]])
PREEMPTIVE = Rules(preemptive=True)

BROKEN = {
    # 3 members placed, the gang has 2
    "gang": Case([(0, [(0, 1), (1, 2)], 0, 10 * S, FINISHED)], PAIR),
    # one member on an ``a``, one on a ``b``
    "type": Case([(0, [(0, 1), (2, 1)], 0, 10 * S, FINISHED)], PAIR),
    # node 1 lacks label x
    "requires": Case([run(0, 10, node=1)], tiny(requires=np.array([1]))),
    # throughput 0 on ``b``
    "throughput": Case([run(0, 10, node=2)], tiny(throughput=NO_B)),
    # released at 5 s
    "release": Case([run(0, 10)], tiny(release=np.array([5 * S]))),
    # the second of a chain starts at 5 s, the first ends at 10 s
    "precedence": Case([run(0, 10), run(5, 15, task=1)], tiny(2, chain=True), row=1),
    # stopped at 5 s with 5 s done, but on again at 4 s already
    "overlap": Case([run(0, 5, outcome=PREEMPTED), run(4, 9)], rules=PREEMPTIVE, row=1),
    "twice": Case([run(0, 10), run(10, 20)], row=1),
    "duration": Case([run(0, 10.000001)]),
    "outcome": Case([run(0, 10, outcome=KILLED)]),
    "preemption": Case([run(0, 5, outcome=PREEMPTED), run(5, 10)]),
    "round": Case([run(3, 13)], rules=Rules(round=10 * S)),
    # it would have finished at 10 s; 1 microsecond of work is left to a stopped task
    "stopped": Case(
        [run(0, 12, outcome=PREEMPTED), run(12, 12.000001)], rules=PREEMPTIVE
    ),
    "unfinished": Case([run(0, 10)], tiny(2), row=None),
    # three CPUs of two
    "capacity": Case([run(0, 10, task=t) for t in range(3)], tiny(3), row=2),
    # the node is away from 3 to 5 s
    "away": Case(
        [run(0, 10)], events=((3 * S, 0, 0), (5 * S, 0, 1)), outages=(Outage(0, 3 * S, 5 * S),)
    ),
    "failure": Case([run(0, 5, outcome=FAILED), run(5, 15)]),
    "deadline": Case([run(0, 10)], tiny(deadline=np.array([9 * S]))),
    "order": Case([run(1, 11), run(0, 10, task=1)], tiny(2), row=1),
    # the outage left no event
    "events": Case([run(0, 10)], outages=(Outage(1, S, 2 * S),), row=None),
    "malformed": Case([run(0, 10, node=9)]),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_rule_is_found_and_its_row_named(kind: str) -> None:
    case = BROKEN[kind]
    found = replay(case.instance, case.trace)
    assert {(v.kind, v.row) for v in found.violations} == {(kind, case.row)}
    assert found.count == len(found.violations)
    if case.row is not None:
        assert f"row {case.row}" in found.violations[0].message


def test_every_kind_of_violation_has_a_case() -> None:
    assert set(BROKEN) == {*KINDS, "order", "events", "malformed"}


MENDED = {
    "gang": Case([(0, [(0, 1), (1, 1)], 0, 10 * S, FINISHED)], PAIR),
    "precedence": Case([run(0, 10), run(10, 20, task=1)], tiny(2, chain=True)),
    "overlap": Case([run(0, 5, outcome=PREEMPTED), run(5, 10)], rules=PREEMPTIVE),
    "killed": Case(
        [run(0, 6, outcome=KILLED)], tiny(estimate=np.array([6 * S])), Rules(kill_at_estimate=True)
    ),
    "capacity": Case([run(0, 10), run(0, 10, task=1), run(10, 20, task=2)], tiny(3)),
    "failure": Case(
        [run(0, 5, outcome=FAILED), run(8, 18)],
        events=((5 * S, 0, 0), (8 * S, 0, 1)), outages=(Outage(0, 5 * S, 8 * S),),
    ),
    "outages that touch": Case(
        [run(0, 10, node=1)], events=((S, 0, 0), (5 * S, 0, 1)),
        outages=(Outage(0, S, 3 * S), Outage(0, 3 * S, 5 * S)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MENDED)
def test_a_valid_neighbour_of_a_broken_trace_has_no_violation(name: str) -> None:
    case = MENDED[name]
    found = replay(case.instance, case.trace)
    assert found.violations == ()
    assert differences(measure(case.instance, case.trace), found.metrics) == []


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        # a member short, a node listed twice, a first node that is not among them
        ("places 1 members", [(0, [(0, 1), (1, 0)], 0, 10 * S, FINISHED)]),
        ("listed twice", [(0, [(0, 1), (0, 1)], 0, 10 * S, FINISHED)]),
    ],
)
def test_a_gang_must_be_whole(kind: str, rows: list[Row]) -> None:
    found = replay(Case(rows, PAIR).instance, make_trace(rows))
    assert any(v.kind == "gang" and kind in v.message for v in found.violations)


def test_the_first_node_of_a_gang_is_among_its_nodes() -> None:
    case = MENDED["gang"]
    moved = replace(case.trace, node=np.array([2], np.int32))
    found = replay(case.instance, moved)
    assert any("is not among its nodes" in v.message for v in found.violations)


def test_a_task_that_ends_as_its_node_goes_away_has_failed() -> None:
    case = Case([run(0, 10)], events=((10 * S, 0, 0),), outages=(Outage(0, 10 * S, 20 * S),))
    assert [v.kind for v in replay(case.instance, case.trace).violations] == ["away"]


def test_an_event_without_cause_is_found() -> None:
    case = Case([run(0, 10, node=1)], events=((3 * S, 0, 0), (5 * S, 0, 1)))
    (violation,) = replay(case.instance, case.trace).violations
    assert (violation.kind, "without cause" in violation.message) == ("events", True)


def test_input_travels_before_work_starts() -> None:
    """2 MB at 1 MB/s: made at 10 s, there at 12 s; the slot is held meanwhile."""
    cluster = build_cluster("two", [NodeGroup(type="a", count=2, bandwidth=1e6)])
    chain = tiny(2, chain=True, throughput=np.ones((1, 1)))
    edges = replace(chain.edges, bytes=np.array([2_000_000]))
    instance = Instance(cluster, replace(chain, edges=edges))
    there = make_trace([run(0, 10), run(10, 22, task=1, node=1)])
    here = make_trace([run(0, 10), run(10, 20, task=1)])
    assert replay(instance, there).violations == replay(instance, here).violations == ()
    early = make_trace([run(0, 10), run(10, 20, task=1, node=1)])
    assert [v.kind for v in replay(instance, early).violations] == ["duration"]


@pytest.mark.parametrize("column", ["start", "end", "task", "outcome"])
def test_no_single_changed_fact_goes_unseen(column: str) -> None:
    for instance, trace in worlds(12, plain=True, first=40):
        for row in range(len(trace)):
            wrong = edited(trace, column, row, (int(getattr(trace, column)[row]) + 1) % (1 << 31))
            found = replay(instance, wrong)
            assert found.violations, f"{column} of row {row}"


def test_all_violations_are_counted_though_few_are_listed() -> None:
    tasks = 300
    case = Case([run(0, 11, task=t, node=t % 2) for t in range(tasks)], tiny(tasks))
    found = replay(case.instance, case.trace)
    assert found.count >= 2 * tasks - 4
    assert len(found.violations) < 200


def test_sums_beyond_64_bits_agree_to_the_last_bit() -> None:
    """Six jobs of 2**58 microseconds, one after the other on one CPU of 1000 milli-units."""
    length = 1 << 58
    cluster = build_cluster("one", [NodeGroup(type="a", count=1, idle_watts=1, busy_watts=3)])
    instance = Instance(cluster, simple_workload("long", [0] * 6, [length] * 6, weight=[0.1] * 6))
    trace = make_trace([(t, [(0, 1)], t * length, (t + 1) * length, 0) for t in range(6)])
    found = replay(instance, trace)
    assert found.violations == ()
    assert differences(measure(instance, trace), found.metrics) == []
    assert found.metrics["utilisation"] == 1.0
    assert found.metrics["mean_jct"] == 21 * length / (6 * S)


def test_radix_order_is_the_stable_order() -> None:
    keys = np.random.Generator(np.random.Philox(5)).integers(0, 1 << 45, 5000) >> 20 << 18
    assert order_of(keys).tolist() == np.argsort(keys, kind="stable").tolist()
    assert order_of(np.full(9, NEVER)).tolist() == list(range(9))
