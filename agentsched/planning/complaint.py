"""What pydantic says against a file, as one line: field, rule, value, way out."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable

from pydantic import BaseModel, ValidationError


def first_complaint(
    error: ValidationError,
    tables: Iterable[type[BaseModel]],
    page: str,
    within: tuple[str, ...] = (),
) -> str:
    """Return the first complaint, and how many there are beside it.

    Args:
        error: What validation raised.
        tables: The tables of the file; their fields are suggested for unknown ones.
        page: Where the format is described.
        within: Where in the file the tables lie.
    """
    # A list whose items are wrong is also called too short; that is no complaint of its own.
    every = error.errors(include_url=False)
    details = [one for one in every if one["type"] != "too_short"] or every
    first = details[0]
    steps = (*within, *first["loc"])
    place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in steps).lstrip(".")
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    match first["type"]:
        case "missing":
            said = f"{place} is missing; see {page}"
        case "extra_forbidden":
            known = sorted({name for table in tables for name in table.model_fields})
            close = difflib.get_close_matches(str(first["loc"][-1]), known, n=1)
            way = f"did you mean {close[0]!r}?" if close else f"see {page}"
            said = f"{place} is not a field; {way}"
        case "value_error":
            said = first["msg"].removeprefix("Value error, ")
            said = f"{place}: {said}" if place else said
        case "tuple_type" | "list_type":
            value = _short(first["input"])
            way = f"write [{value}]" if isinstance(first["input"], str) else f"see {page}"
            said = f"{place} must be a list, got {value}; {way}"
        case _:
            rule = first["msg"].removeprefix("Input should ").removeprefix("be ")
            said = f"{place} must be {rule}, got {_short(first['input'])}; see {page}"
    return said + more


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
    return text[:77] + "..." if len(text) > 80 else text
