"""Pods from a file: our own TOML or JSON, or what ``kubectl get pods,nodes -A -o json`` writes."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agentsched.errors import UserError
from agentsched.planning.complaint import first_complaint
from agentsched.planning.inventory import Inventory
from agentsched.planning.inventory_file import inventory_of
from agentsched.planning.packing.kubernetes import read_items
from agentsched.planning.packing.pods import Pod, check_pods

_PAGE: Final = "docs/design/packing.md"
_MACHINE_KEYS: Final = ("zone", "machine", "downtime", "person", "data")


class _PodTables(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    pod: tuple[Pod, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class PodFile:
    """What a file says."""

    pods: tuple[Pod, ...]
    inventory: Inventory | None
    """The machines in the same file; None if it has none."""
    notes: tuple[str, ...] = ()
    """What was left out, and why."""


def load_pods(path: Path) -> PodFile:
    """Read pods, and machines where the file has them.

    Raises:
        UserError: The file is missing or wrong; names file, field, value and the way out.
    """
    tree = _parsed(path)
    if not isinstance(tree, dict):
        raise UserError(f"{path.name}: must be a table of pods, got {type(tree).__name__}")
    if "items" in tree:
        listed = read_items(tree, path.name)
        file = PodFile(listed.pods, listed.inventory, listed.notes)
    else:
        file = _own(tree, path.name)
    if file.inventory is not None:
        try:
            check_pods(file.pods, file.inventory)
        except UserError as error:
            raise UserError(f"{path.name}: {error}") from None
    return file


def _parsed(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as text: {error}") from None
    try:
        return tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (tomllib.TOMLDecodeError, json.JSONDecodeError, RecursionError) as error:
        kind = "TOML" if path.suffix == ".toml" else "JSON"
        raise UserError(f"{path.name}: not valid {kind}: {error}") from None


def _own(tree: dict[str, Any], name: str) -> PodFile:
    machines: dict[str, Any] = {key: tree[key] for key in _MACHINE_KEYS if key in tree}
    rest = {key: value for key, value in tree.items() if key not in _MACHINE_KEYS}
    try:
        pods = _PodTables.model_validate(rest).pod
    except ValidationError as error:
        said = first_complaint(error, (_PodTables, Pod), _PAGE)
        raise UserError(f"{name}: {said}") from None
    return PodFile(pods, inventory_of(machines, name) if machines else None)
