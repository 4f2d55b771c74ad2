"""The steps of the graph: each reads the state, calls something that never heard of LangGraph.

A step that was cut off by a crash runs again from its beginning, so a step either asks
(``interrupt`` before anything else) or acts on what can be found again (ledger, journal).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Literal, TypeVar

from langgraph.runtime import Runtime
from langgraph.types import Command, Send, interrupt

from agentsched.agent import agenda, answers, undoing, work
from agentsched.agent.carrying import Trouble
from agentsched.agent.context import AgentContext
from agentsched.agent.executions import carrying
from agentsched.agent.presenting import (
    approval,
    at_once_note,
    infeasible_sections,
    plan_sections,
    report_sections,
    settlement_sections,
    text_of,
)
from agentsched.agent.state import Approval, Ask, Deed, Said, Section, State
from agentsched.agent.wishes import (
    placement_wishes,
    remember_choices,
    settle_preferences,
    unlearn,
)
from agentsched.errors import AgentSchedError
from agentsched.execution import Record
from agentsched.planning import Infeasible
from agentsched.understanding import (
    Answer,
    Context,
    DropPlan,
    Query,
    SmallTalk,
    StatePreference,
    Undo,
    Unknown,
    WithdrawPreference,
)
from agentsched.understanding import understand as read_message
from evaluator.errors import EvaluatorError
from evaluator.worlds import scenario_names

T = TypeVar("T")
Run = Runtime[AgentContext]
_ONLY_ASKED = (Query, SmallTalk, Unknown, StatePreference, WithdrawPreference)
_NOT_YET = "nothing of this has been done yet: no leaves everything as it is"
_OTHERWISE = "Say what to change, for example 'use the GPUs instead' or 'drop the evaluation'."
MOST_REPLANS = 20
"""Of one execution; beyond that something is wrong that planning cannot mend."""


async def understand(state: State, runtime: Run) -> State:
    """Read the message, or the answer to a question, into intents."""
    context = runtime.context
    now = context.clock.now().astimezone(context.zone)
    message, asked = state["message"], state.get("asked")
    with context.desk() as desk:
        people = desk.people
    about = Context(
        now=now,
        zone=context.zone,
        graph=state.get("graph"),
        event=state.get("event", ""),
        asked=asked,
        history=tuple(said.text for said in state.get("history", []) if said.who == "user"),
        people=people,
        scenarios=scenario_names(),
        inventory=context.inventory,
    )
    _tell(runtime, "understanding")
    understood = await asyncio.to_thread(read_message, message, about, context.model)
    if understood.asks is None:
        before = state.get("settlement") if state.get("pending") else None
        last = state.get("event", "")
        understood = await asyncio.to_thread(
            agenda.grounded, understood, context, last, before, asked
        )
    said = [Said(who="user", text=message[:20_000])]
    update: State = {"understood": understood, "now": now.isoformat(), "history": said}
    nothing_new = (*_ONLY_ASKED, Answer) if asked else (*_ONLY_ASKED, Undo)
    settled = all(isinstance(i, nothing_new) for i in understood.intents)
    if state.get("pending") and (understood.asks is not None or settled):
        return {**update, "answer": None}
    update |= {
        "answer": None, "approval": None, "execution": "", "replans": 0, "trouble": [],
        "pending": False, "undoing": None,
    }  # fmt: skip
    # A change of one half of what was proposed leaves the other half as it was.
    stands = state.get("pending", False) and not any(
        isinstance(intent, Undo) for intent in understood.intents
    )
    if not stands:
        update["settlement"] = None
    if not stands or work.concerns(understood):
        update |= {"wanted": None, "proposed": None}
    if any(isinstance(intent, DropPlan) for intent in understood.intents):
        update |= {"graph": None, "plan": None}
    return update


def after_understand(state: State) -> Literal["clarify", "settle"]:
    """Ask one question at a time, until nothing is open or the user asks for something else."""
    return "clarify" if state["understood"].asks is not None else "settle"


async def clarify(state: State) -> State:
    """Put the one question whose answer would change the plan."""
    understood = state["understood"]
    question = understood.question or ""
    reply = Approval.model_validate(interrupt(Ask(kind="question", question=question)))
    said = [Said(who="assistant", text=question)]
    return {"message": reply.text or reply.decision, "asked": understood, "history": said}


async def settle(state: State, runtime: Run) -> State:
    """Take down stated preferences; answer what was only asked."""
    context, understood = runtime.context, state["understood"]
    settled = settle_preferences(understood, context)
    sections = list(settled.sections)
    if any(isinstance(intent, DropPlan) for intent in understood.intents):
        sections.append(Section(title="Plan", lines=("dropped; nothing of it will be run",)))
    sections += await asyncio.to_thread(answers.answer, state, context)
    notes = list(understood.notes)
    if context.model is None and context.why_no_model and answers.needs_model(understood):
        notes.append(f"no model reads along: {context.why_no_model}")
    if notes:
        sections.append(Section(title="Note", lines=tuple(notes)))
    update: State = {"asked": None, "answer": sections}
    if settled.noted:
        update["deeds"] = [Deed(turn=state["now"], preferences=settled.noted)]
    if any(isinstance(intent, Undo) for intent in understood.intents):
        if state.get("pending"):
            return {**update, "answer": [*sections, Section(title="Undo", lines=(_NOT_YET,))]}
        deed = await asyncio.to_thread(undoing.last_standing, state.get("deeds", []), context)
        if deed is None:
            sections.append(Section(title="Undo", lines=(undoing.NOTHING,)))
        update["undoing"] = deed
    return update


def after_settle(state: State) -> Literal["approve", "decompose"]:
    """A question in place of a yes or no was answered; what was proposed is put again."""
    return "approve" if state.get("pending") else "decompose"


async def decompose(state: State, runtime: Run) -> State:
    """Make the task graph of everything that is to be run."""
    context = runtime.context
    try:
        graph = work.wanted(state["understood"], context.settings.runs.directory)
    except AgentSchedError as error:
        return {"answer": [Section(title="Cannot", lines=(str(error),))]}
    if graph is None:
        return {}
    prepared = work.prepare(graph, context, placement_wishes(context))
    # What is spoken of last is the work now, unless the same message speaks of events as well.
    event = state.get("event", "") if agenda.concerns(state["understood"]) else ""
    if prepared.problems:
        section = Section(title="Cannot run here", lines=(*prepared.problems, _OTHERWISE))
        return {
            "wanted": prepared.graph, "graph": prepared.graph, "answer": [section], "event": event,
        }  # fmt: skip
    return {"wanted": prepared.graph, "event": event}


async def arrange(state: State, runtime: Run) -> State:
    """Draft what the message wants of the calendar, with every conflict and its ways out."""
    context, understood = runtime.context, state["understood"]
    deed = state.get("undoing")
    if deed is not None:
        back = await asyncio.to_thread(undoing.take_back, deed, context)
        return {"settlement": back.settlement, "answer": list(back.sections)}
    if not agenda.concerns(understood):
        return {}
    try:
        found = await asyncio.to_thread(
            lambda: agenda.arrange(
                understood, _now(state), context, state.get("event", ""), state.get("settlement")
            )
        )
    except (AgentSchedError, EvaluatorError) as error:
        return {"answer": [Section(title="Calendar", lines=(str(error),))]}
    return {"settlement": found.settlement, "event": found.event, "answer": list(found.sections)}


async def plan(state: State, runtime: Run) -> State:
    """Plan the graph around everything hard."""
    context, graph = runtime.context, state.get("wanted")
    if graph is None or _has(state, "Cannot run here"):
        return {}
    _tell(runtime, "planning")
    busy = await asyncio.to_thread(agenda.busy_people, graph, _now(state), context)
    try:
        found = await asyncio.to_thread(
            lambda: work.make_plan(
                graph, context, _now(state), busy=busy, previous=state.get("plan")
            )
        )
    except AgentSchedError as error:
        return {"answer": [Section(title="No plan", lines=(str(error),))]}
    if isinstance(found, Infeasible):
        return {"graph": graph, "answer": infeasible_sections(found)}
    return {"proposed": found.plan, "graph": graph}


def after_plan(state: State) -> Literal["approve", "act", "report"]:
    """Ask only if there is something to approve that may not be done unasked."""
    settlement = state.get("settlement")
    if state.get("proposed") is None and settlement is not None and settlement.needs_nobody:
        return "act"
    something = state.get("proposed") is not None or (
        settlement is not None and not settlement.empty
    )
    return "approve" if something else "report"


async def approve(state: State, runtime: Run) -> Command[Literal["apply", "understand", "report"]]:
    """Show everything that would happen, and wait for the user's word."""
    zone = runtime.context.zone
    graph, proposed, settlement = (
        state.get("wanted"),
        state.get("proposed"),
        state.get("settlement"),
    )
    sections = list(state.get("answer") or [])
    if graph is not None and proposed is not None:
        sections += plan_sections(graph, proposed, zone)
        sections += at_once_note(proposed, runtime.context)
    if settlement is not None:
        sections += settlement_sections(settlement, zone)
    ask = approval(sections, settlement, proposed is not None)
    word = Approval.model_validate(interrupt(ask))
    said = [Said(who="assistant", text=text_of(sections)[:20_000])]
    match word.decision:
        case "yes":
            name = f"{runtime.context.thread.lower()}-{secrets.token_hex(4)}"
            update: State = {"approval": word, "history": said, "pending": False}
            if proposed is not None:
                update |= {"graph": graph, "plan": proposed, "execution": name}
            # What was shown for approval need not be said again.
            return Command(goto="apply", update={**update, "answer": None})
        case "no":
            section = Section(lines=("Nothing was done.",))
            return Command(
                goto="report",
                update={
                    "approval": word,
                    "history": said,
                    "answer": [section],
                    "pending": False,
                },
            )
        case _:
            return Command(
                goto="understand",
                update={
                    "message": word.text,
                    "asked": None,
                    "history": said,
                    "approval": None,
                    "pending": True,
                },
            )


