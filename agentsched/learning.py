"""What a run takes from memory, and what it gives back: evidence first, then the claim."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agentsched import __version__
from agentsched.evolution.config import EvolveConfig
from agentsched.evolution.finals import FINAL, TEST, VALIDATION
from agentsched.evolution.loop import Incumbent, Outcome
from agentsched.evolution.report import headline, subject
from agentsched.evolution.run import storage
from agentsched.evolution.seeds import Seeds
from agentsched.scoring import header_of, own_lane
from evaluator.errors import TraceError
from evaluator.sandbox import Level, Sandbox
from evaluator.world import Rule, Scenario
from evaluator.worlds import world_of, write_trace
from memory import (
    EvidenceFile,
    Features,
    MemoryStore,
    add_accepted,
    add_lesson,
    features,
    lessons_for,
    list_policies,
    record,
)
from memory.records import PolicyRecord, RunRecord

LESSONS = 6
"""Lessons of earlier runs that a prompt has room for, and that a run leaves behind."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """What memory knows about a scenario."""

    incumbent: Incumbent | None
    lessons: tuple[str, ...]


def recall(store: MemoryStore, scenario: Scenario) -> Recalled:
    """Return the best proven policy of this very scenario, and what failed there before."""
    proven = [
        policy
        for policy in list_policies(store, status="accepted", scenario=scenario.name)
        if policy.scenario_digest == scenario.digest and not policy.broken
    ]
    best = max(proven, key=lambda policy: (policy.gain_low, policy.id), default=None)
    known = lessons_for(store, context(scenario), LESSONS, scenario=scenario.name)
    return Recalled(
        None if best is None else Incumbent(f"m{best.id[:8]}", best.text),
        tuple(f"{lesson.kind}: {lesson.text}" for lesson in known),
    )


def context(scenario: Scenario) -> Features:
    """Return what the scenario is like; the draw takes part in no run."""
    return features(scenario.instance("train", 0, b"what is it like?"), scenario.objective)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One stored trace of a run."""

    path: Path
    who: str
    split: str
    index: int
    instance: str
    metrics: dict[str, float]


def store_traces(outcome: Outcome) -> tuple[Evidence, ...]:
    """Simulate again what the verdict rests on, check it against the run, store the traces.

    For an accepted policy these are all instances of the sealed test, its own and its rivals';
    else the first instance of each, for people to look at.

    Raises:
        TraceError: A simulation does not give what the run's events say.
        StorageError: The folder cannot be written.
    """
    state, scenario = outcome.state, outcome.scenario
    world = world_of(scenario)
    split, labels = (TEST, (TEST,)) if state.verdicts else (VALIDATION, (VALIDATION, FINAL))
    seeds = Seeds(bytes.fromhex((outcome.run / "secret").read_text(encoding="ascii")))
    seed = seeds.of(*labels)
    folder = outcome.run / "traces"
    with storage(folder, f"agentsched evolve --resume {outcome.run}"):
        folder.mkdir(exist_ok=True)
    found: list[Evidence] = []
    with _sandbox(outcome) as sandbox:
        for who in _shown(outcome):
            policy = _policy(outcome, who)
            expected = state.finals.get((split, who), {}).get("digests", [])
            for index in range(scenario.splits[TEST] if outcome.accepted else 1):
                instance = scenario.instance(split, index, seed)
                trace = world.simulate(instance, policy, sandbox=sandbox)
                if index < len(expected) and world.trace_digest(trace) != expected[index]:
                    raise TraceError(
                        f"{who} on {split} {index}: simulated again, the trace differs from the "
                        "run's; was the code changed meanwhile?"
                    )
                metrics = world.measure(instance, trace)
                path = folder / f"{who}-{split}-{index:03d}.trace"
                write_trace(
                    world,
                    path,
                    trace,
                    header_of(scenario, instance, policy, split, index, seed, metrics),
                    # What came from files cannot be made again from the scenario's text.
                    instance=instance if scenario.files else None,
                )
                found.append(Evidence(path, who, split, index, instance.digest, metrics))
    return tuple(found)


def remember(
    store: MemoryStore, outcome: Outcome, evidence: Sequence[Evidence]
) -> PolicyRecord | None:
    """Put the run, its lessons and what it proved into memory.

    A run that is remembered already is left alone, so that a resumed one does not count twice.
    """
    state, scenario = outcome.state, outcome.scenario
    where = context(scenario)
    kept = None
    if outcome.accepted:
        member = state.member(outcome.accepted)
        verdict = state.verdicts[outcome.accepted]
        kept = add_accepted(
            store,
            world_of(scenario).read_policy(
                member.text, f"{scenario.name}-{outcome.run.name[:15]}-{member.name}"
            ),
            verdict,
            [_evidence(one, outcome.accepted) for one in evidence],
            where,
            scenario=scenario.name,
            scenario_digest=scenario.digest,
            explanation=headline(state),
            run=outcome.run.name,
        )
    with store.read() as reader:
        if reader.get(RunRecord, outcome.run.name) is not None:
            return kept
    for lesson in state.top_lessons(LESSONS):
        add_lesson(
            store,
            lesson.kind,
            lesson.message,
            scenario=scenario.name,
            context=where,
            run=outcome.run.name,
        )
    record(store, _run_record(outcome))
    return kept


def _shown(outcome: Outcome) -> list[str]:
    """Return whose traces are kept: the subject, then what it is compared with."""
    state = outcome.state
    rivals = [state.final_reference or state.reference]
    if outcome.accepted and state.incumbent:
        rivals.append(state.incumbent)
    return list(dict.fromkeys([subject(state), *rivals]))


def _policy(outcome: Outcome, who: str) -> Rule:
    state, world = outcome.state, world_of(outcome.scenario)
    if who in state.known and who != state.incumbent:
        return world.load_rule(who)
    return world.read_policy(state.member(who).text, who)


def _sandbox(outcome: Outcome) -> AbstractContextManager[Sandbox | None]:
    """A sandbox, if one of the policies needs it."""
    if all(own_lane(_policy(outcome, who)) != "general" for who in _shown(outcome)):
        return nullcontext()
    manifest = json.loads((outcome.run / "run.json").read_text(encoding="utf-8"))
    config = EvolveConfig.from_json(manifest["config"])
    return Sandbox.open(minimum=Level[config.sandbox.upper()], unsafe=config.unsafe)


def _evidence(one: Evidence, accepted: str) -> EvidenceFile:
    by = "" if one.who == accepted else one.who
    return EvidenceFile(one.path, one.split, one.index, one.instance, one.metrics, by)


def _run_record(outcome: Outcome) -> RunRecord:
    state, scenario = outcome.state, outcome.scenario
    manifest = json.loads((outcome.run / "run.json").read_text(encoding="utf-8"))
    started = datetime.fromisoformat(manifest["created"].replace("Z", "+00:00"))
    return RunRecord(
        id=outcome.run.name,
        scenario=scenario.name,
        scenario_digest=scenario.digest,
        status="interrupted" if outcome.stopped == "interrupt" else "finished",
        started=started,
        finished=datetime.now(UTC),
        proposer=str(manifest.get("args", {}).get("proposer", "")),
        model=str(manifest.get("proposer", "")),
        seed_commitment=manifest["seeds"]["commitment"],
        code_version=__version__,
        evaluations=state.spent.evaluations,
        tokens=state.spent.tokens_in + state.spent.tokens_out,
        cost=state.spent.cost,
        outcome=headline(state),
        settings=manifest["config"],
    )
