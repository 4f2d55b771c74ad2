"""What the assistant decided, why, what the user answered, and what was learnt from it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from evaluator.calendar.explanation import Preference
from evaluator.calendar.learner import PreferenceLearner
from evaluator.calendar.vocabulary import check_round
from evaluator.errors import InputError
from memory.audit import log, resolve
from memory.errors import Conflict
from memory.learnt import CALENDAR, last_learnt, read_learner, save_learner
from memory.records import DecisionRecord, Json, PreferenceRecord
from memory.store import MemoryStore, Reader, Writer
from memory.wording import flip_text, phrase, quoted

Events = Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a decision was taken."""

    decision: DecisionRecord
    text: str
    """In words, with the evidence cited."""
    reasons: tuple[Json, ...]
    """As ``evaluator.calendar.explanation.Reason`` has them; what mattered most comes first."""
    flips: tuple[tuple[Json, ...], ...]
    cited: tuple[DecisionRecord, ...]
    """Earlier decisions that the reasons rest on, as far as they are kept."""
    stated: tuple[PreferenceRecord, ...]
    """Stated rules that decided."""


def record_decision(
    store: MemoryStore,
    *,
    subject: str,
    action: str,
    candidates: Events = (),
    preference: Preference | None = None,
    why: str = "",
    labels: Sequence[str] = (),
    scope: str = CALENDAR,
    policy: str = "",
    facts: Json | None = None,
) -> DecisionRecord:
    """Store what was decided, before the user answers.

    Args:
        store: Where to.
        subject: What it was about, in a few words.
        action: What the assistant did or proposed.
        candidates: Features of the events it chose between; none for other decisions.
        preference: What the learner said of them.
        why: In words; left out, it is made from the preference.
        labels: What the candidates are called.
        scope: Of the preferences that took part.
        policy: Id of the policy that took part.
        facts: What else to keep.

    Raises:
        InputError: candidates that cannot be read, or labels that do not fit them.
    """
    if candidates:
        check_round(candidates)
    if labels and len(labels) != len(candidates):
        raise InputError(f"{len(candidates)} candidates need as many labels, got {len(labels)}")
    known: dict[str, Any] = {
        **(facts or {}),
        "candidates": [dict(event) for event in candidates],
        "labels": list(labels),
    }
    if preference is not None:
        known |= asdict(preference)
    said = why or (_because(known) if preference else "")
    decision = DecisionRecord(
        secrets.token_hex(16), store.now(), subject, action, said, "", policy, known, scope
    )
    with store.write() as writer:
        writer.put(decision)
        log(store, writer, "decide", decision)
    return decision


def learn_from(
    store: MemoryStore,
    id: str,
    choice: int | Sequence[int],
    *,
    role: str = "",
    answer: str = "",
) -> DecisionRecord:
    """Store the user's answer to a decision and learn from it, in one transaction.

    Args:
        store: Where to.
        id: Of the decision, or its beginning.
        choice: The candidate the user wants, or an order, the best first.
        role: The user's role, for the prior.
        answer: The user's words.

    Raises:
        NotFound: there is no such decision.
        Conflict: it was learnt from already, or had no candidates.
        InputError: the choice is none of them.
    """
    with store.write() as writer:
        decision = find_decision(writer, id)
        if decision.learnt:
            raise Conflict(f"decision {decision.id[:12]!r} was learnt from already: undo it first")
        _candidates(decision)
        told = replace(
            decision,
            answer=answer or _answer(decision, choice),
            facts={**decision.facts, "choice": choice if isinstance(choice, int) else [*choice]},
        )
        return _learn(store, writer, told, role, "learn")