async def act(state: State) -> State:
    """Settle conflicts unasked, as the user's standing rules allow; say why."""
    settlement = state.get("settlement")
    assert settlement is not None
    why = tuple(f"{one.words}: {one.sure}" for one in settlement.collisions)
    word = Approval(decision="yes", text="by the standing rules")
    return {"approval": word, "answer": [Section(title="Settled without asking", lines=why)]}


async def apply(state: State, runtime: Run) -> State:
    """Write the approved calendar changes; each once, however often this step runs."""
    context, settlement, word = runtime.context, state.get("settlement"), state.get("approval")
    if settlement is None or word is None:
        return {}
    done = await asyncio.to_thread(
        agenda.apply, settlement, word.choices, context, _turn_key(state)
    )
    taught = remember_choices(settlement, word.choices, context, _turn_key(state))
    unlearnt = unlearn(settlement.lessons, context)
    answer = [*done.sections, *taught.sections, *unlearnt]
    update: State = {"answer": answer, "settlement": None}
    if done.actions or taught.lessons:
        deed = Deed(turn=state["now"], calendar=done.actions, lessons=taught.lessons)
        update["deeds"] = [deed]
    return update


async def carry(state: dict[str, str], runtime: Run) -> State:
    """See one task through."""
    carried = carrying(runtime.context, state["execution"])
    carried.tell = lambda record: _tell_record(runtime, record)
    try:
        await carried.carry(state["task"])
    except asyncio.CancelledError:
        carried.tell = None  # nobody listens to this turn's stream any more
        raise
    return {}


