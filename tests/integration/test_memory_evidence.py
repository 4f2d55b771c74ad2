"""Evidence for real: simulated, judged, stored, and replayed from the vault alone."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from evaluator.candidates import read_policy
from evaluator.cluster.instance import Instance
from evaluator.cluster.model import SECOND, NodeGroup, build_cluster
from evaluator.cluster.scenario import Objective, load_scenario
from evaluator.cluster.simulation import simulate
from evaluator.cluster.workload import simple_workload
from evaluator.gate import Case, Measured, judge
from evaluator.metrics import measure
from evaluator.policies.catalogue import load_rule
from evaluator.policy import PolicySource
from evaluator.tracefile import TraceHeader, read_trace, write_trace
from memory import (
    EvidenceFile,
    MemoryStore,
    add_accepted,
    best_policy,
    export,
    features,
    import_,
    show,
    verify,
)
from memory.inmemory import InMemory
from memory.records import PolicyRecord

OBJECTIVE = Objective("mean_jct")
SHORT_FIRST = "def key(task):\n    return task.estimate * 1.5\n"


def instances() -> list[Instance]:
    """Forty jobs that come faster than two nodes can serve; lengths differ widely."""
    cluster = build_cluster("pair", [NodeGroup("cpu", 2, cpus=1)])
    made = []
    for number in range(6):
        seed = bytes([number]) * 16
        rng = Instance(cluster, simple_workload("w", [0], [1]), seed=seed).rng("jobs")
        work = (rng.lognormal(3.0, 1.0, 40) * SECOND).astype(int) + 1
        work_load = simple_workload(f"w{number}", range(0, 400 * SECOND, 10 * SECOND), work)
        made.append(Instance(cluster, work_load, seed=seed))
    return made


def played(
    folder: Path, policy: PolicySource, by: str, embed: bool = True
) -> tuple[list[EvidenceFile], Measured]:
    """Simulate a policy on every instance and write the traces."""
    files, measured = [], []
    for index, instance in enumerate(instances()):
        trace = simulate(instance, policy)
        metrics = measure(instance, trace)
        header = TraceHeader.of(
            instance, policy=policy.name, policy_text=policy.text, metrics=metrics, split="test",
            index=index, objective="mean_jct",
        )  # fmt: skip
        path = folder / f"{policy.name}-{index}.trace"
        write_trace(path, trace, header, instance=instance if embed else None)
        files.append(EvidenceFile(path, "test", index, instance.digest, metrics, by))
        measured.append(metrics)
    return files, Measured(policy.name, measured)


@pytest.fixture
def store() -> Iterator[MemoryStore]:
    store = InMemory()
    yield store
    store.close()


def known(name: str) -> PolicySource:
    rule = load_rule(name)
    assert isinstance(rule, PolicySource)
    return rule


@pytest.fixture
def kept(store: MemoryStore, tmp_path: Path) -> PolicyRecord:
    """Shortest first against first come, accepted by the real gate; the run folder is gone."""
    folder = tmp_path / "run"
    folder.mkdir()
    policy, rival = read_policy(SHORT_FIRST, "short-first"), known("fcfs")
    own_files, own = played(folder, policy, "")
    rival_files, other = played(folder, rival, "fcfs")
    verdict = judge(Case(own, "fcfs", [other]), "mean_jct", "min", [])
    assert verdict.accepted, verdict.reasons
    context = features(instances()[0], OBJECTIVE)
    record = add_accepted(
        store, policy, verdict, own_files + rival_files, context,
        scenario="pair", scenario_digest="d" * 64,
    )  # fmt: skip
    shutil.rmtree(folder)
    return record


def change(store: MemoryStore, policy: PolicyRecord, **fields: object) -> None:
    with store.write() as writer:
        writer.put(replace(policy, **fields))  # type: ignore[arg-type]


def problem(store: MemoryStore, policy: PolicyRecord) -> str:
    report = verify(store, policy.id)
    assert not report.holds
    assert best_policy(store, show(store, policy.id).context).policy is None
    return report.policy.broken


def test_evidence_replays_to_the_last_bit_after_the_run_folder_is_gone(
    store: MemoryStore, kept: PolicyRecord
) -> None:
    report = verify(store, kept.id)
    assert report.holds, report.problems
    subjects = [check.subject for check in report.checks]
    assert len(subjects) == 12 + 2
    assert "gain over fcfs" in subjects
    assert kept.gain_low > 0.005
    found = best_policy(store, show(store, kept.id).context)
    assert found.policy is not None
    assert found.policy.text == SHORT_FIRST


def test_a_score_off_by_one_bit_is_found(store: MemoryStore, kept: PolicyRecord) -> None:
    import math

    item = show(store, kept.id).evidence[0]
    stored = item.metrics["mean_jct"]
    changed = {**item.metrics, "mean_jct": math.nextafter(stored, math.inf)}
    with store.write() as writer:
        writer.put(replace(item, metrics=changed))
    assert f"replayed {stored!r}" in problem(store, kept)


def test_a_flipped_byte_in_the_vault_is_found(store: MemoryStore, kept: PolicyRecord) -> None:
    path = store.vault.path(show(store, kept.id).evidence[3].trace)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert "is damaged" in problem(store, kept)


def test_a_claim_that_the_evidence_does_not_bear_out_is_found(
    store: MemoryStore, kept: PolicyRecord
) -> None:
    """In the record's own columns, and in the verdict they came from."""
    change(store, kept, gain_low=kept.gain_low + 0.01)
    assert "claim of the record: stated" in problem(store, kept)
    verdict = dict(kept.verdict)
    verdict["comparisons"] = [{**row, "gain": 0.9} for row in verdict["comparisons"]]
    change(store, kept, verdict=verdict, gain=0.9)
    assert "gain over fcfs: stated +90" in problem(store, kept)


