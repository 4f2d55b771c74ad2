"""Tiny worlds computed by hand: the trace is the assertion. Times in seconds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evaluator.candidates import read_policy
from evaluator.cluster.instance import Failures, Instance, Outage, Rules, Series
from evaluator.cluster.model import SECOND, Links, NodeGroup, build_cluster
from evaluator.cluster.simulation import simulate
from evaluator.cluster.workload import Edges, Workload, simple_workload
from evaluator.errors import InputError, PolicyError
from evaluator.policies.catalogue import load_rule
from evaluator.policy import PolicySource
from evaluator.trace import Outcome, Trace

FIFO = "def key(task):\n    return task.release\n"
SJF = "def key(task):\n    return task.estimate\n"


def policy(text: str) -> PolicySource:
    return read_policy(text, "tested")


def us(*seconds: float) -> list[int]:
    return [round(value * SECOND) for value in seconds]


def nodes(count: int = 1, cpus: float = 1.0, **more: Any) -> list[NodeGroup]:
    return [NodeGroup("cpu", count, cpus=cpus, **more)]


def world(groups: list[NodeGroup], workload: Workload, **rules: Any) -> Instance:
    return Instance(build_cluster("c", groups), workload, Rules(**rules))


def segments(trace: Trace) -> list[tuple[int, int, float, float]]:
    """Rows as (task, node, start, end)."""
    return [
        (int(t), int(n), s / SECOND, e / SECOND)
        for t, n, s, e in zip(trace.task, trace.node, trace.start, trace.end, strict=True)
    ]


def chain(data: int, work: list[float], groups: list[NodeGroup], links: Links) -> Instance:
    """One job whose tasks follow one another, handing over ``data`` bytes each time."""
    n = len(work)
    flat = simple_workload("w", [0] * n, us(*work))
    edges = Edges(
        np.array([0, *range(n)], np.int64), np.arange(n - 1, dtype=np.int32),
        np.full(n - 1, data, np.int64),
    )  # fmt: skip
    one_job = replace(
        flat, release=flat.release[:1], due=flat.due[:1], deadline=flat.deadline[:1],
        weight=flat.weight[:1], user=flat.user[:1], job=np.zeros(n, np.int32), edges=edges,
    )  # fmt: skip
    return Instance(build_cluster("c", groups, links), one_job)


def test_fifo_goes_by_release() -> None:
    """One node: 3 s at 0, 1 s at 1 waits until 3, 2 s at 2 waits until 4."""
    instance = world(nodes(), simple_workload("w", us(0, 1, 2), us(3, 1, 2)))
    assert segments(simulate(instance, policy(FIFO))) == [(0, 0, 0, 3), (1, 0, 3, 4), (2, 0, 4, 6)]


def test_sjf_lets_the_short_job_pass() -> None:
    """At 3 both wait; the 1 s job released later goes first."""
    instance = world(nodes(), simple_workload("w", us(0, 1, 2), us(3, 2, 1)))
    assert segments(simulate(instance, policy(SJF))) == [(0, 0, 0, 3), (2, 0, 3, 4), (1, 0, 4, 6)]


def test_policies_see_the_estimate_and_not_the_truth() -> None:
    """The 5 s job claims 1 s and goes before the honest 2 s job; an oracle scenario shows truth."""
    workload = simple_workload("w", us(0, 0), us(5, 2), estimate=us(1, 2))
    fooled = simulate(world(nodes(), workload), policy(SJF))
    assert segments(fooled) == [(0, 0, 0, 5), (1, 0, 5, 7)]
    told = simulate(world(nodes(), workload, oracle=True), policy(SJF))
    assert segments(told) == [(1, 0, 0, 2), (0, 0, 2, 7)]


def test_greedy_overtakes_where_strict_waits() -> None:
    """2 CPUs, 1 busy until 4: the 2-CPU job waits; the 1-CPU job behind it may or may not pass."""
    workload = simple_workload("w", us(0, 1, 2), us(4, 2, 1), cpus=[1.0, 2.0, 1.0])
    instance = world(nodes(cpus=2), workload)
    assert segments(simulate(instance, policy(FIFO)))[1] == (2, 0, 2, 3)
    strict = simulate(instance, policy('DISCIPLINE = "strict"\n' + FIFO))
    assert segments(strict) == [(0, 0, 0, 4), (1, 0, 4, 6), (2, 0, 6, 7)]


def test_easy_backfills_only_what_does_not_delay_the_head() -> None:
    """2 CPUs. 0 holds one until 4; the head (2 CPUs) is promised 4. Of the jobs released at 2,
    the one of 3 s would end at 5 and waits; the one of 2 s ends at 4 and passes."""
    workload = simple_workload("w", us(0, 1, 2, 2), us(4, 2, 3, 2), cpus=[1.0, 2.0, 1.0, 1.0])
    trace = simulate(world(nodes(cpus=2), workload), policy('DISCIPLINE = "easy"\n' + FIFO))
    assert segments(trace) == [(0, 0, 0, 4), (3, 0, 2, 4), (1, 0, 4, 6), (2, 0, 6, 9)]


def test_easy_fills_room_that_the_reservation_leaves() -> None:
    """3 CPUs. 0 holds two until 4, the head needs two then: one CPU stays over, and the long
    1-CPU job starts at 2."""
    workload = simple_workload("w", us(0, 1, 2), us(4, 2, 9), cpus=[2.0, 2.0, 1.0])
    trace = simulate(world(nodes(cpus=3), workload), policy('DISCIPLINE = "easy"\n' + FIFO))
    assert segments(trace) == [(0, 0, 0, 4), (2, 0, 2, 11), (1, 0, 4, 6)]


def test_conservative_protects_the_second_in_line_too() -> None:
    """2 CPUs. 0: one until 4. 1 (2 CPUs, 1 s) is promised 4-5, 2 (1 CPU, 4 s) 5-9, 3 (2 CPUs,
    1 s) 9-10. 4 (1 CPU, 4 s, from 3) would run into 1's promise; it goes beside 2 at 5."""
    workload = simple_workload(
        "w", us(0, 1, 1.5, 2, 3), us(4, 1, 4, 1, 4), cpus=[1.0, 2.0, 1.0, 2.0, 1.0]
    )
    instance = world(nodes(cpus=2), workload)
    trace = simulate(instance, policy('DISCIPLINE = "conservative"\n' + FIFO))
    assert sorted(segments(trace)) == [
        (0, 0, 0, 4), (1, 0, 4, 5), (2, 0, 5, 9), (3, 0, 9, 10), (4, 0, 5, 9),
    ]  # fmt: skip


