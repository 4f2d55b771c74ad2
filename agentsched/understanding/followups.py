"""Follow-ups: what a message changes in the last plan, and the plan after it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from agentsched.planning.graph import Task, TaskGraph
from agentsched.understanding.asking import Turn
from agentsched.understanding.intents import (
    AddTask,
    Change,
    ChangePlan,
    DropPlan,
    DropTask,
    SetField,
    Unbind,
    WaitFor,
)
from agentsched.understanding.moments import begins, take_times
from agentsched.understanding.places import placed_anew
from agentsched.understanding.text import crop
from agentsched.understanding.words import EVENT_NOUNS, HARDWARE, WORK_VERBS, stem
from agentsched.understanding.work.amounts import take_amounts
from agentsched.understanding.work.edits import (
    reaches,
    rewired,
    swapped,
    users_of,
    with_amount,
    with_tasks,
    without,
)
from agentsched.understanding.work.graph import reduced, to_graph, wishes
from agentsched.understanding.work.reader import WorkReader
from agentsched.understanding.work.references import content, point
from agentsched.understanding.work.sketch import Draft

_EVENT = re.compile(rf"\b(?:{'|'.join(EVENT_NOUNS)})\b", re.IGNORECASE)
_LEAD = re.compile(
    r"^(?:(?:please|actually|no|ok|okay|hmm|wait|sorry|instead|and|but|also|oh|then|well|can you"
    r"|could you"
    r"|let's|i want you to|i want to|i'd like you to|i would like to|just)\b[\s,]*)+",
    re.IGNORECASE,
)
_DROP = re.compile(
    r"^(?:drop|remove|skip|leave out|forget(?: about)?|cancel|delete|omit|scratch|get rid of|no "
    r"need (?:for|to)|"
    r"(?:we |i )?(?:don't|do not) need(?: to)?|without)\s+(?P<what>.+)$",
    re.IGNORECASE,
)
_DROP_ALL = "drop the whole plan"
_WAIT = re.compile(
    r"^(?:make (?:sure )?|let |have |run |do |start |put |move |schedule "
    r")?(?P<task>.+?)\s+(?:should |must |has to |have to |needs to |also |only |to )*"
    r"(?:waits? (?:for|until|on)|depends? on|(?:come|go|run|start|be)s? (?:only )?after|(?:only "
    r")?after|follows?|once|when)\s+(?P<after>.+)$",
    re.IGNORECASE,
)
_UNBIND = re.compile(
    r"^(?:make |let |have |run )?(?P<task>.+?)\s+(?:should not|shouldn't|need not|needn't|must not"
    r"|doesn't (?:have|need) to|does not (?:have|need) to|don't (?:have|need) to|not)\s+"
    r"(?:wait (?:for|on)|depend on)\s+(?P<after>.+)$|^(?:don't|do not|no need to) wait for "
    r"(?P<only>.+?)(?: (?:before|to|for) (?P<then>.+))?$",
    re.IGNORECASE,
)
_PARALLEL = re.compile(
    r"^(?:make |let |have |run |do |start |put )?(?P<tasks>.+?)\s+(?:(?:should|can|to) )?(?:run "
    r"|be |go )?(?:in parallel|at the same time|side by side|simultaneously|independently)\b",
    re.IGNORECASE,
)
_CHAIN = re.compile(
    r"^(?:make |let |have |run |do |start |put )?(?P<tasks>.+?)\s+(?:run |be |go )?(?:one after "
    r"(?:the other|another)|sequentially|in sequence|one by one)\b",
    re.IGNORECASE,
)
_FIRST = re.compile(
    r"^(?:(?:do|run|start|make) )?first(?: (?:do|run))? (?P<tasks>.+?),? (?:and )?then "
    r"(?P<then>.+)$",
    re.IGNORECASE,
)
_SWAP = re.compile(
    r"^(?:swap|reverse|switch|turn round|turn around) (?:the )?order of (?P<one>.+?) and "
    r"(?P<other>.+)$",
    re.IGNORECASE,
)
_SHIFT = re.compile(
    r"^(?:start |begin |run |do |make |move |push |shift |delay )*(?:it |that |them |everything "
    r"|all (?:of it|of them)? ?|the (?:whole )?(?:plan|thing) )?(?:by |back )?"
    r"(?P<much>(?:[\w.]+|half an) (?:hours?|minutes?|mins?|days?|weeks?))\s+(?P<way>later|earlier"
    r"|sooner)\W*$",
    re.IGNORECASE,
)
_BEGIN = re.compile(
    r"^(?:start|begin|run|launch|do) (?:it|them|that|this|everything|all of (?:it|them)"
    r"|the (?:whole )?(?:plan|thing))\s+(?!(?:now|please|and|then)\b)\w",
    re.IGNORECASE,
)
_INSTEAD = re.compile(
    r"\b(?:instead|rather|not \d+|only|change|set|make|give|use|with|takes?|needs?|should|must|by"
    r"|on|at|start)\b",
    re.IGNORECASE,
)
_ADD = re.compile(
    r"^(?:also |then |and then |additionally |plus |add (?:a |another |one more )?(?:task|step"
    r"|job)?(?: to| that| for| which)?\s*:?\s*)+(?P<work>.+)$",
    re.IGNORECASE,
)


def is_follow_up(text: str, graph: TaskGraph, event: str = "") -> bool:
    """Whether a clause speaks of the last plan: it names a task, or changes an amount.

    Args:
        text: The clause.
        graph: The last plan.
        event: Title of an event spoken of since; then only what names a task, and not that event,
            is about the plan.
    """
    body = _LEAD.sub("", text)
    titles = [task.title or task.id for task in graph.tasks]
    if event and (not _mentioned(body, titles) or _mentioned(body, [event])):
        return False
    if _SWAP.match(body) or _of_both(_FIRST.match(body), graph, titles):
        return True
    if _SHIFT.match(body) or _BEGIN.match(body):
        return True
    named = _mentioned(body, titles)
    if _EVENT.search(body) and not named:
        return False
    amounts = take_amounts(body)[1]
    begins = re.match(r"[\w-]+", body)
    fresh = begins is not None and stem(begins[0]) in WORK_VERBS and len(body.split()) > 8
    if named and not fresh:
        return bool(
            _DROP.match(body) or _UNBIND.match(body) or _WAIT.match(body) or _PARALLEL.match(body)
            or _CHAIN.match(body) or amounts or _INSTEAD.search(body) or _ADD.match(text)
        )  # fmt: skip
    if amounts or re.search(rf"\b(?:{HARDWARE})\b", body, re.IGNORECASE):
        return bool(
            re.search(
                r"\binstead\b|^(?:use|give|make|only|with|on|no|not|prefer|never|avoid|keep|run "
                r"(?:it|them|everything))\b",
                body,
                re.IGNORECASE,
            )
        )
    if re.match(r"(?:the )?(?:cheapest|fastest|greenest|nearest|lowest)\b", body, re.IGNORECASE):
        return True
    drop = _DROP.match(body)
    if drop and re.fullmatch(
        r"(?:everything|all of it|it all|the (?:whole )?plan)", drop["what"].strip(" .!")
    ):
        return True
    if re.search(r"\b(?:them|everything|all)\b", body) and (
        _PARALLEL.match(body) or _CHAIN.match(body)
    ):
        return True
    more = _ADD.match(text)
    return more is not None and stem(more["work"].split()[0]) in WORK_VERBS


def read_change(text: str, turn: Turn) -> ChangePlan | DropPlan | None:
    """Return what a follow-up changes; None when nothing of the plan is meant.

    Raises:
        TimePhraseError: It names a time that does not exist.
    """
    graph = turn.context.graph
    assert graph is not None
    if turn.agreed and text == _DROP_ALL:
        return DropPlan(phrases=(text,))
    changes: list[Change] = []
    for part in _parts(text, graph):
        done = _read(part, graph, turn)
        if done is not None:
            new, graph = done
            changes += new
    if not changes:
        return None
    return ChangePlan(phrases=(crop(text, 300),), changes=tuple(changes), graph=graph)


def _parts(text: str, graph: TaskGraph) -> list[str]:
    """Part several changes said in one breath ("drop the report and use 2 GPUs")."""
    parts = re.split(
        r"(?:,\s*(?:and\s+)?|\s+and\s+|;\s*)(?=(?:drop|remove|skip|use|make|give|leave|add|let"
        r"|have|run|start|don't|put)\b)",
        text,
        flags=re.IGNORECASE,
    )
    return [part.strip(" .!") for part in parts if part.strip(" .!")]


def _read(text: str, graph: TaskGraph, turn: Turn) -> tuple[list[Change], TaskGraph] | None:
    body = _LEAD.sub("", text).strip(" .!") or text
    titles = [task.title or task.id for task in graph.tasks]
    for reading in (
        _swapped,
        _shifted,
        _ordered,
        _added,
        _unbound,
        _dropped,
        _set,
        _chained,
        _side_by_side,
        _waiting,
    ):
        done = reading(body if reading is not _added else text, graph, titles, turn)
        if done is not None:
            return done
    return None


_Done = tuple[list[Change], TaskGraph]


def _shifted(text: str, graph: TaskGraph, titles: Sequence[str], turn: Turn) -> _Done | None:
    found = _SHIFT.match(text)
    if found is None:
        return None
    lengths = [a for a in take_amounts(found["much"])[1] if a.name == "duration"]
    seconds = lengths[0].value if lengths else 3600.0
    by = timedelta(seconds=-seconds if found["way"].lower() != "later" else seconds)
    timed = any(t.release or t.due or t.deadline or t.fixed for t in graph.tasks)
    tasks = []
    for task in graph.tasks:
        moved = {
            name: getattr(task, name) + by
            for name in ("release", "latest_start", "due", "deadline", "fixed")
            if getattr(task, name) is not None
        }
        if not timed and not task.after:
            moved["release"] = turn.context.now + max(by, timedelta())
        tasks.append(task.model_copy(update=moved))
    change = SetField(tasks=tuple(t.id for t in tasks), field="release", value=crop(text, 120))
    return [change], with_tasks(graph, tasks)


def _added(text: str, graph: TaskGraph, titles: Sequence[str], turn: Turn) -> _Done | None:
    found = _ADD.match(text)
    if found is None:
        return None
    reader = WorkReader(turn.context)
    builder = reader.builder
    numbers = {task.id: n for n, task in enumerate(graph.tasks)}
    for task in graph.tasks:
        builder.drafts.append(Draft(task.title or task.id, "", {numbers[a] for a in task.after}))
    ends = [n for n, t in enumerate(graph.tasks) if not any(t.id in o.after for o in graph.tasks)]
    builder.stages = [list(range(len(graph.tasks))), ends]
    reader.read(found["work"])
    reader.place_limits()
    fresh = builder.drafts[len(graph.tasks) :]
    if not fresh:
        return None
    known = {task.id for task in graph.tasks}
    ids = list(numbers)
    added: list[Task] = []
    alone = [replace(draft, after=set()) for draft in fresh]
    made, notes = to_graph(alone, text, None)
    for task in made.tasks:
        id, count = task.id, 1
        while id in known:
            count += 1
            id = f"{task.id}-{count}"
        known.add(id)
        ids.append(id)
        added.append(task.model_copy(update={"id": id}))
    edges = reduced([draft.after for draft in builder.drafts])
    tasks = [
        task.model_copy(update={"after": tuple(ids[n] for n in sorted(edges[number]))})
        for number, task in enumerate([*graph.tasks, *added])
    ]
    for note in notes:
        turn.note(note)
    return [AddTask(task=task.id) for task in added], with_tasks(graph, tasks)


def _dropped(text: str, graph: TaskGraph, titles: Sequence[str], turn: Turn) -> _Done | None:
    found = _DROP.match(text)
    if found is None:
        return None
    gone = {graph.tasks[n].id for n in _named(found["what"], graph, titles)}
    if re.match(r"(?:everything|all of it|it all|the (?:whole )?plan)\b", found["what"]):
        gone = {task.id for task in graph.tasks}
    if not gone:
        turn.note(f"No task of the plan is called {crop(found['what'], 60)!r}.")
        return None
    if len(gone) == len(graph.tasks):
        turn.clarify("That would leave nothing of the plan. Drop all of it?", "confirm",
                     if_yes=_DROP_ALL)  # fmt: skip
        return None
    return [DropTask(task=id) for id in sorted(gone)], without(graph, gone)


def _waiting(text: str, graph: TaskGraph, titles: Sequence[str], turn: Turn) -> _Done | None:
    found = _WAIT.match(text)
    if found is None:
        return None
    tasks = _named(found["task"], graph, titles)
    sources = [n for n in _pointed(found["after"], graph, titles) if n not in tasks]
    if not tasks or not sources:
        lost = found["after"] if tasks else found["task"]
        turn.note(f"No task of the plan is called {crop(lost.strip(), 60)!r}.")
        return None
    numbers = {task.id: n for n, task in enumerate(graph.tasks)}
    edges = [{numbers[a] for a in task.after} for task in graph.tasks]
    changes: list[Change] = []
    for target in tasks:
        for source in sources:
            if reaches(edges, source, target):
                group = " and ".join(graph.tasks[n].id for n in tasks)
                turn.clarify(
                    f"{titles[source]!r} waits for {titles[target]!r} already. Turn their order "
                    f"round?",
                    "confirm",
                    if_yes=f"swap the order of {graph.tasks[source].id} and {group}",
                )
                return None
            edges[target].add(source)
        after = tuple(graph.tasks[n].id for n in sources)
        changes.append(WaitFor(task=graph.tasks[target].id, after=after))
    return changes, rewired(graph, edges)


def _ordered(text: str, graph: TaskGraph, titles: Sequence[str], turn: Turn) -> _Done | None:
    """Read "first the large one, then the small one" as one wait between tasks of the plan."""
    found = _FIRST.match(text)
    if found is None or not _of_both(found, graph, titles):
        return None
    return _waiting(f"{found['then']} waits for {found['tasks']}", graph, titles, turn)


def _of_both(found: re.Match[str] | None, graph: TaskGraph, titles: Sequence[str]) -> bool:
    """Whether both halves name tasks of the plan, and not the same ones."""
    if found is None:
        return False
    one, other = (set(_named(found[name], graph, titles)) for name in ("tasks", "then"))
    return bool(one and other) and not one & other


def _swapped(text: str, graph: TaskGraph, titles: Sequence[str], turn: Turn) -> _Done | None:
    """Let what waited come first: each side takes what the other waited for, and who waited."""
    found = _SWAP.match(text)
    if found is None:
        return None
    later = _named(found["one"], graph, titles)
    earlier = [n for n in _named(found["other"], graph, titles) if n not in later]
    if not later or not earlier:
        return None
    numbers = {task.id: n for n, task in enumerate(graph.tasks)}
    edges = swapped([{numbers[a] for a in task.after} for task in graph.tasks], later, earlier)
    if edges is None:
        turn.note("Their order cannot be turned round: other tasks lie between them.")
        return None
    after = tuple(graph.tasks[n].id for n in later)
    changes: list[Change] = [WaitFor(task=graph.tasks[n].id, after=after) for n in earlier]
    return changes, rewired(graph, edges)


def _unbound(text: str, graph: TaskGraph, titles: Sequence[str], turn: Turn) -> _Done | None:
    found = _UNBIND.match(text)
    if found is None:
        return None
    sources = set(_pointed(found["after"] or found["only"], graph, titles))
    said = found["task"] or found["then"]
    tasks = _named(said, graph, titles) if said else [
        n for n, t in enumerate(graph.tasks) if {graph.tasks[s].id for s in sources} & set(t.after)
    ]  # fmt: skip
    gone = {graph.tasks[n].id for n in sources}
    if not tasks or not gone:
        return None
    changed = [
        task.model_copy(update={"after": tuple(a for a in task.after if a not in gone)})
        if n in tasks
        else task
        for n, task in enumerate(graph.tasks)
    ]
    changes: list[Change] = [
        Unbind(task=graph.tasks[n].id, after=tuple(sorted(gone))) for n in tasks
    ]
    return changes, with_tasks(graph, changed)


def _side_by_side(text: str, graph: TaskGraph, titles: Sequence[str], turn: Turn) -> _Done | None:
    found = _PARALLEL.match(text)
    if found is None:
        return None
    group = set(_pointed(found["tasks"], graph, titles))
    if len(group) < 2:
        return None
    ids = {graph.tasks[n].id for n in group}
    outside = tuple(
        dict.fromkeys(a for n in sorted(group) for a in graph.tasks[n].after if a not in ids)
    )
    tasks, changes = [], []
    for n, task in enumerate(graph.tasks):
        if n in group and set(task.after) & ids:
            changes.append(Unbind(task=task.id, after=tuple(a for a in task.after if a in ids)))
            task = task.model_copy(update={"after": outside})
        tasks.append(task)
    # What waited for one of them waits for all: nothing that came after the chain comes earlier.
    tasks = [
        task.model_copy(update={"after": tuple(dict.fromkeys([*task.after, *sorted(ids)]))})
        if task.id not in ids and set(task.after) & ids
        else task
        for task in tasks
    ]
    return (list(changes), with_tasks(graph, tasks)) if changes else None


def _chained(text: str, graph: TaskGraph, titles: Sequence[str], turn: Turn) -> _Done | None:
    found = _CHAIN.match(text)
    if found is None:
        return None
    group = sorted(_pointed(found["tasks"], graph, titles))
    numbers = {task.id: n for n, task in enumerate(graph.tasks)}
    edges = [{numbers[a] for a in task.after} for task in graph.tasks]
    changes: list[Change] = []
    for earlier, later in pairwise(group):
        if not reaches(edges, earlier, later) and not reaches(edges, later, earlier):
            edges[later].add(earlier)
            changes.append(WaitFor(task=graph.tasks[later].id, after=(graph.tasks[earlier].id,)))
    return (changes, rewired(graph, edges)) if changes else None


def _set(text: str, graph: TaskGraph, titles: Sequence[str], turn: Turn) -> _Done | None:
    bare, times = take_times(text, turn.context)
    bare, amounts = take_amounts(bare)
    named = _named(bare, graph, titles)
    changes: list[Change] = []
    tasks = list(graph.tasks)
    for amount in amounts:
        chosen = named or users_of(amount, graph)
        for n in chosen:
            tasks[n] = with_amount(tasks[n], amount)
        ids = tuple(graph.tasks[n].id for n in chosen)
        changes.append(SetField(tasks=ids, field=amount.name, value=crop(amount.phrase, 120)))
    for span in times:
        due, begin = span.when.due, begins(span, turn.context)
        ends = [n for n, t in enumerate(tasks) if not any(t.id in o.after for o in tasks)]
        firsts = [n for n, t in enumerate(tasks) if not t.after]
        chosen = named or (ends if due else firsts)
        for n in chosen:
            if due is not None:
                update = {"deadline": due, "due": None}
            elif begin is not None:
                update = {"release": begin.earliest, "latest_start": begin.latest}
            else:
                continue
            tasks[n] = tasks[n].model_copy(update=update)
        if due or begin:
            ids = tuple(tasks[n].id for n in chosen)
            field = "deadline" if due else "release"
            changes.append(SetField(tasks=ids, field=field, value=crop(span.when.phrase, 120)))  # type: ignore[arg-type]  # one of its two literals
    changed = with_tasks(graph, tasks)
    inventory = turn.context.inventory
    if inventory is not None:
        hints, notes = wishes(text, inventory, graph.tasks)
        for note in notes:
            turn.note(note)
        if hints:
            changed = placed_anew(changed, hints)
            whom = tuple(dict.fromkeys(id for hint in hints for id in hint.tasks))
            changes.append(SetField(tasks=whom, field="hints", value=crop(text, 120)))
    return (changes, changed) if changes else None


def _named(text: str, graph: TaskGraph, titles: Sequence[str]) -> list[int]:
    """Return the tasks a text names; pronouns count for nothing here."""
    exact = [
        n
        for n, t in enumerate(graph.tasks)
        if re.search(rf"(?<![\w-]){re.escape(t.id)}(?![\w-])", text.lower())
    ]
    if exact:
        return exact
    pointed = point(text, titles, [])
    return list(pointed.tasks)


def _mentioned(text: str, titles: Sequence[str]) -> bool:
    """Whether a text shares a telling word with any task."""
    words = set(content(text))
    return any(words & set(content(title)) for title in titles)


def _pointed(text: str, graph: TaskGraph, titles: Sequence[str]) -> list[int]:
    exact = _named(text, graph, titles)
    if exact:
        return exact
    return list(point(text, titles, [list(range(len(titles)))]).tasks)
