"""A plan as Kubernetes Jobs.

Kubernetes starts Jobs in no order. So a task that waits for others is written suspended, with what
it waits for in an annotation: whoever drives the plan sets ``suspend: false`` when those are done.
An Argo Workflow keeps the order by itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import yaml

from agentsched.execution.adopting import check_fit
from agentsched.execution.exports.affinity import Placement, placement_of
from agentsched.execution.exports.names import dns_names, label_value
from agentsched.execution.exports.options import ClusterOptions
from agentsched.planning.graph import Task, TaskGraph
from agentsched.planning.inventory import Inventory
from agentsched.planning.plan import Assignment, Plan

NOTE = "agentsched.io/"
"""Prefix of labels and annotations."""


def to_kubernetes(
    graph: TaskGraph, plan: Plan, inventory: Inventory, options: ClusterOptions | None = None
) -> str:
    """Return a YAML stream with a Job for every task that has a command, in order of start.

    Raises:
        UserError: The plan cannot be carried out, or no machine keeps a task's hard hints.
    """
    check_fit(graph, plan, inventory)
    options = options or ClusterOptions()
    names = dns_names(graph.name, [task.id for task in graph.tasks])
    places = sorted(plan.assignments, key=lambda place: (place.start, place.task))
    tasks = {task.id: task for task in graph.tasks}
    jobs = [
        _job(tasks[place.task], place, graph, inventory, options, names)
        for place in places
        if place.task in tasks and tasks[place.task].command
    ]
    return "".join(f"---\n{dump(job)}" for job in jobs)


def container_of(task: Task, options: ClusterOptions) -> dict[str, Any]:
    """Return the container that runs a task's command; no shell reads it."""
    container: dict[str, Any] = {
        "name": "task",
        "image": options.image,
        # Kubernetes replaces $(NAME) and makes one dollar of two; so each is written twice.
        "command": [argument.replace("$", "$$") for argument in task.command],
        "env": [{"name": "AGENTSCHED_TASK", "value": task.id}],
    }
    resources = resources_of(task, options)
    if resources:
        container["resources"] = resources
    return container


def resources_of(task: Task, options: ClusterOptions) -> dict[str, Any]:
    """Return requests and limits of one member: memory and devices are limits as well."""
    demand = task.demand
    requests: dict[str, str] = {}
    limits: dict[str, str] = {}
    if demand.cpus:
        requests["cpu"] = f"{max(1, round(demand.cpus * 1000))}m"
    if demand.memory:
        requests["memory"] = limits["memory"] = f"{math.ceil(demand.memory * 1024)}Mi"
    if demand.devices:
        requests[options.device_resource] = str(demand.devices)
        limits[options.device_resource] = str(demand.devices)
    return {k: v for k, v in (("requests", requests), ("limits", limits)) if v}


def notes_of(task: Task, place: Assignment, settled: list[str]) -> dict[str, str]:
    """Return annotations: what the plan says, for people and for who drives it."""
    notes = {
        f"{NOTE}planned-start": place.start.isoformat(),
        f"{NOTE}planned-end": place.end.isoformat(),
        f"{NOTE}machines": ",".join(dict.fromkeys(place.machines)),
        f"{NOTE}title": task.title,
        f"{NOTE}after": ",".join(task.after),
        f"{NOTE}settled-by-plan": "; ".join(settled),
    }
    return {name: value for name, value in notes.items() if value}


def dump(data: object) -> str:
    """Return YAML that reads back as the same data, whatever the strings hold."""
    # Unescaped, YAML takes some characters beyond ASCII for ends of lines.
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=False, width=100)


def _job(
    task: Task,
    place: Assignment,
    graph: TaskGraph,
    inventory: Inventory,
    options: ClusterOptions,
    names: Mapping[str, str],
) -> dict[str, Any]:
    where = placement_of(task.id, place.machines, graph.hints, inventory, options)
    labels = {
        "app.kubernetes.io/managed-by": "agentsched",
        f"{NOTE}plan": label_value(graph.name) or "plan",
        f"{NOTE}task": label_value(task.id),
    }
    metadata: dict[str, Any] = {"name": names[task.id]}
    if options.namespace:
        metadata["namespace"] = options.namespace
    metadata["labels"] = labels
    notes = notes_of(task, place, where.settled)
    if task.after:
        notes[f"{NOTE}after-jobs"] = ",".join(names[other] for other in task.after)
    metadata["annotations"] = notes
    spec: dict[str, Any] = {"backoffLimit": task.retries, "suspend": bool(task.after)}
    if task.gang > 1:
        spec |= {
            "completions": task.gang,
            "parallelism": task.gang,
            "completionMode": "Indexed",
        }
    spec["template"] = {
        "metadata": {"labels": {**labels, **where.labels}},
        "spec": _pod(task, where, options),
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


def _pod(task: Task, where: Placement, options: ClusterOptions) -> dict[str, Any]:
    pod: dict[str, Any] = {"restartPolicy": "Never"}
    if where.affinity:
        pod["affinity"] = where.affinity
    if where.spread:
        pod["topologySpreadConstraints"] = where.spread
    pod["containers"] = [container_of(task, options)]
    return pod