def test_faster_type_is_preferred_and_ties_go_to_the_lower_row() -> None:
    groups = [NodeGroup("slow", 1), NodeGroup("fast", 2)]
    workload = simple_workload("w", us(0, 0), us(4, 4), throughput=np.array([[1.0, 2.0]]))
    trace = simulate(world(groups, workload), policy(FIFO))
    assert segments(trace) == [(0, 1, 0, 2), (1, 2, 0, 2)]


def test_a_type_without_throughput_is_never_used() -> None:
    groups = [NodeGroup("a", 1), NodeGroup("b", 1)]
    workload = simple_workload("w", us(0, 0), us(1, 1), throughput=np.array([[1.0, 0.0]]))
    trace = simulate(world(groups, workload), policy(FIFO))
    assert segments(trace) == [(0, 0, 0, 1), (1, 0, 1, 2)]


def test_gang_starts_together_and_its_rate_is_the_least() -> None:
    """Three members on nodes of one CPU, the second half as fast: 4 s of work take 8 s."""
    groups = [NodeGroup("cpu", 1), NodeGroup("cpu", 1, speed=0.5), NodeGroup("cpu", 1)]
    workload = simple_workload("w", us(0), us(4), gang=3)
    trace = simulate(world(groups, workload), policy(FIFO))
    assert segments(trace) == [(0, 0, 0, 8)]
    assert trace.spread_node.tolist() == [0, 1, 2]
    assert trace.spread_count.tolist() == [1, 1, 1]


