"""SMCalFlow turns: is the kind of request right? UltraTool requests: the tools and their order."""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import dataclass
from pathlib import Path

from agentsched.understanding.routing import Kind
from agentsched.understanding.tool_choice import Tool

SEED = 20261125
KINDS = ("create", "update", "delete", "query")
MEANS: dict[Kind, str] = {
    "schedule_event": "create",
    "move_event": "update",
    "cancel_event": "delete",
    "query": "query",
    # The data calls a search for a free time, and an answer to an invitation, a query.
    "find_time": "query",
    "respond_event": "query",
}


@dataclass(frozen=True)
class TurnItem:
    """One turn, with what the user said before it."""

    id: str
    text: str
    intent: str
    before: tuple[str, ...]


@dataclass(frozen=True)
class ToolItem:
    """One request with its gold chain or graph of tools."""

    id: str
    text: str
    tools: tuple[str, ...]
    links: frozenset[tuple[str, str]]


def load_turns(data: Path, count: int = 100) -> list[TurnItem]:
    """Return a fixed sample of the turns whose label is one of the four kinds."""
    path = data / "smcalflow2_valid" / "intents.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    said = {(row["dialogue"], row["turn"]): row["utterance"] for row in rows}
    chosen = random.Random(SEED).sample([row for row in rows if row["intent"] in KINDS], count)
    return [
        TurnItem(
            id=f"{row['dialogue']}/{row['turn']}",
            text=row["utterance"],
            intent=row["intent"],
            before=tuple(
                said[row["dialogue"], turn]
                for turn in range(row["turn"])
                if (row["dialogue"], turn) in said
            ),
        )
        for row in chosen
    ]


def load_tools(data: Path, count: int = 60) -> tuple[list[Tool], list[ToolItem]]:
    """Return the catalogue, and the first requests of the test split."""
    folder = data / "ultratool_taskgraph"
    nodes = json.loads(_text(folder / "ultratool.tool_desc.json.gz"))["nodes"]
    split = json.loads(_text(folder / "ultratool.split_ids.json.gz"))["test_ids"]
    wanted = [id for ids in split.values() for id in ids][:count]
    rows = {
        row["id"]: row
        for row in map(json.loads, _text(folder / "ultratool.data.json.gz").splitlines())
    }
    items = [
        ToolItem(
            id=id,
            text=rows[id]["user_request"].strip(),
            tools=tuple(node["task"] for node in rows[id]["task_nodes"]),
            links=frozenset((link["source"], link["target"]) for link in rows[id]["task_links"]),
        )
        for id in wanted
    ]
    return [Tool(node["id"], node["desc"]) for node in nodes], items


def f1(found: frozenset[object] | set[object], gold: frozenset[object] | set[object]) -> float:
    """Return the F1 of a set against the gold set; two empty sets agree."""
    if not found and not gold:
        return 1.0
    shared = len(found & gold)
    return 2 * shared / (len(found) + len(gold)) if shared else 0.0


def _text(path: Path) -> str:
    return gzip.decompress(path.read_bytes()).decode("utf-8")
