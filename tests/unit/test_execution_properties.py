"""Whatever the plan and whatever goes wrong: order, room and once-only hold, and it ends."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from pathlib import Path
from unittest import mock

from execution_plans import START, Placed, graph_of, machines, opened, task
from hypothesis import given, settings
from hypothesis import strategies as st

from agentsched.execution import Act, DryRun, Execution, Ledger, Rules, VirtualClock, fold, run_plan
from agentsched.execution.records import Record
from agentsched.planning.graph import Demand, TaskGraph

ACTS = st.builds(
    Act,
    seconds=st.none() | st.integers(0, 90),
    code=st.sampled_from([0, 0, 0, 1, 75, 127]),
    machine_gone=st.sampled_from([False] * 9 + [True]),
    refused=st.sampled_from([False] * 6 + [True]),
)
CASES = st.lists(
    st.tuples(
        st.integers(1, 2),  # cpus of 2
        st.integers(0, 2),  # retries
        st.sets(st.integers(1, 4), max_size=2),  # how far back its predecessors stand
        st.sampled_from(["m1", "m2", "m3"]),
        st.lists(ACTS, max_size=3),
    ),
    min_size=1,
    max_size=9,
)


Case = list[tuple[int, int, set[int], str, list[Act]]]


def made(case: Case) -> tuple[TaskGraph, dict[str, Placed]]:
    tasks = [
        task(f"t{i}", *(f"t{i - back}" for back in backs if i >= back),
             demand=Demand(cpus=cpus), retries=retries)
        for i, (cpus, retries, backs, _, _) in enumerate(case)
    ]  # fmt: skip
    places = {f"t{i}": (row[3], 20 * i, 20 * i + 20) for i, row in enumerate(case)}
    return graph_of(*tasks), places


@given(CASES, st.booleans(), st.integers(-3, 3))
@settings(max_examples=40, deadline=None)
def test_order_room_and_once_only_hold_and_it_ends(case: Case, eager: bool, jump: int) -> None:
    graph, places = made(case)
    clock = VirtualClock(START)
    acts = {f"t{i}": row[4] for i, row in enumerate(case)}

    def listen(record: Record) -> None:
        if record.kind == "over" and jump:
            clock.jump(jump * 60)

    # Nothing is killed here, so nothing need be waited for on the disk.
    with (
        mock.patch("os.fsync"),
        tempfile.TemporaryDirectory() as folder,
        Ledger(Path(folder) / "ledger.jsonl") as ledger,
    ):
        first = opened(graph, places, machines("m1", "m2", "m3", cpus=2))
        rules = Rules(eager=eager, poll_least=1.0, poll_most=5.0)
        execution = Execution.begin(ledger, first, DryRun(clock, acts), clock, rules, listen=listen)
        report = asyncio.run(asyncio.wait_for(run_plan(execution), 60))
        records = list(ledger.records)
    keys = Counter(record.key for record in records if record.kind == "intent")
    assert set(keys.values()) <= {1}
    state = fold(records[:1])
    for record in records[1:]:
        if record.kind == "intent":
            assert all(state.standing(o) == "done" for o in graph.task(record.task).after)
            assert not state.lost & set(record.machines)
        state.apply(record)
        used: Counter[str] = Counter()
        for tried in state.live():
            used[tried.intent.machines[0]] += int(graph.task(tried.intent.task).demand.cpus)
        assert max(used.values(), default=0) <= 2
    assert records[-1].kind == "finished"
    for row in report.tasks:
        assert row.standing in ("done", "given_up") or row.reason