async def watch(state: State, runtime: Run) -> Command[Literal["report", "replan"]]:
    """All steps came home: done, or trouble that needs another plan."""
    carried = carrying(runtime.context, state["execution"])
    report = carried.execution.report()
    if report.completed or not carried.troubles():
        return Command(goto="report")
    return Command(goto="replan")


async def replan(state: State, runtime: Run) -> Command[Literal["confirm", "adopt", "report"]]:
    """Plan what is left anew; the user is asked where that changes what was approved."""
    context = runtime.context
    carried = carrying(context, state["execution"])
    execution, now = carried.execution, context.clock.now()
    troubles = carried.troubles()
    failed = sorted(one.subject for one in troubles if one.kind == "gave_up")
    why = tuple(_trouble_words(one) for one in troubles)
    left = execution.remaining(again=failed)
    graph, machines = left.graph, left.inventory
    if graph is None or machines is None or state.get("replans", 0) >= MOST_REPLANS:
        return Command(goto="report", update={"answer": [Section(title="Trouble", lines=why)]})
    found = await asyncio.to_thread(
        lambda: work.make_plan(
            graph,
            context,
            now,
            previous=execution.state.plan,
            started=left.started,
            inventory=machines,
        )
    )
    if isinstance(found, Infeasible):
        sections = [Section(title="Trouble", lines=why), *infeasible_sections(found)]
        return Command(goto="report", update={"answer": sections})
    margin = context.settings.execution.late_minutes * 60
    changes = work.differs(execution.state.plan, found.plan, margin)
    update: State = {
        "wanted": graph, "proposed": found.plan, "replans": state.get("replans", 0) + 1,
        "trouble": [*why, *changes],
    }  # fmt: skip
    return Command(goto="confirm" if failed or changes else "adopt", update=update)


