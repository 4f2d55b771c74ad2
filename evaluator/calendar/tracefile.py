"""Stored traces of the calendar world: sealed like those of any other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from evaluator.calendar.instance import Instance
from evaluator.calendar.scenario_file import from_toml
from evaluator.calendar.simulation import Trace
from evaluator.errors import InputError, TraceError
from evaluator.sealed import Unsealed, pack, readable
from evaluator.traceheader import TraceHeader

_TYPES: Final[Mapping[str, str]] = {"order": "|i1", "confidence": "<f8", "asked": "|i1"}
"""Columns of a trace in file order."""


@dataclass(frozen=True, slots=True)
class StoredTrace:
    """A trace read from a file whose seal held."""

    path: Path
    header: TraceHeader
    trace: Trace
    digest: str


def encode(trace: Trace, header: TraceHeader) -> tuple[bytes, str]:
    """Return the bytes of a trace file, and its digest."""
    facts = {"world": "calendar", "header": json.loads(header.model_dump_json())}
    return pack(facts, {f"trace.{name}": getattr(trace, name) for name in _TYPES})


def decode(content: Unsealed, path: Path) -> StoredTrace:
    """Read a file whose seal held.

    Raises:
        TraceError: it is no trace of this world, or of another version.
    """
    with readable():
        header = TraceHeader.model_validate(content.facts()["header"])
        read = content.columns()
        columns: dict[str, Any] = {}
        for name, wanted in _TYPES.items():
            columns[name] = read[f"trace.{name}"]
            if columns[name].dtype.str != wanted:
                raise TypeError(f"column {name!r} must be {wanted}, got {columns[name].dtype.str}")
        return StoredTrace(path, header, Trace(**columns), content.digest)


def problem(stored: StoredTrace) -> Instance:
    """Return the instance of a stored trace, made again from scenario text and seed.

    Raises:
        TraceError: another instance comes out, or none.
    """
    header = stored.header
    try:
        scenario = from_toml(header.scenario_text, header.scenario or "scenario")
        made = scenario.instance(header.split, header.index, bytes.fromhex(header.seed))
    except (InputError, ValueError) as error:
        raise TraceError(f"{stored.path}: its problem cannot be made again: {error}") from error
    if made.digest != header.instance_digest:
        raise TraceError(
            f"{stored.path}: scenario {header.scenario!r} gives instance {made.digest[:12]} now, "
            f"the trace was made from {header.instance_digest[:12]}; replay it with version "
            f"{header.code_version or 'it was made with'}"
        )
    return made
