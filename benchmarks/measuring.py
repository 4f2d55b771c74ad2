"""How the benchmarks measure: CPU seconds of this process, repeated, and the machine."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Row:
    """One number of a table, with what it takes to get it again."""

    what: str
    scenario: str
    seed: int | None
    repeats: int
    best: float
    median: float
    unit: str
    goal: float | None = None
    """Least value; greatest where ``low_is_good``."""
    low_is_good: bool = False
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without a goal."""
        if self.goal is None:
            return None
        return self.best <= self.goal if self.low_is_good else self.best >= self.goal

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "met": self.met}


FEW, ENOUGH = 3, 3.0
"""After so many repeats, and CPU seconds of them all, no more are made."""


def cpu_seconds(action: Callable[[], Any], repeats: int) -> list[float]:
    """Return CPU seconds of each repeat, of what was called once before."""
    seconds: list[float] = []
    while len(seconds) < repeats and not (len(seconds) >= FEW and sum(seconds) > ENOUGH):
        began = time.process_time()
        action()
        seconds.append(time.process_time() - began)
    return seconds


def rate(
    what: str, scenario: str, seed: int | None, tasks: int, seconds: list[float], **more: Any
) -> Row:
    """Return tasks per CPU second, from the least and the median of the repeats."""
    middle = tasks / statistics.median(seconds)
    return Row(what, scenario, seed, len(seconds), tasks / min(seconds), middle, "tasks/s", **more)


def machine() -> dict[str, Any]:
    """Return what the numbers were measured on."""
    return {
        "processor": processor(), "cores": os.cpu_count(), "system": platform.platform(),
        "python": platform.python_version(), "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def print_rows(rows: list[Row]) -> None:
    """Print the rows as a Markdown table."""
    print("| what | scenario | seed | repeats | best | median | goal | |")
    print("|---|---|---:|---:|---:|---:|---:|---|")
    for row in rows:
        sign = "<=" if row.low_is_good else ">="
        goal = "" if row.goal is None else f"{sign} {number(row.goal)}"
        verdict = {None: "", True: "met", False: "MISSED"}[row.met]
        seed = "" if row.seed is None else row.seed
        print(f"| {row.what} | {row.scenario} | {seed} | {row.repeats} | {number(row.best)} "
              f"{row.unit} | {number(row.median)} | {goal} | "
              f"{'; '.join(filter(None, (verdict, row.note)))} |")  # fmt: skip


def number(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ") if value >= 100 else f"{value:.3g}"
