"""What an evaluating process does with a candidate: cheap checks first, each may end it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentsched.evolution.seeds import Seeds
from agentsched.evolution.worker import Handler
from evaluator.errors import PolicyError
from evaluator.evaluation import Audited, Failed, Instances, evaluate_instance
from evaluator.policy import PolicySource
from evaluator.racing import has_lost
from evaluator.sandbox import Level, Sandbox
from evaluator.world import Rule, Scenario
from evaluator.worlds import world_of

Result = dict[str, Any]
Job = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Setup:
    """What every evaluating process is given once."""

    scenario: Scenario
    seeds: Seeds
    sandbox: str = "seccomp"
    unsafe: bool = False


def open_runner(setup: Setup) -> Handler:
    """Return the function that answers jobs; the engine is warm afterwards."""
    runner = Runner(setup)
    runner.warm()
    return runner.run


class Runner:
    """Answers three kinds of job.

    ``cascade``: parse, smoke, train with racing. ``score``: given instances of a split, all of
    them. ``draw``: one instance, as the world draws it. A policy is ``{"rule": name}`` or
    ``{"text": source, "name": name}``.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._world = world_of(setup.scenario)
        self._instances = Instances(setup.scenario)
        self._box: Sandbox | None = None
        scenario = setup.scenario
        names = [scenario.objective.metric, *(guard.metric for guard in scenario.guards)]
        self._judged = tuple(dict.fromkeys(names))

    def warm(self) -> None:
        """Compile the engine and make the smoke instance before the first deadline runs."""
        scenario = self._setup.scenario
        instance = self._instances.get("smoke", 0, self._setup.seeds.of("smoke"))
        evaluate_instance(instance, self._world.load_rule(scenario.start), "smoke")

    def run(self, job: Job) -> Result:
        """Answer one job."""
        try:
            policy = self._policy(job["policy"])
        except PolicyError as error:
            return failed(Failed("parse", "subset", str(error)))
        match job["do"]:
            case "cascade":
                return self._cascade(job, policy)
            case "score":
                return self._score(job, policy)
            case _:
                return self._draw(job, policy)

    def _policy(self, wanted: Job) -> Rule:
        if "rule" in wanted:
            return self._world.load_rule(wanted["rule"])
        return self._world.read_policy(wanted["text"], wanted["name"])

    def _cascade(self, job: Job, policy: Rule) -> Result:
        """Smoke, then train one by one until done, duplicate, or clearly lost to ``job["bar"]``."""
        scenario, seeds = self._setup.scenario, self._setup.seeds
        done: list[Audited] = []
        known: dict[str, str] = job["fingerprints"]
        bar: Sequence[float] = job["bar"]
        objective, planned = scenario.objective, scenario.splits["train"]
        smoke: list[str] = []
        spent = 0.0
        fingerprint = ""
        for split, index in [("smoke", i) for i in range(scenario.splits["smoke"])] + [
            ("train", i) for i in range(planned)
        ]:
            first_train = split == "train" and index == 0
            one = self._one(policy, split, index, seeds.of(split), keep=first_train)
            spent += one.cpu_seconds
            if isinstance(one, Failed):
                return {**failed(one), "cpu": spent}
            if split == "smoke":
                smoke.append(one.decisions)
                continue
            done.append(one)
            if index == 0:
                fingerprint = _digest([*smoke, one.decisions])
                if fingerprint in known:
                    return {"kind": "duplicate", "of": known[fingerprint], "cpu": spent}
            values = [m.metrics[objective.metric] for m in done]
            if bar and has_lost(values, bar, objective.sense, planned):
                return {
                    "kind": "raced", "instances": len(done), "value": values, "cpu": spent,
                }  # fmt: skip
        first = done[0].trace
        assert first is not None
        instance = self._instances.get("train", 0, seeds.of("train"))
        diagnosis = self._world.diagnose(instance, first)
        return {
            **scored(done, self._judged), "fingerprint": fingerprint, "cpu": spent,
            "diagnosis": diagnosis,
        }  # fmt: skip

    def _score(self, job: Job, policy: Rule) -> Result:
        done: list[Audited] = []
        seed = self._setup.seeds.of(*job["labels"])
        for index in job["indices"]:
            one = self._one(policy, job["split"], index, seed, job["perturbation"])
            if isinstance(one, Failed):
                return failed(one)
            done.append(one)
        return scored(done, self._judged)

    def _draw(self, job: Job, policy: Rule) -> Result:
        seed = self._setup.seeds.of(*job["labels"])
        one = self._one(policy, job["split"], job["index"], seed, keep=True)
        if isinstance(one, Failed) or one.trace is None:
            return {"kind": "failed", "svg": ""}
        instance = self._instances.get(job["split"], job["index"], seed)
        return {"kind": "scored", "svg": self._world.draw(instance, one.trace, job["title"])}

    def _one(
        self,
        policy: Rule,
        split: str,
        index: int,
        seed: bytes,
        other: str = "",
        *,
        keep: bool = False,
    ) -> Audited | Failed:
        instance = self._instances.get(split, index, seed, other)
        general = isinstance(policy, PolicySource) and policy.lane == "general"
        return evaluate_instance(
            instance, policy, split, sandbox=self._sandbox() if general else None, keep=keep
        )

    def _sandbox(self) -> Sandbox:
        """Open the sandbox for the first general candidate, not before."""
        if self._box is None:
            self._box = Sandbox.open(
                minimum=Level[self._setup.sandbox.upper()], unsafe=self._setup.unsafe
            )
        return self._box


def failed(failure: Failed) -> Result:
    """Return a failure as a result."""
    return {
        "kind": "failed", "stage": failure.stage, "failure": failure.kind,
        "message": failure.message, "cpu": failure.cpu_seconds,
    }  # fmt: skip


def scored(done: Sequence[Audited], judged: Sequence[str]) -> Result:
    """Return measurements as a result, with the metrics that anything is judged by.

    The others follow from the seeds and the digests; in a run's events they were most of its size.
    """
    return {
        "kind": "scored", "metrics": [{name: m.metrics[name] for name in judged} for m in done],
        "digests": [m.digest for m in done], "tasks": sum(m.tasks for m in done),
        "cpu": sum(m.cpu_seconds for m in done),
    }  # fmt: skip


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("".join(parts).encode()).hexdigest()
