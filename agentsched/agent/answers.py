"""Questions answered from records (calendar, plan, ledger, memory); no model writes an answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from agentsched.agent import work
from agentsched.agent.context import AgentContext
from agentsched.agent.presenting import moment, plan_sections, report_sections, short
from agentsched.agent.state import Section, State
from agentsched.calendars import Occurrence, Participant, Wanted, find_conflicts
from agentsched.calendars.free import open_stretches
from agentsched.errors import AgentSchedError, UserError
from agentsched.execution import Report, fold, read_records
from agentsched.execution.report import report_on
from agentsched.planning import Infeasible, Plan, TaskGraph
from agentsched.understanding import (
    Answer,
    AskRun,
    ChangePlan,
    Context,
    PlanWork,
    Query,
    SmallTalk,
    Understood,
    Unknown,
)
from agentsched.understanding import understand as read_message
from evaluator.errors import EvaluatorError
from memory.decisions import explain, list_decisions, record_decision
from memory.preferences import PLACEMENT, list_preferences
from memory.records import DecisionRecord

WEEK = timedelta(days=7)
_DULL = frozenset(
    {"the", "did", "you", "why", "was", "were", "that", "this", "have", "has", "call"}
)
HELP = (
    "Say what to run, plan, move, cancel or find a time for; ask what is planned, when you are "
    "free, or why something was decided; or state a preference."
)


def answer(state: State, context: AgentContext) -> list[Section]:
    """Answer everything in the message that is only asked."""
    understood = state["understood"]
    found: list[Section] = []
    for intent in understood.intents:
        try:
            match intent:
                case Query():
                    found += _query(intent, state, context)
                case AskRun(action="status" | "compare" | "stop"):
                    found.append(_run(intent, context))
                case Answer():
                    nothing = "There is nothing to answer at the moment."
                    left = "It is left as it was." if state.get("asked") else nothing
                    found.append(Section(lines=(left,)))
                case SmallTalk():
                    found.append(Section(lines=("You are welcome. " + HELP,)))
                case Unknown():
                    found.append(Section(title="Not understood", lines=(intent.why, HELP)))
                case _:
                    pass
        except (AgentSchedError, EvaluatorError) as error:
            found.append(Section(lines=(str(error),)))
    return found


def needs_model(understood: Understood) -> bool:
    """Whether rules left something open that a model could have read."""
    return any(isinstance(intent, Unknown) for intent in understood.intents)


def remember_execution(state: State, report: Report, context: AgentContext) -> None:
    """Write down what was carried out, and how it ended."""
    plan = state.get("plan")
    graph = state.get("graph")
    if plan is None or graph is None:
        return
    ended = "completed" if report.completed else f"{report.done} of {len(report.tasks)} done"
    with context.memory() as store:
        record_decision(
            store,
            subject=graph.name,
            action=f"carried out the plan: {ended}",
            why=f"approved by the user; planned by {plan.method}",
            facts={"execution": state.get("execution", ""), "delay_seconds": report.delay},
            scope=PLACEMENT,
        )


def _query(query: Query, state: State, context: AgentContext) -> Iterator[Section]:
    now = context.clock.now().astimezone(context.zone)
    match query.topic:
        case "events":
            yield _events(query, now, context)
        case "free":
            yield _free(query, now, context)
        case "conflicts":
            yield _conflicts(query, now, context)
        case "plan":
            yield from _plan(state, context)
        case "why":
            yield _why(query, context)
        case "what_if":
            yield from _what_if(query, state, context, now)
        case "preferences":
            yield _preferences(context)


def _events(query: Query, now: datetime, context: AgentContext) -> Section:
    low, high = _window(query, now)
    with context.desk() as desk:
        expanded = desk.book.expand(low.astimezone(UTC), high.astimezone(UTC))
    found = [o for o in expanded.occurrences if _is_asked(query, o.start, context)]
    about = _words(query.about) - _SAY_NOTHING
    named = [o for o in found if about & _words(o.title)]
    lines = [_line(o, context) for o in (named or found)]
    none = f"nothing from {moment(low, context.zone)} to {moment(high, context.zone)}"
    problems = tuple(str(problem) for problem in expanded.problems[:3])
    return Section(title="Calendar", lines=(*(short(lines) or (none,)), *problems))


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.casefold()))


_SAY_NOTHING = _words(
    "a an and any anything appointment appointments at calendar do event events everything for "
    "free friday have i in is it meeting meetings monday month morning my next of on or our "
    "saturday schedule sunday that the there this thursday to today tomorrow tuesday we wednesday "
    "week what when with"
)
"""Words of a question that name no event."""


def _free(query: Query, now: datetime, context: AgentContext) -> Section:
    low, high = _window(query, now)
    low = max(low, now)
    length = timedelta(seconds=query.when.duration) if query.when and query.when.duration else None
    with context.desk() as desk:
        people = [Participant("you", desk.occurrences(low, high), desk.hours, context.zone)]
        for name in query.people:
            contact = desk.contact(name)
            theirs = desk.calendar_of(contact, low, high) if contact is not None else None
            if theirs is None:
                raise UserError(f"the calendar of {name!r} is not known; add it to the contacts")
            people.append(Participant(name, theirs, desk.hours, context.zone))
        wanted = Wanted(length or timedelta(minutes=30), low, max(high, low + timedelta(hours=1)))
        found = open_stretches(people, wanted, desk.spacing)
    lines = [
        f"{moment(stretch.start, context.zone)} to {stretch.end.astimezone(context.zone):%H:%M}"
        for stretch in found
        if _is_asked(query, stretch.start, context)
    ]
    return Section(title="Free", lines=short(lines) or ("no free time within working hours",))


def _conflicts(query: Query, now: datetime, context: AgentContext) -> Section:
    low, high = _window(query, now)
    with context.desk() as desk:
        found = find_conflicts(desk.occurrences(low, high), desk.spacing)
    lines = [f"{moment(c.occurrences[-1].start, context.zone)}: {c}" for c in found]
    return Section(title="Conflicts", lines=short(lines) or ("no conflicts",))


def _plan(state: State, context: AgentContext) -> Iterator[Section]:
    (graph, plan), executed = _current(state), state.get("executed", [])
    if graph is None or plan is None:
        yield Section(title="Plan", lines=("nothing is planned",))
        return
    yield from plan_sections(graph, plan, context.zone)
    if executed:
        path = context.executions / executed[-1] / "ledger.jsonl"
        report = report_on(fold(read_records(path)), context.clock.now())
        yield from report_sections(report, context.zone)


def _current(state: State) -> tuple[TaskGraph | None, Plan | None]:
    """Return what waits for the user's word, else what was planned last."""
    if state.get("proposed") is not None:
        return state.get("wanted"), state.get("proposed")
    return state.get("graph"), state.get("plan")