def undo_decision(store: MemoryStore, id: str, *, role: str = "") -> DecisionRecord:
    """Unlearn a decision: everything else of its scope is learnt anew without it.

    Raises:
        NotFound: there is no such decision.
        Conflict: it was not learnt from.
    """
    with store.write() as writer:
        decision = find_decision(writer, id)
        if not decision.learnt:
            raise Conflict(f"decision {decision.id[:12]!r} was not learnt from: nothing to undo")
        new = replace(decision, learnt=0)
        writer.put(new)
        _relearn(store, writer, decision.scope, role)
        log(store, writer, "undo", new, detail={"from": decision.learnt})
    return new


def redo_decision(store: MemoryStore, id: str, *, role: str = "") -> DecisionRecord:
    """Learn from an undone decision again, now as the newest.

    Raises:
        NotFound: there is no such decision.
        Conflict: it is learnt from, or was never answered.
    """
    with store.write() as writer:
        decision = find_decision(writer, id)
        if decision.learnt or "choice" not in decision.facts:
            state = "learnt from already" if decision.learnt else "never answered"
            raise Conflict(f"decision {decision.id[:12]!r} was {state}: nothing to redo")
        return _learn(store, writer, decision, role, "redo")


def relearn(store: MemoryStore, scope: str = CALENDAR, *, role: str = "") -> int:
    """Learn everything of a scope anew from its decisions; return how many there were.

    For after decisions were forgotten, imported from elsewhere, or the role changed. Proposed
    predicates start their trials anew; what the user stated or withdrew stays so.
    """
    with store.write() as writer:
        count = _relearn(store, writer, scope, role)
        log(store, writer, "relearn", detail={"scope": scope, "decisions": count})
    return count


def explain(store: MemoryStore, id: str) -> Explanation:
    """Say why a decision was taken, cite what it rests on, and what would have flipped it.

    Raises:
        NotFound: there is no such decision.
        Ambiguous: there are several.
    """
    with store.read() as reader:
        decision = find_decision(reader, id)
        reasons = tuple(decision.facts.get("reasons", ()))
        ids = dict.fromkeys(id for reason in reasons for id in reason["evidence"])
        cited = [found for id in ids if (found := reader.get(DecisionRecord, id))]
        stated = [rule for id in ids if (rule := reader.get(PreferenceRecord, id))]
    flips = tuple(tuple(flip) for flip in decision.facts.get("flips", ()))
    text = _told(decision, reasons, flips, cited, stated)
    return Explanation(decision, text, reasons, flips, tuple(cited), tuple(stated))


def list_decisions(
    store: MemoryStore, *, scope: str | None = None, about: str = "", limit: int = 50
) -> tuple[DecisionRecord, ...]:
    """Return decisions, the newest first; ``about`` is looked for in subject, action and labels."""
    with store.read() as reader:
        found = reader.find(DecisionRecord, **({} if scope is None else {"scope": scope}))
    wanted = about.casefold()
    heard = [item for item in found if wanted in _heard(item).casefold()]
    return tuple(sorted(heard, key=lambda item: (item.created, item.id), reverse=True)[:limit])


def find_decision(reader: Reader, id: str) -> DecisionRecord:
    """Return the decision whose id begins so.

    Raises:
        NotFound: there is none.
        Ambiguous: there are several.
    """
    found = resolve(reader, id, DecisionRecord)
    assert isinstance(found, DecisionRecord)
    return found


def _learn(
    store: MemoryStore, writer: Writer, decision: DecisionRecord, role: str, verb: str
) -> DecisionRecord:
    learner = read_learner(writer, decision.scope, role, store.now())
    learner.learn(_candidates(decision), decision.facts["choice"], decision.id)
    new = replace(decision, learnt=last_learnt(writer, decision.scope) + 1)
    writer.put(new)
    changed = save_learner(writer, decision.scope, learner, store.now())
    log(store, writer, verb, new, detail={"preferences": len(changed)})
    return new


