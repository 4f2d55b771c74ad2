"""PSPLIB project files as problems of the planner; the library's best known values."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from agentsched.planning.solving.problem import Activity, Option, Problem, Resource


@dataclass(frozen=True)
class Known:
    """What is known of an instance: no makespan is below ``lower``, one is ``upper``."""

    lower: int
    upper: int


def read_project(path: Path) -> Problem:
    """Read a single-mode ``.sm`` file."""
    lines = path.read_text().splitlines()
    successors = [[int(x) - 1 for x in row[3:]] for row in _table(lines, "PRECEDENCE RELATIONS", 2)]
    requests = list(_table(lines, "REQUESTS/DURATIONS", 3))
    capacities = [int(x) for x in next(iter(_table(lines, "RESOURCEAVAILABILITIES", 2)))]
    durations = [int(row[2]) for row in requests]
    horizon = sum(durations)
    before: list[list[int]] = [[] for _ in durations]
    for i, row in enumerate(successors):
        for j in row:
            before[j].append(i)
    return Problem(
        activities=tuple(
            Activity(
                id=f"j{i + 1}",
                options=(Option(duration=durations[i], starts=((0, horizon - durations[i]),)),),
                uses=tuple((k, int(x)) for k, x in enumerate(row[3:]) if int(x) and durations[i]),
                after=tuple(before[i]),
            )
            for i, row in enumerate(requests)
        ),
        resources=tuple(Resource(f"R{k + 1}", c) for k, c in enumerate(capacities)),
        horizon=horizon,
    )


def best_known(folder: Path) -> dict[str, Known]:
    """Read ``best_known.csv``: instance to bounds."""
    with (folder / "best_known.csv").open(newline="") as file:
        return {
            row["instance"]: Known(int(row["lb"]), int(row["ub"])) for row in csv.DictReader(file)
        }


def chosen(folder: Path, size: int) -> list[Path]:
    """Return the first instance of each of the 48 parameter settings."""
    return [folder / f"j{size}.sm" / f"j{size}{setting}_1.sm" for setting in range(1, 49)]


def _table(lines: list[str], title: str, skip: int) -> list[list[str]]:
    first = next(i for i, line in enumerate(lines) if line.startswith(title)) + skip
    rows = []
    for line in lines[first:]:
        if line.startswith("*"):
            break
        rows.append(line.split())
    return rows
