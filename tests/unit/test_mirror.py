"""The mirror inside a worker: what fits, who equals whom, and what its numbers say."""

from __future__ import annotations

import random
from typing import Any

import pytest

from evaluator.inside.mirror import Mirror, Refused, Task, fits

CAPACITY = ((4000, 4096, 0), (2000, 8192, 2000), (8000, 1024, 0), (1000, 1024, 1000))


def mirror_of(labels: tuple[int, ...] = (0, 0, 0, 0)) -> Mirror:
    """Four nodes of two types, types in rows (0, 1) and (2, 3); profile 1 runs on type 0 only."""
    nodes = tuple(
        (f"n{i}", i // 2, CAPACITY[i], 1.0, (0, 0, 0), 1e9, 0.0, 0.0, 0.0, labels[i])
        for i in range(4)
    )
    tiers = ((1e9,) * 5, (0,) * 5)
    return Mirror(((True, 0, 0, False), nodes, 2, tiers, ((1.0, 0.5), (1.0, 0.0)), (-1, -1), ()))


def row(id: int, demand: tuple[int, int, int], gang: int = 1, **more: int) -> tuple[Any, ...]:
    profile, requires = more.get("profile", 0), more.get("requires", 0)
    return (id, 0, 0, 0, 5_000_000, demand, gang, 1.0, 2**62, 2**62, profile, requires, 0, 0, (), 0)


def told(mirror: Mirror, *rows: tuple[Any, ...], nodes: list[Any] | None = None) -> list[Task]:
    mirror.update((0, list(rows), [], [], [(0, 1)], nodes or []))
    return [mirror.tasks[row[0]] for row in rows]


def by_the_book(mirror: Mirror, task: Task, node: int) -> bool:
    """The rule of docs/policy-api.md, counted one member at a time."""

    def members(at: int) -> int:
        other = mirror.nodes[at]
        if not other.up or mirror.throughput[task._profile][at // 2] == 0.0:
            return 0
        free, count = list(other._free()), 0
        while count < task._gang and all(f >= d for f, d in zip(free, task._demand, strict=True)):
            free = [f - d for f, d in zip(free, task._demand, strict=True)]
            count += 1
        return count

    first = node // 2 * 2
    return members(node) > 0 and members(first) + members(first + 1) >= task._gang


def test_fits_agrees_with_counting_members() -> None:
    rng = random.Random(5)
    answers = set()
    for _ in range(60):
        mirror = mirror_of()
        rows = [
            row(
                id,
                (rng.choice((0, 500, 2000)), rng.choice((0, 512, 2048)), rng.choice((0, 0, 1000))),
                rng.choice((1, 1, 2, 5)),
                profile=rng.randrange(2),
            )
            for id in range(12)
        ]
        down = [(rng.randrange(4), False, False, 0.0, 0.0)]
        for task in told(mirror, *rows, nodes=down):
            for node in mirror.nodes:
                answer = fits(task, node)
                assert answer == by_the_book(mirror, task, node.id)
                answers.add((task._gang > 1, answer))
            node = rng.choice(mirror.nodes)
            if fits(task, node):
                mirror.state.start(task, node)
    assert len(answers) == 4


def test_labels_a_task_requires_must_all_be_there() -> None:
    mirror = mirror_of(labels=(0b01, 0b11, 0b10, 0))
    (task,) = told(mirror, row(0, (500, 0, 0), requires=0b11))
    assert [fits(task, node) for node in mirror.nodes] == [False, True, False, False]


def test_sets_of_tasks_and_nodes_iterate_as_sets_of_their_ids() -> None:
    mirror = mirror_of()
    ids = [70, 3, 1_000_003, 12, 9, 41]
    tasks = told(mirror, *(row(id, (0, 0, 0)) for id in ids))
    assert [task.id for task in set(tasks)] == list(set(ids))
    assert [node.id for node in set(mirror.nodes)] == list({0, 1, 2, 3})
    assert mirror.nodes[3] != mirror.tasks[3]
    assert mirror.nodes[3] != 3


def test_free_amounts_follow_starts_preemptions_and_outages() -> None:
    mirror = mirror_of()
    node = mirror.nodes[1]
    (task,) = told(mirror, row(0, (1000, 2048, 1000)))
    mirror.state.start(task, node)
    assert (node.free_cpus, node.free_memory, node.free_devices) == (1.0, 6.0, 1.0)
    with pytest.raises(Refused, match="not ready"):
        mirror.state.start(task, node)
    mirror.state.preempt(task)
    assert (node.free_cpus, node.free_memory, node.free_devices) == (2.0, 8.0, 2.0)
    mirror.update((1, [], [], [], [], [(1, False, False, 0.0, 0.0)]))
    assert (node.free_cpus, node.free_memory, node.free_devices) == (0.0, 0.0, 0.0)
    assert mirror.state.freed == []
    mirror.update((2, [], [], [], [], [(1, True, True, 0.0, 0.0)]))
    assert (node.free_cpus, mirror.state.freed) == (2.0, [1])


def test_a_preempted_task_is_ready_from_that_instant() -> None:
    mirror = mirror_of()
    (task,) = told(mirror, row(0, (1000, 0, 0)))
    mirror.state.start(task, mirror.nodes[0])
    mirror.update((2_000_000, [], [], [], [], []))
    assert (mirror.state.now, task.attained) == (2.0, 2.0)
    mirror.state.preempt(task)
    assert (task.ready, task.wait, task.remaining) == (2.0, 0.0, 3.0)
