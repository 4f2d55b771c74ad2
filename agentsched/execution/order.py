"""The order that tasks impose on each other."""

from __future__ import annotations

from collections.abc import Iterator

from agentsched.planning.graph import Task, TaskGraph


def topological(graph: TaskGraph) -> Iterator[Task]:
    """Tasks after their predecessors, else as in the graph; those on a cycle are left out."""
    tasks = {task.id: task for task in graph.tasks}
    waits = {task.id: len(set(task.after)) for task in graph.tasks}
    followers: dict[str, list[str]] = {}
    for task in graph.tasks:
        for other in dict.fromkeys(task.after):
            followers.setdefault(other, []).append(task.id)
    queue = [task.id for task in graph.tasks if not task.after]
    for id in queue:  # grows while it is read
        yield tasks[id]
        for follower in followers.get(id, ()):
            waits[follower] -= 1
            if not waits[follower]:
                queue.append(follower)