async def confirm(state: State, runtime: Run) -> Command[Literal["adopt", "stop"]]:
    """Ask before going on by a plan that differs from the approved one."""
    graph, proposed = state.get("wanted"), state.get("proposed")
    assert graph is not None
    assert proposed is not None
    ask = Ask(
        kind="approval",
        question="Shall I go on like this? (yes, or no to stop here)",
        sections=(
            Section(title="The plan changes", lines=tuple(state.get("trouble", []))),
            *plan_sections(graph, proposed, runtime.context.zone),
        ),
    )
    word = Approval.model_validate(interrupt(ask))
    return Command(goto="adopt" if word.decision == "yes" else "stop")


async def adopt(state: State, runtime: Run) -> State:
    """Go on by the new plan."""
    graph, proposed = state.get("wanted"), state.get("proposed")
    assert graph is not None
    assert proposed is not None
    carried = carrying(runtime.context, state["execution"])
    execution = carried.execution
    trouble = state.get("trouble", [])
    machines = execution.remaining().inventory
    state_of = execution.state.standing
    given_up = any(state_of(task.id) == "given_up" for task in graph.tasks)
    # A step that runs again after a crash finds it adopted; the same plan may still need a retry.
    if machines is not None and (given_up or execution.state.plan != proposed):
        execution.adopt(graph, proposed, machines, reason="; ".join(trouble)[:2000])
    carried.take_up()
    section = Section(title="Planned anew", lines=tuple(trouble))
    return {"plan": proposed, "answer": [section]}


async def stop(state: State, runtime: Run) -> State:
    """End what runs and start nothing more."""
    carried = carrying(runtime.context, state["execution"])
    await carried.stop()
    return {"answer": [Section(title="Stopped", lines=tuple(state.get("trouble", [])))]}


async def dispatch(state: State, runtime: Run) -> State:
    """Open the execution of the approved plan, or find it again."""
    name, graph, plan = state.get("execution", ""), state.get("graph"), state.get("plan")
    if name and graph is not None and plan is not None:
        carrying(runtime.context, name, graph, plan)
    return {}


def fan_out(state: State) -> list[Send] | Literal["report"]:
    """One step for each task of the plan in force; each waits for its turn by itself."""
    plan, name = state.get("plan"), state.get("execution")
    if plan is None or not name:
        return "report"
    return [Send("carry", {"execution": name, "task": place.task}) for place in plan.assignments]


async def report(state: State, runtime: Run) -> State:
    """Say what was done, and write it down for later."""
    context, name = runtime.context, state.get("execution", "")
    sections: list[Section] = []
    if name:
        found = carrying(context, name).execution.report()
        sections = report_sections(found, context.zone)
        answers.remember_execution(state, found, context)
    text = text_of([*(state.get("answer") or []), *sections])
    said = [Said(who="assistant", text=text[:20_000])] if text else []
    done = [*state.get("executed", []), name] if name else state.get("executed", [])
    graph = state.get("graph")
    work = graph.name if graph is not None else name
    return {
        "deeds": [Deed(turn=state["now"], work=work)] if name else [],
        "answer": sections, "history": said, "approval": None, "proposed": None, "execution": "",
        "executed": list(dict.fromkeys(done))[-20:],
    }  # fmt: skip


async def _to_its_end(work: Callable[[], T]) -> T:
    """Wait for what must not be half-way when another process goes on, even when cancelled."""
    working = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait({working})
        raise


def _now(state: State) -> datetime:
    return datetime.fromisoformat(state["now"])


def _turn_key(state: State) -> str:
    """Name this turn's approval for journals: the same after a crash, another in the next turn."""
    return f"{state['now']}:{len(state.get('history', []))}"


def _has(state: State, title: str) -> bool:
    return any(section.title == title for section in state.get("answer") or [])


def _tell(runtime: Run, what: str) -> None:
    runtime.stream_writer({"type": "progress", "what": what})


def _tell_record(runtime: Run, record: Record) -> None:
    runtime.stream_writer({"type": "record", "record": record.model_dump(mode="json")})


def _trouble_words(one: Trouble) -> str:
    match one.kind:
        case "gave_up":
            return f"{one.subject} failed: {one.reason}"
        case "lost":
            return f"machine {one.subject} is gone"
        case _:
            return f"{one.subject} is late" + (f" ({one.reason})" if one.reason else "")
