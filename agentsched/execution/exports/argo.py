"""A plan as an Argo Workflow: a DAG whose order the cluster keeps by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentsched.errors import UserError
from agentsched.execution.adopting import check_fit
from agentsched.execution.exports.affinity import placement_of
from agentsched.execution.exports.kubernetes import NOTE, container_of, dump, notes_of
from agentsched.execution.exports.names import dns_label, dns_names, label_value
from agentsched.execution.exports.options import ClusterOptions
from agentsched.planning.graph import Task, TaskGraph
from agentsched.planning.inventory import Inventory
from agentsched.planning.plan import Assignment, Plan

ENTRY = "plan-dag"
MEMBER = "member"
"""Parameter with the number of a gang's member."""


def to_argo(
    graph: TaskGraph, plan: Plan, inventory: Inventory, options: ClusterOptions | None = None
) -> str:
    """Return one Workflow as YAML; tasks without a command are suspended for their time.

    Raises:
        UserError: The plan cannot be carried out, no machine keeps a task's hard hints, or a
            command holds what Argo would replace.
    """
    check_fit(graph, plan, inventory)
    options = options or ClusterOptions()
    names = dns_names("", [task.id for task in graph.tasks])
    places = {place.task: place for place in plan.assignments}
    metadata: dict[str, Any] = {"generateName": f"{dns_label(graph.name)}-"}
    if options.namespace:
        metadata["namespace"] = options.namespace
    metadata["labels"] = {
        "app.kubernetes.io/managed-by": "agentsched",
        f"{NOTE}plan": label_value(graph.name) or "plan",
    }
    workflow = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": metadata,
        "spec": {
            "entrypoint": ENTRY,
            "templates": [
                {"name": ENTRY, "dag": {"tasks": [_node(task, names) for task in graph.tasks]}},
                *(
                    _template(task, places[task.id], graph, inventory, options, names)
                    for task in graph.tasks
                ),
            ],
        },
    }
    return dump(workflow)


def _node(task: Task, names: Mapping[str, str]) -> dict[str, Any]:
    node: dict[str, Any] = {"name": names[task.id], "template": f"task-{names[task.id]}"}
    if task.after:
        node["dependencies"] = [names[other] for other in dict.fromkeys(task.after)]
    if task.gang > 1 and task.command:
        node["arguments"] = {"parameters": [{"name": MEMBER, "value": "{{item}}"}]}
        node["withSequence"] = {"count": str(task.gang)}
    return node


def _template(
    task: Task,
    place: Assignment,
    graph: TaskGraph,
    inventory: Inventory,
    options: ClusterOptions,
    names: Mapping[str, str],
) -> dict[str, Any]:
    template: dict[str, Any] = {"name": f"task-{names[task.id]}"}
    if not task.command:
        seconds = max(1, round((place.end - place.start).total_seconds()))
        return {**template, "suspend": {"duration": f"{seconds}s"}}
    _refuse_templates(task)
    where = placement_of(task.id, place.machines, graph.hints, inventory, options)
    notes = {name: _plain(value) for name, value in notes_of(task, place, where.settled).items()}
    labels = {f"{NOTE}task": label_value(task.id), **where.labels}
    template["metadata"] = {"annotations": notes, "labels": labels}
    if task.retries:
        template["retryStrategy"] = {"limit": str(task.retries), "retryPolicy": "Always"}
    if where.affinity:
        template["affinity"] = where.affinity
    if where.spread:
        template["podSpecPatch"] = dump({"topologySpreadConstraints": where.spread})
    container = container_of(task, options)
    if task.gang > 1:
        template["inputs"] = {"parameters": [{"name": MEMBER}]}
        container["env"] += [
            {"name": "AGENTSCHED_MEMBER", "value": f"{{{{inputs.parameters.{MEMBER}}}}}"},
            {"name": "AGENTSCHED_MEMBERS", "value": str(task.gang)},
        ]
    template["container"] = container
    return template


def _refuse_templates(task: Task) -> None:
    for argument in task.command:
        if "{{" in argument:
            raise UserError(
                f"task {task.id!r}: argument {argument[:80]!r} holds '{{{{', which Argo would "
                "replace; put the command into a script of the image"
            )


def _plain(text: str) -> str:
    """Argo replaces ``{{`` in annotations as well; there it is only for people."""
    return text.replace("{{", "{ {")
