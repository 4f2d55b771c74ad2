"""What small models get wrong in a task graph, put right by rules over the user's own words."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from agentsched.planning.checks import duplicates, find_cycle, redundant_edges
from agentsched.planning.graph import Task, TaskGraph
from agentsched.planning.normalise_numbers import checked_numbers
from agentsched.planning.request_words import RequestWords, content, is_filler, stem
from agentsched.planning.wording import listed

Rule = Literal["loop", "duplicate", "invented", "number", "limit", "siblings", "cycle", "implied"]


@dataclass(frozen=True, slots=True)
class Correction:
    """One thing that a rule changed."""

    rule: Rule
    tasks: tuple[str, ...]
    words: str


@dataclass(frozen=True, slots=True)
class Normalised:
    """The graph put right, and what was wrong; the changes are also notes of the graph."""

    graph: TaskGraph
    changes: tuple[Correction, ...]


def normalise(graph: TaskGraph, request: str) -> Normalised:
    """Return the graph that the user's words support; the same words and graph give the same.

    Nothing is made up: edges, tasks and limits go, or numbers become those of the request. Where
    the words do not decide, the graph stays as it is and ``checks.examine`` may complain.

    Args:
        graph: As a model wrote it.
        request: The user's own words; without any, only rules that need none apply.
    """
    draft = _Draft(graph, RequestWords.of(request))
    for rule in _RULES:
        rule(draft)
    notes = tuple(change.words[:400] for change in draft.changes)
    result = draft.graph.model_copy(update={"notes": (*graph.notes, *notes)})
    return Normalised(result, tuple(draft.changes))


class _Draft:
    """A graph while rules work on it."""

    def __init__(self, graph: TaskGraph, words: RequestWords) -> None:
        self.graph, self.words = graph, words
        self.changes: list[Correction] = []

    @property
    def tasks(self) -> tuple[Task, ...]:
        return self.graph.tasks

    def say(self, rule: Rule, words: str, *tasks: str) -> None:
        self.changes.append(Correction(rule, tasks, words))

    def edges(self, change: Callable[[Task], tuple[str, ...]]) -> None:
        """Give each task new predecessors."""
        self.update(lambda task: task.model_copy(update={"after": change(task)}))

    def update(self, change: Callable[[Task], Task]) -> None:
        tasks = tuple(change(task) for task in self.tasks)
        self.graph = self.graph.model_copy(update={"tasks": tasks})

    def positions(self) -> dict[str, int]:
        """Return where in the request each task is spoken of, of those that are.

        What tells a task from the others counts most: in "train the small and the large model" the
        two tasks stand at "small" and at "large".
        """
        own = {task.id: _words(task) for task in self.tasks}
        found = {}
        for id, words in own.items():
            others = frozenset().union(*(own[other] for other in own if other != id))
            position = self.words.position(words, others)
            if position is not None:
                found[id] = position
        return found


def _cut_loops(draft: _Draft) -> None:
    for task in draft.tasks:
        if task.id in task.after:
            draft.say("loop", f"{task.id!r} does not wait for itself", task.id)
    draft.edges(lambda t: tuple(dict.fromkeys(a for a in t.after if a != t.id)))


def _merge_duplicates(draft: _Draft) -> None:
    same = {second: first for first, second in duplicates(draft.tasks)}
    for second, first in same.items():
        draft.say("duplicate", f"{second!r} is {first!r} once more: merged", first, second)
    if same:
        draft.graph = _without_tasks(draft.graph, same)


def _drop_invented(draft: _Draft) -> None:
    """Drop tasks none of whose words the user said; what waited for them waits for theirs."""
    said = draft.words.stems
    invented = [task for task in draft.tasks if not _is_said(task, said)]
    if not said or len(invented) == len(draft.tasks):
        return
    for task in invented:
        title = task.title or task.id
        draft.say(
            "invented", f"{title!r} was dropped: nothing in the request speaks of it", task.id
        )
        draft.graph = _bypassed(draft.graph, task)


def _is_said(task: Task, said: frozenset[str]) -> bool:
    return bool(content(f"{task.title} {task.id.replace('-', ' ')}") & said)


def _check_numbers(draft: _Draft) -> None:
    positions = draft.positions()

    def change(task: Task) -> Task:
        part = draft.words.part(positions[task.id]) if task.id in positions else ""
        checked, words = checked_numbers(task, part, draft.words.text)
        for one in words:
            draft.say("number", one, task.id)
        return checked

    if draft.words.text.strip():
        draft.update(change)


def _drop_limits(draft: _Draft) -> None:
    """Drop deadlines and due times where no word of the request could mean one."""
    if draft.words.says_limit or not draft.words.text.strip():
        return

    def change(task: Task) -> Task:
        if task.deadline is None and task.due is None:
            return task
        draft.say("limit", f"{task.id!r} has no deadline: the request speaks of none", task.id)
        return task.model_copy(update={"deadline": None, "due": None})

    draft.update(change)


def _free_siblings(draft: _Draft) -> None:
    """Let tasks of one kind, said side by side, run side by side.

    "Train A and B, then evaluate": a model that chains train-A, train-B, evaluate meant all of
    these waits; so B gets what A waits for, and what waits for B waits for A as well.
    """
    chained = [
        (before, task.id)
        for task in draft.tasks
        for before in task.after
        if _side_by_side(draft.words, draft.graph.task(before), task)
    ]
    for before, after in chained:
        draft.say(
            "siblings",
            f"{after!r} does not wait for {before!r}: the request names them side by side",
            before, after,
        )  # fmt: skip
    if chained:
        draft.edges(_loosened(draft.tasks, set(chained)))


def _side_by_side(words: RequestWords, a: Task, b: Task) -> bool:
    """Whether the words that tell two tasks apart stand side by side, behind one verb.

    Words of sequence between them decide against it, and so do different verbs, unless the request
    asks for things to go on in parallel.
    """
    verb = _verb(a)
    if verb != _verb(b) and not words.says_parallel:
        return False
    behind = words.position(frozenset({verb}), frozenset()) or 0
    mine, other = _words(a), _words(b)
    first = words.position(mine - other, frozenset(), behind)
    second = words.position(other - mine, frozenset(), behind)
    if first is None or second is None or first == second:
        return False
    return not words.cut_between(first, second)


def _words(task: Task) -> frozenset[str]:
    return content(task.title or task.id.replace("-", " "))


def _verb(task: Task) -> str:
    """Return the first word that carries meaning; models write titles as "train the model"."""
    words = re.findall(r"[a-z0-9]+", (task.title or task.id).lower())
    return next((stem(word) for word in words if not is_filler(word)), task.id)


def _loosened(
    tasks: tuple[Task, ...], chained: set[tuple[str, str]]
) -> Callable[[Task], tuple[str, ...]]:
    after = {task.id: task.after for task in tasks}

    def ahead(id: str) -> list[str]:
        """Siblings that stood before in its chain, the first one first."""
        found: list[str] = []
        for before in after[id]:
            if (before, id) in chained:
                found += [*ahead(before), before]
        return found

    def change(task: Task) -> tuple[str, ...]:
        mine = [b for b in task.after if (b, task.id) not in chained]
        for sibling in ahead(task.id):
            mine += [b for b in after[sibling] if (b, sibling) not in chained]
        for before in list(mine):
            mine += ahead(before)
        return tuple(dict.fromkeys(mine))

    return change


def _cut_cycles(draft: _Draft) -> None:
    """Cut each circle at an edge from what is said later to what is said earlier."""
    positions = draft.positions()
    while cycle := find_cycle(draft.tasks):
        # The cycle lists each task before the one it waits for.
        edges = [(cycle[(i + 1) % len(cycle)], id) for i, id in enumerate(cycle)]
        backward = [
            (before, id)
            for before, id in edges
            if before in positions and id in positions and positions[before] > positions[id]
        ]
        if len(backward) != 1:
            return  # the words do not decide
        before, id = backward[0]
        draft.say("cycle", f"{id!r} does not wait for {before!r}, which comes later", before, id)
        draft.edges(
            lambda t, before=before, id=id: tuple(  # type: ignore[misc]  # bound for this round
                a for a in t.after if (a, t.id) != (before, id)
            )
        )


def _drop_implied(draft: _Draft) -> None:
    if find_cycle(draft.tasks):
        return
    implied = set(redundant_edges(draft.tasks))
    if implied:
        pairs = listed([f"{b!r} after {a!r}" for a, b in sorted(implied)][:4])
        ids = tuple(sorted({id for pair in implied for id in pair}))
        draft.say("implied", f"waits that follow from others were left out: {pairs}", *ids)
        draft.edges(lambda t: tuple(a for a in t.after if (a, t.id) not in implied))


def _without_tasks(graph: TaskGraph, same: dict[str, str]) -> TaskGraph:
    """Return the graph with some tasks folded into others."""
    waits = {task.id: task.after for task in graph.tasks}

    def renamed(ids: tuple[str, ...], but: str = "") -> tuple[str, ...]:
        names = dict.fromkeys(same.get(id, id) for id in ids)
        return tuple(name for name in names if name != but)

    tasks = []
    for task in graph.tasks:
        if task.id not in same:
            folded = tuple(b for second, first in same.items() if first == task.id
                           for b in waits[second])  # fmt: skip
            after = renamed((*task.after, *folded), but=task.id)
            tasks.append(task.model_copy(update={"after": after}))
    pairs = [(same.get(a, a), same.get(b, b)) for a, b in graph.apart]
    hints = tuple(h.model_copy(update={"tasks": renamed(h.tasks)}) for h in graph.hints)
    return graph.model_copy(
        update={
            "tasks": tuple(tasks),
            "apart": tuple((a, b) for a, b in dict.fromkeys(pairs) if a != b),
            "hints": hints,
        }
    )


def _bypassed(graph: TaskGraph, gone: Task) -> TaskGraph:
    """Return the graph without a task; hints that spoke of it alone go with it."""
    tasks = []
    for task in graph.tasks:
        if task.id != gone.id:
            after = [b for a in task.after for b in (gone.after if a == gone.id else (a,))]
            kept = tuple(b for b in dict.fromkeys(after) if b not in (task.id, gone.id))
            tasks.append(task.model_copy(update={"after": kept}))
    hints = []
    for hint in graph.hints:
        left = tuple(id for id in hint.tasks if id != gone.id)
        if left or not hint.tasks:
            hints.append(hint.model_copy(update={"tasks": left}))
    return graph.model_copy(
        update={
            "tasks": tuple(tasks),
            "hints": tuple(hints),
            "apart": tuple(pair for pair in graph.apart if gone.id not in pair),
        }
    )


_RULES = (
    _cut_loops,
    _merge_duplicates,
    _drop_invented,
    _check_numbers,
    _drop_limits,
    _free_siblings,
    _cut_cycles,
    _drop_implied,
)
