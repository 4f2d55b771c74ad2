"""Preferences: what the user says of them goes to memory, what memory knows goes into proposals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from agentsched.agent.context import AgentContext
from agentsched.agent.settlement import Collision, Lesson, Option, Settlement
from agentsched.agent.state import Noted, Section
from agentsched.agent.vocabulary import features_named, speaks_of_events, translated
from agentsched.calendars.preference import NoPreference, Preference, PreferenceModel, Reason
from agentsched.planning.hint_words import read_hints, say_hint
from agentsched.planning.hints import Hint
from agentsched.understanding import StatePreference, Understood, WithdrawPreference
from evaluator.calendar.learner import PreferenceLearner
from evaluator.calendar.predicates import holds
from evaluator.errors import EvaluatorError
from memory import MemoryStore
from memory.audit import changes
from memory.decisions import (
    find_decision,
    learn_from,
    list_decisions,
    record_decision,
    undo_decision,
)
from memory.errors import NotFound
from memory.preferences import (
    CALENDAR,
    PLACEMENT,
    Direction,
    list_preferences,
    load_learner,
    state_preference,
    undo_last_change,
    withdraw_preference,
)
from memory.records import PreferenceRecord
from memory.store import Reader

_HINT: TypeAdapter[Hint] = TypeAdapter(Hint)


class Learnt:
    """What memory has learnt of the user, as the resolution of conflicts asks for it."""

    def __init__(self, learner: PreferenceLearner) -> None:
        self._learner = learner

    def prefer(self, candidates: Sequence[Mapping[str, str]]) -> Preference:
        """See ``calendars.preference.PreferenceModel``."""
        if len(candidates) < 2:
            return NoPreference().prefer(candidates)
        found = self._learner.prefer([translated(one) for one in candidates])
        reasons = tuple(
            Reason(*_first_part(reason.predicate), reason.contribution, reason.evidence)
            for reason in found.reasons
        )
        return Preference(found.order, found.probability, reasons)


def preference_model(context: AgentContext) -> PreferenceModel:
    """Return what is known of the user's preferences among events."""
    with context.memory() as store:
        return Learnt(load_learner(store, CALENDAR, context.settings.agent.role))


def broken_rules(candidates: Sequence[Mapping[str, str]], context: AgentContext) -> list[str]:
    """Return the user's own words of every rule that one of these events goes against."""
    with context.memory() as store:
        stated = [p.preference for p in list_preferences(store, scope=CALENDAR, source="stated")]
    events = [translated(one) for one in candidates]
    return list(
        dict.fromkeys(
            rule.text
            for rule in stated
            if rule.hard and rule.direction == "avoid"
            if any(holds(rule.predicate, event) for event in events)
        )
    )


