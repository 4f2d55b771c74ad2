"""What a run knows: folded from its events, one after the other, by nothing else."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from agentsched.evolution.config import Breeding
from agentsched.evolution.population import Member, Metrics, Population
from agentsched.evolution.run import Event
from evaluator.gate import Measured, Verdict, best_known
from evaluator.paired import Sense, gains, worse_share
from evaluator.world import Scenario


@dataclass(frozen=True, slots=True)
class Goal:
    """What is compared: the objective and the guards of the scenario."""

    metric: str
    sense: Sense
    guards: tuple[tuple[str, Sense, float], ...]
    """(metric, sense, margin)."""

    @classmethod
    def of(cls, scenario: Scenario) -> Goal:
        """Read the goal off a scenario."""
        return cls(
            scenario.objective.metric,
            scenario.objective.sense,
            tuple((g.metric, g.sense, g.margin) for g in scenario.guards),
        )

    def mean_gain(self, mine: Sequence[Metrics], rival: Sequence[Metrics]) -> float:
        """Return the mean log-ratio of the objective; the rival may have more instances."""
        return _mean(mine, rival, self.metric, self.sense)

    def guard_gains(self, mine: Sequence[Metrics], rival: Sequence[Metrics]) -> tuple[float, ...]:
        """Return the mean log-ratio of each guard metric."""
        return tuple(_mean(mine, rival, metric, sense) for metric, sense, _ in self.guards)

    def keeps(self, guard_gains: Sequence[float]) -> bool:
        """Whether every guard is within its margin, on average."""
        return all(
            worse_share(gain) <= margin
            for gain, (_, _, margin) in zip(guard_gains, self.guards, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Lesson:
    """One kind of failure, and how often it happened."""

    kind: str
    message: str
    """As it was first said; later ones may differ in numbers."""
    count: int
    first: str
    """Name of the first candidate it happened to."""


@dataclass(frozen=True, slots=True)
class Point:
    """The score curve after one generation."""

    generation: int
    evaluations: int
    best: str
    gain: float
    """Relative to the best known rule on train, as a log-ratio."""


@dataclass(slots=True)
class Spent:
    """What was used of the budget; ``seconds`` and ``elapsed`` are wall time."""

    evaluations: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    calls: int = 0
    model_seconds: float = 0.0
    cpu_seconds: float = 0.0
    elapsed: float = 0.0


@dataclass(slots=True)
class State:
    """Everything folded so far. Only ``apply`` changes it."""

    goal: Goal
    breeding: Breeding
    known: dict[str, Member] = field(default_factory=dict)
    """Known rules, and the incumbent if there is one, on train."""
    incumbent: str | None = None
    reference: str = ""
    """Best known rule on train; what gains are relative to."""
    population: Population | None = None
    generation: int = 0
    """Generations closed."""
    next: int = 0
    """Number of the next generation's first proposal."""
    proposals: dict[int, Event] = field(default_factory=dict)
    """Of every slot so far, open or closed."""
    results: dict[int, Event] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    """Every candidate that was scored on all of train and decides unlike the others."""
    codes: dict[str, str] = field(default_factory=dict)
    """Digest of the normalised code to the name that had it first."""
    fingerprints: dict[str, str] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    """By kind; ``raced`` and ``duplicate`` are outcomes, not failures, and counted here too."""
    lessons: dict[tuple[str, str], Lesson] = field(default_factory=dict)
    spent: Spent = field(default_factory=Spent)
    fruitless: int = 0
    curve: list[Point] = field(default_factory=list)
    validated: dict[int, dict[str, tuple[Metrics, ...]]] = field(default_factory=dict)
    """By generation and name, on that generation's own validation seed."""
    stopping: str | None = None
    finals: dict[tuple[str, str], Event] = field(default_factory=dict)
    """(part, name) to the event with its metrics."""
    finalists: tuple[str, ...] | None = None
    final_reference: str = ""
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    finished: Event | None = None

    @classmethod
    def start(cls, scenario: Scenario, breeding: Breeding, events: Iterable[Event] = ()) -> State:
        """Fold events from the first."""
        state = cls(Goal.of(scenario), breeding)
        for event in events:
            state.apply(event)
        return state

    def apply(self, event: Event) -> None:
        """Fold one event."""
        match event["e"]:
            case "known":
                self._known(event)
            case "founded":
                self._found(event)
            case "proposed":
                self.proposals[event["k"]] = event
                self._spend(event)
            case "evaluated":
                self.results[event["k"]] = event
                self.spent.cpu_seconds += event["result"].get("cpu", 0.0)
            case "generation":
                self._close(event)
            case "validated":
                self.validated.setdefault(event["g"], {})[event["who"]] = tuple(event["metrics"])
            case "stopping":
                self.stopping = event["reason"]
            case "reopened":
                self.stopping = None
            case "final":
                self.finals[event["part"], event["who"]] = event
            case "finalists":
                self.finalists = tuple(event["names"])
                self.final_reference = event["reference"]
            case "verdict":
                self.verdicts[event["who"]] = Verdict.from_json(event["verdict"])
            case "finished":
                self.finished = event
            case other:
                raise ValueError(
                    f"events.jsonl: unknown event {other!r}; written by another version"
                )

    @property
    def grown(self) -> Population:
        """The population; there is one once the known rules are measured."""
        if self.population is None:
            raise ValueError("the run has no population before its known rules are measured")
        return self.population

    def owner(self, code: str, k: int) -> str | None:
        """Return who had this normalised code before proposal k, also among open slots."""
        if code in self.codes:
            return self.codes[code]
        for earlier in range(self.next, k):
            if self.proposals[earlier]["code"] == code:
                return name_of(earlier)
        return None

    def member(self, name: str) -> Member:
        """Return a candidate or known rule by name."""
        return self.members[name] if name in self.members else self.known[name]

    def top_lessons(self, count: int) -> tuple[Lesson, ...]:
        """Return the commonest failures, first seen first among equals."""
        return tuple(sorted(self.lessons.values(), key=lambda lesson: -lesson.count)[:count])

    def validation_gain(self, name: str) -> tuple[float, int]:
        """Return mean log-ratio against the reference over all validation so far, and its n."""
        values: list[float] = []
        for rows in self.validated.values():
            if name in rows and self.reference in rows:
                mine, rival = rows[name], rows[self.reference]
                values += [self.goal.mean_gain([a], [b]) for a, b in zip(mine, rival, strict=True)]
        return (float(np.mean(values)), len(values)) if values else (0.0, 0)

    def digest(self) -> str:
        """sha256 over all that a repeated run must agree in: no times, no facts of the machine."""
        facts: dict[str, Any] = {
            "known": [_facts(m) for m in self.known.values()],
            "islands": [[m.name for m in home] for home in self.grown.islands]
            if self.population
            else [],
            "archive": [m.name for m in self.grown.archive] if self.population else [],
            "members": [_facts(m) for m in self.members.values()],
            "open": sorted(k for k in self.results if k >= self.next),
            "counts": [self.generation, self.next, self.spent.evaluations, self.fruitless],
            "codes": self.codes,
            "fingerprints": self.fingerprints,
            "failures": self.failures,
            "lessons": [[x.kind, x.message, x.count, x.first] for x in self.lessons.values()],
            "curve": [[p.generation, p.evaluations, p.best, p.gain] for p in self.curve],
            "validated": {str(g): rows for g, rows in self.validated.items()},
            "stopping": self.stopping,
            "finalists": self.finalists,
            "finals": {
                "/".join(key): [e["metrics"], e["digests"]] for key, e in self.finals.items()
            },
            "verdicts": {name: v.to_json() for name, v in self.verdicts.items()},
            "accepted": self.finished and self.finished["accepted"],
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def _known(self, event: Event) -> None:
        result = event["result"]
        member = Member(
            name=event["who"],
            order=len(self.known) - 1000,
            text=event["text"],
            metrics=tuple(result["metrics"]),
            fingerprint=result["fingerprint"],
            gain=0.0,
            diagnosis=result.get("diagnosis", ""),
        )
        self.known[member.name] = member
        if event["code"]:
            self.codes.setdefault(event["code"], member.name)
        self.fingerprints.setdefault(member.fingerprint, member.name)
        if event.get("incumbent"):
            self.incumbent = member.name
        self.spent.cpu_seconds += result.get("cpu", 0.0)

    def _found(self, event: Event) -> None:
        rules = [m for m in self.known.values() if m.name != self.incumbent]
        measured = [Measured(m.name, m.metrics) for m in rules]
        self.reference = best_known(measured, self.goal.metric, self.goal.sense).name
        self.known = {name: self._rated(member) for name, member in self.known.items()}
        start = self.known[event["start"]]
        others = sorted(
            (m for m in self.known.values() if m.text and m is not start), key=lambda m: m.rank
        )
        self.population = Population.found(
            [start, *others], self.breeding.islands, self.breeding.capacity
        )

    def _rated(self, member: Member) -> Member:
        rival = self.known[self.reference].metrics
        guards = self.goal.guard_gains(member.metrics, rival)
        return replace(
            member,
            gain=self.goal.mean_gain(member.metrics, rival),
            guards=guards,
            feasible=self.goal.keeps(guards),
        )

    def _spend(self, event: Event) -> None:
        spent = self.spent
        spent.tokens_in += event.get("tokens_in", 0)
        spent.tokens_out += event.get("tokens_out", 0)
        spent.cost += event.get("cost", 0.0)
        spent.calls += event.get("calls", 0)
        spent.model_seconds += event.get("seconds", 0.0)

    def _close(self, event: Event) -> None:
        newcomers = []
        for k in range(self.next, self.next + event["slots"]):
            result = self.results[k]
            self.spent.evaluations += result["ran"] and result["result"]["kind"] != "duplicate"
            member = self._outcome(self.proposals[k], result["result"])
            if member is not None:
                newcomers.append(member)
                self.members[member.name] = member
        self.population = self.grown.settle(newcomers)
        self.generation += 1
        self.next += event["slots"]
        if self.generation % self.breeding.migrate_every == 0:
            self.population = self.grown.migrate()
        best = self.grown.best(1)[0]
        self.curve.append(Point(self.generation, self.spent.evaluations, best.name, best.gain))
        self.spent.elapsed += event["elapsed"]

    def _outcome(self, proposal: Event, result: Mapping[str, Any]) -> Member | None:
        """Book one slot; a new policy, or None."""
        name = name_of(proposal["k"])
        if proposal.get("code"):
            self.codes.setdefault(proposal["code"], name)
        kind = result["kind"]
        self.fruitless = self.fruitless + 1 if kind in ("duplicate", "failed") else 0
        if kind == "scored" and result["fingerprint"] in self.fingerprints:
            kind = "duplicate"
        if kind == "scored":
            self.fingerprints[result["fingerprint"]] = name
            return self._rated(
                Member(
                    name=name,
                    order=proposal["k"],
                    text=proposal["text"],
                    metrics=tuple(result["metrics"]),
                    fingerprint=result["fingerprint"],
                    gain=0.0,
                    parents=tuple(proposal["parents"]),
                    origin=proposal["origin"],
                    island=proposal["island"],
                    diagnosis=result.get("diagnosis", ""),
                )
            )
        if kind == "failed":
            kind = result["failure"]
            self._learn(kind, result["message"], name)
        self.failures[kind] = self.failures.get(kind, 0) + 1
        return None

    def _learn(self, kind: str, message: str, name: str) -> None:
        key = (kind, re.sub(r"\d+(\.\d+)?", "#", message))
        old = self.lessons.get(key)
        self.lessons[key] = (
            Lesson(kind, message, 1, name)
            if old is None
            else Lesson(kind, old.message, old.count + 1, old.first)
        )


def name_of(k: int) -> str:
    """Return the name of proposal k, which is also its file's."""
    return f"c{k:04d}"


def _mean(mine: Sequence[Metrics], rival: Sequence[Metrics], metric: str, sense: Sense) -> float:
    rows = list(zip(mine, rival, strict=False))
    values = gains(
        np.array([a[metric] for a, _ in rows]), np.array([b[metric] for _, b in rows]), sense
    )
    return float(np.mean(values))


def _facts(member: Member) -> list[Any]:
    return [
        member.name,
        member.order,
        member.text,
        list(member.metrics),
        member.fingerprint,
        member.gain,
        list(member.guards),
        member.feasible,
        list(member.parents),
        member.origin,
        member.island,
        member.diagnosis,
    ]