def test_traces_of_another_policy_prove_nothing(store: MemoryStore, kept: PolicyRecord) -> None:
    """The record keeps its id and evidence; only its text, and so its digest, is another."""
    other = read_policy("def key(task):\n    return -task.estimate\n", "long-first")
    change(store, kept, text=other.text, digest=other.digest)
    assert "was made by" in problem(store, kept)


def test_a_decision_moved_in_a_resealed_trace_is_a_violation(
    store: MemoryStore, kept: PolicyRecord, tmp_path: Path
) -> None:
    """A forger who starts a job early, seals the file anew and records its new digest."""
    item = show(store, kept.id).evidence[0]
    stored = read_trace(store.vault.path(item.trace))
    start, end = stored.trace.start.copy(), stored.trace.end.copy()
    late = int((start > stored.instance.workload.release[stored.trace.task]).argmax())  # type: ignore[union-attr]
    start[late] -= 1
    end[late] -= 1
    forged = tmp_path / "forged.trace"
    write_trace(
        forged, replace(stored.trace, start=start, end=end), stored.header,
        instance=stored.instance,
    )  # fmt: skip
    staged = store.vault.stage(forged)
    store.vault.keep(staged)
    with store.write() as writer:
        writer.put(replace(item, trace=staged.digest))
    assert "violations of hard constraints" in problem(store, kept)


def test_a_rerun_tells_whose_decisions_they_are(
    store: MemoryStore, kept: PolicyRecord, tmp_path: Path
) -> None:
    """Honest traces decide the same again; another policy's under a false name do not."""
    from evaluator.errors import TraceError
    from memory.playback import replay_file, rerun_file

    item = show(store, kept.id).evidence[0]
    assert rerun_file(store.vault.path(item.trace)).metrics == item.metrics
    stored = read_trace(store.vault.path(show(store, kept.id).evidence[1].trace))
    assert stored.header.policy == "fcfs"
    name = {"policy": "short-first", "policy_text": SHORT_FIRST, "policy_digest": kept.digest}
    forged = tmp_path / "forged.trace"
    header = stored.header.model_copy(update=name)
    write_trace(forged, stored.trace, header, instance=stored.instance)
    assert replay_file(forged).digest == kept.digest
    with pytest.raises(TraceError, match="its policy decides otherwise: column 'task' differs at"):
        rerun_file(forged)


def test_carried_elsewhere_the_evidence_still_replays(
    store: MemoryStore, kept: PolicyRecord, tmp_path: Path
) -> None:
    export(store, tmp_path / "memory.tar.gz")
    other = InMemory()
    import_(other, tmp_path / "memory.tar.gz")
    assert verify(other, kept.id).holds
    other.close()


def test_an_instance_is_made_again_from_scenario_and_seed(
    store: MemoryStore, tmp_path: Path
) -> None:
    """A trace of a built-in scenario needs no copy of its workload; without seed it cannot."""
    from evaluator.errors import TraceError
    from memory.playback import replay_file

    scenario, seed = load_scenario("single-machine"), b"sixteen bytes ok"
    instance = scenario.instance("smoke", 0, seed)
    policy = known("edf")
    trace = simulate(instance, policy)
    metrics = measure(instance, trace)
    facts = {"scenario": scenario.name, "scenario_text": scenario.text, "split": "smoke"}
    header = TraceHeader.of(
        instance, seed=seed, policy=policy.name, policy_text=policy.text, metrics=metrics, **facts
    )
    write_trace(tmp_path / "t.trace", trace, header)
    found = replay_file(tmp_path / "t.trace")
    assert found.instance == instance.digest
    assert found.metrics == metrics
    assert (found.policy, found.digest, found.violations) == ("edf", policy.digest, 0)
    own = header.model_copy(update={"scenario": "mine"})  # not built in: its text is used
    write_trace(tmp_path / "own.trace", trace, own)
    assert replay_file(tmp_path / "own.trace").metrics == metrics
    write_trace(tmp_path / "lone.trace", trace, header.model_copy(update={"seed": ""}))
    with pytest.raises(TraceError, match="no scenario and seed"):
        replay_file(tmp_path / "lone.trace")
