"""NATURAL PLAN calendar items: a slot that breaks nothing, and what was read of the constraints."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from agentsched.understanding import Context, FindTime
from agentsched.understanding.slots import Slot, find_slots

FILES = "natural_plan_100/calendar_scheduling_dev50"
ZONE = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 8, tzinfo=ZONE)
"""A Sunday: the week that items speak of lies ahead."""
STEP = 0.5
"""Hours; every time in the data is a multiple."""


@dataclass(frozen=True)
class Item:
    """One item: the task part of its prompt is what a user would write."""

    id: str
    text: str
    people: int
    hours: float
    banned: tuple[dict[str, Any], ...]
    days: tuple[str, ...]
    gold: str
    gemini: str
    """Gemini-1.5-Pro's stored answer, five examples in its prompt."""


def load_items(data: Path) -> list[Item]:
    """Return the items in the order of the file."""
    tasks = dict(_pairs(json.loads((data / f"{FILES}.json").read_text())))
    constraints = dict(_pairs(json.loads((data / f"{FILES}_constraints.json").read_text())))
    return [_item(id, task, constraints[id]["constraints"]) for id, task in tasks.items()]


def context() -> Context:
    """Return the context of every item."""
    return Context(now=NOW, zone=ZONE)


def first_slot(found: FindTime) -> Slot | None:
    """Return the slot that would be proposed."""
    slots = find_slots(found, NOW, ZONE, count=1)
    return slots[0] if slots else None


def is_valid(slot: Slot | None, item: Item) -> bool:
    """Whether a slot has the length asked for and lies in no range that is ruled out."""
    if slot is None:
        return False
    day = slot.start.strftime("%A")
    start, end = _hours(slot.start), _hours(slot.end)
    return (
        day in item.days
        and abs(end - start - item.hours) < 1e-6
        and not any(b["day"] == day and start < b["end"] and b["start"] < end for b in item.banned)
    )


def says(slot: Slot | None) -> str:
    """Return a slot as the gold answers say it."""
    if slot is None:
        return ""
    return f"{slot.start:%A}, {slot.start:%-H:%M} - {slot.end:%-H:%M}"


def extracted(found: FindTime, item: Item) -> dict[str, bool]:
    """Return which parts of the constraints were read exactly."""
    days = {day.strftime("%A") for day in found.days}
    return {
        "people": len(found.people) == item.people,
        "duration": abs(found.duration / 3600 - item.hours) < 1e-6,
        "days": days == set(item.days),
        "free time": all(
            _free_by_gold(item, day, step) == _free_by_us(found, day, step)
            for day in item.days
            for step in range(48)
        ),
    }


def _pairs(data: Any) -> list[tuple[str, Any]]:
    return list(data.items()) if isinstance(data, dict) else [(id, item) for id, item in data]


def _item(id: str, task: dict[str, Any], gold: dict[str, Any]) -> Item:
    prompt = task["prompt_0shot"]
    text = prompt[prompt.rindex("TASK:") + 5 :].replace("SOLUTION:", "").strip()
    head = text.partition("\n")[0]
    names = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
    return Item(
        id=id,
        text=text,
        people=int(task["num_people"]),
        hours=float(gold["meeting_duration"]),
        banned=tuple(gold["disallowed_ranges"]),
        days=tuple(name for name in names if name in head),
        gold=task["golden_plan"].partition(":")[2].strip(),
        gemini=task.get("pred_5shot_pro", ""),
    )


def _hours(moment: datetime) -> float:
    return moment.hour + moment.minute / 60


def _free_by_gold(item: Item, day: str, step: int) -> bool:
    at = step * STEP
    return not any(b["day"] == day and b["start"] <= at < b["end"] for b in item.banned)


def _free_by_us(found: FindTime, day: str, step: int) -> bool:
    at = step * STEP
    if (
        not found.opens.hour + found.opens.minute / 60
        <= at
        < found.closes.hour + found.closes.minute / 60
    ):
        return False
    for busy in found.busy:
        if busy.start.strftime("%A") == day:
            end = 24.0 if busy.end.date() > busy.start.date() else _hours(busy.end)
            if _hours(busy.start) <= at < end:
                return False
    return True
