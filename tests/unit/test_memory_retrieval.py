"""Which policy is retrieved for a context, and whether the reason tells the truth."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from evaluator.policies.catalogue import known_rules
from memory import MemoryStore, best_policy, retire, verify
from memory.features import Features
from memory.inmemory import InMemory
from memory.records import PolicyRecord
from memory.retrieval import LIMIT, SCALES, distance, usual_rule
from memory.samples import CONTEXT, accept, replay_text


@pytest.fixture
def store() -> Iterator[MemoryStore]:
    store = InMemory()
    yield store
    store.close()


def put(store: MemoryStore, policy: PolicyRecord) -> PolicyRecord:
    with store.write() as writer:
        writer.put(policy)
    return policy


def test_the_same_context_is_at_distance_zero_and_each_unit_is_too_far() -> None:
    assert distance(CONTEXT, CONTEXT) == 0.0
    assert distance(CONTEXT, replace(CONTEXT, gang_share=0.7)) == pytest.approx(1.0)
    assert distance(CONTEXT, replace(CONTEXT, nodes=360)) == pytest.approx(1.0)
    assert distance(CONTEXT, replace(CONTEXT, nodes=360, gang_share=0.7)) == pytest.approx(2**0.5)


def test_every_number_of_a_context_counts_or_filters() -> None:
    filters = {"world", "objective", "sense", "preemptive"}
    assert set(SCALES) | filters == set(Features.__dataclass_fields__)


@pytest.mark.parametrize(
    "change",
    [{"objective": "makespan"}, {"sense": "max"}, {"preemptive": True}, {"world": "serving"}],
)
def test_another_objective_world_or_rule_never_fits(
    change: dict[str, object], store: MemoryStore, tmp_path: Path
) -> None:
    accept(store, tmp_path)
    wanted = replace(CONTEXT, **change)  # type: ignore[arg-type]
    assert distance(CONTEXT, wanted) == math.inf
    found = best_policy(store, wanted)
    assert found.policy is None
    assert "1 proven for another" in found.reason


def test_empty_memory_names_a_known_rule_and_says_why(store: MemoryStore) -> None:
    found = best_policy(store, CONTEXT)
    assert (found.policy, found.rule, found.distance) == (None, "easy", math.inf)
    assert found.reason == (
        "known rule 'easy' (wide jobs would starve without reservations), because nothing in "
        "memory fits (no policy is accepted yet)"
    )
    assert best_policy(store, CONTEXT, fallback="fifo").rule == "fifo"


def test_reason_is_made_from_the_records(store: MemoryStore, tmp_path: Path) -> None:
    kept = accept(store, tmp_path)
    found = best_policy(store, replace(CONTEXT, load=1.2))
    assert found.policy == kept
    assert found.rule == ""
    assert found.distance == pytest.approx(abs(math.log(2.2 / 1.9)) / 0.6)
    for said in (
        f"policy {kept.id[:12]} 'p0'",
        f"{kept.gain:.1%} better mean_jct than 'sjf' (at least {kept.gain_low:.1%})",
        "3 paired instances of 'hetero-gpu'",
        "not yet replayed here",
        "0.24 away (limit 1), most in load: 1.2 here, 0.9 there",
    ):
        assert said in found.reason
    verify(store, kept.id, replay_text)
    assert "last replayed 20" in best_policy(store, CONTEXT).reason
    assert "that context is the very same" in best_policy(store, CONTEXT).reason


def test_far_contexts_are_refused(store: MemoryStore, tmp_path: Path) -> None:
    accept(store, tmp_path, context=replace(CONTEXT, nodes=3600))
    found = best_policy(store, CONTEXT)
    assert found.policy is None
    assert "of 1 accepted: 1 proven in a context too far away" in found.reason


def test_gain_and_distance_are_weighed(store: MemoryStore, tmp_path: Path) -> None:
    """Half the gain next door against all of it at 0.4: 0.05 x 1 < 0.1 x 0.6; at 0.6 it turns."""
    near = put(store, replace(accept(store, tmp_path, 1), gain_low=0.05))
    away = replace(CONTEXT, gang_share=0.1 + 0.6 * 0.4)
    assert distance(CONTEXT, away) == pytest.approx(0.4)
    far = put(store, replace(accept(store, tmp_path, 2, away), gain_low=0.1))
    best = best_policy(store, CONTEXT)
    assert best.policy == far
    assert "the most promising of 2 that fit" in best.reason
    put(store, replace(far, gain_low=0.08))
    assert best_policy(store, CONTEXT).policy == near


def test_retired_broken_and_gainless_policies_are_not_retrieved(
    store: MemoryStore, tmp_path: Path
) -> None:
    one, two, three = (accept(store, tmp_path, number) for number in range(3))
    retire(store, one.id, "no")
    put(store, replace(two, broken="lost"))
    put(store, replace(three, gain_low=0.0))
    found = best_policy(store, CONTEXT)
    assert found.policy is None
    assert "of 2 accepted: 1 with evidence that no longer replays, 1 without a proven gain" in (
        found.reason
    )


def test_a_queue_discipline_is_of_no_use_where_tasks_are_preempted(
    store: MemoryStore, tmp_path: Path
) -> None:
    wanted = replace(CONTEXT, preemptive=True)
    kept = accept(store, tmp_path, 1, wanted)
    put(store, replace(kept, discipline="easy"))
    assert "cannot preempt" in best_policy(store, wanted).reason
    put(store, replace(kept, discipline="easy", shape="decide", lane="general"))
    assert best_policy(store, wanted).policy is not None


def test_the_limit_itself_still_fits() -> None:
    assert distance(CONTEXT, replace(CONTEXT, nodes=360)) <= LIMIT


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"objective": "total_tardiness", "dag_share": 1.0}, "atc"),
        ({"preemptive": True, "dag_share": 1.0}, "srpt"),  # binding disciplines cannot preempt
        ({"dag_share": 0.5}, "eft"),
        ({"objective": "mean_bounded_slowdown", "gang_share": 0.0}, "easy"),
        ({"gang_share": 0.0}, "sjf"),
    ],
)
def test_usual_rules_are_known_ones(change: dict[str, object], rule: str) -> None:
    found, because = usual_rule(replace(CONTEXT, **change))  # type: ignore[arg-type]
    assert found == rule
    assert found in known_rules()
    assert because
