"""What memory holds, as frozen records; rows of the database never leave the store.

Every record has an ``id``. Ids of policies, evidence and lessons are made from their content, so
that the same fact learnt twice, or imported twice, is one record.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final, Literal, Protocol

from evaluator.gate import Verdict
from evaluator.policy import Batch, Discipline, PolicySource, Shape
from memory.features import Features, Sense

Status = Literal["candidate", "accepted", "retired"]
Json = Mapping[str, Any]


def identity(*parts: str) -> str:
    """Return the content id of a record: sha256 over its parts, 64 hex digits."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class PolicyRecord:
    """A policy, where it wins, and how far that is proven."""

    id: str
    """``identity(digest, scenario_digest)``: one policy proven in one scenario."""
    name: str
    text: str
    digest: str
    """sha256 of the text."""
    shape: Shape
    discipline: Discipline
    batch: Batch
    lane: Literal["pure", "general"]
    scenario: str
    scenario_digest: str
    context: str
    """Id of the ``Features`` it was proven under."""
    status: Status
    reason: str
    """Why it has this status."""
    created: datetime
    updated: datetime
    """When the status last changed; on import the newer status wins."""
    verdict: Json = field(default_factory=dict)
    """``Verdict.to_json`` of the gate; empty for a candidate that was never judged."""
    rival: str = ""
    """The best known rule of the verdict."""
    gain: float = 0.0
    gain_low: float = 0.0
    gain_high: float = 0.0
    """Relative gain against the rival on the sealed test, and its bounds (0.03 is 3 %)."""
    pairs: int = 0
    """Instances on which both ran."""
    explanation: str = ""
    run: str = ""
    """The run that found it; it need not be stored here."""
    broken: str = ""
    """What no longer replays; empty when sound. A broken policy is never retrieved."""
    verified: datetime | None = None
    """When all its evidence was last replayed here; None means never."""

    def source(self) -> PolicySource:
        """Return the policy as the evaluator takes it."""
        return PolicySource(
            self.name, self.text, self.shape, self.discipline, self.batch, self.lane
        )

    def judged(self) -> Verdict | None:
        """Return the gate's verdict; None for a candidate that was never judged."""
        return Verdict.from_json(self.verdict) if self.verdict else None


@dataclass(frozen=True, slots=True)
class EvidenceRecord:
    """One trace that a claim rests on; the file lies in the vault under ``trace``."""

    id: str
    """``identity(policy, by, split, index, trace)``."""
    policy: str
    by: str
    """Name of the rule that made the trace; empty for the policy itself."""
    trace: str
    """sha256 of the file."""
    size: int
    """Bytes of the file."""
    instance: str
    """Digest of the instance; pairs have equal ones."""
    split: str
    index: int
    metrics: Mapping[str, float]
    """Exact: kept as ``float.hex``."""


@dataclass(frozen=True, slots=True)
class LessonRecord:
    """What failed and why, in words that a later prompt can use."""

    id: str
    """``identity(scenario, kind, text)``."""
    scenario: str
    kind: str
    """Stage or error class: ``SubsetError``, ``timeout``, ``worse``, …"""
    text: str
    times: int
    """How often it was learnt."""
    created: datetime
    updated: datetime
    context: str | None = None
    """Id of the ``Features`` it was learnt under."""
    run: str = ""
    candidate: str = ""
    """Digest of the last candidate that taught it."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One evolution run; its folder holds the details."""

    id: str
    """Name of the run folder."""
    scenario: str
    scenario_digest: str
    status: Literal["running", "finished", "interrupted", "failed"]
    started: datetime
    finished: datetime | None = None
    proposer: str = ""
    model: str = ""
    seed_commitment: str = ""
    """sha256 of the run's secret seed."""
    code_version: str = ""
    evaluations: int = 0
    tokens: int = 0
    cost: float = 0.0
    """Money, in the unit of the model's price list."""
    outcome: str = ""
    """One line: what was found."""
    settings: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CandidateRecord:
    """A proposed policy text of a run."""

    id: str
    run: str
    number: int
    digest: str
    text: str
    proposer: str
    stage: str
    """The last stage of the cascade it reached."""
    created: datetime
    parent: str = ""
    """Digest of the parent's text."""
    failure: str = ""
    """Kind of failure; empty when it was scored."""
    message: str = ""


