"""The end of a run: finalists by validation, then the sealed test, once, and the gate."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict

from agentsched.evolution.population import Member, Metrics
from agentsched.evolution.session import Session, Task, must_score
from agentsched.evolution.state import State
from evaluator.gate import Case, Measured, Verdict, best_known, judge
from evaluator.worlds import world_of

VALIDATION = "validation"
TEST = "test"
UNSEEN = "unseen"
FINAL = -1
"""Generation number that stands for the last validation."""


def conclude(session: Session) -> str | None:
    """Take the run from its last generation to its verdict; the accepted name, or None.

    Every step looks first at what the events already say, so a run killed here goes on here.
    """
    state = session.state
    if state.finished is not None:
        return _accepted(state)
    if state.finalists is None:
        _choose_finalists(session)
    if state.finalists:
        _open_test(session)
        _measure_settings(session)
        for name in state.finalists:
            if name not in state.verdicts:
                verdict = verdict_on(session, name)
                session.record({"e": "verdict", "who": name, "verdict": verdict.to_json()})
    session.record({"e": "finished", "accepted": _winner(state)}, durable=True)
    return _accepted(state)


def rivals(state: State) -> list[str]:
    """Return all that a candidate is compared with: the known rules, then the incumbent."""
    return list(state.known)


def shortlist(state: State, count: int) -> list[Member]:
    """Return candidates for the last validation, at most ``count``.

    Half by validation so far (of those that were front-runners), the rest by train.
    """
    candidates = sorted(state.members.values(), key=lambda m: m.rank)
    seen = {m.name: state.validation_gain(m.name) for m in candidates}
    by_validation = sorted(
        (m for m in candidates if seen[m.name][1]), key=lambda m: -seen[m.name][0]
    )
    chosen = {m.name: m for m in by_validation[: math.ceil(count / 2)]}
    for member in candidates:
        if len(chosen) < count:
            chosen.setdefault(member.name, member)
    return list(chosen.values())


def verdict_on(session: Session, name: str) -> Verdict:
    """Judge one finalist by what the events hold."""
    state, goal = session.state, session.state.goal
    finalists = len(state.finalists or ())
    failure = next(
        (e["failed"] for (_, who), e in state.finals.items() if who == name and e["failed"]), None
    )
    if failure is not None:
        return Verdict(
            accepted=False, reasons=(f"{failure['stage']}: {failure['message']}",),
            candidate=name, reference=state.final_reference, finalists=finalists,
            level=session.config.gate.alpha / finalists, comparisons=(), guards=(),
            robustness=(), rank_stability=0.0,
            violations=int(failure["failure"] == "violation"), rules=session.config.gate,
        )  # fmt: skip
    known = [rule for rule in state.known if rule != state.incumbent]
    case = Case(
        candidate=_measured(state, TEST, name),
        reference=state.final_reference,
        known=[_measured(state, TEST, rule) for rule in known],
        incumbent=_measured(state, TEST, state.incumbent) if state.incumbent else None,
        settings={
            part: (_measured(state, part, name), [_measured(state, part, r) for r in known])
            for part in settings(session)
        },
    )
    return judge(
        case, goal.metric, goal.sense, goal.guards, finalists=finalists, rules=session.config.gate
    )


def settings(session: Session) -> list[str]:
    """Return the names of the worlds beside the test in which the verdict must survive."""
    unseen = [UNSEEN] if session.scenario.splits.get(UNSEEN) else []
    return [*world_of(session.scenario).perturbations, *unseen]


def final_task(session: Session, part: str, who: str) -> Task:
    """Return the evaluation behind one row of the gate's table."""
    splits = session.scenario.splits
    if part == VALIDATION:
        return Task(who, VALIDATION, (VALIDATION, FINAL), tuple(range(splits[VALIDATION])))
    if part == UNSEEN:
        return Task(who, UNSEEN, (UNSEEN,), tuple(range(splits[UNSEEN])))
    if part == TEST:
        return Task(who, TEST, (TEST,), tuple(range(splits[TEST])))
    # Perturbed worlds take the first half of the test: they ask for a sign, not for a bound.
    count = min(splits[TEST], max(8, splits[TEST] // 2))
    return Task(who, TEST, (TEST,), tuple(range(count)), perturbation=part)


def _choose_finalists(session: Session) -> None:
    session.phase = "validation"
    state, breeding = session.state, session.config.breeding
    candidates = [m.name for m in shortlist(state, 2 * breeding.finalists)]
    reference, names = "", []
    if candidates:
        _measure(session, VALIDATION, [*rivals(state), *candidates])
        known = [_measured(state, VALIDATION, r) for r in state.known if r != state.incumbent]
        reference = best_known(known, state.goal.metric, state.goal.sense).name
        names = _promising(state, candidates, reference)[: breeding.finalists]
    session.record(
        {"e": "finalists", "names": names, "reference": reference or state.reference}, durable=True
    )


def _promising(state: State, candidates: Sequence[str], reference: str) -> list[str]:
    """Return those ahead of the reference on validation with their guards kept, best first."""
    rival = state.finals[VALIDATION, reference]["metrics"]
    gains: dict[str, float] = {}
    for name in candidates:
        event = state.finals[VALIDATION, name]
        if event["failed"]:
            continue
        gain = state.goal.mean_gain(event["metrics"], rival)
        if gain > 0 and state.goal.keeps(state.goal.guard_gains(event["metrics"], rival)):
            gains[name] = gain
    return sorted(gains, key=lambda name: -gains[name])


def _open_test(session: Session) -> None:
    """Break the seal for these finalists under these rules, and for no others ever."""
    state = session.state
    session.phase = "sealed test"
    facts = [
        [[name, state.member(name).text] for name in state.finalists or ()],
        state.final_reference, asdict(session.config.gate), session.scenario.digest,
    ]  # fmt: skip
    session.run.seal(hashlib.sha256(json.dumps(facts).encode()).hexdigest())
    _measure(session, TEST, [*rivals(state), *(state.finalists or ())])


def _measure_settings(session: Session) -> None:
    session.phase = "robustness"
    state = session.state
    known = [rule for rule in state.known if rule != state.incumbent]
    for part in settings(session):
        _measure(session, part, [*known, *(state.finalists or ())])


def _measure(session: Session, part: str, names: Sequence[str]) -> None:
    """Evaluate whoever has no entry in this part yet."""
    state = session.state
    missing = [name for name in names if (part, name) not in state.finals]
    for task, result in session.score([final_task(session, part, name) for name in missing]):
        if task.who in state.known:
            must_score(task.who, result)
        good = result["kind"] == "scored"
        session.record(
            {
                "e": "final", "part": part, "who": task.who,
                "metrics": result["metrics"] if good else [],
                "digests": result["digests"] if good else [],
                "cpu": result.get("cpu", 0.0),
                "failed": None if good else {
                    key: result[key] for key in ("stage", "failure", "message")
                },
            }
        )  # fmt: skip


def _measured(state: State, part: str, name: str) -> Measured:
    metrics: list[Metrics] = state.finals[part, name]["metrics"]
    return Measured(name, metrics)


def _winner(state: State) -> str | None:
    """Of the accepted ones, the one whose gain is certain to be greatest."""
    accepted = [v for v in state.verdicts.values() if v.accepted]
    best = max(accepted, key=lambda v: v.comparisons[0].lower, default=None)
    return None if best is None else best.candidate


def _accepted(state: State) -> str | None:
    accepted: str | None = (state.finished or {}).get("accepted")
    return accepted