def _why(query: Query, context: AgentContext) -> Section:
    with context.memory() as store:
        decisions = _about(query.about, list_decisions(store, limit=500))
        lines = [line for one in decisions for line in explain(store, one.id).text.splitlines()]
    if not lines:
        lines = [f"no decision about {query.about!r} is on record"]
    return Section(title="Why", lines=tuple(lines))


def _about(words: str, decisions: tuple[DecisionRecord, ...]) -> list[DecisionRecord]:
    """Return the decisions that most of the words speak of, the newest of equals; at most two."""
    wanted = {word for word in re.findall(r"[^\W_]{3,}", words.casefold()) if word not in _DULL}
    if not wanted:
        return list(decisions[:1])

    def said(one: DecisionRecord) -> int:
        text = f"{one.subject} {one.action} {' '.join(one.facts.get('labels', ()))}".casefold()
        return sum(word in text or word.removesuffix("ed") in text for word in wanted)

    scored = [(said(one), one) for one in decisions]
    best = max((score for score, _ in scored), default=0)
    return [one for score, one in scored if score == best > 0][:2]


def _what_if(query: Query, state: State, context: AgentContext, now: datetime) -> Iterator[Section]:
    """Plan the change without adopting it, and set it beside the plan in force."""
    graph, plan = _current(state)
    if graph is None or plan is None:
        yield Section(title="What if", lines=("nothing is planned that could be changed",))
        return
    about = Context(now=now, zone=context.zone, graph=graph)
    understood = read_message(query.about or query.phrases[0], about, context.model)
    changed = next(
        (i.graph for i in understood.intents if isinstance(i, ChangePlan | PlanWork)), None
    )
    if changed is None:
        yield Section(title="What if", lines=(f"{query.about!r} changes nothing in the plan",))
        return
    prepared = work.prepare(changed, context)
    if prepared.problems:
        yield Section(title="What if", lines=prepared.problems)
        return
    found = work.make_plan(prepared.graph, context, now)
    if isinstance(found, Infeasible):
        yield Section(title="What if", lines=(found.message,))
        return
    before = max(place.end for place in plan.assignments)
    after = max(place.end for place in found.plan.assignments)
    minutes = round((after - before).total_seconds() / 60)
    how = f"{abs(minutes)} min {'later' if minutes > 0 else 'earlier'}" if minutes else "as now"
    lines = [f"done by {moment(after, context.zone)}, {how}; nothing was changed"]
    lines += work.differs(plan, found.plan, 0)
    yield Section(title="What if", lines=short(lines))


