"""A plan in one JSON file with the graph and inventory it is for, to be checked or shown."""

from __future__ import annotations

import json
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from agentsched.errors import UserError
from agentsched.planning.checker import check
from agentsched.planning.complaint import first_complaint
from agentsched.planning.graph import Demand, Task, TaskGraph
from agentsched.planning.inventory import Away, DataSet, Inventory, Machine, Person
from agentsched.planning.plan import Assignment, Plan, Violation

_PAGE = "docs/planning.md"
_MOST_BYTES = 64 * 2**20
_TABLES = (TaskGraph, Task, Demand, Inventory, Machine, Person, DataSet, Away, Plan, Assignment)


class PlanFile(BaseModel):
    """What ``agentsched check`` reads; a plan from elsewhere needs ``assignments`` only."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    graph: TaskGraph
    inventory: Inventory
    plan: Plan
    zone: str = Field(default="UTC", max_length=80)
    """IANA name; times of day in hints are read in it."""

    @field_validator("zone")
    @classmethod
    def _is_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ValueError, OSError, KeyError) as error:
            raise ValueError(f"no time zone {name!r}; 'Europe/Berlin' is one") from error
        return name

    def check(self) -> tuple[Violation, ...]:
        """Return everything hard that the plan breaks."""
        return check(self.graph, self.inventory, self.plan, ZoneInfo(self.zone))


def load_plan_file(path: Path) -> PlanFile:
    """Read a plan file.

    Raises:
        UserError: It cannot be read, is no JSON, or a field is wrong; one line says which.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UserError(f"{path}: is larger than {_MOST_BYTES >> 20} MiB, which no plan is")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UserError(f"no plan file {str(path)!r}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not UTF-8 text") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    return _parsed(text, path)


def _parsed(text: str, path: Path) -> PlanFile:
    if not text.strip():
        raise UserError(f"{path}: is empty; it must hold graph, inventory and plan: {_PAGE}")
    try:
        tree = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}: {error.msg}"
        raise UserError(f"{path}: is not JSON, {where}; {_PAGE} shows one") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: is not JSON that can be read: {error}") from error
    if not isinstance(tree, dict):
        raise UserError(f"{path}: must be a table with graph, inventory and plan; see {_PAGE}")
    try:
        return PlanFile.model_validate(tree)
    except ValidationError as error:
        raise UserError(f"{path}: {first_complaint(error, _TABLES, _PAGE)}") from error