@dataclass(frozen=True, slots=True)
class EvaluationRecord:
    """One candidate on one instance: metrics, or a failure, never both."""

    id: str
    candidate: str
    split: str
    index: int
    instance: str
    """Digest of the instance."""
    cpu_seconds: float
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Exact; empty for a failure."""
    trace: str = ""
    """sha256 of the stored trace file; empty when none was kept."""
    failure: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class PreferenceRecord:
    """What a user wants, with the evidence for and against it."""

    id: str
    scope: str
    predicate: str
    direction: str
    mean: float
    variance: float
    support_for: int
    support_against: int
    source: Literal["stated", "inferred", "prior", "model"]
    hard: bool
    """Stated rules are hard and win over inferred ones."""
    text: str
    created: datetime
    updated: datetime
    status: Literal["active", "withdrawn"] = "active"
    """Withdrawn ones are kept, so that they can be restored, but not used."""
    expires: datetime | None = None
    """From then on it is not used; None means it stays."""
    details: Json = field(default_factory=dict)
    """``evidence`` (ids of decisions), ``hint`` (of a placement), what the learner needs."""


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """What the assistant did, why, and what the user answered."""

    id: str
    created: datetime
    subject: str
    action: str
    why: str
    answer: str = ""
    """Empty while there is none."""
    policy: str = ""
    """Id of the policy that took part; it may have been forgotten since."""
    facts: Json = field(default_factory=dict)
    scope: str = ""
    """Scope of the preferences that took part."""
    learnt: int = 0
    """Place among the decisions of the scope that were learnt from; 0 means it was not."""


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """One line of the audit trail; lines are only ever added."""

    id: str
    """Random: two equal changes are two lines."""
    at: datetime
    verb: str
    kind: str
    """Table of the subject; empty when the change spans several."""
    subject: str
    detail: Json = field(default_factory=dict)


class Record(Protocol):
    """Any of the above: a frozen dataclass with an id."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def id(self) -> str:
        """What it is found by."""


TABLES: Final[Mapping[str, type[Record]]] = {
    "contexts": Features,
    "runs": RunRecord,
    "candidates": CandidateRecord,
    "evaluations": EvaluationRecord,
    "policies": PolicyRecord,
    "evidence": EvidenceRecord,
    "lessons": LessonRecord,
    "preferences": PreferenceRecord,
    "decisions": DecisionRecord,
    "changes": ChangeRecord,
}
"""Table name of each kind; a table stands after those it refers to."""

REFERENCES: Final[Mapping[type[Record], tuple[tuple[str, type[Record], bool], ...]]] = {
    CandidateRecord: (("run", RunRecord, True),),
    EvaluationRecord: (("candidate", CandidateRecord, True),),
    PolicyRecord: (("context", Features, False),),
    EvidenceRecord: (("policy", PolicyRecord, True),),
    LessonRecord: (("context", Features, False),),
}
"""Field, the kind whose id it holds, and whether deleting that record deletes this one too."""


def table_of(kind: type[Record]) -> str:
    """Return the table name of a kind of record."""
    return next(name for name, known in TABLES.items() if known is kind)


__all__ = [
    "REFERENCES", "TABLES", "CandidateRecord", "ChangeRecord", "DecisionRecord",
    "EvaluationRecord", "EvidenceRecord", "Features", "Json", "LessonRecord", "PolicyRecord",
    "PreferenceRecord", "Record", "RunRecord", "Sense", "Status", "identity", "table_of",
]  # fmt: skip
