"""Task graphs, changed: tasks taken out, wired anew, given other amounts; always whole again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agentsched.planning.graph import Demand, Task, TaskGraph
from agentsched.understanding.work.amounts import Amount
from agentsched.understanding.work.graph import reduced


def without(graph: TaskGraph, gone: set[str]) -> TaskGraph:
    """Return the graph without some tasks; what waited for them waits for what they waited for."""
    after = {task.id: task.after for task in graph.tasks}

    def kept(ids: Sequence[str]) -> tuple[str, ...]:
        found: list[str] = []
        for id in ids:
            found += kept(after[id]) if id in gone else (id,)
        return tuple(dict.fromkeys(found))

    tasks = [
        task.model_copy(update={"after": kept(task.after)})
        for task in graph.tasks
        if task.id not in gone
    ]
    hints = tuple(
        hint.model_copy(update={"tasks": tuple(id for id in hint.tasks if id not in gone)})
        for hint in graph.hints
        if not hint.tasks or set(hint.tasks) - gone
    )
    apart = tuple(pair for pair in graph.apart if not set(pair) & gone)
    named_after = {(task.title or task.id)[:120] for task in graph.tasks if task.id in gone}
    name = (tasks[-1].title or tasks[-1].id)[:120] if graph.name in named_after else graph.name
    phrases = {p for task in graph.tasks if task.id in gone for p in task.phrases}
    phrases -= {p for task in tasks for p in task.phrases}
    goals = tuple(goal for goal in graph.goals if goal not in phrases)
    notes = tuple(note for note in graph.notes if note.partition(": ")[0] not in gone)
    return with_tasks(
        graph.model_copy(
            update={
                "name": name,
                "hints": hints,
                "apart": apart,
                "goals": goals,
                "notes": notes,
            }
        ),
        tasks,
    )


def with_tasks(graph: TaskGraph, tasks: Sequence[Task]) -> TaskGraph:
    """Return the graph with other tasks, checked anew and without redundant edges."""
    numbers = {task.id: n for n, task in enumerate(tasks)}
    edges = reduced([{numbers[a] for a in task.after} for task in tasks])
    ids = list(numbers)
    slim = [
        task.model_copy(update={"after": tuple(ids[n] for n in sorted(edges[number]))})
        for number, task in enumerate(tasks)
    ]
    fields = {name: getattr(graph, name) for name in TaskGraph.model_fields}
    fields["goals"] = tuple(dict.fromkeys((*graph.goals, *(p for t in slim for p in t.phrases))))
    return TaskGraph(**{**fields, "tasks": tuple(slim)})


def rewired(graph: TaskGraph, edges: Sequence[set[int]]) -> TaskGraph:
    """Return the graph with these edges, by number."""
    tasks = [
        task.model_copy(update={"after": tuple(graph.tasks[n].id for n in sorted(edges[number]))})
        for number, task in enumerate(graph.tasks)
    ]
    return with_tasks(graph, tasks)


def swapped(
    edges: Sequence[set[int]], later: Sequence[int], earlier: Sequence[int]
) -> list[set[int]] | None:
    """Return the edges (what each waits for) with two groups in each other's place.

    None where that would be a circle.
    """

    def other(numbers: set[int]) -> set[int]:
        found = numbers - set(later) - set(earlier)
        found |= set(earlier) if numbers & set(later) else set()
        return found | (set(later) if numbers & set(earlier) else set())

    new = [other(before) for before in edges]
    for group, place in ((later, earlier), (earlier, later)):
        waits = other(set().union(*(edges[n] for n in place))) - set(group)
        for n in group:
            new[n] = waits - {n}
    for n in earlier:
        new[n] |= set(later)
    return None if any(reaches(new, a, n) for n in range(len(new)) for a in new[n]) else new


def with_amount(task: Task, amount: Amount) -> Task:
    """Return the task with another duration, demand, gang, retries or priority."""
    value = amount.value
    match amount.name:
        case "duration":
            return task.model_copy(update={"duration": max(1, round(value))})
        case "gang" | "retries" | "priority":
            update: dict[str, object] = {amount.name: int(value)}
            if amount.per:
                update["demand"] = task.demand.model_copy(update={"devices": amount.per})
            return task.model_copy(update=update)
        case "devices":
            demand: Demand = task.demand.model_copy(update={"devices": int(value)})
        case _:
            demand = task.demand.model_copy(update={amount.name: value})
    return task.model_copy(update={"demand": demand})


def users_of(amount: Amount, graph: TaskGraph) -> list[int]:
    """Return the tasks that hold such a thing already; all where none does."""
    users: dict[str, Callable[[Task], bool]] = {
        "devices": lambda task: task.demand.devices > 0,
        "memory": lambda task: task.demand.memory > 0,
        "gang": lambda task: task.gang > 1,
        "cpus": lambda task: task.demand.cpus != 1,
    }
    has = users.get(amount.name)
    found = [n for n, task in enumerate(graph.tasks) if has is None or has(task)]
    return found or list(range(len(graph.tasks)))


def reaches(edges: Sequence[set[int]], start: int, goal: int) -> bool:
    """Whether ``start`` waits, directly or not, for ``goal``."""
    seen, todo = {start}, [start]
    while todo:
        number = todo.pop()
        if number == goal:
            return True
        new = edges[number] - seen
        seen |= new
        todo += new
    return False
