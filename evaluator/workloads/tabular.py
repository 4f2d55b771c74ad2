"""Delimited text and Parquet as columns, with errors that name line, field and value."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from evaluator.cluster.model import Floats, Ints
from evaluator.errors import InputError
from evaluator.workloads.files import InputFile


@dataclass(frozen=True, slots=True)
class Columns:
    """A table whose cells are still as the file has them."""

    name: str
    table: pa.Table
    first_line: int | None
    """Line of row 0 in the file; None where rows have no lines (Parquet)."""

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __contains__(self, field: str) -> bool:
        return field in self.table.column_names

    def where(self, row: int) -> str:
        """Return ``file:line``, or ``file row r`` for Parquet."""
        if self.first_line is None:
            return f"{self.name} row {row}"
        return f"{self.name}:{row + self.first_line}"

    def require(self, fields: Sequence[str], format: str) -> None:
        """Raise ``InputError`` when a column is missing."""
        missing = [field for field in fields if field not in self]
        if missing:
            raise InputError(
                f"{self.name}: column {missing[0]!r} is missing; format {format} has columns "
                f"{', '.join(fields)}, got {', '.join(self.table.column_names[:12])}"
            )

    def text(self, field: str) -> list[str]:
        """Return a column as text; missing cells are empty."""
        cells = pc.fill_null(pc.cast(self._column(field), pa.string()), "")
        return [cell.strip() for cell in cells.to_pylist()]

    def codes(self, field: str) -> tuple[Ints, tuple[str, ...]]:
        """Return small numbers that stand for the texts of a column, and the texts.

        Codes follow first appearance.
        """
        filled = pc.fill_null(pc.cast(self._column(field), pa.string()), "")
        coded = pc.utf8_trim_whitespace(filled).combine_chunks().dictionary_encode()
        if isinstance(coded, pa.ChunkedArray):
            coded = coded.combine_chunks()
        return (
            coded.indices.to_numpy(zero_copy_only=False).astype(np.int64),
            tuple(coded.dictionary.to_pylist()),
        )

    def numbers(
        self,
        field: str,
        *,
        default: float | None = None,
        least: float | None = None,
        whole: bool = False,
    ) -> Floats:
        """Return a column as finite numbers.

        Args:
            field: Name of the column.
            default: Stands for empty cells and for a column that is not there; None: an error.
            least: Smallest value allowed.
            whole: Only whole numbers are allowed.

        Raises:
            InputError: names line, field, value and rule.
        """
        if field not in self and default is not None:
            return np.full(len(self), default, dtype=np.float64)
        cells = self._column(field)
        try:
            values = _to_floats(cells)
        except pa.ArrowInvalid:
            self._refuse(field, cells, _first_bad(cells), "a number")
        empty = np.isnan(values)
        if empty.any():
            row = int(np.argmax(empty))
            if default is None:
                self.refuse(field, row, "a number")
            values = np.where(empty, np.float64(default), values)
        for broken, rule in (
            (~np.isfinite(values), "finite"),
            (
                values < (-np.inf if least is None else least),
                f">= {least:g}" if least is not None else "",
            ),
            (whole & (values != np.floor(values)), "a whole number"),
        ):
            if broken.any():
                self._refuse(field, cells, int(np.argmax(broken)), rule)
        return values

    def refuse(self, field: str, row: int, rule: str) -> NoReturn:
        """Raise ``InputError`` for one cell."""
        self._refuse(field, self._column(field), row, rule)

    def _refuse(self, field: str, cells: Any, row: int, rule: str) -> NoReturn:
        value = cells[row].as_py()
        got = "nothing" if value is None or value == "" else repr(value)
        raise InputError(f"{self.where(row)}: {field} must be {rule}, got {got}")

    def _column(self, field: str) -> Any:
        return self.table.column(field)


def read_csv(
    file: InputFile,
    *,
    delimiter: str = ",",
    names: Sequence[str] | None = None,
    header: bool = True,
) -> Columns:
    """Read delimited text; every cell stays text.

    Args:
        file: The file.
        delimiter: One character.
        names: Column names of a file without header.
        header: Whether the first line names the columns.

    Raises:
        InputError: a line has too many or too few fields, or a name is there twice.
    """
    file.text()
    first = [name.strip() for name in _first_line(file).split(delimiter)]
    titles = list(names) if names is not None and not header else first
    twice = [title for i, title in enumerate(titles) if title in titles[:i]]
    if twice:
        raise InputError(f"{file.name}:1: column {twice[0]!r} must be there once, got it twice")
    body = file.data.removeprefix(b"\xef\xbb\xbf").rstrip()
    if header and b"\n" not in body:
        raise InputError(f"{file.name}: must have at least one row below the header, got 0")
    bad: list[tuple[int, int, int]] = []

    def refuse(row: Any) -> str:
        bad.append((row.number or 0, row.actual_columns, row.expected_columns))
        return "skip"

    try:
        table = pyarrow.csv.read_csv(
            io.BytesIO(body),
            read_options=pyarrow.csv.ReadOptions(
                column_names=titles, skip_rows=1 if header else 0, use_threads=False
            ),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=delimiter, invalid_row_handler=refuse, ignore_empty_lines=False,
                quote_char='"' if delimiter == "," else False,
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types={title: pa.string() for title in titles},
                null_values=[""], strings_can_be_null=True,
            ),
        )  # fmt: skip
    except pa.ArrowInvalid as error:
        raise InputError(f"{file.name}: not a table: {str(error).splitlines()[0]}") from None
    if bad:
        line, actual, expected = bad[0]
        raise InputError(
            f"{file.name}:{line}: must have {expected} fields as the "
            f"{'first line' if header else 'format'} says, got {actual}"
        )
    return Columns(file.name, table, 2 if header else 1)


def read_parquet(file: InputFile) -> Columns:
    """Read a Parquet file; raises ``InputError``."""
    try:
        table = pyarrow.parquet.read_table(io.BytesIO(file.data))
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{file.name}: not a Parquet file: {str(error).splitlines()[0]}") from None
    if table.num_rows == 0:
        raise InputError(f"{file.name}: must have at least one row, got 0")
    return Columns(file.name, table, None)


def _first_line(file: InputFile) -> str:
    return file.data.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].decode().rstrip("\r")


def _to_floats(cells: Any) -> Floats:
    if pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type):
        cells = pc.utf8_trim_whitespace(cells)
        cells = pc.if_else(pc.equal(cells, ""), pa.scalar(None, cells.type), cells)
    return np.asarray(pc.cast(cells, pa.float64()).to_numpy(), dtype=np.float64)


def _first_bad(cells: Any) -> int:
    for row, cell in enumerate(cells.to_pylist()):
        try:
            float(cell if cell is not None and str(cell).strip() else "0")
        except (TypeError, ValueError):
            return row
    return 0
