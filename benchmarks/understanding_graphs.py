"""Our own requests for work with gold graphs: is a graph right, did the model quote the tasks."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from agentsched.planning.graph import Task, TaskGraph
from agentsched.planning.inventory import Inventory, Machine
from agentsched.understanding import Context, PlanWork, Understood
from agentsched.understanding.work.reading import QuotedTasks

REQUESTS = Path(__file__).resolve().parents[1] / "tests" / "task_graph_requests.toml"
MACHINES = Inventory(
    machines=(
        Machine(name="ada", cpus=64, memory=512, devices=8, device="A100", device_memory=80),
        Machine(name="bob", cpus=64, memory=512, devices=8, device="H100", device_memory=80),
    )
)


@dataclass(frozen=True)
class Request:
    """One request with what a careful reader makes of it."""

    id: str
    text: str
    tasks: tuple[dict[str, Any], ...]
    repeat: bool = False
    by_for_all: bool = False
    hints: tuple[str, ...] = ()
    lot: str = "own 20"
    """Which part of the set it belongs to."""


def load_requests(path: Path = REQUESTS) -> tuple[Context, list[Request]]:
    """Return the context of all requests, and the requests."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    zone = ZoneInfo(data["zone"])
    now = datetime.fromisoformat(data["now"]).replace(tzinfo=zone)
    requests = [
        Request(**{**item, "tasks": tuple(item["tasks"]), "hints": tuple(item.get("hints", ()))})
        for item in data["request"]
    ]
    return Context(now=now, zone=zone, inventory=MACHINES), requests


def complain(understood: Understood, request: Request, context: Context) -> str:
    """Return what is wrong with the graph that was understood; empty when it is fully right."""
    plans = [intent for intent in understood.intents if isinstance(intent, PlanWork)]
    if len(plans) != 1 or len(understood.intents) != 1:
        return f"intents {[intent.kind for intent in understood.intents]}"
    if understood.question:
        return f"asks: {understood.question}"
    if bool(plans[0].repeat) != request.repeat:
        return "repetition"
    return complain_of_graph(plans[0].graph, request, context)


def complain_of_graph(graph: TaskGraph, request: Request, context: Context) -> str:
    """Return what is wrong with a graph; empty when it is fully right."""
    if len(graph.tasks) != len(request.tasks):
        return (
            f"{len(graph.tasks)} tasks, not {len(request.tasks)}: {[t.title for t in graph.tasks]}"
        )
    kinds = sorted({hint.kind for hint in graph.hints})
    if kinds != sorted(request.hints):
        return f"hints {kinds}, not {list(request.hints)}"
    choices = [[task for task in graph.tasks if _names(task, gold)] for gold in request.tasks]
    complaint = "no task is called " + ", ".join(
        gold["words"] for gold, fitting in zip(request.tasks, choices, strict=True) if not fitting
    )
    if all(choices):
        complaint = ""
        for chosen in _matchings(choices):
            complaint = _differences(chosen, request, context)
            if not complaint:
                return ""
        complaint = complaint or "tasks cannot be told apart"
    return complaint


def quoted_share(answer: QuotedTasks | None, request: Request) -> float:
    """Return the F1 of the model's quotes against the gold tasks.

    A quote that holds the words of several gold tasks ("the small and the large model") counts for
    each: objects are told apart by code.
    """
    if answer is None or not answer.tasks:
        return 0.0
    quotes = [quote.do.lower() for quote in answer.tasks]
    found = [any(_holds(quote, gold["words"]) for quote in quotes) for gold in request.tasks]
    useful = [any(_holds(quote, gold["words"]) for gold in request.tasks) for quote in quotes]
    recall, precision = sum(found) / len(found), sum(useful) / len(useful)
    return 2 * recall * precision / (recall + precision) if recall + precision else 0.0


def _matchings(choices: list[list[Task]]) -> list[list[Task]]:
    """Return every way to give each gold task a task of its own."""
    found: list[list[Task]] = [[]]
    for fitting in choices:
        found = [[*chosen, task] for chosen in found for task in fitting if task not in chosen]
        found = found[:2000]
    return found


def _differences(chosen: list[Task], request: Request, context: Context) -> str:
    ids = {gold["id"]: task.id for gold, task in zip(request.tasks, chosen, strict=True)}
    limits = {gold.get("by") for gold in request.tasks if gold.get("by")}
    for gold, task in zip(request.tasks, chosen, strict=True):
        after = {ids[id] for id in gold.get("after", ())}
        if set(task.after) != after:
            return f"{task.id} after {sorted(task.after)}, not {sorted(after)}"
        minutes = None if task.duration is None else task.duration / 60
        for name, value in (
            ("minutes", minutes),
            ("devices", task.demand.devices),
            ("cpus", task.demand.cpus),
            ("memory", task.demand.memory),
        ):
            default = {"minutes": None, "devices": 0, "cpus": 1.0, "memory": 0.0}[name]
            if value != gold.get(name, default):
                return f"{task.id} {name} {value}, not {gold.get(name, default)}"
        if "command" in gold and list(task.command) != gold["command"].split():
            return f"{task.id} runs {list(task.command)}, not {gold['command']!r}"
        limit = task.deadline or task.due
        said = limit.astimezone(context.zone).strftime("%Y-%m-%dT%H:%M") if limit else None
        if said != gold.get("by") and not (request.by_for_all and said in limits):
            return f"{task.id} by {said}, not {gold.get('by')}"
    return ""


def _names(task: Task, gold: dict[str, Any]) -> bool:
    title = task.title.lower()
    unwanted = gold.get("not")
    if unwanted and unwanted in title.split():
        return False
    return _holds(title, gold["words"])


def _holds(text: str, words: str) -> bool:
    return all(
        any(alternative in text for alternative in word.split("|"))
        for word in words.lower().split()
    )
