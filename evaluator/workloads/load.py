"""One door to every workload format, and hints when a file is of another."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from evaluator.cluster.model import Cluster
from evaluator.cluster.workload import Workload
from evaluator.errors import InputError
from evaluator.workloads.alibaba_dag import load_alibaba_dag
from evaluator.workloads.files import InputFile, read_file
from evaluator.workloads.gavel import load_gavel
from evaluator.workloads.openb import load_openb
from evaluator.workloads.philly import load_philly
from evaluator.workloads.swf import load_swf, swf_machine
from evaluator.workloads.table import load_table, looks_like_table
from evaluator.workloads.wfformat import load_wfformat

_LOADERS: Final[dict[str, Callable[[Path, Cluster], Workload]]] = {
    "swf": load_swf,
    "philly": load_philly,
    "gavel": load_gavel,
    "openb": load_openb,
    "alibaba2018": load_alibaba_dag,
    "wfformat": load_wfformat,
    "table": load_table,
}

FORMATS: Final = tuple(_LOADERS)


def load_workload(
    path: Path, format: str | None, cluster: Cluster, *, throughputs: Path | None = None
) -> Workload:
    """Read a workload file for a cluster.

    Args:
        path: The file; for ``wfformat`` also a folder.
        format: One of ``FORMATS``; None guesses from the content.
        cluster: Decides which node types there are, and how jobs map to them.
        throughputs: ``gavel`` only: the JSON of throughputs.

    Raises:
        InputError: one line with file, line, field, value and rule, and what to do.
    """
    chosen = format or guess_format(path)
    if chosen not in _LOADERS:
        close = difflib.get_close_matches(chosen, FORMATS, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise InputError(f"no workload format {chosen!r}; known: {', '.join(FORMATS)}{hint}")
    if throughputs is not None and chosen != "gavel":
        raise InputError(f"throughputs go with format 'gavel' only, got {chosen!r}")
    try:
        if throughputs is not None:
            return load_gavel(path, cluster, throughputs)
        return _LOADERS[chosen](path, cluster)
    except InputError as error:
        raise _hinted(error, path, format) from None


def own_machine(path: Path, format: str | None) -> Cluster | None:
    """Return the machine a log was taken from; None for formats that do not tell theirs.

    Raises:
        InputError: as ``load_workload``.
    """
    if (format or guess_format(path)) != "swf":
        return None
    try:
        return swf_machine(path)
    except InputError as error:
        raise _hinted(error, path, format) from None


def _hinted(error: InputError, path: Path, format: str | None) -> InputError:
    """Add the format that a refused file seems to have, when that is not the one asked for."""
    likely = None if format is None else _look(path)
    if likely is None or likely == format:
        return error
    return InputError(f"{error}; the file looks like format {likely!r}")


def guess_format(path: Path) -> str:
    """Return the format a file seems to have; raises ``InputError`` when none fits."""
    read = None if path.is_dir() else read_file(path)
    found = "wfformat" if read is None else _recognise(read)
    if found is None:
        raise InputError(
            f"{path.name}: of no format that can be told from its content; name one of "
            f"{', '.join(FORMATS)} with --format"
        )
    return found


def _look(path: Path) -> str | None:
    """Return the likely format of a file that was refused, None if it cannot be read."""
    try:
        return _recognise(read_file(path)) if path.is_file() else None
    except InputError:
        return None


def _recognise(file: InputFile) -> str | None:
    data = file.data
    if data.startswith(b"PAR1"):
        return "table"
    if data[257:262] == b"ustar" or (data.lstrip()[:1] == b"{" and b'"workflow"' in data):
        return "wfformat"
    lines = data[:65536].decode("utf-8", "replace").splitlines()
    told = [line for line in lines if line.strip()]
    first = next((line for line in told if not line.lstrip().startswith(";")), "")
    if (told and told[0].lstrip().startswith(";")) or re.fullmatch(
        r"\s*(-?[\d.]+\s+){17}-?[\d.]+\s*", first
    ):
        return "swf"
    if first.count("\t") in (6, 9):
        return "gavel"
    header = [name.strip() for name in first.split(",")]
    if {"num_gpus", "duration", "timestamp"} <= set(header):
        return "philly"
    if {"cpu_milli", "num_gpu"} <= set(header):
        return "openb"
    if len(header) == 7 and re.fullmatch(r"[\d.]+", header[0]) and re.match(r"[A-Za-z]", header[2]):
        return "alibaba2018"
    return "table" if looks_like_table(file, header) else None
