"""Drafts to a task graph: ids, demands, limits, wishes about places; redundant edges go."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from agentsched.planning.graph import Demand, Task, TaskGraph
from agentsched.planning.hint_words import read_hints
from agentsched.planning.hints import Hint
from agentsched.planning.inventory import Inventory
from agentsched.understanding.text import crop
from agentsched.understanding.words import SMALL
from agentsched.understanding.work.amounts import take_amounts
from agentsched.understanding.work.sketch import Draft

LONGEST = 366 * 86_400


def to_graph(
    drafts: Sequence[Draft], text: str, inventory: Inventory | None
) -> tuple[TaskGraph, tuple[str, ...]]:
    """Return the graph of some drafts, and notes about what was left out or assumed.

    Args:
        drafts: Without cycles; at least one.
        text: The words they were read from, searched for wishes about places.
        inventory: What these wishes can name.
    """
    ids = _ids(drafts)
    edges = reduced([draft.after for draft in drafts])
    tasks = tuple(
        _task(draft, ids[number], tuple(ids[n] for n in sorted(edges[number])))
        for number, draft in enumerate(drafts)
    )
    tasks, moved = _after_their_work(tasks, drafts)
    goals = tuple(dict.fromkeys(crop(draft.phrase, 200) for draft in drafts if draft.phrase))
    graph = TaskGraph(name=_name(drafts), tasks=tasks, goals=goals)
    if inventory is None:
        return graph, moved
    hints, said = wishes(text, inventory, tasks)
    return graph.model_copy(update={"hints": hints}), (*moved, *said)


def wishes(
    text: str, inventory: Inventory, tasks: Sequence[Task]
) -> tuple[tuple[Hint, ...], tuple[str, ...]]:
    """Return the wishes about places in a text, and notes on what was assumed or left out.

    A hard wish for what is not here is among them: the plan is refused and says why, so no note
    says it again.
    """
    reading = read_hints(_without_demands(text), inventory=inventory, tasks=tasks)
    hints = (*reading.hints, *(one.hint for one in reading.missing))
    return hints, tuple(crop(note, 400) for note in (*reading.assumed, *reading.unread))


def _after_their_work(
    tasks: tuple[Task, ...], drafts: Sequence[Draft]
) -> tuple[tuple[Task, ...], tuple[str, ...]]:
    """Read "tonight …, the report by 8am" as the 8am after that night.

    A limit of which only the time of day was said, and which lies before what its task waits for
    can begin, is that of the next day on which it does not.
    """
    known = {task.id: task for task in tasks}

    def begin(id: str, seen: frozenset[str] = frozenset()) -> datetime | None:
        if id in seen:
            return None
        task = known[id]
        times = [begin(other, seen | {id}) for other in task.after] + [task.release]
        return max((time for time in times if time is not None), default=None)

    begins = {task.id: at for task in tasks if (at := begin(task.id)) is not None}
    found: list[Task] = []
    notes: list[str] = []
    for task, draft in zip(tasks, drafts, strict=True):
        limit, start = task.deadline or task.due, begins.get(task.id)
        said = draft.limit.assumed if draft.limit else ()
        if limit is None or start is None or limit > start or not _day_was_assumed(said):
            found.append(task)
            continue
        later = limit
        while later <= start:
            later += timedelta(days=1)
        field = "deadline" if task.deadline else "due"
        found.append(task.model_copy(update={field: later}))
        notes.append(
            f"{task.id}: by {later:%a %d %b %H:%M}, the first such time after it can begin"
        )
    return tuple(found), tuple(notes)


def _day_was_assumed(assumed: Sequence[str]) -> bool:
    return any(words.startswith("no day") for words in assumed)


def _without_demands(text: str) -> str:
    """Blank what became a demand already; a device type ("4 A100s") is a wish as well."""
    for amount in take_amounts(text)[1]:
        if not re.search(r"[a-z]\d|tpu", amount.phrase.lower()):
            blank = " " * (amount.end - amount.start)
            text = text[: amount.start] + blank + text[amount.end :]
    return text


def reduced(after: Sequence[set[int]]) -> list[set[int]]:
    """Return the edges without those that follow from others."""

    def ancestors(number: int, seen: set[int]) -> set[int]:
        for earlier in after[number]:
            if earlier not in seen:
                seen.add(earlier)
                ancestors(earlier, seen)
        return seen

    implied = [
        set().union(*(ancestors(earlier, set()) for earlier in edges)) if edges else set()
        for edges in after
    ]
    return [set(edges) - implied[number] for number, edges in enumerate(after)]


def slug(title: str) -> str:
    """Return an id of up to 40 letters from a title's telling words."""
    words = re.findall(r"[a-z0-9][a-z0-9.]*(?:[-_][a-z0-9.]+)*", title.lower())
    telling = [word.strip(".-") for word in words if word not in SMALL] or words
    text = ""
    for word in telling:
        if text and len(text) + 1 + len(word) > 40:
            break
        text = f"{text}-{word[:40]}" if text else word[:40]
    return text.strip("-.") or "task"


def _ids(drafts: Sequence[Draft]) -> list[str]:
    found: list[str] = []
    for draft in drafts:
        base = slug(draft.title)
        name, count = base, 1
        while name in found:
            count += 1
            name = f"{base}-{count}"
        found.append(name)
    return found


def _task(draft: Draft, id: str, after: tuple[str, ...]) -> Task:
    amounts = draft.amounts
    seconds = amounts.get("duration")
    limit = draft.limit.due if draft.limit else None
    return Task(
        id=id,
        title=draft.title,
        duration=None if seconds is None else max(1, min(LONGEST, round(seconds))),
        demand=Demand(
            cpus=min(100_000, amounts.get("cpus", 1.0)),
            memory=amounts.get("memory", 0.0),
            devices=int(min(10_000, amounts.get("devices", 0))),
        ),
        gang=int(min(10_000, max(1, amounts.get("gang", 1)))),
        after=after,
        release=draft.begin.earliest if draft.begin else None,
        latest_start=draft.begin.latest if draft.begin else None,
        due=limit if draft.soft_limit else None,
        deadline=None if draft.soft_limit else limit,
        command=draft.command,
        retries=int(min(20, amounts.get("retries", 0))),
        priority=int(amounts.get("priority", 0)),
        phrases=(draft.phrase,) if draft.phrase else (),
    )


def _name(drafts: Sequence[Draft]) -> str:
    return crop(drafts[-1].title, 120) or "plan"