def test_data_travels_between_nodes_and_not_within_one() -> None:
    """10 bytes at 2 bytes a second and 1 s latency: 6 s between nodes, nothing on the same node."""
    links = Links(np.array([np.inf, 2.0, 2.0, 2.0, 2.0]), np.array(us(0, 1, 1, 1, 1)))
    instance = chain(10, [2, 3], nodes(2), links)
    stay = 'DISCIPLINE = "bind"\ndef score(task, node, now):\n    return -node.data_wait\n'
    assert segments(simulate(instance, policy(stay))) == [(0, 0, 0, 2), (1, 0, 2, 5)]
    leave = 'DISCIPLINE = "bind"\ndef score(task, node, now):\n    return node.data_wait\n'
    assert segments(simulate(instance, policy(leave))) == [(0, 0, 0, 2), (1, 1, 8, 11)]
    # in a queue discipline the slot is held while the input travels
    away = "def score(task, node, now):\n    return node.data_wait\n"
    assert segments(simulate(instance, policy(away))) == [(0, 0, 0, 2), (1, 1, 2, 11)]


def test_eft_waits_for_the_fast_node() -> None:
    """A is four times as fast. Both jobs at 0: A is free at 1 and done at 2, B would end at 4."""
    groups = [NodeGroup("A", 1), NodeGroup("B", 1)]
    workload = simple_workload("w", us(0, 0), us(4, 4), throughput=np.array([[4.0, 1.0]]))
    trace = simulate(world(groups, workload), load_rule("eft"))
    assert segments(trace) == [(0, 0, 0, 1), (1, 0, 1, 2)]


def test_min_min_and_max_min_differ_in_who_goes_first() -> None:
    """Two nodes, jobs of 1, 1 and 4 s. MinMin: 1 | 1, then 4 after one: 5. MaxMin: 4 | 1, 1."""
    instance = world(nodes(2), simple_workload("w", us(0, 0, 0), us(1, 1, 4)))
    assert max(end for *_, end in segments(simulate(instance, load_rule("min_min")))) == 5
    assert max(end for *_, end in segments(simulate(instance, load_rule("max_min")))) == 4


def test_heft_keeps_a_chain_together() -> None:
    """A chain of 4 s and 4 s stays on one of two nodes, since moving gains nothing."""
    instance = chain(0, [4, 4], nodes(2), Links.free())
    trace = simulate(instance, load_rule("heft_replanned"))
    assert segments(trace) == [(0, 0, 0, 4), (1, 0, 4, 8)]


def test_preemption_keeps_progress_and_charges_the_restart() -> None:
    """SRPT: a 1 s job takes over from a 5 s job at 2; it goes on at 3: 3 + 1 overhead + 3 = 7."""
    workload = simple_workload("w", us(0, 2), us(5, 1))
    instance = world(nodes(), workload, preemptive=True, restart_cost=SECOND)
    srpt = policy("def key(task, now):\n    return task.remaining\n")
    trace = simulate(instance, srpt)
    assert segments(trace) == [(0, 0, 0, 2), (1, 0, 2, 3), (0, 0, 3, 7)]
    assert trace.outcome.tolist() == [Outcome.PREEMPTED, Outcome.FINISHED, Outcome.FINISHED]


def test_rounds_hold_decisions_to_their_multiples() -> None:
    """Rounds of 10 s: released at 1, started at 10; the next at 20, though free since 13."""
    instance = world(nodes(), simple_workload("w", us(1, 2), us(3, 3)), round=10 * SECOND)
    assert segments(simulate(instance, policy(FIFO))) == [(0, 0, 10, 13), (1, 0, 20, 23)]


@pytest.mark.parametrize(
    ("checkpoint", "end"),
    # all 3 s are lost: 5 + 10; the checkpoint at 2 s keeps two of them: 5 + 8
    [(0, 15), (2 * SECOND, 13)],
)
def test_an_outage_costs_the_work_since_the_checkpoint(checkpoint: int, end: int) -> None:
    """10 s of work from 0; the only node is away from 3 to 5."""
    instance = replace(
        world(nodes(), simple_workload("w", us(0), us(10)), checkpoint=checkpoint),
        outages=(Outage(0, 3 * SECOND, 5 * SECOND),),
    )
    trace = simulate(instance, policy(FIFO))
    assert segments(trace) == [(0, 0, 0, 3), (0, 0, 5, end)]
    assert trace.outcome.tolist() == [Outcome.FAILED, Outcome.FINISHED]
    assert trace.event_up.tolist() == [0, 1]


