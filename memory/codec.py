"""Records as JSON objects and back: exact, checked, canonical."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from memory.records import Json, Record

R = TypeVar("R", bound=Record)

NUMBER = "$float"
"""Key of a number that JSON cannot say: ``{"$float": "inf"}``."""


def line(record: Record) -> str:
    """Return a record as one canonical JSON line (sorted keys, floats exact), without newline."""
    return json.dumps(to_json(record), sort_keys=True, ensure_ascii=False, allow_nan=False)


def to_json(record: Record) -> dict[str, Any]:
    """Return a record as plain JSON data; floats of exact fields as ``float.hex``."""
    hints = _hints(type(record))
    return {name: _encode(getattr(record, name), hint) for name, hint in hints.items()}


def from_json(kind: type[R], data: object) -> R:
    """Build a record from ``to_json`` data.

    Raises:
        ValueError: a field is missing, unknown, or of another type; the message names it.
    """
    if not isinstance(data, dict):
        raise ValueError(f"needs an object, got {type(data).__name__}")
    hints = _hints(kind)
    unknown = sorted(set(data) - set(hints))
    if unknown:
        raise ValueError(f"unknown field {unknown[0]!r}; known: {sorted(hints)}")
    values = {}
    for field in fields(kind):
        if field.name in data:
            values[field.name] = _decode(data[field.name], hints[field.name], field.name)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ValueError(f"field {field.name!r} is missing")
    return kind(**values)


def plain(value: object) -> Any:
    """Return any tree of dataclasses, mappings, sequences and numbers as plain JSON data.

    Raises:
        ValueError: something in it has no JSON form.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {NUMBER: repr(float(value))}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if hasattr(value, "item"):
        return plain(value.item())
    raise ValueError(f"{value!r} has no JSON form")


def unplain(value: Any) -> Any:
    """Undo ``plain`` for the numbers that JSON cannot say."""
    if isinstance(value, dict):
        if set(value) == {NUMBER}:
            return float(value[NUMBER])
        return {key: unplain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unplain(item) for item in value]
    return value


def hexed(metrics: Mapping[str, float]) -> dict[str, str]:
    """Return metrics with exact values (``float.hex``)."""
    return {name: float(value).hex() for name, value in metrics.items()}


def unhexed(metrics: Mapping[str, str]) -> dict[str, float]:
    """Undo ``hexed``."""
    return {name: float.fromhex(value) for name, value in metrics.items()}


_HINTS: dict[type[Record], Mapping[str, Any]] = {}


def _hints(kind: type[Record]) -> Mapping[str, Any]:
    """Return the types of a kind's fields; resolving them takes longer than a record."""
    if kind not in _HINTS:
        hints = get_type_hints(kind)
        _HINTS[kind] = {field.name: hints[field.name] for field in fields(kind)}
    return _HINTS[kind]


def _encode(value: Any, hint: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if hint == Mapping[str, float]:
        return hexed(value)
    if hint == Json:
        return plain(value)
    if isinstance(value, float):
        return value.hex()
    return value


def _decode(value: Any, hint: Any, name: str) -> Any:
    try:
        return _decode_plain(value, hint)
    except (TypeError, ValueError, AttributeError) as error:
        shown = getattr(hint, "__name__", str(hint))
        raise ValueError(f"field {name!r} must be {shown}, got {value!r:.80}") from error


def _decode_plain(value: Any, hint: Any) -> Any:
    if get_origin(hint) is UnionType:
        if value is None and NoneType in get_args(hint):
            return None
        return _decode_plain(value, get_args(hint)[0])
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise ValueError(value)
        return value
    if hint is datetime:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError(value)
        return moment
    if hint is float:
        return float.fromhex(value)
    if hint == Mapping[str, float]:
        return unhexed(value)
    if hint == Json:
        if not isinstance(value, dict):
            raise TypeError(value)
        return unplain(value)
    if type(value) is not hint:
        raise TypeError(value)
    return value
