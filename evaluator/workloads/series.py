"""Price and carbon series from CSV: a time column and a value column."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluator.cluster.model import SECOND, Floats, Ints
from evaluator.workloads.files import read_file
from evaluator.workloads.tabular import Columns, read_csv


@dataclass(frozen=True, slots=True)
class StepFile:
    """A step function as read."""

    times: Ints
    """Microseconds from the first row on, ascending."""
    values: Floats
    digest: str
    """sha256 of the file."""


def read_series(path: Path, time_column: str, value_column: str) -> StepFile:
    """Read a series; times are seconds or dates such as ``2024-01-01 00:00:00``.

    Raises:
        InputError: a column is missing, a cell is not a number or date, times do not ascend.
    """
    file = read_file(path)
    columns = read_csv(file)
    columns.require((time_column, value_column), "series")
    values = columns.numbers(value_column)
    at = read_times(columns, time_column)
    micros = np.rint((at - at[0]) * SECOND).astype(np.int64)
    falls = np.diff(micros) <= 0
    if falls.any():
        columns.refuse(time_column, int(np.argmax(falls)) + 1, "later than the row before")
    return StepFile(micros, values, file.digest)


def read_times(columns: Columns, field: str) -> Floats:
    """Return seconds of a column of numbers or of dates (ISO 8601, UTC if no zone is given)."""
    cells = pc.utf8_trim_whitespace(pc.cast(columns.table.column(field), pa.string()))
    first = cells[0].as_py() or ""
    if _is_number(first):
        return columns.numbers(field)
    # A zone may follow; dates without one are taken as UTC.
    plain = pc.replace_substring_regex(cells, r"(Z|[+]00:?00)$", "")
    try:
        stamps = pc.cast(plain, pa.timestamp("us"))
    except pa.ArrowInvalid:
        columns.refuse(field, _first_no_date(plain), "a date such as 2017-10-09 07:01:55")
    if stamps.null_count:
        row = pc.index(pc.is_null(stamps), True).as_py()
        columns.refuse(field, row, "a date such as 2017-10-09 07:01:55")
    return np.asarray(pc.cast(stamps, pa.int64()).to_numpy(), dtype=np.float64) / SECOND


def _first_no_date(cells: pa.ChunkedArray) -> int:
    for row in range(len(cells)):
        try:
            pc.cast(cells.slice(row, 1), pa.timestamp("us"))
        except pa.ArrowInvalid:
            return row
    return len(cells) - 1


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