def _relearn(store: MemoryStore, writer: Writer, scope: str, role: str) -> int:
    now = store.now()
    kept = writer.find(PreferenceRecord, scope=scope)
    proposed = [r for r in kept if r.details.get("kind") == "trial" and r.status == "active"]
    for record in kept:
        if "kind" in record.details and record.status == "active":
            writer.delete(PreferenceRecord, record.id)
    learner = read_learner(writer, scope, role, now)
    _propose_again(learner, proposed)
    learnt = [item for item in writer.find(DecisionRecord, scope=scope) if item.learnt]
    for item in sorted(learnt, key=lambda item: (item.learnt, item.id)):
        learner.learn(_candidates(item), item.facts["choice"], item.id)
    save_learner(writer, scope, learner, now)
    return len(learnt)


def _propose_again(learner: PreferenceLearner, proposed: Sequence[PreferenceRecord]) -> None:
    open_trials = {trial.weight.predicate for trial in learner.trials if trial.open}
    for record in sorted(proposed, key=lambda record: record.details["place"]):
        if record.predicate not in open_trials and record.details["status"] != "withdrawn":
            learner.propose(record.predicate, *record.details["prior"])
            open_trials.add(record.predicate)


def _candidates(decision: DecisionRecord) -> list[Mapping[str, str]]:
    candidates: list[Mapping[str, str]] = list(decision.facts.get("candidates", ()))
    if len(candidates) < 2:
        raise Conflict(
            f"decision {decision.id[:12]!r} was not between events: nothing to learn from it"
        )
    return candidates


def _answer(decision: DecisionRecord, choice: int | Sequence[int]) -> str:
    first = choice if isinstance(choice, int) else [*choice, -1][0]
    known = 0 <= first < len(decision.facts["candidates"])
    return f"chose {quoted(decision.facts['labels'], first)}" if known else ""


def _because(facts: Json) -> str:
    """Return the reasons of a preference in one line."""
    labels, first, second = facts["labels"], facts["order"][0], facts["order"][1]
    head = (
        f"{quoted(labels, first)} rather than {quoted(labels, second)} "
        f"({facts['confidence']:.0%} sure)"
    )
    reasons = [_reason(reason, labels, first) for reason in facts["reasons"][:3]]
    return f"{head}: {'; '.join(reasons)}" if reasons else head


def _reason(reason: Json, labels: Sequence[str], first: int) -> str:
    holder = quoted(labels, reason["held_by"])
    if reason["hard"]:
        rule = "the rule you stated" if reason["source"] == "stated" else "a rule you keep"
        return f"{rule} on {phrase(reason['predicate'])} ({holder}) decides"
    liked = (reason["contribution"] > 0) == (reason["held_by"] == first)
    seen = reason["support_for"] + reason["support_against"]
    basis = f"seen {seen} times" if seen else "as is usual in your role"
    if reason["source"] == "stated":
        basis = "as you stated"
    direction = "for" if liked else "against"
    return f"{phrase(reason['predicate'])} counts {direction} {holder} ({basis})"


def _told(
    decision: DecisionRecord,
    reasons: tuple[Json, ...],
    flips: Sequence[Sequence[Json]],
    cited: Sequence[DecisionRecord],
    stated: Sequence[PreferenceRecord],
) -> str:
    labels = decision.facts.get("labels", ())
    lines = [f"{decision.action} ({_day(decision.created)}): {decision.why}".rstrip(": ")]
    lines += [f"you said: {record.text}" for record in stated]
    lines += [
        f"rests on {item.id[:12]} of {_day(item.created)}: {item.subject}"
        + (f", {item.answer}" if item.answer else "")
        for item in cited[-5:]
    ]
    if flips:
        lines.append(
            "would have flipped if " + ", or if ".join(flip_text(f, labels) for f in flips)
        )
    if decision.answer:
        lines.append(f"you answered: {decision.answer}")
    return "\n".join(lines)


def _heard(decision: DecisionRecord) -> str:
    return " ".join((decision.subject, decision.action, *decision.facts.get("labels", ())))


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


__all__ = [
    "Explanation", "explain", "find_decision", "learn_from", "list_decisions", "record_decision",
    "redo_decision", "relearn", "undo_decision",
]  # fmt: skip