def placement_wishes(context: AgentContext) -> tuple[Hint, ...]:
    """Return the placement preferences in force, as hints for every task of a plan."""
    with context.memory() as store:
        known = list_preferences(store, scope=PLACEMENT)
    found: list[Hint] = []
    for one in known:
        try:
            found.append(_HINT.validate_python(one.preference.details.get("hint")))
        except ValidationError:
            continue  # of another version; the listing still shows it
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of the preferences in a message."""

    sections: tuple[Section, ...] = ()
    noted: tuple[Noted, ...] = ()
    """What was changed, for an undo."""


def settle_preferences(understood: Understood, context: AgentContext) -> Settled:
    """Take down what the user states or withdraws; say what was understood and how to undo it."""
    told: list[_Told] = []
    intents = [i for i in understood.intents if isinstance(i, StatePreference | WithdrawPreference)]
    if not intents:
        return Settled()
    with context.memory() as store:
        for intent in intents:
            try:
                match intent:
                    case StatePreference():
                        told += _state(intent, store, context)
                    case WithdrawPreference():
                        told += _withdraw(intent, store)
            except EvaluatorError as error:
                told.append(_Told(str(error)))
        ids = dict.fromkeys(one.changed for one in told if one.changed)
        noted = tuple(Noted(id=id, mark=changes(store, id)[-1].id) for id in ids)
    lines = tuple(one.words for one in told)
    return Settled((Section(title="Preferences", lines=lines),), noted)


def undo_preferences(noted: Sequence[Noted], context: AgentContext) -> list[str]:
    """Take back statements and withdrawals nothing followed since; say what is in force then."""
    lines: list[str] = []
    for one in reversed(noted):
        if not can_undo(one, context):
            continue
        with context.memory() as store:
            now = undo_last_change(store, one.id)
        standing = "in force again" if now.status == "active" else "withdrawn"
        lines.append(f"{now.text}: {standing}")
    return lines


def can_undo(noted: Noted, context: AgentContext) -> bool:
    """Whether a change is the last one of its preference."""
    with context.memory() as store:
        trail = changes(store, noted.id)
    return bool(trail) and trail[-1].id == noted.mark


@dataclass(frozen=True, slots=True)
class Taught:
    """What an approval taught, or unlearned."""

    sections: tuple[Section, ...] = ()
    lessons: tuple[Lesson, ...] = ()


def remember_choices(
    settlement: Settlement, choices: dict[str, str], context: AgentContext, key: str
) -> Taught:
    """Write down each settled conflict with its reasons; learn from what the user chose.

    A plain yes takes the proposal and teaches nothing: only a way out that was named says which
    event mattered more.
    """
    lessons: list[Lesson] = []
    role = context.settings.agent.role
    with context.memory() as store:
        decisions = list_decisions(store, scope=CALENDAR, limit=200)
        known = {one.facts.get("key"): one for one in decisions}
        learner = load_learner(store, CALENDAR, role)
        for one in settlement.collisions:
            option = one.option(choices.get(one.id, ""))
            mark = f"{key}:{one.id}"
            if mark in known and known[mark].learnt:  # before a crash
                lessons.append(_lesson(known[mark].id, one, option))
            if not option.drafts or mark in known:
                continue
            candidates = [translated(features) for features in one.candidates]
            decision = record_decision(
                store,
                subject=one.words[:400],
                action=option.words,
                candidates=candidates,
                preference=learner.prefer(candidates) if candidates else None,
                why="" if candidates else "approved by the user",
                labels=one.titles if candidates else (),
                facts={"key": mark},
            )
            title = option.drafts[0].title
            if one.id in choices and candidates and title in one.titles:
                gave_way = one.titles.index(title)
                learn_from(store, decision.id, 1 - gave_way, role=role, answer=option.words)
                lessons.append(_lesson(decision.id, one, option))
        for number, draft in enumerate(settlement.drafts):
            mark = f"{key}:draft:{number}"
            if mark not in known:
                record_decision(
                    store, subject=draft.title[:400], action=draft.words,
                    why="you asked for it and said yes", facts={"key": mark},
                )  # fmt: skip
    shows = "(agentsched memory preferences shows what that changed)"
    lines = tuple(f"{lesson.words} {shows}" for lesson in lessons)
    sections = (Section(title="Learnt", lines=lines),) if lines else ()
    return Taught(sections, tuple(lessons))


def _lesson(decision: str, collision: Collision, option: Option) -> Lesson:
    """Put into words which of two events was kept."""
    title = option.drafts[0].title
    kept = collision.titles[1 - collision.titles.index(title)]
    return Lesson(decision=decision, words=f"{kept!r} mattered more than {title!r}")


def still_learnt(lessons: Sequence[Lesson], context: AgentContext) -> tuple[Lesson, ...]:
    """Return those that nobody has unlearnt or forgotten."""
    if not lessons:
        return ()
    with context.memory() as store, store.read() as reader:
        return tuple(lesson for lesson in lessons if _is_learnt(lesson, reader))


def _is_learnt(lesson: Lesson, reader: Reader) -> bool:
    try:
        return bool(find_decision(reader, lesson.decision).learnt)
    except NotFound:
        return False


def unlearn(lessons: Sequence[Lesson], context: AgentContext) -> list[Section]:
    """Take back what choices taught, each once; say so."""
    standing = still_learnt(lessons, context)
    if not standing:
        return []
    with context.memory() as store:
        for lesson in standing:
            undo_decision(store, lesson.decision, role=context.settings.agent.role)
    return [Section(title="Unlearnt", lines=tuple(lesson.words for lesson in standing))]


@dataclass(frozen=True, slots=True)
class _Told:
    words: str
    changed: str = ""
    """Id of a preference."""


def _state(intent: StatePreference, store: MemoryStore, context: AgentContext) -> Iterator[_Told]:
    said = " ".join(intent.phrases)[:300]
    reading = read_hints(said, inventory=context.inventory, tasks=())
    # "Never meetings before 10" is about meetings, though the hours could be a machine's.
    if reading.hints and not speaks_of_events(said):
        for hint in reading.hints:
            yield from _state_hint(hint, intent, store)
        return
    events = features_named(intent.about, intent.weekdays, intent.start, intent.end)
    if not events:
        yield _Told(
            f"{intent.about!r} names no kind of event, time, person or machine that could be "
            "preferred; say for example 'avoid vendor calls on Friday afternoons'"
        )
        return
    for features in events:
        kept = state_preference(
            store, _predicate(features), intent.direction, hard=intent.hard, text=said
        )
        yield _told(kept)
    if intent.over:
        other: Direction = "avoid" if intent.direction == "prefer" else "prefer"
        for features in features_named(intent.over):
            yield _told(state_preference(store, _predicate(features), other, hard=False, text=said))


def _state_hint(hint: Hint, intent: StatePreference, store: MemoryStore) -> Iterator[_Told]:
    plain = hint.model_copy(update={"tasks": (), "hard": intent.hard})
    kept = state_preference(
        store,
        say_hint(plain)[:200],
        intent.direction,
        scope=PLACEMENT,
        hard=intent.hard,
        weight=hint.weight,
        text=" ".join(intent.phrases)[:300],
        hint=plain.model_dump(mode="json"),
    )
    yield _told(kept)


def _withdraw(intent: WithdrawPreference, store: MemoryStore) -> Iterator[_Told]:
    stated = [one.preference for one in list_preferences(store, source="stated")]
    if not stated:
        yield _Told("no preference was stated that could be withdrawn")
        return
    words = intent.about.casefold().split()
    wanted = {_predicate(features) for features in features_named(intent.about)}
    fitting = [p for p in stated if p.predicate in wanted] or [
        p
        for p in stated
        if words and any(word in p.text.casefold() for word in words if len(word) > 3)
    ]
    if not words or intent.about.casefold() in ("that", "it", "last", "the last one"):
        fitting = [max(stated, key=lambda p: p.updated)]
    if not fitting:
        known = "; ".join(p.text for p in stated[:4])
        yield _Told(f"no stated preference fits {intent.about!r}; stated are: {known}")
        return
    told = {one.text for one in fitting}
    for one in (p for p in stated if p.text in told):
        gone = withdraw_preference(store, one.id)
        line = f"withdrawn: {gone.text} (agentsched memory preferences restore {gone.id[:12]})"
        yield _Told(line, gone.id)


def _told(kept: PreferenceRecord) -> _Told:
    what = "rule" if kept.hard else "wish"
    verb = "prefer" if kept.direction == "prefer" else "avoid"
    return _Told(
        f"{what} noted: {verb} {kept.predicate.replace('=', ' ')} "
        f"(agentsched memory preferences withdraw {kept.id[:12]})",
        kept.id,
    )


def _predicate(features: Mapping[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in features.items())


def _first_part(predicate: str) -> tuple[str, str]:
    feature, _, value = predicate.partition("=")
    return feature, value.split(",")[0] if value else ""