def _preferences(context: AgentContext) -> Section:
    with context.memory() as store:
        known = list_preferences(store)
    lines = [
        f"{one.preference.text} ({one.strength}, {one.preference.source}, "
        f"{one.preference.support_for} for, {one.preference.support_against} against)"
        for one in known
    ]
    return Section(title="Preferences", lines=short(lines) or ("none is known yet",))


def _run(intent: AskRun, context: AgentContext) -> Section:
    folder = work.find_run(intent.run, context.settings.runs.directory)
    manifest = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    lines = [f"{folder.name}: {manifest.get('status', 'unknown')}"]
    report = folder / "report.md"
    if report.is_file():
        text = report.read_text(encoding="utf-8").splitlines()
        lines += [line for line in text if line.strip() and not line.startswith(("|", "#"))][:3]
        lines.append(f"all of it: {report}")
    if intent.action == "stop":
        lines.append("stop it with Ctrl-C where it runs; agentsched evolve --resume goes on")
    if intent.action == "compare":
        lines.append(f"agentsched replay {folder} --policy fifo sets another policy beside it")
    return Section(title="Run", lines=tuple(lines))


def _line(occurrence: Occurrence, context: AgentContext) -> str:
    zone = context.zone
    if occurrence.all_day:
        when = f"{occurrence.start.astimezone(zone):%a %d %b}, all day"
    else:
        when = f"{moment(occurrence.start, zone)}-{occurrence.end.astimezone(zone):%H:%M}"
    where = f" ({occurrence.location[:60]})" if occurrence.location else ""
    return f"{when}  {occurrence.title[:100]}{where}"


_BY_DAY = re.compile(r"\bBYDAY=([A-Z,]+)")
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def _is_asked(query: Query, moment: datetime, context: AgentContext) -> bool:
    """Whether a time is on one of the days a question names: "on Monday and Tuesday"."""
    days = _BY_DAY.search(query.when.rrule) if query.when is not None else None
    weekday = _DAYS[moment.astimezone(context.zone).weekday()]
    return days is None or weekday in days[1].split(",")


def _window(query: Query, now: datetime) -> tuple[datetime, datetime]:
    when = query.when
    if when is None or when.start is None:
        if when is not None and when.due is not None:
            return now, when.due
        return now, now + WEEK
    if _BY_DAY.search(when.rrule):
        return when.start, when.start + WEEK
    if when.end is not None:
        return when.start, when.end
    return when.start, when.start + (timedelta(days=1) if when.all_day else timedelta(hours=1))
