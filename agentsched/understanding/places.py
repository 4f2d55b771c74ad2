"""Another place for tasks that are planned: which wishes stay, and names without the old place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from agentsched.planning.graph import TaskGraph
from agentsched.planning.hints import Hint
from agentsched.understanding.work.graph import slug


def placed_anew(graph: TaskGraph, new: Sequence[Hint]) -> TaskGraph:
    """Return the graph with new wishes in the place of those of their kinds.

    Wishes of other tasks stay; a task is no longer named after a device that it does not use.
    """
    kinds = {hint.kind for hint in new}
    everyone = any(not hint.tasks for hint in new)
    whom = {id for hint in new for id in hint.tasks}
    kept: list[Hint] = []
    for hint in graph.hints:
        rest = tuple(id for id in hint.tasks if id not in whom)
        if hint.kind not in kinds:
            kept.append(hint)
        elif rest and not everyone:
            kept.append(hint if rest == hint.tasks else hint.model_copy(update={"tasks": rest}))
    changed = graph.model_copy(update={"hints": (*kept, *new)})
    return _renamed(changed, [hint for hint in graph.hints if hint not in kept])


def _renamed(graph: TaskGraph, gone: Iterable[Hint]) -> TaskGraph:
    """Return the graph without devices of these hints in its names.

    "Train the model on the H200s" is "train the model" once the A100s are used instead; a name
    that another task has, or that says nothing else, stays.
    """
    names = {name for hint in gone if hint.kind == "device" for name in hint.names}
    if not names:
        return graph
    place = re.compile(
        r"\s*\b(?:on|with|using)\s+(?:(?:the|an?|our|\d+|one|two|four|eight)\s+)*"
        rf"(?:{'|'.join(map(re.escape, sorted(names)))})s?\b(?:\s+(?:gpus?|nodes?|machines?)\b)?",
        re.IGNORECASE,
    )
    now = {hint.tasks for hint in graph.hints if hint.kind == "device" and names & {*hint.names}}
    ids = {task.id: task.id for task in graph.tasks}
    titles: dict[str, str] = {}
    for task in graph.tasks:
        title = place.sub("", task.title).strip()
        still = any(not tasks or task.id in tasks for tasks in now)
        if not title or title == task.title or still:
            continue
        id = slug(title) if task.id == slug(task.title) else task.id
        if id == task.id or id not in ids.values():
            ids[task.id], titles[task.title] = id, title
    if not titles:
        return graph
    tasks = tuple(
        task.model_copy(
            update={
                "id": ids[task.id],
                "title": titles.get(task.title, task.title),
                "after": tuple(ids[id] for id in task.after),
            }
        )
        for task in graph.tasks
    )
    hints = tuple(
        hint.model_copy(update={"tasks": tuple(ids[id] for id in hint.tasks)})
        for hint in graph.hints
    )
    apart = tuple((ids[one], ids[other]) for one, other in graph.apart)
    name = titles.get(graph.name, graph.name)
    return graph.model_copy(update={"name": name, "tasks": tasks, "hints": hints, "apart": apart})
