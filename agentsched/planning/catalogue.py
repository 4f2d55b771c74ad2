"""Jobs known by the words that name them: command, duration and demand come from a file."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from agentsched.errors import UserError
from agentsched.planning.graph import Demand, Task, TaskGraph

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|sec|seconds?|min|minutes?|h|hours?|d|days?)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_ENDINGS = (
    "ations",
    "ation",
    "ating",
    "ates",
    "ate",
    "ings",
    "ing",
    "ers",
    "er",
    "es",
    "ed",
    "s",
    "e",
)


class Job(BaseModel):
    """One entry; what is left out stays as the user said it, or unknown."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    words: str = Field(min_length=1, max_length=200)
    """All of them must occur in a task's title, in any order and inflection."""
    run: tuple[Annotated[str, Field(max_length=4000)], ...] = Field(default=(), max_length=200)
    """Command and arguments; no shell."""
    duration: int | None = None
    """Seconds on a machine of speed 1; ``"2 h"`` in the file."""
    cpus: float | None = Field(default=None, ge=0)
    memory: float | None = Field(default=None, ge=0)
    """GiB."""
    devices: int | None = Field(default=None, ge=0)
    retries: int = Field(default=0, ge=0, le=20)

    @field_validator("duration", mode="before")
    @classmethod
    def _seconds(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        found = _DURATION.fullmatch(value.strip().lower())
        if found is None:
            raise ValueError(
                f"must be a number with s, min, h or d such as '40 min', got {value!r}"
            )
        return max(1, round(float(found[1]) * _SECONDS[found[2][0]]))


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    job: tuple[Job, ...] = ()


def load_catalogue(path: Path) -> tuple[Job, ...]:
    """Read a job file.

    Raises:
        UserError: It cannot be read, or a field breaks its rule; one line names it.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        return _File.model_validate(data).job
    except OSError as error:
        raise UserError(
            f"job file {str(path)!r} cannot be read: {error.strerror}; name another one in "
            "[agent] jobs, or leave it out"
        ) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"job file {str(path)!r} is not TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        rule = first["msg"].removeprefix("Value error, ")
        raise UserError(f"job file {str(path)!r}: {place}: {rule}") from None


def fill(graph: TaskGraph, jobs: tuple[Job, ...]) -> TaskGraph:
    """Return the graph with what the catalogue knows of its tasks; the user's own words win.

    The entry with the most matching words serves; of equals, the first in the file.
    """
    notes: list[str] = []
    tasks = []
    for task in graph.tasks:
        job = _best(task, jobs)
        filled = task if job is None else _filled(task, job)
        if job is not None and filled != task:
            notes.append(f"{task.id}: as job {job.words!r} of the catalogue")
        tasks.append(filled)
    if not notes:
        return graph
    return graph.model_copy(update={"tasks": tuple(tasks), "notes": (*graph.notes, *notes)})


def _best(task: Task, jobs: tuple[Job, ...]) -> Job | None:
    title = _stems(f"{task.title} {task.id}")
    fitting = [job for job in jobs if _stems(job.words) <= title]
    return max(fitting, key=lambda job: len(_stems(job.words)), default=None)


def _filled(task: Task, job: Job) -> Task:
    new: dict[str, object] = {}
    if not task.command and job.run:
        new |= {"command": job.run, "retries": max(task.retries, job.retries)}
    if task.duration is None and job.duration is not None:
        new["duration"] = job.duration
    plain = Demand()
    demand = {
        name: wanted
        for name in ("cpus", "memory", "devices")
        if (wanted := getattr(job, name)) is not None
        and getattr(task.demand, name) == getattr(plain, name)
    }
    if demand:
        new["demand"] = task.demand.model_copy(update=demand)
    return task.model_copy(update=new) if new else task


def _stems(text: str) -> frozenset[str]:
    return frozenset(_stem(word) for word in re.findall(r"[a-z0-9]+", text.lower()))


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word