def test_failures_are_drawn_from_the_seed() -> None:
    broken = replace(
        world(nodes(3), simple_workload("w", us(*range(20)), us(*[9] * 20))),
        failures=Failures(scale=15.0, repair_log_mean=0.0, repair_log_sigma=0.1),
    )
    one, again = (simulate(broken, policy(FIFO)) for _ in range(2))
    other = simulate(replace(broken, seed=b"another 16 bytes"), policy(FIFO))
    assert segments(one) == segments(again)
    assert one.event_time.tolist() != other.event_time.tolist()


def test_a_task_is_killed_at_its_estimate_where_the_rules_say_so() -> None:
    workload = simple_workload("w", us(0), us(10), estimate=us(4))
    trace = simulate(world(nodes(), workload, kill_at_estimate=True), policy(FIFO))
    assert segments(trace) == [(0, 0, 0, 4)]
    assert trace.outcome.tolist() == [Outcome.KILLED]


def test_price_follows_its_series() -> None:
    """East is dear until 10 s, west from then on: the job at 0 goes west, at 20 east."""
    groups = [
        NodeGroup("cpu", 1, region="east", price=1.0),
        NodeGroup("cpu", 1, region="west", price=1.0),
    ]
    instance = replace(
        world(groups, simple_workload("w", us(0, 20), us(1, 1))),
        price=(
            Series(0, np.array(us(0, 10)), np.array([5.0, 1.0])),
            Series(1, np.array(us(0, 10)), np.array([1.0, 5.0])),
        ),
    )
    cheap = policy("def score(task, node, now):\n    return -node.price\n")
    assert [node for _, node, *_ in segments(simulate(instance, cheap))] == [1, 0]


def test_wake_calls_a_general_policy_when_nothing_else_happens() -> None:
    """The policy waits until 5 s although the node is idle and the queue is not."""
    text = (
        "def decide(state):\n"
        "    if state.now < 5:\n"
        "        state.wake(5)\n"
        "        return\n"
        "    for task in list(state.ready.values()):\n"
        "        state.start(task, state.nodes[0])\n"
    )
    instance = world(nodes(), simple_workload("w", us(0), us(1)))
    assert segments(simulate(instance, policy(text))) == [(0, 0, 5, 6)]


def test_declining_every_node_is_a_failure_and_no_score() -> None:
    instance = world(nodes(), simple_workload("w", us(0), us(1)))
    never = policy("import math\ndef score(task, node, now):\n    return -math.inf\n")
    with pytest.raises(PolicyError, match="left 1 tasks waiting on an idle cluster"):
        simulate(instance, never)


def test_nan_names_the_task() -> None:
    instance = world(nodes(), simple_workload("w", us(0, 1), us(1, 1)))
    zero = policy("def key(task):\n    return 1 / (task.release - 1)\n")
    with pytest.raises(PolicyError, match="NaN for task 'j1'"):
        simulate(instance, zero)


def test_a_task_that_fits_nowhere_is_refused_before_anything_runs() -> None:
    instance = world(nodes(2), simple_workload("w", us(0), us(1), cpus=4.0))
    with pytest.raises(InputError, match=r"'j0' \(gang 1, each 4 cpus\) fits on no node"):
        simulate(instance, policy(FIFO))


def test_a_discipline_that_cannot_preempt_is_refused() -> None:
    instance = world(nodes(), simple_workload("w", us(0), us(1)), preemptive=True)
    with pytest.raises(InputError, match="does not preempt"):
        simulate(instance, policy('DISCIPLINE = "easy"\n' + FIFO))


def test_makespan_is_never_below_work_over_capacity() -> None:
    rng = np.random.default_rng(5)
    work = rng.integers(1, 50, 200) * SECOND
    cpus = rng.integers(1, 5, 200).astype(float)
    instance = world(nodes(3, cpus=4), simple_workload("w", [0] * 200, work, cpus=cpus))
    bound = max(work.max(), int((work * cpus).sum()) // 12)
    for name in ("fifo", "sjf", "easy", "conservative", "best_fit", "eft"):
        assert simulate(instance, load_rule(name)).end.max() >= bound
