"""What commands print: tables for people, JSON for machines; messages go to stderr."""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentsched.errors import StorageError, UserError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from agentsched.calendars import Occurrence


def emit(data: object) -> None:
    """Print JSON to stdout; a number that JSON cannot hold (inf, NaN) becomes null."""
    sys.stdout.write(json.dumps(_plain(data), indent=2, allow_nan=False) + "\n")


def note(text: str) -> None:
    """Print a message for people to stderr."""
    sys.stderr.write(text + "\n")


def check_output(path: Path | None) -> None:
    """Refuse a file that ``--output`` cannot make, before any work is done for it.

    Raises:
        UserError: Its folder is missing, or it is a folder itself.
    """
    if path is None:
        return
    if path.is_dir():
        raise UserError(f"--output {str(path)!r}: is a folder; name a file in it")
    if not path.absolute().parent.is_dir():
        raise UserError(
            f"--output {str(path)!r}: no folder {str(path.parent)!r}; make it first, or name "
            "another file"
        )


def write_output(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises:
        StorageError: It cannot be written.
    """
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise StorageError(
            f"--output {str(path)!r} cannot be written: {error.strerror or error}; make room, or "
            "name another file"
        ) from error


def console(*, stderr: bool = False) -> Console:
    """Return a terminal; a pipe gets lines that are wide enough never to be folded."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else 200
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=False)


def show(*parts: RenderableType) -> None:
    """Print to stdout. Strings are printed as they are: brackets in them are no markup."""
    from rich.text import Text

    target = console()
    for part in parts:
        target.print(Text(part) if isinstance(part, str) else part)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], title: str = "") -> None:
    """Print a table; a column named with a leading ``>`` is set to the right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False)
    for column in columns:
        made.add_column(
            column.removeprefix(">"), justify="right" if column.startswith(">") else "left"
        )
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))
    show(made)


def number(value: float) -> str:
    """Return a number for a table: four significant digits, whole thousands in full."""
    if not math.isfinite(value):
        return str(value)
    if value == 0 or abs(value) >= 10_000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def clock(moment: datetime, zone: tzinfo, since: datetime | None = None) -> str:
    """Return a moment in the reader's zone; the day is left out if it is that of ``since``."""
    here = moment.astimezone(zone)
    if since is not None and since.astimezone(zone).date() == here.date():
        return f"{here:%H:%M}"
    return f"{here:%a %d %b %H:%M}"


def span(seconds: float) -> str:
    """Return a duration in the units a person would say: ``45 s``, ``1 h 30 min``, ``2 d 3 h``."""
    whole = round(seconds)
    parts: list[str] = []
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def _plain(value: object) -> Any:
    match value:
        case None | bool() | str():
            return value
        case int():
            return int(value)
        case float():
            return float(value) if math.isfinite(value) else None
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _ if hasattr(value, "item"):
            return _plain(value.item())
        case _:
            return str(value)


def short_uid(uid: str) -> str:
    """Return the beginning of a UID, which does for one as good as always."""
    return uid if len(uid) <= 12 else uid[:8]


def short(occurrence: Occurrence) -> str:
    """Return an id short enough to type that still finds the occurrence."""
    uid = short_uid(occurrence.uid)
    return f"{uid}/{occurrence.recurrence_id}" if occurrence.recurrence_id else uid
