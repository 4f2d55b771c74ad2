"""Small policies, evidence and records of every kind, for tests of memory and of its users."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np

from evaluator.gate import Comparison, Verdict
from evaluator.paired import gains, interval, share
from evaluator.policy import PolicySource
from memory.acceptance import EvidenceFile, add_accepted
from memory.evidence import Played
from memory.features import Features
from memory.records import (
    CandidateRecord,
    ChangeRecord,
    DecisionRecord,
    EvaluationRecord,
    EvidenceRecord,
    LessonRecord,
    PolicyRecord,
    PreferenceRecord,
    Record,
    RunRecord,
)
from memory.store import MemoryStore

MOMENT = datetime(2026, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)

CONTEXT = Features(
    objective="mean_jct", sense="min", preemptive=False, nodes=36, types=3, heterogeneity=0.4,
    affinity=0.1, load=0.9, packing=0.2, gang_share=0.1, dag_share=0.0, due_share=0.0,
    data_ratio=0.0, duration_spread=1.5, burstiness=1.0, estimate_error=0.3, overhead=0.0,
    failures=False,
)  # fmt: skip
"""Features of an ordinary cluster."""

OWN = (90.0, 80.1, 71.3)
RIVAL = (100.0, 90.0, 79.0)
"""Scores of a policy and of its rival on three instances; each pair differs by about a tenth."""


def source(number: int = 0) -> PolicySource:
    """Return a small policy; another number, another text."""
    return PolicySource(
        f"p{number}", f"def key(task):\n    return task.estimate + {number}\n", "key"
    )


def digest(text: str) -> str:
    """Return the sha256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def trace_file(folder: Path, policy: str, index: int, score: float) -> Path:
    """Write what ``replay_text`` takes for a trace."""
    path = folder / f"{digest(policy)[:8]}-{index}.trace"
    path.write_text(f"{policy} {digest(f'instance {index}')} {float(score).hex()}")
    return path


def replay_text(path: Path) -> Played:
    """Replay a file of ``trace_file``."""
    policy, instance, score = path.read_text().split()
    return Played(instance, policy, policy, {"mean_jct": float.fromhex(score)}, 0)


def evidence_files(folder: Path, policy: PolicySource, rival: str = "sjf") -> list[EvidenceFile]:
    """Return evidence for ``OWN`` against ``RIVAL``."""
    made = []
    for by, name, scores in (("", policy.digest, OWN), (rival, rival, RIVAL)):
        for index, score in enumerate(scores):
            path = trace_file(folder, name, index, score)
            instance = digest(f"instance {index}")
            made.append(EvidenceFile(path, "test", index, instance, {"mean_jct": score}, by))
    return made


def accepting_verdict(
    own: Sequence[float] = OWN, rival: Sequence[float] = RIVAL, name: str = "sjf"
) -> Verdict:
    """Return what the gate would say of these scores."""
    bound = interval(gains(np.array(own), np.array(rival), "min"), 0.05)
    row = Comparison(
        name, "best known", share(bound.mean), share(bound.lower), share(bound.upper), 0.005, True
    )
    return Verdict(True, (), "candidate", name, 1, 0.05, (row,), (), (), 1.0, 0)


def accept(
    store: MemoryStore, folder: Path, number: int = 0, context: Features = CONTEXT
) -> PolicyRecord:
    """Accept a small policy, its evidence made in the folder."""
    policy = source(number)
    return add_accepted(
        store, policy, accepting_verdict(), evidence_files(folder, policy), context,
        scenario="hetero-gpu", scenario_digest=digest("hetero-gpu"), explanation="short first",
        run="20260304-050607-hetero-gpu",
    )  # fmt: skip


def one_of_each() -> tuple[Record, ...]:
    """Return a record of every kind, parents first, with values that are hard to keep."""
    third = 1 / 3
    awkward = {"mean_jct": 0.1 + 0.2, "p99_jct": math.inf, "tiny": 5e-324, "none": -0.0}
    policy = source()
    moment = MOMENT.astimezone(timezone(timedelta(hours=5, minutes=30)))
    return (
        CONTEXT,
        RunRecord("run-1", "hetero-gpu", "d" * 64, "running", MOMENT, cost=third,
                  settings={"minutes": 3, "nested": {"worst": -math.inf, "list": [1, "ä", None]}}),
        CandidateRecord("cand-1", "run-1", 7, policy.digest, policy.text, "mutation", "train",
                        moment),
        EvaluationRecord("eval-1", "cand-1", "train", 3, "e" * 64, third, awkward),
        PolicyRecord("a" * 64, "näme", policy.text, policy.digest, "key", "greedy", "key", "pure",
                     "hetero-gpu", "d" * 64, CONTEXT.id, "accepted", "because", MOMENT, moment,
                     gain=third, verdict={"upper": math.inf}),
        EvidenceRecord("b" * 64, "a" * 64, "", "c" * 64, 1 << 40, "e" * 64, "test", 0, awkward),
        LessonRecord("f" * 64, "hetero-gpu", "timeout", "no loops over\nall 'tasks' \"%s\" \\", 2,
                     MOMENT, MOMENT, CONTEXT.id),
        PreferenceRecord("pref-1", "calendar", "before(09:00)", "avoid", -third, 0.25, 3, 1,
                         "inferred", False, "rarely before nine", MOMENT, MOMENT,
                         "withdrawn", moment, {"evidence": ["dec-1"], "prior": math.inf}),
        DecisionRecord("dec-1", MOMENT, "Friday", "moved", "conflict", facts={"ok": True},
                       scope="calendar", learnt=7),
        ChangeRecord("chg-1", MOMENT, "learn", "lessons", "f" * 64, {"times": 2}),
    )  # fmt: skip
